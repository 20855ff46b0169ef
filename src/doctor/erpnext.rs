//! ERPNext itself: is it there, does it know the key, which version, whose clock and zone, how much may be asked.
//!
//! Invariant: the first question decides whether the rest is asked at all; nothing here depends on documents.

use std::time::Duration;

use jiff::Timestamp;

use super::Patient;
use super::fields;
use super::finding::{Finding, Severity};
use super::rate;
use crate::erpnext::{Client, Error};
use crate::telemetry::clock;

/// Versions below this were never tried.
const OLDEST: u32 = 14;
/// The site's clock may differ so much from ours: answers tell whole seconds, and take some to come.
const CLOCK_APART: Duration = Duration::from_secs(120);
/// The user who may do everything.
const ADMINISTRATOR: &str = "Administrator";

/// Whether ERPNext can be asked further, and what is to be said about it.
pub(super) async fn look(patient: &Patient, client: &Client) -> (bool, Vec<Finding>) {
    let user = match client.logged_user().await {
        Ok(user) => user,
        Err(error) => return (false, vec![unreachable(&error)]),
    };
    let mut findings = vec![Finding::ok("erpnext", format!("it answers and knows the key, which is {user}'s"))];
    if user == ADMINISTRATOR {
        findings.push(Finding::warning(
            "too_powerful",
            "the key is the Administrator's, who may do everything",
            "use a user of its own whose role may only read (customer-sync setup makes one)",
        ));
    }
    findings.extend(version(client).await);
    findings.extend(time(client).await);
    findings.extend(zone(patient, client).await);
    findings.extend(fields::look(patient, client).await);
    // Last, when the answers have told the limit.
    findings.extend(rate::look(&patient.config.schedule, client.budget()));
    (true, findings)
}

/// Why nothing can be asked.
fn unreachable(error: &Error) -> Finding {
    let code = match error {
        // Who asks without a key is refused so; who asks with a wrong one, by 401.
        Error::Forbidden { .. } => {
            return Finding::problem(
                "key_not_seen",
                "ERPNext answers as if no key had been sent (403)",
                "look for a proxy before ERPNext that takes the header Authorization away, and let it pass; else look \
                 whether the key's user may sign in",
            );
        }
        Error::Unauthorized { .. } => {
            return Finding::problem(
                "key_refused",
                error.without_detail().split(". ").next().unwrap_or_default().to_owned(),
                "compare ERPNEXT_API_KEY and ERPNEXT_API_SECRET with API Access in the user's document in ERPNext, and \
                 look whether the user is enabled; new keys end the old ones",
            );
        }
        Error::Connect { .. } => "erpnext_unreachable",
        Error::Timeout { .. } | Error::Busy | Error::BreakerOpen { .. } => "erpnext_slow",
        Error::Redirect { .. } => "erpnext_redirects",
        Error::NotErpnext { .. } | Error::Missing { .. } | Error::Decode { .. } => "not_erpnext",
        Error::Maintenance => "erpnext_maintenance",
        Error::RateLimited { .. } | Error::Paced { .. } => {
            return Finding::problem("rate_limit_used_up", error.to_string(), rate::RAISE);
        }
        Error::Invalid { .. } | Error::Server { .. } | Error::TooLarge { .. } | Error::ImpossibleName => {
            "erpnext_fails"
        }
    };
    Finding::of_error(Severity::Problem, code, error)
}

async fn version(client: &Client) -> Vec<Finding> {
    let apps = match client.versions().await {
        Ok(apps) => apps,
        Err(error) => return vec![Finding::skipped("its version", &error.without_detail())],
    };
    let Some(version) = apps.get("erpnext") else {
        let to_do = "check that ERPNEXT_URL is the site with ERPNext installed";
        return vec![Finding::problem("no_erpnext", "the site runs Frappe, but ERPNext is not installed there", to_do)];
    };
    let major: Option<u32> = version.split('.').next().and_then(|major| major.parse().ok());
    vec![match major {
        Some(major) if major < OLDEST => Finding::warning(
            "old_version",
            format!("ERPNext {version} is older than anything this was tried with"),
            format!("update ERPNext to {OLDEST} or later, or try with a copy of the site first"),
        ),
        _ => Finding::ok("version", format!("ERPNext {version}")),
    }]
}

async fn time(client: &Client) -> Option<Finding> {
    let theirs = match client.clock().await {
        Ok(theirs) => theirs?,
        Err(error) => return Some(Finding::skipped("its clock", &error.without_detail())),
    };
    let ours = Timestamp::from_millisecond(clock::unix_millis()).ok()?;
    let ahead = theirs.as_second() - ours.as_second();
    let apart = Duration::from_secs(ahead.unsigned_abs());
    let direction = if ahead > 0 { "ahead of" } else { "behind" };
    let what = format!("its clock is {} s {direction} this machine's", apart.as_secs());
    Some(if apart > CLOCK_APART {
        Finding::warning("clock_apart", what, "let both machines set their clocks by NTP")
    } else {
        Finding::ok("clock", "its clock agrees with this machine's")
    })
}

/// The zone that the newest webhook names against the one of the key's user, which was copied from the site.
async fn zone(patient: &Patient, client: &Client) -> Option<Finding> {
    let users = match client.user_time_zone().await {
        Ok(zone) => zone?,
        Err(error) => return Some(Finding::skipped("its time zone", &error.without_detail())),
    };
    let webhooks = match &patient.store {
        Some(store) => store.latest_deliveries().await.unwrap_or_default(),
        None => Vec::new(),
    };
    let newest = webhooks.iter().max_by_key(|delivery| delivery.received_at);
    let told = newest.and_then(|delivery| super::deliveries::word(delivery, "time_zone"));
    Some(match told {
        Some(told) if told != users => Finding::warning(
            "time_zone_differs",
            format!("webhooks name the time zone {told}, but the key's user has {users}"),
            "look which is right in ERPNext's System Settings; correct the user's time zone, or the Webhook's template \
             (customer-sync setup repairs it)",
        ),
        _ => Finding::ok("time_zone", format!("its time zone is {users}")),
    })
}
