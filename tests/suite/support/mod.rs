//! A world for one test: a database of its own, a fake Heroku, a file, and the built program.

pub(crate) mod authority;
pub(crate) mod checkpoints;
pub(crate) mod documents;
pub(crate) mod https;
pub(crate) mod key_files;
pub(crate) mod numbered;
pub(crate) mod pooler;
pub(crate) mod proxy;
pub(crate) mod python_logger;
pub(crate) mod raw;
mod run;
pub(crate) mod schemas;
pub(crate) mod screen;
mod seals;
mod sources;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use auditsync::digest::DayDigest;
use chrono::NaiveDate;
use fake_heroku::{FakeHeroku, Fixtures};
use pg_cluster::Database;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

pub(crate) use run::{Finished, Running};
pub(crate) use sources::{ACME, THREE_ACCOUNTS_AND_A_TEAM, THREE_VIEWS, source};

/// See [`World::session`].
pub(crate) struct Session(pg_cluster::Session);

/// The day of most fixtures.
pub(crate) const DAY: &str = "2024-09-28";

/// The tokens of the fixtures, by the variables that hold them.
const TOKENS: &[(&str, &str)] = &[
    ("HEROKU_API_TOKEN", "HRKU-demo-acme-0001-not-a-secret"),
    ("ACME_SECOND_TOKEN", "HRKU-demo-acme-0002-not-a-secret"),
    ("ACME_VIEWER_TOKEN", "HRKU-demo-acme-viewer-not-a-secret"),
    ("GLOBEX_TOKEN", "HRKU-demo-globex-0001-not-a-secret"),
    ("INITECH_TOKEN", "HRKU-demo-initech-0001-not-a-secret"),
];

pub(crate) struct World {
    pub(crate) heroku: FakeHeroku,
    pub(crate) database: Database,
    folder: PathBuf,
    environment: BTreeMap<String, String>,
}

pub(crate) fn date(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

impl World {
    /// A world with an empty database, the fixtures, and `sources` in the file.
    pub(crate) fn new(sources: &str) -> Self {
        Self::with(Fixtures::committed(), sources)
    }

    /// The same with other events at Heroku.
    pub(crate) fn with(heroku: impl Into<fake_heroku::Model>, sources: &str) -> Self {
        Self::on(pg_cluster::fresh_database(), heroku, sources)
    }

    /// The same with an event on each day without fixtures.
    pub(crate) fn busy(sources: &str) -> Self {
        let mut model: fake_heroku::Model = Fixtures::committed().into();
        for account in ["acme", "globex", "initech"] {
            model.generate_every_day(account, 1);
        }
        Self::with(model, sources)
    }

    /// The same on an existing database.
    pub(crate) fn on(
        database: Database,
        heroku: impl Into<fake_heroku::Model>,
        sources: &str,
    ) -> Self {
        let heroku = FakeHeroku::start(heroku);
        let folder = std::env::temp_dir().join(format!("auditsync-{}", database.name()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let mut environment: BTreeMap<String, String> =
            TOKENS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        environment.insert("DATABASE_URL".into(), database.url().into());
        // `reset` and `cleanup` need a name for the history.
        environment.insert("USER".into(), "tester".into());
        // Coverage is measured above all in the program's own processes.
        environment.extend(std::env::vars().filter(|(name, _)| name == "LLVM_PROFILE_FILE"));
        let world = Self { heroku, database, folder, environment };
        world.write_config(sources);
        world
    }

    /// Writes the file: quick retries, the fake's address, and `sources`, which may contain other
    /// sections too.
    pub(crate) fn write_config(&self, sources: &str) {
        let mut text = format!("[api]\nbase_url = \"{}\"\n", self.heroku.url());
        if !sources.contains("[retry]") {
            text.push_str(
                "[retry]\ninitial_interval = \"5ms\"\nmax_interval = \"20ms\"\nmax_attempts = 3\n",
            );
        }
        text.push_str(sources);
        self.write_file(&text);
    }

    /// Writes the file exactly as given.
    pub(crate) fn write_file(&self, text: &str) {
        std::fs::write(self.file(), text).expect("the file");
    }

    /// The path of the file.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.join("audit.toml")
    }

    /// Writes a file beside it, and returns its path.
    pub(crate) fn place(&self, name: &str, text: &str) -> String {
        let path = self.folder.join(name);
        std::fs::write(&path, text).expect("a file");
        path.display().to_string()
    }

    /// Sets a variable for the program.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.insert(name.into(), value.into());
    }

    /// Removes a variable of the program.
    pub(crate) fn unset(&mut self, name: &str) {
        self.environment.remove(name);
    }

    /// The program with `arguments`, not yet started, with an environment of its own.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_auditsync"));
        command
            .args(arguments.split_whitespace())
            .current_dir(&self.folder)
            .env_clear()
            .envs(&self.environment);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &str) -> Finished {
        self.spawn(arguments).wait()
    }

    /// Starts the program.
    pub(crate) fn spawn(&self, arguments: &str) -> Running {
        Running { child: self.command(arguments).spawn().expect("the program starts") }
    }

    /// Runs a sync with `--output json` and returns the report. The exit status must be `status`.
    pub(crate) fn sync(&self, arguments: &str, status: i32) -> Value {
        let finished = self.run(&format!("sync --output json {arguments}"));
        assert_eq!(finished.status, status, "{finished:#?}");
        finished.json()
    }

    /// The rows of a query: one per line, with columns separated by `|`. The schema's guards are
    /// off, so that a test can tamper with the stored rows.
    pub(crate) fn sql(&self, sql: &str) -> String {
        let unguarded = format!("SET session_replication_role = replica;\n{sql}");
        self.database.psql(&unguarded).expect("a query").trim_end().to_owned()
    }

    /// Makes the leases of killed and frozen runs expire.
    pub(crate) fn expire_leases(&self) {
        self.sql(
            "UPDATE audit_events_log SET locked_until = clock_timestamp()
             WHERE status = 'PROCESSING'",
        );
    }

    /// A session on the database at `url` that stays open, so that a test can hold a transaction.
    pub(crate) fn session(&self, url: &str) -> Session {
        Session(self.database.session_at(url).expect("a session"))
    }

    /// The entire database as text.
    pub(crate) fn dump(&self) -> String {
        let cluster = self.database.cluster();
        let mut command = match cluster {
            Some(cluster) => Command::new(cluster.bin("pg_dump")),
            None => Command::new("pg_dump"),
        };
        let dump = command.arg("--dbname").arg(self.database.url()).output().expect("pg_dump");
        assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
        let text = String::from_utf8(dump.stdout).expect("text");
        // Newer versions enclose a dump in lines with a random word.
        text.lines()
            .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"))
            .fold(String::new(), |mut text, line| {
                let _ = writeln!(text, "{line}");
                text
            })
    }

    /// The stored bytes of a day, by event id.
    pub(crate) fn stored(&self, source: &str, day: &str) -> BTreeMap<String, Vec<u8>> {
        let rows = self.sql(&format!(
            "SELECT encode(convert_to(event_id, 'UTF8'), 'hex') || '|' ||
                    encode(coalesce(event_raw, convert_to(event::text, 'UTF8')), 'hex')
             FROM audit_events WHERE source = '{source}' AND process_date = '{day}'"
        ));
        let rows = rows.lines().map(|row| row.split_once('|').expect("two columns"));
        rows.map(|(id, bytes)| (text(id), hex::decode(bytes).expect("hex"))).collect()
    }

    /// Checks that the stored events of a day are `expected`, byte for byte, and that the ledger
    /// row agrees: status, count and digest.
    pub(crate) fn assert_complete(
        &self,
        source: &str,
        day: &str,
        expected: &BTreeMap<String, Vec<u8>>,
    ) {
        let stored = self.stored(source, day);
        let missing: Vec<_> = expected.keys().filter(|id| !stored.contains_key(*id)).collect();
        let unexpected: Vec<_> = stored.keys().filter(|id| !expected.contains_key(*id)).collect();
        assert!(
            missing.is_empty() && unexpected.is_empty(),
            "{source} {day}: missing {missing:?}, more {unexpected:?}"
        );
        for (id, bytes) in expected {
            assert!(stored[id] == *bytes, "the bytes of {id} differ");
        }
        let row = self.sql(&format!(
            "SELECT status, events_count, encode(digest, 'hex'), locked_by IS NULL,
             locked_until IS NULL
             FROM audit_events_log WHERE source = '{source}' AND process_date = '{day}'"
        ));
        let digest = hex::encode(digest(expected));
        assert_eq!(row, format!("SUCCESS|{}|{digest}|t|t", expected.len()));
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Session {
    /// Runs statements, and returns their rows as [`World::sql`] does.
    pub(crate) fn ask(&mut self, sql: &str) -> String {
        self.try_ask(sql).expect("an answer")
    }

    /// The same, with the server's message if it rejects a statement. Then the session is over.
    pub(crate) fn try_ask(&mut self, sql: &str) -> Result<String, String> {
        self.0.ask(sql).map_err(|error| error.to_string())
    }
}

/// What Heroku has of an account's day, by event id, as seen through a filter or a team.
pub(crate) fn truth(
    world: &World,
    account: &str,
    day: &str,
    takes: impl Fn(&Value) -> bool,
) -> BTreeMap<String, Vec<u8>> {
    let events = world.heroku.day(account, date(day));
    let events = events.iter().filter_map(|bytes| {
        let event: Value = serde_json::from_slice(bytes).expect("a fixture");
        takes(&event).then(|| (event["id"].as_str().expect("an id").to_owned(), bytes.to_vec()))
    });
    events.collect()
}

/// Whether an event is the creation of an app in team-a by the fixtures' user.
pub(crate) fn is_of_team_a_and_filter(event: &Value) -> bool {
    event["team"]["name"] == "team-a"
        && event["type"] == "app"
        && event["action"] == "create"
        && event["actor"]["email"] == "user@example.com"
}

/// The digest of a day, computed from the events' bytes.
pub(crate) fn digest(events: &BTreeMap<String, Vec<u8>>) -> [u8; 32] {
    let mut digest = DayDigest::default();
    for (id, bytes) in events {
        digest.add(id, &Sha256::digest(bytes).into()).expect("a map is in order");
    }
    digest.finish()
}

/// Whether a character moves the cursor, begins an escape sequence, or hides or reorders text.
pub(crate) fn steers(c: char) -> bool {
    c.is_control() && c != '\n'
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// The report of one day.
pub(crate) fn day<'r>(report: &'r Value, source: &str, day: &str) -> &'r Value {
    let days = report["days"].as_array().expect("days");
    let found = days.iter().find(|row| row["source"] == source && row["date"] == day);
    found.unwrap_or_else(|| panic!("no {source} {day} in {report:#}"))
}

/// One value of each day in a report.
pub(crate) fn of_each_day(report: &Value, key: &str) -> Vec<Value> {
    report["days"].as_array().expect("days").iter().map(|day| day[key].clone()).collect()
}

/// The requests for events of an account's day that Heroku saw.
pub(crate) fn fetches(world: &World, account: &str, day: &str) -> usize {
    let requests = world.heroku.requests_for(account, date(day));
    requests.iter().filter(|request| request.path.ends_with("/events")).count()
}

/// Waits until `done` returns true, at most a minute.
#[expect(clippy::disallowed_methods, reason = "a test waits for what it expects, in short steps")]
pub(crate) fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_mins(1), "timed out while waiting for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The newest date that is over.
#[expect(clippy::disallowed_methods, reason = "the program under test reads the same clock")]
pub(crate) fn yesterday() -> NaiveDate {
    chrono::Utc::now().date_naive() - chrono::Days::new(1)
}

fn text(hexadecimal: &str) -> String {
    String::from_utf8(hex::decode(hexadecimal).expect("hex")).expect("text")
}

/// Writes a line that is shown when a test fails.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
