//! What a run did with Heroku's archives.

use std::io;

use serde::Serialize;

use super::text::{Text, counted};
use crate::config::SourceName;
use crate::day::Month;

/// What a run did with one archive.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ArchiveReport {
    /// The account in the file, by name or id.
    pub(crate) account: String,
    /// The month; `None` if the account's archives could not be listed.
    pub(crate) month: Option<Month>,
    /// The sources that it serves.
    #[serde(rename = "source_names")]
    pub(crate) sources: Vec<SourceName>,
    /// The size of the file in bytes, if it was downloaded or is kept.
    pub(crate) bytes: Option<u64>,
    /// The SHA-256 of the file as lower-case hex. It equals Heroku's checksum.
    pub(crate) checksum: Option<String>,
    /// The file that keeps it, by its path.
    pub(crate) kept_as: Option<String>,
    /// Why it could not be used, and what to do.
    pub(crate) error: Option<String>,
}

impl ArchiveReport {
    /// An archive of which nothing more is known.
    pub(crate) fn new(account: &str, month: Option<Month>, sources: Vec<SourceName>) -> Self {
        let account = account.to_owned();
        let (bytes, checksum, kept_as, error) = (None, None, None, None);
        Self { account, month, sources, bytes, checksum, kept_as, error }
    }

    /// The same archive, which could not be used.
    pub(crate) fn failed(self, error: String) -> Self {
        Self { error: Some(error), ..self }
    }

    /// Names it for people.
    fn name(&self) -> String {
        match self.month {
            Some(month) => format!("{} {month}", self.account),
            None => self.account.clone(),
        }
    }
}

/// Writes what was done with `archives`. `said` is true of the errors that the days repeat.
pub(super) fn write_archives(
    archives: &[ArchiveReport],
    said: impl Fn(&str) -> bool,
    text: &mut Text<'_>,
) -> io::Result<()> {
    let used: Vec<&ArchiveReport> =
        archives.iter().filter(|archive| archive.error.is_none()).collect();
    let count = |number: usize| counted(number as u64, "archive");
    let kept = used.iter().filter(|archive| archive.kept_as.is_some()).count();
    let size = used.iter().filter_map(|archive| archive.bytes).sum();
    if !used.is_empty() {
        text.blank()?;
        let kept = match kept {
            0 => String::new(),
            kept if kept == used.len() => "; kept with their checksums".to_owned(),
            kept => format!("; {kept} of them kept with their checksums"),
        };
        writeln!(text, "{}, {}{kept}.", count(used.len()), sized(size))?;
    }
    for archive in archives {
        let Some(error) = archive.error.as_deref().filter(|error| !said(error)) else { continue };
        text.blank()?;
        writeln!(text, "{}: {error}", archive.name())?;
    }
    Ok(())
}

/// A number of bytes for people: `999 B`, `1.5 MB`.
pub(crate) fn sized(bytes: u64) -> String {
    let units = ["kB", "MB", "GB", "TB"];
    let (mut size, mut unit) = (bytes as f64, "B");
    for larger in units {
        if size < 999.95 {
            break;
        }
        (size, unit) = (size / 1000.0, larger);
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{size:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_decimal_with_one_digit() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (1_549_999, "1.5 MB"),
            (999_960, "1.0 MB"),
            (2_500_000_000_000_000, "2500.0 TB"),
        ] {
            assert_eq!(sized(bytes), text);
        }
    }
}
