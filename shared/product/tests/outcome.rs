//! The result object is what `schemas/outcome.schema.json` says.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::path::Path;

use mlp_product::actions::{self, Suite};
use mlp_product::config::Tier;
use mlp_product::outcome::{Outcome, ProductSummary, ResourceSummary, ScenarioSummary, Source, count};
use mlp_template::codes;
use mlp_template::finding::{Finding, Severity};
use mlp_template::security::Rules;
use serde_json::{Value, json};

fn problems(value: &Value) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/outcome.schema.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

fn assert_fits(outcome: &Outcome) {
    assert_eq!(problems(&json!(outcome)), Vec::<String>::new());
}

/// Every member that the schema has is there.
fn full() -> Outcome {
    let counts = count(["AWS::S3::Bucket", "AWS::SSM::Parameter"].into_iter());
    let hash = "0123456789abcdef".repeat(4);
    let finding = Finding::warning(codes::MISSING_TAG, "/tags/owner", "the wanted tag `owner` is missing")
        .help("add it")
        .at(3, 1);
    Outcome {
        ml_name: Some("techcorp-prod-a001-us-west-2-customer-churn-ml".to_owned()),
        stack_name: Some("techcorp-prod-a001-us-west-2-customer-churn-ml-stack".to_owned()),
        scenario: Some("s3-standalone-ssm-workload-rtb".to_owned()),
        tier: Some("enterprise".to_owned()),
        resource_counts: Some(counts.clone()),
        outputs: vec!["templates/a.yaml".to_owned()],
        hashes: [("templates/a.yaml".to_owned(), hash.clone())].into(),
        findings_left_out: 7,
        findings_at: Some("s3://suite/reports/findings/configs/a.yaml/0123456789abcdef.json".to_owned()),
        products: vec![ProductSummary {
            tier: "enterprise".to_owned(),
            title: "Enterprise".to_owned(),
            summary: "All of it.".to_owned(),
            extends: Some("professional".to_owned()),
            scenarios: vec![ScenarioSummary {
                scenario: "s3-standalone".to_owned(),
                resource_counts: counts,
            }],
            resources: vec![ResourceSummary {
                logical_id: "ArtifactsBucket".to_owned(),
                kind: "AWS::S3::Bucket".to_owned(),
                name: Some("{ml_name}-artifacts".to_owned()),
                group: "storage".to_owned(),
                purpose: "Holds pipeline artifacts".to_owned(),
                when: Some("source_control: s3".to_owned()),
            }],
        }],
        source: Source {
            bucket: Some("suite".to_owned()),
            key: Some("configs/a.yaml".to_owned()),
            version_id: Some("v1".to_owned()),
            sequencer: Some("0A".to_owned()),
            sha256: Some(hash),
        },
        ..Outcome::of("create-prov-template", vec![finding])
    }
}

#[test]
fn an_outcome_with_everything_and_one_with_nothing_fit() {
    assert_fits(&full());
    assert_fits(&Outcome::of("validate-config", Vec::new()));
}

#[test]
fn what_the_actions_answer_fits() {
    let suite = Suite::default();
    let example = include_bytes!(
        "../../../configs/examples/enterprise/globalbank-prod-c001-us-west-2-demand-forecasting-ml-s3-standalone-ssm.yaml"
    );
    let answers = [
        actions::validate_config(example, &suite),
        actions::validate_config(b"client: 1", &suite),
        actions::validate_config(b"\xff", &suite),
        actions::create_prov_template(example, &suite, &Rules::none()),
        actions::validate_prov_template(example, &suite, &Rules::none()),
        actions::create_policy(example, &suite),
        actions::create_review_report(example, &suite, &Rules::none()),
        actions::generate(example, &suite, &Rules::none()),
        actions::list_products(),
        actions::show_product(Tier::Enterprise),
    ];
    for made in answers {
        assert_fits(&made.unwrap().outcome);
    }
}

#[test]
fn a_status_object_fits_with_both_of_its_members_and_not_with_one() {
    let mut status = json!(full());
    status["stored"] = json!([{
        "path": "templates/a.yaml",
        "sha256": "0123456789abcdef".repeat(4),
        "version_id": "v1",
        "sequencer": "0A",
        "generator_version": "0.1.0",
    }]);
    assert!(!problems(&status).is_empty());
    status["left_behind"] = json!(["templates/b.yaml"]);
    assert_eq!(problems(&status), Vec::<String>::new());
}

/// The schema lists every member: a new one in the code doesn't fit before it stands there.
#[test]
fn every_member_is_described() {
    let mut outcome = json!(full());
    assert!(problems(&outcome).is_empty());
    for block in ["", "/findings/0", "/source", "/resource_counts", "/products/0", "/products/0/resources/0"]
    {
        outcome.pointer_mut(block).unwrap()["new"] = json!(1);
        assert_eq!(problems(&outcome).len(), 1, "{block}");
        outcome.pointer_mut(block).unwrap().as_object_mut().unwrap().remove("new");
    }
}

#[test]
fn the_schemas_say_the_same_about_findings() {
    let schema = |name: &str| -> Value {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas").join(name);
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    };
    let outcome = schema("outcome.schema.json");
    for (name, shared) in [
        ("findings.schema.json", ["path", "sha256", "version", "finding", "position", "source"].as_slice()),
        ("execution.schema.json", &["path", "version", "finding", "position"]),
    ] {
        let other = schema(name);
        for definition in shared {
            assert_eq!(other["$defs"][definition], outcome["$defs"][definition], "{name} {definition}");
        }
    }
    let most = schema("execution.schema.json")["properties"]["findings"]["maxItems"].as_u64();
    assert_eq!(most, u64::try_from(mlp_template::finding::MAX_FINDINGS).ok());
}

/// A starter product in a region.
fn in_region(region: &str, source: &str) -> String {
    format!(
        "client: {{company_name: T, company_prefix: techcorp, account_id: \"123456789012\", tenant_id: a001}}\n\
         environment: {{env: prod, region: {region}}}\n\
         ml_product: {{use_case: churn, tier: starter, source_control: {source}, s3_prefix: techcorp-sources}}\n\
         tags: {{cost_center: a, project: b, owner: c}}\n"
    )
}

fn of_code<'f>(outcome: &'f Outcome, code: &str) -> Vec<&'f Finding> {
    outcome.findings.iter().filter(|finding| finding.code.as_str() == code).collect()
}

#[test]
fn a_region_that_lacks_types_is_a_warning_that_names_all_of_them() {
    let config = in_region("mx-central-1", "codecommit");
    let outcome = actions::validate_config(config.as_bytes(), &Suite::default()).unwrap().outcome;
    let [missing] = of_code(&outcome, "MLP-GEN-005")[..] else { panic!("{:?}", outcome.findings) };
    assert!(outcome.ok && missing.line.is_some());
    for kind in ["AWS::CodeBuild::Project", "AWS::CodeCommit::Repository"] {
        assert!(missing.message.contains(kind), "{}", missing.message);
    }
    let [doubtful] = of_code(&outcome, "MLP-GEN-006")[..] else { panic!("{:?}", outcome.findings) };
    assert!(doubtful.message.contains("AWS::CodePipeline::Pipeline"), "{}", doubtful.message);

    // CodeCommit alone can be done without.
    let outcome =
        actions::validate_config(in_region("eu-south-2", "codecommit").as_bytes(), &Suite::default());
    let outcome = outcome.unwrap().outcome;
    let help = of_code(&outcome, "MLP-GEN-005")[0].help.clone().unwrap();
    assert!(help.contains("`source_control: s3`"), "{help}");
    let outcome = actions::validate_config(in_region("eu-south-2", "s3").as_bytes(), &Suite::default());
    assert!(of_code(&outcome.unwrap().outcome, "MLP-GEN-005").is_empty());

    let outcome = actions::validate_config(in_region("me-west-1", "s3").as_bytes(), &Suite::default());
    assert_eq!(of_code(&outcome.unwrap().outcome, "MLP-GEN-006").len(), 1);
    let outcome =
        actions::validate_config(in_region("us-west-2", "codecommit").as_bytes(), &Suite::default());
    let outcome = outcome.unwrap().outcome;
    let codes: Vec<&str> = outcome.findings.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!(codes, ["MLP-CFG-016"]);
}

#[test]
fn a_region_that_lacks_types_is_refused_by_what_creates_stacks_and_by_nothing_else() {
    let config = in_region("mx-central-1", "s3");
    let severity = |action: &str| {
        let outcome = actions::deployable(action, config.as_bytes(), &Suite::default(), &Rules::none(), None);
        let outcome = outcome.unwrap().0;
        (outcome.ok, of_code(&outcome, "MLP-GEN-005")[0].severity)
    };
    for action in ["deploy-product", "test-deploy"] {
        assert_eq!(severity(action), (false, Severity::Error), "{action}");
    }
    for action in ["show-changes", "check-drift", "delete-product"] {
        assert_eq!(severity(action), (true, Severity::Warning), "{action}");
    }
}
