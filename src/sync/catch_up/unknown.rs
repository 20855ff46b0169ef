//! Learns that a permission is back: what could not be read before is read anew.
//!
//! Invariant: one marked row per part is put with each catch-up, the next one each time, so that neither a lost permission
//! nor a single hidden document costs much; when a tested row has lost the mark, all rows with that mark are put. Which
//! row is being tested is kept in `sync_meta`, so that a restart or another replica goes on.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Context, SyncError};
use crate::domain::customer::CustomerId;
use crate::domain::document::Unknown;
use crate::domain::job::{Cause, DocKey, Lane, Put};
use crate::store::JobState;

/// Part to the row that is tested, as JSON.
const META_TESTS: &str = "unknown_tests";

/// Rows put in one transaction.
const CHUNK: u32 = 500;

/// Tests each part that some row lacks; how many jobs were put.
pub(super) async fn test(context: &Context) -> Result<u64, SyncError> {
    let stored: Vec<String> = context.store.unknown_parts().await?.into_iter().map(|(marks, _rows)| marks).collect();
    let known = context.store.meta(META_TESTS).await?;
    if stored.is_empty() && known.is_none() {
        return Ok(0);
    }
    // What cannot be read begins anew.
    let before: BTreeMap<String, CustomerId> =
        known.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let parts: BTreeSet<String> = stored.iter().flat_map(|marks| Unknown::parse(Some(marks)).0).collect();
    let (mut tests, mut put) = (BTreeMap::new(), 0);
    for part in parts {
        let with_part: Vec<&String> = stored.iter().filter(|marks| Unknown::parse(Some(marks)).has(&part)).collect();
        let last = before.get(&part).copied();
        match state(context, &part, last).await? {
            State::Readable => put += put_all(context, &with_part).await?,
            State::Waiting(row) => {
                tests.insert(part, row);
            }
            State::Unreadable => {
                let Some((row, name)) = next(context, &with_part, last.unwrap_or_default()).await? else { continue };
                context.store.put(&[again(name)]).await?;
                tests.insert(part, row);
                put += 1;
            }
        }
    }
    if tests != before {
        context.store.set_meta(META_TESTS, &serde_json::to_string(&tests)?).await?;
    }
    Ok(put)
}

/// What the last test of a part tells.
enum State {
    /// The tested row could be read.
    Readable,
    /// It was not read yet.
    Waiting(CustomerId),
    /// It could not be read, or there was none.
    Unreadable,
}

async fn state(context: &Context, part: &str, tested: Option<CustomerId>) -> Result<State, SyncError> {
    let Some(row) = tested else { return Ok(State::Unreadable) };
    let Some(marked) = context.store.marks_of(row).await? else { return Ok(State::Unreadable) };
    if !marked.unknown.has(part) {
        return Ok(State::Readable);
    }
    let job = context.store.job(&DocKey::customer(marked.name)).await?;
    Ok(if job.is_some_and(|job| job.state != JobState::Dead) { State::Waiting(row) } else { State::Unreadable })
}

/// The row to test after that one, beginning anew at the end.
async fn next(
    context: &Context,
    with_part: &[&String],
    after: CustomerId,
) -> Result<Option<(CustomerId, String)>, SyncError> {
    for after in [after, 0] {
        let mut found = None;
        for marks in with_part {
            found = found.into_iter().chain(context.store.marked(marks, after, 1).await?).min();
        }
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

async fn put_all(context: &Context, with_part: &[&String]) -> Result<u64, SyncError> {
    let mut put = 0;
    for marks in with_part {
        let mut after = 0;
        loop {
            let rows = context.store.marked(marks, after, CHUNK).await?;
            let Some((last, _name)) = rows.last() else { break };
            after = *last;
            let puts: Vec<Put> = rows.into_iter().map(|(_row, name)| again(name)).collect();
            context.store.put(&puts).await?;
            put += u64::try_from(puts.len()).unwrap_or(u64::MAX);
        }
    }
    tracing::info!(customers = put, "a permission is back: customers that lacked something are read again");
    Ok(put)
}

fn again(name: String) -> Put {
    Put::new(DocKey::customer(name), Lane::Bulk, Cause::CatchUp)
}
