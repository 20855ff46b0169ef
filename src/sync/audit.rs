//! The audit log's entries for what is done on the command line; those of calls are written by `web`.
//!
//! Invariant: like every entry it is written before the deed.

use crate::domain::audit::{Action, Actor, Deed};
use crate::store::{Store, StoreError};

/// Notes that whoever runs this program does that, to what has that local id
/// or, of a schedule, that name.
///
/// # Errors
/// The database's; nothing should be done then.
pub async fn by_command_line(store: &Store, action: Action, target: Option<String>) -> Result<(), StoreError> {
    let deed = Deed { actor: Actor::CommandLine, address: None, action, target };
    store.note_deed(&deed, None).await.map(drop)
}
