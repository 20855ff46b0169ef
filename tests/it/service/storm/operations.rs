//! What happens at ERPNext during a storm: thousands of different things that people, imports and scripts do there.
//!
//! Invariant: one seed gives one storm. ERPNext may refuse an operation (a name is taken, a document is needed); that
//! counts as refused and is no failure. Every customer carries a birth mark that no operation changes, so that the checks
//! know which document is which whatever it is called and whenever it says that it was created.

use std::collections::{BTreeMap, BTreeSet};

use customer_sync::simulator::{Refusal, Simulator};
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};

/// A custom field of Customer that tells who it is.
pub const BIRTH: &str = "birth_mark";

/// What can happen, and how often in comparison with the others.
const OPERATIONS: [(Operation, u32); 26] = [
    (Operation::Create, 6),
    (Operation::QuickEntry, 8),
    (Operation::Edit, 20),
    (Operation::EditAddress, 10),
    (Operation::EditContact, 10),
    (Operation::AddAddress, 4),
    (Operation::AddContact, 4),
    (Operation::Link, 5),
    (Operation::Unlink, 5),
    (Operation::DeleteLinked, 2),
    (Operation::RenameLinked, 1),
    (Operation::SetValue, 8),
    (Operation::SetLinkedValue, 4),
    (Operation::DbSet, 4),
    (Operation::ImportNew, 4),
    (Operation::ImportUpdate, 5),
    (Operation::Rename, 8),
    (Operation::Respell, 2),
    (Operation::Swap, 3),
    (Operation::Chain, 3),
    (Operation::Merge, 3),
    (Operation::Delete, 4),
    (Operation::DeleteAndCreate, 4),
    (Operation::Restore, 2),
    (Operation::SqlEdit, 4),
    (Operation::RenameMaster, 1),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    Create,
    QuickEntry,
    Edit,
    EditAddress,
    EditContact,
    AddAddress,
    AddContact,
    Link,
    Unlink,
    DeleteLinked,
    RenameLinked,
    SetValue,
    SetLinkedValue,
    DbSet,
    ImportNew,
    ImportUpdate,
    Rename,
    Respell,
    Swap,
    Chain,
    Merge,
    Delete,
    DeleteAndCreate,
    Restore,
    SqlEdit,
    RenameMaster,
}

/// The people of one site.
pub struct People<'s> {
    erpnext: &'s Simulator,
    rng: &'s mut StdRng,
    number: u32,
    /// Birth marks of documents that were really deleted or merged at some time.
    pub ended: BTreeSet<String>,
    /// Birth marks of documents that were deleted and restored.
    restored: BTreeSet<String>,
    /// How often each operation was done and refused.
    pub done: BTreeMap<Operation, (u32, u32)>,
    names: Names,
}

/// The names of the moment; looked up now and then, so some of them are out of date, as with people.
#[derive(Default)]
struct Names {
    customers: Vec<String>,
    addresses: Vec<String>,
    contacts: Vec<String>,
    deleted: Vec<String>,
}

impl<'s> People<'s> {
    pub fn new(erpnext: &'s Simulator, rng: &'s mut StdRng) -> Self {
        assert!(erpnext.add_custom_field("Customer", BIRTH, false));
        let (ended, restored) = (BTreeSet::new(), BTreeSet::new());
        Self { erpnext, rng, number: 0, ended, restored, done: BTreeMap::new(), names: Names::default() }
    }

    /// Customers from before the storm.
    pub fn settle(&mut self, count: u32) {
        for _ in 0..count {
            let customer = self.quick_entry();
            self.erpnext.import("Customer", customer).unwrap();
        }
    }

    /// So many operations.
    pub fn work(&mut self, count: u32) {
        let total: u32 = OPERATIONS.iter().map(|(_operation, weight)| weight).sum();
        for turn in 0..count {
            if turn % 20 == 0 {
                self.names.customers = self.erpnext.names("Customer");
                self.names.addresses = self.erpnext.names("Address");
                self.names.contacts = self.erpnext.names("Contact");
            }
            let mut at = self.rng.random_range(0..total);
            let drawn = OPERATIONS.iter().find(|(_operation, weight)| {
                let hit = at < *weight;
                at = at.saturating_sub(*weight);
                hit
            });
            let operation = drawn.unwrap().0;
            let result = self.perform(operation);
            let (done, refused) = self.done.entry(operation).or_default();
            *(if result.is_ok() { done } else { refused }) += 1;
        }
    }

    fn perform(&mut self, operation: Operation) -> Result<(), Refusal> {
        let erpnext = self.erpnext;
        match operation {
            Operation::Create => {
                let customer = self.customer();
                erpnext.create_customer(customer).map(drop)
            }
            Operation::QuickEntry => {
                let customer = self.quick_entry();
                erpnext.create_customer(customer).map(drop)
            }
            Operation::Edit => erpnext.update("Customer", &self.a_customer(), self.customer_fields()),
            Operation::EditAddress => erpnext.update("Address", &self.an_address(), self.address_fields()),
            Operation::EditContact => erpnext.update("Contact", &self.a_contact(), self.contact_fields()),
            Operation::AddAddress => {
                let mut address = self.address_fields();
                address["address_title"] = self.text("Address").into();
                address["address_line1"] = self.text("Street").into();
                address["links"] = self.links();
                erpnext.create("Address", address).map(drop)
            }
            Operation::AddContact => {
                let mut contact = self.contact_fields();
                contact["first_name"] = self.text("Contact").into();
                contact["links"] = self.links();
                erpnext.create("Contact", contact).map(drop)
            }
            Operation::Link => {
                let (doctype, name) = self.a_linked();
                erpnext.link(doctype, &name, &self.a_customer())
            }
            Operation::Unlink => {
                let (doctype, name) = self.a_linked();
                match self.linked_customer(doctype, &name) {
                    Some(customer) => erpnext.unlink(doctype, &name, &customer),
                    None => Ok(()),
                }
            }
            Operation::DeleteLinked => {
                let (doctype, name) = self.a_linked();
                erpnext.delete(doctype, &name)
            }
            Operation::RenameLinked => {
                let (doctype, name) = self.a_linked();
                erpnext.rename(doctype, &name, &self.text("Renamed"))
            }
            Operation::SetValue => erpnext.set_value("Customer", &self.a_customer(), self.customer_fields()),
            Operation::SetLinkedValue => erpnext.set_value("Address", &self.an_address(), self.address_fields()),
            Operation::DbSet => erpnext.db_set("Customer", &self.a_customer(), self.customer_fields()),
            Operation::ImportNew => {
                let customer = self.quick_entry();
                erpnext.import("Customer", customer).map(drop)
            }
            Operation::ImportUpdate => {
                let mut customer = self.customer_fields();
                let name = self.a_customer();
                if erpnext.document("Customer", &name).is_none() {
                    return Ok(());
                }
                customer["name"] = name.into();
                erpnext.import("Customer", customer).map(drop)
            }
            Operation::Rename => erpnext.rename("Customer", &self.a_customer(), &self.text("Renamed")),
            Operation::Respell => {
                let name = self.a_customer();
                let other =
                    if name.chars().any(char::is_lowercase) { name.to_uppercase() } else { name.to_lowercase() };
                erpnext.rename("Customer", &name, &other)
            }
            Operation::Swap => self.swap(),
            Operation::Chain => self.chain(),
            Operation::Merge => {
                let (from, into) = (self.a_customer(), self.a_customer());
                self.ending(&from, |_people| erpnext.merge(&from, &into))
            }
            Operation::Delete => self.delete().map(drop),
            Operation::DeleteAndCreate => {
                let name = self.delete()?;
                let mut customer = self.customer();
                customer["customer_name"] = name.into();
                erpnext.create_customer(customer).map(drop)
            }
            Operation::Restore => {
                let Some(name) = self.names.deleted.choose(self.rng).cloned() else { return Ok(()) };
                let name = erpnext.restore("Customer", &name)?;
                self.restored.extend(birth_of(erpnext, &name));
                Ok(())
            }
            Operation::SqlEdit => erpnext.sql_edit("Customer", &self.a_customer(), self.customer_fields()),
            Operation::RenameMaster => {
                let doctype = ["Payment Terms Template", "Customer Group", "Territory"].choose(self.rng).unwrap();
                let name = self.one_of(&erpnext.names(doctype));
                erpnext.rename(doctype, &name, &self.text(doctype))
            }
        }
    }

    /// Some deletions leave no trace, as by a script in the database. Not of what was restored: where that name is then
    /// used again before anybody looks, ERPNext says no more that the two are different customers.
    fn delete(&mut self) -> Result<String, Refusal> {
        let name = self.a_customer();
        let was_restored = birth_of(self.erpnext, &name).is_some_and(|birth| self.restored.contains(&birth));
        let silent = self.rng.random_bool(0.3) && !was_restored;
        self.ending(&name, |people| {
            if silent {
                people.erpnext.sql_delete("Customer", &name);
                return Ok(());
            }
            people.erpnext.delete("Customer", &name)?;
            people.names.deleted.push(name.clone());
            Ok(())
        })?;
        Ok(name)
    }

    /// Notes the end of a document, if that is what happens.
    fn ending(&mut self, name: &str, end: impl FnOnce(&mut Self) -> Result<(), Refusal>) -> Result<(), Refusal> {
        let birth = birth_of(self.erpnext, name);
        end(self)?;
        self.ended.extend(birth);
        Ok(())
    }

    fn swap(&mut self) -> Result<(), Refusal> {
        let (one, other, between) = (self.a_customer(), self.a_customer(), self.text("Between"));
        if one == other || self.erpnext.document("Customer", &other).is_none() {
            return Ok(());
        }
        self.erpnext.rename("Customer", &one, &between)?;
        self.erpnext.rename("Customer", &other, &one)?;
        self.erpnext.rename("Customer", &between, &other)
    }

    /// Each gets the name that another one left.
    fn chain(&mut self) -> Result<(), Refusal> {
        let mut free = self.text("Chain");
        for _link in 0..self.rng.random_range(2..12) {
            let name = self.a_customer();
            self.erpnext.rename("Customer", &name, &free)?;
            free = name;
        }
        Ok(())
    }
}

/// What they write, and where.
impl People<'_> {
    /// A text that nobody has used, with what makes names difficult.
    fn text(&mut self, word: &str) -> String {
        const ODD: [&str; 12] =
            ["", " & Sons", " \"Q\" ", " 100%", "/Süd", " Ñandú", " 東京", " 'x'", " ?a=b", " #1", " é+e", "\\"];
        self.number += 1;
        let odd = ODD.choose(self.rng).unwrap();
        format!("{word}{odd} {}", self.number)
    }

    fn customer(&mut self) -> Value {
        let mut customer = self.customer_fields();
        let name = self.text("Customer");
        customer["customer_name"] = name.as_str().into();
        customer[BIRTH] = format!("birth of {name}").into();
        customer
    }

    fn quick_entry(&mut self) -> Value {
        let mut customer = self.customer();
        customer["email_id"] = format!("c{}@example.com", self.number).into();
        customer["mobile_no"] = format!("+1 {}", self.number).into();
        customer["address_line1"] = self.text("Street").into();
        customer["city"] = "Pune".into();
        customer["country"] = "United States".into();
        customer
    }

    fn customer_fields(&mut self) -> Value {
        let text = self.text("Value");
        let mut fields = json!({});
        for _field in 0..self.rng.random_range(1..4) {
            let emptied = self.rng.random_bool(0.15);
            let value = |some: &str| if emptied { Value::Null } else { some.into() };
            match self.rng.random_range(0..9) {
                0 => fields["website"] = value(&format!("https://{}.example", self.number)),
                1 => fields["customer_details"] = value(&format!("{text}\nsecond line")),
                2 => fields["disabled"] = u8::from(self.rng.random_bool(0.3)).into(),
                3 => fields["payment_terms"] = self.master("Payment Terms Template").into(),
                4 => fields["customer_group"] = self.master("Customer Group").into(),
                5 => fields["territory"] = self.master("Territory").into(),
                6 => fields["customer_type"] = if self.rng.random_bool(0.5) { "Company" } else { "Individual" }.into(),
                7 => fields["is_frozen"] = u8::from(self.rng.random_bool(0.3)).into(),
                _ => fields["tax_id"] = value(&text),
            }
        }
        fields
    }

    fn address_fields(&mut self) -> Value {
        json!({
            "address_line2": if self.rng.random_bool(0.3) { Value::Null } else { self.text("Line").into() },
            "city": self.text("City"),
            "country": "United States",
            "is_primary_address": u8::from(self.rng.random_bool(0.3)),
            "disabled": u8::from(self.rng.random_bool(0.2)),
        })
    }

    fn contact_fields(&mut self) -> Value {
        let mails: Vec<Value> = (0..self.rng.random_range(0..3))
            .map(|index| json!({"email_id": format!("m{}.{index}@example.com", self.number), "is_primary": u8::from(index == 0)}))
            .collect();
        json!({
            "last_name": self.text("Last"),
            "email_ids": mails,
            "phone_nos": [{"phone": format!("+49 {}", self.number), "is_primary_mobile_no": 1}],
            "is_primary_contact": u8::from(self.rng.random_bool(0.3)),
        })
    }

    fn links(&mut self) -> Value {
        let customers: BTreeSet<String> = (0..self.rng.random_range(1..3)).map(|_link| self.a_customer()).collect();
        customers.into_iter().map(|name| json!({"link_doctype": "Customer", "link_name": name})).collect()
    }

    fn master(&mut self, doctype: &str) -> String {
        self.one_of(&self.erpnext.names(doctype))
    }

    fn a_customer(&mut self) -> String {
        self.names.customers.choose(self.rng).cloned().unwrap()
    }

    fn an_address(&mut self) -> String {
        self.names.addresses.choose(self.rng).cloned().unwrap()
    }

    fn a_contact(&mut self) -> String {
        self.names.contacts.choose(self.rng).cloned().unwrap()
    }

    fn a_linked(&mut self) -> (&'static str, String) {
        if self.rng.random_bool(0.5) { ("Address", self.an_address()) } else { ("Contact", self.a_contact()) }
    }

    fn linked_customer(&mut self, doctype: &str, name: &str) -> Option<String> {
        let document = self.erpnext.document(doctype, name)?;
        let links = document.get("links")?.as_array()?.clone();
        links.choose(self.rng)?["link_name"].as_str().map(str::to_owned)
    }

    fn one_of(&mut self, names: &[String]) -> String {
        names.choose(self.rng).cloned().unwrap()
    }
}

/// Who the document of that name is.
pub fn birth_of(erpnext: &Simulator, name: &str) -> Option<String> {
    erpnext.document("Customer", name)?.get(BIRTH)?.as_str().map(str::to_owned)
}
