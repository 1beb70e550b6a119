//! The committed fixtures, and their move to other dates.

use std::path::Path;

use bytes::Bytes;
use fake_heroku::{FakeHeroku, Fixtures, corpus, gunzip};
use serde_json::Value;

use crate::support::day;

#[test]
fn the_committed_fixtures_are_what_the_generator_makes() {
    // Compressed bytes may differ between versions of the compressor, so the test compares the
    // content.
    let content = |bytes: &Bytes| {
        if bytes.starts_with(&[0x1f, 0x8b]) { gunzip(bytes).unwrap() } else { bytes.clone() }
    };
    for (path, bytes) in corpus::files() {
        let committed = Bytes::from(std::fs::read(Fixtures::folder().join(&path)).unwrap());
        assert!(
            content(&committed) == content(&bytes),
            "{} is not what `fake-heroku generate` makes",
            path.display()
        );
    }
}

#[tokio::test]
async fn shifted_fixtures_end_on_the_given_date() {
    let to = "2025-02-28".parse().unwrap();
    let fixtures = Fixtures::load(Path::new(&Fixtures::folder())).unwrap().shifted(to);
    let heroku = FakeHeroku::start(fixtures);
    let events = heroku.day("acme", to);
    assert_eq!(events.len(), 450);
    for event in events {
        let event: Value = serde_json::from_slice(&event).unwrap();
        assert!(event["created_at"].as_str().unwrap().starts_with("2025-02-28T"), "{event}");
    }
    assert!(heroku.day("acme", day()).is_empty());
}
