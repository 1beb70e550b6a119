//! Monthly archives: a gzip file of a whole month's events, with its checksum.

use std::io::Write as _;

use bytes::Bytes;
use chrono::{Datelike as _, NaiveDate};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

use crate::generate::Dice;

/// A calendar month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    /// The year, 2017 or later at Heroku.
    pub year: i32,
    /// 1 to 12.
    pub month: u32,
}

impl Month {
    /// The month that a date lies in.
    pub fn of(date: NaiveDate) -> Self {
        Self { year: date.year(), month: date.month() }
    }

    /// Reads `2024` and `09`, the two digits that Heroku's addresses have.
    pub(crate) fn parse(year: &str, month: &str) -> Option<Self> {
        let first = NaiveDate::parse_from_str(&format!("{year}-{month}-01"), "%Y-%m-%d").ok()?;
        (month.len() == 2).then(|| Self::of(first))
    }

    fn next(self) -> Self {
        if self.month == 12 { Self { year: self.year + 1, month: 1 } } else { Self { month: self.month + 1, ..self } }
    }
}

/// One month's file.
#[derive(Clone, Debug)]
pub struct Archive {
    /// The bytes as they are downloaded; their SHA-256 is the checksum, their number the size.
    pub file: Bytes,
    /// The lower-case hex SHA-256 of [`Archive::file`].
    pub checksum: String,
    /// The 24 characters that stand for this file at the archive host.
    pub key: String,
    /// When it was made: just after the end of the month.
    pub created_at: String,
}

impl Archive {
    pub(crate) fn new(account: &str, month: Month, file: Bytes) -> Self {
        let checksum = hex::encode(Sha256::digest(&file));
        let key = hex::encode(Sha256::digest(format!("{account} {month:?} {checksum}")))[..24].to_owned();
        let Month { year, month } = month.next();
        Self { file, checksum, key, created_at: format!("{year}-{month:02}-01T00:02:24.870Z") }
    }
}

/// Packs events into `{"entries":[…]}`, shuffled, since Heroku promises no order, and always in the same way.
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

/// These bytes, gzipped.
pub fn gzip(bytes: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("a vector takes all bytes").into()
}
