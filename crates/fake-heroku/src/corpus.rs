//! The content of the committed fixtures. `fake-heroku generate` writes them, and a test compares.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use bytes::Bytes;
use chrono::NaiveDate;
use serde_json::json;

use crate::archive::{self, Month};
use crate::model::{Directory, Model};

/// Account, date, number of events, and whether the file is compressed with gzip.
const DAYS: [(&str, &str, usize, bool); 6] = [
    ("acme", "2024-09-25", 12, false),
    ("acme", "2024-09-26", 7, false),
    ("acme", "2024-09-27", 2500, true),
    ("acme", "2024-09-28", 450, false),
    ("globex", "2024-09-28", 3, false),
    ("initech", "2024-09-28", 0, false),
];

/// Every file of the fixtures, by its path inside their folder.
pub fn files() -> BTreeMap<PathBuf, Bytes> {
    let mut model = Model { directory: directory(), ..Model::default() };
    let accounts =
        serde_json::to_string_pretty(&model.directory).expect("the directory is JSON") + "\n";
    let mut files = BTreeMap::from([(PathBuf::from("accounts.json"), Bytes::from(accounts))]);
    for (account, date, count, zipped) in DAYS {
        let date: NaiveDate = date.parse().expect("a date");
        model.generate_day(account, date, count);
        let events: Vec<Bytes> = model.day(account, date).events().collect();
        let json = if events.is_empty() {
            "[]\n".into()
        } else {
            [&b"[\n"[..], &events.join(&b",\n"[..]), b"\n]\n"].concat()
        };
        let path = format!("days/{account}/{date}.json");
        let (path, bytes) =
            if zipped { (path + ".gz", archive::gzip(&json)) } else { (path, json.into()) };
        files.insert(path.into(), bytes);
    }
    let september = Month { year: 2024, month: 9 };
    model.make_archive("acme", september);
    // A month without events, in another form that Heroku's archives have had: a bare list.
    model.put_archive("acme", Month { year: 2024, month: 8 }, archive::gzip(b"[]"));
    for ((account, month), archive) in &model.archives {
        let path = format!("archives/{account}/{}-{:02}.json.gz", month.year, month.month);
        files.insert(path.into(), archive.file.clone());
    }
    files
}

/// Write every file into a folder.
pub fn write(folder: &Path) -> io::Result<()> {
    for (path, bytes) in files() {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("a file lies in a folder"))?;
        fs::write(path, bytes)?;
    }
    Ok(())
}

/// Token, user, and the variable under which `fake-heroku serve` prints the token.
const TOKENS: [(&str, &str, &str); 6] = [
    ("HRKU-demo-acme-0001-not-a-secret", "audit@acme.example.com", "HEROKU_API_TOKEN"),
    ("HRKU-demo-acme-0002-not-a-secret", "audit@acme.example.com", "ACME_SECOND_TOKEN"),
    ("HRKU-demo-acme-viewer-not-a-secret", "viewer@acme.example.com", "ACME_VIEWER_TOKEN"),
    ("HRKU-demo-globex-0001-not-a-secret", "audit@globex.example.com", "GLOBEX_TOKEN"),
    ("HRKU-demo-initech-0001-not-a-secret", "audit@initech.example.com", "INITECH_TOKEN"),
    ("HRKU-demo-group-0001-not-a-secret", "group@example.com", "GROUP_TOKEN"),
];

/// The teams: three in enterprise accounts, and one in none.
fn teams() -> serde_json::Value {
    json!([
        {
            "id": "aaaaaaaa-1111-4000-8000-00000000000a",
            "name": "team-a",
            "enterprise_account": "acme"
        },
        {
            "id": "aaaaaaaa-1111-4000-8000-00000000000b",
            "name": "team-b",
            "enterprise_account": "acme"
        },
        {
            "id": "bbbbbbbb-1111-4000-8000-00000000000c",
            "name": "globex-ops",
            "enterprise_account": "globex"
        },
        {
            "id": "dddddddd-1111-4000-8000-00000000000d",
            "name": "hobby",
            "enterprise_account": null,
            "members": ["audit@acme.example.com"],
        },
    ])
}

fn directory() -> Directory {
    let member = |user, permissions: &[&str]| json!({ "user": user, "permissions": permissions });
    let manager = |user| member(user, &["view", "create", "manage"]);
    let user = |number: u32, email: &str| {
        let id = format!("eeeeeeee-0000-4000-8000-{number:012}");
        json!({ "id": id, "email": email })
    };
    let directory = json!({
        "users": [
            user(1, "audit@acme.example.com"),
            user(2, "viewer@acme.example.com"),
            user(3, "audit@globex.example.com"),
            user(4, "audit@initech.example.com"),
            user(5, "group@example.com"),
        ],
        "tokens": TOKENS.map(|(token, user, env)| {
            json!({ "token": token, "user": user, "env": env })
        }),
        "enterprise_accounts": [
            {
                "id": "aaaaaaaa-0000-4000-8000-000000000001",
                "name": "acme",
                "members": [
                    manager("audit@acme.example.com"),
                    member("viewer@acme.example.com", &["view"]),
                    manager("group@example.com"),
                ],
            },
            {
                "id": "bbbbbbbb-0000-4000-8000-000000000002",
                "name": "globex",
                "members": [manager("audit@globex.example.com"), manager("group@example.com")],
            },
            {
                "id": "cccccccc-0000-4000-8000-000000000003",
                "name": "initech",
                "members": [manager("audit@initech.example.com"), manager("group@example.com")],
            },
        ],
        "teams": teams(),
    });
    serde_json::from_value(directory).expect("the directory has its own form")
}
