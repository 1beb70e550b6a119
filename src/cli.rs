//! The command line: commands, options, help.

mod backfill;
mod events;
mod export;
mod help;
mod init;
mod limits;
mod reconcile;
mod report;
mod status;
mod verify;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::config::KeyName;
use crate::logging::{LogFormat, Verbosity};
use crate::moment::NamedDay;
use crate::named_range::NamedRange;
use crate::report::progress::LiveLines;
use crate::report::{Output, TerminalKind};
pub(crate) use backfill::{BackfillArgs, Route};
pub(crate) use events::EventsArgs;
pub(crate) use export::{ExportArgs, ExportFormat};
pub(crate) use init::InitArgs;
pub(crate) use reconcile::ReconcileArgs;
pub(crate) use report::ReportArgs;
pub(crate) use status::StatusArgs;
pub(crate) use verify::VerifyArgs;

/// Copy every event of a Heroku Enterprise audit trail into your own PostgreSQL, and show that none
/// is missing
#[derive(Debug, Parser)]
#[command(name = "auditsync", version, max_term_width = 110, after_help = help::PROGRAM)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) sync: SyncArgs,
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Read the configuration from this file
    #[arg(
        short,
        long,
        value_name = "FILE",
        env = "AUDITSYNC_CONFIG",
        hide_env_values = true,
        default_value = "audit.toml",
        global = true
    )]
    pub(crate) config: PathBuf,
    /// Use this database, instead of the one in the variable that [database] `url_env` names
    /// (`DATABASE_URL` by default)
    #[arg(long, value_name = "URL", global = true)]
    pub(crate) database_url: Option<String>,
    /// Print the result on stdout in this format
    #[arg(long, value_enum, default_value_t, global = true)]
    pub(crate) output: Output,
    /// Write the log on stderr in this format [default: text on a terminal, otherwise logfmt]
    #[arg(long, value_enum, env = "AUDITSYNC_LOG_FORMAT", hide_env_values = true, global = true)]
    pub(crate) log_format: Option<LogFormat>,
    /// Log more; give it twice to log everything. Without it, a terminal gets only warnings and
    /// errors. `RUST_LOG` overrides it
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    verbose: u8,
    /// Log only errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// What a terminal can show.
    #[arg(skip)]
    pub(crate) terminal: TerminalKind,
}

impl Global {
    pub(crate) fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, 1) => Verbosity::Verbose,
            (false, _) => Verbosity::All,
        }
    }

    pub(crate) fn live_lines(&self) -> LiveLines {
        match self.terminal {
            TerminalKind::Full if !self.quiet => LiveLines::Shown,
            TerminalKind::Full | TerminalKind::Dumb => LiveLines::Hidden,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sync every due day of every enabled source (the default)
    #[command(after_help = help::SYNC)]
    Sync(SyncArgs),
    /// Show the state of each source: its settled, complete, due, syncing, failed and missing days
    #[command(after_help = help::STATUS)]
    Status(StatusArgs),
    /// Read a range of days, from Heroku's API or from its monthly archives
    #[command(after_help = help::BACKFILL)]
    Backfill(BackfillArgs),
    /// Compare the stored events with Heroku's archive of a month, event by event
    #[command(after_help = help::RECONCILE)]
    Reconcile(ReconcileArgs),
    /// Make days due again, however old, and keep their events
    #[command(after_help = help::RESET)]
    Reset(ResetArgs),
    /// Mark days whose lease is stale as ERROR, which makes them due again
    #[command(after_help = help::CLEANUP)]
    Cleanup(CleanupArgs),
    /// Print stored events, newest first: who did what to which app, from where
    #[command(after_help = help::EVENTS)]
    Events(EventsArgs),
    /// Print the record of attempts, takeovers, resets, cleanups and comparisons
    #[command(after_help = help::HISTORY)]
    History(HistoryArgs),
    /// Check the stored events against the chain of seals, and the chain against anchors
    #[command(after_help = help::VERIFY)]
    Verify(VerifyArgs),
    /// Export events with their coverage, as evidence that checks itself or as NDJSON or CSV
    #[command(after_help = help::EXPORT)]
    Export(ExportArgs),
    /// Write one HTML page: what is complete, what failed and why, and what an auditor asks for
    #[command(after_help = help::REPORT)]
    Report(ReportArgs),
    /// Bring the database's schema up to date (a sync also does this)
    #[command(after_help = help::MIGRATE)]
    Migrate(MigrateArgs),
    /// Write a first audit.toml with the accounts and teams that a token may read
    #[command(after_help = help::INIT)]
    Init(InitArgs),
    /// Check the configuration, tokens and database; change nothing
    #[command(after_help = help::CHECK)]
    Check(CheckArgs),
    /// Generate a key that signs checkpoints; no file or database is needed
    #[command(after_help = help::KEYGEN)]
    Keygen(KeygenArgs),
    /// Print the script that completes commands and the names of sources in a shell
    #[command(after_help = help::COMPLETIONS)]
    Completions(CompletionsArgs),
    /// Print the manual page of the program or of one command; no file or database is needed
    #[command(after_help = help::MAN)]
    Man(ManArgs),
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(crate) struct SyncArgs {
    /// Sync only this source (repeatable)
    #[arg(long = "source", value_name = "NAME")]
    pub(crate) sources: Vec<String>,
    /// Sync this UTC day instead of the due days (YYYY-MM-DD, yesterday, or -7d for 7 days ago)
    #[arg(long, value_name = "DATE", conflicts_with_all = ["from", "to"])]
    pub(crate) date: Option<NamedDay>,
    /// Sync the days from this one on, instead of the due days
    #[arg(long, value_name = "DATE")]
    pub(crate) from: Option<NamedDay>,
    /// Sync the days from --from up to and including this one [default: yesterday]
    #[arg(long, value_name = "DATE", requires = "from")]
    pub(crate) to: Option<NamedDay>,
    /// Request the days and count their events, but take no lease and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ResetArgs {
    /// Reset days of this source (repeatable)
    #[arg(long = "source", value_name = "NAME", required = true)]
    pub(crate) sources: Vec<String>,
    /// Reset these UTC days: YYYY-MM-DD, yesterday, -7d (7 days ago), or a range such as
    /// 2024-09-01..2024-09-05 or -7d..yesterday, with both ends
    #[arg(value_name = "DATE", required = true)]
    pub(crate) dates: Vec<NamedRange>,
    /// Also reset a day that is syncing; the process that syncs it loses the day
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) operator: Operator,
}

#[derive(Debug, Args)]
pub(crate) struct CleanupArgs {
    #[command(flatten)]
    pub(crate) operator: Operator,
}

#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// Print only this source, even if it is no longer in the file (repeatable)
    #[arg(long = "source", value_name = "NAME")]
    pub(crate) sources: Vec<String>,
    /// Print only entries about this UTC day, however old (YYYY-MM-DD, yesterday, or -7d)
    #[arg(long, value_name = "DATE")]
    pub(crate) date: Option<NamedDay>,
    /// Print only entries of the last N days [default: 7; with --date, no limit]
    #[arg(long, value_name = "N", value_parser = limits::within("--days", 1..=36_600))]
    pub(crate) days: Option<u32>,
    /// Show claims too: a claim begins each attempt
    #[arg(long)]
    pub(crate) all: bool,
}

/// Who changes the ledger, and why.
#[derive(Debug, Args)]
pub(crate) struct Operator {
    /// Record this reason in the history
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Record this name in the history [default: `AUDITSYNC_BY`, else the user, else the dyno]
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    /// Print what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Give the Python logger's days to this source [default: the only source in the file]
    #[arg(long, value_name = "NAME")]
    pub(crate) adopt_as: Option<String>,
    /// Make the adopted days due, because the Python logger stored none of their events. Use it
    /// with the adoption, or at any later time
    #[arg(long)]
    pub(crate) reread: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Check only the file, and whether its variables are set
    #[arg(long)]
    pub(crate) config_only: bool,
}

#[derive(Debug, Args)]
pub(crate) struct KeygenArgs {
    /// Give the key this name, which is also the origin of the checkpoints that it signs
    #[arg(long, value_name = "ORIGIN", value_parser = KeyName::parse)]
    pub(crate) name: KeyName,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// Print the script for this shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Print the page of this command instead of the program's
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Option<String>,
}

impl Cli {
    /// Returns the command. The options of `sync` may come before or after its name.
    pub(crate) fn into_command(self) -> Result<(Global, Command), &'static str> {
        let is_events = matches!(self.command, Some(Command::Events(_)));
        if self.global.output == Output::Ndjson && !is_events {
            return Err("only `events` prints `--output ndjson`: use `--output json`, or \
                 `auditsync export`");
        }
        let none_before = self.sync == SyncArgs::default();
        let command = match self.command {
            None => Command::Sync(self.sync),
            Some(Command::Sync(after)) if after == SyncArgs::default() => Command::Sync(self.sync),
            Some(command) if none_before => command,
            Some(_) => {
                return Err("options before a command belong to `sync`; \
                     put the command's own options after it");
            }
        };
        Ok((self.global, command))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command, String> {
        let cli = Cli::try_parse_from(line.split(' ')).map_err(|error| error.to_string())?;
        cli.into_command().map(|(_, command)| command).map_err(str::to_owned)
    }

    #[test]
    fn the_command_tree_is_valid() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn without_a_command_the_program_syncs_with_the_options_of_sync() {
        for line in [
            "auditsync --source a --dry-run",
            "auditsync sync --source a --dry-run",
            "auditsync --source a --dry-run sync",
        ] {
            let Ok(Command::Sync(args)) = parse(line) else { panic!("{line} does not sync") };
            assert_eq!((args.sources, args.dry_run), (vec!["a".to_owned()], true), "{line}");
        }
    }

    #[test]
    fn options_of_sync_before_another_command_are_an_error() {
        assert!(parse("auditsync --dry-run migrate").is_err());
        assert!(parse("auditsync --source a status").is_err());
    }

    #[test]
    fn a_range_of_days_needs_its_first_day_and_excludes_a_date() {
        assert!(parse("auditsync --from 2024-09-01").is_ok());
        for line in [
            "auditsync --to 2024-09-01",
            "auditsync --date 2024-09-01 --from 2024-09-01 --to 2024-09-02",
            "auditsync --date 2024-13-01",
            "auditsync reset --source a",
            "auditsync status --days 0",
            "auditsync status --days 100000000",
            "auditsync status --days 7 --month 2024-09",
            "auditsync status --from -7d --month 2024-09",
            "auditsync status --days 7 --to yesterday",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
