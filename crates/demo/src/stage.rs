//! The stage: a database, a fake Heroku, a configuration, and the program that uses them.

use std::error::Error;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use chrono::{Days, NaiveDate, Utc};
use fake_heroku::{FakeHeroku, Fixtures};

use crate::database::Database;

/// The variables of the fixtures' tokens that the configuration names.
const TOKENS: &[(&str, &str)] = &[
    ("HEROKU_API_TOKEN", "HRKU-demo-acme-0001-not-a-secret"),
    ("GLOBEX_API_TOKEN", "HRKU-demo-globex-0001-not-a-secret"),
];

#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) database: Database,
    pub(crate) heroku: FakeHeroku,
    /// The day of the newest events.
    pub(crate) yesterday: NaiveDate,
    folder: PathBuf,
}

impl Stage {
    /// Start everything.
    pub(crate) fn set(embedded: bool) -> Result<Self, Box<dyn Error>> {
        let database = Database::start(embedded)?;
        let yesterday = Utc::now().date_naive() - Days::new(1);
        let heroku = FakeHeroku::start(Fixtures::committed().shifted(yesterday));
        let folder = std::env::temp_dir().join(format!("auditsync-demo-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let stage = Self { database, heroku, yesterday, folder };
        std::fs::write(stage.config(), stage.file())?;
        Ok(stage)
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder.join("audit.toml")
    }

    /// The variables that the program needs.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables: Vec<_> =
            TOKENS.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        variables.push(("DATABASE_URL", self.database.url().to_owned()));
        variables.push(("AUDITSYNC_CONFIG", self.config().display().to_string()));
        variables
    }

    /// Run auditsync in a separate process, and show its output.
    pub(crate) fn auditsync(&self, why: &str, arguments: &[&str]) -> Result<(), Box<dyn Error>> {
        println!("{why}\n\n$ {}", command_line(arguments));
        let status = self.command(arguments)?.status()?;
        println!();
        if status.success() { Ok(()) } else { Err(format!("auditsync ended with {status}").into()) }
    }

    /// Runs auditsync in the same way, and returns what it prints, in colour.
    pub(crate) fn printed(&self, arguments: &[&str]) -> Result<String, Box<dyn Error>> {
        let mut command = self.command(arguments)?;
        command.env_remove("NO_COLOR").env("CLICOLOR_FORCE", "1").stderr(Stdio::inherit());
        let finished = command.output()?;
        if !finished.status.success() {
            return Err(format!("auditsync ended with {}", finished.status).into());
        }
        Ok(String::from_utf8(finished.stdout)?)
    }

    /// Runs auditsync in the same way, and shows nothing unless it fails.
    pub(crate) fn quietly(&self, arguments: &[&str]) -> Result<(), Box<dyn Error>> {
        let finished = self.command(arguments)?.output()?;
        let failed = || String::from_utf8_lossy(&finished.stderr).into_owned();
        if finished.status.success() { Ok(()) } else { Err(failed().into()) }
    }

    fn command(&self, arguments: &[&str]) -> std::io::Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg("auditsync")
            .args(arguments)
            .env("RUST_LOG", "warn")
            .env_remove("AUDITSYNC_PING_URL")
            .envs(self.variables());
        Ok(command)
    }

    fn file(&self) -> String {
        format!(
            r#"# Two accounts and a team of the demo's fake Heroku.
[database]
max_connections = 1      # the embedded PostgreSQL serves one connection at a time

[api]
base_url = "{}"

[events]
log = "none"             # the demo's events would fill the screen

[[source]]
name = "acme"
account = "acme"
token_env = "HEROKU_API_TOKEN"

[[source]]
name = "globex"
account = "globex"
token_env = "GLOBEX_API_TOKEN"

[[source]]
name = "team-a"
account = "acme"
team = "team-a"
token_env = "HEROKU_API_TOKEN"
"#,
            self.heroku.url()
        )
    }
}

/// What a person types to run auditsync with `arguments`.
pub(crate) fn command_line(arguments: &[&str]) -> String {
    [&["auditsync"], arguments].concat().join(" ")
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
