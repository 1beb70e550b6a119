//! What an attacker with the database alone can do: seal the chain again after a change.

use auditsync::event::Hash;
use auditsync::evidence::{LogId, Seal, hash_of};

use crate::support::World;

/// The texts of the chain in their order.
pub(super) fn texts(world: &World) -> Vec<String> {
    let rows =
        world.sql("SELECT encode(convert_to(sealed, 'UTF8'), 'hex') FROM audit_seals ORDER BY seq");
    let text = |row: &str| String::from_utf8(hex::decode(row).expect("hex")).expect("text");
    rows.lines().map(text).collect()
}

/// Makes the seals from the row `first` on again, after `change`, so that the chain is whole. The
/// number of each becomes that of its row.
pub(super) fn seal_again(world: &World, first: i64, mut change: impl FnMut(&mut Seal)) {
    let mut prev: Option<Hash> = None;
    let mut sql = String::from("ALTER TABLE audit_seals DROP CONSTRAINT audit_seals_prev_key;");
    for (text, row) in texts(world).iter().zip(1..) {
        let mut seal = Seal::parse(text).expect("a seal");
        if row >= first {
            (seal.place.seq, seal.place.prev) = (row, prev);
            change(&mut seal);
            sql.push_str(&replace(&seal));
        }
        prev = Some(hash_of(&seal.preimage()));
    }
    sql.push_str("ALTER TABLE audit_seals ADD UNIQUE (prev);");
    world.sql(&sql);
}

/// Begins the chain again as another log, so that nothing of the old one is left.
pub(super) fn begin_again(world: &World, log: &LogId) {
    seal_again(world, 1, |seal| seal.place.log = log.clone());
}

/// The statement that writes the row of this seal.
fn replace(seal: &Seal) -> String {
    let columns = "seq, prev, seal, sealed, kind, source, process_date, attempt, events_count, \
                   digest, sealed_at";
    let (row, seq) = (row(seal), seal.place.seq);
    format!("UPDATE audit_seals SET ({columns}) = {row} WHERE seq = {seq};")
}

/// The row of a seal as SQL, with the columns that its text has.
pub(super) fn row(seal: &Seal) -> String {
    let text = seal.preimage();
    let hash =
        |hash: Option<Hash>| or_null(hash.map(|hash| format!("'\\x{}'::bytea", hex::encode(hash))));
    let (place, sealed) = (&seal.place, &seal.sealed);
    let contents = sealed.contents.as_ref();
    let values = [
        place.seq.to_string(),
        hash(place.prev),
        hash(Some(hash_of(&text))),
        format!("convert_from('\\x{}', 'UTF8')", hex::encode(&text)),
        format!("'{}'", sealed.kind),
        or_null((!sealed.source.is_empty()).then(|| format!("'{}'", sealed.source))),
        or_null(sealed.date.map(|date| format!("'{date}'::date"))),
        or_null(sealed.attempt.map(|attempt| attempt.to_string())),
        or_null(contents.map(|contents| contents.events.to_string())),
        hash(contents.map(|contents| contents.digest)),
        format!("'{}'::timestamptz", place.sealed_at.to_rfc3339()),
    ];
    format!("({})", values.join(", "))
}

fn or_null(value: Option<String>) -> String {
    value.unwrap_or_else(|| "NULL".to_owned())
}

/// Deletes an event of a complete day, counts the day again, and makes all seals from its own on
/// again. Nothing in the database shows it.
pub(super) fn forge(world: &World, day: &str) {
    let of_day = format!("source = 'acme' AND process_date = '{day}'");
    world.sql(&format!(
        "DELETE FROM audit_events WHERE {of_day}
           AND event_id = (SELECT min(event_id) FROM audit_events WHERE {of_day});
         UPDATE audit_events_log SET (events_count, digest) = (
             SELECT count(*), sha256(coalesce(string_agg(event_hash, ''::bytea ORDER BY event_id),
                                              ''::bytea))
             FROM audit_events WHERE {of_day}) WHERE {of_day}"
    ));
    let forged = world.sql(&format!(
        "SELECT events_count, encode(digest, 'hex') FROM audit_events_log WHERE {of_day}"
    ));
    let (count, digest) = forged.split_once('|').expect("two columns");
    let mut hash = Hash::default();
    hex::decode_to_slice(digest, &mut hash).expect("a hash");
    let first = world.sql(&format!("SELECT min(seq) FROM audit_seals WHERE {of_day}"));
    seal_again(world, first.parse().expect("a number"), |seal| {
        let sealed = &mut seal.sealed;
        if sealed.source == "acme" && sealed.date.is_some_and(|date| date.to_string() == day) {
            let contents = sealed.contents.as_mut().expect("the seal of a day");
            (contents.events, contents.digest) = (count.parse().expect("a count"), hash);
        }
    });
}
