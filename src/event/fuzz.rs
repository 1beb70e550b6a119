//! Any bytes as an event: only JSON is accepted, and another parser finds the same columns.

use bytes::Bytes;
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::{Event, LONGEST_ID, instant};
use crate::fuzz::{JSON, fuzz, spelled};

#[test]
fn any_json_is_an_event_and_another_parser_finds_the_same_columns() {
    fuzz!("events", |input: &[u8]| {
        let mut bytes = spelled(input, JSON);
        if let Some((1..128, _)) = input.split_first() {
            // Wrapping makes objects more likely.
            bytes = [b"{\"team\":{\"id\":\"t\"},", &bytes[..], b"}"].concat();
        }
        let text = String::from_utf8_lossy(&bytes);
        let is_json = serde_json::from_str::<&RawValue>(&text).is_ok();
        let event = Event::from_bytes(Bytes::copy_from_slice(&bytes));
        assert_eq!(event.is_ok(), is_json, "{text}");
        let Ok(event) = event else { return };
        assert_eq!(event.bytes, bytes);
        assert_eq!(event.hash[..], Sha256::digest(&bytes)[..]);
        assert_eq!(event.refused.is_some(), std::str::from_utf8(&bytes).is_err());
        // The other parser rejects lone surrogates and the largest numbers.
        let Ok(value) = serde_json::from_str::<Value>(&text) else { return };
        let string =
            |value: &Value| value.as_str().filter(|text| !text.contains('\0')).map(str::to_owned);
        let id = string(&value["id"]).filter(|id| !id.is_empty() && id.len() <= LONGEST_ID);
        assert_eq!(event.unusable_id, id.is_none(), "{text}");
        assert_eq!(event.id, id.unwrap_or_else(|| format!("sha256:{}", hex::encode(event.hash))));
        assert_eq!(event.columns.kind, string(&value["type"]));
        assert_eq!(event.columns.team_id, string(&value["team"]["id"]));
        assert_eq!(event.columns.actor_email, string(&value["actor"]["email"]));
        assert_eq!(
            event.columns.created_at,
            string(&value["created_at"]).as_deref().and_then(instant)
        );
        let address = string(&value["request"]["ip_address"]).and_then(|text| text.parse().ok());
        assert_eq!(event.columns.ip_address, address);
    });
}
