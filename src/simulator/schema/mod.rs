//! The doctypes that the stand-in knows: their fields in ERPNext's order, with types and defaults.
//!
//! Invariant: a field's index never changes while the site runs (stored rows refer to it); custom fields are appended.
//! What ERPNext does with the fields when a document is saved lives in `edits`, `contacts` and `addresses`.

mod fields;

use std::borrow::Cow;
use std::collections::BTreeMap;

/// Index of a field in its [`Schema`].
pub(super) type FieldIndex = u8;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One line of text, at most 140 characters.
    Data,
    /// Text of any length.
    Text,
    /// Name of a document of that doctype.
    Link(&'static str),
    /// 0 or 1, and 0 by default.
    Check,
    /// Whole number, 0 by default.
    Int,
    /// Number, 0 by default.
    Float,
    /// Number without a default.
    OptionalFloat,
    /// Wall time of the site.
    Time,
    /// Text that reads back as asterisks.
    Password,
    /// Rows of a child doctype.
    Table(&'static str),
}

impl Kind {
    /// Frappe's name of the type, as `getdoctype` tells it.
    pub(super) const fn fieldtype(self) -> &'static str {
        match self {
            Self::Data => "Data",
            Self::Text => "Text",
            Self::Link(_) => "Link",
            Self::Check => "Check",
            Self::Int => "Int",
            Self::Float | Self::OptionalFloat => "Float",
            Self::Time => "Datetime",
            Self::Password => "Password",
            Self::Table(_) => "Table",
        }
    }
}

/// One field of a doctype.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: Cow<'static, str>,
    pub(super) kind: Kind,
    /// Text default of a new document.
    pub(super) default: Option<&'static str>,
    /// Whether a document without it is refused.
    pub(super) required: bool,
}

/// A doctype.
#[derive(Debug, Clone)]
pub(super) struct Schema {
    pub(super) doctype: &'static str,
    pub(super) is_child: bool,
    pub(super) fields: Vec<Field>,
}

/// Indexes of the fields that every doctype begins with.
pub(super) mod standard {
    use super::FieldIndex;

    pub(in crate::simulator) const NAME: FieldIndex = 0;
    pub(in crate::simulator) const OWNER: FieldIndex = 1;
    pub(in crate::simulator) const MODIFIED: FieldIndex = 3;
}

impl Schema {
    /// The index of a field, if the doctype has it.
    pub(super) fn index(&self, name: &str) -> Option<FieldIndex> {
        self.fields.iter().position(|field| field.name == name).and_then(|index| FieldIndex::try_from(index).ok())
    }

    pub(super) fn field(&self, index: FieldIndex) -> Option<&Field> {
        self.fields.get(usize::from(index))
    }

    /// Child tables in ERPNext's order, with their indexes.
    pub(super) fn tables(&self) -> impl Iterator<Item = (FieldIndex, &Field, &'static str)> {
        (0..).zip(&self.fields).filter_map(|(index, field)| match field.kind {
            Kind::Table(child) => Some((index, field, child)),
            _ => None,
        })
    }

    /// Fields that are columns of the doctype's own table.
    pub(super) fn columns(&self) -> impl Iterator<Item = (FieldIndex, &Field)> {
        (0..).zip(&self.fields).filter(|(_, field)| !matches!(field.kind, Kind::Table(_)))
    }
}

/// All doctypes by name.
#[derive(Debug, Clone)]
pub(super) struct Schemas(BTreeMap<&'static str, Schema>);

impl Schemas {
    pub(super) fn new() -> Self {
        Self(fields::all().into_iter().map(|schema| (schema.doctype, schema)).collect())
    }

    pub(super) fn get(&self, doctype: &str) -> Option<&Schema> {
        self.0.get(doctype)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Schema> {
        self.0.values()
    }

    /// Doctypes that have this one as a child table: doctype, index of the table, its field name.
    pub(super) fn parents_of(&self, child: &str) -> Vec<(&'static str, FieldIndex, &str)> {
        self.iter()
            .flat_map(|schema| {
                schema
                    .tables()
                    .filter(move |(_, _, table)| *table == child)
                    .map(|(index, field, _)| (schema.doctype, index, field.name.as_ref()))
            })
            .collect()
    }

    /// Appends a custom field, unless the doctype is unknown, full, or has it already.
    pub(super) fn add_custom(&mut self, doctype: &str, name: &str, kind: Kind) -> bool {
        let Some(schema) = self.0.get_mut(doctype) else { return false };
        if schema.index(name).is_some() || schema.fields.len() > usize::from(FieldIndex::MAX) {
            return false;
        }
        schema.fields.push(Field { name: Cow::Owned(name.to_owned()), kind, default: None, required: false });
        true
    }
}
