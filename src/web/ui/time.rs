//! A moment on a page: readable in UTC as it is; `assets/app.js` puts it into the reader's zone, with the exact time on hover.
//!
//! Invariant: what stands in `datetime` is the exact time, whatever is shown.

use askama::Template;
use askama::filters::HtmlSafe;

/// A moment, made of RFC 3339 text.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(
    ext = "html",
    source = "<time datetime=\"{{ exact }}\" data-as=\"{{ shown }}\" title=\"{{ exact }}\">{{ plain() }}</time>"
)]
pub(super) struct Moment {
    exact: String,
    shown: &'static str,
}

impl HtmlSafe for Moment {}

/// Shown as day and time.
pub(super) fn moment(exact: impl Into<String>) -> Moment {
    Moment { exact: exact.into(), shown: "moment" }
}

/// Shown as how long ago it was, or how soon it comes.
pub(super) fn distance(exact: impl Into<String>) -> Moment {
    Moment { exact: exact.into(), shown: "distance" }
}

impl Moment {
    /// Without a script: to the minute, in UTC.
    fn plain(&self) -> String {
        let minute = self.exact.get(..16).unwrap_or(&self.exact).replace('T', " ");
        format!("{minute} UTC")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_readable_without_a_script() {
        let html = moment("2026-01-31T12:34:56.789Z").to_string();
        assert!(html.contains("datetime=\"2026-01-31T12:34:56.789Z\"") && html.contains(">2026-01-31 12:34 UTC<"));
        assert!(distance("<b>").to_string().contains("&#60;b&#62;"));
    }
}
