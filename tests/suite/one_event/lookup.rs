//! The nearly empty index answers the look-up that every insert makes, however large the table is.

use std::fmt::Write as _;

use crate::support::{ACME, World};

const STATEMENT: &str = include_str!("../../../src/store/sql/stored_events.sql");

/// The server's plan for a batch of ids, two of which have another day of their own.
fn plan(world: &World, batch: usize) -> String {
    let ids = (0..batch).map(|number| format!("'event-{number}'")).collect::<Vec<_>>().join(",");
    let mut sql = format!("PREPARE stored AS {STATEMENT};\n");
    let own = "'{event-1,event-2}', '{2024-02-01,2024-02-02}', ARRAY['acme']";
    let _ = write!(sql, "EXPLAIN EXECUTE stored ('acme', '2024-03-01', ARRAY[{ids}], true, {own})");
    world.sql(&sql)
}

#[test]
fn the_index_of_events_outside_their_day_answers_in_a_large_table() {
    let world = World::new(ACME);
    assert_eq!(world.run("migrate").status, 0);
    // A year of days. One event in a thousand is outside its day, and a few have no day.
    world.sql(
        "INSERT INTO audit_events (source, process_date, event_id, attempt, created_at, event,
         event_hash, via)
         SELECT 'acme', '2024-01-01'::date + n % 365, 'event-' || n, 1,
                CASE WHEN n % 5000 <> 7 THEN ('2024-01-01'::date + n % 365 + CASE WHEN n %
                1000 = 0 THEN 1 ELSE 0 END)
                                              AT TIME ZONE 'UTC' END,
                '{}', '', 'api'
         FROM generate_series(1, 200000) AS n",
    );
    for state in ["as inserted", "analyzed"] {
        for batch in [1, 2000] {
            let plan = plan(&world, batch);
            assert!(
                plan.contains("idx_audit_events_outside_their_day"),
                "{state}, {batch}: {plan}"
            );
            assert!(!plan.contains("Seq Scan"), "{state}, {batch}: {plan}");
        }
        world.sql("ANALYZE audit_events");
    }
}
