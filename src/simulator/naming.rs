//! How new documents get their names.
//!
//! Invariant: a name is trimmed, has at most 140 characters and no `<` or `>`, and is free when it is given out.

use super::documents::{Doc, filled, rows, text};
use super::refusal::Refusal;
use super::site::Site;

/// Selling Settings: where a customer's name comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Naming {
    /// From `customer_name`; a taken one becomes `X - 1`.
    #[default]
    CustomerName,
    /// `CUST-2026-00001` and so on.
    Series,
}

/// The name of a document that is about to be inserted.
pub(super) fn name_for(site: &mut Site, doctype: &str, doc: &Doc, year: &str) -> Result<String, Refusal> {
    let name = match doctype {
        "Customer" => match site.naming {
            Naming::CustomerName => customer_name(site, text(doc, "customer_name").unwrap_or_default().trim()),
            Naming::Series => next_in_series(site, &format!("CUST-{year}-")),
        },
        "Contact" => contact_name(site, doc),
        "Address" => address_name(site, doc),
        "Role" => text(doc, "role_name").unwrap_or_default().trim().to_owned(),
        "User" => text(doc, "email").unwrap_or_default().trim().to_lowercase(),
        _ => match filled(doc, "name") {
            Some(given) => given.trim().to_owned(),
            None => site.random_name(),
        },
    };
    check(doctype, &name)?;
    if site.exists(doctype, &name) {
        return Err(Refusal::duplicate(doctype, &name));
    }
    Ok(name)
}

/// Refuses what ERPNext does not accept as a name.
pub(super) fn check(doctype: &str, name: &str) -> Result<(), Refusal> {
    if name.contains(['<', '>']) {
        return Err(Refusal::bad_name(name));
    }
    if name.chars().count() > 140 {
        return Err(Refusal::too_long(doctype, name, "name"));
    }
    Ok(())
}

fn customer_name(site: &Site, wanted: &str) -> String {
    if !site.exists("Customer", wanted) {
        return wanted.to_owned();
    }
    first_free(site, "Customer", |number| format!("{wanted} - {number}"))
}

fn next_in_series(site: &mut Site, prefix: &str) -> String {
    loop {
        let number = site.series.entry(prefix.to_owned()).or_default();
        *number += 1;
        let name = format!("{prefix}{number:05}");
        if !site.exists("Customer", &name) {
            return name;
        }
    }
}

/// Gives a number back when the newest document of its series is deleted, as Frappe does.
pub(super) fn revert_series(site: &mut Site, name: &str) {
    for (prefix, last) in &mut site.series {
        if *last > 0 && name == format!("{prefix}{last:05}") {
            *last -= 1;
        }
    }
}

/// First, middle and last name joined.
pub(super) fn full_name(doc: &Doc) -> String {
    ["first_name", "middle_name", "last_name"].iter().filter_map(|part| filled(doc, part)).collect::<Vec<_>>().join(" ")
}

fn contact_name(site: &Site, doc: &Doc) -> String {
    let mut name = full_name(doc);
    if let Some(link) = rows(doc, "links").find_map(|link| filled(link, "link_name")) {
        name = format!("{name}-{}", link.trim());
    }
    if site.exists("Contact", &name) { first_free(site, "Contact", |number| format!("{name}-{number}")) } else { name }
}

fn address_name(site: &Site, doc: &Doc) -> String {
    let title = filled(doc, "address_title").unwrap_or_default().trim();
    let name = format!("{title}-{}", filled(doc, "address_type").unwrap_or("Billing"));
    if site.exists("Address", &name) { first_free(site, "Address", |number| format!("{name}-{number}")) } else { name }
}

fn first_free(site: &Site, doctype: &str, name: impl Fn(u32) -> String) -> String {
    (1..).map(name).find(|name| !site.exists(doctype, name)).unwrap_or_default()
}
