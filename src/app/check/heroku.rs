//! The part of the preflight that asks Heroku: about each token, and about each account and team
//! that it reads.

use std::time::Duration;

use super::super::context::App;
use super::super::environment::env;
use super::super::failure::Failure;
use super::super::run::archive_plan::odd_archives;
use super::archives::Record;
use crate::config::{Retry, Source, Token};
use crate::heroku::{
    Class, Client, Error, FoundTeam, ListedArchives, Session, TeamError, Teams, sanitize,
};
use crate::http::SetupError;
use crate::report::check::Check;

/// The longest wait for one answer, over all attempts. A person waits for the result.
const PATIENCE: Duration = Duration::from_secs(15);
/// The most attempts at one answer.
const ATTEMPTS: u32 = 3;

/// Checks the tokens of the enabled sources. The caller has reported the missing ones already.
pub(super) async fn look(app: &App<'_>, record: Option<&Record>) -> Result<Vec<Check>, Failure> {
    let usable =
        |source: &&Source| env(&source.token_env).is_some_and(|text| Token::parse(&text).is_ok());
    let sources: Vec<&Source> = app.enabled_sources().filter(usable).collect();
    // The caller has also reported two budgets for one token, with which no request is possible.
    let Ok(tokens) = app.config.tokens(sources.iter().copied(), &env) else {
        return Ok(Vec::new());
    };
    let client = match Client::new(&app.config.api, sources.iter().copied(), &tokens) {
        Ok(client) => client,
        Err(SetupError::NoCertificates(_)) => {
            let found = "this machine has no CA certificates, so Heroku can't be verified. No \
                request was sent";
            let host = app.config.api.base_url.host_str().unwrap_or_default();
            return Ok(vec![Check::bad("certificates", host, found, SetupError::INSTALL)]);
        }
        Err(error) => return Err(error.into()),
    };
    let mut of_token: Vec<(&Token, Vec<&Source>)> = Vec::new();
    for source in sources {
        let Ok(token) = tokens.of(source) else { continue };
        match of_token.iter_mut().find(|(known, _)| *known == token) {
            Some((_, sources)) => sources.push(source),
            None => of_token.push((token, vec![source])),
        }
    }
    let mut checks = Vec::new();
    for (token, sources) in of_token {
        Inquiry::new(&client, token, &sources, record).run(&mut checks).await;
    }
    Ok(checks)
}

/// All requests with one token.
struct Inquiry<'a> {
    session: Session,
    sources: &'a [&'a Source],
    /// The variables that hold the token.
    variables: String,
    /// What the database has on record, if it can be read.
    record: Option<&'a Record>,
}

impl<'a> Inquiry<'a> {
    fn new(
        client: &Client,
        token: &Token,
        sources: &'a [&'a Source],
        record: Option<&'a Record>,
    ) -> Self {
        let mut variables: Vec<&str> =
            sources.iter().map(|source| source.token_env.as_str()).collect();
        variables.sort_unstable();
        variables.dedup();
        let policy = sources.first().map(|source| source.retry.clone()).unwrap_or_default();
        let retry = Retry {
            max_attempts: policy
                .max_attempts
                .min(ATTEMPTS.try_into().unwrap_or(policy.max_attempts)),
            max_elapsed: policy.max_elapsed.min(PATIENCE),
            ..policy
        };
        let (session, variables) = (client.session(token, &retry), variables.join(", "));
        Self { session, sources, variables, record }
    }

    async fn run(&self, checks: &mut Vec<Check>) {
        // The quota comes first: this request is free, and with little quota left no other is sent.
        let quota = match self.session.quota().await {
            Ok(quota) => self.quota(quota.remaining),
            Err(error) if error.is_of_token() => {
                return checks.push(self.failed("user", &self.variables, &error));
            }
            Err(error) => self.failed("quota", &self.variables, &error),
        };
        if !quota.ok {
            return checks.push(quota);
        }
        let email = match self.session.user().await {
            Ok(user) => self.sanitize(&user.email),
            Err(error) => return checks.push(self.failed("user", &self.variables, &error)),
        };
        checks.push(Check::good(
            "user",
            &self.variables,
            format!("the token is valid, and belongs to {email}"),
        ));
        checks.push(quota);
        let mut accounts: Vec<&str> =
            self.sources.iter().map(|source| source.scope.account.as_str()).collect();
        accounts.sort_unstable();
        accounts.dedup();
        for account in accounts {
            self.account(account, &email, checks).await;
        }
    }

    fn quota(&self, remaining: u32) -> Check {
        let reserve = self.sources.first().map_or(0, |source| source.rate_limit.reserve);
        let found =
            format!("{remaining} requests left; the last {reserve} are reserved for others");
        if remaining > reserve {
            return Check::good("quota", &self.variables, found);
        }
        let advice = "No other request was sent with this token. Wait an hour, or find out who \
            uses \
            the quota up";
        Check::bad("quota", &self.variables, found, advice)
    }

    /// Checks an account, and the teams in it that sources name.
    async fn account(&self, name: &str, email: &str, checks: &mut Vec<Check>) {
        let before = checks.len();
        let permissions = match self.session.enterprise_account(name).await {
            Ok(account) => account.permissions,
            Err(error) => return checks.push(self.failed("account", name, &error)),
        };
        let variables = &self.variables;
        checks.push(match permissions {
            None => Check::good(
                "account",
                name,
                format!("seen with {variables}; Heroku does not show the permissions"),
            ),
            Some(known) if known.iter().any(|permission| permission == "manage") => Check::good(
                "account",
                name,
                format!("seen with {variables}, with the permission manage"),
            ),
            Some(known) => {
                let found = format!(
                    "{email} lacks the permission manage in this account, and has: {}",
                    known.join(", ")
                );
                let advice =
                    format!("Ask a manager of the account to give {email} the permission manage");
                Check::bad("account", name, self.sanitize(&found), self.sanitize(&advice))
            }
        });
        let in_account =
            |source: &&&Source| source.scope.account == name && source.scope.team.is_some();
        if self.sources.iter().any(|source| in_account(&source)) {
            self.teams(name, checks).await;
        }
        if checks[before..].iter().all(|check| check.ok) {
            self.archives(name, checks).await;
        }
    }

    /// Warns about archives that are not on record.
    async fn archives(&self, account: &str, checks: &mut Vec<Check>) {
        let Some(record) = self.record else { return };
        match self.session.archives(account).await {
            Ok(ListedArchives { archives, odd }) => {
                if !odd.is_empty() {
                    let odd = self.sanitize(&odd_archives(&odd));
                    checks.push(Check::good("archives", account, odd));
                }
                let of_account = |source: &&&Source| source.scope.account == account;
                let sources: Vec<&Source> =
                    self.sources.iter().filter(of_account).copied().collect();
                checks.extend(record.look(account, &sources, &archives).await);
            }
            // A sync needs no archive.
            Err(error) => {
                let failed = self.failed("archives", account, &error);
                checks.push(Check { ok: true, ..failed });
            }
        }
    }

    async fn teams(&self, account: &str, checks: &mut Vec<Check>) {
        let mut wanted: Vec<&str> = self
            .sources
            .iter()
            .filter(|source| source.scope.account == account)
            .filter_map(|source| source.scope.team.as_deref())
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        let teams = Teams::default();
        if let Err(error) = teams.listed(&self.session, account).await {
            return checks.extend(wanted.iter().map(|team| self.failed("team", team, &error)));
        }
        for team in wanted {
            let is_its = |source: &&&Source| {
                source.scope.account == account && source.scope.team.as_deref() == Some(team)
            };
            let Some(source) = self.sources.iter().find(is_its) else { continue };
            checks.push(match teams.find(&self.session, &source.scope).await {
                Ok(Some(FoundTeam { lost: Some(lost), .. })) => {
                    Check::good("team", team, lost.to_string()).advise(lost.hint())
                }
                Ok(Some(FoundTeam { team: known, .. })) => Check::good(
                    "team",
                    team,
                    format!("{} in {account}", self.sanitize(&known.name)),
                ),
                Ok(None) => continue,
                Err(TeamError::Heroku(error)) => self.failed("team", team, &error),
                Err(none) => Check::bad("team", team, none.to_string(), none.hint(source)),
            });
        }
    }

    fn failed(&self, check: &'static str, subject: &str, error: &Error) -> Check {
        let of_account = self.sources.iter().find(|source| source.scope.account == subject);
        let source = of_account.or(self.sources.first()).copied();
        let advice = match (error.class(), source) {
            (Class::Lasting, Some(source)) => error.hint(source),
            _ => "Check that this machine reaches Heroku (status.heroku.com), and try \
                 again"
                .to_owned(),
        };
        Check::bad(check, subject, error.to_string(), advice)
    }

    fn sanitize(&self, text: &str) -> String {
        sanitize(text, self.session.token())
    }
}
