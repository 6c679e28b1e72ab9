//! Reports of drift: from what was seen of a stack to what people read.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]

mod as_deployed;

use std::collections::BTreeSet;

use mlp_aws::drift::Probe;
use mlp_aws::drift::ResourceSummary;
use mlp_operations::drift::fleet::FleetBuilder;
use mlp_operations::drift::report::{DriftSeverity, FindingSource};
use mlp_operations::drift::snapshot::{CheckError, CheckErrorKind, ConfigSnapshot, Detection, ProbeResult};
use mlp_operations::drift::{
    FindingKind, IgnoreList, PageKind, ReportContext, StackReport, StackSnapshot, Verdict, evaluate,
    fleet_html, stack_html, wanted,
};
use mlp_product::actions::{self, Suite};
use mlp_product::config::Tier;
use mlp_template::security::Rules;
use mlp_template::template::Template;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use as_deployed::as_deployed;

const CONFIG: &str = include_str!(
    "../../../configs/examples/enterprise/globalbank-prod-c001-us-west-2-demand-forecasting-ml-codecommit-standalone-direct.yaml"
);

fn root() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn suite() -> Suite {
    Suite { region: Some("us-west-2".into()), account_id: Some("444455556666".into()), ..Suite::default() }
}

fn about() -> ReportContext {
    ReportContext {
        run: "2026-11-24T06-00-00Z".into(),
        checked_at: "2026-11-24T06:00:00Z".into(),
        suite: suite(),
    }
}

fn deployed() -> String {
    let (_, made) =
        actions::deployable("deploy-product", CONFIG.as_bytes(), &suite(), &Rules::none(), None).unwrap();
    made.unwrap().template
}

/// A stack as it is right after its deployment, with its config.
fn fresh() -> StackSnapshot {
    let key = "configs/a.yaml".into();
    let config = ConfigSnapshot { bucket: "suite".into(), key, bytes: Ok(CONFIG.into()) };
    StackSnapshot { config: Some(config), ..as_deployed(&deployed()) }
}

fn report(seen: &StackSnapshot) -> StackReport {
    evaluate(seen, &IgnoreList::default(), &about()).unwrap()
}

/// What counts, as `kind place`.
fn told(report: &StackReport) -> Vec<String> {
    let counts = report.findings.iter().filter(|it| it.kind != FindingKind::NotCheckable);
    counts.map(|it| format!("{} {}", it.kind.words(), it.place())).collect()
}

fn answer<'s>(seen: &'s mut StackSnapshot, id: &str) -> &'s mut ProbeResult {
    &mut seen.probes.iter_mut().find(|(probe, _)| probe.logical_id() == id).unwrap().1
}

fn drift<'s>(seen: &'s mut StackSnapshot, id: &str) -> &'s mut Json {
    let Detection::Completed { drifts, .. } = &mut seen.detection else { unreachable!() };
    drifts.iter_mut().find(|it| it["LogicalResourceId"] == id).unwrap()
}

fn property<'s>(seen: &'s mut StackSnapshot, id: &str, key: &str) -> &'s mut Json {
    let ProbeResult::Found(value) = answer(seen, id) else { unreachable!() };
    &mut value[key]
}

#[test]
fn a_fresh_stack_is_in_sync_and_wholly_covered() {
    let report = report(&fresh());
    assert_eq!(told(&report), Vec::<String>::new());
    assert_eq!((report.verdict, report.coverage.percent().as_str()), (Verdict::InSync, "100.0 %"));
    assert_eq!((report.coverage.resources, report.coverage.by_probe), (41, 2));
    assert_eq!(report.remediation, None);
}

#[test]
fn a_key_that_can_still_be_saved_is_not_replaced_by_a_new_one() {
    let mut seen = fresh();
    drift(&mut seen, "KmsKey")["StackResourceDriftStatus"] = json!("DELETED");
    drift(&mut seen, "SecurityTopic")["StackResourceDriftStatus"] = json!("DELETED");
    let pending = report(&seen);
    let of_key = |report: &StackReport| {
        let found =
            report.findings.iter().find(|it| it.logical_id == "KmsKey" && it.kind == FindingKind::Deleted);
        found.cloned().unwrap()
    };
    let finding = of_key(&pending);
    assert!(finding.message.contains("is scheduled for deletion"), "{}", finding.message);
    assert!(
        finding.remediation.contains("`aws kms cancel-key-deletion --key-id ")
            && finding.remediation.contains("enable-key"),
        "{}",
        finding.remediation
    );
    assert!(!finding.remediation.contains("deploy-product"), "{}", finding.remediation);
    assert_eq!(pending.remediation, None, "the report doesn't advise to create a new key");
    // Its policy can't be read any more.
    *answer(&mut seen, "KmsKey") = ProbeResult::Missing;
    assert!(of_key(&report(&seen)).message.contains("is deleted or scheduled for deletion"));
    // Anything else that was deleted is created again.
    drift(&mut seen, "KmsKey")["StackResourceDriftStatus"] = json!("IN_SYNC");
    *answer(&mut seen, "KmsKey") = answer(&mut fresh(), "KmsKey").clone();
    assert!(report(&seen).remediation.is_some());
}

#[test]
fn a_trust_policy_in_another_spelling_is_no_drift_and_another_policy_is() {
    let trust = |principal: Json, action: Json, list: bool| {
        let statement = json!({"Effect": "Allow", "Principal": principal, "Action": action});
        let statements = if list { json!([statement]) } else { statement };
        json!({"Version": "2012-10-17", "Statement": statements})
    };
    let ours = trust(json!({"Service": "codebuild.amazonaws.com"}), json!("sts:AssumeRole"), true);
    let with = |actual: &Json, whole: bool, path: &str, pair: (Json, Json)| {
        let mut seen = fresh();
        let it = drift(&mut seen, "CodebuildRole");
        it["StackResourceDriftStatus"] = json!("MODIFIED");
        let text = |value: Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        it["PropertyDifferences"] = json!([{"PropertyPath": path, "ExpectedValue": text(pair.0), "ActualValue": text(pair.1),
            "DifferenceType": "NOT_EQUAL"}]);
        if whole {
            let properties = |document: &Json| json!({"AssumeRolePolicyDocument": document}).to_string();
            it["ExpectedProperties"] = json!(properties(&ours));
            it["ActualProperties"] = json!(properties(actual));
        }
        told(&report(&seen)).len()
    };
    let service = json!({"Service": ["codebuild.amazonaws.com"]});
    let spelled = trust(service, json!(["sts:AssumeRole"]), false);
    let path = "/AssumeRolePolicyDocument/Statement/0/Action";
    for whole in [true, false] {
        assert_eq!(
            with(&spelled, whole, path, (json!("sts:AssumeRole"), json!(["sts:AssumeRole"]))),
            0,
            "{whole}"
        );
        let other = trust(json!({"Service": "ec2.amazonaws.com"}), json!("sts:AssumeRole"), true);
        let path = "/AssumeRolePolicyDocument/Statement/0/Principal/Service";
        assert_eq!(
            with(&other, whole, path, (json!("codebuild.amazonaws.com"), json!("ec2.amazonaws.com"))),
            1,
            "{whole}"
        );
    }
    // The same difference elsewhere is one.
    assert_eq!(with(&spelled, false, "/Description", (json!("a"), json!(["a"]))), 1);
}

#[test]
fn an_alarm_that_was_switched_off_and_longer_sessions_are_compared() {
    let template = deployed();
    let alarms = template.matches("Type: AWS::CloudWatch::Alarm").count();
    let roles = template.matches("Type: AWS::IAM::Role").count();
    assert!(alarms > 0 && roles > 0);
    // CloudFormation compares what the template sets.
    assert_eq!(template.matches("ActionsEnabled: true").count(), alarms);
    assert_eq!(template.matches("MaxSessionDuration: 3600").count(), roles);
}

/// The templates of every tier and scenario, by name.
fn goldens() -> Vec<(String, String)> {
    let folder = root().join("tests/golden/templates");
    let mut goldens: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|it| it.unwrap().path())
        .map(|it| (it.display().to_string(), std::fs::read_to_string(it).unwrap()))
        .collect();
    goldens.sort();
    assert!(goldens.len() > 30);
    goldens
}

#[test]
fn a_stack_as_deployed_has_no_finding_whatever_its_template() {
    for (name, text) in goldens() {
        let report = report(&as_deployed(&text));
        assert_eq!(told(&report), Vec::<String>::new(), "{name}");
        assert_eq!(
            (report.verdict, report.coverage.percent().as_str()),
            (Verdict::InSync, "100.0 %"),
            "{name}"
        );
        let projects = text.matches("Type: AWS::CodeBuild::Project").count();
        assert_eq!(report.coverage.by_probe, projects, "{name}");
    }
}

/// Another value of the same shape.
fn changed(value: &Json) -> Json {
    match value {
        Json::String(text) => json!(format!("{text}-x")),
        Json::Bool(it) => json!(!it),
        Json::Number(it) => json!(it.as_i64().unwrap() + 1),
        Json::Array(values) => values.iter().map(changed).collect(),
        Json::Object(entries) => entries.iter().map(|(key, it)| (key.clone(), changed(it))).collect(),
        Json::Null => json!("x"),
    }
}

/// What a probe finds is compared to the last property: nothing of it is taken for unknown, and what isn't there any more is
/// as much otherwise as what is.
#[test]
fn whatever_is_changed_or_removed_where_only_probes_look_is_found_whatever_the_template() {
    for (name, text) in goldens() {
        let (mut removed, mut other) = (as_deployed(&text), as_deployed(&text));
        let (mut gone, mut touched) = (Vec::new(), Vec::new());
        for ((probe, answer), (_, without)) in other.probes.iter_mut().zip(&mut removed.probes) {
            let ProbeResult::Found(answer) = answer else { unreachable!() };
            for (key, value) in answer.as_object().unwrap() {
                let place = format!("{} /{key}", probe.logical_id());
                // CodeBuild doesn't say of everything that it is off.
                gone.extend((*value != json!(false)).then(|| place.clone()));
                touched.push(place);
            }
            *answer = changed(answer);
            *without = ProbeResult::Found(json!({}));
        }
        for (seen, places) in [(removed, gone), (other, touched)] {
            let told = told(&report(&seen));
            for place in places {
                let found = told
                    .iter()
                    .any(|it| it.strip_prefix("drifted ").is_some_and(|it| it.starts_with(&place)));
                assert!(found, "{name}: {place}: {told:?}");
            }
        }
    }
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
        report.remediation.unwrap().input,
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
    property(&mut seen, "BuildPolicy", "PolicyDocument")["Statement"][0]["Action"] = json!("*");
    let report = report(&seen);
    assert_eq!(
        told(&report),
        [
            "drifted BuildPolicy /PolicyDocument",
            "drifted CodebuildRole /ManagedPolicyArns/arn:aws:iam::aws:policy~1AdministratorAccess",
            "drifted KmsKey /KeyPolicy",
            "drifted ModelBuildProject /Environment/PrivilegedMode",
            "drifted SagemakerRole /Policies/mine",
            "drifted ModelBuildProject /Environment/ComputeType",
            "drifted ModelBuildProject /Environment/EnvironmentVariables",
            "drifted ModelBuildProject /Environment/Image",
            "drifted ModelBuildRepository /RepositoryName",
            "drifted ModelPackageGroupArnParameter /Value",
        ]
    );
    let of = |id: &str| report.findings.iter().find(|it| it.logical_id == id).unwrap();
    let edited = of("BuildPolicy");
    assert_eq!((edited.severity, edited.source), (DriftSeverity::High, FindingSource::Probe));
    assert!(
        edited.remediation.contains("create-policy-version --set-as-default --policy-arn arn:aws:iam::"),
        "{}",
        edited.remediation
    );
    let attached = of("CodebuildRole");
    assert_eq!(attached.severity, DriftSeverity::High);
    assert!(attached.remediation.contains(&format!("--policy-arn {extra}")), "{}", attached.remediation);
    assert_eq!(report.remediation, None, "no change set puts back what CloudFormation doesn't see");
}

/// No template sets the visibility, so nothing but the default is right.
#[test]
fn a_project_that_somebody_made_public_is_drift_although_no_template_has_the_property() {
    let mut seen = fresh();
    assert!(!deployed().contains("Visibility"));
    *property(&mut seen, "ModelBuildProject", "Visibility") = json!("PRIVATE");
    assert_eq!(told(&report(&seen)), Vec::<String>::new());
    *property(&mut seen, "ModelBuildProject", "Visibility") = json!("PUBLIC_READ");
    let report = report(&seen);
    assert_eq!(told(&report), ["drifted ModelBuildProject /Visibility"]);
    let finding = &report.findings[0];
    assert_eq!(finding.severity, DriftSeverity::High);
    assert_eq!(finding.expected.as_ref().unwrap().text, "PRIVATE");
    assert!(finding.remediation.contains("update-project-visibility"), "{}", finding.remediation);
}

#[test]
fn a_pipeline_whose_polling_was_turned_off_is_drift_although_no_property_differs() {
    let mut seen = fresh();
    *answer(&mut seen, "ModelBuildPipeline") =
        ProbeResult::Found(json!({"PollingDisabledAt": "2026-11-20T00:00:00Z"}));
    let report = report(&seen);
    assert_eq!(
        told(&report),
        ["drifted ModelBuildPipeline /Stages/0/Actions/0/Configuration/PollForSourceChanges"]
    );
    let finding = &report.findings[0];
    assert_eq!((finding.source, report.verdict), (FindingSource::Probe, Verdict::Drifted));
    assert!(finding.message.contains("no longer detects changes"), "{}", finding.message);
    assert!(finding.message.contains("2026-11-20T00:00:00Z"), "{}", finding.message);
    assert!(
        finding.remediation.contains("start-pipeline-execution --name ModelBuildPipeline-id"),
        "{}",
        finding.remediation
    );
}

#[test]
fn a_pipeline_that_could_not_be_looked_at_is_not_in_sync() {
    let mut seen = fresh();
    let refused = CheckError { kind: CheckErrorKind::Denied, reason: "no".into() };
    *answer(&mut seen, "ModelDeployPipeline") = ProbeResult::Failed(refused);
    let report = report(&seen);
    assert_eq!(report.verdict, Verdict::CouldNotCheck);
    assert!(
        report.findings[0].remediation.contains("codepipeline:GetPipeline"),
        "{}",
        report.findings[0].remediation
    );
}

#[test]
fn a_deleted_subscription_is_not_promised_to_come_back_by_a_revert() {
    let mut seen = fresh();
    *drift(&mut seen, "SecurityEmail") =
        json!({"LogicalResourceId": "SecurityEmail", "StackResourceDriftStatus": "DELETED"});
    let report = report(&seen);
    assert_eq!(told(&report), ["deleted SecurityEmail"]);
    assert!(
        report.findings[0].remediation.contains("doesn't create a subscription again"),
        "{}",
        report.findings[0].remediation
    );
    assert_eq!(report.remediation, None);
}

#[test]
fn each_policy_of_a_role_is_told_on_its_own() {
    let policy = |name: &str| json!({"PolicyName": name, "PolicyDocument": {"Statement": []}});
    let mut seen = fresh();
    let arns = property(&mut seen, "CodebuildRole", "ManagedPolicyArns");
    let ours = arns[0].as_str().unwrap().to_owned();
    *arns = json!(["arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::aws:policy/AdministratorAccess"]);
    *property(&mut seen, "CodebuildRole", "Policies") = json!([policy("mine"), policy("yours")]);
    let lacks = format!("drifted CodebuildRole /ManagedPolicyArns/{}", ours.replace('/', "~1"));
    let mut places = BTreeSet::from([
        lacks.clone(),
        "drifted CodebuildRole /ManagedPolicyArns/arn:aws:iam::aws:policy~1AdministratorAccess".to_owned(),
        "drifted CodebuildRole /ManagedPolicyArns/arn:aws:iam::aws:policy~1ReadOnlyAccess".to_owned(),
        "drifted CodebuildRole /Policies/mine".to_owned(),
        "drifted CodebuildRole /Policies/yours".to_owned(),
    ]);
    let set = |report: &StackReport| told(report).into_iter().collect::<BTreeSet<_>>();
    let it = report(&seen);
    assert_eq!(set(&it), places);
    let detached = it.findings.iter().find(|it| it.property.contains("444455556666")).unwrap();
    assert!(
        detached.remediation.contains("attach-role-policy") && detached.remediation.contains(&ours),
        "{}",
        detached.remediation
    );

    // CloudFormation numbers them: what it told of one hides no other.
    *drift(&mut seen, "CodebuildRole") = json!({
        "LogicalResourceId": "CodebuildRole", "StackResourceDriftStatus": "MODIFIED",
        "PropertyDifferences": [{"PropertyPath": "/ManagedPolicyArns/0", "ExpectedValue": ours, "ActualValue": "null", "DifferenceType": "REMOVE"}],
    });
    places.remove(&lacks);
    places.insert("drifted CodebuildRole /ManagedPolicyArns/0".to_owned());
    assert_eq!(set(&report(&seen)), places);

    // Who lives with one policy doesn't live with the next.
    let list = b"ignore:\n  - {stack: '*', logical_id: CodebuildRole, property: '/ManagedPolicyArns/arn:aws:iam::aws:policy~1ReadOnlyAccess', reason: known, who: jane, expires: 2027-01-01}\n";
    let it = evaluate(&seen, &IgnoreList::read(list), &about()).unwrap();
    assert_eq!((it.ignored.len(), it.findings.len()), (1, 4));
    assert!(told(&it).iter().any(|it| it.ends_with("AdministratorAccess")));
}

#[test]
fn a_parameter_that_is_not_echoed_is_like_anything() {
    let value = "Value: !GetAtt ModelPackageGroup.ModelPackageGroupArn";
    let hidden = "\nParameters:\n  Hidden:\n    Type: String\n    NoEcho: true\n";
    let text = deployed().replace(value, "Value: !Ref Hidden").replacen("\nParameters:\n", hidden, 1);
    let mut seen = as_deployed(&text);
    seen.stack.parameters.insert("Hidden".to_owned(), "****".to_owned());
    *property(&mut seen, "ModelPackageGroupArnParameter", "Value") = json!("what nobody knows");
    assert_eq!(told(&report(&seen)), Vec::<String>::new());
}

#[test]
fn a_part_that_a_probe_sees_does_not_make_up_for_the_whole() {
    let mut seen = fresh();
    for id in ["ModelPackageGroupArnParameter", "ModelBuildRepository"] {
        drift(&mut seen, id)["StackResourceDriftStatus"] = json!("UNKNOWN");
    }
    let it = report(&seen);
    // A probe sees all of a repository, and of a parameter what readers get.
    assert_eq!(told(&it), ["could not check ModelPackageGroupArnParameter"]);
    assert_eq!(
        (it.verdict, it.coverage.could_not_check, it.coverage.by_probe),
        (Verdict::CouldNotCheck, 1, 3)
    );
}

#[test]
fn a_resource_that_is_modified_nobody_knows_where_is_drifted() {
    for differences in [json!([]), Json::Null] {
        let mut seen = fresh();
        let it = drift(&mut seen, "ModelBuildRepository");
        it["StackResourceDriftStatus"] = json!("MODIFIED");
        it["PropertyDifferences"] = differences;
        *property(&mut seen, "ModelBuildRepository", "RepositoryName") = json!("renamed");
        let it = report(&seen);
        assert_eq!(
            told(&it),
            ["drifted ModelBuildRepository", "drifted ModelBuildRepository /RepositoryName"]
        );
        assert!(it.remediation.is_some());
    }
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
    *answer(&mut seen, "ModelBuildRepository") = ProbeResult::Missing;
    assert_eq!(
        told(&report(&seen)),
        ["deleted ModelBuildRepository", "drifted ModelPackageGroupArnParameter /Value"]
    );
    // Of a document CloudFormation may tell less than the probe.
    let mut seen = fresh();
    *drift(&mut seen, "BuildPolicy") = json!({
        "LogicalResourceId": "BuildPolicy", "StackResourceDriftStatus": "MODIFIED",
        "PropertyDifferences": [{"PropertyPath": "/PolicyDocument/Statement/0/Sid", "ExpectedValue": "x", "ActualValue": "y", "DifferenceType": "NOT_EQUAL"}],
    });
    let statement = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    property(&mut seen, "BuildPolicy", "PolicyDocument")["Statement"].as_array_mut().unwrap().push(statement);
    let it = report(&seen);
    assert_eq!(told(&it), ["drifted BuildPolicy /PolicyDocument"]);
    assert!(
        it.remediation.is_some()
            && it.findings[0].actual.as_ref().unwrap().text.contains(r#""Action":["*"]"#)
    );
}

#[test]
fn could_not_check_is_never_in_sync() {
    let refused = |kind| CheckError { kind, reason: "told to".to_owned() };
    for why in [
        CheckErrorKind::Denied,
        CheckErrorKind::Throttled,
        CheckErrorKind::TimedOut,
        CheckErrorKind::Busy,
        CheckErrorKind::Failed,
        CheckErrorKind::Unavailable,
    ] {
        let mut seen = fresh();
        seen.detection = Detection::Failed(refused(why));
        let it = report(&seen);
        assert_eq!(it.verdict, Verdict::CouldNotCheck, "{why:?}");
        assert!(it.coverage.permille() < 1_000, "{why:?}");
        let mut seen = fresh();
        *answer(&mut seen, "KmsKey") = ProbeResult::Failed(refused(why));
        assert_eq!(report(&seen).verdict, Verdict::CouldNotCheck, "{why:?}");
        let mut seen = fresh();
        seen.template = Err(refused(why));
        assert_eq!(report(&seen).verdict, Verdict::CouldNotCheck, "{why:?}");
    }
    let mut seen = fresh();
    seen.detection = Detection::Failed(refused(CheckErrorKind::Gone));
    assert_eq!(report(&seen).verdict, Verdict::Deleted);
    // What was held against nothing was not checked.
    let mut seen = fresh();
    seen.template = Err(refused(CheckErrorKind::Denied));
    let it = report(&seen);
    assert_eq!((it.coverage.by_probe, it.coverage.could_not_check), (0, 2));
    // Detection that broke off, and a resource of which CloudFormation knows nothing.
    let mut seen = fresh();
    let Detection::Completed { failed, drifts } = &mut seen.detection else { unreachable!() };
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
    drift(&mut seen, "KmsAlias")["StackResourceDriftStatus"] = json!("NOT_CHECKED");
    drift(&mut seen, "SecurityLogGroup")["StackResourceDriftStatus"] = json!("UNSUPPORTED");
    seen.probes.retain(|(probe, _)| !matches!(probe, Probe::Project { .. }));
    let it = report(&seen);
    assert_eq!((it.verdict, it.coverage.not_checkable), (Verdict::InSync, 5));
    assert!(it.findings.iter().all(|finding| finding.severity == DriftSeverity::Info));
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
        it.findings
            .iter()
            .filter(|it| it.kind == FindingKind::ConfigDrift)
            .all(|it| it.property.ends_with("Tags")),
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
fn what_another_version_makes_of_the_same_config_is_outdated_and_no_drift() {
    let words = ("Source of the code that trains", "What trains");
    let older = deployed().replace("Version: \"0.1.0\"", "Version: \"0.0.9\"");
    let older = older.replace(
        &format!("RepositoryDescription: {}", words.0),
        &format!("RepositoryDescription: {}", words.1),
    );
    let mut seen = StackSnapshot { config: fresh().config, ..as_deployed(&older) };
    let it = report(&seen);
    assert_eq!(told(&it), ["outdated the stack", "outdated ModelBuildRepository /RepositoryDescription"]);
    assert_eq!((it.verdict, it.findings[0].severity), (Verdict::InSync, DriftSeverity::Low));
    // Of another config nobody can tell whether it is the version's doing.
    seen.config.as_mut().unwrap().bytes.as_mut().unwrap().extend(b"# another\n");
    let it = report(&seen);
    assert_eq!(told(&it), ["config drift ModelBuildRepository /RepositoryDescription", "outdated the stack"]);
    assert_eq!(it.verdict, Verdict::Drifted);
}

#[test]
fn a_template_that_this_version_did_not_make_of_the_config_is_drift_in_every_part_of_it() {
    let keep = "    DeletionPolicy: Delete\n    UpdateReplacePolicy: Retain\n";
    let changes = [
        (
            keep,
            "    DeletionPolicy: Retain\n    UpdateReplacePolicy: Delete\n",
            vec!["ModelPackageGroup /DeletionPolicy", "ModelPackageGroup /UpdateReplacePolicy"],
        ),
        ("\nOutputs:\n", "\nOutputs:\n  More:\n    Value: x\n", vec!["the template /Outputs/More"]),
        (
            "\nParameters:\n",
            "\nParameters:\n  More:\n    Type: String\n    Default: x\n",
            vec!["the template /Parameters/More"],
        ),
        ("\nResources:\n", "\nResources:\n  More:\n    Type: AWS::SNS::Topic\n", vec!["More"]),
    ];
    for (from, to, places) in changes {
        let mut seen = fresh();
        seen.template = seen.template.map(|text| text.replacen(from, to, 1));
        let it = report(&seen);
        let places: Vec<String> = places.into_iter().map(|it| format!("config drift {it}")).collect();
        assert_eq!((told(&it), it.verdict), (places, Verdict::Drifted));
    }
}

#[test]
fn an_ignored_finding_stays_visible_and_does_not_count() {
    let list = b"ignore:\n  - {stack: the-*, logical_id: CodebuildRole, property: '*', reason: known, who: jane, expires: 2027-01-01}\n";
    let mut seen = fresh();
    property(&mut seen, "CodebuildRole", "ManagedPolicyArns")
        .as_array_mut()
        .unwrap()
        .push(json!("arn:aws:iam::aws:policy/ReadOnlyAccess"));
    let it = evaluate(&seen, &IgnoreList::read(list), &about()).unwrap();
    assert_eq!((it.verdict, it.findings.len(), it.ignored.len()), (Verdict::InSync, 0, 1));
    assert_eq!((it.ignored[0].who.as_str(), it.ignored[0].reason.as_str()), ("jane", "known"));
    let later = ReportContext { checked_at: "2027-01-02T00:00:00Z".into(), ..about() };
    assert_eq!(evaluate(&seen, &IgnoreList::read(list), &later).unwrap().verdict, Verdict::Drifted);
}

#[test]
fn secrets_are_in_no_report() {
    let mut seen = fresh();
    *drift(&mut seen, "SecurityLogGroup") = json!({
        "LogicalResourceId": "SecurityLogGroup", "StackResourceDriftStatus": "MODIFIED",
        "PropertyDifferences": [{"PropertyPath": "/Secret/Password", "ExpectedValue": "hunter2hunter2", "ActualValue": "AKIAIOSFODNN7EXAMPLE", "DifferenceType": "NOT_EQUAL"}],
    });
    let variables = &mut property(&mut seen, "ModelBuildProject", "Environment")["EnvironmentVariables"];
    let url = json!({"Name": "DB", "Value": "postgres://app:correct-horse@db:5432/x", "Type": "PLAINTEXT"});
    variables.as_array_mut().unwrap().push(url);
    *property(&mut seen, "BucketNameParameter", "Value") = json!("https://me:battery-staple@example.com");
    // A parameter's path says what is in it.
    let mut resources = seen.resources.as_mut().unwrap().iter_mut();
    let parameter = resources.find(|it| it.logical_id == "ModelPackageGroupArnParameter").unwrap();
    parameter.physical_id = Some("/ml/x/ApiToken".to_owned());
    *property(&mut seen, "ModelPackageGroupArnParameter", "Value") = json!("abcdefgh12345678");
    let it = report(&seen);
    let text = serde_json::to_string(&it).unwrap() + &stack_html(&it).unwrap();
    for secret in
        ["AKIAIOSFODNN7EXAMPLE", "hunter2hunter2", "correct-horse", "battery-staple", "abcdefgh12345678"]
    {
        assert!(!text.contains(secret), "{secret}");
    }
    assert!(text.contains("postgres://app:*************@db:5432/x"), "{text}");
}

#[test]
fn a_fleet_tells_what_is_new_and_what_is_over_and_is_quiet_otherwise() {
    let gather = |reports: &[StackReport]| {
        let mut builder = FleetBuilder::default();
        for it in reports {
            builder.add(it);
        }
        builder
    };
    let ignore = IgnoreList::default();
    let named =
        |seen: &StackSnapshot, name: &str| StackReport { stack_name: name.to_owned(), ..report(seen) };
    let mut bad = fresh();
    *answer(&mut bad, "ModelBuildProject") = ProbeResult::Missing;
    let quiet = [named(&fresh(), "a"), named(&fresh(), "b")];
    let first = gather(&quiet).finish("r1", "2026-11-24T06:00:00Z", None, &ignore, None);
    assert!(!first.has_changes());
    let second = gather(&[named(&fresh(), "a"), named(&bad, "b")]).finish(
        "r2",
        "2026-11-25T06:00:00Z",
        None,
        &ignore,
        Some(&first),
    );
    assert!(second.has_changes());
    assert_eq!((second.new.len(), second.resolved.len(), second.totals.drifted), (1, 0, 1));
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
    assert!(!same.has_changes(), "the same again is no news");
    assert!(same.message("page", true).contains("Open (1)"), "a digest says it nevertheless");
    let fixed = gather(&quiet).finish("r4", "2026-11-27T06:00:00Z", None, &ignore, Some(&same));
    assert_eq!((fixed.new.len(), fixed.resolved.len(), fixed.has_changes()), (0, 1, true));
    assert_eq!(fixed.history.iter().map(|it| it.totals.drifted).collect::<Vec<_>>(), [0, 1, 1, 0]);
    // A run over one stack keeps the others' lines and stays out of the history.
    let one =
        gather(&[named(&bad, "a")]).finish("r5", "2026-11-27T07:00:00Z", Some("a"), &ignore, Some(&fixed));
    assert_eq!((one.stacks.len(), one.history.len(), one.totals.drifted), (2, 4, 1));
    // A product that was deleted takes its findings with it.
    let fewer =
        gather(&[named(&fresh(), "a")]).finish("r6", "2026-11-28T06:00:00Z", None, &ignore, Some(&same));
    assert_eq!((fewer.resolved.len(), fewer.has_changes(), fewer.stacks.len()), (1, true, 1));
    let metrics = second.metrics("suite", 1);
    let declared = metrics.pointer("/_aws/CloudWatchMetrics/0/Metrics").unwrap().as_array().unwrap();
    assert!(declared.iter().all(|it| metrics.get(it["Name"].as_str().unwrap()).is_some_and(Json::is_number)));
    // At every level of the suite's parameter `LogLevel` Lambda keeps the line.
    assert_eq!(
        (metrics["level"].as_str(), metrics["timestamp"].as_str()),
        (Some("FATAL"), Some("1970-01-01T00:00:00Z"))
    );
    for fleet in [&first, &second, &one] {
        assert!(fleet_html(fleet, PageKind::Latest).unwrap().contains("<h1>Drift of the fleet</h1>"));
    }
}

/// The table of `docs/drift.md` has every type that products have, and a probe where there is one.
#[test]
fn the_documentation_says_of_every_type_who_checks_it() {
    let text = std::fs::read_to_string(root().join("docs/drift.md")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `AWS::"));
    let told: BTreeSet<(String, bool)> = rows
        .map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            assert_eq!(cells.len(), 5, "{row}");
            (format!("AWS::{}", cells[0].trim_end_matches('`')), !cells[2].is_empty())
        })
        .collect();
    let kinds = Tier::ALL.into_iter().flat_map(|tier| {
        let product = actions::show_product(tier).unwrap().outcome.products.remove(0);
        product.resources.into_iter().map(|it| it.kind)
    });
    let products: BTreeSet<(String, bool)> = kinds
        .map(|kind| {
            let (physical_id, status) = (Some("x".to_owned()), "CREATE_COMPLETE".to_owned());
            let resource =
                ResourceSummary { logical_id: "X".to_owned(), physical_id, kind: kind.clone(), status };
            (kind, !wanted(&Template::default(), &[resource]).is_empty())
        })
        .collect();
    assert_eq!(told, products);
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
    *answer(&mut seen, "ModelBuildProject") = ProbeResult::Failed(CheckError {
        kind: CheckErrorKind::Denied,
        reason: "AccessDenied: codebuild:BatchGetProjects".into(),
    });
    *property(&mut seen, "SagemakerRole", "Policies") =
        json!([{"PolicyName": "mine", "PolicyDocument": {"Statement": []}}]);
    seen.template = seen.template.map(|text| text.replace("Version: \"0.1.0\"", "Version: \"0.0.9\""));
    let list = b"ignore:\n  - {stack: '*', logical_id: SagemakerRole, property: /Policies/mine, reason: agreed with security, who: jane, expires: 2027-01-01}\n  - {stack: nobody, logical_id: '*', property: '*', reason: x, who: y, expires: 2020-01-01}\n";
    let ignore = IgnoreList::read(list);
    let stack = evaluate(&seen, &ignore, &about()).unwrap();
    let calm = StackReport { stack_name: "calm-stack".into(), ..report(&fresh()) };
    let gather = |reports: &[&StackReport]| {
        let mut builder = FleetBuilder::default();
        for it in reports {
            builder.add(it);
        }
        builder
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

    let root = root();
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
    // As in the bucket below `reports/drift/latest/`, so that the links between the pages lead somewhere.
    let files = [
        ("stacks/the-stack.json", pretty(serde_json::to_string_pretty(&stack).unwrap())),
        ("stacks/the-stack.html", stack_html(&stack).unwrap()),
        ("stacks/calm-stack.html", stack_html(&calm).unwrap()),
        ("fleet.json", pretty(serde_json::to_string_pretty(&fleet).unwrap())),
        ("index.html", fleet_html(&fleet, PageKind::Latest).unwrap()),
    ];
    let folder = root.join("tests/golden/drift");
    for (name, text) in files {
        let path = folder.join(name);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
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
        let Detection::Completed { drifts, .. } = &mut seen.detection else { unreachable!() };
        for (drift, status) in drifts.iter_mut().zip(&statuses) {
            let status = ["IN_SYNC", "MODIFIED", "DELETED", "NOT_CHECKED", "UNKNOWN", "LATER"][*status];
            drift["StackResourceDriftStatus"] = json!(status);
        }
        let one = report(&seen);
        let Detection::Completed { drifts, .. } = &mut seen.detection else { unreachable!() };
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
