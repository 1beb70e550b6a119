//! The plan of a backfill of all months.

use fake_heroku::{Fault, Match, Month};
use serde_json::Value;

use super::{GLOBEX, a_year, all, assert_status, folder};
use crate::support::{THREE_VIEWS, World};

fn plan(world: &World, arguments: &str, status: i32) -> Value {
    let finished =
        world.run(&format!("backfill --via archive --all --plan --output json {arguments}"));
    assert_status(&finished, status);
    finished.json()
}

/// The size of all archives of 2023.
fn size(world: &World, account: &str) -> u64 {
    let mut bytes = 0;
    for month in 1..=12 {
        world.heroku.change_archive(account, Month { year: 2023, month }, |archive| {
            bytes += archive.file.len() as u64;
        });
    }
    bytes
}

#[test]
fn a_plan_of_all_months_lists_the_archives_and_writes_nothing() {
    let rate = "[rate_limit]\nrequests_per_hour = 600\nreserve = 0\n";
    let world = World::with(a_year(), &format!("{THREE_VIEWS}{GLOBEX}{rate}"));
    let empty = world.dump();
    let planned = plan(&world, "", 0);
    assert_eq!(world.dump(), empty);
    let requested: Vec<String> =
        world.heroku.requests().iter().map(|request| request.path.clone()).collect();
    let list = |account: &str| format!("/enterprise-accounts/{account}/archives");
    assert_eq!(requested, [list("acme"), list("globex")]);
    let (acme, globex) = (size(&world, "acme"), size(&world, "globex"));
    // For acme: the list, the teams, and two requests for each month.
    let expected = serde_json::json!({
        "due_days": 4 * 365, "requests": 26 + 25, "requests_at_least": false, "seconds": 156,
        "archive_months": 24, "bytes": acme + globex,
        "per_source": [
            {"source": "acme", "due_days": 365, "requests": 26, "seconds": 156,
             "archive_months": 12, "bytes": acme, "error": null},
            {"source": "team-a", "due_days": 365, "requests": 0, "seconds": 0,
             "archive_months": 0, "bytes": 0, "error": null},
            {"source": "apps", "due_days": 365, "requests": 0, "seconds": 0,
             "archive_months": 0, "bytes": 0, "error": null},
            {"source": "globex", "due_days": 365, "requests": 25, "seconds": 150,
             "archive_months": 12, "bytes": globex, "error": null},
        ],
    });
    assert_eq!(planned, expected);
    let run = world.run("backfill --via archive --all");
    assert_status(&run, 0);
    let words = "1460 days, 24 archives of ";
    let (first, rest) = run.stderr.split_once("run finished").expect("a last line");
    assert!(first.contains(words) && !rest.contains(words), "{run:#?}");
    let done = plan(&world, "", 0);
    assert_eq!((&done["due_days"], &done["archive_months"]), (&0.into(), &0.into()));
}

#[test]
fn a_plan_knows_what_is_kept_and_says_where_a_size_is_unknown() {
    let world = World::with(a_year(), GLOBEX);
    folder(&world, "kept");
    all(&world, "", 0);
    let to_keep = plan(&world, "--keep kept", 0);
    assert_eq!((&to_keep["due_days"], &to_keep["archive_months"]), (&0.into(), &12.into()));
    all(&world, "--keep kept", 0);
    let kept = plan(&world, "--keep kept", 0);
    assert_eq!((&kept["archive_months"], &kept["bytes"]), (&0.into(), &0.into()));
    world.heroku.change_archive("globex", Month { year: 2023, month: 5 }, |archive| {
        archive.unlisted_fields = vec!["size".to_owned()];
    });
    world.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    let unknown = plan(&world, "", 0);
    assert_eq!((&unknown["archive_months"], &unknown["bytes"]), (&12.into(), &Value::Null));
}

#[test]
fn a_plan_names_the_sources_of_which_nothing_is_known() {
    let world = World::with(a_year(), &format!("{THREE_VIEWS}{GLOBEX}"));
    let forbidden = Fault::status(403, "forbidden", "No");
    world.heroku.fault(Match::path("/enterprise-accounts/acme/archives").always(), forbidden);
    let planned = plan(&world, "", 1);
    assert_eq!(planned["due_days"], 365);
    let is_unknown = |source: &Value| source["error"].is_string();
    let unknown: Vec<bool> =
        planned["per_source"].as_array().expect("sources").iter().map(is_unknown).collect();
    assert_eq!(unknown, [true, true, true, false]);
}
