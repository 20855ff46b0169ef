//! Who answers at the public address to which webhooks go, seen from here.
//!
//! Invariant: the address is asked with a GET, which the receiver refuses without counting it as a webhook. From here it may
//! look other than from ERPNext, so only a delivery is a proof; what is wrong here is mostly wrong there too.

use url::Url;

use super::Patient;
use super::configuration::is_near;
use super::finding::Finding;
use crate::domain::webhook::RECEIVER_PATH;
use crate::erpnext::Reached;
use crate::sync::installation;

pub(super) async fn look(patient: &Patient) -> Vec<Finding> {
    let config = &patient.config;
    let Some(public) = &config.server.public_url else {
        let mut skipped = Finding::skipped("the receiver's public address", "PUBLIC_URL is not set");
        skipped.what_to_do = Some("set it to the address at which ERPNext reaches this service".to_owned());
        return vec![skipped];
    };
    let mut findings = Vec::new();
    if let Some(erpnext) = config.erpnext.url.as_ref().filter(|erpnext| is_near(public) && !is_near(erpnext)) {
        findings.push(Finding::warning(
            "receiver_address_local",
            format!("PUBLIC_URL is an address of a local network ({public}), which {erpnext} can hardly reach"),
            "set PUBLIC_URL to an address that ERPNext's server reaches, and let your proxy or tunnel forward it",
        ));
    }
    let address = match Url::parse(&format!("{}{RECEIVER_PATH}", public.as_str().trim_end_matches('/'))) {
        Ok(address) => address,
        Err(error) => return vec![Finding::skipped("the receiver's public address", &error.to_string())],
    };
    findings.push(judge(patient, &address, Reached::ask(&address).await).await);
    findings
}

async fn judge(patient: &Patient, address: &Url, reached: Reached) -> Finding {
    match reached {
        Reached::Receiver { installation: theirs } => {
            let ours = match &patient.store {
                Some(store) => installation::of(store).await.unwrap_or_default(),
                None => String::new(),
            };
            match theirs {
                Some(theirs) if !ours.is_empty() && theirs != ours => Finding::problem(
                    "receiver_is_another",
                    format!("at {address} answers another installation of this service, with another database"),
                    "correct PUBLIC_URL or DATABASE_URL, or the proxy in between: webhooks do not reach this database",
                ),
                _ => Finding::ok("receiver", format!("our receiver answers at {address}")),
            }
        }
        Reached::Redirect { to } => Finding::problem(
            "receiver_redirects",
            format!(
                "{address} redirects to {to}: ERPNext follows without the body and takes that for success, so every webhook \
                     is lost in silence"
            ),
            "set PUBLIC_URL (and the Webhooks' Request URL) to the address that answers itself, mostly the https:// one",
        ),
        Reached::Other { status } => Finding::problem(
            "receiver_is_not_ours",
            format!("at {address} somebody else answers ({status})"),
            "see that the proxy forwards the path /webhooks/erpnext to LISTEN unchanged, and that PUBLIC_URL is this service's",
        ),
        Reached::Nobody { why } => Finding::problem(
            "receiver_unreachable",
            format!("nobody answers at {address}: {why}"),
            "see that customer-sync serve runs, that proxy, firewall and certificate let ERPNext in, and that PUBLIC_URL is \
             right (if only this machine cannot reach it, webhooks may still arrive: see the last verified one)",
        ),
    }
}
