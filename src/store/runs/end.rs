//! The end of a run.
//!
//! Invariant: a run ends once: the state that it is expected to be in is compared in the same statement, and its conductor
//! ends it only while it has the lead. Where it stood in the list is a customer's name, and forgotten with its end. Whatever ends it takes the lead and makes room for the next run of its kind.

use super::super::db::{Arg, Statement, Tx};
use super::super::transact::{Caller, Fault, transact};
use super::super::{Store, StoreError};
use super::Lead;
use crate::domain::run::{RunId, RunState};

pub(super) static ALL: &[&Statement] = &[&END, &FINISH];

fn text(whose: &str) -> String {
    format!(
        "UPDATE sync_runs SET state = ?, message = NULLIF(?, ''), paused = NULL, active_key = NULL, owner = NULL, \
            owner_until = NULL, updated_at = {{now}}, finished_at = CASE WHEN ? = 1 THEN {{now}} END, \
            position = CASE WHEN ? = 1 THEN NULL ELSE position END \
         WHERE id = ? AND {whose}"
    )
}

static END: Statement = Statement::built(|_| text("state = ?"));
static FINISH: Statement = Statement::built(|_| text("owner = ? AND state = 'running'"));

impl Store {
    /// Brings a run from one of the states `from` to `state`; false where it is in none of them.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn end_run(
        &self,
        run: RunId,
        from: &[RunState],
        state: RunState,
        message: Option<&str>,
    ) -> Result<bool, StoreError> {
        let message = message.unwrap_or_default();
        transact!(self.attempts("end a run", Caller::Urgent), |tx| end(tx, run, from, state, message).await).await
    }

    /// Brings a run that is conducted to `state`; false where the lead is lost.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn finish_run(&self, lead: &Lead, state: RunState, message: Option<&str>) -> Result<bool, StoreError> {
        let over = Arg::Int(state.is_over().into());
        let message = Arg::Text(message.unwrap_or_default());
        let args = [Arg::Text(state.as_str()), message, over, over, Arg::Int(lead.run), Arg::Int(lead.owner)];
        transact!(self.attempts("end a run", Caller::Urgent), |tx| Ok(tx.execute(&FINISH, &args).await? > 0)).await
    }
}

async fn end(tx: &mut Tx, run: RunId, from: &[RunState], state: RunState, message: &str) -> Result<bool, Fault> {
    let over = Arg::Int(state.is_over().into());
    for from in from {
        let args = [Arg::Text(state.as_str()), Arg::Text(message), over, over, Arg::Int(run), Arg::Text(from.as_str())];
        if tx.execute(&END, &args).await? > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}
