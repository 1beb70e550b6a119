//! The secrets that the environment and the command line hold: told to [`secrets`], which keeps every text free of them.

use super::env;
use crate::cli::Global;
use crate::config::Config;
use crate::text::secrets::{self, SecretKind};

/// Variables that hold a password or a key, whoever reads them.
const PASSWORDS: [&str; 4] =
    ["PGPASSWORD", "PGSSLPASSWORD", "AUDITSYNC_SIGNING_KEY", "HEROKU_API_KEY"];

/// Proxies, whose addresses may have a password.
const PROXIES: [&str; 6] =
    ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// Learns what can be known before the file is read, so that a mistake in it, or in the arguments, is told without them.
pub(super) fn learn_usual() {
    learn_token("HEROKU_API_TOKEN");
    learn_database("DATABASE_URL");
    learn_address("AUDITSYNC_PING_URL");
    for variable in PROXIES {
        learn_database(variable);
    }
    for variable in PASSWORDS {
        secrets::learn(SecretKind::Password, &env(variable).unwrap_or_default());
    }
}

/// Learns what an option holds.
pub(super) fn learn_given(global: &Global) {
    secrets::learn_database(global.database_url.as_deref().unwrap_or_default());
}

/// Learns what the file's variables hold: all of them, also those that this run does not use.
pub(super) fn learn_of(config: &Config) {
    for source in &config.sources {
        learn_token(&source.token_env);
    }
    learn_database(&config.database.url_env);
    learn_address(&config.notify.ping_url_env);
}

fn learn_token(variable: &str) {
    // What stands beside a token, as in `Bearer …`, is no part of it.
    for word in env(variable).unwrap_or_default().split_whitespace() {
        secrets::learn(SecretKind::Token, word);
    }
}

fn learn_database(variable: &str) {
    secrets::learn_database(&env(variable).unwrap_or_default());
}

fn learn_address(variable: &str) {
    secrets::learn_address(&env(variable).unwrap_or_default());
}
