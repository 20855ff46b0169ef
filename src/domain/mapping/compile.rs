//! Checks the user's mapping and makes it ready to run.
//!
//! Invariant: all mistakes are found at start, at once, each with the place and what to write; a mapping that compiles never
//! fails later because of itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::Mapping;
use super::columns::{COLUMNS, Column, Target};
use super::config::MappingConfig;
use super::linked::{ADDRESS_FIELDS, CONTACT_FIELDS};
use super::source::{CREDIT_LIMITS, Part, Source};
use crate::domain::fields::bytes_hash;
use crate::domain::suggest::did_you_mean;

/// To be raised with every change of the code that gives other records for the same documents.
const RULES: u32 = 1;
/// Longest name in `extra`.
const EXTRA_NAME_LIMIT: usize = 64;

/// Something wrong in `[mapping]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingProblem {
    /// `fields` or `extra`.
    pub key: &'static str,
    /// What is wrong and what to write.
    pub message: String,
}

impl fmt::Display for MappingProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "mapping.{}: {}", self.key, self.message)
    }
}

/// All that is wrong in `[mapping]`, at once. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingProblems(pub Vec<MappingProblem>);

impl std::error::Error for MappingProblems {}

impl fmt::Display for MappingProblems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[mapping] is wrong:")?;
        self.0.iter().try_for_each(|problem| write!(formatter, "\n  {problem}"))
    }
}

impl Mapping {
    /// Checks the configuration.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn compile(config: &MappingConfig) -> Result<Self, MappingProblems> {
        let mut problems = Vec::new();
        for name in config.fields.keys().filter(|name| COLUMNS.iter().all(|column| column.name != *name)) {
            let hint = did_you_mean(name, COLUMNS.iter().map(|column| column.name));
            problems.push(in_fields(format!("{name:?} is no column that can be mapped{hint}")));
        }
        let mut columns: Vec<(&'static Column, Vec<Source>)> = Vec::with_capacity(COLUMNS.len());
        for column in COLUMNS {
            let written = config.fields.get(column.name);
            let written: Vec<&str> = match written {
                Some(sources) => sources.iter().map(String::as_str).collect(),
                None => column.sources.to_vec(),
            };
            match sources_of(column, &written) {
                Ok(sources) => columns.push((column, sources)),
                Err(messages) => {
                    let of_column = |message| in_fields(format!("{}: {message}", column.name));
                    problems.extend(messages.into_iter().map(of_column));
                }
            }
        }
        let mut extra = BTreeMap::new();
        for (name, written) in &config.extra {
            match extra_source(name, written) {
                Ok(source) => {
                    extra.insert(name.clone(), source);
                }
                Err(message) => problems.push(MappingProblem { key: "extra", message: format!("{name}: {message}") }),
            }
        }
        if !problems.is_empty() {
            return Err(MappingProblems(problems));
        }
        let company = config.company.as_deref().map(str::trim).filter(|company| !company.is_empty()).map(str::to_owned);
        let read = |part| fields_read(part, columns.iter().flat_map(|(_, sources)| sources).chain(extra.values()));
        Ok(Self {
            customer_fields: read(Part::Customer),
            address_fields: read(Part::Address),
            contact_fields: read(Part::Contact),
            fingerprint: fingerprint(company.as_deref(), &columns, &extra),
            company,
            columns,
            extra,
        })
    }
}

fn in_fields(message: String) -> MappingProblem {
    MappingProblem { key: "fields", message }
}

fn sources_of(column: &Column, written: &[&str]) -> Result<Vec<Source>, Vec<String>> {
    let may_be_empty = matches!(column.target, Target::Text(..) | Target::Decimal(_));
    if written.is_empty() && !may_be_empty {
        return Err(vec!["needs at least one source".to_owned()]);
    }
    let (sources, mistakes): (Vec<_>, Vec<_>) =
        written.iter().map(|written| checked(column, written)).partition(Result::is_ok);
    if mistakes.is_empty() {
        Ok(sources.into_iter().filter_map(Result::ok).collect())
    } else {
        Err(mistakes.into_iter().filter_map(Result::err).collect())
    }
}

fn checked(column: &Column, written: &str) -> Result<Source, String> {
    let source = Source::parse(written)?;
    let is_flag = matches!(column.target, Target::Flag(_));
    if source.is_negated() && !is_flag {
        return Err(format!("{written:?} negates a value that is not yes or no; remove the \"not\""));
    }
    if source.reads_credit_limits() && !matches!(column.target, Target::Decimal(_)) {
        return Err(format!("{written:?} is a table of credit limits, which only the column credit_limit can take"));
    }
    if is_flag && source.fields().1.len() > 1 {
        return Err(format!("{written:?} joins fields, which cannot be yes or no; write one field"));
    }
    Ok(source)
}

/// Whether a field of `extra` may be called that.
pub(in crate::domain) fn extra_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name.chars().count() > EXTRA_NAME_LIMIT || name.chars().any(char::is_control) {
        return Err(format!("is no usable name; write 1 to {EXTRA_NAME_LIMIT} letters"));
    }
    Ok(())
}

fn extra_source(name: &str, written: &str) -> Result<Source, String> {
    extra_name(name)?;
    let source = Source::parse(written)?;
    if !source.is_plain() || source.fields().0 != Part::Customer || source.reads_credit_limits() {
        return Err(format!(
            "{written:?} cannot be copied; write one field of the Customer like \"customer.custom_vat_class\""
        ));
    }
    Ok(source)
}

/// Names of fields that are read of that document: by sources, by the choice of the primary ones, for the lists.
fn fields_read<'a>(part: Part, sources: impl Iterator<Item = &'a Source>) -> BTreeSet<String> {
    let always: &[&str] = match part {
        Part::Customer => &["customer_primary_address", "customer_primary_contact"],
        Part::Address => ADDRESS_FIELDS,
        Part::Contact => CONTACT_FIELDS,
    };
    let by_sources =
        sources.map(Source::fields).filter(|(of, _)| *of == part).flat_map(|(_, fields)| fields.iter().cloned());
    let all = by_sources.chain(always.iter().map(|field| (*field).to_owned()));
    all.filter(|field| part != Part::Customer || field != CREDIT_LIMITS).collect()
}

fn fingerprint<'a>(
    company: Option<&str>,
    columns: &[(&'static Column, Vec<Source>)],
    extra: impl IntoIterator<Item = (&'a String, &'a Source)>,
) -> String {
    let mut text = format!("rules {RULES}\ncompany {company:?}\n");
    for (column, sources) in columns {
        let sources: Vec<String> = sources.iter().map(ToString::to_string).collect();
        text.push_str(&format!("{} = {}\n", column.name, sources.join(" | ")));
    }
    for (name, source) in extra {
        text.push_str(&format!("extra {name:?} = {source}\n"));
    }
    bytes_hash(text.as_bytes())
}
