//! Standard output, which is for results alone.
//!
//! Invariant: nobody who reads any longer, as after `customer-sync jobs | head -1`, is no error: what is left to print is
//! dropped, and the exit code still tells how the command went. Progress and complaints go to standard error.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write as _};

/// Prints a line.
///
/// # Errors
/// What the operating system says, for example that the disk is full.
pub(super) fn say(line: impl Display) -> io::Result<()> {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// As [`say`], where the work goes on whatever becomes of the words about it.
pub(super) fn remark(line: impl Display) {
    if let Err(error) = say(line) {
        tracing::debug!(%error, "standard output is gone");
    }
}

/// Asks whoever sits at the terminal; anything but a yes is a no.
pub(super) fn ask(question: &str) -> io::Result<bool> {
    eprint!("{question} [y/N] ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// A number of things, as `1 customer` or `25 customers`.
pub(super) fn counted(count: impl Into<i128>, thing: &str) -> String {
    match count.into() {
        1 => format!("1 {thing}"),
        count => format!("{count} {thing}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        assert_eq!([0_i64, 1, 2].map(|count| counted(count, "job")), ["0 jobs", "1 job", "2 jobs"]);
    }
}
