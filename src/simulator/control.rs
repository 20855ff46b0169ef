//! What a test, a bench or the demo does to the site directly, as the people at ERPNext would.
//!
//! Invariant: a method named after an action does exactly what that action does over REST, webhooks included; those
//! that say "silent" commit without a webhook. Everything is done as `Administrator` unless it says otherwise.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Simulator;
use super::accounts::{ADMINISTRATOR, Permission, SYNC_USER};
use super::documents::{Doc, flag, for_answer, text};
use super::refusal::Refusal;
use super::schema::{Kind, standard};
use super::webhooks::Webhook;
use super::work::{Event, set};

fn object(value: &Value) -> Doc {
    value.as_object().cloned().unwrap_or_default()
}

/// Accounts.
impl Simulator {
    /// API key and secret of the sync user, who may read Customer, Contact, Address and Deleted Document.
    #[must_use]
    pub fn key(&self) -> (String, String) {
        self.key_of(SYNC_USER)
    }

    /// API key and secret of the Administrator.
    #[must_use]
    pub fn admin_key(&self) -> (String, String) {
        self.key_of(ADMINISTRATOR)
    }

    fn key_of(&self, email: &str) -> (String, String) {
        let site = self.shared.read();
        let user = site.accounts.user(email);
        user.map(|user| (user.api_key.clone().unwrap_or_default(), user.api_secret.clone())).unwrap_or_default()
    }

    /// Adds a user with roles (`Sales User`, `Sales Master Manager`, `System Manager`, `Customer Sync Reader`).
    pub fn add_user(&self, email: &str, roles: &[&str]) -> (String, String) {
        let mut site = self.shared.write();
        let (key, secret) = (site.random_name(), site.random_name());
        site.accounts.add(email, roles, key.clone(), secret.clone());
        (key, secret)
    }

    /// Gives the sync user a new secret, so that the old one answers 401; `None` takes the key away altogether.
    pub fn change_secret(&self, secret: Option<&str>) {
        if let Some(user) = self.shared.write().accounts.user_mut(SYNC_USER) {
            user.api_secret = secret.unwrap_or_default().to_owned();
            user.api_key = secret.map(|_| "synckey".to_owned());
        }
    }

    /// Sets what a user may do with a doctype; `None` goes back to what their roles say.
    pub fn set_permission(&self, email: &str, doctype: &str, permission: Option<Permission>) {
        self.shared.write().accounts.set_override(email, doctype, permission);
    }

    /// Puts a field above the sync user's permission level, or back.
    pub fn hide_field(&self, doctype: &str, field: &str, hide: bool) {
        self.shared.write().accounts.hide_field(SYNC_USER, doctype, field, hide);
    }

    /// Hides one document from the sync user by a User Permission, or shows it again.
    pub fn hide_document(&self, doctype: &str, name: &str, hide: bool) {
        self.shared.write().accounts.hide_document(SYNC_USER, doctype, name, hide);
    }

    /// Shows the sync user all that User Permissions hide from it.
    pub fn show_documents(&self) {
        self.shared.write().accounts.show_documents(SYNC_USER);
    }

    /// Adds a custom field to a doctype: a number or a text.
    pub fn add_custom_field(&self, doctype: &str, field: &str, is_number: bool) -> bool {
        let kind = if is_number { Kind::OptionalFloat } else { Kind::Text };
        self.shared.write().schemas.add_custom(doctype, field, kind)
    }
}

/// Documents, with their webhooks.
impl Simulator {
    /// Creates a customer; `email_id`, `mobile_no` and `address_line1` make a quick entry. Gives its name.
    ///
    /// # Errors
    /// As ERPNext refuses.
    pub fn create_customer(&self, customer: Value) -> Result<String, Refusal> {
        self.create("Customer", customer)
    }

    /// Creates any document; gives its name.
    ///
    /// # Errors
    /// As ERPNext refuses.
    #[expect(clippy::needless_pass_by_value, reason = "called with json!(…)")]
    pub fn create(&self, doctype: &str, doc: Value) -> Result<String, Refusal> {
        let doc = self.shared.work(ADMINISTRATOR, |work| work.insert(doctype, &object(&doc)))?;
        Ok(text(&doc, "name").unwrap_or_default().to_owned())
    }

    /// Changes fields of a document.
    ///
    /// # Errors
    /// As ERPNext refuses.
    #[expect(clippy::needless_pass_by_value, reason = "called with json!(…)")]
    pub fn update(&self, doctype: &str, name: &str, fields: Value) -> Result<(), Refusal> {
        self.shared.work(ADMINISTRATOR, |work| work.update(doctype, name, &object(&fields))).map(drop)
    }

    /// Deletes a document; a customer takes along the Contacts and Addresses that are only its own.
    ///
    /// # Errors
    /// As ERPNext refuses.
    pub fn delete(&self, doctype: &str, name: &str) -> Result<(), Refusal> {
        self.shared.work(ADMINISTRATOR, |work| work.delete(doctype, name))
    }

    /// Renames a document.
    ///
    /// # Errors
    /// As ERPNext refuses.
    pub fn rename(&self, doctype: &str, old: &str, new: &str) -> Result<(), Refusal> {
        self.shared.work(ADMINISTRATOR, |work| work.rename(doctype, old, new, false)).map(drop)
    }

    /// Merges the customer `from` into `into`.
    ///
    /// # Errors
    /// As ERPNext refuses.
    pub fn merge(&self, from: &str, into: &str) -> Result<(), Refusal> {
        self.shared.work(ADMINISTRATOR, |work| work.rename("Customer", from, into, true)).map(drop)
    }

    /// Restores the document of that name that was deleted last.
    ///
    /// # Errors
    /// Where none of that name was deleted (and not restored since), or its name is taken.
    pub fn restore(&self, doctype: &str, name: &str) -> Result<String, Refusal> {
        self.shared.work(ADMINISTRATOR, |work| {
            let missing = || Refusal::missing("Deleted Document", name);
            let table = work.site.table("Deleted Document").ok_or_else(missing)?;
            let newest_first = table.rows_from_modified(i64::MIN).rev().map(|(key, _)| key.clone());
            let key = { newest_first }.find(|key| {
                work.site.load("Deleted Document", key).is_some_and(|trace| {
                    let is_it =
                        text(&trace, "deleted_doctype") == Some(doctype) && text(&trace, "deleted_name") == Some(name);
                    is_it && !flag(&trace, "restored")
                })
            });
            let key = key.ok_or_else(missing)?;
            work.restore(&key)
        })
    }

    /// Links an Address or Contact to one more customer.
    ///
    /// # Errors
    /// As ERPNext refuses.
    pub fn link(&self, doctype: &str, name: &str, customer: &str) -> Result<(), Refusal> {
        self.change_links(doctype, name, |links| links.push(json!({"link_doctype": "Customer", "link_name": customer})))
    }

    /// Takes a link to a customer from an Address or Contact.
    ///
    /// # Errors
    /// As ERPNext refuses.
    pub fn unlink(&self, doctype: &str, name: &str, customer: &str) -> Result<(), Refusal> {
        self.change_links(doctype, name, |links| links.retain(|link| link["link_name"] != customer))
    }

    fn change_links(&self, doctype: &str, name: &str, change: impl FnOnce(&mut Vec<Value>)) -> Result<(), Refusal> {
        self.shared.work(ADMINISTRATOR, |work| {
            let doc = work.site.load(doctype, name).ok_or_else(|| Refusal::missing(doctype, name))?;
            let mut links = doc.get("links").and_then(Value::as_array).cloned().unwrap_or_default();
            change(&mut links);
            work.update(doctype, name, &object(&json!({"links": links}))).map(drop)
        })
    }

    /// `doc.db_set`: `modified` moves and only `on_change` is sent.
    ///
    /// # Errors
    /// Where the document does not exist.
    #[expect(clippy::needless_pass_by_value, reason = "called with json!(…)")]
    pub fn db_set(&self, doctype: &str, name: &str, fields: Value) -> Result<(), Refusal> {
        self.shared.work(ADMINISTRATOR, |work| {
            let schema = work.schema(doctype)?;
            let mut doc = work.site.load(doctype, name).ok_or_else(|| Refusal::missing(doctype, name))?;
            work.db_set(schema.doctype, &mut doc, object(&fields));
            work.fire(Event::OnChange, schema.doctype, &doc);
            Ok(())
        })
    }
}

/// Documents, without a webhook.
impl Simulator {
    /// Data Import: creates a document, or saves it where the name is taken. Silent.
    ///
    /// # Errors
    /// As ERPNext refuses.
    #[expect(clippy::needless_pass_by_value, reason = "called with json!(…)")]
    pub fn import(&self, doctype: &str, doc: Value) -> Result<String, Refusal> {
        let doc = object(&doc);
        self.shared.work_silently(ADMINISTRATOR, |work| {
            let known = text(&doc, "name").filter(|name| work.site.exists(doctype, name)).map(str::to_owned);
            let saved = match known {
                Some(name) => work.update(doctype, &name, &doc)?,
                None => work.insert(doctype, &doc)?,
            };
            Ok(text(&saved, "name").unwrap_or_default().to_owned())
        })
    }

    /// `frappe.db.set_value`: `modified` moves. Silent.
    ///
    /// # Errors
    /// Where the document does not exist.
    #[expect(clippy::needless_pass_by_value, reason = "called with json!(…)")]
    pub fn set_value(&self, doctype: &str, name: &str, fields: Value) -> Result<(), Refusal> {
        self.shared.work_silently(ADMINISTRATOR, |work| {
            let schema = work.schema(doctype)?;
            let mut doc = work.site.load(doctype, name).ok_or_else(|| Refusal::missing(doctype, name))?;
            work.db_set(schema.doctype, &mut doc, object(&fields));
            Ok(())
        })
    }

    /// Somebody edits the database: nothing else moves, `modified` neither. Silent.
    ///
    /// # Errors
    /// Where the document does not exist.
    #[expect(clippy::needless_pass_by_value, reason = "called with json!(…)")]
    pub fn sql_edit(&self, doctype: &str, name: &str, fields: Value) -> Result<(), Refusal> {
        let mut site = self.shared.write();
        let mut doc = site.load(doctype, name).ok_or_else(|| Refusal::missing(doctype, name))?;
        for (field, value) in object(&fields) {
            set(&mut doc, &field, value);
        }
        if text(&doc, "name") != Some(name) {
            site.discard(doctype, name);
        }
        site.store(doctype, &doc);
        Ok(())
    }

    /// Somebody deletes a row in the database: no Deleted Document either. Silent.
    pub fn sql_delete(&self, doctype: &str, name: &str) {
        self.shared.write().discard(doctype, name);
    }

    /// Puts a document in place exactly as it is given, for example a recorded one. Silent.
    #[expect(clippy::needless_pass_by_value, reason = "called with json!(…)")]
    pub fn put(&self, doctype: &str, doc: Value) {
        self.shared.write().store(doctype, &object(&doc));
    }

    /// A document as the Administrator reads it.
    #[must_use]
    pub fn document(&self, doctype: &str, name: &str) -> Option<Doc> {
        let site = self.shared.read();
        let doc = site.load(doctype, name)?;
        site.schemas.get(doctype).map(|schema| for_answer(schema, doc))
    }

    /// All names of a doctype, in the order of the database's collation.
    #[must_use]
    pub fn names(&self, doctype: &str) -> Vec<String> {
        let site = self.shared.read();
        let Some(table) = site.table(doctype) else { return Vec::new() };
        table.iter().filter_map(|(_, row)| row.text(standard::NAME)).map(str::to_owned).collect()
    }
}

/// Customers by the thousand.
impl Simulator {
    /// Adds plausible customers of many countries with their Contacts and Addresses. Silent. The seed of the options
    /// and the number of customers decide what they are; a second call adds further ones.
    pub fn seed_customers(&self, count: usize) {
        let mut site = self.shared.write();
        let present = site.table("Customer").map_or(0, super::table::Table::len);
        let seed = self.shared.options.seed.wrapping_add(u64::try_from(present).unwrap_or_default());
        super::seed::customers(&mut site, seed, count);
    }
}

/// Webhooks and time.
impl Simulator {
    /// Registers a webhook.
    ///
    /// # Errors
    /// As ERPNext refuses.
    pub fn register_webhook(&self, webhook: Webhook) -> Result<(), Refusal> {
        self.create("Webhook", Value::Object(webhook.into_doc())).map(drop)
    }

    /// Registers the recommended webhooks: every event of Customer, Contact and Address, to one address.
    ///
    /// # Errors
    /// As ERPNext refuses.
    pub fn register_webhooks(&self, url: &str, secret: &str) -> Result<(), Refusal> {
        for doctype in ["Customer", "Contact", "Address"] {
            for event in [Event::AfterInsert, Event::OnUpdate, Event::OnTrash, Event::OnChange] {
                self.register_webhook(Webhook::new(doctype, event.as_str(), url, secret))?;
            }
        }
        Ok(())
    }

    /// Sends each customer's `on_update`, as a save that changes nothing would; `modified` does not move.
    pub fn announce_customers(&self) {
        for name in self.names("Customer") {
            let announced = self.shared.work(ADMINISTRATOR, |work| {
                let doc = work.site.load("Customer", &name).ok_or_else(|| Refusal::missing("Customer", &name))?;
                work.fire(Event::OnUpdate, "Customer", &doc);
                Ok(())
            });
            // Deleted between the list and now: nobody to announce.
            drop(announced);
        }
    }

    /// Returns when every webhook has been delivered or given up.
    pub async fn webhooks_settled(&self) {
        self.shared.settled().await;
    }

    /// Stops the site's clock at an instant; every write still gets a `modified` of its own.
    pub fn freeze_clock(&self, at: Timestamp) {
        self.shared.write().clock.freeze(at);
    }

    /// Moves the site's clock.
    pub fn advance_clock(&self, by: SignedDuration) {
        self.shared.write().clock.advance(by);
    }
}
