//! Starting other programs and ending exactly those.
//!
//! Every child gets a process group of its own: a Ctrl-C in the terminal reaches this process alone, which then ends
//! the groups in order, with all their children. What a program prints goes to a log.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::failure::{Context as _, Failure, Result};
use crate::{paths, progress};

/// Between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(10);
/// What a shell reports for a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// The groups to end when this process must.
static GROUPS: Mutex<Vec<i32>> = Mutex::new(Vec::new());

fn groups() -> MutexGuard<'static, Vec<i32>> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// On SIGINT, SIGTERM and SIGHUP: ends all children, then this process.
pub(crate) fn end_children_on_signals() -> Result<()> {
    ctrlc::set_handler(|| {
        progress::clear();
        eprintln!("\ninterrupted; ending what was started");
        // Held until the end: nothing new starts in the meantime.
        let groups = groups();
        for group in groups.iter() {
            signal_group(*group, Signal::SIGTERM);
        }
        let asked = Instant::now();
        while asked.elapsed() < GRACE && groups.iter().any(|group| group_exists(*group)) {
            thread::sleep(Duration::from_millis(50));
        }
        for group in groups.iter() {
            signal_group(*group, Signal::SIGKILL);
        }
        std::process::exit(INTERRUPTED);
    })
    .context("signals can't be handled")
}

/// A command in the repository's root with an environment that says nothing about somebody's own Python or AWS.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(paths::root()).stdin(Stdio::null());
    for variable in ["PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"] {
        command.env_remove(variable);
    }
    command
}

/// `cargo`, the one that runs this.
pub(crate) fn cargo() -> Command {
    let mut cargo = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Set by `cargo run` for this package; a build script that looks at them would run again.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_")
            || text.starts_with("CARGO_MANIFEST_")
            || text.starts_with("CARGO_BIN_")
        {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Runs a program to its end, everything that it prints in `log`; anything but success is a failure.
pub(crate) fn run(command: &mut Command, log: &Path, limit: Duration) -> Result<()> {
    let status = status(command, log, limit)?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(format!("`{}` ended with {status}", shown(command))).log(log))
}

/// Runs a program to its end, everything that it prints in `log`.
pub(crate) fn status(command: &mut Command, log: &Path, limit: Duration) -> Result<ExitStatus> {
    status_within(command, log, limit)?.ok_or_else(|| {
        let late = format!("`{}` did not end within {}", shown(command), progress::seconds(limit));
        Failure::new(late).log(log)
    })
}

/// Runs a program to its end, everything that it prints in `log`. `None`: it did not end in time, and was ended.
pub(crate) fn status_within(
    command: &mut Command,
    log: &Path,
    limit: Duration,
) -> Result<Option<ExitStatus>> {
    let mut running = Background::start(command, log)?;
    let started = Instant::now();
    loop {
        if let Some(status) = running.exited()? {
            return Ok(Some(status));
        }
        if started.elapsed() > limit {
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Runs a program to its end and returns what it printed to standard output; the rest is in `log`.
pub(crate) fn output(command: &mut Command, log: &Path) -> Result<String> {
    let stderr = open_log(command, log)?;
    command.stdout(Stdio::piped()).stderr(stderr).process_group(0);
    let mut held = groups();
    let mut child = command.spawn().context(format!("`{}` can't be started", shown(command)))?;
    let group = id(&child);
    held.push(group);
    drop(held);
    let mut text = String::new();
    let read = child.stdout.take().map_or(Ok(0), |mut stdout| stdout.read_to_string(&mut text));
    let status = child.wait().context("waiting for a program");
    groups().retain(|other| *other != group);
    read.context(format!("the output of `{}`", shown(command)))?;
    let status = status?;
    if status.success() {
        return Ok(text);
    }
    Err(Failure::new(format!("`{}` ended with {status}", shown(command))).log(log))
}

/// A program that runs beside this one and ends with it, unless it is let go.
pub(crate) struct Background {
    child: Child,
    group: i32,
    log: PathBuf,
    over: bool,
}

impl Background {
    pub(crate) fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let stdout = open_log(command, log)?;
        let stderr = stdout.try_clone().context(paths::shown(log))?;
        command.stdout(stdout).stderr(stderr).process_group(0);
        let mut held = groups();
        let child = command.spawn().context(format!("`{}` can't be started", shown(command)))?;
        let group = id(&child);
        held.push(group);
        Ok(Self { child, group, log: log.to_owned(), over: false })
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where its output goes.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// How it ended, if it did.
    pub(crate) fn exited(&mut self) -> Result<Option<ExitStatus>> {
        let status = self.child.try_wait().context("waiting for a program")?;
        if status.is_some() {
            self.forget();
        }
        Ok(status)
    }

    /// Lets it run on when this process ends.
    pub(crate) fn let_go(mut self) {
        self.forget();
    }

    fn forget(&mut self) {
        self.over = true;
        groups().retain(|other| *other != self.group);
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        signal_group(self.group, Signal::SIGTERM);
        let asked = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if asked.elapsed() > GRACE {
                signal_group(self.group, Signal::SIGKILL);
                let _ = self.child.wait();
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        self.forget();
    }
}

/// What tells a process from a later one with the same number, as long as it lives: when it started.
pub(crate) fn identity(pid: u32) -> Option<String> {
    if Path::new("/proc/self/stat").exists() {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        // The name in parentheses may hold anything; after it come state (field 3) and the start time (field 22).
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        if fields.first() == Some(&"Z") {
            return None;
        }
        return Some(format!("{} {}", fields.get(19)?, boot.trim()));
    }
    let answer = Command::new("ps").args(["-o", "lstart=", "-p", &pid.to_string()]).output().ok()?;
    let text = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// Ends a process that is no child of this one, and waits until it is gone.
pub(crate) fn end(pid: u32, identity_then: &str) -> Result<()> {
    let ours = || identity(pid).is_some_and(|now| now == identity_then);
    let number = Pid::from_raw(i32::try_from(pid).context("a process id")?);
    let asked = Instant::now();
    let mut sent = None;
    while ours() {
        let signal = if asked.elapsed() > GRACE { Signal::SIGKILL } else { Signal::SIGTERM };
        if sent != Some(signal) {
            kill(number, signal).context(format!("process {pid} can't be ended"))?;
            sent = Some(signal);
        }
        if asked.elapsed() > GRACE * 2 {
            return Err(Failure::new(format!("process {pid} doesn't end")));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// A command line as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program =
        Path::new(command.get_program()).file_name().unwrap_or(command.get_program()).to_string_lossy();
    let arguments = command.get_args().map(|argument| {
        let text = argument.to_string_lossy();
        let plain =
            !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || "'\"$&|;<>()*?`\\".contains(c));
        if plain { text.into_owned() } else { format!("'{text}'") }
    });
    std::iter::once(program.into_owned()).chain(arguments).collect::<Vec<_>>().join(" ")
}

fn open_log(command: &Command, log: &Path) -> Result<File> {
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder).context(paths::shown(folder))?;
    }
    let mut file = OpenOptions::new().create(true).append(true).open(log).context(paths::shown(log))?;
    writeln!(file, "$ {}", shown(command)).context(paths::shown(log))?;
    Ok(file)
}

fn id(child: &Child) -> i32 {
    // Process ids are positive and fit on every Unix; zero would mean "our own group" and must never be signalled.
    i32::try_from(child.id()).unwrap_or(i32::MAX)
}

fn signal_group(group: i32, signal: Signal) {
    // An error means that it has ended by itself.
    let _ = killpg(Pid::from_raw(group), signal);
}

fn group_exists(group: i32) -> bool {
    killpg(Pid::from_raw(group), None).is_ok()
}
