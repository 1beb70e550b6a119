//! Archives that are missing, broken, rejected or not as described: each is reported, and no day
//! becomes complete.

use bytes::Bytes;
use fake_heroku::{Fault, Match, gzip};

use super::{DAYS, FIXTURE_DAYS, SEPTEMBER, backfill, reconcile};
use crate::support::{ACME, DAY, World, day};

#[test]
fn a_cut_file_or_a_wrong_checksum_leaves_only_due_days() {
    let world = World::new(ACME);
    world.heroku.fault(Match::download().times(3), Fault::EndBody { after_bytes: 5000 });
    let report = backfill(&world, &format!("--via archive {FIXTURE_DAYS}"), 1);
    let error = day(&report, "acme", DAY)["error"].as_str().expect("an error").to_owned();
    assert!(
        error.contains("the file's 5000 bytes have the SHA-256") && error.contains("3 attempts"),
        "{error}"
    );
    assert_eq!(world.sql("SELECT count(*) FROM audit_events"), "0");
    assert_eq!(world.sql("SELECT count(*) FROM audit_events_log WHERE status = 'SUCCESS'"), "0");

    world.heroku.fault(Match::download(), Fault::CutBody { after_bytes: 5000 });
    let report = backfill(&world, &format!("--via archive {FIXTURE_DAYS}"), 0);
    // It counts for the first of the days that it serves.
    let retries = DAYS.map(|date| day(&report, "acme", date)["retries"].as_u64());
    assert_eq!(retries, [1, 0, 0, 0].map(Some), "a download that breaks off is tried again");
    world.heroku.change_archive("acme", SEPTEMBER, |archive| archive.checksum = "0".repeat(64));
    let months = reconcile(&world, "", 1);
    assert!(
        months["months"][0]["error"].as_str().expect("an error").contains("is not the checksum"),
        "{months:#}"
    );
}

#[test]
fn a_file_that_is_no_archive_fails_its_days_despite_its_checksum() {
    for (file, expected) in [
        (gzip(b"{\"entries\":[{\"id\":\"a\",\"created_at\":\"2024-09-28T00:00:00Z\"}"), "cut off"),
        (gzip(b"<html>"), "not a JSON list"),
        (gzip(b"{\"entry\":[]}"), "has no list `entries`"),
        (gzip(b"[nonsense]"), "not JSON"),
        (Bytes::from_static(&[0x1f, 0x8b, 8, 0, 0, 0]), "can't be unpacked"),
    ] {
        let world = World::new(ACME);
        world.heroku.put_archive("acme", SEPTEMBER, file);
        let report = backfill(&world, "--via archive --from 2024-09-28 --to 2024-09-28", 1);
        let error = day(&report, "acme", DAY)["error"].as_str().expect("an error").to_owned();
        assert!(error.contains(expected), "{expected}: {error}");
        assert_eq!(world.sql("SELECT status FROM audit_events_log"), "FAILED");
    }
}

#[test]
fn an_impossible_archive_is_reported_and_the_days_stay_due() {
    let description = |text: &'static str| Fault::body(200, "application/json", text);
    let archives = || Match::path("/enterprise-accounts/acme/archives");
    for (matching, fault, expected) in [
        (archives(), description("{}"), "the archive has no url"),
        (
            archives(),
            description("{\"url\":\"there\",\"checksum\":\"00\"}"),
            "the archive's url is not an address",
        ),
        (
            archives(),
            description("{\"url\":\"ftp://a/b\",\"checksum\":\"00\"}"),
            "the archive's url is not https",
        ),
        (
            archives(),
            description("{\"url\":\"http://127.0.0.1:1/a\"}"),
            "the archive has no checksum",
        ),
        (Match::download(), Fault::body(204, "application/json", ""), "204"),
        (
            Match::download(),
            Fault::Redirect { location: "https://elsewhere.example/".to_owned() },
            "redirect",
        ),
    ] {
        let world = World::new(ACME);
        world.heroku.fault(matching.always(), fault);
        let report = backfill(&world, "--via archive --from 2024-09-28 --to 2024-09-28", 1);
        let error = day(&report, "acme", DAY)["error"].as_str().expect("an error").to_owned();
        assert!(error.contains(expected), "{expected}: {error}");
        let due = "SELECT count(*) FROM audit_events_log WHERE status NOT IN ('PENDING', 'FAILED')";
        assert_eq!(
            (world.sql(due), world.sql("SELECT count(*) FROM audit_events")),
            ("0".into(), "0".into()),
            "{expected}"
        );
    }
}

#[test]
fn a_month_that_can_not_be_compared_says_why_and_does_not_agree() {
    let world = World::new(ACME);
    world.sync("--date 2024-09-28", 0);
    world.heroku.put_archive("acme", SEPTEMBER, gzip(b"[nonsense]"));
    let report = reconcile(&world, "", 1);
    assert!(
        report["months"][0]["error"].as_str().is_some_and(|error| error.contains("not JSON")),
        "{report:#}"
    );
    world.heroku.make_archive("acme", SEPTEMBER);
    world.heroku.change_archive("acme", SEPTEMBER, |archive| {
        archive.created_at = "2024-09-01T12:00:00Z".to_owned();
    });
    let report = reconcile(&world, "", 1);
    let error = report["months"][0]["error"].as_str().expect("an error").to_owned();
    assert!(error.contains("covers no complete day"), "{error}");
}

#[test]
fn a_missing_or_forbidden_archive_is_reported_and_the_days_stay_due() {
    let world = World::new(ACME);
    let report = backfill(&world, "--via archive --from 2019-02-28 --to 2019-02-28", 1);
    let error = day(&report, "acme", "2019-02-28")["error"].as_str().expect("an error").to_owned();
    let why = "Heroku has no archive of 2019-02 for acme yet, or the user of the token in \
               HEROKU_API_TOKEN may not see it (404 not_found: ";
    assert!(error.starts_with(why), "{error}");
    assert!(
        error.contains("; GET /enterprise-accounts/acme/archives/2019/02, request "),
        "{error}"
    );
    let next = "). Heroku's list may have the day: `auditsync backfill --via api`";
    assert!(error.ends_with(next), "{error}");
    world.write_config(&format!("{ACME}since = \"2019-01-01\"\n"));
    assert_eq!(world.run("migrate").status, 0);
    let compared = world.run("reconcile --month 2019-02 --output json");
    assert_eq!(compared.status, 1, "{compared:#?}");
    let error = compared.json()["months"][0]["error"].as_str().expect("an error").to_owned();
    assert!(error.starts_with(&format!("nothing was compared, nothing changed: {why}")), "{error}");
    assert!(error.ends_with(')') && !error.contains("--via api"), "{error}");

    world.write_config(&ACME.replace("HEROKU_API_TOKEN", "ACME_VIEWER_TOKEN"));
    let report = backfill(&world, "--via archive --from 2024-09-28 --to 2024-09-28", 1);
    let error = day(&report, "acme", DAY)["error"].as_str().expect("an error").to_owned();
    assert!(error.contains("403 ") && error.contains("permission `manage`"), "{error}");
    assert_eq!(world.sql("SELECT count(*) FROM audit_events_log"), "0");
}
