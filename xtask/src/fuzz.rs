//! `cargo xtask fuzz`: the fuzz targets of `fuzz/`, each for a while.

use std::time::Duration;

use crate::failure::{Context as _, Failure, Result};
use crate::process;
use crate::{paths, progress, suite};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Seconds for each target
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Only this target
    target: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let log = suite::log("fuzz");
    // `cargo fuzz` needs a nightly compiler for its instrumentation.
    let mut version = process::command("cargo");
    version.env_remove("RUSTUP_TOOLCHAIN").args(["+nightly", "fuzz", "--version"]);
    if !process::status(&mut version, &log, Duration::from_secs(30)).is_ok_and(|status| status.success()) {
        return Err(Failure::new(
            "fuzzing needs a nightly toolchain and cargo-fuzz: `rustup toolchain install nightly && cargo install cargo-fuzz`",
        )
        .log(&log));
    }
    let targets: Vec<String> = paths::files("fuzz/fuzz_targets", "rs")?
        .iter()
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .filter(|target| arguments.target.as_ref().is_none_or(|wanted| wanted == target))
        .collect();
    if targets.is_empty() {
        return Err(Failure::new("there is no such target in fuzz/fuzz_targets"));
    }
    for target in &targets {
        let task = progress::task(format!("build {target}"));
        task.follow(&log);
        let mut build = process::command("cargo");
        build.env_remove("RUSTUP_TOOLCHAIN").args(["+nightly", "fuzz", "build", target]);
        process::run(&mut build, &log, Duration::from_hours(1))?;
        task.done("");
        let task = progress::task(format!("fuzz {target}"));
        task.follow(&log);
        let mut fuzz_command = process::command("cargo");
        // Set by rustup for the toolchain that runs this.
        fuzz_command.env_remove("RUSTUP_TOOLCHAIN").args(["+nightly", "fuzz", "run", target]);
        // New inputs go into the first folder; the seeds stay as they are.
        let corpus = paths::at("fuzz/corpus").join(target);
        std::fs::create_dir_all(&corpus).context(paths::shown(&corpus))?;
        fuzz_command.arg(corpus).arg(paths::at("fuzz/seeds").join(target));
        fuzz_command.args([
            "--",
            &format!("-max_total_time={}", arguments.seconds),
            "-timeout=5",
            "-rss_limit_mb=1024",
        ]);
        process::run(
            &mut fuzz_command,
            &log,
            Duration::from_secs(arguments.seconds) + Duration::from_mins(5),
        )?;
        task.done("nothing found");
    }
    Ok(())
}
