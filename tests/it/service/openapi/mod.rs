//! The OpenAPI document says what the service does: each route with its role, each failure with its code.

mod document;
pub mod schemathesis;

use customer_sync::web;
use serde_json::Value;

/// Every operation of the document: method, path, what it says.
fn operations() -> Vec<(String, String, &'static Value)> {
    let paths = web::openapi()["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().unwrap();
        item.iter().map(move |(method, operation)| (method.to_uppercase(), path.clone(), operation))
    });
    operations.collect()
}
