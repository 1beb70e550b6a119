//! The command line. Flags of the usual test harness are ignored, so that `cargo test --
//! --nocapture` works.

/// As many as `cargo test` plays.
const HISTORIES: u32 = 100;
/// Histories mostly wait for the server.
const LANES: u32 = 8;

/// What to play.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) histories: u32,
    pub(crate) lanes: u32,
    pub(crate) seed: u64,
    only: Option<u32>,
}

impl Options {
    /// `None` if there is nothing to run, as with `--list`.
    pub(crate) fn from_args(
        mut args: impl Iterator<Item = String>,
    ) -> Result<Option<Self>, String> {
        let mut options =
            Self { histories: HISTORIES, lanes: LANES, seed: fastrand::u64(..1 << 32), only: None };
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
                "--histories" => options.histories = number()? as u32,
                "--lanes" => options.lanes = number()?.max(1) as u32,
                "--seed" => options.seed = number()?,
                "--only" => options.only = Some(number()? as u32),
                _ => {}
            }
        }
        Ok(Some(options))
    }

    pub(crate) fn first(&self) -> u32 {
        self.only.unwrap_or(0)
    }

    pub(crate) fn end(&self) -> u32 {
        self.only.map_or(self.histories, |only| only + 1)
    }
}
