//! What `deploy/` promises, as far as it can be checked without installing anything.
//!
//! Invariant: the systemd unit is checked by systemd's own tools, on a copy whose program is the one just built. They
//! are installed by `tests/run`; only where there is no systemd at all are these tests skipped.

use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Output};

use customer_sync::domain::webhook::{Instance, wanted};

use super::config::assert_rendered;
use super::support::sources::rust_files;

/// Runs `systemd-analyze` on the unit, changed by `edit`; nothing where that program does not exist.
fn systemd_analyze(arguments: &[&str], edit: impl Fn(String) -> String) -> Option<Output> {
    let unit = std::fs::read_to_string(root().join("deploy/customer-sync.service")).unwrap();
    let installed = "/usr/local/bin/customer-sync";
    assert!(unit.contains(&format!("ExecStart={installed} serve")));
    let unit = edit(unit.replace(installed, env!("CARGO_BIN_EXE_customer-sync")));
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("customer-sync.service");
    std::fs::write(&copy, unit).unwrap();
    match Command::new("systemd-analyze").args(arguments).arg(&copy).output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            println!("skipped: systemd-analyze is not installed");
            None
        }
        Err(error) => panic!("systemd-analyze cannot be started: {error}"),
    }
}

/// What `systemd-analyze verify` says about our unit; other units of the machine are not our business.
fn complaints(edit: impl Fn(String) -> String) -> Option<Vec<String>> {
    let output = systemd_analyze(&["verify", "--recursive-errors=no"], edit)?;
    let text = String::from_utf8_lossy(&output.stderr);
    let mut complaints: Vec<String> =
        text.lines().filter(|line| line.contains("customer-sync")).map(str::to_owned).collect();
    if !output.status.success() && complaints.is_empty() {
        complaints.push(format!("it failed: {text}"));
    }
    Some(complaints)
}

#[test]
fn systemd_finds_nothing_wrong_with_the_unit() {
    let Some(found) = complaints(|unit| unit) else { return };
    assert_eq!(found, [""; 0]);
}

#[test]
fn systemd_does_find_a_misspelt_line() {
    let Some(found) = complaints(|unit| unit.replace("RestartSec=", "RestartSecs=")) else { return };
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn the_unit_stays_hardened() {
    // Systemd's own scale from 0.0 (sealed) to 10.0 (open); the threshold is in tenths.
    let arguments = ["security", "--offline=true", "--no-pager", "--threshold=15"];
    let Some(output) = systemd_analyze(&arguments, |unit| unit) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let Some(open) =
        systemd_analyze(&arguments, |unit| unit.replace("ProtectSystem=strict\n", "").replace("DynamicUser=yes\n", ""))
    else {
        return;
    };
    assert!(!open.status.success(), "the threshold is too high to notice anything");
}

/// The image is built from `src` and `migrations` alone: a file from elsewhere that is compiled in breaks the build
/// where no test runs.
#[test]
fn the_image_has_all_that_is_compiled_in() {
    let dockerfile = std::fs::read_to_string(root().join("deploy/Dockerfile")).unwrap();
    for file in rust_files(root()).iter().filter(|file| file.starts_with("src")) {
        let text = std::fs::read_to_string(root().join(file)).unwrap();
        for macro_name in ["include_str!(\"", "include_bytes!(\"", "include!(\""] {
            for included in text.split(macro_name).skip(1).filter_map(|rest| rest.split('"').next()) {
                let target = root().join(file).parent().unwrap().join(included).canonicalize().unwrap();
                let target = target.strip_prefix(root().canonicalize().unwrap()).unwrap().to_owned();
                let folder = target.iter().next().unwrap().to_string_lossy();
                assert!(
                    dockerfile.contains(&format!("COPY {folder} ")),
                    "{} compiles in {}, which deploy/Dockerfile does not copy",
                    file.display(),
                    target.display()
                );
            }
        }
    }
}

#[test]
fn every_setting_of_the_compose_file_is_in_its_example() {
    let read = |name: &str| std::fs::read_to_string(root().join("deploy").join(name)).unwrap();
    let (compose, example) = (read("compose.yaml"), read("compose.env.example"));
    let settings: Vec<&str> = compose.split("${").skip(1).filter_map(|rest| rest.split([':', '}']).next()).collect();
    assert!(settings.len() > 4, "{settings:?}");
    for setting in settings {
        let listed = example.lines().any(|line| line.trim_start_matches('#').starts_with(&format!("{setting}=")));
        assert!(listed, "{setting} of deploy/compose.yaml is missing in deploy/compose.env.example");
    }
}

/// `bench --site SITE import-doc FILE` takes it, once address and secret in it are yours.
#[test]
fn the_importable_file_is_rendered_from_the_code() {
    let importable: Vec<_> = wanted(&Instance::default(), "https://sync.example.com/webhooks/erpnext")
        .iter()
        .map(|webhook| {
            let mut document = webhook.document("CHANGE-ME");
            document["doctype"] = "Webhook".into();
            document
        })
        .collect();
    assert_rendered("deploy/erpnext/webhooks.json", |_| serde_json::to_string_pretty(&importable).unwrap() + "\n");
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
