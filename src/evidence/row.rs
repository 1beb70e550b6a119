//! Compares the columns of a stored event with its bytes.

use std::borrow::Cow;
use std::net::IpAddr;

use chrono::NaiveDate;

use super::seal::hash_of_bytes;
use crate::event::{Columns, Hash, derive};

/// A row of `audit_events`, as the database holds it.
#[derive(Debug, Clone, Copy)]
pub struct EventRow<'a> {
    /// `event_id`.
    pub id: &'a str,
    /// `attempt`.
    pub attempt: i32,
    /// The bytes of the event.
    pub bytes: &'a [u8],
    /// `event_hash`.
    pub hash: &'a [u8],
    /// `created_at`, in microseconds since 1970; its lowest and highest values are infinities.
    pub created_at: Option<i64>,
    /// The derived texts, in the order of the columns: see [`TEXTS`].
    pub texts: [Option<&'a str>; 9],
    /// `ip_address`, if it names one address and no network.
    pub ip_address: Option<Option<IpAddr>>,
    /// `via`.
    pub via: &'a str,
    /// `first_seen_at`, in microseconds since 1970.
    pub first_seen_at: i64,
    /// Whether the derived columns are known.
    pub derived: DerivedParts,
}

/// Whether the columns of an event that are derived from its bytes are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DerivedParts {
    /// They are compared with the bytes.
    Known,
    /// A bag holds the bytes alone.
    Absent,
}

/// The names of the derived texts.
pub const TEXTS: [&str; 9] = [
    "type",
    "action",
    "actor_email",
    "actor_id",
    "app_name",
    "app_id",
    "team_name",
    "team_id",
    "owner_email",
];

/// What a row is, by its bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowFacts {
    pub(super) hash: Hash,
    pub(super) own_day: Option<NaiveDate>,
}

impl EventRow<'_> {
    /// What the bytes say. Calls `wrong` with the name of each column that they contradict.
    pub(super) fn compare(&self, mut wrong: impl FnMut(&'static str)) -> RowFacts {
        let hash = hash_of_bytes(self.bytes);
        let text = String::from_utf8_lossy(self.bytes);
        let Ok((id, columns)) = derive(&text) else {
            wrong("event");
            return RowFacts { hash, own_day: None };
        };
        let columns_are_right = [
            ("event_hash", self.hash == hash),
            ("event_id", is_id(self.id, id.as_deref(), &hash)),
            ("via", matches!(self.via, "api" | "archive")),
        ];
        for (column, is_right) in columns_are_right {
            if !is_right {
                wrong(column);
            }
        }
        if self.derived == DerivedParts::Known {
            self.compare_derived(&columns, wrong);
        }
        RowFacts { hash, own_day: columns.created_at.map(|time| time.date_naive()) }
    }

    fn compare_derived(
        &self,
        columns: &Columns<Cow<'_, str>>,
        mut wrong: impl FnMut(&'static str),
    ) {
        let micros = columns.created_at.map(|time| time.timestamp_micros());
        if self.created_at != micros {
            wrong("created_at");
        }
        if self.ip_address != Some(columns.ip_address) {
            wrong("ip_address");
        }
        let texts = texts(columns);
        (0..TEXTS.len()).filter(|i| self.texts[*i] != texts[*i]).for_each(|i| wrong(TEXTS[i]));
    }
}

/// Whether the bytes of a row are an event with its id.
pub(super) fn has_id(bytes: &[u8], row_id: &str) -> bool {
    let text = String::from_utf8_lossy(bytes);
    derive(&text).is_ok_and(|(id, _)| is_id(row_id, id.as_deref(), &hash_of_bytes(bytes)))
}

/// Whether a row has the id of its event. Without a usable one, it is the hash.
fn is_id(row_id: &str, id: Option<&str>, hash: &Hash) -> bool {
    match id {
        Some(id) => row_id == id,
        None => row_id.strip_prefix("sha256:") == Some(hex::encode(hash).as_str()),
    }
}

fn texts<'c>(columns: &'c Columns<Cow<'_, str>>) -> [Option<&'c str>; 9] {
    [
        columns.kind.as_deref(),
        columns.action.as_deref(),
        columns.actor_email.as_deref(),
        columns.actor_id.as_deref(),
        columns.app_name.as_deref(),
        columns.app_id.as_deref(),
        columns.team_name.as_deref(),
        columns.team_id.as_deref(),
        columns.owner_email.as_deref(),
    ]
}
