//! A month's archive, compared with gunzip and COPY of the same events.

use std::io::{self, Write as _};

use bytes::Bytes;
use chrono::{Days, NaiveDate};
use fake_heroku::{Issuer, Month};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::Result;
use crate::day::expect;
use crate::process;
use crate::stage::{Stage, shell};
use crate::table::{Table, mib, ratio};

/// The number of events.
pub(crate) const EVENTS: usize = 5_000_000;

/// The number of days with events.
pub(crate) const DAYS: usize = 30;

pub(crate) fn measure(table: &mut Table, events: usize) -> Result<()> {
    let stage = Stage::new(&["acme".to_owned()])?;
    let events = events / DAYS * DAYS;
    eprintln!("packing {events} events");
    let file = pack(events)?;
    let size = file.len() as f64 / 1024.0 / 1024.0;
    stage.heroku.put_archive("acme", Month { year: 2024, month: 9 }, file);
    stage.migrated("archive")?;
    let (from, to) = ("2024-09-01", "2024-09-30");
    let taken =
        stage.run("archive", &["backfill", "--via", "archive", "--from", from, "--to", to])?;
    let report: Value = serde_json::from_str(&taken.printed)?;
    if report["totals"]["new_events"].as_u64() != Some(events as u64) {
        return Err(format!("not all events are new: {}", report["totals"]).into());
    }
    // The same events as rows, compressed like the archive.
    let rows = stage.folder.path().join("rows.gz");
    let rows = rows.display();
    let copy = "\\copy audit_events";
    process::run(&shell(&format!(
        "{} -c \"{copy} TO STDOUT\" | gzip -1 > '{rows}'",
        stage.psql("archive")
    )))?;
    stage.drop_database("archive")?;
    stage.migrated("bare")?;
    let bare = process::run(&shell(&format!(
        "gunzip -c '{rows}' | {} -c \"{copy} FROM STDIN\"",
        stage.psql("bare")
    )))?;
    expect(&stage, "bare", "audit_events", events)?;
    let rate = events as f64 / taken.wall.as_secs_f64();
    table.row(
        format!("an archive of {events} events, {size:.0} MiB, peak memory"),
        format!("**{}**", mib(taken.peak_kib)),
        "≤ 64 MiB",
    );
    table.row(
        format!("… against gunzip + `COPY` of the same events, {:.1?}", bare.wall),
        format!(
            "**{}**, {:.1?}, {rate:.0} events/s, {:.1?} of processor",
            ratio(taken.wall, bare.wall),
            taken.wall,
            taken.cpu
        ),
        "the same speed",
    );
    Ok(())
}

/// Pack a month while generating it, one event of each day in turn. Heroku promises no order, and
/// this is the worst one for a program that sorts by day.
pub(crate) fn pack(events: usize) -> Result<Bytes> {
    let issuer = Issuer { id: fake_heroku::uuid("acme"), name: "acme".into(), teams: Vec::new() };
    let first = NaiveDate::from_ymd_opt(2024, 9, 1).ok_or("no such day")?;
    let mut file =
        io::BufWriter::with_capacity(64 * 1024, GzEncoder::new(Vec::new(), Compression::fast()));
    let of_a_day = events / DAYS;
    for number in 0..events {
        let day = first + Days::new((number % DAYS) as u64);
        file.write_all(if number == 0 { b"{\"entries\":[\n" } else { b",\n" })?;
        file.write_all(&fake_heroku::event(&issuer, day, number / DAYS, of_a_day))?;
    }
    file.write_all(b"\n]}\n")?;
    let encoder = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok(encoder.finish()?.into())
}
