//! A large installation: the page stays small enough to send, and readable.

use crate::support::{ACME, World, note, yesterday};

use super::{assert_says, keep, page};

const SOURCES: u32 = 200;
const LARGEST: usize = 2_000_000;

/// A year of many sources. `state` is SQL that gives each day a number from 0 on.
fn year(world: &World, state: &str) {
    assert_eq!(world.run("migrate").status, 0);
    world.sql(&format!(
        "INSERT INTO audit_events_log (source, process_date, status, events_count, attempt, scope,
                                       synced_at, settled_at, error_message)
         SELECT 'team-' || lpad(source::text, 3, '0'), current_date - age,
                CASE state WHEN 1 THEN 'FAILED' WHEN 2 THEN 'PENDING' ELSE 'SUCCESS' END,
                source * 7 % 90 + age * 13 % 50, 1, '{{\"account\": \"acme\"}}',
                CASE WHEN state NOT IN (1, 2, 3) THEN clock_timestamp() END,
                CASE WHEN state NOT IN (1, 2, 3) AND age > 4 THEN clock_timestamp() END,
                CASE state WHEN 1 THEN 'Heroku refused: 403 Forbidden' END
         FROM (SELECT source, age, {state} AS state
               FROM generate_series(1, {SOURCES}) AS source, generate_series(1, 365) AS age
              ) AS days
         WHERE state <> 4"
    ));
}

fn year_of(world: &World) -> String {
    let (from, to) = (yesterday() - chrono::Days::new(364), yesterday());
    page(world, &format!("--from {from} --to {to}"))
}

#[test]
fn two_hundred_sources_over_a_year_stay_under_2_mb() {
    let world = World::new(ACME);
    // Every seventh source misses a week, and one of them fails since three days.
    year(
        &world,
        "CASE WHEN source = 42 AND age < 4 THEN 1
              WHEN source % 7 = 0 AND age BETWEEN source AND source + 6 THEN 4
              ELSE 5 END",
    );
    let page = year_of(&world);
    note(&format!("200 sources, a year: {} bytes", page.len()));
    keep("large.html", &page);
    assert!(page.len() < LARGEST, "{} bytes", page.len());
    assert_eq!(page.matches("<svg class=\"grid\"").count(), SOURCES as usize);
    assert_says(&page, "201 sources");
}

#[test]
fn even_if_each_day_has_another_state_it_stays_under_2_mb() {
    let world = World::new(ACME);
    year(&world, "(source * 31 + age * 17 + source * age) % 7");
    let page = year_of(&world);
    note(&format!("200 sources, a year, each day another state: {} bytes", page.len()));
    assert!(page.len() < LARGEST, "{} bytes", page.len());
}
