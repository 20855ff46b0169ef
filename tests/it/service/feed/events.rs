//! `GET /api/events`, read as a browser reads it.

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use super::super::Connected;
use crate::support::databases::Kind;

/// One event: its id, its kind, its data.
#[derive(Debug, PartialEq)]
pub(super) struct Event {
    pub(super) id: Option<i64>,
    kind: String,
    data: Value,
}

/// A stream of events that is being read.
pub(super) struct Events {
    response: Response,
    /// What has come and was not yet looked at; a piece of the answer may end within a character.
    bytes: Vec<u8>,
}

impl Events {
    pub(super) async fn open(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self { response, bytes: Vec::new() }
    }

    /// The next event of that kind.
    pub(super) async fn next(&mut self, kind: &str) -> Event {
        loop {
            let event = parse(&self.block().await);
            if let Some(event) = event.filter(|event| event.kind == kind) {
                return event;
            }
        }
    }

    /// What a browser comes back with that has seen nothing but the first block.
    async fn beginning(&mut self) -> Option<i64> {
        id(&self.block().await)
    }

    /// Lines up to the next empty one.
    async fn block(&mut self) -> String {
        loop {
            if let Some(end) = self.bytes.windows(2).position(|end| end == b"\n\n") {
                return String::from_utf8(self.bytes.drain(..end + 2).collect()).unwrap();
            }
            let more = self.response.chunk().await.unwrap().expect("the stream goes on");
            self.bytes.extend_from_slice(&more);
        }
    }
}

fn parse(block: &str) -> Option<Event> {
    let data = serde_json::from_str(field(block, "data")?).unwrap();
    Some(Event { id: id(block), kind: field(block, "event")?.to_owned(), data })
}

fn id(block: &str) -> Option<i64> {
    field(block, "id").map(|id| id.parse().unwrap())
}

fn field<'b>(block: &'b str, name: &str) -> Option<&'b str> {
    block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[tokio::test]
async fn changes_arrive_as_they_happen_and_go_on_where_the_reader_was() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let (app, erpnext) = (&connected.app, &connected.erpnext);
        let mut events = Events::open(app.request(Method::GET, "/api/events")).await;
        let name = erpnext
            .create_customer(json!({"customer_name": "Seen Live", "customer_details": "in\ntwo lines"}))
            .unwrap();
        let created = events.next("change").await;
        assert_eq!((created.id, &created.data["kind"]), (created.data["seq"].as_i64(), &"created".into()), "{kind:?}");
        drop(events);
        connected.settled().await;
        erpnext.update("Customer", &name, json!({"tax_id": "7"})).unwrap();
        connected.settled().await;
        let again = app.request(Method::GET, "/api/events").header("Last-Event-ID", created.id.unwrap());
        let mut events = Events::open(again).await;
        let updated = events.next("change").await;
        assert_eq!((updated.id, &updated.data["kind"]), (Some(created.id.unwrap() + 1), &"updated".into()), "{kind:?}");
        let all = Events::open(app.request(Method::GET, "/api/events?after=0")).await.next("change").await;
        assert_eq!(all, created, "{kind:?}");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_before_its_first_change_loses_none() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let (app, erpnext) = (&connected.app, &connected.erpnext);
        for (customer, path) in [("First", "/api/events"), ("Second", "/api/events"), ("Third", "/api/events?after=1")]
        {
            let mut broken = Events::open(app.request(Method::GET, path)).await;
            let place = broken.beginning().await.expect("the place where the stream begins");
            drop(broken);
            erpnext.create_customer(json!({"customer_name": customer})).unwrap();
            connected.settled().await;
            let again = app.request(Method::GET, path).header("Last-Event-ID", place);
            let change = Events::open(again).await.next("change").await;
            assert_eq!(change.id, Some(place + 1), "{kind:?}: {customer}");
        }
    }
}

#[tokio::test]
async fn a_run_is_watched_to_its_end() {
    let connected = Connected::start(Kind::Sqlite).await;
    connected.erpnext.seed_customers(30);
    let mut events = Events::open(connected.app.request(Method::GET, "/api/events")).await;
    let started = connected.app.request(Method::POST, "/api/runs").json(&json!({"kind": "full"}));
    let run = started.send().await.unwrap().json::<Value>().await.unwrap()["data"]["id"].clone();
    loop {
        let told = events.next("run").await;
        assert_eq!(told.id, None, "a reader does not go on behind a run");
        if told.data["id"] == run && told.data["state"] != "running" {
            assert_eq!((&told.data["state"], &told.data["created"]), (&"succeeded".into(), &30.into()), "{told:?}");
            return;
        }
    }
}

#[tokio::test]
async fn a_place_that_is_none_is_refused_before_the_stream_begins() {
    let connected = Connected::start(Kind::Sqlite).await;
    for id in ["x", "", "1; DROP", "-1"] {
        let request = connected.app.request(Method::GET, "/api/events").header("Last-Event-ID", id);
        assert_eq!(request.send().await.unwrap().status(), 400, "{id:?}");
    }
    let ahead = connected.app.request(Method::GET, "/api/events").header("Last-Event-ID", "77").send().await.unwrap();
    assert_eq!(ahead.status(), 409);
    let nobody = connected.app.http.get(format!("{}/api/events", connected.app.url)).send().await.unwrap();
    assert_eq!(nobody.status(), 401);
}
