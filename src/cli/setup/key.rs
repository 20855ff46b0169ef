//! The administrator's key, for this call only.
//!
//! Invariant: it is never taken from the configuration or `.env`, which are kept; and no error shows a part of it.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};

use crate::config::environment::Environment;

/// The variable that holds it where no file is named.
const VARIABLE: &str = "ERPNEXT_ADMIN_KEY";

/// Both halves, from the file (`-` is standard input) or the environment; `None` where nobody gave one.
pub(in crate::cli) fn read(file: Option<&Path>, environment: &Environment) -> anyhow::Result<Option<(String, String)>> {
    let text = match file {
        Some(path) if path == Path::new("-") => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("the administrator's key cannot be read")?;
            text
        }
        Some(path) => std::fs::read_to_string(path)
            .with_context(|| format!("the file {} with the administrator's key cannot be read", path.display()))?,
        None => match environment.get(VARIABLE).filter(|text| !text.trim().is_empty()) {
            Some(text) => text.clone(),
            None => return Ok(None),
        },
    };
    let text = text.trim();
    let text = text.strip_prefix("token ").unwrap_or(text);
    match text.split_once(':') {
        Some((key, secret)) if !key.is_empty() && !secret.is_empty() => Ok(Some((key.to_owned(), secret.to_owned()))),
        _ => bail!("the administrator's key must look like KEY:SECRET, the two parts that ERPNext shows"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> anyhow::Result<Option<(String, String)>> {
        read(None, &Environment::from([(VARIABLE.to_owned(), text.to_owned())]))
    }

    #[test]
    fn both_halves_or_none() {
        let key = Some(("abc".to_owned(), "def".to_owned()));
        assert_eq!(of("abc:def\n").unwrap(), key);
        assert_eq!(of("token abc:def").unwrap(), key);
        assert_eq!(of(" ").unwrap(), None);
        for wrong in ["secretonly", "abc:", ":def"] {
            let error = of(wrong).unwrap_err().to_string();
            assert!(error.contains("KEY:SECRET") && !error.contains("secretonly"), "{error}");
        }
    }
}
