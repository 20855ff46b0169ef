//! `/settings/sessions`: who is signed in, and since when; an admin ends single sessions.
//!
//! Invariant: a session is named by the hash that is stored of it, which lets nobody in. Everybody's own ones are on
//! `/account` too.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::super::super::State;
use super::super::super::error::{Code, Problem};
use super::super::frame::{Frame, Reader};
use super::super::page::render;
use super::super::time::{distance, moment};
use super::{SESSIONS, Tabs, frame, said};
use crate::store::ListedSession;
use crate::sync::sessions;

#[derive(Template)]
#[template(path = "settings/sessions.html", config = "src/web/ui/askama.toml")]
struct Page {
    frame: Frame,
    tabs: Tabs,
    sessions: Vec<ListedSession>,
    /// The session that asks.
    own: String,
}

impl Page {
    fn is_own(&self, session: &ListedSession) -> bool {
        sessions::is_own(session, &self.own)
    }
}

pub(in crate::web::ui) async fn show(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let Reader { role, session: own, .. } = Reader::of(&request)?;
    let found = sessions::open(&state.context.store, None, state.session_life).await;
    let sessions = found.map_err(|error| Problem::store(&request, &error))?;
    let frame = frame(&request, &state, SESSIONS).await?;
    Ok(render(&Page { frame, tabs: Tabs::at(SESSIONS, role), sessions, own }))
}

pub(in crate::web::ui) async fn end(
    request: HttpRequest,
    state: Data<State>,
    whose: Path<(i64, String)>,
) -> Result<HttpResponse, Problem> {
    let (user, session) = whose.into_inner();
    let ended = sessions::end(&state.context.store, user, &session).await;
    let done = match ended {
        Ok(true) => Ok(()),
        Ok(false) => Err(Problem::new(&request, Code::NotFound, "It was over already.")),
        Err(error) => Err(Problem::store(&request, &error)),
    };
    said(SESSIONS, done, "That session is over.")
}
