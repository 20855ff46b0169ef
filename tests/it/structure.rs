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

/// What decides about customers, and what a dry run calls: `sync --dry-run` promises that nothing is written.
const DECIDING: [&str; 11] = [
    "absence.rs",
    "customer.rs",
    "dry_run.rs",
    "hidden.rs",
    "identity.rs",
    "linked.rs",
    "matching/mod.rs",
    "matching/rivals.rs",
    "matching/rows.rs",
    "moves.rs",
    "parking.rs",
];

/// The store's ways to write, as a use case would call them.
const WRITING: [&str; 5] = ["store.put", "store.apply", "store.set_meta", "store.unlink", "store.accept_link"];

#[test]
fn deciding_about_customers_writes_nothing() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sync");
    for file in DECIDING {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let written: Vec<&str> = WRITING.into_iter().filter(|call| text.contains(call)).collect();
        assert!(written.is_empty(), "sync/{file} uses {written:?}: hand it out with the decision instead");
    }
    let elsewhere = std::fs::read_to_string(folder.join("expand.rs")).unwrap();
    assert!(WRITING.iter().any(|call| elsewhere.contains(call)), "the words are those that the sources use");
}
