//! Bulk work never delays a webhook, and webhooks never hold bulk work up for ever.

use std::time::Duration;

use customer_sync::domain::job::{Cause, DocKey, Lane, Put};
use customer_sync::simulator::Fault;
use serde_json::json;

use super::Connected;
use crate::support::app::wait_until;
use crate::support::databases::Kind;

#[tokio::test]
async fn a_webhook_overtakes_bulk_work() {
    for kind in Kind::ALL {
        let connected = Connected::configured(kind, &[("worker.concurrency", "2"), ("worker.batch", "10")]).await;
        connected.erpnext.seed_customers(400);
        let bulk = |name: String| Put::new(DocKey::customer(name), Lane::Bulk, Cause::Person);
        let puts: Vec<Put> = connected.erpnext.names("Customer").into_iter().map(bulk).collect();
        connected.app.store().put(&puts).await.unwrap();
        // ERPNext is slow, so that the bulk work takes long.
        connected.erpnext.faults().requests(Fault::Slow(Duration::from_millis(50)), usize::MAX);
        wait_until("bulk work is under way", async || connected.app.customers().await.len() >= 10).await;

        let name = connected.erpnext.create_customer(json!({"customer_name": "Urgent"})).unwrap();
        wait_until("the webhook is a row", async || connected.app.customer(&name).await.is_some()).await;
        let queue = connected.app.store().queue().await.unwrap();
        assert!(queue.due_bulk > 100, "{kind:?}: the webhook waited for the bulk work: {queue:?}");
        connected.erpnext.faults().clear();
        connected.settled().await;
        assert_eq!(connected.app.customers().await.len(), 401);
    }
}

#[tokio::test]
async fn webhooks_that_never_cease_do_not_keep_bulk_work_waiting() {
    for kind in Kind::ALL {
        let connected = Connected::configured(kind, &[("worker.burst", "1"), ("worker.gather", "300ms")]).await;
        connected.erpnext.seed_customers(20);
        let names = connected.erpnext.names("Customer");
        let (edited, bulk) = names.split_first().unwrap();
        let fast = [Put::new(DocKey::customer(edited.clone()), Lane::Fast, Cause::Webhook)];
        let put = |name: &String| Put::new(DocKey::customer(name.clone()), Lane::Bulk, Cause::Full);
        let store = connected.app.store();
        store.put(&fast).await.unwrap();
        store.put(&bulk.iter().map(put).collect::<Vec<Put>>()).await.unwrap();
        wait_until("the bulk work is done", async || {
            // There is always a webhook that waits for the next read.
            store.put(&fast).await.unwrap();
            store.customer_count().await.unwrap() == 20
        })
        .await;
    }
}
