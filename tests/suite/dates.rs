//! Impossible dates: Heroku's audit trail begins on 2017-01-01, and a typing error must not become
//! a day.

use std::path::Path;

use crate::support::{ACME, DAY, World, day, yesterday};

const BEGINS: &str = "Heroku's audit trail begins on 2017-01-01";

/// Every option and argument that takes a day that is over, with `{}` in place of the day.
const DATED: [&str; 18] = [
    "--date {}",
    "sync --date {}",
    "sync --dry-run --date {}",
    "sync --from {}",
    "sync --from {} --to 2024-09-28",
    "sync --from {} --to {}",
    "backfill --from {} --to 2024-09-28",
    "backfill --from {}",
    "backfill --from 2024-09-28 --to {} --plan",
    "backfill --from {} --to {} --via archive",
    "reset --source acme {}",
    "reset --source acme 2024-09-28 {}..2024-09-28",
    "history --date {}",
    "verify --from {}",
    "verify --to {}",
    "export --from {}",
    "report --from {} --out -",
    "report --to {} --out -",
];

/// Runs the command and checks that it rejects the date: exit status 2, no request, nothing
/// written.
fn assert_rejected(world: &World, command: &str, said: &str) {
    let finished = world.run(command);
    assert_eq!(finished.status, 2, "{command}: {finished:#?}");
    assert!(finished.stderr.contains(said), "{command}: {finished:#?}");
}

#[test]
fn each_option_and_argument_rejects_days_before_the_audit_trail() {
    let world = World::new(ACME);
    assert_eq!(world.run("migrate").status, 0);
    let empty = world.dump();
    for command in DATED {
        for date in
            ["2016-12-31", "1024-09-28", "0001-01-01", "0000-12-31", "1999-09-28", "-36500d"]
        {
            assert_rejected(&world, &command.replace("{}", date), BEGINS);
        }
    }
    for month in ["2016-12", "1024-09", "0001-01"] {
        assert_rejected(&world, &format!("reconcile --month {month}"), BEGINS);
        assert_rejected(&world, &format!("reconcile --month {month} --repair"), BEGINS);
    }
    assert_eq!((world.dump(), world.heroku.requests().len()), (empty, 0));
}

#[test]
fn each_option_and_argument_rejects_today_and_days_to_come() {
    let world = World::new(ACME);
    assert_eq!(world.run("migrate").status, 0);
    let before = world.dump();
    let today = yesterday() + chrono::Days::new(1);
    for command in DATED {
        let command = command.replace("{}..2024-09-28", "2024-09-28..{}");
        for date in ["today", "-0d", "2099-01-01", &today.to_string()] {
            // A range that also ends before it begins is rejected for that reason.
            let said = if command.ends_with("--to 2024-09-28") { "" } else { "is not over in UTC" };
            assert_rejected(&world, &command.replace("{}", date), said);
        }
    }
    assert_eq!((world.dump(), world.heroku.requests().len()), (before, 0));
}

#[test]
fn each_option_and_argument_takes_yesterday_and_days_ago() {
    let world = World::busy(ACME);
    world.sync("--from -7d", 0);
    for command in DATED {
        let command = command.replace("{}..2024-09-28", "-7d..{}");
        if command.contains("--to 2024") || command.contains("--from 2024") {
            continue;
        }
        for date in ["yesterday", "-1d", "-7d"] {
            let command = command.replace("{}", date);
            let finished = world.run(&command);
            let is_read = !finished.stderr.contains("invalid value") && finished.status != 2;
            // The archive of this month does not exist.
            assert!(is_read, "{command}: {finished:#?}");
        }
    }
}

#[test]
fn to_defaults_to_yesterday_and_an_age_swallows_no_option() {
    let world = World::busy(ACME);
    let report = world.sync("--from -3d --source acme", 0);
    let days: Vec<String> = crate::support::of_each_day(&report, "date")
        .iter()
        .map(|date| date.as_str().expect("a date").to_owned())
        .collect();
    let ago = |days| (yesterday() - chrono::Days::new(days)).to_string();
    assert_eq!(days, [ago(2), ago(1), ago(0)]);
    let reset = world.run("reset -2d --source acme -3d --reason -7d --by ada --output json");
    assert_eq!(reset.status, 0, "{reset:#?}");
    assert_eq!(crate::support::of_each_day(&reset.json(), "date").len(), 2);
    let backfill = world.run("backfill --from -3d --plan --output json").json();
    assert_eq!(backfill["due_days"], 2);
    let missing = world.run("sync --from --to yesterday");
    assert_eq!(missing.status, 2);
    assert!(missing.stderr.contains("a value is required for '--from <DATE>'"), "{missing:#?}");
    let wrong = world.run("sync --from -7days");
    assert!(wrong.stderr.contains("invalid value '-7days' for '--from"), "{wrong:#?}");
}

#[test]
fn a_day_that_does_not_exist_is_rejected_with_the_reason() {
    let world = World::new(ACME);
    for command in DATED {
        for (date, said) in [
            ("2024-02-30", "February 2024 has 29 days"),
            ("2023-02-29", "February 2023 has 28 days"),
            ("2024-13-01", "there is no month 13"),
            ("28.9.2024", "as YYYY-MM-DD"),
            ("+2024-09-28", "as YYYY-MM-DD"),
        ] {
            assert_rejected(&world, &command.replace("{}", date), said);
        }
    }
}

#[test]
fn the_first_day_of_the_audit_trail_is_accepted_everywhere() {
    let world = World::new(ACME);
    assert_eq!(world.run("sync --date 2017-01-01").status, 0);
    assert_eq!(
        world.sql("SELECT process_date, status FROM audit_events_log"),
        "2017-01-01|SUCCESS"
    );
    for command in ["backfill --from 2017-01-01 --to 2017-01-02", "history --date 2017-01-01"] {
        assert_eq!(world.run(command).status, 0, "{command}");
    }
    assert_eq!(world.run("reset --source acme 2017-01-01..2017-01-02").status, 0);
    world.write_config(&format!("{ACME}since = \"2017-01-01\"\n"));
    assert_eq!(world.run("status").status, 0);
}

#[test]
fn since_before_the_audit_trail_is_an_error_with_its_line() {
    let world = World::new(ACME);
    for since in ["\"2016-12-31\"", "2016-12-31", "\"1024-09-28\"", "1970-01-01"] {
        world.write_file(&format!("{}since = {since}\n", ACME.trim_start()));
        let finished = world.run("status");
        assert_eq!(finished.status, 2, "{since}: {finished:#?}");
        assert!(
            finished.stderr.contains(BEGINS) && finished.stderr.contains("5 | since"),
            "{since}: {finished:#?}"
        );
    }
}

/// Inserts ledger rows that only a typing error, an older program or a person can have written.
fn with_slips(world: &World) {
    world.sql(
        "INSERT INTO audit_events_log (source, process_date, status, attempt, events_count,
         synced_at, settled_at, updated_at)
         SELECT 'acme', date::date, status, 1, 1000, synced_at, synced_at, clock_timestamp()
         FROM (VALUES ('1024-09-28', 'SUCCESS', now()), ('0001-01-01', 'FAILED', NULL),
         ('2016-12-31', 'PENDING', NULL),
                      ('1970-01-01', 'PROCESSING', NULL), ('1999-12-31', 'SUCCESS', NULL),
                      ('1024-09-29', 'PENDING', NULL),
                      ('-infinity', 'PENDING', NULL), ('infinity', 'SUCCESS', now()),
                      ('4713-01-01 BC', 'PENDING', NULL))
              AS slip (date, status, synced_at);
         INSERT INTO audit_history (run_id, source, process_date, attempt, action, outcome,
         late_events, by)
         SELECT gen_random_uuid(), 'acme', date::date, 1, 'publish', 'synced', 5, 'x'
         FROM (VALUES ('1024-09-28'), ('infinity')) AS slip (date)",
    );
}

#[test]
fn coverage_ignores_rows_before_the_audit_trail() {
    let world = World::new(ACME);
    let first = yesterday() - chrono::Days::new(2);
    world.sync(&format!("--from {first} --to {}", yesterday()), 0);
    let of = |world: &World| {
        let finished = world.run("status --days 36600 --check --output json");
        assert_eq!(finished.status, 0, "{finished:#?}");
        let mut status = finished.json();
        status["sources"][0]["lag_seconds"] = 0.into();
        status["checked_at"] = 0.into();
        status
    };
    let before = of(&world);
    assert_eq!(
        (&before["sources"][0]["missing"], &before["sources"][0]["events"]),
        (&0.into(), &0.into())
    );
    with_slips(&world);
    assert_eq!(of(&world), before);
    let text = world.run("status --days 36600").stdout;
    assert!(
        !text.contains("1024") && !text.contains("missing") && text.contains("From 2017-01-01 to"),
        "{text}"
    );
}

#[test]
fn a_run_neither_requests_nor_changes_days_before_the_audit_trail() {
    let world = World::new(&format!("[sync]\ncatch_up_days = 3650\n{ACME}"));
    world.sync(&format!("--date {}", yesterday()), 0);
    with_slips(&world);
    world.heroku.forget_requests();
    let rows = "SELECT * FROM audit_events_log WHERE process_date <> current_date - 1 \
        ORDER BY process_date";
    let before = world.sql(rows);
    for command in ["", "--dry-run"] {
        let report = world.sync(command, 0);
        assert_eq!(report["days"].as_array().map(Vec::len), Some(1), "{report:#}");
    }
    assert_eq!(world.sql(rows), before);
    assert_eq!(world.heroku.requests().len(), 0);
}

#[test]
fn a_row_in_the_future_makes_no_day_missing() {
    let world = World::new(ACME);
    let last = yesterday();
    world.sync(&format!("--date {last}"), 0);
    world.sql(
        "INSERT INTO audit_events_log (source, process_date, status) \
        VALUES ('acme', '2124-09-28', 'PENDING')",
    );
    for sources in [
        ACME.to_owned(),
        format!("{ACME}enabled = false\n"),
        ACME.replace("\"acme\"\naccount", "\"b\"\naccount"),
    ] {
        world.write_config(&sources);
        let status = world.run("status --source acme --output json").json();
        let acme = &status["sources"][0];
        assert_eq!((&acme["source"], &acme["missing"]), (&"acme".into(), &0.into()), "{status:#}");
        assert_eq!(acme["covered_to"], last.to_string());
    }
}

#[test]
fn every_statement_that_bounds_a_date_names_the_same_first_day() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/sql");
    let mut bounded = 0;
    for entry in std::fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        // The history is shown with any day that the program can represent.
        if path.ends_with("history.sql") || path.ends_with("report_actions.sql") {
            continue;
        }
        let sql = std::fs::read_to_string(&path).expect("a statement");
        let quoted = sql
            .lines()
            .filter(|line| !line.trim_start().starts_with("--"))
            .flat_map(|line| line.split('\''));
        let is_date = |word: &&str| word.parse::<chrono::NaiveDate>().is_ok();
        for date in quoted.filter(is_date).filter(|date| *date != "9999-12-31") {
            assert_eq!(
                date,
                auditsync::calendar::AUDIT_TRAIL_BEGINS.to_string(),
                "{}",
                path.display()
            );
            bounded += 1;
        }
    }
    assert!(bounded >= 8, "{bounded} bounds");
}

#[test]
fn a_named_day_is_synced_as_before() {
    let world = World::new(ACME);
    let report = world.sync("--date 2024-09-28", 0);
    assert_eq!(day(&report, "acme", DAY)["outcome"], "synced");
}
