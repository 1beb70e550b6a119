//! Archives without the time when Heroku made them: their days become complete only as far as the
//! file itself proves it. And lists of archives with an odd element.

use bytes::Bytes;
use chrono::{Datelike as _, Days, NaiveDate};
use fake_heroku::{Archive, Fault, Match, Month, pack};
use serde_json::{Value, json};

use super::{a_year, all, all_days, assert_status, recent, today};
use crate::support::{ACME, World, date, day};

const MAY: Month = Month { year: 2023, month: 5 };

/// What Heroku may say of an archive's time, besides a time.
fn no_times() -> Vec<Option<Value>> {
    let odd = [json!(null), json!(""), json!("soon"), json!("2023-06-01"), json!(1_685_577_600)];
    odd.into_iter()
        .map(Some)
        .chain([None, Some(json!({})), Some(json!("2999-01-01T00:00:00Z"))])
        .collect()
}

/// Makes Heroku say this of the time of an archive, in its list and on its own page.
fn say(world: &World, month: Month, created_at: Option<&Value>) {
    world.heroku.change_archive("acme", month, |archive: &mut Archive| {
        archive.unlisted_fields = vec!["created_at".to_owned()];
        archive.page_fields = vec![("created_at".to_owned(), created_at.cloned())];
    });
}

/// The complete days of a month in the ledger.
fn complete(world: &World, month: NaiveDate) -> String {
    world.sql(&format!(
        "SELECT count(*) FROM audit_events_log
         WHERE status = 'SUCCESS' AND date_trunc('month', process_date) = '{month}'"
    ))
}

#[test]
fn an_archive_of_the_current_month_without_a_time_completes_no_day() {
    let world = World::with(recent(), ACME);
    let month = Month::of(today());
    let first = today().with_day(1).expect("every month has one");
    let begun = first.iter_days().take_while(|date| *date < today()).count();
    for created_at in no_times() {
        say(&world, month, created_at.as_ref());
        let status = i32::from(begun > 0);
        let report = all(&world, "", status);
        assert_eq!(complete(&world, first), "0", "{created_at:?}");
        for date in first.iter_days().take(begun) {
            let error = day(&report, "acme", &date.to_string())["error"].as_str().expect("one");
            let said = "that it made this archive at a time that has not come yet";
            assert!(
                error.contains("Heroku does not say when it made this archive")
                    || error.contains(said),
                "{error}"
            );
            assert!(error.contains("proves no complete day"), "{error}");
            assert!(error.contains("`auditsync backfill --via api`"), "{error}");
        }
    }
    // The lists have the days, and the months before are there.
    if begun > 0 {
        let last = today() - Days::new(1);
        assert_status(&world.run(&format!("backfill --from {first} --to {last}")), 0);
    }
    assert_eq!(all(&world, "", 0)["totals"]["already_synced"], all_days());
}

#[test]
fn a_comparison_with_an_archive_without_a_time_agrees_on_nothing() {
    let world = World::with(recent(), ACME);
    let month = Month::of(today());
    let (first, last) = (today().with_day(1).expect("one"), today() - Days::new(1));
    if first > last {
        // No day of the current month is over yet.
        return;
    }
    assert_status(&world.run(&format!("backfill --from {first} --to {last}")), 0);
    say(&world, month, None);
    let name = first.format("%Y-%m").to_string();
    for command in ["--all".to_owned(), format!("--month {name}")] {
        let finished = world.run(&format!("reconcile --output json {command}"));
        assert_status(&finished, 1);
        let report = finished.json();
        let months = report["months"].as_array().expect("months");
        let found = months.iter().find(|found| found["month"] == *name).expect("the month");
        assert_eq!((&found["agrees"], &found["days"]), (&Value::Null, &json!([])));
        let error = found["error"].as_str().expect("an error");
        assert!(error.contains("Heroku does not say when it made this archive"), "{error}");
        assert!(error.contains("`auditsync backfill --via api`"), "{error}");
    }
}

#[test]
fn a_past_archive_without_a_time_covers_days_before_its_newest_event() {
    let world = World::with(a_year(), ACME);
    // Heroku made it on the 20th, and has not made it again.
    let until = |last: &str| -> Vec<Bytes> {
        let days = date("2023-05-01").iter_days().take_while(|day| *day <= date(last));
        days.flat_map(|day| world.heroku.day("acme", day)).collect()
    };
    let mut events = until("2023-05-20");
    // An event of another month tells nothing of the month's days.
    events.push(Bytes::from_static(br#"{"id":"stray","created_at":"2023-06-02T00:00:00Z"}"#));
    world.heroku.put_archive("acme", MAY, pack(&events));
    for created_at in [None, Some(json!("soon"))] {
        say(&world, MAY, created_at.as_ref());
        let report = all(&world, "", 1);
        assert_eq!(complete(&world, date("2023-05-01")), "19");
        let error = day(&report, "acme", "2023-05-20")["error"].as_str().expect("an error");
        assert!(
            error.contains(
                "Heroku does not say when it made this archive (2023-05), so it proves complete \
                 days up to 2023-05-19 only"
            ),
            "{error}"
        );
    }
    let settled = "SELECT max(read_at) FROM (SELECT split_part(sealed, '27:2023', 2) AS read_at
                   FROM audit_seals WHERE kind = 'day' AND process_date = '2023-05-19') AS s";
    assert!(world.sql(settled).starts_with("-05-20T"), "as of the newest event");
    let report = world.run("reconcile --month 2023-05 --output json");
    let month = &report.json()["months"][0];
    assert_eq!(
        (&month["covers_month"], month["days"].as_array().map(Vec::len)),
        (&false.into(), Some(19)),
        "{month:#}"
    );
    // With a time, it covers what it covers.
    world.heroku.put_archive("acme", MAY, pack(&until("2023-05-31")));
    all(&world, "", 0);
    assert_eq!(complete(&world, date("2023-05-01")), "31");
}

#[test]
fn an_empty_archive_without_a_time_covers_nothing() {
    let world = World::with(a_year(), ACME);
    world.heroku.put_archive("acme", MAY, pack(&[]));
    say(&world, MAY, None);
    let report = all(&world, "", 1);
    assert_eq!(report["totals"]["failed"], 31);
    assert_eq!(complete(&world, date("2023-05-01")), "0");
}

#[test]
fn an_archive_without_a_time_neither_confirms_nor_denies_an_empty_day() {
    let world = World::with(a_year(), ACME);
    let (before, after) = ("2023-05-10", "2023-05-25");
    for empty in [before, after] {
        world.heroku.put_day("acme", date(empty), vec![]);
    }
    let days = date("2023-05-01").iter_days().take(20);
    let events: Vec<Bytes> = days.flat_map(|day| world.heroku.day("acme", day)).collect();
    world.heroku.put_archive("acme", MAY, pack(&events));
    say(&world, MAY, None);
    let finished = world.run(&format!("--date {after}"));
    assert_status(&finished, 0);
    assert!(finished.stderr.contains("its archive proves nothing of it"), "{finished:#?}");
    let confirmed = "SELECT count(*) FROM audit_history WHERE action = 'confirm'";
    assert_eq!(world.sql(confirmed), "0");
    world.sync(&format!("--date {before}"), 0);
    assert_eq!(world.sql(confirmed), "1", "a day before the newest event");
}

#[test]
fn odd_elements_of_the_list_hide_no_other_month_and_are_reported() {
    let world = World::with(a_year(), ACME);
    let months = (1..=12).map(|month| json!({"year": 2023, "month": format!("{month:02}")}));
    let mut elements: Vec<Value> = months.collect();
    let odd = [
        json!({"year": 2016, "month": "12", "url": "https://secret.example/odd"}),
        json!({"year": "x"}),
        json!({"year": 2023, "month": 13}),
        json!(null),
    ];
    elements.splice(3..3, odd);
    // The next request for archives is the one for the list.
    let spoil = || {
        let body = Fault::Body {
            status: 200,
            content_type: "application/json".to_owned(),
            bytes: Bytes::from(serde_json::to_vec(&elements).expect("JSON")),
        };
        world.heroku.fault(Match::path("/enterprise-accounts/acme/archives"), body);
    };
    spoil();
    let report = all(&world, "", 1);
    assert_eq!(report["totals"]["synced"], 365);
    let archives = report["archives"].as_array().expect("archives");
    let errors: Vec<&str> =
        archives.iter().filter_map(|archive| archive["error"].as_str()).collect();
    let [error] = errors[..] else { panic!("{errors:?}") };
    assert!(error.contains("names 4 archives whose month is none of the audit trail"), "{error}");
    assert!(error.contains("2016-12") && error.contains("year `x`, month missing"), "{error}");
    spoil();
    let compared = world.run("reconcile --all --output json");
    assert_status(&compared, 1);
    let months = compared.json()["months"].as_array().expect("months").clone();
    assert_eq!(months.iter().filter(|month| month["agrees"] == true).count(), 12);
    let odd = months.iter().find(|month| month["month"].is_null()).expect("one without a month");
    assert!(odd["error"].as_str().expect("an error").contains("names 4 archives"), "{odd:#}");
    spoil();
    let checked = world.run("check");
    assert_status(&checked, 0);
    assert!(checked.stdout.contains("names 4 archives"), "{checked:#?}");
}
