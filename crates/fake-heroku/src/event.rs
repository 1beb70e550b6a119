//! The few fields of an event that the API itself reads. Any bytes are accepted.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// What a listing filters by and names in its headers. A field is `None` if it is missing or not a
/// string. An event that is not a JSON object has none of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Keys<'a> {
    pub(crate) id: Option<Cow<'a, str>>,
    pub(crate) kind: Option<Cow<'a, str>>,
    pub(crate) action: Option<Cow<'a, str>>,
    pub(crate) actor_email: Option<Cow<'a, str>>,
}

// serde skips raw values without recursion, so the nesting of an event has no limit.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    action: Option<&'a RawValue>,
    #[serde(borrow)]
    actor: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Actor<'a> {
    #[serde(borrow)]
    email: Option<&'a RawValue>,
}

impl<'a> Keys<'a> {
    pub(crate) fn of(event: &'a [u8]) -> Self {
        let Ok(event) = serde_json::from_slice::<Event<'a>>(event) else { return Self::default() };
        let actor = event.actor.and_then(|raw| serde_json::from_str::<Actor<'a>>(raw.get()).ok());
        Self {
            id: string(event.id),
            kind: string(event.kind),
            action: string(event.action),
            actor_email: string(actor.and_then(|actor| actor.email)),
        }
    }
}

fn string(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    // An escaped string can't be borrowed from its bytes: the second attempt copies it.
    let text = raw?.get();
    serde_json::from_str::<&str>(text)
        .map(Cow::Borrowed)
        .or_else(|_| serde_json::from_str::<String>(text).map(Cow::Owned))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_an_event_is_its_keys_are_read_or_none() {
        let full =
            br#"{"id":"a\u0062","type":"app","action":"create","actor":{"email":"u@example.com"}}"#;
        let keys = Keys::of(full);
        assert_eq!(keys.id.as_deref(), Some("ab"));
        assert_eq!(keys.actor_email.as_deref(), Some("u@example.com"));

        assert_eq!(Keys::of(br#"{"id":7,"type":null,"actor":"someone"}"#), Keys::default());
        for strange in [&b"42"[..], b"null", b"\xff", b"", br#"{"id":"a","id":"b"}"#] {
            assert_eq!(Keys::of(strange), Keys::default());
        }
        let deep = format!(r#"{{"type":"app","data":{}{}}}"#, "[".repeat(5000), "]".repeat(5000));
        assert_eq!(Keys::of(deep.as_bytes()).kind.as_deref(), Some("app"));
    }
}
