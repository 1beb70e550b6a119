//! The part of the preflight that asks the database.

use super::super::clock;
use super::super::context::App;
use super::super::failure::Failure;
use crate::report::check::Check;
use crate::store::{ConnectError, Obstacle, Protection, Reader, Rights, Schema, Server};

/// The right to read a table.
const READ: &str = "SELECT";

/// Checks everything that can be reached. The caller has reported a wrong address already.
pub(super) async fn look(app: &App<'_>) -> Vec<Check> {
    let reader = match app.connect().await {
        Ok(reader) => reader,
        Err(Failure::Usage(_) | Failure::Connect(ConnectError::Address(_))) => return Vec::new(),
        Err(failure) => {
            let advice = "Nothing else could be checked. Compare the address with `heroku pg:info`";
            return vec![Check::bad("server", "database", failure.to_string(), advice)];
        }
    };
    let mut checks = Vec::new();
    if let Err(failure) = look_inside(&reader, &mut checks).await {
        let advice = "The remaining checks could not run. Try again, or use another role";
        checks.push(Check::bad(
            "server",
            reader.endpoint().to_string(),
            failure.to_string(),
            advice,
        ));
    }
    reader.close().await;
    checks
}

async fn look_inside(reader: &Reader, checks: &mut Vec<Check>) -> Result<(), Failure> {
    let place = reader.endpoint().to_string();
    let server = reader.server().await?;
    checks.push(version(&place, &server));
    checks.push(tls(&place, reader.protection()));
    checks.push(pooler(reader, &server));
    checks.push(clocks(reader).await?);
    checks.extend(server.obstacles.iter().map(|obstacle| in_the_way("server", &place, obstacle)));
    let rights = reader.rights().await?;
    checks.extend(all_rights(&server.role, &rights));
    // The schema's version is in a table that this role may not read, or may not read completely.
    let is_readable = rights.iter().all(|rights| rights.lacking.iter().all(|right| right != READ));
    if !is_readable
        || server.obstacles.iter().any(|obstacle| matches!(obstacle, Obstacle::RowSecurity { .. }))
    {
        return Ok(());
    }
    checks.push(match reader.schema_unchecked().await? {
        Schema::Absent if !server.migration_obstacles.is_empty() => {
            in_the_way("schema", "database", &server.migration_obstacles[0])
        }
        Schema::Current => match reader.schema_gaps().await? {
            Some(obstacle) => in_the_way("schema", "database", &obstacle),
            None => Check::good("schema", "database", "up to date"),
        },
        other => schema(&server, &other),
    });
    Ok(())
}

/// An obstacle that stops a sync.
fn in_the_way(check: &'static str, subject: &str, obstacle: &Obstacle) -> Check {
    Check::bad(check, subject, obstacle.problem(), obstacle.advice())
}

fn version(place: &str, server: &Server) -> Check {
    let found = format!("PostgreSQL {}, as the role {}", server.version, server.role);
    if server.supported {
        Check::good("server", place, found)
    } else {
        Check::bad("server", place, found, "auditsync needs PostgreSQL 13 or newer")
    }
}

fn tls(place: &str, protection: Protection) -> Check {
    match protection {
        Protection::Local => {
            Check::good("tls", place, "the connection does not leave this machine")
        }
        Protection::Encrypted => {
            Check::good("tls", place, "encrypted; the certificate is not verified").advise(
                "If the server has a certificate of a known CA, add sslmode=verify-full and \
                sslrootcert=FILE to the URL",
            )
        }
        Protection::Signed => Check::good(
            "tls",
            place,
            "encrypted; the certificate's CA is verified, its host is not",
        ),
        Protection::Verified => {
            Check::good("tls", place, "encrypted; the certificate's CA and host are verified")
        }
        Protection::None => {
            let advice = "Remove sslmode=disable from the URL, unless the network is your own";
            Check::bad("tls", place, "not encrypted", advice)
        }
    }
}

/// A pooler does not identify itself, but the server behind it has another port than the address.
fn pooler(reader: &Reader, server: &Server) -> Check {
    let place = reader.endpoint();
    let found = if place.port == server.port {
        "none detected".to_owned()
    } else {
        format!(
            "the server itself listens on port {}, so a pooler or a tunnel is in between",
            server.port
        )
    };
    Check::good("pooler", place.to_string(), found)
}

async fn clocks(reader: &Reader) -> Result<Check, Failure> {
    let (here, there) = (clock::here(), reader.now().await?);
    let apart = here - there;
    let found = match apart.num_seconds() {
        0 => "the same as the database's".to_owned(),
        seconds if seconds > 0 => format!("{seconds} s ahead of the database's"),
        seconds => format!("{} s behind the database's", -seconds),
    };
    if clock::skew(here, there).is_none() {
        return Ok(Check::good("clock", "this machine", found));
    }
    let advice = "Correct the clock. The earlier of the two decides which days are over";
    Ok(Check::bad("clock", "this machine", found, advice))
}

/// The rights of the role. A role that may write to none of the tables is one for people and
/// dashboards: it lacks nothing but what a sync needs.
fn all_rights(role: &str, rights: &[Rights]) -> Vec<Check> {
    let may_read = rights.iter().any(|rights| rights.granted.iter().any(|right| right == READ));
    // Unless sql/roles.sql ran, everybody may execute a function.
    let may_write = rights
        .iter()
        .filter(|rights| !rights.table.starts_with("FUNCTION "))
        .any(|rights| rights.granted.iter().any(|right| right != READ));
    if may_write || !may_read {
        let allowed = |rights: &Rights| allowed(role, rights, &rights.lacking, "A sync needs it");
        return rights.iter().map(allowed).collect();
    }
    let advice = "`status` and other commands that read can use it. A sync needs a role that may \
                  write: see sql/roles.sql";
    let only_reads = Check::good("rights", "database", format!("{role} may only read"));
    let mut checks = vec![only_reads.advise(advice)];
    let unreadable =
        rights.iter().filter(|rights| rights.lacking.iter().any(|right| right == READ));
    let needs = [READ.to_owned()];
    checks.extend(unreadable.map(|rights| allowed(role, rights, &needs, "A reader needs it")));
    checks
}

fn allowed(role: &str, rights: &Rights, lacking: &[String], who: &str) -> Check {
    let Rights { table, granted, .. } = rights;
    if lacking.is_empty() {
        return Check::good("rights", table, format!("{role} may {}", granted.join(", ")));
    }
    let lacking = lacking.join(", ");
    let advice = format!("{who}. Run GRANT {lacking} ON {table} TO {role}, or see sql/roles.sql");
    Check::bad("rights", table, format!("{role} may not {lacking}"), advice)
}

fn schema(server: &Server, schema: &Schema) -> Check {
    let (found, to_come) = match schema {
        Schema::Current => return Check::good("schema", "database", "up to date"),
        Schema::Absent => ("there is no schema yet".to_owned(), true),
        Schema::Behind(migrations) => (format!("behind by {}", migrations.join(", ")), true),
        Schema::Ahead(_) | Schema::Changed(_) | Schema::PythonLogger | Schema::Foreign => {
            (schema.clone().into_error().to_string(), false)
        }
    };
    if to_come && server.may_create {
        return Check::good("schema", "database", found)
            .advise("`auditsync migrate` or the next sync brings it up to date");
    }
    let advice = if to_come {
        format!("{} may not create tables. Run `auditsync migrate` as a role that may", server.role)
    } else {
        "A sync would stop here with exit status 3".to_owned()
    };
    Check::bad("schema", "database", found, advice)
}
