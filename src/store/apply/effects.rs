//! What differs: from rows as they are and writes as they are wished to the rows to write and the history to keep.
//!
//! Invariant: pure, and the only place that decides whether anything changes: an unchanged row gets no write in the
//! public tables, no new `updated_at` and no history. Effects are counted here, never from affected rows.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::super::cells::{Cells, NewRow};
use super::super::db::{BatchRow, Numbered, encode};
use super::super::tables::{ADDRESSES, CONTACTS, CUSTOMERS, Table};
use super::super::transact::Fault;
use super::encoded::{self, Encoded};
use super::present::{Linked, Present};
use super::stale::gives_up_name;
use crate::domain::change::{ChangeKind, FieldChange};
use crate::domain::customer::{Address, Contact, CustomerId, Record};
use crate::domain::erasure::Forget;
use crate::domain::fields::{diff, flatten};
use crate::domain::job::Claim;
use crate::domain::plan::{Effect, Gone, LeaveOut, Unit, Upsert, Write};
use crate::domain::suggestion::Suggestion;

type Rows = Vec<Map<String, Value>>;

/// A change to keep in the history.
pub(super) struct Change<'a> {
    /// The row; 0 until a new row has its id.
    pub(super) customer: CustomerId,
    pub(super) kind: ChangeKind,
    pub(super) changes: Fields<'a>,
    pub(super) claim: &'a Claim,
    /// Index into `inserts` for a new row.
    pub(super) insert: Option<usize>,
}

/// What a change says.
pub(super) enum Fields<'a> {
    /// Of a row that was there.
    Changed(Vec<FieldChange>),
    /// Of a new row; the JSON of the changes.
    New(&'a str),
}

/// A row to insert.
pub(super) struct Insert<'a> {
    pub(super) upsert: &'a Upsert,
    pub(super) encoded: &'a Encoded,
    /// Where its effect stands in `written`.
    slot: usize,
}

impl<'a> Insert<'a> {
    /// ERPNext's name of the document.
    pub(super) fn name(&self) -> &'a str {
        self.upsert.record.customer.erpnext_id.as_deref().unwrap_or_default()
    }
}

impl BatchRow for &Insert<'_> {
    fn append(&self, json: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        json.extend_from_slice(self.encoded.customer.as_bytes());
        Ok(())
    }
}

/// All that has to be written for the living units.
#[derive(Default)]
pub(super) struct Effects<'a> {
    pub(super) release: Rows,
    pub(super) inserts: Vec<Insert<'a>>,
    pub(super) updates: Rows,
    pub(super) renames: Rows,
    pub(super) tombstones: Rows,
    pub(super) stamps: Rows,
    pub(super) addresses: Vec<LinkedRow<'a>>,
    pub(super) addresses_gone: Rows,
    pub(super) contacts: Vec<LinkedRow<'a>>,
    pub(super) contacts_gone: Rows,
    pub(super) states: Vec<Numbered<'a>>,
    pub(super) notes: Vec<Numbered<'a>>,
    pub(super) unknown: Rows,
    pub(super) aliases: BTreeMap<(String, String), CustomerId>,
    pub(super) changes: Vec<Change<'a>>,
    pub(super) suggestions: Vec<&'a Suggestion>,
    pub(super) forget: Vec<&'a Forget>,
    /// Documents that get their row, and rows that get their document: nothing is asked about them any longer.
    pub(super) answered: Vec<(&'a str, Option<CustomerId>)>,
    written: Vec<(CustomerId, Effect)>,
}

/// Works out the effects of the living units.
///
/// `encoded` has the new customers of each unit of the batch, alive or not.
pub(super) fn work_out<'a>(
    alive: &[(usize, &'a Unit)],
    encoded: &'a [Vec<Option<Encoded>>],
    present: &BTreeMap<CustomerId, Present>,
    linked: &Linked,
) -> Result<Effects<'a>, Fault> {
    let mut effects = Effects::default();
    for (index, unit) in alive {
        for (write, encoded) in unit.writes.iter().zip(&encoded[*index]) {
            effects.leave_name(write);
            match write {
                Write::Upsert(upsert) => {
                    effects.answer(upsert);
                    let row = upsert.target.as_ref().and_then(|seen| Some((seen.id, present.get(&seen.id)?)));
                    if let Some((id, before)) = row {
                        effects.update(&unit.claim, upsert, id, before, linked)?;
                    }
                    if let Some(encoded) = encoded {
                        effects.insert(&unit.claim, upsert, encoded);
                    }
                }
                Write::Note { seen, state } => {
                    effects.notes.push(numbered(seen.id, encoded::state(state, None)?));
                    effects.written.push((seen.id, Effect::Unchanged));
                }
                Write::MarkUnknown { seen, unknown } => {
                    effects.unknown.push(object(json!({ "id": seen.id, "unknown": unknown.stored() })));
                    effects.written.push((seen.id, Effect::Unchanged));
                }
                Write::Rename { seen, to } => {
                    effects.renames.push(object(json!({ "id": seen.id, "erpnext_id": to })));
                    effects.changed(
                        &unit.claim,
                        seen.id,
                        ChangeKind::Renamed,
                        vec![name_change(seen.erpnext_id.as_deref(), Some(to))],
                    );
                    effects.written.push((seen.id, Effect::Updated));
                }
                Write::Tombstone { seen, gone, release_name } => {
                    if let Some(before) = present.get(&seen.id) {
                        effects.tombstone(&unit.claim, seen.id, before, *gone, *release_name);
                    }
                }
                Write::LeaveOut(left) => {
                    if let Some(before) = present.get(&left.seen.id) {
                        effects.leave_out(&unit.claim, left, before);
                    }
                }
                Write::Suggest(suggestion) => effects.suggestions.push(suggestion),
                Write::Forget(forget) => {
                    effects.forget.push(forget);
                    effects.written.push((forget.customer, Effect::Erased));
                }
            }
        }
    }
    Ok(effects)
}

impl<'a> Effects<'a> {
    /// A row that loses its name gives it up before anybody else gets it, and leaves an alias.
    fn leave_name(&mut self, write: &Write) {
        let Some((id, seen)) = gives_up_name(write).zip(write.seen()) else {
            return;
        };
        if let Some(name) = &seen.erpnext_id {
            self.release.push(object(json!({ "id": id })));
            self.aliases.insert((name.clone(), seen.creation.clone().unwrap_or_default()), id);
        }
    }

    fn answer(&mut self, upsert: &'a Upsert) {
        let target = upsert.target.as_ref();
        if let Some(name) = upsert.record.customer.erpnext_id.as_deref()
            && target.is_none_or(|seen| seen.creation.is_none())
        {
            self.answered.push((name, target.map(|seen| seen.id)));
        }
    }

    fn insert(&mut self, claim: &'a Claim, upsert: &'a Upsert, encoded: &'a Encoded) {
        self.changes.push(Change {
            customer: 0,
            kind: ChangeKind::Created,
            changes: Fields::New(&encoded.changes),
            claim,
            insert: Some(self.inserts.len()),
        });
        self.inserts.push(Insert { upsert, encoded, slot: self.written.len() });
        self.written.push((0, Effect::Created));
    }

    fn update(
        &mut self,
        claim: &'a Claim,
        upsert: &'a Upsert,
        id: CustomerId,
        before: &Present,
        linked: &Linked,
    ) -> Result<(), Fault> {
        let old = Record {
            customer: before.customer.clone(),
            addresses: linked.addresses.get(&id).cloned().unwrap_or_default(),
            contacts: linked.contacts.get(&id).cloned().unwrap_or_default(),
        };
        let old_fields = flatten(&old)?;
        let mut new_fields = upsert.fields_over(&old_fields)?;
        let changes = diff(&old_fields, &new_fields);
        self.states.push(numbered(id, encoded::state(&upsert.state, Some(&upsert.record))?));
        if changes.is_empty() && !before.deleted {
            self.written.push((id, Effect::Unchanged));
            return Ok(());
        }
        new_fields.remove("addresses");
        new_fields.remove("contacts");
        let mut row = CUSTOMERS.row(&new_fields)?;
        row.insert("id".to_owned(), id.into());
        self.updates.push(row);
        let record = &upsert.record;
        link(id, &ADDRESSES, &record.addresses, &old.addresses, &mut self.addresses, &mut self.addresses_gone)?;
        link(id, &CONTACTS, &record.contacts, &old.contacts, &mut self.contacts, &mut self.contacts_gone)?;
        let mut changes = changes;
        let linked = upsert.matched_by.as_ref().map(|by| FieldChange {
            field: "matched_by".to_owned(),
            old: Value::Null,
            new: by.to_string().into(),
        });
        let is_linked = linked.is_some();
        changes.extend(linked);
        let kind = if is_linked {
            ChangeKind::Linked
        } else if before.deleted {
            ChangeKind::Restored
        } else if before.customer.erpnext_id != record.customer.erpnext_id && before.customer.erpnext_id.is_some() {
            ChangeKind::Renamed
        } else {
            ChangeKind::Updated
        };
        self.changed(claim, id, kind, changes);
        self.written.push((id, if is_linked { Effect::Linked } else { Effect::Updated }));
        Ok(())
    }

    fn tombstone(&mut self, claim: &'a Claim, id: CustomerId, before: &Present, gone: Gone, release_name: bool) {
        let merged_into = gone.merged_into();
        let name = before.customer.erpnext_id.as_deref();
        let loses_name = release_name && name.is_some();
        if before.deleted
            && before.gone.as_deref() == Some(gone.as_str())
            && before.merged_into == merged_into
            && !loses_name
        {
            self.written.push((id, Effect::Unchanged));
            return;
        }
        let mut changes = Vec::new();
        if loses_name {
            changes.push(name_change(name, None));
        }
        changes.extend(merge_change(before.merged_into, merged_into));
        self.tombstones.push(object(json!({
            "id": id,
            "merged_into": merged_into,
            "gone": gone.as_str(),
        })));
        let kind = match gone {
            Gone::Deleted => ChangeKind::Deleted,
            Gone::Merged(_) => ChangeKind::Merged,
            Gone::Filtered => ChangeKind::Filtered,
        };
        self.changed(claim, id, kind, changes);
        self.written.push((id, Effect::Tombstoned));
    }

    fn leave_out(&mut self, claim: &'a Claim, left: &LeaveOut, before: &Present) {
        let id = left.seen.id;
        let name = before.customer.erpnext_id.as_deref();
        let is_renamed = name != Some(&left.name);
        let is_out = before.deleted && before.gone.as_deref() == Some(Gone::Filtered.as_str());
        self.stamps.push(object(json!({ "id": id, "creation": left.creation, "modified": left.modified })));
        if is_out && !is_renamed {
            self.written.push((id, Effect::Unchanged));
            return;
        }
        let mut changes = Vec::new();
        if is_renamed {
            self.renames.push(object(json!({ "id": id, "erpnext_id": left.name })));
            changes.push(name_change(name, Some(&left.name)));
        }
        if !is_out {
            self.tombstones.push(object(json!({ "id": id, "gone": Gone::Filtered.as_str() })));
            changes.extend(merge_change(before.merged_into, None));
        }
        self.changed(claim, id, if is_out { ChangeKind::Renamed } else { ChangeKind::Filtered }, changes);
        self.written.push((id, if before.deleted { Effect::Updated } else { Effect::Tombstoned }));
    }

    fn changed(&mut self, claim: &'a Claim, customer: CustomerId, kind: ChangeKind, changes: Vec<FieldChange>) {
        self.changes.push(Change { customer, kind, changes: Fields::Changed(changes), claim, insert: None });
    }

    /// Takes the ids of inserted rows (in the order of `inserts`) to everything that refers to them.
    pub(super) fn number_inserts(&mut self, ids: &[CustomerId]) {
        for (Insert { upsert, encoded, slot }, id) in self.inserts.iter().zip(ids) {
            self.written[*slot].0 = *id;
            self.states.push(numbered(*id, encoded.state.as_str()));
            let addresses = upsert.record.addresses.iter().zip(&encoded.addresses);
            self.addresses.extend(addresses.map(|(address, json)| LinkedRow::new(*id, address, json.as_str())));
            let contacts = upsert.record.contacts.iter().zip(&encoded.contacts);
            self.contacts.extend(contacts.map(|(contact, json)| LinkedRow::new(*id, contact, json.as_str())));
        }
        for change in &mut self.changes {
            if let Some(id) = change.insert.and_then(|index| ids.get(index)) {
                change.customer = *id;
            }
        }
    }

    /// The ids of new rows, and of those that got their document just now.
    pub(super) fn new_rows(&self) -> BTreeSet<CustomerId> {
        let inserted = self.inserts.iter().map(|insert| self.written[insert.slot].0);
        inserted.chain(self.answered.iter().filter_map(|(_name, row)| *row)).collect()
    }

    /// Per living unit, what was written, in the order of its writes.
    pub(super) fn written(&self, alive: &[(usize, &Unit)]) -> Vec<(usize, Vec<(CustomerId, Effect)>)> {
        let mut written = self.written.iter().copied();
        alive.iter().map(|(index, unit)| (*index, written.by_ref().take(rows_of(unit)).collect())).collect()
    }
}

/// A row of `customer_addresses` or `customer_contacts`.
pub(super) struct LinkedRow<'a> {
    erpnext_id: &'a str,
    row: Numbered<'a>,
}

impl<'a> LinkedRow<'a> {
    fn new(customer: CustomerId, document: &'a impl Linkable, json: impl Into<Cow<'a, str>>) -> Self {
        let row = Numbered { column: "customer_id", id: customer, json: json.into() };
        Self { erpnext_id: document.erpnext_id(), row }
    }

    /// What it is locked by.
    pub(super) fn key(&self) -> (CustomerId, &'a str) {
        (self.row.id, self.erpnext_id)
    }
}

impl BatchRow for LinkedRow<'_> {
    fn append(&self, json: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        self.row.append(json)
    }
}

/// Linked documents: those that differ are written, those that are no longer linked are deleted.
fn link<'a, T: Linkable>(
    id: CustomerId,
    table: &'static Table,
    new: &'a [T],
    old: &[T],
    upserts: &mut Vec<LinkedRow<'a>>,
    deletes: &mut Rows,
) -> Result<(), Fault> {
    for document in new.iter().filter(|document| !old.contains(document)) {
        upserts.push(LinkedRow::new(id, document, encode(&NewRow(table, document), encoded::LINKED_BYTES)?));
    }
    for document in old {
        if !new.iter().any(|other| other.erpnext_id() == document.erpnext_id()) {
            deletes.push(object(json!({ "customer_id": id, "erpnext_id": document.erpnext_id() })));
        }
    }
    Ok(())
}

trait Linkable: PartialEq + Cells {
    fn erpnext_id(&self) -> &str;
}

impl Linkable for Address {
    fn erpnext_id(&self) -> &str {
        &self.erpnext_id
    }
}

impl Linkable for Contact {
    fn erpnext_id(&self) -> &str {
        &self.erpnext_id
    }
}

/// Writes of a unit that have an effect on a row.
fn rows_of(unit: &Unit) -> usize {
    unit.writes.iter().filter(|write| !matches!(write, Write::Suggest(_))).count()
}

fn name_change(old: Option<&str>, new: Option<&str>) -> FieldChange {
    FieldChange { field: "erpnext_id".to_owned(), old: old.into(), new: new.into() }
}

fn merge_change(old: Option<CustomerId>, new: Option<CustomerId>) -> Option<FieldChange> {
    let change = || FieldChange { field: "merged_into".to_owned(), old: old.into(), new: new.into() };
    (old != new).then(change)
}

/// A row of `sync_state`.
fn numbered<'a>(id: CustomerId, json: impl Into<Cow<'a, str>>) -> Numbered<'a> {
    Numbered { column: "id", id, json: json.into() }
}

/// An object without its nulls: a missing key is null in a batch.
fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(mut map) => {
            map.retain(|_, value| !value.is_null());
            map
        }
        _ => Map::new(),
    }
}
