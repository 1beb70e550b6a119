//! Registers the secrets of the environment and the command line with [`secrets`], which redacts
//! them in every text.

use super::environment::env;
use crate::cli::Global;
use crate::config::Config;
use crate::text::secrets::{self, SecretKind};

/// Variables that hold a password or a key, for any program.
const PASSWORDS: [&str; 3] = ["PGPASSWORD", "PGSSLPASSWORD", "HEROKU_API_KEY"];

/// Addresses of proxies, which may hold a password.
const PROXIES: [&str; 6] =
    ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// Learns the usual secrets before the arguments and the file are read, because messages about
/// these may quote them.
pub(super) fn learn_usual() {
    learn_token("HEROKU_API_TOKEN");
    learn_database("DATABASE_URL");
    learn_address("AUDITSYNC_PING_URL");
    learn_key("AUDITSYNC_SIGNING_KEY");
    for variable in PROXIES {
        learn_database(variable);
    }
    for variable in PASSWORDS {
        secrets::learn(SecretKind::Password, &env(variable).unwrap_or_default());
    }
}

/// Learns the secret in an option.
pub(super) fn learn_given(global: &Global) {
    secrets::learn_database(global.database_url.as_deref().unwrap_or_default());
}

/// Learns the secrets of all variables that the file names, also of those that this run does not
/// use.
pub(super) fn learn_of(config: &Config) {
    for source in &config.sources {
        learn_token(&source.token_env);
    }
    learn_database(&config.database.url_env);
    learn_address(&config.notify.ping_url_env);
    let evidence = &config.evidence;
    let keys = [&evidence.signing_key_env, &evidence.previous_signing_key_env];
    keys.into_iter().flatten().for_each(|variable| learn_key(variable));
}

fn learn_token(variable: &str) {
    // A value may hold more than the token, as in `Bearer …`.
    for word in env(variable).unwrap_or_default().split_whitespace() {
        secrets::learn(SecretKind::Token, word);
    }
}

fn learn_key(variable: &str) {
    let key = env(variable).unwrap_or_default();
    // `PRIVATE+KEY+NAME+HASH+BASE64`: only the last part is secret, and it may stand alone.
    let last = key.splitn(5, '+').nth(4).unwrap_or_default();
    for secret in [&key, last] {
        secrets::learn(SecretKind::Password, secret);
    }
}

fn learn_database(variable: &str) {
    secrets::learn_database(&env(variable).unwrap_or_default());
}

fn learn_address(variable: &str) {
    secrets::learn_address(&env(variable).unwrap_or_default());
}
