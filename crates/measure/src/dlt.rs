//! dlt, a common tool for loading such lists: its merge by a key, installed once into its own
//! folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Result;
use crate::day::expect;
use crate::process::{self, Taken};
use crate::stage::{Stage, TOKEN, day};

const SCRIPT: &str = r#"
import json, os, dlt
from dlt.sources.helpers import requests

@dlt.resource(name="events", primary_key="id", write_disposition="merge", max_table_nesting=0)
def events():
    url = f"{os.environ['URL']}/enterprise-accounts/acme/events"
    asked = {"day": os.environ["DAY"], "order": "asc"}
    headers = {
        "Authorization": f"Bearer {os.environ['TOKEN']}",
        "Accept": "application/vnd.heroku+json; version=3",
    }
    following = "id ..; max=1000"
    while following:
        answer = requests.get(url, params=asked, headers={**headers, "Range": following})
        # Its integers end at 64 bits, JSON's do not.
        yield [{**event, "data": json.dumps(event.get("data"))} for event in answer.json()]
        following = answer.headers.get("Next-Range")

destination = dlt.destinations.postgres(os.environ["DATABASE_URL"])
dlt.pipeline(
    "measure",
    destination=destination,
    dataset_name="audit",
    pipelines_dir=os.environ["FOLDER"],
).run(events())
"#;

/// A Python with dlt.
#[derive(Debug)]
pub(crate) struct Installed {
    python: PathBuf,
    version: String,
}

impl Installed {
    /// Find it where an earlier run left it, or install it. The error says why neither is possible.
    pub(crate) fn find() -> std::result::Result<Self, String> {
        let folder = std::env::temp_dir().join("auditsync-measure-dlt");
        let python = folder.join("bin/python");
        let failed = |what: &str| format!("{what} failed");
        if !python.is_file() {
            eprintln!("installing dlt into {}", folder.display());
            quiet(Command::new("python3").args(["-m", "venv"]).arg(&folder))
                .ok_or_else(|| failed("python3 -m venv"))?;
        }
        let ask = || {
            quiet(
                Command::new(&python).args(["-c", "import dlt, psycopg2; print(dlt.__version__)"]),
            )
        };
        if ask().is_none() {
            let mut pip = Command::new(&python);
            quiet(pip.args(["-m", "pip", "install", "--quiet", "dlt[postgres]"]))
                .ok_or_else(|| failed("pip install dlt[postgres]"))?;
        }
        let version = ask().ok_or_else(|| failed("import dlt"))?.trim().to_owned();
        Ok(Self { python, version })
    }

    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Load the day into a new, empty database.
    pub(crate) fn load(&self, stage: &Stage, database: &str, events: usize) -> Result<Taken> {
        stage.cluster.create_database(database)?;
        let (script, work) =
            (stage.folder.path().join("load.py"), stage.folder.path().join(database));
        fs::write(&script, SCRIPT)?;
        // dlt requires a password, even if the server does not.
        let port = stage.cluster.port().ok_or("the cluster has no port")?;
        let url = format!("postgresql://postgres:none@127.0.0.1:{port}/{database}");
        let mut command = Command::new(&self.python);
        command
            .arg(&script)
            .env("URL", stage.heroku.url())
            .env("DAY", day().to_string())
            .env("TOKEN", TOKEN);
        command
            .env("DATABASE_URL", url)
            .env("FOLDER", &work)
            .env("RUNTIME__DLTHUB_TELEMETRY", "false");
        let taken = process::run(&command)?;
        expect(stage, database, "audit.events", events)?;
        stage.drop_database(database)?;
        remove(&work);
        Ok(taken)
    }
}

/// The output of a command that succeeds.
fn quiet(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn remove(folder: &Path) {
    let _ = fs::remove_dir_all(folder);
}
