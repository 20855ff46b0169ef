//! Where a new key and a new webhook secret go: into a file that only its owner reads, or onto the screen, once.
//!
//! Invariant: an existing file is never overwritten, and the file is there before ERPNext is changed, so that a key never
//! gets lost for want of a place.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::cli::output::remark;

/// The place.
pub(super) enum Output {
    /// Standard output.
    Screen,
    /// A new file.
    File(NewFile),
}

/// A file that goes again where nothing was put into it.
pub(super) struct NewFile {
    file: File,
    path: PathBuf,
}

impl Output {
    /// Makes the file.
    pub(super) fn open(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path else { return Ok(Self::Screen) };
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = file.with_context(|| {
            format!(
                "the file {} cannot be made, so nothing was changed (one that exists is never overwritten)",
                path.display()
            )
        })?;
        Ok(Self::File(NewFile { file, path: path.to_owned() }))
    }

    /// Keeps these settings, one `NAME=value` line each.
    pub(super) fn put(&mut self, settings: &[(&str, &str)]) -> anyhow::Result<()> {
        let lines: String = settings.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        match self {
            Self::Screen => {
                remark(format_args!(
                    "\nFor the environment of the service (ERPNext does not show a key again):\n\n{lines}"
                ));
                Ok(())
            }
            Self::File(NewFile { file, path }) => {
                let written = file.write_all(lines.as_bytes()).and_then(|()| file.sync_all());
                // Rather on the screen than lost.
                written.with_context(|| format!("{} cannot be written; keep this:\n{lines}", path.display()))?;
                remark(format_args!("Written to {}: {}", path.display(), names(settings)));
                Ok(())
            }
        }
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.file.metadata().is_ok_and(|metadata| metadata.len() == 0)
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            eprintln!("The empty file {} could not be removed: {error}", self.path.display());
        }
    }
}

fn names(settings: &[(&str, &str)]) -> String {
    settings.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// A secret that nobody can guess: 128 bits.
pub(super) fn new_secret() -> String {
    format!("{:032x}", rand::random::<u128>())
}
