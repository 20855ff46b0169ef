//! `/activity/webhooks`: webhooks as they arrive, the newest first.
//!
//! Invariant: paged by id, which is the order of arrival. The first page follows what arrives. A page looks at a bounded
//! number of webhooks, so it may be short and still not the last.

use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::super::super::State;
use super::super::super::error::{Code, Problem};
use super::super::frame::{Frame, Section};
use super::super::page::render;
use super::super::text::sentence;
use super::super::time::distance;
use super::words::verdict;
use super::{BY_TIME, PAGE, Pager, Tab, Tabs, address};
use crate::domain::hint::{Doctype, Verdict};
use crate::store::{DeliveryFilter, DeliveryRange, DeliveryRow, StoreError};

const PATH: &str = "/activity/webhooks";

#[derive(Template)]
#[template(path = "activity/deliveries.html", config = "src/web/ui/askama.toml")]
struct Page {
    frame: Frame,
    tabs: Tabs,
    wanted: Wanted,
    deliveries: Vec<DeliveryRow>,
    pager: Pager,
    /// Why the last one was turned away, where none was accepted since.
    refused: Option<String>,
}

/// Which webhooks are meant; empty words do not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in crate::web::ui) struct Wanted {
    verdict: String,
    doctype: String,
    /// Exactly this name of a document.
    name: String,
    /// The last one of the page before.
    before: Option<String>,
}

impl Wanted {
    fn words(&self) -> [(&'static str, &str); 3] {
        [("verdict", &self.verdict), ("doctype", &self.doctype), ("name", &self.name)]
    }

    fn filter(&self) -> Option<DeliveryFilter> {
        let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let parse = |word: String| Verdict::ALL.into_iter().find(|verdict| verdict.as_str() == word).ok_or(());
        let verdict = some(&self.verdict).map(parse).transpose().ok()?;
        Some(DeliveryFilter {
            verdict,
            doctype: some(&self.doctype),
            name: some(&self.name),
            ..DeliveryFilter::default()
        })
    }

    fn is_filtered(&self) -> bool {
        self.words().iter().any(|(_word, value)| !value.is_empty())
    }
}

pub(in crate::web::ui) async fn show(
    request: HttpRequest,
    state: Data<State>,
    wanted: Query<Wanted>,
) -> Result<HttpResponse, Problem> {
    let wanted = wanted.into_inner();
    let filter = wanted.filter().ok_or_else(|| {
        Problem::new(&request, Code::BadRequest, "this address has a word that is not known; begin again at Webhooks")
    })?;
    let range = DeliveryRange { before: wanted.before.clone(), from: None };
    let page = state.context.store.deliveries(&filter, &range, PAGE).await;
    let page = page.map_err(|error| Problem::store(&request, &error))?;
    let [verdict, doctype, name] = wanted.words();
    let next = page.next.map(|next| address(PATH, &[verdict, doctype, name, ("before", &next)]));
    let first = wanted.before.as_ref().map(|_before| address(PATH, &wanted.words()));
    let mut frame = Frame::of(&request, &state, Some(Section::Activity), "Webhooks").await?;
    "/live?webhooks=true".clone_into(&mut frame.live);
    let tabs = Tabs::of(&request, &state, Tab::Webhooks).await?;
    let pager = Pager { first, next, names: BY_TIME };
    let refused = refused(&state).await.map_err(|error| Problem::store(&request, &error))?;
    Ok(render(&Page { frame, tabs, wanted, deliveries: page.rows, pager, refused }))
}

/// Of those that were turned away nothing is stored, so the list cannot show them.
async fn refused(state: &State) -> Result<Option<String>, StoreError> {
    Ok(state.refused_webhooks.told(&state.context.store).await?.map(sentence))
}
