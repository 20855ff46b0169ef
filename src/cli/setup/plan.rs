//! Showing a plan, and asking whether to go on.
//!
//! Invariant: where nobody can be asked, only `--yes` goes on.

use std::io::IsTerminal as _;

use anyhow::bail;

use crate::cli::output::{ask, remark};
use crate::setup::{Action, Plan};

/// Prints what would be done and what to know.
///
/// # Errors
/// What stands in the way of all of it.
pub(super) fn show(plan: &Plan) -> anyhow::Result<()> {
    if !plan.refused.is_empty() {
        bail!("nothing was changed:\n  {}", plan.refused.join("\n  "));
    }
    let actions: Vec<&Action> = plan.actions().collect();
    match actions.len() {
        0 => remark("ERPNext is as it should be: nothing to change."),
        _ => remark("In ERPNext:"),
    }
    for action in actions {
        remark(format_args!("  - {action}"));
    }
    for note in &plan.notes {
        remark(format_args!("Note: {note}."));
    }
    Ok(())
}

/// Asks, unless that was answered before.
pub(super) fn agreed(yes: bool) -> anyhow::Result<bool> {
    if yes {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        bail!("nothing was changed: nobody can be asked here, so add --yes to do this, or --dry-run to only look");
    }
    let agreed = ask("Do this?")?;
    if !agreed {
        remark("Nothing was changed.");
    }
    Ok(agreed)
}
