//! Scripted misfortune: what the stand-in answers instead of the truth, and what becomes of webhooks.
//!
//! Invariant: a fault is used up by the requests it hits, in the order in which faults were scripted; without a script
//! nothing goes wrong. Rate limits and latency are options, not faults.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::documents::Doc;

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// An answer with that status and an HTML page, as a proxy in front of ERPNext gives it.
    Html(u16),
    /// An answer with that status, content type and body.
    Answer(u16, &'static str, String),
    /// Status 200 and a body that breaks off in the middle of the JSON.
    Garbage,
    /// A redirect to that address.
    Redirect(String),
    /// 429 with that many seconds in `Retry-After`.
    TooManyRequests(u64),
    /// A 500 of ERPNext itself, with its JSON.
    ServerError,
    /// The connection is closed without an answer.
    Close,
    /// The right answer, after a pause.
    Slow(Duration),
    /// No answer for that long, then the connection is closed.
    Hang(Duration),
}

/// What happens to a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookFault {
    /// It is never sent.
    Drop,
    /// It is sent twice.
    Duplicate,
    /// It is sent later.
    Delay(Duration),
    /// The next one is sent before it.
    Reorder,
}

/// Whether the site is closed for maintenance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Maintenance {
    /// Open.
    #[default]
    Off,
    /// Every request answers 503 `SessionStopped`.
    Closed,
    /// Reads work, writes answer 503 `InReadOnlyMode`.
    ReadOnly,
}

/// What a worker does with a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Normal,
    Lost,
    Twice,
    Delayed(Duration),
    Behind,
}

#[derive(Debug)]
struct Scripted {
    fault: Fault,
    left: usize,
    /// Of the path, or the whole doctype.
    part: Option<String>,
}

#[derive(Debug, Default)]
struct Script {
    requests: VecDeque<Scripted>,
    webhooks: VecDeque<(WebhookFault, usize)>,
    maintenance: Maintenance,
    poisoned: BTreeMap<String, u16>,
}

/// The script of a stand-in.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Script>);

impl Faults {
    /// The next `count` requests meet this fault.
    pub fn requests(&self, fault: Fault, count: usize) {
        self.push(Scripted { fault, left: count, part: None });
    }

    /// The next `count` requests whose decoded path contains `part`, or whose doctype is `part`, meet this fault.
    pub fn requests_to(&self, part: &str, fault: Fault, count: usize) {
        self.push(Scripted { fault, left: count, part: Some(part.to_owned()) });
    }

    /// The next `count` webhooks meet this fault.
    pub fn webhooks(&self, fault: WebhookFault, count: usize) {
        self.lock(|script| script.webhooks.push_back((fault, count)));
    }

    /// Every list that names this customer with all its columns is refused with that status (417 or 500), as by a
    /// document that breaks ERPNext's own code, until [`Faults::heal`].
    pub fn poison(&self, customer: &str, status: u16) {
        self.lock(|script| script.poisoned.insert(customer.to_owned(), status));
    }

    /// The customer can be read again.
    pub fn heal(&self, customer: &str) {
        self.lock(|script| script.poisoned.remove(customer));
    }

    /// Opens or closes the site.
    pub fn maintenance(&self, maintenance: Maintenance) {
        self.lock(|script| script.maintenance = maintenance);
    }

    /// Forgets the whole script and opens the site.
    pub fn clear(&self) {
        self.lock(|script| *script = Script::default());
    }

    /// The status with which a list of customers is refused, if it names a poisoned one.
    pub(super) fn poisoned(&self, list: &Doc) -> Option<u16> {
        let reads_all = list.get("fields").is_some_and(|fields| fields.to_string().contains("\"*\""));
        if list.get("doctype").and_then(Value::as_str) != Some("Customer") || !reads_all {
            return None;
        }
        let filters = list.get("filters").map(Value::to_string).unwrap_or_default();
        self.lock(|script| {
            let named = |name: &str| filters.contains(&Value::from(name).to_string());
            script.poisoned.iter().find(|(name, _status)| named(name)).map(|(_name, status)| *status)
        })
    }

    pub(super) fn take(&self, path: &str, doctype: &str) -> Option<Fault> {
        self.lock(|script| {
            let hits = |scripted: &Scripted| {
                scripted.left > 0 && scripted.part.as_deref().is_none_or(|part| path.contains(part) || part == doctype)
            };
            let hit = script.requests.iter_mut().find(|scripted| hits(scripted))?;
            hit.left -= 1;
            let fault = hit.fault.clone();
            script.requests.retain(|scripted| scripted.left > 0);
            Some(fault)
        })
    }

    pub(super) fn fate(&self) -> Fate {
        self.lock(|script| {
            let Some((fault, left)) = script.webhooks.iter_mut().find(|(_, left)| *left > 0) else {
                return Fate::Normal;
            };
            *left -= 1;
            match *fault {
                WebhookFault::Drop => Fate::Lost,
                WebhookFault::Duplicate => Fate::Twice,
                WebhookFault::Delay(wait) => Fate::Delayed(wait),
                WebhookFault::Reorder => Fate::Behind,
            }
        })
    }

    pub(super) fn present_maintenance(&self) -> Maintenance {
        self.lock(|script| script.maintenance)
    }

    fn push(&self, scripted: Scripted) {
        self.lock(|script| script.requests.push_back(scripted));
    }

    fn lock<T>(&self, act: impl FnOnce(&mut Script) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_hit_in_order_and_only_where_they_belong() {
        let faults = Faults::default();
        faults.requests_to("Contact", Fault::Garbage, 2);
        faults.requests(Fault::Close, 2);
        assert_eq!(faults.take("/api/resource/Customer", "Customer"), Some(Fault::Close));
        assert_eq!(faults.take("/api/method/frappe.client.get_list", "Contact"), Some(Fault::Garbage));
        assert_eq!(faults.take("/api/resource/Contact/A", "Contact"), Some(Fault::Garbage));
        assert_eq!(faults.take("/api/resource/Contact/A", "Contact"), Some(Fault::Close));
        assert_eq!(faults.take("/api/resource/Contact/A", "Contact"), None);
        faults.webhooks(WebhookFault::Drop, 1);
        assert_eq!((faults.fate(), faults.fate()), (Fate::Lost, Fate::Normal));
    }
}
