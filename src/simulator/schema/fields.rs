//! The fields themselves, in the order in which ERPNext 15 answers them (seen in the recordings).
//!
//! Invariant: the seven standard fields come first in every doctype; child doctypes end with their three parent fields.
//! Doctypes that only have to exist so that links to them can be checked have a name and nothing else.

use std::borrow::Cow;

use super::Kind::{Check, Data, Float, Int, Link, OptionalFloat, Password, Table, Text, Time};
use super::{Field, Kind, Schema};

type Spec = (&'static str, Kind);

const STANDARD: [Spec; 7] = [
    ("name", Data),
    ("owner", Data),
    ("creation", Time),
    ("modified", Time),
    ("modified_by", Data),
    ("docstatus", Int),
    ("idx", Int),
];

const CUSTOMER: &[Spec] = &[
    ("naming_series", Data),
    ("salutation", Data),
    ("customer_name", Data),
    ("customer_type", Data),
    ("customer_group", Link("Customer Group")),
    ("territory", Link("Territory")),
    ("gender", Data),
    ("lead_name", Data),
    ("opportunity_name", Data),
    ("prospect_name", Data),
    ("account_manager", Data),
    ("image", Text),
    ("default_currency", Link("Currency")),
    ("default_bank_account", Data),
    ("default_price_list", Link("Price List")),
    ("is_internal_customer", Check),
    ("represents_company", Link("Company")),
    ("market_segment", Data),
    ("industry", Data),
    ("customer_pos_id", Data),
    ("website", Data),
    ("language", Data),
    ("customer_details", Text),
    ("customer_primary_address", Link("Address")),
    ("primary_address", Text),
    ("customer_primary_contact", Link("Contact")),
    ("mobile_no", Data),
    ("email_id", Data),
    ("first_name", Data),
    ("last_name", Data),
    ("tax_id", Data),
    ("tax_category", Link("Tax Category")),
    ("tax_withholding_category", Data),
    ("payment_terms", Link("Payment Terms Template")),
    ("loyalty_program", Data),
    ("loyalty_program_tier", Data),
    ("default_sales_partner", Data),
    ("default_commission_rate", Float),
    ("so_required", Check),
    ("dn_required", Check),
    ("exempt_from_sales_tax", Check),
    ("is_frozen", Check),
    ("disabled", Check),
    ("companies", Table("Allowed To Transact With")),
    ("portal_users", Table("Portal User")),
    ("sales_team", Table("Sales Team")),
    ("accounts", Table("Party Account")),
    ("credit_limits", Table("Customer Credit Limit")),
];

const CONTACT: &[Spec] = &[
    ("first_name", Data),
    ("middle_name", Data),
    ("last_name", Data),
    ("full_name", Data),
    ("email_id", Data),
    ("user", Data),
    ("address", Link("Address")),
    ("sync_with_google_contacts", Check),
    ("status", Data),
    ("salutation", Data),
    ("designation", Data),
    ("gender", Data),
    ("phone", Data),
    ("mobile_no", Data),
    ("company_name", Data),
    ("image", Text),
    ("google_contacts", Data),
    ("google_contacts_id", Data),
    ("pulled_from_google_contacts", Check),
    ("is_primary_contact", Check),
    ("is_billing_contact", Check),
    ("department", Data),
    ("unsubscribed", Check),
    ("phone_nos", Table("Contact Phone")),
    ("email_ids", Table("Contact Email")),
    ("links", Table("Dynamic Link")),
];

const ADDRESS: &[Spec] = &[
    ("address_title", Data),
    ("address_type", Data),
    ("address_line1", Data),
    ("address_line2", Data),
    ("city", Data),
    ("county", Data),
    ("state", Data),
    ("country", Link("Country")),
    ("pincode", Data),
    ("email_id", Data),
    ("phone", Data),
    ("fax", Data),
    ("tax_category", Link("Tax Category")),
    ("is_primary_address", Check),
    ("is_shipping_address", Check),
    ("disabled", Check),
    ("is_your_company_address", Check),
    ("links", Table("Dynamic Link")),
];

const WEBHOOK: &[Spec] = &[
    ("webhook_doctype", Data),
    ("webhook_docevent", Data),
    ("enabled", Check),
    ("condition", Text),
    ("request_url", Text),
    ("is_dynamic_url", Check),
    ("timeout", Int),
    ("background_jobs_queue", Data),
    ("request_method", Data),
    ("request_structure", Data),
    ("enable_security", Check),
    ("webhook_secret", Password),
    ("webhook_json", Text),
    ("preview_document", Data),
    ("meets_condition", Data),
    ("preview_request_body", Text),
    ("webhook_data", Table("Webhook Data")),
    ("webhook_headers", Table("Webhook Header")),
];

const WEBHOOK_REQUEST_LOG: &[Spec] = &[
    ("webhook", Data),
    ("reference_doctype", Data),
    ("reference_document", Data),
    ("headers", Text),
    ("data", Text),
    ("user", Data),
    ("url", Text),
    ("response", Text),
    ("error", Text),
];

const DELETED_DOCUMENT: &[Spec] = &[
    ("deleted_name", Data),
    ("deleted_doctype", Data),
    ("restored", Check),
    ("new_name", Data),
    ("data", Text),
    ("gcalendar_sync_id", Data),
];

/// Doctypes that are only linked to.
const MASTERS: [&str; 8] = [
    "Company",
    "Country",
    "Currency",
    "Customer Group",
    "Payment Terms Template",
    "Price List",
    "Tax Category",
    "Territory",
];

fn master(doctype: &str) -> &'static [Spec] {
    match doctype {
        "Customer Group" => &[("disabled", Check), ("parent_customer_group", Link("Customer Group"))],
        "Territory" => &[("disabled", Check), ("parent_territory", Link("Territory"))],
        _ => &[("disabled", Check)],
    }
}

const CHILDREN: &[(&str, &[Spec])] = &[
    (
        "Customer Credit Limit",
        &[("company", Link("Company")), ("credit_limit", Float), ("bypass_credit_limit_check", Check)],
    ),
    ("Dynamic Link", &[("link_doctype", Data), ("link_name", Data), ("link_title", Data)]),
    ("Contact Email", &[("email_id", Data), ("is_primary", Check)]),
    ("Contact Phone", &[("phone", Data), ("is_primary_phone", Check), ("is_primary_mobile_no", Check)]),
    ("Webhook Data", &[("fieldname", Data), ("key", Data)]),
    ("Webhook Header", &[("key", Data), ("value", Data)]),
    ("Has Role", &[("role", Data)]),
    ("Allowed To Transact With", &[("company", Link("Company"))]),
    ("Portal User", &[("user", Data)]),
    ("Sales Team", &[("sales_person", Data), ("allocated_percentage", OptionalFloat)]),
    ("Party Account", &[("company", Link("Company")), ("account", Data)]),
];

/// Defaults of new documents, beside the zeros that their types imply.
const DEFAULTS: &[(&str, &str, &str)] = &[
    ("Customer", "naming_series", "CUST-.YYYY.-"),
    ("Customer", "customer_type", "Company"),
    ("Customer", "language", "en"),
    ("Contact", "status", "Passive"),
    ("Address", "address_type", "Billing"),
    ("Webhook", "request_method", "POST"),
    ("Webhook", "meets_condition", "Yes"),
    ("Webhook", "preview_request_body", "Select a document to preview request data"),
];

const REQUIRED: &[(&str, &str)] = &[
    ("Customer", "customer_name"),
    ("Address", "address_line1"),
    ("Address", "city"),
    ("Address", "country"),
    ("Webhook", "webhook_doctype"),
    ("Webhook", "webhook_docevent"),
    ("Webhook", "request_url"),
    ("Role", "role_name"),
    ("User", "email"),
    ("User", "first_name"),
];

fn schema(doctype: &'static str, own: &[Spec], is_child: bool) -> Schema {
    let parent: &[Spec] = if is_child { &[("parent", Data), ("parentfield", Data), ("parenttype", Data)] } else { &[] };
    let fields = STANDARD.iter().chain(own).chain(parent).map(|(name, kind)| Field {
        name: Cow::Borrowed(*name),
        kind: *kind,
        default: DEFAULTS.iter().find(|(of, field, _)| *of == doctype && field == name).map(|(_, _, value)| *value),
        required: REQUIRED.contains(&(doctype, name)),
    });
    Schema { doctype, is_child, fields: fields.collect() }
}

pub(super) fn all() -> Vec<Schema> {
    let mut schemas = vec![
        schema("Customer", CUSTOMER, false),
        schema("Contact", CONTACT, false),
        schema("Address", ADDRESS, false),
        schema("Webhook", WEBHOOK, false),
        schema("Webhook Request Log", WEBHOOK_REQUEST_LOG, false),
        schema("Deleted Document", DELETED_DOCUMENT, false),
        schema("Role", &[("role_name", Data), ("desk_access", Check), ("disabled", Check)], false),
        schema(
            "User",
            &[
                ("email", Data),
                ("first_name", Data),
                ("full_name", Data),
                ("enabled", Check),
                ("time_zone", Data),
                ("user_type", Data),
                ("api_key", Data),
                ("roles", Table("Has Role")),
            ],
            false,
        ),
        schema("System Settings", &[("time_zone", Data), ("country", Data), ("language", Data)], false),
    ];
    schemas.extend(MASTERS.into_iter().map(|doctype| schema(doctype, master(doctype), false)));
    schemas.extend(CHILDREN.iter().map(|(doctype, own)| schema(doctype, own, true)));
    schemas
}
