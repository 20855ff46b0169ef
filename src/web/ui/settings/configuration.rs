//! `/settings/configuration`: what this process runs with, who said so, and which column comes from which field.
//!
//! Invariant: shown is what `GET /api/settings` shows, to the same role; no secret is among it. Nothing is changed here: a
//! setting counts from the next start on.

use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;
use serde_json::Value;

use super::super::super::State;
use super::super::super::error::Problem;
use super::super::frame::{Frame, Reader};
use super::super::page::render;
use super::{CONFIGURATION, Tabs, frame};
use crate::config::{Effective, Source};

#[derive(Template)]
#[template(path = "settings/configuration.html", config = "src/web/ui/askama.toml")]
struct Page {
    frame: Frame,
    tabs: Tabs,
    /// Only what somebody has written is shown.
    written_only: bool,
    sections: Vec<Section>,
    /// Each column with its sources.
    columns: Vec<(String, Vec<String>)>,
}

/// The settings of a section of the file.
struct Section {
    name: &'static str,
    rows: Vec<Row>,
}

/// A setting.
struct Row {
    key: &'static str,
    what: &'static str,
    value: Shown,
    /// Who said so; `None` for a default.
    written: Option<String>,
}

/// A value as it is shown.
#[derive(Debug, PartialEq, Eq)]
enum Shown {
    Value(String),
    Hidden,
    Unset,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web::ui) struct Wanted {
    /// `written` for what somebody has written; else all.
    #[serde(default)]
    only: String,
}

pub(in crate::web::ui) async fn show(
    request: HttpRequest,
    state: Data<State>,
    wanted: Query<Wanted>,
) -> Result<HttpResponse, Problem> {
    let role = Reader::of(&request)?.role;
    let written_only = wanted.only == "written";
    let mut sections: Vec<Section> = Vec::new();
    for effective in state.settings.iter().filter(|setting| !written_only || setting.source != Source::Nowhere) {
        let name = effective.setting.section;
        match sections.iter_mut().find(|section| section.name == name) {
            Some(section) => section.rows.push(row(effective)),
            None => sections.push(Section { name, rows: vec![row(effective)] }),
        }
    }
    let mapping = &state.context.mapping;
    let columns = mapping.sources().map(|(column, sources)| (column.to_owned(), sources));
    let extra = mapping.extra_sources().map(|(name, source)| (format!("extra.{name}"), vec![source]));
    let columns = columns.chain(extra).collect();
    let frame = frame(&request, &state, CONFIGURATION).await?;
    Ok(render(&Page { frame, tabs: Tabs::at(CONFIGURATION, role), written_only, sections, columns }))
}

fn row(effective: &Effective) -> Row {
    let Effective { setting, value, source } = effective;
    let written = (*source != Source::Nowhere).then(|| source.to_string());
    Row {
        key: setting.key,
        what: setting.what,
        value: if setting.secret && written.is_some() { Shown::Hidden } else { shown(value.as_ref()) },
        written,
    }
}

fn shown(value: Option<&Value>) -> Shown {
    match value {
        None | Some(Value::Null) => Shown::Unset,
        Some(Value::String(text)) if text.is_empty() => Shown::Unset,
        Some(Value::String(text)) => Shown::Value(text.clone()),
        Some(Value::Array(all)) if all.is_empty() => Shown::Unset,
        Some(other) => Shown::Value(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_shown_as_it_is_written() {
        assert_eq!(shown(Some(&json!("10 min"))), Shown::Value("10 min".to_owned()));
        assert_eq!(shown(Some(&json!(["email", "tax_id"]))), Shown::Value("[\"email\",\"tax_id\"]".to_owned()));
        for nothing in [None, Some(json!("")), Some(json!([])), Some(Value::Null)] {
            assert_eq!(shown(nothing.as_ref()), Shown::Unset);
        }
    }
}
