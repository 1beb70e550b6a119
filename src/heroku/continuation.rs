//! Whether a page continues its list: the decision, without I/O.
//!
//! A `Next-Range` is a promise of more. The answer to it must bring an element that was on no page before, whatever its
//! status and whether it makes a promise itself. Otherwise the server repeats itself, and its word that the list ends is
//! worth nothing.
//!
//! | page | promises more | holds | what follows |
//! |---|---|---|---|
//! | any | but not where (a 206 without a usable `Next-Range`), or where it promised before | anything | a fault |
//! | first | no | anything, or nothing | the list has ended |
//! | first | yes | anything, or nothing | the next page |
//! | later | no | something new | the list has ended |
//! | later | yes | something new | the next page |
//! | later | no | nothing | the end, if a witness confirms it |
//! | later | yes | nothing | a fault |
//! | later | either | only what was on the pages before | a fault |
//!
//! The witness is the list's first page in descending order. It confirms the end if it holds nothing that was not read. If
//! something was read, it must hold some of that: an empty witness contradicts the pages before.
//!
//! An element is known by its id, so that one that comes again in other bytes is not new. An element that failed with its
//! page was not on a page before. Memory holds eight bytes for each element of the pages left behind, and none for a list
//! of one page.

use std::collections::HashSet;

use super::answer::Fault;
use super::page::NextRange;
use crate::fingerprints::fingerprint;

/// Why a page does not continue its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Discontinued {
    /// All that it holds was there before.
    #[error("not a page that leads on: all that it holds was on the pages before")]
    Repeats,
    /// It is empty, although the page before promised more.
    #[error("not a page that leads on: it is empty, although the page before promised more")]
    Empty,
    /// It is empty, and the witness shows that the list goes on.
    #[error(
        "not a page that leads on: it is empty, but the list in descending order holds what was not read"
    )]
    Unread,
    /// It is empty, and the witness is empty too, although something was read.
    #[error(
        "not a page that leads on: it is empty, and so is the list in descending order, although something was read"
    )]
    EmptyWitness,
}

/// What follows a page that was read completely.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// The list has ended.
    End,
    /// The next page, by its `Next-Range`.
    Next(String),
    /// The list has ended if a witness confirms it.
    Confirm,
}

/// The pages of one list so far.
#[derive(Debug, Default)]
pub(super) struct Continuation {
    /// Every `Next-Range` that was followed.
    ranges: HashSet<String>,
    /// The elements of the pages left behind.
    behind: Fingerprints,
    /// The elements of the open page, if it promises another.
    page: Vec<u64>,
    open: Open,
}

/// The open page.
#[derive(Debug, Clone, Copy, Default)]
struct Open {
    /// Its elements must be known when the next page comes.
    promises: bool,
    /// It holds something.
    holds: bool,
    /// It holds something new.
    brings_new: bool,
}

impl Continuation {
    /// Begins a page, or begins it again after it failed.
    pub(super) fn open(&mut self, next: &NextRange) {
        self.page.clear();
        self.open = Open { promises: matches!(next, NextRange::Next(_)), ..Open::default() };
    }

    /// Notes an element of the open page by its id.
    pub(super) fn note(&mut self, id: &str) {
        self.open.holds = true;
        if !self.open.promises && (!self.was_promised() || self.open.brings_new) {
            return;
        }
        let print = fingerprint(id);
        self.open.brings_new = self.open.brings_new || !self.behind.contains(print);
        if self.open.promises {
            self.page.push(print);
        }
    }

    /// Whether an element was on none of the pages left behind.
    pub(super) fn is_new(&self, id: &str) -> bool {
        !self.behind.contains(fingerprint(id))
    }

    /// Whether the pages left behind held anything.
    pub(super) fn has_read(&self) -> bool {
        !self.behind.0.is_empty()
    }

    /// Leaves the open page, which was read completely, or says why it can't be left.
    pub(super) fn turn(&mut self, next: &NextRange) -> Result<Turn, Fault> {
        let range = match next {
            NextRange::Unknown => return Err(Fault::NoWayOn),
            NextRange::Next(range) if self.ranges.contains(range) => return Err(Fault::NoWayOn),
            NextRange::Next(range) => Some(range),
            NextRange::End => None,
        };
        if self.was_promised() && !self.open.brings_new {
            return match range {
                _ if self.open.holds => Err(Discontinued::Repeats.into()),
                None => Ok(Turn::Confirm),
                Some(_) => Err(Discontinued::Empty.into()),
            };
        }
        let Some(range) = range else { return Ok(Turn::End) };
        self.ranges.insert(range.clone());
        self.behind.add(std::mem::take(&mut self.page));
        Ok(Turn::Next(range.clone()))
    }

    fn was_promised(&self) -> bool {
        !self.ranges.is_empty()
    }
}

/// A growing set of fingerprints in eight bytes each: sorted runs, each more than twice as long as the next.
#[derive(Debug, Default)]
struct Fingerprints(Vec<Vec<u64>>);

impl Fingerprints {
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
