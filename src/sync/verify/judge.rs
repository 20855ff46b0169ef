//! What one decision says about one customer: as it should be, or which differences.
//!
//! Invariant: pure. A worker's decision tells which rows would change; the rows themselves tell whether they still are as
//! they were written, which the content hash that workers trust cannot.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};

use crate::domain::customer::{CustomerId, Record};
use crate::domain::difference::{Difference, DifferenceKind, field_differences};
use crate::domain::document::{Document, Unknown};
use crate::domain::fields::flatten;
use crate::domain::hint::Doctype;
use crate::domain::job::{DocKey, Put};
use crate::domain::mapping::{Mapped, Mapping};
use crate::domain::plan::{Gone, Seen, State, Upsert, Write};
use crate::domain::suggestion::SuggestionKind;
use crate::store::Held;
use crate::sync::{Decision, SyncError};

/// Our side of a batch.
#[derive(Debug, Default)]
pub(super) struct Ours {
    /// Living rows.
    pub(super) records: HashMap<CustomerId, Record>,
    /// What we stored of their documents.
    pub(super) documents: HashMap<CustomerId, Document>,
    /// Rows by their name, tombstones included.
    pub(super) held: HashMap<String, Held>,
}

/// What was found out about one customer.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// None: its row is as it should be, or it has rightly none.
    pub(super) differences: Vec<Difference>,
    /// It has no row, and shall have none for now.
    pub(super) left_out: bool,
    /// The documents that its row is made of.
    pub(super) made_of: BTreeSet<DocKey>,
    /// ERPNext's `modified` of it, where the decision tells.
    pub(super) modified: Option<String>,
}

/// Judges one decision; `listed` where ERPNext's list has the name.
pub(super) fn judge(
    mapping: &Mapping,
    ours: &Ours,
    name: &str,
    listed: bool,
    decision: &Decision,
) -> Result<Judged, SyncError> {
    let held = ours.held.get(name);
    let mut judge = Judge { mapping, ours, name, judged: Judged::default() };
    judge.judged.made_of.insert(DocKey::customer(name));
    let row = held.filter(|held| ours.records.contains_key(&held.seen.id));
    let row_id = row.map(|held| held.seen.id);
    match decision {
        Decision::Write { writes, puts } => judge.writes(writes, puts, row, listed)?,
        Decision::Skipped if listed && row_id.is_some() && row.is_none_or(|held| held.seen.creation.is_some()) => {
            judge.differ(DifferenceKind::Extra, row_id, "it vanished from ERPNext while it was being looked at");
        }
        Decision::Skipped | Decision::Erased(_) => judge.judged.left_out = true,
        Decision::NotPermitted(_) => {
            judge.differ(
                DifferenceKind::NotPermitted,
                row_id,
                "the sync user may not read this customer; its row is kept",
            );
        }
        Decision::Again => judge.differ(DifferenceKind::Renamed, row_id, "names moved in a circle"),
        Decision::After(puts, SyncError::NamesakesPending) if !puts.is_empty() => judge.renamed(row_id, puts),
        Decision::After(_puts, error) => judge.differ(DifferenceKind::Extra, row_id, &error.to_string()),
        Decision::Failed(error) => judge.differ(DifferenceKind::Failed, row_id, &error.to_string()),
    }
    Ok(judge.judged)
}

struct Judge<'a> {
    mapping: &'a Mapping,
    ours: &'a Ours,
    name: &'a str,
    judged: Judged,
}

impl Judge<'_> {
    fn writes(&mut self, writes: &[Write], puts: &[Put], row: Option<&Held>, listed: bool) -> Result<(), SyncError> {
        let mut is_told = false;
        let ours = self.ours;
        let living = |id: &CustomerId| ours.records.contains_key(id);
        let own = |seen: &Seen| row.is_some_and(|row| row.seen.id == seen.id);
        for write in writes {
            match write {
                Write::Upsert(upsert) => {
                    is_told = true;
                    self.upsert(upsert)?;
                }
                Write::Note { seen, state } => {
                    is_told = true;
                    self.judged.modified = Some(state.modified.clone());
                    let document = serde_json::from_str(&state.document)?;
                    self.unchanged(seen.id, &document, &state.unknown)?;
                }
                Write::Tombstone { seen, gone, .. } if living(&seen.id) => {
                    is_told |= own(seen);
                    let why = match gone {
                        Gone::Merged(into) => format!("merged into customer {into}"),
                        Gone::Deleted | Gone::Filtered => "ERPNext does not have it any more".to_owned(),
                    };
                    let name = seen.erpnext_id.as_deref().unwrap_or(self.name).to_owned();
                    self.differ_as(DifferenceKind::Extra, name, Some(seen.id), why);
                }
                Write::LeaveOut(out) if living(&out.seen.id) => {
                    is_told = true;
                    self.differ(DifferenceKind::Filtered, Some(out.seen.id), "sync.filter leaves it out");
                }
                Write::LeaveOut(_) => {
                    is_told = true;
                    self.judged.left_out = true;
                }
                // One that only makes room is found under the name that it moves to.
                Write::Rename { seen, to } if living(&seen.id) && !listed => {
                    is_told |= own(seen);
                    let name = seen.erpnext_id.as_deref().unwrap_or(self.name).to_owned();
                    self.differ_as(DifferenceKind::Renamed, name, Some(seen.id), format!("ERPNext calls it {to:?}"));
                }
                Write::MarkUnknown { seen, .. } => {
                    is_told = true;
                    self.differ(
                        DifferenceKind::NotPermitted,
                        Some(seen.id),
                        "the sync user may not read this customer",
                    );
                }
                Write::Suggest(question) if question.kind == SuggestionKind::Missing => {
                    is_told = true;
                    let why = "it was here before, and ERPNext has no customer of that name";
                    self.differ(DifferenceKind::Extra, Some(question.customer), why);
                }
                Write::Suggest(question) => {
                    is_told = true;
                    let why = format!(
                        "it has no row: a person would be asked whether it is customer {} (by {})",
                        question.customer, question.matched_by
                    );
                    self.differ(DifferenceKind::Missing, None, &why);
                }
                Write::Tombstone { .. } | Write::Rename { .. } | Write::Forget(_) => {}
            }
        }
        match row {
            _ if is_told => {}
            Some(row) if listed => self.as_stored(row)?,
            // Not listed, and neither gone: whatever it is called now is put.
            Some(row) if !puts.is_empty() => self.renamed(Some(row.seen.id), puts),
            _ => self.judged.left_out = self.judged.differences.is_empty(),
        }
        Ok(())
    }

    /// A row whose document has not changed at all since it was stored.
    fn as_stored(&mut self, row: &Held) -> Result<(), SyncError> {
        self.judged.modified.clone_from(&row.modified);
        match self.ours.documents.get(&row.seen.id) {
            Some(document) => self.unchanged(row.seen.id, document, &row.unknown),
            None => Ok(()),
        }
    }

    /// A row that a worker would leave alone: is it still what was written?
    fn unchanged(&mut self, id: CustomerId, document: &Document, unknown: &Unknown) -> Result<(), SyncError> {
        let Some(before) = self.ours.records.get(&id) else { return Ok(()) };
        match self.mapping.map(document) {
            Ok(mapped) => {
                let before = flatten(before)?;
                let after = over(&mapped, &before)?;
                let fields = field_differences(&before, &after);
                self.is_made_of(id, &mapped.record);
                if !fields.is_empty() {
                    self.judged.differences.push(Difference {
                        kind: DifferenceKind::Stale,
                        erpnext_id: self.name.to_owned(),
                        customer: Some(id),
                        fields,
                        why: "another program changed the row here; ERPNext has what was written last".to_owned(),
                        changed_here: true,
                    });
                }
                self.incomplete(id, unknown, &mapped.problems);
            }
            Err(unmappable) => self.differ(DifferenceKind::Failed, Some(id), &unmappable.to_string()),
        }
        Ok(())
    }

    fn upsert(&mut self, upsert: &Upsert) -> Result<(), SyncError> {
        let State { modified, unknown, problems, .. } = &upsert.state;
        self.judged.modified = Some(modified.clone());
        let problems: Vec<String> = problems.iter().cloned().collect();
        let Some(seen) = &upsert.target else {
            self.differ(DifferenceKind::Missing, None, "ERPNext has it, and there is no row");
            return Ok(());
        };
        let id = seen.id;
        self.is_made_of(id, &upsert.record);
        let Some(before) = self.ours.records.get(&id) else {
            self.differ(DifferenceKind::Missing, Some(id), "ERPNext has it, and its row is marked as deleted");
            return Ok(());
        };
        if let Some(by) = &upsert.matched_by {
            let why = format!("ERPNext has it, and its row is not linked to it yet (by {by})");
            self.differ(DifferenceKind::Missing, Some(id), &why);
            return Ok(());
        }
        let before = flatten(before)?;
        let fields = field_differences(&before, &upsert.fields_over(&before)?);
        let was_renamed = seen.erpnext_id.is_some() && seen.erpnext_id != upsert.record.customer.erpnext_id;
        if was_renamed || !fields.is_empty() {
            let kind = if was_renamed { DifferenceKind::Renamed } else { DifferenceKind::Stale };
            let why = match self.ours.held.get(self.name).and_then(|held| held.modified.as_ref()) {
                _ if was_renamed => {
                    format!("our row still calls it {:?}", seen.erpnext_id.as_deref().unwrap_or_default())
                }
                Some(ours) if ours == modified => {
                    "it changed although its date of change did not: by SQL, in a linked document, or the mapping changed"
                        .to_owned()
                }
                Some(ours) => format!("changed in ERPNext at {modified}, and our row is of {ours}"),
                None => "its row was never read from ERPNext".to_owned(),
            };
            self.judged.differences.push(Difference {
                kind,
                erpnext_id: self.name.to_owned(),
                customer: Some(id),
                fields,
                why,
                changed_here: false,
            });
        }
        self.incomplete(id, unknown, &problems);
        Ok(())
    }

    /// What could not be read or stored was kept as it was, so it cannot be compared.
    fn incomplete(&mut self, id: CustomerId, unknown: &Unknown, problems: &[String]) {
        if !unknown.0.is_empty() {
            let parts = unknown.0.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            let why = format!("the sync user may not read all of it, so these were kept: {parts}");
            self.differ(DifferenceKind::NotPermitted, Some(id), &why);
        }
        if !problems.is_empty() {
            self.differ(DifferenceKind::Failed, Some(id), &problems.join("; "));
        }
    }

    fn renamed(&mut self, row: Option<CustomerId>, puts: &[Put]) {
        let names: Vec<String> = puts.iter().map(|put| format!("{:?}", put.key.name)).collect();
        let why = format!("ERPNext calls it {} now", names.join(" or "));
        self.differ(DifferenceKind::Renamed, row, &why);
    }

    /// Remembers the linked documents, those before and those to come.
    fn is_made_of(&mut self, id: CustomerId, after: &Record) {
        for record in self.ours.records.get(&id).into_iter().chain([after]) {
            let addresses = record.addresses.iter().map(|address| (Doctype::Address, &address.erpnext_id));
            let contacts = record.contacts.iter().map(|contact| (Doctype::Contact, &contact.erpnext_id));
            let keys = addresses.chain(contacts).map(|(doctype, name)| DocKey { doctype, name: name.clone() });
            self.judged.made_of.extend(keys);
        }
    }

    fn differ(&mut self, kind: DifferenceKind, customer: Option<CustomerId>, why: &str) {
        self.differ_as(kind, self.name.to_owned(), customer, why.to_owned());
    }

    fn differ_as(&mut self, kind: DifferenceKind, erpnext_id: String, customer: Option<CustomerId>, why: String) {
        let difference = Difference { kind, erpnext_id, customer, fields: Vec::new(), why, changed_here: false };
        self.judged.differences.push(difference);
    }
}

/// All fields of the row if it was written now: what cannot be stored stays as it is.
fn over(mapped: &Mapped, before: &Map<String, Value>) -> Result<Map<String, Value>, serde_json::Error> {
    let mut fields = flatten(&mapped.record)?;
    for column in &mapped.keep {
        if let Some(kept) = before.get(*column) {
            fields.insert((*column).to_owned(), kept.clone());
        }
    }
    Ok(fields)
}
