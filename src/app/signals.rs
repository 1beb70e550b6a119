//! SIGTERM and Ctrl-C: the first ends the work in order, the second at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::ExitStatus;

/// Told when the process is to end.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    asked: CancellationToken,
    signal: Arc<AtomicU8>,
}

impl Shutdown {
    /// Listens from now on.
    pub fn listen() -> std::io::Result<Self> {
        let shutdown = Self::default();
        for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
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
        if self.asked.is_cancelled() {
            // Nothing may wait any longer; leases that are still held run out by themselves.
            std::process::exit(i32::from(128 + number));
        }
        tracing::warn!(signal = number, "ending: every lease is given back; a second signal ends at once");
        self.signal.store(number, Ordering::Relaxed);
        self.asked.cancel();
    }

    /// Whether the process is to end.
    pub fn is_asked(&self) -> bool {
        self.asked.is_cancelled()
    }

    /// Resolves when the process is to end.
    pub async fn asked(&self) {
        self.asked.cancelled().await;
    }

    /// The exit status that tells of the signal, if there was one.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        self.is_asked().then(|| 128 + self.signal.load(Ordering::Relaxed))
    }
}
