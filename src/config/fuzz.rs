//! Any text as a configuration: no panic, no secret in a message, and only valid TOML is accepted.

use std::collections::HashSet;
use std::path::Path;

use super::Config;
use crate::fuzz::{fuzz, spelled};

const TOKEN: &str = "HRKU-canary";
const PASSWORD: &str = "swordfish";

#[rustfmt::skip]
const WORDS: &[&str] = &[
    "[[source]]\n", "name = \"acme\"\n", "account = \"acme\"\n", "token_env = \"TOKEN\"\n",
    "[api]\n", "[retry]\n", "[sync]\n", "[lock]\n",
    "[[source]]\nname = \"a\"\naccount = \"a\"\ntoken_env = \"T\"\n", "[source.retry]\n",
    "[rate_limit]\n", "[database]\n", "[events]\n", "base_url = \"https://x\"\n", "page_size = ",
    "burst = ", "max_attempts = ", "multiplier = ", "jitter = ", "recheck_after = ",
    "stale_after = ", "heartbeat_every = ", "since = ", "filter = ", "enabled = ", "log = ",
    "team = ", "url_env = ", "max_elapsed = ", "0", "1", "1000", "-1", "1.5", "inf", "\"1d\"",
    "\"15m\"", "\"500ms\"", "\"99999999999999d\"", "[", "]", "{", "}", ",", "=", "\"", "'", "\n",
    "\n", "#", ".", "true", "2024-09-01", "\"2024-09-01\"", "\"full\"", "{ type = \"app\" }", "é",
    "\u{1b}", "\u{202e}", "\\u001b", "\"\"\"\n", "'''", "token = \"HRKU-canary\"\n",
    "token_env = \"HRKU-canary\"\n", "\"HRKU-canary\"", "base_url = \"https://me:swordfish@x\"\n",
    "url_env = \"postgres://me:swordfish@x/d\"\n", "source", "[\"x\"]\n", "\r\n", "\t",
    "tokn_env = \"T\"\n",
];

#[test]
fn a_file_is_accepted_or_its_mistakes_are_shown_without_secrets() {
    fuzz!("configurations", |input: &[u8]| {
        let text =
            String::from_utf8_lossy(&spelled(&input[..input.len().min(24)], WORDS)).into_owned();
        match Config::parse(Path::new("audit.toml"), &text) {
            Ok(config) => {
                assert!(text.parse::<toml::Table>().is_ok(), "accepted, but not TOML: {text:?}");
                let names: HashSet<_> = config.sources.iter().map(|source| &source.name).collect();
                assert!(!names.is_empty() && names.len() == config.sources.len());
                assert_eq!(
                    Config::parse(Path::new("audit.toml"), &text).expect("right again"),
                    config
                );
            }
            Err(error) => {
                let message = error.to_string();
                assert!(message.contains("audit.toml"), "{message}");
                let has_secret = message.contains(TOKEN) || message.contains(PASSWORD);
                assert!(!has_secret && !message.contains('\u{1b}'), "{text:?}: {message:?}");
            }
        }
    });
}
