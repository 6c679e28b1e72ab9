//! `cargo xtask bench`: the figures of speed and size, each with the command that makes it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value as Json, json};

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
    let benches: Vec<String> = paths::files("shared/product/benches", "rs")?
        .iter()
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    let mut build = cargo();
    build.args(["bench", "--no-run", "--package", "mlp-product"]);
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
    rows.extend(macro_rows(&all)?);
    if arguments.zip {
        rows.extend(deployed()?);
    }
    say(&format!("\n{:<52}{:>28}   target", "what", "measured"));
    for (what, measured, target) in rows {
        say(format!("{what:<52}{measured:>28}   {target}").trim_end());
    }
    Ok(())
}

/// The macro beside the SAM translator: on as many compact resources, and on as many resources in the end.
fn macro_rows(output: &str) -> Result<Vec<Row>> {
    let script = "tests/bench/sam_translator.py";
    say(&format!("\n$ python {script}\n"));
    let mut python = venv::tools()?.command("python");
    let text = process::output(python.arg(paths::at(script)), &suite::log("bench-sam-translator"))?;
    say(text.trim_end());
    let translator = |name: &str| after(&text, name).split(';').next().unwrap_or("-").to_owned();
    let ours = median(output, &["enterprise_products", "12"]);
    let (compact, made) = (translator("12 functions:"), translator("76 functions:"));
    let times = match (milliseconds(&ours), milliseconds(&compact), milliseconds(&made)) {
        (Some(ours), Some(compact), Some(made)) => format!("{:.1} and {:.1}", compact / ours, made / ours),
        _ => "-".to_owned(),
    };
    Ok(vec![
        ("macro, 12 enterprise products", ours, "under 10 ms"),
        ("SAM translator, 12 functions (72 resources)", compact, ""),
        ("SAM translator, 76 functions (456 resources)", made, ""),
        ("times faster than the SAM translator", times, "at least 10"),
    ])
}

/// A duration as divan prints it.
fn milliseconds(text: &str) -> Option<f64> {
    let (number, unit) = text.split_once(' ')?;
    let factor = match unit {
        "ns" => 1e-6,
        "µs" => 1e-3,
        "ms" => 1.0,
        "s" => 1e3,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * factor)
}

/// Runs one bench binary of `mlp-product` and shows what it prints.
fn bench(name: &str) -> Result<String> {
    say(&format!("\n$ cargo bench --package mlp-product --bench {name}\n"));
    let mut command = cargo();
    command.args(["bench", "--quiet", "--package", "mlp-product", "--bench", name]);
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

/// A function as it is deployed, and what it must keep to.
struct Deployed {
    name: &'static str,
    binary: PathBuf,
    event: Json,
    /// Where an answer says that the work was done, and what it says there.
    done: (&'static str, &'static str),
    /// What its stack sets, beside what reaches the emulator.
    variables: &'static [(&'static str, &'static str)],
    /// Labels and targets: zip, unpacked, start, memory.
    rows: [(&'static str, &'static str); 4],
}

/// The functions, as `cargo lambda` calls their packages.
const PACKAGES: [&str; 4] = ["mlp-generate", "mlp-macro", "mlp-deploy", "mlp-drift"];

/// Size, start and memory of the functions as they are deployed.
fn deployed() -> Result<Vec<Row>> {
    let tools = venv::tools()?;
    let log = suite::log("bench-zip");
    let task = progress::task("cargo lambda build --release");
    task.follow(&log);
    let mut build = cargo();
    build.env("PATH", tools.path());
    build.args(["lambda", "build", "--release"]);
    build.args(PACKAGES.iter().flat_map(|package| ["--package", package]));
    build.args(["--output-format", "zip"]);
    process::run(&mut build, &log, Duration::from_hours(2))?;
    task.done("");
    let suite = suite::start_emulator("bench", &venv::emulator()?, false)?;
    put_config(&suite, &tools)?;
    let mut rows = Vec::new();
    let binary = |name: &str| -> Result<(u64, PathBuf)> {
        let zip = suite::cargo_target().join("lambda").join(name).join("bootstrap.zip");
        let size = fs::metadata(&zip).context(paths::shown(&zip))?.len();
        Ok((size, unpack(&tools, &zip, name)?))
    };
    for (name, event, done, variables, labels) in [
        ("generate", generate_event(), ("/records/0/outcome", "generated"), &[][..], GENERATE),
        ("macro", macro_event()?, ("/status", "success"), &[][..], MACRO),
        ("deploy", deploy_event(&suite, &binary("deploy")?.1)?, ("/next", "conclude"), &BUCKET[..], DEPLOY),
        ("drift", json!({}), ("/outcome", "done"), &DRIFT_VARIABLES[..], DRIFT),
    ] {
        let (size, binary) = binary(name)?;
        let function = Deployed { name, binary, event, done, variables, rows: labels };
        rows.extend(measured(&function, size, &suite)?);
    }
    Ok(rows)
}

/// The task that does most: a review report of an enterprise product, behind the task that reads the input.
fn deploy_event(suite: &suite::Suite, binary: &Path) -> Result<Json> {
    let execution = "arn:aws:states:us-west-2:123456789012:execution:MLProvisionerDeploy:bench";
    let input = json!({
        "action": "create-review-report", "config": {"bucket": "bench", "key": "configs/enterprise.yaml"},
    });
    let read = json!({"step": "ReadInput", "execution": execution, "work": input});
    let work = start::run("deploy", binary, &environment(suite, &BUCKET), &read)?.answer;
    Ok(json!({"step": "Make", "execution": execution, "work": work}))
}

/// What reaches the emulator, and what a function's stack sets.
fn environment(suite: &suite::Suite, variables: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    suite.environment.iter().cloned().chain(own).collect()
}

const BUCKET: [(&str, &str); 1] = [("MLP_BUCKET", "bench")];
const DRIFT_VARIABLES: [(&str, &str); 2] = [
    ("MLP_BUCKET", "bench"),
    ("MLP_DRIFT_MACHINE", "arn:aws:states:us-west-2:123456789012:stateMachine:MLProvisionerDeployDrift"),
];

const DEPLOY: [(&str, &str); 4] = [
    ("`deploy`: zip", "under 7 MB"),
    ("`deploy`: unpacked", ""),
    ("`deploy`: process start to first poll", "under 60 ms"),
    ("`deploy`: peak memory, enterprise report", "under 64 MB"),
];
const DRIFT: [(&str, &str); 4] = [
    ("`drift`: zip", "under 7 MB"),
    ("`drift`: unpacked", ""),
    ("`drift`: process start to first poll", "under 60 ms"),
    ("`drift`: peak memory, a run without stacks", "under 64 MB"),
];
const GENERATE: [(&str, &str); 4] = [
    ("`generate`: zip", "under 7 MB"),
    ("`generate`: unpacked", ""),
    ("`generate`: process start to first poll", "under 60 ms"),
    ("`generate`: peak memory, enterprise config", "under 64 MB"),
];
const MACRO: [(&str, &str); 4] = [
    ("`macro`: zip", "under 5 MB"),
    ("`macro`: unpacked", ""),
    ("`macro`: process start to first poll", "under 25 ms"),
    ("`macro`: peak memory, enterprise product", "under 64 MB"),
];

const STARTS: usize = 30;
const CONFIG: &str = "configs/examples/enterprise/globalbank-prod-c001-us-west-2-demand-forecasting-ml-codecommit-standalone-ssm.yaml";

/// An enterprise config in a bucket of the emulator.
fn put_config(suite: &suite::Suite, tools: &venv::Venv) -> Result<()> {
    let log = suite.folder.join("s3.log");
    for arguments in
        [&["s3", "mb", "s3://bench"][..], &["s3", "cp", CONFIG, "s3://bench/configs/enterprise.yaml"]]
    {
        process::run(suite.client(tools, "aws").args(arguments), &log, Duration::from_mins(1))?;
    }
    Ok(())
}

fn generate_event() -> Json {
    json!({"Records": [{
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "bench"}, "object": {"key": "configs/enterprise.yaml"}},
    }]})
}

/// The recorded request: an enterprise product and a bucket that refers to it.
fn macro_event() -> Result<Json> {
    let path = paths::at("events/macro/two-resources-and-parameters.json");
    let text = fs::read_to_string(&path).context(paths::shown(&path))?;
    serde_json::from_str(&text).context(paths::shown(&path))
}

/// One function, started again and again with its event.
fn measured(function: &Deployed, zip: u64, suite: &suite::Suite) -> Result<Vec<Row>> {
    let Deployed { name, binary, event, done: (place, wanted), variables, rows } = function;
    let environment = environment(suite, variables);
    let unpacked = fs::metadata(binary).context(paths::shown(binary))?.len();
    let task = progress::task(format!("start `{name}` {STARTS} times"));
    let mut runs = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        runs.push(start::run(name, binary, &environment, event)?);
    }
    task.done("");
    let peak = match runs.first() {
        Some(first) if first.answer.pointer(place) == Some(&json!(wanted)) => first.peak,
        other => {
            let answer = other.map(|run| run.answer.to_string()).unwrap_or_default();
            return Err(Failure::new(format!("`{name}` did not do its work: {answer}")));
        }
    };
    runs.sort_by_key(|run| run.start);
    let at = |index: usize| runs.get(index).map_or(0.0, |run| run.start.as_secs_f64() * 1e3);
    let starts = format!("{:.1} ms ({:.1} to {:.1})", at(STARTS / 2), at(0), at(STARTS - 1));
    let values = [megabytes(zip), megabytes(unpacked), starts, megabytes(peak)];
    Ok(rows.iter().zip(values).map(|((what, target), value)| (*what, value, *target)).collect())
}

/// The binary in the zip: what is measured is what is deployed.
fn unpack(tools: &venv::Venv, zip: &Path, name: &str) -> Result<PathBuf> {
    let folder = paths::local().join("bench-zip").join(name);
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

#[expect(clippy::cast_precision_loss, reason = "sizes of files are far below 2^53")]
fn megabytes(bytes: u64) -> String {
    format!("{:.2} MB", bytes as f64 / 1e6)
}
