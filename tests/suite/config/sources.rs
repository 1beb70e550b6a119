//! The sources of the file: common keys, teams, former names, and what may not be equal.

use super::{Duration, EventLog, LEAST, Source, good, said_of};

fn names(text: &str) -> Vec<String> {
    good(text).sources.iter().map(|source| source.name.to_string()).collect()
}

#[test]
fn a_source_takes_account_and_token_from_the_defaults() {
    let config = good(
        "defaults = { account = \"acme\", token_env = \"T\" }\n[[source]]\nname = \"a\"\n\
         [[source]]\nname = \"b\"\naccount = \"b\"\ntoken_env = \"B\"\n",
    );
    let of = |source: &Source| (source.scope.account.clone(), source.token_env.clone());
    let got: Vec<_> = config.sources.iter().map(of).collect();
    assert_eq!(got, [("acme".into(), "T".into()), ("b".into(), "B".into())]);
    let least = good("[[source]]\nname = \"a\"\naccount = \"acme\"\n");
    assert_eq!(least.sources[0].token_env, "HEROKU_API_TOKEN");
}

#[test]
fn teams_make_one_source_each_and_their_name_selects_all() {
    let config = good(&format!("{LEAST}teams = [\"a\", \"b-1\"]\nsince = \"2024-09-01\"\n"));
    let names: Vec<&str> = config.sources.iter().map(|source| source.name.as_ref()).collect();
    assert_eq!(names, ["acme-a", "acme-b-1"]);
    let teams: Vec<_> = config.sources.iter().map(|source| source.scope.team.as_deref()).collect();
    assert_eq!(teams, [Some("a"), Some("b-1")]);
    assert!(config.sources.iter().all(|source| source.since.is_some()));
    assert_eq!(config.select("acme").map(|sources| sources.len()), Ok(2));
    assert_eq!(config.select("acme-a").map(|sources| sources.len()), Ok(1));
    let several = config.source("acme").expect_err("two sources").to_string();
    assert_eq!(several, "`acme` names several sources: `acme-a` and `acme-b-1`. Name one of them");
}

#[test]
fn a_source_has_its_own_days_and_event_lines() {
    let config = good(&format!(
        "sync.catch_up_days = 9\nevents.log = \"none\"\n{LEAST}sync.recheck_after = [\"2d\"]\n\
         events.log = \"full\"\n{}",
        LEAST.replace("acme", "globex")
    ));
    let [acme, globex] = &*config.sources else { panic!("two sources") };
    assert_eq!((acme.due.catch_up_days, acme.events), (9, EventLog::Full));
    assert_eq!(acme.due.recheck_after, [Duration::from_hours(48)]);
    assert_eq!((globex.due.catch_up_days, globex.events), (9, EventLog::None));
    assert_eq!(globex.due.recheck_after.len(), 2);
}

#[test]
fn a_former_name_leads_to_the_present_one() {
    let config = good(&format!("{LEAST}previous_names = [\"acme-old\", \"oldest\"]\n"));
    let source = config.owner("oldest").expect("its owner");
    let names: Vec<&str> = source.names().map(AsRef::as_ref).collect();
    assert_eq!(names, ["acme", "acme-old", "oldest"]);
    let said = config.source("acme-old").expect_err("a former name").to_string();
    assert_eq!(
        said,
        "no source is named `acme-old` any more: its name is `acme` now. Use that name"
    );
    assert!(config.owner("globex").is_none());
}

#[test]
fn a_team_or_a_filter_makes_sources_of_one_account_different() {
    let team = LEAST.replacen("acme", "b", 1) + "team = \"b\"\n";
    let filter = LEAST.replacen("acme", "c", 1) + "filter = { type = \"app\" }\n";
    assert_eq!(names(&format!("{LEAST}{team}{filter}")), ["acme", "b", "c"]);
    let equal = LEAST.replacen("acme", "b", 1) + "enabled = false\ntoken_env = \"B\"\n";
    let said =
        said_of(&format!("{LEAST}{}", equal.replacen("token_env = \"HEROKU_API_TOKEN\"\n", "", 1)));
    assert!(said.contains("`acme` and `b` read the same account, team and filter"), "{said}");
}

#[test]
fn a_source_may_begin_today_and_by_another_clock_tomorrow() {
    for (since, is_good) in [("2024-09-29", true), ("2024-09-30", true), ("2024-10-01", false)] {
        let text = format!("{LEAST}since = \"{since}\"\n");
        assert_eq!(super::parse(&text).is_ok(), is_good, "{since}");
    }
}
