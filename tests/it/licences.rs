//! The audit of licences: every crate that is compiled in may be shipped with an MIT or Apache-2.0 program.
//!
//! Invariant: works offline, from `cargo metadata` of what the lock file names for this platform. A crate with a
//! licence that is not on the list fails; adding one to the list is a decision for a person.

use std::process::Command;

use serde_json::Value;

/// SPDX identifiers of licences that ask for no more than a notice.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

#[test]
fn every_crate_has_a_licence_that_allows_shipping() {
    let cargo = env!("CARGO");
    let version = Command::new(cargo).arg("-vV").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("cargo -vV names the host");
    let metadata = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--locked", "--offline", "--filter-platform", host])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 100, "only {} crates were found", packages.len());

    let refused: Vec<String> = packages
        .iter()
        .filter(|package| !allowed(package["license"].as_str().unwrap_or_default()))
        .map(|package| format!("{} {}: {}", package["name"], package["version"], package["license"]))
        .collect();
    assert!(refused.is_empty(), "licences that are not on the list:\n{}", refused.join("\n"));
}

/// Whether an SPDX expression can be met with the allowed licences alone. `/` is how old crates write OR.
fn allowed(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let (met, rest) = any_of(&words);
    met && rest.is_empty()
}

/// `a OR b`: AND binds tighter. Gives what stands behind it.
fn any_of<'a, 'w>(words: &'w [&'a str]) -> (bool, &'w [&'a str]) {
    let (mut met, mut rest) = all_of(words);
    while let ["OR", behind @ ..] = rest {
        let (other, behind) = all_of(behind);
        (met, rest) = (met || other, behind);
    }
    (met, rest)
}

fn all_of<'a, 'w>(words: &'w [&'a str]) -> (bool, &'w [&'a str]) {
    let (mut met, mut rest) = one(words);
    while let ["AND", behind @ ..] = rest {
        let (other, behind) = one(behind);
        (met, rest) = (met && other, behind);
    }
    (met, rest)
}

fn one<'a, 'w>(words: &'w [&'a str]) -> (bool, &'w [&'a str]) {
    match words {
        ["(", inner @ ..] => match any_of(inner) {
            (met, [")", behind @ ..]) => (met, behind),
            (_, rest) => (false, rest),
        },
        [licence, "WITH", exception, behind @ ..] => {
            (ALLOWED.contains(&format!("{licence} WITH {exception}").as_str()), behind)
        }
        [licence, behind @ ..] => (ALLOWED.contains(licence), behind),
        // Cut off: leaves something behind, so that the whole is refused.
        [] => (false, &[""]),
    }
}

#[test]
fn expressions_are_read_as_spdx_says() {
    for met in
        ["MIT", "GPL-3.0 OR MIT", "MIT/GPL-2.0", "(MIT OR GPL-2.0) AND Apache-2.0", "Apache-2.0 WITH LLVM-exception"]
    {
        assert!(allowed(met), "{met}");
    }
    for refused in
        ["", "GPL-3.0", "MIT AND GPL-3.0", "MIT OR", "(MIT", "MIT GPL-3.0", "Apache-2.0 WITH other", "SSPL-1.0"]
    {
        assert!(!allowed(refused), "{refused}");
    }
}
