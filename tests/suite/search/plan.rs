//! How the database answers: from the index on the time of events, without reading the table.

use crate::support::{ACME, World};

const SQL: &str = include_str!("../../../src/store/sql/search_events.sql");

/// Fills the table with years of events.
fn large() -> World {
    let world = World::new(ACME);
    assert_eq!(world.run("migrate").status, 0);
    world.sql(
        "INSERT INTO audit_events (source, process_date, event_id, attempt, created_at, type,
                                   action, actor_email, app_name, ip_address, event, event_hash,
                                   via)
         SELECT 'acme', '2020-01-01'::date + n / 100, n::text, 1,
                '2020-01-01Z'::timestamptz + n * interval '864 seconds', 'app', 'create',
                'a' || n % 50 || '@example.com', 'app-' || n % 200, '10.0.0.1', '{}',
                sha256(n::text::bytea), 'api'
         FROM generate_series(1, 100000) AS n;
         ANALYZE audit_events;",
    );
    world
}

#[test]
fn every_question_is_answered_by_the_index_without_sorting_everything() {
    let world = large();
    // The given parameters, by their places from 0 on, and the limit.
    let questions: [(&[(usize, &str)], &str); 10] = [
        (&[], "51"),
        (&[], "NULL"),
        (&[(0, "'2022-01-01Z'")], "NULL"),
        (&[(0, "'2022-01-01Z'"), (1, "'2022-02-01Z'")], "NULL"),
        (&[(2, "'{acme}'")], "51"),
        (&[(3, "'{app-7}'")], "51"),
        (&[(4, "'{%@example.com}'")], "51"),
        (&[(5, "'{app}'"), (6, "'{destroy}'")], "51"),
        (&[(7, "'{team-a}'")], "NULL"),
        (&[(8, "'{10.0.0.0/8}'")], "51"),
    ];
    for (parameters, limit) in questions {
        let mut all = ["NULL"; 9];
        for (place, value) in parameters {
            all[*place] = value;
        }
        let parameters = all.join(", ");
        let plan = world.sql(&format!(
            "SET enable_sort = off; SET plan_cache_mode = force_custom_plan;
             SET max_parallel_workers_per_gather = 0;
             PREPARE search (timestamptz, timestamptz, text[], text[], text[], text[], text[],
                             text[], inet[], bigint) AS {SQL};
             EXPLAIN EXECUTE search ({parameters}, {limit})"
        ));
        assert!(plan.contains("idx_audit_events_time"), "{parameters}: {plan}");
        assert!(!plan.contains("Seq Scan"), "{parameters}: {plan}");
        // Events of the same moment are sorted, a few at a time.
        let sorts = plan.matches("Sort").count() - plan.matches("Incremental Sort").count();
        assert_eq!(sorts, plan.matches("Sort Key").count(), "{parameters}: {plan}");
    }
}
