//! The tokens: taken from their variables and checked together.

use auditsync::config::{Config, Source};

use super::{LEAST, good};

fn tokens(config: &Config, env: &[(&str, &str)]) -> Result<Vec<String>, String> {
    let env = |name: &str| {
        env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    };
    let tokens = config.tokens(&config.sources, &env).map_err(|error| error.to_string())?;
    let token = |source| tokens.of(source).map(|token| token.expose().to_owned());
    Ok(config
        .sources
        .iter()
        .map(|source| token(source).unwrap_or_else(|no| no.to_string()))
        .collect())
}

fn three_sources() -> Config {
    let second = LEAST.replace("acme", "second");
    let third = LEAST.replace("acme", "third").replace("HEROKU_API_TOKEN", "THIRD_TOKEN");
    good(&format!("{LEAST}{second}{third}rate_limit.burst = 1\n"))
}

#[test]
fn tokens_come_from_their_variables() {
    let got = tokens(&three_sources(), &[("HEROKU_API_TOKEN", "one\n"), ("THIRD_TOKEN", "two")]);
    assert_eq!(got, Ok(vec!["one".to_owned(), "one".to_owned(), "two".to_owned()]));
}

#[test]
fn without_any_token_each_variable_is_named_and_no_value_is_shown() {
    let env = [("HEROKU_API_TOKEN", " \t"), ("THIRD_TOKEN", "s3cret\ns3cret")];
    let said = tokens(&three_sources(), &env).expect_err("unusable tokens");
    assert_eq!(
        said,
        "error: acme, second: HEROKU_API_TOKEN is not set. Set it to the token: \
         `heroku config:set HEROKU_API_TOKEN=…`\n\
         error: third: THIRD_TOKEN contains a line break, so it is not a token (its value is not \
         shown). Set it to the token: `heroku config:set THIRD_TOKEN=…`\n\n\
         nothing was requested or written"
    );
}

#[test]
fn a_missing_token_concerns_its_own_sources_alone() {
    let got = tokens(&three_sources(), &[("THIRD_TOKEN", "two")]).expect("one token is enough");
    let missing = "HEROKU_API_TOKEN is not set. Set it to the token: \
                   `heroku config:set HEROKU_API_TOKEN=…`";
    assert_eq!(got, [missing, missing, "two"]);
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
