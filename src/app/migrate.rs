//! `migrate`: brings the schema up to date, and takes the Python logger's table over.

use super::reset::operator;
use super::{App, DONE, ExitStatus, Failure};
use crate::cli::MigrateArgs;
use crate::config::Source;
use crate::report::adoption::{AdoptionReport, RereadDays, TakenOver};
use crate::report::operator::MigrateReport;
use crate::store::{AdoptOrder, Adopted, Reader, Schema, Store, all_migrations};

pub(super) async fn run(app: &App<'_>, args: &MigrateArgs) -> Result<ExitStatus, Failure> {
    let named = args
        .adopt_as
        .as_deref()
        .map(|name| app.config.source(name).map_err(Failure::usage))
        .transpose()?;
    let reader = app.connect().await?;
    let schema = reader.schema_to_migrate().await?;
    if schema == Schema::PythonLogger {
        let source = named.map_or_else(
            || only_source(app, "", "the table audit_events_log is the Python logger's"),
            Ok,
        )?;
        if let Some(report) = adopt(&reader, args, source).await? {
            app.global.output.print(&report)?;
            reader.close().await;
            return Ok(DONE);
        }
    }
    // Asked for before anything is done.
    let reread = if args.reread {
        Some(named.map_or_else(|| only_source(app, " --reread", NOT_SAID), Ok)?)
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
        Some(source) if has_ledger || !args.dry_run => {
            Some(reread_adopted(&reader, args, source).await?)
        }
        Some(source) => Some(RereadDays::none(source)),
        None => None,
    };
    app.global.output.print(&MigrateReport { dry_run: args.dry_run, migrations, reread })?;
    reader.close().await;
    Ok(DONE)
}

/// Why a name is needed to read adopted days again.
const NOT_SAID: &str = "--reread makes the adopted days of one source due";

/// Makes the adopted days of a source due, or counts them.
async fn reread_adopted(
    reader: &Reader,
    args: &MigrateArgs,
    source: &Source,
) -> Result<RereadDays, Failure> {
    let name = source.name.as_ref();
    let adopted = if args.dry_run {
        reader.adopted_days(name).await?
    } else {
        Store::new(reader, &App::holder()).reread_adopted(name, &operator(None)).await?
    };
    let (from, to) = (adopted.range.map(|range| range.from), adopted.range.map(|range| range.to));
    Ok(RereadDays {
        days: adopted.days,
        from,
        to,
        dry_run: args.dry_run,
        ..RereadDays::none(source)
    })
}

/// The only source of the file; `why` a choice must be made where it has several, and by which options.
fn only_source<'a>(app: &'a App<'_>, options: &str, why: &str) -> Result<&'a Source, Failure> {
    match &*app.config.sources {
        [only] => Ok(only),
        several => {
            let names: Vec<&str> = several.iter().map(|source| source.name.as_ref()).collect();
            Err(Failure::usage(format!(
                "{why}, and {} has several sources: say whose days they are \
                 with `auditsync migrate --adopt-as NAME{options} --dry-run`, where NAME is one of {}",
                app.config.path.display(),
                names.join(", ")
            )))
        }
    }
}

/// Takes the table over, or rehearses it; `None` if another process was faster.
async fn adopt(
    reader: &Reader,
    args: &MigrateArgs,
    source: &Source,
) -> Result<Option<AdoptionReport>, Failure> {
    let by = operator(None);
    let order = AdoptOrder {
        source: source.name.as_ref(),
        reread: args.reread,
        rehearse: args.dry_run,
        by: &by,
    };
    let adopted = Store::new(reader, &App::holder()).adopt(&order).await?;
    Ok(adopted.map(|adopted| report(args, source, adopted)))
}

fn report(args: &MigrateArgs, source: &Source, adopted: Adopted) -> AdoptionReport {
    AdoptionReport {
        dry_run: args.dry_run,
        adopted: TakenOver {
            source: source.name.to_string(),
            days: adopted.days,
            due: adopted.due,
            error: adopted.error,
            unproven: adopted.unproven,
            unproven_from: adopted.unproven_range.map(|range| range.from),
            unproven_to: adopted.unproven_range.map(|range| range.to),
            ignored: adopted.ignored,
        },
        migrations: adopted.migrations,
    }
}
