//! The chain of seals: which acts leave a seal, and what happens where the chain is gone.

use crate::support::python_logger::TABLE;
use crate::support::{ACME, DAY, World, day};

const SYNC: &str = "--date 2024-09-28";

fn assert_verified(world: &World) {
    let verified = world.run("verify");
    assert_eq!(verified.status, 0, "{verified:#?}");
    world.assert_sealed("at the end");
}

#[test]
fn each_publication_leaves_one_seal_and_a_failed_attempt_none() {
    let world = World::new(ACME);
    world.sync(SYNC, 0);
    assert_eq!(world.seals(), "1 genesis, 2 day 2024-09-28 1");
    world.sync(SYNC, 0);
    let forbidden = fake_heroku::Fault::status(403, "forbidden", "no");
    world.heroku.fault(fake_heroku::Match::events("acme").always(), forbidden);
    world.sync("--date 2024-09-27", 1);
    assert_eq!(world.seals(), "1 genesis, 2 day 2024-09-28 1");
    world.heroku.clear_faults();
    world.sync("--date 2024-09-27", 0);
    assert_eq!(world.seals(), "1 genesis, 2 day 2024-09-28 1, 3 day 2024-09-27 2");
    assert_verified(&world);
}

#[test]
fn the_check_of_days_and_seals_finds_what_it_looks_for() {
    let problems = |tamper: &str| {
        // One day after the other, so that the seals have an order.
        let world = World::new(&format!("[sync]\nconcurrency = 1\n{ACME}"));
        world.sync("--from 2024-09-27 --to 2024-09-28", 0);
        world.assert_sealed("before");
        world.sql(tamper);
        world.sql(include_str!("support/sealed.sql"))
    };
    let last = problems("DELETE FROM audit_seals WHERE seq = 3");
    assert_eq!(last, "complete, without its seal: acme 2024-09-28 1");
    let middle = problems("DELETE FROM audit_seals WHERE seq = 2");
    assert!(middle.ends_with("2024-09-27 1\nthe chain breaks before 3"), "{middle}");
    let failed = "UPDATE audit_events_log SET status = 'FAILED' WHERE process_date = '2024-09-28'";
    assert_eq!(problems(failed), "sealed, but not complete: acme 2024-09-28 1");
    let counted = "UPDATE audit_events_log SET events_count = 0 WHERE process_date = '2024-09-28'";
    assert_eq!(problems(counted), "complete, without its seal: acme 2024-09-28 1");
}

#[test]
fn a_day_without_a_row_is_claimed_above_every_sealed_and_stored_attempt() {
    let world = World::new(ACME);
    let claimed_again = || {
        world.sql("DELETE FROM audit_events_log");
        let report = world.sync(SYNC, 0);
        day(&report, "acme", DAY)["attempt"].as_i64().expect("a number")
    };
    world.sync(SYNC, 0);
    assert_eq!(claimed_again(), 2, "above the seal");
    assert_eq!(world.seals(), "1 genesis, 2 day 2024-09-28 1, 3 day 2024-09-28 2");
    assert_verified(&world);

    // As after an attempt that was killed before it could publish.
    let id = "(SELECT min(event_id) FROM audit_events)";
    world.sql(&format!("UPDATE audit_events SET attempt = 7 WHERE event_id = {id}"));
    assert_eq!(claimed_again(), 8, "above the stored event");
    world.sql(&format!(
        "INSERT INTO audit_event_conflicts (source, process_date, event_id, event_hash, attempt,
         event) VALUES ('acme', '{DAY}', {id}, sha256('{{}}'), 11, '{{}}')"
    ));
    assert_eq!(claimed_again(), 12, "above the stored conflict");
    world.assert_sealed("at the end");
}

#[test]
fn a_reset_seals_only_a_day_that_has_a_seal() {
    let world = World::new(ACME);
    let forbidden = fake_heroku::Fault::status(403, "forbidden", "no");
    world.heroku.fault(fake_heroku::Match::events("acme"), forbidden);
    world.sync(SYNC, 1);
    let reset = |arguments: &str| {
        let finished = world.run(&format!("reset --source acme 2024-09-28 {arguments}"));
        assert_eq!(finished.status, 0, "{finished:#?}");
    };
    reset("");
    assert_eq!(world.seals(), "1 genesis", "it was never complete");
    world.sync(SYNC, 0);
    reset("--by ada --reason drill");
    assert_eq!(world.seals(), "1 genesis, 2 day 2024-09-28 2, 3 reset 2024-09-28 2");
    let body = r#"{"by":"ada","reason":"drill","was":"SUCCESS"}"#;
    assert!(world.sql("SELECT sealed FROM audit_seals WHERE seq = 3").contains(body));
    world.assert_sealed("after the reset");
    // Already due, so nothing happens.
    reset("");
    assert_eq!(world.sql("SELECT count(*) FROM audit_seals"), "3");
    world.sync(SYNC, 0);
    assert_verified(&world);
}

/// Days of the Python logger in no order, with one that is no date, and the chain after adoption.
fn adopted(arguments: &str) -> World {
    let world = World::new(ACME);
    world.sql(&format!(
        "{TABLE} INSERT INTO audit_events_log (process_date, status, events_count) VALUES
         ('2024-09-27', 'FAILED', 0), ('2024-09-28', 'SUCCESS', 450), ('infinity', 'SUCCESS', 1),
         ('2024-09-25', 'SUCCESS', 7), ('2024-09-26', 'PENDING', NULL);"
    ));
    let adoption = world.run(&format!("migrate {arguments}"));
    assert_eq!(adoption.status, 0, "{adoption:#?}");
    world
}

const BASELINES: &str = "1 genesis, 2 baseline 2024-09-25 0, 3 baseline 2024-09-26 0, \
    4 baseline 2024-09-27 0, 5 baseline 2024-09-28 0";

#[test]
fn adoption_leaves_genesis_and_one_baseline_for_each_finite_date_in_order() {
    let world = adopted("");
    assert_eq!(world.seals(), BASELINES);
    let bodies = "SELECT string_agg(substr(sealed, strpos(sealed, '{')), ' ' ORDER BY seq)
                  FROM audit_seals WHERE kind = 'baseline'";
    assert_eq!(
        world.sql(bodies),
        r#"{"events_count":7,"status":"SUCCESS"}, {"events_count":null,"status":"PENDING"}, "#
            .to_owned()
            + r#"{"events_count":0,"status":"FAILED"}, {"events_count":450,"status":"SUCCESS"},"#
    );
    world.sync(SYNC, 0);
    assert_eq!(world.seals(), format!("{BASELINES}, 6 day 2024-09-28 1"));
    world.assert_sealed("after a reading");
}

#[test]
fn a_reread_of_adopted_days_leaves_a_reset_seal_for_each() {
    let world = adopted("");
    assert_eq!(world.run("migrate --reread").status, 0);
    let resets = "6 reset 2024-09-25 0, 7 reset 2024-09-28 0";
    assert_eq!(world.seals(), format!("{BASELINES}, {resets}"));
    assert_eq!(world.run("migrate --reread").status, 0);
    assert_eq!(world.seals(), format!("{BASELINES}, {resets}"), "only once");
    world.assert_sealed("after the reread");
}

#[test]
fn a_sync_without_a_chain_fails_its_days_and_says_what_to_do() {
    let world = World::new(ACME);
    world.sync(SYNC, 0);
    world.sql("DELETE FROM audit_seals");
    let report = world.sync("--date 2024-09-27", 1);
    let row = day(&report, "acme", "2024-09-27");
    let error = row["error"].as_str().unwrap_or_default();
    assert!(
        error.contains("the table audit_seals is empty") && error.contains("`auditsync migrate`"),
        "{row:#}"
    );
    assert_eq!(
        world.sql("SELECT status FROM audit_events_log WHERE process_date = '2024-09-27'"),
        "ERROR"
    );
    assert_eq!(report["head"], serde_json::Value::Null);

    let migrated = world.run("migrate");
    assert_eq!(migrated.status, 0, "{migrated:#?}");
    assert!(migrated.stderr.contains("the chain of seals was gone"), "{migrated:#?}");
    assert_eq!(world.seals(), "1 genesis");
    world.sync("--date 2024-09-27", 0);
    assert_eq!(world.seals(), "1 genesis, 2 day 2024-09-27 2");
    let again = world.run("migrate");
    assert!(!again.stderr.contains("the chain of seals was gone"), "{again:#?}");
    let verified = world.run("verify");
    assert_eq!(verified.status, 1, "the first day has no seal any more: {verified:#?}");
    assert!(verified.stdout.contains("2024-09-28"), "{verified:#?}");
}

#[test]
fn a_missing_function_is_named_before_anything_is_requested() {
    let world = World::new(ACME);
    assert_eq!(world.run("migrate").status, 0);
    world.sql("DROP FUNCTION auditsync_seal(text, text[])");
    let finished = world.run("sync --date 2024-09-28");
    assert_eq!(finished.status, 3, "{finished:#?}");
    let words = "the schema lacks the function auditsync_seal(text, text[])";
    assert!(finished.stderr.contains(words), "{finished:#?}");
    assert_eq!(world.heroku.requests().len(), 0);
    let checked = world.run("check");
    assert!(checked.status == 1 && checked.stdout.contains(words), "{checked:#?}");
}
