//! The result of `export --format bag`.

use std::io;

use serde::Serialize;

use super::output::Report;
use super::text::{Text, counted};
use super::view::due_again;
use crate::coverage::Gap;
use crate::day::DateRange;
use crate::evidence::{Head, Problem};

/// What was written, and what is not complete in it.
#[derive(Debug, Serialize)]
pub(crate) struct BagReport {
    /// The folder or file.
    pub(crate) path: String,
    /// Whether it is a folder.
    #[serde(skip)]
    pub(crate) is_folder: bool,
    /// The days.
    #[serde(flatten)]
    pub(crate) range: DateRange,
    /// The sources.
    pub(crate) source_names: Vec<String>,
    /// The complete days.
    pub(crate) days_exported: u64,
    /// The days that were complete, and are due or being read again. They are no gaps.
    pub(crate) days_due_again: u64,
    /// The events of these days.
    pub(crate) events_exported: u64,
    /// The days that must be covered and are not complete.
    pub(crate) gaps: Vec<Gap>,
    /// The SHA-256 of the tag manifest, which vouches for every file.
    pub(crate) tag_manifest: String,
    /// The name of the key that signed the bag.
    pub(crate) signed_by: Option<String>,
    /// The end of the chain in the bag.
    pub(crate) head: Option<Head>,
    /// What is not as it was sealed.
    pub(crate) problems: Vec<Problem>,
}

impl Report for BagReport {
    fn write_text(&self, text: &mut Text<'_>) -> io::Result<()> {
        let Self { path, range, source_names, .. } = self;
        let days = counted(self.days_exported, "complete day");
        let events = counted(self.events_exported, "event");
        let what = if self.is_folder { "the folder " } else { "" };
        let of = format!("{days}{} of {}", due_again(self.days_due_again), source_names.join(", "));
        writeln!(text, "Wrote {what}{path}: {of}, {events}")?;
        let missing: u64 = self.gaps.iter().map(|gap| gap.dates.len()).sum();
        if missing > 0 {
            let missing = counted(missing, "day");
            writeln!(text, "NOT COMPLETE: {missing} of {range}, which the log names")?;
        }
        match &self.signed_by {
            Some(name) => writeln!(text, "Signed by {name}.")?,
            None => text.line("Not signed: [evidence] signing_key_env names no key.")?,
        }
        writeln!(text, "SHA-256 of tagmanifest-sha256.txt: {}", self.tag_manifest)?;
        writeln!(
            text,
            "To check it: `auditsync verify --bag {path}`, or follow data/VERIFY.md in it."
        )?;
        text.head(self.head.as_ref())
    }
}
