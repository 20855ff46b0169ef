//! `POST /webhooks/erpnext` (and PUT, which a Webhook document may choose): verifies, reads the hint, answers after the commit.
//!
//! Invariant: nothing unsigned is stored, queued or parsed; 202 is said only when the hint is durable; every other answer
//! leaves nothing half done, so the sender may repeat it.

use std::time::Instant;

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::{Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::State;
use super::body::{self, Unread};
use super::error::{Code, Problem, not_allowed, only};
use super::request_id::RequestId;
use crate::domain::hint::Verdict;
use crate::erpnext::signature::Verifier;
use crate::inbox::{Inbox, Refusal};
use crate::sync::installation;
use crate::sync::receive::{Hint, read_hint};
use crate::telemetry::metrics::{self, Received};

/// Frappe's name of the signature header (frappe/integrations/doctype/webhook/webhook.py).
const SIGNATURE: &str = "X-Frappe-Webhook-Signature";

/// The methods of webhooks.
const METHODS: &str = "POST, PUT";

/// The header in which a receiver tells which database it writes to, as `erpnext::INSTALLATION` reads it.
const INSTALLATION: &str = "x-customer-sync";

/// Who may send webhooks.
#[derive(Debug)]
pub enum Gate {
    /// No secret is configured: nobody.
    Closed,
    /// Insecure mode was asked for: everybody.
    Open,
    /// Whoever knows one of the secrets.
    Signed(Verifier),
}

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(
        web::resource("/webhooks/erpnext")
            .route(web::post().to(receive))
            .route(web::put().to(receive_by_put))
            .route(web::get().to(introduce))
            .default_service(only(METHODS)),
    );
}

/// Not a webhook: refused like every other method, with the word by which `setup` and `doctor` know whose receiver it is.
async fn introduce(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let mut refusal = not_allowed(&request, METHODS).error_response();
    let installation = installation::of(&state.context.store).await.unwrap_or_default();
    if let Ok(installation) = HeaderValue::from_str(&installation) {
        refusal.headers_mut().insert(HeaderName::from_static(INSTALLATION), installation);
    }
    refusal
}

/// That a document of ERPNext may have changed
///
/// Tells no more than that; the document is read from ERPNext afterwards. PUT does the same.
#[utoipa::path(
    post,
    path = "/webhooks/erpnext",
    operation_id = "receive_webhook",
    tag = "webhooks",
    params(("X-Frappe-Webhook-Signature" = String, Header, description = "HMAC-SHA256 of the body by the webhook secret, in base64")),
    request_body(content = Object, description = "With `name`; with `doctype` for an Address or Contact", content_type = "application/json", example = json!({"doctype": "Customer", "name": "NAME"})),
    responses(
        (status = 202, description = "It is durable", body = Accepted<'static>),
        (status = 400, description = "`bad_request`: the body ends early"),
        (status = 401, description = "`bad_signature`: no signature, or a wrong one"),
        (status = 408, description = "`body_too_slow`: the body does not arrive in time"),
        (status = 413, description = "`body_too_large`: the body is too large"),
        (status = 422, description = "`unusable_webhook`: the body does not tell which document changed"),
        (status = 503, description = "`receiver_closed`, `busy`, `unavailable`: it is not durable; send it again"),
    ),
)]
pub(super) async fn receive(
    request: HttpRequest,
    mut payload: Payload,
    state: Data<State>,
    inbox: Data<Inbox>,
) -> Result<HttpResponse, Problem> {
    let started = Instant::now();
    let answer = accept(&request, &mut payload, &state, &inbox).await;
    metrics::delivery(answer.received, started.elapsed());
    answer.result
}

/// The body of a 202.
#[derive(Serialize, ToSchema)]
#[schema(as = AcceptedWebhook)]
pub(super) struct Accepted<'a> {
    /// What became of it.
    verdict: Verdict,
    /// Its id, as in the history of changes.
    delivery: &'a str,
}

/// The same as POST, for a Webhook document that chooses PUT
#[utoipa::path(
    put,
    path = "/webhooks/erpnext",
    operation_id = "receive_webhook_by_put",
    tag = "webhooks",
    params(("X-Frappe-Webhook-Signature" = String, Header, description = "HMAC-SHA256 of the body by the webhook secret, in base64")),
    request_body(content = Object, description = "As for POST", content_type = "application/json", example = json!({"doctype": "Customer", "name": "NAME"})),
    responses(
        (status = 202, description = "It is durable", body = Accepted<'static>),
        (status = 400, description = "`bad_request`: the body ends early"),
        (status = 401, description = "`bad_signature`: no signature, or a wrong one"),
        (status = 408, description = "`body_too_slow`: the body does not arrive in time"),
        (status = 413, description = "`body_too_large`: the body is too large"),
        (status = 422, description = "`unusable_webhook`: the body does not tell which document changed"),
        (status = 503, description = "`receiver_closed`, `busy`, `unavailable`: it is not durable; send it again"),
    ),
)]
pub(super) async fn receive_by_put(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
    inbox: Data<Inbox>,
) -> Result<HttpResponse, Problem> {
    receive(request, payload, state, inbox).await
}

/// What the sender is told, and what is counted.
struct Answer {
    received: Received,
    result: Result<HttpResponse, Problem>,
}

impl Answer {
    fn refused(received: Received, problem: Problem) -> Self {
        Self { received, result: Err(problem) }
    }
}

async fn accept(request: &HttpRequest, payload: &mut Payload, state: &State, inbox: &Inbox) -> Answer {
    let signature = match check_sender(request, state) {
        Ok(signature) => signature,
        Err(turned_away) => return turned_away.answer(request, state),
    };
    let limits = state.limits;
    let body = match body::read(request, payload, limits.body, limits.body_within, &state.in_flight).await {
        Ok(body) => body,
        Err(unread) => return not_read(request, &unread),
    };
    if let (Gate::Signed(verifier), Some(signature)) = (&state.gate, signature)
        && !verifier.verify(signature, &body)
    {
        return TurnedAway::WrongSignature.answer(request, state);
    }
    let Hint { delivery, advice } = read_hint(RequestId::of(request), &body);
    drop(body);
    let verdict = delivery.verdict;
    let id = delivery.id.clone();
    tracing::debug!(
        delivery = id,
        verdict = verdict.as_str(),
        doctype = delivery.doctype,
        name = delivery.name,
        "webhook read"
    );
    if let Err(refusal) = inbox.accept(delivery).await {
        let received = match refusal {
            Refusal::Full => Received::Overloaded,
            Refusal::TimedOut | Refusal::Stopping | Refusal::Store(_) => Received::Unavailable,
        };
        return Answer::refused(received, Problem::refused(request, &refusal));
    }
    let received = match verdict {
        Verdict::Queued => Received::Queued,
        Verdict::Ignored => Received::Ignored,
        Verdict::Unusable => Received::Unusable,
    };
    let result = match advice {
        Some(advice) => Err(Problem::new(request, Code::UnusableWebhook, advice)),
        None => Ok(HttpResponse::Accepted().json(Accepted { verdict, delivery: &id })),
    };
    Answer { received, result }
}

/// A sender that is not let in.
#[derive(Debug, Clone, Copy)]
enum TurnedAway {
    Closed,
    NoSignature,
    WrongSignature,
}

impl TurnedAway {
    const fn detail(self) -> &'static str {
        match self {
            Self::Closed => {
                "no webhook secret is configured, so nothing is accepted: set ERPNEXT_WEBHOOK_SECRET to the secret of \
                 the Webhook documents in ERPNext and start again"
            }
            Self::NoSignature => {
                "the request has no X-Frappe-Webhook-Signature: tick Enable Security in the Webhook document and enter \
                 the secret that this service has in ERPNEXT_WEBHOOK_SECRET"
            }
            Self::WrongSignature => {
                "the signature does not belong to this body and any of our secrets: the Webhook document's Webhook \
                 Secret and ERPNEXT_WEBHOOK_SECRET differ, or something on the way changed the body"
            }
        }
    }

    fn answer(self, request: &HttpRequest, state: &State) -> Answer {
        let (received, code) = match self {
            Self::Closed => (Received::Closed, Code::ReceiverClosed),
            Self::NoSignature | Self::WrongSignature => (Received::Unsigned, Code::BadSignature),
        };
        state.refused_webhooks.note(self.detail());
        if let Some(suppressed) = state.turned_away.pass() {
            let peer = request.peer_addr().map(|peer| peer.to_string());
            let reason = self.detail();
            tracing::warn!(request = %RequestId::of(request), peer, suppressed, reason, "webhook turned away");
        }
        Answer::refused(received, Problem::new(request, code, self.detail()))
    }
}

/// The signature to verify, if the gate wants one. Refuses before a byte of the body is read.
fn check_sender<'a>(request: &'a HttpRequest, state: &State) -> Result<Option<&'a [u8]>, TurnedAway> {
    match &state.gate {
        Gate::Closed => Err(TurnedAway::Closed),
        Gate::Open => Ok(None),
        Gate::Signed(_) => {
            let signature = request.headers().get(SIGNATURE).ok_or(TurnedAway::NoSignature)?;
            Ok(Some(signature.as_bytes()))
        }
    }
}

fn not_read(request: &HttpRequest, unread: &Unread) -> Answer {
    let received = match unread {
        Unread::TooLarge(_) => Received::Oversized,
        Unread::TooSlow(_) | Unread::Broken(_) => Received::Slow,
        Unread::Crowded => Received::Overloaded,
    };
    Answer::refused(received, Problem::unread(request, unread))
}
