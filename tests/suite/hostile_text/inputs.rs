//! What a user gives to the program: arguments, environment and file.

use super::{FORMS, HOSTILE, run, shows};
use crate::support::{ACME, Finished, World, steers};

#[test]
fn arguments_steer_no_terminal_and_no_row() {
    for form in FORMS {
        let world = World::new(ACME);
        assert_eq!(world.run("sync --date 2024-09-28").status, 0);
        let long = format!("--{HOSTILE}");
        let path = format!("{HOSTILE}/audit.toml");
        for args in [
            &[HOSTILE][..],
            &[&long],
            &["status", &long],
            &["sync", HOSTILE],
            &["sync", "--date", HOSTILE],
            &["sync", "--source", HOSTILE],
            &["status", "--days", HOSTILE],
            &["status", "--check", "--max-lag", HOSTILE],
            &["history", "--source", HOSTILE],
            &["reset", "--source", HOSTILE, "2024-09-28"],
            &["reset", "--source", "acme", HOSTILE],
            &["backfill", "--from", HOSTILE, "--to", "2024-09-28"],
            &["backfill", "--from", "2024-09-28", "--to", "2024-09-28", "--via", HOSTILE],
            &["reconcile", "--month", HOSTILE],
            &["migrate", "--adopt-as", HOSTILE],
            &["keygen", "--name", HOSTILE],
            &["completions", HOSTILE],
            &["man", HOSTILE],
            &["sync", "-c", HOSTILE],
            &["check", "-c", &path],
        ] {
            let finished = shows(&world, form, args);
            assert_eq!(finished.status, 2, "{args:?}: {finished:#?}");
        }
        run(&world, form, &["status", "--database-url", HOSTILE]);
        run(&world, form, &["status", "--database-url", &format!("postgres://u@{HOSTILE}/d")]);
        run(
            &world,
            form,
            &["reset", "--source", "acme", "2024-09-28", "--reason", HOSTILE, "--by", HOSTILE],
        );
        shows(&world, form, &["history"]);
        assert_eq!(world.sql("SELECT count(*) FROM audit_history WHERE action = 'reset'"), "1");
        assert_eq!(
            world.sql(
                "SELECT count(*) FROM audit_history \
                WHERE concat(message, by) ~ '[[:cntrl:]\u{202e}]'"
            ),
            "0"
        );
    }
}

#[test]
fn the_environment_steers_no_terminal_and_no_row() {
    for form in FORMS {
        let mut world = World::new(ACME);
        world.set("DYNO", HOSTILE);
        world.set("USER", HOSTILE);
        assert_eq!(run(&world, form, &["sync", "--date", "2024-09-28"]).status, 0);
        run(&world, form, &["history"]);
        run(&world, form, &["reset", "--source", "acme", "2024-09-28"]);
        shows(&world, form, &["history"]);
        assert_eq!(
            world.sql(
                "SELECT count(*) FROM audit_history \
                WHERE concat(message, by) ~ '[[:cntrl:]\u{202e}]'"
            ),
            "0"
        );
        for variable in [
            "AUDITSYNC_CONFIG",
            "AUDITSYNC_LOG_FORMAT",
            "RUST_LOG",
            "TMPDIR",
            "AUDITSYNC_PING_URL",
            "DATABASE_URL",
            "HEROKU_API_TOKEN",
        ] {
            let mut world = World::new(ACME);
            world.set(variable, HOSTILE);
            // The option would override the variable.
            let finished =
                Finished::of(world.command("sync --date 2024-09-28").args(["--output", form.1]));
            let text = format!("{}{}", finished.stdout, finished.stderr);
            assert_eq!(text.chars().find(|c| steers(*c)), None, "{variable}: {finished:#?}");
            assert!(
                !text.lines().any(|line| line.starts_with("FAKE")),
                "{variable}: {finished:#?}"
            );
            run(&world, form, &["check"]);
            run(&world, form, &["reconcile", "--month", "2024-09"]);
            let help = Finished::of(&mut world.command("--help"));
            assert!(help.status == 0 && !help.stdout.contains("pwn"), "{variable}: {help:#?}");
        }
    }
}

#[test]
fn the_file_steers_no_terminal() {
    let basic = serde_json::to_string(HOSTILE)
        .expect("a string of TOML too")
        .replace("\u{202e}", "\\u202e");
    let basic: String = basic
        .chars()
        .map(|c| if steers(c) { format!("\\U{:08x}", u32::from(c)) } else { c.to_string() })
        .collect();
    for form in FORMS {
        let world = World::new(ACME);
        for file in [
            ACME.replace("name = \"acme\"", &format!("name = {basic}")),
            format!("{ACME}{basic} = 1\n"),
            format!("{ACME}filter = {{ {basic} = 1 }}\n"),
            format!("[{basic}]\n{ACME}"),
            format!("[api]\nbase_url = {basic}\n{ACME}"),
            format!("[api]\nrequest_timeout = {basic}\n{ACME}"),
            format!("[events]\nlog = {basic}\n{ACME}"),
            format!("{ACME}# pwn\u{202e}\u{9b}\nname = 2 # pwn\u{202e}\u{9b}\u{feff}\n"),
            format!("{ACME}x = \"pwn\u{202e}\u{2066}\n"),
        ] {
            world.write_file(&file);
            let finished = shows(&world, form, &["check"]);
            assert_eq!(finished.status, 2, "{file}: {finished:#?}");
        }
        for file in [
            ACME.replace("account = \"acme\"", &format!("account = {basic}")),
            format!("{ACME}team = {basic}\n"),
            format!("{ACME}filter = {{ type = {basic}, actor = {basic} }}\n"),
            // These are redacted in case of doubt: they may be secrets in the wrong place.
            ACME.replace("\"HEROKU_API_TOKEN\"", &basic),
            format!("[database]\nurl_env = {basic}\n{ACME}"),
        ] {
            world.write_config(&file);
            run(&world, form, &["sync", "--date", "2024-09-28"]);
            run(&world, form, &["check"]);
            run(&world, form, &["reconcile", "--month", "2024-09"]);
        }
    }
}
