//! Reads how many days of each source are in which state, for `status`. Most days are counted, not
//! read one by one.

use std::collections::{HashMap, HashSet};

use sqlx::postgres::PgRow;

use super::diagnosis;
use super::error::{ErrorContext as _, Result};
use super::handle::Reader;
use super::ledger::{ledger_query, ledger_row};
use super::names::StoredNames;
use super::pool::Transaction;
use super::seal::head_of;
use super::statement::{column, statement};
use crate::config::{Source, SourceName};
use crate::coverage::{
    DayState, EarlierName, Gap, LedgerRange, SourceCount, Standings, UnconfirmedDays,
};
use crate::day::DateRange;
use crate::evidence::Head;
use crate::ledger::{LateEvents, LedgerRow};

/// What `status` shows of the database, at one moment.
#[derive(Debug, Default)]
pub struct StatusSnapshot {
    /// The states of the sources.
    pub standings: Standings,
    /// The rows of the window, by date and source.
    pub rows: Vec<LedgerRow>,
    /// The head of the chain of seals.
    pub head: Option<Head>,
}

impl Reader {
    /// The states of the sources in the ledger, compared with those of the file: all of them, or
    /// `only` those that are stored under some names; and their rows in `window`.
    ///
    /// Years of settled days are counted, not read. Gaps are searched only where the count shows
    /// some, and single days are read only for a source that has days of another scope, or of a
    /// former name.
    pub async fn status(
        &self,
        of_file: &[Source],
        only: Option<Vec<String>>,
        window: DateRange,
    ) -> Result<StatusSnapshot> {
        let ask = async || self.try_status(of_file, only.as_ref(), window).await;
        match self.connections().persist("read the states of the sources", ask).await {
            Err(error) if error.is_schema_mismatch() => {
                Err(diagnosis::explain(self.connections(), error).await)
            }
            snapshot => snapshot,
        }
    }

    async fn try_status(
        &self,
        of_file: &[Source],
        only: Option<&Vec<String>>,
        window: DateRange,
    ) -> Result<StatusSnapshot> {
        // One snapshot for all queries: a day that none of them returns counts as settled.
        let mut tx = self.begin_snapshot().await?;
        let mut queries = Queries { tx: &mut tx, names: StoredNames::of(of_file), only };
        let counts = queries.counts().await?;
        let mut in_detail = queries.sources_of_other_scope().await?;
        in_detail.extend(renamed(of_file, &counts));
        in_detail.retain(|name| counts.iter().any(|count| count.source == *name));
        let ranges = queries.ranges(&in_detail).await?;
        let gaps = queries.gaps(&counts).await?;
        let late = queries.late_events().await?;
        let empty_unconfirmed = queries.empty_days().await?;
        let earlier_names = queries.sources_of_same_scope(&counts).await?;
        let rows = queries.rows(of_file, &counts, window).await?;
        let head = queries.head().await?;
        let standings =
            Standings { counts, ranges, gaps, in_detail, late, empty_unconfirmed, earlier_names };
        let standings = under_present_names(of_file, standings);
        Ok(StatusSnapshot { standings, rows, head })
    }
}

/// The queries, which see the same snapshot.
struct Queries<'q> {
    tx: &'q mut Transaction,
    /// The names of the file's sources.
    names: StoredNames<'q>,
    /// The selected names, if not all.
    only: Option<&'q Vec<String>>,
}

impl Queries<'_> {
    async fn counts(&mut self) -> Result<Vec<SourceCount>> {
        let query = statement(include_str!("sql/coverage_counts.sql")).bind(self.only.cloned());
        let rows = query.fetch_all(&mut **self.tx).await.context("count the days of the ledger")?;
        rows.iter().map(count).collect()
    }

    /// The sources that have days of another scope than their present one.
    async fn sources_of_other_scope(&mut self) -> Result<HashSet<String>> {
        let query = statement(include_str!("sql/coverage_scopes.sql"))
            .bind(self.names.stored())
            .bind(self.names.scopes());
        let rows = query.fetch_all(&mut **self.tx).await.context("compare the ledger's scopes")?;
        rows.iter().map(|row| column(row, "source")).collect()
    }

    /// The ranges of days in a row with the same state: all days of the sources `in_detail`, and
    /// the unsettled days of the others.
    async fn ranges(&mut self, in_detail: &HashSet<String>) -> Result<Vec<LedgerRange>> {
        let in_detail: Vec<&str> = in_detail.iter().map(String::as_str).collect();
        let query = statement(include_str!("sql/coverage_ranges.sql"))
            .bind(self.names.stored())
            .bind(self.names.scopes())
            .bind(in_detail)
            .bind(self.only.cloned())
            .bind(self.names.preceding());
        let rows = query.fetch_all(&mut **self.tx).await.context("find the ledger's ranges")?;
        rows.iter().map(range).collect()
    }

    async fn gaps(&mut self, counts: &[SourceCount]) -> Result<Vec<Gap>> {
        let with_holes = counts.iter().filter(|count| count.has_holes());
        let names: Vec<&str> = with_holes.map(|count| count.source.as_str()).collect();
        let query = statement(include_str!("sql/coverage_gaps.sql")).bind(names);
        let rows = query.fetch_all(&mut **self.tx).await.context("find the ledger's gaps")?;
        rows.iter().map(gap).collect()
    }

    async fn late_events(&mut self) -> Result<Vec<LateEvents>> {
        let query = statement(include_str!("sql/late_events.sql")).bind(self.only.cloned());
        let rows = query.fetch_all(&mut **self.tx).await.context("read late events")?;
        rows.iter().map(late_events).collect()
    }

    /// The complete days without events that nothing but Heroku's list confirms.
    async fn empty_days(&mut self) -> Result<HashMap<String, UnconfirmedDays>> {
        let query = statement(include_str!("sql/coverage_empty.sql"))
            .bind(self.only.cloned())
            .bind(self.names.stored())
            .bind(self.names.preceding());
        let rows = query.fetch_all(&mut **self.tx).await.context("count the empty days")?;
        rows.iter()
            .map(|row| {
                let days = column::<i64>(row, "days")? as u64;
                Ok((column(row, "source")?, UnconfirmedDays { days, dates: dates(row)? }))
            })
            .collect()
    }

    /// The rows of the window.
    async fn rows(
        &mut self,
        of_file: &[Source],
        counts: &[SourceCount],
        window: DateRange,
    ) -> Result<Vec<LedgerRow>> {
        let has_days = |name: &SourceName| counts.iter().any(|count| count.source == name.as_ref());
        let of_file = of_file.iter().filter(|source| source.names().any(has_days));
        let known = self.names.stored();
        let others = counts.iter().map(|count| count.source.as_str());
        let names = StoredNames::of(of_file).and(others.filter(|name| !known.contains(name)));
        let query = ledger_query(&names, window);
        let rows = query.fetch_all(&mut **self.tx).await.context("read the ledger")?;
        let rows: Result<Vec<LedgerRow>> = rows.iter().map(ledger_row).collect();
        // PENDING days before the window come too.
        Ok(rows?.into_iter().filter(|row| window.contains(row.date)).collect())
    }

    async fn head(&mut self) -> Result<Option<Head>> {
        let query = statement(include_str!("sql/head.sql"));
        let rows = query.fetch_all(&mut **self.tx).await.context("read the head")?;
        let text = rows.first().map(|row| column::<String>(row, "sealed")).transpose()?;
        Ok(text.as_deref().and_then(head_of))
    }

    /// Sources of the file, each with a source that only the ledger has and that has its scope.
    async fn sources_of_same_scope(&mut self, counts: &[SourceCount]) -> Result<Vec<EarlierName>> {
        let names = counts.iter().map(|count| count.source.as_str());
        let of_file = self.names.stored();
        let others: Vec<&str> = names.filter(|name| !of_file.contains(name)).collect();
        let query = statement(include_str!("sql/same_scope.sql"))
            .bind(self.names.sources())
            .bind(self.names.scopes())
            .bind(others);
        let rows = query.fetch_all(&mut **self.tx).await.context("compare the sources' scopes")?;
        rows.iter()
            .map(|row| {
                Ok(EarlierName { source: column(row, "source")?, earlier: column(row, "earlier")? })
            })
            .collect()
    }
}

/// The names of the sources that have days under a former name. All of their days are read.
fn renamed<'f>(of_file: &'f [Source], counts: &'f [SourceCount]) -> impl Iterator<Item = String> {
    let has_days = |name: &SourceName| counts.iter().any(|count| count.source == name.as_ref());
    let renamed = of_file.iter().filter(move |source| source.previous_names.iter().any(has_days));
    renamed.flat_map(|source| source.names().map(ToString::to_string))
}

/// The same with the present names of the sources, and without the days that do not count because
/// another name of the source has them, too.
fn under_present_names(of_file: &[Source], standings: Standings) -> Standings {
    let owner = |stored: String| {
        let is_its = |source: &&Source| source.names().any(|name| name.as_ref() == stored);
        let renamed = of_file.iter().filter(|source| !source.previous_names.is_empty());
        renamed.clone().find(is_its).map_or(stored.clone(), |source| source.name.to_string())
    };
    let Standings { counts, ranges, gaps, in_detail, late, empty_unconfirmed, earlier_names } =
        standings;
    let mut of_names: Vec<SourceCount> = counts;
    let (superseded, ranges): (Vec<_>, Vec<_>) =
        ranges.into_iter().partition(|range: &LedgerRange| range.is_superseded);
    for range in superseded {
        if let Some(count) = of_names.iter_mut().find(|count| count.source == range.source) {
            count.days -= range.dates.len();
            count.events = count.events.saturating_sub(range.events);
        }
    }
    let mut counts: Vec<SourceCount> = Vec::with_capacity(of_names.len());
    for count in of_names {
        let source = owner(count.source.clone());
        match counts.iter_mut().find(|other| other.source == source) {
            Some(other) => other.add(&count),
            None => counts.push(SourceCount { source, ..count }),
        }
    }
    let mut empty: HashMap<String, UnconfirmedDays> = HashMap::new();
    for (source, more) in empty_unconfirmed {
        let sum = |known: &mut UnconfirmedDays| {
            known.days += more.days;
            known.dates.from = known.dates.from.min(more.dates.from);
            known.dates.to = known.dates.to.max(more.dates.to);
        };
        empty.entry(owner(source)).and_modify(sum).or_insert(more);
    }
    Standings {
        counts,
        empty_unconfirmed: empty,
        ranges: ranges
            .into_iter()
            .map(|range| LedgerRange { source: owner(range.source.clone()), ..range })
            .collect(),
        gaps,
        in_detail: in_detail.into_iter().map(owner).collect(),
        late: late
            .into_iter()
            .map(|late| LateEvents { source: owner(late.source.clone()), ..late })
            .collect(),
        earlier_names,
    }
}

fn count(row: &PgRow) -> Result<SourceCount> {
    Ok(SourceCount {
        source: column(row, "source")?,
        days: column::<i64>(row, "days")? as u64,
        dates: dates(row)?,
        events: column::<i64>(row, "events")? as u64,
        last_success: column(row, "last_success")?,
    })
}

fn range(row: &PgRow) -> Result<LedgerRange> {
    let state: String = column(row, "state")?;
    Ok(LedgerRange {
        source: column(row, "source")?,
        state: DayState::named(&state).unwrap_or(DayState::Failed),
        was_complete: column(row, "was_complete")?,
        other_scope: column(row, "other_scope")?,
        is_superseded: column(row, "is_superseded")?,
        events: column::<i64>(row, "events")? as u64,
        dates: dates(row)?,
        last_success: column(row, "last_success")?,
        syncing_until: column(row, "syncing_until")?,
    })
}

fn gap(row: &PgRow) -> Result<Gap> {
    Ok(Gap { source: column(row, "source")?, dates: dates(row)? })
}

fn dates(row: &PgRow) -> Result<DateRange> {
    Ok(DateRange::new(column(row, "first_day")?, column(row, "last_day")?))
}

fn late_events(row: &PgRow) -> Result<LateEvents> {
    Ok(LateEvents {
        source: column(row, "source")?,
        date: column(row, "process_date")?,
        events: column::<i32>(row, "late_events")? as u64,
        found_at: column(row, "at")?,
    })
}
