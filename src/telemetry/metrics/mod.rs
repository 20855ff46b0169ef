//! Every metric of the service: declared in one table, recorded by one function each, shown to Prometheus.
//!
//! Invariant: no other module names a metric. `table` says which there are, `words` which values labels have, `instruments`
//! makes them, `record` moves them, `process` reads those of the process, `exporter` renders all of it.
//!
//! Rejected: the macros of the `metrics` crate, which build and hash a key for every recorded value.

mod exporter;
mod instruments;
mod process;
mod record;
mod reference;
mod table;
mod words;

pub use exporter::{Exporter, install};
pub use record::{
    Progress, breaker, candidates, change, committed, connections, database, delivery, differences, erpnext_budget,
    erpnext_call, held, hidden, job, job_error, last_success, lease_lost, paused, queue, queue_rest, row, run,
    run_took, running, schedule_paused, suggestions, transaction_repeated, verified, webhook_to_row,
};
pub use reference::reference_markdown;
pub use table::{ALL, Kind, Label, Metric};
pub use words::{JobEnd, Received};
