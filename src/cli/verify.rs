//! The options of `verify`.

use std::path::PathBuf;

use clap::Args;

use crate::evidence::key::VerifierKey;
use crate::evidence::{AnchorText, LogId};
use crate::moment::NamedDay;

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Check only the events of this source, even if it is no longer in the file (repeatable)
    #[arg(long = "source", value_name = "NAME")]
    pub(crate) sources: Vec<String>,
    /// Check only the events from this UTC day on (YYYY-MM-DD, yesterday, or -7d); the chain is
    /// always checked
    #[arg(long, value_name = "DATE")]
    pub(crate) from: Option<NamedDay>,
    /// Check only the events up to and including this day [default: the last day]
    #[arg(long, value_name = "DATE")]
    pub(crate) to: Option<NamedDay>,
    /// Compare with this head, which was recorded elsewhere (repeatable)
    #[arg(long = "anchor", value_name = "SEQ:HEX")]
    pub(crate) anchors: Vec<AnchorText>,
    /// Compare with the heads and signed checkpoints in this file: saved log lines, saved results
    /// of any command as text or JSON, or signed notes (repeatable)
    #[arg(long = "anchors", value_name = "FILE")]
    pub(crate) anchor_files: Vec<PathBuf>,
    /// Require that the chain is the one with this id
    #[arg(long, value_name = "HEX")]
    pub(crate) log: Option<LogId>,
    /// Trust this verifier's key, instead of the keys that the chain itself names (repeatable)
    #[arg(long = "key", value_name = "KEY", value_parser = VerifierKey::parse)]
    pub(crate) keys: Vec<VerifierKey>,
    /// Check this bag, a folder or a .tar.gz, instead of a database; no file is needed
    #[arg(long, value_name = "PATH", conflicts_with_all = ["sources", "from", "to"])]
    pub(crate) bag: Option<PathBuf>,
    /// Accept a database without a complete day
    #[arg(long)]
    pub(crate) allow_empty: bool,
}
