//! What a preflight found.

use std::fmt::Write as _;

use serde::Serialize;

use super::Report;
use super::run::counted;

/// `check`: each thing that was looked at.
#[derive(Debug, Clone, Serialize)]
pub struct CheckReport {
    /// Whether all of it is right.
    pub ok: bool,
    /// In the order of looking: the file and the environment, then what they lead to.
    pub checks: Vec<Check>,
}

/// One thing.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// What kind of thing: `file`, `token`, `database`, …
    pub check: &'static str,
    /// Which one.
    pub subject: String,
    /// Whether it is right.
    pub ok: bool,
    /// What was found.
    pub detail: String,
    /// What to do about it, where it is not right or could be better.
    pub advice: Option<String>,
}

impl Check {
    /// A thing that is right.
    pub fn good(check: &'static str, subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { check, subject: subject.into(), ok: true, detail: detail.into(), advice: None }
    }

    /// A thing that is wrong, and what to do about it.
    pub fn bad(
        check: &'static str,
        subject: impl Into<String>,
        detail: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { ok: false, advice: Some(advice.into()), ..Self::good(check, subject, detail) }
    }

    /// The same, with a word on how it could be better.
    pub fn advise(self, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..self }
    }
}

impl CheckReport {
    /// What all of `checks` come to.
    pub fn new(checks: Vec<Check>) -> Self {
        Self { ok: checks.iter().all(|check| check.ok), checks }
    }
}

impl Report for CheckReport {
    fn text(&self) -> String {
        let mut text = String::new();
        for Check { check, subject, ok, detail, advice } in &self.checks {
            let mark = if *ok { '✓' } else { '✗' };
            let _ = write!(text, "{mark} {check} {subject}: {detail}");
            let _ = match advice {
                Some(advice) => writeln!(text, ". {advice}"),
                None => writeln!(text),
            };
        }
        let wrong = self.checks.iter().filter(|check| !check.ok).count() as u64;
        let _ = match wrong {
            0 => writeln!(text, "\nAll is right; nothing was changed."),
            _ => writeln!(text, "\n{} failed; nothing was changed.", counted(wrong, "check")),
        };
        text
    }
}
