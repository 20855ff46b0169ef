//! `cargo bench -- --readme`: puts the report into the README, between its two marks.
//!
//! Invariant: nothing outside the marks is touched; without them nothing is written.

use anyhow::{Context, ensure};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
const BEGIN: &str = "<!-- benchmark: generated -->\n";
const END: &str = "\n<!-- benchmark: end -->";

/// Replaces what is between the marks.
pub fn replace(report: &str) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(FILE)?;
    std::fs::write(FILE, replaced(&text, report)?).context("README.md cannot be written")
}

/// Fails where the marks are not there; to be called before a long run.
pub fn check() -> anyhow::Result<()> {
    let text = std::fs::read_to_string(FILE)?;
    ensure!(text.contains(BEGIN) && text.contains(END), "README.md has lost the marks around the benchmark");
    Ok(())
}

fn replaced(text: &str, report: &str) -> anyhow::Result<String> {
    let (before, rest) = text.split_once(BEGIN).context("README.md has no beginning of the benchmark")?;
    let (_old, after) = rest.split_once(END).context("README.md has no end of the benchmark")?;
    Ok(format!("{before}{BEGIN}\n{}\n{END}{after}", report.trim()))
}
