//! The chaos test: real processes on one database and one fake Heroku are killed, stopped, resumed
//! and cut off at random moments. Each round ends with a check of what must hold in any case.
//!
//! ```text
//! cargo test --test chaos                                  about 20 seconds
//! cargo test --test chaos -- --rounds 1000 --seed 42       as long as it takes
//! cargo test --test chaos -- --seed 42 --only 17           that round alone
//! ```
//!
//! The seed determines what is tried and when. The result also depends on the machine's scheduling.

mod database;
mod events;
mod figures;
mod history;
mod options;
mod plan;
mod process;
#[path = "../suite/support/proxy.rs"]
#[expect(dead_code, reason = "the suite strikes at steps, which is not done here")]
mod proxy;
mod reports;
mod round;
mod time;
mod trouble;
mod truth;
mod world;

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use figures::Figures;
use options::Options;
use world::World;

/// More failures than this add no information.
const MOST_FAILURES: u32 = 10;
/// The time between two lines of progress.
const PROGRESS_EVERY: Duration = Duration::from_secs(15);

/// What the lanes share.
struct Progress {
    begun: Instant,
    next_round: AtomicU32,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    figures: Figures,
    passed: u32,
    failed: u32,
    shown: Duration,
}

fn main() -> ExitCode {
    let options = match Options::from_args(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => return ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            return ExitCode::from(2);
        }
    };
    println!(
        "chaos: {} rounds in {} lanes, --seed {}",
        options.rounds(),
        options.lanes,
        options.seed
    );
    let progress = Progress {
        begun: Instant::now(),
        next_round: AtomicU32::new(options.first()),
        state: Mutex::new(State::default()),
    };
    std::thread::scope(|scope| {
        for lane in 0..options.lanes {
            let (options, progress) = (&options, &progress);
            scope.spawn(move || work(lane, options, progress));
        }
    });
    let Progress { begun, state, .. } = progress;
    let State { figures, passed, failed, .. } = state.into_inner().expect("no lane panicked");
    let took = begun.elapsed().as_secs_f64();
    print!("{}", figures.table(passed + failed, took));
    println!("{passed} passed, {failed} failed");
    if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Plays rounds, one after the other, until none is left.
fn work(lane: u32, options: &Options, progress: &Progress) {
    let world = World::start(lane);
    loop {
        let number = progress.next_round.fetch_add(1, Ordering::Relaxed);
        let over = options.limit.is_some_and(|limit| progress.begun.elapsed() > limit);
        if number >= options.end()
            || over
            || progress.state.lock().expect("no lane panicked").failed > MOST_FAILURES
        {
            return;
        }
        let played = round::play(&world, options.seed, number);
        let mut state = progress.state.lock().expect("no lane panicked");
        state.figures.add(&played.figures);
        if let Some(account) = played.failure {
            state.failed += 1;
            println!("round {number} of --seed {} FAILED\n{account}", options.seed);
        } else {
            state.passed += 1;
        }
        let elapsed = progress.begun.elapsed();
        if elapsed >= state.shown + PROGRESS_EVERY {
            state.shown = elapsed;
            let (passed, failed) = (state.passed, state.failed);
            println!(
                "{:>6.0}s  {passed} passed, {failed} failed; {}",
                elapsed.as_secs_f64(),
                state.figures
            );
        }
    }
}
