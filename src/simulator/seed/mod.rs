//! Plausible customers of many countries, by the thousand or the million.
//!
//! Invariant: the same seed and number give the same customers, Addresses, Contacts and links; only times depend on
//! the clock. They are packed directly and silently: no webhook tells of them.

mod names;
mod words;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

use super::clock::Moment;
use super::packed::{Packed, Packer};
use super::parties::display;
use super::schema::Schema;
use super::site::Site;
use names::{Identity, Namer, pick};
use words::{COUNTRIES, Country, DESIGNATIONS, GROUPS, NOTES, TERMS};

const OWNER: &str = "seed@example.com";
const SECOND: Moment = 1_000_000;
/// Seeded customers were created within the last three years.
const SPAN: Moment = 3 * 365 * 24 * 3600 * SECOND;

/// Adds that many customers to a site.
pub(super) fn customers(site: &mut Site, seed: u64, count: usize) {
    for country in COUNTRIES {
        for (doctype, name) in [("Country", country.name), ("Territory", country.name), ("Currency", country.currency)]
        {
            if !site.exists(doctype, name) {
                site.add_master(doctype, name);
            }
        }
    }
    let now = site.clock.now();
    let mut namer = Namer::default();
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    for _ in 0..count {
        let Some(country) = COUNTRIES.get(random.random_range(0..COUNTRIES.len())) else { continue };
        let identity = namer.next(site, &mut random, country);
        Seeder { site, random: &mut random, country, identity, now }.add();
    }
}

/// Packs fields in the order of the schema, with the standard ones first.
struct Filler<'s> {
    schema: &'s Schema,
    next: u8,
    packer: Packer,
}

impl<'s> Filler<'s> {
    fn new(schema: &'s Schema, name: &str, creation: Moment, modified: Moment, idx: i64) -> Self {
        let mut packer = Packer::default();
        packer.text(0, name).text(1, OWNER).time(2, creation).time(3, modified).text(4, OWNER).int(6, idx);
        Self { schema, next: 7, packer }
    }

    /// Index of a field that comes after those that were packed already.
    fn index(&mut self, field: &str) -> Option<u8> {
        let rest = self.schema.fields.iter().zip(0_u8..).skip(usize::from(self.next));
        let found = rest.into_iter().find(|(known, _)| known.name == field).map(|(_, index)| index)?;
        self.next = found + 1;
        Some(found)
    }

    fn text(&mut self, field: &str, value: &str) -> &mut Self {
        if let Some(index) = self.index(field) {
            self.packer.text(index, value);
        }
        self
    }

    fn some(&mut self, field: &str, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(field, value),
            None => self,
        }
    }

    fn int(&mut self, field: &str, value: i64) -> &mut Self {
        if let Some(index) = self.index(field) {
            self.packer.int(index, value);
        }
        self
    }

    fn float(&mut self, field: &str, value: f64) -> &mut Self {
        if let Some(index) = self.index(field) {
            self.packer.float(index, value);
        }
        self
    }

    fn rows(&mut self, field: &str, rows: &[Packed]) -> &mut Self {
        if let Some(index) = self.index(field) {
            self.packer.rows(index, rows);
        }
        self
    }

    fn finish(&mut self) -> Packed {
        self.packer.finish()
    }
}

struct Seeder<'s> {
    site: &'s mut Site,
    random: &'s mut Xoshiro256PlusPlus,
    country: &'static Country,
    identity: Identity,
    now: Moment,
}

impl Seeder<'_> {
    fn add(mut self) {
        let creation = self.now - self.random.random_range(SECOND..SPAN);
        let modified = match self.random.random_range(0..20) {
            // One in twenty was changed by the same patch, so that `modified` has ties.
            0 if creation < self.now - SPAN / 4 => self.now - SPAN / 4,
            _ => creation + self.random.random_range(0..self.now - creation),
        };
        let phone = format!("{} {:04}", self.country.dial, self.random.random_range(0..10_000));
        let email = format!("c{}@customers.example", self.random.random_range(0..1_000_000_000_u32));
        let address = self.chance(90).then(|| self.add_address("Billing", true, creation, modified, &phone));
        if self.chance(15) {
            self.add_address("Shipping", false, creation, modified, &phone);
        }
        let contact = self.chance(85).then(|| self.add_contact(true, creation, modified, &phone, &email));
        if self.chance(10) {
            self.add_contact(false, creation, modified, &phone, &format!("second.{email}"));
        }
        let copies = contact.is_some().then_some((phone.as_str(), email.as_str()));
        self.add_customer(creation, modified, address.as_ref(), contact.as_deref(), copies);
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.random.random_range(0..100) < percent
    }

    fn add_customer(
        &mut self,
        creation: Moment,
        modified: Moment,
        address: Option<&(String, String)>,
        contact: Option<&str>,
        copies: Option<(&str, &str)>,
    ) {
        let limits = self.credit_limits(creation, modified);
        let (country, name) = (self.country, self.identity.name.clone());
        let group = pick(self.random, GROUPS).unwrap_or_default();
        let currency = self.chance(40).then_some(country.currency);
        let website = self.chance(30).then(|| format!("https://c{}.example", self.random.random_range(0..1_000_000)));
        let notes = self.chance(25).then(|| pick(self.random, NOTES)).flatten();
        let tax = self.chance(70).then(|| format!("{:09}", self.random.random_range(0..1_000_000_000_u32)));
        let terms = self.chance(70).then(|| pick(self.random, TERMS)).flatten();
        let (is_frozen, disabled) = (self.chance(1), self.chance(3));
        let Some(schema) = self.site.schemas.get("Customer") else { return };
        let mut row = Filler::new(schema, &name, creation, modified, 0);
        row.text("naming_series", "CUST-.YYYY.-")
            .text("customer_name", &name)
            .text("customer_type", if self.identity.is_company { "Company" } else { "Individual" })
            .text("customer_group", group)
            .text("territory", country.name)
            .some("default_currency", currency)
            .some("website", website.as_deref())
            .text("language", country.language)
            .some("customer_details", notes)
            .some("customer_primary_address", address.map(|(name, _)| name.as_str()))
            .some("primary_address", address.map(|(_, shown)| shown.as_str()))
            .some("customer_primary_contact", contact)
            .some("mobile_no", copies.map(|(phone, _)| phone))
            .some("email_id", copies.map(|(_, email)| email))
            .some("first_name", contact.map(|_| self.identity.given))
            .some("last_name", contact.map(|_| self.identity.family))
            .some("tax_id", tax.as_deref())
            .some("payment_terms", terms)
            .int("is_frozen", i64::from(is_frozen))
            .int("disabled", i64::from(disabled))
            .rows("credit_limits", &limits);
        let row = row.finish();
        self.site.store_packed("Customer", row);
    }

    fn credit_limits(&mut self, creation: Moment, modified: Moment) -> Vec<Packed> {
        let companies: &[&str] = match self.random.random_range(0..100) {
            0..50 => &[],
            50..90 => &["Acme Test Company"],
            _ => &["Acme Test Company", "Second Co"],
        };
        let mut limits = Vec::new();
        for (company, idx) in companies.iter().zip(1..) {
            let amount = pick(self.random, &[1000.0, 2500.0, 5000.0, 10000.5, 99999.99]).unwrap_or_default();
            let name = self.site.random_name();
            let Some(schema) = self.site.schemas.get("Customer Credit Limit") else { continue };
            let mut row = Filler::new(schema, &name, creation, modified, idx);
            limits.push(row.text("company", company).float("credit_limit", amount).finish());
        }
        limits
    }

    /// Gives the Address's name, and how the customer shows it.
    fn add_address(
        &mut self,
        kind: &str,
        is_primary: bool,
        creation: Moment,
        modified: Moment,
        phone: &str,
    ) -> (String, String) {
        let name = format!("{}-{kind}", self.identity.name);
        let (city, state, postal) = pick(self.random, self.country.places).unwrap_or_default();
        let street = pick(self.random, self.country.streets).unwrap_or_default();
        let line1 = format!("{street} {}", self.random.random_range(1..400));
        let line2 = (self.random.random_range(0..5) == 0).then(|| format!("c/o {}", self.identity.family));
        let links = [self.link(creation, modified)];
        let Some(schema) = self.site.schemas.get("Address") else { return (name, String::new()) };
        let row = Filler::new(schema, &name, creation, modified, 0)
            .text("address_title", &self.identity.name)
            .text("address_type", kind)
            .text("address_line1", &line1)
            .some("address_line2", line2.as_deref())
            .text("city", city)
            .some("state", Some(state).filter(|state| !state.is_empty()))
            .text("country", self.country.name)
            .text("pincode", postal)
            .text("phone", phone)
            .int("is_primary_address", i64::from(is_primary))
            .int("is_shipping_address", i64::from(!is_primary))
            .rows("links", &links)
            .finish();
        let shown = display(|field| row.view().text(schema.index(field)?));
        self.site.store_packed("Address", row);
        (name, shown)
    }

    /// Gives the Contact's name.
    fn add_contact(
        &mut self,
        is_primary: bool,
        creation: Moment,
        modified: Moment,
        phone: &str,
        email: &str,
    ) -> String {
        let given = if is_primary { self.identity.given } else { "Second" };
        let full_name = format!("{given} {}", self.identity.family);
        let name = format!("{full_name}-{}", self.identity.name);
        let (email_row, phone_row) = (self.site.random_name(), self.site.random_name());
        let designation = self.chance(40).then(|| pick(self.random, DESIGNATIONS)).flatten();
        let links = [self.link(creation, modified)];
        let schemas = &self.site.schemas;
        let (Some(schema), Some(emails), Some(phones)) =
            (schemas.get("Contact"), schemas.get("Contact Email"), schemas.get("Contact Phone"))
        else {
            return name;
        };
        let phones = [Filler::new(phones, &phone_row, creation, modified, 1)
            .text("phone", phone)
            .int("is_primary_mobile_no", 1)
            .finish()];
        let emails = [Filler::new(emails, &email_row, creation, modified, 1)
            .text("email_id", email)
            .int("is_primary", 1)
            .finish()];
        let row = Filler::new(schema, &name, creation, modified, 0)
            .text("first_name", given)
            .text("last_name", self.identity.family)
            .text("full_name", &full_name)
            .text("email_id", email)
            .text("status", "Passive")
            .some("designation", designation)
            .text("phone", "")
            .text("mobile_no", phone)
            .some("company_name", self.identity.is_company.then_some(self.identity.name.as_str()))
            .int("is_primary_contact", i64::from(is_primary))
            .rows("phone_nos", &phones)
            .rows("email_ids", &emails)
            .rows("links", &links)
            .finish();
        self.site.store_packed("Contact", row);
        name
    }

    fn link(&mut self, creation: Moment, modified: Moment) -> Packed {
        let name = self.site.random_name();
        let Some(schema) = self.site.schemas.get("Dynamic Link") else { return Packed::default() };
        Filler::new(schema, &name, creation, modified, 1)
            .text("link_doctype", "Customer")
            .text("link_name", &self.identity.name)
            .text("link_title", &self.identity.name)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::super::documents::{rows, text};
    use super::super::naming::Naming;
    use super::*;

    fn seeded(seed: u64, count: usize) -> Site {
        let mut site = Site::new("UTC", TimeZone::UTC, Naming::CustomerName, seed);
        site.clock.freeze("2026-11-22T00:00:00Z".parse().unwrap());
        site.add_masters();
        customers(&mut site, seed, count);
        site
    }

    #[test]
    fn the_same_seed_gives_the_same_customers() {
        let (first, again) = (seeded(7, 300), seeded(7, 300));
        assert_eq!(first.table("Customer").map(super::super::table::Table::len), Some(300));
        for doctype in ["Customer", "Contact", "Address"] {
            assert!(first.table(doctype).unwrap().iter().eq(again.table(doctype).unwrap().iter()), "{doctype}");
        }
        assert!(!first.table("Customer").unwrap().iter().eq(seeded(8, 300).table("Customer").unwrap().iter()));
    }

    #[test]
    fn seeded_documents_are_what_an_edit_would_leave() {
        let site = seeded(1, 500);
        let mut with_limits = 0;
        for (key, _) in site.table("Customer").unwrap().iter() {
            let customer = site.load("Customer", key).unwrap();
            super::super::work::check_links(&site, "Customer", &customer).unwrap();
            with_limits += rows(&customer, "credit_limits").count();
            for field in ["customer_name", "customer_type", "territory", "language"] {
                assert!(text(&customer, field).is_some(), "{field} of {key}");
            }
            if let Some(contact) = text(&customer, "customer_primary_contact") {
                let contact = site.load("Contact", contact).unwrap();
                assert_eq!(contact["email_id"], customer["email_id"]);
                assert_eq!(rows(&contact, "phone_nos").next().unwrap()["phone"], customer["mobile_no"]);
            }
            if let Some(address) = text(&customer, "customer_primary_address") {
                let address = site.load("Address", address).unwrap();
                assert_eq!(text(&customer, "primary_address"), Some(display(|field| text(&address, field)).as_str()));
                assert_eq!(rows(&address, "links").next().unwrap()["link_name"], customer["name"]);
            }
        }
        assert!(with_limits > 100);
    }
}
