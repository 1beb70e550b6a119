//! How far a run is: live lines on a terminal, and else a line in the log now and then.
//!
//! The live lines are drawn on stderr, and only where that is a terminal; a log line clears them, is written above, and
//! has them drawn again.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use tracing::info;

use crate::logging::Verbosity;
use crate::text::clean;

/// How often the log tells how far a run is.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// How often the live lines are drawn.
const DRAWN_EVERY: Duration = Duration::from_millis(100);

/// The live lines of this process, which log lines must not run into.
static LINES: OnceLock<MultiProgress> = OnceLock::new();

/// How far a run is; see the module.
#[derive(Debug)]
pub struct Progress {
    days: u64,
    done: AtomicU64,
    begun: Instant,
    told: Mutex<Instant>,
    live: Option<(MultiProgress, ProgressBar)>,
}

/// A live line, which disappears when this is dropped.
#[derive(Debug)]
pub struct Line(Option<ProgressBar>);

impl Progress {
    /// A run that has `days` before it. Nothing is drawn where `verbosity` is quiet or stderr is no terminal.
    pub fn new(days: usize, verbosity: Verbosity) -> Arc<Self> {
        let begun = Instant::now();
        let live = (!verbosity.quiet && days > 0 && std::io::stderr().is_terminal()).then(|| {
            let lines = LINES.get_or_init(MultiProgress::new).clone();
            let total = lines.add(ProgressBar::new(days as u64));
            let noun = if days == 1 { "day" } else { "days" };
            let template =
                format!("{{pos}} of {{len}} {noun}  {{bar:24}}  {{elapsed}} so far{{left}}");
            total.set_style(style(&template).with_key("left", time_left));
            total.enable_steady_tick(DRAWN_EVERY);
            (lines, total)
        });
        Arc::new(Self {
            days: days as u64,
            done: AtomicU64::new(0),
            begun,
            told: Mutex::new(begun),
            live,
        })
    }

    /// A live line for what is in flight, called `name`; `tell` says what it is about just now.
    pub fn line(
        &self,
        mut name: String,
        tell: impl Fn() -> String + Clone + Send + Sync + 'static,
    ) -> Line {
        name = clean(&name);
        Line(self.live.as_ref().map(|(lines, total)| {
            let line = lines.insert_before(total, ProgressBar::new_spinner());
            let tell = move |_: &ProgressState, w: &mut dyn std::fmt::Write| {
                _ = w.write_str(&clean(&tell()));
            };
            line.set_style(style("{spinner} {prefix}  {now}").with_key("now", tell));
            line.set_prefix(name);
            line.enable_steady_tick(DRAWN_EVERY);
            line
        }))
    }

    /// Notes that so many `days` are done, and tells now and then.
    pub fn done(&self, days: usize) {
        let done = self.done.fetch_add(days as u64, Ordering::Relaxed) + days as u64;
        if let Some((_, total)) = &self.live {
            total.set_position(done);
            return;
        }
        let mut told = self.told.lock().expect("no panic while locked");
        if told.elapsed() < TOLD_EVERY || done >= self.days {
            return;
        }
        *told = Instant::now();
        let rate = done as f64 / self.begun.elapsed().as_secs_f64();
        let left = Duration::from_secs(((self.days - done) as f64 / rate).ceil() as u64);
        info!(
            target: "auditsync",
            done,
            days = self.days,
            days_per_second = format!("{rate:.1}"),
            time_left = %humantime::format_duration(left),
            "progress"
        );
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((lines, total)) = &self.live {
            total.finish_and_clear();
            let _ = lines.clear();
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if let Some(line) = &self.0 {
            line.finish_and_clear();
        }
    }
}

/// Writes to stderr, out of the way of the live lines.
pub(super) fn beside_lines<T>(write: impl FnOnce() -> T) -> T {
    match LINES.get() {
        Some(lines) => lines.suspend(write),
        None => write(),
    }
}

/// The time that is left, once there is a day to tell it by.
fn time_left(state: &ProgressState, w: &mut dyn std::fmt::Write) {
    if state.pos() > 0 {
        let _ = write!(w, ", {:#} left", indicatif::HumanDuration(state.eta()));
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("a template of ours").progress_chars("##-")
}
