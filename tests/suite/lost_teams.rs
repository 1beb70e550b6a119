//! Teams that an account no longer lists: deleted, renamed, or in another account.

use fake_heroku::{Fault, Match};
use serde_json::Value;

use crate::support::{ACME, DAY, World, day, fetches, truth};

const ID: &str = "aaaaaaaa-1111-4000-8000-00000000000a";
const ACCOUNT_ID: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const TEAMS: &str = "/enterprise-accounts/acme/teams";
const BACKFILL: &str = "backfill --via archive --from 2024-09-28 --to 2024-09-28";

const DRY_RUN: &str = "sync --dry-run --date 2024-09-28";

/// The commands that select a team's events, in an order in which each has something to do.
const COMMANDS: [&str; 4] =
    [DRY_RUN, "sync --date 2024-09-28", BACKFILL, "reconcile --month 2024-09"];

/// A source of the account's team `team`.
fn of_team(team: &str) -> String {
    format!("{ACME}team = \"{team}\"\nsince = \"2024-09-28\"\n")
}

/// What happens to the team `team-a`.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Deleted,
    MovedToGlobex,
    MovedOutOfSight,
    LeftItsAccount,
}

fn suffer(world: &World, fate: Fate) {
    world.heroku.change(|model| {
        let teams = &mut model.directory.teams;
        let at = teams.iter().position(|team| team.id == ID).expect("the team");
        match fate {
            Fate::Deleted => _ = teams.remove(at),
            Fate::MovedToGlobex => {
                teams[at].enterprise_account = Some("globex".into());
                model.grant("globex", "audit@acme.example.com", &["view"]);
            }
            Fate::MovedOutOfSight => teams[at].enterprise_account = Some("initech".into()),
            Fate::LeftItsAccount => {
                teams[at].enterprise_account = None;
                teams[at].members.push("audit@acme.example.com".into());
            }
        }
    });
}

fn is_of_team_a(event: &Value) -> bool {
    event["team"]["id"] == ID
}

fn assert_day_is_complete(world: &World) {
    let events = truth(world, "acme", DAY, is_of_team_a);
    assert!(events.len() > 50, "the day holds events of the team: {}", events.len());
    world.assert_complete("acme", DAY, &events);
}

/// The reason in a report of any command, if there is one.
fn reason(report: &Value) -> String {
    let part =
        if report["months"].is_array() { &report["months"][0] } else { day(report, "acme", DAY) };
    part["error"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_lost_team_given_by_id_is_still_selected_with_a_warning() {
    for (fate, expected) in [
        (Fate::Deleted, "there is no such team, or that the token's user may not see it"),
        (Fate::MovedToGlobex, "it is in the enterprise account globex now"),
        (Fate::MovedOutOfSight, "there is no such team, or that the token's user may not see it"),
        (Fate::LeftItsAccount, "it is in no enterprise account now"),
    ] {
        let world = World::new(&of_team(ID));
        suffer(&world, fate);
        let finished = world.run("sync --date 2024-09-28");
        assert_eq!(finished.status, 0, "{fate:?}: {finished:#?}");
        assert_day_is_complete(&world);
        let log = &finished.stderr;
        assert!(
            log.contains(expected) && log.contains("are still selected") && log.contains("WARN"),
            "{fate:?}: {log}"
        );
    }
}

#[test]
fn an_id_is_the_same_team_in_any_case_of_its_letters() {
    for fate in [None, Some(Fate::Deleted), Some(Fate::MovedToGlobex)] {
        let world = World::new(&of_team(&ID.to_uppercase()));
        if let Some(fate) = fate {
            suffer(&world, fate);
        }
        let finished = world.run("sync --date 2024-09-28");
        assert_eq!(
            (finished.status, finished.stderr.contains("does not list")),
            (0, fate.is_some()),
            "{finished:#?}"
        );
        assert_day_is_complete(&world);
    }
}

#[test]
fn every_command_selects_a_lost_team_by_id_and_warns() {
    let world = World::new(&of_team(ID));
    suffer(&world, Fate::Deleted);
    for command in COMMANDS {
        if command == BACKFILL {
            world.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
        }
        let finished = world.run(command);
        assert_eq!(finished.status, 0, "{command}: {finished:#?}");
        assert_eq!(
            finished.stderr.matches("does not list the team").count(),
            1,
            "{command}: {}",
            finished.stderr
        );
        if command != DRY_RUN {
            assert_day_is_complete(&world);
        }
    }
}

#[test]
fn a_run_warns_once_per_source_about_a_lost_team() {
    let other = of_team(ID).replace("name = \"acme\"", "name = \"other\"");
    let world = World::new(&format!("{}{other}filter = {{ type = \"app\" }}\n", of_team(ID)));
    suffer(&world, Fate::Deleted);
    let finished = world.run("sync --from 2024-09-25 --to 2024-09-28");
    assert_eq!(finished.status, 0, "{finished:#?}");
    assert_eq!(finished.stderr.matches("does not list the team").count(), 2, "{}", finished.stderr);
    let asked =
        |path: &str| world.heroku.requests().iter().filter(|request| request.path == path).count();
    assert_eq!(
        (asked(TEAMS), asked(&format!("/teams/{ID}"))),
        (1, 1),
        "each is requested once in a run"
    );
}

#[test]
fn a_team_name_that_is_gone_fails_every_command_and_advises_the_id() {
    for (fate, expected) in [
        (Fate::Deleted, "the enterprise account acme has no team `team-a`; its teams are team-b"),
        (Fate::MovedToGlobex, "the team `team-a` is in the enterprise account globex, not in acme"),
        (Fate::LeftItsAccount, "the team `team-a` is in no enterprise account"),
    ] {
        let world = World::new(&of_team("team-a"));
        world.run("migrate");
        suffer(&world, fate);
        for command in COMMANDS {
            let finished = world.run(&format!("{command} --output json"));
            assert_eq!(finished.status, 1, "{command} {fate:?}: {finished:#?}");
            let reason = reason(&finished.json());
            assert!(
                reason.contains(expected) && reason.contains("write its id instead of its name"),
                "{command}: {reason}"
            );
            let where_it_is = match fate {
                Fate::Deleted => "`audit_events.team_id`".to_owned(),
                _ => format!("team = \"{ID}\""),
            };
            assert!(reason.contains(&where_it_is), "{command}: {reason}");
        }
        assert_eq!(world.sql("SELECT DISTINCT status FROM audit_events_log"), "FAILED");
        assert_eq!(
            fetches(&world, "acme", DAY),
            0,
            "nothing is requested that no source would get"
        );
    }
}

#[test]
fn a_renamed_team_is_found_by_its_id_and_its_old_name_is_an_error() {
    let world = World::new(&of_team(ID));
    world.heroku.change(|model| {
        model
            .directory
            .teams
            .iter_mut()
            .filter(|team| team.id == ID)
            .for_each(|team| team.name = "new-name".into());
    });
    let finished = world.run("sync --date 2024-09-28");
    assert_eq!((finished.status, finished.stderr.contains("WARN")), (0, false), "{finished:#?}");
    assert_day_is_complete(&world);
    world.write_config(&of_team("team-a"));
    let report = world.sync("--from 2024-09-27 --to 2024-09-27", 1);
    let error = day(&report, "acme", "2024-09-27")["error"].as_str().expect("an error").to_owned();
    assert!(
        error.contains("its teams are new-name, team-b") && error.contains("was renamed"),
        "{error}"
    );
}

#[test]
fn an_account_given_by_id_is_compared_as_an_account() {
    for account in [ACCOUNT_ID.to_owned(), ACCOUNT_ID.to_uppercase(), "acme".to_owned()] {
        for team in ["team-a", ID] {
            let world = World::new(
                &of_team(team).replace("account = \"acme\"", &format!("account = \"{account}\"")),
            );
            // The account's list lacks the team, as may happen for a moment.
            let list = Match::path(&format!("/enterprise-accounts/{account}/teams"));
            world.heroku.fault(list, Fault::body(200, "application/json", "[]"));
            let finished = world.run("sync --date 2024-09-28");
            assert_eq!(finished.status, 0, "{account} {team}: {finished:#?}");
            assert!(
                finished.stderr.contains("says that the team is in this account"),
                "{}",
                finished.stderr
            );
            assert_day_is_complete(&world);
            assert_eq!(world.heroku.faults_left(), [""; 0]);
        }
    }
}

#[test]
fn a_team_that_moved_is_reported_for_an_account_given_by_id() {
    let by_id = format!("account = \"{ACCOUNT_ID}\"");
    let world = World::new(&of_team("team-a").replace("account = \"acme\"", &by_id));
    suffer(&world, Fate::MovedToGlobex);
    let report = world.sync("--date 2024-09-28", 1);
    let expected =
        format!("the team `team-a` is in the enterprise account globex, not in {ACCOUNT_ID}");
    assert!(reason(&report).contains(&expected), "{report:#}");
}

#[test]
fn a_passing_fault_while_looking_for_a_team_fails_the_day() {
    for team in [ID, "team-a"] {
        for fault in
            [Fault::status(503, "unavailable", "later"), Fault::body(200, "application/json", "{}")]
        {
            let world = World::new(&of_team(team));
            suffer(&world, Fate::Deleted);
            let home = || Match::path(&format!("/teams/{team}"));
            world.heroku.fault(home().times(3), fault);
            let finished = world.run("sync --date 2024-09-28 --output json");
            assert_eq!(finished.status, 1, "{finished:#?}");
            let reason = reason(&finished.json());
            assert!(
                reason.contains("did not answer properly") && reason.contains("3 attempts"),
                "{reason}"
            );
            assert!(
                !reason.contains("no team") && !finished.stderr.contains("no such team"),
                "{finished:#?}"
            );
            assert_eq!(world.sql("SELECT DISTINCT status FROM audit_events_log"), "FAILED");
            // A passing fault does not matter.
            world.heroku.fault(home().times(2), Fault::status(500, "error", "later"));
            assert_eq!(world.run("sync --date 2024-09-28").status, i32::from(team != ID));
        }
    }
}

#[test]
fn a_lasting_error_about_something_else_is_reported_as_it_is() {
    for (code, id) in [(401, "unauthorized"), (422, "invalid_params")] {
        let world = World::new(&of_team(ID));
        suffer(&world, Fate::Deleted);
        world.heroku.fault(Match::path("/teams/"), Fault::status(code, id, "no"));
        let reason = reason(&world.sync("--date 2024-09-28", 1));
        let said = match code {
            401 => "Heroku refused the token in HEROKU_API_TOKEN (401",
            _ => "Heroku refused: 422",
        };
        assert!(reason.contains(said), "{reason}");
    }
    for code in [403, 404, 410] {
        let world = World::new(&of_team(ID));
        suffer(&world, Fate::Deleted);
        world.heroku.fault(Match::path("/teams/"), Fault::status(code, "forbidden", "no"));
        world.sync("--date 2024-09-28", 0);
        assert_day_is_complete(&world);
    }
}

#[test]
fn check_reports_a_lost_team_as_a_sync_treats_it() {
    let check = |team: &str, fate: Option<Fate>, fault: Option<Fault>| {
        let world = World::new(&of_team(team));
        if let Some(fate) = fate {
            suffer(&world, fate);
        }
        if let Some(fault) = fault {
            world.heroku.fault(Match::path("/teams/").always(), fault);
        }
        let finished = world.run("check");
        let line = finished
            .stdout
            .lines()
            .find(|line| line.contains(" team "))
            .expect("a line of the team");
        (finished.status, line.to_owned())
    };
    assert_eq!(check(ID, None, None), (0, format!("✓ team {ID}: team-a in acme")));
    for (fate, expected) in [
        (Fate::Deleted, "there is no such team"),
        (Fate::MovedToGlobex, "it is in the enterprise account globex now"),
        (Fate::LeftItsAccount, "it is in no enterprise account now"),
    ] {
        let (status, line) = check(ID, Some(fate), None);
        assert!(status == 0 && line.starts_with('!') && line.contains(expected), "{line}");
        assert!(line.contains("still selected"), "{line}");
        let (status, line) = check("team-a", Some(fate), None);
        assert!(
            status == 1 && line.starts_with('✗') && line.contains("write its id instead"),
            "{line}"
        );
    }
    let (status, line) =
        check(ID, Some(Fate::Deleted), Some(Fault::status(503, "unavailable", "later")));
    assert!(status == 1 && line.starts_with('✗') && line.contains("503"), "{line}");
}
