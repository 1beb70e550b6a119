//! The example file: right as it is, and with each of its comments in effect.

use super::{Config, LEAST, Path, TODAY, fs, good};

/// The example, and the same with each commented key and section in effect.
fn example() -> (Config, Config) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("audit.toml");
    let example = Config::load(&path, TODAY).unwrap_or_else(|error| panic!("{error}"));
    let text = fs::read_to_string(&path).expect("the example");
    let is_key = |line: &&str| {
        line.starts_with('[') || line.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '))
    };
    let shown = text
        .lines()
        .map(|line| line.strip_prefix("# ").filter(is_key).unwrap_or(line))
        .collect::<Vec<_>>();
    (example, good(&shown.join("\n")))
}

#[test]
fn the_example_is_right_and_has_one_source() {
    let (example, _) = example();
    let least = good(LEAST);
    assert_eq!(example.sources, least.sources);
    assert_eq!(
        (&example.database, &example.api, &example.sync),
        (&least.database, &least.api, &least.sync)
    );
}

#[test]
fn the_comments_of_the_example_show_the_defaults() {
    let (example, mut shown) = example();
    let evidence = std::mem::take(&mut shown.evidence);
    assert_eq!(evidence.signing_key_env.as_deref(), Some("AUDITSYNC_SIGNING_KEY"));
    assert!(evidence.timestamp_url.is_some() && evidence.origin.is_some());
    let others = shown.sources.split_off(1);
    let acme = &mut shown.sources[0];
    assert_eq!(acme.since.take().map(|day| day.to_string()).as_deref(), Some("2024-09-01"));
    assert_eq!(std::mem::take(&mut acme.previous_names).len(), 1);
    assert_eq!(Config { path: example.path.clone(), ..shown }, example);
    let names: Vec<&str> = others.iter().map(|source| source.name.as_ref()).collect();
    assert_eq!(names, ["globex", "team-a", "ops-team-b", "ops-team-c"]);
    assert_eq!(others[0].rate_limit.requests_per_hour.get(), 2000);
    assert_eq!((others[0].due.catch_up_days, others[1].due.catch_up_days), (14, 7));
    assert_eq!(others[1].scope.filter.actor.as_deref(), Some("user@example.com"));
}
