//! What `events` prints: a table, one JSON document, or one event per line. All three are printed
//! while events are found.

use std::io::{self, BufWriter, Stdout, Write as _};
use std::ops::ControlFlow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::value::RawValue;

pub(crate) use super::event_table::FixedColumn;
use super::event_table::{EventCells, EventTable};
use super::json;
use super::lines::{LineForm, json_text, write_line};
use super::output::{Output, terminal_width};
use super::sheet::{written_date, written_time};
use super::streams::accept_closed_pipe;
use super::text::Text;
use crate::evidence::EventRow;
use crate::store::{EventChunk, RawDate};

/// Prints events while they are found, until the reader of stdout closes it.
pub(crate) struct FoundEvents {
    out: BufWriter<Stdout>,
    form: PrintedForm,
    width: Option<usize>,
    limit: Option<u32>,
    printed: u32,
    more: bool,
}

enum PrintedForm {
    Table(Box<EventTable>),
    Document,
    Lines,
}

impl FoundEvents {
    /// Prints at most `limit` events. A filter leaves one value for the `fixed` columns.
    pub(crate) fn new(output: Output, limit: Option<u32>, fixed: Vec<FixedColumn>) -> Self {
        let width = terminal_width();
        let form = match output {
            Output::Text => PrintedForm::Table(Box::new(EventTable::new(width, fixed))),
            Output::Json => PrintedForm::Document,
            Output::Ndjson => PrintedForm::Lines,
        };
        let out = BufWriter::new(io::stdout());
        Self { out, form, width, limit, printed: 0, more: false }
    }

    /// Whether a document has begun, so that no other one may follow.
    pub(crate) fn has_begun(&self) -> bool {
        self.printed > 0
    }

    /// Prints some events, and returns whether more are wanted.
    pub(crate) fn print(&mut self, events: &EventChunk) -> io::Result<ControlFlow<()>> {
        match self.write(events).and_then(|()| self.out.flush()) {
            Ok(()) if self.more => Ok(ControlFlow::Break(())),
            Ok(()) => Ok(ControlFlow::Continue(())),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
            Err(error) => Err(error),
        }
    }

    /// Prints the end. `unknown` are the searched values that no stored event has.
    pub(crate) fn end(mut self, unknown: &[String]) -> io::Result<()> {
        accept_closed_pipe(self.write_end(unknown).and_then(|()| self.out.flush()))
    }

    fn write(&mut self, events: &EventChunk) -> io::Result<()> {
        let left = self.limit.map_or(usize::MAX, |limit| (limit - self.printed) as usize);
        self.more = events.len() > left;
        let events: Vec<_> = events.rows().take(left).collect();
        match &mut self.form {
            PrintedForm::Table(table) => {
                let cells = |(source, date, event): &(&str, RawDate, EventRow<'_>)| {
                    EventCells::of(source, *date, event)
                };
                let rows: Vec<EventCells> = events.iter().map(cells).collect();
                if !rows.is_empty() {
                    // The table fits its rows to the terminal, which need not be wrapped.
                    table.write(&mut Text::new(&mut self.out, None), rows)?;
                }
            }
            PrintedForm::Document => {
                for (place, (source, date, event)) in events.iter().enumerate() {
                    let is_first = self.printed == 0 && place == 0;
                    self.out.write_all(if is_first { b"{\"matches\":[" } else { b"," })?;
                    json::write(&mut self.out, &FoundEvent::of(source, *date, event))?;
                }
            }
            PrintedForm::Lines => {
                let mut lines = Vec::new();
                for (_, _, event) in &events {
                    write_line(&mut lines, event, LineForm::Redacted);
                }
                self.out.write_all(&lines)?;
            }
        }
        self.printed += events.len() as u32;
        Ok(())
    }

    fn write_end(&mut self, unknown: &[String]) -> io::Result<()> {
        match self.form {
            PrintedForm::Table(_) if self.printed == 0 => {
                let mut text = Text::new(&mut self.out, self.width);
                let why = match unknown {
                    [] => String::new(),
                    unknown => format!(": no stored event has the {}", unknown.join(", or the ")),
                };
                writeln!(
                    text,
                    "No event matches{why}. `auditsync status` shows which days are complete."
                )
            }
            PrintedForm::Table(_) if self.more => {
                let mut text = Text::new(&mut self.out, self.width);
                text.blank()?;
                text.line("Older events match, too: --limit N shows more, --until T older ones.")
            }
            PrintedForm::Table(_) | PrintedForm::Lines => Ok(()),
            PrintedForm::Document => {
                let begin = if self.printed == 0 { "{\"matches\":[" } else { "" };
                let (limit, more) = (serde_json::to_string(&self.limit)?, self.more);
                writeln!(self.out, "{begin}],\"limit\":{limit},\"more\":{more}}}")
            }
        }
    }
}

/// An event in the document: what is stored about it, and the event itself.
#[derive(Debug, Serialize)]
struct FoundEvent<'e> {
    source: &'e str,
    date: String,
    event_id: &'e str,
    created_at: Option<String>,
    r#type: Option<&'e str>,
    action: Option<&'e str>,
    actor_email: Option<&'e str>,
    actor_id: Option<&'e str>,
    app_name: Option<&'e str>,
    app_id: Option<&'e str>,
    team_name: Option<&'e str>,
    team_id: Option<&'e str>,
    owner_email: Option<&'e str>,
    ip_address: Option<String>,
    attempt: i32,
    via: &'e str,
    first_seen_at: String,
    sha256: String,
    event: Option<&'e RawValue>,
    /// The bytes, if they are no JSON in UTF-8.
    raw_base64: Option<String>,
}

impl<'e> FoundEvent<'e> {
    fn of(source: &'e str, date: RawDate, row: &EventRow<'e>) -> Self {
        let [r#type, action, actor_email, actor_id, app_name, app_id, team_name, team_id, owner] =
            row.texts;
        let event = json_text(row.bytes).and_then(|text| serde_json::from_str(text).ok());
        Self {
            source,
            date: written_date(date),
            event_id: row.id,
            created_at: row.created_at.map(written_time),
            r#type,
            action,
            actor_email,
            actor_id,
            app_name,
            app_id,
            team_name,
            team_id,
            owner_email: owner,
            ip_address: row.ip_address.flatten().map(|address| address.to_string()),
            attempt: row.attempt,
            via: row.via,
            first_seen_at: written_time(row.first_seen_at),
            sha256: hex::encode(row.hash),
            event,
            raw_base64: event.is_none().then(|| STANDARD.encode(row.bytes)),
        }
    }
}
