//! What the key may read, doctype by doctype.
//!
//! Invariant: ERPNext counts in two ways, one regards what the user may see and one does not, so the difference is what is
//! hidden. A missing permission on Address or Contact looks like an empty list, never like an error.

use serde_json::{Value, json};

use super::finding::Finding;
use crate::domain::hint::Doctype;
use crate::erpnext::{Client, Error, List, Work};

/// What is good to read and not needed: traces of what was deleted.
const TRACES: &str = "Deleted Document";
/// The child table in which customers have their credit limits.
const CREDIT_LIMITS: &str = "Customer Credit Limit";

pub(super) async fn look(client: &Client) -> Vec<Finding> {
    let mut findings = Vec::new();
    for doctype in Doctype::ALL.into_iter().rev() {
        findings.push(of(client, doctype).await.unwrap_or_else(|error| skipped(doctype.as_str(), &error)));
    }
    if let Some(finding) = credit_limits(client).await {
        findings.push(finding);
    }
    findings.push(traces(client).await);
    findings
}

async fn of(client: &Client, doctype: Doctype) -> Result<Finding, Error> {
    let visible = permitted(client.visible_count(doctype.as_str()).await)?;
    let all = permitted(client.count(doctype.as_str()).await)?;
    let listed = permitted(client.list(&one(doctype.as_str(), None), Work::Interactive).await)?.map(|rows| rows.len());
    let denied = listed.is_none() || visible.is_none() || (visible == Some(0) && all.unwrap_or_default() > 0);
    if denied {
        return Ok(Finding::problem(
            code(doctype),
            format!("the key's user may not read {doctype}"),
            format!(
                "give the sync user's role read permission on {doctype} in ERPNext's Role Permissions Manager \
                     (customer-sync setup does it)"
            ),
        ));
    }
    let visible = visible.unwrap_or_default();
    let hidden = all.unwrap_or_default().saturating_sub(visible);
    if hidden == 0 {
        return Ok(Finding::ok("readable", format!("{doctype}: all {visible} can be read")));
    }
    Ok(Finding::warning(
        "hidden_rows",
        format!("{doctype}: {hidden} of {} are hidden from the key's user and are not kept in sync", visible + hidden),
        "remove the User Permissions of this user in ERPNext, or leave it so if they are not to be synced",
    ))
}

const fn code(doctype: Doctype) -> &'static str {
    match doctype {
        Doctype::Customer => "no_permission_customer",
        Doctype::Address => "no_permission_address",
        Doctype::Contact => "no_permission_contact",
    }
}

async fn credit_limits(client: &Client) -> Option<Finding> {
    match client.list(&one(CREDIT_LIMITS, Some(Doctype::Customer.as_str())), Work::Interactive).await {
        Ok(_) => None,
        Err(Error::Forbidden { .. }) => Some(Finding::warning(
            "credit_limits_hidden",
            "the key's user may not read the customers' credit limits",
            "give the sync user's role read permission on Customer (it covers its tables), at the level of that table",
        )),
        Err(error) => Some(skipped(CREDIT_LIMITS, &error)),
    }
}

async fn traces(client: &Client) -> Finding {
    match client.list(&one(TRACES, None), Work::Interactive).await {
        Ok(_) => Finding::ok("readable", format!("{TRACES}: can be read")),
        Err(Error::Forbidden { .. }) => Finding::note(
            "no_permission_deleted_document",
            format!("the key's user may not read {TRACES}, so some deletions are only found by the next sweep"),
            format!("give the sync user's role read permission on {TRACES}"),
        ),
        Err(error) => skipped(TRACES, &error),
    }
}

fn one<'a>(doctype: &'a str, parent: Option<&'a str>) -> List<'a> {
    let (fields, order_by) = (&["name"], "name asc");
    List { doctype, parent, fields, filters: json!([]), or_filters: Value::Null, order_by, limit: 1 }
}

fn permitted<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Err(Error::Forbidden { .. }) => Ok(None),
        other => other.map(Some),
    }
}

fn skipped(what: &str, error: &Error) -> Finding {
    Finding::skipped(what, &error.without_detail())
}
