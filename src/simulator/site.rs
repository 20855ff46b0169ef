//! The site's whole state, and the few operations that keep its parts in step.
//!
//! Invariant: documents enter and leave tables only through [`Site::store`] and [`Site::discard`], which keep the
//! index of links up to date. Nothing here moves `modified` or tells a webhook: that is what `work` is for.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::tz::TimeZone;
use rand::{Rng, SeedableRng, rngs::Xoshiro256PlusPlus};

use super::accounts::Accounts;
use super::clock::Clock;
use super::collation::fold;
use super::documents::{Doc, flag, pack, unpack};
use super::naming::Naming;
use super::packed::{Packed, View};
use super::query::TREES;
use super::schema::{FieldIndex, Schema, Schemas};
use super::table::{Key, Table};

/// One line of a document's history, as `get_docinfo` tells it.
#[derive(Debug, Clone)]
pub(super) struct Comment {
    pub(super) name: String,
    pub(super) creation: String,
    pub(super) content: String,
    pub(super) owner: String,
}

/// All that an ERPNext site knows.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) schemas: Schemas,
    pub(super) accounts: Accounts,
    pub(super) clock: Clock,
    pub(super) naming: Naming,
    pub(super) zone: String,
    pub(super) url: String,
    /// Last number given out per naming series.
    pub(super) series: BTreeMap<String, u64>,
    tables: BTreeMap<&'static str, Table>,
    /// Addresses and Contacts that link to a customer, by the customer's folded name.
    linked: HashMap<Key, Vec<(&'static str, Key)>>,
    comments: HashMap<(String, Key), Vec<Comment>>,
    /// Enabled Webhook documents, as every commit needs them.
    webhooks: Vec<Arc<Doc>>,
    /// What was there before each write of the work that goes on.
    journal: Option<Vec<(&'static str, Key, Option<Packed>)>>,
    random: Xoshiro256PlusPlus,
}

/// Where the `links` table of the doctypes with Dynamic Links is.
pub(super) const LINKED_DOCTYPES: [&str; 2] = ["Address", "Contact"];

impl Site {
    pub(super) fn new(zone_name: &str, zone: TimeZone, naming: Naming, seed: u64) -> Self {
        let schemas = Schemas::new();
        let tables = schemas.iter().filter(|schema| !schema.is_child).map(|schema| (schema.doctype, Table::default()));
        Self {
            tables: tables.collect(),
            schemas,
            accounts: Accounts::new(),
            clock: Clock::new(zone),
            naming,
            zone: zone_name.to_owned(),
            url: String::new(),
            series: BTreeMap::new(),
            linked: HashMap::new(),
            comments: HashMap::new(),
            webhooks: Vec::new(),
            journal: None,
            random: Xoshiro256PlusPlus::seed_from_u64(seed),
        }
    }

    pub(super) fn table(&self, doctype: &str) -> Option<&Table> {
        self.tables.get(doctype)
    }

    /// Schema and row of a document, by any spelling of its name.
    pub(super) fn find(&self, doctype: &str, name: &str) -> Option<(&Schema, &Key, View<'_>)> {
        let (key, row) = self.table(doctype)?.find(name)?;
        Some((self.schemas.get(doctype)?, key, row))
    }

    /// A document, by any spelling of its name.
    pub(super) fn load(&self, doctype: &str, name: &str) -> Option<Doc> {
        let (schema, _, row) = self.find(doctype, name)?;
        Some(unpack(&self.schemas, schema, row))
    }

    pub(super) fn exists(&self, doctype: &str, name: &str) -> bool {
        self.find(doctype, name).is_some()
    }

    /// Stores a document under the name it carries.
    pub(super) fn store(&mut self, doctype: &str, doc: &Doc) {
        let Some(schema) = self.schemas.get(doctype) else { return };
        let row = pack(&self.schemas, schema, doc);
        self.store_packed(doctype, row);
    }

    /// As [`Site::store`], for a document that is packed already.
    pub(super) fn store_packed(&mut self, doctype: &str, row: Packed) {
        let links = self.links(doctype, row.view());
        let Some((doctype, table)) = self.tables.iter_mut().find(|(of, _)| **of == doctype) else { return };
        let doctype = *doctype;
        let (key, old) = table.put(row);
        if let Some(old) = &old {
            self.unlink(doctype, &key, old);
        }
        if let Some(journal) = &mut self.journal {
            journal.push((doctype, key.clone(), old));
        }
        for customer in links {
            self.linked.entry(customer).or_default().push((doctype, key.clone()));
        }
        if doctype == "Webhook" {
            self.load_webhooks();
        }
    }

    fn load_webhooks(&mut self) {
        let Some(table) = self.table("Webhook") else { return };
        let all = table.iter().filter_map(|(key, _)| self.load("Webhook", key));
        self.webhooks = all.filter(|webhook| flag(webhook, "enabled")).map(Arc::new).collect();
    }

    /// Enabled Webhook documents, by name.
    pub(super) fn webhooks(&self) -> &[Arc<Doc>] {
        &self.webhooks
    }

    /// Removes a document without a trace.
    pub(super) fn discard(&mut self, doctype: &str, name: &str) {
        let Some((doctype, table)) = self.tables.iter_mut().find(|(of, _)| **of == doctype) else { return };
        let doctype = *doctype;
        if let Some(old) = table.remove(name) {
            let key: Key = fold(name).into();
            self.unlink(doctype, &key, &old);
            if let Some(journal) = &mut self.journal {
                journal.push((doctype, key, Some(old)));
            }
        }
        if doctype == "Webhook" {
            self.load_webhooks();
        }
    }

    /// From now on writes can be undone, until [`Site::keep`] or [`Site::roll_back`].
    pub(super) fn begin(&mut self) {
        self.journal = Some(Vec::new());
    }

    /// Makes what was written since [`Site::begin`] final.
    pub(super) fn keep(&mut self) {
        self.journal = None;
    }

    /// Undoes what was written since [`Site::begin`].
    pub(super) fn roll_back(&mut self) {
        for (doctype, key, old) in self.journal.take().unwrap_or_default().into_iter().rev() {
            match old {
                Some(old) => self.store_packed(doctype, old),
                None => self.discard(doctype, &key),
            }
        }
    }

    /// Folded names of the customers that a row links to.
    fn links(&self, doctype: &str, row: View<'_>) -> Vec<Key> {
        let Some(fields) = self.link_fields(doctype) else { return Vec::new() };
        let customers = row.rows(fields.table).filter(|link| link.text(fields.doctype) == Some("Customer"));
        let mut keys: Vec<Key> =
            customers.filter_map(|link| link.text(fields.name)).map(|name| fold(name).into()).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Where to find links in a row of that doctype; `None` for a doctype without them.
    pub(super) fn link_fields(&self, doctype: &str) -> Option<LinkFields> {
        if !LINKED_DOCTYPES.contains(&doctype) {
            return None;
        }
        let link = self.schemas.get("Dynamic Link")?;
        Some(LinkFields {
            table: self.schemas.get(doctype)?.index("links")?,
            doctype: link.index("link_doctype")?,
            name: link.index("link_name")?,
        })
    }

    fn unlink(&mut self, doctype: &'static str, key: &Key, old: &Packed) {
        for customer in self.links(doctype, old.view()) {
            if let Some(linked) = self.linked.get_mut(&customer) {
                linked.retain(|(of, name)| *of != doctype || name != key);
                if linked.is_empty() {
                    self.linked.remove(&customer);
                }
            }
        }
    }

    /// Documents of a doctype that link to a customer, by folded names.
    pub(super) fn linked_to<'s>(
        &'s self,
        folded_customer: &str,
        doctype: &'static str,
    ) -> impl Iterator<Item = &'s Key> + use<'s> {
        let linked = self.linked.get(folded_customer);
        linked.into_iter().flatten().filter(move |(of, _)| *of == doctype).map(|(_, key)| key)
    }

    /// Adds a line to a document's history.
    pub(super) fn comment(&mut self, doctype: &str, name: &str, comment: Comment) {
        self.comments.entry((doctype.to_owned(), fold(name).into())).or_default().push(comment);
    }

    pub(super) fn comments(&self, doctype: &str, name: &str) -> &[Comment] {
        self.comments.get(&(doctype.to_owned(), fold(name).into())).map(Vec::as_slice).unwrap_or_default()
    }

    /// The history goes with a deleted document.
    pub(super) fn forget_comments(&mut self, doctype: &str, name: &str) {
        self.comments.remove(&(doctype.to_owned(), fold(name).into()));
    }

    /// The history moves with a renamed document.
    pub(super) fn move_comments(&mut self, doctype: &str, from: &str, to: &str) {
        if let Some(moved) = self.comments.remove(&(doctype.to_owned(), fold(from).into())) {
            self.comments.entry((doctype.to_owned(), fold(to).into())).or_default().extend(moved);
        }
    }

    /// A name as Frappe makes them up: ten characters.
    pub(super) fn random_name(&mut self) -> String {
        let mut bits = self.random.next_u64();
        std::iter::from_fn(|| {
            let digit = char::from_digit(u32::try_from(bits % 36).unwrap_or_default(), 36);
            bits /= 36;
            digit
        })
        .take(10)
        .collect()
    }
}

/// Indexes of the Dynamic Link fields inside a document.
#[derive(Debug, Clone, Copy)]
pub(super) struct LinkFields {
    pub(super) table: FieldIndex,
    pub(super) doctype: FieldIndex,
    pub(super) name: FieldIndex,
}

/// Masters that a fresh site has, so that links to them are found. The first of a tree is its root.
const MASTERS: [(&str, &[&str]); 7] = [
    ("Customer Group", &["All Customer Groups", "Commercial", "Government", "Individual", "Non Profit"]),
    ("Territory", &["All Territories", "United States", "Rest Of The World"]),
    ("Payment Terms Template", &["Net 15", "Net 30", "Net 60"]),
    ("Company", &["Acme Test Company", "Second Co"]),
    ("Country", &["United States"]),
    ("Currency", &["USD", "EUR", "GBP", "JPY"]),
    ("Price List", &["Standard Selling"]),
];

impl Site {
    /// Stores the masters of a fresh site.
    pub(super) fn add_masters(&mut self) {
        let settings = serde_json::json!({
            "name": "System Settings", "time_zone": self.zone, "country": "United States", "language": "en",
        });
        self.store("System Settings", settings.as_object().unwrap_or(&Doc::new()));
        for (doctype, names) in MASTERS {
            for name in names {
                self.add_master(doctype, name);
            }
        }
    }

    /// Stores a document that has nothing but a name and, in a tree, hangs below the root.
    pub(super) fn add_master(&mut self, doctype: &str, name: &str) {
        let now = super::clock::text(self.clock.now());
        let owner = super::accounts::ADMINISTRATOR;
        let mut doc = serde_json::json!({
            "name": name, "owner": owner, "creation": now, "modified": now, "modified_by": owner,
        });
        let root = MASTERS.iter().find(|(of, _)| *of == doctype).and_then(|(_, names)| names.first());
        if let Some((_, parent)) = TREES.into_iter().find(|(tree, _)| *tree == doctype)
            && let Some(root) = root.filter(|root| **root != name)
        {
            doc[parent] = (*root).into();
        }
        self.store(doctype, doc.as_object().unwrap_or(&Doc::new()));
    }
}
