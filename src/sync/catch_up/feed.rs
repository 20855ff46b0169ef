//! One doctype of ERPNext in the order of a stamp, from a watermark on.
//!
//! Invariant: nothing is missed. Commit order is not the order of stamps and an hour repeats in autumn, so a look begins
//! 65 minutes below the watermark and compares with what we hold or have put; only after such a look, 65 minutes or more
//! after the last news, found nothing new does the next one begin at the watermark itself. (Time that passes while nobody
//! looks proves nothing.) Stamps far in the future are put, but never believed. Memory is one page.

use serde_json::{Value, json};

use super::super::{Context, SyncError, erase};
use crate::domain::document::Doc;
use crate::domain::hint::Doctype;
use crate::domain::job::Put;
use crate::domain::stamp::{OVERLAP, before_overlap, is_stamp};
use crate::erpnext::{List, Work};
use crate::store::{Stamped, Watermark};

/// Rows of a page; ERPNext takes about 40 ms for them.
const PAGE: usize = 1_000;

/// A doctype whose rows, in the order of a stamp, tell what changed.
pub(super) struct Feed {
    /// ERPNext's name of it, and the key of its watermark.
    pub(super) doctype: &'static str,
    /// The column of the stamp.
    pub(super) stamp: &'static str,
    /// The columns to read; `name` and the stamp among them.
    pub(super) fields: &'static [&'static str],
    /// The stamp and the name, ascending.
    pub(super) order: &'static str,
    /// The same for the newest alone.
    pub(super) newest_first: &'static str,
    /// Which rows count; all where empty.
    pub(super) only: fn() -> Vec<Value>,
    /// The job that a row asks for.
    pub(super) put: fn(&Doc, &Stamped) -> Option<Put>,
}

/// A row of a page.
struct Row {
    document: Stamped,
    put: Option<Put>,
}

impl Feed {
    /// Whether the sync goes on without a permission to read it.
    pub(super) fn is_optional(&self) -> bool {
        self.doctype != Doctype::Customer.as_str()
    }

    /// Puts a job for whatever is new since the watermark; how many. Stamps above `believed` do not move it.
    pub(super) async fn look(&self, context: &Context, mark: &Watermark, believed: &str) -> Result<u64, SyncError> {
        let from = if mark.quiet { mark.modified.clone() } else { before_overlap(&mark.modified) };
        let (mut put, mut top, mut is_news) = (0, mark.modified.clone(), false);
        let mut last: Option<Stamped> = None;
        loop {
            let (rows, is_last) = self.page(context, &from, last.as_ref()).await?;
            let highest =
                rows.iter().map(|row| &row.document.modified).filter(|stamp| stamp.as_str() <= believed).max();
            let moved = highest.filter(|highest| **highest > top).cloned();
            last = rows.last().map(|row| row.document.clone()).or(last);
            let (documents, puts) = self.news(context, rows).await?;
            if moved.is_some() || !documents.is_empty() {
                is_news = true;
                top = moved.unwrap_or(top);
                context.store.put_seen(self.doctype, &documents, &puts, &top).await?;
                put += u64::try_from(puts.len()).unwrap_or(u64::MAX);
            }
            if is_last {
                break;
            }
        }
        if is_news {
            context.store.prune_seen(self.doctype, &before_overlap(&top)).await?;
        } else if !mark.quiet && mark.still_for() >= OVERLAP.unsigned_abs() {
            context.store.note_quiet(self.doctype, mark).await?;
            context.store.prune_seen(self.doctype, &mark.modified).await?;
        }
        Ok(put)
    }

    /// The stamp of the newest row that is believed; `None` where there is no row.
    pub(super) async fn newest(&self, context: &Context, believed: &str) -> Result<Option<String>, SyncError> {
        let mut filters = (self.only)();
        filters.push(json!([self.stamp, "<=", believed]));
        let list = List {
            doctype: self.doctype,
            parent: None,
            fields: self.fields,
            filters: Value::Array(filters),
            or_filters: Value::Null,
            order_by: self.newest_first,
            limit: 1,
        };
        let rows = context.client.list(&list, Work::Bulk).await?;
        Ok(rows.iter().find_map(|row| self.stamped(row)).map(|newest| newest.modified))
    }

    /// A page of rows from a stamp on or, if one is given, after the last row of the page before; and whether it is the
    /// last page.
    async fn page(&self, context: &Context, from: &str, last: Option<&Stamped>) -> Result<(Vec<Row>, bool), SyncError> {
        let mut filters = (self.only)();
        filters.push(json!([self.stamp, ">=", last.map_or(from, |last| &last.modified)]));
        let after = last.map(|last| json!([[self.stamp, ">", last.modified], ["name", ">", last.name]]));
        let list = List {
            doctype: self.doctype,
            parent: None,
            fields: self.fields,
            filters: Value::Array(filters),
            or_filters: after.unwrap_or(Value::Null),
            order_by: self.order,
            limit: PAGE,
        };
        let listed = context.client.list(&list, Work::Bulk).await?;
        let rows: Vec<Row> = listed
            .iter()
            .filter_map(|row| self.stamped(row).map(|document| Row { put: (self.put)(row, &document), document }))
            .collect();
        // Without a single usable row there is no place to go on from.
        let is_last = listed.len() < PAGE || rows.is_empty();
        Ok((rows, is_last))
    }

    fn stamped(&self, row: &Doc) -> Option<Stamped> {
        let text = |key: &str| row.get(key).and_then(Value::as_str).map(str::to_owned);
        Some(Stamped { name: text("name")?, modified: text(self.stamp).filter(|stamp| is_stamp(stamp))? })
    }

    /// The rows that we neither hold nor have put with that stamp, and their jobs.
    async fn news(&self, context: &Context, rows: Vec<Row>) -> Result<(Vec<Stamped>, Vec<Put>), SyncError> {
        let mut rows = rows;
        let names: Vec<String> = rows.iter().map(|row| row.document.name.clone()).collect();
        let marks = erase::known::marks_of_erased(context, self.doctype, &names).await?;
        for row in &mut rows {
            // The name of an erased customer is remembered by its mark.
            if let Some(mark) = marks.get(&row.document.name) {
                row.document.name.clone_from(mark);
            }
        }
        let documents: Vec<Stamped> = rows.iter().map(|row| row.document.clone()).collect();
        let mut known = context.store.seen(self.doctype, &documents).await?;
        if self.doctype == Doctype::Customer.as_str() {
            known.extend(context.store.held_stamps(&documents).await?);
        }
        let news = rows.into_iter().filter(|row| !known.contains(&row.document));
        Ok(news.filter_map(|row| row.put.map(|put| (row.document, put))).unzip())
    }
}
