//! Archives that are kept as files.

use std::fs;

use bytes::Bytes;
use fake_heroku::{Match, Model, Month, pack};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{GLOBEX, YEAR, a_year, all, assert_status, downloads, files, folder, without_archives};
use crate::support::{ACME, THREE_VIEWS, World, date, of_each_day, wait_for};

const JANUARY: Month = Month { year: 2023, month: 1 };

/// An account with three months.
fn three_months() -> Model {
    let mut model = without_archives();
    for day in date("2023-01-01").iter_days().take(90) {
        model.generate_day("acme", day, 2);
    }
    for month in 1..=3 {
        model.make_archive("acme", Month { year: 2023, month });
    }
    model
}

/// The file and its checksum, as Heroku has them.
fn of_heroku(world: &World, month: Month) -> (Bytes, String) {
    let mut found = None;
    world.heroku.change_archive("acme", month, |archive| {
        found = Some((archive.file.clone(), archive.checksum.clone()));
    });
    found.expect("an archive")
}

fn history(world: &World, action: &str) -> String {
    world.sql(&format!(
        "SELECT source, process_date, outcome, attempt, message FROM audit_history
         WHERE action = '{action}' ORDER BY process_date, source"
    ))
}

#[test]
fn a_kept_file_has_heroku_s_bytes_and_its_checksum_is_recorded() {
    let world = World::with(three_months(), THREE_VIEWS);
    let kept = folder(&world, "kept");
    let report = all(&world, "--keep kept --source acme --source team-a", 0);
    let (file, checksum) = of_heroku(&world, JANUARY);
    let name = format!("acme-2023-01-{checksum}.json.gz");
    let files = files(&kept);
    assert_eq!(files.len(), 3);
    assert_eq!(files[&name], file);
    assert_eq!(hex::encode(Sha256::digest(&files[&name])), checksum);
    assert!(fs::metadata(kept.join(&name)).expect("it").permissions().readonly());
    let bytes = file.len();
    let facts = &report["archives"][0];
    assert_eq!(
        facts,
        &serde_json::json!({"account": "acme", "month": "2023-01",
            "source_names": ["acme", "team-a"],
            "bytes": bytes, "checksum": checksum, "kept_as": format!("kept/{name}"),
            "error": null})
    );
    let said =
        format!("the archive of 2023-01, sha256 {checksum}, {bytes} bytes, is kept as {name}");
    let entries = history(&world, "keep");
    let expected = ["acme", "team-a"].map(|source| format!("{source}|2023-01-01|kept|0|{said}"));
    assert!(entries.lines().take(2).eq(expected), "{entries}");
    assert_eq!(entries.lines().count(), 6);
    let read =
        format!("from the archive of 2023-01, sha256 {checksum}, {bytes} bytes, kept as {name}");
    assert!(history(&world, "publish").contains(&format!("acme|2023-01-05|synced|1|{read}\n")));
    // The seal says what Heroku said, and not where a file is.
    let sealed = world.sql(
        "SELECT sealed FROM audit_seals WHERE source = 'acme' AND process_date = '2023-01-05'",
    );
    let body = sealed.find(r#"{"archive""#).map(|at| sealed[at..].trim_end_matches(','));
    let body: Value = serde_json::from_str(body.expect("a body")).expect("JSON");
    let archive = serde_json::json!({"month": "2023-01", "checksum": checksum, "bytes": bytes});
    assert_eq!(body, serde_json::json!({ "archive": archive }));
    let shown = world.run("history --source acme --date 2023-01-01");
    assert!(shown.stdout.contains(&name), "{shown:#?}");
    assert_status(&world.run("verify"), 0);
}

#[test]
fn what_is_kept_is_checked_and_left_and_what_is_missing_is_downloaded() {
    let world = World::with(three_months(), ACME);
    let kept = folder(&world, "kept");
    // The days are complete by way of Heroku's lists.
    world.sync("--from 2023-01-01 --to 2023-03-31", 0);
    let seals = world.seals();
    all(&world, "--keep kept", 0);
    let first = files(&kept);
    assert_eq!((first.len(), downloads(&world)), (3, 3));
    assert_eq!(world.seals(), seals, "no day was read");
    let before = world.dump();
    let again = all(&world, "--keep kept", 0);
    assert_eq!((downloads(&world), world.dump()), (3, before.clone()));
    assert!(again["archives"][2]["kept_as"].is_string(), "{again:#}");
    // Heroku's list need not announce checksums.
    for month in 1..=3 {
        world.heroku.change_archive("acme", Month { year: 2023, month }, |archive| {
            archive.unlisted_fields = vec!["checksum".into(), "size".into()];
        });
    }
    all(&world, "--keep kept", 0);
    assert_eq!((downloads(&world), world.dump(), files(&kept)), (3, before, first.clone()));
    // A file that changed or went away is downloaded again, with a warning for the first.
    let names: Vec<&String> = first.keys().collect();
    for damaged in [&first[names[0]][1..], b"", b"other"] {
        fs::remove_file(kept.join(names[0])).expect("a file");
        fs::write(kept.join(names[0]), damaged).expect("room");
        let finished = world.run("backfill --via archive --all --keep kept");
        assert_status(&finished, 0);
        let words = "no longer have the SHA-256 in its name";
        assert!(finished.stderr.contains(words), "{finished:#?}");
        assert_eq!(files(&kept), first);
    }
    fs::remove_file(kept.join(names[1])).expect("a file");
    assert_status(
        &world.run("backfill --from 2023-02-01 --to 2023-02-03 --via archive --keep kept"),
        0,
    );
    assert_eq!(files(&kept), first);
}

#[test]
fn a_killed_run_leaves_no_half_file_and_its_history_is_completed() {
    let world = World::with(three_months(), ACME);
    let kept = folder(&world, "kept");
    all(&world, "--keep kept", 0);
    let before = files(&kept);
    // As after a kill between the file's name and its entry.
    world.sql("DELETE FROM audit_history WHERE action = 'keep' AND process_date = '2023-02-01'");
    fs::write(kept.join(".auditsync-keep-abandoned"), b"half").expect("room");
    all(&world, "--keep kept", 0);
    assert_eq!(files(&kept), before);
    assert_eq!(history(&world, "keep").lines().count(), 3);
    assert_eq!(downloads(&world), 3);
}

#[test]
fn no_day_is_published_from_an_archive_that_could_not_be_kept() {
    let world = World::with(three_months(), ACME);
    let kept = folder(&world, "kept");
    let february = world.heroku.hold(Match::path("/enterprise-accounts/acme/archives/2023/02"));
    let run = world.spawn("backfill --via archive --all --keep kept --output json");
    wait_for("the second month", || february.waiting() > 0);
    fs::rename(&kept, kept.with_file_name("away")).expect("a new name");
    february.release();
    let finished = run.wait();
    assert_status(&finished, 1);
    let report = finished.json();
    let totals = &report["totals"];
    assert_eq!((&totals["synced"], &totals["failed"]), (&31.into(), &59.into()));
    for archive in &report["archives"].as_array().expect("archives")[1..] {
        let error = archive["error"].as_str().expect("an error");
        assert!(error.contains("can't be kept in kept: No such file or directory"), "{error}");
        assert!(error.contains("Nothing of it was stored."), "{error}");
    }
    assert_eq!(world.sql("SELECT count(*) FROM audit_events_log"), "31", "no other day is claimed");
    // A month whose days are complete fails, too, if it can't be kept.
    fs::rename(kept.with_file_name("away"), &kept).expect("a new name");
    all(&world, "", 0);
    let march = world.heroku.hold(Match::path("/enterprise-accounts/acme/archives/2023/03"));
    let run = world.spawn("backfill --via archive --all --keep kept");
    wait_for("the third month", || march.waiting() > 0);
    fs::rename(&kept, kept.with_file_name("away")).expect("a new name");
    march.release();
    let finished = run.wait();
    assert_status(&finished, 1);
    assert!(
        finished.stdout.contains("acme 2023-03: the archive of 2023-03 can't be kept"),
        "{finished:#?}"
    );
    let failed = all(&world, "", 0);
    assert!(of_each_day(&failed, "outcome").iter().all(|outcome| outcome == "already_synced"));
}

#[test]
fn a_folder_that_takes_no_file_is_found_before_anything_is_requested() {
    let world = World::with(three_months(), ACME);
    let finished = world.run("backfill --via archive --all --keep /proc");
    assert_status(&finished, 1);
    assert!(
        finished.stderr.contains("--keep /proc: a file in this folder can't be written"),
        "{finished:#?}"
    );
    assert_eq!(world.heroku.requests().len(), 0);
}

#[test]
fn accounts_and_plain_files_keep_their_own_names() {
    let world = World::with(a_year(), &format!("{ACME}{GLOBEX}"));
    let kept = folder(&world, "kept");
    let plain = fake_heroku::gunzip(&of_heroku(&world, JANUARY).0).expect("gzip");
    world.heroku.put_archive("acme", JANUARY, plain.clone());
    world.heroku.put_archive("globex", JANUARY, pack(&[]));
    let command = format!("backfill {YEAR} --via archive --keep kept");
    assert_status(&world.run(&command), 0);
    let files = files(&kept);
    assert_eq!(files.len(), 24);
    let checksum = hex::encode(Sha256::digest(&plain));
    assert_eq!(files[&format!("acme-2023-01-{checksum}.json")], plain);
    assert!(files.keys().any(|name| name.starts_with("globex-2023-01-")));
}

#[test]
fn a_signal_names_each_archive_that_is_not_kept() {
    let world = World::with(three_months(), ACME);
    folder(&world, "kept");
    // The days are complete: only the files are wanted.
    world.sync("--from 2023-01-01 --to 2023-03-31", 0);
    let hold = world.heroku.hold(Match::download());
    let run = world.spawn("backfill --via archive --all --keep kept --output json");
    wait_for("the first download", || hold.waiting() > 0);
    run.signal("TERM");
    let finished = run.wait();
    assert_status(&finished, 143);
    let report = finished.json();
    let archives = report["archives"].as_array().expect("archives");
    let unkept = |archive: &&Value| archive["error"].is_string() && archive["kept_as"].is_null();
    assert_eq!(archives.iter().filter(unkept).count(), 3, "{report:#}");
}

#[test]
fn a_kept_archive_is_no_action_of_a_person_in_the_report() {
    let world = World::with(three_months(), ACME);
    folder(&world, "kept");
    all(&world, "--keep kept", 0);
    let page = world.run("report --from 2023-01-01 --to 2023-03-31 --out -");
    assert_status(&page, 0);
    let text = crate::report::words(&page.stdout);
    assert!(text.contains("The history has no action of a person on these days"), "{text}");
}

#[test]
fn what_is_in_the_way_of_a_kept_file_is_named_and_never_waited_for() {
    let world = World::with(three_months(), ACME);
    let kept = folder(&world, "kept");
    let name = format!("acme-2023-01-{}.json.gz", of_heroku(&world, JANUARY).1);
    let path = kept.join(&name);
    for (make, what) in [("mkdir", "a folder"), ("mkfifo", "no file")] {
        let made = std::process::Command::new(make).arg(&path).status().expect("a command");
        assert!(made.success(), "{make}");
        let report = all(&world, "--keep kept", 1);
        let errors: Vec<&str> = report["archives"]
            .as_array()
            .expect("archives")
            .iter()
            .filter_map(|archive| archive["error"].as_str())
            .collect();
        let [error] = errors[..] else { panic!("{errors:?}") };
        assert!(error.contains(&format!("{name} is there, and is {what}")), "{error}");
        assert!(error.contains("Move it away, or name another folder with --keep"), "{error}");
        assert_eq!(report["totals"]["failed"], 31, "{make}");
        let _ = fs::remove_dir(&path).or_else(|_| fs::remove_file(&path));
    }
    all(&world, "--keep kept", 0);
}
