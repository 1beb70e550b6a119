//! The archive host: headers, errors and partial downloads like those of Amazon S3.

use std::fmt::Write as _;
use std::ops::Range;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use uuid::Uuid;

use crate::archive::Archive;
use crate::faults::Fault;
use crate::http::{set, spoiled, text};

/// The number of bytes in the longer of S3's two request ids.
const LONG_ID: usize = 56;

/// The file of an archive, or the part that `asked` names. A fault may spoil it.
pub(crate) fn file(archive: &Archive, asked: &HeaderMap, fault: Option<&Fault>) -> Response {
    let whole = archive.file.len();
    let wanted = text(asked, header::RANGE).and_then(|range| part(&range, whole));
    let (status, span) = match wanted {
        None => (StatusCode::OK, 0..whole),
        Some(span) if span.is_empty() => {
            let message = "The requested range is not satisfiable";
            return refusal(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange", message);
        }
        Some(span) => (StatusCode::PARTIAL_CONTENT, span),
    };
    let mut headers = HeaderMap::new();
    // Like the `ETag` of a multipart upload: 32 digits that are no checksum of the file.
    set(
        &mut headers,
        "etag",
        &format!("\"{}-1\"", &archive.checksum.get(..32).unwrap_or_default()),
    );
    set(&mut headers, "accept-ranges", "bytes");
    set(&mut headers, "content-type", "application/octet-stream");
    if let Ok(made) = DateTime::parse_from_rfc3339(&archive.created_at) {
        set(
            &mut headers,
            "last-modified",
            &made.to_utc().format("%a, %d %b %Y %H:%M:%S GMT").to_string(),
        );
    }
    if let Some(encoding) = &archive.content_encoding {
        set(&mut headers, "content-encoding", encoding);
    }
    if status == StatusCode::PARTIAL_CONTENT {
        set(
            &mut headers,
            "content-range",
            &format!("bytes {}-{}/{whole}", span.start, span.end - 1),
        );
    }
    let sent = match fault {
        Some(Fault::EndBody { after_bytes }) => span.len().min(*after_bytes),
        _ => span.len(),
    };
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(sent));
    let pieces = Box::new(std::iter::once(archive.file.slice(span)));
    (status, headers, spoiled(pieces, fault)).into_response()
}

/// The bytes that a `Range` names; empty if the file has no such bytes. `None` for a range that S3
/// ignores.
fn part(range: &str, whole: usize) -> Option<Range<usize>> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| text.trim().parse::<usize>().ok();
    Some(match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(whole),
        (Some(first), None) if last.trim().is_empty() => first..whole,
        (None, Some(length)) if first.trim().is_empty() => whole.saturating_sub(length)..whole,
        _ => return None,
    })
}

/// S3's answer to a request that it rejects.
pub(crate) fn refusal(status: StatusCode, code: &str, message: &str) -> Response {
    (status, [(header::CONTENT_TYPE, "application/xml")], error(code, message)).into_response()
}

/// The body of S3's errors.
pub(crate) fn error(code: &str, message: &str) -> String {
    let (request, host) = ids();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
    for (name, value) in
        [("Code", code), ("Message", message), ("RequestId", &*request), ("HostId", &*host)]
    {
        let value = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let _ = write!(xml, "<{name}>{value}</{name}>");
    }
    xml + "</Error>"
}

/// Add the headers that S3 sends with every answer.
pub(crate) fn sign(headers: &mut HeaderMap) {
    let (request, host) = ids();
    for (name, value) in
        [("x-amz-request-id", &*request), ("x-amz-id-2", &*host), ("server", "AmazonS3")]
    {
        set(headers, name, value);
    }
}

/// The two ids that S3 gives a request.
fn ids() -> (String, String) {
    let bytes: Vec<u8> =
        (0..LONG_ID.div_ceil(16)).flat_map(|_| Uuid::new_v4().into_bytes()).collect();
    (hex::encode_upper(&bytes[..8]), STANDARD.encode(&bytes[..LONG_ID]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_named_by_its_ends_from_a_place_on_or_from_the_end() {
        for (range, expected) in [
            ("bytes=0-9", Some(0..10)),
            ("bytes=90-200", Some(90..100)),
            ("bytes=90-", Some(90..100)),
            ("bytes=-10", Some(90..100)),
            ("bytes=100-", Some(100..100)),
            ("bytes=-0", Some(100..100)),
            ("bytes=9-1", None),
            ("bytes=-", None),
            ("id ..", None),
            ("bytes=0-1,5-6", None),
        ] {
            assert_eq!(part(range, 100), expected, "{range}");
        }
    }
}
