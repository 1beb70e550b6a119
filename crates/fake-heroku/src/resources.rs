//! The resources besides events: accounts, teams, archives, oneself; and who may see which.

use std::time::Instant;

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::archive::{Archive, Month};
use crate::model::{Account, Model, Team, User};
use crate::refusal::Refusal;
use crate::state::State;

/// The answer to a GET of this path.
pub(crate) fn get(state: &State, path: &[&str], user: &User) -> Result<Value, Refusal> {
    let model = &state.model;
    Ok(match *path {
        ["account"] => json!({ "id": user.id, "email": user.email }),
        ["account", "rate-limits"] => {
            json!({ "remaining": state.buckets.remaining(&user.email, Instant::now()) })
        }
        ["enterprise-accounts"] => {
            let accounts = &model.directory.enterprise_accounts;
            let own = accounts.iter().filter(|account| !account.permissions(&user.email).is_empty());
            own.map(|account| describe_account(account, user)).collect()
        }
        ["enterprise-accounts", account] => describe_account(member(state, account, user)?, user),
        ["enterprise-accounts", account, "teams"] => {
            let account = member(state, account, user)?;
            let teams = model.directory.teams.iter();
            let own = teams.filter(|team| team.enterprise_account.as_ref() == Some(&account.name));
            own.map(|team| describe_team(model, team)).collect()
        }
        ["enterprise-accounts", account, "archives"] => {
            let account = manager(state, account, user)?;
            let own = model.archives.iter().filter(|((owner, _), _)| *owner == account.name);
            own.map(|((_, month), archive)| describe_archive(*month, archive)).collect()
        }
        ["enterprise-accounts", account, "archives", year, month] => {
            let account = manager(state, account, user)?;
            let month = Month::parse(year, month);
            let archive = month.and_then(|month| Some((month, model.archives.get(&(account.name.clone(), month))?)));
            let (month, archive) = archive.ok_or_else(|| Refusal::not_found("archive"))?;
            let mut archive_info = describe_archive(month, archive);
            archive_info["url"] = format!("{}/{}", state.archive_base, archive.key).into();
            archive_info
        }
        ["teams", team] => {
            let team = model.team(team).filter(|team| sees(model, team, user));
            describe_team(model, team.ok_or_else(|| Refusal::not_found("team"))?)
        }
        _ => return Err(Refusal::not_found("resource")),
    })
}

/// The account, if the user is a member: to anyone else it does not exist.
fn member<'a>(state: &'a State, account: &str, user: &User) -> Result<&'a Account, Refusal> {
    let account = state.model.account(account);
    let own = account.filter(|account| !account.permissions(&user.email).is_empty());
    own.ok_or_else(|| Refusal::not_found("enterprise account"))
}

/// The account, if the user may read its audit trail.
pub(crate) fn manager<'a>(state: &'a State, account: &str, user: &User) -> Result<&'a Account, Refusal> {
    let account = member(state, account, user)?;
    if account.permissions(&user.email).iter().any(|permission| permission == "manage") {
        return Ok(account);
    }
    let message = format!("You do not have the manage permission on the enterprise account {}.", account.name);
    Err(Refusal::new(StatusCode::FORBIDDEN, "forbidden", message))
}

fn sees(model: &Model, team: &Team, user: &User) -> bool {
    let account = team.enterprise_account.as_deref().and_then(|account| model.account(account));
    team.members.contains(&user.email) || account.is_some_and(|account| !account.permissions(&user.email).is_empty())
}

fn describe_account(account: &Account, user: &User) -> Value {
    json!({
        "id": account.id,
        "name": account.name,
        "created_at": "2012-01-01T12:00:00Z",
        "updated_at": "2012-01-01T12:00:00Z",
        "permissions": account.permissions(&user.email),
        "trial": false,
        "identity_provider": null,
    })
}

fn describe_team(model: &Model, team: &Team) -> Value {
    let account = team.enterprise_account.as_deref().and_then(|account| model.account(account));
    json!({
        "id": team.id,
        "name": team.name,
        "type": if account.is_some() { "enterprise" } else { "team" },
        "enterprise_account": account.map(|account| json!({ "id": account.id, "name": account.name })),
    })
}

/// As Heroku lists it: without the address, which only the archive's own page has.
fn describe_archive(month: Month, archive: &Archive) -> Value {
    json!({
        "year": month.year,
        "month": format!("{:02}", month.month),
        "created_at": archive.created_at,
        "checksum": archive.checksum,
        "size": archive.file.len(),
    })
}
