use super::*;

fn next(name: &str) -> NextRange {
    NextRange::Next(format!("id ]{name}..; max=200"))
}

/// The step after a page of these elements.
fn finish(list: &mut Continuation, says: &NextRange, ids: &[&str]) -> Result<NextStep, String> {
    list.open(says);
    for id in ids {
        list.note(id);
    }
    list.finish_page(says).map_err(|fault| fault.to_string())
}

/// A list whose first page held these elements and promised more.
fn after_page(ids: &[&str]) -> Continuation {
    let mut list = Continuation::default();
    assert_eq!(
        finish(&mut list, &next("1"), ids),
        Ok(NextStep::NextPage("id ]1..; max=200".into()))
    );
    list
}

/// The contents of a page after pages that held a, b and c; and whether it brings a new element.
const CONTENTS: &[(&str, &[&str], bool)] = &[
    ("nothing", &[], false),
    ("new", &["x", "y"], true),
    ("new, and one of it twice", &["x", "x"], true),
    ("overlapping at its start", &["c", "x"], true),
    ("overlapping at its end", &["x", "a"], true),
    ("repeated", &["a", "b", "c"], false),
    ("repeated in another order", &["c", "a", "b"], false),
    ("shrunk to its start", &["a"], false),
    ("shrunk to its end", &["b", "c"], false),
    ("one element many times", &["b", "b", "b", "b"], false),
];

/// The rules, written independently of the code.
fn expected(says: &NextRange, holds: &[&str], has_new: bool) -> Result<NextStep, String> {
    match says {
        NextRange::Unknown => Err(Discontinued::BadNextRange.to_string()),
        NextRange::End if has_new => Ok(NextStep::End),
        NextRange::Next(range) if has_new => Ok(NextStep::NextPage(range.clone())),
        NextRange::End if holds.is_empty() => Ok(NextStep::ConfirmEnd),
        NextRange::Next(_) if holds.is_empty() => Err(Discontinued::Empty.to_string()),
        _ => Err(Discontinued::Repeats.to_string()),
    }
}

#[test]
fn a_second_or_third_page_is_judged_by_the_table() {
    for pages in [
        &[&["a", "b", "c"][..]][..],
        &[&["a"], &["b", "c"]],
        &[&[], &["a", "b", "c"]],
        &[&["a", "b"], &["b", "c"]],
    ] {
        for says in [NextRange::End, next("new"), NextRange::Unknown] {
            for (name, holds, has_new) in CONTENTS {
                let mut list = Continuation::default();
                for (number, ids) in pages.iter().enumerate() {
                    let says = next(&number.to_string());
                    finish(&mut list, &says, ids).expect("a page that continues the list");
                }
                let found = finish(&mut list, &says, holds);
                assert_eq!(
                    found,
                    expected(&says, holds, *has_new),
                    "{pages:?}, then {name} with {says:?}"
                );
            }
        }
    }
}

#[test]
fn a_first_page_may_hold_anything_whether_it_ends_or_promises() {
    for (name, holds, _) in CONTENTS {
        let first = |says| finish(&mut Continuation::default(), &says, holds);
        assert_eq!(first(NextRange::End), Ok(NextStep::End), "{name}");
        assert_eq!(first(next("1")), Ok(NextStep::NextPage("id ]1..; max=200".into())), "{name}");
        assert_eq!(
            first(NextRange::Unknown),
            Err(Discontinued::BadNextRange.to_string()),
            "{name}"
        );
    }
}

#[test]
fn a_repeated_next_range_is_a_fault_even_with_new_elements() {
    let mut list = after_page(&["a"]);
    finish(&mut list, &next("2"), &["b"]).expect("a page that continues the list");
    for name in ["1", "2"] {
        assert_eq!(
            finish(&mut list, &next(name), &["x"]),
            Err(Discontinued::BadNextRange.to_string())
        );
    }
    finish(&mut list, &next("3"), &["x"]).expect("a page that failed was not finished");
}

#[test]
fn only_finished_pages_count_as_read() {
    let mut list = after_page(&["a"]);
    // One attempt breaks off; the next one can't be finished.
    list.open(&next("2"));
    list.note("b");
    assert!(finish(&mut list, &next("1"), &["b", "c"]).is_err());
    assert!(finish(&mut list, &next("2"), &[]).is_err());
    assert!(list.is_new("b") && list.is_new("c") && !list.is_new("a"));
    assert_eq!(finish(&mut list, &NextRange::End, &["b"]), Ok(NextStep::End));
}

#[test]
fn an_element_twice_on_one_page_is_new_there_and_old_on_the_next() {
    let mut list = after_page(&["a"]);
    finish(&mut list, &next("2"), &["b", "b"]).expect("a page that continues the list");
    assert_eq!(finish(&mut list, &NextRange::End, &["b"]), Err(Discontinued::Repeats.to_string()));
}

#[test]
fn a_list_of_one_page_is_not_remembered() {
    let mut list = Continuation::default();
    finish(&mut list, &NextRange::End, &["a", "b"]).expect("the end");
    assert_eq!((list.page.capacity(), list.has_read()), (0, false));
}

#[test]
fn an_empty_list_has_read_nothing() {
    assert!(!after_page(&[]).has_read());
    assert!(after_page(&["a"]).has_read());
}

#[test]
fn a_thousand_pages_take_few_runs_and_each_element_once() {
    let mut set = SortedRuns::default();
    let page = |number: u64| {
        (0..100).map(|at| (number * 90 + at).wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect()
    };
    (0..1000).for_each(|number| set.add(page(number)));
    assert!(set.0.len() < 12, "{} runs", set.0.len());
    assert!(
        (0..1000).flat_map(|number| -> Vec<u64> { page(number) }).all(|print| set.contains(print))
    );
    assert!((1..100).all(|print| !set.contains(print)));
    let kept: usize = set.0.iter().map(Vec::len).sum();
    assert!(kept < 91_000, "what overlaps in one run is there once: {kept}");
}
