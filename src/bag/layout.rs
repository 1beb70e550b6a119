//! The names of the files in a bag, relative to its folder.

use chrono::NaiveDate;

use crate::event::Hash;

pub(super) const BAGIT: &str = "bagit.txt";
pub(super) const BAG_INFO: &str = "bag-info.txt";
pub(super) const MANIFEST: &str = "manifest-sha256.txt";
pub(super) const TAG_MANIFEST: &str = "tagmanifest-sha256.txt";

/// The declaration of every bag (RFC 8493, section 2.1.1).
pub(super) const DECLARATION: &str = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";

/// A line of a manifest.
pub(super) fn manifest_line(name: &str, hash: &Hash) -> String {
    format!("{}  {name}\n", hex::encode(hash))
}

/// The signature of the bag.
pub(crate) const NOTE: &str = "bag.note";
/// Every seal's preimage.
pub(crate) const SEALS: &str = "data/seals.netstrings";
/// Every calendar day of the range.
pub(crate) const COVERAGE: &str = "data/coverage.csv";
/// The page for people.
pub(crate) const REPORT: &str = "data/report.html";
/// How to check the bag.
pub(crate) const VERIFY: &str = "data/VERIFY.md";

/// The files of the payload that every bag has.
pub(super) const PAYLOAD: [&str; 4] = [SEALS, COVERAGE, REPORT, VERIFY];

/// The folder of what the database keeps of the chain for readers elsewhere.
const ANCHORS: &str = "data/anchors/";

/// A file about one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DayFile {
    /// The bytes of the events.
    Events,
    /// What the database knows of each event.
    EventIndex,
    /// The bytes of the conflicts.
    Conflicts,
    /// What the database knows of each conflict.
    ConflictIndex,
}

impl DayFile {
    /// All of them.
    pub(crate) const ALL: [Self; 4] =
        [Self::Events, Self::EventIndex, Self::Conflicts, Self::ConflictIndex];

    /// The file's name. A source has a name that a configuration can have.
    pub(crate) fn path(self, source: &str, date: NaiveDate) -> String {
        let (folder, extension) = match self {
            Self::Events => ("events", "events"),
            Self::EventIndex => ("index", "csv"),
            Self::Conflicts => ("conflicts", "events"),
            Self::ConflictIndex => ("conflicts", "csv"),
        };
        format!("data/{folder}/{source}/{date}.{extension}")
    }

    /// Whether a file of a bag is about a day.
    pub(crate) fn is_named(path: &str) -> bool {
        ["data/events/", "data/index/", "data/conflicts/"]
            .iter()
            .any(|folder| path.starts_with(folder))
    }
}

/// Whether every bag has this file, or a bag may have it for its days or its chain.
pub(super) fn is_of_a_bag(name: &str) -> bool {
    PAYLOAD.contains(&name) || DayFile::is_named(name) || AnchorFile::named(name).is_some()
}

/// A file with a signed checkpoint or a timestamp.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AnchorFile {
    /// The number of the seal that it is about.
    pub(crate) seq: i64,
    /// `checkpoint` or `timestamp`.
    pub(crate) kind: String,
    /// 1, or more if there are several of this seal and kind.
    pub(crate) number: u32,
}

impl AnchorFile {
    const KINDS: [(&str, &str); 2] = [("checkpoint", "note"), ("timestamp", "tsr")];

    /// Whether a bag holds anchors of this kind. It can derive the others.
    pub(crate) fn holds(kind: &str) -> bool {
        Self::KINDS.iter().any(|(known, _)| *known == kind)
    }

    /// The file's name, such as `data/anchors/checkpoint-12.note`.
    pub(crate) fn path(&self) -> String {
        let Self { seq, kind, number } = self;
        let extension = Self::KINDS.iter().find(|(known, _)| known == kind);
        let extension = extension.map_or("anchor", |(_, extension)| extension);
        let number = if *number == 1 { String::new() } else { format!(".{number}") };
        format!("{ANCHORS}{kind}-{seq}{number}.{extension}")
    }

    /// Reads a name that [`Self::path`] gives.
    pub(crate) fn named(path: &str) -> Option<Self> {
        let (stem, _) = path.strip_prefix(ANCHORS)?.rsplit_once('.')?;
        let (stem, number) = stem.split_once('.').unwrap_or((stem, "1"));
        let (kind, seq) = stem.split_once('-')?;
        let file =
            Self { seq: seq.parse().ok()?, kind: kind.to_owned(), number: number.parse().ok()? };
        (file.path() == path).then_some(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anchor_s_name_says_what_it_is() {
        for (seq, kind, number, path) in [
            (12, "checkpoint", 1, "data/anchors/checkpoint-12.note"),
            (3, "timestamp", 2, "data/anchors/timestamp-3.2.tsr"),
        ] {
            let file = AnchorFile { seq, kind: kind.to_owned(), number };
            assert_eq!(file.path(), path);
            assert_eq!(AnchorFile::named(path), Some(file));
        }
        for odd in
            ["data/anchors/checkpoint-012.note", "data/anchors/checkpoint-1.tsr", "data/anchors/x"]
        {
            assert_eq!(AnchorFile::named(odd), None, "{odd}");
        }
    }
}
