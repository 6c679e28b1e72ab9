//! Reports of drift: from what was seen of a stack to what people read.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]

use std::collections::BTreeMap;

use mlp_core::actions::{self, Suite};
use mlp_core::drift::fleet::Gathering;
use mlp_core::drift::report::Severity;
use mlp_core::drift::seen::{ConfigSeen, CouldNot, Detection, ProbeAnswer, Refused, ResourceSeen, StackSeen};
use mlp_core::drift::{
    About, Ignore, Kind, Probe, Seen, Shelf, StackReport, Verdict, fleet_html, judge, stack_html, wanted,
};
use mlp_core::security::Rules;
use mlp_core::template::Template;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

const CONFIG: &str = include_str!(
    "../../../configs/examples/enterprise/globalbank-prod-c001-us-west-2-demand-forecasting-ml-codecommit-standalone-direct.yaml"
);

fn suite() -> Suite {
    Suite { region: Some("us-west-2".into()), account_id: Some("444455556666".into()) }
}

fn about() -> About {
    About { run: "2026-11-24T06-00-00Z".into(), checked_at: "2026-11-24T06:00:00Z".into(), suite: suite() }
}

fn deployed() -> (String, Template) {
    let (_, made) =
        actions::deployable("deploy-product", CONFIG.as_bytes(), &suite(), &Rules::none(), None).unwrap();
    let text = made.unwrap().template;
    let document = mlp_core::check::load(text.as_bytes()).unwrap();
    (text, mlp_core::template::read::from_document(&document).0)
}

/// A physical id in the form of the type.
fn physical(id: &str, kind: &str, template: &Template) -> String {
    let named = |property: &str| {
        template.resources[id].properties.get(property).and_then(|it| it.as_str()).map(str::to_owned)
    };
    match kind {
        "AWS::IAM::ManagedPolicy" => format!("arn:aws:iam::444455556666:policy/{id}"),
        "AWS::SNS::Topic" => format!("arn:aws:sns:us-west-2:444455556666:{id}"),
        "AWS::SageMaker::ModelPackageGroup" => {
            format!("arn:aws:sagemaker:us-west-2:444455556666:model-package-group/{id}")
        }
        "AWS::SSM::Parameter" | "AWS::CodeBuild::Project" => named("Name").unwrap(),
        "AWS::IAM::Role" => named("RoleName").unwrap(),
        "AWS::CodeCommit::Repository" => format!("{id}-1111"),
        _ => format!("{id}-id"),
    }
}

/// A stack as it is right after its deployment. Probes answer what the template says.
fn fresh() -> Seen {
    let (text, template) = deployed();
    let resources: Vec<ResourceSeen> = template
        .resources
        .iter()
        .map(|(id, it)| ResourceSeen {
            logical_id: id.clone(),
            physical_id: Some(physical(id, &it.kind, &template)),
            kind: it.kind.clone(),
            status: "CREATE_COMPLETE".into(),
        })
        .collect();
    let stack = StackSeen {
        id: "arn:aws:cloudformation:us-west-2:444455556666:stack/the-stack/1".into(),
        name: "the-stack".into(),
        status: "UPDATE_COMPLETE".into(),
        tags: BTreeMap::from([("ml-provisioner:product".into(), "the-product".into())]),
        parameters: BTreeMap::new(),
    };
    let drifts = resources
        .iter()
        .filter(|it| it.kind != "AWS::CodeBuild::Project")
        .map(|it| json!({"LogicalResourceId": it.logical_id, "StackResourceDriftStatus": "IN_SYNC"}))
        .collect();
    let probes = wanted(&template, &resources)
        .into_iter()
        .map(|probe| (probe.clone(), in_sync(&probe, &template, &resources)));
    let probes = probes.collect();
    Seen {
        stack,
        template: Ok(text),
        probes,
        resources: Ok(resources),
        detection: Detection::Done { drifts, failed: None },
        config: Some(ConfigSeen {
            bucket: "suite".into(),
            key: "configs/a.yaml".into(),
            bytes: Ok(CONFIG.into()),
        }),
    }
}

/// Intrinsic functions as they come out in this stack.
fn resolved(value: &Json, resources: &[ResourceSeen]) -> Json {
    let id =
        |name: &str| resources.iter().find(|it| it.logical_id == name).unwrap().physical_id.clone().unwrap();
    let sub = |text: &str| {
        let plain = [
            ("Partition", "aws"),
            ("AccountId", "444455556666"),
            ("Region", "us-west-2"),
            ("URLSuffix", "amazonaws.com"),
        ];
        let text = plain
            .iter()
            .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${{AWS::{name}}}"), value));
        resources.iter().fold(text, |text, it| {
            let id = it.physical_id.as_deref().unwrap();
            let arn = match it.kind.as_str() {
                "AWS::IAM::Role" => format!("arn:aws:iam::444455556666:role/{id}"),
                "AWS::S3::Bucket" => format!("arn:aws:s3:::{id}"),
                "AWS::KMS::Key" => format!("arn:aws:kms:us-west-2:444455556666:key/{id}"),
                _ => format!("arn-of-{id}"),
            };
            text.replace(&format!("${{{}.Arn}}", it.logical_id), &arn)
                .replace(&format!("${{{}}}", it.logical_id), id)
        })
    };
    match value {
        Json::Object(map) if map.len() == 1 => {
            let (key, argument) = map.iter().next().unwrap();
            match (key.as_str(), argument) {
                ("Ref", Json::String(name)) if name == "AWS::AccountId" => json!("444455556666"),
                ("Ref", Json::String(name)) => json!(id(name)),
                ("Fn::GetAtt", Json::Array(parts)) => match parts[1].as_str().unwrap() {
                    "Arn" => json!(sub(&format!("${{{}.Arn}}", parts[0].as_str().unwrap()))),
                    "CloneUrlHttp" => json!("whatever it is"),
                    _ => json!(id(parts[0].as_str().unwrap())),
                },
                ("Fn::Sub", Json::String(text)) => json!(sub(text)),
                ("Fn::Join", Json::Array(parts)) => {
                    let parts: Vec<String> = parts[1]
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(|it| resolved(it, resources).as_str().unwrap().to_owned())
                        .collect();
                    json!(parts.join(","))
                }
                _ => json!({key.clone(): resolved(argument, resources)}),
            }
        }
        Json::Object(map) => {
            map.iter().map(|(key, value)| (key.clone(), resolved(value, resources))).collect()
        }
        Json::Array(values) => values.iter().map(|value| resolved(value, resources)).collect(),
        plain => plain.clone(),
    }
}

fn in_sync(probe: &Probe, template: &Template, resources: &[ResourceSeen]) -> ProbeAnswer {
    let resource = &template.resources[probe.logical_id()];
    let all: serde_json::Map<String, Json> = resource
        .properties
        .iter()
        .map(|(key, value)| (key.clone(), resolved(&value.to_json(), resources)))
        .collect();
    let only = |keys: &[&str]| -> Json {
        all.iter()
            .filter(|(key, _)| keys.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    };
    ProbeAnswer::Seen(match probe {
        Probe::Repository { .. } => only(&["RepositoryName", "RepositoryDescription"]),
        Probe::Project { .. } => {
            only(&["Name", "Description", "ServiceRole", "Environment", "Source", "EncryptionKey"])
        }
        Probe::RolePolicies { .. } => only(&["ManagedPolicyArns", "Policies"]),
        Probe::KeyPolicy { .. } => only(&["KeyPolicy"]),
        Probe::Parameter { logical_id, .. }
            if logical_id.contains("Repository") || logical_id.contains("SecurityGroup") =>
        {
            // Their values are tested on the running suite.
            return ProbeAnswer::Seen(json!({}));
        }
        Probe::Parameter { .. } => only(&["Value"]),
    })
}

fn report(seen: &Seen) -> StackReport {
    judge(seen, &Ignore::default(), &about()).unwrap()
}

/// What counts, as `kind place`.
fn told(report: &StackReport) -> Vec<String> {
    let counts = report.findings.iter().filter(|it| it.kind != Kind::NotCheckable);
    counts.map(|it| format!("{} {}", it.kind.words(), it.place())).collect()
}

fn answer<'s>(seen: &'s mut Seen, id: &str) -> &'s mut ProbeAnswer {
    &mut seen.probes.iter_mut().find(|(probe, _)| probe.logical_id() == id).unwrap().1
}

fn drift<'s>(seen: &'s mut Seen, id: &str) -> &'s mut Json {
    let Detection::Done { drifts, .. } = &mut seen.detection else { unreachable!() };
    drifts.iter_mut().find(|it| it["LogicalResourceId"] == id).unwrap()
}

fn property<'s>(seen: &'s mut Seen, id: &str, key: &str) -> &'s mut Json {
    let ProbeAnswer::Seen(value) = answer(seen, id) else { unreachable!() };
    &mut value[key]
}

#[test]
fn a_fresh_stack_is_in_sync_and_wholly_covered() {
    let report = report(&fresh());
    assert_eq!(told(&report), Vec::<String>::new());
    assert_eq!((report.verdict, report.coverage.percent().as_str()), (Verdict::InSync, "100.0 %"));
    assert_eq!((report.coverage.resources, report.coverage.by_probe), (41, 2));
    assert_eq!(report.mend, None);
}

#[test]
fn what_cloudformation_finds_is_told_property_by_property() {
    let mut seen = fresh();
    *drift(&mut seen, "SecurityLogGroup") = json!({
        "LogicalResourceId": "SecurityLogGroup", "StackResourceDriftStatus": "MODIFIED",
        "PropertyDifferences": [{"PropertyPath": "/RetentionInDays", "ExpectedValue": "365", "ActualValue": "1", "DifferenceType": "NOT_EQUAL"}],
    });
    let id = seen
        .resources
        .as_ref()
        .unwrap()
        .iter()
        .find(|it| it.kind == "AWS::Logs::LogGroup")
        .unwrap()
        .logical_id
        .clone();
    assert_eq!(id, "SecurityLogGroup");
    let report = report(&seen);
    assert_eq!(told(&report), ["drifted SecurityLogGroup /RetentionInDays"]);
    let finding = &report.findings[0];
    assert_eq!(
        (finding.expected.as_ref().unwrap().text.as_str(), finding.actual.as_ref().unwrap().text.as_str()),
        ("365", "1")
    );
    assert_eq!(
        report.mend.unwrap().input,
        json!({"action": "deploy-product", "force": true, "drift": "revert", "config": {"bucket": "suite", "key": "configs/a.yaml"}})
    );
}

#[test]
fn a_value_that_is_spelt_otherwise_is_no_drift() {
    let mut seen = fresh();
    let difference = |expected: &str, actual: &str| json!({"PropertyPath": "/X", "ExpectedValue": expected, "ActualValue": actual, "DifferenceType": "NOT_EQUAL"});
    *drift(&mut seen, "SecurityLogGroup") = json!({
        "LogicalResourceId": "SecurityLogGroup", "StackResourceDriftStatus": "MODIFIED",
        "PropertyDifferences": [difference("0", "0.0"), difference(r#"{"a": 1, "b": 2}"#, r#"{"b": 2, "a": 1}"#)],
    });
    assert_eq!(told(&report(&seen)), Vec::<String>::new());
}

#[test]
fn probes_see_what_cloudformation_does_not() {
    let mut seen = fresh();
    let extra = "arn:aws:iam::aws:policy/AdministratorAccess";
    property(&mut seen, "CodebuildRole", "ManagedPolicyArns").as_array_mut().unwrap().push(json!(extra));
    *property(&mut seen, "SagemakerRole", "Policies") =
        json!([{"PolicyName": "mine", "PolicyDocument": {"Statement": []}}]);
    property(&mut seen, "KmsKey", "KeyPolicy")["Statement"]
        .as_array_mut()
        .unwrap()
        .push(json!({"Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"}));
    *property(&mut seen, "ModelBuildProject", "Environment") =
        json!({"Type": "LINUX_CONTAINER", "PrivilegedMode": true, "Image": "mine"});
    *property(&mut seen, "ModelBuildRepository", "RepositoryName") = json!("renamed");
    *property(&mut seen, "ModelPackageGroupArnParameter", "Value") = json!("elsewhere");
    let report = report(&seen);
    let told = told(&report);
    for place in [
        "drifted CodebuildRole /ManagedPolicyArns",
        "drifted SagemakerRole /Policies",
        "drifted KmsKey /KeyPolicy",
        "drifted ModelBuildProject /Environment/PrivilegedMode",
        "drifted ModelBuildProject /Environment/Image",
        "drifted ModelBuildRepository /RepositoryName",
        "drifted ModelPackageGroupArnParameter /Value",
    ] {
        assert!(told.iter().any(|it| it == place), "{place}: {told:?}");
    }
    let attached = report.findings.iter().find(|it| it.property == "/ManagedPolicyArns").unwrap();
    assert_eq!(attached.severity, Severity::High);
    assert!(attached.mend.contains(&format!("--policy-arn {extra}")), "{}", attached.mend);
    assert_eq!(report.mend, None, "no change set puts back what CloudFormation doesn't see");
}

#[test]
fn what_both_see_is_told_once() {
    let mut seen = fresh();
    *drift(&mut seen, "ModelPackageGroupArnParameter") = json!({
        "LogicalResourceId": "ModelPackageGroupArnParameter", "StackResourceDriftStatus": "MODIFIED",
        "PropertyDifferences": [{"PropertyPath": "/Value", "ExpectedValue": "x", "ActualValue": "elsewhere", "DifferenceType": "NOT_EQUAL"}],
    });
    *property(&mut seen, "ModelPackageGroupArnParameter", "Value") = json!("elsewhere");
    *drift(&mut seen, "ModelBuildRepository") =
        json!({"LogicalResourceId": "ModelBuildRepository", "StackResourceDriftStatus": "DELETED"});
    *answer(&mut seen, "ModelBuildRepository") = ProbeAnswer::Missing;
    assert_eq!(
        told(&report(&seen)),
        ["deleted ModelBuildRepository", "drifted ModelPackageGroupArnParameter /Value"]
    );
}

#[test]
fn could_not_check_is_never_in_sync() {
    let refused = |why| Refused { why, reason: "told to".to_owned() };
    for why in [
        CouldNot::Denied,
        CouldNot::Throttled,
        CouldNot::TimedOut,
        CouldNot::Busy,
        CouldNot::Failed,
        CouldNot::Unavailable,
    ] {
        let mut seen = fresh();
        seen.detection = Detection::CouldNot(refused(why));
        let it = report(&seen);
        assert_eq!(it.verdict, Verdict::CouldNotCheck, "{why:?}");
        assert!(it.coverage.permille() < 1_000, "{why:?}");
        let mut seen = fresh();
        *answer(&mut seen, "KmsKey") = ProbeAnswer::CouldNot(refused(why));
        assert_eq!(report(&seen).verdict, Verdict::CouldNotCheck, "{why:?}");
        let mut seen = fresh();
        seen.template = Err(refused(why));
        assert_eq!(report(&seen).verdict, Verdict::CouldNotCheck, "{why:?}");
    }
    let mut seen = fresh();
    seen.detection = Detection::CouldNot(refused(CouldNot::Gone));
    assert_eq!(report(&seen).verdict, Verdict::Gone);
    // Detection that broke off, and a resource of which CloudFormation knows nothing.
    let mut seen = fresh();
    let Detection::Done { failed, drifts } = &mut seen.detection else { unreachable!() };
    *failed = Some("Failed to detect drift on resources [Bucket]".to_owned());
    drifts.retain(|it| it["LogicalResourceId"] != "ArtifactsBucket");
    let it = report(&seen);
    assert_eq!((it.verdict, it.coverage.could_not_check), (Verdict::CouldNotCheck, 1));
    let mut seen = fresh();
    drift(&mut seen, "ArtifactsBucket")["StackResourceDriftStatus"] = json!("UNKNOWN");
    assert_eq!(report(&seen).verdict, Verdict::CouldNotCheck);
}

#[test]
fn what_nobody_can_check_is_a_figure_and_no_drift() {
    let mut seen = fresh();
    drift(&mut seen, "ApprovalRule").clone_from(&json!({"LogicalResourceId": "x"}));
    seen.probes.retain(|(probe, _)| !matches!(probe, Probe::Project { .. }));
    let it = report(&seen);
    assert_eq!((it.verdict, it.coverage.not_checkable), (Verdict::InSync, 3));
    assert!(it.findings.iter().all(|finding| finding.severity == Severity::Info));
}

#[test]
fn todays_config_is_compared_with_what_is_deployed() {
    let config = |text: String| {
        let mut seen = fresh();
        seen.config.as_mut().unwrap().bytes = Ok(text.into_bytes());
        report(&seen)
    };
    let it = config(CONFIG.replace("cost_center: treasury-7310", "cost_center: other"));
    assert_eq!(it.verdict, Verdict::Drifted);
    assert!(
        it.findings.iter().filter(|it| it.kind == Kind::ConfigDrift).all(|it| it.property.ends_with("Tags")),
        "{:?}",
        told(&it)
    );
    assert_eq!(config("tier: what".to_owned()).verdict, Verdict::CouldNotCheck);
    let mut seen = fresh();
    seen.template = seen.template.map(|text| text.replace("Version: \"0.1.0\"", "Version: \"0.0.9\""));
    let it = report(&seen);
    assert_eq!((it.verdict, told(&it)), (Verdict::InSync, vec!["outdated the stack".to_owned()]));
}

#[test]
fn an_ignored_finding_stays_visible_and_does_not_count() {
    let list = b"ignore:\n  - {stack: the-*, logical_id: CodebuildRole, property: '*', reason: known, who: jane, expires: 2027-01-01}\n";
    let mut seen = fresh();
    property(&mut seen, "CodebuildRole", "ManagedPolicyArns")
        .as_array_mut()
        .unwrap()
        .push(json!("arn:aws:iam::aws:policy/ReadOnlyAccess"));
    let it = judge(&seen, &Ignore::read(list), &about()).unwrap();
    assert_eq!((it.verdict, it.findings.len(), it.ignored.len()), (Verdict::InSync, 0, 1));
    assert_eq!((it.ignored[0].who.as_str(), it.ignored[0].reason.as_str()), ("jane", "known"));
    let later = About { checked_at: "2027-01-02T00:00:00Z".into(), ..about() };
    assert_eq!(judge(&seen, &Ignore::read(list), &later).unwrap().verdict, Verdict::Drifted);
}

#[test]
fn secrets_are_in_no_report() {
    let mut seen = fresh();
    *drift(&mut seen, "SecurityLogGroup") = json!({
        "LogicalResourceId": "SecurityLogGroup", "StackResourceDriftStatus": "MODIFIED",
        "PropertyDifferences": [{"PropertyPath": "/Secret/Password", "ExpectedValue": "hunter2hunter2", "ActualValue": "AKIAIOSFODNN7EXAMPLE", "DifferenceType": "NOT_EQUAL"}],
    });
    let it = report(&seen);
    let text = serde_json::to_string(&it).unwrap() + &stack_html(&it).unwrap();
    assert!(!text.contains("AKIAIOSFODNN7EXAMPLE") && !text.contains("hunter2hunter2"));
}

#[test]
fn a_fleet_tells_what_is_new_and_what_is_over_and_is_quiet_otherwise() {
    let gather = |reports: &[StackReport]| {
        let mut gathering = Gathering::default();
        for it in reports {
            gathering.add(it);
        }
        gathering
    };
    let ignore = Ignore::default();
    let named = |seen: &Seen, name: &str| StackReport { stack_name: name.to_owned(), ..report(seen) };
    let mut bad = fresh();
    *answer(&mut bad, "ModelBuildProject") = ProbeAnswer::Missing;
    let quiet = [named(&fresh(), "a"), named(&fresh(), "b")];
    let first = gather(&quiet).finish("r1", "2026-11-24T06:00:00Z", None, &ignore, None);
    assert!(!first.has_news());
    let second = gather(&[named(&fresh(), "a"), named(&bad, "b")]).finish(
        "r2",
        "2026-11-25T06:00:00Z",
        None,
        &ignore,
        Some(&first),
    );
    assert!(second.has_news());
    assert_eq!((second.new.len(), second.gone.len(), second.totals.drifted), (1, 0, 1));
    assert_eq!(second.stacks[0].stack_name, "b", "worst first");
    assert!(second.subject().is_ascii() && second.subject().len() <= 100);
    assert!(second.message("page", false).contains("ModelBuildProject"));
    let same = gather(&[named(&fresh(), "a"), named(&bad, "b")]).finish(
        "r3",
        "2026-11-26T06:00:00Z",
        None,
        &ignore,
        Some(&second),
    );
    assert!(!same.has_news(), "the same again is no news");
    assert!(same.message("page", true).contains("Open (1)"), "a digest says it nevertheless");
    let mended = gather(&quiet).finish("r4", "2026-11-27T06:00:00Z", None, &ignore, Some(&same));
    assert_eq!((mended.new.len(), mended.gone.len(), mended.has_news()), (0, 1, true));
    assert_eq!(mended.history.iter().map(|it| it.totals.drifted).collect::<Vec<_>>(), [0, 1, 1, 0]);
    // A run over one stack keeps the others' lines and stays out of the history.
    let one =
        gather(&[named(&bad, "a")]).finish("r5", "2026-11-27T07:00:00Z", Some("a"), &ignore, Some(&mended));
    assert_eq!((one.stacks.len(), one.history.len(), one.totals.drifted), (2, 4, 1));
    // A product that was deleted takes its findings with it.
    let fewer =
        gather(&[named(&fresh(), "a")]).finish("r6", "2026-11-28T06:00:00Z", None, &ignore, Some(&same));
    assert_eq!((fewer.gone.len(), fewer.has_news(), fewer.stacks.len()), (1, true, 1));
    let metrics = second.metrics("suite", 1);
    let declared = metrics.pointer("/_aws/CloudWatchMetrics/0/Metrics").unwrap().as_array().unwrap();
    assert!(declared.iter().all(|it| metrics.get(it["Name"].as_str().unwrap()).is_some_and(Json::is_number)));
    for fleet in [&first, &second, &one] {
        assert!(fleet_html(fleet, Shelf::Latest).unwrap().contains("<h1>Drift of the fleet</h1>"));
    }
}

/// The golden reports: one of everything. `UPDATE_GOLDEN=1` writes them; the browser's tests open the pages.
#[test]
fn reports_have_their_schema_and_their_golden_pages() {
    let mut seen = fresh();
    *drift(&mut seen, "SecurityLogGroup") = json!({
        "LogicalResourceId": "SecurityLogGroup", "StackResourceDriftStatus": "MODIFIED",
        "PropertyDifferences": [{"PropertyPath": "/RetentionInDays", "ExpectedValue": "365", "ActualValue": "1", "DifferenceType": "NOT_EQUAL"}],
    });
    *drift(&mut seen, "ArtifactsBucket") =
        json!({"LogicalResourceId": "ArtifactsBucket", "StackResourceDriftStatus": "DELETED"});
    *drift(&mut seen, "ApprovalRule") =
        json!({"LogicalResourceId": "ApprovalRule", "StackResourceDriftStatus": "NOT_CHECKED"});
    property(&mut seen, "CodebuildRole", "ManagedPolicyArns")
        .as_array_mut()
        .unwrap()
        .push(json!("arn:aws:iam::aws:policy/AdministratorAccess"));
    property(&mut seen, "KmsKey", "KeyPolicy")["Statement"].as_array_mut().unwrap().push(
        json!({"Sid": "<script>alert(1)</script>", "Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"}),
    );
    *answer(&mut seen, "ModelBuildProject") = ProbeAnswer::CouldNot(Refused {
        why: CouldNot::Denied,
        reason: "AccessDenied: codebuild:BatchGetProjects".into(),
    });
    *property(&mut seen, "SagemakerRole", "Policies") =
        json!([{"PolicyName": "mine", "PolicyDocument": {"Statement": []}}]);
    seen.template = seen.template.map(|text| text.replace("Version: \"0.1.0\"", "Version: \"0.0.9\""));
    let list = b"ignore:\n  - {stack: '*', logical_id: SagemakerRole, property: /Policies, reason: agreed with security, who: jane, expires: 2027-01-01}\n  - {stack: nobody, logical_id: '*', property: '*', reason: x, who: y, expires: 2020-01-01}\n";
    let ignore = Ignore::read(list);
    let stack = judge(&seen, &ignore, &about()).unwrap();
    let calm = StackReport { stack_name: "calm-stack".into(), ..report(&fresh()) };
    let gather = |reports: &[&StackReport]| {
        let mut gathering = Gathering::default();
        for it in reports {
            gathering.add(it);
        }
        gathering
    };
    let before = StackReport { stack_name: "the-stack".into(), ..report(&fresh()) };
    let first =
        gather(&[&before, &calm]).finish("2026-11-23T06-00-00Z", "2026-11-23T06:04:00Z", None, &ignore, None);
    let fleet = gather(&[&stack, &calm]).finish(
        "2026-11-24T06-00-00Z",
        "2026-11-24T06:04:00Z",
        None,
        &ignore,
        Some(&first),
    );

    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let schema: Json =
        serde_json::from_slice(&std::fs::read(root.join("schemas/drift.schema.json")).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for json in [
        serde_json::to_value(&stack).unwrap(),
        serde_json::to_value(&fleet).unwrap(),
        serde_json::to_value(&first).unwrap(),
    ] {
        let errors: Vec<String> =
            validator.iter_errors(&json).map(|it| format!("{}: {it}", it.instance_path())).collect();
        assert_eq!(errors, Vec::<String>::new());
    }
    let pretty = |json: String| json + "\n";
    let files = [
        ("the-stack.json", pretty(serde_json::to_string_pretty(&stack).unwrap())),
        ("the-stack.html", stack_html(&stack).unwrap()),
        ("calm-stack.html", stack_html(&calm).unwrap()),
        ("fleet.json", pretty(serde_json::to_string_pretty(&fleet).unwrap())),
        ("index.html", fleet_html(&fleet, Shelf::Latest).unwrap()),
    ];
    let folder = root.join("tests/golden/drift");
    for (name, text) in files {
        let path = folder.join(name);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let golden = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(golden == text, "{} differs; UPDATE_GOLDEN=1 writes it anew", path.display());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever comes in which order: every resource is counted once, and the report is the same.
    #[test]
    fn every_resource_is_counted_once_in_any_order(
        seed in any::<u64>(),
        statuses in proptest::collection::vec(0..6_usize, 41),
    ) {
        let mut seen = fresh();
        let Detection::Done { drifts, .. } = &mut seen.detection else { unreachable!() };
        for (drift, status) in drifts.iter_mut().zip(&statuses) {
            let status = ["IN_SYNC", "MODIFIED", "DELETED", "NOT_CHECKED", "UNKNOWN", "LATER"][*status];
            drift["StackResourceDriftStatus"] = json!(status);
        }
        let one = report(&seen);
        let Detection::Done { drifts, .. } = &mut seen.detection else { unreachable!() };
        let turn = usize::try_from(seed % 41).unwrap();
        let len = drifts.len();
        drifts.rotate_left(turn % len);
        seen.probes.reverse();
        seen.resources.as_mut().unwrap().rotate_left(turn);
        let two = report(&seen);
        prop_assert_eq!(&one, &two);
        let it = one.coverage;
        prop_assert_eq!(it.by_cloudformation + it.by_probe + it.not_checkable + it.could_not_check, it.resources);
        prop_assert!(stack_html(&one).is_ok());
    }
}
