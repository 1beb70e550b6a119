//! The end of a round: the trouble is over, what is left gets done, and all of it is checked.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::{LONGEST, Round};
use crate::database::{Database, Entry, LedgerRow, Snapshot};
use crate::figures::Played;
use crate::plan::Kind;
use crate::process::Process;
use crate::truth::Source;
use crate::{reports, time};

impl Round<'_> {
    /// After the trouble: lets leases run out, resets days that lack late events, and completes the
    /// rest with undisturbed runs.
    pub(super) fn settle(&mut self) {
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
        if !self.is_all_complete() {
            self.run_to_end(Kind::Final);
        }
        let (asked, before) = (self.world.heroku.requests().len(), self.seen_history());
        self.run_to_end(Kind::Final);
        if self.world.heroku.requests().len() != asked || self.seen_history() != before {
            self.problems
                .push("a run with nothing due sent a request or changed the database".to_owned());
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

    fn is_all_complete(&mut self) -> bool {
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
    pub(super) fn judge(&mut self) -> Snapshot {
        self.sample();
        let prefix = self.prefix.clone();
        let snapshot = self.database.insist(|database| database.snapshot(&prefix));
        self.problems.extend(self.database.insist(Database::seal_problems));
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
                    "synced" => "days reported synced",
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
                _ => "days released",
            });
        }
        self.problems.extend(
            self.world
                .heroku
                .violations()
                .into_iter()
                .map(|what| format!("Heroku got a wrong request: {what}")),
        );
        snapshot
    }

    pub(super) fn end(mut self, snapshot: &Snapshot) -> Played {
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
