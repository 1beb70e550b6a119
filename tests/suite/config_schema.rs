//! The JSON Schema of the file: made by the code, committed for editors, and consistent with the
//! program.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use auditsync::config::Config;
use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Value, json};

/// The smallest valid file: one source.
const LEAST: &str =
    "[[source]]\nname = \"acme\"\naccount = \"acme\"\ntoken_env = \"HEROKU_API_TOKEN\"\n";

/// The invalid files whose error no schema can express: a rule between keys, or between sources.
const BEYOND_A_SCHEMA: [&str; 11] = [
    "budgets",
    "equal_sources",
    "heartbeat",
    "heartbeat_default",
    "heartbeat_of_source",
    "intervals",
    "lease_too_long",
    "previous_key",
    "recheck_order",
    "since_future",
    "teams",
];

fn here(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

struct Schema {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Schema {
    fn new() -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("audit.schema.json", Config::schema()).expect("a resource");
        let index = compiler.compile("audit.schema.json", &mut schemas).expect("a schema");
        Self { schemas, index }
    }

    /// The schema's errors for a file, as an editor would show them; `Ok` if none.
    fn says(&self, text: &str) -> Result<(), String> {
        let file: toml::Table = toml::from_str(text).map_err(|error| error.to_string())?;
        self.schemas
            .validate(&json(toml::Value::Table(file)), self.index)
            .map_err(|error| format!("{error:#}"))
    }
}

/// TOML as editors present it to a schema: dates are strings.
fn json(value: toml::Value) -> Value {
    match value {
        toml::Value::Datetime(date) => date.to_string().into(),
        toml::Value::Array(values) => values.into_iter().map(json).collect(),
        toml::Value::Table(table) => {
            Value::Object(table.into_iter().map(|(key, value)| (key, json(value))).collect())
        }
        other => serde_json::to_value(other).expect("JSON"),
    }
}

/// `UPDATE_EXPECTED=1` rewrites it.
#[test]
fn the_committed_schema_is_the_one_that_the_code_makes() {
    let made = serde_json::to_string_pretty(&Config::schema()).expect("JSON") + "\n";
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(here("audit.schema.json"), &made).expect("a folder that can be written");
    }
    let committed = fs::read_to_string(here("audit.schema.json")).unwrap_or_default();
    assert!(
        committed == made,
        "audit.schema.json is not what the code makes; UPDATE_EXPECTED=1 writes it anew"
    );
}

#[test]
fn the_example_names_the_schema_and_matches_it() {
    let example = fs::read_to_string(here("audit.toml")).expect("the example");
    assert!(example.starts_with("#:schema ./audit.schema.json\n"));
    let schema = Schema::new();
    assert_eq!(schema.says(&example), Ok(()));
    assert_eq!(schema.says(LEAST), Ok(()));
    // Also with each default that is in it as a comment.
    let shown = example
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|key| is_key(key)).unwrap_or(line));
    assert_eq!(schema.says(&shown.collect::<Vec<_>>().join("\n")), Ok(()));
}

fn is_key(line: &str) -> bool {
    line.starts_with('[') || line.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '))
}

#[test]
fn the_schema_rejects_each_wrong_file_that_it_can_judge() {
    let schema = Schema::new();
    let mut passed = Vec::new();
    for entry in fs::read_dir(here("tests/config_mistakes")).expect("the folder of invalid files") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "toml")
            && schema.says(&fs::read_to_string(&path).expect("a file")).is_ok()
        {
            passed.push(path.file_stem().expect("a name").to_string_lossy().into_owned());
        }
    }
    passed.sort();
    assert_eq!(passed, BEYOND_A_SCHEMA);
}

#[test]
fn the_schema_has_the_same_limits_as_the_program() {
    let schema = Schema::new();
    let values = [
        ("api.page_size", &["1", "1000"][..], &["0", "1001", "-1", "\"10\""][..]),
        (
            "api.base_url",
            &["\"http://[::1]:80/a\"", "\"https://h/a@b\""],
            &["\"http://h\"", "\"https://a@h\"", "\"h\""],
        ),
        (
            "api.connect_timeout",
            &["\"500ms\"", "\"1h30m\"", "\"0h01s\""],
            &["\"0s\"", "\"1.5h\"", "\"15M\"", "10"],
        ),
        ("sync.recheck_after", &["[]", "[\"1d\"]"], &["\"1d\"", "[1]", "[\"\"]"]),
        ("retry.multiplier", &["1", "1.0", "2.5"], &["0.99", "\"2\""]),
        ("retry.jitter", &["0", "1.0"], &["1.01", "-0.1"]),
        ("rate_limit.reserve", &["0", "4499"], &["4500"]),
        ("rate_limit.burst", &["1", "4294967295"], &["0", "4294967296"]),
        ("events.log", &["\"full\""], &["\"all\"", "true"]),
        ("notify.ping_url_env", &["\"A1_\""], &["\"\"", "\"1A\"", "\"$A\""]),
    ];
    for (key, good, bad) in values {
        check(&schema, good, bad, |value| format!("{key} = {value}\n{LEAST}"));
    }
    let of_source = [
        (
            "since",
            &["2017-01-01", "\"2024-02-29\""][..],
            &["2016-12-31", "\"1024-09-28\"", "\"2024-2-9\"", "\"2024-13-01\""][..],
        ),
        ("enabled", &["false"], &["1", "\"true\""]),
        (
            "team",
            &["\"a\"", "\"...\"", "\".a\"", "\"ä\""],
            &["\"\"", "\".\"", "\"..\"", "\"a/b\"", "\"a b\"", "\"HRKU-a\""],
        ),
        (
            "filter",
            &["{}", "{ actor = \"a b\" }"],
            &["{ actor = \" \" }", "{ actors = \"a\" }", "\"a\""],
        ),
        ("lock", &["{ stale_after = \"9m\" }"], &["{ stale = \"9m\" }"]),
    ];
    for (key, good, bad) in of_source {
        check(&schema, good, bad, |value| format!("{LEAST}{key} = {value}\n"));
    }
    let name = |value: &str| LEAST.replacen("\"acme\"", value, 1);
    check(&schema, &["\"0a-_\""], &["\"\"", "\"-a\"", "\"A\"", "\"a.b\"", "\"hrku-a\""], name);
}

fn check(schema: &Schema, good: &[&str], bad: &[&str], file: impl Fn(&str) -> String) {
    for (values, right) in [(good, true), (bad, false)] {
        for value in values {
            let text = file(value);
            let program = Config::parse(Path::new("audit.toml"), &text);
            assert_eq!(program.is_ok(), right, "the program: {text}");
            assert_eq!(schema.says(&text).is_ok(), right, "the schema: {text}");
        }
    }
}

#[test]
fn the_schema_judges_the_keys_of_evidence_as_the_program_does() {
    let schema = Schema::new();
    let values = [
        (
            "evidence.signing_key_env",
            &["\"A1_\""][..],
            &["\"\"", "\"$A\"", "\"PRIVATE+KEY+a\""][..],
        ),
        (
            "evidence.timestamp_url",
            &["\"http://h\"", "\"https://h:1/a?b=c@d\""],
            &[
                "\"h\"",
                "\"ftp://h\"",
                "\"https://a@h\"",
                "\"https://h#a\"",
                "\"https://h/a b\"",
                "1",
            ],
        ),
        (
            "evidence.origin",
            &["\"auditsync/0123abcd\"", "\"ä\""],
            &["\"\"", "\"a b\"", "\"a+b\"", "\"a\\n\"", "\"HRKU-a\""],
        ),
    ];
    for (key, good, bad) in values {
        check(&schema, good, bad, |value| format!("{key} = {value}\n{LEAST}"));
    }
}

#[test]
fn the_schema_shows_the_defaults_of_the_program() {
    let schema = Config::schema();
    let mut spelled = String::new();
    let mut count = 0;
    for (section, table) in schema["properties"].as_object().expect("sections") {
        for (key, property) in table["properties"].as_object().into_iter().flatten() {
            // Without its keys, this section does nothing. No account is a default.
            if section == "evidence" || (section == "defaults" && key == "account") {
                continue;
            }
            assert!(property["default"] != json!(null), "{section}.{key} has no default");
            writeln!(spelled, "{section}.{key} = {}", property["default"]).expect("memory");
            count += 1;
        }
    }
    assert!(count > 15, "{count} defaults");
    let parse = |text: &str| {
        Config::parse(Path::new("audit.toml"), text).unwrap_or_else(|error| panic!("{error}"))
    };
    let enabled = &schema["properties"]["source"]["items"]["properties"]["enabled"]["default"];
    assert_eq!(parse(&format!("{spelled}{LEAST}enabled = {enabled}\n")), parse(LEAST));
}
