//! Heroku's list of an account's archives.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::super::fault::Error;
use super::super::reader::{Element, ListReader};
use super::super::sanitize::sanitize;
use super::super::session::Session;
use super::file::time;
use crate::day::{Month, last_over};
use crate::text::secrets::learn_address;

/// Heroku's list of an account's archives.
#[derive(Debug, Default)]
pub(crate) struct ListedArchives {
    /// The archives, in the order of the list.
    pub(crate) archives: Vec<ListedArchive>,
    /// What the list says of the months of archives that no source can have.
    pub(crate) odd: Vec<String>,
}

/// An archive in Heroku's list. Heroku may leave out everything except the month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListedArchive {
    /// The month.
    pub(crate) month: Month,
    /// The SHA-256 of the file as lower-case hex, if Heroku announces one.
    pub(crate) checksum: Option<String>,
    /// The size of the file, if Heroku announces it.
    pub(crate) bytes: Option<u64>,
    /// When Heroku made the file, if it says so.
    made_at: Option<DateTime<Utc>>,
}

/// An element of the list, whatever it is. One odd element must not hide all other months.
#[derive(Deserialize)]
#[serde(from = "Value")]
struct Listed {
    /// The list has no other id than the month.
    id: String,
    archive: Option<ListedArchive>,
}

impl From<Value> for Listed {
    fn from(element: Value) -> Self {
        if let Some(url) = element["url"].as_str() {
            learn_address(url);
        }
        let [year, month] = [&element["year"], &element["month"]];
        let id = match (number(year), number(month)) {
            (Some(year), Some(month)) => format!("{year:04}-{month:02}"),
            _ => format!("year {}, month {}", words(year), words(month)),
        };
        let archive = id.parse().ok().map(|month| ListedArchive {
            month,
            checksum: element["checksum"].as_str().and_then(sha256),
            bytes: number(&element["size"]),
            made_at: time(&element["created_at"]),
        });
        Self { id, archive }
    }
}

/// How a value is named to people. A longer text is left out: it may be the address of an archive.
fn words(value: &Value) -> String {
    match value {
        Value::Null => "missing".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if is_short(text) => format!("`{text}`"),
        Value::String(_) => "no number".to_owned(),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => "of another type".to_owned(),
    }
}

fn is_short(text: &str) -> bool {
    text.len() <= 10 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// A whole number, or a text that is one.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// A SHA-256 in lower-case hex; `None` if the text is none.
fn sha256(text: &str) -> Option<String> {
    let is_one = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_one.then(|| text.to_ascii_lowercase())
}

impl ListedArchive {
    /// The newest day that it may cover completely, by the list alone. `newest` is the newest day
    /// that is over. If the list does not say when the archive was made, its own page may.
    pub(crate) fn may_cover_to(&self, newest: NaiveDate) -> Option<NaiveDate> {
        let made = self.made_at.map_or(newest, last_over);
        let last = self.month.last().min(newest).min(made);
        (last >= self.month.first()).then_some(last)
    }
}

impl Element for Listed {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Session {
    /// The archives that Heroku has of an account.
    pub(crate) async fn archives(&self, account: &str) -> Result<ListedArchives, Error> {
        let url = self.client().url(&["enterprise-accounts", account, "archives"]);
        let elements = ListReader::new(self, url).read_all::<Listed>().await?;
        let mut listed = ListedArchives::default();
        for Listed { id, archive } in elements {
            match archive {
                Some(archive) => listed.archives.push(archive),
                None => listed.odd.push(sanitize(&id, self.token())),
            }
        }
        Ok(listed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(text: &str) -> Result<ListedArchive, String> {
        let Listed { id, archive } = serde_json::from_str(text).expect("JSON");
        archive.ok_or(id)
    }

    #[test]
    fn only_the_month_of_a_listed_archive_is_required() {
        let checksum = "AB".repeat(32);
        let full = listed(&format!(
            r#"{{"year":2024,"month":"09","checksum":"{checksum}","size":7,
                "created_at":"2024-09-28T15:00:00Z","url":"https://host.example/x"}}"#
        ));
        let full = full.expect("an archive");
        assert_eq!(full.month.to_string(), "2024-09");
        assert_eq!((full.checksum, full.bytes), (Some("ab".repeat(32)), Some(7)));
        let bare = listed(r#"{"year":"2024","month":9}"#).expect("an archive");
        assert_eq!(
            (bare.month.to_string(), bare.checksum, bare.bytes),
            ("2024-09".into(), None, None)
        );
        let odd = r#"{"year":2024,"month":"09","checksum":"../x","size":null,"created_at":1}"#;
        let odd = listed(odd).expect("an archive");
        assert_eq!((odd.checksum, odd.bytes, odd.made_at), (None, None, None));
    }

    #[test]
    fn an_element_without_a_month_of_the_audit_trail_is_named() {
        for (odd, named) in [
            (r#"{"month":"09"}"#, "year missing, month `09`"),
            (r#"{"year":"x"}"#, "year `x`, month missing"),
            (r#"{"year":"h.example/1","month":"h://"}"#, "year no number, month no number"),
            (r#"{"year":2016,"month":"12"}"#, "2016-12"),
            (r#"{"year":2024,"month":"13"}"#, "2024-13"),
            (r#"{"year":2024,"month":"00"}"#, "2024-00"),
            (r#"{"year":2024.5,"month":[9]}"#, "year 2024.5, month of another type"),
            (r#"{"year":-2024,"month":true}"#, "year -2024, month of another type"),
            (r#"{"year":18446744073709551616,"month":1}"#, "year 1.8446744073709552e+19, month 1"),
            ("null", "year missing, month missing"),
            ("7", "year missing, month missing"),
            ("[[]]", "year missing, month missing"),
        ] {
            assert_eq!(listed(odd), Err(named.to_owned()), "{odd}");
        }
    }

    #[test]
    fn a_listed_archive_may_cover_days_up_to_the_midnight_before_it_was_made() {
        let date = |text: &str| text.parse::<NaiveDate>().expect("a date");
        let made = |created_at: &str| {
            let text = format!(r#"{{"year":2024,"month":"09","created_at":"{created_at}"}}"#);
            listed(&text).expect("an archive")
        };
        let current = made("2024-09-28T00:02:00Z");
        assert_eq!(current.may_cover_to(date("2024-09-27")), Some(date("2024-09-27")));
        assert_eq!(current.may_cover_to(date("2024-10-05")), Some(date("2024-09-27")));
        assert_eq!(made("2024-09-01T00:02:00Z").may_cover_to(date("2024-08-31")), None);
        assert_eq!(made("").may_cover_to(date("2024-10-05")), Some(date("2024-09-30")));
    }
}
