//! What a preflight found.

use serde::Serialize;

use super::run::counted;
use super::{Report, Text};

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
    pub fn good(
        check: &'static str,
        subject: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
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
    fn text(&self) -> Text {
        let mut text = Text::default();
        for Check { check, subject, ok, detail, advice } in &self.checks {
            let mark = if *ok { '✓' } else { '✗' };
            let advice = advice.as_ref().map(|advice| format!(". {advice}")).unwrap_or_default();
            let _ = writeln!(text, "{mark} {check} {subject}: {detail}{advice}");
        }
        let wrong = self.checks.iter().filter(|check| !check.ok).count() as u64;
        text.blank();
        let _ = match wrong {
            0 => writeln!(text, "All is right; nothing was changed."),
            _ => writeln!(text, "{} failed; nothing was changed.", counted(wrong, "check")),
        };
        text
    }
}
