//! The way of one fetch: claim its days, read, store, and publish each or give it back.

use std::sync::Arc;

use super::super::fetch::{End, Fetch, Sink, read_through};
use super::super::view::{DayAttempt, ReadFrom, StopReason, all_lost, claim, finish_all};
use super::Context;
use crate::config::Token;
use crate::heartbeat::Heartbeat;
use crate::heroku::{self, Batch, Cost};
use crate::logging;
use crate::report::run::DayReport;

/// Why reading ended before the day was whole, for all of its views.
#[derive(Debug)]
enum Broken {
    Here(StopReason),
    Heroku(heroku::Error),
}

/// Does the work of one fetch, and reports on each of its days.
pub(super) async fn work(context: Arc<Context>, job: Fetch) -> Vec<DayReport> {
    let (name, tell) = job.told();
    let _line = context.progress.line(name, tell);
    let mut reports = Vec::new();
    let mut heartbeat = Heartbeat::default();
    let views = claim(&context.writing, &job.days, &mut heartbeat, &mut reports).await;
    // A settled day comes here only after a repair of it broke off. It need not be read again, and its list may be gone.
    let (settled, mut views): (Vec<DayAttempt>, Vec<DayAttempt>) =
        views.into_iter().partition(|view| view.lease.was_settled());
    if !settled.is_empty() {
        reports.extend(finish_all(&context.writing, settled, ReadFrom::Stored).await);
    }
    if !views.is_empty() {
        read(&context, &job, &mut views).await;
        reports.extend(finish_all(&context.writing, views, ReadFrom::Api).await);
    }
    reports.iter().for_each(logging::day);
    reports
}

/// Reads the day into the views. Afterwards each view that is not stopped was read whole.
async fn read(context: &Context, job: &Fetch, views: &mut [DayAttempt]) {
    let mut reader = context.client.read_day(&job.query, &job.asker);
    let all_lost = all_lost(views);
    let mut cost = Cost::default();
    let reading = async {
        find_selectors(context, job, views, &mut cost).await;
        if views.iter().all(|view| view.stopped.is_some()) {
            return Ok(End::NobodyLeft);
        }
        let mut storing =
            Storing { context, token: &job.asker.token, views: &mut *views, saw_any: false };
        let end = read_through(&mut reader, &mut storing).await?;
        if end == End::Whole && !storing.saw_any {
            context.doubts.disbelieve(context, job, views, &mut cost).await;
        }
        Ok(end)
    };
    // What is dropped here stops at once: a request is closed, a transaction rolled back.
    let read = tokio::select! {
        biased;
        () = context.writing.shutdown.asked() => Err(Broken::Here(StopReason::Interrupted)),
        () = all_lost => Err(Broken::Here(StopReason::LostLock)),
        read = reading => read.map_err(Broken::Heroku),
    };
    cost += reader.cost();
    for view in views {
        view.totals.requests = cost.requests;
        view.totals.retries = cost.retries;
        if let (None, Err(broken)) = (&view.stopped, &read) {
            view.stopped = Some(match broken {
                Broken::Here(stop) => stop.clone(),
                Broken::Heroku(error) => StopReason::by_heroku(error, &view.day.source),
            });
        }
    }
}

async fn find_selectors(context: &Context, job: &Fetch, views: &mut [DayAttempt], cost: &mut Cost) {
    for view in views {
        let source = &view.day.source;
        match context.teams.selector(&context.client, source, job, cost).await {
            Ok(selector) => view.selector = Some(selector),
            Err(none) => view.stopped = Some(StopReason::by_selector(&none, source)),
        }
    }
}

/// Stores each batch for every view, under that view's own lease.
struct Storing<'a> {
    context: &'a Context,
    token: &'a Token,
    views: &'a mut [DayAttempt],
    /// Whether the fetch brought an event, whosever it is.
    saw_any: bool,
}

impl Sink for Storing<'_> {
    async fn take(&mut self, batch: &Batch) -> bool {
        self.saw_any |= !batch.is_empty();
        for view in self.views.iter_mut().filter(|view| view.stopped.is_none()) {
            view.take(&self.context.writing, self.token, batch).await;
        }
        self.views.iter().any(|view| view.stopped.is_none())
    }
}
