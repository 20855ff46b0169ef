//! What operators and load balancers ask: `/livez` and `/readyz`; `/metrics` is in `scrape`.
//!
//! Invariant: `/readyz` is 503 only where hints cannot be made durable or the process is stopping; anything else that is
//! wrong is said with 200, because a load balancer must not turn webhooks away then.

use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::State;
use super::error::only;
use super::receiver::Gate;
use crate::store::StoreError;
use crate::sync::installation;
use crate::sync::report::{self, Reason};

/// That the process runs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Life {
    /// `alive`.
    status: &'static str,
}

/// How well it does.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Readiness {
    /// `ready`, `degraded` or `not ready`.
    status: &'static str,
    /// What is wrong.
    reasons: Vec<Reason>,
    /// A word that tells installations apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    installation: Option<String>,
}

pub(super) fn routes(config: &mut ServiceConfig) {
    // Load balancers often ask by HEAD; the server leaves the body out by itself.
    let resource = |path| web::resource(path).default_service(only("GET, HEAD"));
    config
        .service(resource("/livez").route(web::get().to(livez)).route(web::head().to(livez)))
        .service(resource("/readyz").route(web::get().to(readyz)).route(web::head().to(readyz)));
}

/// Whether the process runs
#[utoipa::path(
    get,
    path = "/livez",
    operation_id = "check_life",
    tag = "service",
    responses((status = 200, description = "It does", body = Life)),
)]
pub(super) async fn livez() -> HttpResponse {
    HttpResponse::Ok().json(Life { status: "alive" })
}

/// Whether webhooks can be made durable, and what else is wrong
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "check_readiness",
    tag = "service",
    responses(
        (status = 200, description = "They can", body = Readiness),
        (status = 503, description = "They cannot, or it is stopping", body = Readiness),
    ),
)]
pub(super) async fn readyz(state: Data<State>) -> HttpResponse {
    if state.stopping.is_cancelled() {
        return not_ready("stopping", "the service is stopping");
    }
    match ready(&state).await {
        Err(error) => {
            tracing::warn!(%error, "not ready");
            not_ready("database", "webhooks cannot be made durable: the database does not accept writes")
        }
        Ok(mut reasons) => {
            if matches!(state.gate, Gate::Closed) {
                let message = "no webhook secret is configured, so webhooks are refused: set ERPNEXT_WEBHOOK_SECRET";
                reasons.push(Reason { code: "receiver_closed", message: message.to_owned() });
            }
            let status = if reasons.is_empty() { "ready" } else { "degraded" };
            let installation = installation::of(&state.context.store).await.unwrap_or_default();
            HttpResponse::Ok().json(Readiness { status, reasons, installation: Some(installation) })
        }
    }
}

/// Reasons that degrade the service; an error where hints cannot be made durable.
async fn ready(state: &State) -> Result<Vec<Reason>, StoreError> {
    if state.inbox.is_failing() {
        // Only a write tells whether writes work; without a failure before it, a probe is not worth one.
        report::check_write(&state.context.store).await?;
        state.inbox.recovered();
    }
    report::degraded(&state.context).await
}

fn not_ready(code: &'static str, message: &str) -> HttpResponse {
    let reason = Reason { code, message: message.to_owned() };
    HttpResponse::ServiceUnavailable().json(Readiness {
        status: "not ready",
        reasons: vec![reason],
        installation: None,
    })
}
