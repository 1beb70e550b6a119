//! Properties of every list, however it is split into chunks, and of every cut.

use bytes::Bytes;
use proptest::prelude::*;

use super::tests::{split, split_at};

/// The text of a JSON value: strings with every escape, numbers of any size, odd keys, white space,
/// nesting.
fn value() -> impl Strategy<Value = String> {
    let string = prop_oneof![
        Just(String::new()),
        "[a-zé李🙂 ,:\\[\\]{}]{0,8}",
        Just(r#"\"\\\/\b\f\n\r\t\u0000\ud800\\"#.to_owned()),
        Just(r#"]},\\\"["#.to_owned()),
    ]
    .prop_map(|text| format!("\"{text}\""));
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,4})?",
        string.clone(),
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        let list =
            prop::collection::vec((space(), inner.clone(), space()), 0..5).prop_map(|items| {
                format!("[{}]", joined(items.iter().map(|(a, item, b)| format!("{a}{item}{b}"))))
            });
        let pairs = prop::collection::vec((space(), string.clone(), space(), inner, space()), 0..5)
            .prop_map(|pairs| {
                format!(
                    "{{{}}}",
                    joined(
                        pairs.iter().map(|(a, key, b, item, c)| format!("{a}{key}{b}:{c}{item}"))
                    )
                )
            });
        prop_oneof![list, pairs]
    })
}

fn space() -> impl Strategy<Value = String> {
    "[ \t\r\n]{0,3}"
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(",")
}

/// Some values, and a list of them with white space wherever it is allowed.
fn list() -> impl Strategy<Value = (Vec<String>, String)> {
    let items = prop::collection::vec((space(), value(), space()), 0..12);
    (space(), items, space(), space()).prop_map(|(before, items, within, after)| {
        let body = joined(items.iter().map(|(a, item, b)| format!("{a}{item}{b}")));
        (
            items.into_iter().map(|(_, item, _)| item).collect(),
            format!("{before}[{body}{within}]{after}"),
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn elements_keep_their_bytes_and_order_wherever_chunks_end(
        (values, body) in list(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
        cuts.sort_unstable();
        let elements = split_at(body.as_bytes(), &cuts).expect("a list");
        let expected: Vec<Bytes> = values.into_iter().map(Bytes::from).collect();
        prop_assert_eq!(elements, expected);
    }

    #[test]
    fn a_list_that_is_cut_is_never_complete(
        (_, body) in list(),
        cut in any::<prop::sample::Index>(),
        size in 1..40_usize,
    ) {
        let end = body.rfind(']').expect("a list");
        prop_assert!(split(&body.as_bytes()[..cut.index(end + 1)], size).is_err());
    }

    #[test]
    fn a_list_with_bytes_after_it_is_never_complete(
        (_, body) in list(),
        more in "[^ \t\r\n].{0,5}",
        size in 1..40_usize,
    ) {
        let body = body + &more;
        prop_assert!(split(body.as_bytes(), size).is_err());
    }
}
