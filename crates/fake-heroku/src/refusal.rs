//! Errors in Heroku's form.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// The text of Heroku's 429.
pub(crate) const RATE_LIMIT: &str =
    "Your account reached the API rate limit\nPlease wait a few minutes before making new requests";

/// An error as an answer: a status, Heroku's error id, and a message.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) id: String,
    pub(crate) message: String,
    pub(crate) retry_after: Option<String>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, id: &str, message: impl Into<String>) -> Self {
        Self { status, id: id.to_owned(), message: message.into(), retry_after: None }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("Couldn't find that {what}."))
    }

    pub(crate) fn range(range: &str) -> Self {
        let message = format!("Range is not satisfiable: {range}");
        Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "requested_range_not_satisfiable", message)
    }

    fn url(&self) -> Option<&'static str> {
        match self.id.as_str() {
            "rate_limit" => {
                Some("https://devcenter.heroku.com/articles/platform-api-reference#rate-limits")
            }
            "not_acceptable" => {
                Some("https://devcenter.heroku.com/articles/platform-api-reference#clients")
            }
            _ => None,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut body = json!({ "id": self.id, "message": self.message });
        if let Some(url) = self.url() {
            body["url"] = url.into();
        }
        let mut response = (self.status, axum::Json(body)).into_response();
        if let Some(value) = self.retry_after.and_then(|text| HeaderValue::from_str(&text).ok()) {
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
        response
    }
}
