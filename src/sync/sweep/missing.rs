//! The second half of a sweep: our rows, page by page, against everybody who was listed.
//!
//! Invariant: a missing name is never taken for a deletion. A row whose `creation` a newcomer has was renamed; one that the
//! sync user may not read is tested now and then; only the others become candidates, and even of those only the
//! document's own answer decides.

use super::roll::Closed;
use crate::domain::candidate::{Candidate, Reason};
use crate::domain::customer::CustomerId;
use crate::domain::job::{Cause, DocKey, Lane, Put};
use crate::store::Followed;
use crate::sync::absence::CUSTOMER_UNKNOWN;
use crate::sync::conduct::{Conduct, Halt};
use crate::sync::sample::Sample;

/// Rows in a page.
const PAGE: u32 = 5_000;
/// Customers marked as not readable that are asked for in one sweep.
const TESTED: usize = 100;

/// What was found about our rows.
#[derive(Debug, Default)]
pub(super) struct Ours {
    /// Living rows that follow a document.
    pub(super) living: i64,
    /// Candidates among them.
    pub(super) missing: i64,
}

/// What a missing name means.
#[derive(Debug, PartialEq, Eq)]
enum Absence {
    /// It lives on under another name: a worker finds it by that.
    Renamed,
    /// Hidden from the sync user when it was last asked for.
    Hidden,
    /// Removing it needs no one's consent: it is no living row, or ERPNext never was known to have it.
    Harmless,
    /// A person was asked about it.
    Asked,
    /// It was created, renamed or restored after the listing had begun, which may have gone past its name by then.
    Newer,
    /// Perhaps deleted.
    Candidate,
}

/// Goes through all our rows, puts what needs no consent and notes the candidates.
///
/// The listing began at `since` (the database's clock): what was written of a row from then on may say more than the list.
pub(super) async fn look(run: &Conduct, listed: &Closed, since: i64) -> Result<Ours, Halt> {
    let mut ours = Ours::default();
    let mut hidden = Sample::new(TESTED);
    let mut after = CustomerId::MIN;
    loop {
        run.until_room().await?;
        let page = run.context.store.followed(after, PAGE).await?;
        let (mut puts, mut candidates) = (Vec::new(), Vec::new());
        for row in &page {
            ours.living += i64::from(!row.filtered);
            if listed.has(&row.name) {
                continue;
            }
            match absence(row, listed, since) {
                Absence::Renamed => puts.push(put(&row.name, false)),
                Absence::Harmless => puts.push(put(&row.name, true)),
                Absence::Hidden => hidden.offer(|| row.name.clone()),
                Absence::Asked | Absence::Newer => {}
                Absence::Candidate => {
                    candidates.push(Candidate { name: row.name.clone(), customer_id: row.id, reason: Reason::Missing });
                }
            }
        }
        ours.missing += i64::try_from(candidates.len()).unwrap_or(i64::MAX);
        super::note_candidates(run, &candidates).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        run.put(&puts, "", 0, true).await?;
    }
    let puts: Vec<Put> = hidden.into_kept().iter().map(|name| put(name, true)).collect();
    run.put(&puts, "", 0, true).await?;
    Ok(ours)
}

fn absence(row: &Followed, listed: &Closed, since: i64) -> Absence {
    match &row.creation {
        None if row.asked => Absence::Asked,
        None => Absence::Harmless,
        Some(creation) if listed.has_newcomer(creation) => Absence::Renamed,
        Some(_) if row.filtered => Absence::Harmless,
        Some(_) if row.unknown.has(CUSTOMER_UNKNOWN) => Absence::Hidden,
        Some(_) if row.synced_at.is_some_and(|synced_at| synced_at >= since) => Absence::Newer,
        Some(_) => Absence::Candidate,
    }
}

fn put(name: &str, absent: bool) -> Put {
    Put { absent, ..Put::new(DocKey::customer(name), Lane::Bulk, Cause::Sweep) }
}

#[cfg(test)]
mod tests {
    use super::super::roll::Roll;
    use super::*;
    use crate::domain::document::Unknown;

    fn row() -> Followed {
        Followed {
            id: 1,
            name: "A".to_owned(),
            creation: Some("c".to_owned()),
            synced_at: Some(9),
            unknown: Unknown::default(),
            filtered: false,
            asked: false,
        }
    }

    #[test]
    fn only_what_nothing_else_explains_is_a_candidate() {
        let nobody = Roll::default().close();
        let mut roll = Roll::default();
        roll.note_newcomer("c");
        let newcomer = roll.close();
        assert_eq!(absence(&row(), &nobody, 10), Absence::Candidate);
        assert_eq!(absence(&row(), &newcomer, 10), Absence::Renamed);
        assert_eq!(absence(&Followed { creation: None, ..row() }, &nobody, 10), Absence::Harmless);
        assert_eq!(absence(&Followed { creation: None, asked: true, ..row() }, &nobody, 10), Absence::Asked);
        assert_eq!(absence(&Followed { filtered: true, ..row() }, &nobody, 10), Absence::Harmless);
        assert_eq!(absence(&Followed { filtered: true, ..row() }, &newcomer, 10), Absence::Renamed);
        assert_eq!(absence(&Followed { synced_at: Some(10), ..row() }, &nobody, 10), Absence::Newer);
        let hidden = Unknown([CUSTOMER_UNKNOWN.to_owned()].into());
        assert_eq!(absence(&Followed { unknown: hidden, ..row() }, &nobody, 10), Absence::Hidden);
    }
}
