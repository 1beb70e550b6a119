//! Records which archives are kept as files.

use super::commit::{Prepared, Proof};
use super::error::{ErrorContext as _, Result};
use super::handle::Store;
use super::names::StoredNames;
use super::outage::PATIENCE;
use super::patience::Retrying;
use super::statement::{column, statement};
use crate::config::Source;
use crate::day::Month;
use crate::ledger::HistoryAction;
use crate::text::clean;

const RECORD: &str = "record the kept archive";

impl Store {
    /// Adds to the history of each of `sources` that the archive of `month` is kept, unless the
    /// history says so already. `message` names the file.
    pub async fn record_kept(&self, sources: &[Source], month: Month, message: &str) -> Result<()> {
        // A closure for `persist` could not be moved to another thread.
        let mut retrying = Retrying::new(self.connections(), RECORD);
        loop {
            match retrying.attempt(self.try_record_kept(sources, month, message)).await {
                Err(error) => retrying.after(error).await?,
                done => return done,
            }
        }
    }

    async fn try_record_kept(&self, sources: &[Source], month: Month, message: &str) -> Result<()> {
        let present: Vec<&str> = sources.iter().map(|source| source.name.as_ref()).collect();
        let names = StoredNames::of(sources);
        let mut tx = self.begin().await?;
        let rows = statement(include_str!("sql/write_kept.sql"))
            .bind(self.run_id)
            .bind(present)
            .bind(month.first())
            .bind(clean(message))
            .bind(clean(&self.holder))
            .bind(names.stored())
            .bind(names.sources())
            .fetch_all(&mut *tx)
            .await
            .context(RECORD)?;
        let Some(row) = rows.first() else { return Ok(()) };
        let source: String = column(row, "source")?;
        let (date, attempt) = (column(row, "process_date")?, column(row, "attempt")?);
        let proof = Proof::History { source: &source, date, attempt, action: HistoryAction::Keep };
        self.commit(Prepared { tx, xact: column(row, "xact")?, proof, value: () }, PATIENCE).await
    }
}
