//! Every column of `customers` that comes from ERPNext: its type, and where its value comes from by default.
//!
//! Invariant: the default mapping stands here and nowhere else; it is the table of the README. `erpnext_id` and `extra` are
//! not columns of this table, because they cannot be mapped to something else.
//!
//! ERPNext copies e-mail and phone of the primary Contact and the primary Address to the Customer, and the copies go
//! stale (recordings 24 and 25): they count only where no Contact or Address is linked.

use rust_decimal::Decimal;

use super::convert::Shape;
use crate::domain::customer::Customer;

/// A column and its default sources.
#[derive(Debug)]
pub(in crate::domain) struct Column {
    /// Name of the column.
    pub(in crate::domain) name: &'static str,
    /// Where its value goes.
    pub(in crate::domain) target: Target,
    /// In the words of `source`, the first non-empty wins.
    pub(super) sources: &'static [&'static str],
}

/// A field of the record with its type.
#[derive(Debug, Clone, Copy)]
pub(in crate::domain) enum Target {
    /// `name`, which is never null.
    Name,
    /// Text of a shape.
    Text(fn(&mut Customer) -> &mut Option<String>, Shape),
    /// Exact number.
    Decimal(fn(&mut Customer) -> &mut Option<Decimal>),
    /// Yes or no.
    Flag(fn(&mut Customer) -> &mut bool),
}

/// All columns, in the order of the table.
pub(in crate::domain) static COLUMNS: &[Column] = &[
    Column { name: "name", target: Target::Name, sources: &["customer.customer_name"] },
    text("company_name", |customer| &mut customer.company_name, &["customer.customer_name"]),
    text(
        "contact_person",
        |customer| &mut customer.contact_person,
        &["customer.contact_person", "contact.full_name", "contact.first_name+last_name"],
    ),
    text(
        "email",
        |customer| &mut customer.email,
        &["contact.email_id", "address.email_id", "customer.email_id unless contact"],
    ),
    text(
        "phone",
        |customer| &mut customer.phone,
        &["contact.mobile_no", "contact.phone", "address.phone", "customer.mobile_no unless contact"],
    ),
    Column {
        name: "address",
        target: Target::Text(|customer| &mut customer.address, Shape::LINES),
        sources: &[
            "customer.customer_address",
            "address.address_line1+address_line2",
            "customer.primary_address unless address",
        ],
    },
    text("city", |customer| &mut customer.city, &["customer.city", "address.city"]),
    text("state", |customer| &mut customer.state, &["customer.state", "address.state"]),
    text("postal_code", |customer| &mut customer.postal_code, &["customer.pincode", "address.pincode"]),
    text("country", |customer| &mut customer.country, &["customer.country", "address.country"]),
    text("tax_number", |customer| &mut customer.tax_number, &["customer.tax_id"]),
    Column {
        name: "credit_limit",
        target: Target::Decimal(|customer| &mut customer.credit_limit),
        sources: &["customer.credit_limit", "customer.credit_limits"],
    },
    text("payment_terms", |customer| &mut customer.payment_terms, &["customer.payment_terms"]),
    Column {
        name: "notes",
        target: Target::Text(|customer| &mut customer.notes, Shape::FREE),
        sources: &["customer.notes", "customer.customer_details"],
    },
    flag("is_active", |customer| &mut customer.is_active, &["not customer.disabled"]),
    text("customer_type", |customer| &mut customer.customer_type, &["customer.customer_type"]),
    text("customer_group", |customer| &mut customer.customer_group, &["customer.customer_group"]),
    text("territory", |customer| &mut customer.territory, &["customer.territory"]),
    text("currency", |customer| &mut customer.currency, &["customer.default_currency"]),
    text("price_list", |customer| &mut customer.price_list, &["customer.default_price_list"]),
    text("language", |customer| &mut customer.language, &["customer.language"]),
    text("tax_category", |customer| &mut customer.tax_category, &["customer.tax_category"]),
    flag("is_frozen", |customer| &mut customer.is_frozen, &["customer.is_frozen"]),
    text("website", |customer| &mut customer.website, &["customer.website"]),
];

const fn text(
    name: &'static str,
    field: fn(&mut Customer) -> &mut Option<String>,
    sources: &'static [&'static str],
) -> Column {
    Column { name, target: Target::Text(field, Shape::LINE), sources }
}

const fn flag(name: &'static str, field: fn(&mut Customer) -> &mut bool, sources: &'static [&'static str]) -> Column {
    Column { name, target: Target::Flag(field), sources }
}
