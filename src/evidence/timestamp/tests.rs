//! The answers are by `openssl ts -reply`, to a request for the SHA-256 of `seal`. The signers have
//! keys of several kinds.

use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::*;

const GRANTED: &[u8] = include_bytes!("granted.tsr");
const REJECTED: &[u8] = include_bytes!("rejected.tsr");

/// Answers by several kinds of keys, each with the certificate of the authority in it, if it has
/// one. They name the signer's certificate by SHA-1, SHA-256 and SHA-512.
const SIGNED: [(&str, &[u8], &[u8]); 3] = [
    ("P-256", GRANTED, GRANTED.split_at(614).1.split_at(380).0),
    ("RSA and SHA-512", include_bytes!("rsa.tsr"), &[]),
    ("P-384 and SHA-384", include_bytes!("p384.tsr"), &[]),
];

fn hash() -> Hash {
    Sha256::digest("seal").into()
}

/// The granted answer after `change`.
fn changed(change: impl FnOnce(&mut Vec<u8>)) -> Result<TimestampFacts, TimestampError> {
    let mut answer = GRANTED.to_vec();
    change(&mut answer);
    check(&answer, &hash())
}

/// Replaces the only occurrence of `old`, which has the length of `new`.
fn replace(answer: &mut [u8], old: &[u8], new: &[u8]) {
    let mut places = (0..answer.len()).filter(|at| answer[*at..].starts_with(old));
    let (Some(at), None) = (places.next(), places.next()) else { panic!("not exactly once") };
    answer[at..at + old.len()].copy_from_slice(new);
}

#[test]
fn a_request_is_59_bytes_with_the_hash_at_its_place() {
    let before = "30390201013031300d060960864801650304020105000420";
    let expected = format!("{before}{}0101ff", hex::encode(hash()));
    assert_eq!(hex::encode(request(&hash())), expected);
}

#[test]
fn a_timestamp_of_the_hash_says_when_the_hash_existed() {
    let facts = check(GRANTED, &hash()).expect("a timestamp");
    assert_eq!(facts.time.to_rfc3339(), "2026-11-26T17:59:40.921+00:00");
    assert_eq!(facts.serial, "02");
    // Status 1: granted with changes.
    let mut answer = GRANTED.to_vec();
    answer[8] = 1;
    assert_eq!(check(&answer, &hash()), Ok(facts));
}

#[test]
fn a_timestamp_of_another_hash_is_rejected() {
    assert_eq!(check(GRANTED, &[7; 32]), Err(TimestampError::Hash(hash().to_vec())));
}

#[test]
fn a_hash_by_another_algorithm_is_rejected_even_if_it_is_equal() {
    let imprint = [&BEFORE_HASH[7..], &hash()].concat();
    let mut other = imprint.clone();
    // The last part of the algorithm's number: 3 is SHA-512.
    other[12] = 3;
    let error = changed(|answer| replace(answer, &imprint, &other));
    let sha_512 = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
    assert_eq!(error, Err(TimestampError::Algorithm(sha_512)));
}

#[test]
fn a_rejection_is_reported_with_its_status_and_the_authority_s_words() {
    let error = check(REJECTED, &hash()).expect_err("no timestamp");
    assert_eq!(
        error.to_string(),
        "the authority made no timestamp (status 2): Message digest algorithm is not supported."
    );
    for (bits, reason) in [
        ("030207 80", "it does not know the hash algorithm"),
        ("030205 20", "the request is not permitted"),
        ("030506 000000 40", "it has a fault"),
        ("030206 40", "it gives no reason"),
        ("", "it gives no reason"),
    ] {
        let info = [vec![2, 1, 5], hex::decode(bits.replace(' ', "")).expect("hexadecimal")];
        let info = info.concat();
        let length = info.len() as u8;
        let answer = [&[0x30, length + 2, 0x30, length], &info[..]].concat();
        let error = TimestampError::Rejected { status: 5, reason: reason.to_owned() };
        assert_eq!(check(&answer, &hash()), Err(error), "{bits}");
    }
}

#[test]
fn a_good_status_without_a_timestamp_is_an_error() {
    let answer = [0x30, 5, 0x30, 3, 2, 1, 0];
    assert_eq!(check(&answer, &hash()), Err(TimestampError::NoToken));
}

#[test]
fn only_a_time_as_rfc_3161_writes_it_is_read() {
    for (text, time) in [
        ("20240102030405Z", "2024-01-02T03:04:05+00:00"),
        ("20240102030405.5Z", "2024-01-02T03:04:05.500+00:00"),
        ("20240102030405.123456Z", "2024-01-02T03:04:05.123456+00:00"),
    ] {
        let read = read_time(text.as_bytes()).map(|time| time.to_rfc3339());
        assert_eq!(read.as_deref(), Some(time));
    }
    for text in [
        "",
        "Z",
        "20240102030405",
        "20240102030405+0000",
        "202401020304Z",
        "20241302030405Z",
        "20240102030405.Z",
        "20240102030405.5.5Z",
        "+2024010203040Z",
        "2024 102030405Z",
        "20240102030405,5Z",
    ] {
        assert_eq!(read_time(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn an_answer_that_is_cut_or_has_more_behind_it_is_rejected() {
    for length in 0..GRANTED.len() {
        let cut = check(&GRANTED[..length], &hash());
        assert!(matches!(cut, Err(TimestampError::Malformed(_))), "{length}: {cut:?}");
    }
    assert!(matches!(changed(|answer| answer.push(0)), Err(TimestampError::Malformed(_))));
}

/// The places that no signature covers: the status, and what is there besides the signer's
/// certificate, here the certificate of its authority.
fn unsigned_places(answer: &[u8], authority: &[u8]) -> Vec<std::ops::Range<usize>> {
    let at = |part: &[u8]| {
        let start = memchr::memmem::find(answer, part).expect("the part is in the answer");
        start..start + part.len()
    };
    // SEQUENCE { INTEGER 0 }
    let status = at(&[0x30, 3, 2, 1, 0]);
    [status].into_iter().chain((!authority.is_empty()).then(|| at(authority))).collect()
}

#[test]
fn every_changed_bit_of_what_is_signed_is_found() {
    for (name, answer, authority) in SIGNED {
        let facts = check(answer, &hash()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let unsigned = unsigned_places(answer, authority);
        let mut passed = 0;
        for at in 0..answer.len() {
            for change in (0..8).map(|bit| 1 << bit).chain([0xff]) {
                let mut changed = answer.to_vec();
                changed[at] ^= change;
                let Ok(found) = check(&changed, &hash()) else { continue };
                assert!(unsigned.iter().any(|place| place.contains(&at)), "{name}: {at}: {change}");
                assert_eq!(found, facts, "{name}: {at}");
                passed += 1;
            }
        }
        assert_eq!(passed > 1, !authority.is_empty(), "{name}: {passed}");
    }
}

#[test]
fn a_changed_year_is_found() {
    let error = changed(|answer| replace(answer, b"20261126", b"20251126"));
    assert_eq!(error, Err(TimestampError::Altered));
}

#[test]
fn a_signature_that_can_not_be_checked_is_named() {
    // From ecdsa-with-SHA256 to ecdsa-with-SHA512. The last place is that of the signature.
    let ecdsa = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    let error = changed(|answer| {
        let at = memchr::memmem::rfind(answer, &ecdsa).expect("the algorithm");
        answer[at + 7] = 4;
    });
    let sha_512 = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4");
    assert_eq!(error, Err(TimestampError::Unknown(sha_512)));
}

#[test]
fn no_changed_byte_of_an_answer_ends_the_process() {
    for at in 0..GRANTED.len() {
        for bit in 0..8 {
            let _ = changed(|answer| answer[at] ^= 1 << bit);
        }
        for byte in [0, 0x7f, 0x80, 0xff] {
            let _ = changed(|answer| answer[at] = byte);
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_end_the_process(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(check(&bytes, &hash()).is_err());
        let mut answer = GRANTED.to_vec();
        let at = bytes.len().min(answer.len());
        answer[..at].copy_from_slice(&bytes[..at]);
        let _ = check(&answer, &hash());
    }
}
