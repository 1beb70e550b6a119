//! `report`: writes one HTML page about the days of a range, verified in the same snapshot.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use chrono::{Days, NaiveDate};

use super::context::{App, refuse_unknown};
use super::failure::{DONE, ExitStatus, Failure};
use super::page::{PageRequest, own_app, page, sources};
use super::verify::{ComparedWith, recompute};
use crate::calendar::AUDIT_TRAIL_BEGINS;
use crate::cli::ReportArgs;
use crate::day::{DateRange, last_over};
use crate::report::page::MadeBy;
use crate::report::page_file::PageFileReport;
use crate::report::{Output, streams};
use crate::store::{Schema, WantedDays};

/// How many days the page shows if the user names no range.
const DEFAULT_DAYS: u64 = 30;

pub(super) async fn run(app: &App<'_>, args: &ReportArgs) -> Result<ExitStatus, Failure> {
    let destination = Destination::of(&args.out)?;
    if matches!(destination, Destination::Stdout) && app.global.output == Output::Json {
        return Err(Failure::usage(
            "--out - writes the page to stdout, which --output json needs; give --out FILE",
        ));
    }
    let reader = app.connect().await?;
    match reader.schema().await? {
        Schema::Current => {}
        other => return Err(other.into_error().into()),
    }
    refuse_unknown(app, &args.sources, async |names| {
        Ok(reader.first_days(names).await?.into_keys().collect())
    })
    .await?;
    let mut snapshot = reader.evidence_snapshot().await?;
    let as_of = snapshot.now().await?;
    let range = range(args, last_over(as_of))?;
    let sources = sources(app, &mut snapshot, &args.sources, range).await?;
    // Without names all sources are shown, and a list of many names would slow the check down.
    let names = (!args.sources.is_empty()).then(|| args.sources.clone());
    let wanted = WantedDays { sources: names, from: Some(range.from), to: Some(range.to) };
    let live_lines = app.global.live_lines();
    let verified = recompute(&mut snapshot, &wanted, ComparedWith::default(), live_lines).await?;
    let made_by = made_by(app, args, range);
    let request =
        PageRequest { sources, range, as_of, verified: &verified, made_by, app: own_app() };
    let page = page(&mut snapshot, request).await?;
    drop(snapshot);
    destination.write(page.html.as_bytes())?;
    if let Destination::File(_) | Destination::Device(_) = destination {
        app.global.output.print(&PageFileReport {
            path: args.out.display().to_string(),
            range,
            verdict: page.verdict.verdict,
            summary: page.verdict.text,
            command: page.verdict.command,
            verified: verified.ok,
            head: verified.head,
        })?;
    }
    reader.close().await;
    Ok(DONE)
}

/// The days of the page. `newest` is the last day that is over.
fn range(args: &ReportArgs, newest: NaiveDate) -> Result<DateRange, Failure> {
    if let Some(month) = args.month {
        let over = DateRange::new(month.first(), month.last().min(newest));
        let none = || Failure::usage(format!("no day of {month} is over in UTC"));
        return if over.is_empty() { Err(none()) } else { Ok(over) };
    }
    if let Some(date) = [args.from, args.to].into_iter().flatten().find(|date| *date > newest) {
        return Err(Failure::usage(format!(
            "{date} is not over in UTC; the newest day is {newest}"
        )));
    }
    let to = args.to.unwrap_or(newest);
    let from =
        args.from.unwrap_or_else(|| (to - Days::new(DEFAULT_DAYS - 1)).max(AUDIT_TRAIL_BEGINS));
    if from > to {
        return Err(Failure::usage(format!("--from {from} is after --to {to}")));
    }
    Ok(DateRange::new(from, to))
}

fn made_by(app: &App<'_>, args: &ReportArgs, range: DateRange) -> MadeBy {
    let mut command = format!("auditsync report --from {} --to {}", range.from, range.to);
    for source in &args.sources {
        command.push_str(" --source ");
        command.push_str(source);
    }
    command.push_str(" --out FILE");
    MadeBy {
        command,
        file: app.config.path.display().to_string(),
        api: app.config.api.base_url.as_str().trim_end_matches('/').to_owned(),
    }
}

/// Where the page goes.
enum Destination {
    Stdout,
    /// A file that is replaced at once, when the page is ready.
    File(PathBuf),
    /// What exists and is no file, such as a pipe. It can't be replaced.
    Device(PathBuf),
}

impl Destination {
    fn of(out: &Path) -> Result<Self, Failure> {
        if out == Path::new("-") {
            return Ok(Self::Stdout);
        }
        let shown = out.display();
        match fs::metadata(out) {
            Ok(existing) if existing.is_dir() => {
                Err(Failure::usage(format!("--out {shown} is a folder; name a file in it")))
            }
            // A link stays a link.
            Ok(existing) if existing.is_file() => {
                Ok(Self::File(fs::canonicalize(out).unwrap_or_else(|_| out.to_owned())))
            }
            Ok(_) => Ok(Self::Device(out.to_owned())),
            Err(_) if folder_of(out).is_dir() && out.file_name().is_some() => {
                Ok(Self::File(out.to_owned()))
            }
            Err(_) => Err(Failure::usage(format!(
                "--out {shown}: there is no folder {}. Create it first",
                folder_of(out).display()
            ))),
        }
    }

    fn write(&self, page: &[u8]) -> Result<(), Failure> {
        let (path, written) = match self {
            Self::Stdout => return Ok(streams::print(page)?),
            Self::Device(path) => {
                (path, File::options().write(true).open(path).and_then(|mut to| to.write_all(page)))
            }
            Self::File(path) => (path, replace(path, page)),
        };
        written.map_err(|error| Failure::File { path: path.display().to_string(), error })
    }
}

fn folder_of(path: &Path) -> &Path {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

/// Writes beside the file and renames, so that nobody ever reads half a page.
fn replace(path: &Path, page: &[u8]) -> io::Result<()> {
    let mut beside = tempfile::Builder::new()
        .prefix(".auditsync-report-")
        // The process's umask narrows this, as for any other new file.
        .permissions(fs::Permissions::from_mode(0o666))
        .tempfile_in(folder_of(path))?;
    beside.write_all(page)?;
    beside.as_file().sync_all()?;
    beside.persist(path).map_err(|error| error.error)?;
    Ok(())
}
