//! A small chart of the last day: a bar for each hour, drawn here as SVG.
//!
//! Invariant: whoever does not see it gets the same from its caption: the sum or the middle, and the highest hour. It needs
//! no script and no style of its own.

use askama::Template;
use askama::filters::HtmlSafe;

use super::time::{Moment, moment};
use crate::domain::time::iso;

/// Height and distance of the bars in the units of the drawing.
const HEIGHT: u64 = 48;
const STEP: u64 = 10;
/// What is not nothing is seen.
const LOWEST: u64 = 2;

/// A chart.
#[derive(Template)]
#[template(path = "parts/chart.html", config = "src/web/ui/askama.toml")]
pub(super) struct Chart {
    name: &'static str,
    /// The day in one number.
    total: String,
    /// What the number is.
    about: &'static str,
    bars: Vec<Bar>,
    /// The highest hour, in words; `None` where nothing happened.
    highest: Option<(String, Moment)>,
}

impl HtmlSafe for Chart {}

struct Bar {
    x: u64,
    y: u64,
    height: u64,
    /// What it says to the pointer.
    title: String,
}

/// What a chart shows of an hour.
pub(super) struct Value {
    /// When the hour began, in milliseconds since 1970 UTC.
    pub(super) begins: i64,
    /// How high the bar is, in whatever unit.
    pub(super) size: u64,
    /// The same in words.
    pub(super) text: String,
}

impl Chart {
    pub(super) fn new(name: &'static str, total: String, about: &'static str, values: &[Value]) -> Self {
        let most = values.iter().map(|value| value.size).max().unwrap_or(0);
        let height = |size: u64| if size == 0 { 0 } else { (size * HEIGHT / most.max(1)).max(LOWEST) };
        let bars = (0..).zip(values).map(|(place, value)| Bar {
            x: place * STEP,
            y: HEIGHT - height(value.size),
            height: height(value.size),
            title: format!("{} UTC: {}", iso(value.begins).get(11..16).unwrap_or_default(), value.text),
        });
        let highest = values.iter().max_by_key(|value| value.size).filter(|value| value.size > 0);
        let highest = highest.map(|value| (value.text.clone(), moment(iso(value.begins))));
        Self { name, total, about, bars: bars.collect(), highest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_hour_fills_the_chart_and_little_is_still_seen() {
        let value = |hour: i64, size| Value { begins: hour * 3_600_000, size, text: format!("{size} things") };
        let chart =
            Chart::new("Things", "1,001".to_owned(), "in 24 hours", &[value(0, 0), value(1, 1), value(2, 1_000)]);
        let heights: Vec<u64> = chart.bars.iter().map(|bar| bar.height).collect();
        assert_eq!(heights, [0, 2, 48]);
        let html = chart.to_string();
        assert!(html.contains("02:00 UTC: 1000 things") && html.contains("1970-01-01T02:00:00.000Z"), "{html}");
        let empty = Chart::new("Things", "0".to_owned(), "in 24 hours", &[value(0, 0)]);
        assert!(empty.highest.is_none());
    }
}
