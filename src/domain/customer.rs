//! The records as other applications read them: a customer with its addresses and contacts.
//!
//! Invariant: field names are the column names of the public tables, so one serde derive serves the content hash,
//! the diff, the bulk statements and the API. Where values come from is `mapping`'s business.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Our own id of a customer (`customers.id`): never changes, never reused.
pub type CustomerId = i64;

/// A row of `customers`, without ids and times that the database sets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default, ToSchema)]
pub struct Customer {
    /// ERPNext's name of the document; null for a local customer.
    pub erpnext_id: Option<String>,
    /// What people call the customer.
    pub name: String,
    /// The same as `name` by default.
    pub company_name: Option<String>,
    /// Full name of the primary contact.
    pub contact_person: Option<String>,
    /// E-mail of the primary contact.
    pub email: Option<String>,
    /// Phone of the primary contact.
    pub phone: Option<String>,
    /// Street lines joined by `, `.
    pub address: Option<String>,
    /// City of the primary address.
    pub city: Option<String>,
    /// State or province.
    pub state: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Country as ERPNext spells it.
    pub country: Option<String>,
    /// Tax number.
    pub tax_number: Option<String>,
    /// In the company's currency; null means that it is inherited from group or company.
    #[schema(value_type = Option<String>, examples("25000.00"))]
    pub credit_limit: Option<Decimal>,
    /// Name of the payment terms template.
    pub payment_terms: Option<String>,
    /// Free text.
    pub notes: Option<String>,
    /// False where ERPNext has it disabled.
    pub is_active: bool,
    /// `Company`, `Individual` …
    pub customer_type: Option<String>,
    /// Customer group.
    pub customer_group: Option<String>,
    /// Territory.
    pub territory: Option<String>,
    /// Billing currency (ISO 4217), null for the company's.
    pub currency: Option<String>,
    /// Default price list.
    pub price_list: Option<String>,
    /// Language code.
    pub language: Option<String>,
    /// Tax category.
    pub tax_category: Option<String>,
    /// True where ERPNext has it frozen.
    pub is_frozen: bool,
    /// Web site.
    pub website: Option<String>,
    /// Custom fields under names of the user's choice.
    #[schema(value_type = Object)]
    pub extra: Map<String, Value>,
}

/// A row of `customer_addresses`: an Address as linked to one customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default, ToSchema)]
pub struct Address {
    /// ERPNext's name of the Address.
    pub erpnext_id: String,
    /// Title.
    pub title: Option<String>,
    /// `Billing`, `Shipping` …
    pub address_type: Option<String>,
    /// First street line.
    pub line1: Option<String>,
    /// Second street line.
    pub line2: Option<String>,
    /// City.
    pub city: Option<String>,
    /// County.
    pub county: Option<String>,
    /// State or province.
    pub state: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Country.
    pub country: Option<String>,
    /// Phone.
    pub phone: Option<String>,
    /// E-mail.
    pub email: Option<String>,
    /// The one that the mapping uses.
    pub is_primary: bool,
    /// Preferred shipping address.
    pub is_shipping: bool,
    /// Disabled in ERPNext.
    pub disabled: bool,
}

/// A row of `customer_contacts`: a Contact as linked to one customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default, ToSchema)]
pub struct Contact {
    /// ERPNext's name of the Contact.
    pub erpnext_id: String,
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// Full name.
    pub full_name: Option<String>,
    /// Role in the company.
    pub designation: Option<String>,
    /// Primary e-mail.
    pub email: Option<String>,
    /// Primary phone.
    pub phone: Option<String>,
    /// Primary mobile number.
    pub mobile: Option<String>,
    /// All e-mails in ERPNext's order (JSON array of strings).
    pub emails: Vec<String>,
    /// All phone numbers in ERPNext's order (JSON array of strings).
    pub phones: Vec<String>,
    /// The one that the mapping uses.
    pub is_primary: bool,
}

/// All that is written for one customer in one transaction. Addresses and contacts are sorted by `erpnext_id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Record {
    /// The row itself.
    pub customer: Customer,
    /// Its addresses.
    pub addresses: Vec<Address>,
    /// Its contacts.
    pub contacts: Vec<Contact>,
}
