//! The forms of the fields that depend on the kind of a seal.
//!
//! A seal that breaks them can still be read, so that a walk along the chain goes on. JSON may hold
//! more keys than these: a later version may write them.

use serde_json::Value;

use super::{NotAPreimage, Seal, SealKind, hash_from_hex};
use crate::day::Month;

impl Seal {
    /// Checks that scope, times and body say what the kind demands.
    pub(crate) fn check_form(&self) -> Result<(), NotAPreimage> {
        let sealed = &self.sealed;
        let is_read_later = sealed.read_at.is_some_and(|read_at| read_at > self.place.sealed_at);
        let wrong = [
            ("scope", !is_empty_or(&sealed.scope, Value::is_object)),
            ("read_at", is_read_later),
            ("body", !has_form(sealed.kind, &sealed.body)),
        ];
        let wrong = wrong.into_iter().find(|(_, is_wrong)| *is_wrong);
        wrong.map_or(Ok(()), |(field, _)| Err(NotAPreimage::Field(field)))
    }
}

fn has_form(kind: SealKind, body: &str) -> bool {
    let json = || serde_json::from_str::<Value>(body).unwrap_or_default();
    match kind {
        SealKind::Genesis => {
            let body = json();
            body["auditsync"].is_string() && body["postgresql"].is_string()
        }
        SealKind::Day => is_empty_or(body, |body| is_archive(&body["archive"])),
        SealKind::Reset => {
            let body = json();
            let is_optional = |value: &Value| value.is_string() || value.is_null();
            body["by"].is_string()
                && body.get("reason").is_some_and(is_optional)
                && body["was"].is_string()
        }
        SealKind::Baseline => {
            let body = json();
            let is_count = |value: &Value| value.is_i64() || value.is_null();
            body["status"].is_string() && body.get("events_count").is_some_and(is_count)
        }
        SealKind::Prune => json().is_object(),
        // Its reader reports a body without a key.
        SealKind::Key => true,
    }
}

/// Whether a text is empty, or JSON that `is_right`.
fn is_empty_or(text: &str, is_right: impl Fn(&Value) -> bool) -> bool {
    text.is_empty() || serde_json::from_str(text).is_ok_and(|value| is_right(&value))
}

/// Whether a value names the archive that a day was read from.
fn is_archive(archive: &Value) -> bool {
    let is = |key: &str, is_right: fn(&str) -> bool| archive[key].as_str().is_some_and(is_right);
    is("month", |month| month.parse::<Month>().is_ok())
        && is("checksum", |checksum| hash_from_hex(checksum).is_some())
        && archive["bytes"].is_u64()
}

#[cfg(test)]
mod tests {
    use super::super::super::head::LogId;
    use super::super::{Place, Sealed};
    use super::*;

    #[test]
    fn each_kind_has_bodies_of_its_own_form() {
        let hash = "ab".repeat(32);
        let archive = |month: &str, checksum: &str, bytes: &str| {
            format!(r#"{{"archive":{{"month":{month},"checksum":{checksum},"bytes":{bytes}}}}}"#)
        };
        let good = archive("\"2024-09\"", &format!("\"{hash}\""), "7");
        let more = good.replace("\"bytes\":7}", "\"bytes\":7,\"url\":null},\"later\":[1]");
        let bad = [
            archive("\"2024-13\"", &format!("\"{hash}\""), "7"),
            archive("202409", &format!("\"{hash}\""), "7"),
            archive("\"2024-09\"", "\"xyz\"", "7"),
            archive("\"2024-09\"", &format!("\"{}\"", hash.to_uppercase()), "7"),
            archive("\"2024-09\"", "null", "7"),
            archive("\"2024-09\"", &format!("\"{hash}\""), "-7"),
            archive("\"2024-09\"", &format!("\"{hash}\""), "\"7\""),
            format!("{good} x"),
        ];
        let bad: Vec<&str> = bad.iter().map(String::as_str).chain(["{\"archive\":null}"]).collect();
        for (kind, good, bad) in [
            (SealKind::Day, vec!["", &good, &more], bad),
            (
                SealKind::Genesis,
                vec![r#"{"auditsync":"0.1.0","postgresql":"16.4","later":1}"#],
                vec!["", r#"{"auditsync":"0.1.0"}"#, r#"{"auditsync":1,"postgresql":2}"#],
            ),
            (
                SealKind::Reset,
                vec![
                    r#"{"by":"me","reason":null,"was":"SUCCESS"}"#,
                    r#"{"by":"me","reason":"x","was":"FAILED","later":{}}"#,
                ],
                vec![
                    "",
                    r#"{"by":"me","was":"SUCCESS"}"#,
                    r#"{"by":null,"reason":null,"was":"SUCCESS"}"#,
                    r#"{"by":"me","reason":7,"was":"SUCCESS"}"#,
                ],
            ),
            (
                SealKind::Baseline,
                vec![
                    r#"{"status":"SUCCESS","events_count":7}"#,
                    r#"{"status":"FAILED","events_count":null}"#,
                ],
                vec!["", r#"{"status":"SUCCESS"}"#, r#"{"status":1,"events_count":7}"#],
            ),
            (SealKind::Prune, vec!["{}"], vec![""]),
        ] {
            for body in good {
                assert!(has_form(kind, body), "{kind}: {body}");
            }
            let never = ["x", "[]", "null", "7", "\"{}\"", "{\"archive\"", "\u{0}"];
            let never = never.into_iter().chain((kind != SealKind::Prune).then_some("{}"));
            for body in bad.into_iter().chain(never) {
                assert!(!has_form(kind, body), "{kind}: {body}");
            }
        }
    }

    #[test]
    fn reading_begins_before_the_seal_and_a_scope_is_an_object() {
        let at = |text: &str| text.parse().expect("a time");
        let date = "2024-09-28".parse().expect("a date");
        let sealed_at = at("2024-09-29T00:10:01Z");
        let place = Place { log: LogId::from_bits(1), seq: 2, prev: Some([0; 32]), sealed_at };
        let check = |read_at: &str, scope: &str| {
            let sealed = Sealed {
                read_at: Some(at(read_at)),
                scope: scope.to_owned(),
                ..Sealed::of_day(SealKind::Day, "acme", date, 1)
            };
            Seal { place: place.clone(), sealed }.check_form()
        };
        let (before, scope) = ("2024-09-29T00:10:01Z", r#"{"account":"acme"}"#);
        assert_eq!(check(before, scope), Ok(()));
        assert_eq!(check(before, ""), Ok(()));
        let late = check("2024-09-29T00:10:01.000001Z", scope);
        assert_eq!(late, Err(NotAPreimage::Field("read_at")));
        for odd in ["x", "[]", "null", "{} {}"] {
            assert_eq!(check(before, odd), Err(NotAPreimage::Field("scope")), "{odd}");
        }
    }
}
