//! Plays one history after the other, through the store.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use auditsync::config::{Filter, Scope};
use auditsync::day::{DateRange, DayKey};
use auditsync::ledger::FailureStatus;
use auditsync::store::{
    Actor, AttemptStats, Claim, Claimable, Error, Holder, Lease, Provenance, Publication, Reader,
    ResetRequest, Store, StoredNames, Via,
};
use fastrand::Rng;
use sqlx::{Connection as _, PgConnection};
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::days;

const HOLDERS: usize = 3;
const ACTOR: Actor<'static> = Actor { by: "histories", reason: Some("a step") };

/// How often each step was taken, and how it ended.
#[derive(Debug, Default)]
pub(crate) struct Figures(BTreeMap<(&'static str, String), u64>);

/// A thread with connections of its own.
pub(crate) struct Lane {
    runtime: Runtime,
    reader: Reader,
    /// A session that nobody breaks, for what the server's clock would do.
    session: PgConnection,
    figures: Figures,
}

/// A history: its days, and the leases that its holders have or had.
struct Story<'l> {
    reader: &'l Reader,
    session: &'l mut PgConnection,
    random: Rng,
    stores: Vec<Store>,
    days: Vec<DayKey>,
    scope: Scope,
    held: Vec<Held>,
}

/// A lease as its holder sees it. The holder may be the only one who does not know that it is lost.
struct Held {
    holder: usize,
    lease: Lease,
    new_events: u32,
}

/// A step, and how it ended.
type Outcome = (&'static str, Result<(), Error>);

impl Figures {
    fn note(&mut self, step: &'static str, outcome: &Result<(), Error>) {
        let outcome = match outcome {
            Ok(()) => "done".to_owned(),
            // Without figures, which differ each time.
            Err(error) => {
                error.to_string().chars().filter(|c| !c.is_ascii_digit()).take(36).collect()
            }
        };
        *self.0.entry((step, outcome)).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (key, count) in &other.0 {
            *self.0.entry(key.clone()).or_default() += count;
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|((step, outcome), count)| writeln!(f, "{count:>8}  {step}: {outcome}"))
    }
}

impl Lane {
    pub(crate) fn open(url: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let (reader, session) = runtime.block_on(async {
            let reader = Reader::connect(url, HOLDERS as u32).await.expect("a connection");
            let separator = if url.contains('?') { '&' } else { '?' };
            let own = format!("{url}{separator}application_name=steps");
            (reader, PgConnection::connect(&own).await.expect("a session"))
        });
        Self { runtime, reader, session, figures: Figures::default() }
    }

    pub(crate) fn close(self) -> Figures {
        self.runtime.block_on(self.reader.close());
        self.figures
    }

    /// Plays the history with this number to its end.
    pub(crate) fn play(&mut self, seed: u64, number: u32) {
        let mut random = Rng::with_seed(seed ^ (u64::from(number) << 32));
        let open = |n: usize| {
            let holder = Holder { run_id: Uuid::new_v4(), place: format!("{number}.{n}") };
            Store::new(&self.reader, &holder)
        };
        let days = days::of_history(number, &mut random);
        let account = days[0].source.as_ref().to_owned();
        let mut story = Story {
            reader: &self.reader,
            session: &mut self.session,
            stores: (0..HOLDERS).map(open).collect(),
            scope: Scope { account, team: None, filter: Filter::default() },
            held: Vec::new(),
            days,
            random,
        };
        for _ in 0..story.random.u32(4..24) {
            let (step, outcome) = self.runtime.block_on(story.step());
            if let Err(error @ (Error::EventsVanished { .. } | Error::OtherSeal)) = &outcome {
                panic!("history {number} of --seed {seed}: {step}: {error}");
            }
            self.figures.note(step, &outcome);
        }
    }
}

impl Story<'_> {
    async fn step(&mut self) -> Outcome {
        // Without a lease, little can be done.
        let steps = if self.held.is_empty() { 9 } else { 22 };
        match self.random.u32(..steps) {
            0..=5 => ("claim", self.claim().await),
            6 => ("expire", self.expire().await),
            7 => ("reset", self.reset().await),
            8 if self.random.u32(..4) == 0 => ("clean up", self.clean_up().await),
            8 => ("make adopted days due", self.reread().await),
            9..=13 => ("write", self.write().await),
            14..=17 => ("publish", self.publish().await),
            18 => ("publish two at once", self.publish_two().await),
            19 => ("fail", self.fail().await),
            20 => ("release", self.release().await),
            _ => ("renew", self.renew().await),
        }
    }

    fn day(&mut self) -> DayKey {
        let at = self.random.usize(..self.days.len());
        self.days[at].clone()
    }

    async fn claim(&mut self) -> Result<(), Error> {
        let (key, holder) = (self.day(), self.random.usize(..HOLDERS));
        let source = key.source.as_ref();
        let rows = self
            .reader
            .ledger(&StoredNames::default().and([source]), DateRange::of(key.date))
            .await?;
        let row = rows.iter().find(|row| row.date == key.date);
        let wanted = row.map_or(Claimable::Due, Claimable::of);
        // Some leases end while their holder works.
        let short = Duration::from_millis(self.random.u64(1..40));
        let ttl = if self.random.u32(..10) == 0 { short } else { Duration::from_mins(10) };
        let claim = self.stores[holder].claim(&key, &self.scope, ttl, wanted).await?;
        if let Claim::Claimed(lease) = claim {
            self.held.push(Held { holder, lease, new_events: 0 });
        }
        Ok(())
    }

    /// Any lease, of which the oldest may be lost for long.
    fn take(&mut self) -> Option<Held> {
        let held = self.held.len();
        (held > 0).then(|| self.held.swap_remove(self.random.usize(..held)))
    }

    async fn write(&mut self) -> Result<(), Error> {
        let Some(mut held) = self.take() else { return Ok(()) };
        let events = days::events(held.lease.key(), &mut self.random);
        let via = if self.random.bool() { Via::Api } else { Via::Archive };
        let events: Vec<_> = events.iter().collect();
        let written = self.stores[held.holder].write_events(&held.lease, &events, via).await;
        held.new_events += written.as_ref().map_or(0, |written| written.new.len() as u32);
        self.held.push(held);
        written.map(drop)
    }

    async fn publish(&mut self) -> Result<(), Error> {
        let Some(held) = self.take() else { return Ok(()) };
        let (settles, recounts) = (self.random.bool(), self.random.bool());
        let (held, published) = self.publish_held(held, settles, recounts).await;
        self.held.extend(held);
        published
    }

    /// Publishes two days in the same moment, as two processes would.
    async fn publish_two(&mut self) -> Result<(), Error> {
        if self.held.len() < 2 {
            return Ok(());
        }
        let (Some(one), Some(other)) = (self.take(), self.take()) else { return Ok(()) };
        let this = &*self;
        let ((one, first), (other, second)) = tokio::join!(
            this.publish_held(one, true, false),
            this.publish_held(other, false, true)
        );
        self.held.extend(one.into_iter().chain(other));
        first.and(second)
    }

    async fn publish_held(
        &self,
        held: Held,
        settles: bool,
        recounts: bool,
    ) -> (Option<Held>, Result<(), Error>) {
        let Held { holder, lease, new_events } = held;
        let (store, stats) =
            (&self.stores[holder], AttemptStats { new_events, ..Default::default() });
        let provenance =
            Provenance { request_id: Some("request".to_owned()), ..Provenance::default() };
        let publication = Publication {
            scope: &self.scope,
            stats,
            as_of: None,
            settles_as_of: None,
            last_recheck: (!settles).then(|| Duration::from_hours(72)),
            provenance: &provenance,
            note: None,
        };
        let published = if lease.was_settled() && recounts {
            store.recount(lease, stats, "a repair that broke off").await
        } else {
            store.publish(lease, publication).await
        };
        match published {
            Ok(_) => (None, Ok(())),
            Err(failed) => {
                let held = failed.lease.map(|lease| Held { holder, lease, new_events });
                (held, Err(failed.error))
            }
        }
    }

    async fn fail(&mut self) -> Result<(), Error> {
        let Some(Held { holder, lease, .. }) = self.take() else { return Ok(()) };
        let stats = AttemptStats::default();
        self.stores[holder].fail(lease, FailureStatus::Failed, "no", stats).await
    }

    async fn release(&mut self) -> Result<(), Error> {
        if self.random.bool() {
            let Some(Held { holder, lease, .. }) = self.take() else { return Ok(()) };
            return self.stores[holder].release(lease, AttemptStats::default()).await;
        }
        // All that one holder has, as after a signal.
        let holder = self.random.usize(..HOLDERS);
        let all = std::mem::take(&mut self.held);
        let (own, rest) = all.into_iter().partition::<Vec<_>, _>(|held| held.holder == holder);
        self.held = rest;
        let own: Vec<_> =
            own.into_iter().map(|held| (held.lease, AttemptStats::default())).collect();
        self.stores[holder].release_all(&own).await.map(drop)
    }

    async fn renew(&mut self) -> Result<(), Error> {
        let Some(held) = self.take() else { return Ok(()) };
        let renewed = self.stores[held.holder].renew(&held.lease.renewal()).await;
        self.held.push(held);
        renewed
    }

    /// Makes the leases of a day run out.
    async fn expire(&mut self) -> Result<(), Error> {
        let DayKey { source, date } = self.day();
        let sql = format!(
            "UPDATE audit_events_log SET locked_until = clock_timestamp() - interval '1 us'
             WHERE status = 'PROCESSING' AND source = '{source}' AND process_date = '{date}'"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
            .execute(&mut *self.session)
            .await
            .expect("an update");
        Ok(())
    }

    async fn reset(&mut self) -> Result<(), Error> {
        let (key, force) = (self.day(), self.random.bool());
        let request = ResetRequest { force, actor: ACTOR };
        self.stores[0].reset(&key, request).await.map(drop)
    }

    async fn clean_up(&mut self) -> Result<(), Error> {
        self.stores[0].clean_up(ACTOR).await.map(drop)
    }

    async fn reread(&mut self) -> Result<(), Error> {
        // Of all histories, one in a hundred does this to all adopted days.
        if self.random.u32(..100) > 0 {
            return Ok(());
        }
        self.stores[0].reread_adopted(crate::start::ADOPTED, &[], "histories").await.map(drop)
    }
}
