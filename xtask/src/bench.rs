//! `cargo xtask bench`: the figures of speed and size, each with the command that makes it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

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

/// Bench binary, what it measures, and its target.
const BENCHES: [(&str, &str); 2] = [
    ("generate", "config text to template text, one product (target: enterprise under 0.5 ms)"),
    ("many_configs", "10,000 configs in one process (target: memory flat, all cores used)"),
];

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let task = progress::task("build the benchmarks");
    let log = suite::log("bench-build");
    task.follow(&log);
    let package = ["--package", "mlp-core"];
    let mut build = cargo();
    build.args(["bench", "--no-run"]).args(package);
    // By name: without names cargo would link the library's own test harness with all optimisations as well.
    for (bench, _) in BENCHES {
        build.args(["--bench", bench]);
    }
    process::run(&mut build, &log, Duration::from_mins(30))?;
    task.done("");
    for (bench, what) in BENCHES {
        say(&format!("\n{what}\n$ cargo bench --package mlp-core --bench {bench}\n"));
        let log = suite::log(&format!("bench-{bench}"));
        let mut command = cargo();
        command.args(["bench", "--quiet"]).args(package).args(["--bench", bench]);
        say(process::output(&mut command, &log)?.trim_end());
    }
    if arguments.zip {
        deployed()?;
    }
    Ok(())
}

/// Size, start and memory of the function as it is deployed.
fn deployed() -> Result<()> {
    let tools = venv::tools()?;
    let log = suite::log("bench-zip");
    let task = progress::task("cargo lambda build --release");
    task.follow(&log);
    let mut build = cargo();
    build.env("PATH", tools.path()).args(["lambda", "build", "--release", "--package", "mlp-generate"]);
    process::run(&mut build, &log, Duration::from_hours(1))?;
    let folder = binary_folder();
    let binary = folder.join("bootstrap");
    let unpacked = fs::metadata(&binary).context(paths::shown(&binary))?.len();
    build.args(["--output-format", "zip"]);
    process::run(&mut build, &log, Duration::from_hours(1))?;
    let zip = fs::metadata(folder.join("bootstrap.zip")).context("bootstrap.zip")?.len();
    task.done("");
    let measured = start::measure(&binary)?;
    say("\nthe `generate` function as it is deployed\n$ cargo xtask bench --zip\n");
    say(&format!("  zip                             {:>8.2} MB   (target: under 7 MB)", megabytes(zip)));
    say(&format!("  unpacked                        {:>8.2} MB", megabytes(unpacked)));
    say(&format!(
        "  process start to first poll     {:>8.2} ms   (median of {}; {:.2} to {:.2}; target: under 60 ms)",
        measured.median_ms, measured.runs, measured.least_ms, measured.most_ms
    ));
    say(&format!(
        "  peak memory of one invocation   {:>8.2} MB   (target: under 64 MB)",
        measured.peak_kib / 1024.0
    ));
    Ok(())
}

fn binary_folder() -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(paths::target, |folder| paths::root().join(folder));
    target.join("lambda").join("generate")
}

#[expect(clippy::cast_precision_loss, reason = "sizes of files are far below 2^53")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// A file that must be there.
pub(crate) fn must_exist(path: &Path) -> Result<()> {
    if path.exists() { Ok(()) } else { Err(Failure::new(format!("{} isn't there", paths::shown(path)))) }
}
