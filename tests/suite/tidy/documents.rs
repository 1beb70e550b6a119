//! The map of the code names only what exists.

use std::fs;

use syn::visit::Visit;

use super::assert_none;
use super::source::{root, rust};

#[derive(Default)]
struct FunctionNames(Vec<String>);

impl<'ast> Visit<'ast> for FunctionNames {
    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.0.push(signature.ident.to_string());
    }
}

#[test]
fn what_the_map_names_is_there() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the map is there");
    let mut functions = FunctionNames::default();
    for source in rust(&["src", "tests"]) {
        functions.visit_file(&source.syntax);
    }
    let named: Vec<&str> = map.split('`').skip(1).step_by(2).collect();
    let is_test = |word: &str| word.matches('_').count() > 2 && !word.contains(['/', ' ', '.']);
    let tests: Vec<&str> = named.iter().copied().filter(|word| is_test(word)).collect();
    assert!(tests.len() > 20, "the map names tests: {tests:?}");
    let lost = tests.into_iter().filter(|test| !functions.0.iter().any(|name| name == test));
    let paths = named.iter().filter(|word| word.starts_with("src/") || word.starts_with("tests/"));
    let gone = paths.copied().filter(|path| !path.contains(' ') && !root().join(path).exists());
    let missing: Vec<_> = lost.chain(gone).map(str::to_owned).collect();
    assert_none("the map names what is not there", &missing);
}
