//! The events of each day, as bars.

use chrono::NaiveDate;

use super::calendar::Outline;
use super::figures::number;
use super::source::SourceView;

/// The height of the drawing. The page stretches it.
const HEIGHT: f64 = 100.0;
/// The room between two bars, as a part of a day.
const BETWEEN: f64 = 0.2;

/// The bars, and the figures behind them.
#[derive(Debug)]
pub(super) struct Volume {
    pub(super) bars: Outline,
    /// Marks below the days of which some source is not complete.
    pub(super) gaps: Outline,
    pub(super) days: Vec<DayVolume>,
    /// The upper end of the scale.
    pub(super) top: u64,
    pub(super) busiest: Option<DayVolume>,
}

/// The events of one day.
#[derive(Debug, Clone, Copy)]
pub(super) struct DayVolume {
    pub(super) date: NaiveDate,
    pub(super) count: u64,
    /// How many sources are not complete on this day.
    pub(super) gaps: usize,
}

impl DayVolume {
    pub(super) fn events(&self) -> String {
        number(self.count)
    }
}

impl Volume {
    pub(super) fn of(sources: &[SourceView]) -> Self {
        let length = sources.first().map_or(0, |source| source.cells.len());
        let day = |at: usize| {
            let cells = sources.iter().map(|source| source.cells[at]);
            let date = sources[0].cells[at].date;
            let count = cells.clone().filter_map(|cell| cell.events).map(|n| n as u64).sum();
            DayVolume { date, count, gaps: cells.filter(|cell| cell.is_incomplete).count() }
        };
        let days: Vec<DayVolume> = (0..length).map(day).collect();
        let busiest = days.iter().copied().rev().max_by_key(|day| day.count);
        let busiest = busiest.filter(|day| day.count > 0);
        let top = round_up(busiest.map_or(0, |day| day.count));
        let (mut bars, mut gaps) = (Outline::default(), Outline::default());
        for (at, day) in days.iter().enumerate() {
            let x = at as f64 + BETWEEN / 2.0;
            if day.count > 0 {
                let height = (day.count as f64 / top as f64 * HEIGHT).max(0.6);
                let height = (height * 10.0).round() / 10.0;
                bars.add([tidy(x), tidy(HEIGHT - height), 1.0 - BETWEEN, height]);
            }
            if day.gaps > 0 {
                gaps.add([tidy(x), 0.0, 1.0 - BETWEEN, 1.0]);
            }
        }
        Self { bars, gaps, days, top, busiest }
    }

    /// The days before, at and after the middle that the axis names.
    pub(super) fn ticks(&self) -> Vec<NaiveDate> {
        let last = self.days.len().saturating_sub(1);
        let mut places = vec![0, last / 2, last];
        places.dedup();
        places.into_iter().filter_map(|at| self.days.get(at)).map(|day| day.date).collect()
    }
}

fn tidy(length: f64) -> f64 {
    (length * 10.0).round() / 10.0
}

/// The next number with one digit other than zero, such as 30 or 4,000.
fn round_up(most: u64) -> u64 {
    let mut unit: u64 = 1;
    loop {
        if let Some(top) =
            [1, 2, 3, 4, 5, 6, 8].into_iter().map(|n| n * unit).find(|top| *top >= most)
        {
            return top;
        }
        unit = unit.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_ends_at_a_round_number_that_no_day_exceeds() {
        let tops = [0, 1, 3, 10, 11, 450, 6_100, 9_000_000].map(round_up);
        assert_eq!(tops, [1, 1, 3, 10, 20, 500, 8_000, 10_000_000]);
    }
}
