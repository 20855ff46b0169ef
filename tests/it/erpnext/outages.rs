//! Silence, broken connections, answers without end, and the circuit breaker over all of it.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use customer_sync::erpnext::{BreakerState, Canaries, Client, ConnectCause, Disposition, Error, Options, Work};

use super::recordings;
use super::stand_in::{Reaction, Seen, StandIn, options};

fn good() -> Reaction {
    recordings::last("71-logged-user.json")
}

/// A port where nothing listens.
fn closed_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn fails(client: &Client) -> Error {
    client.logged_user().await.unwrap_err()
}

#[tokio::test]
async fn nobody_listens() {
    let url = format!("http://127.0.0.1:{}", closed_port());
    let error = fails(&Client::new(options(&url)).unwrap()).await;
    assert!(matches!(error, Error::Connect { cause: ConnectCause::Refused, .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(&url) && text.contains("nothing listens there") && text.contains("ERPNEXT_URL"), "{text}");
    assert!(error.source().is_some());
}

#[tokio::test]
async fn the_name_does_not_exist() {
    let client = Client::new(Options { proxy: Some("none".to_owned()), ..options("http://erp.invalid") }).unwrap();
    match fails(&client).await {
        error @ Error::Connect { cause: ConnectCause::Dns, .. } => {
            assert!(error.to_string().contains("cannot be resolved"), "{error}");
        }
        // A machine whose name server does not answer.
        Error::Connect { cause: ConnectCause::TimedOut, .. } => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn no_answer_in_time() {
    let erpnext = StandIn::always(Reaction::Silence).await;
    let quick =
        Options { connect_timeout: Duration::from_millis(100), read_timeout: Duration::ZERO, ..erpnext.options() };
    let client = Client::new(quick).unwrap();
    let error = fails(&client).await;
    assert_eq!((error.label(), error.disposition()), ("timeout", Disposition::RetryAfter(None)));
    assert!(error.to_string().contains("read_timeout"));
}

#[tokio::test]
async fn no_connection_in_time() {
    // Accepts, but never answers the TLS handshake.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://127.0.0.1:{}", silent.local_addr().unwrap().port());
    let client = Client::new(Options { connect_timeout: Duration::from_millis(50), ..options(&url) }).unwrap();
    let error = fails(&client).await;
    assert!(matches!(error, Error::Connect { cause: ConnectCause::TimedOut, .. }), "{error:?}");
}

#[tokio::test]
async fn a_connection_that_dies_before_the_answer_is_tried_once_more() {
    let attempts = AtomicUsize::new(0);
    let erpnext = StandIn::start(move |_| match attempts.fetch_add(1, Ordering::SeqCst) {
        0 => Reaction::HangUp,
        _ => good(),
    })
    .await;
    assert_eq!(erpnext.client().logged_user().await.unwrap(), "sync@example.com");

    let gone = StandIn::always(Reaction::HangUp).await;
    let error = fails(&gone.client()).await;
    assert!(matches!(error, Error::Connect { cause: ConnectCause::Broken, .. }), "{error:?}");
    assert_eq!(gone.seen().len(), 2);
}

#[tokio::test]
async fn an_answer_that_breaks_off() {
    let erpnext = StandIn::always(Reaction::Half).await;
    let error = fails(&erpnext.client()).await;
    assert!(matches!(error, Error::Connect { cause: ConnectCause::Broken, .. }), "{error:?}");
}

#[tokio::test]
async fn an_answer_that_is_too_long() {
    let long = format!(r#"{{"message":"{}"}}"#, "x".repeat(3000));
    let erpnext = StandIn::always(Reaction::json(200, &long)).await;
    let client = Client::new(Options { max_response_bytes: 2000, ..erpnext.options() }).unwrap();
    let error = fails(&client).await;
    assert_eq!((error.label(), error.disposition()), ("too_large", Disposition::Split));
    assert!(error.to_string().contains("2000 bytes"));
}

#[tokio::test]
async fn a_gzip_bomb_is_counted_unpacked() {
    let zipped = gzip_of_long_message();
    assert!(zipped.len() < 2000);
    let headers = vec![("Content-Encoding".to_owned(), "gzip".to_owned())];
    let erpnext = StandIn::always(Reaction::Answer { status: 200, headers, body: zipped }).await;
    let small = Client::new(Options { max_response_bytes: 50_000, ..erpnext.options() }).unwrap();
    assert_eq!(fails(&small).await.label(), "too_large");
    assert_eq!(erpnext.client().logged_user().await.unwrap().len(), 100_000);
}

#[tokio::test]
async fn errors_hold_neither_the_key_nor_names() {
    let url = format!("http://127.0.0.1:{}", closed_port());
    let client = Client::new(options(&url)).unwrap();
    let error = client.get("Customer", "Jane Doe", Work::Interactive).await.unwrap_err();
    let mut shown = format!("{error} {error:?} {client:?}");
    let mut source = error.source();
    while let Some(cause) = source {
        shown.push_str(&cause.to_string());
        source = cause.source();
    }
    assert!(!shown.contains("the-secret") && !shown.contains("Jane"), "{shown}");
}

#[tokio::test]
async fn an_open_breaker_sends_nothing() {
    let erpnext = StandIn::always(Reaction::html(502)).await;
    let pause = Duration::from_secs(60);
    let client = Client::new(Options { breaker_failures: 2, breaker_pause: pause, ..erpnext.options() }).unwrap();
    assert_eq!(client.breaker(), BreakerState::Closed);
    for _ in 0..2 {
        assert_eq!(fails(&client).await.label(), "server_error");
    }
    assert!(matches!(client.breaker(), BreakerState::Open { .. }));
    let error = fails(&client).await;
    assert!(matches!(error.disposition(), Disposition::Snooze(wait) if wait <= pause), "{error:?}");
    assert_eq!((error.label(), erpnext.seen().len()), ("breaker_open", 2));
}

#[tokio::test]
async fn a_probe_that_gets_an_answer_closes_the_breaker() {
    let down = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&down);
    let script = move |_: &Seen| if switch.load(Ordering::SeqCst) { Reaction::html(502) } else { good() };
    let erpnext = StandIn::start(script).await;
    let at_once = Options { breaker_failures: 1, breaker_pause: Duration::ZERO, ..erpnext.options() };
    let client = Client::new(at_once).unwrap();
    fails(&client).await;
    assert_eq!(client.breaker(), BreakerState::HalfOpen);
    down.store(false, Ordering::SeqCst);
    assert_eq!(client.logged_user().await.unwrap(), "sync@example.com");
    assert_eq!(client.breaker(), BreakerState::Closed);
}

#[tokio::test]
async fn a_probe_that_is_given_up_does_not_block_the_next() {
    let requests = AtomicUsize::new(0);
    let erpnext = StandIn::start(move |_| match requests.fetch_add(1, Ordering::SeqCst) {
        0 => Reaction::html(502),
        _ => Reaction::Silence,
    })
    .await;
    let at_once = Options { breaker_failures: 1, breaker_pause: Duration::ZERO, ..erpnext.options() };
    let client = Client::new(at_once).unwrap();
    fails(&client).await;
    for probes in 2..5 {
        assert_eq!(client.breaker(), BreakerState::HalfOpen);
        tokio::select! {
            answer = client.logged_user() => panic!("{answer:?}"),
            () = until(|| erpnext.seen().len() == probes) => {}
        }
    }
}

#[tokio::test]
async fn a_batch_gets_through_a_half_open_breaker() {
    let requests = AtomicUsize::new(0);
    let erpnext = StandIn::start(move |_| match requests.fetch_add(1, Ordering::SeqCst) {
        0 => Reaction::html(502),
        _ => Reaction::json(200, r#"{"message":[]}"#),
    })
    .await;
    let at_once = Options { breaker_failures: 1, breaker_pause: Duration::ZERO, ..erpnext.options() };
    let client = Client::new(at_once).unwrap();
    fails(&client).await;
    // Four calls at once, of which one is the probe and the others wait for it.
    client.read_customers(&["A".to_owned()], &Canaries::default(), None, Work::Bulk).await.unwrap();
    assert_eq!(client.breaker(), BreakerState::Closed);
}

#[tokio::test]
async fn errors_that_erpnext_explains_do_not_open_the_breaker() {
    for file in ["83-maintenance-503.json", "78-bad-filters-500.json", "73-wrong-credentials-401.json"] {
        let erpnext = StandIn::always(recordings::last(file)).await;
        let client = Client::new(Options { breaker_failures: 1, ..erpnext.options() }).unwrap();
        fails(&client).await;
        assert_eq!(client.breaker(), BreakerState::Closed, "{file}");
    }
}

#[tokio::test]
async fn bulk_work_leaves_a_slot_to_those_who_wait() {
    let erpnext = StandIn::start(|request| match request.method.as_str() {
        "POST" => Reaction::Silence,
        _ => good(),
    })
    .await;
    let client = Client::new(Options { concurrency: 2, ..erpnext.options() }).unwrap();
    let names = ["A".to_owned()];
    let nothing = Canaries::default();
    let read = || client.read_customers(&names, &nothing, None, Work::Bulk);
    let bulk = futures_util::future::join_all((0..5).map(|_| read()));
    let person = async {
        until(|| !erpnext.seen().is_empty()).await;
        client.logged_user().await
    };
    tokio::select! {
        answers = bulk => panic!("bulk work is never answered here: {answers:?}"),
        user = person => assert_eq!(user.unwrap(), "sync@example.com"),
    }
    assert_eq!(erpnext.seen().iter().filter(|request| request.method == "POST").count(), 1);
}

#[tokio::test]
async fn waiting_for_a_slot_ends_too() {
    let erpnext = StandIn::always(Reaction::Silence).await;
    let short = Duration::from_millis(40);
    let options = Options { concurrency: 1, read_timeout: short, connect_timeout: short, ..erpnext.options() };
    let client = Client::new(options).unwrap();
    let errors = futures_util::future::join_all((0..5).map(|_| fails(&client))).await;
    let busy = errors.iter().filter(|error| error.label() == "busy").count();
    // The slot is free again at the moment when the waiting ends, so at most one more gets it.
    assert!(busy >= 3, "{errors:?}");
}

/// Waits for a condition.
async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::task::yield_now().await;
    }
}

/// `{"message":"xxx…"}` with 100,000 times x, as gzip.
fn gzip_of_long_message() -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(include_str!("long-message.json.gz.b64").trim()).unwrap()
}
