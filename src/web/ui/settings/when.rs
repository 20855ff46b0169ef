//! When a schedule runs, in words: `every 10 min`, `daily at 03:00 (UTC)`.
//!
//! Invariant: what is not one of the usual patterns is shown as it is configured.

/// The words for a schedule as it is stored (`10min`, `0 3 * * * (UTC)`, `off`).
pub(in crate::web::ui) fn when(schedule: &str) -> String {
    every(schedule).or_else(|| daily(schedule)).unwrap_or_else(|| schedule.to_owned())
}

fn every(schedule: &str) -> Option<String> {
    let unit = schedule.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = schedule.strip_suffix(unit).filter(|number| !number.is_empty())?;
    ["ms", "s", "min", "h"].contains(&unit).then(|| format!("every {number} {unit}"))
}

fn daily(schedule: &str) -> Option<String> {
    let (pattern, zone) = schedule.split_once(" (")?;
    let parts: Vec<&str> = pattern.split_whitespace().collect();
    let [minute, hour, "*", "*", "*"] = parts[..] else { return None };
    let (minute, hour): (u8, u8) = (minute.parse().ok()?, hour.parse().ok()?);
    Some(format!("daily at {hour:02}:{minute:02} ({zone}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_patterns_are_words_and_others_stay_as_they_are() {
        let cases = [
            ("10min", "every 10 min"),
            ("30s", "every 30 s"),
            ("0 3 * * * (UTC)", "daily at 03:00 (UTC)"),
            ("5 14 * * * (Europe/Berlin)", "daily at 14:05 (Europe/Berlin)"),
            ("*/5 * * * * (UTC)", "*/5 * * * * (UTC)"),
            ("0 3 * * 1 (UTC)", "0 3 * * 1 (UTC)"),
            ("off", "off"),
        ];
        for (schedule, words) in cases {
            assert_eq!(when(schedule), words);
        }
    }
}
