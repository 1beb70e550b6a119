//! Which months are on record.

use super::error::Result;
use super::handle::Reader;
use super::statement::{column, statement};
use crate::config::Source;
use crate::day::Month;

impl Reader {
    /// For each source and month, how many of its days are complete or were compared with Heroku's
    /// archive.
    pub async fn days_on_record(&self, months: &[(&Source, Month)]) -> Result<Vec<u64>> {
        let (mut sources, mut firsts, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for (place, (source, month)) in months.iter().enumerate() {
            for name in source.names() {
                sources.push(name.as_ref());
                firsts.push(month.first());
                places.push(place as i32);
            }
        }
        let ask = || {
            let sources: Vec<&str> = sources.clone();
            statement(include_str!("sql/months_on_record.sql"))
                .bind(sources)
                .bind(firsts.clone())
                .bind(places.clone())
        };
        let rows = self.rows("read which months are on record", ask).await?;
        rows.iter().map(|row| Ok(column::<i64>(row, "days")? as u64)).collect()
    }
}
