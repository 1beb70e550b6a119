//! Databases with a schema that this version must not touch.

use super::{ACME, World};

/// A schema to which a later version has applied a migration.
pub(crate) fn newer() -> World {
    let world = World::new(ACME);
    world.run("migrate");
    world.sql(
        "INSERT INTO auditsync_migrations (version, description, checksum)
         VALUES (9999, 'from the future', '')",
    );
    world
}

/// A ledger without sources that is not the Python logger's.
pub(crate) fn foreign() -> World {
    let world = World::new(ACME);
    world.sql(
        "CREATE TABLE audit_events_log (
             id serial PRIMARY KEY, process_date date UNIQUE, status varchar(20))",
    );
    world
}
