//! A run with nothing due, the size of the program, and the time from its start to its first
//! request.

use std::io::Read as _;
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::process::Taken;
use crate::stage::Stage;
use crate::table::{Table, median, mib};
use crate::{Result, process, trips};

/// These take milliseconds, so more runs are affordable.
const TIMES_AS_MANY_RUNS: usize = 7;

pub(crate) fn measure(table: &mut Table, runs: usize) -> Result<()> {
    let accounts = ["acme".to_owned()];
    let stage = Stage::new(&accounts)?;
    stage.heroku.change(|model| model.generate_every_day("acme", 5));
    stage.migrated("fresh")?;
    stage.cluster.create_database_from("idle", "fresh")?;
    stage.run("idle", &[])?;
    stage.heroku.forget_requests();

    let mut taken = Vec::new();
    for _ in 0..runs * TIMES_AS_MANY_RUNS {
        taken.push(stage.run("idle", &[])?);
    }
    let Taken { wall, peak_kib, .. } = Taken::median(&taken);
    let (port, counted) =
        trips::count_before(stage.cluster.port().ok_or("the cluster has no port")?)?;
    let mut command = stage.auditsync("idle", &[]);
    command.env("DATABASE_URL", format!("postgres://postgres@127.0.0.1:{port}/idle"));
    process::run(&command)?;
    let requests = stage.heroku.requests().len();
    let (trips, connections) =
        (counted.trips.load(Ordering::Relaxed), counted.connections.load(Ordering::Relaxed));
    table.row(
        "a run with nothing due",
        format!("**{:.1} ms**, {}", millis(wall), mib(peak_kib)),
        "≤ 60 ms",
    );
    table.row(
        "… its round trips to the database; its requests",
        format!(
            "**{trips}** on {connections} connections, including those to connect; **{requests}**"
        ),
        "≤ 4; none",
    );

    let size = process::auditsync().metadata()?.len() as f64 / 1024.0 / 1024.0;
    let mut starts = Vec::new();
    for _ in 0..runs * TIMES_AS_MANY_RUNS {
        starts.push(start(&stage, &accounts)?);
    }
    table.row("the stripped binary", format!("**{size:.1} MiB**"), "≤ 12 MiB");
    table.row(
        "from the process's start to its first request",
        format!("**{:.1} ms**", millis(median(starts))),
        "≤ 100 ms",
    );
    Ok(())
}

/// Start the program on a database where yesterday is due, and wait for its first request.
fn start(stage: &Stage, accounts: &[String]) -> Result<Duration> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    stage.configure(accounts, &format!("http://{}", listener.local_addr()?))?;
    stage.cluster.create_database_from("start", "fresh")?;
    let begun = Instant::now();
    let program =
        stage.auditsync("start", &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let mut program = Ended(program);
    let (mut connection, _) = listener.accept()?;
    connection.read_exact(&mut [0])?;
    let took = begun.elapsed();
    program.end();
    stage.cluster.terminate_backends("start")?;
    stage.cluster.psql("postgres", "DROP DATABASE start WITH (FORCE)")?;
    Ok(took)
}

/// A process that is killed when this value is dropped.
struct Ended(Child);

impl Ended {
    fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.end();
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
