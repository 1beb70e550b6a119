use super::*;

fn next(name: &str) -> NextRange {
    NextRange::Next(format!("id ]{name}..; max=200"))
}

/// What follows a page of these elements.
fn turn(list: &mut Continuation, says: &NextRange, ids: &[&str]) -> Result<Turn, String> {
    list.open(says);
    for id in ids {
        list.note(id);
    }
    list.turn(says).map_err(|fault| fault.to_string())
}

/// A list whose first page held these elements and promised more.
fn behind(ids: &[&str]) -> Continuation {
    let mut list = Continuation::default();
    assert_eq!(turn(&mut list, &next("1"), ids), Ok(Turn::Next("id ]1..; max=200".into())));
    list
}

/// What a page can hold, by how it relates to the pages before, which held a, b and c; and whether that is something new.
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

/// The rule in one line for each kind of answer, written apart from the code.
fn expected(says: &NextRange, holds: &[&str], brings_new: bool) -> Result<Turn, String> {
    match says {
        NextRange::Unknown => Err(Fault::NoWayOn.to_string()),
        NextRange::End if brings_new => Ok(Turn::End),
        NextRange::Next(range) if brings_new => Ok(Turn::Next(range.clone())),
        NextRange::End if holds.is_empty() => Ok(Turn::Confirm),
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
            for (name, holds, brings_new) in CONTENTS {
                let mut list = Continuation::default();
                for (number, ids) in pages.iter().enumerate() {
                    let says = next(&number.to_string());
                    turn(&mut list, &says, ids).expect("a page that leads on");
                }
                let found = turn(&mut list, &says, holds);
                assert_eq!(
                    found,
                    expected(&says, holds, *brings_new),
                    "{pages:?}, then {name} with {says:?}"
                );
            }
        }
    }
}

#[test]
fn a_first_page_ends_or_promises_whatever_it_holds() {
    for (name, holds, _) in CONTENTS {
        let first = |says| turn(&mut Continuation::default(), &says, holds);
        assert_eq!(first(NextRange::End), Ok(Turn::End), "{name}");
        assert_eq!(first(next("1")), Ok(Turn::Next("id ]1..; max=200".into())), "{name}");
        assert_eq!(first(NextRange::Unknown), Err(Fault::NoWayOn.to_string()), "{name}");
    }
}

#[test]
fn a_next_range_that_came_before_is_a_fault_even_with_new_elements() {
    let mut list = behind(&["a"]);
    turn(&mut list, &next("2"), &["b"]).expect("a page that leads on");
    for name in ["1", "2"] {
        assert_eq!(turn(&mut list, &next(name), &["x"]), Err(Fault::NoWayOn.to_string()));
    }
    turn(&mut list, &next("3"), &["x"]).expect("what failed was not left behind");
}

#[test]
fn only_pages_that_were_left_count_as_read_before() {
    let mut list = behind(&["a"]);
    // It breaks off, and then it can't be left.
    list.open(&next("2"));
    list.note("b");
    assert!(turn(&mut list, &next("1"), &["b", "c"]).is_err());
    assert!(turn(&mut list, &next("2"), &[]).is_err());
    assert!(list.is_new("b") && list.is_new("c") && !list.is_new("a"));
    assert_eq!(turn(&mut list, &NextRange::End, &["b"]), Ok(Turn::End));
}

#[test]
fn what_is_on_one_page_twice_is_new_there_and_old_on_the_next() {
    let mut list = behind(&["a"]);
    turn(&mut list, &next("2"), &["b", "b"]).expect("a page that leads on");
    assert_eq!(turn(&mut list, &NextRange::End, &["b"]), Err(Discontinued::Repeats.to_string()));
}

#[test]
fn a_list_of_one_page_is_not_remembered() {
    let mut list = Continuation::default();
    turn(&mut list, &NextRange::End, &["a", "b"]).expect("the end");
    assert_eq!((list.page.capacity(), list.has_read()), (0, false));
}

#[test]
fn a_list_that_held_nothing_has_read_nothing() {
    assert!(!behind(&[]).has_read());
    assert!(behind(&["a"]).has_read());
}

#[test]
fn a_thousand_pages_are_remembered_in_few_runs_and_each_element_once() {
    let mut set = Fingerprints::default();
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
