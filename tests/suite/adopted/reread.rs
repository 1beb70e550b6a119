//! `migrate --reread` makes adopted days due.

use fake_heroku::{Fault, Match};

use super::{PRINTED, adopted, ago, status};
use crate::support::proxy::{Blow, Proxy, When};
use crate::support::python_logger::TABLE;
use crate::support::{ACME, THREE_ACCOUNTS_AND_A_TEAM, World, date, day};

#[test]
fn reread_works_later_too_but_once_and_only_for_adopted_days() {
    let world = adopted(ACME, "");
    world.sync("--date 2024-09-28", 0);
    world.heroku.fault(
        Match::events("acme").day(date("2024-09-27")).always(),
        Fault::status(403, "forbidden", "No."),
    );
    world.sync("--date 2024-09-27", 1);
    world.heroku.clear_faults();
    let before = world.dump();
    let plan = world.run("migrate --reread --dry-run");
    let dates = format!("2024-09-26..{}", ago(2));
    assert!(
        plan.stdout.ends_with(&format!(
            "Would make 3 adopted days of acme due: {dates}. Nothing was changed.\n"
        )),
        "{plan:#?}"
    );
    assert_eq!(world.dump(), before);

    let reread = world.run("migrate --reread --output json");
    assert_eq!(reread.status, 0, "{reread:#?}");
    let expected =
        serde_json::json!({"source": "acme", "days_due": 3, "from": "2024-09-26", "to": ago(2)});
    assert_eq!(reread.json()["reread"], expected);
    let statuses = "SELECT string_agg(status, ' ' ORDER BY process_date) FROM audit_events_log";
    assert_eq!(world.sql(statuses), "PENDING FAILED SUCCESS PENDING PENDING");
    let history =
        "SELECT count(*), min(outcome), min(message) FROM audit_history WHERE action = 'reset'";
    assert_eq!(
        world.sql(history),
        "3|pending|was SUCCESS in the Python logger's table, which holds no events"
    );

    let before = world.dump();
    let again = world.run("migrate --reread");
    assert_eq!(
        (again.status, again.stdout.contains("acme has no adopted day")),
        (0, true),
        "{again:#?}"
    );
    assert_eq!(world.dump(), before);
    // PENDING days are read at any age.
    assert_eq!(day(&world.sync("", 0), "acme", "2024-09-26")["outcome"], "synced");
}

#[test]
fn a_reread_cut_off_at_any_step_is_done_and_recorded_once() {
    let mut world = adopted(&format!("[database]\nmax_connections = 1\n{ACME}"), "");
    let proxy = Proxy::start(world.database.url());
    world.set("DATABASE_URL", proxy.url());
    let undo = "UPDATE audit_events_log SET status = 'SUCCESS'; DELETE FROM audit_history \
        WHERE action = 'reset'";
    assert!(world.run("migrate --reread").stdout.contains("Made 5 adopted days of acme due"));
    for (n, when) in (1..=proxy.steps().len()).flat_map(|n| [(n, When::Before), (n, When::After)]) {
        world.sql(undo);
        proxy.forget();
        proxy.strike(n, "", when, Blow::Cut);
        let run = world.run("migrate --reread");
        assert!(proxy.has_struck() && run.status == 0, "step {n}, {when:?}: {run:#?}");
        assert!(
            run.stdout.contains("Made 5 adopted days of acme due"),
            "step {n}, {when:?}: {run:#?}"
        );
        let done = "SELECT (SELECT count(*) FROM audit_events_log \
            WHERE status = 'PENDING'), count(*) FROM audit_history WHERE action = 'reset'";
        assert_eq!(world.sql(done), "5|5", "step {n}, {when:?}");
    }
}

#[test]
fn reread_affects_only_the_named_source() {
    let world = World::new(THREE_ACCOUNTS_AND_A_TEAM);
    world.sql(&format!("{TABLE}{PRINTED}"));
    assert_eq!(world.run("migrate --adopt-as globex").status, 0);
    let before = world.dump();
    let refused = world.run("migrate --reread");
    assert_eq!(refused.status, 2, "{refused:#?}");
    assert!(
        refused.stderr.contains("`auditsync migrate --adopt-as NAME --reread --dry-run`"),
        "{refused:#?}"
    );
    let other = world.run("migrate --reread --adopt-as acme");
    assert!(other.status == 0 && other.stdout.contains("acme has no adopted day"), "{other:#?}");
    assert_eq!(world.dump(), before);
    let reread = world.run("migrate --reread --adopt-as globex");
    assert!(reread.stdout.contains("Made 5 adopted days of globex due"), "{reread:#?}");
    // A database without a ledger has none either.
    let empty = World::new(ACME);
    assert_eq!(
        empty.run("migrate --reread --dry-run --output json").json()["reread"]["days_due"],
        0
    );
    assert_eq!(empty.run("migrate --reread --output json").json()["reread"]["days_due"], 0);
}

#[test]
fn the_tables_of_create_all_are_adopted_with_reread_in_one_step() {
    let world = adopted(ACME, "--reread");
    assert_eq!(world.sql("SELECT DISTINCT source, status FROM audit_events_log"), "acme|PENDING");
    assert_eq!(world.sync("", 0)["totals"]["synced"], 10, "three of long ago, and the last seven");
    status(&world, "--check --max-lag 87000h", 0);
}
