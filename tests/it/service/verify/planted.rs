//! Every kind of difference is planted, found by name and value, and nothing else is.

use customer_sync::domain::difference::DifferenceKind::{
    self, Extra, Failed, Filtered, Missing, NotPermitted, Renamed, Stale,
};
use customer_sync::simulator::{Naming, Permission, SYNC_USER};
use customer_sync::sync::verify::Scope;
use serde_json::{Value, json};

use super::{AT_ONCE, Connected, compare, told};
use crate::support::databases::Kind;
use crate::support::sql::{count, execute};

/// What a rename changes on a site that names customers by their name.
const NAMES: [&str; 3] = ["company_name", "erpnext_id", "name"];
const EXTRA: (&str, &str) = ("mapping.extra", "tier=customer.custom_tier");

/// Customers `C00` to `C39` with an Address and a Contact each, all of them stored.
async fn forty(kind: Kind) -> Connected {
    let connected = Connected::unannounced(kind, Naming::CustomerName, &[EXTRA]).await;
    connected.erpnext.add_custom_field("Customer", "custom_tier", false);
    for number in 0..40 {
        let customer = json!({
            "customer_name": format!("C{number:02}"), "email_id": format!("c{number}@shop.example"),
            "mobile_no": "0123", "address_line1": "Street 1", "city": "Bonn", "country": "United States",
            "custom_tier": "gold",
        });
        connected.erpnext.create_customer(customer).unwrap();
    }
    connected.sweep().await;
    connected
}

/// What exists of our public tables, as one text.
async fn rows(connected: &Connected) -> String {
    let mut rows = String::new();
    for row in crate::support::truth::rows(connected.app.store()).await {
        rows.push_str(&serde_json::to_string(&row).unwrap());
    }
    rows
}

impl Connected {
    /// The name of the Address or Contact of a customer, as our table has it.
    async fn linked(&self, name: &str, list: &str) -> String {
        let detail = self.app.get(&format!("/api/customers/{}", self.id(name).await)).await;
        detail["data"][list][0]["erpnext_id"].as_str().unwrap().to_owned()
    }

    /// Plants every kind of difference; what must be found, sorted.
    async fn plant(&self) -> Vec<(String, DifferenceKind, Vec<String>)> {
        let erpnext = &self.erpnext;
        let (mut planted, database) = (Vec::new(), &self.database);
        let mut plant = |name: &str, kind: DifferenceKind, fields: &[&str]| {
            planted.push((name.to_owned(), kind, fields.iter().map(|field| (*field).to_owned()).collect()));
        };
        // Nobody told us.
        erpnext.import("Customer", json!({"customer_name": "New"})).unwrap();
        plant("New", Missing, &[]);
        erpnext.set_value("Customer", "C01", json!({"website": "https://new.example"})).unwrap();
        plant("C01", Stale, &["website"]);
        erpnext.sql_edit("Customer", "C02", json!({"custom_tier": "iron", "territory": "Mars"})).unwrap();
        plant("C02", Stale, &["extra.tier", "territory"]);
        let address = self.linked("C03", "addresses").await;
        erpnext.sql_edit("Address", &address, json!({"city": "Ulm"})).unwrap();
        plant("C03", Stale, &[&format!("addresses.{address}.city"), "city"]);
        let contact = self.linked("C04", "contacts").await;
        erpnext.sql_edit("Contact", &contact, json!({"designation": "Buyer"})).unwrap();
        plant("C04", Stale, &[&format!("contacts.{contact}.designation")]);
        erpnext.sql_delete("Customer", "C05");
        plant("C05", Extra, &[]);
        let (address, contact) = (self.linked("C06", "addresses").await, self.linked("C06", "contacts").await);
        erpnext.merge("C06", "C07").unwrap();
        plant("C06", Extra, &[]);
        plant("C07", Stale, &[&format!("addresses.{address}"), &format!("contacts.{contact}")]);
        erpnext.rename("Customer", "C08", "C08 Renamed").unwrap();
        plant("C08 Renamed", Renamed, &NAMES);
        for (old, new) in [("C09", "Nobody"), ("C10", "C09"), ("Nobody", "C10")] {
            erpnext.rename("Customer", old, new).unwrap();
        }
        plant("C09", Renamed, &NAMES);
        plant("C10", Renamed, &NAMES);
        erpnext.delete("Customer", "C11").unwrap();
        erpnext.create_customer(json!({"customer_name": "C11"})).unwrap();
        plant("C11", Missing, &[]);
        plant("C11", Extra, &[]);
        // Somebody was at our tables.
        execute(database, "DELETE FROM customers WHERE erpnext_id = 'C20'").await;
        plant("C20", Missing, &[]);
        execute(database, "UPDATE customers SET deleted_at = updated_at WHERE erpnext_id = 'C21'").await;
        plant("C21", Missing, &[]);
        execute(database, "UPDATE customers SET phone = '0', is_active = FALSE WHERE erpnext_id = 'C22'").await;
        plant("C22", Stale, &["is_active", "phone"]);
        let address = self.linked("C23", "addresses").await;
        execute(database, &format!("DELETE FROM customer_addresses WHERE erpnext_id = '{address}'")).await;
        plant("C23", Stale, &[&format!("addresses.{address}")]);
        let contact = self.linked("C24", "contacts").await;
        execute(database, &format!("UPDATE customer_contacts SET last_name = 'X' WHERE erpnext_id = '{contact}'"))
            .await;
        plant("C24", Stale, &[&format!("contacts.{contact}.last_name")]);
        execute(database, "UPDATE customers SET erpnext_id = 'Typo' WHERE erpnext_id = 'C25'").await;
        plant("C25", Renamed, &["erpnext_id"]);
        // What cannot be read.
        erpnext.hide_document("Customer", "C30", true);
        plant("C30", NotPermitted, &[]);
        erpnext.faults().poison("C31", 417);
        plant("C31", Failed, &[]);
        planted.sort();
        planted
    }
}

fn owned(told: Vec<(String, DifferenceKind, Vec<&str>)>) -> Vec<(String, DifferenceKind, Vec<String>)> {
    told.into_iter().map(|(name, kind, fields)| (name, kind, fields.into_iter().map(str::to_owned).collect())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_planted_difference_is_found_and_nothing_else_and_nothing_is_written() {
    for kind in Kind::ALL {
        let connected = forty(kind).await;
        let context = connected.beside(&[EXTRA]).await;
        let (report, found) = compare(&context, &Scope::All, AT_ONCE).await;
        assert_eq!((report.checked, report.equal, told(&found)), (40, 40, Vec::new()), "{kind:?}");
        assert!(report.is_equal());

        let planted = connected.plant().await;
        let before = rows(&connected).await;
        let jobs = "FROM sync_jobs";
        assert_eq!(count(&connected.database, jobs).await, 0, "{kind:?}");
        let (report, found) = compare(&context, &Scope::All, AT_ONCE).await;
        assert_eq!(owned(told(&found)), planted, "{kind:?}");
        assert!(!report.is_equal() && report.busy == 0, "{kind:?} {report:?}");
        assert_eq!(rows(&connected).await, before, "{kind:?}: something was written");
        assert_eq!(count(&connected.database, jobs).await, 0, "{kind:?}");

        // Each alone is found as well, and a sample of everybody finds all.
        for (name, kind, fields) in &planted {
            let (_report, found) = compare(&context, &Scope::One(name.clone()), AT_ONCE).await;
            assert!(owned(told(&found)).contains(&(name.clone(), *kind, fields.clone())), "{name}: {found:?}");
        }
        let (_report, found) = compare(&context, &Scope::Sample(1_000), AT_ONCE).await;
        assert_eq!(owned(told(&found)), planted, "{kind:?}");
        context.store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_difference_says_why_and_shows_both_values() {
    let connected = forty(Kind::Sqlite).await;
    let _planted = connected.plant().await;
    let context = connected.beside(&[EXTRA]).await;
    let (_report, found) = compare(&context, &Scope::All, AT_ONCE).await;
    let why = |name: &str, kind| {
        let difference = found.iter().find(|one| one.erpnext_id == name && one.kind == kind);
        difference.unwrap_or_else(|| panic!("{name}")).why.clone()
    };
    assert!(why("C01", Stale).starts_with("changed in ERPNext at "), "{}", why("C01", Stale));
    assert!(why("C02", Stale).contains("its date of change did not"), "{}", why("C02", Stale));
    assert!(why("C06", Extra).starts_with("merged into customer "), "{}", why("C06", Extra));
    assert!(why("C08 Renamed", Renamed).contains("\"C08\""), "{}", why("C08 Renamed", Renamed));
    assert!(why("C21", Missing).contains("marked as deleted"), "{}", why("C21", Missing));
    assert!(why("C22", Stale).contains("another program changed the row"), "{}", why("C22", Stale));
    let here: Vec<&str> = found.iter().filter(|one| one.changed_here).map(|one| one.erpnext_id.as_str()).collect();
    assert_eq!(here, ["C22", "C23", "C24"]);
    let phone = found.iter().find(|one| one.erpnext_id == "C22").unwrap().fields[1].clone();
    assert_eq!((phone.ours, phone.erpnext), (json!("0"), json!("0123")));
    let value: Value = serde_json::to_value(&found[0]).unwrap();
    assert_eq!((&value["erpnext_id"], &value["kind"]), (&json!("C01"), &json!("stale")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_permission_is_told_for_each_customer_and_is_no_drift() {
    for kind in Kind::ALL {
        let connected = forty(kind).await;
        connected.erpnext.set_permission(SYNC_USER, "Address", Some(Permission::NONE));
        let context = connected.beside(&[EXTRA]).await;
        let (report, found) = compare(&context, &Scope::All, AT_ONCE).await;
        assert_eq!((report.found.get(&NotPermitted), report.drift()), (Some(&40), 0), "{kind:?}");
        assert!(report.is_equal() && found[0].why.ends_with("kept: address"), "{kind:?} {}", found[0].why);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_accepted_filter_is_compared_too_and_a_new_one_only_keeps_out() {
    for kind in Kind::ALL {
        let filter = ("sync.filter", r#"[["customer_group", "=", "Commercial"]]"#);
        let connected = Connected::unannounced(kind, Naming::CustomerName, &[filter]).await;
        for number in 0..4 {
            let group = if number < 3 { "Commercial" } else { "Government" };
            let customer = json!({"customer_name": format!("C{number}"), "customer_group": group});
            connected.erpnext.create_customer(customer).unwrap();
        }
        connected.sweep().await;
        let context = connected.beside(&[filter]).await;
        let (report, found) = compare(&context, &Scope::All, AT_ONCE).await;
        assert_eq!((report.equal, report.left_out, told(&found)), (3, 1, Vec::new()), "{kind:?}");

        connected.erpnext.set_value("Customer", "C2", json!({"customer_group": "Government"})).unwrap();
        let (_report, found) = compare(&context, &Scope::All, AT_ONCE).await;
        assert_eq!(told(&found), [("C2".to_owned(), Filtered, vec![])], "{kind:?}");
        context.store.close().await;

        // Not accepted by a sweep yet: rows that we have are compared as if it was not there.
        let typo = connected.beside(&[("sync.filter", r#"[["customer_group", "=", "Comercial"]]"#)]).await;
        let (_report, found) = compare(&typo, &Scope::All, AT_ONCE).await;
        assert_eq!(told(&found), [("C2".to_owned(), Stale, vec!["customer_group"])], "{kind:?}");
        typo.store.close().await;
    }
}
