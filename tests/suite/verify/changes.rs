//! Changes by SQL, which `verify` must find one by one and in pairs.

use std::collections::BTreeSet;

use super::changes_of_columns::{CONFLICTS, EVENTS, LEDGER, SEALS, of_columns};
use super::changes_of_days::{of_rows, of_seal_rows};
use super::{assert_clean, clones, codes_of, stage};
use crate::support::{World, note};

/// The tables that seals cover, and the chain itself.
const TABLES: [&str; 4] =
    ["audit_events", "audit_event_conflicts", "audit_events_log", "audit_seals"];

/// A change, and the codes of which `verify` must report one.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) what: String,
    pub(super) sql: String,
    pub(super) codes: &'static [&'static str],
}

/// Drops the keys and all other constraints of the tables, as their owner can.
pub(super) fn drop_constraints(world: &World) {
    let drop = "SELECT format('ALTER TABLE %I DROP CONSTRAINT %I', conrelid::regclass, conname)
         FROM pg_constraint
         WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'u', 'c')
         UNION ALL
         SELECT format('ALTER TABLE %I ALTER %I DROP NOT NULL', attrelid::regclass, attname)
         FROM pg_attribute
         WHERE attrelid IN ('audit_events'::regclass, 'audit_event_conflicts'::regclass,
                            'audit_events_log'::regclass, 'audit_seals'::regclass)
           AND attnum > 0 AND NOT attisdropped AND attidentity = ''";
    world.sql(&world.sql(drop).replace('\n', ";\n"));
}

/// A staged database that takes any change and is then put back: its tables have no keys and no
/// other constraints, because their owner can drop those.
struct Bench {
    world: World,
    tried: usize,
}

impl Bench {
    fn new() -> Self {
        let world = stage::staged();
        let keep = |table| format!("CREATE TABLE kept.{table} AS SELECT * FROM {table};");
        world.sql(&format!("CREATE SCHEMA kept; {}", TABLES.map(keep).concat()));
        drop_constraints(&world);
        assert_clean(&world, "");
        Self { world, tried: 0 }
    }

    /// Makes the changes. Returns whether each of them changed a row.
    fn make(&self, changes: &[&Change]) -> bool {
        changes.iter().all(|change| !self.world.sql(&change.sql).is_empty())
    }

    fn put_back(&self) {
        let back = TABLES.map(|table| {
            format!(
                "TRUNCATE {table};
                 INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM kept.{table};"
            )
        });
        self.world.sql(&back.concat());
    }

    /// Tries one change after the other.
    fn try_each(mut self, changes: &[Change]) {
        let mut missed = Vec::new();
        for change in changes {
            if self.make(&[change]) {
                self.tried += 1;
                let found = self.found();
                if !change.codes.iter().any(|code| found.contains(*code)) {
                    missed.push(format!("{}: {found:?}, and not {:?}", change.what, change.codes));
                }
            }
            self.put_back();
        }
        assert_clean(&self.world, "");
        assert!(missed.is_empty(), "{} changes were missed:\n{}", missed.len(), missed.join("\n"));
        note(&format!("{} of {} changes changed something", self.tried, changes.len()));
        assert!(self.tried * 10 > changes.len() * 6, "{} of {}", self.tried, changes.len());
    }

    /// The codes that a run finds; none if it finds nothing.
    fn found(&self) -> BTreeSet<String> {
        let finished = self.world.run("verify --output json");
        assert!([0, 1].contains(&finished.status), "{finished:#?}");
        codes_of(&finished.json())
    }
}

impl Change {
    /// Whether it changes the source acme alone, and no place in the chain.
    fn is_of_acme(&self) -> bool {
        self.sql.contains("'acme'") && !self.sql.contains("SET seq")
    }
}

#[test]
fn any_change_of_an_event_is_found() {
    clones::try_all(&of_columns(EVENTS));
}

#[test]
fn any_change_of_a_conflict_is_found() {
    clones::try_all(&of_columns(CONFLICTS));
}

#[test]
fn any_change_of_the_ledger_is_found() {
    clones::try_all(&of_columns(LEDGER));
}

#[test]
fn any_change_of_a_seal_is_found() {
    let (of_acme, others) =
        of_columns(SEALS).into_iter().partition::<Vec<_>, _>(Change::is_of_acme);
    clones::try_all(&of_acme);
    Bench::new().try_each(&others);
}

#[test]
fn any_row_that_is_deleted_added_moved_or_swapped_is_found() {
    let changes = [of_rows(), of_seal_rows()].concat();
    let (of_acme, others) = changes.into_iter().partition::<Vec<_>, _>(Change::is_of_acme);
    clones::try_all(&of_acme);
    Bench::new().try_each(&others);
}

#[test]
fn two_changes_at_once_are_found_whatever_they_are() {
    let bench = Bench::new();
    // A change of the chain and one of the days can't undo each other.
    let of_chain = [of_columns(SEALS), of_seal_rows()].concat();
    let of_days = [of_columns(EVENTS), of_columns(CONFLICTS), of_columns(LEDGER), of_rows()];
    let of_days = of_days.concat();
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..20 {
        let changes = [random.choice(&of_chain), random.choice(&of_days)];
        let changes = changes.map(|change| change.expect("a change"));
        if bench.make(&changes) {
            let finished = bench.world.run("verify --output json");
            let what = changes.map(|change| &change.what);
            assert_eq!(finished.status, 1, "seed {seed}: {what:?}: {finished:#?}");
            assert_eq!(finished.json()["ok"], false, "seed {seed}: {what:?}");
        }
        bench.put_back();
    }
}
