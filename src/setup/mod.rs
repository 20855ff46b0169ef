//! Connecting an ERPNext: role, user, key and Webhooks, and the proof that they work. For `customer-sync setup` alone.
//!
//! Invariant: nothing is changed that the plan did not say, and a plan is pure: what is wanted against what is there, so
//! the same call twice has nothing to do the second time. What belongs to others (their Webhooks, permissions, secrets)
//! is never touched.
//!
//! ```text
//! found ─▶ plan ─▶ apply ─▶ preview, round_trip     with an administrator's key
//! manual                                            without one: what to click, and the templates to paste
//! ```
//!
//! Not here: what a Webhook looks like (`domain::webhook`), the calls (`erpnext::admin`), asking and printing (`cli`).

mod apply;
mod error;
mod found;
mod manual;
mod plan;
mod preview;
mod removal;
mod round_trip;

use crate::domain::webhook::Instance;

pub use apply::{Done, apply};
pub use error::SetupError;
pub use found::{Found, User};
pub use manual::instructions;
pub use plan::{Action, Plan, plan};
pub use preview::{Checked, check_templates};
pub use removal::removal;
pub use round_trip::{Proof, prove};

/// What the service reads, and so what its role may read.
pub const READABLE: [&str; 4] = ["Customer", "Address", "Contact", "Deleted Document"];

/// What a connected ERPNext has.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The role that may read.
    pub role: String,
    /// E-mail address of the user that has it.
    pub user: String,
    /// With what the names of the Webhooks begin.
    pub instance: Instance,
    /// Address of the receiver.
    pub receiver: String,
    /// The key that the service is configured with.
    pub api_key: Option<String>,
    /// Make a new secret for the key although there is one.
    pub rotate_key: bool,
    /// Whether the service is configured with a webhook secret; else there will be a new one.
    pub has_secret: bool,
    /// Write the present webhook secret into Webhooks that are there already.
    pub rotate_secret: bool,
    /// Make all Webhooks of this name send here with our secret, whatever they did before.
    pub take_over: bool,
}

impl Wanted {
    /// First name of the user; ERPNext makes a Contact of that name for it.
    pub const FIRST_NAME: &str = "Customer Sync";
    /// The role, unless another is wanted.
    pub const ROLE: &str = "Customer Sync";
}
