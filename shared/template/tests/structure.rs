//! Templates with mistakes against the findings they must give, and templates without any.
//!
//! `tests/golden/structure/<name>.yaml` (or `.json`) stands beside `<name>.findings`; `UPDATE_GOLDEN=1` writes the
//! findings anew. What lies in `valid` must give no error, and must be the same template after it was written again.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use mlp_template::check;
use mlp_template::finding::{Finding, Severity};
use mlp_template::template::{Resource, Template, Value, map, read};
use mlp_template::yaml::{self, Limits};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn templates(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml" || extension == "json"));
    files.sort();
    assert!(!files.is_empty());
    files
}

/// Findings as people read them.
fn shown(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let place = match (finding.line, finding.column) {
            (Some(line), Some(column)) => format!("{line}:{column}"),
            _ => "nowhere".to_owned(),
        };
        writeln!(text, "{place} {} {} {}", finding.severity, finding.code, finding.path).unwrap();
        writeln!(text, "    {}", finding.message).unwrap();
        if let Some(help) = &finding.help {
            writeln!(text, "    help: {help}").unwrap();
        }
    }
    text
}

fn of(template: &str) -> Vec<Finding> {
    check::text(template.as_bytes()).0
}

#[test]
fn every_mistake_gives_its_golden_findings() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = Vec::new();
    for path in templates("tests/golden/structure") {
        let found = shown(&check::text(&fs::read(&path).unwrap()).0);
        assert!(!found.is_empty(), "{} has no mistake", path.display());
        let golden = path.with_extension("findings");
        if update {
            fs::write(golden, found).unwrap();
        } else if fs::read_to_string(&golden).ok().as_deref() != Some(found.as_str()) {
            wrong.push(format!("{}:\n{found}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "differ (UPDATE_GOLDEN=1 writes them):\n{}", wrong.join("\n"));
}

#[test]
fn the_pointer_of_every_golden_finding_leads_to_its_place() {
    for path in templates("tests/golden/structure").iter().filter(|path| path.extension().unwrap() == "yaml")
    {
        let bytes = fs::read(path).unwrap();
        let document = yaml::load(&bytes, &Limits::template()).unwrap();
        for finding in check::text(&bytes).0 {
            let place =
                document.place(&finding.path).unwrap_or_else(|| panic!("{}: {finding:?}", path.display()));
            let at = (finding.line.unwrap(), finding.column.unwrap());
            assert!(place.key == Some(at) || place.value == at, "{}: {finding:?} {place:?}", path.display());
        }
    }
}

#[test]
fn valid_templates_have_no_errors() {
    for path in templates("tests/golden/structure/valid") {
        let (mut findings, _) = check::text(&fs::read(&path).unwrap());
        findings.retain(|finding| finding.severity == Severity::Error);
        assert!(findings.is_empty(), "{}:\n{}", path.display(), shown(&findings));
    }
}

#[test]
fn valid_templates_survive_being_read_and_written() {
    for path in templates("tests/golden/structure/valid") {
        let template = check::text(&fs::read(&path).unwrap()).1.unwrap();
        let written = template.to_yaml();
        let again =
            check::text(written.as_bytes()).1.unwrap_or_else(|| panic!("{}:\n{written}", path.display()));
        assert_eq!(template, again, "{}:\n{written}", path.display());
        assert_eq!(again.to_yaml(), written, "{}", path.display());
        assert_eq!(
            read::from_json(&template.to_json()).0.to_json(),
            template.to_json(),
            "{}",
            path.display()
        );
    }
}

#[test]
fn macros_and_loops_keep_their_places_among_resources() {
    let path = root().join("tests/golden/structure/valid/for-each.yaml");
    let template = check::text(&fs::read(path).unwrap()).1.unwrap();
    let json = template.to_json();
    let keys: Vec<&String> = json["Resources"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["First", "Fn::ForEach::Topics", "Fn::ForEach::Outer", "Last"]);
}

#[test]
fn nothing_of_a_valid_template_is_lost() {
    for path in templates("tests/golden/structure/valid") {
        let bytes = fs::read(&path).unwrap();
        let Ok(document) = yaml::load(&bytes, &Limits::template()) else { continue };
        let json = check::text(&bytes).1.unwrap().to_json();
        let mut missing = Vec::new();
        lost(&document.root, &json, "", &mut missing);
        assert!(missing.is_empty(), "{}: {missing:#?}", path.display());
    }
}

/// What the document has and the template's JSON hasn't. Functions are looked into in their long form; their own
/// arguments may be written in another way.
fn lost(node: &yaml::Node, json: &serde_json::Value, at: &str, missing: &mut Vec<String>) {
    let json = match &node.tag {
        Some(tag) => match json.get(format!("Fn::{tag}")).or_else(|| json.get(tag)) {
            Some(argument) => argument,
            None => return missing.push(at.to_owned()),
        },
        None => json,
    };
    match (&node.value, json) {
        (yaml::NodeValue::Map(entries), json) => {
            for entry in entries {
                let at = yaml::join(at, &entry.key);
                match json.get(&entry.key) {
                    Some(json) => lost(&entry.value, json, &at, missing),
                    None => missing.push(at),
                }
            }
        }
        (yaml::NodeValue::Seq(nodes), json) => {
            for (index, node) in nodes.iter().enumerate() {
                let at = yaml::join(at, &index.to_string());
                match json.get(index) {
                    Some(json) => lost(node, json, &at, missing),
                    None => missing.push(at),
                }
            }
        }
        (yaml::NodeValue::Scalar(_), serde_json::Value::Null) => missing.push(at.to_owned()),
        (yaml::NodeValue::Scalar(_), _) => {}
    }
}

#[test]
fn the_suites_own_template_has_no_errors() {
    let bytes = fs::read(root().join("infra/template.yaml")).unwrap();
    let (mut findings, template) = check::text(&bytes);
    findings.retain(|finding| finding.severity == Severity::Error);
    assert!(findings.is_empty(), "{}", shown(&findings));
    assert!(template.unwrap().resources.len() > 5);
}

#[test]
fn generated_templates_have_no_findings_and_survive_being_read() {
    for path in templates("tests/golden/templates") {
        let text = fs::read_to_string(&path).unwrap();
        let (findings, template) = check::text(text.as_bytes());
        assert!(findings.is_empty(), "{}:\n{}", path.display(), shown(&findings));
        let without_comments: String =
            text.split_inclusive('\n').filter(|line| !line.starts_with("  # ")).collect();
        assert_eq!(template.unwrap().to_yaml(), without_comments, "{}", path.display());
    }
}

#[test]
fn a_template_that_was_never_a_file_has_pointers_in_long_form_and_no_lines() {
    let topic = Resource {
        kind: "AWS::SNS::Topic".into(),
        properties: map([("TopicName", Value::join("-", Value::list([Value::reference("Nmae")])))]),
        ..Resource::default()
    };
    let template = Template { resources: [("Topic".into(), topic)].into(), ..Template::default() };
    let findings = check::structure(&template);
    assert_eq!(
        shown(&findings),
        "nowhere error MLP-TPL-005 /Resources/Topic/Properties/TopicName/Fn::Join/1/0\n    \
         `Ref` names `Nmae`, but the template has no parameter or resource `Nmae`\n"
    );
}

#[test]
fn short_and_long_forms_are_the_same_template() {
    let short = "
Conditions:
  A: !Equals [!Ref AWS::Region, x]
  B: !Not [!Condition A]
Resources:
  R:
    Type: A::B::C
    Properties:
      Att: !GetAtt S.Outputs.X
      List: !GetAtt [S, Outputs.X]
      Computed: !GetAtt [S, !Ref AWS::Region]
      Sub: !Sub ['${A}', {A: !Ref S}]
      If: !If [A, !Sub '${S}', !Ref AWS::NoValue]
      Nested: !Base64
        Fn::Join: ['', [!GetAZs '']]
  S: {Type: A::B::C}
";
    let long = "
Conditions:
  A: {Fn::Equals: [{Ref: AWS::Region}, x]}
  B: {Fn::Not: [{Condition: A}]}
Resources:
  R:
    Type: A::B::C
    Properties:
      Att: {Fn::GetAtt: S.Outputs.X}
      List: {Fn::GetAtt: [S, Outputs.X]}
      Computed: {Fn::GetAtt: [S, {Ref: AWS::Region}]}
      Sub: {Fn::Sub: ['${A}', {A: {Ref: S}}]}
      If: {Fn::If: [A, {Fn::Sub: '${S}'}, {Ref: AWS::NoValue}]}
      Nested: {Fn::Base64: {Fn::Join: ['', [{Fn::GetAZs: ''}]]}}
  S: {Type: A::B::C}
";
    let template = |text: &str| check::text(text.as_bytes()).1.unwrap();
    assert_eq!(template(short), template(long));
    assert_eq!(template(short), read::from_json(&template(long).to_json()).0);
}

#[test]
fn a_condition_key_is_a_function_only_among_conditions() {
    let text = "
Conditions:
  A: !Equals [a, a]
  B: {Condition: A}
Resources:
  R:
    Type: A::B::C
    Properties: {Statement: {Condition: text}}
";
    let template = check::text(text.as_bytes()).1.unwrap();
    assert!(matches!(template.conditions["B"], Value::Call(..)));
    assert_eq!(
        template.resources["R"].properties["Statement"],
        Value::map([("Condition", Value::str("text"))])
    );
    assert!(of(text).is_empty());
}

#[test]
fn yaml_1_1_booleans_and_numbers_keep_what_cloudformation_reads() {
    let text = "
Resources:
  R:
    Type: A::B::C
    Properties: {A: yes, B: 'yes', C: Off, D: 010, E: \"010\", F: 1_000, G: 12:30, H: 10.0.0.0, I: 2012-10-17, J: y}
";
    let template = check::text(text.as_bytes()).1.unwrap();
    let number = |text: &str| Value::Number(text.to_owned());
    let wanted = [
        ("A", Value::Bool(true)),
        ("B", Value::str("yes")),
        ("C", Value::Bool(false)),
        ("D", number("010")),
        ("E", Value::str("010")),
        ("F", number("1_000")),
        ("G", number("12:30")),
        ("H", Value::str("10.0.0.0")),
        ("I", Value::str("2012-10-17")),
        ("J", Value::str("y")),
    ];
    assert_eq!(template.resources["R"].properties, map(wanted));
}

#[test]
fn every_limit_is_said_with_its_count() {
    let mut text = format!("Description: {}\nParameters:\n", "d".repeat(1025));
    let lines = |text: &mut String, count: usize, line: &dyn Fn(usize) -> String| {
        (0..count).for_each(|index| writeln!(text, "  {}", line(index)).unwrap());
    };
    lines(&mut text, 201, &|index| format!("P{index}: {{Type: String}}"));
    text.push_str("Mappings:\n");
    lines(&mut text, 201, &|index| format!("M{index}: {{a: {{b: c}}}}"));
    text.push_str("Resources:\n");
    lines(&mut text, 201, &|index| format!("R{index}: {{Type: A::B::C, Properties: {{P: !Ref P{index}}}}}"));
    lines(&mut text, 300, &|index| format!("S{index}: {{Type: A::B::C}}"));
    text.push_str("Outputs:\n");
    lines(&mut text, 201, &|index| format!("O{index}: {{Value: a}}"));
    let findings = of(&text);
    let messages: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "`Description` has 1025 bytes; CloudFormation allows 1024",
            "the template has 201 parameters; CloudFormation allows 200",
            "the template has 201 mappings; CloudFormation allows 200",
            "the template has 501 resources; CloudFormation allows 500",
            "the template has 201 outputs; CloudFormation allows 200",
        ]
    );
}

#[test]
fn a_text_over_a_mebibyte_is_too_large_for_cloudformation() {
    assert!(check::size(&"a".repeat(1024 * 1024)).is_none());
    assert_eq!(check::size(&"a".repeat(1024 * 1024 + 1)).unwrap().code.as_str(), "MLP-TPL-009");
}

#[test]
fn what_is_no_yaml_gives_the_loaders_findings_and_no_template() {
    let (findings, template) = check::text(b"Resources: [");
    assert!(template.is_none());
    assert!(!findings.is_empty());
}

#[test]
fn json_that_yaml_cant_read_is_read_all_the_same() {
    let text = br#"{"Resources":{"T":{"Type":"AWS::SNS::Topic","Properties":{"TopicName":"\ud83d\ude00"}}}}"#;
    let (findings, template) = check::text(text);
    assert!(findings.is_empty(), "{findings:?}");
    assert_eq!(template.unwrap().resources["T"].properties["TopicName"], Value::str("\u{1f600}"));
}

#[test]
fn findings_in_json_that_yaml_cant_read_have_the_places_of_the_file() {
    let text = b"{\"Resources\":\n\t{\"T\": {\"Type\": \"AWS::SNS::Topic\", \"DependsOn\": \"\\ud83d\\ude00\", \"X\": 1}}}";
    let (findings, _) = check::text(text);
    let places: Vec<_> = findings.iter().map(|it| (it.line, it.column)).collect();
    // The value of `DependsOn`, and the key `X` behind the two escapes.
    assert_eq!(places, [(Some(2), Some(49)), (Some(2), Some(65))], "{findings:?}");
}
