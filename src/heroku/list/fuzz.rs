//! Feeds arbitrary bytes to the splitter and to another parser: both accept the same lists.

use std::fmt;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::ListSplitter;
use super::tests::{all_of, split, split_at};
use crate::fuzz::{JSON, fuzz, spelled};

/// A byte-order mark, which the other parser rejects.
const MARK: &str = "\u{feff}";

fn unmarked(body: &[u8]) -> &[u8] {
    body.strip_prefix(MARK.as_bytes()).unwrap_or(body)
}

#[test]
fn the_splitter_and_another_parser_agree_on_lists() {
    let words = [JSON, &[MARK]].concat();
    fuzz!("lists", |input: &[u8]| {
        let mut body = spelled(input, &words);
        if let Some((1..128, _)) = input.split_first() {
            // Brackets around it let it pass the first checks.
            body = [b"[", &body[..], b"]"].concat();
        }
        let elements_found = split(&body, body.len());
        let expected: Option<Vec<Bytes>> =
            serde_json::from_slice::<Vec<&RawValue>>(unmarked(&body)).ok().map(|values| {
                values.iter().map(|value| Bytes::copy_from_slice(value.get().as_bytes())).collect()
            });
        if let Some(expected) = &expected {
            assert_eq!(elements_found.as_ref(), Ok(expected));
        }
        if let Ok(elements) = &elements_found {
            let is_value = |bytes: &Bytes| serde_json::from_slice::<&RawValue>(bytes).is_ok();
            assert_eq!(elements.iter().all(is_value), expected.is_some());
        }
        let cuts = input.iter().scan(0, |at, step| {
            *at += usize::from(*step) % 9;
            (*at <= body.len()).then_some(*at)
        });
        let cuts: Vec<usize> = cuts.collect();
        assert_eq!(split_at(&body, &cuts), elements_found, "the same wherever chunks end");
    });
}

/// An archive for the other parser: a list, or the lists named `entries` in an object.
struct ParsedArchive<'a> {
    elements: Vec<&'a RawValue>,
    has_list: bool,
}

impl<'de> Deserialize<'de> for ParsedArchive<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = ParsedArchive<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list or an object")
            }

            fn visit_seq<A: SeqAccess<'de>>(
                self,
                mut list: A,
            ) -> Result<ParsedArchive<'de>, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = list.next_element()? {
                    elements.push(element);
                }
                Ok(ParsedArchive { elements, has_list: true })
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<ParsedArchive<'de>, A::Error> {
                let mut archive = ParsedArchive { elements: Vec::new(), has_list: false };
                while let Some(key) = map.next_key::<String>()? {
                    if key == "entries" {
                        archive.elements.extend(map.next_value::<Vec<&RawValue>>()?);
                        archive.has_list = true;
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(archive)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[test]
fn the_splitter_and_another_parser_agree_on_archives() {
    let words =
        [JSON, &["{", "}", "\"entries\"", "\"entries\":[", "],\"a\":", "\"b\":{}", ":", MARK]]
            .concat();
    fuzz!("archives", |input: &[u8]| {
        let mut body = spelled(input, &words);
        if let Some((1..192, _)) = input.split_first() {
            body = [b"{\"a\":1,\"entries\":[", &body[..], b"]}"].concat();
        }
        let elements_found = all_of(ListSplitter::of_archive(), body.chunks(body.len().max(1)));
        let expected = serde_json::from_slice::<ParsedArchive<'_>>(unmarked(&body))
            .ok()
            .filter(|archive| archive.has_list);
        if let Some(expected) = &expected {
            let elements = expected
                .elements
                .iter()
                .map(|value| Bytes::copy_from_slice(value.get().as_bytes()));
            assert_eq!(elements_found, Ok(elements.collect()));
        }
        if let Ok(elements) = &elements_found {
            let is_value = |bytes: &Bytes| serde_json::from_slice::<&RawValue>(bytes).is_ok();
            assert_eq!(elements.iter().all(is_value), expected.is_some());
        }
        let size = usize::from(input.first().copied().unwrap_or(0) % 9) + 1;
        assert_eq!(
            all_of(ListSplitter::of_archive(), body.chunks(size)),
            elements_found,
            "the same wherever chunks end"
        );
    });
}
