//! Events as CSV. The people under audit choose the names in it, so no cell is a formula.

use std::borrow::Cow;
use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat};

use crate::evidence::{EventRow, TEXTS};
use crate::store::RawDate;
use crate::text::shown;

/// The columns around the derived texts.
const FIRST: [&str; 4] = ["source", "date", "event_id", "created_at"];
const LAST: [&str; 7] =
    ["ip_address", "attempt", "via", "first_seen_at", "sha256", "event", "raw_base64"];

/// Who reads the cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CellForm {
    /// A program, which gets them as they are.
    Plain,
    /// A person at a terminal, which no cell may control.
    Escaped,
}

/// Rows of CSV in memory.
pub(crate) struct Sheet {
    rows: csv::Writer<Vec<u8>>,
    form: CellForm,
}

impl Sheet {
    /// A sheet without rows.
    pub(crate) fn new(form: CellForm) -> Self {
        Self { rows: csv::Writer::from_writer(Vec::new()), form }
    }

    /// Adds the names of the columns.
    pub(crate) fn headings(&mut self) -> io::Result<()> {
        Ok(self.rows.write_record(FIRST.iter().chain(&TEXTS).chain(&LAST))?)
    }

    /// Adds the row of an event.
    pub(crate) fn event(
        &mut self,
        source: &str,
        date: RawDate,
        event: &EventRow<'_>,
    ) -> io::Result<()> {
        let text = std::str::from_utf8(event.bytes).ok();
        let base64 = text.is_none().then(|| STANDARD.encode(event.bytes));
        let address = event.ip_address.flatten().map(|address| address.to_string());
        let first: [Cow<'_, str>; 4] = [
            source.into(),
            written_date(date).into(),
            event.id.into(),
            event.created_at.map(written_time).unwrap_or_default().into(),
        ];
        let texts = event.texts.iter().map(|text| text.unwrap_or_default().into());
        let last: [Cow<'_, str>; 7] = [
            address.unwrap_or_default().into(),
            event.attempt.to_string().into(),
            event.via.into(),
            written_time(event.first_seen_at).into(),
            hex::encode(event.hash).into(),
            text.unwrap_or_default().into(),
            base64.unwrap_or_default().into(),
        ];
        for cell in first.into_iter().chain(texts).chain(last) {
            let cell = match self.form {
                CellForm::Plain => cell,
                CellForm::Escaped => shown(&cell).into(),
            };
            self.rows.write_field(&*neutral(cell))?;
        }
        Ok(self.rows.write_record(None::<&[u8]>)?)
    }

    /// The bytes of the rows.
    pub(crate) fn into_bytes(self) -> io::Result<Vec<u8>> {
        self.rows.into_inner().map_err(|error| io::Error::other(error.to_string()))
    }
}

/// The cell with an apostrophe before it if a spreadsheet could take it for a formula.
fn neutral(cell: Cow<'_, str>) -> Cow<'_, str> {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{cell}").into()
    } else {
        cell
    }
}

/// A date, also one that the program never writes.
pub(super) fn written_date(date: RawDate) -> String {
    date.date().map_or_else(|odd| odd, |date| date.to_string())
}

/// A time to the microsecond; empty if it is none.
pub(super) fn written_time(micros: i64) -> String {
    let time = DateTime::from_timestamp_micros(micros);
    time.map(|time| time.to_rfc3339_opts(SecondsFormat::Micros, true)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::lines::tests::row;
    use super::*;

    /// Each cell of a row, as a program reads it.
    fn cells(source: &str, event: &EventRow<'_>, form: CellForm) -> Vec<String> {
        let mut sheet = Sheet::new(form);
        sheet.event(source, RawDate::of(2024, 9, 28), event).expect("a vector accepts everything");
        let bytes = sheet.into_bytes().expect("bytes");
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&*bytes);
        let record = reader.records().next().expect("a row").expect("a row");
        record.iter().map(str::to_owned).collect()
    }

    #[test]
    fn no_cell_begins_as_a_formula_does() {
        for attack in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=\"a\",\n'b"] {
            let mut event = row(attack.as_bytes(), attack);
            event.via = attack;
            let cells = cells(attack, &event, CellForm::Plain);
            assert_eq!(cells.len(), FIRST.len() + TEXTS.len() + LAST.len());
            let begins = |cell: &&String| cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
            assert_eq!(cells.iter().find(begins), None, "{attack:?}");
            let neutral = cells.iter().filter(|cell| **cell == format!("'{attack}")).count();
            assert_eq!(neutral, 13, "{attack:?}: {cells:?}");
        }
    }

    #[test]
    fn other_cells_are_unchanged_and_bytes_that_are_no_text_are_in_base64() {
        let odd = "a=b, \"c\"\n'd' é\u{202e}";
        let plain = cells("acme", &row(odd.as_bytes(), odd), CellForm::Plain);
        let hash = "ab".repeat(32);
        let time = "2024-09-28T00:00:00.000000Z";
        assert_eq!(plain[..4], ["acme", "2024-09-28", odd, time]);
        assert_eq!(plain[13..], ["", "1", "api", time, &*hash, odd, ""]);
        let shown = cells("acme", &row(odd.as_bytes(), odd), CellForm::Escaped);
        assert!(!shown.concat().chars().any(crate::text::steers), "{shown:?}");
        let raw = cells("acme", &row(b"caf\xe9", "e"), CellForm::Plain);
        assert_eq!(raw[18..], ["", "Y2Fm6Q=="]);
    }
}
