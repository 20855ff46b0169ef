//! `/settings`: what runs by itself, what it runs with, who may come in, and who did what; a page for each, joined by tabs.
//!
//! Invariant: only what the reader may open is offered; whether they may is decided by the table of pages alone.

pub(super) mod audit;
pub(super) mod configuration;
pub(super) mod people;
pub(super) mod schedules;
pub(super) mod sessions;
pub(super) mod tokens;
mod when;

use actix_web::{HttpRequest, HttpResponse, ResponseError as _};

use super::super::State;
use super::super::auth::trail::Outcome;
use super::super::error::{Code, Problem};
use super::frame::{Frame, Section};
use super::notice::{Tone, and_say};
use super::text::sentence;
use crate::domain::role::Role;

/// A page of the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tab {
    pub(super) address: &'static str,
    pub(super) name: &'static str,
    /// The least role that may open it.
    pub(super) least: Role,
}

const SCHEDULES: Tab = Tab { address: "/settings", name: "Schedules", least: Role::Viewer };
const CONFIGURATION: Tab = Tab { address: "/settings/configuration", name: "Configuration", least: Role::Admin };
const PEOPLE: Tab = Tab { address: "/settings/people", name: "People", least: Role::Admin };
const TOKENS: Tab = Tab { address: "/settings/tokens", name: "Tokens", least: Role::Admin };
const SESSIONS: Tab = Tab { address: "/settings/sessions", name: "Sessions", least: Role::Admin };
const AUDIT: Tab = Tab { address: "/settings/audit", name: "Audit log", least: Role::Admin };

/// The tabs that the reader may open, and the one that is open.
pub(super) struct Tabs {
    pub(super) open: Tab,
    pub(super) all: Vec<Tab>,
}

impl Tabs {
    fn at(open: Tab, reader: Role) -> Self {
        let all = [SCHEDULES, CONFIGURATION, PEOPLE, TOKENS, SESSIONS, AUDIT];
        Self { open, all: all.into_iter().filter(|tab| tab.least <= reader).collect() }
    }
}

/// The frame of a page of the settings.
async fn frame(request: &HttpRequest, state: &State, tab: Tab) -> Result<Frame, Problem> {
    Frame::of(request, state, Some(Section::Settings), tab.name).await
}

/// What an order came to, said on the page that it was given on; a database that is away is a page of its own.
fn said(tab: Tab, done: Result<(), Problem>, text: &str) -> Result<HttpResponse, Problem> {
    said_at(tab.address, tab, done, text)
}

/// The same; where it was refused, at an address of its own.
fn said_at(refused: &str, tab: Tab, done: Result<(), Problem>, text: &str) -> Result<HttpResponse, Problem> {
    match done {
        Ok(()) => Ok(and_say(tab.address, Tone::Good, text)),
        Err(problem) if problem.code() == Code::Unavailable => Err(problem),
        Err(problem) => {
            let mut response = and_say(refused, Tone::Bad, &sentence(problem.detail()));
            response.extensions_mut().insert(Outcome(problem.status_code()));
            Ok(response)
        }
    }
}
