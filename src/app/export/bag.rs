//! `export --format bag`: evidence in files that check themselves, verified while it is written.

mod target;
mod writer;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use tracing::{error, warn};

use super::super::anchoring;
use super::super::context::App;
use super::super::failure::{ExitStatus, FOUND_WRONG, Failure};
use super::super::page::{self, PageRequest};
use super::super::shutdown;
use super::super::verification::Verification;
use super::selection::{ExportSelection, gaps, report_gaps};
use crate::bag::{
    BagFolder, BagInfo, CoverageFile, CoverageRow, CoverageState, REPORT, VERIFY, VERIFY_PAGE,
};
use crate::cli::ExportArgs;
use crate::config::SourceName;
use crate::day::DateRange;
use crate::event::Hash;
use crate::evidence::Anchors;
use crate::evidence::key::{SigningKey, VerifierKey};
use crate::evidence::note::Note;
use crate::report::bag::BagReport;
use crate::report::page::MadeBy;
use crate::report::progress::LiveLines;
use crate::report::verify::VerifyReport;
use crate::store::{AppIdentity, CalendarDay, EvidenceSnapshot};
use target::BagTarget;
use writer::BagWriter;

pub(super) async fn run(app: &App<'_>, args: &ExportArgs) -> Result<ExitStatus, Failure> {
    let target = BagTarget::of(&args.out)?;
    // An export that a signal ends leaves no part of a bag behind.
    tokio::select! {
        written = write(app, args, &target) => written,
        signal = shutdown::first_signal() => {
            Err(Failure::Ended(128 + signal.map_err(Failure::Process)?))
        }
    }
}

async fn write(
    app: &App<'_>,
    args: &ExportArgs,
    target: &BagTarget,
) -> Result<ExitStatus, Failure> {
    let key = app.config.evidence.signing_key_env.as_deref().map(anchoring::key).transpose();
    let key = key.map_err(|why| Failure::usage(format!("the bag can't be signed: {why}")))?;
    let reader = app.connect_to_current().await?;
    let mut snapshot = reader.evidence_snapshot().await?;
    let selection = ExportSelection::of(app, args, &mut snapshot).await?;
    require_plain_names(&selection)?;
    let gaps = gaps(&mut snapshot, &selection).await?;
    let (place, bag) = target.begin()?;
    let is_stdout = target.is_stdout();
    let live_lines = if is_stdout { LiveLines::Hidden } else { app.global.live_lines() };
    let mut payload = write_payload(&mut snapshot, &selection, bag, live_lines).await?;
    write_page(app, &mut snapshot, &selection, &mut payload).await?;
    let made_at = snapshot.now().await?;
    drop(snapshot);
    let tag_manifest = payload.finish(&selection, made_at, key.as_ref())?;
    let name = format!("auditsync-{}-{}", selection.range.from, selection.range.to);
    place.finish(name, payload.sealed_at).await?;
    reader.close().await;
    let is_sound = payload.verified.problems.is_empty();
    let signed_by = key.map(|key| key.verifier().name().to_string());
    let report = BagReport {
        path: args.out.display().to_string(),
        is_folder: target.is_folder(),
        range: selection.range,
        source_names: payload.days.sources.into_iter().collect(),
        days_exported: payload.days.complete,
        days_due_again: payload.days.due_again,
        events_exported: payload.verified.events_checked,
        gaps,
        tag_manifest: hex::encode(tag_manifest),
        signed_by,
        head: payload.verified.head,
        problems: payload.verified.problems,
    };
    // On stdout is the bag alone.
    if !is_stdout {
        app.global.output.print(&report)?;
    }
    let status = report_gaps(&selection, &report.gaps, args);
    if is_sound {
        return Ok(status);
    }
    error!(
        target: "auditsync",
        problems = report.problems.len(),
        "what is stored is not what was sealed, so the bag shows that; run `auditsync verify`"
    );
    Ok(FOUND_WRONG)
}

/// The payload of a bag that is written.
struct WrittenBag {
    bag: BagFolder,
    verified: VerifyReport,
    /// When the last seal was made: the time that the bag is dated by.
    sealed_at: DateTime<Utc>,
    /// The key that the chain names last.
    announced: Option<VerifierKey>,
    days: WrittenDays,
}

/// What the calendar of a bag has.
#[derive(Debug, Default)]
struct WrittenDays {
    /// The names under which its days stand.
    sources: BTreeSet<String>,
    complete: u64,
    due_again: u64,
}

/// Writes everything but the files about the files, from one snapshot.
async fn write_payload(
    snapshot: &mut EvidenceSnapshot,
    selection: &ExportSelection,
    bag: BagFolder,
    live_lines: LiveLines,
) -> Result<WrittenBag, Failure> {
    let wanted = selection.wanted();
    let verification =
        Verification { wanted: &wanted, anchors: Anchors::new(Vec::new(), Vec::new()), live_lines };
    let (verified, writer) = verification.run(snapshot, BagWriter::new(bag)?).await?;
    let sealed_at = verified.sealed_at.unwrap_or(DateTime::UNIX_EPOCH);
    let (mut bag, announced) = writer.finish()?;
    let days = write_coverage(snapshot, selection, &mut bag).await?;
    bag.add(VERIFY, VERIFY_PAGE.as_bytes())?;
    Ok(WrittenBag { bag, verified: verified.into_report(), sealed_at, announced, days })
}

/// Writes the report about the same days. It is dated by the last seal.
async fn write_page(
    app: &App<'_>,
    snapshot: &mut EvidenceSnapshot,
    selection: &ExportSelection,
    payload: &mut WrittenBag,
) -> Result<(), Failure> {
    let DateRange { from, to } = selection.range;
    // What only this process knows, such as the app that runs it, the name of its file and where
    // it finds Heroku's API, stays out: the same database gives the same bag.
    let mut sources =
        page::sources(app, snapshot, &selection.present_names(), selection.range).await?;
    // The bag is about every day of the range, also before the first one in the ledger.
    for source in sources.iter_mut().filter(|source| source.enabled) {
        source.since = source.since.or(Some(from));
    }
    let request = PageRequest {
        sources,
        range: selection.range,
        as_of: payload.sealed_at,
        verified: &payload.verified,
        made_by: MadeBy {
            command: format!("auditsync export --format bag --from {from} --to {to}"),
            file: String::new(),
            api: String::new(),
        },
        app: AppIdentity::default(),
    };
    let page = page::page(snapshot, request).await?;
    Ok(payload.bag.add(REPORT, page.html.as_bytes())?)
}

async fn write_coverage(
    snapshot: &mut EvidenceSnapshot,
    selection: &ExportSelection,
    bag: &mut BagFolder,
) -> Result<WrittenDays, Failure> {
    let mut file = CoverageFile::begin(bag)?;
    let mut days = selection.calendar(snapshot);
    let mut written = WrittenDays::default();
    while let Some(day) = days.next().await? {
        written.due_again += u64::from(selection.is_due_again(&day));
        let row = coverage_row(day);
        written.complete += u64::from(row.state() == CoverageState::Complete);
        file.add(&row)?;
        written.sources.insert(row.source);
    }
    file.end(bag)?;
    Ok(written)
}

fn coverage_row(day: CalendarDay) -> CoverageRow {
    CoverageRow {
        source: day.source,
        date: day.date,
        status: day.status.unwrap_or_default(),
        attempt: day.attempt,
        events: day.events,
        digest: day.digest.and_then(|digest| digest.try_into().ok()),
        scope: day.scope,
        synced_at: day.synced_at.map(|time| time.0),
        settled_at: day.settled_at.map(|time| time.0),
        is_pruned: day.is_pruned,
    }
}

impl WrittenBag {
    /// Writes the files about the files, and signs them. Returns the hash that vouches for all.
    fn finish(
        &self,
        selection: &ExportSelection,
        made_at: DateTime<Utc>,
        key: Option<&SigningKey>,
    ) -> Result<Hash, Failure> {
        let info = BagInfo {
            made_on: made_at.date_naive(),
            range: selection.range,
            sources: self.days.sources.iter().cloned().collect(),
            head: self.verified.head.clone(),
        };
        let tag_manifest = self.bag.finish(&info)?;
        let Some(key) = key else { return Ok(tag_manifest) };
        let text = crate::bag::note_text(&tag_manifest);
        let note = Note::sign(&text, &[key]).expect("the text of a note");
        self.bag.sign(&note.to_string())?;
        if self.announced.as_ref() != Some(key.verifier()) {
            warn!(
                target: "auditsync",
                key = %key.verifier(),
                "the chain does not name this key yet; until a run has stored something, check \
                 the bag with --key"
            );
        }
        Ok(tag_manifest)
    }
}

/// Files are named after sources. Only a change of the database can leave another name there.
fn require_plain_names(selection: &ExportSelection) -> Result<(), Failure> {
    let is_odd = |name: &&String| SourceName::parse(name).is_err();
    match selection.names().iter().find(is_odd) {
        None => Ok(()),
        Some(name) => Err(Failure::usage(format!(
            "the database has days of a source `{name}`, which no file can name. Run `auditsync \
             verify`, and name the other sources with --source"
        ))),
    }
}
