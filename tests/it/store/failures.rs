//! Failed jobs as people deal with them: found by a filter, retried, discarded.
//!
//! Invariant: a job that a worker holds is left to it, and "all that match" is what matched when it was asked for.

use std::collections::BTreeMap;

use customer_sync::domain::hint::Doctype;
use customer_sync::domain::job::{Cause, DocKey, JobError, Lane, Outcome, Put};
use customer_sync::domain::run::{RunCause, RunKind};
use customer_sync::store::{JobFilter, JobState, Selection, States};

use super::make::{LEASE, ending, put};
use super::{Case, on_each_database};

on_each_database! {
    a_filter_finds_what_it_says
    pages_follow_each_other_over_all_doctypes
    a_retry_is_a_persons_and_starts_afresh
    many_retries_go_as_bulk_work
    held_jobs_are_left_to_their_worker
    all_that_match_is_what_matched_when_it_was_asked
    a_discarded_job_of_a_run_counts_there_as_failed
}

fn dead(label: &'static str, message: &str) -> Outcome {
    Outcome::Dead(JobError { label, message: message.to_owned() })
}

fn key(doctype: Doctype, name: &str) -> DocKey {
    DocKey { doctype, name: name.to_owned() }
}

fn all(filter: JobFilter) -> Selection {
    Selection::All(filter)
}

impl Case {
    /// Puts that job and lets it end so.
    async fn fail(&self, put: Put, outcome: Outcome) {
        self.store.put(std::slice::from_ref(&put)).await.unwrap();
        let claim = self.claims().await.into_iter().find(|claim| claim.key == put.key).unwrap();
        self.apply(ending(claim, outcome)).await;
    }

    async fn found(&self, filter: JobFilter) -> Vec<String> {
        let jobs = self.store.jobs(&filter, None, 100).await.unwrap();
        let count = jobs.len() as u64;
        assert_eq!(self.store.job_count(&filter).await.unwrap(), count, "{filter:?}");
        for most in [0, 1, count, count + 1] {
            let counted = self.store.job_count_up_to(&filter, most).await.unwrap();
            assert_eq!(counted, count.min(most), "{filter:?}");
        }
        let mut labels: BTreeMap<String, u64> = BTreeMap::new();
        for job in &jobs {
            *labels.entry(job.error_label.clone().unwrap_or_default()).or_default() += 1;
        }
        let counted = self.store.job_labels(&filter).await.unwrap();
        assert!(counted.is_sorted_by(|one, next| one.1 >= next.1), "{counted:?}");
        assert_eq!(counted.into_iter().collect::<BTreeMap<_, _>>(), labels, "{filter:?}");
        jobs.into_iter().map(|job| job.key.name).collect()
    }
}

async fn a_filter_finds_what_it_says(case: Case) {
    case.fail(put("dead"), dead("invalid", "ERPNext says: 100% of Müller_1 is wrong!")).await;
    let person = Put { cause: Cause::Person, ..put("Dead/By Person") };
    case.fail(person, dead("unmappable", "no name")).await;
    let error = JobError { label: "timeout", message: "slow".to_owned() };
    case.fail(put("waiting"), Outcome::Retry { after: LEASE, burn: true, error }).await;
    case.fail(Put { key: key(Doctype::Contact, "contact"), ..put("") }, dead("invalid", "no")).await;
    case.store.put(&[put("leased")]).await.unwrap();
    assert_eq!(case.claims().await.len(), 1);
    case.store.put(&[put("due")]).await.unwrap();

    let by_state = async |state| case.found(JobFilter { state, ..JobFilter::default() }).await;
    assert_eq!(by_state(States::default()).await, ["contact", "Dead/By Person", "dead", "waiting"], "the failures");
    assert_eq!(by_state(States::Dead).await, ["contact", "Dead/By Person", "dead"]);
    assert_eq!(by_state(States::Waiting).await, ["waiting"]);
    assert_eq!(by_state(States::Due).await, ["due"]);
    assert_eq!(by_state(States::Leased).await, ["leased"]);
    assert_eq!(by_state(States::All).await.len(), 6);

    let filter = JobFilter { doctype: Some(Doctype::Contact), ..JobFilter::default() };
    assert_eq!(case.found(filter).await, ["contact"]);
    let filter = JobFilter { label: Some("invalid".to_owned()), ..JobFilter::default() };
    assert_eq!(case.found(filter).await, ["contact", "dead"]);
    let filter = JobFilter { cause: Some(Cause::Person), ..JobFilter::default() };
    assert_eq!(case.found(filter).await, ["Dead/By Person"]);
    for (text, expected) in [
        ("BY PERSON", &["Dead/By Person"][..]),
        ("erpnext SAYS", &["dead"]),
        ("100% of", &["dead"]),
        ("Müller_1", &["dead"]),
        ("wrong!", &["dead"]),
        ("wr%ng", &[]),
        ("D_ad", &[]),
        ("'; --", &[]),
    ] {
        let filter = JobFilter { text: Some(text.to_owned()), ..JobFilter::default() };
        assert_eq!(case.found(filter).await, expected, "{text}");
    }

    let job = case.store.job(&DocKey::customer("dead")).await.unwrap().unwrap();
    assert_eq!((job.state, job.next_at), (JobState::Dead, None));
    assert_eq!(job.error_label.as_deref(), Some("invalid"));
    assert!(job.created_at.ends_with('Z') && job.created_at <= job.updated_at);
}

async fn pages_follow_each_other_over_all_doctypes(case: Case) {
    let names = ["a", "A", "b/ä", "z "];
    let puts: Vec<Put> = Doctype::ALL
        .into_iter()
        .flat_map(|doctype| names.map(|name| Put { key: key(doctype, name), ..put("") }))
        .collect();
    case.store.put(&puts).await.unwrap();
    let filter = JobFilter { state: States::Due, ..JobFilter::default() };
    let mut seen: Vec<DocKey> = Vec::new();
    loop {
        let page = case.store.jobs(&filter, seen.last(), 3).await.unwrap();
        if page.is_empty() {
            break;
        }
        seen.extend(page.into_iter().map(|job| job.key));
    }
    let mut expected: Vec<DocKey> = puts.into_iter().map(|put| put.key).collect();
    expected.sort();
    assert_eq!(seen, expected);
}

async fn a_retry_is_a_persons_and_starts_afresh(case: Case) {
    let error = JobError { label: "timeout", message: "slow".to_owned() };
    let bulk = Put { lane: Lane::Bulk, ..put("waiting") };
    case.fail(bulk, Outcome::Retry { after: LEASE, burn: true, error }).await;
    case.fail(put("dead"), dead("invalid", "no")).await;
    let keys = ["dead", "waiting", "unknown", "dead"].map(DocKey::customer).to_vec();
    assert_eq!(case.store.retry_jobs(&Selection::Keys(keys)).await.unwrap(), 2);

    let job = case.store.job(&DocKey::customer("dead")).await.unwrap().unwrap();
    assert_eq!(job.last_error.as_deref(), Some("no"), "it stays readable until the job is done");
    let claims = case.store.claim(10, 0, LEASE).await.unwrap();
    assert_eq!(claims.len(), 2, "both in the fast lane");
    for claim in claims {
        assert_eq!((claim.cause, claim.delivery_id, claim.attempts), (Cause::Person, None, 0));
    }
}

async fn many_retries_go_as_bulk_work(case: Case) {
    let puts: Vec<Put> = (0..60).map(|number| put(&format!("{number:02}"))).collect();
    case.store.put(&puts).await.unwrap();
    let units: Vec<_> = case.claims().await.into_iter().map(|claim| ending(claim, dead("invalid", "no"))).collect();
    case.store.apply(&units).await.unwrap();
    assert_eq!(case.store.retry_jobs(&all(JobFilter::default())).await.unwrap(), 60);
    assert!(case.store.claim(100, 0, LEASE).await.unwrap().is_empty());
    assert_eq!(case.store.claim(100, 100, LEASE).await.unwrap().len(), 60);
}

async fn held_jobs_are_left_to_their_worker(case: Case) {
    let claim = case.claim("Acme").await;
    let mine = Selection::Keys(vec![claim.key.clone()]);
    let everything = all(JobFilter { state: States::All, ..JobFilter::default() });
    for jobs in [&mine, &everything] {
        assert_eq!(case.store.retry_jobs(jobs).await.unwrap(), 0);
        assert_eq!(case.store.discard_jobs(jobs).await.unwrap(), 0);
    }
    let job = case.store.job(&claim.key).await.unwrap().unwrap();
    assert_eq!((job.state, job.generation), (JobState::Leased, claim.generation));
    case.apply(ending(claim, dead("invalid", "no"))).await;
    assert_eq!(case.store.discard_jobs(&mine).await.unwrap(), 1);
    assert_eq!(case.count("FROM sync_jobs").await, 0);
}

async fn all_that_match_is_what_matched_when_it_was_asked(case: Case) {
    let puts: Vec<Put> = (0..1_200).map(|number| put(&format!("{number:04}"))).collect();
    case.store.put(&puts).await.unwrap();
    for half in [600, 600] {
        let units: Vec<_> = case.store.claim(half, 0, LEASE).await.unwrap();
        let units = units.into_iter().map(|claim| {
            let label = if claim.key.name.ends_with('7') { "unmappable" } else { "invalid" };
            ending(claim, dead(label, "no"))
        });
        case.store.apply(&units.collect::<Vec<_>>()).await.unwrap();
    }
    // Touched in the future, as if between the question and the last chunk.
    case.execute("UPDATE sync_jobs SET updated_at = updated_at + 3600000 WHERE name = '0700'").await;
    let invalid = JobFilter { label: Some("invalid".to_owned()), ..JobFilter::default() };
    assert_eq!(case.store.discard_jobs(&all(invalid)).await.unwrap(), 1_079);
    assert_eq!(case.found(JobFilter { text: Some("0700".to_owned()), ..JobFilter::default() }).await, ["0700"]);
    assert_eq!(case.count("FROM sync_jobs").await, 121);
    assert_eq!(case.store.retry_jobs(&all(JobFilter::default())).await.unwrap(), 120);
    assert_eq!(case.store.queue().await.unwrap().dead, 1);
}

async fn a_discarded_job_of_a_run_counts_there_as_failed(case: Case) {
    let run = case.store.start_run(RunKind::Full, RunCause::Person).await.unwrap().run;
    let owned = |name: &str| Put { run: Some(run), ..put(name) };
    case.fail(put("not of the run"), dead("invalid", "no")).await;
    let error = JobError { label: "timeout", message: "slow".to_owned() };
    case.fail(owned("counted"), Outcome::Retry { after: LEASE, burn: true, error }).await;
    case.store.put(&[owned("held")]).await.unwrap();
    assert_eq!(case.claims().await.len(), 1);
    assert_eq!(case.store.discard_jobs(&all(JobFilter::default())).await.unwrap(), 2);
    let run = case.store.run(run).await.unwrap().unwrap();
    assert_eq!((run.counts.failed, run.left), (1, 1), "the held one still counts when it ends");
}
