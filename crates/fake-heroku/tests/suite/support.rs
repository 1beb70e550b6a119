//! A fake, and a client that sends the headers of Heroku's own clients.

use bytes::Bytes;
use chrono::NaiveDate;
use fake_heroku::{FakeHeroku, Fixtures, split};
use reqwest::{Client, ClientBuilder, Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;

pub(crate) const ACME: &str = "HRKU-demo-acme-0001-not-a-secret";
pub(crate) const VIEWER: &str = "HRKU-demo-acme-viewer-not-a-secret";
pub(crate) const GLOBEX: &str = "HRKU-demo-globex-0001-not-a-secret";

/// Events of a day that both acme and globex have.
pub(crate) const ACME_DAY: &str = "/enterprise-accounts/acme/events?day=2024-09-28";
pub(crate) const GLOBEX_DAY: &str = "/enterprise-accounts/globex/events?day=2024-09-28";

const V3: &str = "application/vnd.heroku+json; version=3";

/// The day of [`ACME_DAY`].
pub(crate) fn day() -> NaiveDate {
    "2024-09-28".parse().unwrap()
}

pub(crate) struct World {
    pub(crate) heroku: FakeHeroku,
    pub(crate) client: Client,
}

impl World {
    /// A world whose client sees the bytes as they arrive.
    pub(crate) fn new() -> Self {
        Self::with(Client::builder().no_gzip())
    }

    /// A world whose client asks for gzip and decompresses it.
    pub(crate) fn decompressing() -> Self {
        Self::with(Client::builder())
    }

    fn with(client: ClientBuilder) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = client.redirect(reqwest::redirect::Policy::none()).no_proxy();
        Self { heroku: FakeHeroku::start(Fixtures::committed()), client: client.build().unwrap() }
    }

    /// A request without a token.
    pub(crate) fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, self.heroku.url() + path);
        request.header("accept", V3).header("user-agent", "heroku-cli/11.10.0")
    }

    /// A GET with this token.
    pub(crate) fn request(&self, token: &str, path: &str) -> RequestBuilder {
        self.bare(Method::GET, path).bearer_auth(token)
    }

    /// The answer to acme's GET, with this `Range`.
    pub(crate) async fn get(&self, path: &str, range: Option<&str>) -> Response {
        let request = self.request(ACME, path);
        let request = match range {
            Some(range) => request.header("range", range),
            None => request,
        };
        request.send().await.unwrap()
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        self.get(path, None).await.json().await.unwrap()
    }

    /// The answer to a GET of acme's day, with more parameters.
    pub(crate) async fn acme_day(&self, parameters: &str) -> Response {
        self.get(&format!("{ACME_DAY}{parameters}"), None).await
    }
}

/// The status and Heroku's id of an error.
pub(crate) async fn refusal(response: Response) -> (StatusCode, String) {
    let status = response.status();
    let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    (status, body["id"].as_str().unwrap().to_owned())
}

/// The bytes of each event in an answer.
pub(crate) async fn events(response: Response) -> Vec<Bytes> {
    split(&response.bytes().await.unwrap()).unwrap()
}

pub(crate) fn header(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
}
