//! What is wrong with a configuration, in words that tell what to change and where.
//!
//! Invariant: no problem ever shows the value of a secret.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A command line flag, e.g. `--listen`.
    Flag(&'static str),
    /// An environment variable.
    Variable(String),
    /// A variable in a `.env` file.
    DotEnv(String),
    /// A line of the configuration file, counted from 1; no line where the whole file is meant.
    File(PathBuf, Option<usize>),
    /// Nowhere: the default, or missing.
    Nowhere,
}

impl Source {
    pub(super) fn line(path: &Path, line: usize) -> Self {
        Self::File(path.to_owned(), Some(line))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => formatter.write_str(flag),
            Self::Variable(name) => formatter.write_str(name),
            Self::DotEnv(name) => write!(formatter, "{name} in .env"),
            Self::File(path, Some(line)) => write!(formatter, "{}:{line}", path.display()),
            Self::File(path, None) => write!(formatter, "{}", path.display()),
            Self::Nowhere => formatter.write_str("not set"),
        }
    }
}

/// One thing to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Full name of the setting, e.g. `server.listen`; empty where it is about a whole file.
    pub setting: String,
    /// Where it was written.
    pub source: Source,
    /// What is wrong and what to write.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.setting.is_empty() {
            write!(formatter, "{}: {}", self.source, self.message)
        } else {
            write!(formatter, "{} ({}): {}", self.setting, self.source, self.message)
        }
    }
}

/// All that is wrong, at once. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [only] => write!(formatter, "the configuration has a problem:\n  {only}"),
            all => {
                write!(formatter, "the configuration has {} problems:", all.len())?;
                all.iter().try_for_each(|problem| write!(formatter, "\n  {problem}"))
            }
        }
    }
}
