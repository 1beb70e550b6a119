//! The progress of a run: live lines on a terminal, elsewhere a log line from time to time.
//!
//! Live lines are drawn only where stderr is a terminal. To write a log line, they are cleared and
//! drawn again below it.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use tracing::info;

use super::width::shortened;
use crate::text::clean;

/// How often to log the progress.
const LOGGED_EVERY: Duration = Duration::from_secs(10);

/// How often to draw the live lines.
const DRAWN_EVERY: Duration = Duration::from_millis(100);

/// The widest name of a live line. What a job waits for fits beside it on 80 columns.
const WIDEST_NAME: usize = 44;

/// The live lines of this process.
static LINES: OnceLock<MultiProgress> = OnceLock::new();

/// Whether a terminal on stderr shows live lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LiveLines {
    /// It does.
    Shown,
    /// It does not: `--quiet` was given, or the terminal can't draw a line again.
    Hidden,
}

/// The progress of a run.
#[derive(Debug)]
pub(crate) struct Progress {
    days: u64,
    done: AtomicU64,
    begun: Instant,
    logged_at: Mutex<Instant>,
    live: Option<(MultiProgress, ProgressBar)>,
}

/// A live line. It disappears when this value is dropped.
#[derive(Debug)]
pub(crate) struct LiveLine(Option<ProgressBar>);

impl Progress {
    /// The progress of a run that has `days` to do.
    pub(crate) fn new(days: usize, live_lines: LiveLines) -> Arc<Self> {
        let begun = Instant::now();
        let is_drawn =
            live_lines == LiveLines::Shown && days > 0 && std::io::stderr().is_terminal();
        let live = is_drawn.then(|| {
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
            logged_at: Mutex::new(begun),
            live,
        })
    }

    /// A live line for the fetch `name`. `describe` returns its present activity.
    pub(crate) fn line(
        &self,
        mut name: String,
        describe: impl Fn() -> String + Clone + Send + Sync + 'static,
    ) -> LiveLine {
        name = shortened(&clean(&name), WIDEST_NAME);
        LiveLine(self.live.as_ref().map(|(lines, total)| {
            let line = lines.insert_before(total, ProgressBar::new_spinner());
            let describe = move |_: &ProgressState, w: &mut dyn std::fmt::Write| {
                _ = w.write_str(&clean(&describe()));
            };
            line.set_style(style("{spinner} {prefix}  {now}").with_key("now", describe));
            line.set_prefix(name);
            line.enable_steady_tick(DRAWN_EVERY);
            line
        }))
    }

    /// Adds `days` that are done. Logs the progress from time to time.
    pub(crate) fn done(&self, days: usize) {
        let done = self.done.fetch_add(days as u64, Ordering::Relaxed) + days as u64;
        if let Some((_, total)) = &self.live {
            total.set_position(done);
            return;
        }
        let mut logged_at = self.logged_at.lock().expect("no panic while locked");
        if logged_at.elapsed() < LOGGED_EVERY || done >= self.days {
            return;
        }
        *logged_at = Instant::now();
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

impl Drop for LiveLine {
    fn drop(&mut self) {
        if let Some(line) = &self.0 {
            line.finish_and_clear();
        }
    }
}

/// Runs `write` while no live lines are drawn.
pub(super) fn suspend_live_lines<T>(write: impl FnOnce() -> T) -> T {
    match LINES.get() {
        Some(lines) => lines.suspend(write),
        None => write(),
    }
}

/// The remaining time, once a day is done to estimate it by.
fn time_left(state: &ProgressState, w: &mut dyn std::fmt::Write) {
    if state.pos() > 0 {
        let _ = write!(w, ", {:#} left", indicatif::HumanDuration(state.eta()));
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("a template of ours").progress_chars("##-")
}
