//! Fields that the configuration names: does the site have them, may the key read them, does ERPNext take the filter.
//!
//! Invariant: only fields that the user wrote are missed (the default mapping names some that not every site has); whether a
//! field may be read shows in a list, where its key is missing although the doctype has it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Patient;
use super::finding::Finding;
use crate::domain::hint::Doctype;
use crate::domain::mapping::{Mapping, MappingConfig};
use crate::domain::matching::MatchKey;
use crate::erpnext::{Client, DoctypeMeta, Error, List, Work};

/// Columns that every doctype has and none lists among its fields.
const STANDARD: [&str; 7] = ["name", "owner", "creation", "modified", "modified_by", "docstatus", "idx"];

pub(super) async fn look(patient: &Patient, client: &Client) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Ok(mapping) = Mapping::compile(&patient.config.mapping_config()) else { return findings };
    for doctype in Doctype::ALL {
        match of_doctype(patient, client, &mapping, doctype).await {
            Ok(found) => findings.extend(found),
            // That the doctype may not be read at all is told under Permissions.
            Err(Error::Forbidden { .. }) => {}
            Err(error) => {
                findings.push(Finding::skipped(&format!("the fields of {doctype}"), &error.without_detail()));
            }
        }
    }
    findings.extend(filter(patient, client).await);
    if findings.is_empty() {
        findings.push(Finding::ok("fields", "every field that the mapping names is there and may be read"));
    }
    findings
}

async fn of_doctype(
    patient: &Patient,
    client: &Client,
    mapping: &Mapping,
    doctype: Doctype,
) -> Result<Vec<Finding>, Error> {
    let mapped = fields(mapping, doctype);
    let meta = client.doctype(doctype.as_str()).await?;
    let mut findings: Vec<Finding> = written(patient, doctype)
        .into_iter()
        .filter(|field| !has(&meta, field))
        .map(|field| {
            Finding::problem(
                "unknown_field",
                format!("{doctype} has no field {field} on this site, but the configuration names it"),
                "correct the spelling in [mapping] or matching.keys (customize the form in ERPNext to see the names), or add \
                 the custom field",
            )
        })
        .collect();
    // Without a row nothing is shown of anything.
    let shown = shown(client, doctype).await?;
    if !shown.is_empty() {
        let hidden = mapped.iter().filter(|field| meta.columns.contains_key(*field) && !shown.contains(*field));
        findings.extend(hidden.map(|field| {
            Finding::problem(
                "field_not_permitted",
                format!("the key may not read the field {field} of {doctype}, so its column keeps what it had"),
                "lower the field's permission level, or give the sync user's role that level in ERPNext's Role Permissions \
                 Manager",
            )
        }));
    }
    Ok(findings)
}

/// The fields that the mapping reads.
fn fields(mapping: &Mapping, doctype: Doctype) -> &BTreeSet<String> {
    match doctype {
        Doctype::Customer => mapping.customer_fields(),
        Doctype::Address => mapping.address_fields(),
        Doctype::Contact => mapping.contact_fields(),
    }
}

/// Those that are read because of the user's own configuration.
fn written(patient: &Patient, doctype: Doctype) -> BTreeSet<String> {
    let config = patient.config.mapping_config();
    let compiled = |config: &MappingConfig| Mapping::compile(config).map(|mapping| fields(&mapping, doctype).clone());
    let default = compiled(&MappingConfig::default()).unwrap_or_default();
    let mut written: BTreeSet<String> =
        compiled(&config).unwrap_or_default().into_iter().filter(|field| !default.contains(field)).collect();
    if doctype == Doctype::Customer {
        written.extend(patient.config.matching.keys.iter().filter_map(|key| match key {
            MatchKey::LocalId { field } => Some(field.clone()),
            MatchKey::Email | MatchKey::TaxNumber => None,
        }));
    }
    written
}

fn has(meta: &DoctypeMeta, field: &str) -> bool {
    meta.columns.contains_key(field) || STANDARD.contains(&field)
}

/// The columns that the key may see; none where there is no document.
async fn shown(client: &Client, doctype: Doctype) -> Result<BTreeSet<String>, Error> {
    Ok(client.list_with_fields(&list(doctype, &["*"], json!([])), Work::Interactive).await?.fields)
}

fn list<'a>(doctype: Doctype, fields: &'a [&'a str], filters: Value) -> List<'a> {
    let doctype = doctype.as_str();
    List {
        doctype,
        parent: None,
        fields,
        filters,
        or_filters: Value::Null,
        order_by: "modified desc, name asc",
        limit: 1,
    }
}

async fn filter(patient: &Patient, client: &Client) -> Option<Finding> {
    let filter = patient.config.sync.filter.as_ref()?;
    let conditions = Value::from(filter.conditions().to_vec());
    match client.list(&list(Doctype::Customer, &["name", "modified"], conditions), Work::Interactive).await {
        Ok(rows) if rows.is_empty() => Some(Finding::warning(
            "filter_matches_none",
            "sync.filter lets no customer in that the key may see",
            "compare its fields and values with ERPNext's customer list",
        )),
        Ok(_) => None,
        Err(Error::Invalid { .. } | Error::Server { .. }) => Some(Finding::problem(
            "filter_refused",
            "ERPNext refuses sync.filter, so no customer can be read",
            "correct its fields and operators; try it as a filter of ERPNext's customer list",
        )),
        Err(error) => Some(Finding::skipped("the filter", &error.without_detail())),
    }
}
