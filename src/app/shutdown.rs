//! SIGTERM, SIGHUP and Ctrl-C: the first one ends the work in order, the second one at once.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::failure::ExitStatus;

/// Knows whether a signal asked the process to end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shutdown {
    asked: CancellationToken,
    first: Arc<OnceLock<(u8, Instant)>>,
}

/// Heroku may send SIGTERM several times. Within this time, a repetition is not a second request.
const ONE_ORDER: Duration = Duration::from_secs(1);

impl Shutdown {
    /// Starts to listen.
    pub(crate) fn listen() -> std::io::Result<Self> {
        let shutdown = Self::default();
        let mut kinds = vec![SignalKind::terminate(), SignalKind::interrupt()];
        // `nohup` ignores SIGHUP. Listening for it would undo that.
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
                "the run ends and releases every lease; a second signal ends it at once"
            );
            self.asked.cancel();
        } else if first != number
            || number != SignalKind::terminate().as_raw_value() as u8
            || at.elapsed() > ONE_ORDER
        {
            // Nothing may wait any longer. Leases that are still held expire.
            std::process::exit(i32::from(128 + number));
        }
    }

    /// Whether a signal came.
    pub(crate) fn is_asked(&self) -> bool {
        self.asked.is_cancelled()
    }

    /// Resolves when a signal comes.
    pub(crate) async fn asked(&self) {
        self.asked.cancelled().await;
    }

    /// Resolves when the time `by` has passed since the signal.
    pub(crate) async fn overdue(&self, by: Duration) {
        self.asked().await;
        if let Some((_, at)) = self.first.get() {
            tokio::time::sleep_until(*at + by).await;
        }
    }

    /// The exit status for the signal, if one came.
    pub(crate) fn exit_status(&self) -> Option<ExitStatus> {
        self.first.get().map(|(number, _)| 128 + number)
    }
}

/// The number of the first signal that asks the process to end.
pub(super) async fn first_signal() -> std::io::Result<u8> {
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let hangup = async {
        if ignores_hangup() {
            std::future::pending::<()>().await;
        }
        signal(SignalKind::hangup())?.recv().await;
        Ok::<_, std::io::Error>(SignalKind::hangup())
    };
    let kind = tokio::select! {
        _ = terminate.recv() => SignalKind::terminate(),
        _ = interrupt.recv() => SignalKind::interrupt(),
        hangup = hangup => hangup?,
    };
    Ok(kind.as_raw_value() as u8)
}

/// Whether this process was started with SIGHUP ignored, if the system shows it (proc(5),
/// `SigIgn`).
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    mask >> (SignalKind::hangup().as_raw_value() - 1) & 1 == 1
}
