//! `openssl` checks our notes and timestamps without a line of ours. Where OpenSSL 3 or
//! newer is not installed, these tests check nothing.

use std::fs;

use auditsync::config::KeyName;
use auditsync::evidence::checkpoint::Checkpoint;
use auditsync::evidence::key::SigningKey;
use auditsync::evidence::note::Note;
use auditsync::evidence::timestamp::{self, TimestampError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;

use crate::support::authority::{assert_accepts, assert_rejects, folder, make_authority, openssl};

#[test]
fn openssl_verifies_the_signature_of_a_checkpoint() {
    let Some(folder) = folder() else { return };
    let path = folder.path();
    let name = KeyName::parse("auditsync/0123abcd").expect("a name");
    let key = SigningKey::generate(name.clone(), &SystemRandom::new()).expect("a key");
    let checkpoint = Checkpoint { origin: name, size: 7, root: [7; 32] };
    let note = checkpoint.sign(&[&key]).to_string();

    // As a stranger does it: the text ends before the empty line, and the signature is the last
    // word without its first four bytes.
    let (text, signatures) = note.split_once("\n\n").expect("an empty line");
    let signature = STANDARD.decode(signatures.trim_end().rsplit(' ').next().expect("a word"));
    fs::write(path.join("text"), format!("{text}\n")).expect("a file");
    fs::write(path.join("signature"), &signature.expect("base64")[4..]).expect("a file");
    fs::write(path.join("key.pem"), key.verifier().to_pem()).expect("a file");
    let words = "pkeyutl -verify -rawin -pubin -inkey key.pem -sigfile signature -in text";
    assert_accepts(path, words);

    fs::write(path.join("text"), format!("{text}\n").replace('7', "8")).expect("a file");
    assert_rejects(path, words);
    assert!(Note::parse(note.as_bytes()).is_ok_and(|note| note.verify(key.verifier()).is_ok()));
}

#[test]
fn openssl_answers_our_request_and_both_accept_the_timestamp() {
    let Some(folder) = folder() else { return };
    let path = folder.path();
    let hash = [0x5e; 32];
    make_authority(path);
    fs::write(path.join("request"), timestamp::request(&hash)).expect("a file");
    assert_accepts(path, "ts -reply -config config -section sha256 -queryfile request -out answer");
    let answer = fs::read(path.join("answer")).expect("an answer");

    let facts = timestamp::check(&answer, &hash).expect("a timestamp");
    assert_eq!(facts.serial, "02");
    let other = timestamp::check(&answer, &[0x5f; 32]);
    assert_eq!(other, Err(TimestampError::Hash(hash.to_vec())));

    let verify = |hash: [u8; 32]| {
        format!("ts -verify -digest {} -in answer -CAfile ca.pem", hex::encode(hash))
    };
    assert_accepts(path, &verify(hash));
    assert_rejects(path, &verify([0x5f; 32]));
    assert_accepts(path, "ts -verify -queryfile request -in answer -CAfile ca.pem");
}

#[test]
fn an_authority_that_rejects_our_request_is_quoted() {
    let Some(folder) = folder() else { return };
    let path = folder.path();
    make_authority(path);
    fs::write(path.join("request"), timestamp::request(&[0; 32])).expect("a file");
    openssl(path, "ts -reply -config config -section sha512 -queryfile request -out answer");
    let answer = fs::read(path.join("answer")).expect("an answer");
    let error = timestamp::check(&answer, &[0; 32]).expect_err("a rejection");
    assert!(matches!(error, TimestampError::Rejected { status: 2, .. }), "{error}");
    assert!(error.to_string().contains("algorithm is not supported"), "{error}");
}
