//! `cargo xtask bench`: the figures of speed and size, each with the command that makes it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use crate::failure::{Context as _, Failure, Result};
use crate::process::{self, cargo};
use crate::progress::say;
use crate::{paths, progress, start, suite, venv};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Build what is deployed as users build it, and measure its size, start and memory too
    #[arg(long)]
    zip: bool,
}

/// One line of the table at the end: what, measured, target.
type Row = (&'static str, String, &'static str);

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let task = progress::task("build the benchmarks");
    let log = suite::log("bench-build");
    task.follow(&log);
    let benches: Vec<String> = paths::files("shared/core/benches", "rs")?
        .iter()
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    let mut build = cargo();
    build.args(["bench", "--no-run", "--package", "mlp-core"]);
    // By name: without names cargo would link the library's own test harness with all optimisations as well.
    for bench in &benches {
        build.args(["--bench", bench]);
    }
    process::run(&mut build, &log, Duration::from_mins(30))?;
    task.done("");
    let mut all = String::new();
    for name in &benches {
        all += &bench(name)?;
    }
    let text_to_text = median(&all, &["config_text_to_template_text", "enterprise"]);
    let mut rows: Vec<Row> = vec![
        ("config text to template text, enterprise product", text_to_text, "under 0.5 ms"),
        ("the same with all checks", median(&all, &["config_text_to_checked_template"]), "under 5 ms"),
        ("security checks of its template", median(&all, &["built_in_checks"]), ""),
        ("structure checks of its template", median(&all, &["structure"]), ""),
        (
            "review report of the enterprise product",
            median(&all, &["review_report", "enterprise"]),
            "under 5 ms",
        ),
        ("template, policies and report of it", median(&all, &["everything_from_a_config"]), ""),
        ("10,000 configs: resident after a tenth", after(&all, "resident at 10 %"), "the same as at the end"),
        ("10,000 configs: resident at the end", after(&all, "resident at end"), "flat"),
        ("10,000 configs: cores kept busy", after(&all, "cores kept busy"), "all of them"),
        ("10,000 configs: a second", after(&all, "configs a second"), ""),
    ];
    if arguments.zip {
        rows.extend(deployed()?);
    }
    say(&format!("\n{:<52}{:>28}   target", "what", "measured"));
    for (what, measured, target) in rows {
        say(format!("{what:<52}{measured:>28}   {target}").trim_end());
    }
    Ok(())
}

/// Runs one bench binary of `mlp-core` and shows what it prints.
fn bench(name: &str) -> Result<String> {
    say(&format!("\n$ cargo bench --package mlp-core --bench {name}\n"));
    let mut command = cargo();
    command.args(["bench", "--quiet", "--package", "mlp-core", "--bench", name]);
    let text = process::output(&mut command, &suite::log(&format!("bench-{name}")))?;
    say(text.trim_end());
    Ok(text)
}

/// The median that divan printed for a benchmark: its name, and the argument if it has one.
///
/// Its lines are a tree: `├─ name   fastest │ slowest │ median │ mean │ samples │ iters`.
fn median(output: &str, path: &[&str]) -> String {
    let mut wanted = path.iter();
    let mut next = wanted.next();
    for line in output.lines() {
        let line = line.trim_start_matches(|c: char| c.is_whitespace() || "│├╰─".contains(c));
        if line.split_whitespace().next() != next.copied() {
            continue;
        }
        next = wanted.next();
        if next.is_none() {
            return line.split('│').nth(2).unwrap_or_default().trim().to_owned();
        }
    }
    "-".to_owned()
}

/// The rest of the line that begins with `name`.
fn after(output: &str, name: &str) -> String {
    output.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("-").trim().to_owned()
}

/// Size, start and memory of the function as it is deployed.
fn deployed() -> Result<Vec<Row>> {
    let tools = venv::tools()?;
    let log = suite::log("bench-zip");
    let task = progress::task("cargo lambda build --release");
    task.follow(&log);
    let mut build = cargo();
    build.env("PATH", tools.path());
    build.args(["lambda", "build", "--release", "--package", "mlp-generate", "--output-format", "zip"]);
    process::run(&mut build, &log, Duration::from_hours(1))?;
    let zip = binary_folder().join("bootstrap.zip");
    let size = fs::metadata(&zip).context(paths::shown(&zip))?.len();
    let unpacked = unpack(&tools, &zip)?;
    let binary = fs::metadata(&unpacked).context(paths::shown(&unpacked))?.len();
    task.done(&paths::shown(&zip));
    let mut rows = vec![
        ("`generate`: zip", megabytes(size), "under 7 MB"),
        ("`generate`: unpacked", megabytes(binary), ""),
    ];
    rows.extend(invocations(&tools, &unpacked)?);
    Ok(rows)
}

const STARTS: usize = 30;
const CONFIG: &str = "configs/examples/enterprise/globalbank-prod-c001-us-west-2-demand-forecasting-ml-codecommit-standalone-ssm.yaml";

/// The function as it is deployed, started again and again, with an enterprise config in a bucket of the emulator.
fn invocations(tools: &venv::Venv, binary: &Path) -> Result<Vec<Row>> {
    let suite = suite::start_emulator("bench", &venv::emulator()?, false)?;
    let log = suite.folder.join("s3.log");
    for arguments in
        [&["s3", "mb", "s3://bench"][..], &["s3", "cp", CONFIG, "s3://bench/configs/enterprise.yaml"]]
    {
        process::run(suite.client(tools, "aws").args(arguments), &log, Duration::from_mins(1))?;
    }
    let event = json!({"Records": [{
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "bench"}, "object": {"key": "configs/enterprise.yaml"}},
    }]});
    let task = progress::task(format!("start it {STARTS} times"));
    let mut runs = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        runs.push(start::run(binary, &suite.environment, &event)?);
    }
    task.done("");
    let peak = match runs.first() {
        Some(first) if first.answer.pointer("/records/0/outcome") == Some(&json!("generated")) => first.peak,
        other => {
            let answer = other.map(|run| run.answer.to_string()).unwrap_or_default();
            return Err(Failure::new(format!("the function generated nothing: {answer}")));
        }
    };
    runs.sort_by_key(|run| run.start);
    let at = |index: usize| runs.get(index).map_or(0.0, |run| run.start.as_secs_f64() * 1e3);
    let starts = format!("{:.1} ms ({:.1} to {:.1})", at(STARTS / 2), at(0), at(STARTS - 1));
    Ok(vec![
        ("`generate`: process start to first poll", starts, "under 60 ms"),
        ("`generate`: peak memory, enterprise config", megabytes(peak), "under 64 MB"),
    ])
}

/// The binary in the zip: what is measured is what is deployed.
fn unpack(tools: &venv::Venv, zip: &Path) -> Result<PathBuf> {
    let folder = paths::local().join("bench-zip");
    fs::create_dir_all(&folder).context(paths::shown(&folder))?;
    let mut python = tools.command("python");
    python.args(["-m", "zipfile", "--extract"]).arg(zip).arg(&folder);
    process::run(&mut python, &suite::log("bench-unzip"), Duration::from_mins(1))?;
    let binary = folder.join("bootstrap");
    if !binary.exists() {
        return Err(Failure::new(format!("{} has no bootstrap", paths::shown(zip))));
    }
    // Python's zipfile leaves permissions behind.
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).context(paths::shown(&binary))?;
    Ok(binary)
}

fn binary_folder() -> PathBuf {
    suite::cargo_target().join("lambda").join("generate")
}

#[expect(clippy::cast_precision_loss, reason = "sizes of files are far below 2^53")]
fn megabytes(bytes: u64) -> String {
    format!("{:.2} MB", bytes as f64 / 1e6)
}
