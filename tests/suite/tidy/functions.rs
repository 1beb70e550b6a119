//! Functions that a reader can hold in mind: their length, arguments and, in tests, their names.

use proc_macro2::TokenTree;
use syn::spanned::Spanned as _;
use syn::visit::Visit;

use super::source::{self, Source};
use super::{EVERYWHERE, assert_none};

const MOST_LINES: usize = 60;
const MOST_ARGUMENTS: usize = 5;
const LONGEST_TEST_NAME: usize = 70;

/// A function with a body.
#[derive(Debug, PartialEq)]
struct Function {
    name: String,
    /// From `fn` to the last brace.
    lines: usize,
    /// `self` counts, and a tuple counts by its members.
    arguments: usize,
    takes_bool: bool,
    is_test: bool,
    line: usize,
}

#[derive(Default)]
struct Collector {
    found: Vec<Function>,
    /// Inside the `impl` of a trait, which decides on the arguments.
    in_trait: bool,
}

fn functions(source: &Source) -> Vec<Function> {
    let mut collector = Collector::default();
    collector.visit_file(&source.syntax);
    collector.found
}

impl Collector {
    fn add(
        &mut self,
        attributes: &[syn::Attribute],
        signature: &syn::Signature,
        block: Option<&syn::Block>,
    ) {
        let line = signature.span().start().line;
        let end = block.map_or(signature.span().end(), |block| block.span().end()).line;
        let types: Vec<&syn::Type> = signature
            .inputs
            .iter()
            .filter_map(|input| match input {
                syn::FnArg::Typed(typed) => Some(&*typed.ty),
                syn::FnArg::Receiver(_) => None,
            })
            .collect();
        let receiver = signature.inputs.len() - types.len();
        self.found.push(Function {
            name: signature.ident.to_string(),
            lines: end - line + 1,
            arguments: receiver + types.iter().map(|of| members(of)).sum::<usize>(),
            takes_bool: !self.in_trait && types.iter().any(|of| holds_bool(of)),
            is_test: attributes.iter().any(is_test),
            line,
        });
    }
}

impl<'ast> Visit<'ast> for Collector {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.add(&function.attrs, &function.sig, Some(&function.block));
        syn::visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.add(&function.attrs, &function.sig, Some(&function.block));
        syn::visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        self.add(&function.attrs, &function.sig, function.default.as_ref());
        syn::visit::visit_trait_item_fn(self, function);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let before = std::mem::replace(&mut self.in_trait, item.trait_.is_some());
        syn::visit::visit_item_impl(self, item);
        self.in_trait = before;
    }

    /// `proptest!` holds tests as tokens.
    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        if !item.path.is_ident("proptest") {
            return;
        }
        let tokens: Vec<TokenTree> = item.tokens.clone().into_iter().collect();
        for at in 2..tokens.len() {
            let is_fn = tokens[at - 2].to_string() != "#" && tokens[at - 1].to_string() == "fn";
            let Some(body) = tokens.get(at + 2).filter(|_| is_fn) else { continue };
            let line = tokens[at].span().start().line;
            self.found.push(Function {
                name: tokens[at].to_string(),
                lines: body.span().end().line - line + 1,
                arguments: 0,
                takes_bool: false,
                is_test: true,
                line,
            });
        }
    }
}

fn is_test(attribute: &syn::Attribute) -> bool {
    attribute.path().segments.last().is_some_and(|last| last.ident == "test")
}

fn members(of: &syn::Type) -> usize {
    match of {
        syn::Type::Tuple(tuple) => tuple.elems.iter().map(members).sum::<usize>().max(1),
        syn::Type::Reference(reference) => members(&reference.elem),
        syn::Type::Paren(paren) => members(&paren.elem),
        _ => 1,
    }
}

fn holds_bool(of: &syn::Type) -> bool {
    match of {
        syn::Type::Path(path) => path.path.is_ident("bool"),
        syn::Type::Tuple(tuple) => tuple.elems.iter().any(holds_bool),
        syn::Type::Reference(reference) => holds_bool(&reference.elem),
        _ => false,
    }
}

/// The functions of these sources that break a rule, with what they do.
fn problems(sources: &[Source], rule: impl Fn(&Function) -> Option<String>) -> Vec<String> {
    let of = |source: &Source| -> Vec<String> {
        let wrong = functions(source).into_iter().filter_map(|function| {
            let what = rule(&function)?;
            Some(format!("{}: {} {what}", source.at_line(function.line), function.name))
        });
        wrong.collect()
    };
    sources.iter().flat_map(of).collect()
}

#[test]
fn no_function_is_longer_than_a_screen() {
    let long = problems(&source::rust(EVERYWHERE), |function| {
        (function.lines > MOST_LINES).then(|| format!("has {} lines", function.lines))
    });
    assert_none("functions are too long", &long);
}

#[test]
fn no_function_has_too_many_arguments() {
    let many = problems(&source::rust(EVERYWHERE), |function| {
        (function.arguments > MOST_ARGUMENTS)
            .then(|| format!("has {} arguments", function.arguments))
    });
    assert_none("functions have too many arguments", &many);
}

#[test]
fn no_function_of_the_program_takes_a_boolean() {
    let found =
        problems(&source::program(), |function| function.takes_bool.then(|| "takes a bool".into()));
    assert_none("a call with `true` or `false` does not say what it asks for", &found);
}

#[test]
fn the_name_of_a_test_has_at_most_70_characters() {
    let long = problems(&source::rust(EVERYWHERE), |function| {
        let length = function.name.chars().count();
        (function.is_test && length > LONGEST_TEST_NAME).then(|| format!("has {length} characters"))
    });
    assert_none("names of tests are too long", &long);
}

#[test]
fn a_function_is_measured_by_its_signature_and_body() {
    let source = Source::parse(
        "src/made_up.rs",
        r"
        fn plain(a: A, b: Vec<(A, B)>, c: impl Fn(A, B) -> C, d: ()) -> D {
            todo!()
        }
        impl A {
            /// Its documentation does not count.
            #[expect(unused)]
            fn tuples(&self, (a, b): (A, (B, bool)), c: &(D, E)) {}
        }
        impl B for A {
            fn asked_for(&mut self, yes: bool) {}
        }
        trait B {
            fn asked_for(&mut self, yes: bool);
        }
        #[tokio::test]
        async fn is_checked() {
            fn inner(is: bool) {}
        }
        proptest! {
            #[test]
            fn holds(a in any::<u8>()) {
                a;
            }
        }",
    );
    let function = |name: &str, lines, arguments, line| Function {
        name: name.to_owned(),
        lines,
        arguments,
        takes_bool: false,
        is_test: false,
        line,
    };
    let test = |name, lines, line| Function { is_test: true, ..function(name, lines, 0, line) };
    assert_eq!(
        functions(&source),
        [
            function("plain", 3, 4, 2),
            Function { takes_bool: true, ..function("tuples", 1, 6, 8) },
            function("asked_for", 1, 2, 11),
            Function { takes_bool: true, ..function("asked_for", 1, 2, 14) },
            test("is_checked", 3, 17),
            Function { takes_bool: true, ..function("inner", 1, 1, 18) },
            test("holds", 3, 22),
        ]
    );
}
