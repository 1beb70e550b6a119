//! `migrate`: brings the schema up to date, and adopts the Python logger's table.

use super::context::App;
use super::failure::{DONE, ExitStatus, Failure};
use super::{head, operator};
use crate::cli::MigrateArgs;
use crate::config::Source;
use crate::report::adoption::{AdoptedTable, RereadDays};
use crate::report::operator::MigrateReport;
use crate::store::{AdoptRequest, AdoptedDays, Adoption, Reader, Schema, Store, all_migrations};

pub(super) async fn run(app: &App<'_>, args: &MigrateArgs) -> Result<ExitStatus, Failure> {
    let named = args
        .adopt_as
        .as_deref()
        .map(|name| app.config.source(name).map_err(Failure::usage))
        .transpose()?;
    let reader = app.connect().await?;
    let schema = reader.schema_for_migration().await?;
    if schema == Schema::PythonLogger {
        let source = named.map_or_else(
            || only_source(app, "", "the table audit_events_log is the Python logger's"),
            Ok,
        )?;
        if let Some(report) = adopt(&reader, args, source).await? {
            app.global.output.print(&report)?;
            return Ok(end(args, reader).await);
        }
    }
    // A missing name must stop the command before it changes anything.
    let reread = if args.reread {
        let source = named.map_or_else(|| only_source(app, " --reread", NOT_SAID), Ok)?;
        Some((source, operator::of_environment(NAME)?))
    } else {
        None
    };
    let has_ledger = schema != Schema::Absent;
    let migrations = if args.dry_run {
        match schema {
            Schema::Current | Schema::PythonLogger => Vec::new(),
            Schema::Absent => all_migrations(),
            Schema::Behind(migrations) => migrations,
            other => return Err(other.into_error().into()),
        }
    } else {
        Store::new(&reader, &App::holder()).migrate().await?
    };
    let reread = match reread {
        Some((source, by)) if has_ledger || !args.dry_run => {
            Some(reread_adopted(&reader, args, source, &by).await?)
        }
        Some((source, _)) => Some(RereadDays::none(source)),
        None => None,
    };
    app.global.output.print(&MigrateReport {
        dry_run: args.dry_run,
        migrations,
        adoption: None,
        reread,
    })?;
    Ok(end(args, reader).await)
}

/// Ends the command after its result was printed.
async fn end(args: &MigrateArgs, reader: Reader) -> ExitStatus {
    if !args.dry_run {
        head::log("migrate", &reader).await;
    }
    reader.close().await;
    DONE
}

/// What to do if nothing names the actor.
const NAME: &str = "Set AUDITSYNC_BY to the name of the person or job that migrates";

/// Why `--reread` needs a name.
const NOT_SAID: &str = "--reread makes the adopted days of one source due";

/// Makes the adopted days of a source due, or counts them.
async fn reread_adopted(
    reader: &Reader,
    args: &MigrateArgs,
    source: &Source,
    by: &str,
) -> Result<RereadDays, Failure> {
    let names: Vec<&str> = source.names().map(AsRef::as_ref).collect();
    let mut adopted = AdoptedDays::default();
    for (place, name) in names.iter().enumerate() {
        let preceding = &names[..place];
        adopted = adopted.and(if args.dry_run {
            reader.adopted_days(name, preceding).await?
        } else {
            Store::new(reader, &App::holder()).reread_adopted(name, preceding, by).await?
        });
    }
    Ok(RereadDays {
        days_due: adopted.days,
        dates: adopted.range,
        dry_run: args.dry_run,
        ..RereadDays::none(source)
    })
}

/// The only source of the file. If there are several, the failure says `why` one must be named, and
/// with which `options`.
fn only_source<'a>(app: &'a App<'_>, options: &str, why: &str) -> Result<&'a Source, Failure> {
    match &*app.config.sources {
        [only] => Ok(only),
        several => {
            let names: Vec<&str> = several.iter().map(|source| source.name.as_ref()).collect();
            Err(Failure::usage(format!(
                "{why}, and {} has several sources. Name the source of the days \
                 with `auditsync migrate --adopt-as NAME{options} --dry-run`, where NAME is one \
                 of {}",
                app.config.path.display(),
                names.join(", ")
            )))
        }
    }
}

/// Adopts the table, or rehearses it; `None` if another process was faster.
async fn adopt(
    reader: &Reader,
    args: &MigrateArgs,
    source: &Source,
) -> Result<Option<MigrateReport>, Failure> {
    let by = operator::of_environment(NAME)?;
    let order = AdoptRequest {
        source: source.name.as_ref(),
        reread: args.reread,
        rehearse: args.dry_run,
        by: &by,
    };
    let adopted = Store::new(reader, &App::holder()).adopt(&order).await?;
    Ok(adopted.map(|adopted| report(args, source, adopted)))
}

fn report(args: &MigrateArgs, source: &Source, adopted: Adoption) -> MigrateReport {
    MigrateReport {
        dry_run: args.dry_run,
        migrations: adopted.migrations,
        adoption: Some(AdoptedTable {
            source: source.name.to_string(),
            days_adopted: adopted.days,
            days_due: adopted.due,
            days_error: adopted.error,
            days_unproven: adopted.unproven,
            unproven_dates: adopted.unproven_range,
            rows_ignored: adopted.ignored,
        }),
        reread: None,
    }
}
