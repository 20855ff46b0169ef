//! The Webhook documents in ERPNext: there, enabled, to our address, signed, with a body that tells which document changed.
//!
//! Invariant: a Webhook is ours by its address, or by its name where `setup` made it; others are never judged. The sync user
//! should not be allowed to list them (they hold other programs' tokens): then it is said what to look at by hand. Whether a
//! secret is right only deliveries tell (`deliveries`).

use serde_json::{Value, json};
use url::Url;

use super::finding::{Finding, Severity};
use super::{Patient, deliveries};
use crate::domain::document::Doc;
use crate::domain::webhook::{EVENTS, Instance, RECEIVER_PATH, wanted};
use crate::erpnext::{Client, Error, List, Work};

/// What is compared; never the headers, in which other integrations have tokens.
const FIELDS: [&str; 10] = [
    "name",
    "webhook_doctype",
    "webhook_docevent",
    "enabled",
    "request_url",
    "request_method",
    "webhook_json",
    "enable_security",
    "condition",
    "timeout",
];
/// ERPNext repeats what was not answered within this; less is no time for a busy network.
const SHORTEST_TIMEOUT: u64 = 3;
const SETUP: &str = "run customer-sync setup, which repairs it, or correct the Webhook in ERPNext";

pub(super) async fn look(patient: &Patient, client: &Client) -> Vec<Finding> {
    let mut findings = match list(client).await {
        Ok(documents) => {
            let ours = Ours { patient, documents };
            let mut findings = ours.judge(client).await;
            findings.extend(deliveries::log(client, &ours.names()).await);
            findings
        }
        Err(Error::Forbidden { .. }) => vec![by_hand(patient)],
        Err(error) => vec![Finding::skipped("the Webhook documents", &error.without_detail())],
    };
    findings.extend(deliveries::verified(patient.store.as_ref()).await);
    findings
}

async fn list(client: &Client) -> Result<Vec<Doc>, Error> {
    let list = List {
        doctype: "Webhook",
        parent: None,
        fields: &FIELDS,
        filters: json!([]),
        or_filters: Value::Null,
        order_by: "name asc",
        limit: 0,
    };
    client.list(&list, Work::Interactive).await
}

fn by_hand(patient: &Patient) -> Finding {
    let address = expected(patient).unwrap_or_else(|| format!("(this service){RECEIVER_PATH}"));
    let events: Vec<String> =
        EVENTS.iter().map(|(doctype, events)| format!("{doctype} ({})", events.join(", "))).collect();
    let why = "the sync user may not list them (which is right: they hold other programs' tokens)";
    Finding {
        severity: Severity::Note,
        what_to_do: Some(format!(
            "look yourself in ERPNext under Webhook: one for each of {}; each enabled, Request URL {address}, Enable Security \
             with our secret, no condition; or run doctor with an administrator's key in ERPNEXT_ADMIN_KEY (KEY:SECRET)",
            events.join(", ")
        )),
        ..Finding::skipped("the Webhook documents", why)
    }
}

/// Where webhooks should go.
fn expected(patient: &Patient) -> Option<String> {
    let url = patient.config.server.public_url.as_ref()?;
    Some(format!("{}{RECEIVER_PATH}", url.as_str().trim_end_matches('/')))
}

/// All Webhook documents, to judge those that are ours.
struct Ours<'a> {
    patient: &'a Patient,
    documents: Vec<Doc>,
}

impl Ours<'_> {
    fn instance(&self) -> &Instance {
        &self.patient.config.webhook.instance
    }

    fn is_ours(&self, webhook: &Doc) -> bool {
        let path = Url::parse(text(webhook, "request_url")).map(|url| url.path().to_owned()).unwrap_or_default();
        let by_address = match expected(self.patient) {
            Some(address) => text(webhook, "request_url") == address,
            None => path.ends_with(RECEIVER_PATH),
        };
        by_address || text(webhook, "name").starts_with(&self.instance().prefix())
    }

    fn names(&self) -> Vec<&str> {
        self.documents.iter().filter(|webhook| self.is_ours(webhook)).map(|webhook| text(webhook, "name")).collect()
    }

    async fn judge(&self, client: &Client) -> Vec<Finding> {
        let (mut findings, mut missing, mut count) = (Vec::new(), Vec::new(), 0);
        for (doctype, event) in
            EVENTS.iter().flat_map(|(doctype, events)| events.iter().map(move |event| (*doctype, *event)))
        {
            let is_for = |webhook: &&Doc| {
                text(webhook, "webhook_doctype") == doctype.as_str() && text(webhook, "webhook_docevent") == event
            };
            let ours: Vec<&Doc> =
                self.documents.iter().filter(is_for).filter(|webhook| self.is_ours(webhook)).collect();
            count += ours.len();
            match ours.iter().find(|webhook| flag(webhook, "enabled")).or(ours.first()) {
                Some(webhook) => findings.extend(self.of_one(client, webhook).await),
                None => match self.documents.iter().filter(is_for).find(|webhook| to_another_receiver(webhook)) {
                    Some(elsewhere) => findings.push(wrong_address(elsewhere, expected(self.patient).as_deref())),
                    None => missing.push(format!("{doctype} {event}")),
                },
            }
        }
        if !missing.is_empty() {
            let what = format!("no Webhook tells us of: {}", missing.join(", "));
            let to_do = "run customer-sync setup, which makes them; until then only polling sees these changes";
            findings.insert(0, Finding::problem("webhook_missing", what, to_do));
        }
        if findings.is_empty() {
            findings.push(Finding::ok("webhooks", format!("{count} Webhooks are there and as they should be")));
        }
        findings
    }

    async fn of_one(&self, client: &Client, webhook: &Doc) -> Vec<Finding> {
        let name = text(webhook, "name");
        let problem =
            |code, what: &str| Finding::problem(code, format!("the Webhook \"{name}\" {what}"), SETUP.to_owned());
        let mut findings = Vec::new();
        if !flag(webhook, "enabled") {
            return vec![problem("webhook_disabled", "is disabled")];
        }
        if expected(self.patient).is_some_and(|address| text(webhook, "request_url") != address) {
            findings.push(wrong_address(webhook, expected(self.patient).as_deref()));
        }
        if !flag(webhook, "enable_security") && !self.patient.config.webhook.insecure {
            findings.push(problem("webhook_unsigned", "does not sign what it sends, which is refused"));
        }
        if !text(webhook, "condition").trim().is_empty() {
            let what = "has a condition: where it fails, ERPNext refuses to save the document";
            findings.push(problem("webhook_condition", what));
        }
        if !matches!(text(webhook, "request_method"), "" | "POST" | "PUT") {
            findings.push(problem("webhook_method", "does not use POST, so the receiver refuses it"));
        }
        let seconds = webhook.get("timeout").and_then(Value::as_u64).filter(|seconds| *seconds > 0);
        if let Some(seconds) = seconds.filter(|seconds| *seconds < SHORTEST_TIMEOUT) {
            let what = format!("the Webhook \"{name}\" waits only {seconds} s for an answer");
            findings.push(Finding::warning("webhook_timeout", what, "set its Request Timeout to 5 s"));
        }
        findings.extend(self.template(client, webhook).await);
        findings
    }

    async fn template(&self, client: &Client, webhook: &Doc) -> Option<Finding> {
        let (name, template) = (text(webhook, "name"), text(webhook, "webhook_json"));
        let finding =
            |code, what: &str| Finding::problem(code, format!("the Webhook \"{name}\" {what}"), SETUP.to_owned());
        if template.contains("now(") {
            let what = "has now() in its template, which is rendered twice, so that the signature never fits";
            return Some(finding("webhook_unverifiable", what));
        }
        if let Some(made_by_setup) = wanted(self.instance(), "").into_iter().find(|webhook| webhook.name == name) {
            let what = format!("the Webhook \"{name}\" has another template than this version's");
            return (template != made_by_setup.template).then(|| Finding::warning("webhook_stale", what, SETUP));
        }
        let tells = if template.is_empty() {
            tells_by_rows(client, name).await
        } else {
            template.contains("doc | json") || (template.contains("\"doctype\"") && template.contains("\"name\""))
        };
        let what = "sends nothing that tells which document changed (doctype and name)";
        (!tells).then(|| finding("webhook_template", what))
    }
}

/// Whether the rows of `webhook_data`, which no list shows, send doctype and name. What cannot be read is not blamed.
async fn tells_by_rows(client: &Client, name: &str) -> bool {
    let Ok(Some(webhook)) = client.get("Webhook", name, Work::Interactive).await else { return true };
    let rows = webhook.get("webhook_data").and_then(Value::as_array).cloned().unwrap_or_default();
    ["doctype", "name"].iter().all(|key| rows.iter().any(|row| row.get("key").and_then(Value::as_str) == Some(key)))
}

fn to_another_receiver(webhook: &Doc) -> bool {
    Url::parse(text(webhook, "request_url")).is_ok_and(|url| url.path().ends_with(RECEIVER_PATH))
}

fn wrong_address(webhook: &Doc, expected: Option<&str>) -> Finding {
    let (name, url) = (text(webhook, "name"), text(webhook, "request_url"));
    Finding::problem(
        "webhook_wrong_url",
        format!("the Webhook \"{name}\" sends to {url}, not to {}", expected.unwrap_or("us")),
        "run customer-sync setup --take-over if it shall come here; leave it if it belongs to another installation, and run \
         customer-sync setup for Webhooks of our own; or correct PUBLIC_URL",
    )
}

fn text<'a>(webhook: &'a Doc, field: &str) -> &'a str {
    webhook.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn flag(webhook: &Doc, field: &str) -> bool {
    webhook.get(field).and_then(Value::as_u64).unwrap_or_default() != 0
}
