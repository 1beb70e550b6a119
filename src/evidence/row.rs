//! Compares the columns of a stored event with its bytes.

use std::net::IpAddr;

use bytes::Bytes;
use chrono::NaiveDate;
use sha2::{Digest as _, Sha256};

use crate::event::{Columns, Event, Hash};

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
        let Ok(event) = Event::from_bytes(Bytes::copy_from_slice(self.bytes)) else {
            wrong("event");
            return RowFacts { hash: Sha256::digest(self.bytes).into(), own_day: None };
        };
        let columns = &event.columns;
        if self.hash != event.hash {
            wrong("event_hash");
        }
        if self.id != event.id {
            wrong("event_id");
        }
        if self.created_at != columns.created_at.map(|time| time.timestamp_micros()) {
            wrong("created_at");
        }
        let derived = texts(columns);
        let differing = (0..TEXTS.len()).filter(|i| self.texts[*i] != derived[*i]);
        differing.for_each(|i| wrong(TEXTS[i]));
        if self.ip_address != Some(columns.ip_address) {
            wrong("ip_address");
        }
        if !matches!(self.via, "api" | "archive") {
            wrong("via");
        }
        RowFacts { hash: event.hash, own_day: event.own_day() }
    }
}

fn texts(columns: &Columns) -> [Option<&str>; 9] {
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
