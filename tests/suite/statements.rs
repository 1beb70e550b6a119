//! The schema accepts every statement of the program.

use std::path::Path;

use crate::support::{ACME, World};

#[test]
fn the_migrated_schema_can_prepare_every_statement() {
    let world = World::new(ACME);
    assert_eq!(world.run("migrate").status, 0);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/sql");
    let mut prepared = 0;
    for entry in std::fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        let sql = std::fs::read_to_string(&path).expect("a statement");
        // Definitions can't be prepared. They run with the migration, or when the Python logger's
        // table is adopted.
        if ["schema_list.sql", "adopt_table.sql", "adopt_keys.sql"]
            .iter()
            .any(|name| path.ends_with(name))
        {
            continue;
        }
        if let Err(error) = world.database.psql(&format!("PREPARE s AS {sql}")) {
            panic!("{}: {error}", path.display());
        }
        prepared += 1;
    }
    assert!(prepared > 15, "{prepared} statements were prepared");
}
