//! `cargo xtask demo`: the main job, end to end, on this machine.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::failure::{Context as _, Failure, Result};
use crate::progress::say;
use crate::suite::Suite;
use crate::venv::Venv;
use crate::{paths, process, progress, suite, venv};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Leave the suite running, and tell how to talk to it
    #[arg(long, conflicts_with = "stop")]
    keep: bool,
    /// End the suite that `--keep` left running
    #[arg(long)]
    stop: bool,
}

/// One example of each tier, and one config with ten mistakes.
const CONFIGS: [&str; 4] = [
    "configs/examples/starter/techcorp-prod-a001-us-west-2-customer-churn-ml-codecommit.yaml",
    "configs/examples/professional/edge-prod-b001-us-west-2-fraud-detection-ml-s3.yaml",
    "configs/examples/enterprise/globalbank-prod-c001-us-west-2-demand-forecasting-ml-codecommit-standalone-ssm.yaml",
    "tests/golden/configs/ten-mistakes.yaml",
];

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.stop {
        return stop();
    }
    if let Some(running) = running().filter(|_| arguments.keep) {
        say("The suite is running already; `cargo xtask demo --stop` ends it.\n");
        how_to_talk(&running);
        return Ok(());
    }
    say("ML Provisioner on this machine: no AWS account, no Docker.");
    say(
        "The first run compiles and downloads Python packages, which takes some minutes; later runs take less than one.\n",
    );
    // Downloads and compilation don't stand in each other's way.
    let (emulator, tools) = std::thread::scope(|scope| {
        let build = scope.spawn(suite::build);
        let environments = venv::both();
        build.join().map_err(|_| Failure::new("the build panicked"))??;
        environments
    })?;
    let suite =
        suite::start(if arguments.keep { "kept" } else { "demo" }, &emulator, &tools, arguments.keep)?;
    let shown = feed(&suite, &tools).and_then(|folder| show(&folder));
    match (shown, arguments.keep) {
        (Ok(()), true) => keep(suite),
        (shown, _) => shown,
    }
}

/// Puts the configs into the bucket, waits for the answers and brings everything here.
fn feed(suite: &Suite, tools: &Venv) -> Result<PathBuf> {
    let folder = &suite.folder;
    let (upload, bucket_copy) = (folder.join("upload"), folder.join("bucket"));
    fs::create_dir_all(&upload).context(paths::shown(&upload))?;
    for config in CONFIGS {
        let name = Path::new(config).file_name().unwrap_or_default();
        let text = fs::read_to_string(paths::at(config)).context(config)?;
        fs::write(upload.join(name), for_account(&text, suite::ACCOUNT)).context(config)?;
    }
    let task = progress::task("a network and sources for the products");
    let mut python = suite.client(tools, "python");
    process::run(
        python.args(["-c", PREREQUISITES]),
        &folder.join("prerequisites.log"),
        Duration::from_mins(1),
    )?;
    task.done("");
    let bucket = format!("s3://{}", suite.get("MLP_BUCKET"));
    let task = progress::task(format!("drop {} configs into the bucket", CONFIGS.len()));
    let log = folder.join("s3.log");
    let mut copy = suite.client(tools, "aws");
    copy.args(["s3", "cp", "--recursive", "--no-progress"]).arg(&upload).arg(format!("{bucket}/configs/"));
    process::run(&mut copy, &log, Duration::from_mins(1))?;
    task.done("aws s3 cp");

    let task = progress::task("wait for the function");
    let asked = Instant::now();
    loop {
        let mut list = suite.client(tools, "aws");
        list.args(["s3api", "list-objects-v2", "--bucket", suite.get("MLP_BUCKET"), "--prefix", "status/"]);
        let text = process::output(list.args(["--output", "json"]), &log)?;
        let answers = serde_json::from_str::<Json>(&text).ok();
        let count = answers.and_then(|json| Some(json.get("Contents")?.as_array()?.len())).unwrap_or(0);
        if count >= CONFIGS.len() {
            task.done(&format!("{count} status objects"));
            break;
        }
        if asked.elapsed() > Duration::from_mins(1) {
            return Err(Failure::new(format!(
                "after a minute there are {count} status objects, not {}",
                CONFIGS.len()
            ))
            .log(&folder.join("emulator.log")));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    let mut sync = suite.client(tools, "aws");
    sync.args(["s3", "sync", "--no-progress", &bucket]).arg(&bucket_copy);
    process::run(&mut sync, &log, Duration::from_mins(1))?;
    Ok(bucket_copy)
}

/// Without this the products could be looked at and not be deployed.
const PREREQUISITES: &str = include_str!("prerequisites.py");

/// A config for another account: a suite deploys products of its own account only, and the examples are of several.
fn for_account(config: &str, account: &str) -> String {
    let own = config.lines().find_map(|line| line.trim_start().strip_prefix("account_id:"));
    let own: String =
        own.unwrap_or_default().chars().filter(char::is_ascii_digit).take(account.len()).collect();
    if own.len() == account.len() { config.replace(&own, account) } else { config.to_owned() }
}

/// What came out: the bucket, the counts, the findings.
fn show(bucket: &Path) -> Result<()> {
    let mut files = BTreeMap::new();
    list(bucket, bucket, &mut files)?;
    say("\nIn the bucket:\n");
    let mut above: Vec<&str> = Vec::new();
    for (key, size) in &files {
        let parts: Vec<&str> = key.split('/').collect();
        let (name, folders) = parts.split_last().unwrap_or((&"", &[]));
        let same = folders.iter().zip(&above).take_while(|(a, b)| a == b).count();
        for (depth, folder) in folders.iter().enumerate().skip(same) {
            say(&format!("  {}{folder}/", "  ".repeat(depth)));
        }
        say(&format!("  {}{name}  ({size} bytes)", "  ".repeat(folders.len())));
        above = folders.to_vec();
    }
    let statuses: Vec<Json> = files
        .keys()
        .filter(|key| key.starts_with("status/"))
        .map(|key| {
            let text = fs::read(bucket.join(key)).context(key)?;
            serde_json::from_slice(&text).context(key)
        })
        .collect::<Result<_>>()?;

    say("\nProducts:\n");
    let text =
        |json: &Json, pointer: &str| json.pointer(pointer).and_then(Json::as_str).unwrap_or("-").to_owned();
    let number = |json: &Json, pointer: &str| json.pointer(pointer).and_then(Json::as_u64).unwrap_or(0);
    say(&format!("  {:<14}{:<28}{:>9}{:>6}  stack", "tier", "scenario", "resources", "SSM"));
    for status in statuses.iter().filter(|status| status.get("ok") == Some(&Json::Bool(true))) {
        say(&format!(
            "  {:<14}{:<28}{:>9}{:>6}  {}",
            text(status, "/tier"),
            text(status, "/scenario"),
            number(status, "/resource_counts/total"),
            number(status, "/resource_counts/ssm_parameters"),
            text(status, "/stack_name"),
        ));
    }
    say("\nTheir review reports, to open in a browser:\n");
    for status in &statuses {
        if let Some(report) = status.pointer("/links/report").and_then(Json::as_str) {
            // `s3://bucket/key`, and the copy is laid out like the bucket.
            let key = report.splitn(4, '/').nth(3).unwrap_or_default();
            say(&format!("  {}", paths::shown(&bucket.join(key))));
        }
    }
    for status in &statuses {
        let findings = status.get("findings").and_then(Json::as_array).cloned().unwrap_or_default();
        if findings.is_empty() {
            continue;
        }
        let key = text(status, "/source/key");
        say(&format!(
            "\n{} in {key}:\n",
            if findings.len() == 1 { "1 finding".to_owned() } else { format!("{} findings", findings.len()) }
        ));
        let config = fs::read_to_string(bucket.join(&key)).unwrap_or_default();
        for finding in &findings {
            let (line, column) = (number(finding, "/line"), number(finding, "/column"));
            say(&format!(
                "  {}[{}]: {}",
                text(finding, "/severity"),
                text(finding, "/code"),
                text(finding, "/message")
            ));
            let index = usize::try_from(line).unwrap_or(0).saturating_sub(1);
            if let Some(source) = config.lines().nth(index).filter(|_| line > 0) {
                let caret = " ".repeat(usize::try_from(column).unwrap_or(1).saturating_sub(1));
                say(&format!("  {line:>4} | {source}\n       | {caret}^"));
            }
            if let Some(help) = finding.get("help").and_then(Json::as_str) {
                say(&format!("       = help: {help}"));
            }
        }
    }
    say(&format!("\nA copy of the bucket is in {}.", paths::shown(bucket)));
    Ok(())
}

fn list(root: &Path, folder: &Path, files: &mut BTreeMap<String, u64>) -> Result<()> {
    for entry in fs::read_dir(folder).context(paths::shown(folder))? {
        let path = entry.context(paths::shown(folder))?.path();
        if path.is_dir() {
            list(root, &path, files)?;
        } else {
            let size = fs::metadata(&path).map_or(0, |data| data.len());
            files.insert(path.strip_prefix(root).unwrap_or(&path).display().to_string(), size);
        }
    }
    Ok(())
}

fn state_file() -> PathBuf {
    paths::local().join("state.json")
}

fn env_file() -> PathBuf {
    paths::local().join("env")
}

/// Lets the suite live on, and says how to reach it.
fn keep(suite: Suite) -> Result<()> {
    let id = suite.process.id();
    let state = json!({
        "checkout": paths::root(),
        "pid": id,
        "identity": process::identity(id).unwrap_or_default(),
        "environment": suite.environment.iter().map(|(key, value)| json!([key, value])).collect::<Vec<_>>(),
    });
    fs::write(state_file(), format!("{state:#}\n")).context("target/local/state.json")?;
    let mut exports = String::from(
        "# How to talk to the local suite: `source target/local/env`. Made by `cargo xtask demo --keep`.\n",
    );
    for (key, value) in &suite.environment {
        let _ = writeln!(exports, "export {key}='{}'", value.replace('\'', r"'\''"));
    }
    fs::write(env_file(), exports).context("target/local/env")?;
    let environment = suite.environment.clone();
    suite.process.let_go();
    say("");
    how_to_talk(&environment);
    Ok(())
}

/// What can be done with a suite that runs; `tests/e2e/test_printed_commands.py` runs it.
const HOW_TO_TALK: &str = include_str!("how-to-talk.sh");

fn how_to_talk(environment: &[(String, String)]) {
    let get =
        |name: &str| environment.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    say(&format!("The suite runs at {}. To talk to it:\n", get("AWS_ENDPOINT_URL")));
    for line in HOW_TO_TALK.lines() {
        say(&format!("  {line}"));
    }
    say("\n  cargo xtask demo --stop                          # ends it");
}

/// The environment of the suite that `--keep` left running, if it still does.
fn running() -> Option<Vec<(String, String)>> {
    let state: Json = serde_json::from_str(&fs::read_to_string(state_file()).ok()?).ok()?;
    if !is_of_this_checkout(&state) {
        return None;
    }
    let id = u32::try_from(state.get("pid")?.as_u64()?).ok()?;
    if process::identity(id)? != state.get("identity")?.as_str()? {
        return None;
    }
    let text = |value: Option<&Json>| Some(value?.as_str()?.to_owned());
    state
        .get("environment")?
        .as_array()?
        .iter()
        .map(|pair| Some((text(pair.get(0))?, text(pair.get(1))?)))
        .collect()
}

/// Whether this checkout started the suite. A copied `target` folder also holds the state of the other checkout's suite.
fn is_of_this_checkout(state: &Json) -> bool {
    state.get("checkout").and_then(Json::as_str).is_some_and(|checkout| Path::new(checkout) == paths::root())
}

fn stop() -> Result<()> {
    let Ok(text) = fs::read_to_string(state_file()) else {
        say("No suite was left running.");
        return Ok(());
    };
    let state: Json = serde_json::from_str(&text).context("target/local/state.json")?;
    if !is_of_this_checkout(&state) {
        let other = state.get("checkout").and_then(Json::as_str).unwrap_or("an older version");
        return Err(Failure::new(format!(
            "target/local/state.json was written by {other}, not by this checkout; its suite keeps running. Stop it there, \
             or delete the file"
        )));
    }
    let id = state.get("pid").and_then(Json::as_u64).and_then(|id| u32::try_from(id).ok());
    let identity = state.get("identity").and_then(Json::as_str).unwrap_or_default();
    if let Some(id) = id {
        process::end(id, identity)?;
    }
    for file in [state_file(), env_file()] {
        let _ = fs::remove_file(file);
    }
    say("The suite has ended.");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_of_another_checkout_is_neither_used_nor_stopped() {
        let own = json!({"checkout": paths::root(), "pid": 1});
        assert!(is_of_this_checkout(&own));
        for other in [json!({"checkout": "/somewhere/else", "pid": 1}), json!({"pid": 1}), json!([])] {
            assert!(!is_of_this_checkout(&other), "{other}");
        }
    }

    #[test]
    fn every_product_of_the_demo_can_be_deployed_in_its_account() {
        for config in CONFIGS.iter().filter(|config| config.starts_with("configs/")) {
            let text = for_account(&fs::read_to_string(paths::at(config)).unwrap(), suite::ACCOUNT);
            let line = text.lines().find(|line| line.trim_start().starts_with("account_id:")).unwrap();
            assert!(line.contains(suite::ACCOUNT), "{config}: {line}");
        }
        assert_eq!(for_account("a: b", suite::ACCOUNT), "a: b");
    }
}
