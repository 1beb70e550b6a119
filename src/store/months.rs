//! Which months are on record.

use super::error::Result;
use super::handle::Reader;
use super::statement::{column, statement};
use crate::day::Month;

impl Reader {
    /// For each source and month, how many of its days are complete or were compared with Heroku's
    /// archive.
    pub async fn days_on_record(&self, months: &[(&str, Month)]) -> Result<Vec<u64>> {
        let (sources, firsts): (Vec<&str>, Vec<_>) =
            months.iter().map(|(source, month)| (*source, month.first())).unzip();
        let ask = || {
            statement(include_str!("sql/months_on_record.sql"))
                .bind(sources.clone())
                .bind(firsts.clone())
        };
        let rows = self.rows("read which months are on record", ask).await?;
        rows.iter().map(|row| Ok(column::<i64>(row, "days")? as u64)).collect()
    }
}
