//! The part of the preflight that compares the archives that Heroku has with what is on record.
//!
//! When a contract with Heroku ends, the archives are gone. So a month that is neither stored nor
//! compared deserves a warning.

use std::time::Duration;

use chrono::NaiveDate;

use super::super::clock;
use super::super::context::App;
use crate::config::{Source, SourceName};
use crate::day::{Month, last_over};
use crate::heroku::ListedArchive;
use crate::report::check::Check;
use crate::report::counted;
use crate::store::{Reader, Schema};

/// The longest wait for the database. A person waits for the result.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// What the database has on record.
pub(super) struct Record {
    reader: Reader,
    /// Whether there is a ledger.
    schema: Schema,
    newest: NaiveDate,
}

impl Record {
    /// Opens the database, if that is possible. The caller has reported what is wrong with it.
    pub(super) async fn open(app: &App<'_>) -> Option<Self> {
        let open = async {
            let reader = app.connect().await.ok()?;
            let schema = reader.schema().await.ok()?;
            let newest = last_over(clock::now(&reader).await.ok()?);
            Some(Self { reader, schema, newest })
        };
        tokio::time::timeout(PATIENCE, open).await.ok().flatten()
    }

    /// The ledger, if there is one.
    pub(super) fn ledger(&self) -> Option<&Reader> {
        (self.schema == Schema::Current).then_some(&self.reader)
    }

    /// Closes the connections.
    pub(super) async fn close(self) {
        self.reader.close().await;
    }

    /// Warns about past months of an account that are not on record for each of its sources.
    /// `None` if that can't be told.
    pub(super) async fn look(
        &self,
        account: &str,
        sources: &[&Source],
        archives: &[ListedArchive],
    ) -> Option<Check> {
        let months: Vec<Month> = archives.iter().map(|archive| archive.month).collect();
        let is_past = |month: &&Month| month.last() <= self.newest;
        let past: Vec<Month> = months.iter().filter(is_past).copied().collect();
        let wanted: Vec<(&Source, Month)> = sources
            .iter()
            .flat_map(|&source| past.iter().map(move |month| (source, *month)))
            .collect();
        let days = match self.schema {
            Schema::Current => {
                let days = self.reader.days_on_record(&wanted);
                tokio::time::timeout(PATIENCE, days).await.ok()?.ok()?
            }
            Schema::Absent => vec![0; wanted.len()],
            _ => return None,
        };
        let is_missing = |((_, month), days): &(&(&Source, Month), u64)| *days < month.days().len();
        let missing: Vec<(&Source, Month)> =
            wanted.iter().zip(days).filter(is_missing).map(|(month, _)| *month).collect();
        if missing.is_empty() {
            let listed = counted(months.len() as u64, "archive");
            let what = match past.len() {
                0 => ", none of a past month, so there is nothing to store or compare yet",
                _ => "; every past month is stored or compared",
            };
            return Some(Check::good("archives", account, format!("{listed} listed{what}")));
        }
        Some(warning(account, sources, &missing))
    }
}

fn warning(account: &str, sources: &[&Source], missing: &[(&Source, Month)]) -> Check {
    let mut months: Vec<Month> = missing.iter().map(|(_, month)| *month).collect();
    months.sort_unstable();
    months.dedup();
    let names: Vec<&SourceName> = sources
        .iter()
        .map(|source| &source.name)
        .filter(|name| missing.iter().any(|(source, _)| source.name == **name))
        .collect();
    let listed: Vec<String> = names.iter().map(ToString::to_string).collect();
    let found = format!(
        "Heroku has {} that {} neither stored nor compared for {}: {}",
        counted(months.len() as u64, "past month"),
        if months.len() == 1 { "is" } else { "are" },
        listed.join(", "),
        ranges(&months)
    );
    let of_sources: String = names.iter().map(|name| format!(" --source {name}")).collect();
    Check::good("archives", account, found)
        .advise(format!("`auditsync backfill --via archive --all{of_sources}` takes them"))
}

/// Months as ranges: `2023-01..2023-03, 2023-05`.
fn ranges(months: &[Month]) -> String {
    let follows = |month: &Month, next: &Month| month.last().succ_opt() == Some(next.first());
    let ranges = months.chunk_by(follows).map(|range| match range {
        [only] => only.to_string(),
        range => format!("{}..{}", range[0], range[range.len() - 1]),
    });
    ranges.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_in_a_row_are_one_range() {
        let months: Vec<Month> = ["2022-11", "2022-12", "2023-01", "2023-03"]
            .iter()
            .map(|text| text.parse().expect("a month"))
            .collect();
        assert_eq!(ranges(&months), "2022-11..2023-01, 2023-03");
    }
}
