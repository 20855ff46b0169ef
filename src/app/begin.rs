//! Which runs have to begin because of what the start found. A full run: none was ever finished, the mapping changed, or
//! the database belongs to another site from now on. A sweep: the filter is not the one that was accepted.
//!
//! Invariant: a new fingerprint or site is stored only after its run was started, so a crash in between starts one more
//! run and never one too few. Replicas that start together find the same, and all but one join.

use super::base::Base;
use crate::domain::run::{RunCause, RunKind, RunState};
use crate::store::{Started, Store, StoreError};
use crate::sync::{Context, filtering, runs};

/// How the rows were made from documents.
pub const META_MAPPING: &str = "mapping";

/// Whether a full run shall begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// Where something makes it necessary.
    IfNeeded,
    /// Not by itself (`schedule.full = "off"`).
    Never,
    /// A person wants one.
    Now,
}

/// Starts the run that is needed or wanted, and notes what it is for as done.
pub(super) async fn full_run(base: &Base, full: Full) -> Result<Option<Started>, StoreError> {
    let context = &base.context;
    let store = &context.store;
    let fingerprint = context.mapping.fingerprint();
    let known = store.meta(META_MAPPING).await?;
    let remapped = known.as_deref().is_some_and(|known| known != fingerprint);
    match (remapped, full) {
        (false, _) => {}
        (true, Full::Never) => {
            tracing::warn!(
                "the mapping changed: as schedule.full is off, rows take it on when their customers are read again"
            );
        }
        (true, _) => tracing::warn!("the mapping changed: a full run makes every row anew"),
    }
    if base.moved {
        // What the other site's stamps say means nothing here.
        store.forget_watermarks().await?;
    }
    let started = match full {
        Full::Never => None,
        Full::IfNeeded | Full::Now if base.moved => Some(anew(context, RunCause::NewSite, "the site").await?),
        Full::IfNeeded | Full::Now if remapped => Some(remap(context, fingerprint).await?),
        Full::IfNeeded if was_finished(store).await? => None,
        Full::IfNeeded => Some(runs::start(context, RunKind::Full, RunCause::First).await?),
        Full::Now => Some(runs::start(context, RunKind::Full, RunCause::Person).await?),
    };
    if known.as_deref() != Some(fingerprint) {
        store.set_meta(META_MAPPING, fingerprint).await?;
    }
    if base.moved {
        base.settle_in().await?;
    }
    Ok(started)
}

/// Starts a sweep where the filter changed since the last one: it shows whom that lets in and leaves out. `may` is false
/// where none shall start by itself (`schedule.sweep = "off"`).
pub(super) async fn sweep(base: &Base, may: bool) -> Result<(), StoreError> {
    if filtering::is_accepted(&base.context).await? {
        return Ok(());
    }
    if !may {
        tracing::warn!(
            "the filter changed: as schedule.sweep is off, customers that we have stay as they are until a sweep is started"
        );
        return Ok(());
    }
    tracing::warn!("the filter changed: a sweep looks whom it lets in and whom it leaves out");
    runs::start(&base.context, RunKind::Sweep, RunCause::Filter).await.map(drop)
}

/// Whether every customer was read at least once.
async fn was_finished(store: &Store) -> Result<bool, StoreError> {
    for state in [RunState::Succeeded, RunState::Partial] {
        if store.last_run(RunKind::Full, state).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A run for the new mapping; the one of a replica that found the same change will do.
async fn remap(context: &Context, fingerprint: &str) -> Result<Started, StoreError> {
    let started = runs::start(context, RunKind::Full, RunCause::Mapping).await?;
    let found_by_another = context.store.meta(META_MAPPING).await?.as_deref() == Some(fingerprint);
    if !started.joined || found_by_another {
        Ok(started)
    } else {
        anew(context, RunCause::Mapping, "the mapping").await
    }
}

/// A run from the very beginning: one that is running has done part of its work by what was true before.
async fn anew(context: &Context, cause: RunCause, what: &str) -> Result<Started, StoreError> {
    let started = runs::start(context, RunKind::Full, cause).await?;
    if !started.joined {
        return Ok(started);
    }
    let message = format!("{what} changed; a new run took its place");
    if context.store.end_run(started.run, &[RunState::Running], RunState::Superseded, Some(&message)).await? {
        context.store.free_jobs(started.run).await?;
    }
    runs::start(context, RunKind::Full, cause).await
}
