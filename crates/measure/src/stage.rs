//! The environment of all measurements: a durable PostgreSQL, a fake Heroku, and configurations for
//! them.

use std::path::Path;
use std::process::Command;

use chrono::NaiveDate;
use fake_heroku::{FakeHeroku, Model, Paging, Quota};
use pg_cluster::Cluster;
use serde_json::Value;
use tempfile::TempDir;

use crate::Result;
use crate::process::{self, Taken};

/// The manager of every account.
const MANAGER: &str = "audit@example.com";

/// The token of every source.
pub(crate) const TOKEN: &str = "HRKU-measure";

/// Pages like those of Heroku's other lists.
pub(crate) const PAGES: Paging = Paging::Pages { default: 200, max: 1000 };

#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) cluster: Cluster,
    pub(crate) heroku: FakeHeroku,
    pub(crate) folder: TempDir,
}

impl Stage {
    /// A new stage whose Heroku has these accounts and an unlimited quota.
    pub(crate) fn new(accounts: &[String]) -> Result<Self> {
        let preloading = || {
            Cluster::builder()
                .durable()
                .tcp()
                .setting("shared_preload_libraries", "pg_stat_statements")
        };
        // Some installations lack PostgreSQL's additional modules. Omit the figures that need one.
        let cluster =
            preloading().start().or_else(|_| Cluster::builder().durable().tcp().start())?;
        let heroku = FakeHeroku::start(Model::default());
        heroku.add_token(TOKEN, MANAGER);
        heroku.set_quota(Quota { capacity: 1_000_000, per_hour: 1_000_000, retry_after: None });
        for account in accounts {
            heroku.add_account(account, MANAGER);
        }
        let stage = Self { cluster, heroku, folder: tempfile::tempdir()? };
        stage.configure(accounts, &stage.heroku.url())?;
        Ok(stage)
    }

    /// Write the configuration: a source for each account, with the API at `base_url`.
    pub(crate) fn configure(&self, accounts: &[String], base_url: &str) -> Result<()> {
        let sources = accounts.iter().map(|account| {
            format!(
                "[[source]]\nname = \"{account}\"\naccount = \"{account}\"\ntoken_env = \"TOKEN\"\n"
            )
        });
        let file = format!(
            "[api]\nbase_url = \"{base_url}\"\n[events]\nlog = \"none\"\n\
             [rate_limit]\nburst = 4500\n{}",
            sources.collect::<String>()
        );
        Ok(std::fs::write(self.folder.path().join("audit.toml"), file)?)
    }

    /// Create a database with the program's schema.
    pub(crate) fn migrated(&self, name: &str) -> Result<()> {
        self.migrated_with(&process::auditsync(), name)
    }

    fn migrated_with(&self, program: &Path, name: &str) -> Result<()> {
        self.cluster.create_database(name)?;
        process::run(&self.command(program, name, &["migrate"])).map(drop)
    }

    /// The program with these arguments, on a database of the cluster.
    pub(crate) fn auditsync(&self, database: &str, arguments: &[&str]) -> Command {
        self.command(&process::auditsync(), database, arguments)
    }

    fn command(&self, program: &Path, database: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(["--quiet", "--output", "json"]).args(arguments);
        command.env("AUDITSYNC_CONFIG", self.folder.path().join("audit.toml"));
        command.env("DATABASE_URL", self.cluster.url(database)).env("TOKEN", TOKEN);
        command.env_remove("AUDITSYNC_PING_URL").env_remove("RUST_LOG");
        command
    }

    /// Run the program to its end.
    pub(crate) fn run(&self, database: &str, arguments: &[&str]) -> Result<Taken> {
        process::run(&self.auditsync(database, arguments))
    }

    /// Sync a day of `events` events into a new database. Drop the database unless `kept`.
    pub(crate) fn sync_day(&self, database: &str, day: NaiveDate, events: usize) -> Result<Taken> {
        self.sync_day_with(&process::auditsync(), database, day, events)
    }

    /// The same with another build of the program.
    pub(crate) fn sync_day_with(
        &self,
        program: &Path,
        database: &str,
        day: NaiveDate,
        events: usize,
    ) -> Result<Taken> {
        self.migrated_with(program, database)?;
        let date = day.to_string();
        let taken = process::run(&self.command(program, database, &["--date", &date]))?;
        let report: Value = serde_json::from_str(&taken.printed)?;
        match report["totals"]["new_events"].as_u64() {
            Some(new) if new == events as u64 => Ok(taken),
            new => Err(format!("{new:?} events are new, not {events}").into()),
        }
    }

    pub(crate) fn drop_database(&self, name: &str) -> Result<()> {
        Ok(self.cluster.psql("postgres", &format!("DROP DATABASE {name}")).map(drop)?)
    }

    /// A shell command: psql on a database of the cluster. Append `-c` and a statement.
    pub(crate) fn psql(&self, database: &str) -> String {
        let program = self.cluster.bin("psql");
        format!(
            "'{}' -X -q -v ON_ERROR_STOP=1 -d '{}'",
            program.display(),
            self.cluster.url(database)
        )
    }
}

/// A shell that runs `script`, and fails if any of its programs fails.
pub(crate) fn shell(script: &str) -> Command {
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", script]);
    command
}

/// The measured day.
pub(crate) fn day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2024, 9, 28).expect("a date")
}
