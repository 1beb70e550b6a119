//! Where the time of a day goes: in the program, and in each statement according to the server.

use crate::Result;
use crate::stage::{PAGES, Stage, day};
use crate::table::{Table, mib};

/// The time of each statement. Planning counts separately: behind a pooler, the server plans every
/// statement each time.
const STATEMENTS: &str = "
    SELECT left(regexp_replace(regexp_replace(query, '--[^\n]*\n', '', 'g'), '\\s+', ' ', 'g'), 60),
           calls, round(total_exec_time), round(total_plan_time), round(wal_bytes / 1048576.0, 1)
    FROM pg_stat_statements
    WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND total_exec_time + total_plan_time > 1
    ORDER BY total_exec_time + total_plan_time DESC
    LIMIT 12";

const WAL: &str = "
    SELECT round(wal_bytes / 1048576.0, 1) || ' MiB of WAL, '
           || wal_sync || ' syncs that took ' || round(wal_sync_time) || ' ms, '
           || wal_write || ' writes that took ' || round(wal_write_time) || ' ms'
    FROM pg_stat_wal";

pub(crate) fn measure(table: &mut Table, events: usize) -> Result<()> {
    let stage = Stage::new(&["acme".to_owned()])?;
    stage.heroku.set_paging(PAGES);
    stage.heroku.generate_day("acme", day(), events);
    stage.heroku.put_day("acme", day(), stage.heroku.day("acme", day()));
    let count = "ALTER SYSTEM SET track_wal_io_timing = on;
                 ALTER SYSTEM SET pg_stat_statements.track_planning = on;
                 SELECT pg_reload_conf();
                 CREATE EXTENSION pg_stat_statements;
                 SELECT pg_stat_reset_shared('wal')";
    stage.migrated("profiled")?;
    stage.cluster.psql("profiled", count)?;
    let taken = stage.run("profiled", &["--date", &day().to_string()])?;
    println!("| statement | calls | ms | of planning | MiB of WAL |\n|---|---|---|---|---|");
    for row in stage.cluster.psql("profiled", STATEMENTS)?.lines() {
        println!("| {} |", row.replace('|', " | "));
    }
    println!();
    let figure =
        format!("{:.2?}, {:.2?} of processor, {}", taken.wall, taken.cpu, mib(taken.peak_kib));
    table.row(format!("a day of {events} events, profiled"), figure, "");
    table.note(stage.cluster.psql("profiled", WAL)?);
    Ok(())
}
