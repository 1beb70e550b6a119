//! The resources other than events: accounts, members, teams, archives, the user; and who may see
//! them.

use std::time::Instant;

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::archive::{Archive, Month};
use crate::generate::uuid;
use crate::model::{Account, Member, Model, Team, User};
use crate::pages::{List, Row};
use crate::refusal::Refusal;
use crate::state::State;

/// What a path names.
#[derive(Debug)]
pub(crate) enum Resource {
    One(Value),
    Many(List),
}

/// The answer to a GET of this path.
pub(crate) fn get(state: &State, path: &[&str], user: &User) -> Result<Resource, Refusal> {
    let model = &state.model;
    Ok(Resource::One(match *path {
        ["account"] => json!({ "id": user.id, "email": user.email }),
        ["account", "rate-limits"] => {
            json!({ "remaining": state.buckets.remaining(&user.email, Instant::now()) })
        }
        ["enterprise-accounts"] => {
            let accounts = &model.directory.enterprise_accounts;
            let own =
                accounts.iter().filter(|account| !account.permissions(&user.email).is_empty());
            return Ok(named(own.map(|account| describe_account(account, user))));
        }
        ["enterprise-accounts", account] => describe_account(member(state, account, user)?, user),
        ["enterprise-accounts", account, "teams"] => {
            let account = member(state, account, user)?;
            let teams = model.directory.teams.iter();
            let own = teams.filter(|team| team.enterprise_account.as_ref() == Some(&account.name));
            return Ok(named(own.map(|team| describe_team(model, team, user))));
        }
        ["enterprise-accounts", account, "members"] => {
            let account = member(state, account, user)?;
            let rows = account
                .members
                .iter()
                .map(|member| Row::new(describe_member(model, account, member)));
            return Ok(Resource::Many(List { rows: rows.collect(), fields: &["id"] }));
        }
        ["enterprise-accounts", account, "archives"] => {
            return Ok(archives(model, manager(state, account, user)?));
        }
        ["enterprise-accounts", account, "archives", year, month] => {
            let account = manager(state, account, user)?;
            let month = Month::parse(year, month);
            let archive = month.and_then(|month| {
                Some((month, model.archives.get(&(account.name.clone(), month))?))
            });
            let (month, archive) = archive.ok_or_else(|| Refusal::not_found("archive"))?;
            let mut archive_info = describe_archive(month, archive);
            archive_info["url"] = format!("{}/{}", state.archive_base, archive.key).into();
            replace_fields(&mut archive_info, &archive.page_fields);
            archive_info
        }
        ["teams"] => {
            let own = model.directory.teams.iter().filter(|team| sees(model, team, user));
            return Ok(named(own.map(|team| describe_team(model, team, user))));
        }
        ["teams", team] => {
            let team = model.team(team).filter(|team| sees(model, team, user));
            describe_team(model, team.ok_or_else(|| Refusal::not_found("team"))?, user)
        }
        _ => return Err(Refusal::not_found("resource")),
    }))
}

fn archives(model: &Model, account: &Account) -> Resource {
    let own = model.archives.iter().filter(|((owner, _), _)| *owner == account.name);
    // Archives show no id, although their schema defines one. This one sorts them by month.
    let id = |month: &Month| format!("{:08}-{:04}-4000-8000-000000000000", month.year, month.month);
    let rows =
        own.map(|((_, month), archive)| Row { id: id(month), value: listed(*month, archive) });
    Resource::Many(List { rows: rows.collect(), fields: &["id"] })
}

/// A list of things that have a name.
fn named(values: impl Iterator<Item = Value>) -> Resource {
    Resource::Many(List { rows: values.map(Row::new).collect(), fields: &["id", "name"] })
}

/// The account, if the user is a member. For all others it does not exist.
fn member<'a>(state: &'a State, account: &str, user: &User) -> Result<&'a Account, Refusal> {
    let account = state.model.account(account);
    let own = account.filter(|account| !account.permissions(&user.email).is_empty());
    own.ok_or_else(|| Refusal::not_found("enterprise account"))
}

/// The account, if the user may read its audit trail.
pub(crate) fn manager<'a>(
    state: &'a State,
    account: &str,
    user: &User,
) -> Result<&'a Account, Refusal> {
    let account = member(state, account, user)?;
    if account.permissions(&user.email).iter().any(|permission| permission == "manage") {
        return Ok(account);
    }
    let message = format!(
        "You do not have the manage permission on the enterprise account {}.",
        account.name
    );
    Err(Refusal::new(StatusCode::FORBIDDEN, "forbidden", message))
}

fn sees(model: &Model, team: &Team, user: &User) -> bool {
    let account = team.enterprise_account.as_deref().and_then(|account| model.account(account));
    team.members.contains(&user.email)
        || account.is_some_and(|account| !account.permissions(&user.email).is_empty())
}

fn describe_account(account: &Account, user: &User) -> Value {
    json!({
        "id": account.id,
        "name": account.name,
        "created_at": "2012-01-01T12:00:00Z",
        "updated_at": "2012-01-01T12:00:00Z",
        "permissions": account.permissions(&user.email),
        "trial": false,
        "partner_benefits": false,
        "identity_provider": null,
    })
}

fn describe_team(model: &Model, team: &Team, user: &User) -> Value {
    let account = team.enterprise_account.as_deref().and_then(|account| model.account(account));
    json!({
        "id": team.id,
        "name": team.name,
        "type": if account.is_some() { "enterprise" } else { "team" },
        "enterprise_account":
            account.map(|account| json!({ "id": account.id, "name": account.name })),
        "role": team.members.contains(&user.email).then_some("admin"),
        "default": false,
        "credit_card_collections": account.is_none(),
        "provisioned_licenses": account.is_some(),
        "membership_limit": null,
        "identity_provider": null,
        "created_at": "2012-01-01T12:00:00Z",
        "updated_at": "2012-01-01T12:00:00Z",
    })
}

fn describe_member(model: &Model, account: &Account, member: &Member) -> Value {
    let user = model.directory.users.iter().find(|user| user.email == member.user);
    let permissions = member.permissions.iter().map(|name| {
        let description = match name.as_str() {
            "view" => "View enterprise account members and teams.",
            "create" => "Create new teams.",
            "manage" => "Manage members, teams and the audit trail.",
            _ => "View and change the billing.",
        };
        json!({ "name": name, "description": description })
    });
    json!({
        "id": uuid(&format!("{} {}", account.id, member.user)),
        "enterprise_account": { "id": account.id, "name": account.name },
        "user": {
            "id": user.map_or_else(|| uuid(&member.user), |user| user.id.clone()),
            "email": member.user,
        },
        "permissions": permissions.collect::<Vec<_>>(),
        "two_factor_authentication": true,
        "identity_provider": null,
    })
}

/// An archive in Heroku's list, which omits the address. Only the archive's own page has it.
fn listed(month: Month, archive: &Archive) -> Value {
    let mut value = describe_archive(month, archive);
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|name, _| !archive.unlisted_fields.contains(name));
    }
    value
}

/// Replaces or removes these fields of an object.
fn replace_fields(object: &mut Value, replaced: &[(String, Option<Value>)]) {
    let Some(fields) = object.as_object_mut() else { return };
    for (name, value) in replaced {
        match value {
            Some(value) => drop(fields.insert(name.clone(), value.clone())),
            None => drop(fields.remove(name)),
        }
    }
}

/// What Heroku says of an archive, except for the address.
fn describe_archive(month: Month, archive: &Archive) -> Value {
    json!({
        "year": month.year,
        "month": format!("{:02}", month.month),
        "created_at": archive.created_at,
        "checksum": archive.checksum,
        "size": archive.file.len(),
    })
}
