//! Reads anchors: `SEQ:HEX`, log lines, the User-Agent of a ping, results, and signed notes.

use std::str::FromStr;

use chrono::{DateTime, Utc};

use super::super::checkpoint::Checkpoint;
use super::super::head::LogId;
use super::super::note::Note;
use super::document::{self, DocumentHead, read_hash};
use crate::event::Hash;

/// An anchor that was kept elsewhere.
#[derive(Debug, Clone)]
pub struct OutsideAnchor {
    /// Where it was kept: `--anchor`, or the name of a file.
    pub from: String,
    /// What people call it, such as `line 7 of heads.log`.
    pub place: String,
    /// What it says.
    pub text: AnchorText,
}

/// What an anchor says.
#[derive(Debug, Clone)]
pub enum AnchorText {
    /// A head.
    Head {
        /// The number of the seal.
        seq: i64,
        /// That seal.
        seal: Hash,
        /// The log, if the anchor names it.
        log: Option<LogId>,
        /// When it was recorded, if the line says so.
        at: Option<DateTime<Utc>>,
    },
    /// A signed checkpoint.
    Note(Note, Checkpoint),
}

/// Why a text is no anchor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnchor {
    /// It is not `SEQ:HEX`.
    #[error("write an anchor as SEQ:HEX, such as 42:9c1b…, with the 64 hex digits of the seal")]
    Form,
    /// A line begins a head that can't be read.
    #[error("line {0} names a head that can't be read: it may be cut")]
    Line(usize),
    /// A note can't be read.
    #[error("the note that begins on line {0} can't be read: {1}")]
    Note(usize, String),
    /// The file holds no anchor.
    #[error(
        "it holds no anchor: neither a log line with head_seq and head_seal, nor a result of \
         auditsync, as text or JSON, nor a signed note. `auditsync status > FILE` writes the head \
         of a database into a file"
    )]
    None,
}

impl FromStr for AnchorText {
    type Err = NoAnchor;

    /// Reads `SEQ:HEX`.
    fn from_str(text: &str) -> Result<Self, NoAnchor> {
        let (seq, seal) = text.trim().split_once(':').ok_or(NoAnchor::Form)?;
        let seq = seq.parse().ok().filter(|seq| *seq >= 1).ok_or(NoAnchor::Form)?;
        let seal = read_hash(seal).ok_or(NoAnchor::Form)?;
        Ok(Self::Head { seq, seal, log: None, at: None })
    }
}

impl OutsideAnchor {
    /// An anchor that was given on the command line.
    pub fn of_option(text: AnchorText) -> Self {
        let anchor = Self { from: "--anchor".to_owned(), place: String::new(), text };
        Self { place: format!("--anchor {}:…", anchor.seq()), ..anchor }
    }

    /// The number of the seal that it vouches for.
    pub fn seq(&self) -> i64 {
        match &self.text {
            AnchorText::Head { seq, .. } => *seq,
            AnchorText::Note(_, checkpoint) => i64::try_from(checkpoint.size).unwrap_or(i64::MAX),
        }
    }

    pub(super) fn at(&self) -> Option<DateTime<Utc>> {
        match &self.text {
            AnchorText::Head { at, .. } => *at,
            AnchorText::Note(..) => None,
        }
    }

    /// Reads the anchors of a file called `name`: lines that contain a head, whatever else they
    /// contain, JSON documents with a head, and signed notes. Other lines are ignored.
    pub fn read_all(name: &str, contents: &str) -> Result<Vec<Self>, NoAnchor> {
        let mut anchors = Vec::new();
        let lines: Vec<&str> = contents.lines().collect();
        let (mut at, mut rest) = (0, contents);
        while at < lines.len() {
            let (text, taken) = if begins_note(&lines[at..]) {
                let (note, taken) = note(&lines[at..], at + 1)?;
                (Some(note), taken)
            } else if let Some((head, taken)) = document(rest, at + 1)? {
                (Some(head), taken)
            } else {
                (head(lines[at], at + 1)?, 1)
            };
            let place = format!("line {} of {name}", at + 1);
            anchors.extend(text.map(|text| Self { from: name.to_owned(), place, text }));
            at += taken;
            for _ in 0..taken {
                rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
            }
        }
        if anchors.is_empty() { Err(NoAnchor::None) } else { Ok(anchors) }
    }
}

/// Whether a signed checkpoint begins here: an origin, a size and a root, each on its own line.
fn begins_note(lines: &[&str]) -> bool {
    let Some(first) = lines.get(..3) else { return false };
    Checkpoint::parse(&format!("{}\n", first.join("\n"))).is_ok()
}

/// The note at the beginning of `lines`, and how many of them it takes.
fn note(lines: &[&str], number: usize) -> Result<(AnchorText, usize), NoAnchor> {
    let text = lines.iter().take_while(|line| !line.is_empty()).count();
    let signatures = lines[text..].iter().skip(1).take_while(|line| line.starts_with('—')).count();
    let taken = (text + 1 + signatures).min(lines.len());
    let bytes = format!("{}\n", lines[..taken].join("\n"));
    let unreadable = |why: String| NoAnchor::Note(number, why);
    let note = Note::parse(bytes.as_bytes()).map_err(|error| unreadable(error.to_string()))?;
    let checkpoint = Checkpoint::parse(note.text());
    let checkpoint = checkpoint.map_err(|error| unreadable(error.to_string()))?;
    Ok((AnchorText::Note(note, checkpoint), taken))
}

/// The head of the JSON document that begins here, and how many lines it takes.
fn document(text: &str, number: usize) -> Result<Option<(AnchorText, usize)>, NoAnchor> {
    let found = document::read(text).map_err(|_| NoAnchor::Line(number))?;
    Ok(found.map(|(DocumentHead { seq, seal, log, at }, lines)| {
        (AnchorText::Head { seq, seal, log, at }, lines)
    }))
}

/// The head that a line names, as `head_seq=7 head_seal=…`, in JSON, in a User-Agent, or as the
/// last line of a result.
fn head(line: &str, number: usize) -> Result<Option<AnchorText>, NoAnchor> {
    let Some(seal) = value(line, "head_seal") else { return head_of_result(line, number) };
    // A run without a chain has no head.
    if seal.is_empty() || seal == "null" {
        return Ok(None);
    }
    let seq = value(line, "head_seq").and_then(|seq| seq.parse().ok()).filter(|seq| *seq >= 1);
    let log = value(line, "head_log").map(str::parse).transpose();
    match (read_hash(seal), seq, log) {
        (Some(seal), Some(seq), Ok(log)) => {
            Ok(Some(AnchorText::Head { seq, seal, log, at: time(line) }))
        }
        _ => Err(NoAnchor::Line(number)),
    }
}

/// The head in `Head: SEQ:HEX of log LOG`. A terminal may have wrapped the line before the log.
fn head_of_result(line: &str, number: usize) -> Result<Option<AnchorText>, NoAnchor> {
    let Some((_, behind)) = line.split_once("Head: ") else { return Ok(None) };
    let (head, behind) = behind.split_once(' ').unwrap_or((behind, ""));
    let is_head = head.split_once(':').is_some_and(|(seq, _)| seq.parse::<i64>().is_ok());
    if !is_head {
        return Ok(None);
    }
    let unreadable = NoAnchor::Line(number);
    let Ok(AnchorText::Head { seq, seal, .. }) = head.parse() else { return Err(unreadable) };
    let log = match behind.strip_prefix("of log ").map(str::trim_end) {
        None | Some("") => None,
        Some(log) => {
            let end = log.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(log.len());
            Some(log[..end].parse().map_err(|_| unreadable)?)
        }
    };
    Ok(Some(AnchorText::Head { seq, seal, log, at: time(line) }))
}

/// The letters and digits behind a name and the signs that follow it.
fn value<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    let behind = line.split_once(name)?.1.trim_start_matches(['"', '\'', '=', ':', ' ', '\\']);
    let end = behind.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(behind.len());
    Some(&behind[..end])
}

/// The first time in a line.
fn time(line: &str) -> Option<DateTime<Utc>> {
    let words = line.split(|c: char| c.is_whitespace() || matches!(c, '"' | '=' | ',' | '[' | ']'));
    words.filter_map(|word| DateTime::parse_from_rfc3339(word).ok()).map(|at| at.to_utc()).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEAL: &str = "9c1b9c1b9c1b9c1b9c1b9c1b9c1b9c1b9c1b9c1b9c1b9c1b9c1b9c1b9c1b9c1b";
    const LOG: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_head_is_found_in_each_kind_of_line() {
        for line in [
            format!("head_log={LOG} head_seq=42 head_seal={SEAL}"),
            format!(
                "ts=2026-11-26T17:00:00.5Z level=INFO head_log={LOG} head_seq=42 head_seal={SEAL}"
            ),
            format!(
                "2026-11-26T17:00:00.500000+00:00 app[scheduler.1]: ts=x message=\"run finished\" \
                 head_log={LOG} head_seq=42 head_seal={SEAL}"
            ),
            format!(
                "{{\"timestamp\":\"2026-11-26T17:00:00.5Z\",\"head_log\":\"{LOG}\",\"head_seq\":42,\
                 \"head_seal\":\"{SEAL}\"}}"
            ),
            format!("auditsync/0.1.0 (…; head_log={LOG} head_seq=42 head_seal={SEAL})"),
            format!("Head: 42:{SEAL} of log {LOG}"),
            format!("Head: 42:{SEAL} of log {LOG}, auditsync 0.1.0 (abc)"),
            format!("2026-11-26T17:00:00Z app[run.1]: Head: 42:{SEAL} of log {LOG}\r"),
            format!(
                "{{\"ok\":true,\"head\":{{\"log\":\"{LOG}\",\"seq\":42,\"seal\":\"{SEAL}\"}}}}"
            ),
            format!(
                "{{\n  \"checked_at\": \"2026-11-26T17:00:00Z\",\n  \"head\": {{\n    \
                 \"log\": \"{LOG}\",\n    \"seq\": 42,\n    \"seal\": \"{SEAL}\"\n  }}\n}}"
            ),
        ] {
            let anchors = OutsideAnchor::read_all("heads.log", &format!("other\n{line}\n"));
            let anchors = anchors.expect("an anchor");
            let [OutsideAnchor { place, text, .. }] = &anchors[..] else { panic!("{line}") };
            let AnchorText::Head { seq, seal, log, at } = text else { panic!("{line}") };
            assert_eq!(
                (*seq, hex::encode(seal), place.as_str()),
                (42, SEAL.into(), "line 2 of heads.log")
            );
            assert_eq!(log.as_ref().map(LogId::as_str), Some(LOG), "{line}");
            assert_eq!(at.is_some(), line.contains("17:00"), "{line}");
        }
    }

    #[test]
    fn heads_of_several_results_are_found_between_other_lines() {
        let document =
            format!("{{\"head\":{{\"log\":null,\"seq\":2,\"seal\":\"{SEAL}\"}},\n\"a\":1}}");
        let contents = format!(
            "OK  1 source\n{document}\n{{\"head\":null}}\n{{\"head\":{{\"sha\":\"f00\"}}}}\n\
             Head: none\nAuditsync-Head: 3:{SEAL}\nHead: 4:{SEAL} of log\n{LOG}\n{document}\n"
        );
        let anchors = OutsideAnchor::read_all("f", &contents).expect("anchors");
        let found: Vec<(i64, &str)> =
            anchors.iter().map(|anchor| (anchor.seq(), anchor.place.as_str())).collect();
        let places =
            [(2, "line 2 of f"), (3, "line 7 of f"), (4, "line 8 of f"), (2, "line 10 of f")];
        assert_eq!(found, places);
    }

    #[test]
    fn a_file_without_an_anchor_and_a_cut_line_are_errors() {
        let read = |text: &str| OutsideAnchor::read_all("f", text).map(|anchors| anchors.len());
        assert_eq!(read(""), Err(NoAnchor::None));
        assert_eq!(read("level=INFO head_seq= head_seal=\n"), Err(NoAnchor::None));
        assert_eq!(read(&format!("head_seq=1 head_seal={}", &SEAL[..60])), Err(NoAnchor::Line(1)));
        assert_eq!(read(&format!("head_seq=0 head_seal={SEAL}")), Err(NoAnchor::Line(1)));
        for cut in [
            format!("head_log=x head_seq=1 head_seal={SEAL}"),
            format!("Head: 1:{}", &SEAL[..60]),
            "Head: 1:49b6… of log ffac…".to_owned(),
            format!("Head: 1:{SEAL} of log 0123"),
            format!("{{\"ok\":true,\n\"head\":{{\"seq\":1,\"seal\":\"{}", &SEAL[..60]),
            format!("{{\"head\":{{\"seq\":0,\"seal\":\"{SEAL}\"}}}}"),
            "{\"head\":{\"seq\":1,\"seal\":\"9c\"}}".to_owned(),
            format!("{{\"head\":{{\"log\":\"x\",\"seq\":1,\"seal\":\"{SEAL}\"}}}}"),
        ] {
            assert_eq!(read(&cut), Err(NoAnchor::Line(1)), "{cut}");
        }
    }

    #[test]
    fn an_anchor_is_a_number_and_64_hex_digits() {
        let read = |text: &str| text.parse::<AnchorText>();
        assert!(matches!(read(&format!("42:{SEAL}")), Ok(AnchorText::Head { seq: 42, .. })));
        for odd in ["", "42", "42:", "42:abc", &format!("0:{SEAL}"), &format!("x:{SEAL}"), SEAL] {
            assert_eq!(read(odd).map(drop), Err(NoAnchor::Form), "{odd}");
        }
    }
}
