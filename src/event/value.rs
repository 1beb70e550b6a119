//! Compares two texts as JSON values. The order of keys, white space and spellings make no
//! difference. Numbers of any size are compared exactly.
//!
//! Heroku's archive may write an event in another way than its API. Values that can't be compared,
//! such as very deep nesting, count as different: a report is better than a missed difference.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// No event of Heroku is nested this deep.
const DEEPEST: usize = 128;

/// Whether `a` and `b` are the same JSON value.
pub fn same_value(a: &[u8], b: &[u8]) -> bool {
    if a == b {
        return true;
    }
    let value = |bytes: &[u8]| str::from_utf8(bytes).ok().and_then(|text| JsonValue::read(text, 0));
    value(a).is_some_and(|a| value(b).is_some_and(|b| a == b))
}

#[derive(Debug, PartialEq, Eq)]
enum JsonValue {
    /// `null`, `true` or `false`.
    Word(String),
    Number(Number),
    /// Text as bytes, because it may contain lone surrogates.
    Text(Vec<u8>),
    List(Vec<JsonValue>),
    /// If a key repeats, the last one counts, as in PostgreSQL.
    Object(BTreeMap<Vec<u8>, JsonValue>),
}

/// `0.digits × 10^exponent`, without leading or trailing zeros in the digits. Each number has only
/// one such form.
#[derive(Debug, PartialEq, Eq)]
struct Number {
    negative: bool,
    digits: String,
    exponent: i128,
}

impl JsonValue {
    fn read(text: &str, depth: usize) -> Option<Self> {
        let text = text.trim_matches([' ', '\t', '\n', '\r']);
        if depth > DEEPEST {
            return None;
        }
        let mut json = serde_json::Deserializer::from_str(text);
        Some(match text.as_bytes().first()? {
            b'{' => {
                let members: Vec<(Vec<u8>, &RawValue)> = json.deserialize_map(AllMembers).ok()?;
                let values = members
                    .into_iter()
                    .map(|(key, value)| Some((key, Self::read(value.get(), depth + 1)?)));
                Self::Object(values.collect::<Option<_>>()?)
            }
            b'[' => {
                let elements: Vec<&RawValue> = serde_json::from_str(text).ok()?;
                Self::List(
                    elements
                        .iter()
                        .map(|value| Self::read(value.get(), depth + 1))
                        .collect::<Option<_>>()?,
                )
            }
            b'"' => Self::Text(json.deserialize_bytes(StringBytes).ok()?),
            b'-' | b'0'..=b'9' => Self::Number(Number::read(text)?),
            _ => Self::Word(text.to_owned()),
        })
    }
}

impl Number {
    /// Reads a number in JSON's syntax.
    fn read(text: &str) -> Option<Self> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all: Cow<'_, str> =
            if fraction.is_empty() { whole.into() } else { format!("{whole}{fraction}").into() };
        let digits = all.trim_start_matches('0');
        let exponent: i128 = exponent.parse().ok()?;
        let leading_zeros = (all.len() - digits.len()) as i128;
        let digits = digits.trim_end_matches('0').to_owned();
        if digits.is_empty() {
            // Zero has neither a sign nor an exponent.
            return Some(Self { negative: false, digits, exponent: 0 });
        }
        Some(Self {
            negative,
            digits,
            exponent: exponent.checked_add(whole.len() as i128 - leading_zeros)?,
        })
    }
}

/// Reads an object's members, keys as bytes.
struct AllMembers;

impl<'de> Visitor<'de> for AllMembers {
    type Value = Vec<(Vec<u8>, &'de RawValue)>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(key) = map.next_key_seed(StringBytes)? {
            members.push((key, map.next_value()?));
        }
        Ok(members)
    }
}

/// Reads a string as bytes.
struct StringBytes;

impl<'de> serde::de::DeserializeSeed<'de> for StringBytes {
    type Value = Vec<u8>;

    fn deserialize<D: serde::Deserializer<'de>>(self, string: D) -> Result<Vec<u8>, D::Error> {
        string.deserialize_bytes(self)
    }
}

impl Visitor<'_> for StringBytes {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<u8>, E> {
        Ok(text.as_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        let (a, b) = (a.as_bytes(), b.as_bytes());
        assert_eq!(same_value(a, b), same_value(b, a));
        same_value(a, b)
    }

    #[test]
    fn order_white_space_and_spelling_do_not_matter() {
        assert!(same(
            r#"{"a":[1,{"b":null}],"c":"\u00e9\/"}"#,
            "{ \"c\" : \"é/\",\n\"a\":[ 1, {\"b\":null} ] }"
        ));
        assert!(same(r#"{"a":1,"a":2}"#, r#"{"a":2}"#));
        assert!(same(r#""\ud83d\ude42""#, "\"🙂\""));
        assert!(same(r#"{"x":"\ud800"}"#, r#"{ "x":"\uD800" }"#));
    }

    #[test]
    fn numbers_are_the_same_only_if_they_are_exactly_equal() {
        for (a, b) in [
            ("1", "1.0"),
            ("100", "1e2"),
            ("0.1", "1E-1"),
            ("-0", "0"),
            ("0e99", "0.000"),
            ("12345678901234567890.10", "12345678901234567890.1"),
            ("1e999999999999", "10e999999999998"),
        ] {
            assert!(same(a, b), "{a} {b}");
        }
        for (a, b) in [
            ("1", "-1"),
            ("9007199254740993", "9007199254740992"),
            ("0.1", "0.10000000000000000001"),
            ("1e400", "1e401"),
            ("10", "1"),
            ("1", "\"1\""),
        ] {
            assert!(!same(a, b), "{a} {b}");
        }
    }

    #[test]
    fn other_values_differ_and_so_do_values_too_deep_to_compare() {
        for (a, b) in [
            (r#"{"a":1}"#, r#"{"a":1,"b":null}"#),
            ("[1,2]", "[2,1]"),
            ("[]", "{}"),
            ("null", "false"),
            (r#""a""#, r#""A""#),
        ] {
            assert!(!same(a, b), "{a} {b}");
        }
        let deep = |inside: &str| format!("{}{inside}{}", "[".repeat(200), "]".repeat(200));
        assert!(!same(&deep("1"), &deep(" 1")));
        assert!(same(&deep("1"), &deep("1")));
        assert!(!same_value(b"\"\xff\"", b" \"\xff\""));
    }
}
