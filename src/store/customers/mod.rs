//! Customers as the API shows them: one with its linked documents, and in `list` a page of many. Their history is in `changes`.
//!
//! Invariant: only reads; tombstones are included and recognisable by `deleted_at`. Times are RFC 3339 in UTC with
//! milliseconds, whatever type the column has.

mod hunt;
mod list;
mod places;
mod proposal;
mod spellings;
mod words;

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::apply::{ADDRESSES_OF, CONTACTS_OF};
use super::db::{Arg, Row, Statement};
use super::tables::{ADDRESSES, CONTACTS, CUSTOMERS};
use super::transact::Fault;
use super::{Store, StoreError};
use crate::domain::customer::{Address, Contact, Customer, CustomerId};
use crate::domain::fields::content_hash;
use crate::domain::search::Searched;

pub(super) use list::ALL as LIST;
pub use list::CustomerPage;
pub(super) use places::all as places;
pub(super) use words::{ALL as WORDS, erase_words};

pub(super) static ALL: &[&Statement] = &[&ONE, &COUNT];

fn row_text(from: &str) -> String {
    format!(
        "SELECT {{id:t.id}} AS id, {{text:t.origin}} AS origin, {{id:t.merged_into}} AS merged_into, \
            {{iso:t.deleted_at}} AS deleted_at, {{iso:t.erased_at}} AS erased_at, {{iso:t.created_at}} AS created_at, \
            {{iso:t.updated_at}} AS updated_at, {} \
         FROM {from}",
        CUSTOMERS.select()
    )
}

/// One customer by id.
pub(super) static ONE: Statement = Statement::built(|_| row_text("customers AS t WHERE t.id = ?"));

static COUNT: Statement = Statement::same("SELECT {count:COUNT(*)} AS n FROM customers WHERE deleted_at IS NULL");

/// A row of `customers` with everything that the table says.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CustomerRow {
    /// Our id.
    #[schema(value_type = i64)]
    pub id: CustomerId,
    /// The values.
    #[serde(flatten)]
    pub customer: Customer,
    /// `erpnext` or `local`.
    pub origin: String,
    /// The customer that it was merged into.
    #[schema(value_type = Option<i64>)]
    pub merged_into: Option<CustomerId>,
    /// When it was marked deleted.
    pub deleted_at: Option<String>,
    /// When its personal data was erased.
    pub erased_at: Option<String>,
    /// When the row was made; null where an adopted table has none.
    pub created_at: Option<String>,
    /// When a public value changed last.
    pub updated_at: Option<String>,
}

/// A customer with its linked documents.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CustomerDetail {
    /// The row.
    #[serde(flatten)]
    pub row: CustomerRow,
    /// Its addresses, by ERPNext's name.
    pub addresses: Vec<Address>,
    /// Its contacts, by ERPNext's name.
    pub contacts: Vec<Contact>,
}

impl Store {
    /// Customers that are not deleted. Reads the whole key of the table.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn customer_count(&self) -> Result<u64, StoreError> {
        let what = "count customers";
        let rows = self.read(what, &COUNT, &[]).await?;
        let count = rows.first().map_or(Ok(0), |row| row.int("n")).map_err(|error| StoreError::of(what, error))?;
        Ok(count.unsigned_abs())
    }

    /// One customer with its addresses and contacts.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn customer(&self, id: CustomerId) -> Result<Option<CustomerDetail>, StoreError> {
        let what = "read a customer";
        let found = self.read(what, &ONE, &[Arg::Int(id)]).await?;
        let Some(found) = found.first() else {
            return Ok(None);
        };
        let batch = json!([{ "id": id }]).to_string();
        let addresses = self.read(what, &ADDRESSES_OF, &[Arg::Text(&batch)]).await?;
        let contacts = self.read(what, &CONTACTS_OF, &[Arg::Text(&batch)]).await?;
        detail(found, &addresses, &contacts).map(Some).map_err(|fault| fault.into_error(what))
    }
}

impl CustomerDetail {
    /// Another text whenever anything of it is another, whoever wrote it; 64 hex digits.
    ///
    /// # Errors
    /// [`StoreError::Bug`] where a value cannot be JSON, which its types rule out.
    pub fn version(&self) -> Result<String, StoreError> {
        content_hash(self).map_err(|error| StoreError::bug("tell the version of a customer", error))
    }
}

/// A customer from a row of [`ONE`] with its linked documents.
pub(super) fn detail(found: &Row, addresses: &[Row], contacts: &[Row]) -> Result<CustomerDetail, Fault> {
    Ok(CustomerDetail {
        row: row(found)?,
        addresses: addresses.iter().map(|row| ADDRESSES.read(row)).collect::<Result<_, _>>()?,
        contacts: contacts.iter().map(|row| CONTACTS.read(row)).collect::<Result<_, _>>()?,
    })
}

/// The fields that are searched.
fn searched(row: &Row) -> Result<Searched, Fault> {
    Ok(Searched {
        name: row.maybe_text("name")?,
        erpnext_id: row.maybe_text("erpnext_id")?,
        email: row.maybe_text("email")?,
        phone: row.maybe_text("phone")?,
        tax_number: row.maybe_text("tax_number")?,
    })
}

fn row(row: &Row) -> Result<CustomerRow, Fault> {
    Ok(CustomerRow {
        id: row.int("id")?,
        customer: CUSTOMERS.read(row)?,
        origin: row.text("origin")?,
        merged_into: row.maybe_int("merged_into")?,
        deleted_at: row.maybe_text("deleted_at")?,
        erased_at: row.maybe_text("erased_at")?,
        created_at: row.maybe_text("created_at")?,
        updated_at: row.maybe_text("updated_at")?,
    })
}
