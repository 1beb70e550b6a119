//! The token and the API version of a request, in each form that clients use.

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The content of the header `Authorization`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    /// `Bearer` or `Basic`.
    pub(crate) scheme: &'static str,
    pub(crate) token: String,
}

impl Credentials {
    /// Parse `Bearer TOKEN`, or `Basic` with the token as its password. Some clients leave the user
    /// of `Basic` empty, others send the address in `.netrc`. Heroku ignores it.
    pub(crate) fn read(header: &str) -> Option<Self> {
        let (scheme, rest) = header.split_once(' ')?;
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("Bearer") {
            return (!rest.is_empty()).then(|| Self { scheme: "Bearer", token: rest.to_owned() });
        }
        if !scheme.eq_ignore_ascii_case("Basic") {
            return None;
        }
        let decoded = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
        let (_, token) = decoded.split_once(':')?;
        (!token.is_empty()).then(|| Self { scheme: "Basic", token: token.to_owned() })
    }
}

/// Whether `Accept` names version 3 of Heroku's media type, or a variant such as `3.cedar-acm`.
pub(crate) fn accepts_version_3(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(is_version_3)
}

fn is_version_3(media_type: &str) -> bool {
    let mut parts = media_type.split(';').map(str::trim);
    let named =
        parts.next().is_some_and(|name| name.eq_ignore_ascii_case("application/vnd.heroku+json"));
    let version = parts
        .filter_map(|part| part.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("version"));
    named
        && version.is_some_and(|(_, version)| {
            let variant = version.trim().trim_matches('"').strip_prefix('3');
            variant.is_some_and(|variant| {
                variant.is_empty() || variant.strip_prefix('.').is_some_and(|name| !name.is_empty())
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_from_bearer_and_from_the_password_of_basic() {
        let read = |header: &str| Credentials::read(header).map(|read| (read.scheme, read.token));
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert_eq!(read("Bearer HRKU-a"), Some(("Bearer", "HRKU-a".into())));
        assert_eq!(read("bearer  HRKU-a"), Some(("Bearer", "HRKU-a".into())));
        assert_eq!(read(&basic(":HRKU-a")), Some(("Basic", "HRKU-a".into())));
        assert_eq!(read(&basic("me@example.com:HRKU-a")), Some(("Basic", "HRKU-a".into())));
        for odd in [
            "",
            "HRKU-a",
            "Bearer ",
            "Basic",
            "Basic !",
            "Digest HRKU-a",
            &basic("HRKU-a"),
            &basic(":"),
        ] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }

    #[test]
    fn version_3_and_its_variants_are_accepted_in_any_spelling_and_no_other() {
        let accepts = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::ACCEPT, value.parse().expect("a header"));
            }
            accepts_version_3(&headers)
        };
        for good in [
            "application/vnd.heroku+json; version=3",
            "application/vnd.heroku+json;version=3",
            "application/vnd.heroku+json; version=3.cedar-acm",
            "application/vnd.heroku+json; version=3.sdk",
            "application/vnd.heroku+json; charset=utf-8; version=3",
            "application/vnd.heroku+json ; version = \"3\" ; q=0.9",
            "Application/Vnd.Heroku+JSON; Version=3",
            "application/json, application/vnd.heroku+json; version=3",
            "application/vnd.heroku+json; version=3, */*;q=0.1",
        ] {
            assert!(accepts(&[good]), "{good}");
        }
        assert!(accepts(&["application/json", "application/vnd.heroku+json; version=3"]));
        assert!(!accepts(&[]));
        for bad in [
            "*/*",
            "application/json",
            "application/json; version=3",
            "application/vnd.heroku+json",
            "application/vnd.heroku+json; version=2",
            "application/vnd.heroku+json; version=30",
            "application/vnd.heroku+json; version=3.",
            "application/vnd.heroku+json; version=4.cedar-acm",
            "application/vnd.heroku+json, application/json; version=3",
        ] {
            assert!(!accepts(&[bad]), "{bad}");
        }
    }
}
