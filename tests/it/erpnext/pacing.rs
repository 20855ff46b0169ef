//! The rate limit end to end: headers in, fewer requests out.

use std::time::Duration;

use customer_sync::erpnext::{Canaries, Disposition, Error, List, Work};
use serde_json::{Value, json};

use super::recordings;
use super::stand_in::{Reaction, StandIn};

fn limited(limit: u64, remaining: u64, used: u64) -> Reaction {
    recordings::last("71-logged-user.json")
        .with("X-RateLimit-Limit", &limit)
        .with("X-RateLimit-Remaining", &remaining)
        .with("X-RateLimit-Reset", &1800)
        .with("X-RateLimit-Used", &used)
}

#[tokio::test]
async fn our_fifth_is_spent_and_no_more_is_sent() {
    let erpnext = StandIn::always(limited(1_000_000, 1_000_000, 60_000)).await;
    let client = erpnext.client();
    assert_eq!(client.budget(), None);
    for _ in 0..3 {
        client.logged_user().await.unwrap();
    }
    let error = client.logged_user().await.unwrap_err();
    assert!(matches!(error, Error::Paced { .. }), "{error:?}");
    let Disposition::Snooze(wait) = error.disposition() else { panic!("{error:?}") };
    assert!(wait > Duration::from_secs(1700) && wait <= Duration::from_secs(1800), "{wait:?}");
    assert_eq!(erpnext.seen().len(), 3);
    let budget = client.budget().unwrap();
    assert_eq!((budget.limit, budget.ours), (Duration::from_secs(1), Duration::from_millis(180)));
}

#[tokio::test]
async fn bulk_work_stops_at_half_while_people_are_still_served() {
    let erpnext = StandIn::always(limited(100_000_000, 40_000_000, 1000)).await;
    let client = erpnext.client();
    client.logged_user().await.unwrap();
    let list = List {
        doctype: "Customer",
        parent: None,
        fields: &["name"],
        filters: json!([]),
        or_filters: Value::Null,
        order_by: "name asc",
        limit: 1,
    };
    assert_eq!(client.list(&list, Work::Bulk).await.unwrap_err().label(), "paced");
    client.logged_user().await.unwrap();
    assert_eq!(erpnext.seen().len(), 2);
}

#[tokio::test]
async fn after_a_429_nothing_is_sent_until_its_time() {
    let body = r#"{"exc_type":"TooManyRequestsError","exception":"frappe.exceptions.TooManyRequestsError"}"#;
    let erpnext = StandIn::always(Reaction::json(429, body).with("Retry-After", &120)).await;
    let client = erpnext.client();
    let error = client.logged_user().await.unwrap_err();
    assert_eq!((error.label(), error.disposition()), ("rate_limited", Disposition::Snooze(Duration::from_secs(120))));
    assert_eq!(client.logged_user().await.unwrap_err().label(), "paced");
    assert_eq!(erpnext.seen().len(), 1);
}

#[tokio::test]
async fn a_batch_gets_through_the_beginning_of_a_window() {
    // Each window is over as soon as it is known, so each batch begins with a request that goes alone.
    let rows = Reaction::json(200, r#"{"message":[]}"#)
        .with("X-RateLimit-Limit", &1_000_000_000)
        .with("X-RateLimit-Remaining", &1_000_000_000)
        .with("X-RateLimit-Reset", &0)
        .with("X-RateLimit-Used", &1000);
    let erpnext = StandIn::always(rows).await;
    let client = erpnext.client();
    for _ in 0..3 {
        client.read_customers(&["A".to_owned()], &Canaries::default(), None, Work::Interactive).await.unwrap();
    }
    assert_eq!(erpnext.seen().len(), 12);
}
