//! `bag-info.txt`: what the bag is, for people and for tools (RFC 8493, section 2.2.2).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::NaiveDate;

use crate::day::DateRange;
use crate::evidence::Head;

/// The label of the payload's size.
pub(super) const OXUM: &str = "Payload-Oxum";

/// The size of a payload: `BYTES.FILES`.
pub(super) fn oxum(bytes: u64, files: usize) -> String {
    format!("{bytes}.{files}")
}

/// The labels of a text and their values, or the number of the first line that is not
/// `LABEL: VALUE` or repeats a label.
pub(super) fn labels(text: &[u8]) -> Result<BTreeMap<String, String>, usize> {
    let mut labels = BTreeMap::new();
    let text = String::from_utf8_lossy(text);
    for (index, line) in text.split_terminator('\n').enumerate() {
        let (label, value) = line.split_once(": ").ok_or(index + 1)?;
        if labels.insert(label.to_owned(), value.to_owned()).is_some() {
            return Err(index + 1);
        }
    }
    Ok(labels)
}

/// What `bag-info.txt` says.
#[derive(Debug, Clone)]
pub(crate) struct BagInfo {
    /// The date of the export.
    pub(crate) made_on: NaiveDate,
    /// The days.
    pub(crate) range: DateRange,
    /// The sources, by name.
    pub(crate) sources: Vec<String>,
    /// The end of the chain.
    pub(crate) head: Option<Head>,
}

impl BagInfo {
    /// The text of the file, for a payload of this size.
    pub(super) fn text(&self, bytes: u64, files: usize) -> String {
        let Self { made_on, range, sources, head } = self;
        let (sources, version) = (sources.join(", "), env!("CARGO_PKG_VERSION"));
        let oxum = oxum(bytes, files);
        let mut text = format!(
            "Bagging-Date: {made_on}\n\
             Bag-Software-Agent: auditsync/{version}\n\
             External-Description: Events of a Heroku Enterprise audit trail\n\
             {OXUM}: {oxum}\n\
             Auditsync-Days: {}..{}\n\
             Auditsync-Sources: {sources}\n",
            range.from, range.to
        );
        if let Some(head) = head {
            let _ = write!(text, "Auditsync-Log: {}\nAuditsync-Head: {head}\n", head.log);
        }
        text
    }
}
