//! `report`: one page that people look at. It says what is complete, what failed and why, and what
//! an auditor asks for.
//!
//! `AUDITSYNC_PAGES=DIR` keeps the pages of these tests, so that `.ci/browser` can open them.

mod auditor;
mod files;
mod foreign_text;
mod large;

use std::path::Path;

use serde_json::Value;
use sha2::Digest as _;

use crate::support::{ACME, Finished, THREE_ACCOUNTS_AND_A_TEAM, World, yesterday};

/// A page as a person reads it: tags are gone, escapes are characters, and each run of white space
/// is one space.
pub(crate) fn words(html: &str) -> String {
    let mut text = String::new();
    for part in html.split('<').skip(1) {
        let (tag, after) = part.split_once('>').expect("a tag ends");
        // A cell, a paragraph or an item ends; an inline element does not separate words.
        if !["span", "/span", "strong", "/strong", "code", "/code", "a ", "/a"]
            .iter()
            .any(|inline| tag.starts_with(inline))
        {
            text.push(' ');
        }
        text.push_str(after);
    }
    let escapes = [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")];
    let text = escapes.iter().fold(text, |text, (escape, plain)| text.replace(escape, plain));
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Runs `report` with the page on stdout, which must exit with 0.
#[track_caller]
fn page(world: &World, arguments: &str) -> String {
    let finished = world.run(&format!("report {arguments} --out -"));
    assert_eq!(finished.status, 0, "{finished:#?}");
    assert!(finished.stdout.starts_with("<!doctype html>"), "{finished:#?}");
    finished.stdout
}

/// Checks that the page says this.
#[track_caller]
fn assert_says(page: &str, said: &str) {
    let words = words(page);
    assert!(words.contains(said), "the page does not say {said:?}:\n{words}");
}

/// Keeps a page for the checks in a browser, if they are wanted.
fn keep(name: &str, page: &str) {
    if let Some(folder) = std::env::var_os("AUDITSYNC_PAGES") {
        std::fs::create_dir_all(&folder).expect("the folder");
        std::fs::write(Path::new(&folder).join(name), page).expect("the page is kept");
    }
}

/// Runs `report --output json` into a file, and returns the document.
#[track_caller]
fn document(world: &World, arguments: &str) -> Value {
    let finished = world.run(&format!("report {arguments} --out page.html --output json"));
    assert_eq!(finished.status, 0, "{finished:#?}");
    finished.json()
}

/// The last thirty days of three accounts and a team.
fn synced() -> World {
    let world = World::busy(THREE_ACCOUNTS_AND_A_TEAM);
    let (from, to) = (yesterday() - chrono::Days::new(29), yesterday());
    let backfill = world.run(&format!("backfill --from {from} --to {to}"));
    assert_eq!(backfill.status, 0, "{backfill:#?}");
    world
}

#[test]
fn a_complete_month_is_ok_and_verified_and_nothing_is_changed() {
    let world = synced();
    let before = world.dump();
    let page = page(&world, "");
    keep("complete.html", &page);
    let (from, to) = (yesterday() - chrono::Days::new(29), yesterday());
    assert_says(&page, &format!("Heroku audit trail, {from} to {to}"));
    assert_says(&page, &format!("OK 4 sources, complete through {to}"));
    assert_says(&page, "Complete days 120 of 120 that must be covered");
    assert_says(&page, "Nothing. Every day of the range that must be covered is complete.");
    assert_says(&page, "PASSED Everything that was checked is as it was sealed.");
    let verified = world.run("verify --output json").json();
    let head = &verified["head"];
    let seal = head["seal"].as_str().expect("a seal");
    assert_says(&page, &format!("Head of the chain {}:{seal}", head["seq"]));
    assert_says(&page, &format!("120 sealed days with {} events", verified["events_checked"]));
    assert_eq!(world.dump(), before);
}

/// A world where a source failed, one misses days, one was never synced, and one left the file.
fn behind() -> World {
    let before = THREE_ACCOUNTS_AND_A_TEAM.replacen("name = \"acme\"", "name = \"gone\"", 1);
    let world = World::busy(&before);
    let (from, to) = (yesterday() - chrono::Days::new(9), yesterday());
    let backfill =
        world.run(&format!("backfill --from {from} --to {to} --source gone --source globex"));
    assert_eq!(backfill.status, 0, "{backfill:#?}");
    let team = world.run(&format!("backfill --from {from} --to {to} --source team-a"));
    assert_eq!(team.status, 0, "{team:#?}");
    world.sql(
        "DELETE FROM audit_events_log WHERE source = 'team-a' AND process_date BETWEEN
             current_date - 6 AND current_date - 4;",
    );
    let failed = yesterday() - chrono::Days::new(4);
    assert_eq!(world.run(&format!("reset --source globex {failed}")).status, 0);
    world.heroku.revoke("HRKU-demo-globex-0001-not-a-secret");
    assert_eq!(world.run(&format!("--source globex --date {failed}")).status, 1);
    world.write_config(THREE_ACCOUNTS_AND_A_TEAM);
    world
}

#[test]
fn a_source_that_is_behind_is_named_with_the_reason_and_the_command() {
    let world = behind();
    let page = page(&world, "");
    keep("behind.html", &page);
    let ago = |days: u64| yesterday() - chrono::Days::new(days - 1);
    let (team, globex) = (ago(6), ago(5));
    let read = format!("auditsync backfill --source team-a --from {team} --to {}", ago(4));
    assert_says(
        &page,
        &format!(
            "BEHIND team-a: 3 days missing since {team}, and 3 other sources behind \
             This reads what is missing: {read}"
        ),
    );
    assert_says(&page, &format!("globex: 1 day failed since {globex}. BEHIND"));
    assert_says(
        &page,
        &format!("{globex}: Heroku refused the token in GLOBEX_TOKEN (401 unauthorized"),
    );
    assert_says(&page, "Make a new one:");
    assert_says(&page, "initech was never synced. BEHIND Run auditsync --source initech.");
    assert_says(&page, "gone (not in the file) 10");
    assert_eq!(world.run(read.strip_prefix("auditsync ").expect("a command")).status, 0);
    assert_says(&self::page(&world, ""), "BEHIND globex: 1 day failed since");
}

#[test]
fn yesterday_is_a_gap_that_counts_as_behind_only_after_36_hours() {
    let world = World::busy(ACME);
    let (from, to) = (yesterday() - chrono::Days::new(3), yesterday() - chrono::Days::new(1));
    assert_eq!(world.run(&format!("backfill --from {from} --to {to}")).status, 0);
    let page = page(&world, "");
    assert_says(&page, &format!("acme: 1 day missing since {}.", yesterday()));
    let is_morning = "SELECT extract(hour FROM clock_timestamp() AT TIME ZONE 'UTC') < 12";
    if world.sql(is_morning) == "t" {
        assert_says(&page, &format!("OK 1 source, complete through {to}"));
        assert_says(&page, ", or wait for the next run.");
    } else {
        assert_says(&page, &format!("BEHIND acme: 1 day missing since {}", yesterday()));
    }
}

/// The figures of a row in the table of states: from `Complete` to `Adopted`.
fn states(page: &str, source: &str) -> Vec<u64> {
    let table = page.split("aria-label=\"The days of each source\"").nth(1).expect("the table");
    let row = table.split("<tr><th scope=\"row\">").find(|row| row.starts_with(source));
    let row = words(&format!("<tr>{}", row.expect("a row").split("</tr>").next().unwrap()));
    row.split(' ').skip(1).take(7).map(|figure| figure.parse().expect("a figure")).collect()
}

#[test]
fn each_state_is_counted_and_drawn_with_a_mark_of_its_own() {
    let world =
        World::busy(&format!("{ACME}since = \"{}\"\n", yesterday() - chrono::Days::new(11)));
    let (from, to) = (yesterday() - chrono::Days::new(9), yesterday());
    assert_eq!(world.run(&format!("backfill --from {from} --to {to}")).status, 0);
    world.sql(
        "UPDATE audit_events_log SET status = 'PENDING' WHERE process_date = current_date - 2;
         UPDATE audit_events_log SET status = 'PROCESSING', locked_by = 'x',
                locked_until = clock_timestamp() + interval '1 h'
         WHERE process_date = current_date - 3;
         UPDATE audit_events_log SET status = 'PROCESSING', locked_by = 'x',
                locked_until = clock_timestamp() - interval '1 h'
         WHERE process_date = current_date - 4;
         UPDATE audit_events_log SET status = 'ERROR' WHERE process_date = current_date - 5;
         UPDATE audit_events_log SET synced_at = NULL, settled_at = NULL
         WHERE process_date = current_date - 6;",
    );
    let page = page(&world, "");
    keep("states.html", &page);
    let settled = world.sql(
        "SELECT count(*) FROM audit_events_log WHERE status = 'SUCCESS' AND settled_at IS NOT NULL",
    );
    // Complete, of them settled, due, syncing, failed, missing, adopted.
    assert_eq!(states(&page, "acme"), [5, settled.parse().unwrap(), 2, 1, 1, 2, 1]);
    for word in ["settled", "complete", "syncing", "due", "failed", "missing", "adopted"] {
        assert!(page.contains(&format!("fill=\"url(#w-{word})\"")), "{word} is not drawn");
        assert!(page.contains(&format!("<pattern id=\"w-{word}\"")), "{word} has no mark");
    }
}

#[test]
fn the_page_has_no_script_and_its_policy_allows_only_its_own_style() {
    let page = page(&synced(), "");
    let style = page.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>"));
    let (style, _) = style.expect("a style element");
    assert_eq!(page.matches("<style").count(), 1);
    let hash = sha2::Sha256::digest(style);
    let hash = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, hash);
    let policy = format!("content=\"default-src 'none'; style-src 'sha256-{hash}';");
    assert!(page.contains(&policy), "{policy} is not in {}", &page[..600]);
    for forbidden in
        ["<script", "<link", "<img", "<iframe", " style=", " onclick", " src=", "@import"]
    {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    let outside = page
        .match_indices("href=\"")
        .filter(|(at, href)| !page[at + href.len()..].starts_with('#'));
    assert_eq!(outside.count(), 0);
}

#[test]
fn two_pages_of_the_same_database_differ_in_their_time_alone() {
    let world = synced();
    let without_time = |page: String| {
        let (_, after) = page.split_once(", as of ").expect("a time");
        let time = after.split_once(" UTC").expect("a time").0.to_owned();
        page.replace(&time, "TIME")
    };
    let first = without_time(page(&world, ""));
    let second = without_time(page(&world, ""));
    assert!(first == second, "the pages differ");
}

#[test]
fn a_change_that_verify_finds_is_on_the_page() {
    let world = synced();
    world.sql("UPDATE audit_events SET actor_email = 'mallory' WHERE source = 'acme'");
    let page = page(&world, "");
    keep("changed.html", &page);
    assert_says(&page, "CHANGED The verification found 30 problems: see Integrity.");
    assert_says(&page, "FAILED 30 problems: what is stored is not what was sealed.");
    assert_says(&page, "altered acme");
    let document = document(&world, "");
    assert_eq!((&document["verdict"], &document["verified"]), (&"ok".into(), &false.into()));
}

#[test]
fn the_document_names_file_range_and_verdict() {
    let world = behind();
    let document = document(&world, "");
    let keys: Vec<_> = document.as_object().expect("a document").keys().cloned().collect();
    let mut known = ["path", "from", "to", "verdict", "summary", "command", "verified", "head"];
    known.sort_unstable();
    assert_eq!(keys, known);
    assert_eq!(document["path"], "page.html");
    assert_eq!(document["from"], (yesterday() - chrono::Days::new(29)).to_string());
    assert_eq!(document["to"], yesterday().to_string());
    assert_eq!(document["verdict"], "behind");
    let command = document["command"].as_str().expect("a command");
    assert!(command.starts_with("auditsync backfill --source team-a"), "{command}");
}

/// How a run that must fail ended.
#[track_caller]
fn refused(world: &World, arguments: &str, status: i32, says: &str) -> Finished {
    let finished = world.run(&format!("report {arguments}"));
    assert_eq!(finished.status, status, "{arguments}: {finished:#?}");
    assert!(finished.stderr.contains(says), "{arguments}: {finished:#?}");
    finished
}
