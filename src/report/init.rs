//! The report of `init`.

use std::io;
use std::path::Path;

use serde::Serialize;

use super::output::Report;
use super::text::{Text, counted};
use crate::config::FirstFile;

/// `init`: the file that it wrote.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct InitReport {
    /// The path of the file.
    pub(crate) path: String,
    /// The variable that must hold the token.
    pub(crate) token_env: String,
    /// The sources in the file.
    pub(crate) sources: Vec<InitSource>,
    /// The command to run next.
    pub(crate) command: String,
}

/// A source in the file.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct InitSource {
    /// Its name.
    pub(crate) source: String,
    /// Its account, by name or id.
    pub(crate) account: String,
    /// Its team, by name or id.
    pub(crate) team: Option<String>,
}

impl InitReport {
    /// The report on `file`, which was written to `path`.
    pub(crate) fn new(path: &Path, file: FirstFile) -> Self {
        let path = path.display().to_string();
        let next = match &*path {
            "audit.toml" => "auditsync check".to_owned(),
            path => format!("auditsync --config {path} check"),
        };
        let sources = file.sources.into_iter().map(|source| InitSource {
            source: source.name,
            account: source.account,
            team: source.team,
        });
        Self { path, token_env: file.token_env, sources: sources.collect(), command: next }
    }
}

impl Report for InitReport {
    fn write_text(&self, text: &mut Text<'_>) -> io::Result<()> {
        let Self { path, token_env, sources, command } = self;
        let count = counted(sources.len() as u64, "source");
        writeln!(text, "Wrote {path} with {count}; the token stays in {token_env}:")?;
        for InitSource { source, account, team } in sources {
            match team {
                Some(team) => writeln!(text, "  {source}: the team {team} of {account}")?,
                None => writeln!(text, "  {source}: the enterprise account {account}")?,
            }
        }
        writeln!(text, "Next: {command}")
    }
}
