//! Claiming due jobs, and handing back what was claimed.
//!
//! Invariant: a claim sets a random token and lets `run_at` say when the lease ends, so an abandoned job returns by
//! itself. Lane 0 is served first. The claim walks the one index (`lane`, `run_at`) upwards: on MariaDB any other order
//! lets a second claimer see nothing, because `SKIP LOCKED` then skips more than it should. A claim need not be durable at once:
//! one that is lost with the power leaves a job that is due, and whoever held it cannot settle it without its token.

use std::time::Duration;

use rand::RngExt;
use serde::Serialize;

use super::super::db::{Arg, Row, Statement, Tx, batches, update_rows};
use super::super::transact::{Caller, Fault, transact};
use super::super::{Dialect, Store, StoreError};
use super::settle::milliseconds;
use crate::domain::hint::Doctype;
use crate::domain::job::{Cause, Claim, DocKey, Lane};

pub(super) static ALL: &[&Statement] = &[&CLAIM, &LEASE, &RELEASE];

const COLUMNS: &str = "doctype, name, lane, generation, attempts, cause, delivery_id, \
    {flag:absent} AS absent, run_id, modified";

/// Values: token and lease (not on MariaDB, which cannot return updated rows and takes [`LEASE`] as a second step),
/// lane, limit.
static CLAIM: Statement = Statement::built(|dialect| {
    let (row, list) = match dialect {
        Dialect::Mariadb => {
            return format!(
                "SELECT {COLUMNS} FROM sync_jobs FORCE INDEX (sync_jobs_due) WHERE lane = ? AND run_at <= {{now}} \
                 ORDER BY lane, run_at LIMIT ? {{skip}}"
            );
        }
        Dialect::Sqlite => ("rowid", "IN ("),
        // With IN instead of an array PostgreSQL plans a join of the whole table (measured 12 ms against 2.6 ms).
        Dialect::Postgres => ("ctid", "= ANY (ARRAY("),
    };
    let close = if dialect == Dialect::Postgres { "))" } else { ")" };
    format!(
        "UPDATE sync_jobs SET token = ?, run_at = {{now}} + ?, updated_at = {{now}} WHERE {row} {list}\
            SELECT {row} FROM sync_jobs WHERE lane = ? AND run_at <= {{now}} ORDER BY lane, run_at LIMIT ? {{skip}}\
         {close} RETURNING {COLUMNS}"
    )
});

/// Second step on MariaDB. Values: the batch, token, lease.
static LEASE: Statement = Statement::built(|dialect| {
    update_rows(
        dialect,
        "sync_jobs",
        "doctype key, name key, token int, lease int",
        "t.doctype = r.doctype AND t.name = r.name",
        &[("token", "r.token".into()), ("run_at", "{now} + r.lease".into()), ("updated_at", "{now}".into())],
    )
});

static RELEASE: Statement = Statement::built(|dialect| {
    update_rows(
        dialect,
        "sync_jobs",
        "doctype key, name key, token int",
        "t.doctype = r.doctype AND t.name = r.name AND t.token = r.token",
        &[("token", "NULL".into()), ("run_at", "{now}".into()), ("updated_at", "{now}".into())],
    )
});

#[derive(Serialize)]
struct LeaseRow<'a> {
    doctype: &'static str,
    name: &'a str,
    token: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    lease: Option<i64>,
}

impl<'a> LeaseRow<'a> {
    fn sorted(claims: impl IntoIterator<Item = &'a Claim>, lease: Option<i64>) -> Vec<Self> {
        let mut claims: Vec<&Claim> = claims.into_iter().collect();
        claims.sort_unstable_by_key(|claim| &claim.key);
        claims
            .into_iter()
            .map(|claim| Self { doctype: claim.key.doctype.as_str(), name: &claim.key.name, token: claim.token, lease })
            .collect()
    }
}

impl Store {
    /// Claims up to `limit` due jobs for `lease`: those of the fast lane, then, with what is left, at most `bulk_limit`
    /// of the bulk lane. What another worker is just claiming is skipped, not waited for.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn claim(&self, limit: u32, bulk_limit: u32, lease: Duration) -> Result<Vec<Claim>, StoreError> {
        let (token, lease) = (new_token(), milliseconds(lease));
        transact!(self.attempts("claim jobs", Caller::Worker).durable_later(), |tx| {
            let mut claims = claim(tx, Lane::Fast, limit, token, lease).await?;
            let left = limit.saturating_sub(u32::try_from(claims.len()).unwrap_or(u32::MAX)).min(bulk_limit);
            if left > 0 {
                claims.extend(claim(tx, Lane::Bulk, left, token, lease).await?);
            }
            Ok(claims)
        })
        .await
    }

    /// Claims up to `limit` due jobs of one lane: of the fast one, or, where nothing is due there, of the bulk lane.
    ///
    /// # Errors
    /// As [`Store::claim`].
    pub async fn claim_one_lane(&self, limit: u32, lease: Duration) -> Result<Vec<Claim>, StoreError> {
        let (token, lease) = (new_token(), milliseconds(lease));
        transact!(self.attempts("claim jobs", Caller::Worker).durable_later(), |tx| {
            match claim(tx, Lane::Fast, limit, token, lease).await? {
                none if none.is_empty() => claim(tx, Lane::Bulk, limit, token, lease).await,
                claims => Ok(claims),
            }
        })
        .await
    }

    /// Hands jobs back untouched: due at once, no attempt burned. Leases lost meanwhile are left alone.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`]; the leases then end by themselves.
    pub async fn release(&self, claims: &[Claim]) -> Result<(), StoreError> {
        transact!(self.attempts("hand jobs back", Caller::Worker), |tx| {
            for batch in batches(&LeaseRow::sorted(claims, None))? {
                tx.execute(&RELEASE, &[Arg::Text(&batch)]).await?;
            }
            Ok(())
        })
        .await
    }
}

/// Random, and never zero.
fn new_token() -> i64 {
    let mut token = 0;
    while token == 0 {
        token = rand::rng().random();
    }
    token
}

async fn claim(tx: &mut Tx, lane: Lane, limit: u32, token: i64, lease: i64) -> Result<Vec<Claim>, Fault> {
    let (token_arg, lease_arg) = (Arg::Int(token), Arg::Int(lease));
    let (lane, limit) = (Arg::Int(lane.as_i64()), Arg::Int(i64::from(limit)));
    let two_steps = tx.dialect() == Dialect::Mariadb;
    let rows = if two_steps {
        tx.fetch(&CLAIM, &[lane, limit]).await?
    } else {
        tx.fetch(&CLAIM, &[token_arg, lease_arg, lane, limit]).await?
    };
    let claims = rows.iter().map(|row| decode(row, token)).collect::<Result<Vec<_>, _>>()?;
    if two_steps {
        for batch in batches(&LeaseRow::sorted(&claims, Some(lease)))? {
            tx.execute(&LEASE, &[Arg::Text(&batch)]).await?;
        }
    }
    Ok(claims)
}

fn decode(row: &Row, token: i64) -> Result<Claim, Fault> {
    let doctype = row.text("doctype")?;
    let doctype = Doctype::parse(&doctype)
        .ok_or_else(|| StoreError::bug("claim jobs", format!("unknown doctype {doctype} in sync_jobs")))?;
    Ok(Claim {
        key: DocKey { doctype, name: row.text("name")? },
        lane: Lane::from_i64(row.int("lane")?),
        token,
        generation: row.int("generation")?,
        attempts: row.int("attempts")?,
        cause: Cause::from_weight(row.int("cause")?),
        delivery_id: row.maybe_text("delivery_id")?,
        absent: row.flag("absent")?,
        run: row.maybe_int("run_id")?,
        modified: row.maybe_text("modified")?,
    })
}
