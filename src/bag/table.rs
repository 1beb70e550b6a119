//! The CSV files of a bag (RFC 4180, with LF as the end of a line).

use std::io::{BufRead, Write};

use chrono::{DateTime, NaiveDateTime, Utc};
use csv::StringRecord;

/// How a bag writes a time: UTC, to the microsecond.
const TIME: &str = "%Y-%m-%dT%H:%M:%S%.6fZ";

/// A file has another header than its format demands, or a row that is not of this form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotARow {
    #[error("its first line is not `{0}`")]
    Header(String),
    #[error("row {row}: the column {column} is not what the format demands")]
    Column { row: u64, column: &'static str },
    #[error("{0}")]
    Csv(String),
}

/// Writes the rows of a table.
#[derive(Debug)]
pub(super) struct TableWriter<W: Write>(csv::Writer<W>);

impl<W: Write> TableWriter<W> {
    /// Begins with the header.
    pub(super) fn new(out: W, columns: &[&str]) -> std::io::Result<Self> {
        let mut writer = Self(csv::Writer::from_writer(out));
        writer.row(columns)?;
        Ok(writer)
    }

    pub(super) fn row(&mut self, cells: &[&str]) -> std::io::Result<()> {
        self.0.write_record(cells).map_err(std::io::Error::from)
    }

    /// What was written to, with everything in it.
    pub(super) fn into_inner(self) -> std::io::Result<W> {
        self.0.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}

/// Reads the rows of a table.
pub(super) struct TableReader<R> {
    reader: csv::Reader<R>,
    columns: &'static [&'static str],
    row: u64,
}

impl<R: BufRead> TableReader<R> {
    /// Requires the header.
    pub(super) fn new(mut input: R, columns: &'static [&'static str]) -> Result<Self, NotARow> {
        // A reader of CSV skips a byte order mark, which no bag has.
        if input.fill_buf().is_ok_and(|begin| begin.first() == Some(&0xef)) {
            return Err(NotARow::Header(columns.join(",")));
        }
        let mut reader = csv::Reader::from_reader(input);
        let header = reader.headers().map_err(|error| NotARow::Csv(error.to_string()))?;
        if *header != *columns {
            return Err(NotARow::Header(columns.join(",")));
        }
        Ok(Self { reader, columns, row: 0 })
    }

    /// The next row; `None` after the last one.
    pub(super) fn next(&mut self) -> Result<Option<StringRecord>, NotARow> {
        let mut record = StringRecord::new();
        self.row += 1;
        let is_there = self.reader.read_record(&mut record);
        let is_there = is_there.map_err(|error| NotARow::Csv(error.to_string()))?;
        Ok(is_there.then_some(record))
    }

    /// The cell of a row in the column with this index, in the form that `read` knows.
    pub(super) fn cell<T>(
        &self,
        record: &StringRecord,
        index: usize,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, NotARow> {
        let cell = record.get(index).unwrap_or_default();
        read(cell).ok_or(NotARow::Column { row: self.row, column: self.columns[index] })
    }
}

/// A time, or `infinity` or `-infinity`, which the program never writes.
pub(super) fn time_text(micros: i64) -> String {
    match DateTime::from_timestamp_micros(micros) {
        Some(time) => time.format(TIME).to_string(),
        None if micros < 0 => "-infinity".to_owned(),
        None => "infinity".to_owned(),
    }
}

/// The microseconds since 1970 of a text that [`time_text`] writes.
pub(super) fn micros(text: &str) -> Option<i64> {
    match text {
        "infinity" => Some(i64::MAX),
        "-infinity" => Some(i64::MIN),
        text => {
            let time: DateTime<Utc> = NaiveDateTime::parse_from_str(text, TIME).ok()?.and_utc();
            Some(time.timestamp_micros()).filter(|micros| time_text(*micros) == text)
        }
    }
}

/// A number without sign and leading zeros.
pub(super) fn number<N: std::str::FromStr + std::fmt::Display>(text: &str) -> Option<N> {
    text.parse().ok().filter(|number: &N| number.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_one_form() {
        for micros in [0, 1_727_568_602_000_001, -1, i64::MAX, i64::MIN] {
            assert_eq!(super::micros(&time_text(micros)), Some(micros));
        }
        for odd in ["", "2024-09-29T00:10:02Z", "2024-09-29T00:10:02.000001", "now"] {
            assert_eq!(super::micros(odd), None, "{odd}");
        }
    }

    #[test]
    fn any_text_comes_back_from_a_table() {
        let odd = ["a,b", "line\r\nend", "\"quoted\"", "", " ü\u{2028} ", "=1+1"];
        let mut writer = TableWriter::new(Vec::new(), &["text", "n"]).expect("a table");
        for text in odd {
            writer.row(&[text, "1"]).expect("a row");
        }
        let bytes = writer.into_inner().expect("bytes");
        let mut reader = TableReader::new(bytes.as_slice(), &["text", "n"]).expect("a table");
        for text in odd {
            let row = reader.next().expect("a row").expect("a row");
            assert_eq!(row.get(0), Some(text));
        }
        assert_eq!(reader.next(), Ok(None));
        let other = TableReader::new(bytes.as_slice(), &["text", "m"]).map(|_| ());
        assert_eq!(other, Err(NotARow::Header("text,m".to_owned())));
    }
}
