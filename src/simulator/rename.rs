//! Renaming and merging.
//!
//! Invariant: `creation` and `owner` stay; links are rewritten without touching `modified`; Contacts and Addresses
//! keep their own names. Only a site that names customers by their `customer_name` moves `modified` and tells a webhook.

use serde_json::{Value, json};

use super::collation::fold;
use super::documents::{Doc, rows_mut, text};
use super::naming::{self, Naming};
use super::refusal::Refusal;
use super::schema::{FieldIndex, Kind};
use super::site::LINKED_DOCTYPES;
use super::work::{Event, Work};

impl Work<'_> {
    /// Renames a document, or merges it into the one that has the new name; gives the new name.
    pub(super) fn rename(&mut self, doctype: &str, old: &str, new: &str, merge: bool) -> Result<String, Refusal> {
        let schema = self.schema(doctype)?;
        let doctype = schema.doctype;
        let mut doc = self.site.load(doctype, old).ok_or_else(|| Refusal::missing(doctype, old))?;
        self.check_write(doctype, &doc)?;
        let old = text(&doc, "name").unwrap_or_default().to_owned();
        let new = new.trim().to_owned();
        naming::check(doctype, &new)?;
        let target = self.site.load(doctype, &new).filter(|_| fold(&new) != fold(&old) || merge);
        match (target, merge) {
            (Some(target), true) => self.merge_into(doctype, &doc, target),
            (None, true) => Err(Refusal::missing(doctype, &new)),
            (Some(_), false) => Err(Refusal::duplicate(doctype, &new)),
            (None, false) => {
                self.site.discard(doctype, &old);
                rename_in(&mut doc, &new);
                self.site.store(doctype, &doc);
                self.site.move_comments(doctype, &old, &new);
                self.site.accounts.follow_rename(doctype, &old, &new);
                self.repoint(doctype, &old, &new);
                self.comment(doctype, &new, format!("renamed from <strong>{old}</strong> to <strong>{new}</strong>"));
                self.follow_customer_name(doctype, doc, &new);
                Ok(new)
            }
        }
    }

    fn merge_into(&mut self, doctype: &'static str, doc: &Doc, target: Doc) -> Result<String, Refusal> {
        let old = text(doc, "name").unwrap_or_default().to_owned();
        let new = text(&target, "name").unwrap_or_default().to_owned();
        if old == new {
            return Err(Refusal::invalid("Cannot merge a document with itself"));
        }
        self.repoint(doctype, &old, &new);
        self.comment(doctype, &new, format!("merged <strong>{old}</strong> into <strong>{new}</strong>"));
        self.follow_customer_name(doctype, target, &new);
        self.remove(doctype, doc);
        Ok(new)
    }

    /// `Customer.after_rename`: the display name follows where names come from it.
    fn follow_customer_name(&mut self, doctype: &'static str, mut doc: Doc, name: &str) {
        if doctype == "Customer" && self.site.naming == Naming::CustomerName {
            let fields = json!({"customer_name": name}).as_object().cloned().unwrap_or_default();
            self.db_set(doctype, &mut doc, fields);
            self.fire(Event::OnChange, doctype, &doc);
        }
    }

    /// Rewrites every link to a document, leaving `modified` alone.
    fn repoint(&mut self, doctype: &'static str, old: &str, new: &str) {
        if doctype == "Customer" {
            for of in LINKED_DOCTYPES {
                let linked: Vec<_> = self.site.linked_to(&fold(old), of).cloned().collect();
                for key in linked {
                    let Some(mut doc) = self.site.load(of, &key) else { continue };
                    for link in rows_mut(&mut doc, "links").filter(|link| text(link, "link_name") == Some(old)) {
                        link.insert("link_name".to_owned(), Value::from(new));
                    }
                    self.site.store(of, &doc);
                }
            }
            return;
        }
        let linking: Vec<(&'static str, Vec<(FieldIndex, String)>)> = self
            .site
            .schemas
            .iter()
            .filter(|schema| !schema.is_child)
            .map(|schema| {
                let links = schema.columns().filter(|(_, field)| field.kind == Kind::Link(doctype));
                (schema.doctype, links.map(|(index, field)| (index, field.name.to_string())).collect())
            })
            .collect();
        for (of, fields) in linking {
            for (index, field) in fields {
                let Some(table) = self.site.table(of) else { continue };
                let found = table.iter().filter(|(_, row)| row.text(index) == Some(old));
                let keys: Vec<_> = found.map(|(key, _)| key.clone()).collect();
                for key in keys {
                    let Some(mut doc) = self.site.load(of, &key) else { continue };
                    doc.insert(field.clone(), Value::from(new));
                    self.site.store(of, &doc);
                }
            }
        }
    }
}

fn rename_in(doc: &mut Doc, name: &str) {
    doc.insert("name".to_owned(), Value::from(name));
    let tables: Vec<String> =
        doc.iter().filter(|(_, value)| value.is_array()).map(|(field, _)| field.clone()).collect();
    for table in tables {
        for row in rows_mut(doc, &table) {
            row.insert("parent".to_owned(), Value::from(name));
        }
    }
}
