//! What the built program says of the database.

use std::process::Command;

use pg_cluster::Database;
use serde_json::Value;
use tempfile::TempDir;

const FILE: &str = "
[[source]]
name = \"any\"
account = \"any\"
token_env = \"TOKEN\"
";

/// Runs `verify`. Returns its figures; or its problems, and where the chain has a gap.
pub(crate) fn of(database: &Database) -> Result<String, String> {
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("audit.toml"), FILE).expect("a file");
    let output = Command::new(env!("CARGO_BIN_EXE_auditsync"))
        .args(["verify", "--output", "json"])
        .current_dir(folder.path())
        .env_clear()
        .env("DATABASE_URL", database.url())
        .env("TOKEN", "a token")
        .output()
        .expect("the program starts");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let Ok(report) = serde_json::from_str::<Value>(&stdout) else {
        return Err(format!("no report: {output:?}"));
    };
    let problems = report["problems"].as_array().map_or(1, Vec::len);
    if !output.status.success() || report["ok"] != true || problems > 0 {
        return Err(format!("{report:#}"));
    }
    let gaps = "SELECT count(*) || ' of ' || max(seq) FROM audit_seals";
    let seals = database.psql(gaps).expect("two counts");
    let (count, last) = seals.trim().split_once(" of ").expect("two counts");
    if count != last || report["seals_checked"].as_u64() != count.parse().ok() {
        return Err(format!("the chain has a gap: {count} seals up to {last}"));
    }
    Ok(format!(
        "{} seals, {} days, {} adopted days, {} events, {} of them unsealed: no problem",
        report["seals_checked"],
        report["days_checked"],
        report["days_baseline"],
        report["events_checked"],
        report["events_unsealed"]
    ))
}
