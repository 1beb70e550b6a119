//! Walks the tree of a parsed file by the keys that may be in it, and notes what does not fit.
//!
//! Whoever reads a section takes its keys one by one, which is also what makes them known. What is left over at the end is
//! an unknown key: a near miss of a known one, a key of another section, or neither.

use serde_json::json;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistake::{Mistake, Mistakes, Span};
use super::near;
use super::schema::Shape;
use super::value::{Misfit, Value, kind};

/// The name under which the top of the file goes.
const ROOT: &str = "the file";

/// Reads the tree `root` of a file that ends at byte `end`, and returns what `read` made of it and what was wrong.
pub(super) fn walk<R>(
    root: &DeTable<'_>,
    end: usize,
    read: impl FnOnce(&mut Table<'_, '_>) -> R,
) -> (R, Mistakes) {
    let mut findings = Findings::default();
    let mut table = Table::new(ROOT, end..end, Some(root), &mut findings);
    let result = read(&mut table);
    table.finish();
    (result, findings.finish())
}

/// The JSON Schema of the tables that `read` would take: it reads from nothing, and what it asks for is noted.
pub(super) fn describe<'i>(read: impl FnOnce(&mut Table<'_, 'i>)) -> serde_json::Value {
    let mut findings = Findings::default();
    let mut table = Table::new(ROOT, 0..0, None, &mut findings);
    table.shape = Some(Shape::default());
    read(&mut table);
    table.shape.unwrap_or_default().into_schema()
}

/// What the walk has found so far, in all sections.
#[derive(Default)]
struct Findings {
    mistakes: Mistakes,
    /// The keys taken so far, in all sections.
    known: Vec<Known>,
    /// Keys that are like none in their section.
    strays: Vec<Stray>,
}

/// A key that may be there.
#[derive(Clone, Copy, PartialEq)]
struct Known {
    key: &'static str,
    /// How messages write it: as it is, or as the header of a section.
    shown: &'static str,
    section: &'static str,
}

/// A key that may not.
struct Stray {
    key: String,
    span: Span,
    section: &'static str,
    form: Form,
}

impl Findings {
    /// Strays wait until all sections are known: then it can be said where a misplaced key belongs.
    fn finish(mut self) -> Mistakes {
        for stray in self.strays {
            let mut homes: Vec<&str> = Vec::new();
            let mut siblings: Vec<&str> = Vec::new();
            for known in &self.known {
                if known.section == stray.section {
                    siblings.push(known.shown);
                } else if known.key == stray.key {
                    homes.push(known.section);
                }
            }
            let mistake = Mistake::at(stray.span, unknown(&stray.key, stray.section, stray.form));
            self.mistakes.add(if homes.is_empty() {
                let has = if stray.section == ROOT { "sections" } else { "keys" };
                mistake.help(format!("the {has} of {} are {}", stray.section, near::list(siblings)))
            } else {
                mistake.label(format!(
                    "this belongs in {}",
                    homes.join(" or ").replace(ROOT, "the top of the file")
                ))
            });
        }
        self.mistakes
    }
}

/// What stands behind a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A section, or a list of them.
    Section,
    /// Anything else.
    Value,
}

fn unknown(key: &str, section: &str, form: Form) -> String {
    let key = key.escape_debug();
    match form {
        _ if section != ROOT => format!("unknown key `{key}` in {section}"),
        Form::Section => format!("unknown section `{key}`"),
        Form::Value => format!("unknown key `{key}` outside of any section"),
    }
}

/// One table of the file, while its keys are taken.
pub(super) struct Table<'t, 'i> {
    name: &'static str,
    span: Span,
    entries: Option<&'t DeTable<'i>>,
    findings: &'t mut Findings,
    known: Vec<Known>,
    /// Keys that must be there and are not, each with an example of its line.
    missing: Vec<(&'static str, &'static str)>,
    sound: bool,
    /// What may stand in it, where that is what is asked for.
    shape: Option<Shape>,
}

impl<'t, 'i> Table<'t, 'i> {
    fn new(
        name: &'static str,
        span: Span,
        entries: Option<&'t DeTable<'i>>,
        findings: &'t mut Findings,
    ) -> Self {
        Self {
            name,
            span,
            entries,
            findings,
            known: Vec::new(),
            missing: Vec::new(),
            sound: true,
            shape: None,
        }
    }

    /// Where the table begins: its header, or its braces.
    pub(super) fn span(&self) -> Span {
        self.span.clone()
    }

    /// Whether every key taken so far was right. If not, rules between keys are better left unchecked.
    pub(super) fn is_sound(&self) -> bool {
        self.sound
    }

    /// The value of `key`, if it is there and right.
    pub(super) fn take<T: Value>(&mut self, key: &'static str) -> Option<Spanned<T>> {
        if let Some(shape) = &mut self.shape {
            shape.note(key, T::schema());
        }
        let value = self.get(key, key)?;
        match T::read(value.get_ref()) {
            Ok(good) => Some(Spanned::new(value.span(), good)),
            Err(misfit) => {
                self.misfit(value.span(), key, &format!("must be {}", T::what()), misfit);
                None
            }
        }
    }

    /// The value of a key that must be there. `example` is a line that would do.
    pub(super) fn require<T: Value>(
        &mut self,
        key: &'static str,
        example: &'static str,
    ) -> Option<Spanned<T>> {
        if self.get(key, key).is_none() {
            self.missing.push((key, example));
        }
        if let Some(shape) = &mut self.shape {
            shape.require(key);
        }
        self.take(key)
    }

    /// The values of an array, each with its place; those that are wrong are left out.
    pub(super) fn array<T: Value>(&mut self, key: &'static str) -> Option<Vec<Spanned<T>>> {
        if let Some(shape) = &mut self.shape {
            shape.note(key, json!({ "type": "array", "items": T::schema() }));
        }
        let value = self.get(key, key)?;
        let must = format!("must be a list, each entry {}", T::what());
        let DeValue::Array(entries) = value.get_ref() else {
            let label = format!("this is {}: put it in [ ]", kind(value.get_ref()));
            self.misfit(value.span(), key, &must, Misfit::new(label));
            return None;
        };
        let mut good = Vec::new();
        for entry in entries {
            match T::read(entry.get_ref()) {
                Ok(value) => good.push(Spanned::new(entry.span(), value)),
                Err(misfit) => self.misfit(entry.span(), key, &must, misfit),
            }
        }
        Some(good)
    }

    /// What `read` makes of the table at `key`, which goes by `name` in messages. It is read as an empty one if it is not there.
    pub(super) fn section<R>(
        &mut self,
        key: &'static str,
        name: &'static str,
        read: impl FnOnce(&mut Table<'_, 'i>) -> R,
    ) -> R {
        let value = self.get(key, name);
        let table = value.and_then(|value| value.get_ref().as_table());
        let span = value.map_or(self.span.clone(), Spanned::span);
        if let (Some(value), None) = (value, table) {
            let label = match value.get_ref() {
                DeValue::Array(_) => format!("it stands once, as {name}"),
                other => format!("this is {}", kind(other)),
            };
            self.misfit(
                value.span(),
                key,
                &format!("must be the section {name}"),
                Misfit::new(label),
            );
        }
        let mut section = Table::new(name, span, table, self.findings);
        section.shape = self.shape.is_some().then(Shape::default);
        let result = read(&mut section);
        let below = section.shape.take();
        section.finish();
        if let (Some(shape), Some(below)) = (&mut self.shape, below) {
            shape.note(key, below.into_schema());
        }
        result
    }

    /// What `read` makes of each table of the list at `key`, of which there must be one at least.
    pub(super) fn sections<R>(
        &mut self,
        key: &'static str,
        name: &'static str,
        mut read: impl FnMut(&mut Table<'_, 'i>) -> R,
    ) -> Vec<R> {
        if let Some(shape) = &mut self.shape {
            let below = describe(|section| drop(read(section)));
            shape.note(key, json!({ "type": "array", "minItems": 1, "items": below }));
            shape.require(key);
        }
        let must = format!("must be sections {name}");
        let entries: Vec<&Spanned<DeValue<'i>>> = match self.get(key, name) {
            None => Vec::new(),
            Some(value) => match value.get_ref() {
                DeValue::Array(entries) => entries.iter().collect(),
                DeValue::Table(_) => {
                    let label = format!("two pairs of brackets: {name}");
                    self.misfit(value.span(), key, &must, Misfit::new(label));
                    vec![value]
                }
                other => {
                    let label = format!("this is {}", kind(other));
                    self.misfit(value.span(), key, &must, Misfit::new(label));
                    return Vec::new();
                }
            },
        };
        if entries.is_empty() {
            self.missing.push((key, name));
        }
        let mut results = Vec::new();
        for entry in entries {
            let Some(table) = entry.get_ref().as_table() else {
                let label = format!("this is {}", kind(entry.get_ref()));
                self.misfit(entry.span(), key, &must, Misfit::new(label));
                continue;
            };
            let mut section = Table::new(name, entry.span(), Some(table), self.findings);
            results.push(read(&mut section));
            section.finish();
        }
        results
    }

    fn get(&mut self, key: &'static str, shown: &'static str) -> Option<&'t Spanned<DeValue<'i>>> {
        let known = Known { key, shown, section: self.name };
        if !self.known.contains(&known) {
            self.known.push(known);
        }
        // The same section may stand several times, once in each source.
        if !self.findings.known.contains(&known) {
            self.findings.known.push(known);
        }
        self.entries?.get(key)
    }

    fn misfit(&mut self, span: Span, key: &str, must: &str, misfit: Misfit) {
        self.sound = false;
        let message = format!("`{key}` in {} {}", self.name, misfit.instead.unwrap_or(must));
        let mistake = Mistake::at(span, message).label(misfit.label).help(misfit.help);
        self.findings.mistakes.add(if misfit.secret { mistake.secret() } else { mistake });
    }

    /// Reports what was not taken, and what was not there to take.
    fn finish(mut self) {
        for (key, value) in self.entries.into_iter().flatten() {
            let (span, word, form) = (key.span(), key.get_ref().as_ref(), form(value.get_ref()));
            if self.known.iter().any(|known| known.key == word) {
                continue;
            }
            let is_free =
                |known: &&Known| self.entries.is_none_or(|all| !all.contains_key(known.key));
            let free =
                near::nearest(word, self.known.iter().filter(is_free).map(|known| known.key));
            let Some(meant) =
                free.or_else(|| near::nearest(word, self.known.iter().map(|known| known.key)))
            else {
                self.findings.strays.push(Stray {
                    key: word.to_owned(),
                    span,
                    section: self.name,
                    form,
                });
                continue;
            };
            // The key that was meant is not missing as well.
            self.missing.retain(|(missing, _)| *missing != meant);
            let shown = self
                .known
                .iter()
                .find(|known| known.key == meant)
                .map_or(meant, |known| known.shown);
            let label = match free {
                Some(_) => format!("did you mean `{shown}`?"),
                None => format!("did you mean `{shown}`? It is there already"),
            };
            let help = (meant == "token_env").then(|| TOKEN_HELP.to_owned());
            let mistake = Mistake::at(span, unknown(word, self.name, form));
            self.findings.mistakes.add(mistake.label(label).help(help));
        }
        for (key, example) in self.missing {
            let (message, label) = if self.name == ROOT {
                (format!("no {example}: there is nothing to copy"), "add one here".to_owned())
            } else {
                (format!("{} needs `{key}`", self.name), format!("add a line such as {example}"))
            };
            self.findings
                .mistakes
                .add(Mistake::at(self.span.clone(), message).label(label).absent());
        }
    }
}

/// What to do with a token that was about to go into the file.
pub(super) const TOKEN_HELP: &str = "a token itself never stands in the file: put it in an environment variable, and name that one here";

fn form(value: &DeValue<'_>) -> Form {
    match value {
        DeValue::Table(_) => Form::Section,
        DeValue::Array(entries) if entries.iter().any(|entry| entry.get_ref().is_table()) => {
            Form::Section
        }
        _ => Form::Value,
    }
}
