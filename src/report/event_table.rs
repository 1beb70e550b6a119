//! A table of events that is printed while they are found.
//!
//! On a terminal, each row fits its width: columns are dropped, then cells are shortened. Elsewhere
//! nothing is dropped or shortened.

use std::io;

use unicode_width::UnicodeWidthChar as _;

use super::sheet::{written_date, written_time};
use super::text::Text;
use crate::evidence::EventRow;
use crate::store::RawDate;
use crate::text::clean;

/// How many columns there are.
const COLUMNS: usize = 8;

const HEADINGS: [&str; COLUMNS] =
    ["TIME (UTC)", "SOURCE", "TYPE", "ACTION", "ACTOR", "APP", "TEAM", "IP"];

/// The columns that a narrow terminal does not show, the first one first: TEAM, SOURCE, IP.
const DROPPED: [usize; 3] = [6, 1, 7];

/// The spaces between columns.
const BETWEEN: usize = 2;

/// The narrowest terminal that rows fit, and the narrowest cell.
const NARROWEST: usize = 80;
const NARROWEST_CELL: usize = 6;

/// The cells of an event, in the order of the columns. They are clean.
pub(super) struct EventCells([String; COLUMNS]);

impl EventCells {
    pub(super) fn of(source: &str, date: RawDate, event: &EventRow<'_>) -> Self {
        let [kind, action, actor_email, actor_id, app_name, app_id, team_name, team_id, _] =
            event.texts;
        let cell = |text: Option<&str>| {
            text.filter(|text| !text.is_empty()).map_or_else(|| "-".to_owned(), clean)
        };
        let time = event.created_at.map(written_time).filter(|time| !time.is_empty());
        // 2024-09-28T10:00:00.000000Z: to the second, without the letters.
        let time = time.and_then(|time| time.get(..19).map(|time| time.replace('T', " ")));
        let address = event.ip_address.flatten().map(|address| address.to_string());
        Self([
            time.unwrap_or_else(|| written_date(date)),
            cell(Some(source)),
            cell(kind),
            cell(action),
            cell(actor_email.or(actor_id)),
            cell(app_name.or(app_id)),
            cell(team_name.or(team_id)),
            cell(address.as_deref()),
        ])
    }
}

/// The columns of a table, and their widths.
#[derive(Debug, Default)]
pub(super) struct EventTable {
    /// The columns of the terminal; `None` where there is no terminal.
    terminal: Option<usize>,
    /// Each column that is shown, with its width; empty before the first row.
    columns: Vec<(usize, usize)>,
}

impl EventTable {
    pub(super) fn new(terminal: Option<usize>) -> Self {
        Self { terminal: terminal.map(|width| width.max(NARROWEST)), columns: Vec::new() }
    }

    /// Writes the rows, before the first ones the headings. The first rows decide what a terminal
    /// has room for.
    pub(super) fn write(&mut self, text: &mut Text<'_>, rows: &[EventCells]) -> io::Result<()> {
        let is_first = self.columns.is_empty();
        let widest = |column: usize| {
            let cells = rows.iter().map(|EventCells(cells)| width(&cells[column]));
            cells.max().unwrap_or_default().max(HEADINGS[column].len())
        };
        match self.terminal {
            None if !is_first => {
                self.columns.iter_mut().for_each(|(column, width)| {
                    *width = (*width).max(widest(*column));
                });
            }
            _ if is_first => {
                self.columns = (0..COLUMNS).map(|column| (column, widest(column))).collect();
                if let Some(terminal) = self.terminal {
                    fit(&mut self.columns, terminal);
                }
            }
            _ => {}
        }
        if is_first {
            text.row(&self.row(&HEADINGS.map(str::to_owned)))?;
        }
        rows.iter().try_for_each(|EventCells(cells)| text.row(&self.row(cells)))
    }

    fn row(&self, cells: &[String; COLUMNS]) -> String {
        let mut row = String::new();
        for &(column, most) in &self.columns {
            let cell = shortened(&cells[column], most);
            row.push_str(&cell);
            row.extend(std::iter::repeat_n(' ', most.saturating_sub(width(&cell)) + BETWEEN));
        }
        row.truncate(row.trim_end().len());
        row
    }
}

/// Drops columns, then narrows the widest ones, until a row fits.
fn fit(columns: &mut Vec<(usize, usize)>, terminal: usize) {
    let row = |columns: &[(usize, usize)]| {
        columns.iter().map(|(_, width)| width + BETWEEN).sum::<usize>() - BETWEEN
    };
    for dropped in DROPPED {
        if row(columns) > terminal {
            columns.retain(|(column, _)| *column != dropped);
        }
    }
    while row(columns) > terminal {
        // The time stays complete.
        let widest = columns.iter_mut().skip(1).max_by_key(|(_, width)| *width);
        match widest.filter(|(_, width)| *width > NARROWEST_CELL) {
            Some((_, width)) => *width -= 1,
            None => return,
        }
    }
}

/// The cells of a terminal that a text takes. A joined sequence counts as its parts, because some
/// terminals show them one by one.
fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or_default()).sum()
}

/// The text in at most `most` cells of a terminal, with `…` at its end if something is missing.
fn shortened(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let mut short = String::new();
    let mut left = most.saturating_sub(1);
    for c in text.chars() {
        let Some(rest) = left.checked_sub(c.width().unwrap_or_default()) else { break };
        left = rest;
        short.push(c);
    }
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::super::lines::tests::row;
    use super::*;

    fn printed(names: &[&str], terminal: Option<usize>) -> Vec<String> {
        let mut out = Vec::new();
        let mut table = EventTable::new(terminal);
        for name in names {
            let cells = EventCells::of(name, RawDate::of(2024, 9, 28), &row(b"{}", name));
            table.write(&mut Text::new(&mut out, None), &[cells]).expect("a vector");
        }
        String::from_utf8(out).expect("text").lines().map(str::to_owned).collect()
    }

    #[test]
    fn each_row_fits_a_terminal_whatever_the_names() {
        let long = "x".repeat(3000);
        let wide = "李雷🙂".repeat(50);
        let hostile = "\u{1b}[2J\u{202e}\n".repeat(20);
        let words = "two words ".repeat(20);
        for first in [&*long, &wide, &hostile, &words, "a", ""] {
            for columns in [20, 80, 81, 120, 200] {
                let lines = printed(&[first, &long, &wide, &hostile, "a"], Some(columns));
                assert_eq!(lines.len(), 6, "{lines:#?}");
                let widest = lines.iter().map(|line| width(line)).max();
                assert!(widest <= Some(columns.max(80)), "{columns}: {widest:?} {lines:#?}");
                assert!(lines[1].starts_with("2024-09-28 00:00:00  "), "{lines:#?}");
                assert!(lines[0].starts_with("TIME (UTC)"), "{lines:#?}");
                for heading in ["TYPE", "ACTION", "ACTOR", "APP"] {
                    assert!(lines[0].contains(heading), "{lines:#?}");
                }
            }
        }
    }

    #[test]
    fn a_wide_terminal_shows_every_column() {
        let lines = printed(&["acme"], Some(100));
        assert_eq!(lines[0], "TIME (UTC)           SOURCE  TYPE  ACTION  ACTOR  APP   TEAM  IP");
        assert_eq!(lines[1], "2024-09-28 00:00:00  acme    acme  acme    acme   acme  acme  -");
    }

    #[test]
    fn nothing_is_shortened_where_no_terminal_shows_it() {
        let long = "x".repeat(3000);
        let lines = printed(&["a", &long, "b"], None);
        assert_eq!(lines[2].matches(&long).count(), 6);
        assert!(!lines.concat().contains('…'), "{lines:?}");
    }

    #[test]
    fn an_event_without_a_time_shows_its_stored_day() {
        let mut event = row(b"{}", "a");
        event.created_at = None;
        let EventCells(cells) = EventCells::of("a", RawDate::of(2024, 9, 28), &event);
        assert_eq!(cells[0], "2024-09-28");
    }

    #[test]
    fn a_text_is_cut_between_characters_with_a_mark() {
        assert_eq!(shortened("storefront", 6), "store…");
        assert_eq!(shortened("storefront", 10), "storefront");
        assert_eq!(shortened("李雷李雷", 6), "李雷…");
        assert_eq!(shortened("李雷李雷", 5), "李雷…");
    }
}
