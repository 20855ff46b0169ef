//! `/settings/audit`: who did what, the newest first.
//!
//! Invariant: the log is read here and nowhere changed.

use std::collections::HashMap;

use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::super::super::State;
use super::super::super::error::Problem;
use super::super::frame::{Frame, Reader};
use super::super::page::render;
use super::super::time::moment;
use super::schedules::title;
use super::{AUDIT, PEOPLE, SCHEDULES, TOKENS, Tabs, frame};
use crate::domain::audit::Action;
use crate::store::AuditRow;

/// Rows of a page.
const PAGE: u32 = 50;

#[derive(Template)]
#[template(path = "settings/audit.html", config = "src/web/ui/askama.toml")]
struct Page {
    frame: Frame,
    tabs: Tabs,
    rows: Vec<AuditRow>,
    action: Option<Action>,
    /// Where older ones go on.
    older: Option<i64>,
    /// The names of people and of tokens that are still there, by id.
    people: HashMap<i64, String>,
    tokens: HashMap<i64, String>,
}

impl Page {
    /// What it was done to, as people know it, and where that is.
    fn target(&self, row: &AuditRow) -> Option<(String, Option<String>)> {
        let target = row.target.as_deref()?;
        let named = |names: &HashMap<i64, String>, kind: &str, place: &str| {
            let id: Option<i64> = target.parse().ok();
            match id.and_then(|id| names.get(&id)) {
                Some(name) => (name.clone(), Some(place.to_owned())),
                None => (format!("{kind} {target}"), None),
            }
        };
        let (kind, _what) = row.action.split_once('_')?;
        Some(match kind {
            "customer" => (format!("customer {target}"), Some(format!("/customers/{target}"))),
            "run" => (format!("run {target}"), Some(format!("/activity/runs/{target}"))),
            "schedule" => (title(target).to_owned(), Some(SCHEDULES.address.to_owned())),
            "user" => named(&self.people, "user", PEOPLE.address),
            "token" => named(&self.tokens, "token", TOKENS.address),
            "suggestion" => (format!("question {target}"), None),
            _ => (target.to_owned(), None),
        })
    }
}

#[derive(Deserialize)]
pub(in crate::web::ui) struct Wanted {
    action: Option<String>,
    before: Option<i64>,
}

pub(in crate::web::ui) async fn show(
    request: HttpRequest,
    state: Data<State>,
    wanted: Query<Wanted>,
) -> Result<HttpResponse, Problem> {
    let role = Reader::of(&request)?.role;
    let action = wanted.action.as_deref().and_then(Action::parse);
    let rows = state.context.store.audit(wanted.before, action, PAGE).await;
    let rows = rows.map_err(|error| Problem::store(&request, &error))?;
    let full = rows.len() == usize::try_from(PAGE).unwrap_or(usize::MAX);
    let older = rows.last().filter(|_row| full).map(|row| row.id);
    let failed = |error| Problem::store(&request, &error);
    let people = state.context.store.users().await.map_err(failed)?.into_iter().map(|user| (user.id, user.name));
    let tokens = state.context.store.tokens().await.map_err(failed)?.into_iter().map(|token| (token.id, token.name));
    let (people, tokens) = (people.collect(), tokens.collect());
    let frame = frame(&request, &state, AUDIT).await?;
    Ok(render(&Page { frame, tabs: Tabs::at(AUDIT, role), rows, action, older, people, tokens }))
}

/// An action as people read it: `run_start` becomes `Run start`.
fn words(action: &str) -> String {
    let mut text = action.replace('_', " ");
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

/// Who did it.
fn actor(row: &AuditRow) -> &str {
    row.actor_name.as_deref().unwrap_or(if row.actor == "command_line" { "Command line" } else { "Unknown" })
}

/// How it ended, and whether well.
fn end(row: &AuditRow) -> (&'static str, &'static str) {
    match row.status {
        Some(status) if status < 400 => ("good", "done"),
        Some(_) => ("bad", "refused"),
        None => ("plain", "open"),
    }
}
