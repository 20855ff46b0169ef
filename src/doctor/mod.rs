//! `customer-sync doctor`: looks at everything that sync depends on and says what is wrong and what to do.
//!
//! ```text
//! configuration ─▶ database ─▶ ┬ service      is it running, and what does it say itself
//!                              ├ erpnext      address, key, version, clock, rate limit; fields and filter
//!                              ├ permissions  what the key may read, doctype by doctype
//!                              ├ webhooks     the documents in ERPNext; what they have delivered
//!                              ├ receiver     who answers at the public address
//!                              └ queue, schedules, disk
//! ```
//!
//! Invariant: nothing is written but the write test of `/readyz`; every part ends within its time, and what cannot be looked
//! at is said with the reason. Deciding is done here; printing is `cli`'s business.

mod configuration;
mod database;
mod deliveries;
mod disk;
mod erpnext;
mod fields;
mod finding;
mod permissions;
mod queue;
mod rate;
mod receiver;
mod schedules;
mod service;
mod webhooks;

use std::time::Duration;

use serde::Serialize;
use tokio::join;

use crate::app::{context, patient_client};
use crate::config::{Config, Inputs, Secret};
use crate::erpnext::Client;
use crate::store::Store;
use crate::sync::Context;

pub use finding::{Finding, Severity};

/// How long ERPNext may take to connect, and for one answer: a person waits.
const ANSWER_WITHIN: Duration = Duration::from_secs(4);
/// How long the database may take: everything else comes after it.
const DATABASE_WITHIN: Duration = Duration::from_secs(8);
/// How long ERPNext may take until it is known whether it can be asked further.
const ERPNEXT_WITHIN: Duration = Duration::from_secs(10);
/// How long each other part may take. One after the other all of them end within about half a minute.
const PART_WITHIN: Duration = Duration::from_secs(8);
/// How long a part may take beside which others are looked at.
const BESIDE_WITHIN: Duration = Duration::from_secs(15);

/// What was found, part by part.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// No problem was found; there may be warnings.
    pub healthy: bool,
    /// How many problems there are.
    pub problems: usize,
    /// How many warnings there are.
    pub warnings: usize,
    /// The parts, in the order in which one depends on the other.
    pub parts: Vec<Part>,
}

/// What was found in one part.
#[derive(Debug, Clone, Serialize)]
pub struct Part {
    /// Its name.
    pub part: &'static str,
    /// At least one.
    pub findings: Vec<Finding>,
}

/// How to look.
#[derive(Debug, Clone)]
pub struct Options {
    /// Free space, in bytes, below which a disk is called nearly full.
    pub least_free: u64,
    /// Key and secret of an administrator, for this call only: to look at the Webhook documents.
    pub admin_key: Option<(Secret, Secret)>,
}

/// What the parts are looked at with.
struct Patient {
    config: Config,
    options: Options,
    /// The database, where it can be used and its tables are up to date.
    store: Option<Store>,
    /// The way to ERPNext, where it is configured.
    client: Option<Client>,
    /// The same with an administrator's key, where one was given.
    admin: Option<Client>,
    /// Both.
    context: Option<Context>,
}

/// Looks at everything.
pub async fn examine(inputs: Inputs, options: Options) -> Report {
    let (config, mut configuration) = configuration::look(inputs);
    let Some(config) = config else {
        let why = "the configuration cannot be read";
        configuration.push(Finding::skipped("everything else", why));
        return Report::of(vec![Part { part: "Configuration", findings: configuration }]);
    };
    let client = match patient_client(&config, ANSWER_WITHIN) {
        Ok(client) => Some(client),
        Err(error) => {
            if config.require_erpnext().is_ok() {
                configuration.push(Finding::of_error(Severity::Problem, "erpnext_setting", error.as_ref()));
            }
            None
        }
    };
    let (store, database) =
        within(DATABASE_WITHIN, database::look(&config)).await.unwrap_or_else(|late| (None, vec![late]));
    let context = match (&store, &client) {
        (Some(store), Some(client)) => context(&config, client.clone(), store.clone()).ok(),
        _ => None,
    };
    let admin = options.admin_key.as_ref().and_then(|key| as_admin(&config, key));
    let patient = Patient { config, options, store, client, admin, context };
    let mut parts =
        vec![Part { part: "Configuration", findings: configuration }, Part { part: "Database", findings: database }];
    parts.extend(patient.look().await);
    if let Some(store) = &patient.store {
        store.close().await;
    }
    Report::of(parts)
}

/// The way to the configured site with another key.
fn as_admin(config: &Config, (key, secret): &(Secret, Secret)) -> Option<Client> {
    let mut config = config.clone();
    config.erpnext.api_key = Some(key.clone());
    config.erpnext.api_secret = Some(secret.clone());
    patient_client(&config, ANSWER_WITHIN).ok()
}

impl Patient {
    async fn look(&self) -> Vec<Part> {
        let (service, receiver) = (
            part("Service", BESIDE_WITHIN, service::look(self)),
            part("Receiver", BESIDE_WITHIN, receiver::look(self)),
        );
        let (queue, schedules) =
            (part("Queue", BESIDE_WITHIN, queue::look(self)), part("Schedules", BESIDE_WITHIN, schedules::look(self)));
        // One after the other, so that ERPNext meets no more than one question at a time.
        let upstream = async {
            let Some(client) = &self.client else {
                let skipped = Finding::skipped("everything about ERPNext", "it is not configured");
                return vec![Part { part: "ERPNext", findings: vec![skipped] }];
            };
            let (reachable, erpnext) = part_with("ERPNext", false, ERPNEXT_WITHIN, erpnext::look(self, client)).await;
            if !reachable {
                let skipped = || vec![Finding::skipped("this part", "ERPNext cannot be asked (see above)")];
                let names = ["Permissions", "Webhooks"].map(|part| Part { part, findings: skipped() });
                return std::iter::once(erpnext).chain(names).collect();
            }
            let permissions = part("Permissions", PART_WITHIN, permissions::look(client)).await;
            vec![
                erpnext,
                permissions,
                part("Webhooks", PART_WITHIN, webhooks::look(self, self.admin.as_ref().unwrap_or(client))).await,
            ]
        };
        let (service, upstream, receiver, queue, schedules) = join!(service, upstream, receiver, queue, schedules);
        let disk = Part { part: "Disk", findings: disk::look(&self.config, self.options.least_free) };
        let mut parts = vec![service];
        parts.extend(upstream);
        parts.extend([receiver, queue, schedules, disk]);
        parts
    }
}

impl Report {
    fn of(parts: Vec<Part>) -> Self {
        let count =
            |severity| parts.iter().flat_map(|part| &part.findings).filter(|one| one.severity == severity).count();
        let (problems, warnings) = (count(Severity::Problem), count(Severity::Warning));
        Self { healthy: problems == 0, problems, warnings, parts }
    }
}

async fn part(name: &'static str, limit: Duration, look: impl Future<Output = Vec<Finding>>) -> Part {
    let findings = within(limit, look).await.unwrap_or_else(|late| vec![late]);
    Part { part: name, findings }
}

/// The same for a part on which others depend; `otherwise` where it takes too long.
async fn part_with<T>(
    name: &'static str,
    otherwise: T,
    limit: Duration,
    look: impl Future<Output = (T, Vec<Finding>)>,
) -> (T, Part) {
    let (outcome, findings) = within(limit, look).await.unwrap_or_else(|late| (otherwise, vec![late]));
    (outcome, Part { part: name, findings })
}

async fn within<T>(limit: Duration, look: impl Future<Output = T>) -> Result<T, Finding> {
    tokio::time::timeout(limit, look).await.map_err(|_elapsed| {
        let what = format!("it could not be looked at within {} s", limit.as_secs());
        Finding::problem("too_slow", what, "look whether machine, network or database are overloaded, then try again")
    })
}
