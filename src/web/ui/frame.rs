//! What every page has around its content: title, navigation, who is signed in, how sync stands, what is to be said once.
//!
//! Invariant: it is made from the request and the service's present state alone; a page of somebody who is not signed in,
//! and one that tells of a failure, needs no database.

use actix_web::HttpRequest;
use askama::Template;
use askama::filters::HtmlSafe;

use super::super::State;
use super::super::auth::{Caller, Who};
use super::super::error::{Code, Problem};
use super::assets::{ASSETS, Assets};
use super::notice::Notice;
use super::pill::Pill;
use super::theme::Theme;
use crate::domain::audit::Actor;
use crate::domain::role::Role;
use crate::sync::sessions;

/// Where in the navigation a page belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Overview,
    Customers,
    Activity,
    Settings,
}

impl Section {
    /// All, as they are shown: with their address and name.
    pub(super) const ALL: &'static [(Self, &'static str, &'static str)] = &[
        (Self::Overview, "/", "Overview"),
        (Self::Customers, "/customers", "Customers"),
        (Self::Activity, "/activity", "Activity"),
        (Self::Settings, "/settings", "Settings"),
    ];
}

/// The frame of a page.
pub(super) struct Frame {
    pub(super) title: String,
    pub(super) section: Option<Section>,
    pub(super) person: Option<Person>,
    pub(super) notice: Option<Notice>,
    pub(super) theme: Theme,
    /// Where the reader is, for forms that lead back.
    pub(super) here: String,
    /// Where the page hears what happens meanwhile.
    pub(super) live: String,
    pub(super) assets: &'static Assets,
}

/// Who is signed in, as the top of a page shows it.
pub(super) struct Person {
    pub(super) name: String,
    pub(super) role: Role,
    /// What every form has to bring.
    pub(super) csrf: String,
    pub(super) pill: Pill,
}

/// Who asks for a page, as the guard found out.
pub(super) struct Reader {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) session: String,
}

impl Reader {
    pub(super) fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let caller = Caller::of(request)?;
        match caller.who {
            Who::User { id, name, session } => Ok(Self { id, name, role: caller.role, session }),
            Who::Token { .. } => {
                Err(Problem::new(request, Code::Forbidden, "this is for people who are signed in, not for tokens"))
            }
        }
    }

    /// For the history of a customer.
    pub(super) fn actor(&self) -> Actor {
        Actor::User { id: self.id, name: self.name.clone() }
    }
}

/// Where the reader is, with what was asked for there.
pub(super) fn place(request: &HttpRequest) -> String {
    request.uri().path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string)
}

impl Frame {
    /// The frame of a page for somebody who is signed in.
    pub(super) async fn of(
        request: &HttpRequest,
        state: &State,
        section: Option<Section>,
        title: impl Into<String>,
    ) -> Result<Self, Problem> {
        let Reader { id: _, name, role, session } = Reader::of(request)?;
        let pill = Pill::of(&*state.standings.now(&state.context).await);
        let person = Person { name, role, csrf: sessions::csrf_token(&session), pill };
        Ok(Self { section, person: Some(person), ..Self::plain(request, title) })
    }

    /// The frame of a page for everybody.
    pub(super) fn plain(request: &HttpRequest, title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            section: None,
            person: None,
            notice: Notice::of(request),
            theme: Theme::of(request),
            here: place(request),
            live: "/live".to_owned(),
            assets: &ASSETS,
        }
    }

    /// The first letter of who is signed in.
    pub(super) fn initial(&self) -> String {
        let name = self.person.as_ref().map_or("", |person| &person.name);
        name.chars().take(1).flat_map(char::to_uppercase).collect()
    }

    /// The hidden field that every form of somebody who is signed in has.
    pub(super) fn proof(&self) -> Proof<'_> {
        Proof { csrf: self.person.as_ref().map_or("", |person| &person.csrf) }
    }
}

/// What shows that a form comes from a page of ours.
#[derive(Template)]
#[template(ext = "html", source = "<input type=\"hidden\" name=\"csrf\" value=\"{{ csrf }}\">")]
pub(super) struct Proof<'a> {
    csrf: &'a str,
}

impl HtmlSafe for Proof<'_> {}
