//! API tokens, read from the environment and never printed.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};

use secrecy::{ExposeSecret as _, SecretString};

use super::error::ConfigError;
use super::source::Source;

/// An API token. It can't be printed. Two tokens are equal by value, whatever variables hold them.
#[derive(Clone)]
pub struct Token(SecretString);

impl Token {
    /// Reads the text of a variable, without the white space around it. The error says why the text
    /// is no token, and quotes nothing of it.
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

    /// Replaces the token wherever it occurs in `text`.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if text.contains(self.expose()) {
            text.replace(self.expose(), "[token]").into()
        } else {
            text.into()
        }
    }

    /// The token's text, only for the header of a request. It is visible ASCII.
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
    /// The variable is empty or blank, which counts as not set.
    #[error("is not set")]
    Empty,
    /// The text has several lines.
    #[error("contains a line break, so it is not a token (its value is not shown)")]
    LineBreak,
    /// The text contains a space, as in `Bearer …`.
    #[error("contains a space, so it is not a token (its value is not shown)")]
    Space,
    /// The text contains a character that no HTTP header may carry.
    #[error("contains a character that no token has (its value is not shown)")]
    Character,
}

/// A source's token is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {why}. Set it to the token: `heroku config:set {variable}=…`")]
pub struct MissingToken {
    /// The variable that should hold it.
    pub variable: String,
    /// Why the variable holds none.
    pub why: TokenError,
}

/// The tokens of some sources.
#[derive(Debug, Clone, Default)]
pub struct Tokens {
    by_variable: HashMap<String, Result<Token, TokenError>>,
}

impl Tokens {
    /// The token of `source`. It is missing if `source` is not among those that these tokens were
    /// read for.
    pub fn of(&self, source: &Source) -> Result<&Token, MissingToken> {
        let variable = &source.token_env;
        let token = self.by_variable.get(variable).map(Result::as_ref);
        token.unwrap_or(Err(&TokenError::Empty)).map_err(|why| {
            let (variable, why) = (variable.clone(), *why);
            MissingToken { variable, why }
        })
    }

    /// See [`Config::tokens`](super::Config::tokens).
    pub(super) fn read<'s>(
        sources: impl IntoIterator<Item = &'s Source>,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let (mut tokens, mut problems) = (Self::default(), Vec::new());
        let mut budgets: HashMap<Token, &Source> = HashMap::new();
        let mut without: Vec<(MissingToken, Vec<&str>)> = Vec::new();
        for source in sources {
            let variable = &source.token_env;
            let read = || env(variable).map_or(Err(TokenError::Empty), |text| Token::parse(&text));
            tokens.by_variable.entry(variable.clone()).or_insert_with(read);
            match tokens.of(source) {
                Ok(token) => {
                    let first = budgets.entry(token.clone()).or_insert(source);
                    if first.rate_limit != source.rate_limit {
                        problems.push(two_budgets(first, source));
                    }
                }
                Err(missing) => match without.iter_mut().find(|(known, _)| *known == missing) {
                    Some((_, users)) => users.push(source.name.as_ref()),
                    None => without.push((missing, vec![source.name.as_ref()])),
                },
            }
        }
        if !problems.is_empty() {
            return Err(ConfigError::tokens(&problems));
        }
        if budgets.is_empty() && !without.is_empty() {
            let each =
                without.iter().map(|(missing, users)| format!("{}: {missing}", users.join(", ")));
            return Err(ConfigError::tokens(&each.collect::<Vec<_>>()));
        }
        Ok(tokens)
    }
}

fn two_budgets(first: &Source, second: &Source) -> String {
    format!(
        "sources `{}` and `{}` have the same token (in {} and {}) but different budgets: \
         set the same [source.rate_limit] for both",
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
    fn text_that_no_header_may_carry_is_not_a_token() {
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
