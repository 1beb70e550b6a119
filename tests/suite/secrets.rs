//! Tokens and passwords appear nowhere, tokens go to one host, and no message of Heroku can steer a
//! terminal.

mod placements;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use bytes::Bytes;
use fake_heroku::{Fault, Match, Month};

use crate::support::raw::{http, serve};
use crate::support::{ACME, DAY, Finished, World, date, day, steers, yesterday};

/// Unlike any other text, and with characters that each encoding represents differently.
const TOKEN: &str = "HRKU-canary+Zq7/xW9=vT3~pL5%kk";
const PASSWORD: &str = "pw-canary.Kd83hZ~Qm27xx";
const ARCHIVE_KEY: &str = "sgn.Qx93kfL27ab8ZpWw01Lq";
const SEPTEMBER: Month = Month { year: 2024, month: 9 };
const FORMATS: [&str; 3] = ["text", "logfmt", "json"];

/// Every form in which `secret` might appear in a text.
fn disguises(secret: &str) -> Vec<String> {
    let percent: String = secret
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect();
    let hexadecimal = hex::encode(secret);
    let mut found = vec![
        secret.to_owned(),
        percent.to_lowercase(),
        percent,
        hexadecimal.to_uppercase(),
        hexadecimal,
    ];
    // The base64 form depends on the position in the text. Characters that also encode a neighbour
    // are left out.
    for before in 0..3 {
        let bytes = [vec![0; before], secret.as_bytes().to_vec()].concat();
        let inner = before.div_ceil(3) * 3..bytes.len() / 3 * 3;
        found.extend([STANDARD.encode(&bytes[inner.clone()]), URL_SAFE.encode(&bytes[inner])]);
    }
    found
}

fn assert_clean(what: &str, text: &str, secrets: &[Vec<String>]) {
    for disguise in secrets.iter().flatten() {
        if let Some(at) = text.find(disguise.as_str()) {
            let line = text[..at].rfind('\n').map_or(0, |at| at + 1);
            let rest: String = text[line..].chars().take(600).collect();
            panic!("{what}: {disguise} stands in: {rest}");
        }
    }
}

/// The world's database as a role with the password.
fn with_password(world: &World) -> String {
    let url = world.database.url();
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let (user, place) = rest.split_once('@').expect("a user");
    format!("{scheme}://{}:{PASSWORD}@{place}", user.split(':').next().expect("a user"))
}

struct Canary {
    world: World,
    secrets: Vec<Vec<String>>,
    form: (&'static str, &'static str),
    day: chrono::NaiveDate,
    runs: usize,
}

impl Canary {
    fn new(form: (&'static str, &'static str)) -> Self {
        let mut world = World::new(ACME);
        world.heroku.add_token(TOKEN, "audit@acme.example.com");
        world.set("HEROKU_API_TOKEN", TOKEN);
        world.set("DATABASE_URL", &with_password(&world));
        world.set("RUST_LOG", "trace");
        let secrets = vec![disguises(TOKEN), disguises(PASSWORD)];
        Self { world, secrets, form, day: date("2024-07-01"), runs: 0 }
    }

    /// Runs the program and searches all of its output.
    fn run(&mut self, arguments: &str, status: i32) -> Finished {
        let (format, output) = self.form;
        let finished =
            self.world.run(&format!("{arguments} --log-format {format} --output {output}"));
        let what = format!("{arguments} ({format}, {output})");
        assert_eq!(finished.status, status, "{what}: {}\n{}", finished.stdout, finished.stderr);
        assert_clean(&what, &finished.stdout, &self.secrets);
        assert_clean(&what, &finished.stderr, &self.secrets);
        self.runs += 1;
        finished
    }

    /// Syncs a day that was not synced before, with something wrong.
    fn sync(&mut self, faults: Vec<Fault>, status: i32) -> Finished {
        self.day = self.day + chrono::Days::new(1);
        for fault in faults {
            self.world.heroku.fault(Match::any(), fault);
        }
        let finished = self.run(&format!("sync --date {}", self.day), status);
        assert_eq!(self.world.heroku.faults_left(), [""; 0]);
        finished
    }

    fn answers(&mut self) {
        let header =
            |name: &str, value: &str| Fault::Header { name: name.into(), value: value.into() };
        let echo = format!("no luck with Bearer {TOKEN}");
        self.sync(vec![], 0);
        self.sync(vec![Fault::status(403, "forbidden", "no")], 1);
        for status in [400, 401, 403, 404, 422] {
            self.sync(vec![Fault::EchoToken { status }], 1);
        }
        self.sync(vec![Fault::EchoToken { status: 429 }, Fault::EchoToken { status: 503 }], 0);
        self.sync(vec![Fault::EchoToken { status: 500 }; 3], 1);
        self.sync(vec![Fault::status(403, TOKEN, TOKEN)], 1);
        self.sync(vec![Fault::body(403, "text/plain", echo.clone())], 1);
        self.sync(vec![Fault::body(200, "text/plain", echo.clone())], 0);
        self.sync(vec![Fault::body(200, "application/json", format!("[{TOKEN}]"))], 0);
        self.sync(vec![header("x-heroku-warning", &echo)], 0);
        self.sync(vec![header("warning-message", TOKEN)], 0);
        self.sync(vec![header("content-encoding", TOKEN)], 0);
        self.sync(vec![header("next-range", &format!("id ]{TOKEN}..; max=200"))], 0);
        self.sync(vec![Fault::rate_limit(Some(TOKEN))], 0);
        self.sync(
            vec![Fault::Redirect {
                location: format!("{}/?t={TOKEN}", self.world.heroku.archive_url_base()),
            }],
            1,
        );
        self.sync(vec![Fault::CutBody { after_bytes: 100 }, Fault::CutBody { after_bytes: 0 }], 0);
    }

    fn teams(&mut self) {
        self.world.write_config(&format!(
            "[events]\nlog = \"full\"\n{}",
            ACME.replace("token_env", "team = \"t\"\ntoken_env")
        ));
        for body in [format!("[\"{TOKEN}\"]"), format!(r#"[{{"id":"{TOKEN}","name":7}}]"#)] {
            self.sync(vec![Fault::body(200, "application/json", body); 3], 1);
        }
        self.sync(
            vec![Fault::body(
                200,
                "application/json",
                format!(r#"[{{"id":"i","name":"{TOKEN}"}}]"#),
            )],
            1,
        );
        self.world.write_config(&format!("[events]\nlog = \"full\"\n{ACME}"));
        // An event that contains the token is stored as it came, like every other. Here it is only
        // viewed.
        let event = format!(
            r#"[{{"id":"{TOKEN}","type":"{TOKEN}","actor":{{"email":"{TOKEN}"}},
                "data":"{TOKEN}"}}]"#
        );
        self.world.heroku.fault(Match::any(), Fault::body(200, "application/json", event));
        self.run("sync --dry-run --date 2024-06-01", 0);
    }

    /// An archive's address alone gives access to the archive.
    fn archives(&mut self) {
        self.secrets.push(disguises(ARCHIVE_KEY));
        self.world.heroku.make_archive("acme", SEPTEMBER);
        self.world
            .heroku
            .change_archive("acme", SEPTEMBER, |archive| archive.key = ARCHIVE_KEY.into());
        let violations = self.world.heroku.violations();
        let backfill = "backfill --via archive --from 2024-09-28 --to 2024-09-28";
        for (fault, times) in [
            (Fault::status(403, "expired", ARCHIVE_KEY), 2),
            (Fault::storage(403, ARCHIVE_KEY, &format!("no {ARCHIVE_KEY} for {TOKEN}")), 2),
            (Fault::storage(503, ARCHIVE_KEY, &format!("no {ARCHIVE_KEY} for {TOKEN}")), 3),
            (Fault::CutBody { after_bytes: 0 }, 3),
            (Fault::EndBody { after_bytes: 100 }, 3),
            (Fault::body(200, "text/plain", ARCHIVE_KEY), 3),
            (Fault::Redirect { location: format!("ftp://127.0.0.1/{ARCHIVE_KEY}") }, 1),
            (Fault::Redirect { location: format!("/{ARCHIVE_KEY}") }, 4),
        ] {
            self.world.heroku.fault(Match::download().times(times), fault);
            self.run(backfill, 1);
        }
        self.run(backfill, 0);
        self.run("reconcile --month 2024-09", 1);
        assert_eq!(
            self.world.heroku.violations(),
            violations,
            "no token goes to the archive's host"
        );
    }

    fn commands(&mut self) {
        self.run(
            &format!("status --days {}", (yesterday() - date("2024-07-01")).num_days() + 9),
            0,
        );
        self.run(&format!("reset --source acme {} --reason why", self.day), 0);
        for (arguments, status) in
            [("cleanup", 0), ("migrate", 0), ("migrate --dry-run", 0), ("sync --dry-run", 0)]
        {
            self.run(arguments, status);
        }
    }

    fn places(&mut self) {
        let plain = serve(|_, _| http("200 OK", "", "[]"));
        let echoing = serve(|_, _| {
            let header = format!("Request-Id: {TOKEN}\r\n{TOKEN}: {TOKEN}\r\n");
            http("403 Forbidden", &header, &format!(r#"{{"id":"{TOKEN}"}}"#))
        });
        for url in [plain.replace("http://", "https://"), "http://127.0.0.1:1".to_owned(), echoing]
        {
            let retry = "[retry]\ninitial_interval = \"5ms\"\nmax_attempts = 2\n";
            self.world.write_file(&format!("[api]\nbase_url = \"{url}\"\n{retry}{ACME}"));
            self.sync(vec![], 1);
        }
    }

    fn mistakes(&mut self) {
        for file in [
            ACME.replace("HEROKU_API_TOKEN", TOKEN),
            ACME.replace("token_env", "token"),
            format!("{ACME}token = \"{TOKEN}\"\n"),
            format!("[api]\nbase_url = \"https://user:{PASSWORD}@api.heroku.com\"\n{ACME}"),
            format!("[database]\nurl_env = \"{}\"\n{ACME}", with_password(&self.world)),
        ] {
            self.world.write_file(&file);
            self.run("sync", 2);
        }
        self.world.write_config(ACME);
        for token in [
            "",
            "a b",
            "Bearer HRKU-canary+Zq7/xW9=vT3~pL5%kk",
            "HRKU-canary+Zq7/xW9=vT3~pL5%kk\nx",
        ] {
            self.world.set("HEROKU_API_TOKEN", token);
            self.run("sync", 2);
        }
        self.world.unset("HEROKU_API_TOKEN");
        self.run("sync", 2);
        self.world.set("HEROKU_API_TOKEN", TOKEN);
        let good = with_password(&self.world);
        for (url, status) in [
            (format!("postgres://me:{PASSWORD}@127.0.0.1:1/d"), 3),
            (format!("postgres://me:{PASSWORD}@127.0.0.1:port/d"), 2),
            (format!("mysql://me:{PASSWORD}@127.0.0.1/d"), 2),
            (format!("me:{PASSWORD}@127.0.0.1/d"), 2),
            (good.replace(self.world.database.name(), "no_such_database"), 3),
        ] {
            self.world.set("DATABASE_URL", &url);
            self.run("status", status);
        }
        let (url, bad) =
            (with_password(&self.world), format!("postgres://me:{PASSWORD}@127.0.0.1:port/d"));
        self.run(&format!("status --database-url {url}"), 0);
        self.run(&format!("status --database-url {bad}"), 2);
        for arguments in [
            format!("postgres://me:{PASSWORD}@127.0.0.1/d"),
            format!("sync postgres://me:{PASSWORD}@127.0.0.1/d"),
            format!("sync --date postgres://me:{PASSWORD}@127.0.0.1/d"),
            format!("sync --{TOKEN}"),
            format!("sync {TOKEN}"),
            format!("sync --source {TOKEN}"),
            format!("sync -c {TOKEN}"),
        ] {
            self.run(&arguments, 2);
        }
    }
}

#[test]
fn no_token_or_password_is_in_any_output_log_or_row_in_any_form() {
    let search = |form| {
        let mut canary = Canary::new(form);
        canary.answers();
        canary.teams();
        canary.archives();
        canary.commands();
        canary.places();
        canary.mistakes();
        assert_clean("the database", &canary.world.dump(), &canary.secrets);
        canary.runs
    };
    // In parallel, because the program waits for a database that is unreachable.
    let runs: usize = std::thread::scope(|threads| {
        let forms = FORMATS.into_iter().flat_map(|format| [(format, "text"), (format, "json")]);
        let searches: Vec<_> = forms.map(|form| threads.spawn(move || search(form))).collect();
        searches.into_iter().map(|search| search.join().expect("nothing was found")).sum()
    });
    crate::support::note(&format!("{runs} runs were searched"));
}

#[test]
fn the_search_for_secrets_finds_them() {
    let secrets = [disguises(TOKEN)];
    let percent = "HRKU-canary%2BZq7%2FxW9%3DvT3~pL5%25kk".to_owned();
    let mut texts = vec![format!("x{TOKEN}y"), hex::encode(TOKEN), percent];
    for before in ["", ":", "a:", "abc:", "Bearer "] {
        texts.push(STANDARD.encode(format!("{before}{TOKEN}")));
        texts.push(URL_SAFE.encode(format!("{before}{TOKEN}@host")));
    }
    for text in texts {
        let found = std::panic::catch_unwind(|| assert_clean("here", &text, &secrets));
        assert!(found.is_err(), "{text}");
    }
}

#[test]
fn a_proxy_does_not_get_the_token_for_a_heroku_on_this_machine() {
    let mut world = World::new(ACME);
    let proxy = world.heroku.archive_url_base();
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"] {
        world.set(name, &proxy);
    }
    let report = world.sync("--date 2024-09-28", 0);
    assert_eq!(day(&report, "acme", DAY)["retries"], 0);
    assert_eq!(world.heroku.violations(), [""; 0]);
}

#[test]
fn heroku_s_messages_can_not_steer_a_terminal_in_any_log_or_report() {
    // Escaped and unescaped: JSON allows all except the first two in a string.
    let nasty =
        "\\u001b[2J\\n\\r\\u0007\\u009b31m\\u007f\\u202ex\u{9b}31m\u{7f}\u{202e}\u{2066}\u{2028}y";
    let event = format!(
        r#"{{"id":"e{nasty}","type":"t{nasty}","action":"\u009b","actor":{{"email":"a{nasty}"}}}}"#
    );
    for (format, output) in
        FORMATS.into_iter().flat_map(|format| [(format, "text"), (format, "json")])
    {
        let world = World::new(&format!("[events]\nlog = \"full\"\n{ACME}"));
        let refusal = format!(r#"{{"id":"i{nasty}","message":"m{nasty}"}}"#);
        world.heroku.put_day(
            "acme",
            date("2024-09-26"),
            vec![Bytes::from(event.clone()), Bytes::from(event.replace(r#""t"#, r#""u"#))],
        );
        world.heroku.fault(
            Match::events("acme").day(date("2024-09-27")),
            Fault::body(403, "text/plain", refusal),
        );
        let warning = Fault::Header {
            name: "x-heroku-warning".into(),
            value: "w\u{9b}31m\u{202e}\tz".into(),
        };
        world.heroku.fault(Match::events("acme").day(date(DAY)), warning);
        let finished = world.run(&format!(
            "--from 2024-09-26 --to 2024-09-28 -vv --log-format {format} --output {output}"
        ));
        assert_eq!(finished.status, 1, "{finished:#?}");
        for text in [&finished.stdout, &finished.stderr] {
            assert_eq!(text.chars().find(|c| steers(*c)), None, "{format}, {output}: {text}");
        }
        assert!(finished.stderr.contains("Heroku warns"), "{finished:#?}");
        let beginning = match format {
            "text" => "20",
            "logfmt" => "ts=20",
            _ => "{\"timestamp\":",
        };
        for line in finished.stderr.lines() {
            assert!(line.starts_with(beginning), "a line of its own: {line:?}");
        }
        if format == "json" {
            let mut lines = finished.stderr.lines().map(|line| {
                serde_json::from_str::<serde_json::Value>(line)
                    .unwrap_or_else(|error| panic!("{error}: {line}"))
            });
            let logged =
                lines.find(|line| line["message"] == "new event").expect("the event's line");
            assert_eq!(logged["event"], event, "escaped, but the same");
        }
        assert_eq!(
            world.sql("SELECT count(*) FROM audit_events WHERE process_date = '2024-09-26'"),
            "1"
        );
        assert_eq!(world.sql("SELECT count(*) FROM audit_event_conflicts"), "1");
    }
}
