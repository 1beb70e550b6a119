//! A table of events that is printed while they are found.

use std::io;

use super::columns::{Column, Layout};
use super::sheet::{written_date, written_time};
use super::text::Text;
use crate::evidence::EventRow;
use crate::store::RawDate;
use crate::text::clean;

/// How many columns there are.
const COLUMNS: usize = 8;

/// The place of the source among them.
const SOURCE: usize = 1;

/// A column for which a filter leaves one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FixedColumn {
    Type,
    Action,
}

/// The columns. A narrow terminal first drops those that a filter fixed, and keeps the source where
/// the rows have several.
fn event_columns(fixed: &[FixedColumn], rows: &[[String; COLUMNS]]) -> [Column; COLUMNS] {
    let mut kind = Column::name("TYPE");
    let mut action = Column::name("ACTION");
    let mut source = Column::name("SOURCE");
    if fixed.contains(&FixedColumn::Type) {
        kind = kind.dropped(1);
    }
    if fixed.contains(&FixedColumn::Action) {
        action = action.dropped(2);
    }
    if rows.iter().all(|cells| cells[SOURCE] == rows[0][SOURCE]) {
        source = source.dropped(4);
    }
    [
        Column::text("TIME (UTC)"),
        source,
        kind,
        action,
        Column::name("ACTOR"),
        Column::name("APP"),
        Column::name("TEAM").dropped(3),
        Column::name("IP").dropped(5),
    ]
}

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

/// A table that is printed in parts.
#[derive(Debug)]
pub(super) struct EventTable {
    /// The columns of the terminal; `None` where there is no terminal.
    terminal: Option<usize>,
    fixed: Vec<FixedColumn>,
    /// `None` before the first row.
    layout: Option<Layout<COLUMNS>>,
}

impl EventTable {
    pub(super) fn new(terminal: Option<usize>, fixed: Vec<FixedColumn>) -> Self {
        Self { terminal, fixed, layout: None }
    }

    /// Writes the rows, before the first ones the headings. The first rows decide what a terminal
    /// has room for.
    pub(super) fn write(&mut self, text: &mut Text<'_>, rows: Vec<EventCells>) -> io::Result<()> {
        let rows: Vec<_> = rows.into_iter().map(|EventCells(cells)| cells).collect();
        let layout = if let Some(layout) = &mut self.layout {
            if self.terminal.is_none() {
                layout.widen(&rows);
            }
            layout
        } else {
            let columns = event_columns(&self.fixed, &rows);
            let layout = Layout::new(columns, &rows, self.terminal);
            text.row(&layout.headings())?;
            self.layout.insert(layout)
        };
        rows.iter().try_for_each(|cells| text.row(&layout.row(cells)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::lines::tests::row;
    use super::super::width::width;
    use super::*;

    fn printed(names: &[&str], terminal: Option<usize>) -> Vec<String> {
        let mut out = Vec::new();
        let mut table = EventTable::new(terminal, Vec::new());
        for name in names {
            let cells = EventCells::of(name, RawDate::of(2024, 9, 28), &row(b"{}", name));
            table.write(&mut Text::new(&mut out, None), vec![cells]).expect("a vector");
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
    fn what_a_filter_fixed_is_dropped_first_and_several_sources_stay() {
        let headings = |sources: [&str; 2], length, fixed| {
            let mut out = Vec::new();
            let texts = "x".repeat(length);
            let row = row(b"{}", &texts);
            let rows = sources.map(|source| EventCells::of(source, RawDate::of(2024, 9, 28), &row));
            let mut table = EventTable::new(Some(80), fixed);
            table.write(&mut Text::new(&mut out, None), rows.into()).expect("a vector");
            let text = String::from_utf8(out).expect("text");
            let (headings, _) = text.split_once('\n').expect("a line");
            headings.split_whitespace().skip(2).collect::<Vec<_>>().join(" ")
        };
        let both = || vec![FixedColumn::Type, FixedColumn::Action];
        assert_eq!(headings(["a", "b"], 9, both()), "SOURCE ACTION ACTOR APP TEAM");
        assert_eq!(headings(["a", "b"], 12, both()), "SOURCE ACTOR APP TEAM");
        assert_eq!(headings(["a", "b"], 9, vec![]), "SOURCE TYPE ACTION ACTOR APP");
        assert_eq!(headings(["a", "a"], 12, vec![]), "TYPE ACTION ACTOR APP");
        assert_eq!(headings(["a", "b"], 12, vec![]), "SOURCE TYPE ACTION ACTOR APP");
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
}
