//! What an administrator's key can do in ERPNext: documents, permissions and keys. Used by `setup` alone.
//!
//! Invariant: permissions are only given by Frappe's own `permission_manager.add`; a `Custom DocPerm` is never inserted,
//! because the first one of a doctype takes every standard permission away from everybody. No write is repeated by itself.
//! Each call is one that was measured on ERPNext 15, or is documented where it stands. What to do with them is decided in
//! `setup`; how a request travels is in `transport`.

mod access;
mod webhooks;

use reqwest::Method;
use serde_json::{Map, Value};
use url::Url;

use super::answer::{DOES_NOT_EXIST, take};
use super::client::{Client, decode, unsendable};
use super::errors::Error;
use super::names;
use super::pacing::Work;
use super::transport::Ask;
use crate::domain::document::Doc;

pub use access::{Keys, Permission};
pub use webhooks::{Attempt, Preview};

/// A client with the key of a System Manager.
#[derive(Debug, Clone)]
pub struct Admin(Client);

impl Admin {
    /// Uses that client's address and key.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self(client)
    }

    /// The calls that only read.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.0
    }

    /// A document, whole but for its null fields; `None` where ERPNext says that there is none.
    ///
    /// # Errors
    /// Every kind of [`Error`].
    pub async fn get(&self, doctype: &str, name: &str) -> Result<Option<Doc>, Error> {
        self.0.get(doctype, name, Work::Interactive).await
    }

    /// Creates a document: `POST /api/resource/DOCTYPE`. Not to be repeated blindly: ERPNext would make another one.
    ///
    /// # Errors
    /// Every kind of [`Error`]; [`Error::Invalid`] with status 409 where the name is taken.
    pub async fn create(&self, doctype: &str, document: &Value) -> Result<Doc, Error> {
        let url = names::join(&self.0.0.base, &["api", "resource", doctype]);
        decode("create", take(self.write("create", Method::POST, url, document).await?, "data")?)
    }

    /// Changes fields of a document: `PUT /api/resource/DOCTYPE/NAME`. `fields` must not hold `name`, which Frappe would
    /// look up instead of the one in the address.
    ///
    /// # Errors
    /// Every kind of [`Error`].
    pub async fn update(&self, doctype: &str, name: &str, fields: &Value) -> Result<(), Error> {
        self.write("update", Method::PUT, self.resource(doctype, name)?, fields).await.map(drop)
    }

    /// Deletes a document; one that is gone already is no error.
    ///
    /// # Errors
    /// Every kind of [`Error`]; [`Error::Invalid`] where others link to it.
    pub async fn delete(&self, doctype: &str, name: &str) -> Result<(), Error> {
        match self.write("delete", Method::DELETE, self.resource(doctype, name)?, &Value::Null).await {
            Err(Error::Missing { exc_type, .. }) if exc_type == DOES_NOT_EXIST => Ok(()),
            answer => answer.map(drop),
        }
    }

    fn resource(&self, doctype: &str, name: &str) -> Result<Url, Error> {
        if !names::is_possible(name) || names::breaks_path(name) {
            return Err(Error::ImpossibleName);
        }
        Ok(names::join(&self.0.0.base, &["api", "resource", doctype, name]))
    }

    /// Calls one of Frappe's functions that changes something.
    async fn run(&self, call: &'static str, method: &str, arguments: &Value) -> Result<Map<String, Value>, Error> {
        self.write(call, Method::POST, self.0.method(method), arguments).await
    }

    async fn write(
        &self,
        call: &'static str,
        method: Method,
        url: Url,
        body: &Value,
    ) -> Result<Map<String, Value>, Error> {
        let body = match body {
            Value::Null => Vec::new(),
            body => serde_json::to_vec(body).map_err(|source| unsendable(call, source))?,
        };
        self.0.0.call(call, Ask::Write(method, url, body), Work::Interactive).await
    }
}
