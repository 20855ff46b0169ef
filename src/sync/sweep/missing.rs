//! The second half of a sweep: our rows, page by page, against everybody who was listed.
//!
//! Invariant: a missing name is never taken for a deletion. A row whose `creation` a newcomer has was renamed; one that the
//! sync user may not read is tested now and then; only the others become candidates, and even of those only the
//! document's own answer decides.

use rand::RngExt;

use super::roll::Closed;
use crate::domain::candidate::{Candidate, Reason};
use crate::domain::customer::CustomerId;
use crate::domain::job::{Cause, DocKey, Lane, Put};
use crate::store::Followed;
use crate::sync::absence::CUSTOMER_UNKNOWN;
use crate::sync::conduct::{Conduct, Halt};

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
    /// Perhaps deleted.
    Candidate,
}

/// Goes through all our rows, puts what needs no consent and notes the candidates.
pub(super) async fn look(run: &Conduct, listed: &Closed) -> Result<Ours, Halt> {
    let mut ours = Ours::default();
    let mut hidden = Sample::default();
    let mut after = CustomerId::MIN;
    loop {
        let page = run.context.store.followed(after, PAGE).await?;
        let (mut puts, mut candidates) = (Vec::new(), Vec::new());
        for row in &page {
            ours.living += i64::from(!row.filtered);
            if listed.has(&row.name) {
                continue;
            }
            match absence(row, listed) {
                Absence::Renamed => puts.push(put(&row.name, false)),
                Absence::Harmless => puts.push(put(&row.name, true)),
                Absence::Hidden => hidden.add(&row.name),
                Absence::Asked => {}
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
    let puts: Vec<Put> = hidden.names.iter().map(|name| put(name, true)).collect();
    run.put(&puts, "", 0, true).await?;
    Ok(ours)
}

fn absence(row: &Followed, listed: &Closed) -> Absence {
    match &row.creation {
        None if row.asked => Absence::Asked,
        None => Absence::Harmless,
        Some(creation) if listed.has_newcomer(creation) => Absence::Renamed,
        Some(_) if row.filtered => Absence::Harmless,
        Some(_) if row.unknown.has(CUSTOMER_UNKNOWN) => Absence::Hidden,
        Some(_) => Absence::Candidate,
    }
}

fn put(name: &str, absent: bool) -> Put {
    Put { absent, ..Put::new(DocKey::customer(name), Lane::Bulk, Cause::Sweep) }
}

/// A few of many, each with the same chance.
#[derive(Debug, Default)]
struct Sample {
    names: Vec<String>,
    offered: usize,
}

impl Sample {
    fn add(&mut self, name: &str) {
        self.offered += 1;
        if self.names.len() < TESTED {
            self.names.push(name.to_owned());
        } else {
            let place = rand::rng().random_range(0..self.offered);
            if let Some(kept) = self.names.get_mut(place) {
                name.clone_into(kept);
            }
        }
    }
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
        assert_eq!(absence(&row(), &nobody), Absence::Candidate);
        assert_eq!(absence(&row(), &newcomer), Absence::Renamed);
        assert_eq!(absence(&Followed { creation: None, ..row() }, &nobody), Absence::Harmless);
        assert_eq!(absence(&Followed { creation: None, asked: true, ..row() }, &nobody), Absence::Asked);
        assert_eq!(absence(&Followed { filtered: true, ..row() }, &nobody), Absence::Harmless);
        assert_eq!(absence(&Followed { filtered: true, ..row() }, &newcomer), Absence::Renamed);
        let hidden = Unknown([CUSTOMER_UNKNOWN.to_owned()].into());
        assert_eq!(absence(&Followed { unknown: hidden, ..row() }, &nobody), Absence::Hidden);
    }

    #[test]
    fn a_sample_is_small_and_everybody_may_be_in_it() {
        let mut sample = Sample::default();
        for number in 0..10 * TESTED {
            sample.add(&number.to_string());
        }
        assert_eq!(sample.names.len(), TESTED);
        assert!(sample.names.iter().any(|name| name.parse::<usize>().unwrap() >= TESTED));
    }
}
