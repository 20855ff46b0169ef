//! Runs a list: picks the rows that can match, filters, sorts, cuts, writes.
//!
//! Invariant: the choice of candidates only saves work; every condition is checked on every row that is answered.
//! Rows of child doctypes are found through their parents, because that is where they are stored.

use super::ListQuery;
use super::columns::Columns;
use super::filter::{self, Comparable, Filter};
use super::order::{self, Term};
use crate::simulator::accounts::Reach;
use crate::simulator::packed::{Cell, View};
use crate::simulator::refusal::Refusal;
use crate::simulator::schema::{FieldIndex, Schema, standard};
use crate::simulator::site::{LINKED_DOCTYPES, Site};
use crate::simulator::table::{Key, Table};

/// A row of a list before it is written: a document, or a child row with its parent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'s> {
    pub(super) view: View<'s>,
    /// The folded name; the parent's for a child row.
    key: &'s str,
    parent: Option<Parent<'s>>,
}

#[derive(Debug, Clone, Copy)]
struct Parent<'s> {
    name: &'s str,
    field: &'s str,
    doctype: &'s str,
    /// Index of `parent` in the child's schema; `parentfield` and `parenttype` follow it.
    first: FieldIndex,
}

impl<'s> Row<'s> {
    /// A field's value, that of the parent fields too.
    pub(super) fn cell(&self, index: FieldIndex) -> Option<Cell<'s>> {
        match self.parent {
            Some(parent) if index == parent.first => Some(Cell::Text(parent.name)),
            Some(parent) if index == parent.first + 1 => Some(Cell::Text(parent.field)),
            Some(parent) if index == parent.first + 2 => Some(Cell::Text(parent.doctype)),
            _ => self.view.get(index),
        }
    }

    /// A field's folded text, where it is known without folding: folding is most of the work of a list.
    pub(super) fn folded(&self, index: FieldIndex) -> Option<&'s str> {
        let known = self.parent.map_or(standard::NAME, |parent| parent.first);
        (index == known).then_some(self.key)
    }

    /// All values by index.
    pub(super) fn cells(&self) -> [Option<Cell<'s>>; 256] {
        let mut cells = [None; 256];
        for (index, cell) in self.view.entries() {
            if let Some(slot) = cells.get_mut(usize::from(index)) {
                *slot = Some(cell);
            }
        }
        if let Some(Parent { first, .. }) = self.parent {
            for index in first..first.saturating_add(3) {
                if let Some(slot) = cells.get_mut(usize::from(index)) {
                    *slot = self.cell(index);
                }
            }
        }
        cells
    }
}

/// An answered list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::simulator) struct Listed {
    /// A JSON array.
    pub(in crate::simulator) json: String,
    /// How many rows it has, for what the list costs.
    pub(in crate::simulator) rows: usize,
}

struct Prepared<'s> {
    site: &'s Site,
    schema: &'s Schema,
    user: &'s str,
    reach: Reach,
    filters: Vec<Filter>,
    or_filters: Vec<Filter>,
    terms: Vec<Term>,
}

/// Answers a list as that user sees it.
///
/// # Errors
/// As Frappe refuses: no permission, an unknown field, a filter that cannot be read.
pub(in crate::simulator) fn list(site: &Site, user: &str, query: &ListQuery) -> Result<Listed, Refusal> {
    let prepared = prepare(site, user, query, true)?;
    let schema = prepared.schema;
    let hidden = site.accounts.user(user).and_then(|user| user.hidden_fields(schema.doctype));
    let columns = Columns::parse(&site.schemas, schema, &query.fields, hidden)?;
    if prepared.filters.iter().chain(&prepared.or_filters).any(Filter::is_on_child)
        && let Some(term) = prepared.terms.iter().find(|term| !columns.has_own(term.field))
    {
        let field = schema.field(term.field).map(|field| field.name.as_ref()).unwrap_or_default();
        return Err(Refusal::ambiguous_column(field));
    }
    let mut out = Listed { json: String::from("["), rows: 0 };
    let mut skip = query.start;
    let limit = query.limit.unwrap_or(usize::MAX);
    let mut write = |row: &Row<'_>, joined: Option<View<'_>>| {
        if skip > 0 {
            skip -= 1;
        } else if out.rows < limit {
            if out.rows > 0 {
                out.json.push(',');
            }
            columns.write(&mut out.json, site, row, joined);
            out.rows += 1;
        }
        out.rows < limit
    };
    prepared.each(|row| match columns.joined_table().map(|table| row.view.rows(table)) {
        None => write(row, None),
        Some(rows) if rows.clone().next().is_none() => write(row, None),
        Some(mut rows) => rows.all(|joined| write(row, Some(joined))),
    });
    out.json.push(']');
    Ok(out)
}

/// Counts rows: all of them, or with `visible_only` those that a list would show to the user.
///
/// # Errors
/// As [`list`].
pub(in crate::simulator) fn count(
    site: &Site,
    user: &str,
    query: &ListQuery,
    visible_only: bool,
) -> Result<usize, Refusal> {
    let prepared = prepare(site, user, query, visible_only)?;
    let unfiltered = prepared.filters.is_empty() && prepared.or_filters.is_empty();
    if unfiltered
        && !visible_only
        && let Some(table) = site.table(prepared.schema.doctype)
    {
        return Ok(table.len());
    }
    let mut counted = 0;
    prepared.each(|_| {
        counted += 1;
        true
    });
    Ok(counted)
}

fn prepare<'s>(site: &'s Site, user: &'s str, query: &ListQuery, visible_only: bool) -> Result<Prepared<'s>, Refusal> {
    let schema = site.schemas.get(&query.doctype).ok_or_else(|| Refusal::unknown_doctype(&query.doctype))?;
    // The permission on a child doctype is that on its parent, which has to be named.
    let reach = match (schema.is_child, &query.parent) {
        (false, _) => site.accounts.reach(user, schema.doctype),
        (true, Some(parent)) => match site.accounts.reach(user, parent) {
            Reach::Own => Reach::All,
            reach => reach,
        },
        (true, None) => Reach::Nothing,
    };
    if visible_only && reach == Reach::Nothing {
        return Err(Refusal::list_forbidden(user, schema.doctype));
    }
    Ok(Prepared {
        site,
        schema,
        user,
        reach: if visible_only { reach } else { Reach::All },
        filters: filter::parse(site, schema, &query.filters)?,
        or_filters: filter::parse(site, schema, &query.or_filters)?,
        terms: order::parse(schema, &query.order_by)?,
    }
    .hiding(visible_only))
}

impl<'s> Prepared<'s> {
    /// Counting everything looks past User Permissions too: that is done by asking as nobody in particular.
    fn hiding(mut self, visible_only: bool) -> Self {
        if !visible_only {
            self.user = "";
        }
        self
    }

    /// Calls back with every row in order, until the callback has enough.
    fn each(&self, mut callback: impl FnMut(&Row<'s>) -> bool) {
        if self.schema.is_child {
            return self.sorted(&mut self.child_rows(), &mut callback);
        }
        let Some(table) = self.site.table(self.schema.doctype) else { return };
        let row = |(key, view): (&'s Key, View<'s>)| Row { view, key, parent: None };
        let named = self.filters.iter().find_map(|filter| filter.wanted_texts(standard::NAME));
        if let Some(names) = named {
            let mut rows = names.into_iter().filter_map(|name| table.find_folded(name)).map(row);
            return self.sorted(&mut rows, &mut callback);
        }
        match self.index_order() {
            Some((standard::MODIFIED, descending)) => {
                let rows = table.rows_from_modified(self.bound_time()).map(row);
                if descending {
                    self.stream(&mut rows.rev(), &mut callback);
                } else {
                    self.stream(&mut { rows }, &mut callback);
                }
            }
            Some((_, descending)) => {
                let rows = table.rows_from_name(self.bound_name()).map(row);
                if descending {
                    self.stream(&mut rows.rev(), &mut callback);
                } else {
                    self.stream(&mut { rows }, &mut callback);
                }
            }
            // Without an order nothing is promised; name order would make a client believe in one.
            None if self.terms.is_empty() => self.stream(&mut table.iter().rev().map(row), &mut callback),
            None => self.sorted(&mut self.scan(table).map(row), &mut callback),
        }
    }

    fn scan(&self, table: &'s Table) -> Box<dyn Iterator<Item = (&'s Key, View<'s>)> + 's> {
        match self.bound_time() {
            i64::MIN => Box::new(table.iter()),
            from => Box::new(table.rows_from_modified(from)),
        }
    }

    /// The index that already has the wanted order, and whether to walk it backwards.
    fn index_order(&self) -> Option<(FieldIndex, bool)> {
        match self.terms.as_slice() {
            [only] if only.field == standard::NAME => Some((standard::NAME, only.descending)),
            [first, rest @ ..] if first.field == standard::MODIFIED => match rest {
                [] => Some((standard::MODIFIED, first.descending)),
                [second] if second.field == standard::NAME && second.descending == first.descending => {
                    Some((standard::MODIFIED, first.descending))
                }
                _ => None,
            },
            _ => None,
        }
    }

    fn bound_time(&self) -> i64 {
        let bounds = self.filters.iter().filter_map(|filter| match filter.lower_bound(standard::MODIFIED) {
            Some(Comparable::Time(moment)) => Some(*moment),
            _ => None,
        });
        bounds.max().unwrap_or(i64::MIN)
    }

    fn bound_name(&self) -> &str {
        let bounds = self.filters.iter().filter_map(|filter| match filter.lower_bound(standard::NAME) {
            Some(Comparable::Text(name)) => Some(name.as_str()),
            _ => None,
        });
        bounds.max().unwrap_or_default()
    }

    fn accepts(&self, row: &Row<'_>) -> bool {
        let allowed = match self.reach {
            Reach::All => true,
            Reach::Own => row.view.text(standard::OWNER) == Some(self.user),
            Reach::Nothing => false,
        };
        allowed
            && self.filters.iter().all(|filter| filter.accepts(row))
            && (self.or_filters.is_empty() || self.or_filters.iter().any(|filter| filter.accepts(row)))
            && (row.parent.is_some() || !self.is_hidden(row))
    }

    fn is_hidden(&self, row: &Row<'_>) -> bool {
        self.site.accounts.user(self.user).is_some_and(|user| user.is_hidden(self.schema.doctype, row.key))
    }

    fn stream(&self, rows: &mut dyn Iterator<Item = Row<'s>>, callback: &mut dyn FnMut(&Row<'s>) -> bool) {
        for row in rows.filter(|row| self.accepts(row)) {
            if !callback(&row) {
                break;
            }
        }
    }

    fn sorted(&self, rows: &mut dyn Iterator<Item = Row<'s>>, callback: &mut dyn FnMut(&Row<'s>) -> bool) {
        let matching = rows.filter(|row| self.accepts(row));
        let mut keyed: Vec<_> = matching.map(|row| (order::sort_key(&self.terms, &row), row)).collect();
        keyed.sort_by(|(left, a), (right, b)| order::compare(&self.terms, left, right).then_with(|| a.key.cmp(b.key)));
        for (_, row) in &keyed {
            if !callback(row) {
                break;
            }
        }
    }

    /// Rows of a child doctype, narrowed down by the parents or the links that the filters name.
    fn child_rows(&self) -> Box<dyn Iterator<Item = Row<'s>> + '_> {
        let site = self.site;
        let Some(first) = self.schema.index("parent") else { return Box::new(std::iter::empty()) };
        let wanted = |field: &str| {
            let index = self.schema.index(field)?;
            self.filters.iter().find_map(|filter| filter.wanted_texts(index))
        };
        let parents = wanted("parent");
        let customers =
            wanted("link_name").filter(|_| wanted("link_doctype").is_some_and(|doctypes| doctypes == ["customer"]));
        let tables = site.schemas.parents_of(self.schema.doctype);
        let rows = tables.into_iter().flat_map(move |(doctype, index, field)| {
            let documents: Vec<(&'s Key, View<'s>)> = match (&parents, &customers) {
                (Some(names), _) => names.iter().filter_map(|name| site.table(doctype)?.find_folded(name)).collect(),
                (None, Some(customers)) if LINKED_DOCTYPES.contains(&doctype) => {
                    let mut keys: Vec<&'s Key> = Vec::new();
                    for customer in customers {
                        keys.extend(site.linked_to(customer, doctype));
                    }
                    keys.sort_unstable();
                    keys.dedup();
                    keys.into_iter().filter_map(|key| Some((key, site.table(doctype)?.get(key)?))).collect()
                }
                (None, _) => site.table(doctype).map(|table| table.iter().collect()).unwrap_or_default(),
            };
            documents.into_iter().flat_map(move |(key, document)| {
                let name = document.text(standard::NAME).unwrap_or_default();
                let parent = Parent { name, field, doctype, first };
                document.rows(index).map(move |view| Row { view, key, parent: Some(parent) })
            })
        });
        Box::new(rows)
    }
}
