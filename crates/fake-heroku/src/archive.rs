//! Monthly archives: a gzip file of a month's events, with its checksum.

use std::io::Write as _;

use bytes::Bytes;
use chrono::{DateTime, Datelike as _, NaiveDate, NaiveTime, SecondsFormat, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::generate::Dice;

/// A calendar month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    /// The year. Heroku's archives begin in 2017.
    pub year: i32,
    /// 1 to 12.
    pub month: u32,
}

impl Month {
    /// The month of a date.
    pub fn of(date: NaiveDate) -> Self {
        Self { year: date.year(), month: date.month() }
    }

    /// Parse `2024` and `09`, the two digits that Heroku's addresses have.
    pub(crate) fn parse(year: &str, month: &str) -> Option<Self> {
        let first = NaiveDate::parse_from_str(&format!("{year}-{month}-01"), "%Y-%m-%d").ok()?;
        (month.len() == 2).then(|| Self::of(first))
    }

    fn next(self) -> Self {
        if self.month == 12 {
            Self { year: self.year + 1, month: 1 }
        } else {
            Self { month: self.month + 1, ..self }
        }
    }
}

/// One month's file.
#[derive(Clone, Debug)]
pub struct Archive {
    /// The bytes as a client downloads them.
    pub file: Bytes,
    /// The lower-case hex SHA-256 of [`Archive::file`].
    pub checksum: String,
    /// The 24 characters that identify this file at the archive host.
    pub key: String,
    /// When Heroku made it: just after the end of the month. The archive of the current month is
    /// made just after each midnight.
    pub created_at: String,
    /// Fields that its own page has in place of those above. A field without a value is left out.
    pub page_fields: Vec<(String, Option<Value>)>,
    /// The header `Content-Encoding` of the download. It does not change the bytes.
    pub content_encoding: Option<String>,
    /// Fields that Heroku's list of archives leaves out of this one.
    pub unlisted_fields: Vec<String>,
}

/// The time at which Heroku made the archive of `month` that it serves at `now`.
pub(crate) fn made_at(month: Month, now: DateTime<Utc>) -> DateTime<Utc> {
    let Month { year, month } = month.next();
    let after_the_month = NaiveDate::from_ymd_opt(year, month, 1).unwrap_or(NaiveDate::MAX);
    let begins = NaiveTime::from_hms_milli_opt(0, 2, 24, 870).unwrap_or_default();
    after_the_month.min(now.date_naive()).and_time(begins).and_utc().min(now)
}

impl Archive {
    pub(crate) fn new(account: &str, month: Month, file: Bytes) -> Self {
        let created_at = made_at(month, Utc::now()).to_rfc3339_opts(SecondsFormat::Millis, true);
        let checksum = hex::encode(Sha256::digest(&file));
        let key =
            hex::encode(Sha256::digest(format!("{account} {month:?} {checksum}")))[..24].to_owned();
        Self {
            file,
            checksum,
            key,
            created_at,
            page_fields: Vec::new(),
            content_encoding: None,
            unlisted_fields: Vec::new(),
        }
    }
}

/// Pack events into `{"entries":[…]}`. They are shuffled, because Heroku promises no order, and
/// always in the same way.
pub fn pack(events: &[Bytes]) -> Bytes {
    let mut order: Vec<&Bytes> = events.iter().collect();
    let mut dice = Dice::new("archive");
    for last in (1..order.len()).rev() {
        order.swap(last, dice.below(last + 1));
    }
    let mut json = b"{\"entries\":[".to_vec();
    for (position, event) in order.iter().enumerate() {
        json.extend_from_slice(if position == 0 { b"\n" } else { b",\n" });
        json.extend_from_slice(event);
    }
    json.extend_from_slice(b"\n]}\n");
    gzip(&json)
}

/// Compress these bytes with gzip.
pub fn gzip(bytes: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .expect("a vector takes all bytes")
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_made_after_its_month_or_the_last_midnight() {
        let month = Month { year: 2024, month: 12 };
        for (now, made) in [
            ("2025-03-07T10:00:00Z", "2025-01-01T00:02:24.870Z"),
            ("2025-01-01T00:02:24.870Z", "2025-01-01T00:02:24.870Z"),
            ("2025-01-01T00:01:00Z", "2025-01-01T00:01:00.000Z"),
            ("2024-12-28T15:00:00Z", "2024-12-28T00:02:24.870Z"),
            ("2024-12-28T00:00:00Z", "2024-12-28T00:00:00.000Z"),
        ] {
            let found = made_at(month, now.parse().expect("a time"));
            assert_eq!(found.to_rfc3339_opts(SecondsFormat::Millis, true), made, "{now}");
        }
    }
}
