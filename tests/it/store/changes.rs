//! The change feed: `customer_changes` in the order of commits.
//!
//! Invariant: whoever remembers the last `seq` that it read and asks for greater ones misses nothing, however many
//! transactions run at once.

use std::sync::atomic::{AtomicBool, Ordering};

use super::workload::{Weather, Workload};
use super::{Case, on_each_database};

on_each_database! {
    a_reader_of_the_feed_misses_nothing
    changes_outlive_their_customer
}

async fn a_reader_of_the_feed_misses_nothing(case: Case) {
    let stores = [case.store.clone()];
    let done = AtomicBool::new(false);
    let write = async {
        let workload = Workload::run(Weather::Fair, &stores, 40, 50).await;
        done.store(true, Ordering::SeqCst);
        workload
    };
    let read = async {
        let (mut last, mut polls) = (0_i64, 0);
        loop {
            let last_round = done.load(Ordering::SeqCst);
            let tail = format!("FROM customer_changes WHERE seq > {last} ORDER BY seq");
            for [seq] in case.select(["seq"], &tail).await {
                let seq = seq.unwrap().parse().unwrap();
                assert_eq!(seq, last + 1, "a change became visible after a later one");
                last = seq;
            }
            polls += 1;
            if last_round {
                return (last, polls);
            }
        }
    };
    let (_, (last, polls)) = tokio::join!(write, read);
    assert_eq!(case.count("FROM customer_changes").await, last);
    assert!(last > 40 && polls > 2, "{last} changes, {polls} polls");
}

async fn changes_outlive_their_customer(case: Case) {
    let id = case.create("Acme").await;
    case.execute(&format!("DELETE FROM customers WHERE id = {id}")).await;
    assert_eq!(case.store.changes_of(id, None, 10).await.unwrap().len(), 1);
    assert_eq!(case.count("FROM sync_state").await, 0, "the bookkeeping goes with the row");
}
