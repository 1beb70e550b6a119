//! Random histories: days are claimed, written, published, counted again, failed, released, reset
//! and cleaned up in any order, by holders that lose their leases, wake up late and race each other,
//! while connections break between any two statements. Whatever happens, `verify` finds no problem
//! afterwards, because nobody but the program changed anything.
//!
//! ```text
//! cargo test --test histories                                   100 histories
//! cargo test --test histories -- --histories 10000 --seed 42    some minutes
//! cargo test --test histories -- --seed 42 --only 17            that history alone
//! ```
//!
//! The seed determines the steps of each history. How they meet those of others also depends on the
//! machine's scheduling.

mod breaker;
mod days;
mod options;
mod play;
mod start;
mod verdict;

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use breaker::Breaker;
use options::Options;
use play::{Figures, Lane};

/// How many histories are played before the next verification.
const BETWEEN_VERIFICATIONS: u32 = 2_000;

fn main() -> ExitCode {
    let options = match Options::from_args(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => return ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            return ExitCode::from(2);
        }
    };
    let Options { histories, lanes, seed, .. } = options;
    println!("histories: {histories} in {lanes} lanes, --seed {seed}");
    let begun = Instant::now();
    let database = start::adopted(options.end());
    let figures = Mutex::new(Figures::default());
    let mut next = options.first();
    while next < options.end() {
        let end = options.end().min(next + BETWEEN_VERIFICATIONS);
        play_all(&options, &database, next..end, &figures);
        next = end;
        let verdict = match verdict::of(&database) {
            Ok(verdict) => verdict,
            Err(problems) => {
                println!("FAILED with --seed {seed}\n{problems}");
                return ExitCode::FAILURE;
            }
        };
        let took = begun.elapsed().as_secs_f64();
        println!("{took:>6.0}s  {} histories: {verdict}", next - options.first());
    }
    let figures = figures.into_inner().expect("no lane panicked");
    print!("{figures}");
    ExitCode::SUCCESS
}

/// Plays these histories in all lanes, while connections break.
fn play_all(
    options: &Options,
    database: &pg_cluster::Database,
    numbers: std::ops::Range<u32>,
    figures: &Mutex<Figures>,
) {
    let next = AtomicU32::new(numbers.start);
    let _breaker = Breaker::start(database.url().to_owned());
    std::thread::scope(|scope| {
        for _ in 0..options.lanes {
            scope.spawn(|| {
                let mut lane = Lane::open(database.url());
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= numbers.end {
                        break;
                    }
                    lane.play(options.seed, number);
                }
                figures.lock().expect("no lane panicked").add(&lane.close());
            });
        }
    });
}
