use super::*;

fn time_of(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

fn seal() -> Seal {
    let contents =
        Contents { events: 450, digest: [0xd1; 32], conflicts: 0, conflicts_digest: [0xc0; 32] };
    Seal {
        place: Place {
            log: LogId::from_bits(0xabc),
            seq: 2,
            prev: Some([0x11; 32]),
            sealed_at: time_of("2024-09-29T00:10:01.5Z"),
        },
        sealed: Sealed {
            prev_attempt: Some(0),
            contents: Some(contents),
            scope: r#"{"account":"acmé"}"#.to_owned(),
            read_at: Some(time_of("2024-09-29T00:10:00.000001Z")),
            request_id: "1f".to_owned(),
            ..Sealed::of_day(SealKind::Day, "acme", "2024-09-28".parse().expect("a date"), 1)
        },
    }
}

/// The preimage of [`seal`], with this field replaced.
fn with_field(number: usize, text: &str) -> String {
    let preimage = seal().preimage();
    let mut fields = netstring::split(&preimage).expect("netstrings");
    fields[number - 1] = text;
    let mut all = String::new();
    for field in fields {
        netstring::push(field, &mut all);
    }
    all
}

#[test]
fn the_preimage_has_eighteen_fields_in_their_order() {
    let preimage = seal().preimage();
    let hash = |pair: &str| pair.repeat(32);
    let wanted = [
        "auditsync-seal-v1",
        "00000000000000000000000000000abc",
        "2",
        &hash("11"),
        "day",
        "acme",
        "2024-09-28",
        "1",
        "0",
        "450",
        &hash("d1"),
        "0",
        &hash("c0"),
        r#"{"account":"acmé"}"#,
        "2024-09-29T00:10:00.000001Z",
        "2024-09-29T00:10:01.500000Z",
        "1f",
        "",
    ];
    assert_eq!(netstring::split(&preimage), Ok(wanted.to_vec()));
    assert!(preimage.contains(r#",19:{"account":"acmé"},"#), "the length counts bytes");
}

#[test]
fn a_preimage_is_read_as_it_was_built() {
    let day = seal();
    let body = r#"{"auditsync":"0.1.0"}"#.to_owned();
    let genesis = Seal {
        place: Place { seq: 1, prev: None, ..day.place.clone() },
        sealed: Sealed::of_log(SealKind::Genesis, body),
    };
    for seal in [day, genesis] {
        assert_eq!(Seal::parse(&seal.preimage()), Ok(seal));
    }
}

#[test]
fn each_field_has_one_spelling() {
    for (number, name, odd) in [
        (1, "format", "auditsync-seal-v2"),
        (2, "log", "ABC"),
        (3, "seq", "0"),
        (3, "seq", "02"),
        (3, "seq", "-2"),
        (3, "seq", ""),
        (3, "prev", "1"),
        (4, "prev", ""),
        (4, "prev", &"1A".repeat(32)),
        (5, "kind", "days"),
        (6, "source", ""),
        (7, "date", "2024-9-28"),
        (7, "date", ""),
        (8, "attempt", "+1"),
        (8, "attempt", "-1"),
        (8, "attempt", "99999999999"),
        (9, "prev_attempt", ""),
        (10, "events", ""),
        (10, "events", "4.5"),
        (11, "digest", "d1"),
        (12, "conflicts", "-0"),
        (13, "conflicts_digest", "x"),
        (15, "read_at", "2024-09-29T00:10:00.001Z"),
        (15, "read_at", ""),
        (16, "sealed_at", "2024-09-29 00:10:01.500000Z"),
        (16, "sealed_at", ""),
    ] {
        assert_eq!(Seal::parse(&with_field(number, odd)), Err(NotAPreimage::Field(name)), "{odd}");
    }
    let preimage = seal().preimage();
    assert_eq!(Seal::parse(&format!("{preimage}0:,")), Err(NotAPreimage::Fields(19)));
    assert!(matches!(Seal::parse(&preimage[1..]), Err(NotAPreimage::Netstrings(_))));
}

#[test]
fn the_seal_is_the_hash_of_the_preimage() {
    let seal = seal();
    let preimage = seal.preimage();
    let head = seal.head(&preimage);
    assert_eq!((head.seq, head.seal), (2, Sha256::digest(preimage).into()));
    assert_ne!(head.seal, hash_of(&with_field(10, "451")));
}
