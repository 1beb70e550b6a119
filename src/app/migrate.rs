//! `migrate`: brings the schema up to date.

use super::{App, DONE, ExitStatus, Failure};
use crate::cli::MigrateArgs;
use crate::report::status::MigrateReport;
use crate::store::{Schema, Store, all_migrations};

pub(super) async fn run(app: &App<'_>, args: &MigrateArgs) -> Result<ExitStatus, Failure> {
    let reader = app.connect().await?;
    let migrations = if args.dry_run {
        match reader.schema().await? {
            Schema::Current => Vec::new(),
            Schema::Absent => all_migrations(),
            Schema::Behind(migrations) => migrations,
            other => return Err(other.into_error().into()),
        }
    } else {
        Store::new(&reader, &App::holder()).migrate().await?
    };
    app.global.output.print(&MigrateReport { dry_run: args.dry_run, migrations })?;
    reader.close().await;
    Ok(DONE)
}
