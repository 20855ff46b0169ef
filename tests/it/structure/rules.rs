//! The rules of the structure test, as tables.
//!
//! Invariant: a layer may import what stands to the right of it in the picture, at any distance; `config`,
//! `telemetry` and `lifecycle` may be used by all but the pure `domain`, and know only `domain` themselves.

use super::paths::paths;

/// Usable by every layer except `domain`.
const COMMON: &[&str] = &["config", "lifecycle", "telemetry"];

/// Top-level module, and the modules it may import beside itself.
const LAYERS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("config", &["domain"]),
    ("lifecycle", &["domain"]),
    ("telemetry", &["domain"]),
    ("store", &["domain"]),
    ("erpnext", &["domain"]),
    ("simulator", &["domain"]),
    ("inbox", &["domain", "store"]),
    ("sync", &["domain", "store", "erpnext", "inbox"]),
    ("web", &["domain", "store", "erpnext", "inbox", "sync"]),
    ("worker", &["domain", "store", "erpnext", "inbox", "sync"]),
    ("setup", &["domain", "store", "erpnext", "sync"]),
    ("app", &["domain", "store", "erpnext", "inbox", "sync", "web", "worker", "setup"]),
    ("doctor", &["domain", "store", "erpnext", "sync", "app"]),
    ("cli", &["domain", "store", "erpnext", "inbox", "sync", "web", "worker", "setup", "app", "doctor", "simulator"]),
    ("main", &["cli"]),
];

/// Start of a path, and the only top-level modules in which it may appear.
const RESERVED: &[(&[&str], &[&str])] = &[
    (&["sqlx"], &["store"]),
    (&["reqwest"], &["erpnext"]),
    (&["actix_web"], &["web", "simulator"]),
    (&["std", "env"], &["config"]),
    (&["tokio", "spawn"], &["lifecycle"]),
    (&["tokio", "task", "spawn"], &["lifecycle"]),
    (&["actix_web", "rt", "spawn"], &["lifecycle"]),
];

/// A longer file does more than one job.
const MAX_LINES: usize = 500;

/// What is wrong in one file, a sentence each. `file` is relative to the root of the project.
pub fn violations(file: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let lines = text.lines().count();
    if lines > MAX_LINES {
        found.push(format!("{file}: {lines} lines, more than {MAX_LINES}: split it by what it does"));
    }
    if !text.starts_with("//!") {
        found.push(format!("{file}: does not open with //! (what lives here, one invariant, what does not)"));
    }
    let Some(module) = module_of(file) else { return found };
    let layer = module[0].as_str();
    // lib.rs is the picture itself; it imports nothing.
    let allowed = LAYERS.iter().find(|(name, _)| *name == layer).map(|(_, allowed)| *allowed);
    if allowed.is_none() && layer != "lib" {
        found.push(format!(
            "{file}: the module {layer} has no place in the picture of src/lib.rs: draw it and add it to LAYERS"
        ));
    }
    for path in paths(text, &module) {
        let at = format!("{file}:{}", path.line);
        let segments: Vec<&str> = path.segments.iter().map(String::as_str).collect();
        for (reserved, places) in RESERVED {
            if segments.starts_with(reserved) && !places.contains(&layer) {
                found.push(format!(
                    "{at}: {} belongs into {}, not into {layer}",
                    reserved.join("::"),
                    places.join(" and ")
                ));
            }
        }
        if let ["crate" | "customer_sync", target, ..] = segments[..]
            && LAYERS.iter().any(|(name, _)| *name == target)
            && target != layer
            && !allowed.is_some_and(|allowed| allowed.contains(&target))
            && !(COMMON.contains(&target) && layer != "domain" && !COMMON.contains(&layer))
        {
            found.push(format!("{at}: {layer} must not know {target} (the picture in src/lib.rs)"));
        }
    }
    found
}

/// The path of the module that a file of `src` holds; nothing for tests and benches, which may use everything.
fn module_of(file: &str) -> Option<Vec<String>> {
    let path = file.strip_prefix("src/")?.strip_suffix(".rs")?;
    let mut segments: Vec<String> = path.split('/').map(str::to_owned).collect();
    if segments.len() > 1 && segments.last().is_some_and(|last| last == "mod") {
        segments.pop();
    }
    Some(segments)
}

#[cfg(test)]
mod tests {
    use super::violations;

    /// The violations of a file with that content, without the opening that every file has.
    fn check(file: &str, code: &str) -> Vec<String> {
        violations(file, &format!("//! Planted.\n{code}"))
    }

    #[test]
    fn what_the_picture_allows_passes() {
        assert_eq!(
            check("src/sync/customer.rs", "use crate::{domain::job::Put, erpnext, store::Store, telemetry};"),
            [""; 0]
        );
        assert_eq!(
            check("src/store/apply/lock.rs", "use super::super::jobs; use sqlx::Row; use crate::domain;"),
            [""; 0]
        );
        assert_eq!(check("src/store/mod.rs", "mod tests { use super::Store; use crate::config; }"), [""; 0]);
        assert_eq!(check("src/cli/demo.rs", "use crate::simulator::Simulator; use crate::app;"), [""; 0]);
        assert_eq!(check("src/main.rs", "fn main() { customer_sync::cli::main() }"), [""; 0]);
        assert_eq!(check("tests/it/main.rs", "use sqlx::Row; fn f() { std::env::var(\"X\"); }"), [""; 0]);
    }

    #[test]
    fn an_import_against_the_arrows_is_found() {
        for (file, code) in [
            ("src/store/mod.rs", "use crate::erpnext::Client;"),
            ("src/store/jobs.rs", "fn f() { crate::erpnext::get() }"),
            ("src/store/apply/lock.rs", "use super::super::super::erpnext::Client;"),
            ("src/store/apply.rs", "use super::super::{domain::job, erpnext};"),
            ("src/store.rs", "mod tests { use super::super::sync; }"),
            ("src/web/receiver.rs", "use crate::{domain, worker::Pool};"),
            ("src/domain/job.rs", "use crate::telemetry::clock;"),
            ("src/config/mod.rs", "use crate::store::Options;"),
            ("src/config/mod.rs", "use crate::telemetry;"),
            ("src/simulator/mod.rs", "use crate::erpnext;"),
            ("src/worker/mod.rs", "use crate::simulator::Simulator;"),
            ("src/main.rs", "use customer_sync::store::Store;"),
            ("src/helpers.rs", ""),
        ] {
            let found = check(file, code);
            assert_eq!(found.len(), 1, "{file}: {code}: {found:?}");
        }
    }

    #[test]
    fn a_crate_outside_its_layer_is_found() {
        for (file, code) in [
            ("src/sync/mod.rs", "use sqlx::Row;"),
            ("src/sync/mod.rs", "fn f() -> Result<(), ::sqlx::Error> { g::<i32>() }"),
            ("src/worker/mod.rs", "use {std::fmt, reqwest as http};"),
            ("src/erpnext/mod.rs", "use actix_web::web;"),
            ("src/cli/mod.rs", "fn f() { std::env::args() }"),
            ("src/cli/mod.rs", "use std::{env, fmt};"),
            ("src/worker/mod.rs", "fn f() { tokio::spawn(async {}); }"),
            ("src/worker/mod.rs", "use tokio::{spawn, sync::mpsc};"),
            ("src/worker/mod.rs", "use tokio::task::{self, spawn};"),
            ("src/web/mod.rs", "fn f() { actix_web::rt::spawn(async {}); }"),
        ] {
            let found = check(file, code);
            assert_eq!(found.len(), 1, "{file}: {code}: {found:?}");
        }
    }

    #[test]
    fn words_in_comments_and_texts_are_no_imports() {
        let code = r##"
            // use sqlx::Row;
            /* tokio::spawn /* nested */ sqlx::query */
            /// As [`reqwest::Client`] does.
            fn f<'a>() -> &'a str { let c = '"'; let d = '\''; g("sqlx::Row \" sqlx", r#"use "sqlx::Row";"#) }
        "##;
        assert_eq!(check("src/sync/mod.rs", code), [""; 0]);
        assert_eq!(
            check("src/sync/mod.rs", &format!("{code} use sqlx::Row;")).len(),
            1,
            "the scan did not lose its way"
        );
    }

    #[test]
    fn a_long_file_and_one_without_an_opening_are_found() {
        assert_eq!(violations("src/sync/mod.rs", "use std::fmt;\n").len(), 1);
        assert_eq!(check("tests/it/main.rs", &"\n".repeat(500)).len(), 1);
        assert_eq!(check("tests/it/main.rs", &"\n".repeat(499)), [""; 0]);
    }
}
