//! What catch-up follows: Customers, Contacts and Addresses by `modified`, and the traces of deleted ones.
//!
//! Invariant: a feed says what a row means and nothing about how it is read. `Deleted Document` is only followed where the
//! key may read it (the sweep finds deletions otherwise); its traces are dated by their own `creation`, the time of deletion.

use serde_json::{Value, json};

use super::feed::Feed;
use crate::domain::document::Doc;
use crate::domain::hint::Doctype;
use crate::domain::job::{Cause, DocKey, Lane, Put};
use crate::store::Stamped;

const BY_MODIFIED: &[&str] = &["name", "modified"];

/// All of them, customers first.
pub(super) static ALL: &[Feed] = &[
    by_modified("Customer", |_row, document| Some(changed(Doctype::Customer, document))),
    by_modified("Contact", |_row, document| Some(changed(Doctype::Contact, document))),
    by_modified("Address", |_row, document| Some(changed(Doctype::Address, document))),
    Feed {
        doctype: "Deleted Document",
        stamp: "creation",
        fields: &["name", "creation", "deleted_doctype", "deleted_name"],
        order: "creation asc, name asc",
        newest_first: "creation desc, name desc",
        only: deletions_of_ours,
        put: deleted,
    },
];

const fn by_modified(doctype: &'static str, put: fn(&Doc, &Stamped) -> Option<Put>) -> Feed {
    Feed {
        doctype,
        stamp: "modified",
        fields: BY_MODIFIED,
        order: "modified asc, name asc",
        newest_first: "modified desc, name desc",
        only: Vec::new,
        put,
    }
}

fn changed(doctype: Doctype, document: &Stamped) -> Put {
    let key = DocKey { doctype, name: document.name.clone() };
    Put { modified: Some(document.modified.clone()), ..Put::new(key, Lane::Bulk, Cause::CatchUp) }
}

fn deletions_of_ours() -> Vec<Value> {
    vec![json!(["deleted_doctype", "in", Doctype::ALL.map(Doctype::as_str)])]
}

/// A hint that the document is gone: only its own 404 makes a tombstone.
fn deleted(row: &Doc, trace: &Stamped) -> Option<Put> {
    let text = |key: &str| row.get(key).and_then(Value::as_str);
    let doctype = Doctype::parse(text("deleted_doctype")?)?;
    let document = Stamped { name: text("deleted_name")?.to_owned(), modified: trace.modified.clone() };
    Some(Put { absent: doctype == Doctype::Customer, ..changed(doctype, &document) })
}
