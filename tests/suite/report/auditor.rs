//! What the auditor's part says: who compared, who confirmed, who acted, and on what.

use fake_heroku::{Fixtures, Model, Month};
use serde_json::Value;

use crate::support::{ACME, World, date, yesterday};

use super::{assert_says, keep, page};

const SEPTEMBER: Month = Month { year: 2024, month: 9 };

#[test]
fn empty_days_say_what_confirmed_them_and_what_nothing_confirmed() {
    let mut model: Model = Fixtures::committed().into();
    for day in ["2024-06-05", "2024-07-05", "2024-09-20"] {
        model.put_day("acme", date(day), Vec::new());
    }
    // June and July have no archive when they are read.
    model.make_archive("acme", SEPTEMBER);
    let world = World::with(model, ACME);
    for day in ["2024-06-05", "2024-07-05", "2024-09-20"] {
        world.sync(&format!("--date {day}"), 0);
    }
    let range = "--from 2024-06-05 --to 2024-09-30";
    let heading = "Days that nothing confirmed acme";
    let before = page(&world, range);
    assert_says(&before, &format!("{heading} 3 1 0 2 2024-06-05, 2024-07-05"));
    assert_says(&before, "No day of this range was compared.");

    world.heroku.make_archive("acme", Month { year: 2024, month: 6 });
    let reconciled = world.run("reconcile --source acme --month 2024-06");
    assert_eq!(reconciled.status, 0, "{reconciled:#?}");
    let after = page(&world, range);
    assert_says(&after, &format!("{heading} 3 1 1 1 2024-07-05"));
    assert_says(&after, "acme 2024-06 ");
}

#[test]
fn a_comparison_names_counts_differences_and_what_changed_since() {
    let world = World::new(ACME);
    world.sync("--date 2024-09-28", 0);
    let late = "{\"id\":\"late\",\"created_at\":\"2024-09-28T10:00:00Z\"}";
    world.heroku.add_event("acme", date("2024-09-28"), bytes::Bytes::from(late));
    world.heroku.make_archive("acme", SEPTEMBER);
    let reconciled = world.run("reconcile --source acme --month 2024-09");
    assert_eq!(reconciled.status, 1, "{reconciled:#?}");
    let range = "--from 2024-09-01 --to 2024-09-30";
    let before = page(&world, range);
    keep("comparisons.html", &before);
    let compared = |outcome: &str| {
        world.sql(&format!("SELECT count(*) FROM audit_history WHERE outcome = '{outcome}'"))
    };
    let (agree, differ) = (compared("agrees"), compared("differs"));
    let days = agree.parse::<u64>().expect("a number") + 1;
    assert_eq!(differ, "1");
    assert_says(&before, &format!("acme 2024-09 {days} {agree} 1 450"));
    assert_says(&before, "2024-09-28: archive 451 events, stored 450, missing here 1");
    let checksum = world.sql(
        "SELECT DISTINCT substring(message from 'sha256 (.*)') FROM audit_history
         WHERE action = 'reconcile'",
    );
    assert_says(&before, &checksum);
    assert!(!super::words(&before).contains("compare again"));

    assert_eq!(world.run("reset --source acme 2024-09-28").status, 0);
    world.sync("--date 2024-09-28", 0);
    assert_says(&page(&world, range), "1 day changed since then: compare again.");
}

#[test]
fn actions_of_people_are_listed_once_for_each_command_with_who_and_why() {
    let world = World::busy(ACME);
    world.sync("--from 2024-09-20 --to 2024-09-28", 0);
    let reset = "reset --source acme 2024-09-21..2024-09-24 --by ada --reason audit-17";
    assert_eq!(world.run(reset).status, 0);
    let shown = page(&world, "--from 2024-09-20 --to 2024-09-28");
    keep("actions.html", &shown);
    assert_says(&shown, "ada reset acme 2024-09-21..2024-09-24, 4 days was SUCCESS: audit-17");
    // A page on the days when it was done shows it too, although it was done to other days.
    world.sql(&format!("UPDATE audit_history SET at = '{}T10:00:00Z'", yesterday()));
    let today = page(&world, &format!("--from {0} --to {0}", yesterday()));
    assert_says(&today, "ada reset acme 2024-09-21..2024-09-24, 4 days was SUCCESS: audit-17");
    let other = page(&world, "--from 2024-10-01 --to 2024-10-02");
    assert_says(&other, "The history has no action of a person on these days, or during them.");
}

#[test]
fn events_about_the_recorder_s_own_app_are_listed_if_the_app_is_known() {
    let mut world = World::busy(ACME);
    world.sync("--date 2024-09-28", 0);
    let range = "--from 2024-09-28 --to 2024-09-28";
    assert_says(&page(&world, range), "It is not known which app runs auditsync");
    let name = world.sql(
        "SELECT app_name FROM audit_events WHERE app_name ~ '^[a-z-]+$' GROUP BY 1
         ORDER BY count(*) DESC, 1 LIMIT 1",
    );
    let found = world.sql(&format!("SELECT count(*) FROM audit_events WHERE app_name = '{name}'"));
    world.set("HEROKU_APP_NAME", &name);
    let shown = page(&world, range);
    keep("own-app.html", &shown);
    assert_says(&shown, &format!("The app is {name}."));
    assert_says(&shown, &format!("{found} events, newest first"));
    let actor = world.sql(&format!(
        "SELECT actor_email FROM audit_events WHERE app_name = '{name}' AND actor_email IS NOT NULL
         ORDER BY created_at DESC LIMIT 1"
    ));
    assert_says(&shown, &actor);
    world.set("HEROKU_APP_NAME", "nobody-names-this");
    assert_says(&page(&world, range), "No stored event of this range names this app.");
}

#[test]
fn the_source_is_named_as_it_was_requested_for_each_day() {
    let world = World::busy(ACME);
    world.sync("--from 2024-09-20 --to 2024-09-22", 0);
    world.write_config(&format!("{ACME}filter = {{ type = \"app\" }}\n"));
    world.sync("--from 2024-09-23 --to 2024-09-28", 0);
    let page = page(&world, "--from 2024-09-20 --to 2024-09-28");
    assert_says(&page, "account acme 3 days, 2024-09-20..2024-09-22");
    assert_says(&page, "account acme, only type app 6 days, 2024-09-23..2024-09-28");
    assert_says(&page, "The token's user not recorded");
    assert_says(&page, &format!("GET {}/enterprise-accounts/ACCOUNT", world.heroku.url()));
    assert_says(&page, "FROM audit_events_log");
}

#[test]
fn late_events_are_counted_with_their_share_and_age() {
    let world = World::busy(&format!("[sync]\nrecheck_after = []\n{ACME}"));
    let day = yesterday();
    world.sync("", 0);
    for n in 0..3 {
        let event = format!("{{\"id\":\"late{n}\",\"created_at\":\"{day}T10:00:00Z\"}}");
        world.heroku.add_event("acme", day, bytes::Bytes::from(event));
    }
    assert_eq!(world.run(&format!("reset --source acme {day}")).status, 0);
    world.sync("", 0);
    let page = page(&world, "");
    assert_says(&page, "Came late 3 events, found by rechecks");
    assert_says(&page, "3 events (75.00 %); half were found within");
}

#[test]
fn the_sql_of_the_page_can_be_read_and_pasted() {
    let world = World::busy(ACME);
    world.sync("--date 2024-09-28", 0);
    let page = page(&world, "--from 2024-09-28 --to 2024-09-28");
    let statements: Vec<&str> =
        page.split("<pre>").skip(1).filter_map(|rest| rest.split("</pre>").next()).collect();
    assert!(statements.len() > 5, "{page}");
    for statement in statements {
        let lines: Vec<&str> = statement.lines().collect();
        assert!(lines[0].starts_with("-- ") && lines.len() > 4, "{statement}");
        assert!(lines.iter().any(|line| line.starts_with("SELECT")), "{statement}");
        assert!(!statement.contains(r"\u{"), "{statement}");
    }
}

#[test]
fn the_place_of_the_compared_anchors_is_named() {
    let mut world = World::busy(&format!("{ACME}[evidence]\nsigning_key_env = \"KEY\"\n"));
    let key = world.run("keygen --name audit.example.com --output json").json();
    let key = key.as_object().expect("keys").values().filter_map(Value::as_str);
    let secret = key.into_iter().find(|key| key.starts_with("PRIVATE+KEY+")).expect("a key");
    world.set("KEY", secret);
    world.sync("--date 2024-09-28", 0);
    let page = page(&world, "--from 2024-09-28 --to 2024-09-28");
    assert_says(&page, "from database, up to seal");
}
