//! Checkpoints as a stranger checks them: with other implementations of their formats.

use auditsync::config::KeyName;
use auditsync::evidence::key::SigningKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ring::rand::SystemRandom;
use sha2::Sha256;
use signed_note::{Note, StandardVerifier, Verifier, VerifierList};

use super::World;

/// A new key.
pub(crate) fn key(name: &str) -> SigningKey {
    let name = KeyName::parse(name).expect("a name");
    SigningKey::generate(name, &SystemRandom::new()).expect("random bytes")
}

/// The texts of the seals, in their order.
pub(crate) fn preimages(world: &World) -> Vec<String> {
    let rows =
        world.sql("SELECT encode(convert_to(sealed, 'UTF8'), 'hex') FROM audit_seals ORDER BY seq");
    rows.lines().map(super::text).collect()
}

/// The kinds of the seals, in their order.
pub(crate) fn kinds(world: &World) -> String {
    world.sql("SELECT string_agg(kind, ' ' ORDER BY seq) FROM audit_seals")
}

/// The kept anchors as `seq kind`, in the order in which they were kept.
pub(crate) fn anchors(world: &World) -> Vec<String> {
    let rows = world.sql("SELECT seq || ' ' || kind FROM audit_anchors ORDER BY at, kind");
    rows.lines().map(str::to_owned).collect()
}

/// The text that a checkpoint of these seals must have.
pub(crate) fn expected_text(origin: &str, preimages: &[String]) -> String {
    let mut tree = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for preimage in preimages {
        tree.push(preimage.clone().into_bytes());
    }
    let root = STANDARD.encode(tree.root().as_bytes());
    format!("{origin}\n{}\n{root}\n", preimages.len())
}

/// Checks that a note has this text, and valid signatures by these keys and no others.
pub(crate) fn assert_signed(note: &str, text: &str, keys: &[&SigningKey]) {
    let verifiers = keys.iter().map(|key| -> Box<dyn Verifier> {
        let verifier = key.verifier().to_string();
        Box::new(StandardVerifier::new(&verifier).expect("a verifier's key"))
    });
    let known = VerifierList::new(verifiers.collect());
    let read = Note::from_bytes(note.as_bytes()).expect("a note");
    let (verified, unknown) = read.verify(&known).expect("signatures by the keys");
    assert_eq!((verified.len(), unknown.len()), (keys.len(), 0), "{note}");
    assert_eq!(read.text(), text.as_bytes(), "{note}");
}

/// The kept checkpoints by the number of their seal, in the order in which they were kept. The text
/// of each is that of the seals up to its own.
pub(crate) fn checkpoints(world: &World, origin: &str) -> Vec<(usize, String)> {
    let preimages = preimages(world);
    let rows = world.sql(
        "SELECT seq || '|' || encode(anchor, 'hex') FROM audit_anchors
         WHERE kind = 'checkpoint' ORDER BY at",
    );
    let rows = rows.lines().map(|row| row.split_once('|').expect("two columns"));
    let notes = rows.map(|(seq, note)| (seq.parse().expect("a number"), super::text(note)));
    notes
        .inspect(|(seq, note)| {
            let expected = expected_text(origin, &preimages[..*seq]);
            assert_eq!(note.split("\n\n").next(), expected.strip_suffix('\n'), "seal {seq}");
        })
        .collect()
}

/// Runs `verify`, which must exit with `status`, and returns its report.
pub(crate) fn verify(world: &World, arguments: &str, status: i32) -> serde_json::Value {
    let finished = world.run(&format!("verify --output json {arguments}"));
    assert_eq!(finished.status, status, "{finished:#?}");
    finished.json()
}

/// The codes of the problems that a verification found.
pub(crate) fn codes(report: &serde_json::Value) -> Vec<&str> {
    let problems = report["problems"].as_array().expect("problems").iter();
    problems.map(|problem| problem["problem"].as_str().expect("a code")).collect()
}
