//! What the stand-in was asked: counters for benches, the latest requests for tests.
//!
//! Invariant: every request that reached the stand-in is counted, also one that met a fault or was refused.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST` …
    pub method: String,
    /// Path, decoded, without the query.
    pub path: String,
    /// `list`, `get`, `create`, `update`, `delete`, or the name of the method called.
    pub call: String,
    /// The doctype it is about, where there is one.
    pub doctype: Option<String>,
}

const KEPT: usize = 10_000;

#[derive(Debug, Default)]
struct Log {
    total: u64,
    busy: Duration,
    by_call: BTreeMap<(String, Option<String>), u64>,
    latest: VecDeque<Request>,
}

/// The request log of a stand-in.
#[derive(Debug, Default)]
pub struct Requests(Mutex<Log>);

impl Requests {
    /// How many requests there were since the start or the last [`Requests::reset`].
    pub fn total(&self) -> u64 {
        self.lock(|log| log.total)
    }

    /// How long the site's processes have worked on them, all together: a real site's time where there is a
    /// [`super::Pace`].
    pub fn busy(&self) -> Duration {
        self.lock(|log| log.busy)
    }

    /// How many of them made that call (see [`Request::call`]) about that doctype.
    pub fn count(&self, call: &str, doctype: &str) -> u64 {
        let key = (call.to_owned(), Some(doctype.to_owned()));
        self.lock(|log| log.by_call.get(&key).copied().unwrap_or_default())
    }

    /// The latest requests, oldest first; at most ten thousand.
    pub fn latest(&self) -> Vec<Request> {
        self.lock(|log| log.latest.iter().cloned().collect())
    }

    /// Forgets all of them.
    pub fn reset(&self) {
        self.lock(|log| *log = Log::default());
    }

    pub(super) fn note(&self, request: Request) {
        self.lock(|log| {
            log.total += 1;
            *log.by_call.entry((request.call.clone(), request.doctype.clone())).or_default() += 1;
            if log.latest.len() == KEPT {
                log.latest.pop_front();
            }
            log.latest.push_back(request);
        });
    }

    pub(super) fn worked(&self, time: Duration) {
        self.lock(|log| log.busy += time);
    }

    fn lock<T>(&self, act: impl FnOnce(&mut Log) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
