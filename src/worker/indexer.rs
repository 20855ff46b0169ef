//! Keeps SQLite's index of words up to date, which searches ask; PostgreSQL and MariaDB keep theirs themselves.
//!
//! Invariant: no answer depends on it: who is not indexed yet is looked at by each search. Between two portions the writer
//! is anybody's.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::store::{Dialect, Store};

/// How soon changes are indexed; a look that finds none is one short read.
const EVERY: Duration = Duration::from_secs(1);
/// How soon it is tried again where that failed.
const AFTER_TROUBLE: Duration = Duration::from_secs(15);

/// Runs until `stop`.
pub(super) async fn run(store: Store, stop: CancellationToken) {
    if store.dialect() != Dialect::Sqlite {
        return;
    }
    let mut pause = Duration::ZERO;
    while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
        pause = match store.index_words().await {
            Ok(0) => EVERY,
            Ok(_) => Duration::ZERO,
            Err(error) => {
                tracing::warn!(%error, "words could not be indexed; searches are slower until that works");
                AFTER_TROUBLE
            }
        };
    }
}
