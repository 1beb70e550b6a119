//! What the demo shows beside the program's own reports.

use std::error::Error;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use comfy_table::{Table, presets};
use sqlx::{Connection as _, PgConnection, Row as _};

use crate::stage::Stage;

const NEWEST: &str = "
    SELECT source, created_at, type || '.' || action AS what, actor_email, app_name,
           left(event::text, 24) || ' …' AS event
    FROM (
        SELECT *, row_number() OVER (PARTITION BY source ORDER BY created_at DESC) AS place
        FROM audit_events
    ) AS newest
    WHERE place <= 3
    ORDER BY source, created_at DESC";

/// The newest events of each source, as a table.
pub(crate) fn stored_events(url: &str) -> Result<String, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let rows = runtime.block_on(async {
        let mut connection = PgConnection::connect(url).await?;
        let rows = sqlx::query(NEWEST).fetch_all(&mut connection).await?;
        connection.close().await?;
        Ok::<_, sqlx::Error>(rows)
    })?;
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["SOURCE", "CREATED AT", "TYPE.ACTION", "ACTOR", "APP", "EVENT"]);
    for row in rows {
        let text = |name| row.try_get::<Option<String>, _>(name).map(Option::unwrap_or_default);
        let at: Option<DateTime<Utc>> = row.try_get("created_at")?;
        let at = at.map(|at| at.format("%F %T").to_string()).unwrap_or_default();
        table.add_row([
            text("source")?,
            at,
            text("what")?,
            text("actor_email")?,
            text("app_name")?,
            text("event")?,
        ]);
    }
    Ok(table.lines().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "{}", line.trim_end());
        text
    }))
}

/// Commands to try in another shell while the stage is up.
pub(crate) fn what_to_type(stage: &Stage) -> String {
    let mut text =
        String::from("\nEverything runs until Ctrl-C. In another shell, in this folder:\n\n");
    for (name, value) in stage.variables() {
        let _ = writeln!(text, "export {name}='{value}'");
    }
    text.push_str("cargo build\n\n");
    let reset = format!("reset --source team-a {}", stage.yesterday);
    for command in
        ["status", "--dry-run", &reset, "", "report --out report.html", "status --output json"]
    {
        let _ = writeln!(text, "{}", format!("target/debug/auditsync {command}").trim_end());
    }
    text
}
