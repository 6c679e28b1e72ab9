//! Python virtual environments below `target/venv`, made from pinned requirements.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::failure::{Context as _, Failure, Result};
use crate::process::{self, command};
use crate::{paths, progress, suite};

/// One virtual environment.
#[derive(Clone)]
pub(crate) struct Venv {
    bin: PathBuf,
}

/// The emulator's: it pins botocore, so nothing else belongs in there.
pub(crate) fn emulator() -> Result<Venv> {
    ensure("emulator", &paths::at("infra/local/requirements.txt"))
}

/// Clients, linters and build tools.
pub(crate) fn tools() -> Result<Venv> {
    ensure("tools", &paths::at("tests/requirements.txt"))
}

/// The requirements of pip-tools.
pub(crate) const PIP_TOOLS: &str = "xtask/requirements.txt";

/// What writes hashes into requirements files. No other command needs it.
pub(crate) fn pip_tools() -> Result<Venv> {
    ensure("pip-tools", &paths::at(PIP_TOOLS))
}

/// Both, at the same time.
pub(crate) fn both() -> Result<(Venv, Venv)> {
    std::thread::scope(|scope| {
        let emulator = scope.spawn(emulator);
        let tools = tools()?;
        let emulator =
            emulator.join().map_err(|_| Failure::new("making the emulator's environment panicked"))??;
        Ok((emulator, tools))
    })
}

impl Venv {
    /// A program of this environment, with its other programs on the path.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = command(self.program(program));
        command.env("PATH", self.path()).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    /// Where a program of this environment is.
    pub(crate) fn program(&self, program: &str) -> PathBuf {
        self.bin.join(program)
    }

    /// The path with this environment's programs first.
    pub(crate) fn path(&self) -> OsString {
        let rest = std::env::var_os("PATH").unwrap_or_default();
        std::env::join_paths(std::iter::once(self.bin.clone()).chain(std::env::split_paths(&rest)))
            .unwrap_or(rest)
    }
}

/// Where the environments are. Several checkouts may share the folder by a link; its own path is the one that scripts in
/// the environments name, and that all checkouts have in common.
fn all() -> Result<PathBuf> {
    let all = paths::target().join("venv");
    fs::create_dir_all(&all).context("target/venv")?;
    all.canonicalize().context("target/venv")
}

/// The environment of a requirements file; made when it isn't there or the file or Python has changed.
fn ensure(name: &str, requirements: &Path) -> Result<Venv> {
    let folder = all()?.join(name);
    let python = python()?;
    let text = fs::read_to_string(requirements).context(paths::shown(requirements))?;
    // The whole text is the stamp: it is small, and a hash would only hide what differs.
    // The folder belongs to it: scripts in an environment name their interpreter by its absolute path.
    let stamp = format!("{}\n{}\n{text}", python.version, folder.display());
    let stamp_file = folder.join("made-from.txt");
    let venv = Venv { bin: folder.join("bin") };
    // Two commands at a time must not make the same environment; the lock goes with this process at the latest.
    let lock = fs::File::create(folder.with_extension("lock")).context("target/venv")?;
    lock.lock().context("the lock of target/venv")?;
    // Without its configuration file the interpreter would silently use the machine's own packages.
    let whole = folder.join("pyvenv.cfg").exists();
    if whole && fs::read_to_string(&stamp_file).is_ok_and(|made| made == stamp) {
        return Ok(venv);
    }
    let task = progress::task(format!("Python environment `{name}`"));
    let log = suite::log(&format!("venv-{name}"));
    task.follow(&log);
    if folder.exists() {
        fs::remove_dir_all(&folder).context(paths::shown(&folder))?;
    }
    process::run(command(&python.program).args(["-m", "venv"]).arg(&folder), &log, Duration::from_mins(3))
        .map_err(|failure| {
            failure.and(&format!(
                "{} needs its modules venv and ensurepip (Debian: python3-venv)",
                python.version
            ))
        })?;
    let mut pip = venv.command("python");
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input"]);
    // A wheel is installed as it is. A source package would run its own code, and fetch what builds it, without a hash.
    // The file names every package: pip looks for none beside it, and checks afterwards that none is missing.
    pip.args(["--require-hashes", "--only-binary", ":all:", "--no-deps", "--requirement"]).arg(requirements);
    process::run(&mut pip, &log, Duration::from_mins(15))?;
    let mut check = venv.command("python");
    process::run(check.args(["-m", "pip", "check"]), &log, Duration::from_mins(2))?;
    fs::write(&stamp_file, stamp).context(paths::shown(&stamp_file))?;
    task.done("");
    Ok(venv)
}

struct Python {
    program: String,
    version: String,
}

/// The oldest Python that every pinned version runs on.
const OLDEST_PYTHON: u32 = 11;

/// Python 3.11 or newer.
fn python() -> Result<Python> {
    let mut found = Vec::new();
    for program in ["python3", "python", "python3.14", "python3.13", "python3.12", "python3.11"] {
        let Ok(answer) = command(program).arg("--version").output() else { continue };
        let version = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
        let number =
            |index: usize| version.strip_prefix("Python ")?.split('.').nth(index)?.parse::<u32>().ok();
        if (number(0), number(1)) >= (Some(3), Some(OLDEST_PYTHON)) {
            return Ok(Python { program: program.to_owned(), version });
        }
        if !version.is_empty() {
            found.push(format!("{program} is {version}"));
        }
    }
    let found = if found.is_empty() { "there is none".to_owned() } else { found.join(", ") };
    Err(Failure::new(format!(
        "Python 3.{OLDEST_PYTHON} or newer is needed, as `python3` on the path; {found}"
    )))
}
