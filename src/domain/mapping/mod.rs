//! From ERPNext's documents to the record of one customer: which field comes from where.
//!
//! Invariant: pure and total. The same document and mapping give the same record, in whatever order linked documents
//! came; no JSON, however odd, makes it fail other than by [`Unmappable`]; nothing is cut or converted in silence.
//!
//! ```text
//! MappingConfig ─ compile ─▶ Mapping ─ map(Document) ─▶ Mapped { record, keep, problems }
//!   columns.rs   every column, its type and its default sources      source.rs   "contact.first_name+last_name"
//!   primary.rs   which Address and Contact speak for the customer    convert.rs  JSON value ─▶ text, decimal, flag
//!   linked.rs    the rows of customer_addresses and customer_contacts
//! ```
//!
//! What does not live here: reading documents (`erpnext`), parts that could not be read (`sync`), hashing (`fields`).

pub(super) mod columns;
mod compile;
mod config;
pub(super) mod convert;
mod linked;
mod primary;
mod source;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use self::columns::{Column, Target};
use self::convert::Shape;
use self::primary::View;
use self::source::{Part, Source};
use super::customer::Record;
use super::document::Document;
use super::hint::Doctype;

pub(super) use compile::extra_name;
pub use compile::{MappingProblem, MappingProblems};
pub use config::MappingConfig;

/// A checked mapping, ready to run.
#[derive(Debug, Clone)]
pub struct Mapping {
    company: Option<String>,
    columns: Vec<(&'static Column, Vec<Source>)>,
    extra: BTreeMap<String, Source>,
    fingerprint: String,
    customer_fields: BTreeSet<String>,
    address_fields: BTreeSet<String>,
    contact_fields: BTreeSet<String>,
}

/// What a document becomes.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapped {
    /// The values; none where `keep` names the column.
    pub record: Record,
    /// Columns whose present value stays: the new one cannot be stored, or the column has no source.
    pub keep: Vec<&'static str>,
    /// One sentence for each value that cannot be stored, without the value itself.
    pub problems: Vec<String>,
}

/// Why a document cannot become a row at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unmappable {
    /// No usable name of the document.
    #[error("the document has no usable name ({0}); open it in ERPNext and rename it")]
    Name(String),
    /// Nothing to call the customer.
    #[error("no source gives the customer a name; fill in Customer Name in ERPNext or correct mapping.fields.name")]
    NoName,
}

/// The default mapping, for people: each column with its sources in order.
pub fn default_sources() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    columns::COLUMNS.iter().map(|column| (column.name, column.sources))
}

impl Mapping {
    /// Identifies mapping and rules: another fingerprint may give other records for the same documents. 64 hex digits.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Fields of the Customer that are read (child tables left out).
    #[must_use]
    pub fn customer_fields(&self) -> &BTreeSet<String> {
        &self.customer_fields
    }

    /// Fields of an Address that are read.
    #[must_use]
    pub fn address_fields(&self) -> &BTreeSet<String> {
        &self.address_fields
    }

    /// Fields of a Contact that are read (child tables left out).
    #[must_use]
    pub fn contact_fields(&self) -> &BTreeSet<String> {
        &self.contact_fields
    }

    /// Each column with its sources, in the words of the settings; the first with a value counts.
    pub fn sources(&self) -> impl Iterator<Item = (&'static str, Vec<String>)> {
        self.columns.iter().map(|(column, sources)| (column.name, sources.iter().map(ToString::to_string).collect()))
    }

    /// Each name in `extra` with its source.
    pub fn extra_sources(&self) -> impl Iterator<Item = (String, String)> {
        self.extra.iter().map(|(name, source)| (name.clone(), source.to_string()))
    }

    /// Whether the values of that column of `customers` come from ERPNext. One without sources is never written, so that
    /// people and applications may.
    #[must_use]
    pub fn writes(&self, column: &str) -> bool {
        self.columns.iter().all(|(own, sources)| own.name != column || !sources.is_empty())
    }

    /// The fields of a doctype that may become that column.
    #[must_use]
    pub fn fields_of(&self, column: &str, doctype: Doctype) -> BTreeSet<&str> {
        let part = match doctype {
            Doctype::Customer => Part::Customer,
            Doctype::Address => Part::Address,
            Doctype::Contact => Part::Contact,
        };
        let sources = self.columns.iter().filter(|(known, _)| known.name == column).flat_map(|(_, sources)| sources);
        sources
            .map(Source::fields)
            .filter(|(of, _)| *of == part)
            .flat_map(|(_, fields)| fields)
            .map(String::as_str)
            .collect()
    }

    /// The record of a canonical document.
    ///
    /// # Errors
    /// Where no row can be made of it.
    pub fn map(&self, document: &Document) -> Result<Mapped, Unmappable> {
        let name = document.customer.get("name").unwrap_or(&Value::Null);
        let name = match convert::text(name, Shape::LINE) {
            Ok(Some(name)) => name,
            Ok(None) => return Err(Unmappable::Name("it is empty".to_owned())),
            Err(why) => return Err(Unmappable::Name(format!("it {why}"))),
        };
        let view = View::of(document, self.company.as_deref());
        let mut mapped = Mapped { record: Record::default(), keep: Vec::new(), problems: Vec::new() };
        mapped.record.customer.erpnext_id = Some(name);
        for (column, sources) in &self.columns {
            if sources.is_empty() {
                mapped.keep.push(column.name);
                continue;
            }
            if let Err((source, why)) = fill(column, sources, &view, &mut mapped.record) {
                let column = column.name;
                mapped.problems.push(format!("{column}: the value of {source} {why}; it stays as it was"));
                mapped.keep.push(column);
            }
        }
        if mapped.record.customer.name.is_empty() {
            if !mapped.keep.contains(&"name") {
                return Err(Unmappable::NoName);
            }
            // A new row has no present value to keep, and must be called something.
            mapped.record.customer.name = mapped.record.customer.erpnext_id.clone().unwrap_or_default();
        }
        self.fill_extra(&view, &mut mapped);
        linked::fill(&view, document, &mut mapped);
        Ok(mapped)
    }

    fn fill_extra(&self, view: &View<'_>, mapped: &mut Mapped) {
        let mut extra = Map::new();
        for (name, source) in &self.extra {
            match convert::scalar(source.read(view).as_deref().unwrap_or(&Value::Null)) {
                Ok(value) => {
                    extra.insert(name.clone(), value);
                }
                Err(why) => {
                    mapped.problems.push(format!("extra.{name}: the value of {source} {why}; extra stays as it was"));
                    mapped.keep.push("extra");
                }
            }
        }
        mapped.keep.dedup();
        mapped.record.customer.extra = extra;
    }
}

/// Sets one column from its first source that has a value. The error names that source.
fn fill<'a>(
    column: &Column,
    sources: &'a [Source],
    view: &View<'_>,
    record: &mut Record,
) -> Result<(), (&'a Source, String)> {
    let customer = &mut record.customer;
    if let Target::Flag(field) = column.target {
        // No value is a no in ERPNext.
        *field(customer) = sources.first().is_some_and(Source::is_negated);
    }
    let Some((source, value)) = sources.iter().find_map(|source| Some((source, source.read(view)?))) else {
        return Ok(());
    };
    let told = |why| (source, why);
    match column.target {
        Target::Name => customer.name = convert::text(&value, Shape::LINE).map_err(told)?.unwrap_or_default(),
        Target::Text(field, shape) => *field(customer) = convert::text(&value, shape).map_err(told)?,
        Target::Decimal(field) => *field(customer) = convert::decimal(&value).map_err(told)?,
        Target::Flag(field) => *field(customer) = convert::flag(&value).map_err(told)? != source.is_negated(),
    }
    Ok(())
}
