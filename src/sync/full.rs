//! A full run: every customer that ERPNext lists becomes a job; the run is over when its jobs are.
//!
//! Invariant: memory and queue are bounded whatever the number: one page of names at a time, and only so many unfinished
//! jobs ahead of the workers. A page and its place in the list are one transaction, so a crash goes on behind it. What
//! became of a job is counted by whoever settles it (`store::apply::runs`), never here.

use serde_json::{Value, json};

use super::catch_up::first_watermarks;
use super::conduct::{AHEAD, Conduct, End, Halt};
use super::report;
use crate::domain::hint::Doctype;
use crate::domain::job::{Cause, DocKey, Lane, Put};
use crate::domain::run::{RunId, RunState};
use crate::erpnext::{List, Work};
use crate::store::RunRow;

/// Names in a page.
const PAGE: usize = 2_000;

/// Conducts the run from where it stands to its end.
///
/// # Errors
/// [`Halt`].
pub async fn conduct(run: &Conduct, row: &RunRow) -> Result<End, Halt> {
    if row.total.is_none()
        && let Some(hidden) = count(run).await?
    {
        return Ok(End { state: RunState::Failed, message: Some(hidden) });
    }
    if !row.listed_all {
        // Before the first name is read: what changes from then on is catch-up's.
        run.ask(|| first_watermarks(&run.context)).await?;
        list(run, row.position.clone()).await?;
    }
    let done = run.until_left(0).await?;
    if done.total != Some(done.put) {
        // Customers were created or deleted since they were counted.
        run.set_total(done.put).await?;
    }
    let unreadable = report::unreadable_parts(&run.context).await?;
    Ok(end(&done, unreadable))
}

/// Notes how many customers there are; tells if there are some, and all of them are hidden from the key.
async fn count(run: &Conduct) -> Result<Option<String>, Halt> {
    let (client, customer) = (&run.context.client, Doctype::Customer.as_str());
    let visible = run.ask(|| client.visible_count(customer)).await?;
    run.set_total(i64::try_from(visible).unwrap_or(i64::MAX)).await?;
    if visible > 0 {
        return Ok(None);
    }
    let all = run.ask(|| client.count(customer)).await?;
    Ok((all > 0).then(|| {
        format!(
            "ERPNext has {all} customers, and the sync user may see none of them: give its role read permission on \
             Customer, or look into its User Permissions"
        )
    }))
}

/// Puts a job for each name behind `position`, in ERPNext's order.
async fn list(run: &Conduct, mut position: Option<String>) -> Result<(), Halt> {
    loop {
        run.until_left(AHEAD.into()).await?;
        let (names, last) = page(run, position.as_deref()).await?;
        let puts: Vec<Put> = names.into_iter().map(|name| put(run.lead.run, name)).collect();
        position = puts.last().map(|put| put.key.name.clone()).or(position);
        run.put(&puts, position.as_deref().unwrap_or_default(), puts.len(), last).await?;
        if last {
            return Ok(());
        }
    }
}

/// The names behind `after`, and whether they are the last ones.
async fn page(run: &Conduct, after: Option<&str>) -> Result<(Vec<String>, bool), Halt> {
    let list = List {
        doctype: Doctype::Customer.as_str(),
        parent: None,
        fields: &["name"],
        filters: after.map_or(json!([]), |name| json!([["name", ">", name]])),
        or_filters: Value::Null,
        order_by: "name asc",
        limit: PAGE,
    };
    let rows = run.ask(|| run.context.client.list(&list, Work::Bulk)).await?;
    let last = rows.len() < PAGE;
    let name = |row: crate::domain::document::Doc| row.get("name").and_then(Value::as_str).map(str::to_owned);
    Ok((rows.into_iter().filter_map(name).collect(), last))
}

fn put(run: RunId, name: String) -> Put {
    Put { run: Some(run), ..Put::new(DocKey::customer(name), Lane::Bulk, Cause::Full) }
}

/// What is not plainly a success is never called one.
fn end(row: &RunRow, unreadable: Vec<String>) -> End {
    let mut told = Vec::new();
    if row.counts.failed > 0 {
        told.push(format!(
            "{} of {} customers could not be synced; the failures (Activity, customer-sync jobs list, or GET /api/jobs) tell which and why",
            row.counts.failed, row.put
        ));
    }
    if row.counts.not_permitted > 0 {
        told.push(format!(
            "{} customers may not be read by the sync user (see User Permissions in ERPNext); their rows are kept",
            row.counts.not_permitted
        ));
    }
    told.extend(unreadable);
    let state = if told.is_empty() { RunState::Succeeded } else { RunState::Partial };
    End { state, message: (!told.is_empty()).then(|| told.join(". ")) }
}
