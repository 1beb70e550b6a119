//! What `report` prints after it has written its page.

use std::io;

use serde::Serialize;

use super::output::Report;
use super::page::PageVerdict;
use super::text::Text;
use crate::day::DateRange;
use crate::evidence::Head;

/// `report`: where the page is, and its first line.
#[derive(Debug, Serialize)]
pub(crate) struct PageFileReport {
    /// The file, as the user named it.
    pub(crate) path: String,
    /// The days that the page shows.
    #[serde(flatten)]
    pub(crate) range: DateRange,
    /// What the page says of them.
    pub(crate) verdict: PageVerdict,
    /// The same in words.
    pub(crate) summary: String,
    /// The command that helps, if a source is behind.
    pub(crate) command: Option<String>,
    /// Whether the verification of the days passed.
    pub(crate) verified: bool,
    /// The end of the chain.
    pub(crate) head: Option<Head>,
}

impl Report for PageFileReport {
    fn write_text(&self, text: &mut Text<'_>) -> io::Result<()> {
        text.painted_line("", self.verdict.word(), &format!("  {}", self.summary))?;
        if let Some(command) = &self.command {
            writeln!(text, "This reads what is missing: `{command}`")?;
        }
        if !self.verified {
            text.line("The verification did not pass: see Integrity in the page.")?;
        }
        writeln!(text, "The page on {} is in {}.", self.range, self.path)?;
        text.head(self.head.as_ref())
    }
}
