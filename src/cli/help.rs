//! What stands below each command's options: examples that work as they are, and what the exit status tells.

/// Of the program as a whole.
pub(super) const PROGRAM: &str = "\
Without a command it syncs, so that Heroku Scheduler runs just `auditsync`.

Examples:
  auditsync                                       read every due day
  auditsync --source acme --date 2024-09-28       read this day of this source
  auditsync status --source acme --days 90        how the last three months stand
  auditsync reset --source acme 2024-09-28        make a day due again

Exit status:
  0      all that was due is done, or another process is at it, or there was nothing to do
  1      a day failed or lost its lock; or `check` or `reconcile` found something wrong; or `reset` refused;
         or the output can't be written
  2      the command line or the configuration is wrong
  3      the database can't be reached, or its schema can't be brought up to date
  128+N  ended by signal N (143 after SIGTERM, 130 after Ctrl-C, 129 after SIGHUP)";

pub(super) const SYNC: &str = "\
Examples:
  auditsync sync --dry-run                             ask and count; store nothing
  auditsync sync --source acme --date 2024-09-28       one day of one source
  auditsync sync --from 2024-09-25 --to 2024-09-28     these days of every source
  auditsync sync --output json                         a report for scripts

Exit status: 1 if a day failed or lost its lock; `auditsync --help` lists all.";

pub(super) const STATUS: &str = "\
Examples:
  auditsync status                                     the last 30 days
  auditsync status --source acme --days 90             longer, of one source
  auditsync status --output json                       for scripts";

pub(super) const BACKFILL: &str = "\
Examples:
  auditsync backfill --from 2024-09-01 --to 2024-09-30 --plan          what it would take
  auditsync backfill --source acme --from 2024-09-01 --to 2024-09-30 --via archive

Exit status: 1 if a day failed or lost its lock.";

pub(super) const RECONCILE: &str = "\
Examples:
  auditsync reconcile --source acme --month 2024-09
  auditsync reconcile --source acme --month 2024-09 --repair           take in what is missing

Exit status: 1 if an event is missing here.";

pub(super) const RESET: &str = "\
Examples:
  auditsync reset --source acme 2024-09-28             due again; its events stay
  auditsync reset --source acme 2024-09-01..2024-09-05 2024-09-28
  auditsync reset --source acme 2024-09-28 --reason drill --by ada

Exit status: 1 if a day has no row in the ledger, or if it is being worked on and --force was not given.";

pub(super) const CLEANUP: &str = "\
A sync takes such days over by itself; this only shows them as what they are.

Examples:
  auditsync cleanup
  auditsync cleanup --reason drill --by ada
  auditsync cleanup --output json                      for scripts";

pub(super) const HISTORY: &str = "\
Newest last; # is the number of the claim. It only reads, and nothing is ever taken out.

Examples:
  auditsync history                                    what happened in the last week
  auditsync history --source acme --date 2024-09-28    all that ever happened to this day
  auditsync history --days 90 --output json            for scripts";

pub(super) const MIGRATE: &str = "\
Examples:
  auditsync migrate --dry-run                          what would be done
  auditsync migrate
  auditsync migrate --adopt-as acme --reread           read adopted days

Exit status: 3 if the schema can't be brought up to date.";

pub(super) const CHECK: &str = "\
Examples:
  auditsync check                                      everything, before the first run
  auditsync check --config-only                        the file and its variables, before a deploy
  auditsync check --output json                        for scripts

Exit status: 1 if something is wrong, 2 if it is the file.";

pub(super) const COMPLETIONS: &str = "\
Examples:
  auditsync completions bash > ~/.local/share/bash-completion/completions/auditsync
  auditsync completions zsh > ~/.zfunc/_auditsync      with ~/.zfunc in $fpath
  auditsync completions fish > ~/.config/fish/completions/auditsync.fish";

pub(super) const MAN: &str = "\
Examples:
  auditsync man | man -l -                             read it here
  auditsync man reset > auditsync-reset.1              one command's page";
