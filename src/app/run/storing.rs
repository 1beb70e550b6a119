//! The writer of a sync: claims days, stores their events under the leases, and publishes or gives
//! back each day.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;

use super::super::shutdown::Shutdown;
use super::attempt::{ReadFrom, Writer};
use super::fetches::FetchDay;
use super::finish::finish_all;
use super::leased::{Leased, LeasedAttempt, LedgerWriter};
use crate::config::Token;
use crate::event::Event;
use crate::report::day::DayReport;
use crate::store::{Reader, Result, Via};

impl Writer for LedgerWriter {
    type Record = Leased;

    async fn begin(&self, days: &[FetchDay], reports: &mut Vec<DayReport>) -> Vec<LeasedAttempt> {
        let mut attempts = Vec::new();
        for day in days {
            if self.shutdown.is_asked() {
                break;
            }
            match self.claim(day).await {
                Ok(attempt) => attempts.push(attempt),
                Err(report) => reports.push(report),
            }
        }
        attempts
    }

    async fn write(
        &self,
        attempt: &mut LeasedAttempt,
        events: &[&Event],
        token: &Token,
    ) -> Result<()> {
        self.store_events(attempt, events, Via::Api, token).await
    }

    async fn finish(&self, attempts: Vec<LeasedAttempt>, from: ReadFrom) -> Vec<DayReport> {
        finish_all(self, attempts, from).await
    }

    fn all_lost(&self, attempts: &[LeasedAttempt]) -> impl Future<Output = ()> + Send + 'static {
        let trusts: Vec<_> =
            attempts.iter().map(|attempt| Arc::clone(attempt.record.lease.trust())).collect();
        async move { _ = join_all(trusts.iter().map(|trust| trust.ended())).await }
    }

    fn has_settled(&self, attempt: &LeasedAttempt) -> bool {
        attempt.record.lease.was_settled()
    }

    async fn was_complete_with_events(&self, attempt: &LeasedAttempt) -> Result<bool> {
        let lease = &attempt.record.lease;
        Ok(lease.was_complete() && lease.stored_before() > 0)
    }

    fn began_at(&self, attempt: &LeasedAttempt) -> DateTime<Utc> {
        attempt.record.lease.claimed_at()
    }

    fn reader(&self) -> Option<&Reader> {
        Some(&self.reader)
    }

    fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    fn is_away(&self) -> bool {
        self.store.lasting_outage().is_some()
    }
}
