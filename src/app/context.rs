//! What every command begins with: the options, the file, the database and the sources.

use uuid::Uuid;

use super::environment::env;
use super::failure::Failure;
use crate::cli::Global;
use crate::config::{Config, Source, UnknownSource};
use crate::store::{self, Address, ConnectError, Holder, Reader, Schema, Store};
use crate::text::clean;

/// What to do where no address of a database is set.
pub(super) const GET_A_DATABASE: &str = "On Heroku: `heroku addons:create \
    heroku-postgresql:essential-0`. Elsewhere, set it to an address that begins with postgres://, \
    or give --database-url";

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
                Failure::usage(format!("no database: {variable} is not set. {GET_A_DATABASE}"))
            })?,
        };
        let place = match &self.global.database_url {
            Some(_) => "--database-url",
            None => variable,
        };
        Ok(Address::parse(&url, &env).map_err(ConnectError::Address)?.given_by(place))
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
        let selected = self.split(names)?;
        match selected.others.first() {
            Some(unknown) => Err(self.unknown(unknown)),
            None => Ok(selected.sources),
        }
    }

    /// The sources that `names` select, and the names that the file does not have.
    pub(super) fn split<'n>(
        &self,
        names: &'n [String],
    ) -> Result<SelectedSources<'_, 'n>, Failure> {
        let mut selected = SelectedSources::default();
        for name in names {
            match self.config.select(name) {
                Ok(sources) => sources.into_iter().for_each(|source| selected.add(source)),
                Err(UnknownSource::Unknown { .. }) => selected.others.push(name),
                Err(error) => return Err(Failure::usage(error)),
            }
        }
        Ok(selected)
    }

    /// What `names` select. A name that the file does not have must be among those that `known`
    /// finds in the database: a source keeps its past when it leaves the file.
    pub(super) async fn select<'n>(
        &self,
        names: &'n [String],
        known: impl AsyncFnOnce(&[&str]) -> store::Result<Vec<String>>,
    ) -> Result<SelectedSources<'_, 'n>, Failure> {
        let selected = self.split(names)?;
        if selected.others.is_empty() {
            return Ok(selected);
        }
        let known = known(&selected.others).await?;
        match selected.others.iter().find(|name| !known.iter().any(|known| known == *name)) {
            Some(unknown) => Err(self.unknown(unknown)),
            None => Ok(selected),
        }
    }

    /// The same for names that the ledger must have.
    pub(super) async fn select_from_ledger<'n>(
        &self,
        names: &'n [String],
        ledger: &Reader,
    ) -> Result<SelectedSources<'_, 'n>, Failure> {
        let known =
            async |names: &[&str]| Ok(ledger.first_days(names).await?.into_keys().collect());
        self.select(names, known).await
    }

    /// The failure about a name that no source has.
    pub(super) fn unknown(&self, name: &str) -> Failure {
        Failure::usage(self.config.unknown(name))
    }
}

/// What `--source` selects.
#[derive(Debug, Default)]
pub(super) struct SelectedSources<'c, 'n> {
    /// Sources of the file.
    pub(super) sources: Vec<&'c Source>,
    /// Names that the file does not have.
    pub(super) others: Vec<&'n str>,
}

impl<'c> SelectedSources<'c, '_> {
    fn add(&mut self, source: &'c Source) {
        if !self.sources.iter().any(|other| other.name == source.name) {
            self.sources.push(source);
        }
    }

    /// The present names of the selected sources.
    pub(super) fn present_names(&self) -> Vec<String> {
        let of_file = self.sources.iter().map(|source| source.name.to_string());
        of_file.chain(self.others.iter().map(|&name| name.to_owned())).collect()
    }

    /// The names under which the selected days are stored; `None` if no name was given, which
    /// selects all.
    pub(super) fn stored_names(&self) -> Option<Vec<String>> {
        let of_file = self.sources.iter().flat_map(|source| source.names());
        let names: Vec<String> = of_file
            .map(ToString::to_string)
            .chain(self.others.iter().map(|&name| name.to_owned()))
            .collect();
        (!names.is_empty()).then_some(names)
    }
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
