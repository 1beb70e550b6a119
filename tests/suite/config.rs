//! The configuration: what a valid file becomes, and the messages for an invalid one.

mod example;
mod sources;
mod tokens;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use auditsync::config::{Config, ConfigError, EventLog, Filter, Source};
use chrono::NaiveDate;

/// The smallest valid file: one source.
const LEAST: &str =
    "[[source]]\nname = \"acme\"\naccount = \"acme\"\ntoken_env = \"HEROKU_API_TOKEN\"\n";

/// The folder with invalid files and their expected messages.
fn mistakes() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config_mistakes")
}

/// The UTC date by this machine's clock in these tests.
const TODAY: NaiveDate = NaiveDate::from_ymd_opt(2024, 9, 29).expect("a date");

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse_on(Path::new("audit.toml"), text, TODAY.succ_opt())
}

fn good(text: &str) -> Config {
    parse(text).unwrap_or_else(|error| panic!("{error}"))
}

/// The message for an invalid file.
fn said_of(text: &str) -> String {
    match parse(text) {
        Ok(_) => panic!("this was taken for right:\n{text}"),
        Err(error) => error.to_string(),
    }
}

/// `UPDATE_EXPECTED=1` rewrites the expected texts; read the difference before you commit it.
#[test]
fn each_invalid_file_gets_its_message() {
    let update = std::env::var_os("UPDATE_EXPECTED").is_some();
    let mut names = BTreeSet::new();
    let mut wrong = Vec::new();
    for entry in fs::read_dir(mistakes()).expect("the folder of invalid files") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let said = said_of(&fs::read_to_string(&path).expect("a file")) + "\n";
        let expected = path.with_extension("expected.txt");
        if update {
            fs::write(&expected, &said).expect("a folder that can be written");
        } else if fs::read_to_string(&expected).unwrap_or_default() != said {
            wrong.push(format!("{}:\n{said}", path.display()));
        }
        names.insert(path.file_stem().expect("a name").to_owned());
    }
    assert!(names.len() >= 20, "only {} invalid files were found", names.len());
    assert!(
        wrong.is_empty(),
        "{} messages are not the expected ones:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn no_message_shows_a_secret() {
    // The invalid files contain these where someone might put a secret by mistake.
    for entry in fs::read_dir(mistakes()).expect("the folder of invalid files") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let said = said_of(&fs::read_to_string(&path).expect("a file"));
            for secret in ["SECRET", "s3cret", "5ec7e7"] {
                assert!(!said.contains(secret), "{} shows {secret}:\n{said}", path.display());
            }
        }
    }
}

#[test]
fn the_defaults_are_those_of_the_contract() {
    let config = good(LEAST);
    assert_eq!(
        (config.database.url_env.as_str(), config.database.max_connections),
        ("DATABASE_URL", 4)
    );
    assert_eq!(
        (config.api.base_url.as_str(), config.api.page_size),
        ("https://api.heroku.com/", 1000)
    );
    assert_eq!(
        (config.api.connect_timeout.as_secs(), config.api.request_timeout.as_secs()),
        (10, 60)
    );
    let source = &config.sources[0];
    assert_eq!((config.sync.concurrency, source.due.catch_up_days), (4, 7));
    assert_eq!(source.due.recheck_after, [Duration::from_hours(24), Duration::from_hours(72)]);
    assert_eq!(
        (source.events, config.notify.ping_url_env.as_str()),
        (EventLog::Summary, "AUDITSYNC_PING_URL")
    );
    assert_eq!((source.name.as_ref(), source.enabled, source.since), ("acme", true, None));
    let limit = source.rate_limit;
    assert_eq!((limit.requests_per_hour.get(), limit.burst.get(), limit.reserve), (4500, 30, 450));
    let retry = &source.retry;
    assert_eq!((retry.max_attempts.get(), retry.multiplier.to_bits()), (6, 2.0_f64.to_bits()));
    assert_eq!((retry.initial_interval.as_millis(), retry.max_interval.as_secs()), (500, 30));
    assert_eq!((retry.max_elapsed.as_secs(), retry.jitter.to_bits()), (300, 0.5_f64.to_bits()));
    assert_eq!(
        (source.lock.stale_after.as_secs(), source.lock.heartbeat_every.as_secs()),
        (900, 60)
    );
}

#[test]
fn a_source_overrides_key_by_key() {
    let config = good(&format!(
        "lock.stale_after = \"9m\"\nretry.max_attempts = 3\n\
         {LEAST}lock.heartbeat_every = \"3m\"\n[source.retry]\nmultiplier = 3\n"
    ));
    let source = &config.sources[0];
    assert_eq!(
        (source.lock.stale_after.as_secs(), source.lock.heartbeat_every.as_secs()),
        (540, 180)
    );
    assert_eq!(
        (source.retry.max_attempts.get(), source.retry.multiplier.to_bits()),
        (3, 3.0_f64.to_bits())
    );
    assert_eq!(source.retry.jitter.to_bits(), 0.5_f64.to_bits());
}

#[test]
fn values_just_inside_their_limits_are_taken() {
    for line in [
        "api.page_size = 1",
        "api.page_size = 0x3e8",
        "database.max_connections = 1",
        "sync.concurrency = 1",
        "sync.catch_up_days = 3660",
        "sync.recheck_after = []",
        "retry.multiplier = 1",
        "retry.jitter = 0",
        "retry.jitter = 1.0",
        "retry = { initial_interval = \"30s\" }",
        "rate_limit = { reserve = 4499 }",
        "rate_limit.reserve = 4499",
        "lock = { stale_after = \"3m\" }",
        "api.base_url = \"http://127.8.9.1:80\"",
        "api.base_url = \"http://[::1]\"",
        "api.base_url = \"http://LOCALHOST:1\"",
        "events.log = \"full\"",
    ] {
        good(&format!("{line}\n{LEAST}"));
    }
    for line in [
        "since = 2017-01-01",
        "since = \"2024-02-29\"",
        "enabled = false",
        "team = \"01234567-89ab-cdef-0123-456789abcdef\"",
    ] {
        good(&format!("{LEAST}{line}\n"));
    }
    let name = format!("0{}", "a".repeat(62));
    good(&LEAST.replacen("acme", &name, 1));
    good(&format!("\u{feff}{}", LEAST.replace('\n', "\r\n")));
}

#[test]
fn values_just_outside_their_limits_are_rejected() {
    for line in [
        "api.page_size = 0",
        "api.page_size = 1001",
        "api.page_size = -1",
        "api.page_size = 10.0",
        "api.page_size = 99999999999999999999999999999999999999999999",
        "api.connect_timeout = \"0s\"",
        "api.connect_timeout = 10",
        "database.max_connections = 0",
        "sync.concurrency = 0",
        "sync.catch_up_days = 0",
        "sync.catch_up_days = 3661",
        "sync.recheck_after = [\"1d\", \"24h\"]",
        "sync.recheck_after = \"1d\"",
        "retry.multiplier = 0.99",
        "retry.multiplier = inf",
        "retry.multiplier = nan",
        "retry.jitter = 1.01",
        "retry.jitter = -0.1",
        "retry = { initial_interval = \"31s\" }",
        "rate_limit = { reserve = 4500 }",
        "rate_limit.burst = 0",
        "rate_limit.reserve = 4500",
        "lock = { stale_after = \"179s\" }",
        "lock.heartbeat_every = \"301s\"",
        "api.base_url = \"http://api.heroku.com\"",
        "api.base_url = \"http://localhost.example.com\"",
        "api.base_url = \"https://user@api.heroku.com\"",
        "api.base_url = \"https://api.heroku.com?a\"",
        "api.base_url = \"https://api.heroku.com#a\"",
        "api.base_url = \"https://\"",
        "api.base_url = \"file:///etc\"",
        "api.base_url = \"mailto:a@b\"",
        "events.log = \"all\"",
        "events = \"full\"",
        "notify.ping_url_env = \"\"",
    ] {
        said_of(&format!("{line}\n{LEAST}"));
    }
    for line in [
        "since = 1999-12-31",
        "since = \"2023-02-29\"",
        "since = \"2023-2-9\"",
        "since = 2024-09-01T00:00:00Z",
        "enabled = 1",
        "team = \"\"",
        "team = \"..\"",
        "team = \"a/b\"",
        "team = \"a\\u0000\"",
        "filter = { actor = \"\" }",
        "filter = { actors = \"a\" }",
    ] {
        said_of(&format!("{LEAST}{line}\n"));
    }
    for name in ["", "-a", "_a", "A", "a.b", "ä", &"a".repeat(64)] {
        said_of(&LEAST.replacen("\"acme\"", &format!("\"{name}\""), 1));
    }
}

#[test]
fn keys_of_evidence_that_can_not_be_right_are_rejected() {
    for line in [
        "evidence.previous_signing_key_env = \"A\"",
        "evidence = { signing_key_env = \"A\", previous_signing_key_env = \"A\" }",
        "evidence.timestamp_url = \"timestamp.example.com\"",
        "evidence.origin = \"\"",
        "evidence.origin = \"a\\u202e\"",
    ] {
        said_of(&format!("{line}\n{LEAST}"));
    }
}

#[test]
fn a_base_url_keeps_its_path_without_the_last_slash() {
    for (written, read) in [
        ("https://api.heroku.com", "https://api.heroku.com/"),
        ("https://proxy.example.com/heroku//", "https://proxy.example.com/heroku"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/"),
    ] {
        let config = good(&format!("api.base_url = \"{written}\"\n{LEAST}"));
        assert_eq!(config.api.base_url.as_str(), read);
    }
}

#[test]
fn a_scope_is_recorded_without_what_is_not_set() {
    let recorded = |line: &str| {
        let config = good(&format!("{LEAST}{line}"));
        serde_json::to_string(&config.sources[0].scope).expect("JSON")
    };
    assert_eq!(recorded(""), r#"{"account":"acme"}"#);
    assert_eq!(
        recorded("team = \"t\"\nfilter = { type = \"app\", actor = \"a@b\" }"),
        r#"{"account":"acme","team":"t","filter":{"type":"app","actor":"a@b"}}"#
    );
    assert!(Filter::default().is_empty());
}

#[test]
fn an_unknown_source_gets_a_suggestion() {
    let config = good(&format!("{LEAST}{}", LEAST.replace("acme", "globex")));
    assert_eq!(config.source("globex").map(|source| source.name.as_ref()), Ok("globex"));
    let said = |name: &str| config.source(name).expect_err("no such source").to_string();
    assert_eq!(said("glodex"), "no source is named `glodex`: did you mean `globex`?");
    assert_eq!(said("x\n"), "no source is named `x\\n`: the sources are `acme` and `globex`");
}

#[test]
fn an_unreadable_file_is_reported_with_the_reason() {
    let folder = std::env::temp_dir().join(format!("auditsync-config-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let said = |name: &str, bytes: Option<&[u8]>| {
        let path = folder.join(name);
        if let Some(bytes) = bytes {
            fs::write(&path, bytes).expect("a file");
        }
        let said = Config::load(&path, TODAY).expect_err("not a configuration").to_string();
        said.replace(&folder.display().to_string(), "")
    };
    assert_eq!(
        said("/none.toml", None),
        "error: can't read /none.toml: the file does not exist\n  \
         = help: run `auditsync init` to write one, or name another with -c FILE\n\n\
         /none.toml: not read; nothing was requested or written"
    );
    let folder_said = said("", None);
    assert!(
        folder_said.contains(": it is a directory\n  = help: name a file in it with -c FILE\n")
    );
    assert!(said("bytes.toml", Some(b"# one\n# \xff\n")).contains("line 2 is not UTF-8"));
    assert!(said("long.toml", Some(&vec![b'#'; 1024 * 1024 + 1])).contains("longer than 1 MiB"));
    fs::remove_dir_all(&folder).expect("a folder of its own");
}

/// A small generator of numbers, the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}

#[test]
fn nothing_makes_it_panic() {
    let path = Path::new("audit.toml");
    let example = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("audit.toml"))
        .expect("the example");
    for end in (0..=example.len()).step_by(5) {
        let _ = Config::parse(path, &String::from_utf8_lossy(&example.as_bytes()[..end]));
    }
    for deep in [
        "[",
        "{a=",
        "a.",
        "[[",
        "x=[",
        "\"",
        "'''",
        "\r",
        "\t",
        "source=[{",
        "\u{0}",
        "é=",
        "HRKU-é://@",
    ] {
        let said = said_of(&deep.repeat(3000));
        assert!(said.ends_with("nothing was requested or written"));
    }
    let mut dice = Dice(7);
    #[rustfmt::skip]
    let pieces = [
        "[", "]", "[[source]]", "name", "=", "\"", "'", "\n", "\r\n", "\r", "{", "}", ",", ".",
        "#", "1", "-", "é", "\u{0}", "\t", "[lock]", "stale_after", "\"1m\"", "retry", "true",
        "2024-01-01", "HRKU-x", "://", "@", "token", "\"\"\"", "\\", "source", "filter",
        "recheck_after", " ", "\u{feff}", "日本", "_env",
    ];
    for _ in 0..1000 {
        let text: String = (0..dice.roll(40)).map(|_| pieces[dice.roll(pieces.len())]).collect();
        let _ = Config::parse(path, &text).map_err(|error| error.to_string());
        let mut bytes = LEAST.as_bytes().to_vec();
        for _ in 0..=dice.roll(4) {
            let at = dice.roll(bytes.len());
            bytes[at] = dice.roll(256) as u8;
        }
        let _ = Config::parse(path, &String::from_utf8_lossy(&bytes))
            .map_err(|error| error.to_string());
    }
}
