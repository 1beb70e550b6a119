//! Synthetic events: the same account, date and position always give the same bytes.
//!
//! They fit Heroku's published schema and its documented event types. The content of `data` is
//! invented, because Heroku documents none. Shapes vary within the rules of JSON: null or absent
//! parts, other orders of keys, odd white space, escapes, text beyond ASCII, fractions of seconds,
//! and numbers that fit no machine type.

use std::fmt::Write as _;

use bytes::Bytes;
use chrono::{NaiveDate, TimeDelta};

/// The account that the events describe.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// The account's UUID.
    pub id: String,
    /// The account's name.
    pub name: String,
    /// Id and name of each team of the account.
    pub teams: Vec<(String, String)>,
}

/// The actor of every fifth event, which always creates an app. The filters of the examples select
/// it.
pub const FREQUENT_ACTOR: &str = "user@example.com";

const ACTORS: [&str; 6] = [
    FREQUENT_ACTOR,
    "anna.bauer@example.com",
    "j.o'neil+ops@example.org",
    "deploy-bot@example.net",
    "zoë@example.com",
    "李雷@example.org",
];

const APPS: [&str; 8] =
    ["storefront", "billing-api", "café-menu", "worker-eu", "data-lake", "проба", "rocket-🚀", "x"];

const ADDRESSES: [&str; 6] = [
    "203.0.113.10",
    "198.51.100.7",
    "192.0.2.254",
    "203.0.113.77",
    "2001:db8::8a2e:370:7334",
    "198.51.100.23",
];

/// The event types and actions of Heroku's audit trail documentation.
const KINDS: [(&str, &[&str]); 19] = [
    ("app", &["create", "destroy", "update"]),
    ("config_change", &["set", "remove"]),
    ("code_release", &["create"]),
    ("addon", &["attach", "create", "destroy", "detach", "update"]),
    ("collaborator", &["create", "destroy"]),
    ("domain", &["create", "destroy"]),
    ("app_transfer", &["create", "update"]),
    ("sni_endpoint", &["create", "destroy", "update"]),
    ("space", &["create", "destroy", "update"]),
    ("team_membership", &["create", "destroy", "update"]),
    ("team", &["destroy", "update"]),
    ("trusted_ip", &["update"]),
    ("heroku_config_change", &["update"]),
    ("applink_connection", &["create", "refresh", "destroy"]),
    ("applink_authorization", &["create", "refresh", "destroy"]),
    ("applink_app", &["publish"]),
    ("config_change", &["set"]),
    ("code_release", &["create"]),
    ("enterprise_account_membership", &["create", "destroy", "update"]),
];

/// Types that concern the entire account. Their events name no team.
const ACCOUNT_LEVEL: [&str; 3] =
    ["enterprise_account_membership", "trusted_ip", "heroku_config_change"];

/// A random number generator (`SplitMix64`) that gives the same numbers on every machine and in
/// every version.
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: &str) -> Self {
        // FNV-1a: a cryptographic hash of each event would make a large day slow.
        let hash = |number: u64, byte| (number ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(seed.bytes().fold(0xcbf2_9ce4_8422_2325, hash))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number less than `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    fn of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}

/// The UUID that belongs to this text.
pub fn uuid(text: &str) -> String {
    let mut dice = Dice::new(text);
    let (high, low) = (dice.next(), dice.next());
    let [a, b, c, d] = [high >> 32, high >> 16 & 0xffff, high & 0xfff, low >> 52];
    format!("{a:08x}-{b:04x}-4{c:03x}-8{d:03x}-{:012x}", low & 0xffff_ffff_ffff)
}

/// The event at `position` of the `count` events of a day. Times increase with the position.
pub fn event(issuer: &Issuer, date: NaiveDate, position: usize, count: usize) -> Bytes {
    let mut dice = Dice::new(&format!("{}/{date}/{position}", issuer.name));
    let number = dice.next();
    let id = format!("{:08x}-{:04x}-4000-8000-{position:012x}", number >> 32, number & 0xffff);

    let frequent = position.is_multiple_of(5);
    let (kind, actions) = if frequent { KINDS[0] } else { *dice.of(&KINDS) };
    let action = if frequent { "create" } else { *dice.of(actions) };

    let mut fields = vec![
        ("created_at", text(&instant(date, position, count, &mut dice))),
        ("id", text(&id)),
        ("type", text(kind)),
        ("action", text(action)),
    ];
    let mut part = |name, value: Option<String>, dice: &mut Dice| match value {
        Some(value) => fields.push((name, value)),
        None if dice.one_in(2) => fields.push((name, "null".to_owned())),
        None => {}
    };

    let account_level = ACCOUNT_LEVEL.contains(&kind);
    let email = if frequent { FREQUENT_ACTOR } else { *dice.of(&ACTORS) };
    let has_actor = frequent || !dice.one_in(20);
    part("actor", has_actor.then(|| person(email, &mut dice)), &mut dice);

    let team = (!issuer.teams.is_empty() && !account_level).then(|| dice.of(&issuer.teams));
    let has_app = !account_level && !matches!(kind, "team" | "team_membership" | "space");
    let app = *dice.of(&APPS);
    part(
        "app",
        has_app.then(|| named(&uuid(&format!("{}/{app}", issuer.name)), app, &mut dice)),
        &mut dice,
    );
    let owner = team
        .filter(|_| has_app)
        .map(|(_, name)| person(&format!("{name}@herokumanager.com"), &mut dice));
    part("owner", owner, &mut dice);
    part("enterprise_account", Some(named(&issuer.id, &issuer.name, &mut dice)), &mut dice);
    part("team", team.map(|(id, name)| named(id, name, &mut dice)), &mut dice);
    let request = match dice.below(12) {
        0 => None,
        1 => Some(object(&[("ip_address", "null".to_owned())], Layout::Compact)),
        _ => Some(object(&[("ip_address", text(dice.of::<&str>(&ADDRESSES)))], Layout::Compact)),
    };
    part("request", request, &mut dice);
    part("data", Some(data(kind, app, &mut dice)), &mut dice);

    if dice.one_in(15) {
        let by = dice.below(fields.len());
        fields.rotate_left(by);
    }
    let layout = match dice.below(20) {
        0 => Layout::Lines,
        1 => Layout::Tabs,
        2..=5 => Layout::Spaced,
        _ => Layout::Compact,
    };
    object(&fields, layout).into()
}

fn instant(date: NaiveDate, position: usize, count: usize, dice: &mut Dice) -> String {
    const DAY: usize = 24 * 60 * 60 * 1000;
    let start = position * DAY / count;
    let gap = ((position + 1) * DAY / count - start).max(1);
    let midnight = date.and_hms_opt(0, 0, 0).expect("midnight is a time");
    let at = midnight + TimeDelta::milliseconds((start + dice.below(gap)) as i64);
    let format = *dice.of(&["%FT%TZ", "%FT%TZ", "%FT%T%.3fZ", "%FT%T%.6fZ"]);
    at.format(format).to_string()
}

fn data(kind: &str, app: &str, dice: &mut Dice) -> String {
    let fields: Vec<(&str, String)> = match kind {
        "app" => {
            vec![("name", text(app)), ("region", text(dice.of::<&str>(&["us", "eu", "tokyo"])))]
        }
        "config_change" | "heroku_config_change" => {
            vec![("keys", r#"["DATABASE_URL","RAILS_ENV"]"#.to_owned())]
        }
        "code_release" => vec![
            ("version", dice.below(900).to_string()),
            // These exact escapes matter: JSON could write the slash and the surrogates in other
            // ways.
            ("description", r#""Deploy 1f3a\/9c \ud83d\ude80 \"hotfix\"""#.to_owned()),
        ],
        "addon" => vec![
            ("plan", text("heroku-postgresql:standard-0")),
            ("price_cents", "5.0e3".to_owned()),
        ],
        "space" | "trusted_ip" => {
            vec![("outbound_ips", "[]".to_owned()), ("limit", "18446744073709551616".to_owned())]
        }
        "enterprise_account_membership" | "team_membership" => {
            vec![
                ("permissions", r#"["view", "manage"]"#.to_owned()),
                ("federated", "false".to_owned()),
            ]
        }
        _ if dice.one_in(2) => {
            vec![("note", text("naïve “quote”\tand\ttabs\n")), ("empty", "{ }".to_owned())]
        }
        _ => vec![],
    };
    object(&fields, if dice.one_in(6) { Layout::Spaced } else { Layout::Compact })
}

fn person(email: &str, dice: &mut Dice) -> String {
    let email = ("email", text(email));
    let id = ("id", text(&uuid(&email.1)));
    if dice.one_in(8) {
        object(&[email, id], Layout::Spaced)
    } else {
        object(&[id, email], Layout::Compact)
    }
}

fn named(id: &str, name: &str, dice: &mut Dice) -> String {
    let layout = if dice.one_in(8) { Layout::Spaced } else { Layout::Compact };
    object(&[("id", text(id)), ("name", text(name))], layout)
}

fn text(text: &str) -> String {
    serde_json::to_string(text).expect("a string is JSON")
}

#[derive(Clone, Copy)]
enum Layout {
    Compact,
    Spaced,
    Tabs,
    Lines,
}

fn object(fields: &[(&str, String)], layout: Layout) -> String {
    let (open, colon, comma, close) = match layout {
        Layout::Compact => ("{", ":", ",", "}"),
        Layout::Spaced => ("{ ", ": ", ", ", " }"),
        Layout::Tabs => ("{\t", "\t:\t", "\t,\t", "}"),
        Layout::Lines => ("{\n  ", ": ", ",\n  ", "\n}"),
    };
    let mut out = String::from(open);
    for (position, (name, value)) in fields.iter().enumerate() {
        let comma = if position == 0 { "" } else { comma };
        write!(out, "{comma}\"{name}\"{colon}{value}").expect("a string takes all text");
    }
    out + close
}
