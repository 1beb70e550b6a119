//! Any bytes at all: what the splitter takes for a whole list is what another parser takes for one.

use bytes::Bytes;
use serde_json::value::RawValue;

use super::tests::{split, split_at};
use crate::fuzz::{JSON, fuzz, spelled};

#[test]
fn the_splitter_and_another_parser_agree_on_what_a_list_is_and_on_its_elements() {
    fuzz!("lists", |input: &[u8]| {
        let mut body = spelled(input, JSON);
        if let Some((1..128, _)) = input.split_first() {
            // What begins and ends as a list does goes deeper.
            body = [b"[", &body[..], b"]"].concat();
        }
        let whole = split(&body, body.len());
        let expected: Option<Vec<Bytes>> = serde_json::from_slice::<Vec<&RawValue>>(&body)
            .ok()
            .map(|values| values.iter().map(|value| Bytes::copy_from_slice(value.get().as_bytes())).collect());
        if let Some(expected) = &expected {
            assert_eq!(whole.as_ref(), Ok(expected));
        }
        if let Ok(elements) = &whole {
            let is_value = |bytes: &Bytes| serde_json::from_slice::<&RawValue>(bytes).is_ok();
            assert_eq!(elements.iter().all(is_value), expected.is_some());
        }
        let cuts = input.iter().scan(0, |at, step| {
            *at += usize::from(*step) % 9;
            (*at <= body.len()).then_some(*at)
        });
        let cuts: Vec<usize> = cuts.collect();
        assert_eq!(split_at(&body, &cuts), whole, "the same wherever chunks end");
    });
}
