//! The first file: the example, with the user's own sources in place of the example's.

use std::fmt::Write as _;
use std::path::Path;

use toml::Value as Toml;
use toml::de::DeValue;

use super::base_url::BaseUrl;
use super::error::ConfigError;
use super::mask;
use super::settings::Config;
use super::value::{NameOrId, ValueKind, VariableName};
use crate::text::{shown, steers};

/// The project's example, whose comments the first file has too.
const EXAMPLE: &str = include_str!("../../audit.toml");

/// Where the example's comments stand.
const COMMENTS: usize = 36;

/// The longest name of a source.
const LONGEST_NAME: usize = 63;

/// What the first file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstFile {
    /// The variable that holds the token.
    pub token_env: String,
    /// The address of the API, unless it is Heroku's.
    pub base_url: Option<String>,
    /// The sources.
    pub sources: Vec<FirstSource>,
}

/// A source of the first file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstSource {
    /// Its name in the file.
    pub name: String,
    /// The account, by its name or id.
    pub account: String,
    /// The team, by its name or id.
    pub team: Option<String>,
    /// What a comment says about it.
    pub remark: Option<String>,
}

impl FirstFile {
    /// The text of the file, which is correct. Messages call it `path`.
    pub fn text(&self, path: &Path) -> Result<String, ConfigError> {
        let (head, block, tail) = parts(EXAMPLE);
        let mut text =
            String::from("# What auditsync copies, and how. `auditsync init` wrote this file.\n");
        // The first paragraph tells how to edit the example.
        for line in head.lines().skip_while(|line| *line != "#") {
            match &self.base_url {
                Some(url) if line.starts_with("# base_url = ") => {
                    let _ = writeln!(text, "base_url = {}", quoted(url));
                }
                _ => text.extend([line, "\n"]),
            }
        }
        for (number, source) in self.sources.iter().enumerate() {
            // The comments of the example explain the first source.
            let explained = if number == 0 { block } else { "" };
            source.write(&mut text, &self.token_env, explained);
        }
        text.push_str(tail);
        let text = format!("{}\n", text.trim_end());
        Config::parse(path, &text).map(|_| text)
    }
}

impl FirstSource {
    fn write(&self, text: &mut String, token_env: &str, explained: &str) {
        if let Some(remark) = &self.remark {
            let _ = writeln!(text, "# {}", shown(remark));
        }
        text.push_str("[[source]]\n");
        let keys = [
            ("name", Some(&*self.name)),
            ("account", Some(&*self.account)),
            ("team", self.team.as_deref()),
            ("token_env", Some(token_env)),
        ];
        for (key, value) in keys {
            let Some(value) = value else { continue };
            let line = format!("{key} = {}", quoted(value));
            let is_its = |line: &&str| line.starts_with(&format!("{key} = "));
            let comment = explained.lines().find(is_its).and_then(|line| line.split_once('#'));
            let _ = match comment {
                Some((_, comment)) => writeln!(text, "{line:<COMMENTS$}#{comment}"),
                None => writeln!(text, "{line}"),
            };
        }
        let comments = explained.lines().filter(|line| line.starts_with('#'));
        comments.for_each(|line| text.extend([line, "\n"]));
        text.push('\n');
    }
}

/// The example before its first source, that source, and the comments after it.
fn parts(example: &str) -> (&str, &str, &str) {
    let begin = example.find("\n[[source]]\n").map_or(example.len(), |at| at + 1);
    let (head, rest) = example.split_at(begin);
    let (block, tail) = rest.split_at(rest.find("\n\n").map_or(rest.len(), |at| at + 2));
    // Only comments say the same about other sources.
    let is_comment = |line: &str| line.is_empty() || line.starts_with('#');
    (head, block, if tail.lines().all(is_comment) { tail } else { "" })
}

fn quoted(text: &str) -> String {
    Toml::String(text.to_owned()).to_string()
}

/// Whether `text` names a variable. The error quotes nothing of it, because it may be a secret.
pub fn variable_name(text: &str) -> Result<String, String> {
    if mask::is_token(text) || mask::is_uuid(text) {
        return Err(
            "this looks like a token: put it into a variable, and give the variable's name"
                .to_owned(),
        );
    }
    let read = VariableName::read(&DeValue::String(text.into()));
    read.map(|VariableName(name)| name)
        .map_err(|misfit| format!("this names no variable: {}", misfit.label))
}

/// Whether `text` is an address of the API.
pub fn base_url(text: &str) -> Result<String, String> {
    let read = BaseUrl::read(&DeValue::String(text.into()));
    read.map(|BaseUrl(url)| url.to_string()).map_err(|misfit| misfit.label)
}

/// The name or the id of an account or team, whichever the file can hold and people can read.
pub fn name_or_id<'a>(name: &'a str, id: &'a str) -> Option<&'a str> {
    let is_fit = |text: &&str| {
        NameOrId::read(&DeValue::String((*text).into())).is_ok() && !text.chars().any(steers)
    };
    [name, id].into_iter().find(is_fit)
}

/// A name for a source that none of `taken` has: what the names of the account and the team leave
/// of the letters that a source's name may have.
pub fn source_name(account: &str, team: Option<&str>, taken: &[FirstSource]) -> String {
    let parts = [Some(account), team].into_iter().flatten();
    let words: Vec<String> = parts.map(slug).filter(|word| !word.is_empty()).collect();
    let base = if words.is_empty() { "source".to_owned() } else { words.join("-") };
    let numbered = |number: u32| {
        let suffix = if number == 1 { String::new() } else { format!("-{number}") };
        let length = base.len().min(LONGEST_NAME - suffix.len());
        format!("{}{suffix}", &base[..length])
    };
    let is_free = |name: &String| !taken.iter().any(|source| source.name == *name);
    (1..=taken.len() as u32 + 1).map(numbered).find(is_free).unwrap_or(base)
}

/// Lower-case ASCII letters, digits, `-` and `_`. Everything else between them becomes one `-`.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.to_ascii_lowercase().chars() {
        match c {
            'a'..='z' | '0'..='9' | '_' => slug.push(c),
            _ if slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
    }
    slug.trim_matches(['-', '_']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str, account: &str, team: Option<&str>) -> FirstSource {
        let team = team.map(str::to_owned);
        FirstSource { name: name.to_owned(), account: account.to_owned(), team, remark: None }
    }

    fn text(sources: Vec<FirstSource>, base_url: Option<&str>) -> String {
        let base_url = base_url.map(str::to_owned);
        let file = FirstFile { token_env: "ACME_TOKEN".to_owned(), base_url, sources };
        file.text("audit.toml".as_ref()).expect("a correct file")
    }

    #[test]
    fn only_what_was_chosen_is_active_and_the_example_s_comments_stay() {
        let sources = vec![source("acme", "acme", None), source("b-t", "b", Some("t"))];
        let text = text(sources, Some("http://127.0.0.1:1"));
        let config = Config::parse("audit.toml".as_ref(), &text).expect("a correct file");
        let names: Vec<String> =
            config.sources.iter().map(|source| source.name.to_string()).collect();
        assert_eq!(names, ["acme", "b-t"]);
        assert_eq!(config.sources[1].scope.team.as_deref(), Some("t"));
        assert_eq!(config.sources[0].token_env, "ACME_TOKEN");
        assert_eq!(config.api.base_url.as_str(), "http://127.0.0.1:1/");
        for comment in
            ["# max_connections = 4", "# max_attempts = 6", "# the variable that holds the"]
        {
            assert!(text.contains(comment), "{comment}: {text}");
        }
        let is_active = |line: &&str| !line.is_empty() && !line.starts_with(['#', '[']);
        assert_eq!(text.lines().filter(is_active).count(), 1 + 3 + 4, "{text}");
    }

    #[test]
    fn a_name_of_heroku_s_is_escaped_or_replaced_by_the_id() {
        assert_eq!(name_or_id("acme", "1"), Some("acme"));
        for odd in ["", "a b", "a/b", "a\u{1b}[2J", "a\u{202e}b", "HRKU-0000-1111", "..", "a\nb"] {
            assert_eq!(name_or_id(odd, "id-1"), Some("id-1"), "{odd:?}");
            assert_eq!(name_or_id(odd, "a b"), None, "{odd:?}");
        }
        let name = "a\"b'c]=é";
        let account = name_or_id(name, "1").expect("a name");
        let written = text(vec![source("a", account, None)], None);
        let config = Config::parse("audit.toml".as_ref(), &written).expect("a correct file");
        assert_eq!(config.sources[0].scope.account, name);
        let hostile = "x\n[[source]]\u{1b}";
        let remark = Some(hostile.to_owned());
        let written = text(vec![FirstSource { remark, ..source("a", "b", None) }], None);
        assert!(!written.contains('\u{1b}') && written.matches("\n[[source]]").count() == 1);
    }

    #[test]
    fn names_of_sources_are_made_from_heroku_s_and_differ() {
        let taken = [source("acme", "acme", None), source("acme-2", "acme", None)];
        for (account, team, name) in [
            ("globex", None, "globex"),
            ("Acme Inc.", None, "acme-inc"),
            ("acme", None, "acme-3"),
            ("acme", Some("Team A"), "acme-team-a"),
            ("李雷", None, "source"),
            ("--x__", None, "x"),
        ] {
            assert_eq!(source_name(account, team, &taken), name);
        }
        let long = "a".repeat(100);
        let first = source_name(&long, None, &[]);
        assert_eq!(first.len(), LONGEST_NAME);
        let second = source_name(&long, None, &[source(&first, "a", None)]);
        assert!(second.len() == LONGEST_NAME && second.ends_with("-2"), "{second}");
    }

    #[test]
    fn a_variable_is_checked_and_a_token_in_its_place_is_not_repeated() {
        assert_eq!(variable_name("HEROKU_API_TOKEN"), Ok("HEROKU_API_TOKEN".to_owned()));
        for odd in ["", "1A", "a b", "$A", "HRKU-1234-5678", "01234567-89ab-cdef-0123-456789abcdef"]
        {
            let error = variable_name(odd).expect_err(odd);
            assert!(odd.len() < 3 || !error.contains(odd), "{error}");
        }
        assert!(base_url("http://example.com").is_err() && base_url("x").is_err());
    }
}
