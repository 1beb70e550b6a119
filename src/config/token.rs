//! API tokens: read from the environment when they are needed, never printed.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};

use secrecy::{ExposeSecret as _, SecretString};

use super::{ConfigError, Source, near};

/// An API token. It is equal to another by its value, whatever variables the two came from, and can't be printed.
#[derive(Clone)]
pub struct Token(SecretString);

impl Token {
    /// A token from the text of a variable; white space around it is dropped. The error says why it can't be one, and holds
    /// nothing of it.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        match text.chars().find(|c| !c.is_ascii_graphic()) {
            None if text.is_empty() => Err(TokenError::Empty),
            None => Ok(Self(text.into())),
            Some('\n' | '\r') => Err(TokenError::LineBreak),
            Some(c) if c.is_whitespace() => Err(TokenError::Space),
            Some(_) => Err(TokenError::Character),
        }
    }

    /// `text` with the token replaced wherever it occurs.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if text.contains(self.expose()) {
            text.replace(self.expose(), "[token]").into()
        } else {
            text.into()
        }
    }

    /// The text itself, for the header of a request and nothing else. It is visible ASCII.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Token {}

impl Hash for Token {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.expose().hash(state);
    }
}

/// Why the text of a variable is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// There is nothing in it, which is as if it were not set.
    #[error("is not set")]
    Empty,
    /// It goes over several lines.
    #[error("holds a line break, so it is no token (its value is not shown)")]
    LineBreak,
    /// There is a space in it, as in `Bearer …`.
    #[error("holds a space, so it is no token (its value is not shown)")]
    Space,
    /// There is a character in it that no HTTP header may carry.
    #[error("holds a character that no token has (its value is not shown)")]
    Character,
}

/// The tokens of some sources.
#[derive(Debug, Clone, Default)]
pub struct Tokens {
    by_variable: HashMap<String, Token>,
}

impl Tokens {
    /// The token of `source`.
    ///
    /// # Panics
    /// If `source` is not among those that these tokens were read for.
    pub fn of(&self, source: &Source) -> &Token {
        &self.by_variable[&source.token_env]
    }

    /// Reads the tokens of `sources`; see [`Config::tokens`](super::Config::tokens).
    pub(super) fn read<'s>(
        sources: impl IntoIterator<Item = &'s Source>,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let mut users: Vec<(&str, Vec<&Source>)> = Vec::new();
        for source in sources {
            match users.iter_mut().find(|(variable, _)| *variable == source.token_env) {
                Some((_, users)) => users.push(source),
                None => users.push((&source.token_env, vec![source])),
            }
        }
        let mut tokens = Self::default();
        let mut problems = Vec::new();
        let mut budgets: HashMap<Token, &Source> = HashMap::new();
        for (variable, users) in users {
            let why = match env(variable).map(|text| Token::parse(&text)) {
                None => "is not set".to_owned(),
                Some(Err(error)) => error.to_string(),
                Some(Ok(token)) => {
                    for source in users {
                        let first = budgets.entry(token.clone()).or_insert(source);
                        if first.rate_limit != source.rate_limit {
                            problems.push(shared(first, source));
                        }
                    }
                    tokens.by_variable.insert(variable.to_owned(), token);
                    continue;
                }
            };
            let noun = if users.len() == 1 { "source" } else { "sources" };
            let names = near::list(users.iter().map(|source| source.name.as_ref()));
            problems.push(format!("{variable}, the token of {noun} {names}, {why}"));
        }
        if problems.is_empty() { Ok(tokens) } else { Err(ConfigError::tokens(&problems)) }
    }
}

/// Says that two sources have one token, by its value, and two budgets.
fn shared(first: &Source, second: &Source) -> String {
    format!(
        "sources `{}` and `{}` have the same token (in {} and {}) but different budgets: set the same [source.rate_limit] for both",
        first.name, second.name, first.token_env, second.token_env,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_trimmed_and_never_printed() {
        let token = Token::parse(" HRKU-secret\n").expect("a token");
        assert_eq!(token.expose(), "HRKU-secret");
        assert_eq!(format!("{token:?} {:?}", Some(&token)), "Token(…) Some(Token(…))");
        assert_eq!(Token::parse("HRKU-secret"), Ok(token));
    }

    #[test]
    fn what_no_header_may_carry_is_no_token() {
        for (text, error) in [
            (" \n", TokenError::Empty),
            ("a\nb", TokenError::LineBreak),
            ("Bearer a", TokenError::Space),
            ("a\0b", TokenError::Character),
            ("tökén", TokenError::Character),
        ] {
            assert_eq!(Token::parse(text), Err(error));
        }
    }
}
