//! Findings without end: a result holds the most important ones, counts the others and names the object that has all.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may panic")]

mod world;

use mlp_operations::execution::outcome::{ExecutionOutcome, Report};
use mlp_product::actions::{self, Suite};
use mlp_product::outcome::{AllFindings, Outcome};
use mlp_template::finding::{Finding, MAX_FINDINGS, Severity};
use mlp_template::security::Rules;
use serde_json::{Value as Json, json};

use world::World;

const EXAMPLE: &str = include_str!(
    "../../../configs/examples/starter/techcorp-prod-a001-us-west-2-customer-churn-ml-codecommit.yaml"
);

fn wrong(mistakes: usize) -> String {
    let unknown = (0..mistakes).map(|number| format!("unknown_key_number_{number}: x\n"));
    unknown.fold(EXAMPLE.replace("env: prod", "env: dev"), |all, line| all + &line)
}

/// Rules of an organization that warn of every resource.
fn warnings(rules: usize) -> String {
    let rule = |number| format!("rule warn_number_{number} {{ Resources.*.Properties.Nothing exists }}\n");
    (0..rules).map(rule).fold(String::new(), |all, rule| all + &rule)
}

/// What `mlp` finds in the same config.
fn by_hand(config: &str) -> Vec<Finding> {
    let suite = Suite {
        region: Some("us-west-2".into()),
        account_id: Some("123456789012".into()),
        ..Suite::default()
    };
    actions::validate_config(config.as_bytes(), &suite).unwrap().outcome.findings
}

fn object(world: &World, at: Option<&str>) -> Vec<u8> {
    let key = at.unwrap().strip_prefix("s3://suite/").unwrap();
    world.store.content(key).unwrap_or_else(|| panic!("there is no {key}: {:?}", world.store.keys()))
}

fn all_at(world: &World, at: Option<&str>) -> Vec<Finding> {
    let bytes = object(world, at);
    fits("findings.schema.json", &bytes);
    serde_json::from_slice::<AllFindings>(&bytes).unwrap().findings
}

fn fits(schema: &str, bytes: &[u8]) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas").join(schema);
    let schema: Json = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let value: Json = serde_json::from_slice(bytes).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let problems: Vec<String> = validator.iter_errors(&value).take(3).map(|it| it.to_string()).collect();
    assert_eq!(problems, Vec::<String>::new());
}

/// The result object in the bucket.
fn kept(world: &World, name: &str) -> Report {
    let bytes = world.store.content(&format!("deployments/results/{name}.json")).unwrap();
    fits("execution.schema.json", &bytes);
    serde_json::from_slice(&bytes).unwrap()
}

#[test]
fn a_config_with_2501_mistakes_loses_none_of_them() {
    let config = wrong(2_501);
    let expected = by_hand(&config);
    assert!(expected.len() >= 2_501);
    for action in ["show-changes", "deploy-product", "test-deploy", "delete-product"] {
        let world = World::new();
        let mut input = json!({"action": action, "config": config});
        if action != "show-changes" && action != "test-deploy" {
            input["force"] = json!(true);
        }
        let report = world.execute("one", &input);
        // The execution's own cause is shorter than the result object in the bucket.
        assert!(serde_json::to_string(&report).unwrap().len() < 32_768, "{action}");
        for (what, report) in [("execution", report), ("object", kept(&world, "one"))] {
            assert_eq!(report.outcome, ExecutionOutcome::Failed);
            assert!((1..=MAX_FINDINGS).contains(&report.findings.len()), "{action} {what}");
            assert_eq!(report.findings.len() + report.findings_left_out, expected.len(), "{action} {what}");
            assert_eq!(
                report.findings_at.as_deref(),
                Some("s3://suite/deployments/files/one/findings.json"),
                "{what}"
            );
            assert_eq!(all_at(&world, report.findings_at.as_deref()), expected, "{action} {what}");
        }
    }
}

#[test]
fn what_the_library_answers_is_limited_in_the_bucket_and_in_the_execution() {
    let config = wrong(3_000);
    let expected = by_hand(&config);
    let world = World::new();
    let report = world.execute("one", &json!({"action": "validate-config", "config": config}));
    assert!(serde_json::to_string(&report).unwrap().len() < 32_768);
    let bytes = object(&world, report.result_at.as_deref());
    fits("outcome.schema.json", &bytes);
    let stored: Outcome = serde_json::from_slice(&bytes).unwrap();
    for (what, result) in [("execution", report.result.clone().unwrap()), ("object", stored)] {
        assert!((1..=MAX_FINDINGS).contains(&result.findings.len()), "{what}");
        assert_eq!(result.findings.len() + result.findings_left_out, expected.len(), "{what}");
        assert_eq!(all_at(&world, result.findings_at.as_deref()), expected, "{what}");
    }
    let result = report.result.unwrap();
    let told = format!("({} more findings are in {})", result.findings_left_out, result.findings_at.unwrap());
    assert!(report.error.unwrap().message.ends_with(&told), "{told}");
}

#[test]
fn errors_are_kept_before_warnings() {
    // And a check that refuses the template.
    let warnings = warnings(30);
    let world = World::new();
    world.store.upload(
        "rules/many.guard",
        format!("{warnings}\nrule refuse {{ Resources.ArtifactsBucket.Nothing exists }}\n"),
    );
    let config = EXAMPLE.replace("env: prod", "env: dev");
    let report = world.execute("one", &json!({"action": "show-changes", "config": config}));
    let kept = kept(&world, "one");
    assert_eq!(
        kept.findings.len() + kept.findings_left_out,
        all_at(&world, kept.findings_at.as_deref()).len()
    );
    assert!(kept.findings_left_out > 100, "{}", kept.findings_left_out);
    for report in [report, kept] {
        assert!(report.findings.iter().any(|it| it.severity == Severity::Error), "{report:?}");
    }
}

#[test]
fn warnings_without_end_are_carried_through_a_deployment_that_succeeds() {
    let world = World::new();
    world.store.upload("rules/many.guard", warnings(40));
    let config = EXAMPLE.replace("env: prod", "env: dev");
    let suite = Suite {
        region: Some("us-west-2".into()),
        account_id: Some("123456789012".into()),
        ..Suite::default()
    };
    let rules = Rules::parse(&[mlp_template::security::RuleFile {
        name: "rules/many.guard".to_owned(),
        text: world.store.content("rules/many.guard").unwrap(),
    }]);
    let expected =
        actions::deployable("deploy-product", config.as_bytes(), &suite, &rules, None).unwrap().0.findings;
    let input = json!({"action": "deploy-product", "force": true, "config": config});
    let report = world.execute("one", &input);
    assert_eq!(report.outcome, ExecutionOutcome::Created, "{report:?}");
    let kept = kept(&world, "one");
    assert_eq!(kept.findings.len() + kept.findings_left_out, expected.len());
    assert_eq!(all_at(&world, kept.findings_at.as_deref()), expected);
}

#[test]
fn a_bucket_that_refuses_the_findings_does_not_hide_the_failure() {
    let world = World::new();
    world.store.fail("PutObject", "/findings/ReadInput.json", mlp_testkit::memory::Fault::Denied);
    let report = world.execute("one", &json!({"action": "show-changes", "config": wrong(2_501)}));
    assert_eq!(report.error.unwrap().name, "MLProvisioner.InvalidInput");
    assert!(report.findings_left_out > 2_000, "{}", report.findings_left_out);
}

#[test]
fn few_findings_have_no_object_of_their_own() {
    let world = World::new();
    let report = world.execute("one", &json!({"action": "show-changes", "config": wrong(3)}));
    assert_eq!((report.findings.len(), report.findings_left_out, report.findings_at), (3, 0, None));
    let findings: Vec<String> =
        world.store.keys().into_iter().filter(|key| key.contains("findings")).collect();
    assert_eq!(findings, Vec::<String>::new());
}
