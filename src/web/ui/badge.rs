//! What a customer is, in a word or two: from ERPNext or local, inactive, deleted, in need of somebody.
//!
//! Invariant: the word says it all; the colour only repeats it.

use crate::store::{CustomerRow, Remarks};

/// A word with a colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Badge {
    /// Suffix of the style: `plain`, `accent`, `warn` or `bad`.
    pub(super) tone: &'static str,
    pub(super) text: &'static str,
}

/// The badges of a customer.
pub(super) fn badges(row: &CustomerRow, remarks: Remarks) -> Vec<Badge> {
    let badge = |tone, text| Badge { tone, text };
    let mut badges = vec![if is_local(row) { badge("accent", "local") } else { badge("plain", "synced") }];
    if row.erased_at.is_some() {
        badges.push(badge("bad", "erased"));
    } else if row.merged_into.is_some() {
        badges.push(badge("bad", "merged"));
    } else if row.deleted_at.is_some() {
        badges.push(badge("bad", "deleted"));
    }
    let states = [
        (!row.customer.is_active, badge("warn", "inactive")),
        (row.customer.is_frozen, badge("warn", "frozen")),
        (remarks.problem, badge("bad", "problem")),
        (remarks.question, badge("warn", "to be linked")),
    ];
    badges.extend(states.into_iter().filter(|(is_so, _)| *is_so).map(|(_, badge)| badge));
    badges
}

/// Whether it is only here.
fn is_local(row: &CustomerRow) -> bool {
    row.origin == "local"
}

/// What people call a customer; its id in ERPNext or here where it has no name.
pub(super) fn title(row: &CustomerRow) -> String {
    let names = [Some(&row.customer.name), row.customer.erpnext_id.as_ref()];
    let named = names.into_iter().flatten().find(|name| !name.trim().is_empty());
    named.map_or_else(|| format!("Customer {}", row.id), Clone::clone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::customer::Customer;

    fn row(origin: &str, customer: Customer) -> CustomerRow {
        CustomerRow {
            id: 7,
            customer,
            origin: origin.to_owned(),
            merged_into: None,
            deleted_at: None,
            erased_at: None,
            created_at: None,
            updated_at: None,
        }
    }

    fn told(row: &CustomerRow, remarks: Remarks) -> Vec<&'static str> {
        badges(row, remarks).into_iter().map(|badge| badge.text).collect()
    }

    #[test]
    fn a_customer_is_told_in_words() {
        let active = Customer { is_active: true, ..Customer::default() };
        let synced = row("erpnext", active.clone());
        assert_eq!(told(&synced, Remarks::default()), ["synced"]);
        let mut frozen = row("local", Customer { is_frozen: true, ..Customer::default() });
        assert_eq!(told(&frozen, Remarks { problem: true, question: true }).len(), 5);
        frozen.deleted_at = Some(String::new());
        assert_eq!(told(&frozen, Remarks::default()), ["local", "deleted", "inactive", "frozen"]);
        frozen.merged_into = Some(8);
        assert!(told(&frozen, Remarks::default()).contains(&"merged"));
    }

    #[test]
    fn everybody_is_called_something() {
        let nameless = row("local", Customer { name: " ".to_owned(), ..Customer::default() });
        assert_eq!(title(&nameless), "Customer 7");
        let known = Customer { erpnext_id: Some("CUST-1".to_owned()), ..Customer::default() };
        assert_eq!(title(&row("erpnext", known)), "CUST-1");
    }
}
