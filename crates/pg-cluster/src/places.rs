//! The places of PostgreSQL's server binaries, in search order.
//!
//! The folder that `AUDITSYNC_POSTGRES_BIN` names is the only place if that variable is set.
//! Otherwise: `PATH`, `pg_config --bindir`, and the folders of distributions and of Homebrew,
//! newest version first.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The environment variable that names the folder of the server's binaries.
pub const BINARIES_VARIABLE: &str = "AUDITSYNC_POSTGRES_BIN";

/// Each has one `*`, for a version or for nothing. `./test` reads this list, too.
const DISTRIBUTIONS: [&str; 12] = [
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/lib/postgresql*/bin",
    "/usr/lib64/postgresql-*/bin",
    "/usr/libexec/postgresql*",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
    "/opt/local/lib/postgresql*/bin",
    "/Library/PostgreSQL/*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
    "/usr/local/pgsql*/bin",
];

/// A place to search, and its folders on this machine.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its name for people.
    pub name: String,
    /// The folders, in order; empty if the place does not exist here.
    pub folders: Vec<PathBuf>,
}

impl Place {
    /// All places of this machine, in order.
    pub fn all() -> Vec<Self> {
        if let Some(folder) = env::var_os(BINARIES_VARIABLE).filter(|value| !value.is_empty()) {
            return vec![Self { name: BINARIES_VARIABLE.into(), folders: vec![folder.into()] }];
        }
        let mut places = vec![
            Self { name: format!("{BINARIES_VARIABLE} (not set)"), folders: Vec::new() },
            Self { name: "PATH".into(), folders: search_path() },
            Self {
                name: "pg_config --bindir".into(),
                folders: from_pg_config().into_iter().collect(),
            },
        ];
        places
            .extend(newest_first(DISTRIBUTIONS.iter().map(|pattern| matching(pattern)).collect()));
        places
    }
}

/// The numbers in a name: `postgresql@17` is `[17]`, `9.6` is `[9, 6]`, `latest` is `[]`.
type Version = Vec<u32>;

fn version(name: &str) -> Version {
    name.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

/// The folders that match a pattern such as `/usr/lib/postgresql/*/bin`, and their newest version.
fn matching(pattern: &str) -> (Option<Version>, Place) {
    let (before, after) = pattern.split_once('*').unwrap_or((pattern, ""));
    let (parent, prefix) = before.rsplit_once('/').unwrap_or(("", before));
    let mut found: Vec<_> = fs::read_dir(Path::new("/").join(parent))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let matched = name.strip_prefix(prefix)?;
            let folder = entry.path().join(after.trim_start_matches('/'));
            folder.is_dir().then(|| (version(matched), folder))
        })
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    let newest = found.first().map(|(version, _)| version.clone());
    (
        newest,
        Place {
            name: pattern.into(),
            folders: found.into_iter().map(|(_, folder)| folder).collect(),
        },
    )
}

/// Sort the places by their newest version. Keep empty ones for the error message.
fn newest_first(mut places: Vec<(Option<Version>, Place)>) -> impl Iterator<Item = Place> {
    places.sort_by(|(a, _), (b, _)| b.cmp(a));
    places.into_iter().map(|(_, place)| place)
}

/// The real folders of the programs in `PATH`: `/usr/local/bin/pg_ctl` is often a link into the
/// folder of one version.
fn search_path() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .filter_map(|folder| {
            Some(fs::canonicalize(folder.join("pg_ctl")).ok()?.parent()?.to_owned())
        })
        .collect()
}

fn from_pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| folder.trim().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(version("10") > version("9.6"));
        assert!(version("postgresql@17") > version("postgresql@9"));
        assert!(version("15") > version("latest"));
    }

    #[test]
    fn the_newest_version_of_any_distribution_comes_first() {
        let place = |version: Option<u32>, name: &str| {
            (version.map(|n| vec![n]), Place { name: name.into(), folders: Vec::new() })
        };
        let sorted = newest_first(vec![
            place(None, "absent"),
            place(Some(9), "old"),
            place(Some(17), "new"),
        ]);
        assert_eq!(sorted.map(|place| place.name).collect::<Vec<_>>(), ["new", "old", "absent"]);
    }

    #[test]
    fn a_pattern_finds_only_folders_that_exist() {
        assert!(matching("/nowhere/postgresql/*/bin").1.folders.is_empty());
        assert!(matching("/us*/bin").1.folders.contains(&"/usr/bin".into()));
    }
}
