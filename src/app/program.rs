//! Which program this is, as far as its build and the platform know.

use super::environment::env;
use crate::report::program::Program;
use crate::text::clean;

/// The variables in which Heroku names the commit of the app, the newer one first.
const COMMITS: [&str; 2] = ["HEROKU_BUILD_COMMIT", "HEROKU_SLUG_COMMIT"];

/// The version, commit and release of this process.
pub(super) fn this_program() -> Program {
    deployed(Program::default(), env)
}

/// The program as the platform names it. The commit of the app stands for the program's own where
/// the build knew none.
fn deployed(built: Program, variable: impl Fn(&str) -> Option<String>) -> Program {
    let named = |name: &str| variable(name).map(|value| clean(value.trim()));
    Program {
        commit: built.commit.or_else(|| COMMITS.iter().find_map(|name| named(name))),
        release: named("HEROKU_RELEASE_VERSION"),
        ..built
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_app_s_commit_stands_for_one_that_the_build_did_not_know() {
        let name = |built: Option<&str>, variables: &[(&str, &str)]| {
            let built =
                Program { version: "1.2.3", commit: built.map(str::to_owned), release: None };
            let variable = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            deployed(built, variable).to_string()
        };
        let (old, new) = (("HEROKU_SLUG_COMMIT", "0123456"), ("HEROKU_BUILD_COMMIT", "89abcde"));
        assert_eq!(name(None, &[]), "1.2.3");
        assert_eq!(name(None, &[old]), "1.2.3 (commit 0123456)");
        assert_eq!(name(None, &[old, new]), "1.2.3 (commit 89abcde)");
        assert_eq!(name(Some("fedcba9"), &[old, new]), "1.2.3 (commit fedcba9)");
        let hostile = ("HEROKU_RELEASE_VERSION", " v7\u{1b}[2J\n");
        assert_eq!(name(None, &[hostile]), "1.2.3 (release v7\\u{1b}[2J)");
    }
}
