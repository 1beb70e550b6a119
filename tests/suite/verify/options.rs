//! What `verify` accepts, how it ends, and what its result looks like.

use serde_json::Value;

use super::{assert_clean, codes, found, stage, verify};
use crate::support::{ACME, World, steers, yesterday};

#[test]
fn the_json_names_everything_that_was_checked() {
    let world = stage::staged();
    let report = assert_clean(&world, "");
    let keys: Vec<&String> = report.as_object().expect("an object").keys().collect();
    let mut known = [
        "ok",
        "days_checked",
        "events_checked",
        "seals_checked",
        "events_unsealed",
        "head",
        "days_pruned",
        "days_baseline",
        "anchors_compared",
        "bag",
        "anchors",
        "problems",
    ];
    known.sort_unstable();
    assert_eq!(keys, known);
    let count = |sql: &str| world.sql(sql).parse::<u64>().expect("a count");
    assert_eq!(report["events_checked"], count("SELECT count(*) FROM audit_events"));
    assert_eq!(report["seals_checked"], count("SELECT count(*) FROM audit_seals"));
    assert_eq!((&report["days_pruned"], &report["anchors_compared"]), (&0.into(), &0.into()));
    let last =
        "SELECT seq || ':' || encode(seal, 'hex') FROM audit_seals ORDER BY seq DESC LIMIT 1";
    let head =
        format!("{}:{}", report["head"]["seq"], report["head"]["seal"].as_str().expect("hex"));
    assert_eq!(head, world.sql(last));
    let anchored = assert_clean(&world, &format!("--anchor {head} --anchor {head}"));
    let anchors = serde_json::json!([
        { "recorded_in": "--anchor", "kind": "head", "count": 2, "seq": report["head"]["seq"] }
    ]);
    assert_eq!((&anchored["anchors"], &anchored["anchors_compared"]), (&anchors, &2.into()));
    world.sql("UPDATE audit_events SET type = 'evil' WHERE source = 'acme' AND event_id = 'a1'");
    let problem = &verify(&world, "", 1)["problems"][0];
    let expected = serde_json::json!({
        "source": "acme", "date": stage::SIMPLE, "problem": "altered",
        "detail": "the column type contradicts the bytes of 1 event: a1",
    });
    assert_eq!(*problem, expected);
}

#[test]
fn source_and_dates_select_the_days_while_the_chain_is_walked_completely() {
    let world = stage::staged();
    let all = assert_clean(&world, "");
    world.sql("UPDATE audit_events SET type = 'evil' WHERE source = 'acme' AND event_id = 'b3'");
    assert_eq!(codes(&world, ""), ["altered".to_owned()].into());
    for (arguments, days) in [
        ("--source globex", 7),
        ("--source globex --from 2024-09-21 --to 2024-09-23", 3),
        ("--to 2024-09-21", 4),
        ("--from 2024-09-23", 8),
    ] {
        let report = assert_clean(&world, arguments);
        assert_eq!(report["days_checked"], days, "{arguments}");
        assert_eq!(report["seals_checked"], all["seals_checked"], "{arguments}");
    }
    for arguments in ["--source acme", "--source globex --source acme", "--from 2024-09-22"] {
        assert_eq!(codes(&world, arguments), ["altered".to_owned()].into(), "{arguments}");
    }
    world.sql(
        "UPDATE audit_seals SET attempt = 9 WHERE source = 'acme' AND process_date = '2024-09-20'",
    );
    let of_chain = found(&world, "--source globex --from 2024-09-24");
    assert!(of_chain.iter().any(|said| said.contains("the column attempt is not")), "{of_chain:?}");
}

#[test]
fn a_removed_source_can_be_selected_and_an_unknown_one_exits_2() {
    let world = World::new(ACME);
    world.sync("--date 2024-09-28", 0);
    world.write_config(&ACME.replace("name = \"acme\"", "name = \"acme-prod\""));
    assert_clean(&world, "--source acme");
    let unknown = world.run("verify --source acme-prd");
    assert_eq!(unknown.status, 2, "{unknown:#?}");
    assert!(unknown.stderr.contains("acme-prod"), "{unknown:#?}");
}

#[test]
fn a_verification_of_nothing_fails_unless_it_is_allowed() {
    let world = World::new(ACME);
    assert_eq!(world.run("migrate").status, 0);
    let report = verify(&world, "", 1);
    assert_eq!((&report["ok"], &report["problems"]), (&false.into(), &Value::Array(vec![])));
    assert_eq!((&report["seals_checked"], &report["days_checked"]), (&1.into(), &0.into()));
    let text = world.run("verify").stdout;
    assert!(text.starts_with("FAILED  nothing was checked: 0 days, 0 events, 1 seal\n"), "{text}");
    assert!(text.contains("--allow-empty"), "{text}");
    assert_eq!(verify(&world, "--allow-empty", 0)["ok"], true);
    world.sync("--date 2024-09-28", 0);
    assert_clean(&world, "");
    verify(&world, "--from 2024-09-01 --to 2024-09-02", 1);
    verify(&world, "--from 2024-09-01 --to 2024-09-02 --allow-empty", 0);
    let text = world.run("verify --to 2024-09-02 --from 2024-09-01").stdout;
    let why = "\nNo day of 2024-09-01..2024-09-02 is complete here, so this proves nothing. To see \
               what is: `auditsync status --from 2024-09-01 --to 2024-09-02`\n";
    assert!(text.contains(why), "{text}");
    // Nothing is excused by this option.
    world.sql("DELETE FROM audit_seals WHERE seq = 2");
    assert_eq!(codes(&world, "--allow-empty"), ["unsealed".to_owned()].into());
}

#[test]
fn options_that_can_t_be_right_exit_2_and_say_why() {
    let world = World::new(ACME);
    world.sync("--date 2024-09-28", 0);
    let empty = world.place("empty", "");
    let other = world.place("other", "level=INFO nothing here\n");
    let cut =
        world.place("cut", "head_log=0123456789abcdef0123456789abcdef head_seq=2 head_seal=9c\n");
    let today = yesterday() + chrono::Days::new(1);
    for (arguments, why) in [
        ("--anchor 2".to_owned(), "SEQ:HEX"),
        ("--anchor 2:abc".to_owned(), "SEQ:HEX"),
        (format!("--anchor 0:{}", "0".repeat(64)), "SEQ:HEX"),
        (
            "--anchors nowhere".to_owned(),
            "error: can't read nowhere, which --anchors names: the file does not exist\n",
        ),
        (
            "--bag nope.tar.gz".to_owned(),
            "error: can't read nope.tar.gz, which --bag names: the file does not exist\n",
        ),
        (
            format!("--bag {other}"),
            "which --bag names: it is no bag: a bag is a folder, a .tar.gz or a .tar\n",
        ),
        (format!("--anchors {empty}"), "it holds no anchor"),
        (format!("--anchors {other}"), "it holds no anchor"),
        (format!("--anchors {cut}"), "line 1 names a head that can't be read"),
        ("--log abc".to_owned(), "32 lower-case hex digits"),
        ("--key abc".to_owned(), "is not NAME+HASH+KEY"),
        ("--from 2024-09-29 --to 2024-09-28".to_owned(), "--from 2024-09-29 is after"),
        (format!("--to {today}"), "is not over in UTC"),
        ("--from today".to_owned(), "is not over in UTC"),
        ("--source nobody".to_owned(), "nobody"),
    ] {
        let finished = world.run(&format!("verify {arguments}"));
        assert_eq!(finished.status, 2, "{arguments}: {finished:#?}");
        assert!(finished.stderr.contains(why), "{arguments}: {finished:#?}");
        assert_eq!(finished.stdout, "", "{arguments}");
    }
}

#[test]
fn a_database_without_our_schema_exits_3() {
    let world = World::new(ACME);
    let finished = world.run("verify");
    assert_eq!((finished.status, finished.stdout.as_str()), (3, ""), "{finished:#?}");
    assert!(finished.stderr.contains("auditsync migrate"), "{finished:#?}");
    let newer = crate::support::schemas::newer();
    assert_eq!(newer.run("verify").status, 3);
}

#[test]
fn foreign_text_in_a_problem_can_not_steer_a_terminal() {
    let world = stage::staged();
    let hostile = r"E'\x1b[31m\u202e\nFAKE'";
    world.sql(&format!(
        "UPDATE audit_events SET event_id = event_id || {hostile} WHERE event_id = 'a1';
         UPDATE audit_events SET source = source || {hostile} WHERE event_id = 'c2';
         UPDATE audit_events_log SET status = E'\\x1b[2J' WHERE process_date = '2024-09-22';
         UPDATE audit_seals SET kind = kind || {hostile}, source = {hostile} WHERE seq = 5;
         UPDATE audit_seals SET sealed = {hostile} WHERE seq = 6;
         INSERT INTO audit_anchors (seq, kind, anchor) VALUES (3, {hostile}, '\\x1b')"
    ));
    for arguments in ["verify", "verify --output json"] {
        let finished = world.run(arguments);
        assert_eq!(finished.status, 1, "{finished:#?}");
        for text in [&finished.stdout, &finished.stderr] {
            assert_eq!(text.chars().find(|c| steers(*c)), None, "{text}");
            assert!(!text.lines().any(|line| line.starts_with("FAKE")), "{text}");
        }
        assert!(finished.stdout.contains("FAKE"), "{finished:#?}");
    }
}

#[test]
fn a_token_in_an_event_s_id_is_redacted() {
    let world = World::new(ACME);
    world.sync("--date 2024-09-28", 0);
    let token = "HRKU-demo-acme-0001-not-a-secret";
    let one = "event_id = (SELECT min(event_id) FROM audit_events)";
    world.sql(&format!("UPDATE audit_events SET event_id = 'id {token}' WHERE {one}"));
    for arguments in ["verify", "verify --output json"] {
        let finished = world.run(arguments);
        assert_eq!(finished.status, 1, "{finished:#?}");
        assert!(finished.stdout.contains("the column event_id contradicts"), "{finished:#?}");
        assert!(!format!("{finished:?}").contains(token), "{finished:#?}");
    }
}
