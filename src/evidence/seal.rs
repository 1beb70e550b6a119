//! A seal and its preimage: the text whose SHA-256 is the seal.
//!
//! The preimage is the record; `docs/evidence.md` documents every byte of it. This module alone
//! builds and reads it. In the database, the function `auditsync_seal` adds the four fields that
//! only the database knows.

mod form;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::head::{Head, LogId};
use super::netstring::{self, NotNetstrings};
use crate::event::Hash;

/// The first field of every preimage.
const FORMAT: &str = "auditsync-seal-v1";

/// How many fields a preimage has.
const FIELDS: usize = 18;

/// How a preimage writes a time: UTC, to the microsecond.
const TIME: &str = "%Y-%m-%dT%H:%M:%S%.6fZ";

/// What a seal records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SealKind {
    /// The chain began.
    Genesis,
    /// A day came from the Python logger, which stored no events.
    Baseline,
    /// A day was published.
    Day,
    /// A sealed day was made due again.
    Reset,
    /// The events of days were deleted, as retention demands.
    Prune,
    /// A key signs from here on.
    Key,
}

impl SealKind {
    /// All kinds.
    pub const ALL: [Self; 6] =
        [Self::Genesis, Self::Baseline, Self::Day, Self::Reset, Self::Prune, Self::Key];

    /// The word in the preimage and in the column `kind`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Genesis => "genesis",
            Self::Baseline => "baseline",
            Self::Day => "day",
            Self::Reset => "reset",
            Self::Prune => "prune",
            Self::Key => "key",
        }
    }
}

impl fmt::Display for SealKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The fields that this program knows before the seal has its place in the chain. A field that does
/// not apply is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// What the seal records.
    pub kind: SealKind,
    /// The source; empty if the seal is of no day.
    pub source: String,
    /// The UTC date of the day.
    pub date: Option<NaiveDate>,
    /// The attempt that published the day, or the day's last attempt.
    pub attempt: Option<i32>,
    /// The attempt of the day's previous seal of kind `day`; 0 if there is none.
    pub prev_attempt: Option<i32>,
    /// What is stored of the day.
    pub contents: Option<Contents>,
    /// Account, team and filter as JSON text.
    pub scope: String,
    /// When reading began, by the database's clock.
    pub read_at: Option<DateTime<Utc>>,
    /// Heroku's id of the last request.
    pub request_id: String,
    /// What the kind needs, as JSON text.
    pub body: String,
}

/// The events and conflicts of a day, counted and hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contents {
    /// The number of events.
    pub events: i64,
    /// The SHA-256 over the hashes of the events in ascending byte order of their ids.
    pub digest: Hash,
    /// The number of conflicts.
    pub conflicts: i64,
    /// The SHA-256 over the hashes of the conflicts, ordered by id and hash.
    pub conflicts_digest: Hash,
}

/// The fields that the database adds under the lock of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The chain.
    pub log: LogId,
    /// The number of the seal in the chain, from 1 on.
    pub seq: i64,
    /// The previous seal; `None` for the first.
    pub prev: Option<Hash>,
    /// When it was sealed, by the database's clock.
    pub sealed_at: DateTime<Utc>,
}

/// A seal, read from its preimage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// Its place in the chain.
    pub place: Place,
    /// What it records.
    pub sealed: Sealed,
}

/// Why a text is no preimage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAPreimage {
    /// The text is no sequence of netstrings.
    #[error("it is not a sequence of netstrings: {0}")]
    Netstrings(#[from] NotNetstrings),
    /// The number of fields is wrong.
    #[error("it has {0} fields, not {FIELDS}")]
    Fields(usize),
    /// A field has another form than the format demands.
    #[error("its field {0} is not what the format demands")]
    Field(&'static str),
}

impl Sealed {
    /// A seal of this kind that is of no day.
    pub fn of_log(kind: SealKind, body: String) -> Self {
        Self {
            kind,
            source: String::new(),
            date: None,
            attempt: None,
            prev_attempt: None,
            contents: None,
            scope: String::new(),
            read_at: None,
            request_id: String::new(),
            body,
        }
    }

    /// The seal that announces the key with this text, which others verify with.
    pub fn of_key(verifier_key: &str) -> Self {
        Self::of_log(SealKind::Key, json!({ "verifier_key": verifier_key }).to_string())
    }

    /// The key that the seal announces, as text.
    pub fn verifier_key(&self) -> Option<String> {
        let body: serde_json::Value = serde_json::from_str(&self.body).ok()?;
        (self.kind == SealKind::Key).then(|| body["verifier_key"].as_str().map(str::to_owned))?
    }

    /// A seal of this kind about the day `date` of `source`, which was not read for it.
    pub fn of_day(kind: SealKind, source: &str, date: NaiveDate, attempt: i32) -> Self {
        Self {
            source: source.to_owned(),
            date: Some(date),
            attempt: Some(attempt),
            ..Self::of_log(kind, String::new())
        }
    }

    /// The fields in their order, without those of the [`Place`].
    pub fn fields(&self) -> Vec<String> {
        let number = |number: Option<i64>| number.map(|n| n.to_string()).unwrap_or_default();
        let hash = |hash: Option<Hash>| hash.map(hex::encode).unwrap_or_default();
        let contents = self.contents.as_ref();
        vec![
            self.kind.to_string(),
            self.source.clone(),
            self.date.map(|date| date.to_string()).unwrap_or_default(),
            number(self.attempt.map(i64::from)),
            number(self.prev_attempt.map(i64::from)),
            number(contents.map(|contents| contents.events)),
            hash(contents.map(|contents| contents.digest)),
            number(contents.map(|contents| contents.conflicts)),
            hash(contents.map(|contents| contents.conflicts_digest)),
            self.scope.clone(),
            self.read_at.as_ref().map(time_text).unwrap_or_default(),
            self.request_id.clone(),
            self.body.clone(),
        ]
    }
}

impl Seal {
    /// The preimage.
    pub fn preimage(&self) -> String {
        let Place { log, seq, prev, sealed_at } = &self.place;
        let (before, after) = ([FORMAT, log.as_str()], self.sealed.fields());
        let mut text = String::with_capacity(512);
        for field in before {
            netstring::push(field, &mut text);
        }
        netstring::push(&seq.to_string(), &mut text);
        netstring::push(&prev.map(hex::encode).unwrap_or_default(), &mut text);
        // The time of the seal stands between `read_at` and `request_id`.
        let (read, rest) = after.split_at(11);
        for field in read.iter().chain([&time_text(sealed_at)]).chain(rest) {
            netstring::push(field, &mut text);
        }
        text
    }

    /// Reads a preimage. Every field must have exactly the form in which it is written.
    pub fn parse(preimage: &str) -> Result<Self, NotAPreimage> {
        let fields = netstring::split(preimage)?;
        let fields: [&str; FIELDS] =
            fields.as_slice().try_into().map_err(|_| NotAPreimage::Fields(fields.len()))?;
        let [format, log, seq, prev, kind, source, date, attempt, prev_attempt, rest @ ..] = fields;
        let [events, digest, conflicts, conflicts_digest, rest @ ..] = rest;
        let [scope, read_at, sealed_at, request_id, body] = rest;
        if format != FORMAT {
            return Err(NotAPreimage::Field("format"));
        }
        let seq = number("seq", seq)?.filter(|seq| *seq >= 1).ok_or(NotAPreimage::Field("seq"))?;
        let prev = hash("prev", prev)?;
        if prev.is_none() != (seq == 1) {
            return Err(NotAPreimage::Field("prev"));
        }
        let kind = SealKind::ALL.into_iter().find(|known| known.as_str() == kind);
        let kind = kind.ok_or(NotAPreimage::Field("kind"))?;
        let place = Place {
            log: log.parse().map_err(|_| NotAPreimage::Field("log"))?,
            seq,
            prev,
            sealed_at: time("sealed_at", sealed_at)?.ok_or(NotAPreimage::Field("sealed_at"))?,
        };
        let contents = contents(
            (number("events", events)?, hash("digest", digest)?),
            (number("conflicts", conflicts)?, hash("conflicts_digest", conflicts_digest)?),
        )?;
        let sealed = Sealed {
            kind,
            source: source.to_owned(),
            date: day("date", date)?,
            attempt: number("attempt", attempt)?,
            prev_attempt: number("prev_attempt", prev_attempt)?,
            contents,
            scope: scope.to_owned(),
            read_at: time("read_at", read_at)?,
            request_id: request_id.to_owned(),
            body: body.to_owned(),
        };
        sealed.require_day()?;
        Ok(Self { place, sealed })
    }

    /// The head of the chain that ends with this seal, whose preimage is `preimage`.
    pub fn head(&self, preimage: &str) -> Head {
        let Place { log, seq, .. } = &self.place;
        Head { log: log.clone(), seq: *seq, seal: hash_of(preimage) }
    }
}

impl Sealed {
    /// A seal of a day must name it, and one of a published day must name what is stored of it.
    fn require_day(&self) -> Result<(), NotAPreimage> {
        let is_of_day = matches!(self.kind, SealKind::Day | SealKind::Baseline | SealKind::Reset);
        let missing = [
            ("source", is_of_day && self.source.is_empty()),
            ("date", is_of_day && self.date.is_none()),
            ("attempt", is_of_day && self.attempt.is_none()),
            ("prev_attempt", self.kind == SealKind::Day && self.prev_attempt.is_none()),
            ("events", self.kind == SealKind::Day && self.contents.is_none()),
            ("read_at", self.kind == SealKind::Day && self.read_at.is_none()),
        ];
        let missing = missing.into_iter().find(|(_, is_missing)| *is_missing);
        missing.map_or(Ok(()), |(field, _)| Err(NotAPreimage::Field(field)))
    }
}

/// The seal: the SHA-256 of its preimage.
pub fn hash_of(preimage: &str) -> Hash {
    Sha256::digest(preimage).into()
}

/// The hash of an event's bytes.
pub(super) fn hash_of_bytes(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

/// A time as a preimage writes it.
fn time_text(time: &DateTime<Utc>) -> String {
    time.format(TIME).to_string()
}

type CountAndHash = (Option<i64>, Option<Hash>);

/// All four fields about the contents apply, or none.
fn contents(
    events: CountAndHash,
    conflicts: CountAndHash,
) -> Result<Option<Contents>, NotAPreimage> {
    match (events, conflicts) {
        ((Some(events), Some(digest)), (Some(conflicts), Some(conflicts_digest))) => {
            Ok(Some(Contents { events, digest, conflicts, conflicts_digest }))
        }
        ((None, None), (None, None)) => Ok(None),
        _ => Err(NotAPreimage::Field("events")),
    }
}

/// A number without sign and leading zeros; `None` if the field is empty.
fn number<N>(name: &'static str, text: &str) -> Result<Option<N>, NotAPreimage>
where
    N: FromStr + fmt::Display,
{
    let number = |text: &str| text.parse().ok().filter(|n: &N| n.to_string() == text);
    let is_negative = text.starts_with('-');
    optional(text, number).filter(|_| !is_negative).ok_or(NotAPreimage::Field(name))
}

/// 64 lower-case hex digits; `None` if the field is empty.
fn hash(name: &'static str, text: &str) -> Result<Option<Hash>, NotAPreimage> {
    optional(text, hash_from_hex).ok_or(NotAPreimage::Field(name))
}

/// The hash with these 64 lower-case hex digits.
pub(crate) fn hash_from_hex(text: &str) -> Option<Hash> {
    let hash: Hash = hex::decode(text).ok()?.try_into().ok()?;
    (hex::encode(hash) == text).then_some(hash)
}

fn day(name: &'static str, text: &str) -> Result<Option<NaiveDate>, NotAPreimage> {
    let day = |text: &str| text.parse().ok().filter(|day: &NaiveDate| day.to_string() == text);
    optional(text, day).ok_or(NotAPreimage::Field(name))
}

fn time(name: &'static str, text: &str) -> Result<Option<DateTime<Utc>>, NotAPreimage> {
    let time = |text: &str| {
        let time = NaiveDateTime::parse_from_str(text, TIME).ok()?.and_utc();
        (time_text(&time) == text).then_some(time)
    };
    optional(text, time).ok_or(NotAPreimage::Field(name))
}

/// `Some(None)` for an empty text, and `None` for one that `read` does not accept.
#[expect(clippy::option_option, reason = "an empty field differs from a wrong one")]
fn optional<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    if text.is_empty() { Some(None) } else { read(text).map(Some) }
}

#[cfg(test)]
mod tests;
