//! The page about the evidence: its commands prove what it says, with other programs than ours.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use auditsync::evidence::checkpoint::Checkpoint;
use auditsync::evidence::key::{SigningKey, VerifierKey};
use auditsync::evidence::note::Note;
use auditsync::evidence::{ProblemKind, Seal, SealKind};
use tempfile::TempDir;

use super::markdown::{Block, Page};
use crate::support::authority::{Authority, folder};
use crate::support::checkpoints::{assert_signed, expected_text, key};
use crate::support::{ACME, Finished, World};

/// The key that signed the page's checkpoint. It signs nothing else.
const KEY: &str =
    "PRIVATE+KEY+audit.example.com/acme+9d9a43c7+Adg+eJTKYbW8iQ/SPkb73Dm+/wtEu/YmjV9Fk6KvHv8+";

fn page() -> Page {
    Page::read("docs/evidence.md")
}

/// The blocks of a section, by the anchor of its heading.
fn blocks<'p>(page: &'p Page, section: &str) -> Vec<&'p Block> {
    page.blocks.iter().filter(|block| block.section == section).collect()
}

/// The rows of the table whose first line begins with these words, without marks of code.
fn table(page: &Page, begins: &str) -> Vec<Vec<String>> {
    let lines = page.text.lines().skip_while(|line| !line.starts_with(begins)).skip(2);
    let lines = lines.take_while(|line| line.starts_with('|'));
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect()
    };
    lines.map(cells).collect()
}

/// The preimages that the page hashes.
fn preimages(page: &Page) -> Vec<String> {
    let blocks = blocks(page, "check-a-seal-by-hand").into_iter();
    let texts = blocks.filter_map(|block| {
        let text = block.text.strip_prefix("printf '%s' '17:")?;
        Some(format!("17:{}", text.strip_suffix("' | sha256sum\n")?))
    });
    texts.collect()
}

/// Runs a block in `folder`, where only `variables` are set.
fn bash(script: &str, folder: &Path, variables: &[(&str, &str)]) -> Finished {
    let mut bash = Command::new(place_of("bash"));
    bash.args(["-euo", "pipefail", "-c", script]).current_dir(folder).stdin(Stdio::null());
    bash.env_clear().envs(variables.iter().copied());
    Finished::of(&mut bash)
}

/// Where a program is, in one of the usual places.
fn place_of(program: &str) -> PathBuf {
    let path = std::env::vars_os().find(|(name, _)| name == "PATH").expect("a PATH").1;
    let places = std::env::split_paths(&path).map(|folder| folder.join(program));
    places.into_iter().find(|place| place.exists()).unwrap_or_else(|| panic!("no {program}"))
}

#[test]
fn each_block_of_the_page_prints_the_text_below_it() {
    let folder = TempDir::new().expect("a folder");
    // Nothing but these can run.
    for program in ["sha256sum", "cut", "sed"] {
        symlink(place_of(program), folder.path().join(program)).expect("a link");
    }
    let path = folder.path().to_str().expect("text");
    let page = page();
    let blocks = blocks(&page, "check-a-seal-by-hand");
    let pairs: Vec<_> = blocks.windows(2).filter(|pair| pair[1].language == "text").collect();
    assert_eq!(pairs.len(), 3, "{blocks:#?}");
    for pair in pairs {
        let finished = bash(&pair[0].text, folder.path(), &[("PATH", path)]);
        assert_eq!(finished.stdout, pair[1].text, "{}\n{finished:#?}", pair[0].text);
    }
}

#[test]
fn the_page_s_seals_are_what_the_program_builds() {
    let preimages = preimages(&page());
    let seals: Vec<Seal> =
        preimages.iter().map(|text| Seal::parse(text).expect("a seal")).collect();
    assert_eq!(
        seals.iter().map(|seal| seal.sealed.kind).collect::<Vec<_>>(),
        [SealKind::Genesis, SealKind::Day]
    );
    for (text, seal) in preimages.iter().zip(&seals) {
        assert_eq!(seal.preimage(), *text);
    }
    assert_eq!(seals[1].place.prev, Some(auditsync::evidence::hash_of(&preimages[0])));
    assert_eq!(seals[1].place.log, seals[0].place.log);
}

/// The fields of a preimage.
fn fields(mut preimage: &str) -> Vec<&str> {
    let mut fields = Vec::new();
    while let Some((length, rest)) = preimage.split_once(':') {
        let length: usize = length.parse().expect("a length");
        fields.push(&rest[..length]);
        preimage = rest[length..].strip_prefix(',').expect("a comma");
    }
    fields
}

#[test]
fn the_page_lists_the_fields_of_a_preimage_in_their_order() {
    let page = page();
    let rows = table(&page, "| # | field | form |");
    let numbers: Vec<String> = (1..=18).map(|number: u32| number.to_string()).collect();
    assert_eq!(rows.iter().map(|row| row[0].clone()).collect::<Vec<_>>(), numbers);
    let text = &preimages(&page)[1];
    let Seal { place, sealed } = Seal::parse(text).expect("a seal");
    let contents = sealed.contents.expect("a day has contents");
    let time = |time: chrono::DateTime<chrono::Utc>| {
        time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
    };
    let known = [
        ("format", "auditsync-seal-v1".to_owned()),
        ("log", place.log.to_string()),
        ("seq", place.seq.to_string()),
        ("prev", hex::encode(place.prev.expect("a second seal"))),
        ("kind", sealed.kind.to_string()),
        ("source", sealed.source),
        ("date", sealed.date.expect("a date").to_string()),
        ("attempt", sealed.attempt.expect("an attempt").to_string()),
        ("prev_attempt", sealed.prev_attempt.expect("an attempt").to_string()),
        ("events", contents.events.to_string()),
        ("digest", hex::encode(contents.digest)),
        ("conflicts", contents.conflicts.to_string()),
        ("conflicts_digest", hex::encode(contents.conflicts_digest)),
        ("scope", sealed.scope),
        ("read_at", time(sealed.read_at.expect("a time"))),
        ("sealed_at", time(place.sealed_at)),
        ("request_id", sealed.request_id),
        ("body", sealed.body),
    ];
    let named: Vec<(&str, String)> = rows
        .iter()
        .zip(fields(text))
        .map(|(row, field)| (row[1].as_str(), field.to_owned()))
        .collect();
    assert_eq!(named, known);
}

#[test]
fn the_page_lists_each_kind_of_seal_and_each_code_of_a_problem() {
    let page = page();
    let first = |begins: &str| -> Vec<String> {
        let mut names: Vec<String> =
            table(&page, begins).into_iter().map(|row| row[0].clone()).collect();
        names.sort();
        names
    };
    let sorted = |mut names: Vec<&'static str>| {
        names.sort_unstable();
        names
    };
    let kinds = SealKind::ALL.map(SealKind::as_str).to_vec();
    assert_eq!(first("| kind | is written | says |"), sorted(kinds));
    let codes = ProblemKind::ALL.map(ProblemKind::as_str).to_vec();
    assert_eq!(first("| code | meaning |"), sorted(codes));
}

#[test]
fn the_page_s_statement_finds_each_seal_that_was_altered() {
    let page = page();
    let blocks = blocks(&page, "check-a-seal-by-hand");
    let query = &blocks.iter().find(|block| block.language == "sql").expect("a query").text;
    let world = World::busy(ACME);
    world.sync("--from 2024-09-27 --to 2024-09-28", 0);
    assert_eq!(world.sql("SELECT count(*) FROM audit_seals"), "3");
    assert_eq!(world.sql(query), "");
    let other_number = "replace(sealed, '1:3,', '1:4,')";
    let rehashed = format!(
        "sealed = {other_number}, seal = sha256(convert_to({other_number}, 'UTF8')) WHERE seq = 3"
    );
    for (change, found) in [
        ("UPDATE audit_seals SET sealed = sealed || '0:,' WHERE seq = 3", "3"),
        ("UPDATE audit_seals SET sealed = replace(sealed, 'acme', 'acmf') WHERE seq = 2", "2\n3"),
        ("UPDATE audit_seals SET seal = sha256('x') WHERE seq = 2", "2"),
        ("UPDATE audit_seals SET prev = sha256('x') WHERE seq = 3", "3"),
        ("UPDATE audit_seals SET seq = 7 WHERE seq = 3", "7"),
        (&format!("UPDATE audit_seals SET {rehashed}"), "3"),
        ("DELETE FROM audit_seals WHERE seq = 2", "3"),
        ("DELETE FROM audit_seals WHERE seq = 1", "2\n3"),
    ] {
        let rows = world.sql(&format!("BEGIN; {change};\n{query};\nROLLBACK;"));
        assert_eq!(rows, found, "{change}");
    }
}

#[test]
fn the_page_s_checkpoint_is_of_its_two_seals() {
    let page = page();
    let texts = blocks(&page, "signed-checkpoints").into_iter();
    let texts: Vec<_> =
        texts.filter(|block| block.language == "text").map(|block| &block.text).collect();
    let [shown, verifier] = &texts[..] else { panic!("{texts:#?}") };
    let signer = SigningKey::parse(KEY).expect("a private key");
    let expected = expected_text(signer.verifier().name().as_ref(), &preimages(&page));
    let right = Note::sign(&expected, &[&signer]).expect("a note").to_string();
    assert_eq!(**verifier, format!("{}\n", signer.verifier()));
    assert_eq!(**shown, right);
    assert_signed(shown, &expected, &[&signer]);
    let note = Note::parse(shown.as_bytes()).expect("a note");
    let verifier = VerifierKey::parse(verifier).expect("a verifier's key");
    assert_eq!(note.verify(&verifier), Ok(()));
    assert_eq!(Checkpoint::parse(note.text()).map(|checkpoint| checkpoint.size), Ok(2));
}

/// The only shell block of a section.
fn script<'p>(page: &'p Page, section: &str) -> &'p str {
    let blocks = blocks(page, section);
    let scripts: Vec<_> = blocks.into_iter().filter(|block| block.language == "sh").collect();
    assert_eq!(scripts.len(), 1, "{scripts:#?}");
    &scripts[0].text
}

#[test]
fn openssl_accepts_checkpoint_and_timestamp_as_the_page_says() {
    let (Some(authority), Some(work)) = (Authority::start(), folder()) else { return };
    let page = page();
    let [old, signer] = [(); 2].map(|()| key("audit.example.com/acme"));
    let evidence = format!(
        "signing_key_env = \"SIGN\"\nprevious_signing_key_env = \"OLD\"\ntimestamp_url = \"{}\"",
        authority.url
    );
    let mut world = World::busy(&format!("[evidence]\n{evidence}\n{ACME}"));
    world.set("SIGN", old.expose());
    world.set("OLD", old.expose());
    world.sync("--date 2024-09-27", 0);
    world.set("SIGN", signer.expose());
    world.sync("--date 2024-09-28", 0);
    std::fs::write(work.path().join("key.pem"), signer.verifier().to_pem()).expect("a file");
    let certificate = authority.folder.path().join("ca.pem");
    std::fs::copy(certificate, work.path().join("authority.pem")).expect("a file");
    let psql = world.database.cluster().map_or_else(|| place_of("psql"), |own| own.bin("psql"));
    let path = std::env::vars().find(|(name, _)| name == "PATH").expect("a PATH").1;
    let path = format!("{}:{path}", psql.parent().expect("a folder").display());
    let variables = [("PATH", path.as_str()), ("DATABASE_URL", world.database.url())];
    let run = |section| bash(script(&page, section), work.path(), &variables);

    for (section, accepted, change) in [
        (
            "signed-checkpoints",
            "Signature Verified Successfully",
            "UPDATE audit_anchors SET anchor = set_byte(anchor, 0, 65) WHERE kind = 'checkpoint'",
        ),
        (
            "timestamps",
            "Verification: OK",
            "UPDATE audit_anchors SET seq = seq - 1 WHERE kind = 'timestamp'",
        ),
    ] {
        let finished = run(section);
        let said = format!("{}{}", finished.stdout, finished.stderr);
        assert!(finished.status == 0 && said.contains(accepted), "{section}: {finished:#?}");
        world.sql(change);
        let finished = run(section);
        assert!(finished.status != 0, "{section}: {finished:#?}");
    }
}
