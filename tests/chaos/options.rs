//! The command line. Flags of the usual test harness are ignored, so that `cargo test --
//! --nocapture` works.

use std::time::Duration;

/// Without `--rounds`, how long `cargo test` may spend here. Rounds that have begun are finished.
const SHORT: Duration = Duration::from_secs(12);
/// Rounds mostly wait for leases to run out, so a second lane costs little.
const LANES: u32 = 3;

/// What to play.
pub(crate) struct Options {
    rounds: u32,
    only: Option<u32>,
    pub(crate) seed: u64,
    pub(crate) lanes: u32,
    /// No round begins later than this.
    pub(crate) limit: Option<Duration>,
}

impl Options {
    /// `None` if there is nothing to run, as with `--list`.
    pub(crate) fn from_args(
        mut args: impl Iterator<Item = String>,
    ) -> Result<Option<Self>, String> {
        let mut options = Self {
            rounds: 1000,
            only: None,
            seed: fastrand::u64(..1 << 32),
            lanes: LANES,
            limit: Some(SHORT),
        };
        while let Some(arg) = args.next() {
            let (name, inline) = match arg.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (arg, None),
            };
            let mut number = || -> Result<u64, String> {
                let text = inline.clone().or_else(|| args.next()).unwrap_or_default();
                text.parse().map_err(|_| format!("{name} takes a number, not `{text}`"))
            };
            match name.as_str() {
                "--list" => return Ok(None),
                "--rounds" => {
                    options.rounds = number()? as u32;
                    options.limit = None;
                }
                "--only" => options.only = Some(number()? as u32),
                "--seed" => options.seed = number()?,
                "--lanes" => options.lanes = number()?.max(1) as u32,
                "--seconds" => options.limit = Some(Duration::from_secs(number()?)),
                _ => {}
            }
        }
        Ok(Some(options))
    }

    pub(crate) fn first(&self) -> u32 {
        self.only.unwrap_or(0)
    }

    pub(crate) fn end(&self) -> u32 {
        self.only.map_or(self.rounds, |only| only + 1)
    }

    /// Describes how many rounds are planned.
    pub(crate) fn rounds(&self) -> String {
        let rounds = self.end() - self.first();
        match self.limit {
            Some(limit) => format!("as many as begin in {}s of {rounds}", limit.as_secs()),
            None => rounds.to_string(),
        }
    }
}
