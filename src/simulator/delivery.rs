//! ERPNext's background workers: each takes one webhook, tries it three times, and logs every attempt.
//!
//! Invariant: a worker stays with a webhook until it is delivered or lost, so a failing receiver holds up what queues
//! behind it; with two workers quick events may arrive inverted. After the third failure the webhook is gone for good.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc};

use super::documents::{Doc, text};
use super::faults::Fate;
use super::http_client::send;
use super::json::{Style, to_text};
use super::payload::{Payload, build};
use super::shared::Shared;
use super::template::Context;

/// One webhook that waits for a worker.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) webhook: Arc<Doc>,
    pub(super) doctype: &'static str,
    /// The document's state at the commit, nulls included.
    pub(super) doc: Doc,
    pub(super) user: String,
}

impl Job {
    /// Whether the other one is of the same webhook and document.
    pub(super) fn is_for_same(&self, other: &Self) -> bool {
        self.doctype == other.doctype
            && self.doc.get("name") == other.doc.get("name")
            && self.webhook.get("name") == other.webhook.get("name")
    }
}

/// Rows of the Webhook Request Log that are kept; ERPNext purges by age instead.
const LOG_ROWS: usize = 20_000;
/// Waits before the second and the third attempt.
const RETRY_WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];

/// Takes jobs until the queue is closed.
pub(super) async fn work(shared: Arc<Shared>, queue: Arc<Mutex<mpsc::UnboundedReceiver<Job>>>) {
    loop {
        let next = queue.lock().await.recv().await;
        let Some(job) = next else { return };
        tokio::time::sleep(shared.options.delivery_delay).await;
        match shared.faults.fate() {
            Fate::Lost => {}
            Fate::Delayed(wait) => {
                tokio::time::sleep(wait).await;
                deliver(&shared, &job).await;
            }
            Fate::Twice => {
                deliver(&shared, &job).await;
                deliver(&shared, &job).await;
            }
            Fate::Normal => deliver(&shared, &job).await,
            Fate::Behind => {
                // The next one overtakes this one.
                let overtaking = queue.lock().await.recv().await;
                if let Some(next) = overtaking {
                    deliver(&shared, &next).await;
                    shared.delivered();
                }
                deliver(&shared, &job).await;
            }
        }
        shared.delivered();
    }
}

async fn deliver(shared: &Shared, job: &Job) {
    let payload = match render(shared, job) {
        Ok(payload) => payload,
        Err(error) => return log(shared, job, None, None, &error),
    };
    let scale = shared.options.retry_scale;
    let timeout = job.webhook.get("timeout").and_then(Value::as_f64).filter(|seconds| *seconds > 0.0).unwrap_or(5.0);
    // Waits may be made short for a test, but a busy machine still has to answer in time.
    let timeout = Duration::from_secs_f64(timeout).mul_f64(scale).max(Duration::from_secs(1));
    let mut waits = RETRY_WAITS.into_iter();
    loop {
        let attempt = send(&payload, timeout).await;
        let timed_out = attempt.as_ref().is_err_and(|error| error.contains("ReadTimeout"));
        match attempt {
            Ok(answer) if answer.status < 400 => return log(shared, job, Some(&payload), Some(&answer.body), ""),
            Ok(answer) => {
                let kind = if answer.status < 500 { "Client" } else { "Server" };
                let error =
                    format!("requests.exceptions.HTTPError: {} {kind} Error for url: {}", answer.status, payload.url);
                log(shared, job, Some(&payload), Some(&answer.body), &error);
            }
            Err(error) => log(shared, job, Some(&payload), None, &error),
        }
        match waits.next() {
            None => return,
            // A time-out has already cost its five seconds.
            Some(_) if timed_out => {}
            Some(wait) => tokio::time::sleep(wait.mul_f64(scale)).await,
        }
    }
}

fn render(shared: &Shared, job: &Job) -> Result<Payload, String> {
    let site = shared.read();
    let get_value = |doctype: &str, name: &str, fields: &[String]| match site.load(doctype, name) {
        Some(doc) => {
            let field = |name: &String| (name.clone(), doc.get(name).cloned().unwrap_or_default());
            Value::Object(fields.iter().map(field).collect())
        }
        None => Value::Null,
    };
    let now = super::clock::text(site.clock.clone().now());
    build(job, &Context { doc: &job.doc, site_url: &site.url, time_zone: &site.zone, now: &now, get_value: &get_value })
}

/// One row of the Webhook Request Log: no status, only whether an error was raised.
fn log(shared: &Shared, job: &Job, payload: Option<&Payload>, response: Option<&str>, error: &str) {
    let mut site = shared.write();
    let now = super::clock::text(site.clock.now());
    let error = match error {
        "" => String::new(),
        error => format!("Traceback (most recent call last):\n{error}\n"),
    };
    let headers: Option<Doc> = payload
        .map(|payload| payload.headers.iter().map(|(name, value)| (name.clone(), log_header(name, value))).collect());
    let indented = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
    let row = json!({
        "name": site.random_name(), "owner": job.user, "creation": now, "modified": now, "modified_by": job.user,
        "webhook": text(&job.webhook, "name"), "reference_doctype": job.doctype,
        "reference_document": text(&job.doc, "name"), "user": job.user,
        "url": payload.map(|payload| payload.url.as_str()),
        "headers": headers.map(|headers| indented(&Value::Object(headers))),
        "data": payload.map(|payload| {
            serde_json::from_str::<Value>(&payload.body).map_or_else(|_| to_text(&Value::Null, Style::Spaced), |data| indented(&data))
        }),
        "response": response, "error": error,
    });
    site.store("Webhook Request Log", row.as_object().unwrap_or(&Doc::new()));
    let oldest = site
        .table("Webhook Request Log")
        .filter(|table| table.len() > LOG_ROWS)
        .and_then(|table| table.rows_from_modified(i64::MIN).next().map(|(key, _)| key.clone()));
    if let Some(oldest) = oldest {
        site.discard("Webhook Request Log", &oldest);
    }
}

/// The signature is bytes to Python, and is logged as a list of numbers.
fn log_header(name: &str, value: &str) -> Value {
    if name == "X-Frappe-Webhook-Signature" { Value::from(value.as_bytes().to_vec()) } else { Value::from(value) }
}
