use super::super::seal::{Place, Sealed};
use super::*;

/// A chain of this many seals: genesis, then one reset of a day after the other.
fn chain(seals: i64) -> Vec<SealRow> {
    let mut rows: Vec<SealRow> = Vec::new();
    for seq in 1..=seals {
        let prev = rows.last().map(|row| hash_of(&row.sealed));
        rows.push(row(seq, prev, 0xabc));
    }
    rows
}

fn row(seq: i64, prev: Option<Hash>, log: u128) -> SealRow {
    let sealed_at = "2024-09-29T00:10:01Z".parse().expect("a time");
    let day = "2024-09-28".parse().expect("a date");
    let sealed = match seq {
        1 => {
            let body = r#"{"auditsync":"0.1.0","postgresql":"16.4"}"#;
            Sealed::of_log(SealKind::Genesis, body.to_owned())
        }
        _ => Sealed {
            body: r#"{"by":"me","reason":null,"was":"SUCCESS"}"#.to_owned(),
            ..Sealed::of_day(SealKind::Reset, "acme", day, seq as i32)
        },
    };
    let place = Place { log: LogId::from_bits(log), seq, prev, sealed_at };
    of_seal(&Seal { place, sealed })
}

/// The row that the database makes of a seal.
fn of_seal(seal: &Seal) -> SealRow {
    let sealed = seal.preimage();
    let (place, of) = (&seal.place, &seal.sealed);
    let derived = DerivedColumns {
        prev: place.prev.map(|prev| prev.to_vec()),
        kind: of.kind.to_string(),
        source: Some(of.source.clone()).filter(|source| !source.is_empty()),
        date: of.date,
        attempt: of.attempt,
        events: of.contents.map(|contents| contents.events as i32),
        digest: of.contents.map(|contents| contents.digest.to_vec()),
        sealed_at: Some(place.sealed_at),
    };
    SealRow { seq: place.seq, seal: hash_of(&sealed).to_vec(), sealed, derived }
}

/// What the walk finds: codes and details, and the broken links.
fn walk(rows: &[SealRow]) -> (Vec<String>, Vec<i64>) {
    let mut walk = ChainWalk::default();
    for row in rows {
        walk.step(row);
    }
    let (problems, broken) = walk.finish();
    let said = problems.iter().map(|found| format!("{}: {}", found.problem, found.detail));
    (said.collect(), broken.iter().map(|link| link.seq).collect())
}

#[test]
fn a_chain_as_it_was_written_has_no_problem_and_ends_with_its_head() {
    let rows = chain(6);
    assert_eq!(walk(&rows), (vec![], vec![]));
    let mut walk = ChainWalk::default();
    for row in &rows {
        assert!(walk.step(row).is_some());
    }
    let head = walk.head().expect("a head");
    assert_eq!((head.seq, head.seal.to_vec()), (6, rows[5].seal.clone()));
    assert_eq!((walk.seals(), walk.log()), (6, Some(&LogId::from_bits(0xabc))));
}

#[test]
fn a_seal_whose_body_has_another_form_is_malformed_and_the_walk_goes_on() {
    let mut rows = chain(6);
    for seq in [3, 4] {
        let mut seal = Seal::parse(&rows[seq - 1].sealed).expect("a seal");
        seal.sealed.body = "{}".to_owned();
        seal.place.prev = Some(hash_of(&rows[seq - 2].sealed));
        rows[seq - 1] = of_seal(&seal);
    }
    let mut seal = Seal::parse(&rows[4].sealed).expect("a seal");
    seal.place.prev = Some(hash_of(&rows[3].sealed));
    rows[4] = of_seal(&seal);
    rows[5] = row(6, Some(hash_of(&rows[4].sealed)), 0xabc);
    let said = "malformed: seals 3 to 4: the text: its field body is not what the format demands";
    assert_eq!(walk(&rows), (vec![said.to_owned()], vec![]));
}

#[test]
fn gaps_are_named_as_ranges_and_the_walk_goes_on() {
    let mut rows = chain(9);
    rows.remove(6);
    rows.drain(2..5);
    assert_eq!(
        walk(&rows).0,
        ["missing: seals 3 to 5 are gone from the chain", "missing: seal 7 is gone from the chain"]
    );
    rows.remove(0);
    assert_eq!(walk(&rows).0[0], "missing: seal 1 is gone from the chain");
}

#[test]
fn a_changed_text_is_altered_once_and_a_changed_column_is_named() {
    let mut rows = chain(4);
    rows[1].sealed = rows[1].sealed.replace("4:acme", "4:evil");
    let (said, broken) = walk(&rows);
    assert_eq!(
        said,
        [
            "altered: seal 2: its text and the column seal do not match",
            "altered: seal 2: the column source is not what the text says"
        ]
    );
    assert_eq!(broken, [0_i64; 0], "the column still names the link");
    let mut rows = chain(4);
    rows[2].derived.attempt = Some(9);
    assert_eq!(walk(&rows).0, ["altered: seal 3: the column attempt is not what the text says"]);
}

#[test]
fn a_replaced_seal_breaks_the_link_behind_it() {
    let mut rows = chain(5);
    let prev = rows[1].seal.as_slice().try_into().ok();
    let mut seal = Seal::parse(&row(3, prev, 0xabc).sealed).expect("a seal");
    "evil".clone_into(&mut seal.sealed.source);
    rows[2] = of_seal(&seal);
    assert_eq!(walk(&rows), (vec![], vec![4]));
    let link = BrokenLink { seq: 4, prev: [1; 32] };
    assert_eq!(link.problem(Some(2)).problem, ProblemKind::Fork);
    assert_eq!(link.problem(None).problem, ProblemKind::Altered);
}

#[test]
fn swapped_and_repeated_seals_stand_in_the_wrong_place() {
    let mut rows = chain(5);
    rows.swap(2, 3);
    (rows[2].seq, rows[3].seq) = (3, 4);
    assert_eq!(
        walk(&rows).0,
        ["moved: seal 3: its text is that of seal 4", "moved: seal 4: its text is that of seal 3"]
    );
    let mut rows = chain(3);
    rows.push(SealRow { seq: 4, ..rows[1].clone() });
    assert_eq!(walk(&rows).0, ["moved: seal 4: its text is that of seal 2"]);
}

#[test]
fn seals_of_another_log_and_broken_texts_are_named_in_runs() {
    let mut rows = chain(5);
    for seq in 3..=4 {
        rows[seq as usize - 1] = row(seq, Some([9; 32]), 0xdef);
    }
    let id = "00000000000000000000000000000def";
    assert_eq!(walk(&rows).0, [format!("foreign: seals 3 to 4: it is of the log {id}")]);
    let mut rows = chain(5);
    for row in &mut rows[1..3] {
        row.sealed = "no netstring".to_owned();
        row.seal = hash_of(&row.sealed).to_vec();
    }
    let malformed = "malformed: seals 2 to 3: the text: it is not a sequence of netstrings: byte \
                     0 begins no length";
    assert_eq!(walk(&rows).0, [malformed]);
}

#[test]
fn numbers_that_no_chain_has_end_no_walk() {
    for odd in [i64::MIN, -1, 0, i64::MAX] {
        let mut rows = chain(4);
        rows[2].seq = odd;
        rows.sort_by_key(|row| row.seq);
        let said = walk(&rows).0;
        let moved = format!("moved: seal {odd}: its text is that of seal 3");
        assert!(said.contains(&moved), "{said:?}");
        assert!(said.contains(&"missing: seal 3 is gone from the chain".to_owned()), "{said:?}");
    }
    let mut rows = chain(4);
    (rows[2].seq, rows[3].seq) = (i64::MAX, i64::MAX);
    assert_eq!(walk(&rows).0.last().map(|said| &said[..5]), Some("moved"));
}
