//! Plain tables: a heading, aligned columns, no frame.

use super::columns::{Column, Layout};
use crate::text::clean;

/// A table without a frame.
pub(super) struct PlainTable<const N: usize> {
    columns: [Column; N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> PlainTable<N> {
    pub(super) fn new(columns: [Column; N]) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row. Each cell is cleaned, so it stays one cell.
    pub(super) fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells.map(|cell| clean(&cell)));
    }

    /// The heading and the rows, without line ends. They fit a `terminal` of so many columns.
    pub(super) fn lines(&self, terminal: Option<usize>) -> Vec<String> {
        let layout = Layout::new(self.columns, &self.rows, terminal);
        let rows = self.rows.iter().map(|cells| layout.row(cells));
        std::iter::once(layout.headings()).chain(rows).collect()
    }
}
