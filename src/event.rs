//! One audit trail event: the bytes that Heroku sent, and the columns derived from them.
//!
//! The bytes are the record. This module never changes them, and never rejects them for their
//! meaning: a column that can't be derived is `None`. Only bytes that are no JSON value are an
//! error, because then the response is broken.
//!
//! Heroku's schema declares no part as required and none as null. So every part may be absent, null
//! or of another type. If a key repeats, the last one counts, as in PostgreSQL's `json` functions.

mod value;

use std::borrow::Cow;
use std::net::IpAddr;

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserializer as _;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

pub use value::same_value;

/// The SHA-256 of an event's bytes.
pub type Hash = [u8; 32];

/// The longest `id`, in bytes, that serves as a key; PostgreSQL's B-tree takes entries of up to
/// 2,704 bytes.
const LONGEST_ID: usize = 1024;

/// One event, unchanged, with the columns derived from it.
#[derive(Debug, Clone)]
pub struct Event {
    /// The event's `id`; `sha256:<hex SHA-256 of its bytes>` where it has no usable `id`.
    pub id: String,
    /// Whether the event has no usable `id`.
    pub unusable_id: bool,
    /// The bytes of the JSON value, from the first to the last.
    pub bytes: Bytes,
    /// The SHA-256 of `bytes`.
    pub hash: Hash,
    /// Why the database will reject the bytes as JSON text, if that is already known.
    pub refused: Option<String>,
    /// The derived columns.
    pub columns: Columns,
}

/// The derived columns; `None` where the event has no value that the column can store. Their texts
/// may be borrowed from the event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns<S = String> {
    /// `created_at`, to the microsecond.
    pub created_at: Option<DateTime<Utc>>,
    /// `type`.
    pub kind: Option<S>,
    /// `action`.
    pub action: Option<S>,
    /// `actor.email`.
    pub actor_email: Option<S>,
    /// `actor.id`.
    pub actor_id: Option<S>,
    /// `app.name`.
    pub app_name: Option<S>,
    /// `app.id`.
    pub app_id: Option<S>,
    /// `team.name`.
    pub team_name: Option<S>,
    /// `team.id`.
    pub team_id: Option<S>,
    /// `owner.email`.
    pub owner_email: Option<S>,
    /// `request.ip_address`, version 4 or 6.
    pub ip_address: Option<IpAddr>,
}

/// The bytes are not a JSON value.
#[derive(Debug, thiserror::Error)]
#[error("an element of the list is not JSON: {0}")]
pub struct NotJson(serde_json::Error);

impl Event {
    /// Derives an event from the bytes of one JSON value. Other bytes are an error. Bytes that are
    /// not UTF-8 are accepted, and `refused` says so.
    ///
    /// ```
    /// let bytes = br#"{"id": "1f", "type": "app", "request": {"ip_address": "::1"}}"#;
    /// let event = auditsync::event::Event::from_bytes(bytes.as_slice().into())?;
    /// assert_eq!((event.id.as_str(), event.bytes.as_ref()), ("1f", bytes.as_slice()));
    /// assert_eq!(event.columns.kind.as_deref(), Some("app"));
    /// assert_eq!(event.columns.ip_address, "::1".parse().ok());
    /// assert_eq!(event.columns.actor_email, None);
    /// # Ok::<(), auditsync::event::NotJson>(())
    /// ```
    pub fn from_bytes(bytes: Bytes) -> Result<Self, NotJson> {
        let hash: Hash = Sha256::digest(&bytes).into();
        let text = String::from_utf8_lossy(&bytes);
        let (id, columns) = derive(&text).map_err(NotJson)?;
        let (id, columns) = (id.map(Cow::into_owned), columns.into_owned());
        let refused = std::str::from_utf8(&bytes).err();
        let refused = refused.map(|fault| format!("not UTF-8: {fault}"));
        let unusable_id = id.is_none();
        let id = id.unwrap_or_else(|| format!("sha256:{}", hex::encode(hash)));
        Ok(Self { id, unusable_id, bytes, hash, refused, columns })
    }

    /// The UTC date of `created_at`, if the event has one. Heroku may list the event under another
    /// day.
    pub fn own_day(&self) -> Option<NaiveDate> {
        self.columns.created_at.map(|time| time.date_naive())
    }

    /// The bytes as text, unless they are not UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes).ok()
    }
}

impl Columns<Cow<'_, str>> {
    fn into_owned(self) -> Columns {
        let owned = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
        Columns {
            created_at: self.created_at,
            kind: owned(self.kind),
            action: owned(self.action),
            actor_email: owned(self.actor_email),
            actor_id: owned(self.actor_id),
            app_name: owned(self.app_name),
            app_id: owned(self.app_id),
            team_name: owned(self.team_name),
            team_id: owned(self.team_id),
            owner_email: owned(self.owner_email),
            ip_address: self.ip_address,
        }
    }
}

/// An event's usable `id` and its columns.
type Derived<'t> = (Option<Cow<'t, str>>, Columns<Cow<'t, str>>);

/// Derives the usable `id` and the columns from the text of one JSON value, and copies only texts
/// with escapes.
pub(crate) fn derive(text: &str) -> Result<Derived<'_>, serde_json::Error> {
    // JSON forbids raw control characters, but reading keys as bytes would accept them. Few texts
    // have any, so the second parse is rare.
    // (All bytes are looked at, because the compiler makes that faster than stopping early.)
    if text.bytes().fold(u8::MAX, u8::min) < 0x20 {
        serde_json::from_str::<&RawValue>(text)?;
    }
    let [id, created_at, kind, action, actor, app, team, owner, request] = members(
        text,
        &["id", "created_at", "type", "action", "actor", "app", "team", "owner", "request"],
    )?;
    let [actor_email, actor_id] = parts(actor, &["email", "id"])?;
    let [app_name, app_id] = parts(app, &["name", "id"])?;
    let [team_name, team_id] = parts(team, &["name", "id"])?;
    let [owner_email] = parts(owner, &["email"])?;
    let [ip_address] = parts(request, &["ip_address"])?;
    let columns = Columns {
        created_at: string(created_at).as_deref().and_then(instant),
        kind: string(kind),
        action: string(action),
        actor_email: string(actor_email),
        actor_id: string(actor_id),
        app_name: string(app_name),
        app_id: string(app_id),
        team_name: string(team_name),
        team_id: string(team_id),
        owner_email: string(owner_email),
        ip_address: string(ip_address).and_then(|text| text.parse().ok()),
    };
    let id = string(id).filter(|id| !id.is_empty() && id.len() <= LONGEST_ID);
    Ok((id, columns))
}

/// A text that PostgreSQL's `text` can store: a JSON string without U+0000 and lone surrogates.
fn string(value: Option<&RawValue>) -> Option<Cow<'_, str>> {
    let json = value?.get();
    // Nearly all strings have no escapes.
    if let Some(text) = json.strip_prefix('"').and_then(|text| text.strip_suffix('"'))
        && memchr::memchr(b'\\', text.as_bytes()).is_none()
    {
        return Some(text.into());
    }
    let text: String = serde_json::from_str(json).ok()?;
    (!text.contains('\0')).then_some(text.into())
}

/// A time as PostgreSQL stores it: to the microsecond, with a leap second as the first second of
/// the next minute. So both sides see it on the same date.
fn instant(text: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    DateTime::from_timestamp_micros(time.timestamp_micros())
}

fn parts<'a, const N: usize>(
    value: Option<&'a RawValue>,
    names: &[&str; N],
) -> Result<[Option<&'a RawValue>; N], serde_json::Error> {
    value.map_or(Ok([None; N]), |value| members(value.get(), names))
}

/// The members called `names` of the JSON object in `text`; none where `text` is another JSON
/// value.
///
/// The members' values are skipped, not built. So no nesting is too deep, and no number too large.
fn members<'a, const N: usize>(
    text: &'a str,
    names: &[&str; N],
) -> Result<[Option<&'a RawValue>; N], serde_json::Error> {
    let mut json = serde_json::Deserializer::from_str(text);
    let found = if text.trim_ascii_start().starts_with('{') {
        json.deserialize_map(NamedMembers(names))?
    } else {
        <&RawValue as serde::Deserialize>::deserialize(&mut json)?;
        [None; N]
    };
    json.end()?;
    Ok(found)
}

struct NamedMembers<'n, const N: usize>(&'n [&'n str; N]);

impl<'de, const N: usize> Visitor<'de> for NamedMembers<'_, N> {
    type Value = [Option<&'de RawValue>; N];

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = [None; N];
        while let Some(index) = map.next_key_seed(KeyIndex(self.0))? {
            match index {
                Some(index) => found[index] = Some(map.next_value()?),
                None => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(found)
    }
}

/// Finds a key's index among the names. It reads the key as bytes, because a lone surrogate in a
/// text would be an error.
struct KeyIndex<'n, const N: usize>(&'n [&'n str; N]);

impl<'de, const N: usize> DeserializeSeed<'de> for KeyIndex<'_, N> {
    type Value = Option<usize>;

    fn deserialize<D: serde::Deserializer<'de>>(self, key: D) -> Result<Self::Value, D::Error> {
        key.deserialize_bytes(self)
    }
}

impl<const N: usize> Visitor<'_> for KeyIndex<'_, N> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key")
    }

    fn visit_bytes<E: serde::de::Error>(self, key: &[u8]) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|name| name.as_bytes() == key))
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Self::Value, E> {
        self.visit_bytes(key.as_bytes())
    }
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;

    fn event(text: &str) -> Event {
        Event::from_bytes(Bytes::copy_from_slice(text.as_bytes())).expect("an event")
    }

    #[test]
    fn columns_are_derived_from_their_parts() {
        let event = event(
            r#" {"id":"e-1","created_at":"2024-09-28T10:00:00.25+02:00","type":"app",
                "action":"create","actor":{"id":"a","email":"user@example.com"},
                "app":{"id":"p","name":"shop"},"team":{"id":"t","name":"team-a"},
                "owner":{"email":"o@example.com"},"request":{"ip_address":"2001:db8::1"},
                "data":{"x":[1,{"id":"no"}]}}"#
                .trim(),
        );
        assert_eq!(event.id, "e-1");
        assert!(!event.unusable_id);
        let columns = event.columns;
        assert_eq!(
            columns.created_at.expect("a time").to_rfc3339(),
            "2024-09-28T08:00:00.250+00:00"
        );
        assert_eq!(columns.kind.as_deref(), Some("app"));
        assert_eq!(columns.actor_email.as_deref(), Some("user@example.com"));
        assert_eq!(columns.actor_id.as_deref(), Some("a"));
        assert_eq!(columns.app_name.as_deref(), Some("shop"));
        assert_eq!(columns.team_id.as_deref(), Some("t"));
        assert_eq!(columns.owner_email.as_deref(), Some("o@example.com"));
        assert_eq!(columns.ip_address, Some("2001:db8::1".parse().expect("an address")));
    }

    #[test]
    fn an_event_has_the_same_own_day_here_and_in_the_database() {
        for (time, day) in [
            ("2024-09-27T23:59:59.9999999Z", "2024-09-27"),
            ("2024-09-27T23:59:60Z", "2024-09-28"),
            ("2024-09-28T01:59:60.5+02:00", "2024-09-28"),
            ("2024-09-28T01:59:59+02:00", "2024-09-27"),
            ("1999-12-31T23:59:59.9999999Z", "1999-12-31"),
        ] {
            let event = event(&format!(r#"{{"id":"e","created_at":"{time}"}}"#));
            assert_eq!(event.own_day().map(|day| day.to_string()).as_deref(), Some(day), "{time}");
        }
        assert_eq!(event(r#"{"id":"e","created_at":"2024-09-27"}"#).own_day(), None);
    }

    #[test]
    fn absent_null_and_odd_parts_are_none_and_the_event_is_kept() {
        for text in [
            r#"{"id":"x"}"#,
            r#"{"id":"x","actor":null,"app":null,"request":{"ip_address":null},"type":7}"#,
            r#"{"id":"x","created_at":null,"request":{"ip_address":"not an address"}}"#,
            r#"{"id":"x","actor":[],"app":"shop","created_at":"yesterday"}"#,
            r#"{"id":"x","actor":{"email":"a\u0000b"},"app":{"name":"\ud800"},"type":"\ud800"}"#,
        ] {
            let event = event(text);
            assert_eq!(event.columns, Columns::default(), "{text}");
            assert_eq!(event.id, "x");
            assert_eq!(event.bytes, text.as_bytes());
        }
    }

    #[test]
    fn the_hash_of_the_bytes_replaces_an_unusable_id() {
        let long = format!(r#"{{"id":"{}"}}"#, "x".repeat(LONGEST_ID + 1));
        for text in [
            "{}",
            r#"{"id":""}"#,
            r#"{"id":12}"#,
            r#"{"id":"\u0000"}"#,
            "null",
            "[1,2]",
            "1e999",
            &long,
        ] {
            let event = event(text);
            assert!(event.unusable_id, "{text}");
            assert_eq!(
                event.id,
                format!("sha256:{}", hex::encode(Sha256::digest(text.as_bytes())))
            );
        }
        let longest = format!(r#"{{"id":"{}"}}"#, "x".repeat(LONGEST_ID));
        assert!(!event(&longest).unusable_id);
    }

    #[test]
    fn the_last_of_repeated_keys_counts() {
        assert_eq!(event(r#"{"id":"a","i\u0064":"b"}"#).id, "b");
    }

    #[test]
    fn deep_nesting_huge_numbers_and_lone_surrogates_are_accepted() {
        let deep =
            format!(r#"{{"id":"deep","data":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(event(&deep).id, "deep");
        assert_eq!(event(r#"{"id":"n","data":1e99999,"x":-0.0000000000000000000000001}"#).id, "n");
        assert_eq!(event(r#"{"\ud800":1,"id":"s"}"#).id, "s");
    }

    #[test]
    fn bytes_that_are_not_utf8_keep_their_id_and_a_reason() {
        let event = Event::from_bytes(Bytes::from_static(b"{\"id\":\"u\",\"data\":\"\xff\"}"))
            .expect("an event");
        assert_eq!(event.id, "u");
        assert!(event.refused.expect("a reason").starts_with("not UTF-8"));
    }

    #[test]
    fn bytes_that_are_not_json_are_an_error() {
        for text in [
            "",
            "{",
            r#"{"id":}"#,
            "{} {}",
            "nul",
            "{\"a\":\"\n\"}",
            "{\"a\n\":1}",
            "{\"actor\":{\"a\n\":1}}",
        ] {
            assert!(Event::from_bytes(Bytes::copy_from_slice(text.as_bytes())).is_err(), "{text}");
        }
    }
}
