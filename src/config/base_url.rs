//! The key whose value is the address of Heroku's API.

use std::net::IpAddr;

use reqwest::Url;
use serde_json::{Value as Json, json};
use toml::de::DeValue;

use super::value::{Misfit, ValueKind, string};

/// The address of Heroku's API. Its path does not end in a slash, unless it is only a slash.
pub(super) struct BaseUrl(pub(super) Url);

impl ValueKind for BaseUrl {
    fn what() -> String {
        "the address of Heroku's API".to_owned()
    }

    fn schema() -> Json {
        let loopback = r"(localhost|127(\.[0-9]+){3}|\[::1\])(:[0-9]+)?";
        let pattern = format!("^(https://[^/?#@]+|http://{loopback})(/[^?#]*)?$");
        json!({ "type": "string", "pattern": pattern })
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Misfit> {
        let text = string(value)?;
        if !text.contains("://") {
            return Err(Misfit::new("an address begins with https://"));
        }
        let mut url = Url::parse(text)
            .map_err(|error| Misfit::new(format!("this is not an address: {error}")))?;
        let host = url.host_str().unwrap_or_default();
        let is_loopback = host == "localhost"
            || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        let label = match url.scheme() {
            _ if host.is_empty() => "the host is missing",
            "http" if !is_loopback => {
                "write https:// (http:// would send the token in clear text; it is only for \
                 this machine)"
            }
            "http" | "https" if !url.username().is_empty() || url.password().is_some() => {
                "remove user and password: put the token into a variable"
            }
            "http" | "https" if url.query().is_some() => "remove the ? and what follows it",
            "http" | "https" if url.fragment().is_some() => "remove the # and what follows it",
            "http" | "https" => {
                let path = url.path().trim_end_matches('/').to_owned();
                url.set_path(&path);
                return Ok(Self(url));
            }
            _ => "an address begins with https://",
        };
        Err(Misfit::new(label))
    }
}
