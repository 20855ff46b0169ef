//! `/activity/webhooks/{id}`: one webhook with what it said.
//!
//! Invariant: its body is shown to operators only, as by the API: it holds whatever ERPNext sends, also fields that nobody
//! mapped.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::Value;

use super::super::super::State;
use super::super::super::error::{Code, Problem};
use super::super::frame::{Frame, Reader, Section};
use super::super::page::render;
use super::super::text::sentence;
use super::super::time::moment;
use super::words::{fate, job_state, verdict};
use crate::domain::customer::CustomerId;
use crate::domain::hint::{Doctype, Verdict};
use crate::domain::job::DocKey;
use crate::domain::role::Role;
use crate::store::{DeliveryDetail, JobRow};
use crate::sync::lookup;
use crate::sync::receive::{KEPT_BODY, read_hint};

#[derive(Template)]
#[template(path = "activity/delivery.html", config = "src/web/ui/askama.toml")]
struct Page {
    frame: Frame,
    delivery: DeliveryDetail,
    /// What it said, readable; `None` for whom it is not meant.
    body: Option<String>,
    /// What to change in ERPNext, where it was unusable.
    advice: Option<String>,
    /// The document in ERPNext's desk.
    desk: Option<String>,
    /// What is left to do for the document.
    job: Option<JobRow>,
    /// The row that the document is, where it is one.
    customer: Option<CustomerId>,
}

pub(in crate::web::ui) async fn show(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let failed = |error| Problem::store(&request, &error);
    let store = &state.context.store;
    let found = store.delivery(&id).await.map_err(failed)?;
    let delivery = found.ok_or_else(|| {
        let detail = "there is no such webhook, or not any longer: they are kept for a while only \
                      (retention.deliveries_days)";
        Problem::new(&request, Code::NotFound, detail)
    })?;
    let key = key(&delivery);
    let job = match &key {
        Some(key) => store.job(key).await.map_err(failed)?,
        None => None,
    };
    let customer = match key.as_ref().filter(|key| key.doctype == Doctype::Customer) {
        Some(key) => lookup::by_erpnext_id(store, &key.name).await.map_err(failed)?.map(|found| found.customer.row.id),
        None => None,
    };
    let desk = key.map(|key| state.context.client.desk_address(key.doctype, &key.name).into());
    let frame = Frame::of(&request, &state, Some(Section::Activity), "Webhook").await?;
    let may_read = Reader::of(&request)?.role >= Role::Operator;
    let body = may_read.then(|| readable(&delivery.body));
    let advice = advice(&delivery).filter(|_| may_read).map(|advice| sentence(&advice));
    Ok(render(&Page { frame, delivery, body, advice, desk, job, customer }))
}

/// The document that it is about, where that is one of ours.
fn key(delivery: &DeliveryDetail) -> Option<DocKey> {
    let doctype = Doctype::parse(delivery.row.doctype.as_deref()?)?;
    Some(DocKey { doctype, name: delivery.row.name.clone()? })
}

/// What was answered to an unusable one, read from its body again; where that was too long to be kept whole, nobody knows.
fn advice(delivery: &DeliveryDetail) -> Option<String> {
    let is_whole = !delivery.body.is_empty() && delivery.body.len() < KEPT_BODY;
    let hint = (is_whole && delivery.row.verdict == Verdict::Unusable.as_str())
        .then(|| read_hint(delivery.row.id.clone(), delivery.body.as_bytes()))?;
    hint.advice
}

/// JSON on several lines; anything else as it is.
fn readable(body: &str) -> String {
    let json = serde_json::from_str::<Value>(body);
    json.ok().and_then(|json| serde_json::to_string_pretty(&json).ok()).unwrap_or_else(|| body.to_owned())
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn a_body_is_readable_whatever_it_is() {
        assert_eq!(readable(r#"{"name":"A"}"#), "{\n  \"name\": \"A\"\n}");
        assert_eq!(readable("{\"name\": cut"), "{\"name\": cut");
    }
}
