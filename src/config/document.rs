//! Walks the tree of a parsed file by its known keys, and collects the mistakes.
//!
//! A section's reader takes the keys one by one. A key that was taken is a known key. A key that is
//! left over is unknown: a near miss of a known key, a key of another section, or neither.

use serde_json::json;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistake::{Mistake, Mistakes, Span};
use super::near;
use super::table_schema::TableSchema;
use super::value::{Misfit, TOKEN_HELP, ValueKind, Visibility, type_name};

/// The name of the file's top level.
const ROOT: &str = "the file";

/// Reads the tree `root` of a file that ends at byte `end`. Returns the result of `read` and the
/// mistakes.
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

/// The JSON Schema of the tables that `read` takes. It reads an empty file and notes each key that
/// `read` asks for.
pub(super) fn describe<'i>(read: impl FnOnce(&mut Table<'_, 'i>)) -> serde_json::Value {
    let mut findings = Findings::default();
    let mut table = Table::new(ROOT, 0..0, None, &mut findings);
    table.schema = Some(TableSchema::default());
    read(&mut table);
    table.schema.unwrap_or_default().into_json()
}

/// The results of the walk so far, in all sections.
#[derive(Default)]
struct Findings {
    mistakes: Mistakes,
    known: Vec<KnownKey>,
    /// Keys that resemble no key of their section.
    unknown: Vec<UnknownKey>,
}

#[derive(Clone, Copy, PartialEq)]
struct KnownKey {
    key: &'static str,
    /// How messages write it: as a key, or as the header of a section.
    shown: &'static str,
    section: &'static str,
}

struct UnknownKey {
    key: String,
    span: Span,
    section: &'static str,
    form: Form,
}

impl Findings {
    /// Reports the unknown keys last: only then all sections are known, and a message can say
    /// where a misplaced key belongs.
    fn finish(mut self) -> Mistakes {
        for unknown in self.unknown {
            let mut homes: Vec<&str> = Vec::new();
            let mut siblings: Vec<&str> = Vec::new();
            for known in &self.known {
                if known.section == unknown.section {
                    siblings.push(known.shown);
                } else if known.key == unknown.key {
                    homes.push(known.section);
                }
            }
            let mistake =
                Mistake::at(unknown.span, unknown_key(&unknown.key, unknown.section, unknown.form));
            self.mistakes.add(if homes.is_empty() {
                let has = if unknown.section == ROOT { "sections" } else { "keys" };
                mistake.help(format!(
                    "the {has} of {} are {}",
                    unknown.section,
                    near::list(siblings)
                ))
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

/// A required key that is absent.
struct MissingKey {
    key: &'static str,
    /// A line, or the header of a section, that adds it.
    example: &'static str,
}

/// Whether an unknown key holds a section, or a list of sections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Section,
    Value,
}

fn unknown_key(key: &str, section: &str, form: Form) -> String {
    let key = key.escape_debug();
    match form {
        _ if section != ROOT => format!("unknown key `{key}` in {section}"),
        Form::Section => format!("unknown section `{key}`"),
        Form::Value => format!("unknown key `{key}` outside of any section"),
    }
}

/// One table of the file while its keys are taken.
pub(super) struct Table<'t, 'i> {
    name: &'static str,
    span: Span,
    entries: Option<&'t DeTable<'i>>,
    findings: &'t mut Findings,
    known: Vec<KnownKey>,
    missing: Vec<MissingKey>,
    sound: bool,
    /// What the table may contain. Set only where the schema is asked for.
    schema: Option<TableSchema>,
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
            schema: None,
        }
    }

    /// The place of the table's header, or of its braces.
    pub(super) fn span(&self) -> Span {
        self.span.clone()
    }

    /// Whether every key taken so far was right. If not, do not check rules between keys.
    pub(super) fn is_sound(&self) -> bool {
        self.sound
    }

    /// Adds a mistake, such as a broken rule between keys.
    pub(super) fn report(&mut self, mistake: Mistake) {
        self.findings.mistakes.add(mistake);
    }

    /// The value of `key`, if it is present and right.
    pub(super) fn take<T: ValueKind>(&mut self, key: &'static str) -> Option<Spanned<T>> {
        if let Some(schema) = &mut self.schema {
            schema.note(key, T::schema());
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

    /// The value of a required key. `example` is a line that sets it.
    pub(super) fn require<T: ValueKind>(
        &mut self,
        key: &'static str,
        example: &'static str,
    ) -> Option<Spanned<T>> {
        self.miss(key, example);
        if let Some(schema) = &mut self.schema {
            schema.require(key);
        }
        self.take(key)
    }

    /// Reports the key as missing if it is absent. `example` is a line that sets it.
    pub(super) fn miss(&mut self, key: &'static str, example: &'static str) {
        if self.get(key, key).is_none() {
            self.missing.push(MissingKey { key, example });
        }
    }

    /// The place of a key's value, if it is present.
    pub(super) fn place(&mut self, key: &'static str) -> Option<Span> {
        self.get(key, key).map(Spanned::span)
    }

    /// The values of an array that are right, each with its place.
    pub(super) fn array<T: ValueKind>(&mut self, key: &'static str) -> Option<Vec<Spanned<T>>> {
        if let Some(schema) = &mut self.schema {
            schema.note(key, json!({ "type": "array", "items": T::schema() }));
        }
        let value = self.get(key, key)?;
        let must = format!("must be a list, each entry {}", T::what());
        let DeValue::Array(entries) = value.get_ref() else {
            let label = format!("this is {}: put it in [ ]", type_name(value.get_ref()));
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

    /// The result of `read` for the table at `key`. Messages call the table `name`. An absent table
    /// is read as an empty one.
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
                DeValue::Array(_) => format!("write it once, as {name}"),
                other => format!("this is {}", type_name(other)),
            };
            self.misfit(
                value.span(),
                key,
                &format!("must be the section {name}"),
                Misfit::new(label),
            );
        }
        let mut section = Table::new(name, span, table, self.findings);
        section.schema = self.schema.is_some().then(TableSchema::default);
        let result = read(&mut section);
        let below = section.schema.take();
        section.finish();
        if let (Some(schema), Some(below)) = (&mut self.schema, below) {
            schema.note(key, below.into_json());
        }
        result
    }

    /// The results of `read` for the tables of the list at `key`. At least one is required.
    pub(super) fn sections<R>(
        &mut self,
        key: &'static str,
        name: &'static str,
        mut read: impl FnMut(&mut Table<'_, 'i>) -> R,
    ) -> Vec<R> {
        if let Some(schema) = &mut self.schema {
            let below = describe(|section| drop(read(section)));
            schema.note(key, json!({ "type": "array", "minItems": 1, "items": below }));
            schema.require(key);
        }
        let must = format!("must be sections {name}");
        let entries: Vec<&Spanned<DeValue<'i>>> = match self.get(key, name) {
            None => Vec::new(),
            Some(value) => match value.get_ref() {
                DeValue::Array(entries) => entries.iter().collect(),
                DeValue::Table(_) => {
                    let label = format!("use two pairs of brackets: {name}");
                    self.misfit(value.span(), key, &must, Misfit::new(label));
                    vec![value]
                }
                other => {
                    let label = format!("this is {}", type_name(other));
                    self.misfit(value.span(), key, &must, Misfit::new(label));
                    return Vec::new();
                }
            },
        };
        if entries.is_empty() {
            self.missing.push(MissingKey { key, example: name });
        }
        let mut results = Vec::new();
        for entry in entries {
            let Some(table) = entry.get_ref().as_table() else {
                let label = format!("this is {}", type_name(entry.get_ref()));
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
        let known = KnownKey { key, shown, section: self.name };
        if !self.known.contains(&known) {
            self.known.push(known);
        }
        // The same section can occur in each source.
        if !self.findings.known.contains(&known) {
            self.findings.known.push(known);
        }
        self.entries?.get(key)
    }

    fn misfit(&mut self, span: Span, key: &str, must: &str, misfit: Misfit) {
        self.sound = false;
        let message = format!("`{key}` in {} {}", self.name, misfit.instead.unwrap_or(must));
        let mistake = Mistake::at(span, message).label(misfit.label).help(misfit.help);
        let is_hidden = misfit.visibility == Visibility::Hidden;
        self.findings.mistakes.add(if is_hidden { mistake.secret() } else { mistake });
    }

    /// Reports a key that nothing took, with the known key that was probably meant.
    fn report_unknown(&mut self, span: Span, word: &str, form: Form) {
        let is_free =
            |known: &&KnownKey| self.entries.is_none_or(|all| !all.contains_key(known.key));
        let free = near::nearest(word, self.known.iter().filter(is_free).map(|known| known.key));
        let any = || near::nearest(word, self.known.iter().map(|known| known.key));
        let section = self.name;
        let Some(meant) = free.or_else(any) else {
            let key = word.to_owned();
            self.findings.unknown.push(UnknownKey { key, span, section, form });
            return;
        };
        // Do not report the intended key as missing, too.
        self.missing.retain(|missing| missing.key != meant);
        let shown =
            self.known.iter().find(|known| known.key == meant).map_or(meant, |known| known.shown);
        let label = match free {
            Some(_) => format!("did you mean `{shown}`?"),
            None => format!("did you mean `{shown}`? It is already set"),
        };
        let help = (meant == "token_env").then(|| TOKEN_HELP.to_owned());
        let mistake = Mistake::at(span, unknown_key(word, section, form));
        self.findings.mistakes.add(mistake.label(label).help(help));
    }

    /// Reports the keys that nothing took, and the required keys that are absent.
    fn finish(mut self) {
        for (key, value) in self.entries.into_iter().flatten() {
            let (span, word, form) = (key.span(), key.get_ref().as_ref(), form(value.get_ref()));
            if !self.known.iter().any(|known| known.key == word) {
                self.report_unknown(span, word, form);
            }
        }
        for MissingKey { key, example } in self.missing {
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

/// A value without its place, for a key that no rule connects with others.
pub(super) fn bare<T>(spanned: Option<Spanned<T>>) -> Option<T> {
    spanned.map(Spanned::into_inner)
}

fn form(value: &DeValue<'_>) -> Form {
    match value {
        DeValue::Table(_) => Form::Section,
        DeValue::Array(entries) if entries.iter().any(|entry| entry.get_ref().is_table()) => {
            Form::Section
        }
        _ => Form::Value,
    }
}
