//! Reads the head in a document of `--output json`, on one line or on many.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::super::head::LogId;
use crate::event::Hash;

/// A head that a document names.
pub(super) struct DocumentHead {
    pub(super) seq: i64,
    pub(super) seal: Hash,
    pub(super) log: Option<LogId>,
    /// When the result was made, if the document says so.
    pub(super) at: Option<DateTime<Utc>>,
}

/// A document names a head, which is cut or not of its form.
pub(super) struct CutHead;

/// What counts in a document. Other keys are skipped.
#[derive(Deserialize)]
struct Document {
    head: Option<Value>,
    checked_at: Option<Value>,
    finished_at: Option<Value>,
}

/// The head of the document at the beginning of `text`, and how many lines the document takes.
/// `None` if there is no document, or one without a head.
pub(super) fn read(text: &str) -> Result<Option<(DocumentHead, usize)>, CutHead> {
    if !text.trim_start_matches([' ', '\t']).starts_with('{') {
        return Ok(None);
    }
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<Document>();
    let document = match documents.next() {
        Some(Ok(document)) => document,
        Some(Err(error)) if error.is_eof() && text.contains("\"head\"") => return Err(CutHead),
        _ => return Ok(None),
    };
    let lines = text[..documents.byte_offset()].lines().count();
    let Document { head: Some(Value::Object(head)), checked_at, finished_at } = document else {
        return Ok(None);
    };
    // Other programs have a `head`, too.
    let (Some(seq), Some(seal)) = (head.get("seq"), head.get("seal")) else { return Ok(None) };
    let seq = seq.as_i64().filter(|seq| *seq >= 1).ok_or(CutHead)?;
    let seal = seal.as_str().and_then(read_hash).ok_or(CutHead)?;
    let log = match head.get("log") {
        None | Some(Value::Null) => None,
        Some(log) => Some(log.as_str().and_then(|log| log.parse().ok()).ok_or(CutHead)?),
    };
    let time = |at: Value| DateTime::parse_from_rfc3339(at.as_str()?).ok();
    let at = checked_at.or(finished_at).and_then(time).map(|at| at.to_utc());
    Ok(Some((DocumentHead { seq, seal, log, at }, lines)))
}

/// The seal that 64 hex digits stand for.
pub(super) fn read_hash(text: &str) -> Option<Hash> {
    hex::decode(text).ok()?.try_into().ok()
}
