//! A small database with everything that seals cover: several sources, an empty day, late events,
//! conflicts, events kept as bytes, an archive, a reset, a crash, and adopted days.

use bytes::Bytes;
use fake_heroku::{Fixtures, Model, Month};

use super::assert_clean;
use crate::support::python_logger::TABLE;
use crate::support::{World, date};

pub(crate) const SIMPLE: &str = "2024-09-20";
pub(crate) const EMPTY: &str = "2024-09-21";
/// Three readings, of which two brought late events.
pub(crate) const LATE: &str = "2024-09-22";
pub(crate) const CONFLICTS: &str = "2024-09-23";
/// Of the source globex.
pub(crate) const ARCHIVED: &str = "2024-09-24";
/// It is due again.
pub(crate) const RESET: &str = "2024-09-25";
/// A second attempt stored an event and was killed.
pub(crate) const CRASHED: &str = "2024-09-26";
/// The Python logger called it complete.
pub(crate) const ADOPTED: &str = "2024-09-10";
/// It failed in the Python logger.
pub(crate) const ADOPTED_FAILURE: &str = "2024-09-11";

const SEPTEMBER: Month = Month { year: 2024, month: 9 };

pub(crate) const ACME_AND_GLOBEX: &str = r#"
[[source]]
name = "acme"
account = "acme"
token_env = "HEROKU_API_TOKEN"

[[source]]
name = "globex"
account = "globex"
token_env = "GLOBEX_TOKEN"
"#;

/// An event with a value in each derived column.
pub(crate) fn event(id: &str, day: &str) -> String {
    format!(
        r#"{{"id":"{id}","created_at":"{day}T10:00:00.123456Z","type":"app","action":"create","#
    ) + r#""actor":{"email":"ada@example.com","id":"u-1"},"app":{"name":"shop","id":"a-1"},"#
        + r#""team":{"name":"team-a","id":"t-1"},"owner":{"email":"owner@example.com"},"#
        + r#""request":{"ip_address":"192.0.2.7"},"data":{"n":1}}"#
}

/// The same with a byte that is not UTF-8, so the database keeps it as bytes.
fn raw_event(id: &str, day: &str) -> Bytes {
    let text = event(id, day);
    let (before, after) = text.split_once("shop").expect("a name");
    Bytes::from([before.as_bytes(), b"caf\xe9", after.as_bytes()].concat())
}

fn events(day: &str, ids: &[&str]) -> Vec<Bytes> {
    ids.iter().map(|id| Bytes::from(event(id, day))).collect()
}

fn model() -> Model {
    let mut model: Model = Fixtures::committed().into();
    let conflicting = |id: &str| Bytes::from(event(id, CONFLICTS).replace("create", "destroy"));
    let mut simple = events(SIMPLE, &["a1", "a3"]);
    simple.push(raw_event("a2", SIMPLE));
    let mut conflicts = events(CONFLICTS, &["c1", "c2"]);
    conflicts.extend([conflicting("c1"), conflicting("c2")]);
    for (day, of_acme) in [
        (SIMPLE, simple),
        (EMPTY, vec![]),
        (LATE, events(LATE, &["b1", "b4"])),
        (CONFLICTS, conflicts),
        (ARCHIVED, events(ARCHIVED, &["d1"])),
        (RESET, events(RESET, &["e1", "e2"])),
        (CRASHED, events(CRASHED, &["f1", "f3"])),
    ] {
        model.put_day("acme", date(day), of_acme);
        let of_globex = if day == EMPTY { vec![] } else { events(day, &["g1", "g2"]) };
        model.put_day("globex", date(day), of_globex);
    }
    model.make_archive("globex", SEPTEMBER);
    model
}

/// Makes acme's day due, and reads it again.
pub(crate) fn read_again(world: &World, day: &str) {
    assert_eq!(world.run(&format!("reset --source acme {day}")).status, 0);
    world.sync(&format!("--source acme --date {day}"), 0);
}

/// A statement that stores a copy of an event with another id, as a sync of this attempt would.
pub(crate) fn store_copy(of: &str, id: &str, attempt: i32) -> String {
    let text = format!("replace(event::text, event_id, '{id}')");
    format!(
        "INSERT INTO audit_events
         SELECT source, process_date, '{id}', {attempt}, created_at, type, action, actor_email,
                actor_id, app_name, app_id, team_name, team_id, owner_email, ip_address,
                {text}::json, NULL, NULL, sha256(convert_to({text}, 'UTF8')), via,
                clock_timestamp()
         FROM audit_events WHERE event_id = '{of}' AND source = 'acme';"
    )
}

/// The database, as everything that was done to it left it. Nothing in it is wrong.
pub(crate) fn staged() -> World {
    let world = World::with(model(), ACME_AND_GLOBEX);
    world.sql(&format!(
        "{TABLE} INSERT INTO audit_events_log (process_date, status, events_count) VALUES
         ('{ADOPTED}', 'SUCCESS', 1000), ('{ADOPTED_FAILURE}', 'FAILED', 0)"
    ));
    assert_eq!(world.run("migrate --adopt-as acme").status, 0);
    let archived = format!("--source globex --from {ARCHIVED} --to {ARCHIVED}");
    let backfill = world.run(&format!("backfill --via archive {archived}"));
    assert_eq!(backfill.status, 0, "{backfill:#?}");
    world.sync(&format!("--from {SIMPLE} --to {CRASHED}"), 0);
    for late in ["b2", "b3"] {
        world.heroku.add_event("acme", date(LATE), event(late, LATE));
        read_again(&world, LATE);
    }
    for day in [RESET, CRASHED] {
        assert_eq!(world.run(&format!("reset --source acme {day} --reason drill")).status, 0);
    }
    world.sql(&format!(
        "UPDATE audit_events_log SET status = 'PROCESSING', attempt = 2, locked_by = 'killed',
                locked_until = clock_timestamp() - interval '1 hour'
         WHERE process_date = '{CRASHED}' AND source = 'acme';
         {}",
        store_copy("f1", "f2", 2)
    ));
    let report = assert_clean(&world, "");
    let figures = ["days_checked", "days_baseline", "events_unsealed"].map(|key| &report[key]);
    assert_eq!(figures, [14, 2, 1], "{report:#}");
    world
}
