//! The client against a scripted stand-in that serves recorded answers, silence, nonsense and broken connections.
//!
//! Invariant: every answer that claims to be ERPNext's is taken from a recording. The faithful stand-in is `simulator`;
//! this one is only as clever as each test needs.

mod admin;
mod batch;
mod calls;
mod outages;
mod pacing;
mod recordings;
mod settings;
pub mod stand_in;
mod tls;
