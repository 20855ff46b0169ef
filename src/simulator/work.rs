//! One request's work on the site: who does it, and which webhooks it has earned.
//!
//! Invariant: webhooks leave only when the work is committed, once per (webhook, document), with the document's last
//! state, in the order of their last trigger. Work that fails is undone by whoever started it (`Shared::work`).

use std::sync::Arc;

use serde_json::Value;

use super::accounts::Permission;
use super::clock;
use super::delivery::Job;
use super::documents::{Doc, filled, text, with_nulls};
use super::refusal::Refusal;
use super::site::{Comment, Site};

/// What can happen to a document, as far as webhooks know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    AfterInsert,
    OnUpdate,
    OnTrash,
    OnChange,
}

impl Event {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::AfterInsert => "after_insert",
            Self::OnUpdate => "on_update",
            Self::OnTrash => "on_trash",
            Self::OnChange => "on_change",
        }
    }
}

/// Every event that a Webhook document may name.
pub(super) const ALLOWED_EVENTS: [&str; 7] =
    ["after_insert", "on_update", "on_submit", "on_cancel", "on_trash", "on_update_after_submit", "on_change"];

struct Fired {
    event: Event,
    doctype: &'static str,
    name: String,
    doc: Doc,
}

/// A unit of work by one user.
pub(super) struct Work<'s> {
    pub(super) site: &'s mut Site,
    pub(super) user: String,
    /// Silent work (imports, patches) earns no webhooks.
    pub(super) silent: bool,
    /// Work that ERPNext does on its own account, without asking what the user may do.
    pub(super) trusted: bool,
    fired: Vec<Fired>,
}

impl<'s> Work<'s> {
    pub(super) fn new(site: &'s mut Site, user: &str) -> Self {
        Self { site, user: user.to_owned(), silent: false, trusted: false, fired: Vec::new() }
    }

    /// Work that no webhook tells of.
    pub(super) fn silently(site: &'s mut Site, user: &str) -> Self {
        Self { silent: true, ..Self::new(site, user) }
    }

    pub(super) fn permission(&self, doctype: &str) -> Permission {
        if self.trusted { Permission::FULL } else { self.site.accounts.permission(&self.user, doctype) }
    }

    /// The next moment, as text.
    pub(super) fn now(&mut self) -> String {
        clock::text(self.site.clock.now())
    }

    /// Notes that something happened to a document in its present state.
    pub(super) fn fire(&mut self, event: Event, doctype: &'static str, doc: &Doc) {
        let Some(name) = text(doc, "name").map(str::to_owned) else { return };
        for earlier in self.fired.iter_mut().filter(|fired| fired.doctype == doctype && fired.name == name) {
            earlier.doc.clone_from(doc);
        }
        if !self.silent {
            self.fired.push(Fired { event, doctype, name, doc: doc.clone() });
        }
    }

    /// Adds a line to a document's history.
    pub(super) fn comment(&mut self, doctype: &str, name: &str, content: String) {
        let comment =
            Comment { name: self.site.random_name(), creation: self.now(), content, owner: self.user.clone() };
        self.site.comment(doctype, name, comment);
    }

    /// Ends the work: what its webhooks have to deliver.
    pub(super) fn commit(self) -> Vec<Job> {
        let webhooks = self.site.webhooks();
        let mut jobs: Vec<Job> = Vec::new();
        for fired in self.fired {
            let wanted = |webhook: &&Arc<Doc>| {
                text(webhook, "webhook_doctype") == Some(fired.doctype)
                    && text(webhook, "webhook_docevent") == Some(fired.event.as_str())
            };
            for webhook in webhooks.iter().filter(wanted) {
                let doc = match self.site.schemas.get(fired.doctype) {
                    Some(schema) => with_nulls(schema, fired.doc.clone()),
                    None => fired.doc.clone(),
                };
                let job = Job { webhook: webhook.clone(), doctype: fired.doctype, doc, user: self.user.clone() };
                jobs.retain(|earlier| !earlier.is_for_same(&job));
                jobs.push(job);
            }
        }
        jobs
    }
}

/// Checks that every filled link points at a document; only doctypes that the site holds can be checked.
pub(super) fn check_links(site: &Site, doctype: &str, doc: &Doc) -> Result<(), Refusal> {
    let Some(schema) = site.schemas.get(doctype) else { return Ok(()) };
    for (_, field) in schema.columns() {
        if let (super::schema::Kind::Link(target), Some(name)) = (field.kind, filled(doc, &field.name))
            && site.table(target).is_some()
            && !site.exists(target, name)
        {
            return Err(Refusal::bad_link(target, name));
        }
    }
    for (_, field, child) in schema.tables() {
        for row in super::documents::rows(doc, &field.name) {
            check_links(site, child, row)?;
            if let (Some(target), Some(name)) = (filled(row, "link_doctype"), filled(row, "link_name"))
                && site.table(target).is_some()
                && !site.exists(target, name)
            {
                return Err(Refusal::bad_link(target, name));
            }
        }
    }
    Ok(())
}

/// Sets a field, or removes it for null.
pub(super) fn set(doc: &mut Doc, field: &str, value: Value) {
    if value.is_null() {
        doc.remove(field);
    } else {
        doc.insert(field.to_owned(), value);
    }
}
