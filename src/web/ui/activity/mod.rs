//! *Activity*: what sync did, does, and could not do; a file per page, shown as tabs.
//!
//! Invariant: pages are read by key, never at an offset; each form does what a call of the API does, for the same roles, and
//! leads back to where it was sent from. Words that several pages use are in `words`.

mod deliveries;
mod delivery;
mod failing;
mod links;
mod reasons;
mod run;
mod runs;
pub(super) mod words;

use askama::Template;
use askama::filters::HtmlSafe;

use super::super::State;
use super::super::error::Problem;
use super::address::address;
use super::number::count;
use crate::domain::run::RunState;

pub(super) use runs::show as runs;
pub(super) use {deliveries::show as deliveries, delivery::show as delivery};
pub(super) use {failing::discard as discard_jobs, failing::retry as retry_jobs, failing::show as failures};
pub(super) use {links::accept, links::reject, links::show as links};
pub(super) use {run::approve, run::cancel, run::discard as discard_run, run::show as run};

/// Rows of a page.
const PAGE: u32 = 25;
/// Failures are counted no further on a tab.
const MANY: i64 = 1_000;

/// A tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tab {
    Runs,
    Webhooks,
    Failures,
    Links,
}

/// The tabs, with how much waits for somebody behind each.
#[derive(Template)]
#[template(path = "activity/tabs.html", config = "src/web/ui/askama.toml")]
struct Tabs {
    open: Tab,
    held: usize,
    /// [`MANY`] at most.
    failed: i64,
    questions: i64,
}

impl HtmlSafe for Tabs {}

impl Tabs {
    async fn of(request: &actix_web::HttpRequest, state: &State, open: Tab) -> Result<Self, Problem> {
        // Asked anew and not of the standing, which may be from before what the reader has just done.
        let failed = |error| Problem::store(request, &error);
        let store = &state.context.store;
        let questions = store.open_suggestions().await.map_err(failed)?;
        let runs = store.open_runs().await.map_err(failed)?;
        let held = runs.iter().filter(|run| run.state == RunState::Held).count();
        let failed = store.dead_jobs(MANY).await.map_err(failed)?;
        Ok(Self { open, held, failed, questions })
    }

    fn failures(&self) -> String {
        if self.failed < MANY { count(self.failed) } else { format!("{}+", count(MANY)) }
    }

    fn open_questions(&self) -> String {
        count(self.questions)
    }
}

/// Where the rest of a list is.
#[derive(Template)]
#[template(path = "activity/pager.html", config = "src/web/ui/askama.toml")]
struct Pager {
    /// The address of the first page, where this is another one.
    first: Option<String>,
    /// The address of the next page.
    next: Option<String>,
    /// What the first page and the next one are called.
    names: (&'static str, &'static str),
}

impl HtmlSafe for Pager {}

/// What a list by time calls its pages.
const BY_TIME: (&str, &str) = ("Newest", "Older");
/// What a list by name calls its pages.
const BY_NAME: (&str, &str) = ("First page", "Next page");

/// Takes the row away that only shows that there is another page; gives the last row of this one then.
fn last_before_next<T>(rows: &mut Vec<T>, limit: u32) -> Option<&T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    rows.last().filter(|_last| more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_knows_whether_there_is_another() {
        let mut rows = vec![1, 2, 3];
        assert_eq!(last_before_next(&mut rows, 2), Some(&2));
        assert_eq!(rows, [1, 2]);
        assert_eq!(last_before_next(&mut rows, 2), None);
    }
}
