//! Temporary trouble of the database, and when it ends.

use std::process::Child;
use std::time::{Duration, Instant};

use pg_cluster::Shutdown;

use crate::time;
use crate::world::World;

/// How long to try to end the trouble.
const LONGEST: Duration = Duration::from_mins(1);

#[derive(Debug, Default)]
pub(crate) struct Trouble {
    /// When the server starts again, answers again and accepts writes again.
    away_until: Option<Instant>,
    frozen_until: Option<Instant>,
    read_only_until: Option<Instant>,
    /// The sessions that hold locks. Each ends by itself.
    lockers: Vec<Child>,
}

impl Trouble {
    pub(crate) fn stop(&mut self, world: &World, shutdown: Shutdown, time: Duration) {
        world.cluster.stop(shutdown).expect("the server stops");
        self.away_until = Some(Instant::now() + time);
    }

    pub(crate) fn freeze(&mut self, world: &World, time: Duration) {
        world.proxy.set_paused(true);
        self.frozen_until = Some(Instant::now() + time);
    }

    pub(crate) fn lock(&mut self, world: &World, (table, mode): (&str, &str), time: Duration) {
        self.lockers.extend(world.lock(table, mode, time));
    }

    pub(crate) fn refuse_writes(&mut self, world: &World, time: Duration) {
        world.set_read_only(true);
        self.read_only_until = Some(Instant::now() + time);
    }

    /// Ends what has lasted its time; true if something ended.
    pub(crate) fn pass(&mut self, world: &World) -> bool {
        let is_due = |until: &Option<Instant>| until.is_some_and(|until| until <= Instant::now());
        let mut passed = false;
        if is_due(&self.away_until) {
            self.away_until = None;
            world.cluster.start().expect("the server starts again");
            passed = true;
        }
        if is_due(&self.frozen_until) {
            self.frozen_until = None;
            world.proxy.set_paused(false);
            passed = true;
        }
        if is_due(&self.read_only_until) && world.set_read_only(false) {
            self.read_only_until = None;
            passed = true;
        }
        passed
    }

    /// Whether all trouble except locks has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.away_until.is_none() && self.frozen_until.is_none() && self.read_only_until.is_none()
    }

    /// Ends all trouble.
    pub(crate) fn end(&mut self, world: &World) {
        if self.away_until.take().is_some() {
            world.cluster.start().expect("the server starts again");
        }
        self.frozen_until = None;
        world.proxy.set_paused(false);
        self.lockers.iter_mut().for_each(|locker| _ = locker.wait());
        let begun = Instant::now();
        while !world.set_read_only(false) && begun.elapsed() < LONGEST {
            time::pause(Duration::from_millis(10));
        }
        self.read_only_until = None;
    }
}
