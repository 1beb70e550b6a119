//! One round: its processes, the disturbances, and the checks.

mod verdict;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use pg_cluster::Shutdown;

use crate::database::{Database, Snapshot};
use crate::figures::{Figures, Played};
use crate::history::Seen;
use crate::plan::{ACCOUNTS, Action, Kind, Plan};
use crate::process::Process;
use crate::reports::Weather;
use crate::trouble::Trouble;
use crate::truth::{Truth, days};
use crate::world::World;
use crate::{events, time};

/// How long every process may take to end after the last action. A machine may be busy.
const LONGEST: Duration = Duration::from_mins(1);
const TICK: Duration = Duration::from_millis(3);
const SAMPLE_EVERY: Duration = Duration::from_millis(30);

/// A round in progress.
struct Round<'w> {
    world: &'w World,
    database: Database,
    plan: Plan,
    prefix: String,
    folder: PathBuf,
    dates: Vec<NaiveDate>,
    truth: Truth,
    processes: Vec<Process>,
    seen: Seen,
    /// The complete days that were verified, by source, date and attempt.
    verified: BTreeSet<(String, NaiveDate, i32)>,
    weather: Weather,
    trouble: Trouble,
    figures: Figures,
    problems: Vec<String>,
}

/// Plays one round.
pub(crate) fn play(world: &World, seed: u64, number: u32) -> Played {
    let mut round = Round::prepare(world, Plan::draw(seed, number), number);
    round.run();
    round.settle();
    let snapshot = round.judge();
    round.end(&snapshot)
}

impl<'w> Round<'w> {
    fn prepare(world: &'w World, plan: Plan, number: u32) -> Self {
        let dates = days(time::yesterday(), plan.days);
        let mut truth = Truth::default();
        let mut sizes = plan.sizes.iter();
        for account in ACCOUNTS {
            for date in &dates {
                let size = *sizes.next().expect("a size for each");
                truth.put_day(&world.heroku, account, *date, size);
            }
        }
        world.heroku.set_paging(plan.paging);
        world.heroku.set_gzip(plan.gzip);
        world.heroku.forget_requests();
        plan.faults().for_each(|(matching, fault)| world.heroku.fault(matching, fault));

        let folder = world.folder(&format!("round-{number}"));
        std::fs::create_dir_all(&folder).expect("a folder");
        for (name, short) in [("audit.toml", true), ("final.toml", false)] {
            std::fs::write(folder.join(name), plan.file(&world.heroku.url(), dates[0], short))
                .expect("a file");
        }
        Self {
            world,
            database: world.database(),
            prefix: format!("r{number}-"),
            folder,
            dates,
            truth,
            processes: Vec::new(),
            seen: Seen::default(),
            verified: BTreeSet::new(),
            weather: Weather::default(),
            trouble: Trouble::default(),
            figures: Figures::default(),
            problems: Vec::new(),
            plan,
        }
    }

    /// Performs the actions at their times and samples the database in between, until every process
    /// has ended.
    fn run(&mut self) {
        let begun = Instant::now();
        let mut actions = std::mem::take(&mut self.plan.actions).into_iter().peekable();
        let (mut sampled, mut quiet_since) = (begun, begun);
        loop {
            while let Some((_, action)) = actions.next_if(|(at, _)| begun.elapsed() >= *at) {
                self.act(action);
                quiet_since = Instant::now();
            }
            if self.trouble.pass(self.world) {
                quiet_since = Instant::now();
            }
            for process in &mut self.processes {
                process.look();
                if process.stopped_until.is_some_and(|until| until <= Instant::now()) {
                    process.resume();
                    quiet_since = Instant::now();
                }
            }
            if actions.peek().is_none()
                && self.trouble.is_over()
                && !self.processes.iter().any(Process::is_alive)
            {
                return;
            }
            if quiet_since.elapsed() > LONGEST {
                let alive = self.processes.iter().filter(|process| process.is_alive());
                self.problems.extend(alive.map(|process| format!("{} does not end", process.name)));
                return;
            }
            if sampled.elapsed() >= SAMPLE_EVERY {
                sampled = Instant::now();
                self.sample();
            }
            time::pause(TICK);
        }
    }

    /// One of the living processes.
    fn chosen(&mut self, pick: u64) -> Option<&mut Process> {
        let mut alive: Vec<_> =
            self.processes.iter_mut().filter(|process| process.is_alive()).collect();
        let place = pick as usize % alive.len().max(1);
        (place < alive.len()).then(|| alive.swap_remove(place))
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Start(kind) => self.start(kind),
            Action::Kill(pick) => {
                if let Some(process) = self.chosen(pick) {
                    process.kill();
                    self.figures.count("processes killed");
                }
            }
            Action::Stop(pick, time) => {
                let chosen = self.chosen(pick);
                if let Some(process) = chosen.filter(|process| process.stopped_until.is_none()) {
                    process.stop(time);
                    self.weather.somebody_stopped = true;
                    self.figures.count("processes stopped");
                    let is_beyond = u64::from(time > self.plan.lease);
                    self.figures.add_to("processes stopped beyond their lease", is_beyond);
                }
            }
            Action::Terminate(pick) => {
                if let Some(process) = self.chosen(pick) {
                    process.terminate();
                    self.figures.count("processes sent SIGTERM");
                }
            }
            Action::CutOne(pick) => self.cut(Some(pick)),
            Action::CutAll => self.cut(None),
            Action::Restart(shutdown, away) => {
                self.weather.database_failed = true;
                self.trouble.stop(self.world, shutdown, away);
                self.figures.count(match shutdown {
                    Shutdown::Fast => "database restarts, fast",
                    Shutdown::Immediate => "database restarts, immediate",
                });
            }
            Action::Freeze(time) => {
                self.weather.database_failed = true;
                self.trouble.freeze(self.world, time);
                self.figures.count("freezes of the database");
            }
            Action::Lock(table, mode, time) => {
                self.weather.database_failed = true;
                self.trouble.lock(self.world, (table, mode), time);
                self.figures.count("tables locked");
            }
            Action::ReadOnly(time) => {
                self.weather.database_failed = true;
                self.trouble.refuse_writes(self.world, time);
                self.figures.count("read-only periods");
            }
            Action::Late(account, day) => {
                let account = ACCOUNTS[account as usize % ACCOUNTS.len()];
                let date = self.dates[day as usize % self.dates.len()];
                let name = format!("late-{}", self.figures.count("late events"));
                self.truth.add_late(&self.world.heroku, account, date, &name);
            }
        }
    }

    fn cut(&mut self, which: Option<u64>) {
        // A stopped server has no connections.
        let cut = self.database.cut(which).unwrap_or(0);
        self.weather.database_failed |= cut > 0;
        self.figures.add_to("connections cut", cut);
    }

    fn start(&mut self, kind: Kind) {
        let name = format!("{}{}", self.prefix, self.processes.len());
        let (first, last) =
            (self.dates[0].to_string(), self.dates[self.dates.len() - 1].to_string());
        let mut arguments = vec!["--output", "json"];
        let date;
        match &kind {
            Kind::Sync => {}
            Kind::SyncNamed => arguments.extend(["sync", "--from", &first, "--to", &last]),
            Kind::Final => arguments.extend(["--config", "final.toml"]),
            Kind::Cleanup => arguments.push("cleanup"),
            Kind::Reset { source, day, force } => {
                date = self.dates[*day].to_string();
                arguments.extend(["reset", "--source", &self.plan.sources[*source].name, &date]);
                if *force {
                    arguments.extend(["--force", "--reason", "by force"]);
                }
            }
        }
        self.figures.count("processes started");
        self.processes.push(Process::start(self.world, &self.folder, name, kind, &arguments));
    }

    /// Checks ledger and history, and the events of each day that has become complete. Skips this
    /// sample if the database is away.
    fn sample(&mut self) {
        let Ok(snapshot) = self.database.snapshot(&self.prefix) else { return };
        self.figures.count("looks at the ledger");
        self.seen.check(&snapshot, &mut self.problems);
        for row in snapshot.rows.iter().filter(|row| row.status == "SUCCESS") {
            let key = (row.source.clone(), row.date, row.attempt);
            if !self.verified.contains(&key) && self.verify(&snapshot, &row.source, row.date) {
                self.verified.insert(key);
            }
        }
    }

    /// Checks the events of a day; false if the database is away.
    fn verify(&mut self, snapshot: &Snapshot, source: &str, date: NaiveDate) -> bool {
        let Ok((Some(row), stored)) = self.database.day(source, date) else { return false };
        // If the day changed after the snapshot, its history there explains neither the row nor the
        // events.
        if snapshot
            .row(source, date)
            .is_some_and(|before| (&before.status, before.attempt) == (&row.status, row.attempt))
        {
            let known = self
                .plan
                .sources
                .iter()
                .find(|known| known.name == source)
                .expect("a source of the round");
            let found =
                events::check(&self.truth, known, &row, &stored, &snapshot.of_day(source, date));
            self.problems
                .extend(found.into_iter().map(|problem| format!("{source} {date}: {problem}")));
            self.figures.count("days verified");
        }
        true
    }
}
