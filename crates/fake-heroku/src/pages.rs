//! Pages of the lists other than events: sorted by a field, cut by a `Range`, with its headers.

use std::cmp::Ordering;

use serde_json::Value;

use crate::range::{Order, Range};

/// Rows in a page, if the request sets no number (Heroku's reference, "Ranges").
const DEFAULT: usize = 200;
/// The largest number of rows in a page.
const MOST: usize = 1000;

/// A list, and the fields by which it can be sorted. The first is the default.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) rows: Vec<Row>,
    pub(crate) fields: &'static [&'static str],
}

/// A row with its id, which need not be one of its members.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) value: Value,
}

impl Row {
    /// A row whose id is its member `id`.
    pub(crate) fn new(value: Value) -> Self {
        Self { id: value["id"].as_str().unwrap_or_default().to_owned(), value }
    }

    fn key(&self, field: &str) -> &str {
        if field == "id" { &self.id } else { self.value[field].as_str().unwrap_or_default() }
    }
}

/// A part of a list, with its headers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) rows: Vec<Value>,
    pub(crate) content_range: Option<String>,
    pub(crate) next_range: Option<String>,
}

impl List {
    /// The page that `range` names. `None` if there is no such field.
    pub(crate) fn page(mut self, range: &Range) -> Option<Page> {
        let wanted = range.field.as_deref().unwrap_or(self.fields[0]);
        let field = *self.fields.iter().find(|field| **field == wanted)?;
        let compare = |a: &str, b: &str| match range.order {
            Some(Order::Descending) => b.cmp(a),
            _ => a.cmp(b),
        };
        self.rows.sort_by(|a, b| compare(a.key(field), b.key(field)));
        let begins = |row: &Row| {
            range.first.as_ref().is_none_or(|first| match compare(row.key(field), &first.value) {
                Ordering::Equal => !first.is_excluded,
                order => order == Ordering::Greater,
            })
        };
        let ends = |row: &Row| {
            range.last.as_ref().is_none_or(|last| match compare(row.key(field), &last.value) {
                Ordering::Equal => !last.is_excluded,
                order => order == Ordering::Less,
            })
        };
        self.rows.retain(|row| begins(row) && ends(row));
        let max = range.max.unwrap_or(DEFAULT).min(MOST);
        let is_more = self.rows.len() > max;
        self.rows.truncate(max);
        let keys = self.rows.first().zip(self.rows.last());
        let keys =
            keys.map(|(first, last)| (first.key(field).to_owned(), last.key(field).to_owned()));
        Some(Page {
            content_range: keys.as_ref().map(|(first, last)| format!("{field} {first}..{last}")),
            next_range: keys.filter(|_| is_more).map(|(_, last)| range.behind(field, &last, max)),
            rows: self.rows.into_iter().map(|row| row.value).collect(),
        })
    }
}
