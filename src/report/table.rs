//! Plain tables: a heading, aligned columns, no frame.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::paint::painted_at;
use crate::text::clean;

/// A table without a frame. A heading that begins with `>` aligns its column to the right, as
/// numbers need. The heading that begins with `*` colours the states or outcomes in its column.
pub(super) struct PlainTable {
    table: Table,
    numeric: Vec<bool>,
    painted: Option<usize>,
}

impl PlainTable {
    pub(super) fn new(headings: &[&str]) -> Self {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(
            headings
                .iter()
                .map(|heading| heading.trim_start_matches(['>', '*']))
                .collect::<Vec<_>>(),
        );
        let numeric = headings.iter().map(|heading| heading.starts_with('>')).collect();
        Self {
            table,
            numeric,
            painted: headings.iter().position(|heading| heading.starts_with('*')),
        }
    }

    /// Adds a row. Each cell is cleaned, so it stays one cell.
    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.table.add_row(cells.into_iter().map(|cell| clean(&cell)).collect::<Vec<_>>());
    }

    /// The heading and the rows, without line ends.
    pub(super) fn lines(mut self) -> Vec<String> {
        for (column, numeric) in self.table.column_iter_mut().zip(&self.numeric) {
            column.set_padding((0, 2));
            if *numeric {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let lines = self.table.lines();
        let lines = lines.map(|line| line.trim_end().to_owned());
        let Some(painted) = self.painted else { return lines.collect() };
        // Two spaces follow each cell.
        let widths = self.table.column_max_content_widths();
        let start = widths.iter().take(painted).map(|width| usize::from(*width) + 2).sum();
        lines.map(|line| painted_at(&line, start)).collect()
    }
}
