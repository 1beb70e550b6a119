//! What `status` asks: how many days stand how, not one line for each.

use sqlx::postgres::PgRow;
use sqlx::types::Json;

use super::{Reader, Result, column, statement};
use crate::config::{Scope, Source};
use crate::coverage::{Group, State, with_holes};
use crate::ledger::LateEvents;

/// What the ledger says of its sources.
#[derive(Debug)]
pub struct Standings {
    /// Their days as ranges, each without holes.
    pub groups: Vec<Group>,
    /// What was found late.
    pub late: Vec<LateEvents>,
    /// Sources of the file, each with one of the ledger that is not in the file and reads the same.
    pub twins: Vec<(String, String)>,
}

impl Reader {
    /// How the sources of the ledger stand, compared with those of the file: all of them, or `only` some.
    ///
    /// Most sources have one range of settled days and one of those that are whole; counting tells them apart from those
    /// with holes, of which alone the ranges are worked out.
    pub async fn standings(&self, of_file: &[Source], only: Option<&[&str]>) -> Result<Standings> {
        let names: Vec<&str> = of_file.iter().map(|source| source.name.as_ref()).collect();
        let scopes: Vec<Json<&Scope>> = of_file.iter().map(|source| Json(&source.scope)).collect();
        let only: Option<Vec<&str>> = only.map(<[&str]>::to_vec);
        let rows = self.rows("count the days of the ledger", || {
            let question = statement(include_str!("sql/coverage.sql")).bind(names.clone()).bind(scopes.clone());
            question.bind(only.clone())
        });
        let mut groups: Vec<Group> = rows.await?.iter().map(group).collect::<Result<_>>()?;
        let holed = with_holes(&groups);
        if !holed.is_empty() {
            groups.retain(|group| holed.binary_search(&group.source).is_err());
            let rows = self.rows("find the ranges of the ledger", || {
                let question = statement(include_str!("sql/coverage_ranges.sql")).bind(names.clone());
                question.bind(scopes.clone()).bind(holed.clone())
            });
            for row in &rows.await? {
                groups.push(group(row)?);
            }
        }
        let late = self.rows("read what was late", || statement(include_str!("sql/late_events.sql")).bind(only.clone()));
        let late = late.await?.iter().map(late_events).collect::<Result<_>>()?;
        let mut others: Vec<String> = groups.iter().map(|group| group.source.clone()).collect();
        others.sort_unstable();
        others.dedup();
        others.retain(|name| !names.contains(&name.as_str()));
        let rows = self.rows("compare the sources' scopes", || {
            let question = statement(include_str!("sql/twins.sql")).bind(names.clone()).bind(scopes.clone());
            question.bind(others.clone())
        });
        let twin = |row| Ok((column(row, "source")?, column(row, "earlier")?));
        let twins = rows.await?.iter().map(twin).collect::<Result<_>>()?;
        Ok(Standings { groups, late, twins })
    }
}

fn group(row: &PgRow) -> Result<Group> {
    let state: String = column(row, "state")?;
    Ok(Group {
        source: column(row, "source")?,
        state: State::named(&state).unwrap_or(State::Failed),
        was_whole: column(row, "was_whole")?,
        other_scope: column(row, "other_scope")?,
        days: column::<i64>(row, "days")? as u64,
        first: column(row, "first_day")?,
        last: column(row, "last_day")?,
        events: column::<i64>(row, "events")? as u64,
        last_success: column(row, "last_success")?,
    })
}

fn late_events(row: &PgRow) -> Result<LateEvents> {
    Ok(LateEvents {
        source: column(row, "source")?,
        date: column(row, "process_date")?,
        events: column::<i32>(row, "late_events")? as u64,
        found_at: column(row, "at")?,
    })
}
