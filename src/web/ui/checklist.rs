//! The first steps with a new installation, on the overview while one of them is not taken.
//!
//! Invariant: a step is done when the thing itself is there, however it came about; nothing is stored for it.

use super::super::State;
use super::super::receiver::Gate;

/// A step.
pub(super) struct Step {
    pub(super) done: bool,
    pub(super) name: &'static str,
    /// What to do.
    pub(super) how: &'static str,
}

/// All steps while one of them is not taken, else none.
pub(super) fn open(state: &State, filled: bool, delivered: bool) -> Vec<Step> {
    let site = &state.context.site;
    let readable = site.paused().is_none() && site.troubled().is_none();
    let steps = vec![
        Step {
            done: readable,
            name: "ERPNext can be read",
            how: "What is wrong is said above; customer-sync doctor looks closer.",
        },
        Step {
            done: filled,
            name: "All customers were read once",
            how: "This starts by itself; on large sites it takes some minutes.",
        },
        Step {
            done: !matches!(state.gate, Gate::Closed),
            name: "Webhooks have a secret",
            how: "Set ERPNEXT_WEBHOOK_SECRET to the secret of the Webhooks in ERPNext, or run customer-sync setup.",
        },
        Step {
            done: delivered,
            name: "A webhook has arrived",
            how: "Run customer-sync setup, or save a customer in ERPNext. Until then polling finds changes within a minute.",
        },
    ];
    if steps.iter().all(|step| step.done) { Vec::new() } else { steps }
}
