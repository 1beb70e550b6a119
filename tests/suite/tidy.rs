//! The rules for the source text: which module may use which, sizes, names, and unwanted words.
//!
//! Rust is read with `syn`, so the rules see what the compiler sees and not the layout of a line.

mod documents;
mod functions;
mod imports;
mod names;
mod order;
mod source;
mod text;

/// Folders with Rust that the rules about sizes and words cover.
const EVERYWHERE: &[&str] = &["src", "tests", "crates", "benches"];

/// Fails with one line for each problem.
#[track_caller]
fn assert_none(rule: &str, problems: &[String]) {
    assert!(problems.is_empty(), "{rule}:\n{}", problems.join("\n"));
}
