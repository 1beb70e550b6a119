//! Planning and `status`, over ten years of a thousand sources.

use crate::Result;
use crate::process::Taken;
use crate::stage::Stage;
use crate::table::{Table, median, mib};

/// The number of days of each source.
pub(crate) const DAYS: usize = 3650;

const SOURCES: usize = 1000;

/// Complete days up to yesterday. A day that a recheck will read again has not settled.
const LEDGER: &str = "
    INSERT INTO audit_events_log (source, process_date, status, events_count, attempt, digest,
                                  scope, synced_at, settled_at)
    SELECT source, date, 'SUCCESS', 5, 1, sha256(''), jsonb_build_object('account', source),
           synced_at, CASE WHEN back >= 4 THEN synced_at END
    FROM (
        SELECT back, 'acme-' || lpad(n::text, 4, '0') AS source,
               (now() AT TIME ZONE 'UTC')::date - back AS date,
               ((now() AT TIME ZONE 'UTC')::date - back + 1)::timestamp AT TIME ZONE 'UTC'
                   + least(interval '3 days 1 hour', (back - 1) * interval '1 day') AS synced_at
        FROM generate_series(1, DAYS) AS back, generate_series(0, SOURCES - 1) AS n
    ) AS days;
    VACUUM ANALYZE audit_events_log;
    CREATE EXTENSION pg_stat_statements";

const ASKED: &str = "
    SELECT round(sum(total_exec_time)::numeric, 1), sum(calls)
    FROM pg_stat_statements
    WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND query LIKE '%audit_events_log%'
      AND query NOT LIKE '%pg_stat_%'";

pub(crate) fn measure(table: &mut Table, days: usize, runs: usize) -> Result<()> {
    let accounts: Vec<String> = (0..SOURCES).map(|number| format!("acme-{number:04}")).collect();
    let stage = Stage::new(&accounts)?;
    stage.migrated("planning")?;
    let ledger = LEDGER.replace("SOURCES", &SOURCES.to_string()).replace("DAYS", &days.to_string());
    stage.cluster.psql("planning", &ledger)?;
    let scans = || {
        let count = "SELECT pg_stat_clear_snapshot();
                     SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'audit_events_log'";
        stage.cluster.psql("planning", count)
    };
    let before = scans()?;
    let (mut plans, mut asked) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        stage.cluster.psql("planning", "SELECT pg_stat_statements_reset()")?;
        plans.push(stage.run("planning", &[])?);
        let figures = stage.cluster.psql("planning", ASKED)?;
        asked.push(figures.split('|').next().unwrap_or_default().parse::<f64>()?);
    }
    let requests = stage.heroku.requests().len();
    // A backend reports its scans when it ends.
    let full_scans = if scans()? == before { "no full scan" } else { "a full scan" };
    let rows = days * SOURCES;
    let Taken { wall, peak_kib, .. } = Taken::median(&plans);
    table.row(
        format!("planning over {rows} rows of the ledger, {SOURCES} sources, nothing due"),
        format!(
            "**{wall:.0?}** for the run, **{:.0} ms** of it in the database; {full_scans}; \
             {requests} requests; {}",
            median(asked),
            mib(peak_kib)
        ),
        "< 100 ms, no full scan",
    );
    let mut status = Vec::new();
    for _ in 0..runs {
        status.push(stage.run("planning", &["status", "--days", "30"])?);
    }
    let Taken { wall, peak_kib, .. } = Taken::median(&status);
    table.row("… `status` over them", format!("{wall:.2?}, {}", mib(peak_kib)), "");
    Ok(())
}
