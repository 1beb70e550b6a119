//! The commands: each wires configuration, Heroku and the database together, does its work, and gives an exit status.

mod archive;
mod backfill;
mod check;
mod cleanup;
mod command_line;
mod dry_run;
mod fetch;
mod history;
mod manual;
mod migrate;
mod notify;
mod reconcile;
mod remaining;
mod reset;
mod secrets;
mod signals;
mod status;
mod sync;
mod teams;
mod view;

use std::env::VarError;
use std::fmt;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::warn;
use uuid::Uuid;

use crate::cli::{Command, Global};
use crate::config::{Config, ConfigError, Source, masked};
use crate::logging::{self, Colors};
use crate::report::{Output, streams};
use crate::store::{Address, ConnectError, Holder, Reader, Schema, SchemaError, Store};
use crate::text::{clean, clean_lines};
pub use signals::Shutdown;

/// The exit status of a program; 128 and above tell of a signal.
pub type ExitStatus = u8;

/// All that was to be done is done.
const DONE: ExitStatus = 0;
/// A day failed, or something was found wrong or refused.
const FOUND_WRONG: ExitStatus = 1;
/// The command line or the configuration is wrong.
const MISUSED: ExitStatus = 2;
/// The database, or its schema, can't be used.
const NO_DATABASE: ExitStatus = 3;

/// Why a command could not do its work at all.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line or the configuration is wrong.
    #[error("{0}")]
    Usage(String),
    /// The file, or what it refers to, is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database can't be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Its schema can't be used.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A statement failed once the database was reached, outside of any one day's work.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    /// The HTTP client can't be made.
    #[error(transparent)]
    Setup(#[from] crate::heroku::SetupError),
    /// A signal ended it before it could report.
    #[error("ended by a signal before there was anything to report; leases that were held run out")]
    Interrupted(ExitStatus),
    /// The process can't be set up: its threads, or its ear for signals.
    #[error("the process can't be set up: {0}")]
    Process(std::io::Error),
    /// The result can't be printed.
    #[error("the result can't be written to stdout: {0}")]
    Output(#[from] std::io::Error),
}

impl Failure {
    /// The exit status that tells of it.
    pub fn exit_status(&self) -> ExitStatus {
        match self {
            Self::Usage(_) | Self::Config(_) | Self::Connect(ConnectError::Address(_)) => MISUSED,
            Self::Connect(_) | Self::Schema(_) | Self::Store(_) => NO_DATABASE,
            Self::Setup(_) | Self::Process(_) | Self::Output(_) => FOUND_WRONG,
            Self::Interrupted(status) => *status,
        }
    }

    /// Its text; where it repeats what was typed, without what looks like a secret.
    fn told(&self) -> String {
        match self {
            // Its lines are its own.
            Self::Config(_) => clean_lines(&masked(&self.to_string())),
            Self::Usage(_) => masked(&self.to_string()),
            _ => self.to_string(),
        }
    }

    /// Tells it on stderr, and where a document is due on stdout; returns the exit status.
    fn report(&self, output: Output) -> ExitStatus {
        let (told, status) = (self.told(), self.exit_status());
        match self {
            // Its text begins so by itself, once for each mistake.
            Self::Config(_) => streams::complain(&told),
            _ => streams::complain(&format!("error: {}", clean(&told))),
        }
        // What stdout did not take it will not take now, and half a document may stand there.
        if !matches!(self, Self::Output(_)) {
            let _ = output.print_failure(&told, status);
        }
        status
    }

    fn usage(message: impl fmt::Display) -> Self {
        Self::Usage(message.to_string())
    }
}

/// Runs the program with the arguments `args`, the first being its name, and gives its exit status.
///
/// This is the whole program but for the process around it: it reads the environment, and writes to stdout and stderr.
pub fn run(args: impl IntoIterator<Item = std::ffi::OsString>) -> ExitStatus {
    secrets::learn_usual();
    let (global, command) = match command_line::parse(args.into_iter().collect()) {
        Ok(parts) => parts,
        Err(status) => return status,
    };
    secrets::learn_given(&global);
    if is_blank("TMPDIR") {
        // It would be taken for a folder.
        let _ = tempfile::env::override_temp_dir(Path::new("/tmp"));
    }
    let colors = if env("NO_COLOR").is_some() { Colors::Nowhere } else { Colors::OnTerminals };
    logging::start(global.log_format, global.verbosity(), env("RUST_LOG").as_deref(), colors);
    // Without a provider rustls panics; another crate's earlier choice would do as well.
    let _ = rustls::crypto::ring::default_provider().install_default();

    let output = global.output;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => {
            let result = runtime.block_on(dispatch(&global, command));
            // What still runs, such as a look-up of a name, must not keep a process that was told to end.
            runtime.shutdown_background();
            result
        }
        Err(error) => Err(Failure::Process(error)),
    };
    result.unwrap_or_else(|failure| failure.report(output))
}

async fn dispatch(global: &Global, command: Command) -> Result<ExitStatus, Failure> {
    match &command {
        Command::Completions(args) => return manual::completions(args),
        Command::Man(args) => return manual::man(args),
        _ => {}
    }
    let config = Config::load(&global.config)?;
    secrets::learn_of(&config);
    let app = App { global, config };
    match command {
        Command::Sync(args) => sync::run(&app, &args).await,
        Command::Backfill(args) => backfill::run(&app, &args).await,
        Command::Reconcile(args) => reconcile::run(&app, &args).await,
        Command::Status(args) => status::run(&app, &args).await,
        Command::Reset(args) => reset::run(&app, &args).await,
        Command::Cleanup(args) => cleanup::run(&app, &args).await,
        Command::History(args) => history::run(&app, &args).await,
        Command::Migrate(args) => migrate::run(&app, &args).await,
        Command::Check(args) => check::run(&app, &args).await,
        Command::Completions(_) | Command::Man(_) => Ok(DONE),
    }
}

/// What every command begins with.
struct App<'g> {
    global: &'g Global,
    config: Config,
}

impl App<'_> {
    /// Connects to the database.
    async fn connect(&self) -> Result<Reader, Failure> {
        Ok(Reader::connect_to(&self.address()?, self.config.database.max_connections).await?)
    }

    /// The database's address.
    fn address(&self) -> Result<Address, Failure> {
        let variable = &self.config.database.url_env;
        let url = match &self.global.database_url {
            Some(url) => url.clone(),
            None => env(variable).ok_or_else(|| {
                Failure::usage(format!(
                    "no database is named: set {variable} to its address, postgres://user:password@host:port/database, \
                     or give --database-url"
                ))
            })?,
        };
        Ok(Address::parse(&url, &env).map_err(ConnectError::Address)?)
    }

    /// Who this process is.
    fn holder() -> Holder {
        let place = env("DYNO").map_or_else(|| "no dyno".to_owned(), |dyno| clean(&dyno));
        Holder { run_id: Uuid::new_v4(), place }
    }

    /// The sources that are named, or every enabled one.
    fn sources(&self, names: &[String]) -> Result<Vec<&Source>, Failure> {
        if names.is_empty() {
            return Ok(self.config.sources.iter().filter(|source| source.enabled).collect());
        }
        let mut sources: Vec<&Source> = Vec::new();
        for name in names {
            let source = self.config.source(name).map_err(Failure::usage)?;
            if !sources.iter().any(|other| other.name == source.name) {
                sources.push(source);
            }
        }
        Ok(sources)
    }
}

/// A store whose schema is this program's, brought up to date if need be.
async fn writable(reader: &Reader, holder: &Holder) -> Result<Store, Failure> {
    let store = Store::new(reader, holder);
    match reader.schema().await? {
        Schema::Current => {}
        _ => bring_up_to_date(&store).await?,
    }
    reader.must_take_writes().await?;
    Ok(store)
}

async fn bring_up_to_date(store: &Store) -> Result<(), Failure> {
    for migration in store.migrate().await? {
        tracing::info!(migration, "schema brought up to date");
    }
    Ok(())
}

/// A store for what people do to the ledger; `None` where there is no ledger yet, which is left so.
async fn existing(reader: &Reader, holder: &Holder) -> Result<Option<Store>, Failure> {
    match reader.schema().await? {
        Schema::Current => Ok(Some(Store::new(reader, holder))),
        Schema::Absent => Ok(None),
        other => Err(other.into_error().into()),
    }
}

/// The present time, by the [`earlier`] of both clocks.
async fn now(reader: &Reader) -> Result<DateTime<Utc>, Failure> {
    let here = clock();
    Ok(earlier(here, reader.now().await?))
}

/// The earlier of this machine's clock and the database's, so that a clock that runs ahead makes no day due that is not
/// over. Warns when they differ by more than a minute.
fn earlier(here: DateTime<Utc>, there: DateTime<Utc>) -> DateTime<Utc> {
    if let Some(skew) = skew(here, there) {
        warn!(
            skew_seconds = skew.num_seconds(),
            "this machine's clock and the database's differ; the earlier counts"
        );
    }
    here.min(there)
}

/// How far the first clock is ahead of the second, if that is worth a warning.
fn skew(here: DateTime<Utc>, there: DateTime<Utc>) -> Option<TimeDelta> {
    let skew = here - there;
    (skew.abs() > TimeDelta::minutes(1)).then_some(skew)
}

/// This machine's clock.
#[expect(clippy::disallowed_methods, reason = "the one place where this machine's clock is read")]
fn clock() -> DateTime<Utc> {
    Utc::now()
}

/// A variable of the environment, if it is set. One that is empty or blank counts as not set.
fn env(name: &str) -> Option<String> {
    set_variable(name).filter(|value| !value.trim().is_empty())
}

/// Whether a variable is there and counts as not set.
fn is_blank(name: &str) -> bool {
    set_variable(name).is_some_and(|value| value.trim().is_empty())
}

/// What is no text in a variable is replaced, so that whoever reads it can say that it holds what it should not.
#[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
fn set_variable(name: &str) -> Option<String> {
    match std::env::var(name) {
        Ok(value) => Some(value),
        Err(VarError::NotUnicode(value)) => Some(value.to_string_lossy().into_owned()),
        Err(VarError::NotPresent) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_differ_by_more_than_a_minute_either_way_are_warned_of() {
        let there: DateTime<Utc> = "2024-09-29T00:30:00Z".parse().expect("a time");
        for (seconds, worth_it) in
            [(0, false), (60, false), (-60, false), (61, true), (-61, true), (3600, true)]
        {
            let skew = skew(there + TimeDelta::seconds(seconds), there);
            assert_eq!(skew.map(|skew| skew.num_seconds()), worth_it.then_some(seconds));
        }
    }
}
