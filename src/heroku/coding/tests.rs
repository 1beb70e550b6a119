use flate2::{Compression, Crc, GzBuilder};
use proptest::prelude::*;
use reqwest::header::HeaderValue;

use super::super::fault::Fault;
use super::super::hint::Class;
use super::*;

/// What is decoded when the bytes arrive in these parts.
fn decode<'b>(
    mut gunzip: Gunzip,
    parts: impl Iterator<Item = &'b [u8]>,
) -> Result<Vec<u8>, DecodeError> {
    let mut decoded = Vec::new();
    let mut take = |gunzip: &mut Gunzip| -> Result<(), DecodeError> {
        while let Some(part) = gunzip.next_part()? {
            assert!(!part.is_empty() && part.len() <= 128 * 1024, "a part of {} bytes", part.len());
            decoded.extend_from_slice(&part);
        }
        Ok(())
    };
    for part in parts {
        gunzip.push(Bytes::copy_from_slice(part));
        take(&mut gunzip)?;
    }
    gunzip.finish()?;
    take(&mut gunzip)?;
    Ok(decoded)
}

fn at_once(bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
    decode(Gunzip::new(), [bytes].into_iter())
}

fn padded(bytes: &[u8], size: usize) -> Result<Vec<u8>, DecodeError> {
    decode(Gunzip::with_padding(), bytes.chunks(size))
}

/// One member, with `builder`'s header.
fn member(builder: GzBuilder, text: &[u8]) -> Vec<u8> {
    let mut encoder = builder.write(Vec::new(), Compression::default());
    encoder.write_all(text).expect("a vector takes all bytes");
    encoder.finish().expect("a vector takes all bytes")
}

fn plain(text: &[u8]) -> Vec<u8> {
    member(GzBuilder::new(), text)
}

/// The same with a checksum of its header (FHCRC), which the encoder does not write.
fn with_header_checksum(text: &[u8]) -> Vec<u8> {
    let builder = GzBuilder::new().extra(vec![1, 2, 3]).filename("a").comment("b");
    let mut bytes = member(builder, text);
    bytes[3] |= 1 << 1;
    let header = 10 + 2 + 3 + 2 + 2;
    let mut checksum = Crc::new();
    checksum.update(&bytes[..header]);
    bytes.splice(header..header, (checksum.sum() as u16).to_le_bytes());
    bytes
}

/// Members of all kinds, and what they hold.
fn all_kinds() -> (Vec<u8>, Vec<u8>) {
    let long = b"the same again and again, ".repeat(40);
    let kinds = [
        (plain(b"one "), &b"one "[..]),
        (plain(b""), b""),
        (
            member(
                GzBuilder::new().extra(vec![9; 40]).filename("name").comment("comment"),
                b"two ",
            ),
            b"two ",
        ),
        (member(GzBuilder::new().extra(Vec::new()), b""), b""),
        (with_header_checksum(b"three "), b"three "),
        (plain(&long), &long),
        (plain(b""), b""),
    ];
    (
        kinds.iter().flat_map(|(bytes, _)| bytes.clone()).collect(),
        kinds.iter().flat_map(|(_, text)| text.to_vec()).collect(),
    )
}

#[test]
fn all_members_are_decoded_wherever_the_parts_end() {
    let (bytes, text) = all_kinds();
    for size in 1..=bytes.len() {
        assert_eq!(
            decode(Gunzip::new(), bytes.chunks(size)).expect("gzip"),
            text,
            "in parts of {size}"
        );
    }
    for cut in 0..=bytes.len() {
        let (first, second) = bytes.split_at(cut);
        assert_eq!(
            decode(Gunzip::new(), [first, b"", second].into_iter()).expect("gzip"),
            text,
            "in two parts at {cut}"
        );
    }
}

#[test]
fn gzip_that_is_cut_ends_properly_only_between_members() {
    let (first, second) = (plain(b"first"), with_header_checksum(b"second"));
    let bytes = [&first[..], &second].concat();
    for end in 0..bytes.len() {
        let decoded = at_once(&bytes[..end]);
        if end == first.len() {
            assert_eq!(decoded.expect("one member"), b"first");
        } else {
            assert!(matches!(decoded, Err(DecodeError::Unfinished)), "cut at {end}: {decoded:?}");
        }
    }
}

#[test]
fn a_wrong_checksum_or_length_is_detected_in_every_member() {
    let parts = [plain(b"first"), with_header_checksum(b"second"), plain(b"third")];
    for damaged in 0..parts.len() {
        for from_end in 1..=8 {
            let mut parts = parts.clone();
            let at = parts[damaged].len() - from_end;
            parts[damaged][at] ^= 0x10;
            for size in [1, 3, 1000] {
                let decoded = decode(Gunzip::new(), parts.concat().chunks(size));
                assert!(
                    matches!(decoded, Err(DecodeError::Unfinished)),
                    "{damaged}, {from_end}: {decoded:?}"
                );
            }
        }
    }
    let mut header = with_header_checksum(b"text");
    header[12] ^= 1;
    assert!(matches!(at_once(&header), Err(DecodeError::Damaged(_))));
}

#[test]
fn bytes_after_the_last_member_are_an_error() {
    for more in [
        &b"x"[..],
        b"\0",
        b"\n",
        &[0; 100],
        b"garbage, and much of it",
        b"\x1f\x8b\x07garbage",
        b"\x1e\x8b",
    ] {
        for size in [1, 7, 1000] {
            let bytes = [&plain(b"text")[..], more].concat();
            let decoded = decode(Gunzip::new(), bytes.chunks(size));
            // Fewer bytes than a header has may also be a member that is cut.
            assert!(
                matches!(decoded, Err(DecodeError::Leftover | DecodeError::Unfinished)),
                "{more:?}: {decoded:?}"
            );
        }
    }
    assert!(matches!(at_once(b"[{\"id\":\"a\"}]"), Err(DecodeError::Damaged(_))));
    assert!(matches!(at_once(b""), Err(DecodeError::Unfinished)));
}

#[test]
fn zeros_may_follow_the_last_member_of_a_padded_file_only() {
    let two = [plain(b"one "), plain(b"two")].concat();
    for zeros in [0, 1, 2, 9, 10, 600, 100_000] {
        let zeros = vec![0; zeros];
        for size in [1, 5, 4096, 1_000_000] {
            assert_eq!(
                padded(&[&two[..], &zeros].concat(), size).expect("padded gzip"),
                b"one two"
            );
        }
    }
    for wrong in [
        [&two[..], b"\0\0x"].concat(),
        [&two[..], b"x\0"].concat(),
        [&two[..], b"\0", &two[..]].concat(),
    ] {
        for size in [1, 2, 3, 1000] {
            assert!(padded(&wrong, size).is_err(), "{wrong:?}");
        }
    }
    assert!(padded(b"\0\0\0\0\0\0\0\0\0\0\0\0", 4).is_err());
    assert!(padded(&[0, 0], 1).is_err());
    assert!(padded(&[b"\0\0", &two[..]].concat(), 1000).is_err());
}

#[test]
fn small_input_that_decodes_to_much_comes_in_small_parts() {
    let text = vec![b'x'; 50 * 1024 * 1024];
    let bytes = [plain(&text), plain(&text)].concat();
    assert!(bytes.len() < 200_000);
    let mut gunzip = Gunzip::new();
    gunzip.push(bytes.into());
    let mut length = 0;
    while let Some(part) = gunzip.next_part().expect("gzip") {
        assert!(part.len() <= 128 * 1024, "a part of {} bytes", part.len());
        length += part.len();
    }
    gunzip.finish().expect("its end");
    length += gunzip.next_part().expect("gzip").map_or(0, |part| part.len());
    assert_eq!(length, 2 * text.len());
}

fn decoder(values: &[&str]) -> Decoder {
    let mut headers = HeaderMap::new();
    for value in values {
        headers
            .append(CONTENT_ENCODING, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
    }
    Decoder::new(&headers, &Token::parse("HRKU-secret").expect("a token"))
}

#[test]
fn gzip_and_identity_are_decoded_under_each_of_their_names() {
    for values in
        [&[][..], &[""], &["identity"], &["Identity"], &["identity", "IDENTITY"], &[" , "]]
    {
        assert!(matches!(decoder(values), Decoder::Identity(_)), "{values:?}");
    }
    for values in [
        &["gzip"][..],
        &["GZIP"],
        &["x-gzip"],
        &["X-Gzip"],
        &[" gzip "],
        &["identity, gzip"],
        &["gzip", ""],
    ] {
        assert!(matches!(decoder(values), Decoder::Gzip(_)), "{values:?}");
    }
}

#[test]
fn another_coding_is_a_passing_fault_that_names_it_without_the_token() {
    for (values, named) in [
        (&["br"][..], "`br`"),
        (&["gzip, gzip"], "`gzip, gzip`"),
        (&["gzip", "x-gzip"], "`gzip, x-gzip`"),
        (&["gzip,br"], "`gzip, br`"),
        (&["zstd"], "`zstd`"),
        (&["gz\u{e9}p"], "`gz\u{e9}p`"),
    ] {
        let mut decoder = decoder(values);
        decoder.push(Bytes::from_static(b"[]"));
        let error = decoder.next_part().expect_err("another coding");
        assert!(error.to_string().contains(named), "{error}");
        assert_eq!(Fault::from(error).class(), Class::Passing);
    }
    let error = decoder(&["HRKU-secret"]).next_part().expect_err("another coding");
    assert!(!error.to_string().to_ascii_lowercase().contains("hrku-secret"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_agrees_with_another_decoder_wherever_the_parts_end(
        texts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..5),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..9),
        turned in prop::option::of((any::<prop::sample::Index>(), 0..8_u8)),
    ) {
        let mut bytes: Vec<u8> = texts.iter().flat_map(|text| plain(text)).collect();
        if let Some((at, bit)) = turned {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        let mut expected = Vec::new();
        let mut other = flate2::read::MultiGzDecoder::new(&bytes[..]);
        let other = io::Read::read_to_end(&mut other, &mut expected);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        let ends = cuts.iter().copied().chain([bytes.len()]);
        let begins = [0].into_iter().chain(cuts.iter().copied());
        let parts = begins.zip(ends).map(|(begin, end)| &bytes[begin..end]);
        let decoded = decode(Gunzip::new(), parts);
        match other {
            Ok(_) => prop_assert_eq!(decoded.expect("the other decodes it"), expected),
            Err(_) => prop_assert!(decoded.is_err()),
        }
    }
}
