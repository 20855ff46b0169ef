//! The project's own source files, for tests that read them.
//!
//! Invariant: paths are relative to the root of the project and sorted, so that messages are the same everywhere.
//! Judges nothing: the rules are the callers'.

use std::path::{Path, PathBuf};

/// Every Rust file of the project, relative to its root, sorted.
pub fn rust_files(root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders: Vec<PathBuf> = ["src", "tests", "benches"].map(|folder| root.join(folder)).into();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path.strip_prefix(root).unwrap().to_owned());
            }
        }
    }
    files.sort();
    files
}
