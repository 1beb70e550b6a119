//! SIGTERM, SIGHUP and Ctrl-C: the first ends the work in order, the second at once.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::failure::ExitStatus;

/// Told when the process is to end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shutdown {
    asked: CancellationToken,
    first: Arc<OnceLock<(u8, Instant)>>,
}

/// Heroku may send SIGTERM several times on end; such a repetition is no second order.
const ONE_ORDER: Duration = Duration::from_secs(1);

impl Shutdown {
    /// Listens from now on.
    pub(crate) fn listen() -> std::io::Result<Self> {
        let shutdown = Self::default();
        let mut kinds = vec![SignalKind::terminate(), SignalKind::interrupt()];
        // Under `nohup` a hangup is to be ignored, and to listen for it would take that back.
        if !ignores_hangup() {
            kinds.push(SignalKind::hangup());
        }
        for kind in kinds {
            let mut signals = signal(kind)?;
            let shutdown = shutdown.clone();
            tokio::spawn(async move {
                while signals.recv().await.is_some() {
                    shutdown.note(kind.as_raw_value() as u8);
                }
            });
        }
        Ok(shutdown)
    }

    fn note(&self, number: u8) {
        let (first, at) = *self.first.get_or_init(|| (number, Instant::now()));
        if !self.asked.is_cancelled() {
            tracing::warn!(
                signal = number,
                "ending: every lease is given back; a second signal ends at once"
            );
            self.asked.cancel();
        } else if first != number
            || number != SignalKind::terminate().as_raw_value() as u8
            || at.elapsed() > ONE_ORDER
        {
            // Nothing may wait any longer; leases that are still held run out by themselves.
            std::process::exit(i32::from(128 + number));
        }
    }

    /// Whether the process is to end.
    pub(crate) fn is_asked(&self) -> bool {
        self.asked.is_cancelled()
    }

    /// Resolves when the process is to end.
    pub(crate) async fn asked(&self) {
        self.asked.cancelled().await;
    }

    /// Resolves when the process was to end so long ago. All deadlines count from the signal
    /// itself.
    pub(crate) async fn overdue(&self, by: Duration) {
        self.asked().await;
        if let Some((_, at)) = self.first.get() {
            tokio::time::sleep_until(*at + by).await;
        }
    }

    /// The exit status that tells of the signal, if there was one.
    pub(crate) fn exit_status(&self) -> Option<ExitStatus> {
        self.first.get().map(|(number, _)| 128 + number)
    }
}

/// Whether this process was started with SIGHUP ignored, where the system tells (proc(5),
/// `SigIgn`).
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    mask >> (SignalKind::hangup().as_raw_value() - 1) & 1 == 1
}
