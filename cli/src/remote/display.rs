//! Progress on standard error: one line that is drawn again and again on a terminal, plain lines elsewhere.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use mlp_operations::follow::Progress;
use mlp_template::printable::printable;

use crate::show::complain_painted;

/// Where progress is shown.
pub(crate) struct Display {
    terminal: bool,
    /// What was shown last, without the time.
    last: String,
    elapsed: Duration,
    turn: usize,
    write: fn(&str),
}

const SPINNER: [&str; 4] = ["|", "/", "-", "\\"];

impl Display {
    /// Standard error.
    pub(crate) fn standard() -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self::on(io::stderr().is_terminal() && !dumb, complain_painted)
    }

    /// Plain lines, wherever they go.
    #[cfg(test)]
    pub(crate) fn plain(write: fn(&str)) -> Self {
        Self::on(false, write)
    }

    fn on(terminal: bool, write: fn(&str)) -> Self {
        Self { terminal, last: String::new(), elapsed: Duration::ZERO, turn: 0, write }
    }

    /// How often the line is drawn again while nothing happens; `None` where no line is.
    pub(crate) fn turns(&self) -> Option<Duration> {
        self.terminal.then_some(Duration::from_millis(200))
    }

    /// What was seen at a look.
    pub(crate) fn show(&mut self, progress: &Progress, elapsed: Duration) {
        let line = line(progress);
        self.elapsed = elapsed;
        let changed = line != self.last;
        self.last = line;
        if self.terminal {
            self.draw();
        } else if changed {
            (self.write)(&format!("[{}] {}\n", time(elapsed), self.last));
        }
    }

    /// Nothing happened, and time went by.
    pub(crate) fn turn(&mut self, elapsed: Duration) {
        self.turn = self.turn.wrapping_add(1);
        self.elapsed = elapsed.max(self.elapsed);
        if self.terminal && !self.last.is_empty() {
            self.draw();
        }
    }

    /// A line of its own, which stays.
    pub(crate) fn say(&mut self, text: &str) {
        self.clear();
        (self.write)(&format!("{}\n", printable(text)));
    }

    /// Takes the line away.
    pub(crate) fn clear(&mut self) {
        if self.terminal && !self.last.is_empty() {
            (self.write)("\r\u{1b}[K");
        }
    }

    /// Draws the line. A line that is too long for the terminal is cut off by it: a wrapped one couldn't be drawn over.
    fn draw(&self) {
        let spinner = SPINNER.get(self.turn % SPINNER.len()).copied().unwrap_or("-");
        (self.write)(&format!(
            "\r\u{1b}[?7l{spinner} {}  {}\u{1b}[K\u{1b}[?7h",
            self.last,
            time(self.elapsed)
        ));
    }
}

fn line(progress: &Progress) -> String {
    let words = progress.words();
    let words = printable(&words);
    match progress.resources {
        Some(resources) => format!("{words}: {} of {} resources", resources.done, resources.total),
        None => words.into_owned(),
    }
}

/// `42s`, `3m 07s`, `1h 02m 03s`.
pub(crate) fn time(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, _) => format!("{minutes}m {rest:02}s"),
        _ => format!("{hours}h {minutes:02}m {rest:02}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mlp_operations::follow::ResourceProgress;
    use std::cell::RefCell;

    thread_local! {
        static WRITTEN: RefCell<String> = const { RefCell::new(String::new()) };
    }

    fn written(terminal: bool, use_it: impl FnOnce(&mut Display)) -> String {
        WRITTEN.take();
        use_it(&mut Display::on(terminal, |text| WRITTEN.with_borrow_mut(|written| written.push_str(text))));
        WRITTEN.take()
    }

    fn changing(done: u64) -> Progress {
        let resources = Some(ResourceProgress { done, total: 13 });
        Progress { step: "FollowStack".to_owned(), resources, ..Progress::default() }
    }

    #[test]
    fn elsewhere_there_is_one_line_per_change() {
        let written = written(false, |display| {
            for (second, done) in [(1, 2), (2, 2), (63, 9), (3_723, 13)] {
                display.show(&changing(done), Duration::from_secs(second));
                display.turn(Duration::from_secs(second));
            }
            display.clear();
        });
        assert_eq!(
            written,
            "[1s] Changing the stack: 2 of 13 resources\n\
             [1m 03s] Changing the stack: 9 of 13 resources\n\
             [1h 02m 03s] Changing the stack: 13 of 13 resources\n"
        );
    }

    #[test]
    fn on_a_terminal_one_line_is_drawn_over() {
        let written = written(true, |display| {
            display.show(&changing(2), Duration::from_secs(1));
            display.turn(Duration::from_secs(2));
            display.say("news");
        });
        let drawn: Vec<&str> = written.split('\r').collect();
        assert_eq!(drawn.len(), 4);
        assert!(drawn[1].contains("| Changing the stack: 2 of 13 resources  1s"), "{written:?}");
        assert!(drawn[2].contains("/ Changing the stack: 2 of 13 resources  2s"), "{written:?}");
        assert!(drawn[3] == "\u{1b}[Knews\n" && written.matches('\n').count() == 1, "{written:?}");
    }
}
