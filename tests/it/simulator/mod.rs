//! The stand-in ERPNext against the recordings of the real one, so that it cannot drift from the truth.
//!
//! Invariant: what a replay compares is the recorded answer itself; only times, made-up row names, tracebacks and
//! exception ids are blanked, on both sides. What recordings do not show is tested from the facts of `behaviours`.

mod behaviours;
mod edits;
mod events;
mod faults;
mod lists;
mod recording;
mod refusals;
mod setup;
mod wire;
