//! Conditions of a list, compared as ERPNext's database compares them.
//!
//! Invariant: texts compare folded, a null counts as the empty text, as 0, or as the beginning of time, and a zone in
//! a time is ignored. An unknown field is refused before anything is read.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::simulator::clock::{self, Moment};
use crate::simulator::collation::fold;
use crate::simulator::packed::Cell;
use crate::simulator::refusal::Refusal;
use crate::simulator::schema::{FieldIndex, Kind, Schema};
use crate::simulator::site::Site;

use super::run::Row;
use super::tree;

/// A comparable value.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
pub(super) enum Comparable {
    Number(f64),
    Time(Moment),
    Text(String),
}

impl Comparable {
    pub(super) fn of_cell(kind: Kind, cell: Option<Cell<'_>>) -> Self {
        match cell {
            #[expect(clippy::cast_precision_loss, reason = "counters and checks are small")]
            Some(Cell::Int(number)) => Self::Number(number as f64),
            Some(Cell::Float(number)) => Self::Number(number),
            Some(Cell::Time(moment)) => Self::Time(moment),
            Some(Cell::Text(text)) => Self::Text(fold(text)),
            Some(Cell::Rows(_)) => Self::Text(String::new()),
            None => match kind {
                Kind::Check | Kind::Int | Kind::Float | Kind::OptionalFloat => Self::Number(0.0),
                Kind::Time => Self::Time(Moment::MIN),
                _ => Self::Text(String::new()),
            },
        }
    }

    /// The value of a row's field.
    pub(super) fn of_row(kind: Kind, row: &Row<'_>, index: FieldIndex) -> Self {
        row.folded(index).map_or_else(|| Self::of_cell(kind, row.cell(index)), |folded| Self::Text(folded.to_owned()))
    }

    fn of_operand(kind: Kind, value: &Value) -> Self {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        match kind {
            Kind::Check | Kind::Int | Kind::Float | Kind::OptionalFloat => Self::Number(
                value
                    .as_bool()
                    .map_or_else(|| text.trim().parse().unwrap_or_default(), |flag| f64::from(u8::from(flag))),
            ),
            Kind::Time => Self::Time(clock::parse(&text).unwrap_or(Moment::MIN)),
            _ => Self::Text(fold(&text)),
        }
    }
}

#[derive(Debug, Clone)]
enum Test {
    Equal(Comparable),
    NotEqual(Comparable),
    Less(Comparable),
    LessOrEqual(Comparable),
    Greater(Comparable),
    GreaterOrEqual(Comparable),
    In(Vec<Comparable>),
    /// As [`Test::In`], for texts.
    InTexts(BTreeSet<String>),
    NotIn(Vec<Comparable>),
    Between(Comparable, Comparable),
    Like(String),
    NotLike(String),
    Set,
    NotSet,
}

impl Test {
    fn parse(kind: Kind, operator: &str, value: &Value) -> Result<Self, Refusal> {
        let one = || Comparable::of_operand(kind, value);
        let many = || -> Vec<Comparable> {
            match value {
                Value::Array(items) => items.iter().map(|item| Comparable::of_operand(kind, item)).collect(),
                Value::String(text) => {
                    text.split(',').map(|item| Comparable::of_operand(kind, &Value::from(item.trim()))).collect()
                }
                other => vec![Comparable::of_operand(kind, other)],
            }
        };
        let pattern = || fold(value.as_str().unwrap_or_default());
        Ok(match operator.to_lowercase().as_str() {
            "=" | "==" => Self::Equal(one()),
            "!=" | "<>" => Self::NotEqual(one()),
            "<" => Self::Less(one()),
            "<=" => Self::LessOrEqual(one()),
            ">" => Self::Greater(one()),
            ">=" => Self::GreaterOrEqual(one()),
            "in" => match kind {
                Kind::Check | Kind::Int | Kind::Float | Kind::OptionalFloat | Kind::Time => Self::In(many()),
                _ => Self::InTexts(many().into_iter().filter_map(Comparable::into_text).collect()),
            },
            "not in" => Self::NotIn(many()),
            "between" => match <[Comparable; 2]>::try_from(many()) {
                Ok([from, to]) => Self::Between(from, to),
                Err(_) => return Err(Refusal::invalid("Between needs two values")),
            },
            "like" => Self::Like(pattern()),
            "not like" => Self::NotLike(pattern()),
            "is" if value == "set" => Self::Set,
            "is" => Self::NotSet,
            other => return Err(Refusal::invalid(format!("Operator must be one of =, !=, >, <, >=, <=, in: {other}"))),
        })
    }

    fn accepts(&self, found: &Comparable) -> bool {
        let empty =
            matches!(found, Comparable::Text(text) if text.is_empty()) || *found == Comparable::Time(Moment::MIN);
        match self {
            Self::Equal(wanted) => found == wanted,
            Self::NotEqual(unwanted) => found != unwanted,
            Self::Less(bound) => found < bound,
            Self::LessOrEqual(bound) => found <= bound,
            Self::Greater(bound) => found > bound,
            Self::GreaterOrEqual(bound) => found >= bound,
            Self::In(wanted) => wanted.contains(found),
            Self::InTexts(wanted) => matches!(found, Comparable::Text(text) if wanted.contains(text)),
            Self::NotIn(unwanted) => !unwanted.contains(found),
            Self::Between(from, to) => found >= from && found <= to,
            Self::Like(pattern) => matches!(found, Comparable::Text(text) if like(pattern, text)),
            Self::NotLike(pattern) => !matches!(found, Comparable::Text(text) if like(pattern, text)),
            Self::Set => !empty,
            Self::NotSet => empty,
        }
    }
}

impl Comparable {
    fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(_) | Self::Time(_) => None,
        }
    }
}

/// SQL's LIKE with `%` and `_`.
fn like(pattern: &str, text: &str) -> bool {
    match pattern.chars().next() {
        None => text.is_empty(),
        Some('%') => {
            let rest = pattern.get(1..).unwrap_or_default();
            let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.any(|at| like(rest, text.get(at..).unwrap_or_default()))
        }
        Some(wanted) => text.chars().next().is_some_and(|found| {
            (wanted == '_' || wanted == found)
                && like(
                    pattern.get(wanted.len_utf8()..).unwrap_or_default(),
                    text.get(found.len_utf8()..).unwrap_or_default(),
                )
        }),
    }
}

/// Which value a condition looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Own(FieldIndex),
    /// Any row of a child table.
    Child(FieldIndex, FieldIndex),
}

/// One condition.
#[derive(Debug, Clone)]
pub(super) struct Filter {
    target: Target,
    kind: Kind,
    test: Test,
}

impl Filter {
    pub(super) fn accepts(&self, row: &Row<'_>) -> bool {
        match self.target {
            Target::Own(index) => self.test.accepts(&Comparable::of_row(self.kind, row, index)),
            Target::Child(table, index) => {
                row.view.rows(table).any(|row| self.test.accepts(&Comparable::of_cell(self.kind, row.get(index))))
            }
        }
    }

    pub(super) const fn is_on_child(&self) -> bool {
        matches!(self.target, Target::Child(..))
    }

    /// The texts that this condition leaves possible for a field, folded and in order, if it names them.
    pub(super) fn wanted_texts(&self, field: FieldIndex) -> Option<Vec<&str>> {
        match (&self.test, self.target) {
            (Test::InTexts(texts), Target::Own(index)) if index == field => {
                Some(texts.iter().map(String::as_str).collect())
            }
            (Test::Equal(Comparable::Text(text)), Target::Own(index)) if index == field => Some(vec![text.as_str()]),
            _ => None,
        }
    }

    /// The lower bound that this condition sets for a field.
    pub(super) fn lower_bound(&self, field: FieldIndex) -> Option<&Comparable> {
        match (&self.test, self.target) {
            (Test::Greater(bound) | Test::GreaterOrEqual(bound), Target::Own(index)) if index == field => Some(bound),
            _ => None,
        }
    }
}

/// Reads `filters` or `or_filters`: a list of triples or quadruples, or an object.
pub(super) fn parse(site: &Site, schema: &Schema, filters: &Value) -> Result<Vec<Filter>, Refusal> {
    let equals = Value::from("=");
    match filters {
        Value::Array(items) => items
            .iter()
            .map(|item| match item.as_array().map(Vec::as_slice) {
                Some([Value::String(field), Value::String(operator), value]) => {
                    filter(site, schema, None, field, operator, value)
                }
                Some([Value::String(of), Value::String(field), Value::String(operator), value, ..]) => {
                    filter(site, schema, Some(of), field, operator, value)
                }
                Some([Value::String(field), value]) => filter(site, schema, None, field, "=", value),
                _ => Err(Refusal::invalid(format!("Invalid filter: {item}"))),
            })
            .collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(field, condition)| {
                let (operator, value) = match condition.as_array().map(Vec::as_slice) {
                    Some([operator, value]) => (operator, value),
                    _ => (&equals, condition),
                };
                filter(site, schema, None, field, operator.as_str().unwrap_or("="), value)
            })
            .collect(),
        _ => Ok(Vec::new()),
    }
}

fn filter(
    site: &Site,
    schema: &Schema,
    of: Option<&str>,
    field: &str,
    operator: &str,
    value: &Value,
) -> Result<Filter, Refusal> {
    let refused = || Refusal::bad_field(field);
    let (of, name) = match field.split_once('.') {
        Some((table, name)) => (Some(table.trim_matches('`').trim_start_matches("tab")), name.trim_matches('`')),
        None => (of, field.trim_matches('`')),
    };
    let (target, kind) = match of.filter(|of| *of != schema.doctype) {
        None => {
            let index = schema.index(name).ok_or_else(refused)?;
            (Target::Own(index), schema.field(index).ok_or_else(refused)?.kind)
        }
        Some(of) => {
            let (table, _, child) =
                schema.tables().find(|(_, field, child)| *child == of || field.name == of).ok_or_else(refused)?;
            let child = site.schemas.get(child).ok_or_else(refused)?;
            let index = child.index(name).ok_or_else(refused)?;
            (Target::Child(table, index), child.field(index).ok_or_else(refused)?.kind)
        }
    };
    let linked = if let Kind::Link(doctype) = kind { doctype } else { schema.doctype };
    let test = match tree::nodes(site, linked, operator, value.as_str().unwrap_or_default())? {
        Some(nodes) if nodes.negated => Test::NotIn(nodes.names.into_iter().map(Comparable::Text).collect()),
        Some(nodes) => Test::InTexts(nodes.names.into_iter().collect()),
        None => Test::parse(kind, operator, value)?,
    };
    Ok(Filter { target, kind, test })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_knows_both_wildcards() {
        assert!(like("%acme%", "the acme co"));
        assert!(like("a_me", "acme"));
        assert!(!like("a_me", "ame"));
        assert!(like("%", ""));
    }

    #[test]
    fn nulls_count_as_empty_and_case_is_folded() {
        let accepts = |operator, value: Value, cell: Option<Cell<'_>>| {
            Test::parse(Kind::Data, operator, &value).unwrap().accepts(&Comparable::of_cell(Kind::Data, cell))
        };
        assert!(accepts("=", Value::from("ACME"), Some(Cell::Text("acme"))));
        assert!(accepts("!=", Value::from("x"), None));
        assert!(accepts("in", Value::from(vec!["", "y"]), None));
        assert!(accepts("is", Value::from("not set"), None));
        assert!(!accepts(">", Value::from("b"), Some(Cell::Text("A"))));
    }
}
