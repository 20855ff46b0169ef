//! `GET /api/events`: changes of customers and the progress of runs as server-sent events
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).
//!
//! Invariant: the `id` of an event is the `seq` of its change, and the stream begins with the `id` that it goes on behind, so
//! a reader that comes back with `Last-Event-ID` goes on where it was, even where nothing was told yet. Runs have no id:
//! what counts is how they stand now. A reader that cannot go on is told by an event `reset` and the stream ends: it reads
//! the customers anew. The stream ends, too, for whoever may no longer read it.

use actix_web::http::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use actix_web::web::{Bytes, Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;
use utoipa::{IntoParams, ToSchema};

use super::super::State;
use super::super::auth::permit::{AGAIN, Permit};
use super::super::error::{Code, Problem};
use super::changes::place;
use crate::sync::feed::{Entry, Feed, FeedError};
use crate::sync::progress::Watcher;

/// Said where nothing happens: a proxy closes what is silent for long, and who may no longer listen is found out at once.
const HEARTBEAT: &str = ":\n\n";
/// Milliseconds after which browsers come back.
const RETRY: u32 = 2_000;
/// Changes read at once.
const PORTION: u32 = 200;

/// Tells nginx not to gather the stream.
const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct From {
    /// Go on behind that `seq`; `Last-Event-ID` wins. From now on if both are left out.
    #[param(pattern = "^(last|[0-9]+)$")]
    after: Option<String>,
}

/// The change feed and the progress of runs as server-sent events
///
/// Goes on until the reader leaves. It begins with an `id` without an event, the `seq` that it goes on behind: whoever comes
/// back with it as `Last-Event-ID` misses nothing, also where the connection broke before the first change. An event `change`
/// has the `seq` of its change as its `id`, an event `run` is a run as it stands now, and `reset` says that the reader cannot
/// go on and reads the customers anew.
#[utoipa::path(
    get,
    path = "/api/events",
    operation_id = "follow_events",
    params(
        From,
        ("Last-Event-ID" = Option<i64>, Header, minimum = 0, description = "As browsers send it; wins over `after`"),
    ),
    responses(
        (status = 200, description = "Events without end", content_type = "text/event-stream", body = Event<'static>),
        (status = 409, description = "`feed_ahead`: nothing that is so new has happened: this is another database"),
        (status = 410, description = "`feed_pruned`: what comes next was pruned: read the customers anew"),
    ),
)]
pub(super) async fn stream(
    request: HttpRequest,
    state: Data<State>,
    from: Query<From>,
) -> Result<HttpResponse, Problem> {
    let seen = match request.headers().get("last-event-id").map(HeaderValue::to_str) {
        Some(Ok(seen)) if seen.bytes().all(|byte| byte.is_ascii_digit()) && !seen.is_empty() => Some(seen),
        Some(_) => return Err(Problem::new(&request, Code::BadRequest, "Last-Event-ID must be the seq of a change")),
        None => from.after.as_deref(),
    };
    let permit = Permit::of(&request, &state)?;
    let after = place(&request, &state, seen.or(Some("last"))).await?;
    let feed = state.feed.clone();
    // What is wrong with the place is answered, not streamed.
    feed.behind(after, 1).await.map_err(|error| Problem::feed(&request, &error))?;
    let runs = state.progress.watch();
    let following = Following { state: state.clone(), permit, feed, runs, after, stop: state.stopping.clone() };
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header(UNBUFFERED)
        .streaming(stream::unfold(Step::Greet(following), step)))
}

/// One reader.
struct Following {
    state: Data<State>,
    permit: Permit,
    feed: Feed,
    runs: Watcher,
    after: i64,
    stop: CancellationToken,
}

enum Step {
    Greet(Following),
    Follow(Following),
    End,
}

async fn step(step: Step) -> Option<(Result<Bytes, actix_web::Error>, Step)> {
    let (text, next) = match step {
        Step::Greet(following) => (greeting(following.after), Step::Follow(following)),
        Step::Follow(following) => following.next().await?,
        Step::End => return None,
    };
    Some((Ok(Bytes::from(text)), next))
}

impl Following {
    /// What happens next; `None` once the service stops, or the reader may not know.
    async fn next(mut self) -> Option<(String, Step)> {
        let told = tokio::select! {
            () = self.stop.cancelled() => return None,
            runs = self.runs.changed() => Ok(runs.iter().map(|run| progress(run.get())).collect()),
            entries = self.feed.follow(self.after, PORTION, AGAIN, &self.stop) => entries.map(|entries| {
                self.after = entries.last().map_or(self.after, |entry| entry.seq);
                if entries.is_empty() { HEARTBEAT.to_owned() } else { entries.iter().map(change).collect() }
            }),
        };
        self.permit.renew(&self.state).await.ok()?;
        match told {
            Ok(text) => Some((text, Step::Follow(self))),
            // It comes back by itself and goes on; the database may be back by then.
            Err(FeedError::Store(_) | FeedError::Json(_)) => None,
            Err(error @ (FeedError::Pruned { .. } | FeedError::Ahead { .. })) => {
                let reason = serde_json::Value::String(error.to_string());
                Some((Event { event: "reset", id: None, data: &reason.to_string() }.line(), Step::End))
            }
        }
    }
}

/// An event of the stream.
#[derive(ToSchema)]
#[schema(as = ServerSentEvent)]
pub(super) struct Event<'e> {
    /// `change`, `run` or `reset`.
    event: &'static str,
    /// The `seq` of a change.
    #[schema(value_type = Option<String>, nullable = false)]
    id: Option<i64>,
    /// JSON: a change as in the feed, a run as in the list of runs, or a sentence.
    data: &'e str,
}

impl Event<'_> {
    /// As it goes over the wire. JSON on one line has no line break, so `data` is one line.
    fn line(&self) -> String {
        let Self { event, data, .. } = self;
        let id = self.id.map(|id| format!("id: {id}\n")).unwrap_or_default();
        format!("{id}event: {event}\ndata: {data}\n\n")
    }
}

/// Tells where the stream begins. Without data it is no event, but its id counts as the last one seen
/// (<https://html.spec.whatwg.org/multipage/server-sent-events.html#dispatchMessage>).
fn greeting(after: i64) -> String {
    format!("retry: {RETRY}\nid: {after}\n\n")
}

fn progress(run: &str) -> String {
    Event { event: "run", id: None, data: run }.line()
}

fn change(entry: &Entry) -> String {
    Event { event: "change", id: Some(entry.seq), data: entry.json.get() }.line()
}
