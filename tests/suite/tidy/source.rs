//! Reads the files of the repository and parses those that hold Rust.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::visit_mut::VisitMut;

/// A file of Rust. Its path is relative to the root of the repository.
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) syntax: syn::File,
}

/// A token with the line that it begins on. Punctuation comes one character at a time.
pub(super) struct Token {
    pub(super) text: String,
    pub(super) line: usize,
    /// The value, if the token is the literal of a string.
    pub(super) string: Option<String>,
}

impl Source {
    pub(super) fn parse(path: impl Into<PathBuf>, text: &str) -> Self {
        let path = path.into();
        let syntax = syn::parse_file(text);
        Self { syntax: syntax.unwrap_or_else(|error| panic!("{}: {error}", path.display())), path }
    }

    /// The path of its module: `app`, `sync`, `day`. Empty for `lib.rs`.
    pub(super) fn modules(&self) -> Vec<String> {
        let path = self.path.with_extension("");
        let parts = path.iter().skip(1).map(|part| part.to_str().expect("a path in UTF-8"));
        parts.filter(|part| !matches!(*part, "mod" | "lib")).map(str::to_owned).collect()
    }

    /// A place in it, as `path:line`.
    pub(super) fn at_line(&self, line: usize) -> String {
        format!("{}:{line}", self.path.display())
    }

    /// All tokens except comments. Documentation comments are left out too.
    pub(super) fn tokens(&self) -> Vec<Token> {
        let mut tokens = Vec::new();
        flatten(self.syntax.to_token_stream(), &mut tokens);
        tokens
    }

    /// Removes the items that only tests compile; returns the names of the files among them.
    fn remove_tests(&mut self) -> Vec<Vec<String>> {
        let mut remover = TestRemover { inside: self.modules(), files: Vec::new() };
        remover.visit_file_mut(&mut self.syntax);
        remover.files
    }
}

fn flatten(stream: TokenStream, into: &mut Vec<Token>) {
    let mut trees = stream.into_iter().peekable();
    while let Some(tree) = trees.next() {
        let line = tree.span().start().line;
        match tree {
            // A documentation comment comes as `#[doc = "…"]` or `#![doc = "…"]`.
            TokenTree::Punct(punct) if punct.as_char() == '#' => {
                trees.next_if(|next| next.to_string() == "!");
                trees.next_if(is_doc);
            }
            TokenTree::Group(group) => {
                into.push(Token { text: "(".to_owned(), line, string: None });
                flatten(group.stream(), into);
                into.push(Token { text: ")".to_owned(), line, string: None });
            }
            tree => {
                let string = match syn::parse2::<syn::LitStr>(tree.to_token_stream()) {
                    Ok(literal) => Some(literal.value()),
                    Err(_) => None,
                };
                into.push(Token { text: tree.to_string(), line, string });
            }
        }
    }
}

fn is_doc(tree: &TokenTree) -> bool {
    let TokenTree::Group(group) = tree else { return false };
    let first = group.stream().into_iter().next();
    first.is_some_and(|first| first.to_string() == "doc")
}

pub(super) fn is_test_only(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
    })
}

/// Takes `#[cfg(test)]` items out, and remembers `mod name;` among them.
struct TestRemover {
    inside: Vec<String>,
    files: Vec<Vec<String>>,
}

impl TestRemover {
    fn clean(&mut self, items: &mut Vec<syn::Item>) {
        items.retain(|item| {
            let attributes = attributes(item);
            if !is_test_only(attributes) {
                return true;
            }
            if let syn::Item::Mod(module) = item
                && module.content.is_none()
            {
                let mut file = self.inside.clone();
                file.push(module.ident.to_string());
                self.files.push(file);
            }
            false
        });
    }
}

impl VisitMut for TestRemover {
    fn visit_file_mut(&mut self, file: &mut syn::File) {
        self.clean(&mut file.items);
        syn::visit_mut::visit_file_mut(self, file);
    }

    fn visit_item_mod_mut(&mut self, module: &mut syn::ItemMod) {
        self.inside.push(module.ident.to_string());
        if let Some((_, items)) = &mut module.content {
            self.clean(items);
        }
        syn::visit_mut::visit_item_mod_mut(self, module);
        self.inside.pop();
    }

    fn visit_item_impl_mut(&mut self, item: &mut syn::ItemImpl) {
        item.items.retain(|item| match item {
            syn::ImplItem::Fn(function) => !is_test_only(&function.attrs),
            _ => true,
        });
    }
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files in these folders, or these files, whose names have one of the extensions, with their
/// text. Paths are relative to the root of the repository.
pub(super) fn texts(places: &[&str], extensions: &[&str]) -> Vec<(PathBuf, String)> {
    let mut left: Vec<PathBuf> = places.iter().map(|place| root().join(place)).collect();
    let mut found = Vec::new();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("the folder can be read");
            left.extend(entries.map(|entry| entry.expect("the entry can be read").path()));
        } else if extensions.iter().any(|wanted| path.extension().is_some_and(|is| is == *wanted)) {
            let text = fs::read_to_string(&path).expect("the file is text");
            let path = path.strip_prefix(root()).expect("the file is in the repository");
            found.push((path.to_owned(), text));
        }
    }
    found.sort();
    found
}

/// The Rust in these folders.
pub(super) fn rust(folders: &[&str]) -> Vec<Source> {
    let found: Vec<_> =
        texts(folders, &["rs"]).iter().map(|(path, text)| Source::parse(path, text)).collect();
    assert!(found.len() > 10, "files are found in {folders:?}");
    found
}

/// The Rust of the program without its tests.
pub(super) fn program() -> Vec<Source> {
    without_tests(rust(&["src"]))
}

pub(super) fn without_tests(mut sources: Vec<Source>) -> Vec<Source> {
    let tests: BTreeSet<_> = sources.iter_mut().flat_map(Source::remove_tests).collect();
    sources.retain(|source| {
        let modules = source.modules();
        !tests.iter().any(|test| modules.starts_with(test))
    });
    sources
}

#[test]
fn code_of_tests_does_not_belong_to_the_program() {
    let sources = without_tests(vec![
        Source::parse(
            "src/plan.rs",
            "use crate::day::A; #[cfg(test)] mod tests; #[cfg(test)] mod inner { use crate::b::B; }
             impl A { #[cfg(test)] fn b() {} fn c() {} }",
        ),
        Source::parse("src/plan/tests.rs", "use crate::store::C;"),
        Source::parse("src/plan/tests/deep.rs", "use crate::store::C;"),
        Source::parse("src/plan/next.rs", "//! Not `crate::store`.\n/* crate::store */"),
    ]);
    let paths: Vec<_> = sources.iter().map(|source| source.path.to_str().unwrap()).collect();
    assert_eq!(paths, ["src/plan.rs", "src/plan/next.rs"]);
    let words: String = sources[0].tokens().into_iter().map(|token| token.text).collect();
    assert_eq!(words, "usecrate::day::A;implA(fnc()())");
    assert_eq!(sources[1].tokens().len(), 0);
    assert_eq!(sources[1].modules(), ["plan", "next"]);
}
