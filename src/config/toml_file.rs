//! Reads a TOML file into written values that remember their line.
//!
//! Invariant: a file with a syntax error gives its problems and no values, because what could be recovered from it may
//! stand under the wrong table.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::problem::{Problem, Source};
use super::raw::Raw;

/// A read file: full name of the setting to value and line.
#[derive(Debug, Default)]
pub(super) struct TomlFile {
    /// Where it lies.
    pub(super) path: PathBuf,
    /// Its values by full name (`section.key`).
    pub(super) entries: BTreeMap<String, (Raw, usize)>,
}

/// Parses the text of a file. `is_section` tells which top-level keys are tables of settings.
pub(super) fn parse(
    path: &Path,
    text: &str,
    is_section: impl Fn(&str) -> bool,
    problems: &mut Vec<Problem>,
) -> TomlFile {
    let (document, mut errors) = DeTable::parse_recoverable(text);
    errors.sort_by_key(|error| error.span().map_or(0, |span| span.start));
    let mut file = TomlFile { path: path.to_owned(), entries: BTreeMap::new() };
    if !errors.is_empty() {
        problems.extend(errors.iter().map(|error| Problem {
            setting: String::new(),
            source: Source::line(path, line_of(text, error.span().map_or(0, |span| span.start))),
            message: format!("this is not valid TOML: {}", error.message()),
        }));
        return file;
    }
    for (key, value) in document.get_ref() {
        let line = line_of(text, key.span().start);
        match value.get_ref() {
            DeValue::Table(table) if is_section(key.get_ref()) => {
                for (inner, value) in table {
                    let name = format!("{}.{}", key.get_ref(), inner.get_ref());
                    file.entries.insert(name, (raw(value.get_ref()), line_of(text, inner.span().start)));
                }
            }
            other => {
                file.entries.insert(key.get_ref().to_string(), (raw(other), line));
            }
        }
    }
    file
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Integer(number) => Raw::Number(number.to_string()),
        DeValue::Float(number) => Raw::Number(number.to_string()),
        DeValue::Boolean(value) => Raw::Bool(*value),
        DeValue::Datetime(time) => Raw::Text(time.to_string()),
        DeValue::Array(items) => Raw::List(items.iter().map(|item| raw(item.get_ref())).collect()),
        DeValue::Table(table) => {
            Raw::Table(table.iter().map(|(key, value)| (key.get_ref().to_string(), raw(value.get_ref()))).collect())
        }
    }
}

/// The line of an offset in bytes, counted from 1.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_remember_their_line() {
        let mut problems = Vec::new();
        let text = "data_dir = \"d\"\n\n[server]\nlisten = \"x\"\n[mapping.extra]\nvat = \"customer.vat\"\n";
        let file = parse(Path::new("a.toml"), text, |key| key != "data_dir", &mut problems);
        assert_eq!(problems, []);
        assert_eq!(file.entries["data_dir"], (Raw::Text("d".to_owned()), 1));
        assert_eq!(file.entries["server.listen"], (Raw::Text("x".to_owned()), 4));
        assert!(matches!(&file.entries["mapping.extra"], (Raw::Table(table), 5) if table.contains_key("vat")));
    }

    #[test]
    fn every_syntax_error_has_its_line() {
        let mut problems = Vec::new();
        let file = parse(Path::new("a.toml"), "a = 1\nb = \nc = [1,\n", |_| true, &mut problems);
        assert!(file.entries.is_empty());
        assert_eq!(
            problems.iter().map(|problem| &problem.source).collect::<Vec<_>>(),
            [&Source::line(Path::new("a.toml"), 2), &Source::line(Path::new("a.toml"), 3),]
        );
    }
}
