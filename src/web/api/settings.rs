//! `GET /api/settings`.
//!
//! Invariant: what is shown is what this process runs with, and no secret is among it. Settings are changed where they are
//! written, and count from the next start on; nothing is changed here.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::super::State;
use crate::config::{Effective, Source};

/// A setting as it counts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Setting)]
pub(super) struct Row {
    /// Its full name, like `server.listen`.
    setting: String,
    /// What counts; null for a secret, and where nothing is set.
    value: Option<Value>,
    /// What would count if nobody had written anything.
    default: Option<Value>,
    /// Who said so.
    source: Origin,
    /// The line, variable or flag.
    written: Option<String>,
    /// Whether its value is never shown.
    secret: bool,
    /// What it means.
    what: &'static str,
    /// The variable that sets it.
    variable: String,
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SettingSource)]
pub(super) enum Origin {
    /// Nobody wrote anything.
    Default,
    /// The configuration file.
    File,
    /// The file `.env`.
    DotEnv,
    /// A variable of the environment.
    Variable,
    /// The command line.
    Flag,
}

/// Which column comes from where.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Mapping)]
pub(super) struct Columns {
    /// Each column with its sources, of which the first with a value counts; none for one that is never written.
    columns: BTreeMap<&'static str, Vec<String>>,
    /// Each name in `extra` with the field that it comes from.
    extra: BTreeMap<String, String>,
}

/// Every setting, and the mapping that follows from them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Settings)]
pub(super) struct Settings {
    data: Vec<Row>,
    mapping: Columns,
}

/// What this process runs with
#[utoipa::path(
    get,
    path = "/api/settings",
    operation_id = "list_settings",
    responses((status = 200, description = "Every setting with its source, secrets left out", body = Settings)),
)]
pub(super) async fn list(state: Data<State>) -> HttpResponse {
    let mapping = &state.context.mapping;
    let columns = mapping.sources().collect();
    let extra = mapping.extra_sources().collect();
    let data = state.settings.iter().map(row).collect();
    HttpResponse::Ok().json(Settings { data, mapping: Columns { columns, extra } })
}

fn row(effective: &Effective) -> Row {
    let Effective { setting, value, source } = effective;
    let origin = match source {
        Source::Flag(_) => Origin::Flag,
        Source::Variable(_) => Origin::Variable,
        Source::DotEnv(_) => Origin::DotEnv,
        Source::File(..) => Origin::File,
        Source::Nowhere => Origin::Default,
    };
    Row {
        setting: setting.name(),
        value: value.clone(),
        default: effective.default(),
        source: origin,
        written: (origin != Origin::Default).then(|| source.to_string()),
        secret: setting.secret,
        what: setting.what,
        variable: setting.preferred_variable(),
    }
}
