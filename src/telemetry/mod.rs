//! What the service says about itself: log, metrics, and the clock behind both.
//!
//! Invariant: nothing here decides anything for the service; whatever is recorded could be dropped without a change of
//! behaviour. Configuration comes as plain values, read models of the API live in `sync`.

pub mod clock;
pub mod logging;
pub mod metrics;
mod throttle;

pub use throttle::Throttle;
