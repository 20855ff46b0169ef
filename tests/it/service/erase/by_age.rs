//! Tombstones that are old enough are erased by themselves, where that is configured.

use customer_sync::domain::erasure::ErasedBy;

use super::super::Connected;
use crate::support::app::wait_until;
use crate::support::databases::Kind;
use crate::support::sql::execute;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_schedule_erases_old_tombstones_and_nobody_else() {
    for kind in Kind::ALL {
        let settings = [("retention.tombstones_days", "30"), ("schedule.prune", "200ms")];
        let connected = Connected::configured(kind, &settings).await;
        let [old, young, living] = ["Quillfeather", "Young", "Living"].map(|name| match name {
            "Quillfeather" => connected.marked(name),
            _ => connected.erpnext.create_customer(serde_json::json!({"customer_name": name})).unwrap(),
        });
        connected.settled().await;
        let id = connected.id_of(&old).await;
        for gone in [&old, &young] {
            connected.erpnext.delete("Customer", gone).unwrap();
        }
        connected.settled().await;
        let long_ago = match kind {
            Kind::Sqlite => "2020-01-01T00:00:00.000Z",
            Kind::Postgres | Kind::Mariadb => "2020-01-01 00:00:00",
        };
        execute(&connected.database, &format!("UPDATE customers SET deleted_at = '{long_ago}' WHERE id = {id}")).await;
        wait_until("the old tombstone is erased", async || {
            let row = connected.app.get(&format!("/api/customers/{id}")).await;
            row["data"]["erased_at"].is_string()
        })
        .await;
        connected.stays_erased(id, "after the schedule").await;
        let change = connected.app.store().changes_of(id, None, 1).await.unwrap().remove(0);
        assert_eq!((change.kind.as_str(), change.cause.as_str()), ("erased", ErasedBy::Retention.as_str()), "{kind:?}");
        for kept in [&young, &living] {
            assert!(connected.row(kept).await["erased_at"].is_null(), "{kind:?}: {kept}");
        }
    }
}
