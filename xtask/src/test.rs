//! `cargo xtask test`: everything that must hold, what fails fastest first.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::failure::{Context as _, Failure, Result};
use crate::process::{self, cargo};
use crate::progress::say;
use crate::pytest::{self, Count};
use crate::suite::Suite;
use crate::venv::Venv;
use crate::{browser, docs, paths, progress, suite, venv};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Fail when the security advisories can't be checked. A release needs this
    #[arg(long, env = "MLP_RELEASE", value_parser = clap::builder::FalseyValueParser::new(), hide_env_values = true)]
    release_checks: bool,
    /// Only a part: the fast way while you work on something
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// With --only: the tests whose names hold one of these
    #[arg(value_name = "NAME", requires = "only")]
    names: Vec<String>,
}

/// A part of the run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum Part {
    /// Formatting, clippy, licenses, generated files, cfn-lint
    Lint,
    /// Rust tests that need no running suite, and the examples in the documentation
    Rust,
    /// Golden files, policies, limits and cases against AWS's models and other sources; the launcher
    Golden,
    /// Tests on a running suite
    E2e,
    /// Pages in a browser
    Browser,
}

/// Python's tests that need no running suite: what they are called, their folder, and whether they say why they skip some.
const GOLDEN: [(&str, &str, bool); 5] = [
    ("golden templates against sources outside of this repository", "tests/external_checks", true),
    ("the seed's code", "tests/seeds", false),
    ("AWS's limits over golden templates and random configs", "tests/limits", false),
    ("golden policies against AWS's actions and handlers, and what IAM decides", "tests/policy", true),
    ("inputs of users with the right answer", "tests/cases", false),
];

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let started = Instant::now();
    let done = match arguments.only {
        None => everything(arguments.release_checks),
        Some(part) => only(part, &arguments.names),
    }?;
    say("");
    for what in done.unchecked {
        say(&format!("NOT CHECKED: {what}."));
    }
    say(&format!("took {}", progress::seconds(started.elapsed())));
    say(&done.count.shown());
    if !arguments.names.is_empty() && done.count.passed == 0 {
        return Err(Failure::new(format!(
            "no test of this part has `{}` in its name",
            arguments.names.join("` or `")
        )));
    }
    Ok(())
}

/// What a run came to: its tests, and what it left out.
#[derive(Default)]
struct Done {
    count: Count,
    unchecked: Vec<String>,
}

impl Done {
    fn of(count: Count) -> Self {
        Self { count, unchecked: Vec::new() }
    }

    fn add(&mut self, other: Self) {
        self.count.add(other.count);
        self.unchecked.extend(other.unchecked);
    }
}

fn everything(release: bool) -> Result<Done> {
    say("Everything that must hold. Logs are in target/local/logs.\n");
    formatting()?;
    // Downloads and compilation don't stand in each other's way.
    let (emulator, tools) = std::thread::scope(|scope| {
        let environments = scope.spawn(venv::both);
        let built = lint_and_build();
        built.and(joined(environments.join()))
    })?;
    let mut done = linted(&tools, release)?;
    done.add(golden(&tools, &[])?);
    done.count.add(launcher(&emulator, &tools, &[])?);

    let browser = browser::find()?;
    let suite = suite::start("test", &emulator, &tools, false)?;
    done.count.add(nextest(&tools, Some(&suite), &[])?);
    done.count.add(doctests()?);
    // What is left waits most of its time, for executions and for pages.
    let (halves, pages) = std::thread::scope(|scope| {
        let pages = scope.spawn(|| pages(&tools, browser, &[]));
        let halves = end_to_end(&emulator, &tools, &suite, &[]);
        (halves, joined(pages.join()))
    });
    done.count.add(halves?);
    done.add(pages?);
    Ok(done)
}

fn only(part: Part, names: &[String]) -> Result<Done> {
    match part {
        Part::Lint => {
            formatting()?;
            clippy()?;
            linted(&venv::tools()?, false)
        }
        Part::Rust => {
            formatting()?;
            clippy()?;
            let mut count = nextest(&venv::tools()?, None, names)?;
            if names.is_empty() {
                count.add(doctests()?);
            }
            Ok(Done::of(count))
        }
        Part::Golden => {
            let (emulator, tools) = venv::both()?;
            suite::build()?;
            let mut done = golden(&tools, names)?;
            done.count.add(launcher(&emulator, &tools, names)?);
            Ok(done)
        }
        Part::E2e => {
            let (emulator, tools) = venv::both()?;
            suite::build()?;
            let suite = suite::start("test", &emulator, &tools, false)?;
            Ok(Done::of(end_to_end(&emulator, &tools, &suite, names)?))
        }
        Part::Browser => pages(&venv::tools()?, browser::find()?, names),
    }
}

fn formatting() -> Result<()> {
    check("rustfmt", cargo().args(["fmt", "--all", "--check", "--", "--color", "never"]))
}

/// What is held against rules without running a test.
fn linted(tools: &Venv, release: bool) -> Result<Done> {
    python_rules(tools)?;
    licenses(tools)?;
    let advisories = advisories(tools, release)?;
    docs::made(true)?;
    templates(tools)?;
    let unchecked = match advisories {
        Advisories::Checked => Vec::new(),
        Advisories::NotChecked(why) => {
            vec![format!("security advisories; {why}. A release needs `cargo xtask test --release-checks`")]
        }
    };
    Ok(Done { count: Count::default(), unchecked })
}

fn golden(tools: &Venv, names: &[String]) -> Result<Done> {
    let mut done = Done::default();
    for (name, folder, says_why) in GOLDEN {
        let report = python(name, tools.command("pytest"), folder, names)?;
        done.count.add(report.count);
        if says_why {
            done.unchecked.extend(report.skipped);
        }
    }
    Ok(done)
}

/// The launcher's own tests. pytest runs in the environment of the tools, and starts launchers in the emulator's.
fn launcher(emulator: &Venv, tools: &Venv, names: &[String]) -> Result<Count> {
    let mut pytest = tools.command("pytest");
    pytest.env("MLP_EMULATOR_PYTHON", emulator.program("python"));
    Ok(python("the emulator's launcher", pytest, "infra/local/tests", names)?.count)
}

fn pages(
    tools: &Venv,
    browser: std::result::Result<PathBuf, browser::Missing>,
    names: &[String],
) -> Result<Done> {
    let program = match browser {
        Ok(program) => program,
        Err(browser::Missing(why)) => {
            let unchecked = vec![format!("reports in a browser (tests/browser); {why}")];
            return Ok(Done { count: Count::default(), unchecked });
        }
    };
    let mut pages = tools.command("pytest");
    pages.env("CHROMIUM", program);
    Ok(Done::of(python("golden reports in a browser", pages, "tests/browser", names)?.count))
}

fn check(name: &str, command: &mut Command) -> Result<()> {
    let task = progress::task(name);
    let log = suite::log(&name.replace(' ', "-"));
    task.follow(&log);
    process::run(command, &log, Duration::from_hours(1))?;
    task.done("");
    Ok(())
}

fn clippy() -> Result<()> {
    check("clippy", cargo().args(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))
}

fn lint_and_build() -> Result<()> {
    clippy()?;
    check("build the tests", cargo().args(["test", "--workspace", "--no-run"]))?;
    suite::build()
}

/// Python that mypy checks.
const TYPED: [&str; 3] = ["infra/local/launcher.py", "infra/local/mlp_local", "tests/mlp_tests"];

/// Layout, rules and types of Python. `pyproject.toml` configures all of them.
fn python_rules(tools: &Venv) -> Result<()> {
    let cache = paths::target().join("python");
    let ruff = |arguments: &[&str]| {
        let mut ruff = tools.command("ruff");
        ruff.env("RUFF_CACHE_DIR", cache.join("ruff")).args(arguments);
        ruff
    };
    check("ruff format", &mut ruff(&["format", "--check"]))?;
    check("ruff", &mut ruff(&["check"]))?;
    check("mypy", tools.command("mypy").arg("--cache-dir").arg(cache.join("mypy")).args(TYPED))
}

/// `cargo deny` of this repository.
fn deny(tools: &Venv, what: &[&str]) -> Command {
    let mut deny = cargo();
    deny.env("PATH", tools.path()).args(["deny", "--log-level", "error", "check"]).args(what);
    deny
}

/// Licenses, bans and sources need nothing from the network.
fn licenses(tools: &Venv) -> Result<()> {
    check("cargo deny", &mut deny(tools, &["bans", "licenses", "sources"]))
}

/// Whether the dependencies were compared with the security advisories.
#[derive(Debug, PartialEq, Eq)]
enum Advisories {
    Checked,
    NotChecked(&'static str),
}

/// Security advisories, when their database can be fetched. The checks of a release fail when it can't.
fn advisories(tools: &Venv, release: bool) -> Result<Advisories> {
    let log = suite::log("advisories");
    let mut command = deny(tools, &["advisories"]);
    let succeeded = process::status_within(&mut command, &log, Duration::from_mins(2))?.map(|s| s.success());
    let text = fs::read_to_string(&log).unwrap_or_default();
    advisories_of(succeeded, &text, release).map_err(|failure| failure.log(&log))
}

/// What an end of `cargo deny check advisories` means: whether it succeeded, if it ended in time, and what it printed.
fn advisories_of(succeeded: Option<bool>, text: &str, release: bool) -> Result<Advisories> {
    let why = match succeeded {
        Some(true) => return Ok(Advisories::Checked),
        None => "their database could not be fetched in time",
        // A diagnostic of a dependency. It counts also when something else went wrong.
        Some(false) if text.lines().any(|line| line.starts_with("error[")) => {
            return Err(Failure::new("a dependency has a security advisory"));
        }
        Some(false) if NOT_FETCHED.iter().any(|message| text.contains(message)) => {
            "their database could not be fetched"
        }
        Some(false) => return Err(Failure::new("`cargo deny check advisories` failed")),
    };
    if release {
        return Err(Failure::new(format!(
            "security advisories are not checked; {why}, and a release needs them"
        )));
    }
    Ok(Advisories::NotChecked(why))
}

/// What `cargo deny` prints when it can't fetch the database.
const NOT_FETCHED: [&str; 2] = ["failed to fetch advisory database", "failed to clone"];

/// cfn-lint on what is generated and deployed, and SAM's own check.
fn templates(tools: &Venv) -> Result<()> {
    let goldens = paths::files("tests/golden/templates", "yaml")?;
    if goldens.is_empty() {
        return Err(Failure::new("there are no golden templates in tests/golden/templates"));
    }
    check(
        &format!("cfn-lint on {} golden templates", goldens.len()),
        tools.command("cfn-lint").arg("tests/golden/templates/*.yaml"),
    )?;
    check("cfn-lint on infra", tools.command("cfn-lint").arg("infra/template.yaml"))?;
    let mut sam = tools.command("sam");
    sam.args(["validate", "--lint", "--template-file", "infra/template.yaml", "--region", "us-west-2"]);
    // `sam validate` wants credentials, and calls nobody with them when it lints.
    sam.env("SAM_CLI_TELEMETRY", "0").env("AWS_ACCESS_KEY_ID", "none").env("AWS_SECRET_ACCESS_KEY", "none");
    check("sam validate", &mut sam)
}

/// The tests of a folder.
fn python(name: &str, pytest: Command, folder: &str, names: &[String]) -> Result<pytest::Report> {
    pytest::run(name, pytest, &folder.replace('/', "-"), &[paths::at(folder)], names)
}

/// The tests on the running suite, half of the files on another one beside it: what they do to a suite's clock and faults
/// stays in that suite.
fn end_to_end(emulator: &Venv, tools: &Venv, suite: &Suite, names: &[String]) -> Result<Count> {
    let mut files = Vec::new();
    for file in paths::files("tests/e2e", "py")? {
        let is_test = file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("test_"));
        if is_test {
            files.push((file.metadata().context(paths::shown(&file))?.len(), file));
        }
    }
    // The longest first, each to where there is less to do so far: two halves of about the same length.
    files.sort_by(|a, b| b.cmp(a));
    let mut halves = [(0, Vec::new()), (0, Vec::new())];
    for (length, file) in files {
        if let Some(half) = halves.iter_mut().min_by_key(|half| half.0) {
            half.0 += length;
            half.1.push(file);
        }
    }
    let [(_, one), (_, other)] = halves;
    let run = |half: &str, suite: &Suite, files: Vec<PathBuf>| {
        let pytest = suite.client(tools, "pytest");
        let log = format!("tests-e2e-{half}");
        pytest::run(&format!("end to end, {half} half"), pytest, &log, &files, names).map(|it| it.count)
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            let second = suite::start("test-beside", emulator, tools, false)?;
            run("second", &second, other)
        });
        let mut count = run("first", suite, one);
        let other = joined(other.join());
        if let Ok(count) = &mut count {
            count.add(other?);
        }
        count
    })
}

/// What a thread came to.
fn joined<T>(thread: std::thread::Result<Result<T>>) -> Result<T> {
    thread.unwrap_or_else(|_| Err(Failure::new("a thread of the tests panicked")))
}

/// Rust's tests; those that need a running suite only with one.
fn nextest(tools: &Venv, suite: Option<&Suite>, names: &[String]) -> Result<Count> {
    let task = progress::task("Rust tests");
    let log = suite::log("nextest");
    task.follow(&log);
    let mut nextest = cargo();
    nextest.env("PATH", tools.path()).args([
        "nextest",
        "run",
        "--workspace",
        "--no-fail-fast",
        "--color",
        "never",
    ]);
    if let Some(suite) = suite {
        nextest.envs(suite.environment.iter().cloned()).args(["--profile", "suite"]);
    }
    nextest.args(names);
    // The same commit gives the same answer; `PROPTEST_RNG_SEED` and `PROPTEST_CASES` ask for other histories.
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        nextest.env("PROPTEST_RNG_SEED", "20261124");
    }
    process::run(&mut nextest, &log, Duration::from_mins(30))?;
    let text = fs::read_to_string(&log).context(paths::shown(&log))?;
    let summary =
        text.lines().rev().find(|line| line.trim_start().starts_with("Summary")).unwrap_or_default();
    let number = |word: &str| {
        let before = summary.split(word).next().filter(|before| before.len() < summary.len())?;
        before.trim_end().rsplit([' ', ',', ':']).next()?.parse().ok()
    };
    // Where tests were chosen by name, nextest calls the others skipped.
    let skipped = number("skipped").filter(|_| names.is_empty()).unwrap_or(0);
    let count = Count { passed: number("passed").unwrap_or(0), failed: 0, skipped };
    if count.passed == 0 {
        return Err(Failure::new("nextest ran no tests").log(&log));
    }
    task.done(&count.shown());
    Ok(count)
}

fn doctests() -> Result<Count> {
    let task = progress::task("examples in the documentation");
    let log = suite::log("doctests");
    task.follow(&log);
    process::run(cargo().args(["test", "--workspace", "--doc"]), &log, Duration::from_mins(20))?;
    let text = fs::read_to_string(&log).context(paths::shown(&log))?;
    let mut count = Count::default();
    for line in text.lines().filter_map(|line| line.strip_prefix("test result: ok. ")) {
        let number = |word: &str| {
            line.split(';').find_map(|part| part.trim().strip_suffix(word)?.trim().parse().ok()).unwrap_or(0)
        };
        count.add(Count { passed: number("passed"), failed: number("failed"), skipped: number("ignored") });
    }
    task.done(&count.shown());
    Ok(count)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct CommandLine {
        #[command(flatten)]
        arguments: Arguments,
    }

    const OFFLINE: &str =
        "2026-11-29 19:50:20 [ERROR] failed to fetch advisory database with cli: failed to clone";

    #[test]
    fn advisories_that_cannot_be_checked_fail_the_checks_of_a_release_only() {
        let asked = |arguments: &[&str]| {
            CommandLine::try_parse_from([&["test"], arguments].concat())
                .map(|line| line.arguments.release_checks)
                .map_err(|error| error.to_string())
        };
        assert_eq!(asked(&["--release-checks"]), Ok(true));
        for (succeeded, text) in [(Some(false), OFFLINE), (None, "")] {
            let usual = advisories_of(succeeded, text, false);
            assert!(matches!(usual, Ok(Advisories::NotChecked(_))), "{usual:?}");
            let release = advisories_of(succeeded, text, true).map_err(|failure| failure.to_string());
            assert!(release.as_ref().is_err_and(|message| message.contains("not checked")), "{release:?}");
        }
    }

    #[test]
    fn the_environment_can_ask_for_the_checks_of_a_release() {
        let command = <CommandLine as clap::CommandFactory>::command();
        let flag = command.get_arguments().find(|argument| argument.get_id() == "release_checks").unwrap();
        assert_eq!(flag.get_env(), Some("MLP_RELEASE".as_ref()));
    }

    /// rustup downloads each component and target that the file lists and the machine doesn't have.
    #[test]
    fn the_toolchain_file_names_a_channel_and_nothing_else() {
        let text = fs::read_to_string(paths::at("rust-toolchain.toml")).unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(lines, ["[toolchain]", "channel = \"stable\""]);
    }

    #[test]
    fn an_advisory_or_a_failure_of_the_check_is_an_error_always() {
        for release in [false, true] {
            assert_eq!(advisories_of(Some(true), "", release).unwrap(), Advisories::Checked);
            for (text, message) in [
                ("error[vulnerability]: a crate reads what it must not\n", "has a security advisory"),
                ("error[vulnerability]: x\nfailed to clone\n", "has a security advisory"),
                ("[ERROR] deny.toml has an unknown key\n", "`cargo deny check advisories` failed"),
            ] {
                let failed = advisories_of(Some(false), text, release).map_err(|failure| failure.to_string());
                assert!(failed.as_ref().is_err_and(|failed| failed.contains(message)), "{text}: {failed:?}");
            }
        }
    }
}
