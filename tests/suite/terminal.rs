//! What a person at a terminal sees: the progress of a run, shown nowhere else.

use fake_heroku::{Fault, Match};

use crate::support::screen::Screen;
use crate::support::{ACME, World, note, wait_for};

const WIDE: (u16, u16) = (600, 250);
const NARROW: (u16, u16) = (24, 80);
const ON_DAY: &str = "sync --date 2024-09-28";

/// Whether a text contains the code of a colour, which is not that of a movement.
fn is_colored(raw: &str) -> bool {
    raw.split("\u{1b}[").skip(1).any(|code| {
        code.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m')
    })
}

#[test]
fn live_lines_show_each_day_s_progress_and_the_last_one_the_totals() {
    let world = World::new(ACME);
    let hold = world.heroku.hold(Match::events("acme"));
    let screen = Screen::start(&world.command("sync --from 2024-09-27 --to 2024-09-28"), NARROW);
    screen.wait_for(&["2024-09-27 acme", "0 events, 0 pages"]);
    screen.wait_for(&["2024-09-28 acme", "0 events"]);
    screen.wait_for(&["0 of 2 days", " so far"]);
    assert!(
        !screen.lines().iter().any(|line| line.contains(" left")),
        "there is nothing to tell it by: {:#?}",
        screen.lines()
    );
    note(&screen.lines().join("\n"));
    hold.release();
    let shown = screen.end();
    assert_eq!(shown.status, Some(0), "{:#?}", shown.lines);
    assert!(
        !shown.lines.iter().any(|line| line.contains("of 2 days")),
        "nothing of it stays: {:#?}",
        shown.lines
    );
    assert!(shown.lines.iter().any(|line| line.starts_with("2 days synced")), "{:#?}", shown.lines);
}

#[test]
fn live_lines_do_not_tear_the_lines_of_the_log() {
    let world = World::new(ACME);
    let hold = world.heroku.hold(Match::events("acme"));
    let screen = Screen::start(&world.command(&format!("-v {ON_DAY}")), WIDE);
    screen.wait_for(&["2024-09-28 acme"]);
    hold.release();
    let shown = screen.end();
    let logged: Vec<_> = shown.lines.iter().filter(|line| line.contains(" new event")).collect();
    assert_eq!(logged.len(), 450);
    for line in logged {
        let is_complete = line.starts_with("20")
            && line.contains("Z INFO    new event source=acme created_at=")
            && line.contains(" id=");
        assert!(is_complete && !line.contains("0 events"), "{line:?}");
    }
}

#[test]
fn waits_for_a_retry_and_for_the_budget_are_shown() {
    let retry = "[retry]\nmax_attempts = 3\ninitial_interval = \"25s\"\njitter = 0.0\n";
    let world = World::new(&format!("{retry}{ACME}"));
    world.heroku.fault(Match::events("acme"), Fault::status(503, "unavailable", "Try later."));
    let screen = Screen::start(&world.command(ON_DAY), NARROW);
    screen.wait_for(&["2024-09-28 acme", "retrying in 24 s"]);
    note(&screen.lines().join("\n"));
    screen.terminate();
    assert_eq!(screen.end().status, Some(143));

    let world = World::new(&format!("[rate_limit]\nrequests_per_hour = 60\nburst = 1\n{ACME}"));
    let screen = Screen::start(&world.command("sync --from 2024-09-27 --to 2024-09-28"), NARROW);
    screen.wait_for(&["acme", "waiting for the token's budget"]);
    screen.wait_for(&["1 of 2 days", " left"]);
    note(&screen.lines().join("\n"));
    screen.terminate();
    assert_eq!(screen.end().status, Some(143));
}

#[test]
fn a_pipe_gets_no_live_lines_or_colors_and_quiet_no_live_lines() {
    let world = World::new(ACME);
    let piped = world.run(ON_DAY);
    assert!(!format!("{}{}", piped.stdout, piped.stderr).contains('\u{1b}'), "{piped:#?}");
    assert!(!piped.stderr.contains(" of 1 day") && !piped.stderr.contains("0 pages"), "{piped:#?}");
    let hold = world.heroku.hold(Match::events("acme"));
    assert_eq!(world.run("reset --source acme 2024-09-28").status, 0);
    let screen = Screen::start(&world.command("-q"), NARROW);
    wait_for("the request for the day", || hold.waiting() > 0);
    assert_eq!(screen.lines(), Vec::<String>::new());
    hold.release();
    let shown = screen.end();
    assert!(!shown.raw.contains(" so far") && !shown.raw.contains("0 pages"), "{:?}", shown.raw);
}

#[test]
fn no_color_removes_all_colors_that_a_terminal_gets() {
    let mut world = World::new(ACME);
    let sync = format!("-v {ON_DAY}");
    let colored = Screen::start(&world.command(&sync), WIDE).end();
    assert!(is_colored(&colored.raw), "{:?}", colored.raw);
    world.set("NO_COLOR", "1");
    for force in ["", "1"] {
        world.set("CLICOLOR_FORCE", force);
        for arguments in [&*sync, "status", "--help", "--no-such-option"] {
            let plain = Screen::start(&world.command(arguments), WIDE).end();
            assert!(plain.raw.contains("day done") || arguments != sync, "{:?}", plain.raw);
            assert!(!is_colored(&plain.raw), "{arguments}: {:?}", plain.raw);
        }
    }
}

#[test]
fn a_dumb_terminal_gets_text_alone() {
    for name in ["dumb", ""] {
        let mut world = World::new(ACME);
        world.set("TERM", name);
        world.set("CLICOLOR_FORCE", "1");
        for arguments in
            [&*format!("-v {ON_DAY}"), "verify", "status", "--help", "--no-such-option"]
        {
            let shown = Screen::start(&world.command(arguments), NARROW).end();
            assert!(!shown.raw.contains('\u{1b}') && !shown.raw.is_empty(), "{:?}", shown.raw);
        }
    }
}

#[test]
fn no_variable_forces_colors_into_a_pipe() {
    let mut world = World::new(ACME);
    for name in ["CLICOLOR_FORCE", "CLICOLOR", "FORCE_COLOR"] {
        world.set(name, "1");
    }
    for arguments in [ON_DAY, "status", "--help", "--no-such-option", "-c nowhere.toml"] {
        let piped = world.run(arguments);
        assert!(!format!("{}{}", piped.stdout, piped.stderr).contains('\u{1b}'), "{piped:#?}");
    }
}

#[test]
fn a_terminal_gets_the_result_and_warnings_and_v_the_rest() {
    let retry = "[retry]\ninitial_interval = \"1ms\"\njitter = 0.0\n";
    let world = World::new(&format!("{retry}{ACME}"));
    world.heroku.fault(Match::events("acme"), Fault::status(503, "unavailable", "Try later."));
    let shown = Screen::start(&world.command(ON_DAY), (600, 120)).end();
    assert!(!shown.raw.contains("INFO"), "{:?}", shown.raw);
    assert!(shown.raw.contains("WARNING") && shown.raw.contains("Try later."), "{:?}", shown.raw);
    let last = shown.lines.last().expect("a line");
    assert!(shown.raw.contains("Head: 2:") && last.contains("auditsync "), "{:?}", shown.lines);
    let status = Screen::start(&world.command("-v status"), WIDE).end();
    assert!(!status.raw.contains("DEBUG") && !status.raw.contains("TRACE"), "{:?}", status.raw);
    let verbose = Screen::start(&world.command(&format!("-v {ON_DAY}")), WIDE).end();
    assert!(verbose.raw.contains(" run finished "), "{:?}", verbose.raw);
    assert!(world.run(ON_DAY).stderr.contains("run finished"), "a drain gets all of it");
}

#[test]
fn a_terminal_shows_the_reason_of_failed_days_once_and_a_pipe_each_day() {
    let world = World::new(ACME);
    world.heroku.revoke("HRKU-demo-acme-0001-not-a-secret");
    let sync = "sync --from 2024-09-20 --to 2024-09-22";
    let shown = Screen::start(&world.command(sync), WIDE).end();
    assert!(!shown.raw.contains("day not done"), "{:?}", shown.raw);
    assert_eq!(shown.raw.matches("Heroku refused the token").count(), 1, "{:?}", shown.raw);
    let verbose = Screen::start(&world.command(&format!("-v {sync}")), WIDE).end();
    assert_eq!(verbose.raw.matches("day not done").count(), 3, "{:?}", verbose.raw);
    let piped = world.run(sync).stderr;
    assert_eq!(piped.matches("level=ERROR target=auditsync message=\"day not done\"").count(), 3);
}

#[test]
fn a_warning_of_the_log_wraps_at_words() {
    let retry = "[retry]\ninitial_interval = \"1ms\"\njitter = 0.0\n";
    let mut world = World::new(&format!("{retry}{ACME}"));
    world.set("TERM", "dumb");
    world.heroku.fault(Match::events("acme"), Fault::status(503, "unavailable", "Try later."));
    let shown = Screen::start(&world.command(ON_DAY), NARROW).end();
    let warning = shown.raw.split("SOURCE").next().expect("the log");
    assert!(warning.contains(" WARNING ") && warning.len() > 80, "{:?}", shown.raw);
    assert!(warning.lines().all(|line| line.chars().count() <= 80), "{:?}", shown.raw);
}

#[test]
fn a_narrow_status_drops_what_is_zero_before_what_is_not() {
    let world = World::new(ACME);
    assert_eq!(world.run("migrate").status, 0);
    world.sql(
        "INSERT INTO audit_events_log (source, process_date, status, events_count, attempt, scope,
                                       synced_at, locked_by, locked_until)
         SELECT 'acme', current_date - age, CASE age WHEN 2 THEN 'PROCESSING' ELSE 'SUCCESS' END, 5,
                1, '{\"account\": \"acme\"}', CASE WHEN age <> 2 THEN clock_timestamp() END,
                CASE age WHEN 2 THEN 'run.1' END, clock_timestamp() + interval '1 h'
         FROM generate_series(1, 9) AS age",
    );
    let shown = Screen::start(&world.command("status"), (60, 80)).end();
    let heading = shown.lines.iter().find(|line| line.starts_with("SOURCE")).expect("a table");
    let headings: Vec<&str> = heading.split_whitespace().collect();
    assert!(headings.contains(&"SYNCING") && headings.contains(&"SINCE"), "{heading}");
    assert!(!headings.contains(&"ADOPTED"), "{heading}");
}

#[test]
fn records_in_a_file_leave_their_summary_on_the_terminal() {
    let world = World::new(ACME);
    world.sync("--date 2024-09-28", 0);
    let export = world.command("export --from 2024-09-28 --to 2024-09-28");
    let mut shell = std::process::Command::new("/bin/sh");
    shell.args(["-c", "exec \"$0\" \"$@\" > out"]).arg(export.get_program());
    shell.args(export.get_args()).current_dir(export.get_current_dir().expect("a folder"));
    shell.envs(export.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let shown = Screen::start(&shell, NARROW).end();
    assert_eq!(shown.status, Some(0), "{shown:#?}");
    assert!(shown.lines[0].starts_with("Exported 450 events of 1 complete day"), "{shown:#?}");
    assert!(!shown.raw.contains("INFO"), "{shown:#?}");
    assert!(world.run("export --from 2024-09-28 --to 2024-09-28").stderr.contains("finished"));
}

/// The lines of a table and of the text around it as they come to the terminal, without colours.
fn written(raw: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut is_code = false;
    for c in raw.chars() {
        match c {
            '\u{1b}' => is_code = true,
            c if is_code => is_code = c != 'm',
            '\n' => lines.push(String::new()),
            '\r' => {}
            c => lines.last_mut().expect("a line").push(c),
        }
    }
    lines
}

#[test]
fn every_table_fits_80_columns_and_a_pipe_gets_all_of_it() {
    let name = "n".repeat(63);
    let world = World::new(&ACME.replacen("\"acme\"", &format!("\"{name}\""), 1));
    world.heroku.make_archive("acme", fake_heroku::Month { year: 2024, month: 9 });
    let tables = [
        ("-q sync --from 2024-09-27 --to 2024-09-28", "REQUESTS"),
        ("-q status", "SINCE"),
        ("-q history --days 30", "EVENTS"),
        ("-q backfill --from 2024-08-01 --to 2024-09-28 --plan", "REQUESTS"),
        ("-q reconcile --month 2024-09", "DAYS"),
        ("-q events", "SOURCE"),
    ];
    for (arguments, dropped) in tables {
        let shown = Screen::start(&world.command(arguments), (400, 80)).end();
        let lines = written(&shown.raw);
        // A command is for copying, so it is never broken.
        let fits = |line: &&String| line.chars().count() <= 80 || line.contains('`');
        assert!(lines.iter().all(|line| fits(&line)), "{arguments}: {lines:#?}");
        let short = format!("{}…", "n".repeat(5));
        let has_row = lines.iter().any(|line| line.contains(&short)) || arguments == "-q events";
        assert!(has_row, "{arguments}: {lines:#?}");
        let piped = world.run(arguments).stdout;
        let heading = piped.lines().find(|line| line.contains("SOURCE")).expect("a heading");
        assert!(heading.contains(dropped), "{arguments}: {piped}");
        assert!(piped.contains(&name) && !piped.contains('…'), "{arguments}: {piped}");
    }
}

#[test]
fn long_advice_wraps_at_words_on_a_narrow_terminal() {
    let world = World::new(ACME);
    world.heroku.revoke("HRKU-demo-acme-0001-not-a-secret");
    let shown =
        Screen::start(&world.command(&format!("{ON_DAY} -q --log-format json")), NARROW).end();
    assert_eq!(shown.status, Some(1), "{:#?}", shown.lines);
    let text: Vec<&str> = shown.raw.lines().filter(|line| !line.starts_with('{')).collect();
    assert!(text.iter().all(|line| line.chars().count() <= 80), "{text:#?}");
    assert!(text.iter().any(|line| line.contains("`heroku authorizations:create`")), "{text:#?}");
    let unknown = "status --source no-source-of-this-file-has-a-name-like-this-one";
    let shown = Screen::start(&world.command(unknown), NARROW).end();
    let text = shown.raw.trim_end();
    assert!(text.starts_with("error: ") && text.len() > 80, "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn words_for_the_state_of_days_are_colored_only_on_a_terminal() {
    let mut world = World::new(ACME);
    assert_eq!(world.run(ON_DAY).status, 0);
    let green = |word: &str| format!("\u{1b}[32m{word}\u{1b}[0m");
    let status = Screen::start(&world.command("status"), NARROW).end();
    assert!(
        status.raw.contains(&green("complete")) || status.raw.contains(&green("settled")),
        "{:?}",
        status.raw
    );
    assert!(status.raw.contains("\u{1b}[31mmissing\u{1b}[0m"), "{:?}", status.raw);
    let synced = Screen::start(&world.command("-q sync --date 2024-09-28"), NARROW).end();
    assert!(
        synced.raw.contains(&format!("2024-09-28  {}", green("already_synced"))),
        "{:?}",
        synced.raw
    );
    assert!(!world.run("status").stdout.contains('\u{1b}'));
    world.set("NO_COLOR", "1");
    let plain = Screen::start(&world.command("status"), NARROW).end();
    assert!(!is_colored(&plain.raw) && plain.raw.contains("missing, "), "{:?}", plain.raw);
}

#[test]
fn a_comparison_shows_its_progress_which_then_disappears() {
    let world = World::new(ACME);
    world.heroku.make_archive("acme", fake_heroku::Month { year: 2024, month: 9 });
    world.sync("--date 2024-09-28", 0);
    let hold = world.heroku.hold(Match::download());
    let screen = Screen::start(&world.command("reconcile --month 2024-09"), NARROW);
    screen.wait_for(&["2024-09 acme", "reading and comparing the archive"]);
    screen.wait_for(&["0 of 30 days", " so far"]);
    hold.release();
    let shown = screen.end();
    assert_eq!(shown.status, Some(0), "{shown:#?}");
    assert!(shown.lines[0].starts_with("SOURCE"), "nothing of it stays: {:#?}", shown.lines);
}
