//! The result of one round and of all rounds.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;

/// The result of one round.
pub(crate) struct Played {
    pub(crate) figures: Figures,
    pub(crate) failure: Option<String>,
}

/// How often each thing happened, by name.
#[derive(Debug, Default)]
pub(crate) struct Figures(BTreeMap<&'static str, u64>);

impl Figures {
    /// Adds one and returns the count before.
    pub(crate) fn count(&mut self, name: &'static str) -> u64 {
        self.add_to(name, 1) - 1
    }

    pub(crate) fn add_to(&mut self, name: &'static str, more: u64) -> u64 {
        let figure = self.0.entry(name).or_default();
        *figure += more;
        *figure
    }

    pub(crate) fn add(&mut self, more: &Self) {
        for (name, figure) in &more.0 {
            self.add_to(name, *figure);
        }
    }

    pub(crate) fn table(&self, rounds: u32, seconds: f64) -> String {
        let mut text = format!("{rounds:>9} rounds\n{seconds:>9.1} seconds\n");
        for (name, figure) in &self.0 {
            let _ = writeln!(text, "{figure:>9} {name}");
        }
        text
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |name| self.0.get(name).copied().unwrap_or(0);
        write!(
            f,
            "{} processes, {} killed, {} stopped; {} takeovers, {} locks lost, {} days published",
            of("processes started"),
            of("processes killed"),
            of("processes stopped"),
            of("takeovers"),
            of("locks lost"),
            of("days published")
        )
    }
}
