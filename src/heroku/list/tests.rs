use super::*;

/// The elements of `body`, which arrives in chunks of `size` bytes.
pub(super) fn split(body: &[u8], size: usize) -> Result<Vec<Bytes>, Malformed> {
    all(body.chunks(size.max(1)))
}

/// The same for chunks that end at `cuts`, in ascending order.
pub(super) fn split_at(body: &[u8], cuts: &[usize]) -> Result<Vec<Bytes>, Malformed> {
    let begins = std::iter::once(0).chain(cuts.iter().copied());
    let ends = cuts.iter().copied().chain([body.len()]);
    all(begins.zip(ends).map(|(begin, end)| &body[begin..end]))
}

fn all<'b>(chunks: impl Iterator<Item = &'b [u8]>) -> Result<Vec<Bytes>, Malformed> {
    all_of(ListSplitter::new(), chunks)
}

pub(super) fn all_of<'b>(
    mut splitter: ListSplitter,
    chunks: impl Iterator<Item = &'b [u8]>,
) -> Result<Vec<Bytes>, Malformed> {
    let mut elements = Vec::new();
    for chunk in chunks {
        splitter.push(Bytes::copy_from_slice(chunk));
        while let Some(element) = splitter.next_element()? {
            elements.push(element);
        }
    }
    splitter.finish().map(|()| elements)
}

const ODD: &[&str] = &[
    r#"{"id":"a","data":{"x":"]}\\\"","y":[[],{}]}}"#,
    r#""a string, with \"quotes\" and ] , [""#,
    "-1.5e300",
    "null",
    "[]",
    r#"{ "spaced" :  [1 , 2]   }"#,
    r#"{"id":"b","text":"\\"}"#,
];

#[test]
fn elements_keep_their_bytes_wherever_the_chunks_end() {
    let body = format!(" \n[ {} ]\r\n", ODD.join(" ,\t"));
    for size in 1..=body.len() {
        let elements = split(body.as_bytes(), size).expect("a list");
        assert_eq!(elements, ODD, "in chunks of {size}");
    }
}

#[test]
fn a_list_cut_at_any_byte_is_never_complete() {
    let body = format!("[{}]", ODD.join(","));
    for end in 0..body.len() {
        assert!(split(&body.as_bytes()[..end], 7).is_err(), "cut at {end}");
    }
}

#[test]
fn an_empty_list_is_complete_and_has_no_element() {
    assert_eq!(split(b"[]", 1), Ok(vec![]));
    assert_eq!(split(b" [ ] ", 2), Ok(vec![]));
}

#[test]
fn a_body_that_is_not_a_list_is_an_error() {
    for (body, expected) in [
        ("", Malformed::NotAList),
        ("<html>", Malformed::NotAList),
        (r#"{"id":"rate_limit"}"#, Malformed::NotAList),
        ("[1,]", Malformed::Separator),
        ("[,1]", Malformed::Separator),
        ("[1 2]", Malformed::Separator),
        ("[}", Malformed::Separator),
        ("[1] x", Malformed::TrailingBytes),
        ("[1][2]", Malformed::TrailingBytes),
        ("[{\"a\":1}", Malformed::CutOff),
        ("[1,", Malformed::CutOff),
    ] {
        assert_eq!(split(body.as_bytes(), 3), Err(expected), "{body}");
    }
}

#[test]
fn an_archive_s_list_may_be_in_an_object_wherever_the_chunks_end() {
    let list = ODD.join(" ,\t");
    for body in [
        format!(" [{list}]"),
        format!(r#" {{ "entries" : [{list}] }} "#),
        format!(
            r#"{{"a":[1,{{"entries":[]}}],"b":"]}}\\\"","c":1e5,"entr\u0069es":[{list}],"d":null}}"#
        ),
    ] {
        for size in [1, 2, 3, 7, 1000] {
            let elements =
                all_of(ListSplitter::of_archive(), body.as_bytes().chunks(size)).expect("a list");
            assert_eq!(elements, ODD, "{body} in chunks of {size}");
        }
        for end in 0..body.trim_end().len() {
            let cut = &body.as_bytes()[..end];
            assert!(all_of(ListSplitter::of_archive(), cut.chunks(7)).is_err(), "cut at {end}");
        }
    }
}

#[test]
fn an_object_is_an_archive_only_with_entries_and_never_a_page() {
    for body in [
        "{}",
        r#"{"entries":null}"#,
        r#"{"entries":{}}"#,
        r#"{"entry":[1]}"#,
        r#"{"a":}"#,
        r#"{"a":[}],"entries":[]}"#,
        "{entries:[]}",
        r#"{"entries" []}"#,
        r#"{"entries":[],}"#,
        r#"{"entries":[]]"#,
    ] {
        let split = all_of(ListSplitter::of_archive(), body.as_bytes().chunks(3));
        assert!(
            matches!(split, Err(Malformed::Envelope | Malformed::Separator)),
            "{body}: {split:?}"
        );
    }
    assert_eq!(split(br#"{"entries":[]}"#, 3), Err(Malformed::NotAList));
}

#[test]
fn a_byte_order_mark_before_a_list_is_ignored_wherever_the_chunks_end() {
    let body = [b"\xef\xbb\xbf", " [1, 2]".as_bytes()].concat();
    let object = [b"\xef\xbb\xbf", r#"{"entries":[1,2]}"#.as_bytes()].concat();
    for size in [1, 2, 3, 4, 1000] {
        assert_eq!(split(&body, size).expect("a list"), ["1", "2"], "in chunks of {size}");
        let archive = all_of(ListSplitter::of_archive(), object.chunks(size));
        assert_eq!(archive.expect("an archive"), ["1", "2"], "in chunks of {size}");
    }
    for wrong in [
        &b"\xef\xbb\xbf\xef\xbb\xbf[]"[..],
        b"\xef\xbb[]",
        b"\xef[]",
        b"\xef\xbb\xbf",
        b"\xef",
        b" \xef\xbb\xbf[]",
    ] {
        for size in [1, 2, 1000] {
            assert_eq!(split(wrong, size), Err(Malformed::NotAList), "{wrong:?}");
        }
    }
    assert_eq!(split(b"[]\xef\xbb\xbf", 1000), Err(Malformed::TrailingBytes));
}

#[test]
fn an_element_beyond_the_limit_is_an_error() {
    let mut splitter = ListSplitter::new();
    splitter.push(Bytes::from_static(b"[\""));
    assert_eq!(splitter.next_element(), Ok(None));
    let chunk = Bytes::from(vec![b'x'; 1024 * 1024]);
    for _ in 0..LONGEST_ELEMENT / chunk.len() - 1 {
        splitter.push(chunk.clone());
        assert_eq!(splitter.next_element(), Ok(None));
    }
    splitter.push(chunk);
    assert_eq!(splitter.next_element(), Err(Malformed::TooLong));
}

#[test]
fn an_element_of_exactly_the_limit_is_accepted() {
    let mut splitter = ListSplitter::new();
    splitter.push(Bytes::from_static(b"[\""));
    assert_eq!(splitter.next_element(), Ok(None));
    splitter.push(Bytes::from(vec![b'x'; LONGEST_ELEMENT - 2]));
    assert_eq!(splitter.next_element(), Ok(None));
    splitter.push(Bytes::from_static(b"\"]"));
    let element = splitter.next_element().expect("not too long").expect("an element");
    assert_eq!(element.len(), LONGEST_ELEMENT);
}
