//! `sync_schedules`: what runs by itself, when next, and which process is at it.
//!
//! Invariant: whoever takes a due schedule leaves a token and a time until which it gives a sign of life, both by one
//! compare-and-set, so of several processes exactly one acts; all times are the database's clock. `next_at` is null while
//! somebody is at it: whoever asks for another turn meanwhile sets it, and the end of the present one keeps it.
//! When the next turn is due is computed in `domain::schedule`; what is done in a turn is `sync`'s business.

use std::time::Duration;

use rand::RngExt;
use serde::Serialize;
use serde_json::json;

use super::db::{Arg, Row, Statement};
use super::transact::{Caller, transact};
use super::{Store, StoreError};

pub(super) static ALL: &[&Statement] =
    &[&CLOCK, &ENSURE, &LIST, &TAKE, &KEEP, &FINISH, &DUE_NOW, &FORWARD, &PAUSE, &RESUME];

static CLOCK: Statement = Statement::same("SELECT {now} AS now_at");

// MariaDB assigns from left to right: `next_at` reads `spec` before it changes.
static ENSURE: Statement = Statement::same(
    "INSERT INTO sync_schedules (name, spec, paused, next_at, idle)
     SELECT r.name, r.spec, FALSE, r.next_at, 0 FROM {rows:name key, spec text, next_at int} AS r
     {conflict:name}
        next_at = CASE WHEN sync_schedules.spec <> {new:spec} OR sync_schedules.next_at > {new:next_at}
            THEN {new:next_at} ELSE sync_schedules.next_at END,
        idle = CASE WHEN sync_schedules.spec = {new:spec} THEN sync_schedules.idle ELSE 0 END,
        spec = {new:spec}",
);

// No process asks for anything near ten minutes without a sign of life: a later `busy_until` was written by a clock that was
// wrong, and would keep everybody else away until that time comes. (Near, because whoever waited for the row compares with
// the time at which it began to wait.)
static LIST: Statement = Statement::same(
    "SELECT name, spec, {flag:paused} AS paused, next_at, {now} AS now_at,
            {flag:busy_until > {now} AND busy_until <= {now} + 600000} AS busy,
            {flag:token IS NOT NULL} AS taken, idle, last_started_at, last_finished_at, last_result,
            succeeded_at
     FROM sync_schedules ORDER BY name",
);

// A repetition after an unknown end of the first attempt finds its own token.
static TAKE: Statement = Statement::same(
    "UPDATE sync_schedules SET token = ?, busy_until = {now} + ?, next_at = NULL, last_started_at = {now}
     WHERE name = ? AND (token = ? OR (NOT paused
        AND (busy_until IS NULL OR busy_until <= {now} OR busy_until > {now} + 600000)
        AND (next_at <= {now} OR token IS NOT NULL)))",
);

static KEEP: Statement =
    Statement::same("UPDATE sync_schedules SET busy_until = {now} + ? WHERE name = ? AND token = ?");

static FINISH: Statement = Statement::same(
    "UPDATE sync_schedules SET token = NULL, busy_until = NULL, next_at = COALESCE(next_at, {now} + NULLIF(?, -1)), idle = ?,
        last_finished_at = {now}, last_result = ?, succeeded_at = COALESCE({now} + NULLIF(?, -1), succeeded_at)
     WHERE name = ? AND token = ?",
);

/// Stands for null in [`FINISH`], because a bound value is never null.
const NEVER: i64 = -1;

static DUE_NOW: Statement = Statement::same("UPDATE sync_schedules SET next_at = {now} WHERE name = ? AND NOT paused");

// While somebody is at it `next_at` is null, and what is set then holds when the turn ends.
static FORWARD: Statement = Statement::same(
    "UPDATE sync_schedules SET next_at = {now} + ? WHERE name = ? AND NOT paused
     AND (next_at > {now} + ? OR (next_at IS NULL AND token IS NOT NULL))",
);

static PAUSE: Statement = Statement::same("UPDATE sync_schedules SET paused = TRUE WHERE name = ?");
static RESUME: Statement = Statement::same("UPDATE sync_schedules SET paused = FALSE WHERE name = ?");

/// A schedule as it stands. Times are milliseconds since 1970 UTC by the database's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleRow {
    /// Its name.
    pub name: String,
    /// When it runs, as configured.
    pub spec: String,
    /// A person has paused it.
    pub paused: bool,
    /// When it is due; `None` while somebody is at it, and for one that never runs by itself.
    pub next_at: Option<i64>,
    /// The present time.
    pub now: i64,
    /// Some process is at it.
    pub busy: bool,
    /// Some process was at it and gives no sign of life any more.
    pub abandoned: bool,
    /// How often in a row there was nothing to do.
    pub idle: u32,
    /// When it was begun last.
    pub last_started_at: Option<i64>,
    /// When it ended last.
    pub last_finished_at: Option<i64>,
    /// How it ended last.
    pub last_result: Option<String>,
    /// When it last ended without a failure.
    pub succeeded_at: Option<i64>,
}

impl ScheduleRow {
    /// Until it may be taken, zero where that is now; `None` while it is paused, at work, or never due.
    #[must_use]
    pub fn due_in(&self) -> Option<Duration> {
        match self.next_at {
            _ if self.paused || self.busy => None,
            _ if self.abandoned => Some(Duration::ZERO),
            next_at => Some(Duration::from_millis(u64::try_from(next_at? - self.now).unwrap_or(0))),
        }
    }
}

/// A schedule to keep a row for.
#[derive(Debug, Clone, Serialize)]
pub struct NewSchedule {
    /// Its name.
    pub name: &'static str,
    /// When it runs, as configured.
    pub spec: String,
    /// Its first turn, by the database's clock; `None` for never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_at: Option<i64>,
}

/// The right to act on a schedule; ours while its row shows the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    name: String,
    token: i64,
}

impl Store {
    /// The database's clock: milliseconds since 1970 UTC.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn now(&self) -> Result<i64, StoreError> {
        let what = "read its clock";
        let rows = self.read(what, &CLOCK, &[]).await?;
        rows.first().map_or_else(
            || Err(StoreError::bug(what, "no row")),
            |row| row.int("now_at").map_err(|e| StoreError::of(what, e)),
        )
    }

    /// Keeps a row for each. What is known of one with another `spec` begins anew; a pause stays. No turn is later than the
    /// given one: a clock that was wrong for a while must not put it off for years.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn ensure_schedules(&self, schedules: &[NewSchedule]) -> Result<(), StoreError> {
        let what = "keep the schedules";
        let mut schedules: Vec<&NewSchedule> = schedules.iter().collect();
        schedules.sort_unstable_by_key(|schedule| schedule.name);
        let rows = json!(schedules).to_string();
        transact!(self.attempts(what, Caller::Worker), |tx| Ok(tx.execute(&ENSURE, &[Arg::Text(&rows)]).await?))
            .await?;
        Ok(())
    }

    /// All of them, by name.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn schedules(&self) -> Result<Vec<ScheduleRow>, StoreError> {
        let what = "list the schedules";
        let rows = self.read(what, &LIST, &[]).await?;
        rows.iter().map(schedule).collect::<Result<_, _>>().map_err(|error| StoreError::of(what, error))
    }

    /// Takes a schedule that is due, not paused and at which nobody is (any more), for that long without a sign of life.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn take_schedule(&self, name: &str, busy_for: Duration) -> Result<Option<Turn>, StoreError> {
        let token = rand::rng().random_range(1..i64::MAX);
        let args = [Arg::Int(token), Arg::Int(milliseconds(busy_for)), Arg::Text(name), Arg::Int(token)];
        let taken = self.change_schedule("take a schedule", &TAKE, &args).await?;
        Ok(taken.then(|| Turn { name: name.to_owned(), token }))
    }

    /// Gives a sign of life; false where the turn is somebody else's by now.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn keep_schedule(&self, turn: &Turn, busy_for: Duration) -> Result<bool, StoreError> {
        let args = [Arg::Int(milliseconds(busy_for)), Arg::Text(&turn.name), Arg::Int(turn.token)];
        self.change_schedule("keep a schedule", &KEEP, &args).await
    }

    /// Ends a turn with what came of it, `Err` being a failure: due again after `next_in` (`None`: never by itself), or at once where somebody asked for that
    /// meanwhile. False where the turn was somebody else's by now; nothing changed then.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`]; the turn then ends by itself.
    pub async fn finish_schedule(
        &self,
        turn: &Turn,
        next_in: Option<Duration>,
        idle: u32,
        result: Result<&str, &str>,
    ) -> Result<bool, StoreError> {
        let next_in = Arg::Int(next_in.map_or(NEVER, milliseconds));
        let succeeded = Arg::Int(if result.is_ok() { 0 } else { NEVER });
        let (Ok(text) | Err(text)) = result;
        let (name, token) = (Arg::Text(&turn.name), Arg::Int(turn.token));
        let args = [next_in, Arg::Int(i64::from(idle)), Arg::Text(text), succeeded, name, token];
        self.change_schedule("end a turn of a schedule", &FINISH, &args).await
    }

    /// Makes a schedule due at once, or again after the present turn; false where it is paused or unknown.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn due_now(&self, name: &str) -> Result<bool, StoreError> {
        self.change_schedule("make a schedule due", &DUE_NOW, &[Arg::Text(name)]).await
    }

    /// Makes a schedule due after `wait`, where that is earlier than by itself; false where it is not, and for one that is
    /// paused, off or unknown.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn bring_forward(&self, name: &str, wait: Duration) -> Result<bool, StoreError> {
        let wait = Arg::Int(milliseconds(wait));
        self.change_schedule("bring a schedule forward", &FORWARD, &[wait, Arg::Text(name), wait]).await
    }

    /// Keeps a schedule from being taken; a turn under way goes on. False for an unknown one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn pause_schedule(&self, name: &str) -> Result<bool, StoreError> {
        self.change_schedule("pause a schedule", &PAUSE, &[Arg::Text(name)]).await
    }

    /// Ends a pause: what became due meanwhile is due now. False for an unknown one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn resume_schedule(&self, name: &str) -> Result<bool, StoreError> {
        self.change_schedule("resume a schedule", &RESUME, &[Arg::Text(name)]).await
    }

    /// Runs a statement that changes one row; whether it met one.
    async fn change_schedule(
        &self,
        what: &'static str,
        statement: &'static Statement,
        args: &[Arg<'_>],
    ) -> Result<bool, StoreError> {
        let attempts = self.attempts(what, Caller::Worker).single_statement(true);
        transact!(attempts, |tx| Ok(tx.execute(statement, args).await? > 0)).await
    }
}

fn schedule(row: &Row) -> Result<ScheduleRow, sqlx::Error> {
    let busy = row.flag("busy")?;
    Ok(ScheduleRow {
        name: row.text("name")?,
        spec: row.text("spec")?,
        paused: row.flag("paused")?,
        next_at: row.maybe_int("next_at")?,
        now: row.int("now_at")?,
        busy,
        abandoned: !busy && row.flag("taken")?,
        idle: u32::try_from(row.int("idle")?).unwrap_or(u32::MAX),
        last_started_at: row.maybe_int("last_started_at")?,
        last_finished_at: row.maybe_int("last_finished_at")?,
        last_result: row.maybe_text("last_result")?,
        succeeded_at: row.maybe_int("succeeded_at")?,
    })
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}
