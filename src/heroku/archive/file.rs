//! A downloaded archive: a month's file on this machine.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use chrono::{DateTime, Days, NaiveDate, Utc};
use serde_json::Value;

use super::unpack::{Entries, Unreadable};
use crate::day::{Month, last_over};

/// A month's file, with the checksum that Heroku announced. It has no name on disk.
#[derive(Debug)]
pub(crate) struct Archive {
    pub(super) file: File,
    /// The month.
    pub(crate) month: Month,
    /// How many bytes were downloaded.
    pub(crate) bytes: u64,
    /// Their SHA-256 as lower-case hex.
    pub(crate) checksum: String,
    /// Heroku's id of the request that named the file.
    pub(crate) request_id: Option<String>,
    /// What is known of the time when Heroku made it.
    pub(super) made: Made,
}

/// What is known of the time when Heroku made an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    /// Heroku says so.
    At(DateTime<Utc>),
    /// Heroku does not say so. The newest event of the month in the file has this time.
    After(DateTime<Utc>),
    /// Heroku does not say so, and no event of the month tells.
    Unknown,
}

/// Whether Heroku says when it made an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dating {
    /// It gives a time.
    Stated,
    /// It gives no time that can be read.
    Unstated,
    /// It gives a time that has not come yet.
    InFuture,
}

impl Archive {
    /// The newest day that it is proven to cover completely, if there is one. `newest` is the
    /// newest day that is over.
    pub(crate) fn covers_to(&self, newest: NaiveDate) -> Option<NaiveDate> {
        self.made.covers_to(self.month, newest)
    }

    /// Whether Heroku says when it made the archive.
    pub(crate) fn dating(&self, newest: NaiveDate) -> Dating {
        self.made.dating(newest)
    }

    /// A time up to which it is proven to hold Heroku's knowledge.
    pub(crate) fn as_of(&self) -> DateTime<Utc> {
        match self.made {
            Made::At(time) | Made::After(time) => time,
            Made::Unknown => DateTime::UNIX_EPOCH,
        }
    }

    /// Its bytes, as they were downloaded.
    pub(crate) fn bytes_as_downloaded(&self) -> io::Result<impl io::Read + Send + use<>> {
        Ok(RawBytes { file: self.file.try_clone()?, at: 0 })
    }

    /// Begins to read its events from the start. Several readings can run at the same time.
    pub(crate) fn read(&self) -> io::Result<Entries> {
        Ok(Entries::of(self.file.try_clone()?))
    }
}

impl Made {
    /// The newest day of `month` that an archive covers completely, if there is one.
    ///
    /// The archive of the current month ends at the last midnight before it was made (Heroku Dev
    /// Center, "Audit Trail"). Without the time when it was made, it may be weeks old. A month that
    /// is over is then covered up to the day before its newest event: the archive was made after
    /// that event. Of the current month, nothing is taken without a time: Heroku's lists have its
    /// days.
    fn covers_to(self, month: Month, newest: NaiveDate) -> Option<NaiveDate> {
        let made = match self {
            Self::At(_) if self.dating(newest) == Dating::InFuture => return None,
            Self::At(time) => last_over(time),
            Self::After(event) if month.last() <= newest => last_over(event),
            Self::After(_) | Self::Unknown => return None,
        };
        let last = month.last().min(newest).min(made);
        (last >= month.first()).then_some(last)
    }

    fn dating(self, newest: NaiveDate) -> Dating {
        // Today is the day after the newest one that is over. Heroku's clock may be ahead of the
        // database's at midnight.
        let is_future = |time: DateTime<Utc>| time.date_naive() > newest + Days::new(2);
        match self {
            Self::At(time) if is_future(time) => Dating::InFuture,
            Self::At(_) => Dating::Stated,
            Self::After(_) | Self::Unknown => Dating::Unstated,
        }
    }

    /// What the events of a file tell of the time when Heroku made it. A file that can't be read
    /// tells nothing; the run that reads its events reports that.
    pub(super) async fn after_events(file: &File, month: Month) -> io::Result<Self> {
        let newest = newest_event(Entries::of(file.try_clone()?), month).await;
        Ok(newest.ok().flatten().map_or(Self::Unknown, Self::After))
    }
}

/// The time of the newest event that is of `month`.
async fn newest_event(
    mut entries: Entries,
    month: Month,
) -> Result<Option<DateTime<Utc>>, Unreadable> {
    let mut newest = None;
    while let Some(batch) = entries.next().await? {
        let times = batch.iter().filter_map(|event| event.columns.created_at);
        newest = newest.max(times.filter(|time| Month::of(time.date_naive()) == month).max());
    }
    Ok(newest)
}

impl Dating {
    /// What speaks against the archive as a proof, if something does.
    pub(crate) fn doubt(self) -> Option<&'static str> {
        match self {
            Self::Stated => None,
            Self::Unstated => Some("Heroku does not say when it made this archive"),
            Self::InFuture => {
                Some("Heroku says that it made this archive at a time that has not come yet")
            }
        }
    }
}

/// The time in a field `created_at`; `None` if it is missing or not as documented.
pub(super) fn time(created_at: &Value) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(created_at.as_str()?).ok()?;
    Some(time.to_utc())
}

/// The bytes of a file, with a position of their own.
struct RawBytes {
    file: File,
    at: u64,
}

impl io::Read for RawBytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    #[test]
    fn an_archive_covers_only_days_that_were_over_when_it_was_made() {
        let month: Month = "2024-09".parse().expect("a month");
        let current = |made: Made| made.covers_to(month, date("2024-09-27"));
        let past = |made: Made| made.covers_to(month, date("2024-10-05"));
        let time = |text: &str| Made::At(at(text));
        for (made, in_the_month, later) in [
            (time("2024-09-28T00:02:00Z"), Some("2024-09-27"), Some("2024-09-27")),
            (time("2024-09-20T23:59:59Z"), Some("2024-09-19"), Some("2024-09-19")),
            (time("2024-09-01T00:02:00Z"), None, None),
            // At midnight, Heroku's clock may be ahead.
            (time("2024-09-29T00:00:00Z"), Some("2024-09-27"), Some("2024-09-28")),
            (time("2024-09-30T00:00:00Z"), None, Some("2024-09-29")),
            (time("2024-10-06T00:02:00Z"), None, Some("2024-09-30")),
            (time("2999-01-01T00:00:00Z"), None, None),
            (Made::After(at("2024-09-21T12:00:00Z")), None, Some("2024-09-20")),
            (Made::After(at("2024-09-01T12:00:00Z")), None, None),
            (Made::After(at("2024-09-30T23:59:59Z")), None, Some("2024-09-29")),
            (Made::Unknown, None, None),
        ] {
            assert_eq!(current(made), in_the_month.map(date), "{made:?}");
            assert_eq!(past(made), later.map(date), "{made:?}");
        }
    }

    #[test]
    fn only_a_documented_time_says_when_an_archive_was_made() {
        let stated = serde_json::json!("2024-09-28T02:00:00.870+02:00");
        assert_eq!(time(&stated), Some(at("2024-09-28T00:00:00.870Z")));
        for none in ["null", "1727481600", "\"\"", "\"2024-09-28\"", "\"soon\"", "{}", "[]"] {
            assert_eq!(time(&serde_json::from_str(none).expect("JSON")), None, "{none}");
        }
    }
}
