//! Why a command stopped, for the person who ran it.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::paths;

/// What a fallible step of a command answers.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// One message, and the log that says more.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    log: Option<PathBuf>,
}

/// How many of a log's last lines are shown. In CI nobody can open the file, so they get more.
const LAST_LINES: usize = 40;
const LAST_LINES_IN_CI: usize = 300;

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), log: None }
    }

    /// Names the log that says more.
    pub(crate) fn log(mut self, log: &Path) -> Self {
        self.log = Some(log.to_owned());
        self
    }

    /// Says more, after the message.
    pub(crate) fn and(mut self, more: &str) -> Self {
        self.message = format!("{}; {more}", self.message);
        self
    }

    /// The message on standard error, then the end of the log and where all of it is.
    pub(crate) fn print(&self) {
        eprintln!("\nerror: {}", self.message);
        let Some(log) = &self.log else { return };
        let text = std::fs::read(log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let shown = if std::env::var_os("CI").is_some() { LAST_LINES_IN_CI } else { LAST_LINES };
        for line in lines.iter().skip(lines.len().saturating_sub(shown)) {
            eprintln!("  | {line}");
        }
        eprintln!("  the whole log: {}", paths::shown(log));
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Says what was being done when something failed.
pub(crate) trait Context<T> {
    fn context(self, what: impl fmt::Display) -> Result<T>;
}

impl<T, E: fmt::Display> Context<T> for std::result::Result<T, E> {
    fn context(self, what: impl fmt::Display) -> Result<T> {
        self.map_err(|error| Failure::new(format!("{what}: {error}")))
    }
}
