//! `init`: writes a first `audit.toml` with the accounts and teams of a token.
//!
//! The token is never asked for, printed or written: the file names the variable that holds it. An
//! existing file is never changed.

mod ask;
mod choice;

use std::io::{self, Write as _};
use std::path::Path;

use super::environment::env;
use super::failure::{DONE, ExitStatus, FOUND_WRONG, Failure};
use crate::cli::{Global, InitArgs};
use crate::config::{self, Config, FirstFile, Token, TokenError};
use crate::heroku::{self, Client, Session, sanitize};
use crate::report::init::InitReport;
use crate::report::streams;
use crate::text::clean;
use crate::text::secrets::{self, SecretKind};
use ask::Questions;
use choice::{Offered, OfferedAccount};

/// The variable that a file names without further keys.
const USUAL_VARIABLE: &str = "HEROKU_API_TOKEN";

pub(super) async fn run(global: &Global, args: &InitArgs) -> Result<ExitStatus, Failure> {
    let path = &global.config;
    refuse_existing(path)?;
    let questions = if args.yes { None } else { Some(Questions::new()?) };
    let base_url = args.base_url.as_deref().map(config::base_url).transpose();
    let base_url = base_url.map_err(|why| Failure::usage(format!("--base-url: {why}")))?;
    let (token_env, token) = token(args, questions.as_ref())?;
    let config = provisional(&token_env, base_url.as_deref())?;
    let tokens = config.tokens(&config.sources, &env)?;
    let client = Client::new(&config.api, &config.sources, &tokens)?;
    let source = &config.sources[0];
    let offered = match offered(&client.session(&token, &source.retry)).await {
        Ok(offered) if !offered.accounts.is_empty() => offered,
        Ok(none) => return Ok(refuse(global, &none.why_none(&token_env))),
        Err(error) => return Ok(refuse(global, &error.message(source))),
    };
    let sources = match &questions {
        Some(questions) => offered.choose(questions)?,
        None => offered.every_account(),
    };
    let file = FirstFile { token_env, base_url, sources };
    create(path, &file.text(path)?)?;
    global.output.print(&InitReport::new(path, file))?;
    Ok(DONE)
}

/// `init` replaces no existing file, not even a broken link.
fn refuse_existing(path: &Path) -> Result<(), Failure> {
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    Err(exists(path))
}

fn exists(path: &Path) -> Failure {
    Failure::usage(format!(
        "{} exists, and init changes no existing file. Name another file with --config FILE, or \
         move this one away",
        path.display()
    ))
}

/// The variable and the token in it.
fn token(args: &InitArgs, questions: Option<&Questions>) -> Result<(String, Token), Failure> {
    let named = |text: &str| {
        let variable = config::variable_name(text)?;
        let token = env(&variable).map_or(Err(TokenError::Empty), |text| Token::parse(&text));
        match token {
            Ok(token) => Ok((variable, token)),
            Err(why) => Err(format!(
                "{variable} {why}. Set it to a token: \
                 `export {variable}=$(heroku authorizations:create --short)`"
            )),
        }
    };
    let (variable, token) = match (&args.token_env, questions) {
        (Some(variable), _) => named(variable).map_err(Failure::usage)?,
        (None, None) => named(USUAL_VARIABLE).map_err(Failure::usage)?,
        (None, Some(questions)) => {
            let question = format!("Variable that holds the Heroku API token [{USUAL_VARIABLE}]: ");
            questions.ask(&question, |answer| {
                named(if answer.is_empty() { USUAL_VARIABLE } else { answer })
            })?
        }
    };
    secrets::learn(SecretKind::Token, token.expose());
    Ok((variable, token))
}

/// The settings of a file that has no sources yet. The client takes its own from a file.
fn provisional(token_env: &str, base_url: Option<&str>) -> Result<Config, Failure> {
    let source = config::FirstSource {
        name: "init".to_owned(),
        account: "init".to_owned(),
        team: None,
        remark: None,
    };
    let (token_env, base_url) = (token_env.to_owned(), base_url.map(str::to_owned));
    let file = FirstFile { token_env, base_url, sources: vec![source] };
    let path = Path::new("audit.toml");
    Ok(Config::parse(path, &file.text(path)?)?)
}

/// The accounts that the token may read, with their teams.
async fn offered(session: &Session) -> Result<Offered, heroku::Error> {
    let mut offered = Offered::default();
    for account in session.enterprise_accounts().await? {
        if account.may_manage() {
            let teams = session.teams(&account.id).await?;
            offered.accounts.push(OfferedAccount { account, teams });
        } else {
            offered.refused.push(sanitize(&account.name, session.token()));
        }
    }
    Ok(offered)
}

/// Reports why no file was written. Returns the exit status.
fn refuse(global: &Global, why: &str) -> ExitStatus {
    let why = clean(why);
    streams::print_to_stderr(&format!("error: {why}"));
    let _ = global.output.print_failure(&why, FOUND_WRONG);
    FOUND_WRONG
}

/// Creates the file with all of its text, or not at all.
fn create(path: &Path, text: &str) -> Result<(), Failure> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let failed = |source| Failure::File { name: path.display().to_string(), source };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".audit-").suffix(".toml");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // The file holds no secret: it has the usual permissions, less those that the umask takes.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Err(exists(path)),
        Err(error) => Err(failed(error.error)),
    }
}
