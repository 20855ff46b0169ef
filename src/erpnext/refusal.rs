//! Why a request may not go yet, in the words that the circuit breaker and the pacing share.

use std::time::Duration;

/// No ticket for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Not for so long.
    For(Duration),
    /// A request on its way decides; ask again when it is back.
    Undecided,
}
