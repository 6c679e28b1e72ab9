//! `mlp`'s commands that ask AWS, against a stub of it on this machine.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

#[expect(dead_code, reason = "each test file uses a part of it")]
mod stub;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value as Json, json};
use stub::{
    Aws, EXECUTION, MACHINE, asking_for_approval, changing, described, failed, object, refused, s3_error,
    succeeded,
};

fn config() -> String {
    let name = "techcorp-prod-a001-us-west-2-customer-churn-ml-codecommit.yaml";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/examples/starter").join(name);
    path.to_str().unwrap().to_owned()
}

const ML_NAME: &str = "techcorp-prod-a001-us-west-2-customer-churn-ml";

/// `mlp` as somebody who is signed in runs it; of the environment only what is named here.
fn command(endpoint: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mlp"));
    command
        .env_clear()
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_REGION", "us-west-2")
        .env("AWS_ACCESS_KEY_ID", "example")
        .env("AWS_SECRET_ACCESS_KEY", "example")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", "/nonexistent")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        .args(arguments)
        .stdin(Stdio::null());
    command
}

fn mlp(aws: &Aws, arguments: &[&str]) -> Output {
    command(&aws.endpoint, arguments).output().unwrap()
}

fn status(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Standard output as one JSON object.
fn json(output: &Output) -> Json {
    serde_json::from_slice(&output.stdout).unwrap()
}

fn error(output: &Output) -> (String, String, String) {
    let json = json(output);
    assert_eq!(
        (&json["ok"], &json["outcome"], &json["schema_version"]),
        (&json!(false), &json!("failed"), &json!(1))
    );
    let text = |key: &str| json["error"][key].as_str().unwrap().to_owned();
    (text("name"), text("message"), text("help"))
}

fn created() -> Json {
    json!({
        "schema_version": 1, "action": "deploy-product", "ok": true, "outcome": "created", "execution": EXECUTION,
        "ml_name": ML_NAME, "stack_name": format!("{ML_NAME}-stack"), "stack_status": "CREATE_COMPLETE",
        "outputs": {"/ml/bucket": "a-bucket"}, "generator_version": "0.1.0",
    })
}

fn input(aws: &Aws) -> Json {
    serde_json::from_str(aws.last("StartExecution")["input"].as_str().unwrap()).unwrap()
}

#[test]
fn a_deployment_is_started_followed_and_told() {
    let aws = Aws::start()
        .with(
            "DescribeExecution",
            [described("RUNNING", &json!({})), described("RUNNING", &json!({})), succeeded(&created())],
        )
        .with("GetExecutionHistory", [changing(2, 13), changing(9, 13)]);
    let arguments = [
        "deploy-product",
        "--config",
        &config(),
        "--force",
        "--approval",
        "--approval-timeout",
        "3600",
        "--name",
        "monday",
    ];
    let output = mlp(&aws, &arguments);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.starts_with(&format!("Outcome    The stack was created: {ML_NAME}\n")), "{text}");
    assert!(text.contains("\nOutputs\n  /ml/bucket  a-bucket\n"), "{text}");
    let progress = stderr(&output);
    assert!(progress.contains(&format!("Started {EXECUTION}\n")), "{progress}");
    for done in ["Changing the stack: 2 of 13 resources\n", "Changing the stack: 9 of 13 resources\n"] {
        assert_eq!(progress.matches(done).count(), 1, "{progress}");
    }
    assert!(progress.ends_with("The execution has ended after 1m 23s.\n"), "{progress}");
    assert!(!progress.contains('\u{1b}'), "plain lines without a terminal");

    let started = aws.last("StartExecution");
    assert_eq!((&started["stateMachineArn"], &started["name"]), (&json!(MACHINE), &json!("monday")));
    let text = fs::read_to_string(config()).unwrap();
    let wanted = json!({"action": "deploy-product", "config": text, "force": true, "approval": {"timeout_seconds": 3600},
        "requested_by": "arn:aws:iam::123456789012:user/anna"});
    assert_eq!(input(&aws), wanted);
    let history = aws.last("GetExecutionHistory");
    assert_eq!((&history["reverseOrder"], &history["maxResults"]), (&json!(true), &json!(25)));
}

#[test]
fn every_switch_reaches_the_execution() {
    let cases: [(&[&str], Json); 4] = [
        (
            &["deploy-product", "--force", "--recreate-failed", "--adopt", "--drift", "revert"],
            json!({"force": true, "recreate_failed": true, "adopt": true, "drift": "revert"}),
        ),
        (&["test-deploy", "--keep", "--approval"], json!({"approval": true, "keep": true})),
        (
            &["delete-product", "--force", "--yes", "--adopt", "--approval", "--approval-timeout", "60"],
            json!({"force": true, "approval": {"timeout_seconds": 60}, "adopt": true}),
        ),
        (&["show-changes", "--drift", "revert"], json!({"drift": "revert"})),
    ];
    for (arguments, switches) in cases {
        let aws = Aws::start();
        let config = config();
        let arguments = [arguments, &["--config", &config, "--no-follow", "--format", "json"]].concat();
        let output = mlp(&aws, &arguments);
        assert_eq!(status(&output), 0, "{}", stderr(&output));
        let mut input = input(&aws);
        assert_eq!(input["action"], arguments[0]);
        input.as_object_mut().unwrap().retain(|key, _| key != "action" && key != "config");
        // Approvers see who asked.
        assert_eq!(input["requested_by"], "arn:aws:iam::123456789012:user/anna");
        input.as_object_mut().unwrap().retain(|key, _| key != "requested_by");
        assert_eq!(input, switches);
        let result = json(&output);
        let execution = result["execution"].as_str().unwrap();
        assert_eq!((&result["ok"], &result["outcome"]), (&json!(true), &json!("started")));
        assert!(
            execution.starts_with(&format!(
                "arn:aws:states:us-west-2:123456789012:execution:MLProvisionerDeploy:{}-",
                arguments[0]
            )),
            "{execution}"
        );
        assert!(stderr(&output).contains(&format!("`mlp follow {execution}`")), "{}", stderr(&output));
        assert!(!aws.operations().contains(&"DescribeExecution".to_owned()));
    }
}

#[test]
fn whoever_waits_for_an_approval_learns_how_it_is_given() {
    let running = || described("RUNNING", &json!({}));
    let aws = Aws::start()
        .with("DescribeExecution", [running(), running(), succeeded(&created())])
        .with("GetExecutionHistory", [asking_for_approval()]);
    let output = mlp(&aws, &["follow", EXECUTION]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let progress = stderr(&output);
    let told = format!("  mlp approve {EXECUTION}\n  mlp reject {EXECUTION} --reason \"...\"\n");
    assert_eq!(progress.matches(&told).count(), 1, "{progress}");
    assert_eq!(progress.matches("] Waiting for approval\n").count(), 1, "{progress}");
}

#[test]
fn an_error_that_is_a_finding_is_told_once() {
    let aws = Aws::start();
    let output = mlp(&aws, &["deploy-product", "--config", &config()]);
    assert_eq!(status(&output), 1);
    assert_eq!(stderr(&output).matches("`deploy-product` needs `--force`").count(), 1, "{}", stderr(&output));
}

#[test]
fn a_warning_that_was_told_before_the_start_is_not_told_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my.yaml");
    let text = fs::read_to_string(config()).unwrap();
    let (before, _) = text.split_once("\ntags:").unwrap();
    fs::write(&path, before).unwrap();
    let warning = json!({
        "code": "MLP-CFG-015", "severity": "warning", "path": "/tags",
        "message": "there are no tags; `cost_center`, `project` and `owner` are wanted",
    });
    let other =
        json!({"code": "MLP-GEN-001", "severity": "warning", "path": "/x", "message": "of the execution"});
    let mut result = created();
    result["findings"] = json!([warning, other]);
    let aws = Aws::start().with("DescribeExecution", [succeeded(&result)]);
    let output = mlp(&aws, &["deploy-product", "--force", "--config", path.to_str().unwrap()]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert_eq!(stderr(&output).matches("MLP-CFG-015").count(), 1, "{}", stderr(&output));
    assert_eq!(stderr(&output).matches("MLP-GEN-001").count(), 1, "{}", stderr(&output));
}

#[test]
fn with_json_the_result_is_all_there_is_on_standard_output() {
    let aws = Aws::start().with("DescribeExecution", [succeeded(&created())]);
    let output = mlp(&aws, &["follow", EXECUTION, "--format", "json"]);
    assert_eq!((status(&output), json(&output)), (0, created()));
}

#[test]
fn a_failed_execution_is_status_1_with_causes_and_a_way_out() {
    let result = json!({
        "schema_version": 1, "action": "deploy-product", "ok": false, "outcome": "failed", "execution": EXECUTION,
        "error": {
            "name": "MLProvisioner.DeploymentFailed", "message": "CloudFormation has rolled back", "help": "choose another name",
            "causes": [{"logical_id": "Bucket", "type": "AWS::S3::Bucket", "reason": "it exists already"}],
        },
    });
    let aws = Aws::start().with("DescribeExecution", [failed("MLProvisioner.DeploymentFailed", &result)]);
    let output = mlp(&aws, &["follow", "monday"]);
    assert_eq!(status(&output), 1);
    assert_eq!(
        stderr(&output),
        "The execution has ended after 1m 23s.\n\
         error[MLProvisioner.DeploymentFailed]: CloudFormation has rolled back\n  \
         Bucket (AWS::S3::Bucket): it exists already\nhelp: choose another name\n"
    );
    assert_eq!(aws.last("DescribeExecution")["executionArn"], EXECUTION, "a name is enough");
    let output = mlp(&aws, &["follow", EXECUTION, "--format", "json"]);
    assert_eq!((status(&output), json(&output)), (1, result));
}

#[test]
fn a_fleets_execution_is_followed_by_its_name_too() {
    let result = json!({"schema_version": 1, "ok": true, "outcome": "fleet",
        "fleet": {"total": 1, "succeeded": 1, "failed": 0, "without_result": 0, "not_started": 0, "products": []}});
    let unknown = || refused("ExecutionDoesNotExist");
    let aws = Aws::start().with("DescribeExecution", [unknown(), succeeded(&result)]);
    let output = mlp(&aws, &["follow", "monday"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let fleet = EXECUTION.replace("MLProvisionerDeploy:", "MLProvisionerDeployFleet:");
    assert_eq!(aws.last("DescribeExecution")["executionArn"], fleet);
    // A name that neither knows is told as the product's.
    let aws = Aws::start().with("DescribeExecution", [unknown()]);
    let output = mlp(&aws, &["follow", "monday"]);
    assert_ne!(status(&output), 0);
    assert!(stderr(&output).contains(EXECUTION), "{}", stderr(&output));
}

#[test]
fn a_stopped_execution_has_a_result_too() {
    let aws =
        Aws::start().with("DescribeExecution", [described("ABORTED", &json!({"stopDate": 1_790_000_001.0}))]);
    let output = mlp(&aws, &["follow", EXECUTION, "--format", "json"]);
    assert_eq!((status(&output), error(&output).0.as_str()), (1, "MLProvisioner.Aborted"));
    assert_eq!(json(&output)["action"], "deploy-product");
}

#[test]
fn nothing_is_started_without_force() {
    for action in ["deploy-product", "delete-product"] {
        let aws = Aws::start();
        let output = mlp(&aws, &[action, "--config", &config(), "--format", "json"]);
        assert_eq!(status(&output), 1);
        assert_eq!(error(&output).1, format!("`{action}` needs `--force`; nothing was started"));
        assert_eq!(json(&output)["findings"][0]["code"], "MLP-DEP-002");
        assert!(aws.asked().is_empty(), "AWS isn't even asked who it is");
    }
}

#[test]
fn mistakes_in_a_config_are_found_before_aws_is_asked() {
    let aws = Aws::start();
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/configs/ten-mistakes.yaml");
    let arguments = ["show-changes", "--config", config.to_str().unwrap()];
    let output = mlp(&aws, &arguments);
    assert_eq!((status(&output), stdout(&output).as_str()), (1, ""));
    let text = stderr(&output);
    assert!(text.contains("ten-mistakes.yaml:6:3 (/client/tenant)\n6 |   tenant: c001"), "{text}");
    assert!(
        text.contains("error[MLProvisioner.InvalidInput]: the config has mistakes; nothing was started\n"),
        "{text}"
    );
    let output = mlp(&aws, &[&arguments[..], &["--format", "json"]].concat());
    assert_eq!(json(&output)["findings"].as_array().unwrap().len(), 10);
    assert!(aws.asked().is_empty());
}

#[test]
fn a_config_for_another_place_than_the_suites_is_not_sent() {
    let aws = Aws::start();
    let elsewhere = "arn:aws:states:eu-west-1:123456789012:stateMachine:MLProvisionerDeploy";
    let output = mlp(&aws, &["show-changes", "--config", &config(), "--state-machine", elsewhere]);
    assert_eq!(status(&output), 1);
    assert!(
        stderr(&output).contains("this product is for us-west-2, and this suite runs in eu-west-1"),
        "{}",
        stderr(&output)
    );
    assert!(aws.asked().is_empty());
}

#[test]
fn a_config_that_is_too_large_to_be_sent_is_refused_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("large.yaml");
    let text = fs::read_to_string(config()).unwrap();
    fs::write(&path, format!("{text}\n#{}\n", "x".repeat(210_000))).unwrap();
    let aws = Aws::start();
    let output = mlp(&aws, &["show-changes", "--config", path.to_str().unwrap(), "--format", "json"]);
    assert_eq!(status(&output), 1);
    let finding = &json(&output)["findings"][0];
    assert!(finding["help"].as_str().unwrap().contains("--s3-config s3://"), "{finding}");
    assert!(!aws.operations().contains(&"StartExecution".to_owned()));
}

#[test]
fn wrong_usage_is_status_2() {
    let aws = Aws::start();
    let config = config();
    let cases: [&[&str]; 9] = [
        &["show-changes"],
        &["show-changes", "--config", &config, "--s3-config", "s3://uploads/k"],
        &["show-changes", "--s3-config", "b/k"],
        &["show-changes", "--config", &config, "--force"],
        &["deploy-product", "--config", &config, "--force", "--approval-timeout", "60"],
        &["deploy-product", "--config", &config, "--force", "--name", "a b"],
        &["reject", "monday"],
        &["reject", "monday", "--reason", " "],
        &["follow", EXECUTION, "--region", "eu-west-1"],
    ];
    for arguments in cases {
        let output = mlp(&aws, arguments);
        assert_eq!(status(&output), 2, "{arguments:?} {}", stderr(&output));
    }
    let output = mlp(&aws, &["show-changes", "--config", "absent.yaml", "--format", "json"]);
    assert_eq!((status(&output), &json(&output)["findings"][0]["code"]), (2, &json!("MLP-IO-001")));
    assert!(aws.asked().is_empty());
}

#[test]
fn deleting_without_a_terminal_needs_a_yes() {
    let aws = Aws::start();
    let output = mlp(&aws, &["delete-product", "--config", &config(), "--force", "--format", "json"]);
    assert_eq!(status(&output), 2);
    assert!(error(&output).2.contains("`--yes` deletes without the question"));
    assert!(!aws.operations().contains(&"StartExecution".to_owned()));
}

#[test]
fn a_stored_config_is_looked_at_and_its_version_pinned() {
    let text = fs::read_to_string(config()).unwrap();
    let aws = Aws::start().with("/uploads/configs/x.yaml", [object(&text)]);
    let output = mlp(&aws, &["show-changes", "--s3-config", "s3://uploads/configs/x.yaml", "--no-follow"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert_eq!(
        input(&aws)["config"],
        json!({"bucket": "uploads", "key": "configs/x.yaml", "version": "v-1"})
    );

    let output = mlp(
        &aws,
        &["show-changes", "--s3-config", "s3://uploads/configs/x.yaml?versionId=v-0", "--no-follow"],
    );
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert_eq!(input(&aws)["config"]["version"], "v-0");
    assert!(aws.last("/uploads/configs/x.yaml").as_str().unwrap().contains("versionId=v-0"));
}

#[test]
fn a_stored_config_with_mistakes_starts_nothing() {
    let aws = Aws::start().with("/uploads/x.yaml", [object("client: {}\n")]);
    let output = mlp(&aws, &["show-changes", "--s3-config", "s3://uploads/x.yaml", "--format", "json"]);
    assert_eq!((status(&output), error(&output).2.as_str()), (1, "mend s3://uploads/x.yaml"));
    let output = mlp(&aws, &["show-changes", "--s3-config", "s3://uploads/absent.yaml", "--format", "json"]);
    assert_eq!((status(&output), error(&output).1.as_str()), (2, "there is no s3://uploads/absent.yaml"));
    assert!(!aws.operations().contains(&"StartExecution".to_owned()));
}

#[test]
fn a_bucket_that_is_not_there_starts_nothing_and_is_told_with_what_to_check() {
    for (answer, wanted) in [
        (s3_error(404, "NoSuchBucket"), "there is no bucket `typo`"),
        (s3_error(301, "PermanentRedirect"), "the bucket `typo` is in another region"),
    ] {
        let aws = Aws::start().with("/typo/x.yaml", [answer]);
        let output = mlp(&aws, &["show-changes", "--s3-config", "s3://typo/x.yaml", "--format", "json"]);
        let (name, message, help) = error(&output);
        assert_eq!(
            (status(&output), name.as_str(), message.as_str()),
            (2, "MLProvisioner.InvalidInput", wanted)
        );
        assert!(help.contains("--region"), "{help}");
        assert!(!aws.operations().contains(&"StartExecution".to_owned()));
    }
}

#[test]
fn a_stored_config_that_only_the_suite_may_read_is_left_to_it() {
    let aws = Aws::start().with("/uploads/x.yaml", [s3_error(403, "AccessDenied")]);
    let output = mlp(&aws, &["show-changes", "--s3-config", "s3://uploads/x.yaml", "--no-follow"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert!(stderr(&output).contains("can't be read from here"), "{}", stderr(&output));
    assert_eq!(input(&aws)["config"], json!({"bucket": "uploads", "key": "x.yaml"}));
    let output = mlp(&aws, &["delete-product", "--force", "--s3-config", "s3://uploads/x.yaml"]);
    assert_eq!(status(&output), 2, "a name that isn't known can't be asked for");
}

#[test]
fn a_taken_name_is_told_apart() {
    let aws = Aws::start().with("StartExecution", [refused("ExecutionAlreadyExists")]);
    let output = mlp(&aws, &["show-changes", "--config", &config(), "--name", "monday", "--format", "json"]);
    let (_, message, help) = error(&output);
    assert_eq!(status(&output), 1);
    assert!(message.starts_with("there is an execution monday already"), "{message}");
    assert!(help.contains(&format!("`mlp follow {EXECUTION}`")), "{help}");
}

#[test]
fn a_missing_permission_is_named() {
    let aws = Aws::start().with("StartExecution", [refused("AccessDeniedException")]);
    let output = mlp(&aws, &["show-changes", "--config", &config(), "--format", "json"]);
    let (name, _, help) = error(&output);
    assert_eq!((status(&output), name.as_str()), (3, "MLProvisioner.AccessDenied"));
    assert_eq!(help, format!("the permission `states:StartExecution` on state machine {MACHINE} is needed"));
}

#[test]
fn no_suite_there_is_told_with_what_to_check() {
    let aws = Aws::start().with("StartExecution", [refused("StateMachineDoesNotExist")]);
    let output = mlp(&aws, &["show-changes", "--config", &config(), "--format", "json"]);
    assert_eq!((status(&output), error(&output).1), (2, format!("there is no state machine {MACHINE}")));
}

#[test]
fn without_credentials_it_is_said_how_to_sign_in() {
    let approval = ["approve", EXECUTION, "--yes", "--format", "json"];
    for arguments in [&["follow", EXECUTION, "--format", "json"][..], &approval] {
        let mut command = command("http://127.0.0.1:9", arguments);
        let output =
            command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY").output().unwrap();
        let (name, message, help) = error(&output);
        assert_eq!((status(&output), name.as_str()), (3, "MLProvisioner.AccessDenied"), "{message}");
        assert_eq!(message, "there are no credentials for AWS");
        assert!(help.starts_with("sign in (`aws sso login`)"), "{help}");
        assert_eq!(stderr(&output), "");
    }
}

#[test]
fn without_a_region_it_is_said_where_one_is_given() {
    let output = command("http://127.0.0.1:9", &["follow", "monday", "--format", "json"])
        .env_remove("AWS_REGION")
        .output()
        .unwrap();
    assert_eq!(
        (status(&output), error(&output).1.as_str()),
        (2, "it is not said in which region the suite is")
    );
}

#[test]
fn a_service_that_can_not_be_reached_is_status_3() {
    // Nobody listens on the port of a listener that is gone.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let arguments = ["show-changes", "--config", &config(), "--state-machine", MACHINE, "--format", "json"];
    let output = command(&format!("http://{closed}"), &arguments).output().unwrap();
    let (name, message, help) = error(&output);
    assert_eq!((status(&output), name.as_str()), (3, "MLProvisioner.Unavailable"), "{message}");
    assert!(help.contains("it may have been started all the same"), "{help}");
}

fn asking() -> Aws {
    let asked = json!({
        "task_token": "secret-token", "nonce": "secret-nonce", "execution": EXECUTION, "ml_name": ML_NAME,
        "account_id": "123456789012", "region": "us-west-2", "requested_by": "arn:aws:iam::123456789012:user/ben",
        "changes": {
            "added": 1, "changed": 0, "replaced": 2, "deleted": 1, "report": "s3://b/r.html",
            "deletions": [{"logical_id": "ModelBuildRepository", "type": "AWS::CodeCommit::Repository", "certain": true}],
            "risks": [{"logical_id": "ModelBuildRepository", "type": "AWS::CodeCommit::Repository", "impact": "lost",
                         "certain": true, "description": "is deleted", "lost": "the whole history", "remediation": "copy it first"}],
        },
    });
    Aws::start()
        .with("/mlp-123456789012-us-west-2/pending/approvals/monday.json", [object(&asked.to_string())])
}

#[test]
fn an_approval_shows_the_changes_and_says_who_gave_it() {
    let aws = asking();
    let output = mlp(&aws, &["approve", EXECUTION, "--yes", "--format", "json"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("Changes    1 added, 0 changed, 2 REPLACED, 1 deleted\n"),
        "{}",
        stderr(&output)
    );
    for told in [
        "Account    123456789012, us-west-2\n",
        "Asked      arn:aws:iam::123456789012:user/ben (the starter's own statement; nothing confirms it)\n",
        "Deleted\n  ModelBuildRepository (AWS::CodeCommit::Repository)\n",
        "data is lost: ModelBuildRepository",
    ] {
        assert!(stderr(&output).contains(told), "{told}: {}", stderr(&output));
    }
    let result = json(&output);
    assert_eq!(
        (&result["outcome"], &result["action"], &result["ml_name"]),
        (&json!("answered"), &json!("approve"), &json!(ML_NAME))
    );
    let sent = aws.last("SendTaskSuccess");
    let answer: Json = serde_json::from_str(sent["output"].as_str().unwrap()).unwrap();
    let wanted =
        json!({"approved": true, "by": "arn:aws:iam::123456789012:user/anna", "nonce": "secret-nonce"});
    assert_eq!(answer, wanted);
    assert_eq!(sent["taskToken"], "secret-token");
    assert!(!stdout(&output).contains("secret-token") && !stderr(&output).contains("secret-token"));
}

#[test]
fn nobody_approves_without_being_asked() {
    let aws = asking();
    let output = mlp(&aws, &["approve", EXECUTION]);
    assert_eq!(status(&output), 2);
    assert!(!aws.operations().contains(&"SendTaskSuccess".to_owned()));
}

#[test]
fn a_rejection_says_why() {
    let aws = asking();
    let output = mlp(&aws, &["reject", "monday", "--reason", "not on Friday"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let wanted =
        json!({"taskToken": "secret-token", "error": "MLProvisioner.Rejected", "cause": "not on Friday"});
    assert_eq!(aws.last("SendTaskFailure"), wanted);
}

#[test]
fn a_reason_that_is_too_long_is_not_printed_back() {
    let aws = asking();
    let output = mlp(&aws, &["reject", "monday", "--reason", &"secret ".repeat(5_000), "--format", "json"]);
    assert_eq!(status(&output), 2, "{}", stderr(&output));
    assert_eq!(error(&output).1, "`--reason` has 34999 characters; at most 1000 are allowed");
    assert!(!stderr(&output).contains("secret"), "{}", stderr(&output));
    assert!(!aws.operations().contains(&"SendTaskFailure".to_owned()));
}

#[test]
fn an_answer_that_comes_too_late_is_told_plainly() {
    let aws = asking()
        .with("SendTaskSuccess", [refused("TaskTimedOut")])
        .with("DescribeExecution", [failed("MLProvisioner.ApprovalTimedOut", &json!({}))]);
    let output = mlp(&aws, &["approve", EXECUTION, "--yes", "--format", "json"]);
    let (name, message, _) = error(&output);
    assert_eq!((status(&output), name.as_str()), (1, "MLProvisioner.ApprovalTimedOut"));
    assert!(message.starts_with("the answer comes too late") && message.contains("has failed"), "{message}");
}

#[test]
fn an_execution_that_asks_nothing_can_not_be_approved() {
    let aws = Aws::start().with("DescribeExecution", [described("RUNNING", &json!({}))]);
    let output = mlp(&aws, &["approve", EXECUTION, "--yes", "--bucket", "another", "--format", "json"]);
    assert_eq!(
        (status(&output), error(&output).1.as_str()),
        (1, "the execution runs, and doesn't wait for an approval now")
    );
    assert!(aws.operations().contains(&"/another/pending/approvals/monday.json".to_owned()));
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_the_execution_running_and_says_how_to_get_back() {
    use std::io::{BufRead as _, BufReader, Read as _};

    let aws = Aws::start().with("DescribeExecution", [described("RUNNING", &json!({}))]);
    let arguments = ["deploy-product", "--config", &config(), "--force", "--name", "monday"];
    let mut child =
        command(&aws.endpoint, &arguments).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut text = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("Starting") {
        line.clear();
        assert!(text.read_line(&mut line).unwrap() > 0, "it ended by itself");
    }
    let id = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGINT).unwrap();
    let mut rest = String::new();
    text.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
    assert_eq!(rest, format!("\nThe execution goes on. Follow it with `mlp follow {EXECUTION}`.\n"));
    assert!(!aws.operations().contains(&"StopExecution".to_owned()));

    let aws = Aws::start().with("DescribeExecution", [succeeded(&created())]);
    assert_eq!(status(&mlp(&aws, &["follow", EXECUTION])), 0);
}

#[test]
fn local_commands_ask_nobody() {
    let aws = Aws::start();
    assert_eq!(status(&mlp(&aws, &["validate-config", "--config", &config()])), 0);
    assert!(aws.asked().is_empty());
}
