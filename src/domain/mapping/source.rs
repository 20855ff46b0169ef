//! The little language of sources: `[not ]customer|address|contact.field[+field …][ unless contact|address]`.
//!
//! Invariant: what parses can be read from any document; a missing, null or blank field is no value. Whether a field
//! exists on a site cannot be known here, because every site has its own custom fields.
//!
//! `+` joins what is not blank, by `, ` for an Address and by a space otherwise. `unless` skips the source where a Contact
//! or Address is linked. Two fields of the Customer are special: `credit_limits` (the row that counts, see `primary`) and
//! `primary_address` (HTML that ERPNext renders, read as text).

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;

use super::convert::join_lines;
use super::primary::View;
use crate::domain::document::Doc;
use crate::domain::suggest::did_you_mean;

/// The child table of credit limits, as a field.
pub(super) const CREDIT_LIMITS: &str = "credit_limits";
const RENDERED_ADDRESS: &str = "primary_address";

/// The document that a field belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Customer,
    Address,
    Contact,
}

impl Part {
    const NAMES: [(&'static str, Self); 3] =
        [("customer", Self::Customer), ("address", Self::Address), ("contact", Self::Contact)];

    fn parse(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(known, _)| *known == name).map(|(_, part)| part)
    }

    fn name(self) -> &'static str {
        Self::NAMES.into_iter().find(|(_, part)| *part == self).map_or("", |(name, _)| name)
    }
}

/// One place to take a value from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    part: Part,
    fields: Vec<String>,
    negated: bool,
    unless: Option<Part>,
}

impl Source {
    /// Reads the text form. The error is a sentence without its beginning, which names the place.
    pub(super) fn parse(written: &str) -> Result<Self, String> {
        let words: Vec<&str> = written.split_whitespace().collect();
        let (negated, words) = match words.as_slice() {
            ["not", rest @ ..] => (true, rest),
            all => (false, all),
        };
        let (path, unless) = match words {
            [path] => (*path, None),
            [path, "unless", part] => match Part::parse(part).filter(|part| *part != Part::Customer) {
                Some(part) => (*path, Some(part)),
                None => {
                    return Err(format!("{written:?} has an \"unless\" without \"contact\" or \"address\" behind it"));
                }
            },
            _ => return Err(format!("{written:?} is no source; write one like \"contact.email_id\"")),
        };
        let (part, fields) = path.split_once('.').ok_or_else(|| {
            format!(
                "{written:?} does not tell whose field it is; write customer.{path}, address.{path} or contact.{path}"
            )
        })?;
        let part = Part::parse(part).ok_or_else(|| {
            let hint = did_you_mean(part, Part::NAMES.map(|(name, _)| name));
            format!("{written:?} does not begin with \"customer.\", \"address.\" or \"contact.\"{hint}")
        })?;
        let fields: Vec<String> = fields.split('+').map(str::to_owned).collect();
        if let Some(odd) = fields.iter().find(|field| !is_field(field)) {
            return Err(format!("{odd:?} in {written:?} is no name of a field; write it as Customize Form shows it"));
        }
        if fields.len() > 1 && fields.iter().any(|field| part == Part::Customer && field == CREDIT_LIMITS) {
            return Err(format!("{written:?} joins {CREDIT_LIMITS:?} with something; write it alone"));
        }
        Ok(Self { part, fields, negated, unless })
    }

    /// The first value found, if the source has one.
    pub(super) fn read<'a>(&self, view: &View<'a>) -> Option<Cow<'a, Value>> {
        let skipped = match self.unless {
            Some(Part::Contact) => view.has_contacts,
            Some(Part::Address) => view.has_addresses,
            Some(Part::Customer) | None => false,
        };
        if skipped {
            return None;
        }
        if self.reads_credit_limits() {
            return view.credit_limit.map(Cow::Borrowed);
        }
        let doc = match self.part {
            Part::Customer => view.customer,
            Part::Address => view.address?,
            Part::Contact => view.contact?,
        };
        let mut values: Vec<&'a Value> = self.fields.iter().filter_map(|field| filled(doc, field)).collect();
        match values.as_slice() {
            [] => return None,
            [Value::String(html)] if self.part == Part::Customer && self.fields == [RENDERED_ADDRESS] => {
                let text = text_of_html(html);
                return (!text.is_empty()).then_some(Cow::Owned(Value::String(text)));
            }
            [only] => return Some(Cow::Borrowed(only)),
            _ => {}
        }
        // Something that cannot be joined is handed on alone, to be refused by the column's type.
        if let Some(index) = values.iter().position(|value| !matches!(value, Value::String(_) | Value::Number(_))) {
            return Some(Cow::Borrowed(values.swap_remove(index)));
        }
        let texts =
            values.into_iter().map(|value| value.as_str().map_or_else(|| value.to_string(), |t| t.trim().to_owned()));
        let between = if self.part == Part::Address { ", " } else { " " };
        Some(Cow::Owned(Value::String(texts.collect::<Vec<_>>().join(between))))
    }

    /// Whose fields it reads, and which.
    pub(super) fn fields(&self) -> (Part, &[String]) {
        (self.part, &self.fields)
    }

    /// Whether yes means no.
    pub(super) fn is_negated(&self) -> bool {
        self.negated
    }

    /// Whether it is the child table of credit limits.
    pub(super) fn reads_credit_limits(&self) -> bool {
        self.part == Part::Customer && self.fields == [CREDIT_LIMITS]
    }

    /// Whether it is one field, taken whenever it has a value.
    pub(super) fn is_plain(&self) -> bool {
        self.fields.len() == 1 && !self.negated && self.unless.is_none()
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let not = if self.negated { "not " } else { "" };
        write!(formatter, "{not}{}.{}", self.part.name(), self.fields.join("+"))?;
        self.unless.map_or(Ok(()), |part| write!(formatter, " unless {}", part.name()))
    }
}

fn is_field(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
}

fn filled<'a>(doc: &'a Doc, field: &str) -> Option<&'a Value> {
    doc.get(field).filter(|value| !value.is_null() && value.as_str().is_none_or(|text| !text.trim().is_empty()))
}

/// The text of an address that ERPNext rendered: tags end lines, entities are decoded, lines are joined by `, `.
fn text_of_html(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let Some(length) = rest[start..].find('>') else { break };
        text.push_str(&rest[..start]);
        let tag = rest[start + 1..start + length].trim_matches('/').trim().to_ascii_lowercase();
        if ["br", "p", "div", "li", "tr"].contains(&tag.split_whitespace().next().unwrap_or_default()) {
            text.push('\n');
        }
        rest = &rest[start + length + 1..];
    }
    text.push_str(rest);
    join_lines(&html_escape::decode_html_entities(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_read_back_as_written() {
        for written in [
            "customer.customer_name",
            "contact.first_name+last_name",
            "not customer.disabled",
            "customer.email_id unless contact",
        ] {
            assert_eq!(Source::parse(written).map(|source| source.to_string()), Ok(written.to_owned()));
        }
    }

    #[test]
    fn mistakes_are_explained() {
        let told = |written| Source::parse(written).unwrap_err();
        assert!(told("email_id").contains("write customer.email_id"));
        assert!(told("contcat.email_id").ends_with("did you mean \"contact\"?"));
        assert!(told("contact.e-mail").contains("\"e-mail\""));
        assert!(told("contact.").contains("no name of a field"));
        assert!(told("customer.email_id unless customer").contains("unless"));
        assert!(told("customer.credit_limits+notes").contains("alone"));
        assert!(told("").contains("no source"));
    }

    #[test]
    fn rendered_addresses_become_one_line() {
        assert_eq!(text_of_html("1 Main St<br>\nSpringfield, IL 62701<br>\n"), "1 Main St, Springfield, IL 62701");
        assert_eq!(text_of_html("<div>Smith &amp; Sons</div><p>a<b>c</b></p>x < y"), "Smith & Sons, ac, x < y");
    }
}
