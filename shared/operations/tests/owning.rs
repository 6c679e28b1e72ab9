//! Whose stacks, buckets and templates an execution touches.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may panic")]

mod world;

use std::collections::BTreeMap;

use mlp_aws::cloudformation::stacks::{StackResource, Stacks as _};
use mlp_operations::custom_resource::OWNER_TAG;
use mlp_operations::execution::identity::Execution;
use mlp_operations::execution::outcome::{ExecutionOutcome, Report};
use mlp_product::outcome::sha256;
use mlp_testkit::memory::Fault;
use mlp_testkit::memory_stacks::BUCKET;
use serde_json::{Value as Json, json};

use world::{Meanwhile, World, identity_tags, of_others};

const NAME: &str = "techcorp-dev-a001-us-west-2-churn-ml";
const STACK: &str = "techcorp-dev-a001-us-west-2-churn-ml-stack";

const CONFIG: &str = "client: {company_name: T, company_prefix: techcorp, account_id: '123456789012', tenant_id: a001}\n\
                      environment: {env: dev, region: us-west-2}\n\
                      ml_product: {use_case: churn, tier: starter, source_control: codecommit}\n\
                      tags: {cost_center: c, project: p, owner: o}\n";

fn input(action: &str, more: &Json) -> Json {
    let mut input = json!({"action": action, "force": true, "config": CONFIG});
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    input
}

fn deletion(more: &Json) -> Json {
    let mut input = json!({"action": "delete-product", "force": true, "stack": STACK});
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    input
}

fn template(ml_name: &str) -> String {
    format!(
        "Metadata: {{MLProvisioner: {{MlName: {ml_name}, StackName: {ml_name}-stack}}}}\nResources: {{}}\n"
    )
}

/// A world with a full bucket in a stack with these tags.
fn world(tags: &BTreeMap<String, String>) -> World {
    let world = World::new();
    world.stacks.put(STACK, "CREATE_COMPLETE", None);
    world.stacks.set_tags(STACK, tags.clone());
    world.stacks.fill(7);
    world
}

fn error(report: &Report) -> &str {
    &report.error.as_ref().unwrap_or_else(|| panic!("{report:?}")).name
}

fn help(report: &Report) -> &str {
    &report.error.as_ref().unwrap().help
}

/// Nothing was ordered, emptied or deleted.
fn is_untouched(world: &World, before: &BTreeMap<String, String>) {
    assert_eq!(world.stacks.status(STACK).as_deref(), Some("CREATE_COMPLETE"));
    assert_eq!((world.stacks.versions_left(), world.stacks.tags(STACK)), (7, before.clone()));
    let calls = world.stacks.calls();
    for call in ["CreateChangeSet", "DeleteStack", "UpdateTerminationProtection"] {
        assert!(!calls.contains_key(format!("cloudformation:{call}").as_str()), "{call}");
    }
}

#[test]
fn a_stack_of_another_product_company_tenant_environment_or_tool_is_never_touched() {
    for tag in identity_tags(NAME).keys() {
        let mut others = identity_tags(NAME);
        others.insert(tag.clone(), "another".to_owned());
        // Nor when its template is ours, nor when somebody insists.
        for adopt in [false, true] {
            let world = world(&others);
            world.stacks.set_template(STACK, &template(NAME));
            for action in ["deploy-product", "delete-product"] {
                let report = world.execute(action, &input(action, &json!({"adopt": adopt})));
                assert_eq!(error(&report), "MLProvisioner.StackTaken", "{action} {tag}: {report:?}");
                let message = &report.error.as_ref().unwrap().message;
                assert!(message.contains(tag.as_str()) && message.contains("another"), "{message}");
            }
            let report = world.execute("show", &input("show-changes", &json!({})));
            assert_eq!(error(&report), "MLProvisioner.StackTaken", "{tag}: {report:?}");
            is_untouched(&world, &others);
        }
    }
}

#[test]
fn a_stack_without_tags_is_taken_over_only_if_its_template_is_ours_and_somebody_says_so() {
    let mut some = identity_tags(NAME);
    some.remove("ml-provisioner:tenant");
    for tags in [BTreeMap::new(), some] {
        for (made_for, adopt, taken) in [
            (None, false, true),
            (None, true, true),
            (Some("techcorp-dev-a001-us-west-2-other-ml"), true, true),
            (Some(NAME), false, true),
            (Some(NAME), true, false),
        ] {
            for (action, outcome) in
                [("deploy-product", ExecutionOutcome::Updated), ("delete-product", ExecutionOutcome::Deleted)]
            {
                let world = world(&tags);
                if let Some(made_for) = made_for {
                    world.stacks.set_template(STACK, &template(made_for));
                }
                let report = world.execute("one", &input(action, &json!({"adopt": adopt})));
                let case = format!("{action} {made_for:?} {adopt}: {report:?}");
                if taken {
                    assert_eq!(error(&report), "MLProvisioner.StackTaken", "{case}");
                    assert_eq!(help(&report).contains("adopt"), made_for == Some(NAME), "{case}");
                    is_untouched(&world, &tags);
                } else {
                    assert_eq!(report.outcome, outcome, "{case}");
                    assert!(report.findings.iter().any(|it| it.code.as_str() == "MLP-DEP-005"), "{case}");
                }
            }
        }
    }
    // From then on it is the product's.
    let world = world(&BTreeMap::new());
    world.stacks.set_template(STACK, &template(NAME));
    assert!(world.execute("adopt", &input("deploy-product", &json!({"adopt": true}))).ok);
    assert!(world.execute("again", &input("deploy-product", &json!({}))).ok);
}

#[test]
fn changes_of_a_stack_without_tags_are_shown_and_it_is_said() {
    let world = world(&BTreeMap::new());
    let report = world.execute("one", &input("show-changes", &json!({})));
    assert_eq!(report.outcome, ExecutionOutcome::Previewed, "{report:?}");
    let finding = report.findings.iter().find(|it| it.code.as_str() == "MLP-DEP-003").unwrap();
    assert!(finding.help.as_ref().unwrap().contains("adopt"), "{finding:?}");
    assert_eq!((world.stacks.executed(), world.stacks.versions_left()), (0, 7));
}

#[test]
fn a_deletion_by_the_stacks_name_needs_the_tags_or_our_template() {
    let without = |tag: &str| {
        let mut tags = identity_tags(NAME);
        tags.remove(tag);
        tags
    };
    for tags in [BTreeMap::new(), without("ManagedBy"), without("ml-provisioner:product")] {
        for (made_for, adopt) in [(None, true), (Some("another-ml"), true), (Some(NAME), false)] {
            let world = world(&tags);
            if let Some(made_for) = made_for {
                world.stacks.set_template(STACK, &template(made_for));
            }
            let report = world.execute("one", &deletion(&json!({"adopt": adopt})));
            assert_eq!(
                error(&report),
                "MLProvisioner.StackTaken",
                "{tags:?} {made_for:?} {adopt}: {report:?}"
            );
            is_untouched(&world, &tags);
        }
        let world = world(&tags);
        world.stacks.set_template(STACK, &template(NAME));
        let report = world.execute("one", &deletion(&json!({"adopt": true})));
        assert_eq!(report.outcome, ExecutionOutcome::Deleted, "{tags:?}: {report:?}");
        assert_eq!(report.ml_name.as_deref(), Some(NAME));
    }
    let world = world(&identity_tags(NAME));
    assert_eq!(world.execute("one", &deletion(&json!({}))).outcome, ExecutionOutcome::Deleted);
}

#[test]
fn a_product_whose_custom_resource_is_gone_can_be_taken_over_or_deleted() {
    const SHOP: &str = "shop";
    // What has become of the stack that the custom resource was in, and whether the resource is still there.
    let cases: [(&str, Option<&str>, bool); 5] = [
        ("UPDATE_COMPLETE", Some("UPDATE_COMPLETE"), true),
        ("DELETE_FAILED", Some("DELETE_FAILED"), true),
        ("UPDATE_COMPLETE", Some("DELETE_COMPLETE"), false),
        ("UPDATE_COMPLETE", None, false),
        ("DELETE_COMPLETE", Some("DELETE_SKIPPED"), false),
    ];
    for (stack, resource, is_there) in cases {
        for (action, outcome) in
            [("deploy-product", ExecutionOutcome::Updated), ("delete-product", ExecutionOutcome::Deleted)]
        {
            let world = world(&identity_tags(NAME));
            world.stacks.put(SHOP, stack, None);
            let made_by = ("aws:cloudformation:stack-id".to_owned(), world.stacks.id(STACK).unwrap());
            world.stacks.set_bucket_tags([made_by].into());
            if let Some(status) = resource {
                let resource = StackResource {
                    logical_id: "Product".to_owned(),
                    status: status.to_owned(),
                    ..StackResource::default()
                };
                // By its id, since a deleted stack has no name.
                world.stacks.put_resource(&world.stacks.id(SHOP).unwrap(), resource);
            }
            let owner = mlp_operations::custom_resource::owner(&world.stacks.id(SHOP).unwrap(), "Product");
            world.stacks.tag(STACK, OWNER_TAG, &owner);
            let before = world.stacks.tags(STACK);
            let case = format!("{action} {stack} {resource:?}");
            let report = world.execute("plain", &input(action, &json!({})));
            assert_eq!(error(&report), "MLProvisioner.StackTaken", "{case}: {report:?}");
            assert_eq!(help(&report).contains("adopt"), !is_there, "{case}: {report:?}");
            is_untouched(&world, &before);
            let report = world.execute("adopt", &input(action, &json!({"adopt": true})));
            if is_there {
                assert_eq!(error(&report), "MLProvisioner.StackTaken", "{case}: {report:?}");
                is_untouched(&world, &before);
            } else {
                assert_eq!(report.outcome, outcome, "{case}: {report:?}");
                assert!(
                    !world.stacks.tags(STACK).contains_key(OWNER_TAG) || outcome == ExecutionOutcome::Deleted
                );
            }
        }
    }
}

#[test]
fn a_bucket_that_the_stack_did_not_create_is_never_emptied() {
    let id = |it: &str| BTreeMap::from([("aws:cloudformation:stack-id".to_owned(), it.to_owned())]);
    for bucket_tags in [BTreeMap::new(), id("arn:aws:cloudformation:us-west-2:123456789012:stack/other/1")] {
        let world = world(&identity_tags(NAME));
        world.stacks.set_bucket_tags(bucket_tags);
        let report = world.execute("one", &input("delete-product", &json!({})));
        assert_eq!(error(&report), "MLProvisioner.BucketNotEmptied", "{report:?}");
        assert!(report.error.as_ref().unwrap().message.contains(BUCKET), "{report:?}");
        is_untouched(&world, &identity_tags(NAME));
    }
    // One with nothing in it holds up nothing.
    let world = World::new();
    world.stacks.put(STACK, "CREATE_COMPLETE", None);
    world.stacks.set_tags(STACK, identity_tags(NAME));
    world.stacks.set_bucket_tags(BTreeMap::new());
    assert_eq!(world.execute("one", &input("delete-product", &json!({}))).outcome, ExecutionOutcome::Deleted);
}

#[test]
fn a_bucket_that_could_not_be_created_is_somebody_elses() {
    let world = world(&identity_tags(NAME));
    let taken = StackResource {
        logical_id: "Bucket".to_owned(),
        physical_id: Some(BUCKET.to_owned()),
        kind: "AWS::S3::Bucket".to_owned(),
        status: "CREATE_FAILED".to_owned(),
        reason: Some("the name is taken".to_owned()),
    };
    world.stacks.put_resource(STACK, taken);
    let report = world.execute("one", &input("delete-product", &json!({})));
    assert_eq!(world.stacks.versions_left(), 7, "{report:?}");
    assert!(!world.stacks.calls().contains_key("s3:DeleteObjectVersion"));
}

#[test]
fn cloudformation_gets_the_bytes_that_were_checked_whatever_lies_under_their_name() {
    let plain = World::new();
    assert!(plain.execute("one", &input("deploy-product", &json!({}))).ok);
    let key = plain.store.keys().into_iter().find(|key| key.starts_with("deployments/templates/")).unwrap();
    let right = plain.store.content(&key).unwrap();
    assert_eq!(key, format!("deployments/templates/{}.yaml", sha256(&right)));

    // Somebody who could write there has been faster.
    let world = World::new();
    world.store.upload(&key, "Resources: {Admin: {Type: 'AWS::IAM::Role'}}");
    let report = world.execute("one", &input("deploy-product", &json!({})));
    assert_eq!(report.outcome, ExecutionOutcome::Created, "{report:?}");
    assert!(report.findings.iter().any(|it| it.code.as_str() == "MLP-DEP-004"), "{report:?}");
    let url = world.stacks.ordered()[0].template_url.clone();
    let (address, version) = url.split_once("?versionId=").unwrap();
    assert!(address.ends_with(&key), "{url}");
    // What is written afterwards is another version.
    world.store.upload(&key, "Resources: {Admin: {Type: 'AWS::IAM::Role'}}");
    let used = mlp_aws::s3::store::BucketStore::get(&world.store, "suite", &key, Some(version), None);
    assert_eq!(mlp_testkit::memory::run(used).unwrap().bytes, right);
}

#[test]
fn every_change_set_has_the_suites_boundary() {
    let mut world = World::new();
    let boundary = "arn:aws:iam::123456789012:policy/mlp-product-boundary-us-west-2";
    world.settings.suite.permissions_boundary = Some(boundary.to_owned());
    assert!(world.execute("one", &input("deploy-product", &json!({}))).ok);
    let wanted = [("PermissionsBoundary".to_owned(), boundary.to_owned())];
    assert_eq!(world.stacks.ordered()[0].parameters, wanted);
    let text = world.store.keys().into_iter().find(|key| key.starts_with("deployments/templates/")).unwrap();
    let text = String::from_utf8(world.store.content(&text).unwrap()).unwrap();
    assert!(text.contains("\n  PermissionsBoundary:\n"), "the template has the parameter");
}

/// The templates of the change sets that were executed.
fn executed(world: &World) -> Vec<String> {
    let tags = world.stacks.tags(STACK);
    assert_eq!(tags.get("ManagedBy").map(String::as_str), Some("ml-provisioner"), "{tags:?}");
    world.stacks.template_url(STACK).into_iter().collect()
}

#[test]
fn a_change_set_that_somebody_put_under_our_name_is_not_executed() {
    let world = world(&identity_tags(NAME));
    world.replace_change_set(STACK, "one");
    let report = world.execute("one", &input("deploy-product", &json!({})));
    assert_eq!(report.outcome, ExecutionOutcome::Updated, "{report:?}");
    let urls = executed(&world);
    assert!(urls.iter().all(|url| url.contains("/deployments/templates/")), "{urls:?}");
    assert_eq!(urls.len(), 1);
}

#[test]
fn a_change_set_that_somebody_ordered_first_is_never_taken_for_our_own() {
    // Everybody who may read the execution's ARN knows the name, and every token that follows from the ARN.
    let arn = World::execution("one");
    let execution = Execution::new(&arn);
    let world = world(&identity_tags(NAME));
    let theirs = of_others(STACK, &execution.change_set(0), &execution.token("change-set", 0));
    mlp_testkit::memory::run(world.stacks.create_change_set(&theirs)).unwrap();
    let report = world.execute("one", &input("deploy-product", &json!({})));
    assert_eq!(report.outcome, ExecutionOutcome::Updated, "{report:?}");
    let urls = executed(&world);
    assert!(urls.iter().all(|url| url.contains("/deployments/templates/")), "{urls:?}");
    // Every order has a token of its own; one whose answer got lost is repeated with it, and makes one change set.
    let one = World::new();
    one.stacks.fail("cloudformation:CreateChangeSet", 0, Fault::LostAnswer);
    let other = World::new();
    for world in [&one, &other] {
        assert!(world.execute("one", &input("deploy-product", &json!({}))).ok);
    }
    let tokens = |world: &World| world.stacks.ordered().into_iter().map(|it| it.token).collect::<Vec<_>>();
    let (of_one, of_other) = (tokens(&one), tokens(&other));
    assert!(of_one.len() == 2 && of_one[0] == of_one[1], "{of_one:?}");
    assert_ne!(of_one[0], of_other[0]);
    assert_eq!(one.stacks.open_change_sets(STACK), 0);
}

#[test]
fn a_test_touches_no_stack_that_it_did_not_create() {
    let workload = Execution::new(&World::execution("one")).test_workload();
    let product = format!("techcorp-dev-a001-us-west-2-churn-{workload}-ml");
    let stack = format!("{product}-stack");
    for status in ["CREATE_COMPLETE", "ROLLBACK_FAILED", "ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"] {
        let world = World::new();
        world.stacks.put(&stack, status, None);
        world.stacks.set_tags(&stack, identity_tags(&product));
        world.stacks.fill(7);
        let report = world.execute("one", &input("test-deploy", &json!({})));
        assert_eq!(
            report.error.as_ref().map(|error| error.name.as_str()),
            Some("MLProvisioner.StackTaken"),
            "{report:?}"
        );
        assert_eq!(
            (world.stacks.status(&stack).as_deref(), world.stacks.versions_left()),
            (Some(status), 7),
            "{report:?}"
        );
    }
}

#[test]
fn nothing_of_the_suites_bucket_is_read_as_a_config_or_template_but_what_is_given_as_one() {
    let nonce = "0123456789abcdef";
    let rules = "rule first_digit { nonce == /^1/ <<not one>> }";
    for key in [
        "pending/approvals/victim.json",
        "pending/requests/0/victim.json",
        "status/configs/a.yaml.json",
        "rules/team/leak.guard",
        "deployments/results/one.json",
        "configs/../pending/approvals/victim.json",
        "a.yaml",
    ] {
        let world = World::new();
        world.store.upload(key, json!({"nonce": nonce, "action": "deploy-product"}).to_string());
        world.store.upload("rules/team/leak.guard", rules);
        for action in ["validate-config", "deploy-product", "check-drift", "validate-prov-template"] {
            let given = if action == "validate-prov-template" { "template" } else { "config" };
            let mut input = json!({"action": action, "force": true});
            input[given] = json!({"bucket": "suite", "key": key});
            let report = world.execute("one", &input);
            assert_eq!(error(&report), "MLProvisioner.InvalidInput", "{action} {key}: {report:?}");
            assert_eq!(report.findings[0].path, format!("/{given}/key"), "{action} {key}: {report:?}");
            assert!(report.findings[0].message.contains("`configs/`"), "{report:?}");
            let told = serde_json::to_string(&report).unwrap();
            assert!(!told.contains("first_digit") && !told.contains("FIRST_DIGIT"), "{told}");
        }
    }
    // Nor by another text for the bucket.
    for bucket in ["suite/pending", "suite/", "arn:aws:s3:us-west-2:123456789012:accesspoint/suite"] {
        let place = json!({"bucket": bucket, "key": "approvals/victim.json"});
        let report = World::new().execute("one", &json!({"action": "validate-config", "config": place}));
        assert_eq!(error(&report), "MLProvisioner.InvalidInput", "{bucket}: {report:?}");
        assert_eq!(report.findings[0].path, "/config/bucket", "{bucket}: {report:?}");
    }
    let world = World::new();
    for key in ["configs/a.yaml", "templates/a.yaml", "deployments/files/one/config.yaml"] {
        world.store.upload(key, CONFIG);
        let place = json!({"bucket": "suite", "key": key});
        let report = world.execute("one", &json!({"action": "validate-config", "config": place}));
        assert_eq!(report.outcome, ExecutionOutcome::Valid, "{key}: {report:?}");
    }
}

#[test]
fn what_is_deleted_to_be_created_again_is_the_stack_that_failed_and_no_other() {
    fn others_create_it(world: &World) {
        world.stacks.put(STACK, "CREATE_COMPLETE", None);
        world.stacks.set_tags(STACK, identity_tags(NAME));
    }
    fn others_mend_it(world: &World) {
        world.stacks.set_status(STACK, "UPDATE_COMPLETE");
    }
    let healthy: [(&str, Meanwhile); 2] =
        [("ROLLBACK_COMPLETE", others_create_it), ("CREATE_FAILED", others_mend_it)];
    for (before, others) in healthy {
        let world = World::new();
        world.stacks.put(STACK, before, None);
        world.stacks.set_tags(STACK, identity_tags(NAME));
        world.stacks.fill(7);
        world.before.borrow_mut().push(("InspectForDeletion", others));
        let report = world.execute("one", &input("deploy-product", &json!({"recreate_failed": true})));
        // It is updated like any other.
        assert_eq!(report.outcome, ExecutionOutcome::Updated, "{before}: {report:?}");
        assert_eq!(world.stacks.versions_left(), 7, "{before}");
        assert!(!world.stacks.calls().contains_key("cloudformation:DeleteStack"), "{before}");
    }
}

#[test]
fn a_test_removes_the_stack_that_it_created_and_none_of_the_same_name() {
    fn names() -> (String, String) {
        let workload = Execution::new(&World::execution("one")).test_workload();
        let product = format!("techcorp-dev-a001-us-west-2-churn-{workload}-ml");
        (format!("{product}-stack"), product)
    }
    fn others_create_one(world: &World) {
        let (stack, product) = names();
        world.stacks.put(&stack, "CREATE_COMPLETE", None);
        world.stacks.set_tags(&stack, identity_tags(&product));
        world.stacks.fill(7);
    }
    fn others_put_another(world: &World) {
        let (stack, _) = names();
        world.stacks.set_status(&stack, "DELETE_COMPLETE");
        others_create_one(world);
    }
    let (stack, _) = names();
    // Before the test has a change set, before it begins to create, and when its own stack is gone already.
    let moments: [(&str, Meanwhile); 4] = [
        ("CreateChangeSet", others_create_one),
        ("FollowChangeSet", others_put_another),
        ("ReadOutputs", others_put_another),
        ("InspectForDeletion", others_put_another),
    ];
    for (task, others) in moments {
        let world = World::new();
        world.before.borrow_mut().push((task, others));
        let report = world.execute("one", &input("test-deploy", &json!({})));
        let left = (world.stacks.status(&stack), world.stacks.versions_left());
        assert_eq!(left, (Some("CREATE_COMPLETE".to_owned()), 7), "{task}: {report:?}");
    }
    // What a test has begun goes, wherever it fails: the change set's shell, or the stack.
    for (call, fault) in [
        ("cloudformation:DescribeChangeSet", Fault::Denied),
        ("cloudformation:ExecuteChangeSet", Fault::Denied),
        ("cloudformation:DescribeStackEvents", Fault::Denied),
    ] {
        let world = World::new();
        world.stacks.fail(call, 0, fault);
        let report = world.execute("one", &input("test-deploy", &json!({})));
        assert_eq!(error(&report), "MLProvisioner.AccessDenied", "{call}: {report:?}");
        assert_eq!(world.stacks.status(&stack).as_deref(), Some("DELETE_COMPLETE"), "{call}: {report:?}");
    }
}
