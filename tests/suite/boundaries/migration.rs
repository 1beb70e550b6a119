//! The same for the schema: a migration is complete or has not happened.

use pg_cluster::Database;

use super::*;

#[test]
fn a_migration_killed_or_cut_at_any_step_is_complete_or_absent() {
    let life = Life {
        undo: "DROP SCHEMA public CASCADE; CREATE SCHEMA public",
        run: |stage| stage.start("migrate").wait(),
        begins_with: "",
        harm: |stage, finished| {
            let whole = stage.schema() == *whole_schema();
            assert!(whole || stage.schema().is_empty(), "{}", stage.schema());
            let good = finished.status == 0
                && finished.stdout == "Applied 0001 ledger and events.\n"
                && whole;
            (!good).then(|| message(finished))
        },
        next: |stage| {
            assert!(["", whole_schema()].contains(&&*stage.schema()), "{}", stage.schema());
            let next = stage.world.run("migrate");
            assert_eq!(next.status, 0, "{next:#?}");
            assert_eq!(stage.schema(), *whole_schema());
        },
    };
    assert_eq!(life.end_everywhere().harmed, [""; 0]);
}

impl Stage {
    /// Every column, index and constraint of ours, and the recorded migrations.
    fn schema(&self) -> String {
        schema_of(&self.world.database)
    }
}

fn schema_of(database: &Database) -> String {
    let tables = database.psql(
        "SELECT attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull
         FROM pg_attribute
         WHERE attrelid::regclass::text LIKE 'audit%' ORDER BY attrelid::regclass::text, attnum;
         SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
         WHERE conrelid::regclass::text LIKE 'audit%' ORDER BY conname;",
    );
    let tables = tables.expect("a query").trim().to_owned();
    if tables.is_empty() {
        return tables;
    }
    tables
        + &database
            .psql("SELECT version, description FROM auditsync_migrations")
            .expect("a list of migrations")
}

fn whole_schema() -> &'static str {
    static SCHEMA: OnceLock<String> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let world = World::with(small(), ACME);
        assert_eq!(world.run("migrate").status, 0);
        schema_of(&world.database)
    })
}
