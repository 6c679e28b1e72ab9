//! Characters that nobody sees, that steer a terminal or that turn text around, through everything that `mlp` prints.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[expect(dead_code, reason = "each test file uses a part of it")]
mod stub;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use mlp_template::printable::is_hidden;
use serde_json::json;

use stub::{Aws, EXECUTION, described, failed, object, refused, s3_error, succeeded};

/// A clear-screen sequence, a bell, C1's CSI, an override to right-to-left, an isolate, a zero-width space, a soft hyphen
/// and a tag character.
const ODD: &str = "a\u{1b}[2J\u{7}\u{9b}\u{202e}b\u{2066}\u{200b}\u{ad}\u{e0041}z";

/// The same, as far as YAML takes it.
const IN_YAML: &str = "a\u{202e}b\u{2066}\u{200b}\u{ad}\u{e0041}z";

/// The same, as far as an argument of a program and a file's name take it.
const NAME: &str = "a\u{1b}[2J\u{7}\u{202e}b\u{200b}z";

fn mlp(folder: &Path, aws: &Aws, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mlp"))
        .current_dir(folder)
        .env_clear()
        .env("AWS_ENDPOINT_URL", &aws.endpoint)
        .env("AWS_REGION", "us-west-2")
        .envs([("AWS_ACCESS_KEY_ID", "example"), ("AWS_SECRET_ACCESS_KEY", "example")])
        .envs([("AWS_CONFIG_FILE", "/nonexistent"), ("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")])
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// What is printed, as text and as JSON; ends the test at a hidden character.
fn printed(folder: &Path, aws: &Aws, arguments: &[&str]) -> String {
    let mut all = String::new();
    for format in ["text", "json"] {
        let output = mlp(folder, aws, &[arguments, &["--format", format]].concat());
        for bytes in [output.stdout, output.stderr] {
            let text = String::from_utf8(bytes).unwrap();
            let hidden = text.chars().find(|c| is_hidden(*c) || *c == '\t');
            assert_eq!(hidden, None, "{arguments:?} --format {format}: {text:?}");
            all.push_str(&text);
        }
    }
    all
}

fn example() -> String {
    let path = "../configs/examples/starter/techcorp-prod-a001-us-west-2-customer-churn-ml-codecommit.yaml";
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn files_and_what_is_found_in_them() {
    let (folder, aws) = (tempfile::tempdir().unwrap(), Aws::start());
    let folder = folder.path();
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    // A key, a value and a tag; the line is shown as an excerpt.
    write("wrong.yaml", &format!("{}\n{IN_YAML}: {IN_YAML}\n", example().replace("prod", IN_YAML)));
    // A byte that YAML forbids.
    write("broken.yaml", &format!("a: {ODD}\n"));
    // Logical ids, types, references, and a name that is no name.
    let template = json!({
        IN_YAML: 1, "Parameters": {"P": {"Type": IN_YAML}},
        "Resources": {
            IN_YAML: {"Type": IN_YAML, IN_YAML: 1, "Properties": {"A": {"Ref": IN_YAML}, "B": {format!("Fn::{IN_YAML}"): 1}}},
            "Good": {"Type": format!("AWS::{IN_YAML}::Type"), "DependsOn": IN_YAML},
        },
    });
    write("template.json", &template.to_string());
    write(
        "good.json",
        &json!({"Resources": {"Good": {"Type": format!("AWS::{IN_YAML}::Type")}}}).to_string(),
    );
    write(NAME, "a: 1\n");
    write("good.yaml", &example());
    let products = format!(
        "Transform: MLProvisioner\nResources:\n  P: {{Type: 'MLProvisioner::MLOps::MLProduct', '{IN_YAML}': 1, Properties: \
         {{Tier: '{IN_YAML}', '{IN_YAML}': 1, CompanyPrefix: !Ref '{IN_YAML}'}}}}\n"
    );
    write("products.yaml", &products);
    fs::create_dir(folder.join("rules")).unwrap();
    write(&format!("rules/{NAME}.guard"), &format!("rule {IN_YAML} {{"));
    let mut all = String::new();
    for arguments in [
        &["validate-config", "--config", "wrong.yaml"][..],
        &["validate-config", "--config", "broken.yaml"],
        &["validate-config", "--config", NAME],
        &["validate-config", "--config", &format!("{NAME}-missing")],
        &["generate", "--config", "wrong.yaml"],
        &["generate", "--config", "good.yaml", "--out", NAME],
        &["generate", "--config", "good.yaml", "--out", &format!("good.yaml/{NAME}")],
        &["show-product", "--config", "wrong.yaml"],
        &["validate-prov-template", "template.json"],
        &["validate-prov-template", "good.json"],
        &["validate-prov-template", "--config", "good.yaml", "--rules", "rules"],
        &["validate-prov-template", "--config", "good.yaml", "--rules", &format!("{NAME}-missing")],
        &["expand", "products.yaml", "--region", "us-west-2"],
        &[
            "expand",
            "products.yaml",
            "--region",
            NAME,
            "--account-id",
            NAME,
            "--parameter",
            &format!("{NAME}=1"),
        ],
        &["init", "--tier", NAME, "--company-name", NAME, "--out", NAME],
    ] {
        all += &printed(folder, &aws, arguments);
    }
    // It is shown, not dropped.
    assert!(all.contains("[U+202E]") && all.contains("[U+001B]") && all.contains("\\u202e"), "{all}");
}

#[test]
fn wrong_usage_that_is_quoted() {
    let (folder, aws) = (tempfile::tempdir().unwrap(), Aws::start());
    for arguments in [
        &[NAME][..],
        &["validate-config", NAME],
        &["show-product", NAME],
        &["validate-config", &format!("--{NAME}")],
        &["follow", NAME],
        &["approve", NAME],
        &["deploy-product", "--config", "x", "--approval", "--approval-timeout", NAME],
    ] {
        let said = printed(folder.path(), &aws, arguments);
        assert!(said.contains("[U+"), "{said}");
    }
    // What is too long is not quoted.
    let said = printed(folder.path(), &aws, &["reject", "monday", "--reason", &NAME.repeat(4_000)]);
    assert!(said.len() < 2_000, "{said}");
}

#[test]
fn what_aws_and_others_say() {
    let (folder, odd) = (tempfile::tempdir().unwrap(), ODD);
    let folder = folder.path();
    fs::write(folder.join("good.yaml"), example()).unwrap();
    let finding = json!({"code": odd, "severity": "error", "path": format!("/{odd}"), "message": odd, "why": odd, "help": odd});
    let result = json!({
        "schema_version": 1, "action": odd, "ok": false, "outcome": odd, "execution": odd, "ml_name": odd,
        "stack_name": odd, "stack_status": odd, "tier": odd, "scenario": odd, "result_at": odd,
        "outputs": {odd: odd}, "changes": {"added": 1, "report": odd, "data": odd}, "drift": {"report": odd, "totals": {"stacks": 1}},
        "retained": [{"logical_id": odd, "type": odd, "physical_id": odd, "reason": odd}],
        "error": {"name": odd, "message": odd, "help": odd, "causes": [{"logical_id": odd, "type": odd, "reason": odd}]},
        "findings": [finding], "findings_left_out": 3, "findings_at": odd, "result": {"links": {odd: odd}, "findings": [finding]},
    });
    // How far it is: the state's name, and what a task said.
    let work = json!({"stack": {"status": odd, "done": 1, "total": 2}});
    let history = json!({"events": [
        {"timestamp": 1.0, "type": "TaskSucceeded", "id": 9, "previousEventId": 8, "taskSucceededEventDetails":
            {"resourceType": "lambda", "resource": "invoke", "output": json!({"Payload": work}).to_string()}},
        {"timestamp": 1.0, "type": "TaskStateEntered", "id": 8, "previousEventId": 7, "stateEnteredEventDetails":
            {"name": odd, "input": "{}"}},
    ]});
    let approval = json!({
        "task_token": "t", "execution": EXECUTION, "ml_name": odd, "expires": odd,
        "changes": {"added": 1, "report": odd},
    });
    let aws = Aws::start()
        .with("DescribeExecution", [described("RUNNING", &json!({})), failed(odd, &result)])
        .with("GetExecutionHistory", [stub::ok(&history)])
        .with("/mlp-123456789012-us-west-2/pending/approvals/monday.json", [object(&approval.to_string())]);
    let mut all = printed(folder, &aws, &["follow", EXECUTION]);
    all += &printed(folder, &aws, &["approve", EXECUTION]);
    all += &printed(folder, &aws, &["approve", EXECUTION, "--yes"]);
    all += &printed(folder, &aws, &["reject", EXECUTION, "--reason", NAME]);
    all += &printed(folder, &aws, &["show-changes", "--config", "good.yaml", "--name", "monday"]);
    assert!(all.contains("[U+202E]") && all.contains("[U+001B]"), "{all}");

    let aws = Aws::start().with("DescribeExecution", [succeeded(&result)]);
    printed(folder, &aws, &["follow", EXECUTION]);
    // Refusals, with AWS's own words.
    for code in ["AccessDeniedException", "ExecutionDoesNotExist", "ValidationException"] {
        let aws = Aws::start()
            .with("DescribeExecution", [refused(&format!("{code}{odd}"))])
            .with("StartExecution", [refused(code)])
            .with(
                "/mlp-123456789012-us-west-2/pending/approvals/monday.json",
                [s3_error(403, &format!("AccessDenied{IN_YAML}"))],
            );
        for arguments in [
            &["follow", EXECUTION][..],
            &["approve", EXECUTION],
            &["show-changes", "--config", "good.yaml"],
            &["show-changes", "--s3-config", &format!("s3://suite/configs/{IN_YAML}.yaml")],
            &["follow", "monday", "--profile", NAME],
        ] {
            printed(folder, &aws, arguments);
        }
    }
}
