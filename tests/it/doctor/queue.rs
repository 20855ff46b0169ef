//! Work that failed or waits, runs that ended badly, schedules that are off, paused or overdue, and a disk that is full.

use customer_sync::domain::job::{Cause, DocKey, Lane, Put};
use customer_sync::store::NewSchedule;

use super::Patient;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_jobs_and_unfinished_runs_are_named() {
    let patient = Patient::new().await;
    assert_eq!(patient.runs(&["migrate"]).await.0, 0);
    let findings = patient.examined(&[]).await;
    findings.has("warning", "never_synced", &["customer-sync sync"]);
    findings.has("warning", "never_served", &["customer-sync serve"]);

    let broken = patient.erpnext.names("Customer")[1].clone();
    patient.erpnext.faults().poison(&broken, 417);
    assert_eq!(patient.runs(&["sync"]).await.0, 1);
    let findings = patient.examined(&[]).await;
    findings.has("problem", "failed_jobs", &["1 customers", "jobs retry"]);
    findings.has("warning", "run_partial", &["customer-sync jobs"]);
    assert!(!format!("{:?}", findings.0).contains(&broken), "a customer's name is shown");

    patient.sql("UPDATE sync_runs SET kind = 'sweep', state = 'held', message = 'would remove 12 of 20'").await;
    patient.has("problem", "run_held", &["would remove 12 of 20", "approve"]).await;
    patient.sql("UPDATE sync_runs SET kind = 'full', state = 'failed', message = 'no room'").await;
    patient.has("problem", "run_failed", &["no room"]).await;

    let store = patient.store().await;
    store.put(&[Put::new(DocKey::customer("A"), Lane::Fast, Cause::Webhook)]).await.unwrap();
    store.close().await;
    patient.sql("UPDATE sync_jobs SET run_at = run_at - 3600000 WHERE name = 'A'").await;
    patient.has("problem", "queue_stuck", &["customer-sync serve"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schedules_that_are_off_paused_or_overdue_are_named() {
    let mut patient = Patient::synced().await;
    let store = patient.store().await;
    let row = |name, next_at| NewSchedule { name, spec: "1h".to_owned(), next_at };
    store.ensure_schedules(&[row("catch_up", Some(1)), row("sweep", Some(i64::MAX))]).await.unwrap();
    store.close().await;
    assert_eq!(patient.runs(&["schedules", "pause", "sweep"]).await.0, 0);
    patient.set("CUSTOMER_SYNC__SCHEDULE__FULL", "off");
    let findings = patient.examined(&[]).await;
    findings.has("problem", "schedule_overdue", &["catch_up", "customer-sync serve"]);
    findings.has("warning", "schedule_paused", &["customer-sync schedules resume sweep"]);
    findings.has("warning", "schedule_off", &["full is off", "schedule.full"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_with_little_room_is_named() {
    let patient = Patient::synced().await;
    let findings = patient.examined(&["--least-free", "100000000GiB"]).await;
    findings.has("problem", "disk_nearly_full", &["MiB free", "make room"]);
    let (code, said) = patient.runs(&["doctor", "--least-free", "much"]).await;
    assert!(code == 2 && said.contains("1MiB"), "{said}");
}
