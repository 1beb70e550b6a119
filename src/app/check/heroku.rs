//! Heroku's part of a preflight: each token, and each account and team that is read with it, asked for once.

use std::time::Duration;

use super::super::fetch::advice;
use super::super::teams::{Found, NoSelector, Teams};
use super::super::{App, Failure, env};
use crate::config::{Retry, Source, Token};
use crate::heroku::{Client, Cost, Error, Session, SetupError, sanitize};
use crate::report::check::Check;

/// The longest that one answer is waited for, over all attempts: somebody sits there.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often it is asked for.
const ATTEMPTS: u32 = 3;

/// Looks at what the enabled sources are read with. Tokens that are not there were told before.
pub(super) async fn look(app: &App<'_>) -> Result<Vec<Check>, Failure> {
    let usable =
        |source: &&Source| env(&source.token_env).is_some_and(|text| Token::parse(&text).is_ok());
    let sources: Vec<&Source> = super::enabled(app).filter(usable).collect();
    // Two budgets for one token were told before, too, and leave no way to ask.
    let Ok(tokens) = app.config.tokens(sources.iter().copied(), &env) else {
        return Ok(Vec::new());
    };
    let client = match Client::new(&app.config.api, sources.iter().copied(), &tokens) {
        Ok(client) => client,
        Err(SetupError::NoCertificates(_)) => {
            let found = "this machine has no certificates of CAs, so Heroku can't be verified, and was not asked";
            let host = app.config.api.base_url.host_str().unwrap_or_default();
            return Ok(vec![Check::bad("certificates", host, found, SetupError::INSTALL)]);
        }
        Err(error) => return Err(error.into()),
    };
    let mut of_token: Vec<(&Token, Vec<&Source>)> = Vec::new();
    for source in sources {
        let token = tokens.of(source);
        match of_token.iter_mut().find(|(known, _)| *known == token) {
            Some((_, sources)) => sources.push(source),
            None => of_token.push((token, vec![source])),
        }
    }
    let mut checks = Vec::new();
    for (token, sources) in of_token {
        Inquiry::new(&client, token, &sources).run(&mut checks).await;
    }
    Ok(checks)
}

/// All questions that are asked with one token.
struct Inquiry<'a> {
    client: &'a Client,
    asker: Session,
    sources: &'a [&'a Source],
    /// The variables that hold the token.
    variables: String,
}

impl<'a> Inquiry<'a> {
    fn new(client: &'a Client, token: &Token, sources: &'a [&'a Source]) -> Self {
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
        Self {
            client,
            asker: Session::new(token, &retry),
            sources,
            variables: variables.join(", "),
        }
    }

    async fn run(&self, checks: &mut Vec<Check>) {
        // The quota comes first: asking for it does not count, and where little is left nothing else is asked.
        let quota = match self.client.quota(&self.asker).await {
            Ok(quota) => self.quota(quota.remaining),
            Err(error) if is_refused(&error) => {
                return checks.push(self.failed("user", &self.variables, &error));
            }
            Err(error) => self.failed("quota", &self.variables, &error),
        };
        if !quota.ok {
            return checks.push(quota);
        }
        let email = match self.client.user(&self.asker).await {
            Ok(user) => self.sanitize(&user.email),
            Err(error) => return checks.push(self.failed("user", &self.variables, &error)),
        };
        checks.push(Check::good(
            "user",
            &self.variables,
            format!("the token is valid, and that of {email}"),
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
            format!("{remaining} requests left, of which the last {reserve} stay with others");
        if remaining > reserve {
            return Check::good("quota", &self.variables, found);
        }
        let advice = "Nothing else was asked with this token; wait an hour, or find out who uses the quota up";
        Check::bad("quota", &self.variables, found, advice)
    }

    /// An account, and the teams in it that sources name.
    async fn account(&self, name: &str, email: &str, checks: &mut Vec<Check>) {
        let permissions = match self.client.enterprise_account(name, &self.asker).await {
            Ok(account) => account.permissions,
            Err(error) => return checks.push(self.failed("account", name, &error)),
        };
        let variables = &self.variables;
        checks.push(match permissions {
            None => Check::good(
                "account",
                name,
                format!("seen with {variables}; Heroku tells no permissions"),
            ),
            Some(known) if known.iter().any(|permission| permission == "manage") => Check::good(
                "account",
                name,
                format!("seen with {variables}, with the permission manage"),
            ),
            Some(known) => {
                let found = format!(
                    "{email} lacks the permission manage in it, and has: {}",
                    known.join(", ")
                );
                let advice = format!(
                    "Have somebody who manages the account give {email} the permission manage"
                );
                Check::bad("account", name, self.sanitize(&found), self.sanitize(&advice))
            }
        });
        let in_account =
            |source: &&&Source| source.scope.account == name && source.scope.team.is_some();
        if self.sources.iter().any(|source| in_account(&source)) {
            self.teams(name, checks).await;
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
        let mut cost = Cost::default();
        let teams = Teams::default();
        if let Err(error) = teams.listed(self.client, account, &self.asker, &mut cost).await {
            return checks.extend(wanted.iter().map(|team| self.failed("team", team, &error)));
        }
        for team in wanted {
            let is_its = |source: &&&Source| {
                source.scope.account == account && source.scope.team.as_deref() == Some(team)
            };
            let Some(source) = self.sources.iter().find(is_its) else { continue };
            checks.push(
                match teams.find(self.client, &source.scope, &self.asker, &mut cost).await {
                    Ok(Some(Found { lost: Some(lost), .. })) => {
                        Check::good("team", team, lost.to_string()).advise(lost.advice())
                    }
                    Ok(Some(Found { team: known, .. })) => Check::good(
                        "team",
                        team,
                        format!("{} in {account}", self.sanitize(&known.name)),
                    ),
                    Ok(None) => continue,
                    Err(NoSelector::Heroku(error)) => self.failed("team", team, &error),
                    Err(none) => Check::bad("team", team, none.to_string(), none.advice(source)),
                },
            );
        }
    }

    fn failed(&self, check: &'static str, subject: &str, error: &Error) -> Check {
        let of_account = self.sources.iter().find(|source| source.scope.account == subject);
        let source = of_account.or(self.sources.first()).copied();
        let advice = match (error.fault.status().map(|status| status.as_u16()), source) {
            (Some(300..=399 | 400..=428 | 430..=499), Some(source)) => advice(&error.fault, source),
            _ => {
                "See that this machine reaches Heroku (status.heroku.com), and try again".to_owned()
            }
        };
        Check::bad(check, subject, error.to_string(), advice)
    }

    fn sanitize(&self, text: &str) -> String {
        sanitize(text, &self.asker.token)
    }
}

/// Whether Heroku takes the token for none.
fn is_refused(error: &Error) -> bool {
    error.fault.status().is_some_and(|status| status.as_u16() == 401)
}
