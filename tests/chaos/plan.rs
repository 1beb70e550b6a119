//! What a round does, and when: derived from the seed before the round begins.

use std::fmt::Write as _;
use std::time::Duration;

use fake_heroku::{Fault, Match, Paging};
use fastrand::Rng;
use pg_cluster::Shutdown;

use crate::truth::{DaySize, Source};

/// The accounts, each with the sources that read it. All of acme's sources share one fetch.
pub(crate) const ACCOUNTS: [&str; 2] = ["acme", "globex"];
const VIEWS: [(&str, &str, Option<&str>); 4] = [
    ("acme", "acme", None),
    ("team-a", "acme", Some("team-a")),
    ("team-b", "acme", Some("team-b")),
    ("globex", "globex", None),
];

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) sources: Vec<Source>,
    /// The number of days owed.
    pub(crate) days: u32,
    /// For each account and day in turn.
    pub(crate) sizes: Vec<DaySize>,
    pub(crate) paging: Paging,
    pub(crate) gzip: bool,
    pub(crate) lease: Duration,
    heartbeat: Duration,
    connections: u32,
    concurrency: u32,
    faults: Vec<(&'static str, Option<usize>, usize, Fault)>,
    /// In order of time.
    pub(crate) actions: Vec<(Duration, Action)>,
    /// Whether a `cleanup` runs before the last sync.
    pub(crate) cleans_up: bool,
}

/// Something that happens in a round. A `u64` selects one of the candidates at that moment.
#[derive(Debug, Clone)]
pub(crate) enum Action {
    Start(Kind),
    Kill(u64),
    Stop(u64, Duration),
    Terminate(u64),
    CutOne(u64),
    CutAll,
    /// The database stops and starts again after a time.
    Restart(Shutdown, Duration),
    /// The database appears frozen for a time.
    Freeze(Duration),
    /// Another session locks a table for a time.
    Lock(&'static str, &'static str, Duration),
    /// The database rejects writes for a time.
    ReadOnly(Duration),
    /// A late event of an account's day.
    Late(u64, u64),
}

/// The purpose of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Sync,
    /// Syncs the owed days by name.
    SyncNamed,
    Reset {
        source: usize,
        day: usize,
        force: bool,
    },
    Cleanup,
    /// A sync with long leases, after the trouble has ended.
    Final,
}

impl Plan {
    pub(crate) fn draw(seed: u64, round: u32) -> Self {
        let rng = &mut Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(round));
        let mut views = VIEWS.to_vec();
        views.retain(|_| rng.u8(..4) > 0);
        let views = if views.is_empty() { VIEWS.to_vec() } else { views };
        let named = views
            .into_iter()
            .map(|(name, account, team)| (format!("r{round}-{name}"), account, team));
        let sources: Vec<_> =
            named.map(|(name, account, team)| Source { name, account, team }).collect();
        let days = rng.u32(1..=3);
        let lease = Duration::from_millis(
            rng.choice([300, 400, 500, 600, 800, 1000, 1500, 2000]).expect("one"),
        );
        let size = |rng: &mut Rng| {
            let heavy = if rng.u8(..6) == 0 { rng.usize(3..12) } else { 0 };
            let count = if rng.u8(..6) == 0 { 0 } else { rng.usize(1..90) };
            let repeat = if rng.u8(..4) == 0 { rng.usize(1..9) } else { 0 };
            DaySize { count, heavy, repeat }
        };
        let mut plan = Self {
            days,
            sizes: (0..days as usize * ACCOUNTS.len()).map(|_| size(rng)).collect(),
            paging: match rng.usize(3..40) {
                page if page < 30 => Paging::Pages { default: page, max: page },
                _ => Paging::Whole,
            },
            gzip: rng.bool(),
            lease,
            heartbeat: lease / rng.u32(3..8),
            connections: rng.u32(1..=4),
            concurrency: rng.u32(1..=4),
            faults: Vec::new(),
            actions: Vec::new(),
            cleans_up: rng.u8(..3) == 0,
            sources,
        };
        plan.draw_faults(rng);
        plan.draw_actions(rng);
        plan
    }

    fn draw_faults(&mut self, rng: &mut Rng) {
        for account in ACCOUNTS {
            for _ in 0..rng.u32(0..8) {
                let page = rng.bool().then(|| rng.usize(1..4));
                let (times, fault) = match rng.u8(..16) {
                    0 => (1, Fault::CutBody { after_bytes: rng.usize(..3000) }),
                    1 => (rng.usize(1..3), Fault::status(503, "unavailable", "Unavailable.")),
                    2 => (1, Fault::rate_limit(None)),
                    3 => (1, Fault::Hang),
                    4 => (1, Fault::Trickle { chunk: 4096, every: Duration::from_millis(10) }),
                    5 => (1, Fault::NoNextRange),
                    6 => (1, Fault::TrailingGarbage),
                    7 => (1, Fault::status(403, "forbidden", "You do not have access.")),
                    _ => (rng.usize(1..5), Fault::Delay(Duration::from_millis(rng.u64(10..350)))),
                };
                self.faults.push((account, page, times, fault));
            }
        }
    }

    fn draw_actions(&mut self, rng: &mut Rng) {
        let horizon = rng.u64(150..1100);
        let mut actions = vec![(0, Action::Start(Kind::Sync))];
        let mut some =
            |rng: &mut Rng, one_in: u8, most: u32, draw: &mut dyn FnMut(&mut Rng) -> Action| {
                if rng.u8(..one_in) == 0 {
                    for _ in 0..rng.u32(1..=most) {
                        let action = draw(rng);
                        actions.push((rng.u64(..horizon), action));
                    }
                }
            };
        let (sources, days, lease) =
            (self.sources.len(), self.days as usize, self.lease.as_millis() as u64);
        some(rng, 1, 4, &mut |rng| {
            Action::Start(if rng.u8(..4) == 0 { Kind::SyncNamed } else { Kind::Sync })
        });
        some(rng, 2, 2, &mut |rng| {
            let (source, day, force) = (rng.usize(..sources), rng.usize(..days), rng.bool());
            Action::Start(Kind::Reset { source, day, force })
        });
        some(rng, 2, 2, &mut |_| Action::Start(Kind::Cleanup));
        some(rng, 2, 3, &mut |rng| Action::Kill(rng.u64(..)));
        some(rng, 2, 3, &mut |rng| {
            Action::Stop(rng.u64(..), Duration::from_millis(rng.u64(lease / 10..lease * 5 / 2)))
        });
        some(rng, 3, 2, &mut |rng| Action::Terminate(rng.u64(..)));
        some(rng, 3, 5, &mut |rng| Action::CutOne(rng.u64(..)));
        some(rng, 6, 1, &mut |_| Action::CutAll);
        // Occasionally the server crashes repeatedly.
        let (one_in, most) = if rng.u8(..6) == 0 { (1, 6) } else { (4, 2) };
        some(rng, one_in, most, &mut |rng| {
            let shutdown = if rng.u8(..3) == 0 { Shutdown::Fast } else { Shutdown::Immediate };
            let away = if rng.u8(..3) == 0 { rng.u64(50..lease * 2) } else { 0 };
            Action::Restart(shutdown, Duration::from_millis(away))
        });
        some(rng, 4, 2, &mut |rng| {
            Action::Freeze(Duration::from_millis(rng.u64(20..lease * 3 / 2)))
        });
        some(rng, 4, 2, &mut |rng| {
            let table = rng.choice([
                "audit_events_log",
                "audit_events",
                "audit_event_conflicts",
                "audit_history",
            ]);
            let mode = rng.choice(["SHARE", "EXCLUSIVE", "ACCESS EXCLUSIVE"]);
            let time = Duration::from_millis(rng.u64(20..lease * 3 / 2));
            Action::Lock(table.expect("one"), mode.expect("one"), time)
        });
        some(rng, 6, 1, &mut |rng| {
            Action::ReadOnly(Duration::from_millis(rng.u64(20..lease * 3 / 2)))
        });
        some(rng, 3, 3, &mut |rng| Action::Late(rng.u64(..), rng.u64(..)));
        let timed = actions.into_iter().map(|(at, action)| (Duration::from_millis(at), action));
        self.actions = timed.collect();
        self.actions.sort_by_key(|(at, _)| *at);
    }

    /// The faults for Heroku.
    pub(crate) fn faults(&self) -> impl Iterator<Item = (Match, Fault)> + '_ {
        self.faults.iter().map(|(account, page, times, fault)| {
            let events = Match::events(account).times(*times);
            (if let Some(page) = page { events.page(*page) } else { events }, fault.clone())
        })
    }

    /// The configuration file, with the plan's leases or with the usual ones.
    pub(crate) fn file(
        &self,
        heroku: &str,
        since: chrono::NaiveDate,
        short_leases: bool,
    ) -> String {
        let mut text = format!(
            "[api]\nbase_url = \"{heroku}\"\nrequest_timeout = \"700ms\"\n\
             [rate_limit]\nrequests_per_hour = 1000000\nburst = 1000\nreserve = 0\n\
             [retry]\ninitial_interval = \"5ms\"\nmax_interval = \"40ms\"\nmax_attempts = 4\n\
             [database]\nmax_connections = {}\n[sync]\nconcurrency = {}\nrecheck_after = []\n\
             [events]\nlog = \"none\"\n",
            self.connections, self.concurrency
        );
        if short_leases {
            let (lease, heartbeat) = (self.lease.as_millis(), self.heartbeat.as_millis());
            let _ = write!(
                text,
                "[lock]\nstale_after = \"{lease}ms\"\nheartbeat_every = \"{heartbeat}ms\"\n"
            );
        }
        for Source { name, account, team } in &self.sources {
            let team = team.map(|team| format!("team = \"{team}\"\n")).unwrap_or_default();
            let _ = write!(
                text,
                "[[source]]\nname = \"{name}\"\naccount = \"{account}\"\n\
                 {team}token_env = \"TOKEN\"\nsince = \"{since}\"\n"
            );
        }
        text
    }
}
