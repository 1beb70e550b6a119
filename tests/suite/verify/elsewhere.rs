//! Where `verify` runs: as the reading role, on a restored dump, through a pooler, beside a sync.

use std::process::Command;
use std::sync::{Arc, OnceLock};

use fake_heroku::{Fixtures, Match, Paging};
use pg_cluster::{Cluster, Database};

use super::{assert_clean, beside, stage, verify};
use crate::support::pooler::Pooler;
use crate::support::{ACME, Finished, World, wait_for};

/// Roles belong to an entire server, and a pooler runs as its user.
fn cluster() -> &'static Arc<Cluster> {
    static CLUSTER: OnceLock<Arc<Cluster>> = OnceLock::new();
    CLUSTER.get_or_init(|| Arc::new(Cluster::builder().start().expect("a cluster")))
}

fn synced() -> World {
    let database = Database::on(cluster()).expect("a database");
    let world = World::on(database, Fixtures::committed(), ACME);
    world.sync("--from 2024-09-25 --to 2024-09-28", 0);
    world
}

#[test]
fn the_reading_role_is_enough_and_nothing_is_changed() {
    let world = synced();
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/roles.sql");
    world.sql(&std::fs::read_to_string(file).expect("the file"));
    let before = world.dump();
    let url = world.database.url().replace("postgres@", "auditsync_read@");
    let finished = beside(&world, &url, "");
    assert_eq!(finished.status, 0, "{finished:#?}");
    assert_eq!(finished.json()["days_checked"], 4);
    assert_eq!(world.dump(), before);
}

#[test]
fn problems_are_reported_and_nothing_is_changed() {
    let world = stage::staged();
    world.sql("UPDATE audit_events SET type = 'evil'; DELETE FROM audit_seals WHERE seq = 5");
    let before = world.dump();
    verify(&world, "", 1);
    assert_eq!(world.run("verify").status, 1);
    assert_eq!(world.dump(), before);
}

#[test]
fn a_restored_dump_verifies_as_the_original_does() {
    let world = stage::staged();
    let report = assert_clean(&world, "");
    let restored = pg_cluster::fresh_database();
    let bin =
        |name: &str| world.database.cluster().map_or(name.into(), |cluster| cluster.bin(name));
    let dump = Command::new(bin("pg_dump"))
        .args(["--no-owner", "--no-acl", "--dbname", world.database.url()])
        .output()
        .expect("pg_dump");
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let file = world.place("dump.sql", str::from_utf8(&dump.stdout).expect("text"));
    let restore = Command::new(bin("psql"))
        .args(["-qX", "-v", "ON_ERROR_STOP=1", "-f", &file, restored.url()])
        .output()
        .expect("psql");
    assert!(restore.status.success(), "{}", String::from_utf8_lossy(&restore.stderr));
    let of_copy = beside(&world, restored.url(), "");
    assert_eq!((of_copy.status, of_copy.json()), (0, report), "{of_copy:#?}");
}

#[test]
fn it_works_through_a_pool_of_one_connection_and_leaves_no_state_in_it() {
    let world = synced();
    let server = format!("host={}", cluster().socket_dir().display());
    let pooler = Pooler::start(cluster(), &server, 1);
    let url = pooler.url(world.database.name());
    let finished = beside(&world, &url, "");
    assert_eq!(finished.status, 0, "{finished:#?}");
    assert_eq!(finished.json(), assert_clean(&world, ""));
    let mut session = world.session(&url);
    let settings = "SELECT name FROM pg_settings WHERE source = 'session'
                    AND name NOT IN ('application_name', 'client_encoding');
                    SELECT name FROM pg_prepared_statements";
    assert_eq!(session.ask(settings), "");
}

#[test]
fn a_sync_beside_it_is_never_a_problem() {
    let world = World::busy(ACME);
    world.sync("--date 2024-09-28", 0);
    let days = 30;
    let mut running = world.spawn("sync --from 2024-08-01 --to 2024-08-30");
    let mut verified: Vec<Finished> = Vec::new();
    while running.child.try_wait().expect("a status").is_none() {
        verified.push(world.run("verify --output json"));
    }
    let finished = running.wait();
    assert_eq!(finished.status, 0, "{finished:#?}");
    for one in &verified {
        assert_eq!((one.status, &one.json()["ok"]), (0, &true.into()), "{one:#?}");
    }
    assert_eq!(assert_clean(&world, "")["days_checked"], days + 1);
}

#[test]
fn events_of_a_day_that_is_being_read_are_counted_as_unsealed() {
    let world = World::new(ACME);
    world.sync("--date 2024-09-28", 0);
    world.heroku.set_paging(Paging::Pages { default: 1000, max: 1000 });
    let hold = world.heroku.hold(Match::events("acme").page(3));
    let mut running = world.spawn("sync --date 2024-09-27");
    let stored = "SELECT count(*) > 0 FROM audit_events WHERE process_date = '2024-09-27'";
    wait_for("the first batch", || world.sql(stored) == "t");
    let report = assert_clean(&world, "");
    assert_eq!(report["days_checked"], 1);
    assert!(report["events_unsealed"].as_u64() > Some(0), "{report:#}");
    running.child.kill().and_then(|()| running.child.wait()).expect("killed");
    assert_clean(&world, "");
    hold.release();
    world.expire_leases();
    world.sync("--date 2024-09-27", 0);
    let report = assert_clean(&world, "");
    assert_eq!((&report["days_checked"], &report["events_unsealed"]), (&2.into(), &0.into()));
}
