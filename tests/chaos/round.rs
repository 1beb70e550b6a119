//! One round: its processes, the disturbances, and the checks.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use pg_cluster::Shutdown;

use crate::database::{Database, Entry, LedgerRow, Snapshot};
use crate::figures::{Figures, Played};
use crate::history::Seen;
use crate::plan::{ACCOUNTS, Action, Kind, Plan};
use crate::process::Process;
use crate::reports::{self, Weather};
use crate::trouble::Trouble;
use crate::truth::{Source, Truth, days};
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
                truth.put_day(
                    &world.heroku,
                    (account, *date),
                    *sizes.next().expect("a size for each"),
                );
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

    fn act(&mut self, action: Action) {
        let alive: Vec<usize> =
            (0..self.processes.len()).filter(|place| self.processes[*place].is_alive()).collect();
        let chosen = |pick: u64| alive.get(pick as usize % alive.len().max(1)).copied();
        match action {
            Action::Start(kind) => self.start(kind),
            Action::Kill(pick) => {
                if let Some(place) = chosen(pick) {
                    self.processes[place].kill();
                    self.figures.count("processes killed");
                }
            }
            Action::Stop(pick, time) => {
                if let Some(place) =
                    chosen(pick).filter(|place| self.processes[*place].stopped_until.is_none())
                {
                    self.processes[place].stop(time);
                    self.weather.somebody_stopped = true;
                    self.figures.count("processes stopped");
                    self.figures.add_to(
                        "processes stopped beyond their lease",
                        u64::from(time > self.plan.lease),
                    );
                }
            }
            Action::Terminate(pick) => {
                if let Some(place) = chosen(pick) {
                    self.processes[place].terminate();
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

    /// After the trouble: lets leases run out, resets days that lack late events, and completes the
    /// rest with undisturbed runs.
    fn settle(&mut self) {
        self.processes.iter_mut().filter(|process| process.is_alive()).for_each(Process::kill);
        self.trouble.end(self.world);
        let begun = Instant::now();
        self.world.heroku.clear_faults();
        self.world.heroku.release_hangs();
        let prefix = self.prefix.clone();
        while self.database.insist(|database| database.unsettled(&prefix)) > 0 {
            if begun.elapsed() > LONGEST {
                return self
                    .problems
                    .push("a lease does not run out, or a connection does not end".to_owned());
            }
            time::pause(Duration::from_millis(10));
        }
        self.sample();
        if self.plan.cleans_up {
            self.run_to_end(Kind::Cleanup);
        }
        let snapshot = self.database.insist(|database| database.snapshot(&prefix));
        for (source, known) in self.plan.sources.clone().iter().enumerate() {
            for (day, date) in self.dates.clone().into_iter().enumerate() {
                let lacks = |row: &LedgerRow| {
                    row.status == "SUCCESS"
                        && row.events_count != Some(self.truth.count(known, date) as i64)
                };
                if snapshot.row(&known.name, date).is_some_and(lacks) {
                    self.run_to_end(Kind::Reset { source, day, force: false });
                }
            }
        }
        // A source's very first run reads only one day.
        self.run_to_end(Kind::Final);
        if !self.is_all_whole() {
            self.run_to_end(Kind::Final);
        }
        let (asked, before) = (self.world.heroku.requests().len(), self.seen_history());
        self.run_to_end(Kind::Final);
        if self.world.heroku.requests().len() != asked || self.seen_history() != before {
            self.problems.push(
                "a run that finds nothing due asked Heroku or changed the database".to_owned(),
            );
        }
    }

    fn run_to_end(&mut self, kind: Kind) {
        self.start(kind);
        let process = self.processes.last_mut().expect("just started");
        if !process.wait(LONGEST) {
            self.problems.push(format!("{} does not end", process.name));
        } else if process.end.is_some_and(|end| end.code != 0) {
            self.problems.push(format!(
                "{} ended so, though all was quiet: {:?}",
                process.name, process.end
            ));
        }
    }

    fn is_all_whole(&mut self) -> bool {
        let prefix = self.prefix.clone();
        let snapshot = self.database.insist(|database| database.snapshot(&prefix));
        let whole = |source: &Source, date| {
            snapshot.row(&source.name, date).is_some_and(|row| row.status == "SUCCESS")
        };
        self.plan.sources.iter().all(|source| self.dates.iter().all(|date| whole(source, *date)))
    }

    fn seen_history(&mut self) -> usize {
        let prefix = self.prefix.clone();
        self.database.insist(|database| database.snapshot(&prefix)).history.len()
    }

    /// The final check.
    fn judge(&mut self) -> Snapshot {
        self.sample();
        let prefix = self.prefix.clone();
        let snapshot = self.database.insist(|database| database.snapshot(&prefix));
        for source in self.plan.sources.clone() {
            for date in self.dates.clone() {
                let expected = self.truth.count(&source, date) as i64;
                match snapshot.row(&source.name, date) {
                    Some(row) if row.status == "SUCCESS" && row.events_count == Some(expected) => {}
                    row => self.problems.push(format!(
                        "{} {date}: Heroku has {expected} events, and after the last run its row \
                         is {row:?}",
                        source.name
                    )),
                }
                let asked = self.verify(&snapshot, &source.name, date);
                if !asked {
                    self.problems.push(format!("{} {date}: it can't be read", source.name));
                }
            }
        }
        for process in &self.processes {
            let (report, found) = reports::check(process, &snapshot, self.weather);
            let days = report.into_iter().flat_map(|report| report.days);
            for day in days.filter(|_| !matches!(process.kind, Kind::Reset { .. } | Kind::Cleanup))
            {
                let name = match day.outcome.as_str() {
                    "synced" => "days told synced",
                    "lost_lock" => "locks lost",
                    "failed" => "days failed",
                    "interrupted" => "days interrupted",
                    "locked_elsewhere" => "days locked elsewhere",
                    _ => "days already synced",
                };
                self.figures.count(name);
            }
            self.problems
                .extend(found.into_iter().map(|problem| format!("{}: {problem}", process.name)));
        }
        for entry in &snapshot.history {
            self.figures.count(match entry.action.as_str() {
                "takeover" => "takeovers",
                "publish" => "days published",
                "reset" => "resets",
                "cleanup" => "cleanups of a day",
                "claim" => "claims",
                _ => "days given back",
            });
        }
        self.problems.extend(
            self.world
                .heroku
                .violations()
                .into_iter()
                .map(|what| format!("Heroku was asked: {what}")),
        );
        snapshot
    }

    fn end(mut self, snapshot: &Snapshot) -> Played {
        self.problems.dedup();
        if self.problems.is_empty() {
            let _ = std::fs::remove_dir_all(&self.folder);
            return Played { figures: self.figures, failure: None };
        }
        let account = self.account(snapshot);
        let _ = std::fs::write(self.folder.join("problems.txt"), &account);
        Played { figures: self.figures, failure: Some(account) }
    }

    /// What a person needs to find the cause: the problems, and what the database records of the
    /// affected days.
    fn account(&self, snapshot: &Snapshot) -> String {
        let mut text = String::new();
        for problem in self.problems.iter().take(30) {
            let _ = writeln!(text, "  {problem}");
        }
        let is_named = |row: &&LedgerRow| {
            let day = format!("{} {}", row.source, row.date);
            self.problems.iter().any(|problem| problem.contains(&day))
        };
        let named: Vec<_> = snapshot.rows.iter().filter(is_named).collect();
        for row in if named.is_empty() { snapshot.rows.iter().collect() } else { named } {
            let _ = writeln!(text, "  ledger {row:?}");
            for entry in snapshot.of_day(&row.source, row.date) {
                let Entry { at, run_id, attempt, action, outcome, message, by, .. } = entry;
                let message = message.as_deref().unwrap_or_default();
                let _ = writeln!(
                    text,
                    "    {at} {action} {attempt} {outcome} run {run_id} by {by} {message}"
                );
            }
        }
        let _ = writeln!(text, "  {:?}; logs: {}", self.weather, self.folder.display());
        text
    }
}
