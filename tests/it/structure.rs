//! The structure test: the sources keep to the picture in `src/lib.rs`.
//!
//! Invariant: every rule is one table entry below, checked against every path that appears in every file, tests
//! inside `src` included. Each rule is tested on a planted violation, so that the checker itself can fail.
//! How paths are found is `paths`' business; lints that clippy can check are in `Cargo.toml` and `.clippy.toml`.

mod paths;
mod rules;

use std::path::Path;

use rules::violations;

use crate::support::sources::rust_files;

#[test]
fn the_sources_keep_to_the_picture_of_the_layers() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let files = rust_files(root);
    assert!(files.len() > 20, "the sources were not found: {files:?}");
    for file in files {
        let text = std::fs::read_to_string(root.join(&file)).unwrap();
        found.extend(violations(&file.to_string_lossy(), &text));
    }
    assert!(found.is_empty(), "{} violations of the structure:\n{}", found.len(), found.join("\n"));
}
