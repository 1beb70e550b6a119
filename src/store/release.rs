//! Gives many days back at once, when a signal leaves no time for one after the other.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chrono::NaiveDate;

use super::attempt::AttemptStats;
use super::commit::{Prepared, Proof};
use super::error::{ErrorContext as _, Result};
use super::handle::Store;
use super::lease::Lease;
use super::outage::PATIENCE;
use super::patience::Retrying;
use super::statement::{column, statement};
use crate::day::DayKey;
use crate::ledger::HistoryAction;

const OPERATION: &str = "give the days back";

/// The pause before a locked row is tried again.
const LOOK_AGAIN: Duration = Duration::from_millis(300);

impl Store {
    /// Gives days back as PENDING, and returns those that were given back. The leases of the others
    /// are lost, or their rows are locked.
    pub async fn release_all(&self, held: &[(Lease, AttemptStats)]) -> Result<HashSet<DayKey>> {
        for (lease, _) in held {
            lease.trust().give_up();
        }
        let mut left: Vec<&(Lease, AttemptStats)> = held.iter().collect();
        let mut released = HashSet::new();
        // Our own renewal or write, which is just ending, may have a row locked.
        for pause in [None, Some(LOOK_AGAIN), Some(LOOK_AGAIN)] {
            if let Some(pause) = pause.filter(|_| !left.is_empty()) {
                tokio::time::sleep(pause).await;
            }
            released.extend(self.release_some(&left).await?);
            left.retain(|(lease, _)| !released.contains(lease.key()));
        }
        Ok(released)
    }

    async fn release_some(&self, held: &[&(Lease, AttemptStats)]) -> Result<Vec<DayKey>> {
        if held.is_empty() {
            return Ok(Vec::new());
        }
        let mut retrying = Retrying::new(self.connections(), OPERATION);
        loop {
            let released = match retrying.attempt(self.prepare_release(held)).await {
                Ok(Some(prepared)) => self.commit(prepared, PATIENCE).await,
                Ok(None) => Ok(Vec::new()),
                Err(error) => Err(error),
            };
            match released {
                Err(error) => retrying.after(error).await?,
                done => return done,
            }
        }
    }

    async fn prepare_release<'h>(
        &self,
        held: &'h [&(Lease, AttemptStats)],
    ) -> Result<Option<Prepared<'h, Vec<DayKey>>>> {
        let keys = || held.iter().map(|(lease, _)| lease.key());
        let figures = |figure: fn(&AttemptStats) -> u32| -> Vec<i32> {
            held.iter().map(|(_, stats)| figure(stats) as i32).collect()
        };
        let mut tx = self.begin().await?;
        let rows = statement(include_str!("sql/release_days.sql"))
            .bind(self.run_id)
            .bind(&*self.holder)
            .bind(keys().map(|key| key.source.as_ref()).collect::<Vec<&str>>())
            .bind(keys().map(|key| key.date).collect::<Vec<_>>())
            .bind(held.iter().map(|(lease, _)| lease.attempt()).collect::<Vec<_>>())
            .bind(figures(|stats| stats.new_events))
            .bind(figures(|stats| stats.requests))
            .bind(figures(|stats| stats.retries))
            .bind(
                held.iter().map(|(_, stats)| stats.duration.as_millis() as i64).collect::<Vec<_>>(),
            )
            .fetch_all(&mut *tx)
            .await
            .context(OPERATION)?;
        let Some(first) = rows.first() else { return Ok(None) };
        let xact = column(first, "xact")?;
        let leases: HashMap<(&str, NaiveDate), &Lease> = held
            .iter()
            .map(|(lease, _)| ((lease.key().source.as_ref(), lease.key().date), lease))
            .collect();
        let mut released = Vec::with_capacity(rows.len());
        for row in &rows {
            let (source, date): (String, NaiveDate) =
                (column(row, "source")?, column(row, "process_date")?);
            released.extend(leases.get(&(source.as_str(), date)).copied());
        }
        let Some(lease) = released.first() else { return Ok(None) };
        let proof = Proof::History {
            source: lease.key().source.as_ref(),
            date: lease.key().date,
            attempt: lease.attempt(),
            action: HistoryAction::Release,
        };
        let value = released.iter().map(|lease| lease.key().clone()).collect();
        Ok(Some(Prepared { tx, xact, proof, value }))
    }
}
