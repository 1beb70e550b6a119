//! Heroku's list of an account's archives.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::super::fault::Error;
use super::super::reader::{Element, ListReader};
use super::super::session::Session;
use super::file::covered_to;
use crate::day::Month;
use crate::text::secrets::learn_address;

/// An archive in Heroku's list. Heroku may leave out everything except the month.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Fields")]
pub(crate) struct ListedArchive {
    /// The month as text: the list has no other id.
    id: String,
    /// The month.
    pub(crate) month: Month,
    /// The SHA-256 of the file as lower-case hex, if Heroku announces one.
    pub(crate) checksum: Option<String>,
    /// The size of the file, if Heroku announces it.
    pub(crate) bytes: Option<u64>,
    /// When Heroku made the file, if it says so.
    made_at: Option<DateTime<Utc>>,
}

/// The fields of an element. Only the month must have the documented form.
#[derive(Deserialize)]
struct Fields {
    year: Value,
    month: Value,
    #[serde(default)]
    checksum: Value,
    #[serde(default)]
    size: Value,
    #[serde(default)]
    created_at: Value,
    #[serde(default)]
    url: Value,
}

impl TryFrom<Fields> for ListedArchive {
    type Error = String;

    fn try_from(fields: Fields) -> Result<Self, String> {
        if let Some(url) = fields.url.as_str() {
            learn_address(url);
        }
        let id = match (number(&fields.year), number(&fields.month)) {
            (Some(year), Some(month)) => format!("{year:04}-{month:02}"),
            _ => return Err("an archive has no year and month".to_owned()),
        };
        let month: Month = id.parse().map_err(|_| "an archive's month is not one".to_owned())?;
        let made_at = fields.created_at.as_str();
        let made_at = made_at.and_then(|text| DateTime::parse_from_rfc3339(text).ok());
        Ok(Self {
            id,
            month,
            checksum: fields.checksum.as_str().and_then(sha256),
            bytes: number(&fields.size),
            made_at: made_at.map(|time| time.to_utc()),
        })
    }
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
    /// The newest day that it covers completely, if there is one. `newest` is the newest day that
    /// is over.
    pub(crate) fn covers_to(&self, newest: NaiveDate) -> Option<NaiveDate> {
        covered_to(self.month, self.made_at, newest)
    }
}

impl Element for ListedArchive {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Session {
    /// The archives that Heroku has of an account, in the order of its list.
    pub(crate) async fn archives(&self, account: &str) -> Result<Vec<ListedArchive>, Error> {
        let url = self.client().url(&["enterprise-accounts", account, "archives"]);
        ListReader::new(self, url).read_all().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(text: &str) -> Result<ListedArchive, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
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
        for wrong in [
            r#"{"month":"09"}"#,
            r#"{"year":2024,"month":"13"}"#,
            r#"{"year":2024,"month":"x"}"#,
            r#"{"year":1999,"month":"01"}"#,
        ] {
            assert!(listed(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_listed_archive_covers_days_up_to_the_midnight_before_it_was_made() {
        let date = |text: &str| text.parse::<NaiveDate>().expect("a date");
        let made = |created_at: &str| {
            let text = format!(r#"{{"year":2024,"month":"09","created_at":"{created_at}"}}"#);
            listed(&text).expect("an archive")
        };
        let current = made("2024-09-28T00:02:00Z");
        assert_eq!(current.covers_to(date("2024-09-27")), Some(date("2024-09-27")));
        assert_eq!(current.covers_to(date("2024-10-05")), Some(date("2024-09-27")));
        assert_eq!(made("2024-09-01T00:02:00Z").covers_to(date("2024-08-31")), None);
        assert_eq!(made("").covers_to(date("2024-10-05")), Some(date("2024-09-30")));
    }
}
