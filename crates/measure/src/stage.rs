//! What everything is measured on: a durable PostgreSQL, a fake Heroku, and files that name them.

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

/// Pages as Heroku's other lists have them.
pub(crate) const PAGES: Paging = Paging::Pages { default: 200, max: 1000 };

/// See the module.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) cluster: Cluster,
    pub(crate) heroku: FakeHeroku,
    pub(crate) folder: TempDir,
}

impl Stage {
    /// A new one, whose Heroku has these accounts, and for whose requests there is a quota without end.
    pub(crate) fn new(accounts: &[String]) -> Result<Self> {
        let preloading = || {
            Cluster::builder()
                .durable()
                .tcp()
                .setting("shared_preload_libraries", "pg_stat_statements")
        };
        // Where PostgreSQL came without its further modules, figures that need one are left out.
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

    /// Writes the file: a source for each account, whose API lies at `base_url`.
    pub(crate) fn configure(&self, accounts: &[String], base_url: &str) -> Result<()> {
        let sources = accounts.iter().map(|account| {
            format!(
                "[[source]]\nname = \"{account}\"\naccount = \"{account}\"\ntoken_env = \"TOKEN\"\n"
            )
        });
        let file = format!(
            "[api]\nbase_url = \"{base_url}\"\n[events]\nlog = \"none\"\n[rate_limit]\nburst = 4500\n{}",
            sources.collect::<String>()
        );
        Ok(std::fs::write(self.folder.path().join("audit.toml"), file)?)
    }

    /// A new database with the program's schema.
    pub(crate) fn migrated(&self, name: &str) -> Result<()> {
        self.cluster.create_database(name)?;
        self.run(name, &["migrate"]).map(drop)
    }

    /// The program, on a database of the cluster, with these arguments.
    pub(crate) fn auditsync(&self, database: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(process::auditsync());
        command.args(["--quiet", "--output", "json"]).args(arguments);
        command.env("AUDITSYNC_CONFIG", self.folder.path().join("audit.toml"));
        command.env("DATABASE_URL", self.cluster.url(database)).env("TOKEN", TOKEN);
        command.env_remove("AUDITSYNC_PING_URL").env_remove("RUST_LOG");
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, database: &str, arguments: &[&str]) -> Result<Taken> {
        process::run(&self.auditsync(database, arguments))
    }

    /// Syncs a day of so many events into a new database, and drops it if it is not `kept`.
    pub(crate) fn sync_day(&self, database: &str, day: NaiveDate, events: usize) -> Result<Taken> {
        self.migrated(database)?;
        let taken = self.run(database, &["--date", &day.to_string()])?;
        let report: Value = serde_json::from_str(&taken.printed)?;
        match report["totals"]["new_events"].as_u64() {
            Some(new) if new == events as u64 => Ok(taken),
            new => Err(format!("{new:?} events are new, not {events}").into()),
        }
    }

    /// Drops a database.
    pub(crate) fn drop_database(&self, name: &str) -> Result<()> {
        Ok(self.cluster.psql("postgres", &format!("DROP DATABASE {name}")).map(drop)?)
    }

    /// A psql that takes a command on a database of the cluster, as a shell would write it.
    pub(crate) fn psql(&self, database: &str) -> String {
        let program = self.cluster.bin("psql");
        format!(
            "'{}' -X -q -v ON_ERROR_STOP=1 -d '{}'",
            program.display(),
            self.cluster.url(database)
        )
    }
}

/// A shell that runs `script`, and fails where any of its programs does.
pub(crate) fn shell(script: &str) -> Command {
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", script]);
    command
}

/// The day that is measured.
pub(crate) fn day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2024, 9, 28).expect("a date")
}
