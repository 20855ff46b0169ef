//! `/activity`: full syncs, sweeps and catch-ups, the newest first.
//!
//! Invariant: paged by id, so that a page stays the same while new runs begin; the first page follows what happens.

use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::super::super::State;
use super::super::super::error::{Code, Problem};
use super::super::frame::{Frame, Section};
use super::super::page::render;
use super::super::sync::SyncPanel;
use super::super::text::sentence;
use super::super::time::distance;
use super::run::{badge, outcome, progress};
use super::words::{kind, run_state, started_by, took};
use super::{BY_TIME, PAGE, Pager, Tab, Tabs, address, last_before_next};
use crate::domain::run::{RunId, RunKind, RunState};
use crate::store::RunFilter;
use crate::sync::runs::{self, Run};

const PATH: &str = "/activity";

#[derive(Template)]
#[template(path = "activity/runs.html", config = "src/web/ui/askama.toml")]
struct Page {
    frame: Frame,
    tabs: Tabs,
    sync: SyncPanel,
    wanted: Wanted,
    runs: Vec<Run>,
    pager: Pager,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web::ui) struct Wanted {
    /// Only this kind, in the API's word; empty for all.
    #[serde(default)]
    kind: String,
    /// Only in this state, likewise.
    #[serde(default)]
    state: String,
    /// The last run of the page before.
    before: Option<RunId>,
}

impl Wanted {
    fn filter(&self, request: &HttpRequest) -> Result<RunFilter, Problem> {
        let unknown = |word: &str| Problem::new(request, Code::BadRequest, format!("there are no runs {word:?}"));
        let kind = Some(self.kind.as_str()).filter(|word| !word.is_empty());
        let kind = kind.map(|word| RunKind::parse(word).ok_or_else(|| unknown(word))).transpose()?;
        let state = Some(self.state.as_str()).filter(|word| !word.is_empty());
        let state = state.map(|word| RunState::parse(word).ok_or_else(|| unknown(word))).transpose()?;
        Ok(RunFilter { kind, state, before: self.before, limit: PAGE + 1 })
    }

    fn is_filtered(&self) -> bool {
        !self.kind.is_empty() || !self.state.is_empty()
    }
}

pub(in crate::web::ui) async fn show(
    request: HttpRequest,
    state: Data<State>,
    wanted: Query<Wanted>,
) -> Result<HttpResponse, Problem> {
    let wanted = wanted.into_inner();
    let filter = wanted.filter(&request)?;
    let context = &state.context;
    let mut rows = context.store.runs(&filter).await.map_err(|error| Problem::store(&request, &error))?;
    let words = [("kind", wanted.kind.as_str()), ("state", wanted.state.as_str())];
    let next = last_before_next(&mut rows, PAGE)
        .map(|last| address(PATH, &[words[0], words[1], ("before", &last.id.to_string())]));
    let first = wanted.before.map(|_before| address(PATH, &words));
    let frame = Frame::of(&request, &state, Some(Section::Activity), "Runs").await?;
    let tabs = Tabs::of(&request, &state, Tab::Runs).await?;
    let sync = SyncPanel::of(&request, &state).await?;
    let runs = rows.into_iter().map(|row| runs::view(context, row)).collect();
    let pager = Pager { first, next, names: BY_TIME };
    Ok(render(&Page { frame, tabs, sync, wanted, runs, pager }))
}
