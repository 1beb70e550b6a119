//! What the seal of a published day says.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use sqlx::postgres::PgRow;

use super::error::Result;
use super::lease::Lease;
use super::statement::{column, hash};
use crate::config::Scope;
use crate::day::Month;
use crate::evidence::{Contents, SealKind, Sealed};

/// What the events of a day were read from, for its seal and the history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provenance {
    /// Heroku's id of the request for the last page, or for the archive.
    pub request_id: Option<String>,
    /// The archive, if they were read from one.
    pub archive: Option<SealedArchive>,
    /// The name of the file that keeps the archive, if one does. The seal does not say it.
    pub kept_as: Option<String>,
    /// What confirmed an empty list, beyond the list itself.
    pub confirmed_by: Option<String>,
}

/// An archive, as Heroku described it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SealedArchive {
    /// The month.
    pub month: Month,
    /// The SHA-256 of the file as lower-case hex.
    pub checksum: String,
    /// The size of the file.
    pub bytes: u64,
}

/// The seal of a day that `sql/publish.sql` published.
///
/// `reading` is the scope of the reading, and when it began.
pub(super) fn day_seal(
    lease: &Lease,
    reading: (Option<&Scope>, Option<DateTime<Utc>>),
    provenance: &Provenance,
    row: &PgRow,
) -> Result<Sealed> {
    let (scope, began) = reading;
    let key = lease.key();
    let body = provenance.archive.as_ref().map(|archive| json!({ "archive": archive }));
    // Without a reading, scope and time of the last one stay.
    let scope = match scope {
        Some(scope) => json!(scope).to_string(),
        None => column::<Option<String>>(row, "scope")?.unwrap_or_default(),
    };
    let read_at: Option<DateTime<Utc>> =
        began.map_or_else(|| column(row, "synced_at"), |began| Ok(Some(began)))?;
    let now: DateTime<Utc> = column(row, "now")?;
    Ok(Sealed {
        prev_attempt: Some(column(row, "prev_attempt")?),
        contents: Some(Contents {
            events: i64::from(column::<i32>(row, "events_count")?),
            digest: hash(row, "digest")?,
            conflicts: i64::from(column::<i32>(row, "conflicts")?),
            conflicts_digest: hash(row, "conflicts_digest")?,
        }),
        scope,
        read_at: read_at.map(|read_at| read_at.min(now)),
        request_id: provenance.request_id.clone().unwrap_or_default(),
        body: body.map(|body| body.to_string()).unwrap_or_default(),
        ..Sealed::of_day(SealKind::Day, key.source.as_ref(), key.date, lease.attempt())
    })
}
