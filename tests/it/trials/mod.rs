//! Trials that take minutes: what is promised about size, shown on request by `tests/trials`.
//!
//! Invariant: they are ordinary tests, only ignored, so they compile and keep up with the program; each prints what it
//! measured and fails where a promise is broken.

mod full_run;
mod openapi;
