//! One page of a list: the body of an answer as a stream of elements, and where the list goes on.

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderValue};

use super::answer::Fault;
use super::list::ListSplitter;
use super::request::Answer;
use crate::config::Token;

/// A page that is being read.
#[derive(Debug)]
pub(super) struct Page {
    answer: Answer,
    splitter: ListSplitter,
    next_range: NextRange,
    elements: usize,
}

/// Where a page says that the list goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NextRange {
    /// The list ends with this page.
    End,
    /// The `Range` of the next page, as it came.
    Next(String),
    /// There is a next page, but the answer does not say where: a 206 without a usable `Next-Range`.
    Unknown,
}

impl Page {
    /// The page that an answer holds.
    pub(super) fn new(answer: Answer) -> Self {
        let next_range = next_range(answer.status(), answer.headers());
        Self { answer, splitter: ListSplitter::new(), next_range, elements: 0 }
    }

    /// The bytes of the next element; `None` once the list has ended as a list should.
    pub(super) async fn next_element(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            if let Some(element) = self.splitter.next_element()? {
                self.elements += 1;
                return Ok(Some(element));
            }
            match self.answer.chunk().await? {
                Some(chunk) => self.splitter.push(chunk),
                None => return self.splitter.finish().map(|()| None).map_err(Fault::from),
            }
        }
    }

    /// How many elements were read of it.
    pub(super) fn elements(&self) -> usize {
        self.elements
    }

    /// Where the list goes on behind this page.
    pub(super) fn next_range(&self) -> &NextRange {
        &self.next_range
    }

    /// The answer's `Request-Id`, made sanitize.
    pub(super) fn request_id(&self, token: &Token) -> Option<String> {
        self.answer.request_id(token)
    }
}

fn next_range(status: StatusCode, headers: &HeaderMap) -> NextRange {
    match headers.get("Next-Range").map(HeaderValue::to_str) {
        Some(Ok(value)) if !value.trim().is_empty() => NextRange::Next(value.trim().to_owned()),
        // There is a next page, under a name that can't be sent back.
        Some(Err(_)) => NextRange::Unknown,
        _ if status == StatusCode::PARTIAL_CONTENT => NextRange::Unknown,
        _ => NextRange::End,
    }
}

/// `range` with its `max` raised to `page_size`, and everything else as it came.
///
/// The form is `id ]<last id>..; order=asc,max=200` (Heroku's reference, "Ranges").
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

    use super::super::list::Malformed;
    use super::*;

    #[test]
    fn a_next_range_is_sent_back_as_it_came_but_for_max() {
        for (came, sent) in [
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
            assert_eq!(with_page_size(came, 1000), sent, "{came}");
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
    fn a_next_range_that_can_not_be_sent_back_does_not_pass_for_the_end_and_an_empty_one_is_none() {
        let mut headers = HeaderMap::new();
        headers.insert("Next-Range", HeaderValue::from_bytes(b"id ]\xff..").expect("a header"));
        for status in [StatusCode::OK, StatusCode::PARTIAL_CONTENT] {
            assert_eq!(next_range(status, &headers), NextRange::Unknown);
        }
        headers.insert("Next-Range", HeaderValue::from_static(" "));
        assert_eq!(next_range(StatusCode::OK, &headers), NextRange::End);
        assert_eq!(next_range(StatusCode::PARTIAL_CONTENT, &headers), NextRange::Unknown);
    }

    /// A page whose body comes in these chunks.
    fn page(chunks: &[&'static str]) -> Page {
        let chunks: Vec<_> = chunks
            .iter()
            .map(|chunk| Ok::<_, Infallible>(Bytes::from_static(chunk.as_bytes())))
            .collect();
        let body = Body::wrap_stream(futures_util::stream::iter(chunks));
        let response =
            http::Response::builder().header("Request-Id", "r-1").body(body).expect("an answer");
        Page::new(Answer::of(response.into()))
    }

    async fn read(page: &mut Page) -> Result<Vec<Bytes>, Fault> {
        let mut elements = Vec::new();
        while let Some(element) = page.next_element().await? {
            elements.push(element);
        }
        Ok(elements)
    }

    #[tokio::test]
    async fn a_page_gives_its_elements_one_by_one_and_counts_them_wherever_its_chunks_end() {
        let mut page = page(&["[1", "1,", "2,3", "]"]);
        assert_eq!(page.elements(), 0);
        assert_eq!(read(&mut page).await.expect("a whole page"), ["11", "2", "3"]);
        assert_eq!(page.elements(), 3);
        let token = Token::parse("HRKU-secret").expect("a token");
        assert_eq!(page.request_id(&token).as_deref(), Some("r-1"));
    }

    #[tokio::test]
    async fn a_page_that_is_cut_off_or_no_list_is_a_fault() {
        for (chunks, why) in
            [(&["[1,", "2"][..], Malformed::CutOff), (&["{}"], Malformed::NotAList)]
        {
            let fault = read(&mut page(chunks)).await.expect_err("half a page");
            assert!(matches!(&fault, Fault::Body(malformed) if *malformed == why), "{fault}");
        }
    }
}
