//! Deleting documents, and bringing them back.
//!
//! Invariant: a deletion leaves a Deleted Document with the whole document in it; a customer takes the Contacts and
//! Addresses with it that belong to nobody else. The webhooks carry the old `modified`.

use serde_json::{Value, json};

use super::collation::fold;
use super::documents::{Doc, flag, for_answer, rows, text};
use super::json::{Style, to_text};
use super::naming;
use super::refusal::Refusal;
use super::schema::standard;
use super::work::{Event, Work};

/// Contacts before Addresses, as ERPNext deletes them.
const TAKEN_ALONG: [&str; 2] = ["Contact", "Address"];

impl Work<'_> {
    /// Deletes a document, a customer together with what only it links to.
    pub(super) fn delete(&mut self, doctype: &str, name: &str) -> Result<(), Refusal> {
        let schema = self.schema(doctype)?;
        let doctype = schema.doctype;
        let doc = self.site.load(doctype, name).ok_or_else(|| Refusal::missing(doctype, name))?;
        let name = text(&doc, "name").unwrap_or_default().to_owned();
        if !self.permission(doctype).delete {
            return Err(Refusal::document_forbidden(doctype, &name));
        }
        if let Some((by, field)) =
            TAKEN_ALONG.contains(&doctype).then(|| self.customer_that_needs(doctype, &name)).flatten()
        {
            return Err(Refusal::linked(doctype, &name, field, &by));
        }
        if doctype == "Customer" {
            self.delete_linked(&name)?;
        }
        self.remove(doctype, &doc);
        Ok(())
    }

    /// Takes a document out and leaves its traces; its links are not looked at.
    pub(super) fn remove(&mut self, doctype: &'static str, doc: &Doc) {
        let name = text(doc, "name").unwrap_or_default().to_owned();
        self.fire(Event::OnTrash, doctype, doc);
        self.fire(Event::OnChange, doctype, doc);
        self.site.discard(doctype, &name);
        self.site.forget_comments(doctype, &name);
        naming::revert_series(self.site, &name);
        if doctype == "User" {
            self.site.accounts.remove(&name);
        }
        if doctype == "Deleted Document" || doctype == "Webhook Request Log" {
            return;
        }
        let now = self.now();
        let whole = self.site.schemas.get(doctype).map(|schema| for_answer(schema, doc.clone()));
        let trace = json!({
            "name": self.site.random_name(), "owner": self.user, "creation": now, "modified": now,
            "modified_by": self.user, "deleted_doctype": doctype, "deleted_name": name,
            "data": to_text(&json!(whole), Style::Compact),
        });
        self.site.store("Deleted Document", trace.as_object().unwrap_or(&Doc::new()));
    }

    /// Restores a deleted document by the name of its Deleted Document; gives its new name.
    pub(super) fn restore(&mut self, deleted: &str) -> Result<String, Refusal> {
        let missing = || Refusal::missing("Deleted Document", deleted);
        let mut trace = self.site.load("Deleted Document", deleted).ok_or_else(missing)?;
        if flag(&trace, "restored") {
            return Err(Refusal::invalid(format!("Document {deleted} Already Restored")));
        }
        let doctype = text(&trace, "deleted_doctype").unwrap_or_default().to_owned();
        let data: Value = serde_json::from_str(text(&trace, "data").unwrap_or_default())
            .map_err(|error| Refusal::bad_json(error.column()))?;
        let mut data = data.as_object().cloned().unwrap_or_default();
        // Links to what was deleted along with it would not be found.
        for field in ["customer_primary_contact", "customer_primary_address"] {
            let target = if field.ends_with("contact") { "Contact" } else { "Address" };
            if text(&data, field).is_some_and(|name| !self.site.exists(target, name)) {
                data.remove(field);
            }
        }
        let restored = self.insert(&doctype, &data)?;
        let name = text(&restored, "name").unwrap_or_default().to_owned();
        trace.insert("restored".to_owned(), Value::from(1));
        trace.insert("new_name".to_owned(), Value::from(name.as_str()));
        self.db_set("Deleted Document", &mut trace, Doc::new());
        Ok(name)
    }

    fn delete_linked(&mut self, customer: &str) -> Result<(), Refusal> {
        for doctype in TAKEN_ALONG {
            let linked: Vec<_> = self.site.linked_to(&fold(customer), doctype).cloned().collect();
            for key in linked {
                let Some(mut doc) = self.site.load(doctype, &key) else { continue };
                if rows(&doc, "links").count() <= 1 {
                    self.remove(doctype, &doc);
                    continue;
                }
                if let Some(links) = doc.get_mut("links").and_then(Value::as_array_mut) {
                    links.retain(|link| link.get("link_name").and_then(Value::as_str) != Some(customer));
                }
                let schema = self.schema(doctype)?;
                self.save(&schema, doc, None)?;
            }
        }
        Ok(())
    }

    /// A customer whose primary Contact or Address this is.
    fn customer_that_needs(&self, doctype: &str, name: &str) -> Option<(String, &'static str)> {
        let field = if doctype == "Contact" { "customer_primary_contact" } else { "customer_primary_address" };
        let (schema, _, row) = self.site.find(doctype, name)?;
        let links = self.site.link_fields(schema.doctype)?;
        let mut linked = row.rows(links.table).filter_map(|link| link.text(links.name));
        linked.find_map(|customer| {
            let (schema, _, row) = self.site.find("Customer", customer)?;
            let primary = schema.index(field).and_then(|index| row.text(index));
            (primary == Some(name)).then(|| (row.text(standard::NAME).unwrap_or_default().to_owned(), "Customer"))
        })
    }
}
