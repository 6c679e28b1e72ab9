//! `mlp` as a user runs it.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value as Json;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn mlp(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mlp"))
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
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

/// Standard output as the one JSON object that it must be, valid by the published schema.
fn json(output: &Output) -> Json {
    let json: Json = serde_json::from_slice(&output.stdout).unwrap();
    let schema = fs::read_to_string(root().join("schemas/outcome.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let errors: Vec<String> = validator.iter_errors(&json).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{json:#}");
    json
}

fn temporary() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn examples() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = ["starter", "professional", "enterprise"]
        .iter()
        .flat_map(|tier| fs::read_dir(root().join("configs/examples").join(tier)).unwrap())
        .map(|entry| fs::canonicalize(entry.unwrap().path()).unwrap())
        .collect();
    files.sort();
    files
}

#[test]
fn every_example_is_generated_and_its_template_validates() {
    let folder = temporary();
    let examples = examples();
    assert_eq!(examples.len(), 20);
    for example in examples {
        let name = example.to_str().unwrap();
        let output = mlp(folder.path(), &["create-prov-template", "--config", name, "--format", "json"]);
        assert_eq!(status(&output), 0, "{}", stderr(&output));
        let made = json(&output);
        let (ml_name, scenario) = (made["ml_name"].as_str().unwrap(), made["scenario"].as_str().unwrap());
        let path = format!("out/templates/{ml_name}-{scenario}.yaml");
        assert_eq!(made["outputs"], serde_json::json!([path]));
        assert!(folder.path().join(&path).is_file());
        assert_eq!(made["source"]["key"], name);

        let output = mlp(folder.path(), &["validate-prov-template", "--template", &path, "--format", "json"]);
        assert_eq!(status(&output), 0, "{}", stdout(&output));
        assert_eq!(json(&output)["resource_counts"], made["resource_counts"]);
        let output = mlp(folder.path(), &["validate-prov-template", "--config", name]);
        assert_eq!(status(&output), 0, "{}", stderr(&output));
    }
}

#[test]
fn a_config_is_an_argument_or_a_flag_and_a_config_in_a_template_s_place_is_recognized() {
    let folder = temporary();
    let example = examples().remove(0);
    let name = example.to_str().unwrap();
    assert_eq!(status(&mlp(folder.path(), &["validate-config", name])), 0);
    assert_eq!(status(&mlp(folder.path(), &["generate", name])), 0);
    assert_eq!(status(&mlp(folder.path(), &["validate-config", name, "--config", name])), 2);
    let output = mlp(folder.path(), &["validate-prov-template", name]);
    assert_eq!(status(&output), 1);
    assert!(
        stderr(&output).contains("`mlp validate-config --config FILE` checks one"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn writing_twice_gives_the_same_bytes() {
    let folder = temporary();
    let example = examples().remove(0);
    let write = || {
        let output = mlp(
            folder.path(),
            &[
                "create-prov-template",
                "--config",
                example.to_str().unwrap(),
                "--out",
                "a/b",
                "--format",
                "json",
            ],
        );
        let path = folder.path().join(json(&output)["outputs"][0].as_str().unwrap());
        (fs::read(&path).unwrap(), fs::read_dir(path.parent().unwrap()).unwrap().count())
    };
    let first = write();
    assert_eq!(first, write());
    assert_eq!(first.1, 1, "nothing temporary is left");
}

#[test]
fn ten_mistakes_are_ten_findings_in_text_and_json() {
    let folder = temporary();
    let config = root().join("tests/golden/configs/ten-mistakes.yaml");
    let config = config.to_str().unwrap();
    let output = mlp(folder.path(), &["create-prov-template", "--config", config, "--format", "json"]);
    assert_eq!(status(&output), 1);
    let made = json(&output);
    assert_eq!((made["ok"].as_bool(), made["findings"].as_array().unwrap().len()), (Some(false), 10));
    assert_eq!(made["outputs"], serde_json::json!([]));
    assert!(!folder.path().join("out").exists());

    let output = mlp(folder.path(), &["validate-config", "--config", config]);
    assert_eq!((status(&output), stdout(&output).as_str()), (1, ""));
    let text = stderr(&output);
    assert!(text.ends_with("10 errors\n") && text.matches("^\n").count() == 10, "{text}");
    assert!(text.contains("ten-mistakes.yaml:6:3 (/client/tenant)\n6 |   tenant: c001\n  |   ^\nhelp: did you mean `tenant_id`?"), "{text}");
    assert!(!text.contains('\u{1b}'), "no colour without a terminal");
}

#[test]
fn colour_can_be_asked_for() {
    let config = root().join("tests/golden/configs/ten-mistakes.yaml");
    let output =
        mlp(&root(), &["validate-config", "--config", config.to_str().unwrap(), "--color", "always"]);
    assert!(stderr(&output).contains("\u{1b}[1;31m"));
}

#[test]
fn input_that_can_not_be_read_is_status_2_and_still_one_object() {
    let folder = temporary();
    for (path, code) in
        [("missing.yaml", "MLP-IO-001"), (".", "MLP-IO-002"), ("missing/config.yaml", "MLP-IO-001")]
    {
        for action in ["validate-config", "create-prov-template", "validate-prov-template", "show-product"] {
            let output = mlp(folder.path(), &[action, "--config", path, "--format", "json"]);
            assert_eq!(status(&output), 2, "{action} {path}");
            let made = json(&output);
            assert_eq!(
                (made["action"].as_str(), made["findings"][0]["code"].as_str()),
                (Some(action), Some(code))
            );
        }
        let output = mlp(folder.path(), &["validate-config", "--config", path]);
        assert!(stderr(&output).contains(code), "{}", stderr(&output));
    }
}

#[test]
fn bad_bytes_get_a_clear_answer() {
    let folder = temporary();
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("large", b"a: b\n".repeat(1_000_000), "MLP-YAML-003"),
        ("bomb", bomb().into_bytes(), "MLP-YAML-005"),
        ("deep", "[".repeat(100_000).into_bytes(), "MLP-YAML-004"),
        ("zeros", b"client:\n  a: \0\n".to_vec(), "MLP-YAML-012"),
        ("latin", b"client:\n  company_name: M\xfcller\n".to_vec(), "MLP-YAML-001"),
        ("empty", Vec::new(), "MLP-YAML-007"),
        ("two", b"a: 1\n---\nb: 2\n".to_vec(), "MLP-YAML-006"),
    ];
    for (name, bytes, code) in cases {
        fs::write(folder.path().join(name), bytes).unwrap();
        let output = mlp(folder.path(), &["validate-config", "--config", name, "--format", "json"]);
        assert_eq!(status(&output), 1, "{name}");
        assert_eq!(json(&output)["findings"][0]["code"], code, "{name}");
    }
}

/// Ten aliases of ten aliases of ten aliases.
fn bomb() -> String {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(text, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    text
}

#[test]
fn a_windows_file_is_read_with_the_same_places() {
    let folder = temporary();
    let text = fs::read_to_string(root().join("tests/golden/configs/ten-mistakes.yaml")).unwrap();
    let findings = |bytes: &[u8]| {
        fs::write(folder.path().join("c.yaml"), bytes).unwrap();
        json(&mlp(folder.path(), &["validate-config", "--config", "c.yaml", "--format", "json"]))["findings"]
            .clone()
    };
    let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
    assert_eq!(findings(windows.as_bytes()), findings(text.as_bytes()));
}

#[test]
fn standard_input_is_read_for_a_dash() {
    let example = fs::read(&examples()[0]).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_mlp"))
        .args(["validate-config", "--config", "-", "--format", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&example).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((status(&output), json(&output)["source"]["key"].as_str()), (0, Some("<stdin>")));
}

#[test]
fn products_are_listed_and_shown() {
    let folder = temporary();
    let listed = json(&mlp(folder.path(), &["list-products", "--format", "json"]));
    let tiers: Vec<&str> =
        listed["products"].as_array().unwrap().iter().map(|it| it["tier"].as_str().unwrap()).collect();
    assert_eq!(tiers, ["starter", "professional", "enterprise"]);
    for tier in tiers {
        let shown = json(&mlp(folder.path(), &["show-product", tier, "--format", "json"]));
        assert_eq!(shown, json(&mlp(folder.path(), &["show-product", "--tier", tier, "--format", "json"])));
        let text = stdout(&mlp(folder.path(), &["show-product", tier]));
        for resource in shown["products"][0]["resources"].as_array().unwrap() {
            assert!(text.contains(resource["logical_id"].as_str().unwrap()));
        }
    }
    let example = examples().remove(0);
    let own = json(&mlp(
        folder.path(),
        &["show-product", "--config", example.to_str().unwrap(), "--format", "json"],
    ));
    let resources = own["products"][0]["resources"].as_array().unwrap();
    assert_eq!(resources.len() as u64, own["resource_counts"]["total"].as_u64().unwrap());
    assert!(resources.iter().all(|resource| !resource["name"].as_str().unwrap_or_default().contains('{')));
}

#[test]
fn init_writes_a_config_that_validates_for_every_tier_source_and_vpc_mode() {
    let identity = [
        "--company-name",
        "Müller: & \"Co\"",
        "--company-prefix",
        "mueller",
        "--account-id",
        "012345678901",
        "--tenant-id",
        "a001",
        "--env",
        "prod",
        "--region",
        "eu-central-1",
        "--use-case",
        "churn",
        "--cost-center",
        "0042",
        "--project",
        "yes",
        "--owner",
        "x@y.example",
    ];
    let direct = [
        "--vpc-source",
        "direct",
        "--vpc-id",
        "vpc-0a1b2c3d",
        "--subnet-ids",
        "subnet-0a1b2c3d,subnet-1a1b2c3d",
    ];
    let ssm = [
        "--vpc-source",
        "parameter-store",
        "--vpc-parameter-store-path",
        "/vpc/VPCId",
        "--subnet-parameter-store-path",
        "/vpc/SubnetIds",
    ];
    let mut vpcs: Vec<Vec<&str>> = Vec::new();
    for (mode, own, other) in [
        ("standalone", [].as_slice(), [].as_slice()),
        (
            "sg-provisioner",
            ["--security-group-id", "sg-0a1b2c3d"].as_slice(),
            ["--sg-parameter-store-path", "/sg/Id"].as_slice(),
        ),
    ] {
        vpcs.push([&["--vpc-mode", mode], direct.as_slice(), own].concat());
        vpcs.push([&["--vpc-mode", mode], ssm.as_slice(), other].concat());
    }
    let mut written = 0;
    for tier in ["starter", "professional", "enterprise"] {
        for source in [
            ["--source-control", "codecommit"].as_slice(),
            &["--source-control", "s3", "--s3-prefix", "bucket-x/p"],
        ] {
            let none = vec![vec![]];
            let with_vpc: Vec<Vec<&str>> = vpcs
                .iter()
                .map(|vpc| [vpc.as_slice(), &["--alerts-email", "a@b.example"]].concat())
                .collect();
            for vpc in if tier == "enterprise" { &with_vpc } else { &none } {
                let folder = temporary();
                let arguments =
                    [&["init", "--format", "json", "--tier", tier], source, vpc.as_slice(), &identity]
                        .concat();
                let output = mlp(folder.path(), &arguments);
                assert_eq!(status(&output), 0, "{}{}", stderr(&output), stdout(&output));
                let made = json(&output);
                let path = made["outputs"][0].as_str().unwrap();
                assert_eq!(
                    path,
                    format!(
                        "mueller-prod-a001-eu-central-1-churn-ml-{}.yaml",
                        made["scenario"].as_str().unwrap()
                    )
                );
                assert!(stderr(&output).is_empty(), "no next steps beside JSON: {}", stderr(&output));
                let codes: Vec<&str> = made["findings"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|it| it["code"].as_str().unwrap())
                    .collect();
                assert!(codes.is_empty(), "{codes:?}");
                let output = mlp(folder.path(), &["validate-config", "--config", path]);
                assert_eq!(status(&output), 0, "{}", stderr(&output));
                let again = mlp(folder.path(), &arguments);
                assert!(status(&again) == 2 && stderr(&again).contains("--force"), "{}", stderr(&again));
                assert_eq!(status(&mlp(folder.path(), &[arguments.as_slice(), &["--force"]].concat())), 0);
                written += 1;
            }
        }
    }
    assert_eq!(written, 12);
}

#[test]
fn init_without_a_terminal_names_every_flag_that_is_missing() {
    let folder = temporary();
    let output = mlp(folder.path(), &["init", "--tier", "enterprise", "--vpc-source", "direct"]);
    assert_eq!(status(&output), 2);
    for flag in [
        "--source-control",
        "--account-id",
        "--alerts-email",
        "--vpc-mode",
        "--vpc-id",
        "--subnet-ids",
        "--cost-center",
        "--owner",
    ] {
        assert!(stderr(&output).contains(flag), "{flag}: {}", stderr(&output));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn wrong_usage_is_status_2() {
    let folder = temporary();
    for arguments in [
        &["no-such-action"][..],
        &["validate-config"],
        &["validate-prov-template"],
        &["show-product"],
        &["show-product", "huge"],
        &["list-products", "--format", "xml"],
    ] {
        assert_eq!(status(&mlp(folder.path(), arguments)), 2, "{arguments:?}");
    }
    let example = examples().remove(0);
    fs::write(folder.path().join("file"), "").unwrap();
    let output =
        mlp(folder.path(), &["create-prov-template", "--config", example.to_str().unwrap(), "--out", "file"]);
    assert_eq!(status(&output), 2);
    assert!(stderr(&output).contains("file/templates"), "{}", stderr(&output));
}

#[test]
fn every_shell_gets_completions() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = mlp(&root(), &["completions", shell]);
        assert!(status(&output) == 0 && stdout(&output).contains("create-prov-template"), "{shell}");
    }
}

#[test]
fn init_refuses_vpc_flags_in_tiers_without_a_vpc() {
    let folder = temporary();
    let arguments = [
        "init",
        "--tier",
        "starter",
        "--source-control",
        "codecommit",
        "--company-name",
        "T",
        "--company-prefix",
        "tt",
        "--account-id",
        "123456789012",
        "--tenant-id",
        "a001",
        "--env",
        "prod",
        "--region",
        "us-west-2",
        "--use-case",
        "churn",
        "--cost-center",
        "0042",
        "--project",
        "shop",
        "--owner",
        "ml-team",
    ];
    for flag in [["--vpc-mode", "standalone"], ["--vpc-id", "vpc-0a1b2c3d"]] {
        let output = mlp(folder.path(), &[arguments.as_slice(), &flag].concat());
        assert_eq!(status(&output), 1, "{flag:?}");
        assert!(stderr(&output).contains("MLP-CFG-010"), "{}", stderr(&output));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!(status(&mlp(folder.path(), &arguments)), 0);
}

#[test]
fn a_template_is_read_from_standard_input() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mlp"))
        .args(["validate-prov-template", "--template", "-", "--format", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"Resources: {Topic: {Type: AWS::SNS::Topic}}\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((status(&output), json(&output)["resource_counts"]["total"].as_u64()), (0, Some(1)));
}

#[cfg(target_os = "linux")]
mod on_linux {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn an_endless_device_is_read_to_the_limit_only() {
        for arguments in [
            ["validate-config", "--config", "/dev/zero"],
            ["create-prov-template", "--config", "/dev/zero"],
            ["validate-prov-template", "--template", "/dev/zero"],
        ] {
            let output = mlp(&root(), &[arguments.as_slice(), &["--format", "json"]].concat());
            let made = json(&output);
            assert_eq!((status(&output), made["findings"][0]["code"].as_str()), (1, Some("MLP-YAML-003")));
            assert_eq!(made["source"].get("sha256"), None, "it was not read to its end");
        }
    }

    #[test]
    fn a_result_that_can_not_be_printed_is_no_success() {
        let example = examples().remove(0);
        let example = example.to_str().unwrap();
        for arguments in [
            &["validate-config", "--config", example][..],
            &["validate-config", "--config", example, "--format", "json"],
            &["list-products"],
            &["completions", "bash"],
        ] {
            let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
            let output =
                Command::new(env!("CARGO_BIN_EXE_mlp")).args(arguments).stdout(full).output().unwrap();
            assert_eq!(status(&output), 2, "{arguments:?}");
            assert!(stderr(&output).contains("standard output can't be written"), "{}", stderr(&output));
        }
    }

    #[test]
    fn a_reader_that_goes_away_is_no_error() {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = Command::new(env!("CARGO_BIN_EXE_mlp"))
            .args(["show-product", "enterprise"])
            .stdout(writer)
            .output()
            .unwrap();
        assert_eq!((status(&output), stderr(&output).as_str()), (0, ""));
    }

    #[test]
    fn the_umask_says_who_may_read_what_is_written() {
        let example = examples().remove(0);
        for (umask, mode) in [("077", 0o600), ("022", 0o644)] {
            let folder = temporary();
            let output = Command::new("sh")
                .current_dir(folder.path())
                .args([
                    "-c",
                    &format!("umask {umask}; exec \"$0\" create-prov-template --config \"$1\" --format json"),
                ])
                .arg(env!("CARGO_BIN_EXE_mlp"))
                .arg(&example)
                .output()
                .unwrap();
            let path = folder.path().join(json(&output)["outputs"][0].as_str().unwrap());
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, mode, "umask {umask}");
        }
    }
}

fn case(name: &str) -> String {
    root().join("tests/golden/expand").join(name).display().to_string()
}

#[test]
fn expand_prints_the_template_that_cloudformation_would_work_on() {
    let folder = temporary();
    let input = format!("{}/input.yaml", case("two-products-and-a-bucket"));
    let expected =
        fs::read_to_string(format!("{}/expected.yaml", case("two-products-and-a-bucket"))).unwrap();
    let output = mlp(folder.path(), &["expand", &input, "--region", "us-west-2"]);
    assert_eq!((status(&output), stdout(&output), stderr(&output)), (0, expected, String::new()));
}

#[test]
fn expand_writes_json_into_a_file_and_the_result_object_to_standard_output() {
    let folder = temporary();
    let input = format!("{}/input.yaml", case("two-products-and-a-bucket"));
    let arguments =
        ["expand", &input, "--region", "us-west-2", "--out", "out/expanded.json", "--format", "json"];
    let output = mlp(folder.path(), &arguments);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let result = json(&output);
    assert_eq!(result["action"], "expand");
    assert_eq!(result["outputs"], serde_json::json!(["out/expanded.json"]));
    let template: Json =
        serde_json::from_slice(&fs::read(folder.path().join("out/expanded.json")).unwrap()).unwrap();
    assert_eq!(template["Resources"].as_object().unwrap().len(), 53);
    assert_eq!(result["resource_counts"]["total"], 53);
}

#[test]
fn expand_takes_values_of_parameters_and_of_parameter_store() {
    let folder = temporary();
    let input = format!("{}/input.yaml", case("parameter-store-is-looked-up"));
    let without = mlp(
        folder.path(),
        &[
            "expand",
            &input,
            "--region",
            "us-west-2",
            "--parameter",
            "Lb=arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/a/1",
        ],
    );
    assert_eq!(status(&without), 1);
    assert!(stderr(&without).contains("`--ssm /vpc/main/VPCId=VALUE`"), "{}", stderr(&without));
    assert_eq!(stdout(&without), "");
    let values = [
        "/vpc/main/VPCId=vpc-0a1b2c3d",
        "/vpc/main/PrivateSubnetIds=subnet-0a1b2c3d",
        "/sg/ml/Id=sg-0a1b2c3d",
        "/vpc/main/Rt=rtb-0a1b2c3d",
        "/s3/lake=my-lake",
    ];
    let mut arguments = vec![
        "expand",
        &input,
        "--region",
        "us-west-2",
        "--parameter",
        "Lb=arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/a/1",
    ];
    for value in &values {
        arguments.extend(["--ssm", value]);
    }
    let with = mlp(folder.path(), &arguments);
    assert_eq!(status(&with), 0, "{}", stderr(&with));
    assert!(stdout(&with).contains("VpcId: vpc-0a1b2c3d"));
}

#[test]
fn expand_shows_mistakes_with_their_lines_and_writes_nothing() {
    let folder = temporary();
    let input = format!("{}/input.yaml", case("references-to-what-the-tier-lacks"));
    let output = mlp(folder.path(), &["expand", &input, "--out", "expanded.yaml"]);
    assert_eq!(status(&output), 1);
    assert!(
        stderr(&output).contains("`Churn` has no `KmsKeyArn` in tier `starter`; tier `enterprise` has it")
    );
    assert!(stderr(&output).contains("input.yaml:3"), "{}", stderr(&output));
    assert!(!folder.path().join("expanded.yaml").exists());
}

#[test]
fn expand_of_nothing_and_of_wrong_flags_is_wrong_usage() {
    let folder = temporary();
    assert_eq!(status(&mlp(folder.path(), &["expand", "nothing.yaml"])), 2);
    assert_eq!(status(&mlp(folder.path(), &["expand", "x.yaml", "--parameter", "NoValue"])), 2);
}

#[test]
fn the_suites_own_template_passes_the_checks_that_products_must_pass() {
    let output = mlp(&root(), &["validate-prov-template", "infra/template.yaml", "--format", "json"]);
    let answer = json(&output);
    let errors: Vec<&Json> = answer["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["severity"] == "error")
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    assert_eq!(status(&output), 0);
}

#[test]
fn the_rule_of_the_documentation_warns_of_alerts_to_foreign_addresses() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/checks.md")).unwrap();
    let rule = page.split("```text\n").find(|block| block.starts_with("rule warn_foreign_alerts")).unwrap();
    let rule = rule.split("```").next().unwrap();
    let folder = temporary();
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join(
        "../configs/examples/enterprise/globalbank-prod-c001-us-west-2-demand-forecasting-ml-codecommit-standalone-direct.yaml",
    );
    let config = fs::read_to_string(config).unwrap();
    assert!(config.contains("alerts_email: ml-alerts@globalbank.example"));
    fs::write(folder.path().join("config.yaml"), &config).unwrap();
    fs::create_dir(folder.path().join("rules")).unwrap();
    let warnings = |domain: &str| {
        fs::write(folder.path().join("rules/alerts.guard"), rule.replace("example\\.com", domain)).unwrap();
        let arguments =
            ["validate-prov-template", "--config", "config.yaml", "--rules", "rules", "--format", "json"];
        let output = mlp(folder.path(), &arguments);
        assert_eq!(status(&output), 0, "a warning blocks nothing: {}", stdout(&output));
        let found = json(&output)["findings"].as_array().unwrap().clone();
        found.into_iter().filter(|it| it["code"].as_str().unwrap().starts_with("MLP-RUL")).collect::<Vec<_>>()
    };
    let foreign = warnings("example\\.com");
    assert_eq!(foreign.len(), 1, "{foreign:?}");
    assert_eq!((&foreign[0]["severity"], &foreign[0]["code"]), (&"warning".into(), &"MLP-RUL-001".into()));
    assert!(foreign[0]["message"].as_str().unwrap().contains("outside of example.com"), "{foreign:?}");
    assert_eq!(foreign[0]["path"], "/Resources/SecurityEmail/Properties/Endpoint");
    assert_eq!(warnings("globalbank\\.example"), Vec::<Json>::new());
    // A name that only ends like the domain is foreign.
    assert_eq!(warnings("bank\\.example").len(), 1);
    // What CloudFormation computes later is unknown.
    let template = "Parameters: {Email: {Type: String}}\nResources:\n  S: {Type: AWS::SNS::Subscription, Properties: {Protocol: \
                    email, TopicArn: arn:aws:sns:us-west-2:123456789012:t, Endpoint: !Ref Email}}\n";
    fs::write(folder.path().join("template.yaml"), template).unwrap();
    let output = mlp(
        folder.path(),
        &["validate-prov-template", "template.yaml", "--rules", "rules", "--format", "json"],
    );
    assert!(!stdout(&output).contains("MLP-RUL"), "{}", stdout(&output));
}

/// A rule that no product fulfills.
const NEVER: &str = "rule never { Resources.*.Type == \"AWS::None::Such\" }\n";

#[test]
fn rules_are_read_from_subfolders_and_from_one_file_as_from_the_bucket() {
    let folder = temporary();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    fs::copy(examples().first().unwrap(), folder.path().join("c.yaml")).unwrap();
    write("rules/b.guard", NEVER);
    write("rules/a/deep/er/c.GUARD", NEVER);
    write("rules/README.md", "notes");
    for action in ["create-prov-template", "generate", "create-review-report", "validate-prov-template"] {
        let output =
            mlp(folder.path(), &[action, "--config", "c.yaml", "--rules", "rules", "--format", "json"]);
        let outcome = json(&output);
        assert_eq!(
            outcome["rules"],
            serde_json::json!(["rules/a/deep/er/c.GUARD", "rules/b.guard"]),
            "{action}"
        );
        assert!(stdout(&output).contains("MLP-RUL-001"), "{action}");
    }
    let output =
        mlp(folder.path(), &["create-prov-template", "--config", "c.yaml", "--rules", "rules/b.guard"]);
    assert_eq!(status(&output), 1);
    assert!(stderr(&output).contains("(rule never of rules/b.guard)"), "{}", stderr(&output));
}

#[test]
fn rules_of_which_none_is_read_are_a_finding() {
    let folder = temporary();
    fs::copy(examples().first().unwrap(), folder.path().join("c.yaml")).unwrap();
    fs::create_dir_all(folder.path().join("empty/sub")).unwrap();
    fs::create_dir(folder.path().join("other")).unwrap();
    fs::write(folder.path().join("other/s3.ruleset"), NEVER).unwrap();
    for (path, messages) in [
        ("empty", vec!["no rule was read: there is no `*.guard` file in `empty`"]),
        (
            "other",
            vec![
                "no rule was read: there is no `*.guard` file in `other`",
                "rules/s3.ruleset is not read: the name of a rule file ends with `.guard`",
            ],
        ),
    ] {
        let arguments = ["create-prov-template", "--config", "c.yaml", "--rules", path, "--format", "json"];
        let output = mlp(folder.path(), &arguments);
        assert_eq!(status(&output), 0, "{}", stdout(&output));
        let outcome = json(&output);
        let found: Vec<&str> = outcome["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|finding| finding["code"] == "MLP-RUL-003")
            .map(|finding| finding["message"].as_str().unwrap())
            .collect();
        assert_eq!(found, messages, "{path}");
    }
    let output = mlp(folder.path(), &["generate", "--config", "c.yaml", "--rules", "missing"]);
    assert_eq!(status(&output), 2);
    assert!(stderr(&output).contains("MLP-IO-003"), "{}", stderr(&output));
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_back_to_the_rules_is_refused_and_other_links_are_followed() {
    let folder = temporary();
    fs::copy(examples().first().unwrap(), folder.path().join("c.yaml")).unwrap();
    fs::create_dir(folder.path().join("rules")).unwrap();
    fs::create_dir(folder.path().join("shared")).unwrap();
    fs::write(folder.path().join("shared/s.guard"), NEVER).unwrap();
    std::os::unix::fs::symlink("../shared", folder.path().join("rules/linked")).unwrap();
    let run = || mlp(folder.path(), &["create-prov-template", "--config", "c.yaml", "--rules", "rules"]);
    assert!(stderr(&run()).contains("rules/linked/s.guard"), "{}", stderr(&run()));
    std::os::unix::fs::symlink("..", folder.path().join("rules/back")).unwrap();
    let output = run();
    assert_eq!(status(&output), 2);
    assert!(stderr(&output).contains("leads back to a folder around it"), "{}", stderr(&output));
}

#[test]
fn a_template_of_the_same_product_in_another_scenario_is_a_warning() {
    let folder = temporary();
    let config = fs::read_to_string(
        examples()
            .iter()
            .find(|it| it.ends_with("starter/techcorp-prod-a001-us-west-2-customer-churn-ml-codecommit.yaml"))
            .unwrap(),
    )
    .unwrap();
    fs::write(folder.path().join("a.yaml"), &config).unwrap();
    let s3 =
        config.replace("source_control: codecommit", "source_control: s3\n  s3_prefix: techcorp-sources");
    fs::write(folder.path().join("b.yaml"), s3).unwrap();
    let generate = |config: &str| {
        let output = mlp(folder.path(), &["create-prov-template", "--config", config, "--format", "json"]);
        assert_eq!(status(&output), 0, "{}", stdout(&output));
        stdout(&output).contains("MLP-GEN-003")
    };
    assert!(!generate("a.yaml"));
    assert!(!generate("a.yaml"), "a config doesn't stand in its own way");
    assert!(generate("b.yaml"));
}

#[test]
fn a_folder_to_write_into_is_never_standard_output() {
    let folder = temporary();
    fs::copy(examples().first().unwrap(), folder.path().join("c.yaml")).unwrap();
    for action in ["create-prov-template", "generate", "create-policy", "create-review-report"] {
        let output = mlp(folder.path(), &[action, "--config", "c.yaml", "--out", "-"]);
        assert_eq!(status(&output), 2, "{action}");
        assert!(stderr(&output).contains("name a folder"), "{}", stderr(&output));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
