//! Executions that deploy nothing: what the library does alone, and drift.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may panic")]

mod world;

use mlp_aws::calls::Kind;
use mlp_operations::drift::Verdict;
use mlp_operations::execution::outcome::{ExecutionOutcome, Report};
use mlp_operations::license::Mode;
use mlp_product::actions::{self, Suite};
use mlp_product::outcome::{Made, Outcome};
use mlp_template::security::Rules;
use serde_json::{Value as Json, json};

use world::World;

const STACK: &str = "techcorp-dev-a001-us-west-2-customer-churn-ml-stack";

const EXAMPLE: &str = include_str!(
    "../../../configs/examples/starter/techcorp-prod-a001-us-west-2-customer-churn-ml-codecommit.yaml"
);

fn config() -> String {
    EXAMPLE.replace("env: prod", "env: dev")
}

fn asked(action: &str) -> Json {
    json!({"action": action, "config": config()})
}

fn error(report: &Report) -> &str {
    &report.error.as_ref().unwrap_or_else(|| panic!("{report:?}")).name
}

/// What `mlp` makes of the same.
fn by_hand(action: &str, config: &str) -> Made {
    let suite = Suite {
        region: Some("us-west-2".into()),
        account_id: Some("123456789012".into()),
        ..Suite::default()
    };
    let (config, rules) = (config.as_bytes(), Rules::none());
    match action {
        "validate-config" => actions::validate_config(config, &suite),
        "list-products" => actions::list_products(),
        "show-product" => actions::show_product_of(config, &suite),
        "create-policy" => actions::create_policy(config, &suite),
        "create-prov-template" => actions::create_prov_template(config, &suite, &rules),
        "validate-prov-template" => actions::validate_prov_template(config, &suite, &rules),
        "create-review-report" => actions::create_review_report(config, &suite, &rules),
        other => panic!("{other}"),
    }
    .unwrap()
}

/// Without what says where it comes from and where it lies.
fn bare(outcome: &Outcome) -> Outcome {
    let mut bare = outcome.clone();
    bare.source = mlp_product::outcome::Source::default();
    bare.outputs.clear();
    bare.hashes.clear();
    bare.links.clear();
    bare
}

#[test]
fn each_action_of_the_library_answers_what_mlp_answers_and_keeps_what_it_makes() {
    let table = [
        ("validate-config", ExecutionOutcome::Valid),
        ("list-products", ExecutionOutcome::Listed),
        ("show-product", ExecutionOutcome::Listed),
        ("create-policy", ExecutionOutcome::Generated),
        ("create-prov-template", ExecutionOutcome::Generated),
        ("validate-prov-template", ExecutionOutcome::Valid),
        ("create-review-report", ExecutionOutcome::Generated),
    ];
    for (action, ending) in table {
        for twice in [false, true] {
            let world = World::new();
            world.twice.set(twice);
            let input = if action == "list-products" { json!({"action": action}) } else { asked(action) };
            let report = world.execute("one", &input);
            assert_eq!((report.ok, report.outcome), (true, ending), "{action}: {report:?}");
            assert_eq!(report.action.as_deref(), Some(action));
            let made = by_hand(action, &config());
            let result = report.result.unwrap();
            assert_eq!(bare(&result), bare(&made.outcome), "{action}");
            assert_eq!(report.result_at.as_deref(), Some("s3://suite/deployments/files/one/result.json"));
            let kept: Outcome =
                serde_json::from_slice(&world.store.content("deployments/files/one/result.json").unwrap())
                    .unwrap();
            assert_eq!(kept, result, "{action}");
            assert_eq!(result.outputs.len(), made.files.len(), "{action}");
            for (key, file) in result.outputs.iter().zip(&made.files) {
                assert_eq!(*key, format!("deployments/files/one/{}", file.path));
                assert_eq!(world.store.content(key).unwrap(), file.text.as_bytes(), "{key}");
                assert_eq!(result.hashes[key], file.sha256());
                assert_eq!(result.links[&file.kind], format!("s3://suite/{key}"));
            }
            assert!(
                world.store.keys().iter().all(|key| {
                    key.starts_with("deployments/files/one/") || key == "deployments/results/one.json"
                }),
                "nobody else's place"
            );
            assert!(world.stacks.calls().is_empty(), "no stack is looked at");
        }
    }
}

#[test]
fn a_config_in_the_bucket_is_pinned_and_a_tier_needs_none() {
    let world = World::new();
    let version = world.store.upload("configs/churn.yaml", config());
    let stored =
        json!({"action": "create-policy", "config": {"bucket": "suite", "key": "configs/churn.yaml"}});
    let report = world.execute("one", &stored);
    assert_eq!(report.result.unwrap().source.version_id, version);
    assert_eq!(report.ml_name.as_deref(), Some("techcorp-dev-a001-us-west-2-customer-churn-ml"));
    let report = world.execute("two", &json!({"action": "show-product", "tier": "enterprise"}));
    let result = report.result.unwrap();
    assert_eq!((report.tier.as_deref(), result.products.len()), (Some("enterprise"), 1));
    assert_eq!(
        result.products[0].resources.len(),
        actions::show_product(mlp_product::config::Tier::Enterprise).unwrap().outcome.products[0]
            .resources
            .len()
    );
    let gone =
        json!({"action": "validate-config", "config": {"bucket": "suite", "key": "configs/none.yaml"}});
    let report = world.execute("three", &gone);
    assert_eq!(
        (error(&report), report.findings[0].path.as_str()),
        ("MLProvisioner.InvalidInput", "/config/key")
    );
}

#[test]
fn mistakes_are_the_answer_and_the_execution_is_red() {
    let wrong = config().replace("tier: starter", "tier: starte").replace("us-west-2", "us-west-9");
    for action in
        ["validate-config", "create-policy", "create-prov-template", "validate-prov-template", "show-product"]
    {
        let world = World::new();
        let report = world.execute("one", &json!({"action": action, "config": wrong}));
        assert_eq!((report.ok, error(&report)), (false, "MLProvisioner.InvalidInput"), "{action}");
        let result = report.result.unwrap();
        assert_eq!(bare(&result), bare(&by_hand(action, &wrong).outcome), "{action}");
        assert!(result.findings.len() >= 2 && report.findings.is_empty(), "{action}: each is told once");
    }
}

#[test]
fn a_template_of_somebodys_own_is_checked_as_text_and_from_the_bucket() {
    const OPEN: &str =
        "Resources:\n  Open: {Type: AWS::S3::Bucket, Properties: {BucketName: !Ref Nowhere}}\n";
    let world = World::new();
    let report = world.execute("one", &json!({"action": "validate-prov-template", "template": OPEN}));
    let by_hand = actions::validate_template(OPEN.as_bytes(), &Rules::none()).unwrap().outcome;
    assert_eq!(bare(&report.result.unwrap()), bare(&by_hand));
    assert_eq!((report.ok, report.ml_name, report.stack_name), (by_hand.ok, None, None));
    assert!(report.error.unwrap().message.starts_with("the template has"));
    // A template may be four times as large as a config.
    let large = format!("Description: {}\nResources:\n  T: {{Type: AWS::SNS::Topic}}\n", "#".repeat(300_000));
    world.store.upload("templates/large.yaml", large.replace("Description: ", "# "));
    let place = json!({"bucket": "suite", "key": "templates/large.yaml"});
    let report = world.execute("two", &json!({"action": "validate-prov-template", "template": place}));
    assert!(report.result.unwrap().findings.iter().all(|finding| finding.code.as_str() != "MLP-YML-001"));
}

#[test]
fn an_action_without_a_tier_needs_a_license_for_any() {
    for (says, name) in [
        (None, None),
        (Some(Kind::Refused), Some("MLProvisioner.LicenseRefused")),
        (Some(Kind::Unavailable), Some("MLProvisioner.LicenseUnavailable")),
    ] {
        for input in
            [json!({"action": "list-products"}), json!({"action": "check-drift"}), asked("create-policy")]
        {
            let world = World::with_license(Mode::Enforce);
            *world.desk.says.lock().unwrap() = says;
            let report = world.execute("one", &input);
            assert_eq!(report.error.as_ref().map(|error| error.name.as_str()), name, "{input}");
            assert!(name.is_none() || world.ordered.borrow().is_empty(), "nothing is done");
            let warned = World::with_license(Mode::Warn);
            *warned.desk.says.lock().unwrap() = says;
            let report = warned.execute("one", &input);
            assert_eq!((report.ok, report.findings.len()), (true, usize::from(says.is_some())), "{input}");
        }
    }
}

#[test]
fn drift_of_one_of_some_and_of_all_is_told_in_figures() {
    let table = [
        (json!({}), ExecutionOutcome::Drifted, 7),
        (json!({"prefix": "a-"}), ExecutionOutcome::InSync, 2),
        (json!({"stack": "b-stack"}), ExecutionOutcome::Drifted, 1),
        (json!({"stack": "a-2-stack"}), ExecutionOutcome::InSync, 1),
        (json!({"stack": "c-stack"}), ExecutionOutcome::Failed, 1),
        // One of many that was deleted meanwhile needs no check any more; the one that was meant does.
        (json!({"prefix": "d-"}), ExecutionOutcome::InSync, 2),
        (json!({"prefix": "e-"}), ExecutionOutcome::Failed, 1),
        (json!({"stack": "e-stack"}), ExecutionOutcome::Failed, 1),
    ];
    for (which, ending, stacks) in table {
        let world = World::new();
        *world.fleet.borrow_mut() = vec![
            ("a-1-stack", Verdict::InSync),
            ("a-2-stack", Verdict::InSync),
            ("b-stack", Verdict::Drifted),
            ("c-stack", Verdict::CouldNotCheck),
            ("d-1-stack", Verdict::InSync),
            ("d-2-stack", Verdict::Deleted),
            ("e-stack", Verdict::Deleted),
        ];
        let mut input = which.clone();
        input["action"] = json!("check-drift");
        let report = world.execute("one", &input);
        assert_eq!(
            (report.ok, report.outcome),
            (ending != ExecutionOutcome::Failed, ending),
            "{which}: {report:?}"
        );
        let found = report.drift.clone().unwrap();
        assert_eq!(found.totals.stacks, stacks, "{which}: only what was asked about");
        assert!(found.report.starts_with("s3://suite/reports/drift/runs/") && found.report.ends_with("html"));
        if ending == ExecutionOutcome::Failed {
            assert_eq!(error(&report), "MLProvisioner.CouldNotCheck");
        }
        assert!(world.stacks.calls().is_empty(), "only the drift function looks at stacks");
    }
}

#[test]
fn drift_against_a_config_names_it_and_its_stack() {
    let world = World::new();
    *world.fleet.borrow_mut() = vec![(STACK, Verdict::InSync)];
    let report = world.execute("one", &asked("check-drift"));
    assert_eq!(report.outcome, ExecutionOutcome::InSync, "{report:?}");
    assert_eq!(report.stack_name.as_deref(), Some(STACK));
    let order = world.ordered.borrow()[0].clone();
    assert_eq!(order["stacks"], json!([STACK]));
    assert_eq!(order["config"]["bucket"], "suite");
    let key = order["config"]["key"].as_str().unwrap();
    // The drift function may read what is called so.
    let name = key.strip_prefix("deployments/files/one/config-").unwrap();
    assert!(name.strip_suffix(".yaml").is_some(), "{key}");
    assert_eq!(world.store.content(key).unwrap(), config().as_bytes());
    assert!(report.drift.unwrap().report.ends_with(&format!("/stacks/{STACK}.html")));
    // What isn't there is no stack in sync.
    world.fleet.borrow_mut().clear();
    let report = world.execute("two", &asked("check-drift"));
    assert_eq!((error(&report), report.findings[0].path.as_str()), ("MLProvisioner.InvalidInput", "/config"));
    let report = world.execute("four", &json!({"action": "check-drift", "prefix": "nobody-"}));
    assert_eq!((error(&report), report.findings[0].path.as_str()), ("MLProvisioner.InvalidInput", "/prefix"));
    let report = world.execute("three", &json!({"action": "check-drift"}));
    assert_eq!(
        (report.outcome, report.drift.unwrap().totals.stacks),
        (ExecutionOutcome::InSync, 0),
        "an empty fleet"
    );
}

#[test]
fn an_execution_whose_name_was_used_before_works_with_what_it_was_given() {
    let world = World::new();
    assert!(world.execute("one", &asked("create-policy")).ok);
    let other = config().replace("a001", "b002");
    let report = world.execute("one", &json!({"action": "create-policy", "config": other}));
    assert_eq!(report.ml_name.as_deref(), Some("techcorp-dev-b002-us-west-2-customer-churn-ml"));
    assert_eq!(report.result.unwrap().ml_name, report.ml_name);
}

#[test]
fn a_run_in_other_hands_is_waited_for_and_one_that_died_is_taken_over() {
    let world = World::new();
    *world.fleet.borrow_mut() = vec![("a-stack", Verdict::Drifted)];
    // Two other calls work on it and die, the third hands over, and that takes two hours.
    world.drift.borrow_mut().extend([("in-progress", 0), ("in-progress", 0), ("handed-over", 7_200)]);
    let report = world.execute("one", &json!({"action": "check-drift"}));
    assert_eq!(report.outcome, ExecutionOutcome::Drifted, "{report:?}");
    assert!(world.stacks.clock() >= 7_200);
    let ordered = world.ordered.borrow();
    assert_eq!(ordered.len(), 3);
    assert!(ordered.iter().all(|order| order == &ordered[0]), "one name, one run");
    drop(ordered);
    let failing = World::new();
    failing.drift.borrow_mut().extend([("fails", 0); 5]);
    assert_eq!(
        error(&failing.execute("one", &json!({"action": "check-drift"}))),
        "MLProvisioner.DriftFailed"
    );
    let never = World::new();
    never.drift.borrow_mut().push_back(("handed-over", 40 * 86_400));
    assert_eq!(error(&never.execute("one", &json!({"action": "check-drift"}))), "MLProvisioner.TimedOut");
}
