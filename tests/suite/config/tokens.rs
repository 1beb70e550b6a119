//! The tokens: taken from their variables and checked together.

use auditsync::config::{Config, Source};

use super::{LEAST, good};

fn tokens(config: &Config, env: &[(&str, &str)]) -> Result<Vec<String>, String> {
    let env = |name: &str| {
        env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    };
    let tokens = config.tokens(&config.sources, &env).map_err(|error| error.to_string())?;
    Ok(config.sources.iter().map(|source| tokens.of(source).expose().to_owned()).collect())
}

fn three_sources() -> Config {
    let second = LEAST.replacen("acme", "second", 1);
    let third = LEAST.replacen("acme", "third", 1).replace("HEROKU_API_TOKEN", "THIRD_TOKEN");
    good(&format!("{LEAST}{second}{third}rate_limit.burst = 1\n"))
}

#[test]
fn tokens_come_from_their_variables() {
    let got = tokens(&three_sources(), &[("HEROKU_API_TOKEN", "one\n"), ("THIRD_TOKEN", "two")]);
    assert_eq!(got, Ok(vec!["one".to_owned(), "one".to_owned(), "two".to_owned()]));
}

#[test]
fn all_unusable_tokens_are_reported_together_and_none_is_shown() {
    let said = tokens(&three_sources(), &[("THIRD_TOKEN", "s3cret\ns3cret")])
        .expect_err("unusable tokens");
    assert_eq!(
        said,
        "error: HEROKU_API_TOKEN, the token of sources `acme` and `second`, is not set\n\
         error: THIRD_TOKEN, the token of source `third`, contains a line break, so it is not \
         a token (its value is not shown)\n  \
         = help: on Heroku, set a variable with `heroku config:set NAME=TOKEN`; elsewhere, set \
         it in the environment\n\n\
         2 mistakes with tokens; nothing was requested or written"
    );
}

#[test]
fn sources_that_share_a_token_by_its_value_must_share_its_budget() {
    let said =
        tokens(&three_sources(), &[("HEROKU_API_TOKEN", "s3cret"), ("THIRD_TOKEN", " s3cret")]);
    let said = said.expect_err("two budgets for one token");
    assert!(said.starts_with("error: sources `acme` and `third` have the same token"), "{said}");
    assert!(!said.contains("s3cret"), "{said}");
    let others = |source: &&Source| source.name.as_ref() != "third";
    let config = three_sources();
    assert!(
        config.tokens(config.sources.iter().filter(others), &|_| Some("s3cret".to_owned())).is_ok()
    );
}
