//! Each check against templates that it passes and templates that it fails.
//!
//! `tests/golden/security/<code>/fail*.yaml` stands beside `fail*.findings`, which has the findings of that code;
//! `UPDATE_GOLDEN=1` writes them anew. `pass*.yaml` gives none of that code. A `.guard` file of the same name is the
//! organisation's rules.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use mlp_product::actions;
use mlp_template::check;
use mlp_template::finding::{Finding, Severity};
use mlp_template::security::{self, RULE_FILE_LIMIT, RULE_FILES_LIMIT, RuleFile, Rules};
use mlp_template::template::Template;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn files(folder: &Path, beginning: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with(beginning) && name.ends_with(".yaml")
    });
    files.sort();
    files
}

fn rules(template: &Path) -> Rules {
    let path = template.with_extension("guard");
    let name = format!("rules/{}", path.file_name().unwrap().to_string_lossy());
    fs::read(path).map_or_else(|_| Rules::none(), |text| Rules::parse(&[RuleFile { name, text }]))
}

/// The findings of one code, as people read them.
fn of(path: &Path, code: &str) -> String {
    let document = check::load(&fs::read(path).unwrap()).unwrap();
    let (_, template) = check::document(&document);
    let mut text = String::new();
    for finding in security::check(&template, Some(&document), &rules(path)) {
        if finding.code.as_str() != code {
            continue;
        }
        let place = match (finding.line, finding.column) {
            (Some(line), Some(column)) => format!("{line}:{column}"),
            _ => "nowhere".to_owned(),
        };
        writeln!(text, "{place} {} {} {}", finding.severity, finding.code, finding.path).unwrap();
        let resource = finding.logical_id.as_deref().unwrap_or("-");
        writeln!(text, "    {resource} {}", finding.property.as_deref().unwrap_or("-")).unwrap();
        writeln!(text, "    {}", finding.message).unwrap();
        writeln!(text, "    why: {}", finding.why.unwrap()).unwrap();
        writeln!(text, "    help: {}", finding.help.unwrap()).unwrap();
    }
    text
}

#[test]
fn every_check_has_templates_that_pass_and_templates_that_fail() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = Vec::new();
    for check in security::checks() {
        let folder = root().join("tests/golden/security").join(check.code);
        let (pass, fail) = (files(&folder, "pass"), files(&folder, "fail"));
        assert!(!pass.is_empty() && !fail.is_empty(), "{} has no templates", check.code);
        for path in pass {
            assert_eq!(of(&path, check.code), "", "{}", path.display());
        }
        for path in fail {
            let found = of(&path, check.code);
            assert!(!found.is_empty(), "{} fails nothing", path.display());
            let golden = path.with_extension("findings");
            if update {
                fs::write(golden, found).unwrap();
            } else if fs::read_to_string(&golden).ok().as_deref() != Some(found.as_str()) {
                wrong.push(format!("{}:\n{found}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "differ (UPDATE_GOLDEN=1 writes them):\n{}", wrong.join("\n"));
}

#[test]
fn every_folder_of_templates_belongs_to_a_check() {
    for entry in fs::read_dir(root().join("tests/golden/security")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(security::checks().iter().any(|check| check.code == name), "{name}");
    }
}

#[test]
fn what_is_generated_has_no_finding_at_all() {
    for path in files(&root().join("tests/golden/templates"), "") {
        let findings = findings_of(&fs::read(&path).unwrap());
        assert!(findings.is_empty(), "{}: {findings:#?}", path.display());
    }
}

fn findings_of(bytes: &[u8]) -> Vec<Finding> {
    let (_, template) = check::text(bytes);
    security::check(&template.unwrap(), None, &Rules::none())
}

#[test]
fn a_hundred_violations_give_a_hundred_findings() {
    let mut template = "Resources:\n".to_owned();
    for number in 0..50 {
        let statement = r#"{Effect: Allow, Action: "s3:Get*", Resource: "*"}"#;
        writeln!(template, "  Policy{number}: {{Type: AWS::IAM::ManagedPolicy, Properties: {{PolicyDocument: {{Statement: [{statement}]}}}}}}").unwrap();
        writeln!(template, "  Group{number}: {{Type: AWS::EC2::SecurityGroup, Properties: {{Tags: [{{Key: a, Value: b}}], SecurityGroupIngress: [{{IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: 0.0.0.0/0}}]}}}}").unwrap();
    }
    let made = actions::validate_template(template.as_bytes(), &Rules::none()).unwrap();
    assert_eq!(made.outcome.findings.len(), 100, "{:#?}", made.outcome.findings);
    assert!(!made.outcome.ok);
}

#[test]
fn a_secret_is_never_printed_whole_wherever_it_stands() {
    for code in ["MLP-KEY-001", "MLP-KEY-002"] {
        let path = root().join("tests/golden/security").join(code).join("fail.yaml");
        let bytes = fs::read(&path).unwrap();
        let made = actions::validate_template(&bytes, &Rules::none()).unwrap();
        let json = serde_json::to_string(&made.outcome).unwrap();
        let text = mlp_template::render::render(&made.outcome.findings, Some(("t.yaml", &bytes)), false);
        let key = ["AKIA", "IOSFODNN7EXAMPLE"].concat();
        let secret = ["wJalrXUtnFEMI/K7MDENG/", "bPxRfiCYEXAMPLEKEY"].concat();
        for shown in [&json, &text] {
            assert!(shown.contains(code), "{shown}");
            assert!(!shown.contains(&key) && !shown.contains(&secret), "{shown}");
        }
    }
}

#[test]
fn a_rule_file_that_cannot_be_used_is_a_finding_that_blocks() {
    let file = |text: &[u8]| RuleFile { name: "rules/a.guard".to_owned(), text: text.to_vec() };
    let deep = "(".repeat(5000);
    let cases: [(&[u8], &str); 4] = [
        (b"rule a {\n  Resources exists \xff", "line 2: the file is not UTF-8"),
        (deep.as_bytes(), "brackets stand more than 16 deep"),
        (&vec![b'#'; RULE_FILE_LIMIT + 1], "more than 256 KiB"),
        (b"rule a { Resources", "line 1"),
    ];
    for (text, expected) in cases {
        let rules = Rules::parse(&[file(text)]);
        let findings = security::check(&Template::default(), None, &rules);
        assert_eq!(findings.len(), 1, "{expected}: {findings:?}");
        assert_eq!((findings[0].code.as_str(), findings[0].severity), ("MLP-RUL-002", Severity::Error));
        assert!(findings[0].message.contains(expected), "{}", findings[0].message);
        assert!(findings[0].message.starts_with("rules/a.guard"), "{}", findings[0].message);
    }
    for text in [&b""[..], b"# a comment\n\n"] {
        let findings = security::check(&Template::default(), None, &Rules::parse(&[file(text)]));
        assert_eq!((findings[0].code.as_str(), findings[0].severity), ("MLP-RUL-003", Severity::Warning));
    }
    let many = vec![file(b"rule a { Resources exists }"); RULE_FILES_LIMIT + 1];
    assert!(Rules::parse(&many).findings()[0].message.contains("100 are allowed"));
}

#[test]
fn one_broken_rule_file_does_not_hide_what_the_others_find() {
    let file = |name: &str, text: &str| RuleFile { name: name.to_owned(), text: text.as_bytes().to_vec() };
    let rules = Rules::parse(&[
        file("rules/broken.guard", "rule ==="),
        file("rules/good.guard", "rule named { Resources.*.Properties.TopicName exists }"),
    ]);
    assert_eq!(rules.names().collect::<Vec<_>>(), ["rules/good.guard"]);
    let made = actions::validate_template(
        b"Resources: {Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: a}}}",
        &rules,
    );
    let codes: Vec<_> = made.unwrap().outcome.findings.iter().map(|it| it.code.to_string()).collect();
    assert_eq!(codes, ["MLP-RUL-002", "MLP-TAG-001", "MLP-RUL-001"]);
}

/// Guard follows rules and variables on its stack: what never ends would end the process.
#[test]
fn rules_that_would_never_end_are_findings() {
    let mut chain = String::new();
    let mut doubling = "rule r0(x) {\n  %x exists\n}\n".to_owned();
    for number in 0..60 {
        writeln!(chain, "rule r{number} {{\n  r{}\n}}", number + 1).unwrap();
    }
    chain.push_str("rule r60 {\n  Resources exists\n}\n");
    for number in 1..30 {
        writeln!(doubling, "rule r{number}(x) {{\n  r{0}(%x)\n  r{0}(%x)\n}}", number - 1).unwrap();
    }
    doubling.push_str("rule all {\n  r29(Resources)\n}\n");
    for text in [
        "rule a {\n  b\n}\nrule b {\n  a\n}\n",
        "rule a when a {\n  Resources exists\n}\n",
        "let x = %y\nlet y = %x\nrule a {\n  %x exists\n}\n",
        "rule a {\n  let x = %y\n  let y = %x\n  %x exists\n}\n",
        "let x = count(%x)\nrule a {\n  %x == 1\n}\n",
        "let x = Resources.*[ Type == %x ]\nrule a {\n  %x exists\n}\n",
        "rule a(x) {\n  a(%x)\n}\nrule b {\n  a(Resources)\n}\n",
        &chain,
        &doubling,
    ] {
        let file = RuleFile { name: "rules/a.guard".to_owned(), text: text.as_bytes().to_vec() };
        let rules = Rules::parse(&[file]);
        let [finding] = rules.findings() else { panic!("{text}: {:?}", rules.findings()) };
        assert!(finding.message.contains("leads to itself, or over more than 32"), "{finding:?}");
    }
}
