//! What the tests share: private database servers, the app on port 0, the recordings.

pub mod app;
pub mod binary;
pub mod chromium;
pub mod databases;
mod databases_tests;
pub mod dump;
pub mod prometheus;
pub mod proxy;
pub mod recordings;
pub mod serviced;
pub mod sources;
pub mod sql;
pub mod truth;
pub mod webdriver;
