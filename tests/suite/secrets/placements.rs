//! Other places in which a secret may appear: events, messages of libraries, the ledger, arguments.

use super::{
    ARCHIVE_KEY, DAY, FORMATS, PASSWORD, SEPTEMBER, TOKEN, assert_clean, disguises, with_password,
};
use crate::support::{ACME, Finished, World, date, raw};
use bytes::Bytes;
use fake_heroku::{Fault, Match};
use serde_json::json;

/// The token of a source that most runs do not use.
const OTHER: &str = "0c0ffee0-1234-4abc-8def-00decafbad00";
/// The part of a monitor's address after its host.
const PING_KEY: &str = "mon1tor-Kq82hhZx";
/// A token that belongs to no source here.
const STRANGER: &str = "HRKU-AAstranger_0123456789-abcdefghij";

struct Place {
    world: World,
    form: (&'static str, &'static str),
    secrets: Vec<Vec<String>>,
}

impl Place {
    fn new(form: (&'static str, &'static str)) -> Self {
        let other = ACME
            .replace("\"acme\"\naccount = \"acme\"", "\"other\"\naccount = \"globex\"")
            .replace("HEROKU_API_TOKEN", "OTHER");
        let mut world = World::new(&format!(
            "[events]\nlog = \"full\"\n[sync]\nrecheck_after = []\n{ACME}since = \"2024-09-27\"\n\
             {other}"
        ));
        world.heroku.add_token(TOKEN, "audit@acme.example.com");
        world.set("HEROKU_API_TOKEN", TOKEN);
        world.set("OTHER", OTHER);
        world.set("DATABASE_URL", &with_password(&world));
        world.set("AUDITSYNC_PING_URL", &format!("http://127.0.0.1:1/{PING_KEY}"));
        world.set("RUST_LOG", "trace");
        let secrets = [TOKEN, OTHER, PASSWORD, PING_KEY, STRANGER].map(disguises);
        // An unknown token can be recognized only by its form.
        let mut secrets = secrets.to_vec();
        secrets[4].truncate(1);
        Self { world, form, secrets }
    }

    fn run(&self, args: &[&str]) -> Finished {
        let (format, output) = self.form;
        let mut command = self.world.command(&format!("--log-format {format} --output {output}"));
        let output = command.args(args).output().expect("the program starts");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        let finished = Finished {
            status: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        };
        assert_clean(&format!("{args:?} stdout"), &finished.stdout, &self.secrets);
        assert_clean(&format!("{args:?} stderr"), &finished.stderr, &self.secrets);
        finished
    }

    /// The same where a replacement must be in the place of the secret.
    fn hides(&self, args: &[&str]) -> Finished {
        let finished = self.run(args);
        let all = format!("{}{}", finished.stdout, finished.stderr);
        let hidden =
            ["[token]", "[password]", "[address]", "/…"].iter().any(|word| all.contains(word));
        assert!(hidden, "{args:?}: {finished:#?}");
        finished
    }

    /// Searches the recorded texts except the events, which are stored as they came.
    fn assert_recorded_clean(&self) {
        for table in ["audit_history", "audit_events_log"] {
            let rows =
                self.world.sql(&format!("SELECT row_to_json(t) FROM (SELECT * FROM {table}) AS t"));
            assert_clean(table, &rows, &self.secrets);
        }
        let reasons = self
            .world
            .sql("SELECT event_raw_reason FROM audit_events WHERE event_raw_reason IS NOT NULL");
        assert_clean("reasons", &reasons, &self.secrets);
    }

    fn secrets_of_all_kinds() -> Vec<String> {
        let mut all = vec![STRANGER.to_owned()];
        for secret in [TOKEN, OTHER, PASSWORD, PING_KEY] {
            all.extend(disguises(&format!("u:{secret}|")));
            all.extend(disguises(secret));
        }
        all
    }
}

fn forms() -> impl Iterator<Item = (&'static str, &'static str)> {
    FORMATS.into_iter().zip(["json", "text", "json"])
}

fn event(id: &str, kind: &str) -> Bytes {
    let created_at = "2024-09-28T01:00:00Z";
    let event = json!({ "id": id, "type": kind, "action": id, "actor": { "email": id },
        "created_at": created_at });
    event.to_string().into()
}

const ON_DAY: [&str; 5] = ["sync", "--source", "acme", "--date", DAY];

#[test]
fn an_event_that_holds_a_secret_is_named_without_it() {
    for form in forms() {
        let place = Place::new(form);
        let ids = Place::secrets_of_all_kinds();
        let twice = ids.iter().flat_map(|id| [event(id, "a"), event(id, "b")]);
        place.world.heroku.put_day("acme", date(DAY), twice.chain([event("plain", "a")]).collect());
        place.hides(&[&ON_DAY[..], &["--dry-run"]].concat());
        place.hides(&ON_DAY);
        place.world.heroku.make_archive("acme", SEPTEMBER);
        place.world.heroku.put_day("acme", date(DAY), vec![event("plain", "a")]);
        place.run(&["reset", "--source", "acme", DAY]);
        place.hides(&ON_DAY);
        place.hides(&["history"]);
        place.world.heroku.put_archive(
            "acme",
            SEPTEMBER,
            fake_heroku::pack(&[event("other", "a")]),
        );
        place.hides(&["reconcile", "--month", "2024-09", "--source", "acme"]);
        let strays = ids.iter().map(|id| {
            Bytes::from(
                json!({ "id": format!("{id}+"), "created_at": "2019-01-01T00:00:00Z" }).to_string(),
            )
        });
        place.world.heroku.put_archive(
            "acme",
            SEPTEMBER,
            fake_heroku::pack(&strays.collect::<Vec<_>>()),
        );
        place.hides(&[
            "backfill",
            "--source",
            "acme",
            "--via",
            "archive",
            "--from",
            "2024-09-27",
            "--to",
            "2024-09-27",
        ]);
        place.assert_recorded_clean();
    }
}

#[test]
fn secrets_repeated_by_heroku_or_the_database_are_redacted() {
    for form in forms() {
        let place = Place::new(form);
        // A third of them in each form, because each form takes a run of its own.
        let place_of_form = forms().position(|other| other == form).expect("one of them");
        for secret in Place::secrets_of_all_kinds().into_iter().skip(place_of_form).step_by(3) {
            let refusal =
                json!({ "id": secret, "message": format!("{} {secret}", "x".repeat(490)) })
                    .to_string();
            place
                .world
                .heroku
                .fault(Match::events("acme"), Fault::body(403, "application/json", refusal));
            place.hides(&ON_DAY);
        }
        let teams =
            format!("{ACME}team = \"gone\"\n").replace("\"acme\"\naccount", "\"t\"\naccount");
        place.world.write_config(&format!(
            "{ACME}{teams}{}filter = {{ type = \"user\" }}\n",
            ACME.replace("\"acme\"\naccount", "\"o\"\naccount")
                .replace("HEROKU_API_TOKEN", "OTHER")
        ));
        let known =
            json!([{ "id": OTHER, "name": OTHER }, { "id": "i", "name": STRANGER }]).to_string();
        place.world.heroku.fault(
            Match::path("/enterprise-accounts/acme/teams"),
            Fault::body(200, "application/json", known),
        );
        place.hides(&["sync", "--source", "t", "--date", DAY]);
        place.world.sql(&format!(
            "CREATE FUNCTION echo() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             RAISE EXCEPTION '%', $x${} {OTHER}$x$; END $$;
             CREATE TRIGGER echo BEFORE INSERT ON audit_events FOR EACH ROW
             EXECUTE FUNCTION echo()",
            hex::encode(PASSWORD)
        ));
        place.hides(&["sync", "--source", "acme", "--date", DAY]);
        place.hides(&["status", "--days", "30000"]);
        place.hides(&["history"]);
        place.assert_recorded_clean();
    }
}

#[test]
fn an_archive_s_address_appears_in_no_text_whatever_the_answer() {
    let address =
        format!("https://files.example.com/{ARCHIVE_KEY}/a.gz?X-Signature={ARCHIVE_KEY}&n=1");
    for form in forms() {
        let mut place = Place::new(form);
        place.secrets.push(disguises(ARCHIVE_KEY));
        for info in [
            json!(address),
            json!([address]),
            json!({ "url": [address], "checksum": "0" }),
            json!({ "url": { "href": address } }),
            json!({ "url": address.clone(), "checksum": [address] }),
            json!({ "url": address.clone(), "checksum": "0", "created_at": address }),
            json!({ "url": address.replace("https", "ftp"), "checksum": address }),
            json!({ "url": address.replace("https://files", "https://[files"), "checksum": "0" }),
            json!({ "checksum": "0", "created_at": { "at": address } }),
        ] {
            let info = Fault::body(200, "application/json", info.to_string());
            place
                .world
                .heroku
                .fault(Match::path("/enterprise-accounts/acme/archives").times(3), info);
            place.run(&["reconcile", "--month", "2024-09", "--source", "acme"]);
            place.run(&[
                "backfill", "--source", "acme", "--via", "archive", "--from", DAY, "--to", DAY,
            ]);
            place.world.heroku.clear_faults();
        }
        let refusal = json!({ "id": "gone", "message": format!("see {address}, or \
                <http://u:{ARCHIVE_KEY}@h>") })
        .to_string();
        place.world.heroku.fault(
            Match::path("/enterprise-accounts/acme/archives"),
            Fault::body(410, "application/json", refusal),
        );
        let finished = place.hides(&["reconcile", "--month", "2024-09", "--source", "acme"]);
        assert!(
            format!("{finished:?}").contains("files.example.com"),
            "the host may be named: {finished:#?}"
        );
        // A redirect of the file, and a server that breaks off.
        let broken = raw::serve(|_, _| {
            raw::http("302 Found", &format!("Location: https://h/{ARCHIVE_KEY}\r\n"), ARCHIVE_KEY)
        });
        let info =
            json!({ "url": format!("{broken}/{ARCHIVE_KEY}?s={ARCHIVE_KEY}"), "checksum": "0" })
                .to_string();
        place.world.heroku.fault(
            Match::path("/enterprise-accounts/acme/archives").times(3),
            Fault::body(200, "application/json", info),
        );
        place.run(&["reconcile", "--month", "2024-09", "--source", "acme"]);
        place.assert_recorded_clean();
    }
}

#[test]
fn secrets_in_foreign_ledger_and_history_rows_are_redacted() {
    for form in forms() {
        let place = Place::new(form);
        assert_eq!(place.run(&ON_DAY).status, 0);
        place.run(&[
            "reset",
            "--source",
            "acme",
            DAY,
            "--reason",
            &format!("leak of {TOKEN} and {OTHER}"),
            "--by",
            STRANGER,
        ]);
        place.assert_recorded_clean();
        place.world.sql(&format!(
            "INSERT INTO audit_events_log (source, process_date, status, error_message,
             locked_by, locked_until, scope)
             VALUES ('x {OTHER}', '2024-09-20', 'ERROR', 'was {PASSWORD}', NULL, NULL,
             '{{\"account\": \"acme\"}}'),
                    ('acme', '2024-09-20', 'PROCESSING', NULL, '{PING_KEY}',
                    clock_timestamp() + interval '1 h', NULL);
             INSERT INTO audit_history (run_id, source, process_date, attempt, action, outcome,
             message, by)
             VALUES (gen_random_uuid(), 'acme', '2024-09-20', 1, 'fail', 'failed',
             '{STRANGER} {}', '{OTHER}')",
            hex::encode_upper(OTHER)
        ));
        place.hides(&["status", "--days", "30000"]);
        place.hides(&["history"]);
        place.hides(&["sync", "--source", "acme", "--date", "2024-09-20"]);
        place.hides(&["reset", "--source", "acme", "2024-09-20"]);
    }
}

#[test]
fn a_secret_in_the_wrong_variable_option_or_key_appears_in_no_text() {
    for form in forms() {
        let mut place = Place::new(form);
        place.world.set("DYNO", TOKEN);
        place.world.set("USER", OTHER);
        assert_eq!(place.run(&ON_DAY).status, 0);
        place.run(&["reset", "--source", "acme", DAY]);
        place.hides(&["history"]);
        place.assert_recorded_clean();
        for args in [
            &["status", "--source", OTHER][..],
            &["status", "--source", PASSWORD],
            &["sync", "--date", PING_KEY],
            &["sync", PASSWORD],
            &["-c", PASSWORD, "status"],
            &["man", PASSWORD],
            &["reconcile", "--month", PING_KEY],
        ] {
            assert_eq!(place.run(args).status, 2);
        }
        for file in [
            format!("{ACME}filter = {{ actor = \"{OTHER}\" }}\n"),
            ACME.replace("account = \"acme\"", &format!("account = \"{PASSWORD}\"")),
            ACME.replace("\"acme\"\naccount", &format!("\"{PING_KEY}\"\naccount")),
            format!("{ACME}\"{PASSWORD}\" = 1\n"),
        ] {
            place.world.write_config(&format!(
                "{file}{}",
                ACME.replace("\"acme\"\naccount", "\"o\"\naccount")
                    .replace("HEROKU_API_TOKEN", "OTHER")
            ));
            place.world.heroku.fault(Match::any(), Fault::status(503, "unavailable", "later"));
            place.run(&["sync", "--date", "2024-09-26"]);
            place.run(&["check"]);
            place.world.heroku.clear_faults();
        }
    }
}
