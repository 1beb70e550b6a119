//! Copies of the staged source acme, each with seals of its own, so that one verification can judge
//! many changes: each is made to another copy.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use auditsync::evidence::{Seal, hash_of};

use super::changes::{Change, drop_constraints};
use super::{assert_clean, reseal, stage, verify};
use crate::support::{World, note};

/// The name of a copy.
fn name(number: usize) -> String {
    format!("copy{number:04}")
}

/// A staged world with this many copies of acme, without constraints.
fn cloned(count: usize) -> World {
    let world = stage::staged();
    let mut sql = String::new();
    for table in ["audit_events", "audit_event_conflicts", "audit_events_log"] {
        let columns = world.sql(&format!(
            "SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute
             WHERE attrelid = '{table}'::regclass AND attnum > 0
               AND attname NOT IN ('id', 'source')"
        ));
        let _ = write!(
            sql,
            "INSERT INTO {table} (source, {columns})
             SELECT 'copy' || lpad(n::text, 4, '0'), {columns}
             FROM {table}, generate_series(0, {count} - 1) AS n WHERE source = 'acme';"
        );
    }
    world.sql(&sql);
    let texts = reseal::texts(&world);
    let seals: Vec<Seal> = texts.iter().map(|text| Seal::parse(text).expect("a seal")).collect();
    let mut prev = texts.last().map(|text| hash_of(text));
    let mut seq = seals.len() as i64;
    let mut rows = Vec::new();
    for number in 0..count {
        for of_acme in seals.iter().filter(|seal| seal.sealed.source == "acme") {
            let mut seal = of_acme.clone();
            seq += 1;
            (seal.place.seq, seal.place.prev, seal.sealed.source) = (seq, prev, name(number));
            prev = Some(hash_of(&seal.preimage()));
            rows.push(reseal::row(&seal));
        }
    }
    world.sql(&format!("INSERT INTO audit_seals VALUES {}", rows.join(",\n")));
    drop_constraints(&world);
    let report = assert_clean(&world, "");
    assert_eq!(report["seals_checked"], seq);
    world
}

/// The problems of a report: by source, and those of the chain as they are said.
struct Judged {
    by_source: BTreeMap<String, BTreeSet<String>>,
    of_chain: Vec<(String, String)>,
}

impl Judged {
    fn read(world: &World) -> Self {
        let report = verify(world, "", 1);
        let (mut by_source, mut of_chain) = (BTreeMap::new(), Vec::new());
        for problem in report["problems"].as_array().expect("problems") {
            let text = |key: &str| problem[key].as_str().map(str::to_owned);
            let code = text("problem").expect("a code");
            match text("source") {
                Some(source) => {
                    by_source.entry(source).or_insert_with(BTreeSet::new).insert(code);
                }
                None => of_chain.push((code, text("detail").expect("a detail"))),
            }
        }
        Self { by_source, of_chain }
    }

    /// The codes of a copy, and those of the seal with this number.
    fn codes(&self, source: &str, seal: Option<&str>) -> BTreeSet<String> {
        let mut codes = self.by_source.get(source).cloned().unwrap_or_default();
        if let Some(seal) = seal {
            let place = format!("seal {seal}: ");
            let of_seal = self.of_chain.iter().filter(|(_, detail)| detail.starts_with(&place));
            codes.extend(of_seal.map(|(code, _)| code.clone()));
        }
        codes
    }
}

/// Makes each change to another copy, and checks that one verification finds each of them. All must
/// be changes of acme.
pub(super) fn try_all(changes: &[Change]) {
    let world = cloned(changes.len());
    let statements: Vec<String> = changes
        .iter()
        .enumerate()
        .map(|(number, change)| {
            let of_copy = change.sql.replace("'acme'", &format!("'{}'", name(number)));
            // A change of a seal also says which one.
            let seal = if of_copy.starts_with("UPDATE audit_seals") { " || seq" } else { "" };
            of_copy.replace("RETURNING 1", &format!("RETURNING '{number}|'{seal}")) + ";"
        })
        .collect();
    let made: BTreeMap<usize, String> = world
        .sql(&statements.concat())
        .lines()
        .map(|line| line.split_once('|').expect("a number and a seal"))
        .map(|(number, seal)| (number.parse().expect("a number"), seal.to_owned()))
        .collect();
    let judged = Judged::read(&world);
    let mut missed = Vec::new();
    for (number, seal) in &made {
        let change = &changes[*number];
        let seal = Some(seal.as_str()).filter(|seal| !seal.is_empty());
        let codes = judged.codes(&name(*number), seal);
        if !change.codes.iter().any(|code| codes.contains(*code)) {
            missed.push(format!("{}: {codes:?}, and not {:?}", change.what, change.codes));
        }
    }
    assert!(missed.is_empty(), "{} changes were missed:\n{}", missed.len(), missed.join("\n"));
    note(&format!("{} of {} changes changed something", made.len(), changes.len()));
    assert!(made.len() * 10 > changes.len() * 6, "{} of {}", made.len(), changes.len());
}
