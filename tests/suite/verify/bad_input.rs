//! Chains that are no chains: each fault has its code and one clear message, and the walk goes on.

use auditsync::event::Hash;
use auditsync::evidence::{Seal, hash_of};

use super::{assert_clean, found, reseal, verify};
use crate::support::{ACME, World};

/// A change of a text, and a part of what is said about it.
type ChangedText = (fn(&str) -> String, &'static str);

/// A world with the days 26 to 28 September as seals 2 to 4, whose chain has no keys.
fn world() -> World {
    without_keys(synced())
}

fn synced() -> World {
    let world = World::new(ACME);
    for day in ["2024-09-26", "2024-09-27", "2024-09-28"] {
        world.sync(&format!("--date {day}"), 0);
    }
    world
}

fn without_keys(world: World) -> World {
    assert_clean(&world, "");
    world.sql(
        "ALTER TABLE audit_seals DROP CONSTRAINT audit_seals_pkey,
             DROP CONSTRAINT audit_seals_prev_key, DROP CONSTRAINT audit_seals_seal_key,
             DROP CONSTRAINT audit_seals_begin_once",
    );
    world
}

/// Replaces the text of a seal, with the hash and without the derived columns.
fn replace_text(world: &World, seq: i64, text: &str) {
    world.sql(&format!(
        "UPDATE audit_seals SET sealed = convert_from('\\x{}', 'UTF8'), seal = '\\x{}'
         WHERE seq = {seq}",
        hex::encode(text),
        hex::encode(hash_of(text))
    ));
}

/// The problems of the chain, without those of days.
fn of_chain(world: &World) -> Vec<String> {
    let report = verify(world, "", 1);
    let problems = report["problems"].as_array().expect("problems").iter();
    let of_chain = problems.filter(|one| one["source"].is_null());
    let text = |one: &serde_json::Value, key: &str| one[key].as_str().expect("text").to_owned();
    of_chain.map(|one| format!("{}: {}", text(one, "problem"), text(one, "detail"))).collect()
}

#[test]
fn a_chain_that_is_broken_in_the_middle_names_the_seal_and_goes_on() {
    let world = world();
    let text = reseal::texts(&world)[2].clone();
    let mut seal = Seal::parse(&text).expect("a seal");
    seal.sealed.request_id = "forged".to_owned();
    replace_text(&world, 3, &seal.preimage());
    assert_eq!(
        of_chain(&world),
        ["altered: seal 4 does not continue seal 3: one of them, or all up to there, was replaced"]
    );
    // A link to an older seal is a fork.
    let mut last = Seal::parse(&reseal::texts(&world)[3]).expect("a seal");
    last.place.prev = Some(hash_of(&reseal::texts(&world)[1]));
    replace_text(&world, 4, &last.preimage());
    let problems = of_chain(&world);
    assert_eq!(
        problems.last().map(String::as_str),
        Some("fork: seal 4 continues seal 2, not seal 3")
    );
}

#[test]
fn a_gap_is_missing_and_names_its_first_and_last_seal() {
    let world = world();
    world.sql("DELETE FROM audit_seals WHERE seq IN (2, 3)");
    assert_eq!(of_chain(&world), ["missing: seals 2 to 3 are gone from the chain"]);
    let of_days = found(&world, "");
    assert!(of_days.contains(&"unsealed: the day is SUCCESS, and no seal says so".to_owned()));
    let text = world.run("verify").stdout;
    let line = "unsealed      acme 2024-09-26..2024-09-27: the day is SUCCESS, and no seal says so";
    assert!(text.contains(line), "equal problems are one line: {text}");
}

#[test]
fn swapped_seals_are_moved() {
    let world = world();
    world.sql("UPDATE audit_seals SET seq = 5 - seq + 2 WHERE seq IN (3, 4)");
    assert_eq!(
        of_chain(&world),
        ["moved: seal 3: its text is that of seal 4", "moved: seal 4: its text is that of seal 3"]
    );
}

#[test]
fn a_body_or_a_time_of_another_form_is_malformed_and_hides_nothing() {
    let world = synced();
    assert_clean(&world, "");
    let archive = r#"{"archive":{"month":"2024-09","checksum":"no hex","bytes":7}}"#;
    for body in ["x", "{}", "[]", "{\"archive\":null}", archive] {
        reseal::seal_again(&world, 3, |seal| {
            if seal.place.seq == 3 {
                body.clone_into(&mut seal.sealed.body);
            }
        });
        let field = "malformed: seal 3: the text: its field body is not what the format demands";
        assert_eq!(found(&world, ""), [field], "{body}");
    }
    let good = format!(
        r#"{{"archive":{{"month":"2024-09","checksum":"{}","bytes":7}},"more":1}}"#,
        "ab".repeat(32)
    );
    reseal::seal_again(&world, 3, |seal| {
        if seal.place.seq == 3 {
            good.clone_into(&mut seal.sealed.body);
        }
    });
    assert_clean(&world, "");
    reseal::seal_again(&world, 4, |seal| {
        seal.sealed.read_at = Some(seal.place.sealed_at + chrono::TimeDelta::microseconds(1));
    });
    let field = "malformed: seal 4: the text: its field read_at is not what the format demands";
    assert_eq!(found(&world, ""), [field]);
}

#[test]
fn a_duplicated_seal_is_a_fork_or_moved() {
    let world = world();
    world.sql("INSERT INTO audit_seals SELECT * FROM audit_seals WHERE seq = 3");
    let problems = of_chain(&world);
    assert_eq!(problems, ["fork: seal 3: the chain has another seal of this number"]);
    world.sql(
        "DELETE FROM audit_seals WHERE ctid = (SELECT max(ctid) FROM audit_seals WHERE seq = 3);
         INSERT INTO audit_seals SELECT 5, prev, seal, sealed, kind, source, process_date, attempt,
             events_count, digest, sealed_at FROM audit_seals WHERE seq = 3",
    );
    assert_eq!(of_chain(&world), ["moved: seal 5: its text is that of seal 3"]);
}

#[test]
fn a_text_that_is_no_preimage_is_malformed_with_the_reason() {
    let good = |world: &World| reseal::texts(world)[2].clone();
    let cases: [ChangedText; 4] = [
        (|_| "no netstring".to_owned(), "it is not a sequence of netstrings: byte 0 begins no"),
        (|text| text[..text.len() - 1].to_owned(), "it is not a sequence of netstrings: byte "),
        (|text| format!("{text}0:,"), "it has 19 fields, not 18"),
        (|text| text.replace("seal-v1", "seal-v2"), "its field format is not what the format"),
    ];
    let world = world();
    let text = good(&world);
    for (change, why) in cases {
        replace_text(&world, 3, &change(&text));
        let problems = of_chain(&world);
        let malformed = format!("malformed: seal 3: the text: {why}");
        assert!(problems[0].starts_with(&malformed), "{problems:?}");
    }
}

#[test]
fn a_chain_without_a_seal_is_missing() {
    let world = world();
    world.sql("DELETE FROM audit_seals");
    assert_eq!(
        of_chain(&world),
        ["missing: the chain has no seal: the table audit_seals is empty"]
    );
    let report = verify(&world, "", 1);
    assert_eq!((&report["seals_checked"], report["head"].is_null()), (&0.into(), true));
    assert!(world.run("verify").stdout.ends_with("There is no head.\n"));
}

#[test]
fn a_seal_of_another_log_is_foreign() {
    let world = world();
    let mut seal = Seal::parse(&reseal::texts(&world)[3]).expect("a seal");
    seal.place.log = "0123456789abcdef0123456789abcdef".parse().expect("an id");
    replace_text(&world, 4, &seal.preimage());
    assert_eq!(
        of_chain(&world),
        ["foreign: seal 4: it is of the log 0123456789abcdef0123456789abcdef"]
    );
}

#[test]
fn several_faults_are_all_reported_and_repeats_are_one() {
    let world = synced();
    for _ in 0..2 {
        assert_eq!(world.run("reset --source acme 2024-09-28").status, 0);
        world.sync("--date 2024-09-28", 0);
    }
    // Seals 5 and 7 are resets, 6 and 8 publications.
    let world = without_keys(world);
    world.sql("UPDATE audit_seals SET attempt = 9 WHERE seq IN (6, 7)");
    world.sql("DELETE FROM audit_seals WHERE seq = 3");
    replace_text(&world, 2, "no netstring");
    world.sql("UPDATE audit_seals SET seal = sha256('evil') WHERE seq = 8");
    world.sql("UPDATE audit_seals SET seq = 20 WHERE seq = 4");
    assert_eq!(
        of_chain(&world),
        [
            "malformed: seal 2: the text: it is not a sequence of netstrings: byte 0 begins no \
             length",
            "missing: seals 3 to 4 are gone from the chain",
            "altered: seals 6 to 7: the column attempt is not what the text says",
            "altered: seal 8: its text and the column seal do not match",
            "missing: seals 9 to 19 are gone from the chain",
            "moved: seal 20: its text is that of seal 4"
        ]
    );
}

#[test]
fn an_altered_column_without_its_text_is_one_problem_each() {
    let world = world();
    world.sql("UPDATE audit_seals SET seal = sha256('evil'), digest = NULL WHERE seq = 3");
    let zero = hex::encode(Hash::default());
    world.sql(&format!("UPDATE audit_seals SET prev = '\\x{zero}' WHERE seq = 4"));
    assert_eq!(
        of_chain(&world),
        [
            "altered: seal 3: its text and the column seal do not match",
            "altered: seal 3: the column digest is not what the text says",
            "altered: seal 4: the column prev is not what the text says"
        ]
    );
}
