//! The command line: commands, options, help.

mod help;

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::calendar;
use crate::day::{DateRange, Month};
use crate::logging::{LogFormat, Verbosity};
use crate::report::Output;

/// Keeps every event of a Heroku Enterprise audit trail in your own PostgreSQL, and can show that none is missing.
#[derive(Debug, Parser)]
#[command(name = "auditsync", version, max_term_width = 110, after_help = help::PROGRAM)]
pub struct Cli {
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
    /// The file that declares the sources
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
    /// The database; without it, the variable that [database] `url_env` names: `DATABASE_URL`, unless the file says so
    #[arg(long, value_name = "URL", global = true)]
    pub(crate) database_url: Option<String>,
    /// The form of the result on stdout
    #[arg(long, value_enum, default_value_t, global = true)]
    pub(crate) output: Output,
    /// The form of the log on stderr [default: text on a terminal, else logfmt]
    #[arg(long, value_enum, env = "AUDITSYNC_LOG_FORMAT", hide_env_values = true, global = true)]
    pub(crate) log_format: Option<LogFormat>,
    /// Log more; twice for everything. `RUST_LOG` comes first
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    verbose: u8,
    /// Log errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
}

impl Global {
    pub(crate) fn verbosity(&self) -> Verbosity {
        Verbosity { verbose: self.verbose, quiet: self.quiet }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Reads and stores every due day of every enabled source; the default
    #[command(after_help = help::SYNC)]
    Sync(SyncArgs),
    /// Shows the ledger: what is whole, failed or missing
    #[command(after_help = help::STATUS)]
    Status(StatusArgs),
    /// Reads a range of days, from Heroku's list of each or from its monthly archives
    #[command(after_help = help::BACKFILL)]
    Backfill(BackfillArgs),
    /// Compares what is stored with Heroku's archive of a month, event by event
    #[command(after_help = help::RECONCILE)]
    Reconcile(ReconcileArgs),
    /// Makes days due again, however old; keeps their events
    #[command(after_help = help::RESET)]
    Reset(ResetArgs),
    /// Marks days whose lease went stale as ERROR, so that they are due again
    #[command(after_help = help::CLEANUP)]
    Cleanup(CleanupArgs),
    /// Shows what happened to the days: attempts, takeovers, resets, cleanups
    #[command(after_help = help::HISTORY)]
    History(HistoryArgs),
    /// Brings the database's schema up to date; a sync does so too
    #[command(after_help = help::MIGRATE)]
    Migrate(MigrateArgs),
    /// Looks whether all is set up as it should be; changes nothing
    #[command(after_help = help::CHECK)]
    Check(CheckArgs),
    /// Prints a shell's completions; needs neither file nor database
    #[command(after_help = help::COMPLETIONS)]
    Completions(CompletionsArgs),
    /// Prints the manual page, of the program or of one command; needs neither file nor database
    #[command(after_help = help::MAN)]
    Man(ManArgs),
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(crate) struct SyncArgs {
    /// Only this source; may be given several times
    #[arg(long = "source", value_name = "NAME")]
    pub(crate) sources: Vec<String>,
    /// This UTC day instead of those that are due (YYYY-MM-DD)
    #[arg(long, value_name = "DATE", value_parser = calendar::date, conflicts_with_all = ["from", "to"])]
    pub(crate) date: Option<NaiveDate>,
    /// The days from this one on, instead of those that are due
    #[arg(long, value_name = "DATE", value_parser = calendar::date, requires = "to")]
    pub(crate) from: Option<NaiveDate>,
    /// The last of the days that begin with --from, itself included
    #[arg(long, value_name = "DATE", value_parser = calendar::date, requires = "from")]
    pub(crate) to: Option<NaiveDate>,
    /// Ask Heroku and count events and new events, but take no lease and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BackfillArgs {
    /// Only this source; may be given several times
    #[arg(long = "source", value_name = "NAME")]
    pub(crate) sources: Vec<String>,
    /// The first UTC day (YYYY-MM-DD)
    #[arg(long, value_name = "DATE", value_parser = calendar::date)]
    pub(crate) from: NaiveDate,
    /// The last day, itself included
    #[arg(long, value_name = "DATE", value_parser = calendar::date)]
    pub(crate) to: NaiveDate,
    /// Where the events come from
    #[arg(long, value_enum, default_value_t)]
    pub(crate) via: Route,
    /// Tell the days, the requests and the time that it would take; ask nothing, write nothing
    #[arg(long)]
    pub(crate) plan: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReconcileArgs {
    /// The month (YYYY-MM)
    #[arg(long, value_name = "MONTH")]
    pub(crate) month: Month,
    /// Only this source; may be given several times
    #[arg(long = "source", value_name = "NAME")]
    pub(crate) sources: Vec<String>,
    /// Take in what is missing here, and keep what differs beside the first
    #[arg(long)]
    pub(crate) repair: bool,
}

/// Where a backfill takes events from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Route {
    /// Heroku's list of each day's events: one request a day, if it does not part a day into pages
    #[default]
    Api,
    /// Heroku's archive of each month: one download a month
    Archive,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Only this source; may be given several times
    #[arg(long = "source", value_name = "NAME")]
    pub(crate) sources: Vec<String>,
    /// How many days to look back
    #[arg(long, value_name = "N", default_value = "30", value_parser = clap::value_parser!(u32).range(1..=36_600))]
    pub(crate) days: u32,
    /// Exit with 1 when a source is behind, and say why
    #[arg(long)]
    pub(crate) check: bool,
    /// How long ago the oldest day that is not whole may have begun
    #[arg(long, value_name = "TIME", default_value = "36h", requires = "check")]
    pub(crate) max_lag: humantime::Duration,
    /// Accept adopted days, which the Python logger called complete without storing an event
    #[arg(long, requires = "check")]
    pub(crate) accept_adopted: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ResetArgs {
    /// The source
    #[arg(long, value_name = "NAME")]
    pub(crate) source: String,
    /// The UTC days, each YYYY-MM-DD or a range YYYY-MM-DD..YYYY-MM-DD with both ends
    #[arg(value_name = "DATE", required = true)]
    pub(crate) dates: Vec<DateRange>,
    /// Also a day that is being worked on: its worker loses it
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
    /// Only this source, also one that is not in the file any more; may be given several times
    #[arg(long = "source", value_name = "NAME")]
    pub(crate) sources: Vec<String>,
    /// Only what happened to this UTC day (YYYY-MM-DD), whenever that was
    #[arg(long, value_name = "DATE", value_parser = calendar::date)]
    pub(crate) date: Option<NaiveDate>,
    /// Only what happened in the last N days [default: 7, or with --date no limit]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=36_600))]
    pub(crate) days: Option<u32>,
}

/// Who does something to the ledger, and why.
#[derive(Debug, Args)]
pub(crate) struct Operator {
    /// Why, for the history
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Who, for the history [default: the user and the dyno]
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    /// Tell what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The source that the Python logger's days belong to [default: the only one in the file]
    #[arg(long, value_name = "NAME")]
    pub(crate) adopt_as: Option<String>,
    /// Make its SUCCESS days due, since that logger stored no events; when its table is taken over, or at any later time
    #[arg(long)]
    pub(crate) reread: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Only the file, and whether the variables that it names are set
    #[arg(long)]
    pub(crate) config_only: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The command; without it, the program as a whole
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Option<String>,
}

impl Cli {
    /// The command, with the options of `sync` wherever they were given.
    pub(crate) fn into_command(self) -> Result<(Global, Command), &'static str> {
        let none_before = self.sync == SyncArgs::default();
        let command = match self.command {
            None => Command::Sync(self.sync),
            Some(Command::Sync(behind)) if behind == SyncArgs::default() => {
                Command::Sync(self.sync)
            }
            Some(command) if none_before => command,
            Some(_) => {
                return Err(
                    "options before a command belong to `sync`; put the command's own options behind it",
                );
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
    fn the_command_tree_is_sound() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn without_a_command_it_syncs_with_the_options_of_sync() {
        for line in [
            "auditsync --source a --dry-run",
            "auditsync sync --source a --dry-run",
            "auditsync --source a --dry-run sync",
        ] {
            let Ok(Command::Sync(args)) = parse(line) else { panic!("{line} is no sync") };
            assert_eq!((args.sources, args.dry_run), (vec!["a".to_owned()], true), "{line}");
        }
    }

    #[test]
    fn options_of_sync_do_not_pass_silently_before_another_command() {
        assert!(parse("auditsync --dry-run migrate").is_err());
        assert!(parse("auditsync --source a status").is_err());
    }

    #[test]
    fn a_range_of_days_has_two_ends_and_does_not_go_with_a_date() {
        for line in [
            "auditsync --from 2024-09-01",
            "auditsync --to 2024-09-01",
            "auditsync --date 2024-09-01 --from 2024-09-01 --to 2024-09-02",
            "auditsync --date 2024-13-01",
            "auditsync reset --source a",
            "auditsync status --days 0",
            "auditsync status --days 100000000",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
