//! Where the page goes, and which days it shows.

use std::fs;
use std::process::Command;

use crate::support::{ACME, Finished, World, yesterday};

use super::{assert_says, document, page, refused};

fn one_day() -> World {
    let world = World::busy(ACME);
    assert_eq!(world.run("").status, 0);
    world
}

#[test]
fn a_page_replaces_a_file_at_once_and_leaves_nothing_beside_it() {
    let world = one_day();
    let old = world.place("page.html", "old");
    fs::hard_link(&old, world.place("link.html", "") + ".old").expect("a link");
    let finished = world.run("report --out page.html");
    assert_eq!(finished.status, 0, "{finished:#?}");
    assert!(finished.stdout.starts_with("OK  1 source, complete through"), "{finished:#?}");
    assert!(finished.stdout.contains(" is in page.html.\n"), "{finished:#?}");
    let written = fs::read_to_string(&old).expect("the page");
    assert!(written.starts_with("<!doctype html>") && written.ends_with("</html>"), "{written}");
    // The old file was not written into: its other name still holds the old text.
    let kept = fs::read_to_string(world.place("link.html", "") + ".old");
    assert_eq!(kept.expect("the link"), "old");
    let folder = world.file().parent().expect("a folder").to_owned();
    let names = fs::read_dir(folder).expect("the folder").map(|entry| entry.unwrap().file_name());
    let beside = names.filter(|name| name.to_string_lossy().starts_with('.')).count();
    assert_eq!(beside, 0);
}

#[test]
fn a_page_without_a_place_is_refused_and_an_unwritable_one_fails() {
    let world = one_day();
    refused(&world, "--out no/page.html", 2, "there is no folder no; create it first");
    refused(&world, "--out .", 2, "is a folder");
    refused(&world, "--out /dev/full", 1, "/dev/full can't be written");
    refused(&world, "--out - --output json", 2, "--out - writes the page to stdout");
    refused(&world, "", 2, "--out <FILE>");
}

#[test]
fn a_device_is_written_to_and_never_replaced() {
    let world = one_day();
    let finished = world.run("report --out /dev/stdout");
    assert_eq!(finished.status, 0, "{finished:#?}");
    assert!(finished.stdout.starts_with("<!doctype html>"), "{finished:#?}");
}

#[test]
fn a_new_page_has_the_rights_that_the_umask_leaves() {
    let world = one_day();
    let mut program = world.command("");
    let shell = format!(
        "umask 027; {} report --out page.html && stat -c %a page.html",
        program.get_program().display()
    );
    let variables: Vec<_> = program
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .chain([("PATH".into(), "/usr/bin:/bin".into())])
        .collect();
    let folder = program.get_current_dir().expect("a folder").to_owned();
    program = Command::new("sh");
    program.args(["-c", &shell]).env_clear().envs(variables).current_dir(folder);
    let finished = Finished::of(&mut program);
    assert!(finished.stdout.ends_with("\n640\n"), "{finished:#?}");
}

#[test]
fn a_range_ends_yesterday_and_a_month_shows_its_days_that_are_over() {
    let world = one_day();
    let ends = |arguments: &str| {
        let document = document(&world, arguments);
        ["from", "to"].map(|key| document[key].as_str().expect("a date").to_owned())
    };
    let (day, ago) = (yesterday(), |days| (yesterday() - chrono::Days::new(days)).to_string());
    assert_eq!(ends(""), [ago(29), ago(0)]);
    assert_eq!(ends(&format!("--from {}", ago(3))), [ago(3), ago(0)]);
    assert_eq!(ends(&format!("--to {}", ago(3))), [ago(32), ago(3)]);
    assert_eq!(ends("--month 2024-02"), ["2024-02-01", "2024-02-29"]);
    let month = day.format("%Y-%m").to_string();
    assert_eq!(ends(&format!("--month {month}")), [format!("{month}-01"), day.to_string()]);
    let tomorrow = day + chrono::Days::new(2);
    refused(&world, &format!("--to {tomorrow} --out p"), 2, "is not over in UTC");
    refused(&world, "--month 2999-01 --out p", 2, "no day of 2999-01 is over");
    refused(&world, "--from 2024-09-02 --to 2024-09-01 --out p", 2, "is after --to 2024-09-01");
    refused(&world, "--from 2016-12-31 --out p", 2, "before 2017-01-01");
    refused(&world, "--month 2024-09 --to 2024-09-02 --out p", 2, "cannot be used with");
}

#[test]
fn a_removed_source_can_be_shown_and_an_unknown_one_exits_2() {
    let world = one_day();
    world.write_config(&ACME.replace("name = \"acme\"", "name = \"acme-prod\""));
    let page = page(&world, "--source acme");
    assert_says(&page, &format!("OK 1 source, complete through {}", yesterday()));
    assert_says(&page, "acme (not in the file)");
    refused(&world, "--source acme-prd --out p", 2, "acme-prod");
}

#[test]
fn a_range_that_no_source_must_cover_is_empty_and_verifies_nothing() {
    let world = one_day();
    let page = page(&world, "--month 2024-02");
    assert_says(&page, "EMPTY no source must cover a day of this range");
    assert_says(&page, "NOT VERIFIED No sealed day of the range was there to check.");
    assert_says(&page, "No event is stored of this range.");
}

#[test]
fn without_a_schema_it_says_so_and_leaves_the_database_empty() {
    let world = World::new(ACME);
    let before = world.dump();
    let finished = world.run("report --out page.html");
    assert_eq!(finished.status, 3, "{finished:#?}");
    assert_eq!(world.dump(), before);
}

#[test]
fn a_range_before_which_days_are_missing_says_so_in_its_first_line() {
    let world = World::busy(&format!("{ACME}since = \"2024-09-20\"\n"));
    world.sync("--date 2024-09-28", 0);
    let report = document(&world, "--from 2024-09-28 --to 2024-09-28");
    let said = "1 source, complete through 2024-09-28; 8 older days are not complete";
    assert_eq!((&report["verdict"], &report["summary"]), (&"ok".into(), &said.into()));
}

#[test]
fn the_command_of_the_page_leaves_out_what_a_process_is_reading() {
    let world = World::busy(ACME);
    world.sync("--from 2024-09-24 --to 2024-09-28", 0);
    world.sql(
        "DELETE FROM audit_events_log WHERE process_date = '2024-09-26';
         UPDATE audit_events_log SET status = 'FAILED' WHERE process_date = '2024-09-25';
         UPDATE audit_events_log SET status = 'PROCESSING', locked_by = 'run.1', synced_at = NULL,
             locked_until = clock_timestamp() + interval '1 h'
         WHERE process_date = '2024-09-24'",
    );
    let report = document(&world, "--from 2024-09-24 --to 2024-09-28");
    assert_eq!(
        report["summary"],
        "acme: 1 day missing, 1 day failed, 1 day syncing since 2024-09-24"
    );
    assert_eq!(
        report["command"],
        "auditsync backfill --source acme --from 2024-09-25 --to 2024-09-26"
    );
}
