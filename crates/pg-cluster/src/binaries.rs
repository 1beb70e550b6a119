//! The folder of the server's binaries, and the message when there is none.

use std::{
    env, fmt,
    path::{Path, PathBuf},
};

use crate::{Error, places::Place};

/// The programs without which no cluster can run; `psql` and `pg_dump` may lie elsewhere.
const NEEDED: [&str; 3] = ["initdb", "postgres", "pg_ctl"];

/// The binaries of one PostgreSQL version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    folder: PathBuf,
}

impl Binaries {
    /// Looks in every [`Place`] of this machine.
    pub fn find() -> Result<Self, NotFound> {
        Self::find_in(&Place::all())
    }

    /// Looks in these places alone, in order.
    pub fn find_in(places: &[Place]) -> Result<Self, NotFound> {
        let complete =
            |folder: &&PathBuf| NEEDED.iter().all(|program| folder.join(program).is_file());
        match places.iter().flat_map(|place| &place.folders).find(complete) {
            Some(folder) => Ok(Self { folder: folder.clone() }),
            None => Err(NotFound { places: places.to_vec() }),
        }
    }

    /// The folder they lie in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The path of a program: in the folder, else in `PATH`, else where it would have been.
    pub fn bin(&self, program: &str) -> PathBuf {
        let here = self.folder.join(program);
        if here.is_file() { here } else { in_path(program).unwrap_or(here) }
    }
}

/// A client program, whether or not there is a server on this machine.
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

/// There is no PostgreSQL server here; its text says where it was looked for, and how to get one.
#[derive(Clone, Debug)]
pub struct NotFound {
    places: Vec<Place>,
}

impl std::error::Error for NotFound {}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "no PostgreSQL server found ({} in one folder). Looked at:",
            NEEDED.join(", ")
        )?;
        for place in &self.places {
            write!(f, "  {}", place.name)?;
            for (n, folder) in place.folders.iter().enumerate() {
                write!(f, "{}{}", if n == 0 { ": " } else { ", " }, folder.display())?;
            }
            writeln!(f)?;
        }
        f.write_str(concat!(
            "To get one:\n",
            "  apt-get install postgresql      (Debian, Ubuntu)\n",
            "  brew install postgresql@17      (macOS)\n",
            "  AUDITSYNC_POSTGRES_BIN          set it to the folder that holds the programs\n",
            "  AUDITSYNC_TEST_DATABASE_URL     for tests: set it to the URL of a server where databases may be created",
        ))
    }
}
