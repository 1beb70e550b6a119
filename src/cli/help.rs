//! The text below each command's options: examples that work unchanged, and the exit status.

pub(super) const PROGRAM: &str = "\
Without a command, it syncs: Heroku Scheduler runs just `auditsync`.

Examples:
  auditsync                                    sync every due day
  auditsync --source acme --date 2024-09-28    sync one day of one source
  auditsync status --source acme --days 90     show the last three months
  auditsync reset --source acme 2024-09-28     make a day due again

Exit status:
  0      everything due is done, or another process is doing it, or there was nothing to do
  1      a day failed or lost its lease; or `check`, `verify`, `reconcile` or `status --check`
         found a problem; or `reset` rejected a day; or `export` met a gap; or output can't be
         written
  2      the command line or the configuration is wrong
  3      the database can't be reached, or its schema can't be brought up to date
  128+N  ended by signal N (143 after SIGTERM, 130 after Ctrl-C, 129 after SIGHUP)";

pub(super) const SYNC: &str = "\
Examples:
  auditsync sync --dry-run                            count; store nothing
  auditsync sync --source acme --date 2024-09-28      sync one day of one source
  auditsync sync --from 2024-09-25 --to 2024-09-28    sync these days
  auditsync sync --output json                        print a report for scripts

Exit status: 1 if a day failed or lost its lease; `auditsync --help` lists the others.";

pub(super) const STATUS: &str = "\
Examples:
  auditsync status                            show the last 30 days
  auditsync status --source acme --days 90    list 90 days of one source
  auditsync status --month 2024-09            list the days of a month
  auditsync status --output json              print the status for scripts

The counts of a source are of all its days. The options for days select the
days that are listed.

Exit status: 1 if --check, --max-lag or --accept-adopted is given and a source is behind.";

pub(super) const BACKFILL: &str = "\
Examples:
  auditsync backfill --from 2024-09-01 --to 2024-09-30 --plan    only estimate
  auditsync backfill --source acme --from 2024-09-01 --to 2024-09-30 --via archive
  auditsync backfill --source acme --via archive --all --plan      see what the archives hold
  auditsync backfill --source acme --via archive --all --keep .    take it, and keep the files here

Exit status: 1 if a day failed or lost its lease, or an archive could not be used or kept.";

pub(super) const RECONCILE: &str = "\
Examples:
  auditsync reconcile --source acme --month 2024-09
  auditsync reconcile --source acme --month 2024-09 --repair    store what is missing
  auditsync reconcile --source acme --all    compare every month that Heroku lists

The history records what was found of each day.

Exit status: 1 if an event of the archive is missing here.";

pub(super) const RESET: &str = "\
Examples:
  auditsync reset --source acme 2024-09-28    make one day due again
  auditsync reset --source acme 2024-09-01..2024-09-05 2024-09-28
  auditsync reset --source acme 2024-09-28 --reason drill --by ada

Exit status: 1 if a day has no row in the ledger, or is syncing and --force was not given.";

pub(super) const CLEANUP: &str = "\
A sync also takes such days over. Use this command to see them as failed before the next sync.

Examples:
  auditsync cleanup
  auditsync cleanup --reason drill --by ada
  auditsync cleanup --output json    print the days for scripts";

pub(super) const HISTORY: &str = "\
The newest entry comes last; # is the number of the claim. Entries are never removed.

Examples:
  auditsync history                                    print the last week
  auditsync history --source acme --date 2024-09-28    print all about one day
  auditsync history --days 90 --all --output json      print 90 days and all claims as JSON";

pub(super) const MIGRATE: &str = "\
Examples:
  auditsync migrate --dry-run                   print what would be done
  auditsync migrate
  auditsync migrate --adopt-as acme --reread    make adopted days due

Exit status: 3 if the schema can't be brought up to date.";

pub(super) const INIT: &str = "\
It asks for the variable that holds the token, and which sources to copy. The
file names the variable: the token itself is never asked for or written. A file
that exists is never changed.

Examples:
  auditsync init                                       ask, and write audit.toml
  auditsync init --yes                                 take every account, for scripts
  auditsync --config acme.toml init --token-env ACME_TOKEN

Exit status: 1 if the token may read no account, 2 if the file exists.";

pub(super) const CHECK: &str = "\
Examples:
  auditsync check                  check everything before the first run
  auditsync check --config-only    check the file before a deploy
  auditsync check --output json    print the result for scripts

Exit status: 1 if a check failed, 2 if the file is wrong.";

pub(super) const VERIFY: &str = "\
Examples:
  auditsync verify                                    check everything
  auditsync verify --from 2024-09-01 --to 2024-09-30  check the events of one month
  auditsync verify --anchors heads.log                compare with heads kept elsewhere
  auditsync verify --bag september.tar.gz             check an export; no database is needed

Exit status: 1 if there is a problem, or nothing to check.";

pub(super) const EVENTS: &str = "\
Examples:
  auditsync events --type app --action destroy     who deleted an app
  auditsync events --actor ada@example.com --since -7d
  auditsync events --app 'shop-*' --until yesterday --limit 200
  auditsync events --ip 203.0.113.0/24 --output json
  auditsync events --since -36h --output ndjson | jq .data

Days and hours are those of UTC, by the database's clock. An event without a
time counts from the start of the day that it is stored under.";

pub(super) const EXPORT: &str = "\
Examples:
  auditsync export --source acme --from 2024-09-01 --to 2024-09-30 --out sept.tar.gz    evidence
  auditsync export --source acme --from 2024-09-01 --to 2024-09-30 --out sept.csv
  auditsync export --source acme --from 2024-09-28 --to 2024-09-28 | jq .action
  auditsync export --after 12    print what was sealed after seal 12, for scripts that poll

Exit status: 1 if a day of the range is not complete and --allow-gaps was not given.";

pub(super) const REPORT: &str = "\
The page is one file without scripts, and it loads nothing. It verifies the days that it shows.

Examples:
  auditsync report --out report.html                      show the last 30 days
  auditsync report --month 2024-09 --out september.html   show a month
  auditsync report --from 2024-09-01 --to 2024-09-28 --source acme --out acme.html
  auditsync report --out - > report.html

Exit status: 0 also if a source is behind, because the page says so; 1 if the
page can't be written.";

pub(super) const KEYGEN: &str = "\
The private key is printed once and stored nowhere. Put it into the variable that [evidence]
`signing_key_env` names, and give the verifier's key to everyone who checks signatures.

Examples:
  auditsync keygen --name audit.example.com/acme
  auditsync keygen --name audit.example.com/acme --output json";

pub(super) const COMPLETIONS: &str = "\
Examples:
  auditsync completions bash > ~/.local/share/bash-completion/completions/auditsync
  auditsync completions zsh > ~/.zfunc/_auditsync    with ~/.zfunc in $fpath
  auditsync completions fish > ~/.config/fish/completions/auditsync.fish

The script asks this program while you type, so it stays right after an upgrade.
The names of sources come from the file that the line or AUDITSYNC_CONFIG names.";

pub(super) const MAN: &str = "\
Examples:
  auditsync man | man -l -                   read the manual page
  auditsync man reset > auditsync-reset.1    write the page of one command";
