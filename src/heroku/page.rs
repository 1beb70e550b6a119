//! One page of a list: its elements as a stream, and where the list continues.

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderValue};

use super::answer::{Answer, without_mark};
use super::continuation::NextRange;
use super::fault::Fault;
use super::list::{ListSplitter, Malformed};
use crate::config::Token;

/// A page that is being read.
#[derive(Debug)]
pub(super) struct Page {
    answer: Answer,
    splitter: ListSplitter,
    next_range: NextRange,
    elements: usize,
    /// How the body begins, until its first element.
    begin: Vec<u8>,
    token: Token,
}

/// How much of a body is kept to say what it is if it is no list, in bytes.
const LONGEST_BEGIN: usize = 1024;

impl Page {
    pub(super) fn new(answer: Answer, token: &Token) -> Self {
        let next_range = next_range(answer.status(), answer.headers());
        Self {
            answer,
            splitter: ListSplitter::new(),
            next_range,
            elements: 0,
            begin: Vec::new(),
            token: token.clone(),
        }
    }

    /// The bytes of the next element; `None` at the proper end of the list.
    pub(super) async fn next_element(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            match self.splitter.next_element() {
                Ok(None) => {}
                Ok(element) => {
                    self.elements += 1;
                    return Ok(element);
                }
                Err(malformed) => return Err(self.fault(malformed)),
            }
            let Some(chunk) = self.answer.chunk().await? else {
                let ended = self.splitter.finish().map(|()| None);
                return ended.map_err(|malformed| self.fault(malformed));
            };
            if self.elements == 0 {
                let room = LONGEST_BEGIN.saturating_sub(self.begin.len());
                self.begin.extend_from_slice(&chunk[..room.min(chunk.len())]);
            }
            self.splitter.push(chunk);
        }
    }

    /// The fault of a body that is not a list. One that is not even JSON is described.
    fn fault(&self, malformed: Malformed) -> Fault {
        let what = match malformed {
            Malformed::NotAList => self.answer.not_json(without_mark(&self.begin), &self.token),
            _ => None,
        };
        what.map_or_else(|| malformed.into(), |what| Fault::NoJson { what })
    }

    /// How many elements were read so far.
    pub(super) fn elements(&self) -> usize {
        self.elements
    }

    /// Where the list continues after this page.
    pub(super) fn next_range(&self) -> &NextRange {
        &self.next_range
    }
}

/// Where the list continues after a response with this status and these headers.
fn next_range(status: StatusCode, headers: &HeaderMap) -> NextRange {
    match headers.get("Next-Range").map(HeaderValue::to_str) {
        Some(Ok(value)) if !value.trim().is_empty() => NextRange::Next(value.trim().to_owned()),
        // There is a next page, but this value can't be sent back.
        Some(Err(_)) => NextRange::Unknown,
        _ if status == StatusCode::PARTIAL_CONTENT => NextRange::Unknown,
        _ => NextRange::End,
    }
}

/// `range` with its `max` raised to `page_size`, and everything else unchanged.
///
/// The form is `id ]<last id>..; order=asc,max=200` (Heroku's Platform API Reference, "Ranges").
pub(super) fn with_page_size(range: &str, page_size: u32) -> String {
    let (bounds, options) = range.rfind("..").map_or(("", range), |end| range.split_at(end + 2));
    let begins_option = |at: &usize| options[..*at].trim_end().ends_with([';', ',']);
    let Some(at) = options.match_indices("max=").map(|(at, _)| at).find(begins_option) else {
        let options = options.trim_end_matches([';', ',', ' ']);
        let separator = if options.contains(';') { "," } else { ";" };
        return format!("{bounds}{options}{separator} max={page_size}");
    };
    let (before, value) = options.split_at(at + "max=".len());
    let digits = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    match value[..digits].parse::<u32>() {
        Ok(theirs) if theirs < page_size => {
            format!("{bounds}{before}{page_size}{}", &value[digits..])
        }
        _ => range.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use reqwest::Body;

    use super::*;

    #[test]
    fn a_next_range_is_sent_back_unchanged_except_for_max() {
        for (received, sent) in [
            ("id ]01234567-89ab..; max=200", "id ]01234567-89ab..; max=1000"),
            ("id ]a..; order=desc,max=10;", "id ]a..; order=desc,max=1000;"),
            ("id ]a..; max=10, order=asc", "id ]a..; max=1000, order=asc"),
            ("id ]a;max=3..b;  max=10", "id ]a;max=3..b;  max=1000"),
            ("id ]a..", "id ]a..; max=1000"),
            ("id ]a..;", "id ]a..; max=1000"),
            ("id ]a..; order=asc;", "id ]a..; order=asc, max=1000"),
            ("id a; max=10", "id a; max=1000"),
            ("id ]a..; max=01000", "id ]a..; max=01000"),
            ("id ]a..; max=2000", "id ]a..; max=2000"),
            ("id ]a..; max=99999999999", "id ]a..; max=99999999999"),
        ] {
            assert_eq!(with_page_size(received, 1000), sent, "{received}");
        }
    }

    #[test]
    fn a_206_without_next_range_does_not_pass_for_the_end() {
        let none = HeaderMap::new();
        assert_eq!(next_range(StatusCode::OK, &none), NextRange::End);
        assert_eq!(next_range(StatusCode::PARTIAL_CONTENT, &none), NextRange::Unknown);
        let mut some = HeaderMap::new();
        some.insert("Next-Range", HeaderValue::from_static("id ]a..; max=200"));
        for status in [StatusCode::OK, StatusCode::PARTIAL_CONTENT] {
            assert_eq!(next_range(status, &some), NextRange::Next("id ]a..; max=200".into()));
        }
    }

    #[test]
    fn an_unreadable_next_range_is_not_the_end_and_an_empty_one_is_none() {
        let mut headers = HeaderMap::new();
        headers.insert("Next-Range", HeaderValue::from_bytes(b"id ]\xff..").expect("a header"));
        for status in [StatusCode::OK, StatusCode::PARTIAL_CONTENT] {
            assert_eq!(next_range(status, &headers), NextRange::Unknown);
        }
        headers.insert("Next-Range", HeaderValue::from_static(" "));
        assert_eq!(next_range(StatusCode::OK, &headers), NextRange::End);
        assert_eq!(next_range(StatusCode::PARTIAL_CONTENT, &headers), NextRange::Unknown);
    }

    /// A page whose body arrives in these chunks.
    fn page(chunks: &[&'static str]) -> Page {
        let chunks: Vec<_> = chunks
            .iter()
            .map(|chunk| Ok::<_, Infallible>(Bytes::from_static(chunk.as_bytes())))
            .collect();
        let body = Body::wrap_stream(futures_util::stream::iter(chunks));
        let token = Token::parse("HRKU-secret").expect("a token");
        Page::new(Answer::of(http::Response::new(body).into()), &token)
    }

    async fn read(page: &mut Page) -> Result<Vec<Bytes>, Fault> {
        let mut elements = Vec::new();
        while let Some(element) = page.next_element().await? {
            elements.push(element);
        }
        Ok(elements)
    }

    #[tokio::test]
    async fn a_page_counts_its_elements_wherever_its_chunks_end() {
        let mut page = page(&["[1", "1,", "2,3", "]"]);
        assert_eq!(page.elements(), 0);
        assert_eq!(read(&mut page).await.expect("a complete page"), ["11", "2", "3"]);
        assert_eq!(page.elements(), 3);
    }

    #[tokio::test]
    async fn a_body_that_is_not_json_is_described_by_its_type_and_beginning() {
        for (chunks, what) in [
            (&["\u{feff} <html>\u{1b}[2J", "<h1>HRKU-secret"][..], "of no type beginning \"<html>"),
            (&["hello"], "of no type beginning \"hello\", perhaps from a proxy"),
            (&[""], "empty"),
        ] {
            let fault = read(&mut page(chunks)).await.expect_err("no list");
            let said = fault.to_string();
            let Fault::NoJson { what: found } = fault else { panic!("{said}") };
            assert!(found.starts_with(what) && !found.contains("HRKU-secret"), "{found}");
            assert!(!found.chars().any(crate::text::steers), "{found}");
        }
        for json in ["null", "7", "\"x\"", "{}", "{\"id\":"] {
            let fault = read(&mut page(&[json])).await.expect_err("no list");
            assert!(matches!(fault, Fault::Body(Malformed::NotAList)), "{json}: {fault}");
        }
    }

    #[tokio::test]
    async fn a_page_that_is_cut_off_or_not_a_list_is_a_fault() {
        for (chunks, why) in
            [(&["[1,", "2"][..], Malformed::CutOff), (&["{}"], Malformed::NotAList)]
        {
            let fault = read(&mut page(chunks)).await.expect_err("half a page");
            assert!(matches!(&fault, Fault::Body(malformed) if *malformed == why), "{fault}");
        }
    }
}
