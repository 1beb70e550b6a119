//! Exports as NDJSON or CSV: the events of a range of days, or those of the latest seals.
//!
//! Events pass through while they are read, so the memory does not grow with the range. Everything
//! is from one snapshot.

use std::io::{self, IsTerminal as _};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::context::App;
use super::super::destination::{Destination, Wanted};
use super::super::failure::{DONE, ExitStatus, Failure};
use super::super::shutdown;
use super::selection::{ExportSelection, SelectedSource, gaps, report_gaps};
use crate::cli::{ExportArgs, ExportFormat};
use crate::coverage::Gap;
use crate::day::DateRange;
use crate::evidence::{Head, Seal, SealKind};
use crate::logging::{self, Verbosity};
use crate::report::lines::{LineForm, write_line};
use crate::report::progress::{LiveLines, Progress};
use crate::report::sheet::{CellForm, Sheet};
use crate::report::view::ViewReport;
use crate::report::{Output, counted};
use crate::store::{EventChunk, EventStream, EvidenceSnapshot, SealedEvents};

pub(super) async fn run(
    app: &App<'_>,
    args: &ExportArgs,
    format: ExportFormat,
) -> Result<ExitStatus, Failure> {
    let destination = Destination::open(&args.out)?;
    if destination.name().is_none() {
        return write(app, args, View::new(format, destination)).await;
    }
    // An export that a signal ends leaves no part of a file behind.
    tokio::select! {
        written = write(app, args, View::new(format, destination)) => written,
        signal = shutdown::first_signal() => {
            Err(Failure::Ended(128 + signal.map_err(Failure::Process)?))
        }
    }
}

async fn write(app: &App<'_>, args: &ExportArgs, mut view: View) -> Result<ExitStatus, Failure> {
    let reader = app.connect_to_current().await?;
    let mut snapshot = reader.evidence_snapshot().await?;
    snapshot.wait_for_reader().await?;
    let mut report = ViewReport::new(view.format, snapshot.head().await?);
    let mut status = DONE;
    let seals = LaterSeals::of(app, args, &mut snapshot, report.head.as_ref()).await?;
    let wanted = if let Some(seals) = seals {
        view.write_seals(&mut snapshot, &seals).await?
    } else {
        let selection = ExportSelection::of(app, args, &mut snapshot).await?;
        let gaps = gaps(&mut snapshot, &selection).await?;
        status = report_gaps(&selection, &gaps, args);
        report.count_days(&selection, &gaps, selection.days_due_again(&mut snapshot).await?);
        let live_lines = app.global.live_lines();
        view.write_days(&mut snapshot, &selection, live_lines).await?
    };
    drop(snapshot);
    // A reader that closed the pipe did not get everything, so no number may say how far it got.
    if wanted.is_continue() && view.finish(&mut report)?.is_continue() {
        if report.path.is_some() {
            app.global.output.print(&report)?;
        } else if app.global.verbosity() == Verbosity::Normal {
            Output::print_beside_records(&report);
        }
        logging::export_finished(&report);
    }
    reader.close().await;
    Ok(status)
}

/// The seals whose events are exported.
struct LaterSeals {
    /// Those behind this number.
    after: i64,
    /// Of days that are stored under these names, or of all.
    sources: Option<Vec<String>>,
}

impl LaterSeals {
    /// Those behind the number that `args` name, if they name one.
    async fn of(
        app: &App<'_>,
        args: &ExportArgs,
        snapshot: &mut EvidenceSnapshot,
        head: Option<&Head>,
    ) -> Result<Option<Self>, Failure> {
        let Some(after) = args.after else { return Ok(None) };
        let newest = match head {
            Some(head) => head.seq,
            None if after == 0 => 0,
            None => {
                return Err(Failure::usage(
                    "the last seal of this database can't be read. Run `auditsync verify`",
                ));
            }
        };
        if after > newest {
            return Err(Failure::usage(format!(
                "--after {after}: the last seal of this database is {newest}. Its chain is \
                 another one, or was restored: `auditsync verify --anchor` compares it with a head \
                 that you kept"
            )));
        }
        let known = async |names: &[&str]| snapshot.known_sources(names).await;
        let sources = app.select(&args.sources, known).await?.stored_names();
        Ok(Some(Self { after, sources }))
    }

    fn select(&self, sealed: &SealedEvents) -> bool {
        self.sources.as_ref().is_none_or(|names| names.contains(&sealed.source))
    }
}

/// The events that a seal adds; `None` if it is not of a published day.
fn sealed_events(seq: i64, text: &str) -> Result<Option<SealedEvents>, Failure> {
    let seal = Seal::parse(text).map_err(|why| Failure::Seal { seq, why })?.sealed;
    if seal.kind != SealKind::Day {
        return Ok(None);
    }
    let attempts = Option::zip(seal.attempt, seal.prev_attempt);
    Ok(Option::zip(seal.date, attempts).map(|(date, (attempt, prev_attempt))| SealedEvents {
        source: seal.source,
        date,
        prev_attempt,
        attempt,
    }))
}

/// An export that is being written.
struct View {
    format: ExportFormat,
    form: ViewForm,
    destination: Destination,
    events: Arc<AtomicU64>,
    /// The seals of days whose events were written, and the number of the last seal of all.
    seals: Option<u64>,
    last_seq: Option<i64>,
}

#[derive(Debug, Clone, Copy)]
enum ViewForm {
    Lines(LineForm),
    Cells(CellForm),
}

impl View {
    fn new(format: ExportFormat, destination: Destination) -> Self {
        let is_shown = destination.name().is_none() && io::stdout().is_terminal();
        let form = match (format, is_shown) {
            (ExportFormat::Csv, false) => ViewForm::Cells(CellForm::Plain),
            (ExportFormat::Csv, true) => ViewForm::Cells(CellForm::Escaped),
            (_, false) => ViewForm::Lines(LineForm::Exact),
            (_, true) => ViewForm::Lines(LineForm::Escaped),
        };
        Self { format, form, destination, events: Arc::default(), seals: None, last_seq: None }
    }

    /// Writes what stands before the events.
    fn begin(&mut self) -> Wanted {
        match self.form {
            ViewForm::Lines(_) => Ok(ControlFlow::Continue(())),
            ViewForm::Cells(form) => {
                let mut sheet = Sheet::new(form);
                let headings = sheet.headings().and_then(|()| sheet.into_bytes());
                self.destination.write(&headings?)
            }
        }
    }

    async fn write_days(
        &mut self,
        snapshot: &mut EvidenceSnapshot,
        selection: &ExportSelection,
        live_lines: LiveLines,
    ) -> Wanted {
        if self.begin()?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        // Records on stdout may reach the same terminal, which live lines would disturb.
        let to_file = self.destination.name().is_some();
        let live_lines = if to_file { live_lines } else { LiveLines::Hidden };
        let owed = |source: &SelectedSource| source.owed.map_or(0, DateRange::len) as usize;
        let progress = Progress::new(selection.sources.iter().map(owed).sum(), live_lines);
        for source in &selection.sources {
            let events = Arc::clone(&self.events);
            let describe = move || counted(events.load(Ordering::Relaxed), "event");
            let _line = progress.line(source.name.clone(), describe);
            for name in &source.stored_as {
                let mut events = snapshot.events_of(name, selection.range);
                if self.write_events(&mut events).await?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            progress.done(owed(source));
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Writes the events of later seals, in the order of the seals.
    ///
    /// A seal adds the rows of the attempts behind its day's previous seal. So each event belongs
    /// to exactly one seal, and the number of the last one is where the next export goes on.
    async fn write_seals(
        &mut self,
        snapshot: &mut EvidenceSnapshot,
        wanted: &LaterSeals,
    ) -> Wanted {
        if self.begin()?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        let (mut seq, mut seals) = (wanted.after, 0);
        loop {
            let page = snapshot.seals(Some(seq)).await.map_err(|error| self.cut(error))?;
            let Some(last) = page.last() else { break };
            seq = last.seq;
            for row in &page {
                let sealed = sealed_events(row.seq, &row.sealed);
                let sealed = sealed.map_err(|failure| self.cut(failure))?;
                let Some(sealed) = sealed.filter(|sealed| wanted.select(sealed)) else { continue };
                seals += 1;
                let mut events = snapshot.sealed_events(&sealed);
                if self.write_events(&mut events).await?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        (self.seals, self.last_seq) = (Some(seals), Some(seq));
        Ok(ControlFlow::Continue(()))
    }

    async fn write_events(&mut self, events: &mut EventStream<'_>) -> Wanted {
        while let Some(chunk) = events.next().await.map_err(|error| self.cut(error))? {
            self.events.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            let bytes = self.encoded(&chunk)?;
            if self.destination.write(&bytes)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn encoded(&self, chunk: &EventChunk) -> io::Result<Vec<u8>> {
        match self.form {
            ViewForm::Lines(form) => {
                let mut lines = Vec::new();
                chunk.rows().for_each(|(_, _, event)| write_line(&mut lines, &event, form));
                Ok(lines)
            }
            ViewForm::Cells(form) => {
                let mut sheet = Sheet::new(form);
                for (source, date, event) in chunk.rows() {
                    sheet.event(source, date, &event)?;
                }
                sheet.into_bytes()
            }
        }
    }

    /// The failure after which nothing more may be written to where the events went.
    fn cut(&self, failure: impl Into<Failure>) -> Failure {
        let failure = failure.into();
        if self.destination.name().is_none() && self.destination.written() > 0 {
            failure.behind_output()
        } else {
            failure
        }
    }

    fn finish(self, report: &mut ViewReport) -> Wanted {
        report.events_exported = self.events.load(Ordering::Relaxed);
        (report.seals_exported, report.last_seq) = (self.seals, self.last_seq);
        report.bytes_written = self.destination.written();
        report.path = self.destination.name().map(str::to_owned);
        self.destination.finish()
    }
}

impl ViewReport {
    fn new(format: ExportFormat, head: Option<Head>) -> Self {
        Self {
            format: if format == ExportFormat::Csv { "csv" } else { "ndjson" },
            path: None,
            days_exported: None,
            days_incomplete: None,
            days_due_again: None,
            seals_exported: None,
            events_exported: 0,
            bytes_written: 0,
            gaps: Vec::new(),
            last_seq: None,
            head,
        }
    }

    fn count_days(&mut self, selection: &ExportSelection, gaps: &[Gap], due_again: u64) {
        let owed = selection.sources.iter().filter_map(|source| source.owed);
        let owed: u64 = owed.map(DateRange::len).sum();
        let incomplete: u64 = gaps.iter().map(|gap| gap.dates.len()).sum();
        self.days_exported = Some(owed.saturating_sub(incomplete + due_again));
        self.days_due_again = Some(due_again);
        self.days_incomplete = Some(incomplete);
        self.gaps = gaps.to_vec();
    }
}
