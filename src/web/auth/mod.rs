//! Who calls, and whether that one may: the guard in front of every route of the tables in `api::table` and `ui::table`.
//!
//! Invariant: who may not is told so before anything else of the request is read or judged, its body included. An unknown
//! token, an expired one and none at all look the same. A change by cookie needs what only a page of ours can send.
//! A token beats a cookie: who sends one means it.

pub(super) mod cookie;
pub(super) mod entry;
pub(super) mod permit;
pub(super) mod trail;

use actix_web::body::BoxBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderName, TRANSFER_ENCODING};
use actix_web::middleware::Next;
use actix_web::web::{self, Data};
use actix_web::{Error, HttpMessage, HttpRequest};
use subtle::ConstantTimeEq as _;

use super::State;
use super::body;
use super::error::{Code, Problem};
use super::json;
use crate::domain::audit::{Action, Actor};
use crate::domain::role::Role;
use crate::sync::sessions::Counts;
use crate::sync::{sessions, tokens};

/// The header in which a page shows that it could read an answer to its session.
const CSRF: HeaderName = HeaderName::from_static("x-csrf-token");

/// Said of a NUL wherever it stands.
pub(super) const NUL: &str = "there is a NUL character in the request";

/// The longest body of a call, in bytes.
pub(super) const LONGEST_BODY: usize = 1 << 20;

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum May {
    /// Everybody, as to sign in.
    Everybody,
    /// Whoever has at least that role, by token or signed in.
    AtLeast(Role),
    /// Whoever is signed in, whatever the role; no token.
    SignedIn,
    /// Whoever is signed in and has at least that role; no token.
    Person(Role),
}

/// How a change by cookie shows that it comes from a page of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// By the header `X-CSRF-Token`, as scripts send it.
    Header,
    /// By the field [`CSRF_FIELD`] of a form, which needs no script.
    Form,
}

/// Says that nobody did anything: an open page asks by itself for what may be new, which must not keep a session alive.
const UNATTENDED: HeaderName = HeaderName::from_static("x-unattended");

/// The field in which a form of ours brings the session's `csrf_token`.
pub(super) const CSRF_FIELD: &str = "csrf";

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caller {
    /// What the caller may do.
    pub(super) role: Role,
    /// Who it is.
    pub(super) who: Who,
}

/// A token or a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Who {
    /// Whoever holds that token.
    Token {
        /// Its id.
        id: i64,
        /// What it is for.
        name: String,
    },
    /// Somebody who is signed in.
    User {
        /// The user's id.
        id: i64,
        /// The user's name.
        name: String,
        /// The session's id.
        session: String,
    },
}

/// Whose calls are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum CallerId {
    /// The token of that id.
    Token(i64),
    /// The user of that id, in all sessions.
    User(i64),
}

impl Who {
    /// Whose calls this one's are.
    pub(super) const fn id(&self) -> CallerId {
        match self {
            Self::Token { id, .. } => CallerId::Token(*id),
            Self::User { id, .. } => CallerId::User(*id),
        }
    }

    /// The same for the audit log and the history of a customer.
    pub(super) fn actor(&self) -> Actor {
        match self {
            Self::Token { id, name } => Actor::Token { id: *id, name: name.clone() },
            Self::User { id, name, .. } => Actor::User { id: *id, name: name.clone() },
        }
    }
}

impl Caller {
    /// Who called, as the guard found out.
    pub(super) fn of(request: &HttpRequest) -> Result<Self, Problem> {
        request.extensions().get::<Self>().cloned().ok_or_else(|| unauthorized(request))
    }
}

/// Middleware of one route: lets those pass who may, with a body that is all there, and notes who it is and what is done.
pub(super) async fn guard(
    may: May,
    proof: Proof,
    action: Option<Action>,
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(state) = request.app_data::<Data<State>>().cloned() else { return next.call(request).await };
    let mut payload = request.extract::<web::Payload>().await?;
    let body = match prepare(request.request(), &state, may, proof, &mut payload).await {
        Ok(body) => body,
        // An answer, not an error of this layer: it still gets the request's id.
        Err(problem) => return Ok(request.error_response(problem)),
    };
    request.set_payload(Payload::from(body.as_ref().map(body::Body::bytes).unwrap_or_default()));
    let Some(action) = action else { return next.call(request).await };
    let entry = match trail::begin(request.request(), &state, action).await {
        Ok(entry) => entry,
        Err(error) => {
            let problem = Problem::store(request.request(), &error);
            return Ok(request.error_response(problem));
        }
    };
    let response = next.call(request).await?;
    trail::end(&state, entry, &response).await;
    Ok(response)
}

/// All that is to be known before the handler may begin; gives the body where there is one.
async fn prepare<'a>(
    request: &HttpRequest,
    state: &'a State,
    may: May,
    proof: Proof,
    payload: &mut web::Payload,
) -> Result<Option<body::Body<'a>>, Problem> {
    admit(request, state, may, proof).await?;
    let body = whole_body(request, state, payload).await?;
    if proof == Proof::Form {
        check_form(request, body.as_ref().map_or(&b""[..], |body| &**body))?;
    }
    // No name, no word and no number has one, and not every database can store it.
    let nul = [request.uri().query().unwrap_or_default(), request.path()].iter().any(|text| text.contains("%00"));
    let flaw = if nul { Some(NUL.to_owned()) } else { body.as_ref().and_then(|body| flaw(body, proof)) };
    flaw.map_or(Ok(body), |flaw| Err(Problem::new(request, Code::BadRequest, flaw)))
}

/// What is wrong with a body whatever it is for.
fn flaw(body: &[u8], proof: Proof) -> Option<String> {
    let nul = body.contains(&0) || (proof == Proof::Form && body.windows(3).any(|text| text == b"%00"));
    if nul {
        return Some(NUL.to_owned());
    }
    match proof {
        Proof::Header => json::flaw(body),
        Proof::Form => None,
    }
}

async fn admit(request: &HttpRequest, state: &State, may: May, proof: Proof) -> Result<(), Problem> {
    let address = state.trust.address(request);
    state.rates.call_from(address).map_err(|wait| Problem::too_many(request, wait))?;
    if may == May::Everybody {
        // A link from elsewhere may lead to a page, and changes nothing.
        let harmless = !is_change(request);
        return if harmless || state.trust.is_same_origin(request) { Ok(()) } else { Err(foreign(request)) };
    }
    let counts = if request.headers().contains_key(UNATTENDED) { Counts::NotAsUse } else { Counts::AsUse };
    let caller = identify(request, state, counts).await?;
    state.rates.call_of(caller.who.id()).map_err(|wait| Problem::too_many(request, wait))?;
    match (may, &caller.who) {
        (May::AtLeast(least) | May::Person(least), _) if caller.role < least => {
            let detail = format!("this needs the role {}, not {}", least.as_str(), caller.role.as_str());
            return Err(Problem::new(request, Code::Forbidden, detail));
        }
        (May::SignedIn | May::Person(_), Who::Token { .. }) => {
            let detail = "this is for people who are signed in, not for tokens";
            return Err(Problem::new(request, Code::Forbidden, detail));
        }
        (May::Everybody | May::AtLeast(_) | May::SignedIn | May::Person(_), _) => {}
    }
    if let Who::User { session, .. } = &caller.who
        && is_change(request)
    {
        check_page(request, state, session, proof)?;
    }
    request.extensions_mut().insert(caller);
    Ok(())
}

async fn identify(request: &HttpRequest, state: &State, counts: Counts) -> Result<Caller, Problem> {
    let failed = |error| Problem::store(request, &error);
    let store = &state.context.store;
    if request.headers().contains_key(AUTHORIZATION) {
        let Some(token) = bearer(request) else { return Err(unauthorized(request)) };
        let holder = tokens::holder(store, token).await.map_err(failed)?.ok_or_else(|| unauthorized(request))?;
        return Ok(Caller { role: holder.role, who: Who::Token { id: holder.id, name: holder.name } });
    }
    let session = cookie::session_of(request, state.trust.is_secure(request));
    let Some(session) = session else { return Err(unauthorized(request)) };
    let found = sessions::who(store, &session, state.session_life, counts).await.map_err(failed)?;
    let user = found.ok_or_else(|| unauthorized(request))?;
    Ok(Caller { role: user.role, who: Who::User { id: user.user, name: user.name, session } })
}

/// Whether the request may change something; reading never does.
fn is_change(request: &HttpRequest) -> bool {
    !matches!(*request.method(), Method::GET | Method::HEAD)
}

/// A browser sends the cookie by itself, whoever made it send the request; what changes something must show more. What a
/// form shows is in its body, which is read and checked (`check_form`) once all else is right.
fn check_page(request: &HttpRequest, state: &State, session: &str, proof: Proof) -> Result<(), Problem> {
    let shown = match proof {
        Proof::Header => is_token_of(session, request.headers().get(CSRF).map_or(&b""[..], |value| value.as_bytes())),
        Proof::Form => true,
    };
    if shown && state.trust.is_same_origin(request) { Ok(()) } else { Err(foreign(request)) }
}

/// A form of somebody who is signed in must bring the session's token.
fn check_form(request: &HttpRequest, body: &[u8]) -> Result<(), Problem> {
    let session = match Caller::of(request) {
        Ok(Caller { who: Who::User { session, .. }, .. }) if is_change(request) => session,
        _ => return Ok(()),
    };
    let mut fields = url::form_urlencoded::parse(body);
    let shown = fields.any(|(name, value)| name == CSRF_FIELD && is_token_of(&session, value.as_bytes()));
    if shown { Ok(()) } else { Err(foreign(request)) }
}

fn is_token_of(session: &str, given: &[u8]) -> bool {
    given.ct_eq(sessions::csrf_token(session).as_bytes()).into()
}

/// The whole body, read within bounds of size and time; `None` where there is none.
async fn whole_body<'a>(
    request: &HttpRequest,
    state: &'a State,
    payload: &mut web::Payload,
) -> Result<Option<body::Body<'a>>, Problem> {
    let headers = request.headers();
    if !headers.contains_key(TRANSFER_ENCODING) && headers.get(CONTENT_LENGTH).is_none_or(|length| length == "0") {
        return Ok(None);
    }
    let within = state.limits.body_within;
    let read = body::read(request, payload, LONGEST_BODY, within, &state.call_bodies).await;
    read.map(Some).map_err(|unread| Problem::unread(request, &unread))
}

fn unauthorized(request: &HttpRequest) -> Problem {
    Problem::new(
        request,
        Code::Unauthorized,
        "sign in, or send a token as \"Authorization: Bearer …\"; customer-sync token create makes one",
    )
}

fn foreign(request: &HttpRequest) -> Problem {
    Problem::new(
        request,
        Code::NotFromOurPage,
        "a change by cookie must come from a page of this service, with the csrf_token of GET /api/session in the header \
         X-CSRF-Token; behind a proxy, set PUBLIC_URL to the address that browsers use",
    )
}

/// The bearer token (RFC 6750) that a request brings.
pub(super) fn bearer(request: &HttpRequest) -> Option<&str> {
    let (scheme, token) = request.headers().get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
}
