//! The environment as a plain map: the process's own, or the one of a `.env` file.
//!
//! Invariant: the only place of the service that asks the process for its environment and working folder. Everything
//! else takes maps and paths, so tests need not change the process.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::problem::{Problem, Source};
use super::toml_file::line_of;

/// Variable name to value.
pub type Environment = BTreeMap<String, String>;

/// The process's variables. Those that are not Unicode cannot be settings and are left out.
#[must_use]
pub fn process() -> Environment {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The process's working folder; relative paths stay relative where it cannot be told.
#[must_use]
pub fn working_folder() -> PathBuf {
    std::env::current_dir().unwrap_or_default()
}

/// Where the operating system keeps what may go.
#[must_use]
pub fn temporary_folder() -> PathBuf {
    std::env::temp_dir()
}

/// The variables of `.env` in that folder; none where there is no such file.
pub(super) fn dot_env(folder: &Path, problems: &mut Vec<Problem>) -> Environment {
    let path = folder.join(".env");
    let mut problem = |line: Option<usize>, message: String| {
        problems.push(Problem { setting: String::new(), source: Source::File(path.clone(), line), message });
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Environment::new(),
        Err(error) => {
            problem(None, format!("it cannot be read: {error}; correct its permissions or remove it"));
            return Environment::new();
        }
    };
    let mut variables = Environment::new();
    for item in dotenvy::from_read_iter(text.trim_start_matches('\u{feff}').as_bytes()) {
        match item {
            Ok((name, value)) => {
                variables.insert(name, value);
            }
            // What it complains about may hold a secret, so only its place is told.
            Err(dotenvy::Error::LineParse(rest, _)) => {
                let line = text.find(&rest).map(|offset| line_of(&text, offset));
                problem(line, "this line cannot be understood; write NAME=\"value\"".to_owned());
            }
            Err(error) => problem(None, format!("it cannot be understood: {error}")),
        }
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_and_reports_lines_without_values() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(".env"), "\u{feff}A=1\n# no\nB=\"two words\"\nC='x' y z\n").unwrap();
        let mut problems = Vec::new();
        let variables = dot_env(folder.path(), &mut problems);
        assert_eq!(variables["A"], "1");
        assert_eq!(variables["B"], "two words");
        assert_eq!(problems.len(), 1);
        assert!(matches!(problems[0].source, Source::File(_, Some(4))));
        assert!(!problems[0].to_string().contains("y z"));
    }

    #[test]
    fn no_file_is_no_problem() {
        let folder = tempfile::tempdir().unwrap();
        let mut problems = Vec::new();
        assert!(dot_env(folder.path(), &mut problems).is_empty() && problems.is_empty());
    }
}
