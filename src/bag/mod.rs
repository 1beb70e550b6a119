//! A bag: evidence in files that check themselves (`BagIt` 1.0, RFC 8493). It is written from a
//! snapshot of the database, and read without any database.
//!
//! `docs/bags.md` describes every file. The formats are an interface: once released, no byte of
//! them changes.

mod archive;
mod coverage;
mod day_files;
mod error;
mod folder;
mod info;
mod layout;
mod manifest;
mod reader;
mod regular;
mod seals;
mod stream;
mod table;
mod unpack;

use crate::event::Hash;

pub(crate) use archive::{is_archive_name, pack};
pub(crate) use coverage::{CoverageFile, CoverageRow, CoverageState};
pub(crate) use day_files::{DayFiles, DayItems, NotADay, StoredItem};
pub(crate) use error::{Error, NotReadable};
pub(crate) use folder::{BagFile, BagFolder};
pub(crate) use info::BagInfo;
pub(crate) use layout::{AnchorFile, COVERAGE, DayFile, NOTE, REPORT, SEALS, VERIFY};
pub(crate) use manifest::Flaw;
pub(crate) use reader::BagReader;
pub(crate) use seals::{SealTexts, write_seal};

/// The text that `bag.note` signs: the SHA-256 of the tag manifest.
pub(crate) fn note_text(tag_manifest: &Hash) -> String {
    format!("auditsync-bag-v1\n{}\n", hex::encode(tag_manifest))
}

/// How a reader checks a bag without this program.
pub(crate) const VERIFY_PAGE: &str = include_str!("VERIFY.md");
