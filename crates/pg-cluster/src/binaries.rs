//! The folder of the server's binaries, and the message if there is none.

use std::{
    env, fmt,
    path::{Path, PathBuf},
};

use crate::{Error, places::Place};

/// A cluster needs these programs in one folder. `psql` and `pg_dump` may be elsewhere.
const NEEDED: [&str; 3] = ["initdb", "postgres", "pg_ctl"];

/// The binaries of one PostgreSQL version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    folder: PathBuf,
}

impl Binaries {
    /// Search every [`Place`] of this machine.
    pub fn find() -> Result<Self, NotFound> {
        Self::find_in(&Place::all())
    }

    /// Search only these places, in order.
    pub fn find_in(places: &[Place]) -> Result<Self, NotFound> {
        let complete =
            |folder: &&PathBuf| NEEDED.iter().all(|program| folder.join(program).is_file());
        match places.iter().flat_map(|place| &place.folders).find(complete) {
            Some(folder) => Ok(Self { folder: folder.clone() }),
            None => Err(NotFound { places: places.to_vec() }),
        }
    }

    /// The folder that holds them.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The path of a program: in the folder, else in `PATH`. If it is in neither, the path in the
    /// folder.
    pub fn bin(&self, program: &str) -> PathBuf {
        let here = self.folder.join(program);
        if here.is_file() { here } else { in_path(program).unwrap_or(here) }
    }
}

/// The path of a client program, which does not require a server on this machine.
pub(crate) fn client(program: &str) -> Result<PathBuf, Error> {
    let folder = Binaries::find().ok().map(|binaries| binaries.folder);
    folder
        .as_ref()
        .map(|folder| folder.join(program))
        .filter(|path| path.is_file())
        .or_else(|| in_path(program))
        .ok_or_else(|| Error::NoProgram { program: program.into(), folder })
}

fn in_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// This machine has no PostgreSQL server. The message lists the places searched, and how to install
/// one.
#[derive(Clone, Debug)]
pub struct NotFound {
    places: Vec<Place>,
}

impl std::error::Error for NotFound {}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "no PostgreSQL server found ({} in one folder). Searched:", NEEDED.join(", "))?;
        for place in &self.places {
            write!(f, "  {}", place.name)?;
            for (n, folder) in place.folders.iter().enumerate() {
                write!(f, "{}{}", if n == 0 { ": " } else { ", " }, folder.display())?;
            }
            writeln!(f)?;
        }
        f.write_str(concat!(
            "To get one:\n",
            "  ./test                          installs it, then runs the tests\n",
            "  apt-get install postgresql      (Debian, Ubuntu)\n",
            "  brew install postgresql@17      (macOS)\n",
            "  AUDITSYNC_POSTGRES_BIN          set it to the folder that holds the programs\n",
            "  AUDITSYNC_TEST_DATABASE_URL     for tests: set it to the URL of a server on which\n",
            "                                  they may create databases",
        ))
    }
}
