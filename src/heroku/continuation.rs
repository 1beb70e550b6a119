//! Decides whether a page continues its list. No I/O.
//!
//! A `Next-Range` promises more elements. The next page must hold an element that no earlier page
//! held, whatever its status and whether it promises more itself. Otherwise the server repeats
//! itself, and its claim that the list has ended proves nothing.
//!
//! | page | promises more | holds | what follows |
//! |---|---|---|---|
//! | any | yes, but with a missing, unreadable or repeated `Next-Range` | anything | a fault |
//! | first | no | anything, or nothing | the end of the list |
//! | first | yes | anything, or nothing | the next page |
//! | later | no | a new element | the end of the list |
//! | later | yes | a new element | the next page |
//! | later | no | nothing | the end, if the descending list confirms it |
//! | later | yes | nothing | a fault |
//! | later | either | only elements of earlier pages | a fault |
//!
//! The *descending list* is the list's first page in descending order. It confirms the end if it
//! holds no unread element. If any element was read, it must hold one: an empty descending list
//! contradicts the earlier pages.
//!
//! An element is known by its id, so the same id with other bytes is not new. Elements of a page
//! that failed don't count as read. Memory holds eight bytes for each element of the finished
//! pages, and none for a list of one page.

use std::collections::HashSet;

use crate::fingerprints::fingerprint;

/// Why a page does not continue its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Discontinued {
    /// It promises a next page, but its `Next-Range` is missing, unreadable or repeated.
    #[error("the page has no usable Next-Range: it is missing, unreadable or repeated")]
    BadNextRange,
    /// It holds only elements of earlier pages.
    #[error("the page does not continue the list: it holds only elements of earlier pages")]
    Repeats,
    /// It is empty, although the previous page promised more.
    #[error(
        "the page does not continue the list: it is empty, although the previous page promised more"
    )]
    Empty,
    /// It is empty, but the descending list holds an unread element.
    #[error(
        "the page does not continue the list: it is empty, but the list in descending order holds \
         unread elements"
    )]
    Unread,
    /// It is empty, and so is the descending list, although elements were read.
    #[error(
        "the page does not continue the list: it is empty, and so is the list in descending order, \
         although elements were read"
    )]
    EmptyDescending,
}

/// Where a page says that the list continues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NextRange {
    /// The list ends with this page.
    End,
    /// The `Range` of the next page, as received.
    Next(String),
    /// There is a next page, but no usable `Next-Range`.
    Unknown,
}

/// What follows a page that was read completely.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NextStep {
    /// The end of the list.
    End,
    /// The next page, by its `Next-Range`.
    NextPage(String),
    /// The end of the list, if the descending list confirms it.
    ConfirmEnd,
}

/// The pages of one list so far.
#[derive(Debug, Default)]
pub(super) struct Continuation {
    /// Every `Next-Range` that was followed.
    ranges: HashSet<String>,
    /// The elements of the finished pages.
    finished: SortedRuns,
    /// The elements of the open page, if it promises another.
    page: Vec<u64>,
    open: OpenPage,
}

#[derive(Debug, Clone, Copy, Default)]
struct OpenPage {
    /// It promises another page, which will be compared with its elements.
    promises_more: bool,
    holds_any: bool,
    has_new: bool,
}

impl Continuation {
    /// Begins a page, or begins it again after it failed.
    pub(super) fn open(&mut self, next: &NextRange) {
        self.page.clear();
        let promises_more = matches!(next, NextRange::Next(_));
        self.open = OpenPage { promises_more, ..OpenPage::default() };
    }

    /// Notes an element of the open page by its id.
    pub(super) fn note(&mut self, id: &str) {
        self.open.holds_any = true;
        if !self.open.promises_more && (!self.was_promised() || self.open.has_new) {
            return;
        }
        let print = fingerprint(id);
        self.open.has_new = self.open.has_new || !self.finished.contains(print);
        if self.open.promises_more {
            self.page.push(print);
        }
    }

    /// Whether no finished page holds the element.
    pub(super) fn is_new(&self, id: &str) -> bool {
        !self.finished.contains(fingerprint(id))
    }

    /// Whether any finished page holds an element.
    pub(super) fn has_read(&self) -> bool {
        !self.finished.0.is_empty()
    }

    /// Finishes the open page, which was read completely.
    pub(super) fn finish_page(&mut self, next: &NextRange) -> Result<NextStep, Discontinued> {
        let range = match next {
            NextRange::Unknown => return Err(Discontinued::BadNextRange),
            NextRange::Next(range) if self.ranges.contains(range) => {
                return Err(Discontinued::BadNextRange);
            }
            NextRange::Next(range) => Some(range),
            NextRange::End => None,
        };
        if self.was_promised() && !self.open.has_new {
            return match range {
                _ if self.open.holds_any => Err(Discontinued::Repeats),
                None => Ok(NextStep::ConfirmEnd),
                Some(_) => Err(Discontinued::Empty),
            };
        }
        let Some(range) = range else { return Ok(NextStep::End) };
        self.ranges.insert(range.clone());
        self.finished.add(std::mem::take(&mut self.page));
        Ok(NextStep::NextPage(range.clone()))
    }

    fn was_promised(&self) -> bool {
        !self.ranges.is_empty()
    }
}

/// A growing set of fingerprints: sorted runs, each more than twice as long as the next.
#[derive(Debug, Default)]
struct SortedRuns(Vec<Vec<u64>>);

impl SortedRuns {
    fn add(&mut self, mut run: Vec<u64>) {
        run.sort_unstable();
        run.dedup();
        while let Some(mut longer) = self.0.pop_if(|last| last.len() <= 2 * run.len()) {
            longer.reserve_exact(run.len());
            longer.append(&mut run);
            longer.sort_unstable();
            longer.dedup();
            run = longer;
        }
        if !run.is_empty() {
            self.0.push(run);
        }
    }

    fn contains(&self, print: u64) -> bool {
        self.0.iter().any(|run| run.binary_search(&print).is_ok())
    }
}

#[cfg(test)]
mod tests;
