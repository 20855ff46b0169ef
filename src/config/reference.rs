//! The sample file and the README's table, rendered from the declared settings.
//!
//! Invariant: every setting appears in both, with the default that the code uses; tests compare the rendered texts with
//! the committed ones.

use std::fmt::Write;

use crate::domain::mapping::default_sources;

use super::load::Config;
use super::setting::Setting;

const WIDTH: usize = 100;
const HEAD: &str =
    "# Sample configuration of Customer Sync, generated from the code: every setting with its default or,
# where it has none, an example. Copy it to customer-sync.toml in the working folder (or name it with
# --config) and remove the # of what you change. Variables of the environment win over this file.
";

/// The content of `deploy/customer-sync.toml`.
#[must_use]
pub fn sample_toml() -> String {
    let mut text = HEAD.to_owned();
    let mut section = "";
    for setting in Config::settings() {
        if setting.section != section {
            section = setting.section;
            text.push_str(&format!("\n[{section}]\n"));
        }
        text.push('\n');
        for line in wrapped(setting.what) {
            text.push_str(&format!("# {line}\n"));
        }
        text.push_str(&format!("# Variable: {}\n", variables(&setting, "", ", or ")));
        if setting.name() == "mapping.fields" {
            text.push_str("# The default mapping:\n");
            for (column, sources) in default_sources() {
                text.push_str(&format!("#   {column:<16}{}\n", sources.join(" | ")));
            }
        }
        text.push_str(&format!("#{} = {}\n", setting.key, shown(&setting)));
    }
    text
}

/// The table of all settings in Markdown, for the README.
#[must_use]
pub fn reference_markdown() -> String {
    let mut text = String::from("| setting | variable | default | what it means |\n| --- | --- | --- | --- |\n");
    for setting in Config::settings() {
        let default = setting.default.as_ref().map_or_else(String::new, |default| format!("`{default}`"));
        let what = setting.what.replace('|', "\\|");
        let variables = variables(&setting, "`", "<br>");
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| `{}` | {variables} | {default} | {what} |", setting.name());
    }
    text
}

/// What people should type, then the full name; with a note that a secret can also come from a file.
fn variables(setting: &Setting, quote: &str, between: &str) -> String {
    let mut names: Vec<String> = setting.aliases.iter().map(|alias| (*alias).to_owned()).collect();
    names.push(setting.variable());
    let mut text = names.iter().map(|name| format!("{quote}{name}{quote}")).collect::<Vec<_>>().join(between);
    if setting.secret {
        text.push_str(&format!(" (or {quote}{}_FILE{quote} with a path)", names[0]));
    }
    text
}

fn shown(setting: &Setting) -> &str {
    match (&setting.default, setting.example) {
        // An empty list or table shows nothing, the example does.
        (Some(default), None) => default,
        (Some(default), Some(_)) if !matches!(default.as_str(), "[]" | "{}") => default,
        (_, Some(example)) => example,
        (None, None) => "\"\"",
    }
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut().filter(|line| line.len() + word.len() < WIDTH) {
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}
