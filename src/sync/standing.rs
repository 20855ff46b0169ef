//! How sync stands at the moment, in one word with what it is made of: what the pages show wherever one looks.
//!
//! Invariant: asking costs the database a few index entries, at most once in `FRESH` for the whole process, however many
//! look. While the database is away that is what is told, never an old state.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::Context;
use super::report::{self, Reason};
use crate::domain::run::{RunKind, RunState};
use crate::erpnext::BreakerState;
use crate::store::{Depth, OpenRun, StoreError};

/// How old an answer may be.
const FRESH: Duration = Duration::from_secs(1);

/// Sync in one word, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Nothing is left to do.
    InSync,
    /// Customers are being read.
    Working,
    /// It goes on, but somebody should look at something.
    Attention,
    /// It does not go on: ERPNext cannot be read, or the database cannot be written.
    Stopped,
}

/// How sync stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// In one word.
    pub state: State,
    /// What is wrong and what to do; the first is the most important.
    pub reasons: Vec<Reason>,
    /// What is left to do.
    pub depth: Depth,
    /// Runs that are under way or held.
    pub runs: Vec<OpenRun>,
}

/// The last answer, shared by all who ask. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Standings {
    last: Arc<Mutex<Option<Asked>>>,
}

/// An answer, and when it was given.
#[derive(Debug)]
struct Asked {
    at: Instant,
    standing: Arc<Standing>,
}

impl Standings {
    /// How sync stands now.
    pub async fn now(&self, context: &Context) -> Arc<Standing> {
        let mut last = self.last.lock().await;
        if let Some(asked) = &*last
            && asked.at.elapsed() < FRESH
        {
            return Arc::clone(&asked.standing);
        }
        let standing = Arc::new(look(context).await);
        *last = Some(Asked { at: Instant::now(), standing: Arc::clone(&standing) });
        standing
    }
}

impl Standing {
    /// Jobs that are due or being worked on.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.depth.fast + self.depth.bulk + self.depth.later
    }
}

async fn look(context: &Context) -> Standing {
    match asked(context).await {
        Ok(standing) => standing,
        Err(error) => {
            tracing::debug!(%error, "how sync stands could not be asked");
            let message = "the database cannot be reached or does not accept writes; it is tried again by itself";
            let reasons = vec![Reason { code: "database", message: message.to_owned() }];
            Standing { state: State::Stopped, reasons, depth: Depth::default(), runs: Vec::new() }
        }
    }
}

async fn asked(context: &Context) -> Result<Standing, StoreError> {
    let reasons = report::degraded(context).await?;
    let depth = context.store.depth().await?;
    let runs = context.store.open_runs().await?;
    let closed = matches!(context.client.breaker(), BreakerState::Closed);
    let readable = context.site.paused().is_none() && context.site.troubled().is_none() && closed;
    // The others only look, and put jobs.
    let running = runs.iter().any(|run| run.kind == RunKind::Full && run.state == RunState::Running);
    Ok(Standing { state: state(readable, &reasons, &depth, running), reasons, depth, runs })
}

/// A job that waits for a later time has failed before: it is told as a reason once it is given up, and does not keep
/// everything else from being in sync.
fn state(readable: bool, reasons: &[Reason], depth: &Depth, running: bool) -> State {
    if !readable {
        State::Stopped
    } else if !reasons.is_empty() {
        State::Attention
    } else if running || depth.fast + depth.bulk > 0 {
        State::Working
    } else {
        State::InSync
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_counts() {
        let reason = [Reason { code: "failed_jobs", message: "one".to_owned() }];
        let busy = Depth { fast: 1, ..Depth::default() };
        let waiting = Depth { later: 1, ..Depth::default() };
        assert_eq!(state(true, &[], &Depth::default(), false), State::InSync);
        assert_eq!(state(true, &[], &waiting, false), State::InSync);
        assert_eq!(state(true, &[], &busy, false), State::Working);
        assert_eq!(state(true, &[], &Depth::default(), true), State::Working);
        assert_eq!(state(true, &reason, &busy, true), State::Attention);
        assert_eq!(state(false, &reason, &busy, true), State::Stopped);
    }
}
