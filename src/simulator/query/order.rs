//! `order_by`: by which fields, in which direction.
//!
//! Invariant: rows that are equal in all terms stay in name order, so that answers do not depend on chance.

use std::cmp::Ordering;

use crate::simulator::refusal::Refusal;
use crate::simulator::schema::{FieldIndex, Kind, Schema};

use super::filter::Comparable;
use super::run::Row;

/// One term of an order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Term {
    pub(super) field: FieldIndex,
    pub(super) kind: Kind,
    pub(super) descending: bool,
}

/// Reads `modified asc, name asc`, with or without backticks and table names.
pub(super) fn parse(schema: &Schema, text: &str) -> Result<Vec<Term>, Refusal> {
    let terms = text.split(',').map(str::trim).filter(|term| !term.is_empty());
    terms
        .map(|term| {
            let (name, direction) = term.split_once(' ').unwrap_or((term, ""));
            let name = name.rsplit('.').next().unwrap_or(name).trim_matches('`');
            let field = schema.index(name).ok_or_else(|| Refusal::bad_field(name))?;
            let kind = schema.field(field).map_or(Kind::Data, |field| field.kind);
            Ok(Term { field, kind, descending: direction.trim().eq_ignore_ascii_case("desc") })
        })
        .collect()
}

/// The values of a row that the order looks at.
pub(super) fn sort_key(terms: &[Term], row: &Row<'_>) -> Vec<Comparable> {
    terms.iter().map(|term| Comparable::of_row(term.kind, row, term.field)).collect()
}

/// Compares two sort keys.
pub(super) fn compare(terms: &[Term], left: &[Comparable], right: &[Comparable]) -> Ordering {
    let pairs = terms.iter().zip(left.iter().zip(right));
    pairs
        .map(|(term, (left, right))| {
            let ordering = left.partial_cmp(right).unwrap_or(Ordering::Equal);
            if term.descending { ordering.reverse() } else { ordering }
        })
        .find(|ordering| ordering.is_ne())
        .unwrap_or(Ordering::Equal)
}
