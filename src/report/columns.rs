//! Which columns of a table a terminal has room for, and how wide they are.
//!
//! On a terminal, each row fits its width: columns are dropped, then names are shortened with `…`.
//! Elsewhere nothing is dropped or shortened.

use super::paint::painted;
use super::width::{shortened, width};

/// The spaces between columns.
const BETWEEN: usize = 2;

/// The narrowest terminal that rows fit, and the narrowest cell with a shortened name.
const NARROWEST: usize = 80;
const NARROWEST_CELL: usize = 6;

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    heading: &'static str,
    kind: ColumnKind,
    /// When a narrow terminal drops it: 1 comes first. `None` for never.
    drop_order: Option<u8>,
    /// Whether a narrow terminal drops it, if none of its rows says anything.
    is_dropped_if_empty: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ColumnKind {
    Name,
    Text,
    Number,
    State,
}

impl Column {
    /// Names and other free texts. A narrow terminal shortens them.
    pub(super) const fn name(heading: &'static str) -> Self {
        Self::of(heading, ColumnKind::Name)
    }

    /// Texts of a limited length, such as dates. They are never shortened.
    pub(super) const fn text(heading: &'static str) -> Self {
        Self::of(heading, ColumnKind::Text)
    }

    /// Numbers, aligned to the right.
    pub(super) const fn number(heading: &'static str) -> Self {
        Self::of(heading, ColumnKind::Number)
    }

    /// States or outcomes, each in its colour.
    pub(super) const fn state(heading: &'static str) -> Self {
        Self::of(heading, ColumnKind::State)
    }

    const fn of(heading: &'static str, kind: ColumnKind) -> Self {
        Self { heading, kind, drop_order: None, is_dropped_if_empty: false }
    }

    /// Makes a narrow terminal drop the column. The one with the lowest `order` goes first.
    pub(super) const fn dropped(self, order: u8) -> Self {
        Self { drop_order: Some(order), ..self.dropped_if_empty() }
    }

    /// Makes a narrow terminal drop the column if it is empty, or 0, in every row.
    pub(super) const fn dropped_if_empty(self) -> Self {
        Self { is_dropped_if_empty: true, ..self }
    }
}

/// The columns that are shown, and their widths.
#[derive(Debug)]
pub(super) struct Layout<const N: usize> {
    columns: [Column; N],
    /// The place of each shown column in `columns`, and its width.
    shown: Vec<(usize, usize)>,
}

impl<const N: usize> Layout<N> {
    /// The layout for `rows`, whose cells are clean, on a terminal of so many columns; `None` where
    /// no terminal shows them.
    pub(super) fn new(columns: [Column; N], rows: &[[String; N]], terminal: Option<usize>) -> Self {
        let shown = columns.iter().map(|column| width(column.heading)).enumerate().collect();
        let mut layout = Self { columns, shown };
        layout.widen(rows);
        if let Some(terminal) = terminal {
            layout.fit(rows, terminal.max(NARROWEST));
        }
        layout
    }

    /// Makes room for more rows.
    pub(super) fn widen(&mut self, rows: &[[String; N]]) {
        for (column, most) in &mut self.shown {
            let widest = rows.iter().map(|cells| width(&cells[*column])).max().unwrap_or_default();
            *most = (*most).max(widest);
        }
    }

    /// Drops columns, first those that say nothing, then narrows the widest names, until a row
    /// fits.
    fn fit(&mut self, rows: &[[String; N]], terminal: usize) {
        let excess = |shown: &[(usize, usize)]| {
            let row: usize = shown.iter().map(|(_, width)| width + BETWEEN).sum();
            row.saturating_sub(terminal + BETWEEN)
        };
        let order = |column: &usize| self.columns[*column].drop_order;
        let is_empty = |column: &usize| {
            self.columns[*column].is_dropped_if_empty
                && rows.iter().all(|cells| matches!(&*cells[*column], "" | "-" | "0"))
        };
        let mut empty: Vec<usize> = (0..N).filter(is_empty).collect();
        empty.sort_by_key(|column| order(column).unwrap_or(u8::MAX));
        let mut droppable: Vec<usize> = (0..N).filter(|column| order(column).is_some()).collect();
        droppable.sort_by_key(order);
        for dropped in empty.into_iter().chain(droppable) {
            if excess(&self.shown) > 0 {
                self.shown.retain(|(column, _)| *column != dropped);
            }
        }
        let columns = &self.columns;
        while excess(&self.shown) > 0 {
            let names = self.shown.iter_mut().filter(|(column, width)| {
                let Column { heading, kind, .. } = columns[*column];
                kind == ColumnKind::Name && *width > NARROWEST_CELL.max(heading.len())
            });
            let Some((_, widest)) = names.max_by_key(|(_, width)| *width) else { return };
            *widest -= 1;
        }
    }

    /// The headings as a row.
    pub(super) fn headings(&self) -> String {
        self.aligned(|column| self.columns[column].heading.to_owned())
    }

    /// A row of clean cells, without a line end.
    pub(super) fn row(&self, cells: &[String; N]) -> String {
        self.aligned(|column| cells[column].clone())
    }

    fn aligned(&self, cell: impl Fn(usize) -> String) -> String {
        let mut row = String::new();
        for &(column, most) in &self.shown {
            let cell = shortened(&cell(column), most);
            let padding = " ".repeat(most.saturating_sub(width(&cell)));
            match self.columns[column].kind {
                ColumnKind::Number => row.extend([&padding, &*cell]),
                ColumnKind::State => row.extend([&*painted(&cell), &padding]),
                ColumnKind::Name | ColumnKind::Text => row.extend([&*cell, &padding]),
            }
            row.push_str(&" ".repeat(BETWEEN));
        }
        row.truncate(row.trim_end().len());
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 6] = [
        Column::name("SOURCE"),
        Column::text("DATE"),
        Column::state("OUTCOME"),
        Column::number("EVENTS").dropped(2),
        Column::number("REQUESTS").dropped(1),
        Column::name("APP"),
    ];

    fn lines(names: &[&str], terminal: Option<usize>) -> Vec<String> {
        let cells = |name: &&str| {
            [*name, "2024-09-28", "lost_lock", "1234567", "1", *name].map(str::to_owned)
        };
        let rows: Vec<[String; 6]> = names.iter().map(cells).collect();
        let layout = Layout::new(COLUMNS, &rows, terminal);
        let rows = rows.iter().map(|cells| layout.row(cells));
        std::iter::once(layout.headings()).chain(rows).collect()
    }

    #[test]
    fn numbers_are_aligned_to_the_right_and_states_are_painted() {
        let red = "\u{1b}[31mlost_lock\u{1b}[0m";
        assert_eq!(
            lines(&["acme", "a"], None),
            [
                "SOURCE  DATE        OUTCOME     EVENTS  REQUESTS  APP",
                &format!("acme    2024-09-28  {red}  1234567         1  acme"),
                &format!("a       2024-09-28  {red}  1234567         1  a"),
            ]
        );
    }

    #[test]
    fn columns_are_dropped_in_their_order_before_names_are_shortened() {
        let name = |length: usize| "x".repeat(length);
        let heading = |name: String, terminal| lines(&[&name], Some(terminal)).remove(0);
        let shown = |heading: String| {
            heading.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ")
        };
        // Without the two numbers, 25 columns and both names remain.
        assert_eq!(shown(heading(name(18), 80)), "SOURCE DATE OUTCOME EVENTS REQUESTS APP");
        assert_eq!(shown(heading(name(19), 80)), "SOURCE DATE OUTCOME EVENTS APP");
        assert_eq!(shown(heading(name(23), 80)), "SOURCE DATE OUTCOME EVENTS APP");
        assert_eq!(shown(heading(name(24), 80)), "SOURCE DATE OUTCOME APP");
        assert_eq!(shown(heading(name(24), 82)), "SOURCE DATE OUTCOME EVENTS APP");
        let row = |length| lines(&[&name(length)], Some(80)).remove(1);
        assert!(!row(27).contains('…'), "{}", row(27));
        assert!(row(28).contains('…'), "{}", row(28));
        assert_eq!(width(&row(3000)), 80);
    }

    #[test]
    fn a_column_that_says_nothing_is_dropped_before_one_that_does() {
        let columns = [
            Column::name("SOURCE"),
            Column::number("FIRST").dropped(1),
            Column::number("SECOND").dropped(2),
            Column::number("DUE").dropped_if_empty(),
            Column::number("KEPT"),
        ];
        let headings = |length: usize, [first, second, due]: [&str; 3]| {
            let row = ["x".repeat(length), first.into(), second.into(), due.into(), "0".into()];
            Layout::new(columns, &[row], Some(80)).headings()
        };
        let shown = |length, cells| {
            let headings = headings(length, cells);
            headings.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
        };
        // All columns need 26 beside the name.
        assert_eq!(shown(54, ["0", "0", "0"]), "FIRST SECOND DUE KEPT");
        assert_eq!(shown(55, ["0", "-", "0"]), "SECOND DUE KEPT");
        assert_eq!(shown(55, ["1", "0", "0"]), "FIRST DUE KEPT");
        assert_eq!(shown(55, ["1", "1", "0"]), "FIRST SECOND KEPT");
        assert_eq!(shown(55, ["1", "1", "1"]), "SECOND DUE KEPT");
        assert_eq!(shown(80, ["1", "1", "1"]), "DUE KEPT");
    }

    #[test]
    fn each_row_fits_whatever_the_names_and_shortens_nothing_but_names() {
        let long = "x".repeat(3000);
        let wide = "李雷🙂".repeat(50);
        for first in [&*long, &wide, "a b c", "a", ""] {
            for terminal in [0, 20, 80, 81, 120] {
                for line in &lines(&[first, &long, &wide, "a"], Some(terminal))[1..] {
                    assert!(width(line) <= terminal.max(80), "{terminal}: {line}");
                    assert!(line.contains("  2024-09-28  \u{1b}[31mlost_lock\u{1b}"), "{line}");
                }
            }
        }
    }

    #[test]
    fn nothing_is_shortened_or_dropped_where_no_terminal_shows_it() {
        let long = "x".repeat(3000);
        let lines = lines(&["a", &long], None);
        assert_eq!(lines[2].matches(&long).count(), 2);
        assert!(lines[0].contains("EVENTS  REQUESTS"), "{lines:?}");
        assert!(!lines.concat().contains('…'), "{lines:?}");
    }
}
