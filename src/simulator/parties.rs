//! What ERPNext does by itself when a Customer, Contact, Address or User is saved: copies, the quick entry, silent updates.
//!
//! Invariant: a customer's `email_id` and `mobile_no` are copied from its primary Contact only when the customer is
//! saved, so an edited Contact leaves them stale; an edited Address changes its customers without a webhook.

use serde_json::{Value, json};

use super::documents::{Doc, filled, flag, rows, rows_mut, text};
use super::naming::full_name;
use super::refusal::Refusal;
use super::work::{Work, set};

/// Fills in what ERPNext derives before a save.
pub(super) fn before_save(work: &Work<'_>, doctype: &str, doc: &mut Doc) {
    match doctype {
        "Customer" => fetch_from_contact(work, doc),
        "Contact" => derive_contact(work, doc),
        "Address" => {
            if filled(doc, "address_title").is_none() {
                let title =
                    rows(doc, "links").find_map(|link| filled(link, "link_name")).unwrap_or_default().to_owned();
                set(doc, "address_title", Value::from(title));
            }
            set_link_titles(work, doc);
        }
        _ => {}
    }
}

/// What an insert brings with it: the Contact and Address of a customer's quick entry.
pub(super) fn after_insert(work: &mut Work<'_>, doctype: &str, doc: &mut Doc, input: &Doc) -> Result<(), Refusal> {
    match doctype {
        "Customer" => {}
        "User" => return create_account(work, doc),
        _ => return Ok(()),
    }
    create_primary_contact(work, doc)?;
    if filled(input, "address_line1").is_some() {
        create_primary_address(work, doc, input)?;
    }
    Ok(())
}

/// What a save brings with it.
pub(super) fn after_update(work: &mut Work<'_>, doctype: &str, doc: &mut Doc) -> Result<(), Refusal> {
    match doctype {
        "Customer" => create_primary_contact(work, doc),
        "Address" => {
            show_address_on_customers(work, doc);
            Ok(())
        }
        "User" => {
            let roles: Vec<&str> = rows(doc, "roles").filter_map(|row| filled(row, "role")).collect();
            let email = text(doc, "name").unwrap_or_default();
            work.site.accounts.set_roles(email, &roles, flag(doc, "enabled"));
            Ok(())
        }
        _ => Ok(()),
    }
}

/// A new user can log in once a key was generated, and has a Contact.
fn create_account(work: &mut Work<'_>, user: &Doc) -> Result<(), Refusal> {
    let email = text(user, "name").unwrap_or_default();
    let roles: Vec<&str> = rows(user, "roles").filter_map(|row| filled(row, "role")).collect();
    work.site.accounts.add_without_key(email, &roles);
    let contact = json!({
        "first_name": text(user, "first_name"), "email_ids": [{"email_id": email, "is_primary": 1}],
    });
    insert_for_user(work, "Contact", &contact).map(drop)
}

fn fetch_from_contact(work: &Work<'_>, doc: &mut Doc) {
    let contact = filled(doc, "customer_primary_contact").and_then(|name| work.site.load("Contact", name));
    if let Some(contact) = contact {
        for field in ["mobile_no", "email_id"] {
            let copied = contact.get(field).filter(|value| value.as_str() != Some("")).cloned().unwrap_or_default();
            set(doc, field, copied);
        }
    }
}

fn derive_contact(work: &Work<'_>, doc: &mut Doc) {
    let name = full_name(doc);
    set(doc, "full_name", Value::from(name));
    let email = primary(doc, "email_ids", "is_primary", "email_id");
    if !email.is_empty() && filled(doc, "image").is_none() {
        set(doc, "image", Value::from(""));
    }
    set(doc, "email_id", Value::from(email));
    let phone = primary(doc, "phone_nos", "is_primary_phone", "phone");
    set(doc, "phone", Value::from(phone));
    let mobile = primary(doc, "phone_nos", "is_primary_mobile_no", "phone");
    set(doc, "mobile_no", Value::from(mobile));
    set_link_titles(work, doc);
}

fn primary(doc: &mut Doc, table: &str, mark: &str, field: &str) -> String {
    // A single e-mail becomes the primary one by itself; phones have to be marked.
    let alone = field == "email_id" && rows(doc, table).count() == 1;
    if alone {
        rows_mut(doc, table).for_each(|row| drop(row.insert(mark.to_owned(), Value::from(1))));
    }
    rows(doc, table).find(|row| flag(row, mark)).and_then(|row| text(row, field)).unwrap_or_default().trim().to_owned()
}

fn set_link_titles(work: &Work<'_>, doc: &mut Doc) {
    for link in rows_mut(doc, "links") {
        let Some(name) = filled(link, "link_name").map(str::to_owned) else { continue };
        if filled(link, "link_title").is_none() {
            let customer = match filled(link, "link_doctype") {
                Some("Customer") => work.site.load("Customer", &name),
                _ => None,
            };
            let title = customer.as_ref().and_then(|customer| filled(customer, "customer_name")).unwrap_or(&name);
            set(link, "link_title", Value::from(title));
        }
    }
}

fn create_primary_contact(work: &mut Work<'_>, customer: &mut Doc) -> Result<(), Refusal> {
    let wanted = ["mobile_no", "email_id", "first_name", "last_name"];
    let has_any = wanted.iter().any(|field| filled(customer, field).is_some());
    if filled(customer, "customer_primary_contact").is_some() || !has_any {
        return Ok(());
    }
    let customer_name = text(customer, "customer_name").unwrap_or_default();
    let mut contact = json!({
        "is_primary_contact": 1,
        "links": [{"link_doctype": "Customer", "link_name": text(customer, "name")}],
        "email_ids": filled(customer, "email_id").map(|email| json!([{"email_id": email, "is_primary": 1}])),
        "phone_nos": filled(customer, "mobile_no").map(|phone| json!([{"phone": phone, "is_primary_mobile_no": 1}])),
    });
    if text(customer, "customer_type") == Some("Individual") {
        let (first, last) = customer_name.rsplit_once(' ').unwrap_or((customer_name, ""));
        contact["first_name"] = Value::from(first);
        contact["last_name"] = Value::from(last);
    } else {
        contact["first_name"] = Value::from(filled(customer, "first_name").unwrap_or(customer_name));
        contact["last_name"] = customer.get("last_name").cloned().unwrap_or_default();
        contact["company_name"] = Value::from(customer_name);
    }
    let contact = insert_for_user(work, "Contact", &contact)?;
    let fields = json!({"customer_primary_contact": contact.get("name")});
    work.db_set("Customer", customer, fields.as_object().cloned().unwrap_or_default());
    Ok(())
}

fn create_primary_address(work: &mut Work<'_>, customer: &mut Doc, input: &Doc) -> Result<(), Refusal> {
    let mut address = json!({
        "address_title": text(customer, "customer_name"),
        "is_primary_address": 1,
        "is_shipping_address": 1,
        "links": [{"link_doctype": "Customer", "link_name": text(customer, "name")}],
    });
    for field in ["address_line1", "address_line2", "city", "state", "pincode", "country"] {
        address[field] = input.get(field).cloned().unwrap_or_default();
    }
    let address = insert_for_user(work, "Address", &address)?;
    let fields = json!({"customer_primary_address": address.get("name"), "primary_address": display(|field| text(&address, field))});
    work.db_set("Customer", customer, fields.as_object().cloned().unwrap_or_default());
    Ok(())
}

/// Inserts on behalf of a user who may save the customer, whatever they may do with the linked doctype.
fn insert_for_user(work: &mut Work<'_>, doctype: &str, doc: &Value) -> Result<Doc, Refusal> {
    let trusted = std::mem::replace(&mut work.trusted, true);
    let inserted = work.insert(doctype, doc.as_object().unwrap_or(&Doc::new()));
    work.trusted = trusted;
    inserted
}

/// `frappe.db.set_value` on every customer whose primary Address this is: a new `modified` and no webhook.
fn show_address_on_customers(work: &mut Work<'_>, address: &Doc) {
    let Some(name) = text(address, "name") else { return };
    let shown = display(|field| text(address, field));
    for customer in customers_with_primary_address(work, name) {
        let Some(mut customer) = work.site.load("Customer", &customer) else { continue };
        customer.insert("primary_address".to_owned(), Value::from(shown.as_str()));
        work.db_set("Customer", &mut customer, Doc::new());
    }
}

fn customers_with_primary_address(work: &Work<'_>, address: &str) -> Vec<String> {
    let site = &*work.site;
    let Some((schema, _, row)) = site.find("Address", address) else { return Vec::new() };
    let Some(links) = site.link_fields(schema.doctype) else { return Vec::new() };
    let linked = row.rows(links.table).filter_map(|link| link.text(links.name)).map(str::to_owned);
    let is_primary = |customer: &String| {
        let Some((schema, _, row)) = site.find("Customer", customer) else { return false };
        schema.index("customer_primary_address").and_then(|index| row.text(index)) == Some(address)
    };
    linked.filter(is_primary).collect()
}

/// ERPNext's address templates: the one of the United States, and the default of other countries.
pub(super) fn display<'a>(field: impl Fn(&str) -> Option<&'a str>) -> String {
    let filled = |name| field(name).filter(|text| !text.is_empty());
    let part = |name| filled(name).unwrap_or_default();
    let line2 = filled("address_line2").map(|line| format!("{line}<br>\n")).unwrap_or_default();
    let (line1, city) = (part("address_line1"), part("city"));
    if part("country") == "United States" {
        let postal = filled("pincode").map(|code| format!(" {code}")).unwrap_or_default();
        return format!("{line1}<br>\n{line2}{city}, {}{postal}<br>\n", part("state"));
    }
    let mut shown = format!("{line1}<br>{line2}{city}<br>\n");
    for field in ["state", "pincode", "country"] {
        if let Some(value) = filled(field) {
            shown.push_str(value);
            shown.push_str("<br>");
        }
    }
    shown.push('\n');
    shown
}
