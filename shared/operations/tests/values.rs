//! What executions say of values in Parameter Store: where they are and what shape they need, never what they are.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may panic")]

mod world;

use mlp_operations::execution::outcome::{ExecutionOutcome, Report};
use mlp_product::expand::ParameterPaths;
use serde_json::{Value as Json, json};

use world::World;

const EXAMPLE: &str = include_str!(
    "../../../configs/examples/starter/techcorp-prod-a001-us-west-2-customer-churn-ml-codecommit.yaml"
);

const LAKE: &str = "/s3/lake/BucketName";

/// A deployment of a product whose data lake is in Parameter Store.
fn deployment(lake: &str) -> Json {
    let config = EXAMPLE.replace("env: prod", "env: dev");
    let config = config.replace("  tier: starter\n", &format!("  tier: starter\n  data_lake: {lake}\n"));
    json!({"action": "deploy-product", "force": true, "config": config})
}

fn error(report: &Report) -> &str {
    &report.error.as_ref().unwrap_or_else(|| panic!("{report:?}")).name
}

#[test]
fn a_path_outside_of_parameter_paths_stops_before_parameter_store_is_asked() {
    let mut world = World::new();
    world.settings.parameter_paths = ParameterPaths::parse("/vpc/*,/sg/*,/s3/*,/lb/*,/ml/*");
    let report = world.execute("one", &deployment("/billing/db/password"));
    assert_eq!(error(&report), "MLProvisioner.PreflightFailed");
    let finding = report.findings.iter().find(|it| it.code.as_str() == "MLP-PRE-001").unwrap();
    assert_eq!(finding.path, "/ml_product/data_lake");
    for part in
        ["`/billing/db/password`", "`ParameterPaths`", "`/vpc/*`, `/sg/*`, `/s3/*`, `/lb/*` or `/ml/*`"]
    {
        assert!(finding.message.contains(part), "{}", finding.message);
    }
    let calls = world.stacks.calls();
    assert!(!calls.contains_key("ssm:GetParameters"), "{calls:?}");
    assert!(!calls.contains_key("cloudformation:CreateChangeSet"), "{calls:?}");
    world.stacks.put_parameter(LAKE, "techcorp-lake");
    assert_eq!(world.execute("two", &deployment(LAKE)).outcome, ExecutionOutcome::Created);
}

#[test]
fn a_data_lake_that_is_no_bucket_stops_before_a_policy_names_it() {
    for value in ["*", "hunter2 is the password", "arn:aws:s3:::techcorp-lake"] {
        let world = World::new();
        world.stacks.put_parameter(LAKE, value);
        let report = world.execute("one", &deployment(LAKE));
        assert_eq!(error(&report), "MLProvisioner.PreflightFailed", "{value}");
        assert!(!world.stacks.calls().contains_key("cloudformation:CreateChangeSet"), "{value}");
        // Everything that is kept of the execution, and what a custom resource would answer.
        let stored = world.store.keys().into_iter().filter_map(|key| world.store.content(&key));
        let stored: String = stored.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect();
        let kept = format!("{report:?} {stored}");
        assert!(value == "*" || !kept.contains(value), "{kept}");
        assert!(kept.contains("but must hold the name of an S3 bucket"), "{kept}");
    }
}
