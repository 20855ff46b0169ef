//! Short words for what the tests put into the store.
//!
//! Invariant: what is not said is plausible and the same each time; a record's hash is its real content hash.

use std::collections::BTreeSet;
use std::time::Duration;

use customer_sync::domain::customer::{Address, Contact, Customer, CustomerId, Record};
use customer_sync::domain::document::Unknown;
use customer_sync::domain::fields::content_hash;
use customer_sync::domain::hint::{Delivery, Verdict};
use customer_sync::domain::job::{Cause, Claim, DocKey, JobError, Lane, Outcome, Put};
use customer_sync::domain::plan::{Applied, Effect, Seen, State, Unit, Upsert, Write};

use super::Case;

/// Longer than any test.
pub const LEASE: Duration = Duration::from_secs(600);

/// `creation` of the customers of tests that do not care.
pub const CREATION: &str = "2026-01-31 12:00:00.123456";

/// A webhook's put of a Customer.
pub fn put(name: &str) -> Put {
    Put {
        delivery_id: Some(format!("delivery of {name}").chars().take(36).collect()),
        ..Put::new(DocKey::customer(name), Lane::Fast, Cause::Webhook)
    }
}

/// A verified webhook about a Customer, with its put.
pub fn delivery(id: &str, name: &str) -> Delivery {
    Delivery {
        id: id.to_owned(),
        verdict: Verdict::Queued,
        event: Some("on_update".to_owned()),
        doctype: Some("Customer".to_owned()),
        name: Some(name.to_owned()),
        body: format!("{{\"name\": \"{name}\"}}"),
        put: Some(Put { delivery_id: Some(id.to_owned()), ..put(name) }),
    }
}

/// A failure for outcomes.
pub fn error(message: &str) -> JobError {
    JobError { label: "timeout", message: message.to_owned() }
}

/// A record with the least that a customer has.
pub fn record(name: &str) -> Record {
    let customer = Customer {
        erpnext_id: Some(name.to_owned()),
        name: format!("{name} Ltd"),
        is_active: true,
        ..Customer::default()
    };
    Record { customer, ..Record::default() }
}

/// A record with everything that a customer can have, and difficult values in it.
pub fn full_record(name: &str) -> Record {
    let text = |value: &str| Some(value.to_owned());
    let customer = Customer {
        erpnext_id: text(name),
        name: "Müller & Söhne \"GmbH\" 'x' \\ 中文 😀".to_owned(),
        company_name: text("Müller & Söhne"),
        contact_person: text("Zoë O'Brien"),
        email: text("zoe@example.com"),
        phone: text("+49 30 123456"),
        address: text("Straße 1, Hinterhof"),
        city: text("Berlin"),
        state: text("Berlin"),
        postal_code: text("10115"),
        country: text("Germany"),
        tax_number: text("DE123456789"),
        credit_limit: Some("123456789012.123456789".parse().unwrap()),
        payment_terms: text("Net 30"),
        notes: text("two\nlines\tand a tab"),
        is_active: true,
        customer_type: text("Company"),
        customer_group: text("Commercial"),
        territory: text("Germany"),
        currency: text("EUR"),
        price_list: text("Standard Selling"),
        language: text("de"),
        tax_category: text("EU"),
        is_frozen: true,
        website: text("https://example.com/?a=1&b=2"),
        extra: serde_json::from_str(r#"{"a number": 1.5, "a text": "ä?$1", "yes": true}"#).unwrap(),
    };
    Record { customer, addresses: vec![address("A-1"), address("A-2")], contacts: vec![contact("C-1")] }
}

/// An Address.
pub fn address(name: &str) -> Address {
    Address {
        erpnext_id: name.to_owned(),
        title: Some(format!("Title of {name}")),
        address_type: Some("Billing".to_owned()),
        line1: Some("1 Main Street".to_owned()),
        city: Some("Pune".to_owned()),
        is_shipping: true,
        ..Address::default()
    }
}

/// A Contact.
pub fn contact(name: &str) -> Contact {
    Contact {
        erpnext_id: name.to_owned(),
        full_name: Some("Zoë O'Brien".to_owned()),
        emails: vec!["zoe@example.com".to_owned(), "z@example.com".to_owned()],
        phones: vec!["+49 30 123456".to_owned()],
        is_primary: true,
        ..Contact::default()
    }
}

/// The bookkeeping of a record.
pub fn state(record: &Record, creation: &str) -> State {
    State {
        creation: creation.to_owned(),
        modified: "2026-02-01 08:00:00".to_owned(),
        hash: content_hash(record).unwrap(),
        document_hash: content_hash(&record.customer).unwrap(),
        document: r#"{"customer":{},"credit_limits":[],"addresses":[],"contacts":[]}"#.to_owned(),
        unknown: Unknown::default(),
        problems: None,
    }
}

/// As if identity had looked a moment ago: these tests give all rows one `creation`, as an import does.
pub fn everybody() -> BTreeSet<CustomerId> {
    (0..1_000).collect()
}

/// An insert (`None`) or update of that record.
pub fn upsert(target: Option<Seen>, record: Record, creation: &str) -> Write {
    let state = state(&record, creation);
    Write::Upsert(Box::new(Upsert {
        target,
        namesakes: everybody(),
        matched_by: None,
        record,
        keep: Vec::new(),
        state,
    }))
}

/// A unit that writes and is done.
pub fn unit(claim: Claim, writes: Vec<Write>) -> Unit {
    Unit { claim, writes, puts: Vec::new(), outcome: Outcome::Done }
}

/// A unit that writes nothing and ends so.
pub fn ending(claim: Claim, outcome: Outcome) -> Unit {
    Unit { claim, writes: Vec::new(), puts: Vec::new(), outcome }
}

impl Case {
    /// Puts a Customer and claims it; nothing else may be due.
    pub async fn claim(&self, name: &str) -> Claim {
        self.store.put(&[put(name)]).await.unwrap();
        let mut claims = self.claims().await;
        assert_eq!(claims.len(), 1, "{claims:?}");
        let claim = claims.remove(0);
        assert_eq!(claim.key, DocKey::customer(name));
        claim
    }

    /// Whatever can be claimed now.
    pub async fn claims(&self) -> Vec<Claim> {
        self.store.claim(1_000, 1_000, LEASE).await.unwrap()
    }

    /// Names of what can be claimed now, sorted.
    pub async fn claimed_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.claims().await.into_iter().map(|claim| claim.key.name).collect();
        names.sort();
        names
    }

    /// Applies one unit.
    pub async fn apply(&self, unit: Unit) -> Applied {
        let mut applied = self.store.apply(&[unit]).await.unwrap();
        assert_eq!(applied.len(), 1);
        applied.remove(0)
    }

    /// Puts, claims and applies one write; its row and effect.
    pub async fn write(&self, name: &str, write: Write) -> (CustomerId, Effect) {
        let claim = self.claim(name).await;
        match self.apply(unit(claim, vec![write])).await {
            Applied::Written(effects) if effects.len() == 1 => effects[0],
            other => panic!("{name}: {other:?}"),
        }
    }

    /// A new customer.
    pub async fn create(&self, name: &str) -> CustomerId {
        let (id, effect) = self.write(name, upsert(None, record(name), CREATION)).await;
        assert_eq!(effect, Effect::Created);
        id
    }

    /// The row of that name as identity sees it.
    pub async fn seen(&self, name: &str) -> Seen {
        let mut held = self.store.held(&[name.to_owned()], &[]).await.unwrap();
        assert_eq!(held.len(), 1, "{name}: {held:?}");
        held.remove(0).seen
    }
}
