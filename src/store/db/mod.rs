//! The thin layer over the three drivers: connections, transactions, statements, rows, bound values.
//!
//! Invariant: nothing above this folder names a driver's type, and nothing in it knows a table. Rejected: `sqlx::Any`
//! (placeholders, types), a generic `<DB: Database>` (its bounds infect everything), three copies (they drift), and
//! a macro per body: with one [`Statement`] type and four-variant values a plain `match` in here is enough.

mod connect;
mod grammar;
mod rows;
mod statement;
mod tx;

pub use connect::Connections;
pub(super) use connect::{Pool, SPELLING, Use, quoted, sqlite_file};
pub(super) use grammar::{delete_rows, update_rows};
pub(super) use rows::{Arg, BatchRow, Numbered, Only, Row, batches, encode};
pub(super) use statement::{Statement, expand};
pub(super) use tx::{Conn, Durable, Shape, Tx};
