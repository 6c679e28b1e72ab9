//! Who signs what `mlp` asks of AWS: the real program with credentials and config files of its own, against a stub.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[expect(dead_code, reason = "each test file uses a part of it")]
mod stub;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value as Json, json};
use stub::{Aws, EXECUTION, succeeded};

const ENVIRONMENT: &str = "AKIAENVIRONMENT00000";
const DEFAULT: &str = "AKIADEFAULT000000000";
const OTHER: &str = "AKIAOTHER00000000000";
const PROGRAM: &str = "AKIAPROGRAM000000000";

const CONFIG: &str = "\
[default]
region = us-east-1
[profile other]
region = eu-west-1
[profile bare]
region = eu-central-1
[profile by-program]
region = eu-west-2
credential_process = cat HOME/program.json
";

const CREDENTIALS: &str = "\
[default]
aws_access_key_id = AKIADEFAULT000000000
aws_secret_access_key = x
[other]
aws_access_key_id = AKIAOTHER00000000000
aws_secret_access_key = x
[only-credentials]
aws_access_key_id = AKIAONLYCREDENTIALS0
aws_secret_access_key = x
";

/// A person's home folder with profiles.
fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".aws")).unwrap();
    let config = CONFIG.replace("HOME", home.path().to_str().unwrap());
    fs::write(home.path().join(".aws/config"), config).unwrap();
    let answer = json!({"Version": 1, "AccessKeyId": PROGRAM, "SecretAccessKey": "x"});
    fs::write(home.path().join("program.json"), answer.to_string()).unwrap();
    fs::write(home.path().join(".aws/credentials"), CREDENTIALS).unwrap();
    home
}

fn aws() -> Aws {
    Aws::start().with("DescribeExecution", [succeeded(&json!({"ok": true, "outcome": "unchanged"}))])
}

/// Names and values.
type Variables<'a> = &'a [(&'a str, &'a str)];

/// `mlp follow` of an execution by its name: it asks who the caller is, and for the execution.
fn follow(home: &Path, aws: &Aws, variables: Variables<'_>, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mlp"))
        .env_clear()
        .env("HOME", home)
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("AWS_ENDPOINT_URL", &aws.endpoint)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(variables.iter().copied())
        .args(["follow", "monday", "--format", "json"])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

const SIGNED_IN: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", ENVIRONMENT), ("AWS_SECRET_ACCESS_KEY", "x")];

#[test]
fn a_profile_that_is_named_signs_before_the_environment_and_the_environment_before_aws_profile() {
    let table: &[(&str, Variables<'_>, &[&str], &str, &str)] = &[
        ("nothing said", &[], &[], DEFAULT, "us-east-1"),
        ("AWS_PROFILE", &[("AWS_PROFILE", "other")], &[], OTHER, "eu-west-1"),
        ("environment", &SIGNED_IN, &[], ENVIRONMENT, "us-east-1"),
        (
            "environment and AWS_PROFILE",
            &[SIGNED_IN[0], SIGNED_IN[1], ("AWS_PROFILE", "other")],
            &[],
            ENVIRONMENT,
            "eu-west-1",
        ),
        ("environment and --profile", &SIGNED_IN, &["--profile", "other"], OTHER, "eu-west-1"),
        ("environment and --profile default", &SIGNED_IN, &["--profile", "default"], DEFAULT, "us-east-1"),
        (
            "environment, AWS_PROFILE and --profile",
            &[SIGNED_IN[0], SIGNED_IN[1], ("AWS_PROFILE", "only-credentials")],
            &["--profile", "other"],
            OTHER,
            "eu-west-1",
        ),
        (
            "a session in the environment and --profile",
            &[SIGNED_IN[0], SIGNED_IN[1], ("AWS_SESSION_TOKEN", "t")],
            &["--profile", "other"],
            OTHER,
            "eu-west-1",
        ),
        (
            "a profile in the credentials file only",
            &[SIGNED_IN[0], SIGNED_IN[1], ("AWS_REGION", "us-west-2")],
            &["--profile", "only-credentials"],
            "AKIAONLYCREDENTIALS0",
            "us-west-2",
        ),
        ("--region", &SIGNED_IN, &["--profile", "other", "--region", "ap-south-1"], OTHER, "ap-south-1"),
        (
            "a program that fetches credentials",
            &SIGNED_IN,
            &["--profile", "by-program"],
            PROGRAM,
            "eu-west-2",
        ),
    ];
    for (what, variables, arguments, key, region) in table {
        let (home, aws) = (home(), aws());
        let output = follow(home.path(), &aws, variables, arguments);
        assert_eq!(output.status.code(), Some(0), "{what}: {output:?}");
        assert_eq!(aws.signed(), [((*key).to_owned(), (*region).to_owned())], "{what}");
        // Once to see which machine knows the name, and once to follow it.
        assert_eq!(
            aws.operations(),
            ["GetCallerIdentity", "DescribeExecution", "DescribeExecution"],
            "{what}"
        );
    }
}

#[test]
fn a_profile_that_does_not_exist_is_an_error_and_nothing_is_asked() {
    let with = |profile| [SIGNED_IN[0], SIGNED_IN[1], ("AWS_REGION", "us-west-2"), ("AWS_PROFILE", profile)];
    let named = ["--profile", "nope"];
    let (good, nope) = (with("other"), with("nope"));
    let table: &[(&str, Variables<'_>, &[&str])] = &[
        ("--profile", &[("AWS_REGION", "us-west-2")], &named),
        ("--profile and the environment", &good[..3], &named),
        ("--profile, the environment and a good AWS_PROFILE", &good, &named),
        ("AWS_PROFILE and the environment", &nope, &[]),
    ];
    for (what, variables, arguments) in table {
        let (home, aws) = (home(), aws());
        let output = follow(home.path(), &aws, variables, arguments);
        assert_eq!(output.status.code(), Some(2), "{what}: {output:?}");
        let answer: Json = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(answer["error"]["message"], "The config profile (nope) could not be found", "{what}");
        assert_eq!(aws.signed(), [], "{what}");
    }
    // As text, and without any files.
    let (empty, aws) = (tempfile::tempdir().unwrap(), aws());
    let output = Command::new(env!("CARGO_BIN_EXE_mlp"))
        .env_clear()
        .envs([("AWS_ENDPOINT_URL", aws.endpoint.as_str()), ("AWS_REGION", "us-west-2")])
        .env("HOME", empty.path())
        .args(["check-drift", "--profile", "default"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("The config profile (default) could not be found"), "{said}");
}

#[test]
fn a_profile_without_credentials_is_not_signed_by_the_environment() {
    let (home, aws) = (home(), aws());
    let output = follow(home.path(), &aws, &SIGNED_IN, &["--profile", "bare"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let answer: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["error"]["name"], "MLProvisioner.AccessDenied", "{answer}");
    assert_eq!(aws.signed(), []);
}

#[test]
fn an_arn_names_the_region_and_the_profile_still_signs() {
    let (home, aws) = (home(), aws());
    let output = Command::new(env!("CARGO_BIN_EXE_mlp"))
        .env_clear()
        .env("HOME", home.path())
        .env("AWS_ENDPOINT_URL", &aws.endpoint)
        .envs(SIGNED_IN)
        .args(["follow", EXECUTION, "--profile", "other"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(aws.signed(), [(OTHER.to_owned(), "us-west-2".to_owned())]);
}
