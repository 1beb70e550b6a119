//! The README and the pages of `docs/`: their commands run, their links lead somewhere, and what
//! they list is what there is.
//!
//! The pages take 29 September 2024 for today, and the commands run with their dates moved to now.
//! `INSTA_UPDATE=always` writes the output that pages show anew; read the difference before you
//! commit it.

mod cargo;
mod console;
mod evidence;
mod lists;
mod markdown;
mod programs;
mod stage;

use std::path::Path;

use auditsync::config::Config;
use regex::Regex;

use console::{agrees, moved, steps};
use markdown::{Block, Page, repository};
use programs::{Handling, handling};
use stage::Stage;

/// Commands that exit with another status than 0, and why.
const EXITS: [(&str, &str, i32); 1] =
    [("docs/operating.md", "auditsync --source globex", 1 /* its token was revoked */)];

/// Words in inline commands that stand for what a reader puts there.
const PLACEHOLDERS: [(&str, &str); 3] =
    [(" D", " 2024-09-28"), (" N", " 1"), (" FILE", " heads.log")];

const OUTSIDE_DOCS: [&str; 6] = [
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "fixtures/README.md",
];

fn pages() -> Vec<Page> {
    let folder = repository().join("docs").read_dir().expect("the folder docs");
    let names = folder.map(|entry| entry.expect("an entry").file_name().into_string());
    let mut names: Vec<String> = names
        .map(|name| format!("docs/{}", name.expect("a name")))
        .filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "md"))
        .collect();
    assert!(names.len() > 10, "{names:?}");
    names.sort();
    OUTSIDE_DOCS.into_iter().chain(names.iter().map(String::as_str)).map(Page::read).collect()
}

fn none(what: &str, problems: &[String]) {
    assert!(problems.is_empty(), "{what}:\n{}", problems.join("\n"));
}

/// Runs what a page shows, and says what is not as it says. The second value is the page with the
/// output that its commands really print.
fn play(page: &Page) -> (Vec<String>, String) {
    let (mut problems, mut text) = (Vec::new(), page.text.clone());
    let mut stage = Stage::new(&page.name);
    let mut replaced = Vec::new();
    for block in &page.blocks {
        match block.language.as_str() {
            "console" => {
                let body = play_block(page, block, &mut stage, &mut problems);
                replaced.push((block, body));
            }
            "sql" => {
                if let Err(error) = stage.query(&block.text) {
                    problems.push(format!("{}: {}: {error}", page.name, block.text));
                }
            }
            _ => {
                let scheduled = block.text.lines().filter_map(scheduled);
                for command in scheduled.collect::<Vec<_>>() {
                    match stage.run(&block.section, &command) {
                        Ok(finished) if finished.status == 0 => {}
                        other => problems.push(format!("{} `{command}`: {other:#?}", page.name)),
                    }
                }
            }
        }
    }
    for (block, body) in replaced.into_iter().rev() {
        let line = text[..block.place.start].rfind('\n').map_or(0, |at| at + 1);
        let indent = " ".repeat(block.place.start - line);
        let body: String = body.lines().map(|line| format!("{indent}{line}\n")).collect();
        let body = body.replace(&format!("{indent}\n"), "\n");
        text.replace_range(block.place.clone(), &format!("```console\n{body}{indent}```"));
    }
    play_inline(page, &mut stage, &mut problems);
    (problems, text)
}

/// The command that a line of another program's file starts, with its file where tests have it.
fn scheduled(line: &str) -> Option<String> {
    let command = line.split_once("/usr/local/bin/")?.1;
    Some(command.replace("/etc/auditsync/", ""))
}

/// Runs the commands of one block, and returns the block as it should be.
fn play_block(page: &Page, block: &Block, stage: &mut Stage, problems: &mut Vec<String>) -> String {
    let mut body = String::new();
    for step in steps(&block.text) {
        let mut shown = step.output.join("\n");
        let mut problem = |what: &str| {
            problems.push(format!("{} `{}`: {what}", page.name, step.command));
        };
        match handling(&step.command) {
            Err(error) => problem(&error),
            Ok(Handling::Checked) => {}
            Ok(Handling::Run) => match stage.run(&block.section, &step.command) {
                Err(error) => problem(&error),
                Ok(finished) => {
                    if finished.status != expected(&page.name, &step.command) {
                        problem(&format!("{finished:#?}"));
                    }
                    if !step.output.is_empty() && !agrees(&step.output, &finished.stdout) {
                        problem(&format!("it prints\n{}", finished.stdout));
                        finished.stdout.trim_end().clone_into(&mut shown);
                    }
                }
            },
        }
        if !body.is_empty() && !step.output.is_empty() {
            body.push('\n');
        }
        body += &step.typed;
        body.push('\n');
        if !shown.is_empty() {
            body += &shown;
            body.push('\n');
        }
    }
    body
}

fn expected(page: &str, command: &str) -> i32 {
    let found = EXITS.iter().find(|(name, known, _)| (*name, *known) == (page, command));
    found.map_or(0, |(_, _, status)| *status)
}

/// Runs the commands between the words. They need not succeed, but the program must know them.
fn play_inline(page: &Page, stage: &mut Stage, problems: &mut Vec<String>) {
    for code in &page.codes {
        let command = PLACEHOLDERS.iter().fold(code.clone() + " ", |code, (word, value)| {
            code.replace(&format!("{word} "), &format!("{value} "))
        });
        let mut command = command.trim_end().to_owned();
        if command.starts_with("auditsync ")
            && command.split(' ').count() == 2
            && !command.contains("--")
        {
            // Only the name of a command.
            command += " --help";
        }
        let is_ours = ["auditsync ", "heroku run -- auditsync", "heroku run --no-tty -- auditsync"];
        if is_ours.iter().any(|begin| command.starts_with(begin)) {
            match stage.run("", &command) {
                Ok(finished) if matches!(finished.status, 0 | 1) => {}
                Ok(finished) => problems.push(format!("{} `{code}`: {finished:#?}", page.name)),
                Err(error) => problems.push(format!("{} `{code}`: {error}", page.name)),
            }
        } else if ["heroku ", "cargo "].iter().any(|begin| command.starts_with(begin))
            && let Err(error) = handling(&command)
        {
            problems.push(format!("{} `{code}`: {error}", page.name));
        }
    }
}

#[test]
fn each_command_of_a_page_does_what_the_page_says() {
    let update = std::env::vars().any(|(name, value)| name == "INSTA_UPDATE" && value == "always");
    let pages = pages();
    let problems: Vec<String> = std::thread::scope(|threads| {
        let playing: Vec<_> = pages
            .iter()
            .map(|page| {
                threads.spawn(move || {
                    let (problems, text) = play(page);
                    if update && text != page.text {
                        std::fs::write(repository().join(&page.name), text).expect("the page");
                    }
                    problems
                })
            })
            .collect();
        playing.into_iter().flat_map(|page| page.join().expect("a page")).collect()
    });
    none("pages say what is not so", &problems);
}

#[test]
fn a_wrong_command_or_output_on_a_page_is_found() {
    let wrong = [
        "$ auditsync stauts",
        "$ auditsync status --dayz 3",
        "$ heroku run -- auditsync status --source acne",
        "$ auditsync --source acme\nSOURCE  DATE\nacme    2024-09-28\n",
        "$ auditsync status\nNo day was ever due. Run `auditsync` to begin!",
        "$ auditsync reset --source acme 2024-09-20",
        "$ frobnicate",
    ];
    for command in wrong {
        let page = Page::parse("docs/page.md", format!("```console\n{command}\n```\n"));
        assert_eq!(play(&page).0.len(), 1, "{command} passes");
    }
    let inline = Page::parse("docs/page.md", "`auditsync history --day 3` `cargo frob`".to_owned());
    assert_eq!(play(&inline).0.len(), 2);
    let sql = Page::parse("docs/page.md", "```sql\nSELECT no_such_column;\n```\n".to_owned());
    assert_eq!(play(&sql).0.len(), 1);
}

#[test]
fn output_that_is_not_right_is_written_anew() {
    let text = "1. Step\n\n   ```console\n   $ auditsync status\n   ?\n   ```\n\nThe end.\n";
    let (problems, text) = play(&Page::parse("docs/page.md", text.to_owned()));
    assert_eq!(problems.len(), 1);
    assert!(
        text.starts_with("1. Step\n\n   ```console\n   $ auditsync status\n   BEHIND  "),
        "{text}"
    );
    assert!(text.ends_with(" no day was ever due\n   ```\n\nThe end.\n"), "{text}");
    assert_eq!(play(&Page::parse("docs/page.md", text)).0, [""; 0]);
}

#[test]
fn the_digest_query_is_true_while_events_are_unchanged() {
    let page = Page::read("docs/completeness.md");
    let query = page.blocks.iter().find(|block| block.language == "sql").expect("the query");
    let mut stage = Stage::new(&page.name);
    assert_eq!(stage.query(&query.text), Ok("t".to_owned()));
}

#[test]
fn the_picture_shows_what_the_program_prints() {
    let svg = std::fs::read_to_string(repository().join("docs/demo.svg")).expect("the picture");
    let line = Regex::new(r#"(?s)<tspan x="\d+px" y="\d+px">(.*?)\n</tspan>"#).expect("a rule");
    let tag = Regex::new("<[^>]*>").expect("a rule");
    let lines = line.captures_iter(&svg).map(|line| tag.replace_all(&line[1], "").into_owned());
    let block = lines.collect::<Vec<_>>().join("\n");
    let mut stage = Stage::new("docs/demo.svg");
    let steps = steps(&block);
    assert!(steps.len() > 1, "{block}");
    for step in steps {
        let finished = stage.run("", &step.command).expect("a run");
        assert!(
            agrees(&step.output, &finished.stdout),
            "{} prints\n{}\n`cargo run -p demo -- --picture docs/demo.svg` draws it again",
            step.command,
            finished.stdout
        );
    }
}

#[test]
fn each_file_that_a_page_shows_in_part_is_right() {
    let mut problems = Vec::new();
    for page in pages() {
        for block in page.blocks.iter().filter(|block| block.language == "toml") {
            let mut file = block.text.clone();
            if !file.contains("[[source]]") {
                file += crate::support::ACME;
            }
            if let Err(error) = Config::parse(Path::new("audit.toml"), &file) {
                problems.push(format!("{}: {error}", page.name));
            }
        }
    }
    none("wrong files", &problems);
}

#[test]
fn dates_of_a_page_are_moved_and_others_stay() {
    let by = chrono::TimeDelta::days(1);
    assert_eq!(moved("2024-09-28..2024-09-30 2024-13-01", by), "2024-09-29..2024-10-01 2024-13-01");
}
