//! Signing in, changing one's password and becoming the first admin, for the API and the pages alike.
//!
//! Invariant: a session is new at every sign-in, and the one that the browser brought ends; a name that nobody has is
//! answered as a wrong password is, in text and in time. Each try counts against the limits and stands in the audit log.

use actix_web::HttpRequest;
use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;

use super::{cookie, trail};
use crate::domain::audit::{Action, Actor};
use crate::domain::user::UserName;
use crate::sync::sessions::{self, SignInError, SignedIn};
use crate::sync::users::{self, UserError};
use crate::web::State;
use crate::web::error::{Code, Problem};

/// Somebody who has just signed in.
pub(in crate::web) struct Entered {
    /// Who it is.
    pub(in crate::web) user: SignedIn,
    /// The id of the new session.
    pub(in crate::web) session: String,
    /// What the browser has to keep.
    pub(in crate::web) cookie: Cookie<'static>,
}

/// Checks name and password and begins a session.
pub(in crate::web) async fn sign_in(
    request: &HttpRequest,
    state: &State,
    name: &str,
    password: &str,
) -> Result<Entered, Problem> {
    let store = &state.context.store;
    let address = state.trust.address(request);
    state.rates.sign_in(address, name).map_err(|wait| Problem::too_many(request, wait))?;
    let signed_in = sessions::sign_in(store, &state.passwords, name, password, state.session_life).await;
    let (actor, action, status) = match &signed_in {
        Ok((_id, user)) => (Actor::User { id: user.user, name: user.name.clone() }, Action::SignIn, StatusCode::OK),
        Err(SignInError::Wrong { user }) => {
            let actor = user.clone().map_or(Actor::Unknown, |(id, name)| Actor::User { id, name });
            (actor, Action::SignInFailed, StatusCode::UNAUTHORIZED)
        }
        Err(error) => return Err(refused(request, error)),
    };
    let noted = trail::note(request, state, actor, action, status).await;
    noted.map_err(|error| Problem::store(request, &error))?;
    let (session, user) = signed_in.map_err(|error| refused(request, &error))?;
    let secure = state.trust.is_secure(request);
    if let Some(before) = cookie::session_of(request, secure) {
        sessions::sign_out(store, &before).await.map_err(|error| Problem::store(request, &error))?;
    }
    let cookie = cookie::with(&session, secure, state.session_life.longest);
    Ok(Entered { user, session, cookie })
}

fn refused(request: &HttpRequest, error: &SignInError) -> Problem {
    match error {
        SignInError::Store(error) => Problem::store(request, error),
        SignInError::Password(error) => Problem::password(request, error),
        SignInError::Wrong { .. } => Problem::new(request, Code::WrongCredentials, error.to_string()),
    }
}

/// Gives a user (id and name) who knows the present password another one. All their sessions end.
pub(in crate::web) async fn change_password(
    request: &HttpRequest,
    state: &State,
    (id, name): (i64, &str),
    current: &str,
    new: &str,
) -> Result<(), Problem> {
    let store = &state.context.store;
    let address = state.trust.address(request);
    state.rates.sign_in(address, name).map_err(|wait| Problem::too_many(request, wait))?;
    let known = store.credentials(name).await.map_err(|error| Problem::store(request, &error))?;
    let known = known.as_ref().map(|user| user.password.as_str());
    let right = state.passwords.check(current, known).await;
    if !right.map_err(|error| Problem::password(request, &error))? {
        return Err(Problem::new(request, Code::WrongCredentials, "this is not your present password"));
    }
    let changed = users::set_password(store, &state.passwords, id, new).await;
    changed.map_err(|error| Problem::user(request, &error))
}

/// Adds the first admin by the secret of the one-time link; gives id and name.
pub(in crate::web) async fn first_admin(
    request: &HttpRequest,
    state: &State,
    secret: &str,
    name: &str,
    password: &str,
) -> Result<(i64, UserName), Problem> {
    let wait = |wait| Problem::too_many(request, wait);
    state.rates.sign_in(state.trust.address(request), "").map_err(wait)?;
    let name = UserName::parse(name).map_err(|error| Problem::new(request, Code::BadRequest, error.to_string()))?;
    let added = users::add_first_admin(&state.context.store, &state.passwords, secret, &name, password).await;
    let (actor, action, status) = match &added {
        Ok(id) => {
            let actor = Actor::User { id: *id, name: name.as_str().to_owned() };
            (actor, Action::FirstAdmin, StatusCode::CREATED)
        }
        Err(UserError::NoLink) => (Actor::Unknown, Action::FirstAdminFailed, StatusCode::FORBIDDEN),
        Err(error) => return Err(Problem::user(request, error)),
    };
    let noted = trail::note(request, state, actor, action, status).await;
    noted.map_err(|error| Problem::store(request, &error))?;
    added.map(|id| (id, name)).map_err(|error| Problem::user(request, &error))
}
