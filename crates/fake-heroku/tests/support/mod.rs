//! A fake, and a client that asks it as Heroku's own do.

use fake_heroku::{FakeHeroku, Fixtures};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;

pub(crate) const TOKEN: &str = "HRKU-demo-acme-0001-not-a-secret";
const V3: &str = "application/vnd.heroku+json; version=3";

pub(crate) struct World {
    pub(crate) heroku: FakeHeroku,
    pub(crate) client: Client,
}

impl World {
    pub(crate) fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client =
            Client::builder().redirect(reqwest::redirect::Policy::none()).no_gzip().no_proxy();
        Self { heroku: FakeHeroku::start(Fixtures::committed()), client: client.build().unwrap() }
    }

    /// A request without a token.
    pub(crate) fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, self.heroku.url() + path);
        request.header("accept", V3).header("user-agent", "heroku-cli/11.10.0")
    }

    pub(crate) async fn get(&self, path: &str, range: Option<&str>) -> Response {
        let request = self.bare(Method::GET, path).bearer_auth(TOKEN);
        let request = match range {
            Some(range) => request.header("range", range),
            None => request,
        };
        request.send().await.unwrap()
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        self.get(path, None).await.json().await.unwrap()
    }
}

pub(crate) fn header(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
}
