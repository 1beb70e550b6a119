//! The older days that the very first run of a source leaves to a backfill.

use std::collections::BTreeMap;
use std::io;

use super::text::{Text, counted};
use crate::day::DateRange;
use crate::plan::OlderDays;

/// The most sources that a line names.
const NAMED: usize = 3;

/// Writes how many older days are missing, and the command that reads them.
pub(super) fn write_older(older: &[OlderDays], text: &mut Text<'_>) -> io::Result<()> {
    let mut alike: BTreeMap<DateRange, Vec<&str>> = BTreeMap::new();
    for OlderDays { source, dates } in older {
        alike.entry(*dates).or_default().push(source.as_ref());
    }
    for (dates, sources) in alike {
        text.blank()?;
        let DateRange { from, to } = dates;
        let days = counted(dates.len(), "older day");
        let each = if sources.len() > 1 { " of each" } else { "" };
        let (are, them) = if dates.len() == 1 { ("is", "it") } else { ("are", "them") };
        let names = named(&sources);
        writeln!(text, "{names}: `since` is {from}: {days}{each} {are} missing. To read {them}:")?;
        let options: String = sources.iter().map(|name| format!(" --source {name}")).collect();
        writeln!(text, "  `auditsync backfill{options} --from {from} --to {to}`")?;
    }
    Ok(())
}

fn named(sources: &[&str]) -> String {
    let names = sources[..sources.len().min(NAMED)].join(", ");
    match sources.len().saturating_sub(NAMED) {
        0 => names,
        more => format!("{names} and {}", counted(more as u64, "more source")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SourceName;

    fn written(older: &[(&str, u32, u32)]) -> String {
        let date = |day| chrono::NaiveDate::from_ymd_opt(2024, 9, day).expect("a date");
        let older: Vec<OlderDays> = older
            .iter()
            .map(|(name, from, to)| OlderDays {
                source: SourceName::parse(name).expect("a name"),
                dates: DateRange::new(date(*from), date(*to)),
            })
            .collect();
        let mut out = Vec::new();
        write_older(&older, &mut Text::new(&mut out, None)).expect("a vector accepts everything");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn one_command_reads_the_same_older_days_of_all_sources() {
        assert_eq!(written(&[]), "");
        assert_eq!(
            written(&[("a", 1, 27), ("b", 27, 27), ("c", 1, 27)]),
            "\na, c: `since` is 2024-09-01: 27 older days of each are missing. To read them:\n  \
             `auditsync backfill --source a --source c --from 2024-09-01 --to 2024-09-27`\n\
             \nb: `since` is 2024-09-27: 1 older day is missing. To read it:\n  \
             `auditsync backfill --source b --from 2024-09-27 --to 2024-09-27`\n"
        );
        let many = [("a", 1, 2), ("b", 1, 2), ("c", 1, 2), ("d", 1, 2), ("e", 1, 2)];
        assert!(written(&many).starts_with("\na, b, c and 2 more sources: "));
    }
}
