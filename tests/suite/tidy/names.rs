//! One name, one type: a name that two modules define has two meanings.

use std::collections::BTreeMap;

use syn::visit::Visit;

use super::assert_none;
use super::source::{self, Source};

/// Names that several modules may define, each with the reason.
const DEFINED_IN_SEVERAL: &[(&str, &str)] =
    &[("Error", "each module has one, and others name it with its module: `store::Error`")];

/// The types that the items of a file define: name and line.
#[derive(Default)]
struct Definitions(Vec<(String, usize)>);

impl Definitions {
    fn add(&mut self, name: &syn::Ident) {
        self.0.push((name.to_string(), name.span().start().line));
    }
}

impl<'ast> Visit<'ast> for Definitions {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.add(&item.ident);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.add(&item.ident);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.add(&item.ident);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.add(&item.ident);
    }

    fn visit_item_union(&mut self, item: &'ast syn::ItemUnion) {
        self.add(&item.ident);
    }
}

/// The names with several definitions, and the places of these.
fn ambiguous(sources: &[Source]) -> BTreeMap<String, Vec<String>> {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in sources {
        let mut definitions = Definitions::default();
        definitions.visit_file(&source.syntax);
        for (name, line) in definitions.0 {
            places.entry(name).or_default().push(source.at_line(line));
        }
    }
    places.retain(|_, places| places.len() > 1);
    places
}

#[test]
fn each_name_of_a_type_has_one_definition() {
    let ambiguous = ambiguous(&source::program());
    let is_excepted = |name: &str| DEFINED_IN_SEVERAL.iter().any(|(known, _)| *known == name);
    let wrong = ambiguous.iter().filter(|(name, _)| !is_excepted(name));
    let wrong: Vec<_> =
        wrong.map(|(name, places)| format!("{name}: {}", places.join(", "))).collect();
    assert_none("names of types are defined twice", &wrong);
    let idle = DEFINED_IN_SEVERAL.iter().filter(|(name, _)| !ambiguous.contains_key(*name));
    let idle: Vec<_> = idle.map(|(name, _)| (*name).to_owned()).collect();
    assert_none("exceptions that no name needs", &idle);
}

#[test]
fn a_second_definition_is_found_in_functions_and_modules_too() {
    let sources = [
        Source::parse(
            "src/a.rs",
            "struct Place; enum Once {} impl Iterator for Place { type Item = u8; }",
        ),
        Source::parse(
            "src/b.rs",
            "fn f() { struct Place; }\nmod c { type Place = u8; trait Other { type Item; } }",
        ),
    ];
    let found: Vec<_> = ambiguous(&sources).into_iter().collect();
    let places = ["src/a.rs:1", "src/b.rs:1", "src/b.rs:2"].map(str::to_owned).to_vec();
    assert_eq!(found, [("Place".to_owned(), places)]);
}
