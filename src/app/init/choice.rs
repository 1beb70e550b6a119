//! What a token may read, and which of it the file gets.

use super::super::failure::Failure;
use super::ask::Questions;
use crate::config::{FirstSource, name_or_id, source_name};
use crate::heroku::{ListedAccount, Team};

/// The most teams that a comment names.
const NAMED: usize = 20;

/// An account that the token may read.
#[derive(Debug)]
pub(super) struct OfferedAccount {
    pub(super) account: ListedAccount,
    pub(super) teams: Vec<Team>,
}

/// The accounts of a token.
#[derive(Debug, Default)]
pub(super) struct Offered {
    pub(super) accounts: Vec<OfferedAccount>,
    /// The names of the accounts whose audit trail the token may not read.
    pub(super) refused: Vec<String>,
}

/// A source that can be chosen.
struct Choice<'o> {
    account: &'o ListedAccount,
    team: Option<&'o Team>,
}

impl Offered {
    /// Why there is nothing to choose from.
    pub(super) fn why_none(&self, token_env: &str) -> String {
        let have = if self.refused.is_empty() {
            format!(
                "the user of the token in {token_env} is a member of no enterprise account, and \
                 only these have an audit trail: a team without one has none"
            )
        } else {
            format!(
                "the user of the token in {token_env} lacks the permission `manage` in {}, which \
                 the audit trail needs",
                self.refused.join(", ")
            )
        };
        format!(
            "{have}. Ask a manager of the account for `manage`, or use the token of a user who \
             has it. Nothing was written"
        )
    }

    /// Every account.
    pub(super) fn every_account(&self) -> Vec<FirstSource> {
        sources(self.choices().into_iter().filter(|choice| choice.team.is_none()), self)
    }

    /// The accounts and teams that the person chooses.
    pub(super) fn choose(&self, questions: &Questions) -> Result<Vec<FirstSource>, Failure> {
        let choices = self.choices();
        let mut lines = vec!["The token may read these accounts, and teams in them:".to_owned()];
        for (number, Choice { account, team }) in choices.iter().enumerate() {
            let what = match team {
                None => format!("{} (the complete account)", account.name),
                Some(team) => format!("{} / {} (only this team)", account.name, team.name),
            };
            lines.push(format!("  {:>2}  {what}", number + 1));
        }
        if !self.refused.is_empty() {
            let refused = self.refused.join(", ");
            lines.push(format!("Without the permission `manage`, so not in the list: {refused}"));
        }
        questions.say(&lines);
        let question = "Numbers of the sources to copy, such as 1 or 1,3 [every account]: ";
        let chosen = questions.ask(question, |answer| {
            if answer.is_empty() {
                return Ok(self.every_account());
            }
            let numbers = numbers(answer, choices.len())?;
            let chosen = choices.iter().zip(1..).filter(|(_, number)| numbers.contains(number));
            let chosen =
                chosen.map(|(Choice { account, team }, _)| Choice { account, team: *team });
            Ok(sources(chosen, self))
        })?;
        Ok(chosen)
    }

    /// Each account, with its teams after it.
    fn choices(&self) -> Vec<Choice<'_>> {
        let all = self.accounts.iter().flat_map(|OfferedAccount { account, teams }| {
            let teams = teams.iter().map(move |team| Choice { account, team: Some(team) });
            std::iter::once(Choice { account, team: None }).chain(teams)
        });
        // A name that the file can't hold is replaced by the id.
        all.filter(|Choice { account, team }| {
            name_or_id(&account.name, &account.id).is_some()
                && team.is_none_or(|team| name_or_id(&team.name, &team.id).is_some())
        })
        .collect()
    }
}

/// The numbers in an answer, from 1 to `most`.
fn numbers(answer: &str, most: usize) -> Result<Vec<usize>, String> {
    let words = answer.split([',', ' ']).filter(|word| !word.is_empty());
    let number = |word: &str| {
        let number = word.parse().ok().filter(|number| (1..=most).contains(number));
        number.ok_or_else(|| format!("write numbers from 1 to {most}, with commas between them"))
    };
    words.map(number).collect()
}

fn sources<'o>(choices: impl Iterator<Item = Choice<'o>>, offered: &Offered) -> Vec<FirstSource> {
    let mut sources: Vec<FirstSource> = Vec::new();
    for Choice { account, team } in choices {
        let fit = |name, id| name_or_id(name, id).map(str::to_owned);
        let Some(of_file) = fit(&account.name, &account.id) else { continue };
        let its_teams = offered.accounts.iter().find(|offer| offer.account.id == account.id);
        let name = source_name(&account.name, team.map(|team| &*team.name), &sources);
        sources.push(FirstSource {
            name,
            remark: remark(account, team, its_teams.map_or(&[], |offer| &offer.teams)),
            account: of_file,
            team: team.and_then(|team| fit(&team.name, &team.id)),
        });
    }
    sources
}

/// What a comment says: the name behind an id, and the teams of a complete account.
fn remark(account: &ListedAccount, team: Option<&Team>, teams: &[Team]) -> Option<String> {
    let is_by_id = |name: &str, id: &str| name_or_id(name, id) != Some(name);
    let mut remarks = Vec::new();
    if is_by_id(&account.name, &account.id) {
        remarks.push(format!("The name of this account is {}.", account.name));
    }
    match team {
        Some(team) if is_by_id(&team.name, &team.id) => {
            remarks.push(format!("The name of this team is {}.", team.name));
        }
        None if !teams.is_empty() => {
            let names: Vec<&str> = teams.iter().take(NAMED).map(|team| &*team.name).collect();
            let more = if teams.len() > NAMED { ", …" } else { "" };
            remarks.push(format!("Its teams, all included: {}{more}", names.join(", ")));
        }
        _ => {}
    }
    (!remarks.is_empty()).then(|| remarks.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_list_of_numbers_within_the_choice() {
        assert_eq!(numbers("1, 3 2", 3), Ok(vec![1, 3, 2]));
        for odd in ["0", "4", "1;2", "all", "-1", "1-3"] {
            assert!(numbers(odd, 3).is_err(), "{odd}");
        }
    }
}
