//! Inserting and saving documents, as `frappe.get_doc(…).insert()` and `.save()` do.
//!
//! Invariant: every save moves `modified` of the document and of all its child rows to the same new moment, also when
//! nothing changes. What is special about customers, contacts and addresses lives in `parties`.

use serde_json::Value;

use super::documents::{Doc, cast, filled, for_answer, rows_mut, text};
use super::naming;
use super::parties;
use super::refusal::Refusal;
use super::schema::{Kind, Schema};
use super::work::{ALLOWED_EVENTS, Event, Work, check_links, set};

/// Fields that no request can set.
const FIXED: [&str; 8] = ["name", "owner", "creation", "modified", "modified_by", "docstatus", "idx", "doctype"];

impl Work<'_> {
    /// Creates a document; gives it as `POST` answers it.
    pub(super) fn insert(&mut self, doctype: &str, input: &Doc) -> Result<Doc, Refusal> {
        let schema = self.schema(doctype)?;
        let doctype = schema.doctype;
        if !self.permission(doctype).create {
            return Err(Refusal::write_forbidden(&self.user, doctype));
        }
        let mut doc = Doc::new();
        for (_, field) in schema.columns() {
            match (field.default, field.kind) {
                (Some(text), _) => drop(doc.insert(field.name.to_string(), Value::from(text))),
                (None, Kind::Check | Kind::Int | Kind::Float) => {
                    doc.extend(cast(field.kind, &Value::Null).map(|zero| (field.name.to_string(), zero)));
                }
                _ => {}
            }
        }
        if doctype == "User" {
            doc.insert("enabled".to_owned(), Value::from(1));
        }
        if doctype == "Webhook" {
            doc.insert("enabled".to_owned(), Value::from(1));
            doc.insert("timeout".to_owned(), Value::from(5));
        }
        if let Some(name) = filled(input, "name") {
            doc.insert("name".to_owned(), Value::from(name.trim()));
        }
        self.merge(&schema, &mut doc, input);
        self.validate(&schema, &mut doc, None)?;

        let now = self.now();
        let year = now.get(..4).unwrap_or_default().to_owned();
        let name = naming::name_for(self.site, doctype, &doc, &year)?;
        doc.insert("name".to_owned(), Value::from(name));
        doc.insert("owner".to_owned(), Value::from(self.user.as_str()));
        doc.insert("creation".to_owned(), Value::from(now.as_str()));
        self.stamp(&schema, &mut doc, &now);
        self.site.store(doctype, &doc);
        self.fire(Event::AfterInsert, doctype, &doc);
        parties::after_insert(self, doctype, &mut doc, input)?;
        self.fire(Event::OnUpdate, doctype, &doc);
        Ok(for_answer(&schema, doc))
    }

    /// Changes a document; gives it as `PUT` answers it. A `modified` in the input must be the present one.
    pub(super) fn update(&mut self, doctype: &str, name: &str, input: &Doc) -> Result<Doc, Refusal> {
        let schema = self.schema(doctype)?;
        let doctype = schema.doctype;
        // Frappe looks up the name in the body, not the one in the path, where there is one.
        let name = filled(input, "name").unwrap_or(name);
        let before = self.site.load(doctype, name).ok_or_else(|| Refusal::missing(doctype, name))?;
        self.check_write(doctype, &before)?;
        if let Some(shown) = input.get("modified") {
            let current = text(&before, "modified").unwrap_or_default();
            if shown.as_str() != Some(current) {
                let shown = shown.as_str().map_or_else(|| shown.to_string(), str::to_owned);
                return Err(Refusal::stale(&shown, current));
            }
        }
        let mut doc = before.clone();
        self.merge(&schema, &mut doc, input);
        self.save(&schema, doc, Some(&before))
    }

    /// Saves a changed document, fires its webhooks and gives it as an answer.
    pub(super) fn save(&mut self, schema: &Schema, mut doc: Doc, before: Option<&Doc>) -> Result<Doc, Refusal> {
        self.validate(schema, &mut doc, before)?;
        let now = self.now();
        self.stamp(schema, &mut doc, &now);
        self.site.store(schema.doctype, &doc);
        parties::after_update(self, schema.doctype, &mut doc)?;
        self.fire(Event::OnUpdate, schema.doctype, &doc);
        self.fire(Event::OnChange, schema.doctype, &doc);
        Ok(for_answer(schema, doc))
    }

    /// `doc.db_set`: some fields, `modified`, and `on_change` alone.
    pub(super) fn db_set(&mut self, doctype: &'static str, doc: &mut Doc, fields: Doc) {
        doc.extend(fields);
        doc.retain(|_, value| !value.is_null());
        doc.insert("modified".to_owned(), Value::from(self.now()));
        doc.insert("modified_by".to_owned(), Value::from(self.user.as_str()));
        self.site.store(doctype, doc);
    }

    pub(super) fn schema(&self, doctype: &str) -> Result<Schema, Refusal> {
        self.site.schemas.get(doctype).cloned().ok_or_else(|| Refusal::unknown_doctype(doctype))
    }

    /// Refuses where the user may not change that document.
    pub(super) fn check_write(&self, doctype: &str, doc: &Doc) -> Result<(), Refusal> {
        let name = text(doc, "name").unwrap_or_default();
        let permission = self.permission(doctype);
        let owns = permission.create && text(doc, "owner") == Some(self.user.as_str());
        let hidden = self
            .site
            .accounts
            .user(&self.user)
            .is_some_and(|user| user.is_hidden(doctype, &super::collation::fold(name)));
        if (permission.write || owns) && !hidden { Ok(()) } else { Err(Refusal::document_forbidden(doctype, name)) }
    }

    /// Copies known fields of the input; child rows are matched by their `name`, others are new.
    fn merge(&mut self, schema: &Schema, doc: &mut Doc, input: &Doc) {
        for (_, field) in schema.columns().filter(|(_, field)| !FIXED.contains(&field.name.as_ref())) {
            let Some(value) = input.get(field.name.as_ref()) else { continue };
            if field.kind == Kind::Password && value.as_str().is_some_and(|text| text.trim_matches('*').is_empty()) {
                continue;
            }
            set(doc, &field.name, cast(field.kind, value).unwrap_or_default());
        }
        for (_, field, child) in schema.tables() {
            let table = field.name.as_ref();
            let given = input.get(table).and_then(Value::as_array);
            let Some(given) = given else {
                doc.entry(table).or_insert_with(|| Value::Array(Vec::new()));
                continue;
            };
            let old: Vec<Doc> = super::documents::rows(doc, table).cloned().collect();
            let rows = given.iter().filter_map(Value::as_object).map(|row| {
                let known = filled(row, "name").and_then(|name| old.iter().find(|old| text(old, "name") == Some(name)));
                Value::Object(self.merge_row(child, known, row))
            });
            let rows = rows.collect();
            doc.insert(table.to_owned(), Value::Array(rows));
        }
    }

    fn merge_row(&mut self, child: &str, known: Option<&Doc>, input: &Doc) -> Doc {
        let mut row = known.cloned().unwrap_or_default();
        if known.is_none() {
            row.insert("name".to_owned(), Value::from(self.site.random_name()));
            row.insert("owner".to_owned(), Value::from(self.user.as_str()));
            row.insert("__unsaved".to_owned(), Value::from(1));
        }
        let Some(schema) = self.site.schemas.get(child) else { return row };
        for (_, field) in schema.columns().filter(|(_, field)| !FIXED.contains(&field.name.as_ref())) {
            match (input.get(field.name.as_ref()), field.kind) {
                (Some(value), kind) => set(&mut row, &field.name, cast(kind, value).unwrap_or_default()),
                (None, Kind::Check | Kind::Int | Kind::Float) if known.is_none() => {
                    set(&mut row, &field.name, cast(field.kind, &Value::Null).unwrap_or_default());
                }
                (None, _) => {}
            }
        }
        row
    }

    fn validate(&self, schema: &Schema, doc: &mut Doc, before: Option<&Doc>) -> Result<(), Refusal> {
        let doctype = schema.doctype;
        if doctype == "Webhook" {
            check_event(doc, before)?;
        }
        parties::before_save(self, doctype, doc);
        let name = text(doc, "name").unwrap_or_default();
        check_links(self.site, doctype, doc)?;
        for (_, field) in schema.columns() {
            if field.required && filled(doc, &field.name).is_none() {
                return Err(Refusal::mandatory(doctype, name, &field.name));
            }
            let limited = matches!(field.kind, Kind::Data | Kind::Link(_));
            if limited && text(doc, &field.name).is_some_and(|text| text.chars().count() > 140) {
                return Err(Refusal::too_long(doctype, name, &field.name));
            }
        }
        Ok(())
    }

    /// Gives the document and all its rows one new `modified`.
    fn stamp(&self, schema: &Schema, doc: &mut Doc, now: &str) {
        let parent = doc.get("name").cloned().unwrap_or_default();
        let creation = doc.get("creation").cloned().unwrap_or_default();
        doc.insert("modified".to_owned(), Value::from(now));
        doc.insert("modified_by".to_owned(), Value::from(self.user.as_str()));
        for (_, field, _) in schema.tables() {
            for (number, row) in (1_i64..).zip(rows_mut(doc, &field.name)) {
                row.entry("creation").or_insert_with(|| creation.clone());
                row.insert("modified".to_owned(), Value::from(now));
                row.insert("modified_by".to_owned(), Value::from(self.user.as_str()));
                row.insert("docstatus".to_owned(), Value::from(0));
                row.insert("idx".to_owned(), Value::from(number));
                row.insert("parent".to_owned(), parent.clone());
                row.insert("parentfield".to_owned(), Value::from(field.name.as_ref()));
                row.insert("parenttype".to_owned(), Value::from(schema.doctype));
            }
        }
    }
}

fn check_event(doc: &Doc, before: Option<&Doc>) -> Result<(), Refusal> {
    let event = text(doc, "webhook_docevent").unwrap_or_default();
    if let Some(before) = before
        && text(before, "webhook_docevent") != Some(event)
    {
        return Err(Refusal::invalid("Value cannot be changed for Doc Event"));
    }
    if ALLOWED_EVENTS.contains(&event) {
        return Ok(());
    }
    let allowed = ALLOWED_EVENTS.map(|event| format!("\"{event}\"")).join(", ");
    Err(Refusal::invalid(format!(" Doc Event cannot be \"{event}\". It should be one of {allowed}")))
}
