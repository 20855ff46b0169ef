//! The configuration: one struct per section, filled from defaults, a TOML file, the environment and flags.
//!
//! Invariant: a [`Config`] that exists is valid; whatever is wrong is reported at once as [`Problems`], each with the
//! setting, where it was written and what to write instead. A setting is declared once (`sections`, name, default and
//! explanation together), and the sample file and the README's table are rendered from that declaration.
//!
//! What does not live here: what a setting means to the part that uses it (that part takes plain values).

mod check;
mod effective;
pub mod environment;
mod layers;
mod load;
mod problem;
mod raw;
mod reference;
mod schedules;
mod sections;
mod setting;
mod toml_file;
mod value;
mod values;

pub use effective::Effective;
pub use layers::Given;
pub use load::{Config, Inputs, Override, Site};
pub use problem::{Problem, Problems, Source};
pub use reference::{reference_markdown, sample_toml};
pub use sections::{
    Access, Database, Erpnext, Log, Mapping, Matching, Metrics, Retention, Schedule, Server, Sync, Verify, Webhook,
    Worker,
};
pub use setting::Setting;
pub use values::{ByteSize, LogFilter, LogFormat, Pairs, Secret};
