//! The local suite: the emulator, and in it what `infra/template.yaml` describes, deployed by the real `sam deploy`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::failure::{Context as _, Failure, Result};
use crate::process::{self, Background, cargo};
use crate::venv::Venv;
use crate::{paths, progress};

/// The stack of the suite.
pub(crate) const STACK: &str = "ml-provisioner";
/// The functions of the suite: the package below `functions/` and the binary have the same name.
const FUNCTIONS: &[&str] = &["deploy", "drift", "generate", "macro"];
pub(crate) const ACCOUNT: &str = "123456789012";
const REGION: &str = "us-west-2";

/// A running suite.
pub(crate) struct Suite {
    /// The emulator.
    pub(crate) process: Background,
    /// Its logs and data.
    pub(crate) folder: PathBuf,
    /// What clients need in their environment, and the names of what is deployed.
    pub(crate) environment: Vec<(String, String)>,
    /// Nobody else may empty the folder; the lock goes with this process at the latest.
    _lock: File,
}

/// Builds what is deployed. With the examples, because they bring the features of the tests' dependencies (tokio's
/// `test-util` lies below the whole SDK): else the SDK would be built once for the tests and once for the suite.
pub(crate) fn build() -> Result<()> {
    let task = progress::task("build the functions");
    let log = log("build");
    task.follow(&log);
    process::run(
        cargo().args(["build", "--workspace", "--bins", "--examples"]),
        &log,
        Duration::from_hours(1),
    )?;
    task.done("");
    Ok(())
}

/// Starts the emulator and deploys the suite into it.
pub(crate) fn start(name: &str, emulator: &Venv, tools: &Venv, lives_on: bool) -> Result<Suite> {
    let mut suite = start_emulator(name, emulator, lives_on)?;
    deploy(&mut suite, tools)?;
    Ok(suite)
}

/// Starts the emulator in a fresh folder below `target/local`, with nothing in it.
///
/// `lives_on`: whether it may outlive this process.
pub(crate) fn start_emulator(name: &str, emulator: &Venv, lives_on: bool) -> Result<Suite> {
    let folder = paths::local().join(name);
    fs::create_dir_all(paths::local()).context("target/local")?;
    let lock = File::create(folder.with_extension("lock")).context("target/local")?;
    if lock.try_lock().is_err() {
        return Err(Failure::new(format!(
            "the suite `{name}` of this checkout is in use by another command"
        )));
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).context(paths::shown(&folder))?;
    }
    fs::create_dir_all(&folder).context(paths::shown(&folder))?;

    let task = progress::task("start the emulator");
    let (process, endpoint) = launch(&folder, emulator, lives_on)?;
    task.done(&endpoint);
    Ok(Suite { process, folder, environment: client_environment(&endpoint), _lock: lock })
}

fn deploy(suite: &mut Suite, tools: &Venv) -> Result<()> {
    let task = progress::task("sam deploy");
    let log = suite.folder.join("sam-deploy.log");
    task.follow(&log);
    let template = template(&suite.folder, tools)?;
    let mut sam = suite.client(tools, "sam");
    sam.args(["deploy", "--template-file"]).arg(&template).args([
        "--stack-name",
        STACK,
        "--resolve-s3",
        "--region",
        REGION,
        "--capabilities",
        "CAPABILITY_NAMED_IAM",
        "--no-confirm-changeset",
        "--parameter-overrides",
        &format!("Architecture={}", architecture()),
    ]);
    sam.current_dir(&suite.folder);
    process::run(&mut sam, &log, Duration::from_mins(5))?;
    suite.environment.extend(outputs(suite, tools)?);
    task.done(&format!("stack {STACK}"));
    Ok(())
}

impl Suite {
    /// A client's command, pointed at the suite.
    pub(crate) fn client(&self, tools: &Venv, program: &str) -> Command {
        let mut command = tools.command(program);
        command.envs(self.environment.iter().cloned());
        command
    }

    /// One of the names or settings.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.environment.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }
}

/// A log below `target/local/logs`, emptied.
pub(crate) fn log(name: &str) -> PathBuf {
    let path = logged(name);
    let _ = fs::remove_file(&path);
    path
}

/// The log of a step that has run.
pub(crate) fn logged(name: &str) -> PathBuf {
    paths::local().join("logs").join(format!("{name}.log"))
}

fn client_environment(endpoint: &str) -> Vec<(String, String)> {
    [
        ("AWS_ENDPOINT_URL", endpoint),
        // The emulator takes a key of twelve digits for the account that the call is made in.
        ("AWS_ACCESS_KEY_ID", ACCOUNT),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_REGION", REGION),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_PAGER", ""),
        // Somebody's own profile must not reach through.
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("SAM_CLI_TELEMETRY", "0"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}

fn launch(folder: &Path, emulator: &Venv, lives_on: bool) -> Result<(Background, String)> {
    let (ready, log) = (folder.join("ready.json"), folder.join("emulator.log"));
    let mut launcher = emulator.command("python");
    launcher.arg(paths::at("infra/local/launcher.py")).arg("--data-dir").arg(folder.join("data"));
    // Functions work with their roles' rights, as on AWS: one that lacks a permission is found here.
    launcher.arg("--enforce-iam");
    launcher.arg("--ready-file").arg(&ready).arg("--log").arg(&log).args([
        "--account-id",
        ACCOUNT,
        "--region",
        REGION,
    ]);
    // Waits of state machines last a tenth of their time: the emulator's stacks are done in a second.
    launcher.env("SFN_WAIT_SCALE", "0.1");
    if !lives_on {
        launcher.arg("--die-with-parent");
    }
    let mut process = Background::start(&mut launcher, &folder.join("launcher.log"))?;
    let asked = Instant::now();
    loop {
        if let Ok(text) = fs::read_to_string(&ready) {
            let json: Json = serde_json::from_str(&text).context(paths::shown(&ready))?;
            let endpoint = json.get("endpoint").and_then(Json::as_str).unwrap_or_default();
            return Ok((process, endpoint.to_owned()));
        }
        if let Some(status) = process.exited()? {
            return Err(Failure::new(format!("the emulator ended with {status}")).log(process.log()));
        }
        if asked.elapsed() > Duration::from_mins(1) {
            return Err(Failure::new("the emulator did not get ready within a minute").log(&log));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// `infra/template.yaml` with the functions' code in place of their sources: what `sam build` would leave, made from the
/// development build.
fn template(folder: &Path, tools: &Venv) -> Result<PathBuf> {
    let source = paths::at("infra/template.yaml");
    let mut text = fs::read_to_string(&source).context(paths::shown(&source))?;
    let mut found = 0;
    for function in FUNCTIONS {
        let wanted = format!("CodeUri: ../functions/{function}");
        found += text.matches(&wanted).count();
        let code = packed(function, folder, tools)?;
        text = text.replace(&wanted, &format!("CodeUri: {}", code.display()));
    }
    if found != text.matches("CodeUri:").count() {
        return Err(Failure::new(
            "infra/template.yaml has a function that xtask doesn't know; add it in xtask/src/suite.rs",
        ));
    }
    // `sam deploy` looks for definitions beside the template that it is given.
    let definitions = paths::at("infra/state-machines");
    text =
        text.replace("DefinitionUri: state-machines/", &format!("DefinitionUri: {}/", definitions.display()));
    let path = folder.join("template.yaml");
    fs::write(&path, text).context(paths::shown(&path))?;
    Ok(path)
}

/// Packs, because `sam deploy` takes its time for a development build of a hundred megabytes: quickly, and once a build.
const PACK: &str = "import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED, compresslevel=1) as code:
    code.write(sys.argv[2], 'bootstrap')";

/// A function's code as Lambda takes it.
fn packed(function: &str, folder: &Path, tools: &Venv) -> Result<PathBuf> {
    let (binary, kept) = (built(function), paths::local().join("functions"));
    let zip = kept.join(function).with_extension("zip");
    let made = |path: &Path| fs::metadata(path).and_then(|it| it.modified()).context(paths::shown(path));
    let changed = made(&binary)?;
    if made(&zip).is_ok_and(|zipped| zipped > changed) {
        return Ok(zip);
    }
    fs::create_dir_all(&kept).context(paths::shown(&kept))?;
    // Another suite may do the same at this time.
    let new = folder.join(function).with_extension("zip");
    let mut python = tools.command("python");
    python.args(["-c", PACK]).arg(&new).arg(&binary);
    process::run(&mut python, &folder.join("pack.log"), Duration::from_mins(2))?;
    fs::rename(&new, &zip).context(paths::shown(&zip))?;
    Ok(zip)
}

/// Something that the development build makes.
pub(crate) fn built(name: &str) -> PathBuf {
    cargo_target().join("debug").join(name)
}

/// Where cargo puts what it builds.
pub(crate) fn cargo_target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(paths::target, |folder| paths::root().join(folder))
}

/// Lambda's name of this machine's architecture.
fn architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" }
}

/// The stack's outputs, as variables.
fn outputs(suite: &Suite, tools: &Venv) -> Result<Vec<(String, String)>> {
    let mut aws = suite.client(tools, "aws");
    aws.args(["cloudformation", "describe-stacks", "--stack-name", STACK, "--output", "json"]);
    let text = process::output(&mut aws, &suite.folder.join("describe-stacks.log"))?;
    let json: Json =
        serde_json::from_str(&text).context("the answer of `aws cloudformation describe-stacks`")?;
    let list = json.pointer("/Stacks/0/Outputs").and_then(Json::as_array).cloned().unwrap_or_default();
    let value = |key: &str| {
        list.iter()
            .find(|output| output.get("OutputKey").and_then(Json::as_str) == Some(key))
            .and_then(|output| output.get("OutputValue").and_then(Json::as_str))
            .map(str::to_owned)
            .ok_or_else(|| Failure::new(format!("the stack has no output {key}")))
    };
    Ok(vec![
        ("MLP_BINARY".to_owned(), built("mlp").display().to_string()),
        ("MLP_STACK".to_owned(), STACK.to_owned()),
        ("MLP_BUCKET".to_owned(), value("BucketName")?),
        ("MLP_GENERATE_FUNCTION".to_owned(), value("GenerateFunctionName")?),
        ("MLP_GENERATE_FAILURES_URL".to_owned(), value("GenerateFailuresUrl")?),
        ("MLP_MACRO".to_owned(), value("MacroName")?),
        ("MLP_MACRO_FUNCTION".to_owned(), value("MacroFunctionName")?),
        ("MLP_MACRO_ERRORS".to_owned(), value("MacroErrorsLogGroup")?),
        ("MLP_DEPLOY_MACHINE".to_owned(), value("DeployMachineArn")?),
        ("MLP_DEPLOY_FUNCTION".to_owned(), value("DeployFunctionName")?),
        ("MLP_FLEET_MACHINE".to_owned(), value("FleetMachineArn")?),
        ("MLP_DRIFT_FUNCTION".to_owned(), value("DriftFunctionName")?),
        ("MLP_DRIFT_MACHINE".to_owned(), value("DriftMachineArn")?),
        ("MLP_DRIFT_TOPIC".to_owned(), value("DriftTopicArn")?),
        ("MLP_DRIFT_FAILURES_URL".to_owned(), value("DriftFailuresUrl")?),
        ("MLP_SERVICE_TOKEN".to_owned(), value("CustomResourceServiceToken")?),
        ("MLP_APPROVAL_TOPIC".to_owned(), value("ApprovalTopicArn")?),
    ])
}
