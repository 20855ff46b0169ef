//! `GET /live?customer=ID&seen=SEQ&webhooks=true`: what an open page wants to hear, as server-sent events: how sync stands
//! (`standing`, a piece of the page), that this or its reasons changed (`moved`), that a run moved on (`run`), that customers changed
//! (`change`), and that the one which is shown did (`customer`), and, where that is wanted, that webhooks arrived
//! (`webhook`). On all but the first a page reads the part anew that may be stale.
//!
//! A database that is away ends no stream, so that its pages say so, and read themselves anew once it is back.
//!
//! Invariant: at most a few events a second, however much happens, and behind the last change there is always one more:
//! whoever reads anew on each shows what is. Nothing of a customer is in them. Programs follow `/api/changes` instead.

use std::time::{Duration, Instant};

use actix_web::http::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use actix_web::web::{Bytes, Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use serde::Deserialize;

use super::super::State;
use super::super::auth::permit::Permit;
use super::super::error::{Code, Problem};
use super::pill::Pill;
use crate::domain::customer::CustomerId;
use crate::store::{DeliveryFilter, DeliveryRange};
use crate::sync::feed::{Entry, FeedError};
use crate::sync::progress::Watcher;
use crate::sync::report::Reason;

/// How often the standing is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// The shortest pause between two events.
const PAUSE: Duration = Duration::from_millis(300);
/// The shortest pause between two events of changes: on each a page reads its whole list anew.
const BETWEEN_CHANGES: Duration = Duration::from_secs(1);
/// A connection that is silent for longer is closed by proxies; one that broke is noticed only by sending.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Changes looked at in one go; who is further behind is told that there were many.
const PORTION: u32 = 500;

const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// The customer whose page is open.
    customer: Option<CustomerId>,
    /// The last change that the page knows: what came between it and this connection is told at once.
    seen: Option<i64>,
    /// Whether webhooks are shown.
    #[serde(default)]
    webhooks: bool,
}

pub(super) async fn stream(
    request: HttpRequest,
    state: Data<State>,
    wanted: Query<Wanted>,
) -> Result<HttpResponse, Problem> {
    let permit = Permit::of(&request, &state)?;
    let after = state.feed.last().await.map_err(|error| Problem::store(&request, &error))?;
    let runs = state.progress.watch();
    let webhook = if wanted.webhooks { Some(newest_webhook(&state).await) } else { None };
    let missed = wanted.seen.is_some_and(|seen| seen != after);
    let news = News { of_any: missed, of_shown: missed && wanted.customer.is_some(), told: None };
    let customer = wanted.customer;
    let open = Open { state, permit, after, runs, customer, news, webhook, told: None, sent: Instant::now() };
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header(UNBUFFERED)
        .streaming(stream::unfold(open, Open::next)))
}

/// A page that is open somewhere.
struct Open {
    state: Data<State>,
    permit: Permit,
    /// The last change that was told.
    after: i64,
    runs: Watcher,
    customer: Option<CustomerId>,
    /// Changes that are still to be told.
    news: News,
    /// The newest webhook that was told of, where they are shown.
    webhook: Option<Option<String>>,
    /// The standing that was told, in short and at length.
    told: Option<(Pill, Vec<Reason>)>,
    /// When something was sent last.
    sent: Instant,
}

/// Changes that a page was not told yet.
struct News {
    of_any: bool,
    /// Of the customer that is shown.
    of_shown: bool,
    /// When such news were told last.
    told: Option<Instant>,
}

impl News {
    /// How long those of any customer have to wait yet; `None` where there are none.
    fn due(&self) -> Option<Duration> {
        let left = |told: Instant| BETWEEN_CHANGES.saturating_sub(told.elapsed());
        self.of_any.then(|| self.told.map_or(Duration::ZERO, left))
    }

    /// The events, once it is time for them. The customer that is shown does not wait.
    fn tell(&mut self) -> String {
        let mut text = String::new();
        if std::mem::take(&mut self.of_shown) {
            text.push_str(&event("customer", ""));
        }
        if self.due() == Some(Duration::ZERO) {
            self.of_any = false;
            self.told = Some(Instant::now());
            text.push_str(&event("change", ""));
        }
        text
    }
}

impl Open {
    async fn next(mut self) -> Option<(Result<Bytes, actix_web::Error>, Self)> {
        let text = if self.told.is_none() { self.standing().await } else { self.news().await? };
        self.sent = Instant::now();
        Some((Ok(Bytes::from(text)), self))
    }

    /// Waits for something to tell; `None` once the service stops, the reader may not know any more, or where the page had
    /// better begin again.
    async fn news(&mut self) -> Option<String> {
        let stop = self.state.stopping.clone();
        stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await?;
        let feed = self.state.feed.clone();
        loop {
            let look = self.news.due().unwrap_or(LOOK_EVERY);
            let mut text = tokio::select! {
                () = stop.cancelled() => return None,
                _runs = self.runs.changed() => event("run", ""),
                entries = feed.follow(self.after, PORTION, look, &stop) => {
                    match entries {
                        Ok(entries) => self.changed(&entries),
                        // The database is away: what is committed meanwhile is told once it is back.
                        Err(FeedError::Store(_)) => stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await?,
                        Err(_) => return None,
                    }
                    self.news.tell()
                }
            };
            text.push_str(&self.standing().await);
            text.push_str(&self.arrived().await);
            match self.permit.renew(&self.state).await {
                Err(problem) if problem.code() != Code::Unavailable => return None,
                // Where nobody can say whether the reader may know, there is nothing to know but that.
                _ => {}
            }
            if text.is_empty() && self.sent.elapsed() >= KEEP_ALIVE {
                text.push_str(":\n\n");
            }
            if !text.is_empty() {
                return Some(text);
            }
            // What has to wait is not looked at change by change.
            let pause = self.news.due().unwrap_or_default().min(PAUSE);
            stop.run_until_cancelled(tokio::time::sleep(pause)).await?;
        }
    }

    /// How sync stands, where that is not what was told last.
    async fn standing(&mut self) -> String {
        let standing = self.state.standings.now(&self.state.context).await;
        let now = (Pill::of(&standing), standing.reasons.clone());
        if self.told.as_ref() == Some(&now) {
            return String::new();
        }
        let text = event("standing", &now.0.to_string());
        // What a page shows when it begins to listen is new enough.
        if self.told.replace(now).is_some() { text + &event("moved", "") } else { text }
    }

    /// Whether webhooks arrived since that was told.
    async fn arrived(&mut self) -> String {
        let Some(told) = &mut self.webhook else { return String::new() };
        let newest = newest_webhook(&self.state).await;
        if newest.is_none() || newest == *told {
            return String::new();
        }
        *told = newest;
        event("webhook", "")
    }

    fn changed(&mut self, entries: &[Entry]) {
        let Some(last) = entries.last() else { return };
        self.after = last.seq;
        self.news.of_any = true;
        let shown = self.customer;
        self.news.of_shown |= shown.is_some() && entries.iter().any(|entry| customer_of(entry) == shown);
    }
}

/// The id of the newest webhook, where there is one and the database can tell. Reads one row.
async fn newest_webhook(state: &State) -> Option<String> {
    let page = state.context.store.deliveries(&DeliveryFilter::default(), &DeliveryRange::default(), 1).await;
    page.ok()?.rows.pop().map(|newest| newest.id)
}

fn customer_of(entry: &Entry) -> Option<CustomerId> {
    #[derive(Deserialize)]
    struct Whose {
        customer_id: CustomerId,
    }
    serde_json::from_str::<Whose>(entry.json.get()).ok().map(|whose| whose.customer_id)
}

/// An event; each line of its data is a line of its own.
fn event(kind: &str, data: &str) -> String {
    let data: String = data.split('\n').map(|line| format!("data: {line}\n")).collect();
    format!("event: {kind}\n{data}\n")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::value::RawValue;

    use super::*;

    #[test]
    fn an_event_keeps_its_lines() {
        assert_eq!(event("run", ""), "event: run\ndata: \n\n");
        assert_eq!(event("standing", "<a>\n</a>"), "event: standing\ndata: <a>\ndata: </a>\n\n");
    }

    #[test]
    fn the_list_is_told_now_and_then_and_never_forgotten_and_the_shown_customer_at_once() {
        let mut news = News { of_any: true, of_shown: true, told: None };
        assert_eq!(news.tell(), "event: customer\ndata: \n\nevent: change\ndata: \n\n");
        news = News { of_any: true, of_shown: true, ..news };
        assert_eq!(news.tell(), "event: customer\ndata: \n\n");
        assert!(news.due().is_some_and(|due| !due.is_zero() && due <= BETWEEN_CHANGES));
        news.told = Instant::now().checked_sub(BETWEEN_CHANGES);
        assert_eq!(news.tell(), "event: change\ndata: \n\n");
        assert_eq!((news.tell(), news.due()), (String::new(), None));
    }

    #[test]
    fn whose_change_it_is_stands_in_it() {
        let entry = |json: &str| Entry { seq: 1, json: Arc::from(RawValue::from_string(json.to_owned()).unwrap()) };
        assert_eq!(customer_of(&entry(r#"{"seq":1,"customer_id":17,"changes":[]}"#)), Some(17));
        assert_eq!(customer_of(&entry("[]")), None);
    }
}
