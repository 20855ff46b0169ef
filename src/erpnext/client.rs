//! The calls that the service makes, each named after what ERPNext does.
//!
//! Invariant: nothing here writes to ERPNext (only `admin` does). "Not there" is `Ok(None)` only where ERPNext itself says so with
//! `DoesNotExistError`. Batches are in `batch`, how a request travels is in `transport`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use url::Url;

use super::answer::{DOES_NOT_EXIST, required, take};
use super::breaker::BreakerState;
use super::build::BuildError;
use super::errors::Error;
use super::list::List;
use super::meta::DoctypeMeta;
use super::names;
use super::options::Options;
use super::pacing::{Budget, Work};
use super::rows::{Listed, Rows};
use super::transport::{Ask, Transport};
use crate::domain::document::Doc;
use crate::domain::hint::Doctype;

/// ERPNext's client. Cheap to clone; clones share connections, pacing and circuit breaker.
#[derive(Clone)]
pub struct Client(pub(super) Arc<Transport>);

impl Client {
    /// # Errors
    /// [`BuildError`] names the setting that is wrong. Nothing is sent yet.
    pub fn new(options: Options) -> Result<Self, BuildError> {
        Transport::new(options).map(Self)
    }

    /// The rows of a list, without their nulls.
    ///
    /// # Errors
    /// Every kind of [`Error`] but `ImpossibleName`. A missing permission may also show as an empty list.
    pub async fn list(&self, list: &List<'_>, work: Work) -> Result<Vec<Doc>, Error> {
        Ok(self.list_with_fields(list, work).await?.rows)
    }

    /// As [`Client::list`], with the names of all fields: one above the key's permission level is missing there.
    ///
    /// # Errors
    /// As [`Client::list`].
    pub async fn list_with_fields(&self, list: &List<'_>, work: Work) -> Result<Rows, Error> {
        let body = serde_json::to_vec(list).map_err(|source| unsendable("list", source))?;
        let answer: Listed = self.0.call("list", Ask::Post(self.method("frappe.client.get_list"), body), work).await?;
        required(answer.message)
    }

    /// One document, whole; null fields are left out of it. Its `name` is the true one: the look-up ignores case and
    /// most accents. `None` only where ERPNext says that it does not exist.
    ///
    /// # Errors
    /// Every kind of [`Error`]; `Forbidden` also for a document that a User Permission hides.
    pub async fn get(&self, doctype: &str, name: &str, work: Work) -> Result<Option<Doc>, Error> {
        if !names::is_possible(name) {
            return Err(Error::ImpossibleName);
        }
        let (url, key) = if names::breaks_path(name) {
            (self.method_with("frappe.client.get", &[("doctype", doctype), ("name", name)]), "message")
        } else {
            (names::join(&self.0.base, &["api", "resource", doctype, name]), "data")
        };
        let document = match self.0.call("get", Ask::Get(url), work).await {
            Ok(answer) => take(answer, key)?,
            Err(Error::Missing { exc_type, .. }) if exc_type == DOES_NOT_EXIST => return Ok(None),
            Err(error) => return Err(error),
        };
        let document: Doc = decode("get", document)?;
        if document.get("name").and_then(Value::as_str).is_none_or(str::is_empty) {
            return Err(Error::Decode { call: "get", what: "the document has no name", source: None });
        }
        Ok(Some(document))
    }

    /// Where people see a document in ERPNext's desk (`/app/sales-invoice/…`: the doctype in lower case, with hyphens).
    #[must_use]
    pub fn desk_address(&self, doctype: Doctype, name: &str) -> Url {
        let page = doctype.as_str().to_lowercase().replace(' ', "-");
        names::join(&self.0.base, &["app", &page, name])
    }

    /// Whom the key belongs to; the cheapest check that address and key are right.
    ///
    /// # Errors
    /// Every kind of [`Error`] but `ImpossibleName`.
    pub async fn logged_user(&self) -> Result<String, Error> {
        self.ask("logged_user", "frappe.auth.get_logged_user", &[]).await
    }

    /// How many documents there are, also those that a User Permission hides from the key's user.
    ///
    /// # Errors
    /// Every kind of [`Error`] but `ImpossibleName`.
    pub async fn count(&self, doctype: &str) -> Result<u64, Error> {
        let body = serde_json::to_vec(&json!({ "doctype": doctype })).map_err(|source| unsendable("count", source))?;
        let ask = Ask::Post(self.method("frappe.client.get_count"), body);
        decode("count", take(self.0.call("count", ask, Work::Interactive).await?, "message")?)
    }

    /// As [`Client::count`], of the documents that match the filters.
    ///
    /// # Errors
    /// Every kind of [`Error`] but `ImpossibleName`.
    pub async fn count_where(&self, doctype: &str, filters: &Value) -> Result<u64, Error> {
        let body = serde_json::to_vec(&json!({ "doctype": doctype, "filters": filters }));
        let ask = Ask::Post(
            self.method("frappe.client.get_count"),
            body.map_err(|source| unsendable("count_where", source))?,
        );
        decode("count_where", take(self.0.call("count", ask, Work::Interactive).await?, "message")?)
    }

    /// How many documents the key's user may see; for a doctype without any permission 0 or `Forbidden`.
    ///
    /// # Errors
    /// Every kind of [`Error`] but `ImpossibleName`.
    pub async fn visible_count(&self, doctype: &str) -> Result<u64, Error> {
        let query = [("doctype", doctype), ("filters", "[]"), ("fields", "[]"), ("distinct", "false")];
        self.ask("visible_count", "frappe.desk.reportview.get_count", &query).await
    }

    /// The columns of a doctype on this site, custom fields included.
    ///
    /// # Errors
    /// Every kind of [`Error`] but `ImpossibleName`.
    pub async fn doctype(&self, doctype: &str) -> Result<DoctypeMeta, Error> {
        let url = self.method_with("frappe.desk.form.load.getdoctype", &[("doctype", doctype)]);
        let answer = self.0.call("doctype", Ask::Get(url), Work::Interactive).await?;
        DoctypeMeta::read(take(answer, "docs")?, doctype)
    }

    /// The document's history comments (`renamed from …`, `merged … into …`), HTML as ERPNext stores it, in the site's
    /// language. Empty for a document that does not exist.
    ///
    /// # Errors
    /// Every kind of [`Error`].
    pub async fn history(&self, doctype: &str, name: &str) -> Result<Vec<String>, Error> {
        if !names::is_possible(name) {
            return Err(Error::ImpossibleName);
        }
        let url = self.method_with("frappe.desk.form.load.get_docinfo", &[("doctype", doctype), ("name", name)]);
        let answer = match self.0.call("history", Ask::Get(url), Work::Interactive).await {
            Err(Error::Missing { exc_type, .. }) if exc_type == DOES_NOT_EXIST => return Ok(Vec::new()),
            answer => answer?,
        };
        let mut info: Map<String, Value> = decode("history", take(answer, "docinfo")?)?;
        let logs: Vec<Doc> = decode("history", info.remove("info_logs").unwrap_or_else(|| json!([])))?;
        Ok(logs.iter().filter_map(|log| log.get("content")?.as_str()).map(str::to_owned).collect())
    }

    /// ERPNext's rate limit as last seen; `None` where it has none, or was not asked yet.
    #[must_use]
    pub fn budget(&self) -> Option<Budget> {
        self.0.gate.budget()
    }

    /// Whether requests go through.
    #[must_use]
    pub fn breaker(&self) -> BreakerState {
        self.0.gate.breaker()
    }

    /// The longest that one call can take. A batch is two calls in a row.
    #[must_use]
    pub fn call_limit(&self) -> Duration {
        self.0.call_limit()
    }

    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        call: &'static str,
        method: &str,
        query: &[(&str, &str)],
    ) -> Result<T, Error> {
        let answer = self.0.call(call, Ask::Get(self.method_with(method, query)), Work::Interactive).await?;
        decode(call, take(answer, "message")?)
    }

    pub(super) fn method(&self, method: &str) -> Url {
        names::join(&self.0.base, &["api", "method", method])
    }

    pub(super) fn method_with(&self, method: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.method(method);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Client({})", self.0.base)
    }
}

pub(super) fn decode<T: DeserializeOwned>(call: &'static str, value: Value) -> Result<T, Error> {
    serde_json::from_value(value).map_err(|source| Error::Decode {
        call,
        what: "it has an unexpected form",
        source: Some(source),
    })
}

/// Text and numbers always serialise; this is here for the type.
pub(super) fn unsendable(call: &'static str, source: serde_json::Error) -> Error {
    Error::Decode { call, what: "the question could not be written as JSON", source: Some(source) }
}
