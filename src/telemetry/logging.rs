//! Sets the log up: lines for people on a terminal, one JSON object per line otherwise, on standard error.
//!
//! Invariant: set up once, by `main`; libraries and tests never do. What may be logged at which level is a rule for
//! every module: no secret at all, no customer's name or data above debug.

use std::io::IsTerminal;

use tracing::Subscriber;
use tracing::subscriber::SetGlobalDefaultError;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::MakeWriter;

/// What libraries say about every start, stop, lost connection and line of garbage from the network, beside what we say
/// ourselves and at a limited rate. A directive of the user for the same target comes later and wins.
const QUIET: &str = "actix_server=warn,actix_http=off,sqlx=error";

/// Why the log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The configuration checks directives, so this means that its check missed something.
    #[error("the log filter cannot be used; correct log.level or RUST_LOG")]
    Filter(#[from] ParseError),
    /// Somebody set a log up before.
    #[error("the log is set up already")]
    Twice(#[from] SetGlobalDefaultError),
}

/// Logs from now on what `directives` (of [`EnvFilter`]) let pass. `json` false or true forces the form of lines;
/// `None` chooses by whether standard error is a terminal.
///
/// # Errors
/// [`LoggingError`], see there.
pub fn init(directives: &str, json: Option<bool>) -> Result<(), LoggingError> {
    let terminal = std::io::stderr().is_terminal();
    let json = json.unwrap_or(!terminal);
    let subscriber = subscriber(directives, json, terminal, std::io::stderr)?;
    tracing::subscriber::set_global_default(subscriber)?;
    Ok(())
}

fn subscriber<W>(
    directives: &str,
    json: bool,
    colours: bool,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, ParseError>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(format!("{QUIET},{directives}"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(colours);
    Ok(if json {
        Box::new(builder.json().flatten_event(true).with_span_list(false).finish())
    } else {
        Box::new(builder.compact().finish())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Result as IoResult, Write};
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> IoResult<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> IoResult<()> {
            Ok(())
        }
    }

    fn logged(directives: &str, json: bool) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = subscriber(directives, json, false, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            let _span = tracing::info_span!("request", id = "r1").entered();
            tracing::info!(job = 7, "done");
            tracing::debug!("detail");
        });
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn json_lines_carry_fields_and_the_span() {
        let text = logged("info", true);
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&line["message"], &line["job"], &line["span"]["id"]), (&"done".into(), &7.into(), &"r1".into()));
        assert_eq!(text.lines().count(), 1, "debug is filtered: {text}");
    }

    #[test]
    fn garbage_from_the_network_fills_no_log_unless_asked_for() {
        let said = |directives: &str| {
            let lines = Lines::default();
            let writer = lines.clone();
            let subscriber = subscriber(directives, true, false, move || writer.clone()).unwrap();
            tracing::subscriber::with_default(subscriber, || {
                tracing::error!(target: "actix_http::h1::dispatcher", "stream error");
                tracing::info!(target: "actix_server::worker", "shutting down idle worker");
            });
            lines.0.lock().unwrap().len()
        };
        assert_eq!(said("info"), 0);
        assert!(said("info,actix_http=debug") > 0);
    }

    #[test]
    fn human_lines_are_plain() {
        let text = logged("debug", false);
        assert!(text.contains("done job=7") && text.contains("detail") && !text.contains('{'), "{text}");
    }
}
