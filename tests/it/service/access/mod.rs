//! Who may use the service: each file tries to get further than it should.

mod table;
mod tokens;

use serde_json::Value;

/// Status and body of an answer; a body that is no JSON is null.
async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}
