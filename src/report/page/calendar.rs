//! Draws a calendar as SVG. Days of one state in a row are one shape, filled with a pattern whose
//! tile is one day, so a year of a source takes some hundred bytes.

use std::fmt::{self, Write as _};

use chrono::{Datelike as _, NaiveDate};

use super::state::{STATES, place};
use crate::coverage::DayState;
use crate::day::DateRange;

/// Up to this number of days, a calendar looks like one on a wall. A longer one has a column for
/// each week.
const LONGEST_WALL: u64 = 42;
/// The height of a day on the wall: the number stands above the mark.
const WALL_PITCH: f64 = 1.9;
/// The room above the days of a longer calendar, for the names of the months.
const MONTHS: f64 = 2.3;

/// The greatest width of a day on a screen.
const WALL_PIXELS: f64 = 34.0;
const WEEK_PIXELS: f64 = 7.0;

/// The outlines of shapes. They are made of numbers here, so a page inserts them as they are.
#[derive(Debug, Clone, Default)]
pub(super) struct Outline(String);

impl Outline {
    /// Adds a rectangle.
    pub(super) fn add(&mut self, [x, y, width, height]: [f64; 4]) {
        let _ = write!(self.0, "M{x} {y}h{width}v{height}h-{width}z");
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Outline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A calendar: shapes for each state, and labels.
#[derive(Debug)]
pub(super) struct Calendar {
    pub(super) width: f64,
    pub(super) height: f64,
    /// `w` for a wall, `p` otherwise: the first letter of the patterns' names.
    pub(super) patterns: char,
    /// How far the days are below the upper edge.
    pub(super) top: f64,
    /// The word of each state, with its days.
    pub(super) shapes: Vec<(&'static str, Outline)>,
    pub(super) labels: Vec<Label>,
}

/// A text at a place, in tenths of a day.
#[derive(Debug, PartialEq)]
pub(super) struct Label {
    pub(super) x: i64,
    pub(super) y: i64,
    pub(super) text: String,
}

impl Calendar {
    /// Draws the days of `range`, each with its state if it must be covered.
    pub(super) fn draw(range: DateRange, days: &[Option<DayState>]) -> Self {
        let grid = Grid::of(range);
        let mut shapes: Vec<(&'static str, Outline)> =
            STATES.iter().map(|state| (state.name(), Outline::default())).collect();
        shapes.push(("outside", Outline::default()));
        let mut from = 0;
        for run in days.chunk_by(|a, b| a == b) {
            let (first, last) = (grid.lead + from, grid.lead + from + run.len() - 1);
            let shape = run[0].map_or(STATES.len(), place);
            grid.fill(first, last, &mut shapes[shape].1);
            from += run.len();
        }
        shapes.retain(|(_, outline)| !outline.is_empty());
        let lines = (grid.lead + days.len()).div_ceil(7) as f64;
        let (width, height) =
            if grid.is_wall { (7.0, lines * WALL_PITCH + 1.0) } else { (lines, 7.0 + MONTHS) };
        Self {
            width,
            height,
            patterns: if grid.is_wall { 'w' } else { 'p' },
            top: if grid.is_wall { 1.0 } else { MONTHS },
            shapes,
            labels: grid.labels(range),
        }
    }

    /// The greatest width on a screen. A narrow screen shrinks it.
    pub(super) fn pixels(&self) -> f64 {
        self.width * if self.is_wall() { WALL_PIXELS } else { WEEK_PIXELS }
    }

    /// Whether it looks like a calendar on a wall.
    pub(super) fn is_wall(&self) -> bool {
        self.patterns == 'w'
    }
}

/// Where the days are. A week is a line: a row on the wall, a column otherwise.
struct Grid {
    /// The days of the first week before the first day.
    lead: usize,
    is_wall: bool,
}

impl Grid {
    fn of(range: DateRange) -> Self {
        Self {
            lead: range.from.weekday().num_days_from_monday() as usize,
            is_wall: range.len() <= LONGEST_WALL,
        }
    }

    /// Adds the days between two slots, which are counted from the first Monday.
    fn fill(&self, first: usize, last: usize, outline: &mut Outline) {
        let mut next = first;
        while next <= last {
            let (line, at) = (next / 7, next % 7);
            let full_lines = (last + 1 - next) / 7;
            let (lines, days) = if at == 0 && full_lines > 0 {
                (full_lines, 7)
            } else {
                (1, (last - next + 1).min(7 - at))
            };
            let (line, at, thick, long) = (line as f64, at as f64, lines as f64, days as f64);
            outline.add(if self.is_wall {
                [at, tidy(line * WALL_PITCH), long, tidy(thick * WALL_PITCH)]
            } else {
                [line, at, thick, long]
            });
            next += lines * days;
        }
    }

    fn labels(&self, range: DateRange) -> Vec<Label> {
        if self.is_wall { self.labels_of_days(range) } else { self.labels_of_months(range) }
    }

    fn labels_of_days(&self, range: DateRange) -> Vec<Label> {
        let names = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"].into_iter().zip(0..);
        let names = names.map(|(name, at)| Label { x: at * 10 + 5, y: 6, text: name.to_owned() });
        let days = range.dates().zip(self.lead as i64..).map(|(date, slot)| Label {
            x: slot % 7 * 10 + 5,
            y: slot / 7 * 19 + 17,
            text: date.day().to_string(),
        });
        names.chain(days).collect()
    }

    /// A name at the first week of each month that has room for it.
    fn labels_of_months(&self, range: DateRange) -> Vec<Label> {
        let mut labels: Vec<Label> = Vec::new();
        let begins = |date: &NaiveDate| date.day() == 1 || *date == range.from;
        for (date, slot) in range.dates().zip(self.lead as i64..).filter(|(date, _)| begins(date)) {
            let x = slot / 7 * 10;
            if labels.last().is_some_and(|last| x - last.x < 30) {
                // The range begins shortly before the end of a month.
                if labels.len() > 1 {
                    continue;
                }
                labels.pop();
            }
            let form = if date.month() == 1 { "%Y" } else { "%b" };
            labels.push(Label { x, y: 16, text: date.format(form).to_string() });
        }
        labels
    }
}

/// Without the noise of binary fractions.
fn tidy(length: f64) -> f64 {
    (length * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(from: &str, to: &str) -> DateRange {
        DateRange::new(from.parse().expect("a date"), to.parse().expect("a date"))
    }

    fn shapes(calendar: &Calendar) -> Vec<(&'static str, String)> {
        calendar.shapes.iter().map(|(word, outline)| (*word, outline.to_string())).collect()
    }

    #[test]
    fn a_year_of_one_state_is_at_most_three_rectangles() {
        // 2024-01-01 is a Monday.
        let days = [Some(DayState::Settled); 366];
        let calendar = Calendar::draw(range("2024-01-01", "2024-12-31"), &days);
        let settled = "M0 0h52v7h-52zM52 0h1v2h-1z".to_owned();
        assert_eq!(shapes(&calendar), [("settled", settled)]);
        assert_eq!((calendar.width, calendar.is_wall()), (53.0, false));
        let months: Vec<&str> = calendar.labels.iter().map(|label| label.text.as_str()).collect();
        assert_eq!(months[..3], ["2024", "Feb", "Mar"]);
    }

    #[test]
    fn each_day_of_a_wall_calendar_has_its_number_and_its_mark() {
        // 2024-09-05 is a Thursday.
        let days = [None, Some(DayState::Failed), None, None, Some(DayState::Settled)];
        let calendar = Calendar::draw(range("2024-09-05", "2024-09-09"), &days);
        assert_eq!(
            shapes(&calendar),
            [
                ("settled", "M0 1.9h1v1.9h-1z".to_owned()),
                ("failed", "M4 0h1v1.9h-1z".to_owned()),
                ("outside", "M3 0h1v1.9h-1zM5 0h2v1.9h-2z".to_owned()),
            ]
        );
        let last = Label { x: 5, y: 36, text: "9".to_owned() };
        assert_eq!(calendar.labels.last(), Some(&last));
    }
}
