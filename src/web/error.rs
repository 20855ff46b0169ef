//! What a client is told when something fails: `application/problem+json` (RFC 9457) with a stable code.
//!
//! Invariant: the only place that knows HTTP status codes of failures. What a client reads (`detail`) and what the log
//! keeps (the source) are two things: no text of a database or of ERPNext reaches a client from here.

use std::fmt;
use std::time::Duration;

use actix_web::error::JsonPayloadError;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, ETAG, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::web::{JsonConfig, QueryConfig};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError, Route, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::LONGEST_BODY;
use super::body::Unread;
use super::places::Full;
use super::request_id::RequestId;
use crate::domain::edit::FieldProblem;
use crate::inbox::Refusal;
use crate::store::StoreError;
use crate::sync::edit::EditError;
use crate::sync::erase::EraseError;
use crate::sync::feed::FeedError;
use crate::sync::links::LinkError;
use crate::sync::passwords::PasswordError;
use crate::sync::users::UserError;

/// Seconds after which a refused webhook may come again; ERPNext ignores it, other senders do not.
const COME_BACK: &str = "1";

/// Seconds after which a place for a call that waits may be free.
const WAIT_FOR_A_PLACE: u64 = 5;

/// The media type of failures.
pub(super) const PROBLEM: &str = "application/problem+json";

/// A failure as a client sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    code: Code,
    detail: String,
    request_id: String,
    /// Seconds after which it is worth while to try again, for 429 and 503.
    retry_after: Option<u64>,
    /// The methods that would have been right, for 405.
    allowed: Option<String>,
    /// What else there is to say of an edit.
    edit: Option<Box<EditRefusal>>,
}

/// Stable codes; part of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ProblemCode)]
pub(super) enum Code {
    BadRequest,
    Unauthorized,
    WrongCredentials,
    NotFromOurPage,
    TooManyRequests,
    UserExists,
    LastAdmin,
    LinkUsed,
    BadSignature,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    BodyTooLarge,
    BodyTooSlow,
    UnusableWebhook,
    ReceiverClosed,
    Busy,
    Unavailable,
    NotSynced,
    RunNotRunning,
    RunNotHeld,
    SchedulePaused,
    NotLinkable,
    NotLinked,
    NotInErpnext,
    AlreadyLinked,
    AlreadyDecided,
    NotErasable,
    InvalidFields,
    OwnedByErpnext,
    CustomerDeleted,
    Outdated,
    RefusedByDatabase,
    ErpnextUnavailable,
    FeedPruned,
    FeedAhead,
}

/// What a client reads of a failure (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct Body<'a> {
    /// `about:blank`: what went wrong is said by `code`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: Option<&'static str>,
    /// The HTTP status.
    status: u16,
    /// What went wrong, as a stable word.
    code: Code,
    /// What is wrong and what to do, for people.
    detail: &'a str,
    /// The id of the request, as in the header `X-Request-Id` and in the log.
    request_id: &'a str,
    #[serde(flatten)]
    edit: Option<&'a EditRefusal>,
}

/// What a client is told beyond that of an edit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct EditRefusal {
    /// `invalid_fields`: what is wrong with each.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<FieldProblem>>,
    /// `owned_by_erpnext`: which fields would have changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<Vec<String>>,
    /// `owned_by_erpnext`: where to change them.
    #[serde(skip_serializing_if = "Option::is_none")]
    erpnext_address: Option<String>,
    /// `outdated`: the present version, as in the header `ETag`.
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
}

impl Code {
    /// The HTTP status that goes with it.
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Unauthorized | Self::WrongCredentials | Self::BadSignature => StatusCode::UNAUTHORIZED,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Forbidden | Self::NotFromOurPage | Self::LinkUsed => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::FeedPruned => StatusCode::GONE,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::UnusableWebhook | Self::InvalidFields | Self::RefusedByDatabase => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Outdated => StatusCode::PRECONDITION_FAILED,
            Self::ReceiverClosed | Self::Busy | Self::Unavailable | Self::ErpnextUnavailable => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::UserExists
            | Self::LastAdmin
            | Self::NotSynced
            | Self::RunNotRunning
            | Self::RunNotHeld
            | Self::SchedulePaused
            | Self::NotLinkable
            | Self::NotLinked
            | Self::NotInErpnext
            | Self::AlreadyLinked
            | Self::AlreadyDecided
            | Self::NotErasable
            | Self::OwnedByErpnext
            | Self::CustomerDeleted => StatusCode::CONFLICT,
            Self::FeedAhead => StatusCode::CONFLICT,
        }
    }
}

impl Problem {
    /// A problem of one request.
    pub(super) fn new(request: &HttpRequest, code: Code, detail: impl Into<String>) -> Self {
        let request_id = RequestId::of(request);
        Self { code, detail: detail.into(), request_id, retry_after: None, allowed: None, edit: None }
    }

    /// What kind of problem it is.
    pub(super) fn code(&self) -> Code {
        self.code
    }

    /// What is wrong and what to do, for whoever asked.
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    /// The id by which the log knows the request.
    pub(super) fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Somebody comes too often, and may come again after `wait`.
    pub(super) fn too_many(request: &HttpRequest, wait: Duration) -> Self {
        let seconds = wait.as_secs().saturating_add(1);
        let detail = format!("too many requests: try again in {seconds} s");
        Self { retry_after: Some(seconds), ..Self::new(request, Code::TooManyRequests, detail) }
    }

    /// A call that may not wait, because too many do.
    pub(super) fn no_place(request: &HttpRequest, full: Full) -> Self {
        let code = match full {
            Full::Caller(_) => Code::TooManyRequests,
            Full::All => Code::Busy,
        };
        Self { retry_after: Some(WAIT_FOR_A_PLACE), ..Self::new(request, code, full.to_string()) }
    }

    /// An export that may not begin, because others are being made.
    pub(super) fn exporting(request: &HttpRequest, full: Full) -> Self {
        let (code, detail) = match full {
            Full::Caller(_) => {
                (Code::TooManyRequests, "an export of yours is being made already; try again when it is done")
            }
            Full::All => (Code::Busy, "too many exports are being made at the moment; try again later"),
        };
        Self { retry_after: Some(WAIT_FOR_A_PLACE), ..Self::new(request, code, detail) }
    }

    /// A body that was not read to its end.
    pub(super) fn unread(request: &HttpRequest, unread: &Unread) -> Self {
        let code = match unread {
            Unread::TooLarge(_) => Code::BodyTooLarge,
            Unread::TooSlow(_) => Code::BodyTooSlow,
            Unread::Crowded => Code::Busy,
            Unread::Broken(_) => Code::BadRequest,
        };
        Self::new(request, code, unread.to_string())
    }

    /// A password that was neither hashed nor checked.
    pub(super) fn password(request: &HttpRequest, error: &PasswordError) -> Self {
        match error {
            PasswordError::Crowded => Self::new(request, Code::Busy, error.to_string()),
            PasswordError::TooLong => Self::new(request, Code::BadRequest, error.to_string()),
            PasswordError::Broken(_) => {
                tracing::error!(request = %RequestId::of(request), %error, "API call failed");
                Self::new(request, Code::Unavailable, "passwords cannot be checked at the moment")
            }
        }
    }

    /// A user who cannot be added, changed or removed.
    pub(super) fn user(request: &HttpRequest, error: &UserError) -> Self {
        let code = match error {
            UserError::Store(error) => return Self::store(request, error),
            UserError::Hash(error) => return Self::password(request, error),
            UserError::Name(_) | UserError::Password(_) => Code::BadRequest,
            UserError::Taken(_) => Code::UserExists,
            UserError::Unknown => Code::NotFound,
            UserError::LastAdmin => Code::LastAdmin,
            UserError::NoLink => Code::LinkUsed,
        };
        Self::new(request, code, error.to_string())
    }

    /// A hint that could not be made durable. The reason is in the log.
    pub(super) fn refused(request: &HttpRequest, refusal: &Refusal) -> Self {
        let code = match refusal {
            Refusal::Full => Code::Busy,
            Refusal::TimedOut | Refusal::Stopping | Refusal::Store(_) => Code::Unavailable,
        };
        let detail = match refusal {
            Refusal::Store(_) => "the webhook could not be written to the database; send it again".to_owned(),
            other => other.to_string(),
        };
        Self::new(request, code, detail)
    }

    /// A link that cannot be made or taken away, or a question that cannot be answered so.
    pub(super) fn link(request: &HttpRequest, error: &LinkError) -> Self {
        let code = match error {
            LinkError::Store(error) => return Self::store(request, error),
            LinkError::NoCustomer(_) | LinkError::NoSuggestion(_) => Code::NotFound,
            LinkError::NotLinkable(_) | LinkError::NothingToAccept => Code::NotLinkable,
            LinkError::NotLinked(_) => Code::NotLinked,
            LinkError::NotInErpnext => Code::NotInErpnext,
            LinkError::Held(_) => Code::AlreadyLinked,
            LinkError::Decided(_) => Code::AlreadyDecided,
            LinkError::Erpnext(_) => Code::ErpnextUnavailable,
        };
        Self::new(request, code, error.to_string())
    }

    /// A customer that cannot be erased.
    pub(super) fn erase(request: &HttpRequest, error: &EraseError) -> Self {
        match error {
            EraseError::Store(error @ StoreError::Refused { .. }) => {
                tracing::error!(request = %RequestId::of(request), %error, "a customer could not be erased");
                let detail = "the database refuses an empty value: a column of your customers table must allow null";
                Self::new(request, Code::NotErasable, detail)
            }
            EraseError::Store(error) => Self::store(request, error),
            EraseError::NoCustomer(_) | EraseError::NoName => Self::new(request, Code::NotFound, error.to_string()),
        }
    }

    /// A customer that cannot be made, changed or deleted so.
    pub(super) fn edit(request: &HttpRequest, error: &EditError) -> Self {
        let (code, edit) = match error {
            EditError::Store(StoreError::Refused { .. }) => {
                tracing::warn!(request = %RequestId::of(request), %error, "a customer could not be written");
                let detail = "the database refuses a value: a column of your customers table is too small for it, or \
                              has a rule of its own";
                return Self::new(request, Code::RefusedByDatabase, detail);
            }
            EditError::Store(error) => return Self::store(request, error),
            EditError::Json(_) => (Code::Unavailable, EditRefusal::default()),
            EditError::NoCustomer(_) => (Code::NotFound, EditRefusal::default()),
            EditError::Deleted(_) => (Code::CustomerDeleted, EditRefusal::default()),
            EditError::Outdated { present } => {
                (Code::Outdated, EditRefusal { etag: Some(format!("\"{present}\"")), ..EditRefusal::default() })
            }
            EditError::Invalid(problems) => {
                (Code::InvalidFields, EditRefusal { errors: Some(problems.clone()), ..EditRefusal::default() })
            }
            EditError::OwnedByErpnext { fields, address } => {
                let (fields, erpnext_address) = (Some(fields.clone()), Some(address.clone()));
                (Code::OwnedByErpnext, EditRefusal { fields, erpnext_address, ..EditRefusal::default() })
            }
            EditError::DeletedInErpnext { address } => {
                let erpnext_address = Some(address.clone());
                (Code::OwnedByErpnext, EditRefusal { erpnext_address, ..EditRefusal::default() })
            }
        };
        Self { edit: Some(Box::new(edit)), ..Self::new(request, code, error.to_string()) }
    }

    /// The change feed cannot go on where the reader wants it to.
    pub(super) fn feed(request: &HttpRequest, error: &FeedError) -> Self {
        let code = match error {
            FeedError::Store(error) => return Self::store(request, error),
            FeedError::Pruned { .. } => Code::FeedPruned,
            FeedError::Ahead { .. } => Code::FeedAhead,
            FeedError::Json(_) => Code::Unavailable,
        };
        Self::new(request, code, error.to_string())
    }

    /// The database failed while answering an API call.
    pub(super) fn store(request: &HttpRequest, error: &StoreError) -> Self {
        tracing::error!(request = %RequestId::of(request), %error, "API call failed");
        Self::new(request, Code::Unavailable, "the database cannot be reached at the moment; try again")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}: {}", self.code, self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.code.status();
        let mut response = HttpResponseBuilder::new(status);
        if let Some(seconds) = self.retry_after {
            response.insert_header((RETRY_AFTER, seconds));
        } else if status == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((RETRY_AFTER, COME_BACK));
        }
        if let Some(allowed) = &self.allowed {
            response.insert_header((ALLOW, allowed.as_str()));
        }
        if self.code == Code::Unauthorized {
            response.insert_header((WWW_AUTHENTICATE, "Bearer"));
        }
        if let Some(tag) = self.edit.as_ref().and_then(|edit| edit.etag.as_deref()) {
            response.insert_header((ETAG, tag));
        }
        let body = Body {
            kind: "about:blank",
            title: status.canonical_reason(),
            status: status.as_u16(),
            code: self.code,
            detail: &self.detail,
            request_id: &self.request_id,
            edit: self.edit.as_deref(),
        };
        response.insert_header((CONTENT_TYPE, PROBLEM)).json(body)
    }
}

/// For paths that nobody serves.
pub(super) async fn not_found(request: HttpRequest) -> Result<HttpResponse, Problem> {
    Err(Problem::new(&request, Code::NotFound, format!("there is nothing at {}", request.path())))
}

/// For the methods that a path does not serve; `allowed` are those that it does (RFC 9110, section 15.5.6).
pub(super) fn only(allowed: impl Into<String>) -> Route {
    let allowed = allowed.into();
    web::to(move |request: HttpRequest| {
        let refusal = not_allowed(&request, &allowed);
        async move { Err::<HttpResponse, _>(refusal) }
    })
}

/// A method that the path does not serve; `allowed` are those that it does.
pub(super) fn not_allowed(request: &HttpRequest, allowed: &str) -> Problem {
    let detail = format!("{} cannot be used on {}, only {allowed}", request.method(), request.path());
    Problem { allowed: Some(allowed.to_owned()), ..Problem::new(request, Code::MethodNotAllowed, detail) }
}

/// Query strings that cannot be read are problems too.
pub(super) fn query_config() -> QueryConfig {
    QueryConfig::default()
        .error_handler(|error, request| Problem::new(request, Code::BadRequest, error.to_string()).into())
}

/// Bodies of API calls: JSON whatever their content type says (`curl -d` calls it a form), at most 1 MiB.
pub(super) fn json_config() -> JsonConfig {
    JsonConfig::default().limit(LONGEST_BODY).content_type_required(false).content_type(|_any| true).error_handler(
        |error, request| {
            let code = match error {
                JsonPayloadError::Overflow { .. } | JsonPayloadError::OverflowKnownLength { .. } => Code::BodyTooLarge,
                _ => Code::BadRequest,
            };
            Problem::new(request, code, error.to_string()).into()
        },
    )
}
