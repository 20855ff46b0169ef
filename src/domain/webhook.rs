//! The Webhook documents that ERPNext needs: one for each doctype and event that matters, with the body it sends.
//!
//! Invariant: this is the only place that says what they look like; `setup`, its instructions, `deploy/erpnext` and the
//! stand-in take them from here. A body carries hints only (see `sync::receive`), each value through `tojson`, never
//! `now()` (it is rendered twice, once to be signed), and there is never a condition: one that fails blocks people's saves.
//! How they get into ERPNext lives in `setup`.

use std::fmt;

use serde_json::{Value, json};

use super::hint::Doctype;

/// Path of the receiver below the address of the service.
pub const RECEIVER_PATH: &str = "/webhooks/erpnext";

/// The events that matter, in the order in which they are listed. An Address or Contact has no `on_change` that `on_update`
/// does not tell as well; a Customer has: a rename tells only that one.
pub const EVENTS: [(Doctype, &[&str]); 3] = [
    (Doctype::Customer, &["after_insert", "on_update", "on_change", "on_trash"]),
    (Doctype::Address, &["after_insert", "on_update", "on_trash"]),
    (Doctype::Contact, &["after_insert", "on_update", "on_trash"]),
];

/// Seconds that ERPNext waits for our answer; its own default.
const TIMEOUT: u32 = 5;

/// The name of one installation of this service, with which the names of its Webhooks begin. Several installations (a
/// production and a staging) can so share an ERPNext.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance(String);

impl Instance {
    /// Takes letters, digits, `-`, `_` and `.`: at most 40, so that the names of its Webhooks fit ERPNext's 140.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() || text.len() > 40 {
            return Err("is empty or longer than 40 characters".to_owned());
        }
        let proper = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        if !text.chars().all(proper) {
            return Err("has a character that is no letter, digit, -, _ or .".to_owned());
        }
        Ok(Self(text.to_owned()))
    }

    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the names of its Webhooks begin with, and no other instance's.
    #[must_use]
    pub fn prefix(&self) -> String {
        format!("{}: ", self.0)
    }

    /// The name of its Webhook for that doctype and event.
    #[must_use]
    pub fn webhook_name(&self, doctype: &str, event: &str) -> String {
        format!("{}{doctype} {event}", self.prefix())
    }
}

impl Default for Instance {
    fn default() -> Self {
        Self("customer-sync".to_owned())
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A Webhook document as it shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// The document's name.
    pub name: String,
    /// The doctype whose documents it is about.
    pub doctype: String,
    /// The event (`on_update` …).
    pub event: String,
    /// Address of the receiver.
    pub url: String,
    /// The body, in Jinja.
    pub template: String,
}

/// All Webhooks of an instance whose receiver has that address.
#[must_use]
pub fn wanted(instance: &Instance, url: &str) -> Vec<Webhook> {
    EVENTS
        .into_iter()
        .flat_map(|(doctype, events)| events.iter().map(move |event| (doctype, *event)))
        .map(|(doctype, event)| {
            Webhook::new(instance.webhook_name(doctype.as_str(), event), doctype.as_str(), event, url)
        })
        .collect()
}

/// The Webhook that proves the way from ERPNext to the receiver: it fires on its own creation. `nonce` makes its name
/// unique, so that nothing earlier can be taken for it.
#[must_use]
pub fn round_trip(instance: &Instance, url: &str, nonce: &str) -> Webhook {
    Webhook::new(format!("{}{ROUND_TRIP}{nonce}", instance.prefix()), "Webhook", "on_update", url)
}

/// What follows the prefix in the name of a Webhook that was only a proof.
const ROUND_TRIP: &str = "round trip ";

impl Webhook {
    fn new(name: String, doctype: &str, event: &str, url: &str) -> Self {
        let template = template(&name, doctype, event);
        Self { name, doctype: doctype.to_owned(), event: event.to_owned(), url: url.to_owned(), template }
    }

    /// The fields that matter to us, as ERPNext stores them; the secret is not among them, as it cannot be read back.
    #[must_use]
    pub fn fields(&self) -> Value {
        json!({
            "webhook_doctype": self.doctype,
            "webhook_docevent": self.event,
            "enabled": 1,
            "request_url": self.url,
            "is_dynamic_url": 0,
            "request_method": "POST",
            "request_structure": "JSON",
            "webhook_json": self.template,
            "enable_security": 1,
            "condition": "",
        })
    }

    /// The whole document, for creating it.
    #[must_use]
    pub fn document(&self, secret: &str) -> Value {
        let mut document = self.fields();
        document["name"] = json!(self.name);
        document["timeout"] = json!(TIMEOUT);
        document["webhook_secret"] = json!(secret);
        document
    }
}

/// The body that a Webhook of that name sends; ERPNext has no variable for the event and for the Webhook's own name.
#[must_use]
pub fn template(name: &str, doctype: &str, event: &str) -> String {
    let mut lines = vec![
        format!("\"event\": {}", json!(event)),
        format!("\"webhook\": {}", json!(name)),
        "\"doctype\": {{ doc.doctype | tojson }}".to_owned(),
        "\"name\": {{ doc.name | tojson }}".to_owned(),
        "\"modified\": {{ doc.modified | tojson }}".to_owned(),
        "\"creation\": {{ doc.creation | tojson }}".to_owned(),
        "\"site\": {{ frappe.utils.get_url() | tojson }}".to_owned(),
        "\"time_zone\": {{ frappe.db.get_single_value(\"System Settings\", \"time_zone\") | tojson }}".to_owned(),
    ];
    if matches!(Doctype::parse(doctype), Some(Doctype::Address | Doctype::Contact)) {
        lines.push(format!("\"customers\": {{{{ {CUSTOMERS} | list | tojson }}}}"));
    }
    format!("{{{}}}", lines.join(",\n "))
}

/// The customers that a document links to.
const CUSTOMERS: &str = r#"doc.links | selectattr("link_doctype", "equalto", "Customer") | map(attribute="link_name")"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_for_each_event_and_names_tell_them_apart() {
        let mut names: Vec<String> =
            wanted(&Instance::default(), "https://x.example/w").into_iter().map(|webhook| webhook.name).collect();
        assert_eq!(names.len(), 10);
        assert!(names.contains(&"customer-sync: Customer on_trash".to_owned()));
        names.dedup();
        assert_eq!(names.len(), 10);
    }

    #[test]
    fn a_template_names_its_event_and_its_webhook_and_quotes_nothing_else() {
        for webhook in wanted(&Instance::default(), "https://x.example/w") {
            assert!(webhook.template.contains(&format!("\"event\": \"{}\"", webhook.event)));
            assert!(webhook.template.contains(&format!("\"webhook\": \"{}\"", webhook.name)));
            assert!(!webhook.template.contains("\"{{"), "a quoted expression breaks on a name with quotes");
            assert!(!webhook.template.contains("now()"));
            assert_eq!(webhook.template.contains("\"customers\""), webhook.doctype != "Customer");
        }
    }

    #[test]
    fn instances_have_plain_names() {
        assert_eq!(Instance::parse(" staging-2 ").unwrap().prefix(), "staging-2: ");
        for wrong in ["", "a b", "a:b", "{{ x }}", &"x".repeat(41)] {
            assert!(Instance::parse(wrong).is_err(), "{wrong}");
        }
    }
}
