//! Webhooks as bytes: whole HTTP requests, rendered and signed before anything is measured.
//!
//! Invariant: a body is what our recommended template makes, so what is verified, parsed and stored is of real size.

use std::net::SocketAddr;

use customer_sync::erpnext::signature::{HEADER, sign};
use serde_json::json;

/// The secret of every webhook of the benchmark.
pub const SECRET: &str = "benchmark-webhook-secret";

/// The body of a webhook about that customer.
pub fn body(customer: &str) -> String {
    json!({
        "event": "on_update", "doctype": "Customer", "name": customer,
        "modified": "2026-03-01 10:20:30.123456", "creation": "2025-11-02 08:09:10.654321", "time_zone": "America/New_York",
    })
    .to_string()
}

/// One whole request about that customer.
pub fn request(to: SocketAddr, customer: &str) -> Vec<u8> {
    let body = body(customer);
    let signature = sign(SECRET, body.as_bytes());
    let length = body.len();
    format!(
        "POST /webhooks/erpnext HTTP/1.1\r\nHost: {to}\r\nUser-Agent: python-requests/2.32.3\r\n\
         Accept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\n{HEADER}: {signature}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Requests about each of these customers.
pub fn requests(to: SocketAddr, customers: &[String]) -> Vec<Vec<u8>> {
    customers.iter().map(|customer| request(to, customer)).collect()
}

/// That many customers' names, none of which the stand-in has.
pub fn invented(count: usize) -> Vec<String> {
    // A stride that shares no factor with the count scatters the names, as real traffic does.
    (0..count).map(|index| format!("Benchmark Customer {:06}", index * 7_919 % count.max(1))).collect()
}
