//! What every command begins with: the options, the file, the database and the sources.

use uuid::Uuid;

use super::environment::env;
use super::failure::Failure;
use crate::cli::Global;
use crate::config::{Config, Source};
use crate::store::{self, Address, ConnectError, Holder, Reader, Schema, Store};
use crate::text::clean;

/// The options and the file of this process.
pub(super) struct App<'g> {
    pub(super) global: &'g Global,
    pub(super) config: Config,
}

impl App<'_> {
    /// Connects to the database.
    pub(super) async fn connect(&self) -> Result<Reader, Failure> {
        Ok(Reader::connect_to(&self.address()?, self.config.database.max_connections).await?)
    }

    /// Connects to a database whose schema is this program's.
    pub(super) async fn connect_to_current(&self) -> Result<Reader, Failure> {
        let reader = self.connect().await?;
        match reader.schema().await? {
            Schema::Current => Ok(reader),
            other => Err(other.into_error().into()),
        }
    }

    /// The database's address.
    pub(super) fn address(&self) -> Result<Address, Failure> {
        let variable = &self.config.database.url_env;
        let url = match &self.global.database_url {
            Some(url) => url.clone(),
            None => env(variable).ok_or_else(|| {
                Failure::usage(format!(
                    "no database: {variable} is not set. On Heroku: \
                     `heroku addons:create heroku-postgresql:essential-0`. Elsewhere, set it to an \
                     address that begins with postgres://, or give --database-url"
                ))
            })?,
        };
        Ok(Address::parse(&url, &env).map_err(ConnectError::Address)?)
    }

    /// The name of this process in leases and in the history.
    pub(super) fn holder() -> Holder {
        let place = env("DYNO").map_or_else(|| "no dyno".to_owned(), |dyno| clean(&dyno));
        Holder { run_id: Uuid::new_v4(), place }
    }

    /// Every enabled source.
    pub(super) fn enabled_sources(&self) -> impl Iterator<Item = &Source> {
        self.config.sources.iter().filter(|source| source.enabled)
    }

    /// The named sources, or every enabled one.
    pub(super) fn sources(&self, names: &[String]) -> Result<Vec<&Source>, Failure> {
        if names.is_empty() {
            return Ok(self.enabled_sources().collect());
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

/// Refuses the first of `names` that is neither in the file nor among those that `known` finds in
/// the database. A source keeps its past when it leaves the file.
pub(super) async fn refuse_unknown(
    app: &App<'_>,
    names: &[String],
    known: impl AsyncFnOnce(&[&str]) -> store::Result<Vec<String>>,
) -> Result<(), Failure> {
    let mut unknown: Vec<&str> = names.iter().map(String::as_str).collect();
    unknown.retain(|name| app.config.source(name).is_err());
    if unknown.is_empty() {
        return Ok(());
    }
    let known = known(&unknown).await?;
    match unknown.iter().find(|name| !known.iter().any(|known| known == *name)) {
        Some(name) => app.config.source(name).map(drop).map_err(Failure::usage),
        None => Ok(()),
    }
}

/// Refuses a name that neither the file nor the ledger knows.
pub(super) async fn refuse_unknown_to_ledger(
    app: &App<'_>,
    names: &[String],
    ledger: &Reader,
) -> Result<(), Failure> {
    let known = async |names: &[&str]| Ok(ledger.first_days(names).await?.into_keys().collect());
    refuse_unknown(app, names, known).await
}

/// A store whose schema is this program's. An older schema is brought up to date first.
pub(super) async fn writable(reader: &Reader, holder: &Holder) -> Result<Store, Failure> {
    let store = Store::new(reader, holder);
    match reader.schema().await? {
        Schema::Current => {}
        _ => bring_up_to_date(&store).await?,
    }
    reader.require_writable().await?;
    Ok(store)
}

/// Runs the migrations that the schema lacks.
pub(super) async fn bring_up_to_date(store: &Store) -> Result<(), Failure> {
    for migration in store.migrate().await? {
        tracing::info!(migration, "schema brought up to date");
    }
    Ok(())
}

/// A store on the ledger as it is; `None` where there is no ledger yet.
pub(super) async fn existing(reader: &Reader, holder: &Holder) -> Result<Option<Store>, Failure> {
    Ok(has_ledger(reader).await?.then(|| Store::new(reader, holder)))
}

/// Whether there is a ledger. A schema of another version is a failure.
pub(super) async fn has_ledger(reader: &Reader) -> Result<bool, Failure> {
    match reader.schema().await? {
        Schema::Current => Ok(true),
        Schema::Absent => Ok(false),
        other => Err(other.into_error().into()),
    }
}
