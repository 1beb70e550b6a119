//! Sources for the file.

/// The sources of most tests: three accounts, and a team with a filter.
pub(crate) const THREE_ACCOUNTS_AND_A_TEAM: &str = r#"
[[source]]
name = "acme"
account = "acme"
token_env = "HEROKU_API_TOKEN"

[[source]]
name = "globex"
account = "globex"
token_env = "GLOBEX_TOKEN"

[[source]]
name = "initech"
account = "initech"
token_env = "INITECH_TOKEN"

[[source]]
name = "team-a"
account = "acme"
team = "team-a"
token_env = "HEROKU_API_TOKEN"
filter = { type = "app", action = "create", actor = "user@example.com" }
"#;

/// One source: the account acme.
pub(crate) const ACME: &str = r#"
[[source]]
name = "acme"
account = "acme"
token_env = "HEROKU_API_TOKEN"
"#;

/// The account acme, a team of it, and a filtered source.
pub(crate) const THREE_VIEWS: &str = r#"
[[source]]
name = "acme"
account = "acme"
token_env = "HEROKU_API_TOKEN"

[[source]]
name = "team-a"
account = "acme"
team = "team-a"
token_env = "HEROKU_API_TOKEN"

[[source]]
name = "apps"
account = "acme"
token_env = "HEROKU_API_TOKEN"
filter = { type = "app" }
"#;

/// A source with the default token, without further keys.
pub(crate) fn source(name: &str, account: &str) -> String {
    format!(
        "[[source]]\nname = \"{name}\"\naccount = \"{account}\"\n\
         token_env = \"HEROKU_API_TOKEN\"\n"
    )
}
