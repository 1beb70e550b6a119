//! The vectors are those of the documentation of `golang.org/x/mod/sumdb/note`.

use ring::rand::SystemRandom;
use signed_note::{StandardSigner, StandardVerifier, VerifierList};

use super::*;
use crate::evidence::checkpoint::Checkpoint;

const PRIVATE: &str =
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const PUBLIC: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const TEXT: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n";
const LINE: &str = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSN\
    XgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const OTHER_LINE: &str = "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ\
    5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";

fn key(name: &str) -> SigningKey {
    let name = KeyName::parse(name).expect("a name");
    SigningKey::generate(name, &SystemRandom::new()).expect("random bytes")
}

fn parse(note: &str) -> Result<Note, NoteError> {
    Note::parse(note.as_bytes())
}

fn oracle_accepts(note: &Note, keys: &[&SigningKey]) -> bool {
    let verifiers = keys.iter().map(|key| -> Box<dyn signed_note::Verifier> {
        let verifier = key.verifier().to_string();
        Box::new(StandardVerifier::new(&verifier).expect("a verifier's key"))
    });
    let known = VerifierList::new(verifiers.collect());
    let read = signed_note::Note::from_bytes(note.to_string().as_bytes()).expect("a note");
    let (verified, unknown) = read.verify(&known).expect("verified signatures");
    verified.len() == keys.len() && unknown.is_empty()
}

#[test]
fn a_note_is_signed_and_verified_as_go_does() {
    let key = SigningKey::parse(PRIVATE).expect("a private key");
    let note = Note::sign(TEXT, &[&key]).expect("a note");
    assert_eq!(note.to_string(), format!("{TEXT}\n{LINE}"));
    let verifier = VerifierKey::parse(PUBLIC).expect("a public key");
    let read = parse(&format!("{TEXT}\n{LINE}")).expect("a note");
    assert_eq!((read.text(), read.verify(&verifier)), (TEXT, Ok(())));
}

#[test]
fn signatures_by_other_keys_are_ignored_in_any_order() {
    let verifier = VerifierKey::parse(PUBLIC).expect("a public key");
    for lines in [format!("{LINE}{OTHER_LINE}"), format!("{OTHER_LINE}{LINE}")] {
        let note = parse(&format!("{TEXT}\n{lines}")).expect("a note");
        assert_eq!(note.verify(&verifier), Ok(()));
        assert_eq!(note.to_string(), format!("{TEXT}\n{lines}"));
    }
    let note = parse(&format!("{TEXT}\n{OTHER_LINE}")).expect("a note");
    let error = note.verify(&verifier).expect_err("not signed by this key");
    assert_eq!(error.to_string(), "the note has no signature by PeterNeumann+c74f20a3");
    let namesake = key("PeterNeumann");
    assert!(matches!(note.verify(namesake.verifier()), Err(NoteError::NotBy(_))));
}

#[test]
fn a_changed_text_or_signature_does_not_verify() {
    let verifier = VerifierKey::parse(PUBLIC).expect("a public key");
    let good = format!("{TEXT}\n{LINE}");
    let wrong = Err(NoteError::Wrong("PeterNeumann+c74f20a3".to_owned()));
    for changed in [
        good.replace("answer", "Answer"),
        good.replace("ZJku", "ZJkv"),
        // A right signature does not excuse a wrong one by the same key.
        format!("{good}{}", LINE.replace("ZJku", "ZJkv")),
        // The bytes of a signature may have any length.
        format!("{TEXT}\n— PeterNeumann x08go/Y=\n"),
    ] {
        assert_eq!(parse(&changed).expect("a note").verify(&verifier), wrong, "{changed}");
    }
}

#[test]
fn a_text_may_contain_empty_lines_and_what_looks_like_a_signature() {
    let own = key("own");
    for text in ["\n", "\n\n", "a\n\nb\n", &format!("{TEXT}\n{LINE}")] {
        let note = Note::sign(text, &[&own]).expect("a note");
        let read = parse(&note.to_string()).expect("a note");
        assert_eq!(read, note);
        assert_eq!((read.text(), read.verify(own.verifier())), (text, Ok(())));
        assert!(oracle_accepts(&note, &[&own]));
    }
}

#[test]
fn another_implementation_verifies_our_notes_and_we_verify_its_notes() {
    let (old, new) = (key("auditsync/0123abcd"), key("auditsync/0123abcd"));
    let origin = old.verifier().name().clone();
    for size in 1..20 {
        let checkpoint = Checkpoint { origin: origin.clone(), size, root: [size as u8; 32] };
        assert!(oracle_accepts(&checkpoint.sign(&[&new]), &[&new]));
        // Both keys sign the checkpoint that announces the new one.
        let both = checkpoint.sign(&[&old, &new]);
        assert!(oracle_accepts(&both, &[&old, &new]));
        assert_eq!(Checkpoint::parse(both.text()), Ok(checkpoint));
        for key in [&old, &new] {
            assert_eq!(both.verify(key.verifier()), Ok(()));
        }

        let signer = StandardSigner::new(old.expose()).expect("a private key");
        let mut theirs = signed_note::Note::new(both.text().as_bytes(), &[]).expect("a text");
        theirs.add_sigs(&[&signer]).expect("a signature");
        let read = Note::parse(&theirs.to_bytes()).expect("a note");
        assert_eq!(read.verify(old.verifier()), Ok(()));
        assert_eq!(read.to_string().as_bytes(), theirs.to_bytes());
    }
}

#[test]
fn what_is_no_note_is_rejected_with_the_reason_and_the_line() {
    let note = format!("{TEXT}\n{LINE}");
    let cut = note.trim_end();
    for (bad, error) in [
        (String::new(), NoteError::Unsigned),
        (TEXT.to_owned(), NoteError::Unsigned),
        (format!("{TEXT}\n"), NoteError::Unsigned),
        (format!("{TEXT}{LINE}"), NoteError::Unsigned),
        (cut.to_owned(), NoteError::Cut),
        (format!("{note}\n"), NoteError::Unsigned),
        (format!("{note}\t"), NoteError::Control(5)),
        (note.replace('\n', "\r\n"), NoteError::Control(1)),
        (format!("{note}— PeterNeumann\n"), NoteError::Signature(5)),
        (note.replace("— ", "- "), NoteError::Signature(4)),
        (note.replace("— ", "—\u{a0}"), NoteError::Signature(4)),
        (note.replace("— PeterNeumann", "— Peter+Neumann"), NoteError::Signature(4)),
        (note.replace("— PeterNeumann", "— Peter Neumann"), NoteError::Signature(4)),
        (note.replace("— PeterNeumann", "— "), NoteError::Signature(4)),
        (note.replace("nAM=", "nAM"), NoteError::Signature(4)),
        (format!("{note}— short x08goA==\n"), NoteError::Signature(5)),
        (format!("{TEXT}\n{}", LINE.repeat(101)), NoteError::Many(101)),
        ("a".repeat(LONGEST + 1), NoteError::Long(LONGEST + 1)),
    ] {
        assert_eq!(parse(&bad), Err(error), "{bad:?}");
    }
    assert_eq!(Note::parse(b"a\n\xff"), Err(NoteError::Encoding(2)));
    assert!(parse(&format!("{TEXT}\n{}", LINE.repeat(100))).is_ok());
}

#[test]
fn only_a_text_without_control_characters_that_ends_its_line_is_signed() {
    let own = key("own");
    assert_eq!(Note::sign("a", &[&own]), Err(NoteError::OpenText));
    assert_eq!(Note::sign("a\nb\t\n", &[&own]), Err(NoteError::Control(2)));
}
