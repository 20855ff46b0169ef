//! The first half of a sweep: ERPNext's names, page by page, against the rows that have them.
//!
//! Invariant: whatever differs is put, and nothing else; what a difference means is found out by the worker. The list itself
//! is never filtered; where there is a filter, a second one tells who of the page matches.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::roll::{Closed, Roll};
use crate::domain::candidate::{Candidate, Reason};
use crate::domain::document::Doc;
use crate::domain::filter::Filter;
use crate::domain::hint::Doctype;
use crate::domain::job::{Cause, DocKey, Lane, Put};
use crate::erpnext::{List, Work};
use crate::store::Held;
use crate::sync::absence::CUSTOMER_UNKNOWN;
use crate::sync::conduct::{Conduct, Halt};
use crate::sync::erase;
use crate::sync::identity::Pair;

/// Names in a page.
const PAGE: usize = 5_000;

/// What ERPNext's list says about one customer. A stamp that was never written (rows made with SQL) is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Listed {
    name: String,
    creation: String,
    modified: String,
}

impl Listed {
    fn of(row: &Doc) -> Option<Self> {
        let text = |key: &str| row.get(key).and_then(Value::as_str).map(str::to_owned);
        let stamp = |key: &str| text(key).unwrap_or_default();
        Some(Self { name: text("name")?, creation: stamp("creation"), modified: stamp("modified") })
    }

    fn pair(&self) -> Pair {
        Pair { name: self.name.clone(), creation: self.creation.clone() }
    }
}

/// Goes through all names, puts what differs and notes whom the filter leaves out; everybody listed, and the number of
/// those left out.
pub(super) async fn compare(run: &Conduct) -> Result<(Closed, i64), Halt> {
    let mut roll = Roll::default();
    let mut filtered = 0;
    let mut after: Option<String> = None;
    loop {
        run.until_room().await?;
        let (page, is_last) = page(run, after.as_deref()).await?;
        let matching = match (&run.context.rules.filter, page.last()) {
            (Some(filter), Some(last)) => Some(matching(run, filter, after.as_deref(), &last.name).await?),
            _ => None,
        };
        let names: Vec<String> = page.iter().map(|listed| listed.name.clone()).collect();
        let held = run.context.store.held(&names, &[]).await?;
        let held: HashMap<&str, &Held> =
            held.iter().filter_map(|row| Some((row.seen.erpnext_id.as_deref()?, row))).collect();
        let newcomers = page.iter().filter(|listed| is_newcomer(listed, held.get(listed.name.as_str()).copied()));
        let newcomers: Vec<Pair> = newcomers.map(Listed::pair).collect();
        let erased = erase::known::erased_pairs(&run.context, &newcomers).await?;
        let (mut puts, mut candidates) = (Vec::new(), Vec::new());
        for listed in &page {
            roll.note_name(&listed.name);
            if erased.contains_key(&listed.pair()) {
                continue;
            }
            let matches = matching.as_ref().is_none_or(|matching| matching.contains(&listed.name));
            let held = held.get(listed.name.as_str()).copied();
            if is_newcomer(listed, held) {
                roll.note_newcomer(&listed.creation);
            }
            if differs(listed, held, matches) {
                let put = Put::new(DocKey::customer(&listed.name), Lane::Bulk, Cause::Sweep);
                puts.push(Put { modified: Some(listed.modified.clone()), ..put });
            }
            candidates.extend(left_out(listed, held, matches));
        }
        filtered += i64::try_from(candidates.len()).unwrap_or(i64::MAX);
        super::note_candidates(run, &candidates).await?;
        run.put(&puts, "", page.len(), is_last).await?;
        if is_last {
            return Ok((roll.close(), filtered));
        }
        after = page.into_iter().next_back().map(|listed| listed.name);
    }
}

/// Our row does not know this document under this name.
fn is_newcomer(listed: &Listed, held: Option<&Held>) -> bool {
    held.is_none_or(|held| held.seen.creation.as_ref().is_some_and(|creation| *creation != listed.creation))
}

/// Whether a worker has to look at it.
fn differs(listed: &Listed, held: Option<&Held>, matches: bool) -> bool {
    let Some(held) = held else { return matches };
    let is_same_document = held.seen.creation.as_ref() == Some(&listed.creation);
    if !is_same_document {
        // Never read, or the name has another document by now.
        return true;
    }
    if held.filtered {
        return matches;
    }
    held.deleted || held.modified.as_ref() != Some(&listed.modified) || held.unknown.has(CUSTOMER_UNKNOWN)
}

/// A living row of which the filter says no.
fn left_out(listed: &Listed, held: Option<&Held>, matches: bool) -> Option<Candidate> {
    let held =
        held.filter(|held| !matches && !held.deleted && held.seen.creation.as_ref() == Some(&listed.creation))?;
    Some(Candidate { name: listed.name.clone(), customer_id: held.seen.id, reason: Reason::Filtered })
}

/// The names behind `after`, and whether they are the last ones.
async fn page(run: &Conduct, after: Option<&str>) -> Result<(Vec<Listed>, bool), Halt> {
    let conditions: Vec<Value> = after.into_iter().map(behind).collect();
    let list = names(&["name", "creation", "modified"], conditions.into(), PAGE);
    let rows = run.ask(|| run.context.client.list(&list, Work::Bulk)).await?;
    Ok((rows.iter().filter_map(Listed::of).collect(), rows.len() < PAGE))
}

/// Who matches the filter, from behind `after` up to `last`.
async fn matching(run: &Conduct, filter: &Filter, after: Option<&str>, last: &str) -> Result<HashSet<String>, Halt> {
    let mut conditions: Vec<Value> = after.into_iter().map(behind).collect();
    conditions.push(json!([Doctype::Customer.as_str(), "name", "<=", last]));
    conditions.extend_from_slice(filter.conditions());
    let list = names(&["name"], conditions.into(), 0);
    let rows = run.ask(|| run.context.client.list(&list, Work::Bulk)).await?;
    Ok(rows.iter().filter_map(|row| row.get("name").and_then(Value::as_str).map(str::to_owned)).collect())
}

fn behind(name: &str) -> Value {
    json!([Doctype::Customer.as_str(), "name", ">", name])
}

fn names<'a>(fields: &'a [&'a str], filters: Value, limit: usize) -> List<'a> {
    let doctype = Doctype::Customer.as_str();
    List { doctype, parent: None, fields, filters, or_filters: Value::Null, order_by: "name asc", limit }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::document::Unknown;
    use crate::domain::plan::Seen;

    fn listed() -> Listed {
        Listed { name: "A".to_owned(), creation: "c".to_owned(), modified: "m".to_owned() }
    }

    fn held() -> Held {
        Held {
            seen: Seen {
                id: 1,
                erpnext_id: Some("A".to_owned()),
                creation: Some("c".to_owned()),
                hash: Some("h".to_owned()),
            },
            modified: Some("m".to_owned()),
            document_hash: None,
            deleted: false,
            filtered: false,
            merged: false,
            unknown: Unknown::default(),
            has_problems: false,
        }
    }

    #[test]
    fn a_row_without_stamps_is_listed_too() {
        let row = json!({"name": "A", "creation": null, "modified": null}).as_object().cloned().unwrap();
        let listed = Listed::of(&row).unwrap();
        assert_eq!((listed.name.as_str(), listed.creation.as_str(), listed.modified.as_str()), ("A", "", ""));
        assert!(differs(&listed, None, true), "its job says what is wrong with it");
    }

    #[test]
    fn what_is_as_we_have_it_is_left_alone() {
        assert!(!differs(&listed(), Some(&held()), true));
        assert!(!is_newcomer(&listed(), Some(&held())));
        assert!(left_out(&listed(), Some(&held()), true).is_none());
    }

    #[test]
    fn unknown_changed_restored_and_reused_ones_are_put() {
        assert!(differs(&listed(), None, true));
        let older = Held { modified: Some("n".to_owned()), ..held() };
        assert!(differs(&listed(), Some(&older), true), "also one that went back");
        let deleted = Held { deleted: true, ..held() };
        assert!(differs(&listed(), Some(&deleted), true));
        let mut reused = held();
        reused.seen.creation = Some("d".to_owned());
        assert!(differs(&listed(), Some(&reused), true) && is_newcomer(&listed(), Some(&reused)));
        let mut unread = held();
        unread.seen.creation = None;
        assert!(differs(&listed(), Some(&unread), true) && !is_newcomer(&listed(), Some(&unread)));
    }

    #[test]
    fn the_filter_keeps_out_removes_and_takes_back() {
        assert!(!differs(&listed(), None, false) && is_newcomer(&listed(), None));
        assert!(!differs(&listed(), Some(&held()), false));
        assert_eq!(left_out(&listed(), Some(&held()), false).unwrap().reason, Reason::Filtered);
        let filtered = Held { deleted: true, filtered: true, modified: Some("n".to_owned()), ..held() };
        assert!(!differs(&listed(), Some(&filtered), false) && left_out(&listed(), Some(&filtered), false).is_none());
        assert!(differs(&listed(), Some(&filtered), true));
    }
}
