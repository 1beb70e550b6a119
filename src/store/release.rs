//! Gives many days back at once, when a signal leaves no time to do so one after the other.

use std::collections::HashSet;
use std::time::Duration;

use super::commit::{Prepared, Proof};
use super::error::Doing;
use super::outage::PATIENCE;
use super::patience::Tries;
use super::{Lease, Result, Store, Totals, column, statement};
use crate::day::DayKey;

const DOING: &str = "give the days back";

/// How long a row is left alone that was locked, before it is tried once more.
const LOOK_AGAIN: Duration = Duration::from_millis(300);

impl Store {
    /// Gives days back as PENDING, and returns those that were. The others' leases were lost, or their rows are locked.
    pub async fn release_all(&self, held: &[(Lease, Totals)]) -> Result<HashSet<DayKey>> {
        for (lease, _) in held {
            lease.trust().give_up();
        }
        let mut left: Vec<&(Lease, Totals)> = held.iter().collect();
        let mut released = HashSet::new();
        // A row may be locked by our own renewal or write, which is just ending.
        for pause in [None, Some(LOOK_AGAIN), Some(LOOK_AGAIN)] {
            if let Some(pause) = pause.filter(|_| !left.is_empty()) {
                tokio::time::sleep(pause).await;
            }
            released.extend(self.release_some(&left).await?);
            left.retain(|(lease, _)| !released.contains(lease.key()));
        }
        Ok(released)
    }

    async fn release_some(&self, held: &[&(Lease, Totals)]) -> Result<Vec<DayKey>> {
        if held.is_empty() {
            return Ok(Vec::new());
        }
        let mut tries = Tries::new(&self.connections, DOING);
        loop {
            let released = match tries.attempt(self.prepare_release(held)).await {
                Ok(Some(prepared)) => self.commit(prepared, PATIENCE).await,
                Ok(None) => Ok(Vec::new()),
                Err(error) => Err(error),
            };
            match released {
                Err(error) => tries.again(error).await?,
                done => return done,
            }
        }
    }

    async fn prepare_release<'h>(
        &self,
        held: &'h [&(Lease, Totals)],
    ) -> Result<Option<Prepared<'h, Vec<DayKey>>>> {
        let keys = || held.iter().map(|(lease, _)| lease.key());
        let figures = |figure: fn(&Totals) -> u32| -> Vec<i32> {
            held.iter().map(|(_, totals)| figure(totals) as i32).collect()
        };
        let mut tx = self.begin().await?;
        let rows = statement(include_str!("sql/release_days.sql"))
            .bind(self.run_id)
            .bind(&self.holder)
            .bind(keys().map(|key| key.source.as_ref()).collect::<Vec<&str>>())
            .bind(keys().map(|key| key.date).collect::<Vec<_>>())
            .bind(held.iter().map(|(lease, _)| lease.attempt()).collect::<Vec<_>>())
            .bind(figures(|totals| totals.new_events))
            .bind(figures(|totals| totals.requests))
            .bind(figures(|totals| totals.retries))
            .bind(
                held.iter()
                    .map(|(_, totals)| totals.duration.as_millis() as i64)
                    .collect::<Vec<_>>(),
            )
            .fetch_all(&mut *tx)
            .await
            .doing(DOING)?;
        let Some(first) = rows.first() else { return Ok(None) };
        let xact = column(first, "xact")?;
        let (source, date): (String, _) =
            (column(first, "source")?, column(first, "process_date")?);
        let mut released = Vec::with_capacity(rows.len());
        for row in &rows {
            let (source, date): (String, chrono::NaiveDate) =
                (column(row, "source")?, column(row, "process_date")?);
            released.extend(
                keys().find(|key| key.source.as_ref() == source && key.date == date).cloned(),
            );
        }
        let lease = held
            .iter()
            .map(|(lease, _)| lease)
            .find(|lease| lease.key().source.as_ref() == source && lease.key().date == date);
        let Some(lease) = lease else { return Ok(None) };
        let proof = Proof::History {
            source: lease.key().source.as_ref(),
            date,
            attempt: lease.attempt(),
            action: "release",
        };
        Ok(Some(Prepared { tx, xact, proof, value: released }))
    }
}
