//! The proof that a webhook arrives: a Webhook on doctype Webhook fires on its own creation, without business data.
//!
//! Invariant: it proves address, TLS, secret, ERPNext's background worker and the receiver at once, because the delivery is
//! looked up where the receiver stored it; and it is removed again whatever came of it.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::SetupError;
use crate::domain::webhook::{self, Instance, Webhook};
use crate::erpnext::admin::{Admin, Attempt};
use crate::store::Store;

/// How long a delivery may take: ERPNext's three attempts take twelve seconds, and others may queue before it.
const WITHIN: Duration = Duration::from_secs(45);
/// How often the database is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often ERPNext's log is looked at.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// After so many failed attempts ERPNext gives up.
const ATTEMPTS: usize = 3;

/// What a round trip tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// From the creation of the Webhook to the look that found the delivery.
    pub took: Duration,
    /// The site's address as ERPNext itself knows it.
    pub site: Option<String>,
    /// The site's time zone.
    pub time_zone: Option<String>,
}

/// Sends one through ERPNext, signed with `secret`, and waits until the receiver has stored it in this database.
///
/// # Errors
/// [`SetupError::NotReceived`] with what ERPNext's log says about it.
pub async fn prove(
    admin: &Admin,
    store: &Store,
    instance: &Instance,
    receiver: &str,
    secret: &str,
) -> Result<Proof, SetupError> {
    let proof = webhook::round_trip(instance, receiver, &format!("{:08x}", rand::random::<u32>()));
    let started = Instant::now();
    admin.create_webhook(&proof, secret).await.map_err(SetupError::during("create the Webhook of the round trip"))?;
    let arrived = wait(admin, store, &proof, started).await;
    let removing =
        SetupError::during(format!("remove the Webhook \"{}\" of the round trip; delete it by hand", proof.name));
    let removed = admin.remove_webhook(&proof.name).await.map_err(removing);
    let arrived = arrived?;
    removed.map(|()| arrived)
}

async fn wait(admin: &Admin, store: &Store, proof: &Webhook, started: Instant) -> Result<Proof, SetupError> {
    let mut asked = started;
    loop {
        if let Some(body) = store.recent_delivery(&proof.doctype, &proof.name).await? {
            return Ok(read(&body, started.elapsed()));
        }
        if asked.elapsed() >= ASK_EVERY {
            asked = Instant::now();
            // The log only helps to explain; that it cannot be read is no failure of the round trip.
            let attempts = admin.attempts(&proof.name).await.unwrap_or_default();
            if let Some(why) = verdict(&attempts) {
                // It may have arrived meanwhile.
                return match store.recent_delivery(&proof.doctype, &proof.name).await? {
                    Some(body) => Ok(read(&body, started.elapsed())),
                    None => Err(SetupError::NotReceived { why }),
                };
            }
        }
        if started.elapsed() >= WITHIN {
            let attempts = admin.attempts(&proof.name).await.unwrap_or_default();
            return Err(SetupError::NotReceived { why: gave_up(&attempts) });
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What is known for certain before the time is over.
fn verdict(attempts: &[Attempt]) -> Option<String> {
    if attempts.iter().any(|attempt| attempt.error.is_none()) {
        return Some(
            "ERPNext delivered the webhook and got a friendly answer, but it is not in this database: something else \
             answers at that address (a proxy, a login page, another installation), or the service there uses another \
             database"
                .to_owned(),
        );
    }
    (attempts.len() >= ATTEMPTS).then(|| failed(attempts))
}

fn failed(attempts: &[Attempt]) -> String {
    let error = attempts.iter().find_map(|attempt| attempt.error.as_deref()).unwrap_or_default();
    format!("ERPNext could not deliver the webhook: {error}. {}", advice(error))
}

fn gave_up(attempts: &[Attempt]) -> String {
    if attempts.is_empty() {
        let seconds = WITHIN.as_secs();
        return format!(
            "ERPNext tried no delivery within {seconds} s: its background workers are busy or not running (on its server: \
             bench doctor)"
        );
    }
    failed(attempts)
}

/// What the line of Python's traceback means here.
fn advice(error: &str) -> &'static str {
    let has = |words: &[&str]| words.iter().any(|word| error.contains(word));
    if has(&["401"]) {
        "The receiver has another secret: put the one that setup uses into ERPNEXT_WEBHOOK_SECRET of the running service \
         and restart it"
    } else if has(&["503"]) {
        "The receiver is closed or cannot write: see /readyz of the service"
    } else if has(&["404", "405"]) {
        "Something else answers at that address: check PUBLIC_URL"
    } else if has(&["SSLError", "certificate"]) {
        "ERPNext does not trust the certificate at that address"
    } else if has(&["NameResolution", "Name or service", "ConnectionError", "Timeout", "refused"]) {
        "ERPNext's server does not reach that address: start the service, and check PUBLIC_URL, firewall and proxy"
    } else {
        "Look into Webhook Request Log in ERPNext"
    }
}

fn read(body: &str, took: Duration) -> Proof {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
    Proof { took, site: text("site"), time_zone: text("time_zone") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempts(errors: &[Option<&str>]) -> Vec<Attempt> {
        errors.iter().map(|error| Attempt { error: error.map(str::to_owned) }).collect()
    }

    #[test]
    fn failed_attempts_are_explained() {
        let log = |error| attempts(&[Some(error); 3]);
        let why = |error| verdict(&log(error)).unwrap();
        assert!(why("requests.exceptions.HTTPError: 401 Client Error").contains("ERPNEXT_WEBHOOK_SECRET"));
        assert!(why("requests.exceptions.ConnectionError: refused").contains("PUBLIC_URL"));
        assert!(why("requests.exceptions.SSLError: x").contains("certificate"));
        assert!(verdict(&attempts(&[Some("x"); 2])).is_none(), "ERPNext will try again");
    }

    #[test]
    fn a_delivery_that_did_not_come_here_went_elsewhere_and_none_at_all_is_told() {
        assert!(verdict(&attempts(&[None])).unwrap().contains("another"));
        assert!(gave_up(&[]).contains("workers"));
    }

    #[test]
    fn what_the_body_says_about_the_site_is_read() {
        let proof = read(r#"{"site": "http://erp.test", "time_zone": "Europe/Berlin"}"#, Duration::ZERO);
        assert_eq!(proof.time_zone.as_deref(), Some("Europe/Berlin"));
        assert_eq!(read("garbage", Duration::ZERO).site, None);
    }
}
