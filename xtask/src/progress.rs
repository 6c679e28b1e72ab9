//! What is being done, and for how long already.
//!
//! On a terminal one line is redrawn in place; elsewhere a line is printed when something starts, when it ends and
//! now and then in between. Several tasks may be under way at a time.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Between two redraws on a terminal, and between two signs of life elsewhere.
const REDRAW: Duration = Duration::from_millis(120);
const SIGN_OF_LIFE: Duration = Duration::from_secs(30);

struct Line {
    id: u64,
    name: String,
    log: Option<PathBuf>,
    started: Instant,
    told: Instant,
}

struct Board {
    next: u64,
    lines: Vec<Line>,
    drawn: bool,
}

static BOARD: Mutex<Board> = Mutex::new(Board { next: 0, lines: Vec::new(), drawn: false });
static TICKER: Once = Once::new();

fn board() -> MutexGuard<'static, Board> {
    BOARD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Something under way. Dropping it without [`Task::done`] says that it failed.
pub(crate) struct Task {
    id: u64,
    name: String,
    started: Instant,
    over: bool,
}

/// Starts a task.
pub(crate) fn task(name: impl Into<String>) -> Task {
    TICKER.call_once(|| drop(thread::Builder::new().name("progress".to_owned()).spawn(tick)));
    let (name, now) = (name.into(), Instant::now());
    let mut board = board();
    let id = board.next;
    board.next += 1;
    board.lines.push(Line { id, name: name.clone(), log: None, started: now, told: now });
    if !io::stdout().is_terminal() {
        say(&format!("  … {name}"));
    }
    Task { id, name, started: now, over: false }
}

impl Task {
    /// The log whose last line tells how far it is.
    pub(crate) fn follow(&self, log: &Path) {
        if let Some(line) = board().lines.iter_mut().find(|line| line.id == self.id) {
            line.log = Some(log.to_owned());
        }
    }

    /// Ends it well, with something worth saying about the outcome.
    pub(crate) fn done(mut self, detail: &str) {
        self.over("✓", detail);
    }

    fn over(&mut self, mark: &str, detail: &str) {
        self.over = true;
        let mut board = board();
        board.lines.retain(|line| line.id != self.id);
        erase(&mut board);
        let text = format!("  {mark} {:<40} {:>9}   {detail}", self.name, seconds(self.started.elapsed()));
        say(text.trim_end());
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if !self.over {
            self.over("✗", "");
        }
    }
}

/// Prints a line between tasks.
pub(crate) fn say(text: &str) {
    // Somebody who closed the pipe doesn't want to read on; that is no reason to leave processes behind.
    let _ = writeln!(io::stdout(), "{text}");
}

/// Takes the moving line away, before something else writes to the terminal.
pub(crate) fn clear() {
    erase(&mut board());
}

/// A duration as a person reads it: `0.4 s`, `12.3 s`, `4 min 05 s`.
pub(crate) fn seconds(time: Duration) -> String {
    if time < Duration::from_mins(2) {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} min {:02} s", time.as_secs() / 60, time.as_secs() % 60)
    }
}

fn erase(board: &mut Board) {
    if board.drawn {
        let mut out = io::stdout();
        let _ = write!(out, "\r\x1b[K");
        let _ = out.flush();
        board.drawn = false;
    }
}

fn tick() {
    let terminal = io::stdout().is_terminal();
    loop {
        thread::sleep(REDRAW);
        let mut board = board();
        if board.lines.is_empty() {
            continue;
        }
        if terminal {
            let all: Vec<String> = board.lines.iter().map(state).collect();
            let mut out = io::stdout();
            // Without wrapping, a line that is too long is cut by the terminal, which knows its own width.
            let _ = write!(out, "\r\x1b[K\x1b[?7l  … {}\x1b[?7h", all.join("  |  "));
            let _ = out.flush();
            board.drawn = true;
        } else {
            for line in &mut board.lines {
                if line.told.elapsed() >= SIGN_OF_LIFE {
                    line.told = Instant::now();
                    say(&format!("  … {}", state(line)));
                }
            }
        }
    }
}

fn state(line: &Line) -> String {
    let time = line.started.elapsed();
    let last = line.log.as_deref().and_then(last_line).map(|text| format!(": {text}")).unwrap_or_default();
    format!("{} {} s{last}", line.name, time.as_secs())
}

fn last_line(log: &Path) -> Option<String> {
    let mut file = File::open(log).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(2048))).ok()?;
    let mut end = Vec::new();
    file.read_to_end(&mut end).ok()?;
    let end = String::from_utf8_lossy(&end).into_owned();
    let line = end.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
    Some(line.chars().filter(|character| !character.is_control()).take(70).collect())
}
