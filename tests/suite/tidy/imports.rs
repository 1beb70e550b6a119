//! Which file of the program takes something from which other file.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::Visit;

use super::assert_none;
use super::source::{self, Source};

/// A file by the path of its module. The path of `lib.rs` is empty.
pub(super) type File = Vec<String>;

/// What one file takes from another, with the line that says so.
pub(super) struct Import {
    pub(super) from: File,
    pub(super) to: File,
    pub(super) at: String,
}

/// The imports among these sources: what `use` names, and every path in the code. A parent that
/// re-exports its child imports it; `mod child;` alone is no import.
pub(super) fn imports(sources: &[Source]) -> Vec<Import> {
    let files: BTreeSet<File> = sources.iter().map(Source::modules).collect();
    let mut imports = Vec::new();
    for source in sources {
        let from = source.modules();
        for (inside, path, line) in paths(source) {
            if let Some(to) = resolve(&files, &inside, &path).filter(|to| *to != from) {
                imports.push(Import { from: from.clone(), to, at: source.at_line(line) });
            }
        }
    }
    imports
}

/// The paths that a source names: the module in which each one is, its names, and its line.
pub(super) fn paths(source: &Source) -> Vec<(File, Vec<String>, usize)> {
    let own = source.modules();
    let mut collector = Collector { inside: own.clone(), found: Vec::new() };
    collector.visit_file(&source.syntax);
    let spelled_out = spelled_out(source).into_iter();
    collector.found.extend(spelled_out.map(|(path, line)| (own.clone(), path, line)));
    collector.found
}

/// The file that a path leads to, if it is one of these: the longest beginning that is a file.
fn resolve(files: &BTreeSet<File>, inside: &[String], path: &[String]) -> Option<File> {
    let child = || [inside, &path[..1]].concat();
    let (mut full, mut rest) = match path.first()?.as_str() {
        "crate" | "auditsync" => (File::new(), &path[1..]),
        "super" | "self" => (inside.to_vec(), path),
        _ if files.contains(&child()) => (inside.to_vec(), path),
        _ => return None,
    };
    while let Some(step @ ("super" | "self")) = rest.first().map(String::as_str) {
        if step == "super" {
            full.pop();
        }
        rest = &rest[1..];
    }
    full.extend_from_slice(rest);
    while !files.contains(&full) {
        full.pop()?;
    }
    Some(full)
}

/// Collects what `use` names, and keeps track of modules inside the file.
struct Collector {
    inside: File,
    found: Vec<(File, Vec<String>, usize)>,
}

impl Collector {
    fn add(&mut self, before: &[String], tree: &syn::UseTree) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.add(&with(&path.ident), &path.tree),
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|item| self.add(before, item));
            }
            syn::UseTree::Name(name) => self.push(with(&name.ident), name.ident.span()),
            syn::UseTree::Rename(name) => self.push(with(&name.ident), name.ident.span()),
            syn::UseTree::Glob(glob) => self.push(before.to_vec(), glob.star_token.spans[0]),
        }
    }

    fn push(&mut self, path: Vec<String>, span: proc_macro2::Span) {
        self.found.push((self.inside.clone(), path, span.start().line));
    }
}

impl<'ast> Visit<'ast> for Collector {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add(&[], &item.tree);
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        self.inside.push(module.ident.to_string());
        syn::visit::visit_item_mod(self, module);
        self.inside.pop();
    }
}

/// The paths of at least two names outside of `use`, those in macros included.
fn spelled_out(source: &Source) -> Vec<(Vec<String>, usize)> {
    let tokens = source.tokens();
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let goes_on = |at: usize| text(at + 1) == ":" && text(at + 2) == ":" && is_name(text(at + 3));
    let mut found = Vec::new();
    let (mut at, mut in_use) = (0, false);
    while at < tokens.len() {
        in_use = text(at) == "use" || (in_use && text(at) != ";");
        let (mut path, line) = (vec![text(at).to_owned()], tokens[at].line);
        while !in_use && is_name(text(at)) && goes_on(at) {
            at += 3;
            path.push(text(at).to_owned());
        }
        if path.len() > 1 {
            found.push((path, line));
        }
        at += 1;
    }
    found
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Groups of files that import each other, directly or through others.
fn circles(imports: &[Import]) -> Vec<BTreeSet<File>> {
    let mut direct: BTreeMap<&File, BTreeSet<&File>> = BTreeMap::new();
    for Import { from, to, .. } in imports {
        direct.entry(from).or_default().insert(to);
    }
    let reachable = |from| {
        let (mut left, mut seen) = (vec![from], BTreeSet::new());
        while let Some(file) = left.pop() {
            let next = direct.get(file).into_iter().flatten();
            left.extend(next.copied().filter(|file| seen.insert(*file)));
        }
        seen
    };
    let all: BTreeMap<&File, BTreeSet<&File>> =
        direct.keys().map(|file| (*file, reachable(*file))).collect();
    let circle = |file: &File, reached: &BTreeSet<&File>| -> BTreeSet<File> {
        let back =
            reached.iter().filter(|other| all.get(**other).is_some_and(|it| it.contains(file)));
        back.map(|other| (*other).clone()).collect()
    };
    let found: BTreeSet<_> = all.iter().map(|(file, reached)| circle(file, reached)).collect();
    found.into_iter().filter(|circle| !circle.is_empty()).collect()
}

fn name(file: &File) -> String {
    if file.is_empty() { "lib".to_owned() } else { file.join("::") }
}

#[test]
fn no_two_files_of_the_program_import_each_other() {
    let circles = circles(&imports(&source::program()));
    let circles: Vec<_> = circles
        .iter()
        .map(|circle| circle.iter().map(name).collect::<Vec<_>>().join(", "))
        .collect();
    assert_none("files import each other", &circles);
}

fn made_up(files: &[(&str, &str)]) -> Vec<Source> {
    files.iter().map(|(path, text)| Source::parse(*path, text)).collect()
}

#[test]
fn every_form_of_import_leads_to_its_file() {
    let sources = made_up(&[
        ("src/lib.rs", "pub mod app; pub mod day; pub mod store;"),
        ("src/app/mod.rs", "mod sync; pub use sync::run; fn f() { self::sync::run() }"),
        (
            "src/app/sync.rs",
            "mod day;
             use super::{Context, super::day::DayKey as Key};
             use crate::{store::{self, Lease}};
             use std::fmt::{self, Write};
             fn f() { log!(\"{}\", crate::day::first()); day::work() }
             mod inner { use super::super::Clock; use super::f; }",
        ),
        ("src/app/sync/day.rs", "/// crate::store\nuse super::*;"),
        ("src/day.rs", "pub struct DayKey;"),
        ("src/store/mod.rs", "use crate::Unknown;"),
    ]);
    let found: BTreeSet<_> = imports(&sources)
        .iter()
        .map(|import| format!("{} {} {}", import.at, name(&import.from), name(&import.to)))
        .collect();
    let expected = [
        "src/app/mod.rs:1 app app::sync",
        "src/app/sync.rs:2 app::sync app",
        "src/app/sync.rs:2 app::sync day",
        "src/app/sync.rs:3 app::sync store",
        "src/app/sync.rs:5 app::sync app::sync::day",
        "src/app/sync.rs:5 app::sync day",
        "src/app/sync.rs:6 app::sync app",
        "src/app/sync/day.rs:2 app::sync::day app::sync",
        "src/store/mod.rs:1 store lib",
    ];
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

#[test]
fn circles_are_found_at_any_length_and_through_a_parent() {
    let circles = |files: &[(&str, &str)]| {
        let found = circles(&imports(&made_up(files)));
        found
            .iter()
            .map(|circle| circle.iter().map(name).collect::<Vec<_>>().join(" "))
            .collect::<Vec<_>>()
    };
    let parent = ("src/a/mod.rs", "mod b; mod c; pub use b::B;");
    assert_eq!(circles(&[parent, ("src/a/b.rs", "use super::c::C;"), ("src/a/c.rs", "")]), [""; 0]);
    assert_eq!(
        circles(&[parent, ("src/a/b.rs", "use super::c::C;"), ("src/a/c.rs", "use super::A;")]),
        ["a a::b a::c"]
    );
    assert_eq!(
        circles(&[
            ("src/lib.rs", "mod a; mod b; mod c; mod d;"),
            ("src/a.rs", "use crate::b::B;"),
            ("src/b.rs", "use crate::a::A; use crate::c::C;"),
            ("src/c.rs", "use crate::d::D;"),
            ("src/d.rs", "use crate::c::C;"),
        ]),
        ["a b", "c d"]
    );
}
