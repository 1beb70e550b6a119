//! The report of `check`.

use std::io;

use serde::Serialize;

use super::output::Report;
use super::text::{Text, counted};

/// `check`: the result of each check.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CheckReport {
    /// Whether every check passed.
    pub(crate) ok: bool,
    /// The file and the environment first, then what they lead to.
    pub(crate) checks: Vec<Check>,
}

/// The result of one check.
#[expect(clippy::struct_field_names, reason = "`check` is the JSON key")]
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Check {
    /// The kind of thing: `file`, `token`, `database`, …
    pub(crate) check: &'static str,
    /// Which file, token or database.
    pub(crate) subject: String,
    /// Whether the check passed.
    pub(crate) ok: bool,
    /// What the check found.
    pub(crate) detail: String,
    /// What to do, if the check failed or its subject could be better.
    pub(crate) advice: Option<String>,
}

impl Check {
    /// A check that passed.
    pub(crate) fn good(
        check: &'static str,
        subject: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        Self { check, subject: subject.into(), ok: true, detail: detail.into(), advice: None }
    }

    /// A check that failed, with what to do.
    pub(crate) fn bad(
        check: &'static str,
        subject: impl Into<String>,
        detail: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { ok: false, advice: Some(advice.into()), ..Self::good(check, subject, detail) }
    }

    /// Adds how the subject could be better.
    pub(crate) fn advise(self, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..self }
    }
}

impl CheckReport {
    /// The report on all `checks`.
    pub(crate) fn new(checks: Vec<Check>) -> Self {
        Self { ok: checks.iter().all(|check| check.ok), checks }
    }
}

impl Report for CheckReport {
    fn write_text(&self, text: &mut Text<'_>) -> io::Result<()> {
        for Check { check, subject, ok, detail, advice } in &self.checks {
            let mark = match (ok, advice) {
                (false, _) => '✗',
                (true, Some(_)) => '!',
                (true, None) => '✓',
            };
            let advice = advice.as_ref().map(|advice| format!(". {advice}")).unwrap_or_default();
            writeln!(text, "{mark} {check} {subject}: {detail}{advice}")?;
        }
        text.blank()?;
        let failed = self.checks.iter().filter(|check| !check.ok).count() as u64;
        match failed {
            0 => writeln!(text, "All checks passed. Nothing was changed."),
            _ => writeln!(text, "{} failed. Nothing was changed.", counted(failed, "check")),
        }
    }
}
