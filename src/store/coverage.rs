//! What `status` asks: how many days stand how, not one line for each.

use std::collections::HashSet;

use sqlx::postgres::PgRow;
use sqlx::types::Json;

use super::error::Doing;
use super::{Reader, Result, column, statement};
use crate::config::{Scope, Source};
use crate::coverage::{DayState, EarlierName, Gap, LedgerRange, SourceCount, Standings};
use crate::day::DateRange;
use crate::ledger::LateEvents;

impl Reader {
    /// How the sources of the ledger stand, compared with those of the file: all of them, or `only` some.
    ///
    /// Years of settled days are counted, not read: only where the count shows holes are the gaps looked for, and only a
    /// source that has days of another scope is looked at day by day.
    pub async fn standings(&self, of_file: &[Source], only: Option<&[&str]>) -> Result<Standings> {
        let doing = "tell how the sources stand";
        match self
            .connections()
            .persist(doing, async || self.try_standings(of_file, only).await)
            .await
        {
            Err(error) if error.is_misfit() => Err(self.explain(error).await),
            standings => standings,
        }
    }

    async fn try_standings(&self, of_file: &[Source], only: Option<&[&str]>) -> Result<Standings> {
        let names: Vec<&str> = of_file.iter().map(|source| source.name.as_ref()).collect();
        let scopes: Vec<Json<&Scope>> = of_file.iter().map(|source| Json(&source.scope)).collect();
        let only: Option<Vec<&str>> = only.map(<[&str]>::to_vec);
        // What one question does not see, the others must not see either: days that are in none of the answers count as
        // settled.
        let mut tx = self.begin_snapshot().await?;

        let question = statement(include_str!("sql/coverage_counts.sql")).bind(&only);
        let rows = question.fetch_all(&mut *tx).await.doing("count the days of the ledger")?;
        let counts: Vec<SourceCount> = rows.iter().map(count).collect::<Result<_>>()?;

        let question =
            statement(include_str!("sql/coverage_scopes.sql")).bind(&names).bind(&scopes);
        let rows = question.fetch_all(&mut *tx).await.doing("compare the scopes of the ledger")?;
        let mut in_detail: HashSet<String> =
            rows.iter().map(|row| column(row, "source")).collect::<Result<_>>()?;
        in_detail.retain(|name| counts.iter().any(|count| count.source == *name));

        let detailed: Vec<&str> = in_detail.iter().map(String::as_str).collect();
        let question =
            statement(include_str!("sql/coverage_ranges.sql")).bind(&names).bind(&scopes);
        let question = question.bind(&detailed).bind(&only);
        let rows = question.fetch_all(&mut *tx).await.doing("find the ranges of the ledger")?;
        let ranges = rows.iter().map(range).collect::<Result<_>>()?;

        let holed: Vec<&str> = counts
            .iter()
            .filter(|count| count.has_holes())
            .map(|count| count.source.as_str())
            .collect();
        let question = statement(include_str!("sql/coverage_gaps.sql")).bind(&holed);
        let rows = question.fetch_all(&mut *tx).await.doing("find the gaps of the ledger")?;
        let gaps = rows.iter().map(gap).collect::<Result<_>>()?;

        let question = statement(include_str!("sql/late_events.sql")).bind(&only);
        let rows = question.fetch_all(&mut *tx).await.doing("read what was late")?;
        let late = rows.iter().map(late_events).collect::<Result<_>>()?;

        let others: Vec<&str> = counts
            .iter()
            .map(|count| count.source.as_str())
            .filter(|name| !names.contains(name))
            .collect();
        let question =
            statement(include_str!("sql/twins.sql")).bind(&names).bind(&scopes).bind(&others);
        let rows = question.fetch_all(&mut *tx).await.doing("compare the sources' scopes")?;
        let earlier_name = |row| {
            Ok(EarlierName { source: column(row, "source")?, earlier: column(row, "earlier")? })
        };
        let earlier_names = rows.iter().map(earlier_name).collect::<Result<_>>()?;
        Ok(Standings { counts, ranges, gaps, in_detail, late, earlier_names })
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
        was_whole: column(row, "was_whole")?,
        other_scope: column(row, "other_scope")?,
        dates: dates(row)?,
        last_success: column(row, "last_success")?,
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
