//! The fields of a list: own columns, columns of linked documents, columns of child tables.
//!
//! Invariant: a field above the user's permission level is not in the answer, not even as null, however it is asked
//! for; a field that does not exist is refused.

use std::collections::BTreeSet;

use crate::simulator::documents::write_cell;
use crate::simulator::json::write_text;
use crate::simulator::packed::View;
use crate::simulator::refusal::Refusal;
use crate::simulator::schema::{Field, FieldIndex, Kind, Schema, Schemas};
use crate::simulator::site::Site;

use super::run::Row;

#[derive(Debug, Clone, Copy)]
enum Source {
    Own(FieldIndex),
    /// A field of the document that a link names.
    Linked(FieldIndex, &'static str, FieldIndex),
    /// A field of a child table's row.
    Child(FieldIndex, FieldIndex),
}

#[derive(Debug, Clone)]
struct Column {
    /// `"label":`, written once instead of with each row: most of a row's hundred columns are null.
    key: String,
    source: Source,
    kind: Kind,
}

impl Column {
    fn new(label: &str, source: Source, kind: Kind) -> Self {
        let mut key = String::with_capacity(label.len() + 3);
        write_text(&mut key, label);
        key.push(':');
        Self { key, source, kind }
    }
}

/// Up to so many columns are looked up one by one; for more the row is unpacked at once.
const FEW: usize = 4;

/// The fields of a list's rows.
#[derive(Debug, Clone)]
pub(super) struct Columns(Vec<Column>);

impl Columns {
    /// Reads `fields`; what the user may not see is left out.
    pub(super) fn parse(
        schemas: &Schemas,
        schema: &Schema,
        fields: &[String],
        hidden: Option<&BTreeSet<String>>,
    ) -> Result<Self, Refusal> {
        let mut columns: Vec<Column> = Vec::new();
        for field in fields {
            if field == "*" || field.ends_with(".*") {
                let own =
                    |(index, field): (FieldIndex, &Field)| Column::new(&field.name, Source::Own(index), field.kind);
                columns.extend(schema.columns().map(own));
            } else {
                columns.push(Self::column(schemas, schema, field)?);
            }
        }
        let is_hidden = |column: &Column| match column.source {
            Source::Own(index) => schema
                .field(index)
                .is_some_and(|field| hidden.is_some_and(|hidden| hidden.contains(field.name.as_ref()))),
            Source::Linked(..) | Source::Child(..) => false,
        };
        columns.retain(|column| !is_hidden(column));
        Ok(Self(columns))
    }

    fn column(schemas: &Schemas, schema: &Schema, field: &str) -> Result<Column, Refusal> {
        let refused = || Refusal::bad_field(field);
        let lower = field.to_lowercase();
        let (path, alias) = match lower.find(" as ") {
            Some(at) => (field.get(..at).unwrap_or(field).trim(), field.get(at + 4..).map(str::trim)),
            None => (field.trim(), None),
        };
        let path = path.replace('`', "");
        let (source, kind, name) = match path.split_once('.') {
            Some((table, name)) if table.strip_prefix("tab") != Some(schema.doctype) => {
                let index = schema.index(table).ok_or_else(refused)?;
                let target = match schema.field(index).ok_or_else(refused)?.kind {
                    Kind::Link(target) | Kind::Table(target) => schemas.get(target).ok_or_else(refused)?,
                    _ => return Err(refused()),
                };
                let inner = target.index(name).ok_or_else(refused)?;
                let source = if target.is_child {
                    Source::Child(index, inner)
                } else {
                    Source::Linked(index, target.doctype, inner)
                };
                (source, target.field(inner).ok_or_else(refused)?.kind, name)
            }
            dotted => {
                let name = dotted.map_or(path.as_str(), |(_, name)| name);
                let index = schema.index(name).ok_or_else(refused)?;
                let kind = schema.field(index).ok_or_else(refused)?.kind;
                if matches!(kind, Kind::Table(_)) {
                    return Err(refused());
                }
                (Source::Own(index), kind, name)
            }
        };
        Ok(Column::new(alias.unwrap_or(name), source, kind))
    }

    /// Whether an own field is selected.
    pub(super) fn has_own(&self, field: FieldIndex) -> bool {
        self.0.iter().any(|column| matches!(column.source, Source::Own(index) if index == field))
    }

    /// The child table that multiplies the rows, if one is selected.
    pub(super) fn joined_table(&self) -> Option<FieldIndex> {
        self.0.iter().find_map(|column| match column.source {
            Source::Child(table, _) => Some(table),
            Source::Own(_) | Source::Linked(..) => None,
        })
    }

    /// Appends one row; `joined` is the row of the joined child table, if there is one.
    pub(super) fn write(&self, out: &mut String, site: &Site, row: &Row<'_>, joined: Option<View<'_>>) {
        let unpacked = (self.0.len() > FEW).then(|| row.cells());
        out.push('{');
        for (at, column) in self.0.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            out.push_str(&column.key);
            match column.source {
                Source::Own(index) => {
                    let cell = match &unpacked {
                        Some(cells) => cells.get(usize::from(index)).copied().flatten(),
                        None => row.cell(index),
                    };
                    write_cell(out, column.kind, cell);
                }
                Source::Child(_, index) => match joined {
                    Some(child) => write_cell(out, column.kind, child.get(index)),
                    None => out.push_str("null"),
                },
                Source::Linked(link, doctype, index) => {
                    match row.view.text(link).and_then(|name| site.find(doctype, name)) {
                        Some((_, _, linked)) => write_cell(out, column.kind, linked.get(index)),
                        None => out.push_str("null"),
                    }
                }
            }
        }
        out.push('}');
    }
}
