//! The state machine over CloudFormation in memory: every status of a stack, every call that fails, is lost or throttled, a
//! function that dies between two calls, executions side by side.
//!
//! The emulator can't bring a stack into most of these statuses, nor lose an answer; `tests/e2e/test_deploying.py` does with
//! it what it can.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may panic")]

mod world;

use std::time::Duration;

use mlp_aws::calls::Kind;
use mlp_aws::cloudformation::stacks::Event;
use mlp_aws::cloudformation::stacks::StackResource;
use mlp_aws::s3::versions::Bucket;
use mlp_operations::execution::outcome::{ExecutionOutcome, Report};
use mlp_operations::execution::status::StackStatus;
use mlp_operations::license::Mode;
use mlp_testkit::memory::Fault;
use mlp_testkit::memory_stacks::Ending as Operation;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use world::{Decision, LATER, World, identity_tags};

const STACK: &str = "techcorp-dev-a001-us-west-2-customer-churn-ml-stack";

const EXAMPLE: &str = include_str!(
    "../../../configs/examples/starter/techcorp-prod-a001-us-west-2-customer-churn-ml-codecommit.yaml"
);

fn input(action: &str) -> Json {
    json!({"action": action, "force": true, "config": EXAMPLE.replace("env: prod", "env: dev")})
}

fn with(action: &str, more: &Json) -> Json {
    let mut input = input(action);
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    input
}

/// Somebody who may approve.
const ANN: &str = "arn:aws:sts::123456789012:assumed-role/approvers/ann";

/// Puts the product's stack there, with its tags.
fn put(world: &World, status: &str, then: Option<(u64, &'static str)>) {
    world.stacks.put(STACK, status, then);
    world.stacks.set_tags(STACK, identity_tags("techcorp-dev-a001-us-west-2-customer-churn-ml"));
}

fn error(report: &Report) -> &str {
    &report.error.as_ref().unwrap_or_else(|| panic!("{report:?}")).name
}

/// What the tasks call on the way of a deployment.
const CALLS: [&str; 7] = [
    "cloudformation:DescribeStacks",
    "cloudformation:CreateChangeSet",
    "cloudformation:DescribeChangeSet",
    "cloudformation:ExecuteChangeSet",
    "cloudformation:DescribeStackEvents",
    "s3:GetBucketVersioning",
    "ssm:GetParameters",
];

const FAULTS: [Fault; 3] = [Fault::Throttled, Fault::ServerError, Fault::LostAnswer];

fn is_created(world: &World, report: &Report) {
    assert_eq!(report.outcome, ExecutionOutcome::Created, "{report:?}");
    assert_eq!(world.stacks.status(STACK).as_deref(), Some("CREATE_COMPLETE"));
    assert_eq!(world.stacks.executed(), 1);
    assert!(!report.outputs.is_empty());
}

#[test]
fn a_stack_in_every_status_is_deployed_or_said_why_not() {
    use StackStatus as S;
    let table = std::iter::once(None).chain(StackStatus::ALL.iter().copied().map(Some));
    for status in table {
        for recreate in [false, true] {
            let world = World::new();
            if let Some(status) = status {
                put(&world, status.as_str(), None);
            }
            let report = world.execute("one", &with("deploy-product", &json!({"recreate_failed": recreate})));
            let told = report.error.as_ref().map(|error| error.name.trim_start_matches("MLProvisioner."));
            let (outcome, name, after) = match status {
                None | Some(S::DeleteComplete | S::ReviewInProgress) => {
                    (ExecutionOutcome::Created, None, "CREATE_COMPLETE")
                }
                Some(
                    S::CreateComplete
                    | S::UpdateComplete
                    | S::UpdateFailed
                    | S::UpdateRollbackComplete
                    | S::ImportComplete
                    | S::ImportRollbackComplete,
                ) => (ExecutionOutcome::Updated, None, "UPDATE_COMPLETE"),
                Some(S::RollbackComplete | S::CreateFailed | S::RollbackFailed | S::DeleteFailed)
                    if recreate =>
                {
                    (ExecutionOutcome::Created, None, "CREATE_COMPLETE")
                }
                Some(S::RollbackComplete | S::CreateFailed | S::RollbackFailed | S::DeleteFailed) => {
                    (ExecutionOutcome::Failed, Some("StackNotRecreated"), status.unwrap().as_str())
                }
                Some(S::UpdateRollbackFailed | S::ImportRollbackFailed) => {
                    (ExecutionOutcome::Failed, Some("StackStuck"), status.unwrap().as_str())
                }
                Some(
                    S::CreateInProgress
                    | S::RollbackInProgress
                    | S::DeleteInProgress
                    | S::UpdateInProgress
                    | S::UpdateCompleteCleanupInProgress
                    | S::UpdateRollbackInProgress
                    | S::UpdateRollbackCompleteCleanupInProgress
                    | S::ImportInProgress
                    | S::ImportRollbackInProgress,
                ) => (ExecutionOutcome::Failed, Some("StackBusy"), status.unwrap().as_str()),
            };
            assert_eq!((report.outcome, told), (outcome, name), "{status:?}, recreate_failed {recreate}");
            assert_eq!(world.stacks.status(STACK).as_deref(), Some(after), "{status:?}");
            assert_eq!(report.stack_status.as_deref(), Some(after), "the result says it too");
            assert_eq!(world.stacks.open_change_sets(STACK), 0, "{status:?}");
            if name == Some("StackStuck") {
                let error = report.error.unwrap();
                assert_eq!(
                    error.causes.iter().map(|it| it.reason.as_str()).collect::<Vec<_>>(),
                    ["the key is gone"]
                );
                assert!(error.help.contains("continue-update-rollback"), "{}", error.help);
            }
        }
    }
}

#[test]
fn a_stack_in_every_status_is_deleted_or_said_why_not() {
    use StackStatus as S;
    for status in StackStatus::ALL.iter().copied() {
        let world = World::new();
        put(&world, status.as_str(), (status == S::DeleteInProgress).then_some((60, "DELETE_COMPLETE")));
        world.stacks.fill(7);
        let report = world.execute("one", &input("delete-product"));
        let busy = status.as_str().ends_with("_IN_PROGRESS")
            && ![S::ReviewInProgress, S::DeleteInProgress].contains(&status);
        match (busy, status) {
            (true, _) => {
                assert_eq!(error(&report), "MLProvisioner.StackBusy", "{status}");
                assert_eq!(world.stacks.status(STACK).as_deref(), Some(status.as_str()));
                assert_eq!(world.stacks.versions_left(), 7, "{status}: nothing is lost");
            }
            (false, S::DeleteComplete) => assert_eq!(report.outcome, ExecutionOutcome::Absent),
            (false, _) => {
                assert_eq!(report.outcome, ExecutionOutcome::Deleted, "{status}: {report:?}");
                assert_eq!(world.stacks.status(STACK).as_deref(), Some("DELETE_COMPLETE"));
            }
        }
    }
}

#[test]
fn a_stack_that_others_work_on_is_waited_for() {
    let world = World::new();
    put(&world, "UPDATE_IN_PROGRESS", Some((600, "UPDATE_COMPLETE")));
    assert_eq!(world.execute("one", &input("deploy-product")).outcome, ExecutionOutcome::Updated);
    assert!(world.stacks.clock() >= 600);
}

#[test]
fn a_change_set_without_changes_is_a_success_and_is_deleted() {
    let world = World::new();
    is_created(&world, &world.execute("one", &input("deploy-product")));
    let again = world.execute("two", &input("deploy-product"));
    assert_eq!((again.outcome, again.outputs.is_empty()), (ExecutionOutcome::Unchanged, false));
    assert_eq!((world.stacks.executed(), world.stacks.open_change_sets(STACK)), (1, 0));
}

#[test]
fn a_creation_that_fails_is_told_with_its_cause_and_a_second_run_finishes() {
    let world = World::new();
    world.stacks.end_next(Operation::Fails);
    let report = world.execute("one", &input("deploy-product"));
    assert_eq!(error(&report), "MLProvisioner.DeploymentFailed");
    assert_eq!(report.stack_status.as_deref(), Some("ROLLBACK_COMPLETE"));
    let causes = report.error.unwrap().causes;
    assert_eq!((causes.len(), causes[0].reason.as_str()), (1, "the name is taken"));
    let again = world.execute("two", &with("deploy-product", &json!({"recreate_failed": true})));
    assert_eq!(
        (again.outcome, again.stack_status.as_deref()),
        (ExecutionOutcome::Created, Some("CREATE_COMPLETE"))
    );
}

#[test]
fn an_update_that_fails_is_rolled_back_and_one_that_cannot_be_says_what_to_do() {
    for (ending, after, next) in [
        (Operation::Fails, "UPDATE_ROLLBACK_COMPLETE", None),
        (Operation::RollbackFails, "UPDATE_ROLLBACK_FAILED", Some("MLProvisioner.StackStuck")),
    ] {
        let world = World::new();
        put(&world, "CREATE_COMPLETE", None);
        world.stacks.end_next(ending);
        let report = world.execute("one", &input("deploy-product"));
        assert_eq!(
            (error(&report), report.stack_status.as_deref()),
            ("MLProvisioner.DeploymentFailed", Some(after))
        );
        let again = world.execute("two", &input("deploy-product"));
        assert_eq!(again.error.map(|error| error.name).as_deref(), next);
    }
}

#[test]
fn every_call_may_fail_or_lose_its_answer_at_every_point_of_a_deployment() {
    // A run without faults says how often each call is made.
    let plain = World::new();
    is_created(&plain, &plain.execute("one", &input("deploy-product")));
    let made = plain.stacks.calls();
    for call in CALLS {
        assert!(made.get(call).is_some_and(|count| *count > 0), "{call}: {made:?}");
        for at in 0..made[call] {
            for fault in FAULTS {
                let world = World::new();
                world.stacks.fail(call, at, fault);
                let report = world.execute("one", &input("deploy-product"));
                assert!(report.ok, "{call} {at} {fault:?}: {report:?}");
                is_created(&world, &report);
            }
        }
    }
}

#[test]
fn throttling_and_errors_without_end_leave_a_named_state_and_a_second_run_finishes() {
    for call in CALLS {
        for (fault, name) in [
            (Fault::Throttled, "MLProvisioner.Throttled"),
            (Fault::ServerError, "MLProvisioner.Unavailable"),
            (Fault::Denied, "MLProvisioner.AccessDenied"),
        ] {
            // Somebody else's bucket is one that we may not see.
            if call == "s3:GetBucketVersioning" && fault == Fault::Denied {
                continue;
            }
            let world = World::new();
            world.stacks.fail_always(call, fault);
            let report = world.execute("one", &input("deploy-product"));
            assert_eq!(error(&report), name, "{call}: {report:?}");
            assert!(report.error.as_ref().unwrap().message.contains(call), "{call}: {report:?}");
            world.stacks.heal();
            // CloudFormation went on with what it was told to do.
            world.stacks.advance_to(world.stacks.clock() + 60);
            let again = world.execute("two", &input("deploy-product"));
            assert!(again.ok, "{call} {fault:?}: {again:?}");
            assert!(world.stacks.status(STACK).unwrap().ends_with("_COMPLETE"));
            assert_eq!(
                (world.stacks.executed(), world.stacks.open_change_sets(STACK)),
                (1, 0),
                "{call} {fault:?}"
            );
        }
    }
}

#[test]
fn the_function_may_die_between_any_two_calls() {
    let plain = World::new();
    plain.execute("one", &input("deploy-product"));
    let tasks: std::collections::BTreeSet<String> = plain.tasks.take().into_iter().collect();
    assert!(tasks.len() > 9, "{tasks:?}");
    for task in tasks {
        let task: &'static str = task.leak();
        // No task has more than 60 steps; a death after the last one doesn't happen.
        for steps in 0..60 {
            let world = World::new();
            world.deaths.borrow_mut().push((task, steps));
            let report = world.execute("one", &input("deploy-product"));
            assert!(report.ok, "{task} died after {steps} steps: {report:?}");
            is_created(&world, &report);
        }
    }
}

#[test]
fn every_task_may_run_twice() {
    for (action, before, outcome) in [
        ("deploy-product", None, ExecutionOutcome::Created),
        ("deploy-product", Some("CREATE_COMPLETE"), ExecutionOutcome::Updated),
        ("show-changes", None, ExecutionOutcome::Previewed),
        ("test-deploy", None, ExecutionOutcome::Tested),
        ("delete-product", Some("CREATE_COMPLETE"), ExecutionOutcome::Deleted),
    ] {
        let world = World::new();
        world.twice.set(true);
        if let Some(before) = before {
            put(&world, before, None);
        }
        let report = world.execute("one", &input(action));
        assert_eq!(report.outcome, outcome, "{action}: {report:?}");
        assert!(world.stacks.executed() <= 1, "{action}");
        assert_eq!(world.stacks.open_change_sets(STACK), 0, "{action}");
    }
}

#[test]
fn showing_changes_leaves_nothing_behind() {
    for before in [None, Some("CREATE_COMPLETE")] {
        let world = World::new();
        if let Some(before) = before {
            put(&world, before, None);
        }
        assert_eq!(world.execute("one", &input("show-changes")).outcome, ExecutionOutcome::Previewed);
        let after = world.stacks.status(STACK);
        assert_eq!(after.as_deref(), Some(before.unwrap_or("DELETE_COMPLETE")));
        assert_eq!((world.stacks.executed(), world.stacks.open_change_sets(STACK)), (0, 0));
    }
}

#[test]
fn a_test_that_fails_removes_what_it_made() {
    for ending in [Operation::Fails, Operation::RollbackFails] {
        let world = World::new();
        world.stacks.end_next(ending);
        let report = world.execute("one", &input("test-deploy"));
        assert_eq!(error(&report), "MLProvisioner.DeploymentFailed");
        let name = report.stack_name.unwrap();
        assert_ne!(name, STACK, "a test never touches the product");
        assert_eq!(world.stacks.status(&name).as_deref(), Some("DELETE_COMPLETE"));
    }
}

#[test]
fn an_approval_that_never_comes_cancels_and_leaves_nothing() {
    let world = World::new();
    let wanted = with("deploy-product", &json!({"approval": {"timeout_seconds": 3600}}));
    let report = world.execute("one", &wanted);
    assert_eq!(
        (report.outcome, error(&report)),
        (ExecutionOutcome::Cancelled, "MLProvisioner.ApprovalTimedOut")
    );
    assert_eq!(world.stacks.status(STACK).as_deref(), Some("DELETE_COMPLETE"), "the empty shell is gone");
    assert_eq!((world.stacks.executed(), world.stacks.open_change_sets(STACK), world.announced()), (0, 0, 1));
    assert!((3600..4000).contains(&world.stacks.clock()), "{}", world.stacks.clock());
    // And it can be asked for again.
    world.decide("two", Decision::Approve(ANN));
    is_created(&world, &world.execute("two", &wanted));
}

#[test]
fn the_configs_status_says_how_its_deployment_stands() {
    let world = World::new();
    let version = world.store.upload("configs/churn.yaml", EXAMPLE.replace("env: prod", "env: dev"));
    world
        .store
        .upload("status/configs/churn.yaml.json", json!({"ok": true, "stored": [{"path": "x"}]}).to_string());
    let status = || -> Json {
        serde_json::from_slice(&world.store.content("status/configs/churn.yaml.json").unwrap()).unwrap()
    };
    let wanted = json!({"action": "deploy-product", "force": true, "approval": {"timeout_seconds": 3600},
                        "config": {"bucket": "suite", "key": "configs/churn.yaml"}});
    let report = world.execute("one", &wanted);
    assert_eq!(report.outcome, ExecutionOutcome::Cancelled);
    let told = status();
    assert_eq!(told["stored"], json!([{"path": "x"}]), "what generate says stays");
    let expected = json!({"state": "cancelled", "action": "deploy-product", "version_id": version,
                          "result": "s3://suite/deployments/results/one.json"});
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&told["deployment"][key], value, "{told}");
    }
    // The request itself said until when.
    let request = world.asked("one");
    assert!(request["expires"].as_str().unwrap().starts_with("1970-01-01T01:00:"), "{request}");
    assert!(told["deployment"]["at"].as_str() >= request["expires"].as_str(), "{told}");
    // The waiting state is there while somebody is waited for, and one who can't be told fails nothing.
    world.store.fail("PutObject", "status/configs/churn.yaml.json", Fault::Denied);
    let report =
        world.execute("two", &json!({"action": "deploy-product", "force": true, "config": wanted["config"]}));
    assert_eq!(report.outcome, ExecutionOutcome::Created, "{report:?}");
    assert_eq!(status()["deployment"]["state"], "cancelled");
    let report = world
        .execute("three", &json!({"action": "delete-product", "force": true, "config": wanted["config"]}));
    assert_eq!(
        (report.outcome, status()["deployment"]["state"].as_str()),
        (ExecutionOutcome::Deleted, Some("deleted"))
    );
}

#[test]
fn showing_changes_leaves_a_deployment_alone_that_waits_for_its_approval() {
    // Both change sets are in the same empty shell of a stack.
    let world = World::new();
    let wanted = with("deploy-product", &json!({"approval": {"timeout_seconds": 600}}));
    let reports = world.all(vec![("waiting", wanted.clone()), ("looking", input("show-changes"))], &[]);
    assert_eq!(
        (reports[0].outcome, reports[1].outcome),
        (ExecutionOutcome::Cancelled, ExecutionOutcome::Previewed)
    );
    assert_eq!(error(&reports[0]), "MLProvisioner.ApprovalTimedOut", "it waited to its end");
    assert_eq!(world.stacks.status(STACK).as_deref(), Some("DELETE_COMPLETE"), "the last one tidies up");
    world.decide("waiting", Decision::Approve(ANN));
    let reports = world.all(vec![("waiting", wanted), ("looking2", input("show-changes"))], &[]);
    assert_eq!(
        (reports[0].outcome, reports[1].outcome),
        (ExecutionOutcome::Created, ExecutionOutcome::Previewed),
        "{reports:?}"
    );
}

#[test]
fn changes_that_were_approved_too_late_are_not_made() {
    // While the approvers sleep, somebody else deploys: the change set is worthless, and what is worked out anew must be
    // approved anew.
    let world = World::new();
    put(&world, "CREATE_COMPLETE", None);
    let wanted = with("deploy-product", &json!({"approval": {"timeout_seconds": 600}}));
    let reports = world.all(vec![("slow", wanted), ("fast", input("deploy-product"))], &[]);
    assert_eq!(reports[1].outcome, ExecutionOutcome::Updated);
    assert_eq!(
        (reports[0].outcome, error(&reports[0])),
        (ExecutionOutcome::Cancelled, "MLProvisioner.ApprovalTimedOut")
    );
    // The same with an approval that comes: nothing is left to change.
    world.decide("slow", Decision::Approve(ANN));
    let late = with("deploy-product", &json!({"approval": {"timeout_seconds": 600}}));
    assert_eq!(world.execute("slow", &late).outcome, ExecutionOutcome::Unchanged);
}

#[test]
fn a_bucket_with_100_000_versions_is_emptied_over_many_invocations() {
    let world = World::new();
    put(&world, "CREATE_COMPLETE", None);
    world.stacks.fill(100_000);
    // No time to spare: every invocation deletes one page.
    world.time.set(Duration::from_secs(15));
    let report = world.execute("one", &input("delete-product"));
    assert_eq!((report.outcome, world.stacks.versions_left()), (ExecutionOutcome::Deleted, 0));
    let emptying = world.tasks.borrow().iter().filter(|task| *task == "EmptyBucket").count();
    assert!(emptying >= 100, "{emptying}");
}

#[test]
fn a_bucket_that_is_filled_while_its_stack_is_deleted_is_emptied_again() {
    let world = World::new();
    put(&world, "CREATE_COMPLETE", None);
    world.stacks.fill_while_deleting(1_500);
    let report = world.execute("one", &input("delete-product"));
    assert_eq!((report.outcome, world.stacks.versions_left()), (ExecutionOutcome::Deleted, 0), "{report:?}");
    assert_eq!(world.stacks.calls()["cloudformation:DeleteStack"], 2);
}

#[test]
fn every_call_of_a_deletion_may_fail_or_lose_its_answer() {
    const CALLS: [&str; 5] = [
        "cloudformation:DescribeStacks",
        "cloudformation:ListStackResources",
        "cloudformation:DeleteStack",
        "s3:ListBucketVersions",
        "s3:DeleteObjectVersion",
    ];
    for call in CALLS {
        for at in 0..3 {
            for fault in FAULTS {
                let world = World::new();
                put(&world, "UPDATE_COMPLETE", None);
                world.stacks.fill(2_500);
                world.stacks.fail(call, at, fault);
                let report = world.execute("one", &input("delete-product"));
                assert_eq!(report.outcome, ExecutionOutcome::Deleted, "{call} {at} {fault:?}: {report:?}");
                assert_eq!(world.stacks.versions_left(), 0);
            }
        }
    }
}

#[test]
fn a_deletion_that_fails_says_of_what_and_the_next_one_finishes() {
    let world = World::new();
    put(&world, "CREATE_COMPLETE", None);
    for _ in 0..3 {
        world.stacks.end_next(Operation::Fails);
    }
    let report = world.execute("one", &input("delete-product"));
    assert_eq!(
        (error(&report), report.stack_status.as_deref()),
        ("MLProvisioner.DeletionFailed", Some("DELETE_FAILED"))
    );
    assert_eq!(report.error.unwrap().causes[0].reason, "somebody holds it");
    assert_eq!(world.execute("two", &input("delete-product")).outcome, ExecutionOutcome::Deleted);
}

#[test]
fn a_name_that_the_product_has_in_another_region_is_told_with_its_switch_before_anything_is_touched() {
    let world = World::new();
    let elsewhere = Bucket::Elsewhere { region: Some("eu-west-1".to_owned()) };
    world.stacks.see_bucket("techcorp-dev-a001-customer-churn-ml-artifacts", elsewhere);
    let report = world.execute("one", &input("deploy-product"));
    assert_eq!(error(&report), "MLProvisioner.PreflightFailed", "{report:?}");
    let message = report.error.unwrap().message;
    assert!(message.contains("`eu-west-1`") && message.contains("environment.multi_region"), "{message}");
    assert!(!world.stacks.calls().contains_key("cloudformation:CreateChangeSet"));
    let config = EXAMPLE.replace("env: prod", "env: dev\n  multi_region: true");
    let other = json!({"action": "deploy-product", "force": true, "config": config});
    assert_eq!(world.execute("two", &other).outcome, ExecutionOutcome::Created);
}

#[test]
fn sources_in_another_region_are_a_warning() {
    const CONFIG: &str = include_str!(
        "../../../configs/examples/starter/techcorp-prod-a001-us-west-2-customer-churn-ml-s3.yaml"
    );
    let world = World::new();
    let bucket = CONFIG.split("s3_prefix: ").nth(1).unwrap().split(['/', '\n']).next().unwrap();
    world.stacks.see_bucket(bucket, Bucket::Elsewhere { region: None });
    let config = CONFIG.replace("env: prod", "env: dev");
    let report = world.execute("one", &json!({"action": "deploy-product", "force": true, "config": config}));
    assert_eq!(report.outcome, ExecutionOutcome::Created, "{report:?}");
    assert!(report.findings.iter().any(|it| it.message.contains("in another region")), "{report:?}");
}

#[test]
fn a_bucket_that_is_not_there_is_a_mistake_of_the_input() {
    let world = World::new();
    for key in ["configs/a.yaml", "templates/a.yaml"] {
        world.store.fail("GetObject", key, Fault::NoBucket);
    }
    let place = json!({"bucket": "typo", "key": "configs/a.yaml"});
    let report = world.execute("one", &json!({"action": "show-changes", "config": place}));
    assert_eq!(error(&report), "MLProvisioner.InvalidInput", "{report:?}");
    assert_eq!(report.findings[0].path, "/config/bucket");
    assert!(report.findings[0].message.contains("there is no bucket `typo`"), "{:?}", report.findings);
    let place = json!({"bucket": "typo", "key": "templates/a.yaml"});
    let report = world.execute("two", &json!({"action": "validate-prov-template", "template": place}));
    assert_eq!(error(&report), "MLProvisioner.InvalidInput", "{report:?}");
}

/// A fleet's task.
fn fleet_step(world: &World, step: &str, work: &Json) -> Result<Json, (String, String)> {
    let execution = "arn:aws:states:us-west-2:123456789012:execution:MLProvisionerDeployFleet:monday";
    world.step(json!({"step": step, "execution": execution, "started": "2026-11-30T06:00:00Z", "work": work}))
}

#[test]
fn a_fleet_whose_input_is_wrong_ends_with_a_summary_that_says_what_is_wrong() {
    let world = World::new();
    let refused = |input: Json| {
        let (name, cause) = fleet_step(&world, "ReadFleet", &input).unwrap_err();
        assert_eq!(name, "MLProvisioner.InvalidInput");
        let work = json!({"input": input, "failed": {"Error": name, "Cause": cause}});
        let summary = fleet_step(&world, "SummarizeFleet", &work).unwrap();
        assert_eq!(
            (summary["ok"].as_bool(), &summary["error"]["name"]),
            (Some(false), &json!("MLProvisioner.InvalidInput"))
        );
        let kept = world.store.content("deployments/fleets/monday/summary.json").unwrap();
        assert_eq!(serde_json::from_slice::<Json>(&kept).unwrap(), summary);
        summary["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["path"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let deploy =
        json!({"action": "deploy-product", "configs": {"bucket": "suite", "prefix": "configs/none/"}});
    assert_eq!(refused(json!({"action": "deploy-product"})), ["/configs", "/force"]);
    let mut meant = deploy;
    meant["force"] = json!(true);
    assert_eq!(refused(meant.clone()), ["/configs/prefix"]);
    world.store.fail("ListObjectsV2", "configs/", Fault::NoBucket);
    assert_eq!(refused(meant), ["/configs/bucket"]);
    assert_eq!(refused(json!([])), [""]);
}

#[test]
fn a_fleet_with_two_different_configs_of_one_product_is_refused_before_anything_is_deployed() {
    let world = World::new();
    let of = |action: &str| {
        let input =
            json!({"action": action, "force": true, "configs": {"bucket": "suite", "prefix": "configs/"}});
        fleet_step(&world, "ReadFleet", &input)
    };
    world.store.upload("configs/a.yaml", EXAMPLE);
    world.store.upload("configs/b.yaml", EXAMPLE);
    world.store.upload("configs/broken.yaml", "client: 5");
    assert_eq!(of("deploy-product").unwrap()["total"], 3, "the same config twice does no harm");
    world.store.upload("configs/b.yaml", format!("{EXAMPLE}\n# another\n"));
    let started = json!({"step": "ReadFleet", "execution": "arn:aws:states:us-west-2:1:execution:F:tuesday",
        "started": "2026-12-01T06:00:00Z", "work": {"action": "deploy-product", "force": true,
        "configs": {"bucket": "suite", "prefix": "configs/"}}});
    let (name, cause) = world.step(started).unwrap_err();
    assert_eq!(name, "MLProvisioner.InvalidInput");
    assert!(
        cause.contains("`configs/b.yaml` and `configs/a.yaml` are different configs of one product"),
        "{cause}"
    );
    assert!(of("delete-product").is_ok(), "what is deleted twice is deleted");
}

#[test]
fn a_published_value_that_is_gone_is_told_and_a_bucket_that_stays_full_leaves_its_stack() {
    let world = World::new();
    let path = "/ml/techcorp-dev-a001-us-west-2-customer-churn-ml/RepositoryUrl";
    world.stacks.unpublish(path);
    let report = world.execute("one", &input("deploy-product"));
    assert_eq!(error(&report), "MLProvisioner.OutputsMissing", "{report:?}");
    assert!(report.error.unwrap().message.contains(path));
    assert_eq!(
        world.tasks.borrow().iter().filter(|task| *task == "ReadOutputs").count(),
        4,
        "it may be late"
    );
    world.stacks.fill(3);
    world.stacks.lock_versions();
    let report = world.execute("two", &input("delete-product"));
    assert_eq!(error(&report), "MLProvisioner.BucketNotEmptied");
    assert_eq!(world.stacks.status(STACK).as_deref(), Some("CREATE_COMPLETE"));
    assert!(report.error.unwrap().message.contains("`k0` (AccessDenied)"));
}

#[test]
fn a_published_value_that_somebody_changed_is_not_told_as_the_products() {
    let world = World::new();
    let path = "/ml/techcorp-dev-a001-us-west-2-customer-churn-ml/RepositoryUrl";
    world.execute("one", &input("deploy-product"));
    world.stacks.set_output(STACK, "RepositoryUrl", &format!("value of {path}"));
    let report = world.execute("two", &input("deploy-product"));
    assert_eq!((report.outcome, report.ok), (ExecutionOutcome::Unchanged, true), "{report:?}");
    world.stacks.put_parameter(path, "https://attacker.example/repository");
    let report = world.execute("three", &input("deploy-product"));
    assert_eq!(error(&report), "MLProvisioner.OutputsMissing", "{report:?}");
    assert!(report.outputs.is_empty(), "{report:?}");
    let error = report.error.unwrap();
    assert!(error.message.contains(path) && error.message.contains("output `RepositoryUrl`"), "{error:?}");
    assert!(!error.message.contains("attacker"), "{error:?}");
    assert!(error.help.contains(r#"`"drift": "revert"`"#), "{error:?}");
}

#[test]
fn a_model_registry_with_versions_keeps_its_stack_and_bucket() {
    let registry = StackResource {
        logical_id: "ModelPackageGroup".to_owned(),
        physical_id: Some(
            "arn:aws:sagemaker:us-west-2:123456789012:model-package-group/the-registry".to_owned(),
        ),
        kind: "AWS::SageMaker::ModelPackageGroup".to_owned(),
        status: "CREATE_COMPLETE".to_owned(),
        reason: None,
    };
    for (models, name) in [
        (Ok(vec![json!({"ModelPackageVersion": 1})]), Some("MLProvisioner.DeletionFailed")),
        (
            Err((
                "SageMaker.SageMakerException",
                "User is not authorized to perform: sagemaker:ListModelPackages",
            )),
            Some("MLProvisioner.AccessDenied"),
        ),
        (Ok(vec![]), None),
        (Err(("SageMaker.SageMakerException", "ModelPackageGroup the-registry does not exist.")), None),
    ] {
        let world = World::new();
        put(&world, "CREATE_COMPLETE", None);
        world.stacks.put_resource(STACK, registry.clone());
        world.stacks.fill(7);
        *world.models.borrow_mut() = models.clone();
        let report = world.execute("one", &input("delete-product"));
        assert_eq!(report.error.as_ref().map(|error| error.name.as_str()), name, "{models:?}: {report:?}");
        let left = if name.is_some() { ("CREATE_COMPLETE", 7) } else { ("DELETE_COMPLETE", 0) };
        let after = (world.stacks.status(STACK).unwrap(), world.stacks.versions_left());
        assert_eq!((after.0.as_str(), after.1), left, "{models:?}");
    }
    // What a stack that is made anew never had is not asked for.
    let world = World::new();
    put(&world, "ROLLBACK_COMPLETE", None);
    world.stacks.put_resource(STACK, StackResource { status: "DELETE_COMPLETE".to_owned(), ..registry });
    *world.models.borrow_mut() = Err(("SageMaker.SageMakerException", "it is asked"));
    let report = world.execute("one", &with("deploy-product", &json!({"recreate_failed": true})));
    assert_eq!(report.outcome, ExecutionOutcome::Created, "{report:?}");
}

#[test]
fn a_test_that_is_to_be_kept_leaves_nothing_when_it_fails_before_it_is_there() {
    let world = World::new();
    world.stacks.fail_always("cloudformation:ExecuteChangeSet", Fault::Denied);
    let report = world.execute("one", &with("test-deploy", &json!({"keep": true})));
    assert_eq!(error(&report), "MLProvisioner.AccessDenied");
    let name = report.stack_name.unwrap();
    assert_eq!(world.stacks.status(&name).as_deref(), Some("DELETE_COMPLETE"), "the shell is gone");
    assert_eq!(world.stacks.open_change_sets(&name), 0);
    world.stacks.heal();
    let kept = world.execute("two", &with("test-deploy", &json!({"keep": true})));
    assert_eq!(world.stacks.status(&kept.stack_name.unwrap()).as_deref(), Some("CREATE_COMPLETE"));
}

#[test]
fn a_network_that_is_not_there_stops_before_anything_is_touched() {
    const CONFIG: &str = include_str!(
        "../../../configs/examples/enterprise/globalbank-prod-c001-us-west-2-demand-forecasting-ml-codecommit-sgprov-direct.yaml"
    );
    let config = CONFIG.replace("env: prod", "env: dev").replace("444455556666", "123456789012");
    let wanted = json!({"action": "deploy-product", "force": true, "config": config});
    let world = World::new();
    let report = world.execute("one", &wanted);
    assert_eq!(error(&report), "MLProvisioner.PreflightFailed");
    let places: Vec<&str> = report
        .findings
        .iter()
        .filter(|it| it.code.as_str() == "MLP-PRE-004")
        .map(|it| it.path.as_str())
        .collect();
    assert!(
        places.len() >= 4 && places.iter().all(|it| it.starts_with("/ml_product/vpc_integration/")),
        "{places:?}"
    );
    assert!(!world.stacks.calls().contains_key("cloudformation:CreateChangeSet"));
    let ids = |start: &str| {
        let words = config.split(|c: char| c.is_whitespace() || c == '"');
        words
            .filter(|it| it.starts_with(start) && it.len() == start.len() + 17)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let vpc = &ids("vpc-")[0];
    let mut there = vec![json!({"VpcId": vpc}), json!({"GroupId": ids("sg-")[0], "VpcId": vpc})];
    let subnets = ids("subnet-").into_iter().enumerate();
    there.extend(
        subnets.map(|(zone, id)| json!({"SubnetId": id, "VpcId": vpc, "AvailabilityZone": zone.to_string()})),
    );
    *world.network.borrow_mut() = there;
    let report = world.execute("two", &wanted);
    assert_eq!(report.outcome, ExecutionOutcome::Created, "{report:?}");
}

#[test]
fn an_endpoint_of_others_stops_a_deployment_before_anything_is_touched_and_no_test() {
    const CONFIG: &str = include_str!(
        "../../../configs/examples/enterprise/globalbank-prod-c001-us-west-2-demand-forecasting-ml-codecommit-standalone-direct-rtb.yaml"
    );
    let config = CONFIG.replace("env: prod", "env: dev").replace("444455556666", "123456789012");
    let input = |action: &str| json!({"action": action, "force": true, "config": config});
    let world = World::new();
    let ids = |start: &str| {
        let words = config.split(|c: char| c.is_whitespace() || ['"', ',', '[', ']'].contains(&c));
        words
            .filter(|it| it.starts_with(start) && it.len() == start.len() + 17)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (vpc, table) = (&ids("vpc-")[0], &ids("rtb-")[0]);
    let mut there = vec![json!({"VpcId": vpc, "CidrBlock": "10.20.0.0/16"})];
    let subnets = ids("subnet-").into_iter().enumerate();
    there.extend(
        subnets.map(|(zone, id)| json!({"SubnetId": id, "VpcId": vpc, "AvailabilityZone": zone.to_string()})),
    );
    there.extend(ids("rtb-").into_iter().map(|id| json!({"RouteTableId": id, "VpcId": vpc})));
    *world.network.borrow_mut() = there;
    // The endpoints of the network team, or of the product itself under its real name.
    let endpoint = |id: &str, service: &str, kind: &str| {
        json!({"VpcEndpointId": id, "VpcId": vpc, "ServiceName": format!("com.amazonaws.us-west-2.{service}"),
            "VpcEndpointType": kind, "State": "available", "PrivateDnsEnabled": kind == "Interface",
            "RouteTableIds": if kind == "Gateway" { vec![table] } else { vec![] }})
    };
    *world.endpoints.borrow_mut() =
        vec![endpoint("vpce-1", "sts", "Interface"), endpoint("vpce-2", "s3", "Gateway")];
    let report = world.execute("one", &input("deploy-product"));
    assert_eq!(error(&report), "MLProvisioner.PreflightFailed", "{report:?}");
    let found: Vec<(&str, &str)> =
        report.findings.iter().map(|it| (it.code.as_str(), it.path.rsplit('/').next().unwrap())).collect();
    assert!(found.contains(&("MLP-PRE-003", "endpoint_private_dns")), "{report:?}");
    assert!(found.contains(&("MLP-PRE-003", "route_table_ids")), "{report:?}");
    assert!(!world.stacks.calls().contains_key("cloudformation:CreateChangeSet"));
    // A private hosted zone of the account has the name of an endpoint.
    let others = world.endpoints.take();
    *world.hosted_zones.borrow_mut() = vec![
        json!({"HostedZoneId": "Z1", "Name": "sts.us-west-2.amazonaws.com.", "Owner": {"OwningAccount": "123456789012"}}),
        json!({"HostedZoneId": "Z2", "Name": "example.com.", "Owner": {"OwningAccount": "123456789012"}}),
    ];
    let report = world.execute("zone", &input("deploy-product"));
    assert_eq!(error(&report), "MLProvisioner.PreflightFailed", "{report:?}");
    let zones = report.findings.iter().filter(|it| it.message.contains("private hosted zone `Z1`"));
    assert_eq!(zones.count(), 1, "{report:?}");
    world.hosted_zones.take();
    *world.endpoints.borrow_mut() = others;
    let report = world.execute("two", &input("test-deploy"));
    assert_eq!(report.outcome, ExecutionOutcome::Tested, "{report:?}");
    // EC2 may refuse to tell: the deployment goes on, and CloudFormation tells.
    *world.endpoints_refused.borrow_mut() = Some("Ec2.Ec2Exception");
    let report = world.execute("three", &input("deploy-product"));
    assert_eq!(report.outcome, ExecutionOutcome::Created, "{report:?}");
    assert!(
        report.findings.iter().any(|it| it.message.contains("endpoints could not be looked at")),
        "{report:?}"
    );
    assert!(
        report.findings.iter().any(|it| it.message.contains("hosted_zones could not be looked at")),
        "{report:?}"
    );
    // Its own endpoints are in nobody's way.
    *world.endpoints_refused.borrow_mut() = None;
    let stack = report.stack_name.unwrap();
    for id in ["vpce-1", "vpce-2"] {
        world.stacks.put_resource(
            &stack,
            StackResource {
                logical_id: id.replace('-', ""),
                physical_id: Some(id.to_owned()),
                kind: "AWS::EC2::VPCEndpoint".to_owned(),
                status: "CREATE_COMPLETE".to_owned(),
                reason: None,
            },
        );
    }
    assert_eq!(world.execute("four", &input("deploy-product")).outcome, ExecutionOutcome::Unchanged);
}

#[test]
fn a_config_that_makes_another_product_than_before_says_that_the_old_one_stays() {
    let world = World::new();
    let place = json!({"action": "deploy-product", "force": true, "config": {"bucket": "suite", "key": "configs/a.yaml"}});
    let dev = EXAMPLE.replace("env: prod", "env: dev");
    world.store.upload("status/configs/a.yaml.json", r#"{"ok": true, "stored": []}"#);
    let renamed =
        |report: &Report| report.findings.iter().filter(|it| it.code.as_str() == "MLP-DEP-006").count();
    world.store.upload("configs/a.yaml", &dev);
    for name in ["one", "two"] {
        let report = world.execute(name, &place);
        assert_eq!((report.ok, renamed(&report)), (true, 0), "{report:?}");
    }
    world.store.upload("configs/a.yaml", dev.replace("use_case: customer-churn", "use_case: churn"));
    let report = world.execute("three", &place);
    assert_eq!((report.outcome, renamed(&report)), (ExecutionOutcome::Created, 1), "{report:?}");
    let told = report.findings.iter().find(|it| it.code.as_str() == "MLP-DEP-006").unwrap();
    assert_eq!(
        told.help.as_ref().unwrap(),
        &format!("if nobody needs it any more: `mlp delete-product --stack {STACK}`")
    );
    let report = world.execute("four", &place);
    assert_eq!(renamed(&report), 0, "said once: {report:?}");
}

#[test]
fn a_failure_whose_reason_says_too_little_comes_with_what_to_do() {
    let world = World::new();
    world.stacks.end_next(Operation::Fails);
    world.stacks.fail_next_for("Not authorized to perform DescribeSecurityGroups (Service: AWSCodeBuild)");
    let report = world.execute("one", &input("deploy-product"));
    assert_eq!(error(&report), "MLProvisioner.DeploymentFailed");
    let help = report.error.unwrap().help;
    assert!(help.contains("start `deploy-product` again") && help.contains("recreate_failed"), "{help}");
    // Shown, it says what can't be shown, and not what showing can't do.
    let report = world.execute("two", &input("show-changes"));
    assert_eq!(error(&report), "MLProvisioner.StackNotRecreated");
    let help = report.error.unwrap().help;
    assert!(help.contains("nothing can be shown: `deploy-product` with"), "{help}");
}

#[test]
fn a_protected_stack_says_who_protects_it() {
    for (env, why) in [("prod", ", as every product in prod has"), ("dev", ", which somebody switched on")] {
        let world = World::new();
        let config = EXAMPLE.replace("env: prod", &format!("env: {env}"));
        let deploy = json!({"action": "deploy-product", "force": true, "config": config});
        let stack = world.execute("one", &deploy).stack_name.unwrap();
        mlp_testkit::memory::run(mlp_aws::cloudformation::stacks::Stacks::protect(&world.stacks, &stack))
            .unwrap();
        let report =
            world.execute("two", &json!({"action": "delete-product", "force": true, "config": config}));
        assert_eq!(error(&report), "MLProvisioner.StackProtected");
        let message = report.error.unwrap().message;
        assert!(message.ends_with(why), "{message}");
    }
}

#[test]
fn quotas_are_asked_about_for_new_products_alone() {
    let world = World::new();
    *world.account.borrow_mut() = json!({"Roles": 999, "RolesQuota": 1_000});
    let quota =
        |report: &Report| report.findings.iter().filter(|it| it.code.as_str() == "MLP-PRE-006").count();
    let report = world.execute("one", &input("deploy-product"));
    assert_eq!((report.outcome, quota(&report)), (ExecutionOutcome::Created, 1), "{report:?}");
    let report = world.execute("two", &input("deploy-product"));
    assert_eq!((report.outcome, quota(&report)), (ExecutionOutcome::Unchanged, 0), "{report:?}");
}

#[test]
fn a_service_role_that_cannot_be_taken_on_stops_before_anything_is_touched() {
    let table = [
        (None, None, 0),
        (Some(Ok(json!({"Statement": []}))), Some("doesn't trust"), 1),
        (Some(Err("Iam.NoSuchEntityException")), Some("there is no role `deployer`"), 1),
    ];
    for (trust, wanted, findings) in table {
        let mut world = World::new();
        world.settings.service_role = Some("arn:aws:iam::123456789012:role/mlp/deployer".to_owned());
        *world.trust.borrow_mut() = trust;
        let report = world.execute("one", &input("deploy-product"));
        let found = &report.findings;
        assert_eq!((report.ok, found.len()), (wanted.is_none(), findings), "{report:?}");
        let Some(wanted) = wanted else { continue };
        assert_eq!(error(&report), "MLProvisioner.PreflightFailed");
        assert!(found[0].message.contains(wanted), "{report:?}");
        assert!(!world.stacks.calls().contains_key("cloudformation:CreateChangeSet"));
        assert_eq!(world.execute("two", &input("deploy-product")).outcome, ExecutionOutcome::Created);
    }
}

#[test]
fn a_license_that_is_refused_or_cannot_be_asked_for_counts_as_its_mode_says() {
    // None: it is granted.
    let table = [
        (Mode::Enforce, None, None),
        (Mode::Enforce, Some(Kind::Refused), Some("MLProvisioner.LicenseRefused")),
        (Mode::Enforce, Some(Kind::Throttled), Some("MLProvisioner.LicenseUnavailable")),
        (Mode::Enforce, Some(Kind::Unavailable), Some("MLProvisioner.LicenseUnavailable")),
        (Mode::Enforce, Some(Kind::Denied), Some("MLProvisioner.LicenseDenied")),
        (Mode::Warn, Some(Kind::Refused), None),
        (Mode::Warn, Some(Kind::Unavailable), None),
        (Mode::Off, Some(Kind::Refused), None),
    ];
    for (mode, says, name) in table {
        let world = World::with_license(mode);
        *world.desk.says.lock().unwrap() = says;
        let report = world.execute("one", &input("deploy-product"));
        assert_eq!(report.error.as_ref().map(|error| error.name.as_str()), name, "{mode:?} {says:?}");
        let warned = report.findings.iter().any(|finding| finding.code.as_str().starts_with("MLP-LIC"));
        assert_eq!(warned, mode == Mode::Warn, "{mode:?} {says:?}: {:?}", report.findings);
        if name.is_some() {
            assert!(
                world.stacks.calls().keys().all(|call| *call == "cloudformation:DescribeStacks"),
                "nothing is touched"
            );
            // Whoever has no license may still tidy up.
            put(&world, "CREATE_COMPLETE", None);
            assert_eq!(world.execute("two", &input("delete-product")).outcome, ExecutionOutcome::Deleted);
            *world.desk.says.lock().unwrap() = None;
            assert_eq!(world.execute("three", &input("deploy-product")).outcome, ExecutionOutcome::Created);
        }
    }
}

#[test]
fn a_change_set_that_fails_says_of_what_and_leaves_nothing() {
    let event = |logical_id: &str, reason: &str| Event {
        logical_id: logical_id.to_owned(),
        kind: "AWS::S3::Bucket".to_owned(),
        status: "VALIDATION_FAILED".to_owned(),
        reason: reason.to_owned(),
        ..Event::default()
    };
    for told in [true, false] {
        let world = World::new();
        // As CloudFormation has it since it validates before it begins: the reason itself says nothing.
        let reason =
            "Validation failed: [AWS::EarlyValidation::ResourceExistenceCheck]. Use the DescribeEvents API.";
        world.stacks.refuse_next_change_set(reason, vec![event("ArtifactsBucket", "the name is taken")]);
        if !told {
            world.stacks.fail("cloudformation:DescribeEvents", 0, Fault::Denied);
        }
        let report = world.execute("one", &input("deploy-product"));
        assert_eq!(error(&report), "MLProvisioner.ChangeSetFailed");
        let failure = report.error.as_ref().unwrap();
        assert!(failure.message.contains("DescribeEvents API"), "{failure:?}");
        assert_eq!(failure.causes.len(), usize::from(told), "{failure:?}");
        if told {
            assert_eq!(
                (failure.causes[0].logical_id.as_str(), failure.causes[0].reason.as_str()),
                ("ArtifactsBucket", "the name is taken")
            );
        }
        assert_eq!(report.stack_status.as_deref(), Some("absent"), "the shell is gone");
        is_created(&world, &world.execute("two", &input("deploy-product")));
    }
}

#[test]
fn a_change_set_that_is_still_being_made_is_waited_for_before_it_is_discarded() {
    for action in ["show-changes", "deploy-product", "test-deploy"] {
        let world = World::new();
        world.stacks.make_change_sets_in(400);
        world.stacks.fail("cloudformation:DescribeChangeSet", 0, Fault::Denied);
        let report = world.execute("one", &input(action));
        assert_eq!(error(&report), "MLProvisioner.AccessDenied");
        assert!(!report.error.unwrap().message.contains("could not be removed"), "{action}");
        assert_eq!(report.stack_status.as_deref(), Some("absent"), "{action}");
    }
}

#[test]
fn what_is_no_input_touches_nothing_whatever_it_looks_like() {
    let work = json!({
        "action": "delete-product", "next": "empty", "cleanup": "stack", "product": {"stack_name": STACK},
        "config": {"stack": STACK}, "stack": {"id": STACK, "created": true},
    });
    for wrong in [json!("deploy-product"), json!(["deploy-product"]), json!(null), json!(5), work] {
        let world = World::new();
        put(&world, "CREATE_COMPLETE", None);
        let report = world.execute("one", &wrong);
        assert_eq!(error(&report), "MLProvisioner.InvalidInput", "{wrong}");
        assert!(!report.findings.is_empty(), "{wrong}");
        assert_eq!(report.action.as_deref(), wrong.get("action").and_then(Json::as_str));
        assert_eq!(*world.tasks.borrow(), ["ReadInput", "Conclude"], "{wrong}");
        assert_eq!(world.stacks.status(STACK).as_deref(), Some("CREATE_COMPLETE"));
    }
}

#[test]
fn a_bucket_that_is_filled_for_ever_ends_the_execution_before_its_history_is_full() {
    let world = World::new();
    put(&world, "CREATE_COMPLETE", None);
    world.stacks.fill(5_000_000);
    // One page an invocation.
    world.time.set(Duration::ZERO);
    let report = world.execute("one", &input("delete-product"));
    assert_eq!(error(&report), "MLProvisioner.BucketNotEmptied");
    assert_eq!(world.stacks.status(STACK).as_deref(), Some("CREATE_COMPLETE"), "the stack was not touched");
    // Seven events a round: scheduled, started, succeeded, and two states entered and left.
    assert!(world.tasks.borrow().len() * 7 < 25_000 - 5_000, "{}", world.tasks.borrow().len());
    world.time.set(Duration::from_mins(1));
    assert_eq!(world.execute("two", &input("delete-product")).outcome, ExecutionOutcome::Deleted);
}

#[test]
fn an_execution_that_comes_between_inspection_and_order_is_waited_for() {
    // The second finds no stack, and meanwhile the first has one.
    for stop in 0..120 {
        let world = World::new();
        let mut choices = vec![1; stop];
        choices.extend([0; 400]);
        let reports =
            world.all(vec![("one", input("deploy-product")), ("two", input("deploy-product"))], &choices);
        assert!(reports.iter().all(|report| report.ok), "{stop}: {reports:?}");
        assert_eq!(world.stacks.executed(), 1, "{stop}");
    }
}

#[test]
fn a_stack_is_followed_that_took_the_place_of_the_one_inspected() {
    // The second saw the first one's shell, which was discarded before the second's change set made a new one.
    for stop in 0..120 {
        let world = World::new();
        world.stacks.fail("cloudformation:CreateChangeSet", 1, Fault::Throttled);
        let choices = vec![0; stop];
        let reports =
            world.all(vec![("show", input("show-changes")), ("deploy", input("deploy-product"))], &choices);
        assert!(reports.iter().all(|report| report.ok), "{stop}: {reports:?}");
        assert_eq!(reports[1].outcome, ExecutionOutcome::Created, "{stop}");
        assert_eq!(world.stacks.executed(), 1, "{stop}");
    }
}

#[test]
fn a_shell_that_is_discarded_while_another_begins_to_create_in_it_is_made_anew() {
    // Who shows changes has seen an empty shell, and deletes a stack that is being created by then.
    let mut met = 0;
    for slow in 0..60 {
        let world = World::new();
        world.stacks.make_change_sets_in(0);
        // The first tidies up, stops in the middle of it, and the second makes its way.
        let mut choices = [0, LATER].repeat(slow);
        choices.extend([1, 1, 1, LATER].repeat(12));
        let reports =
            world.all(vec![("show", input("show-changes")), ("deploy", input("deploy-product"))], &choices);
        assert!(reports.iter().all(|report| report.ok), "{slow}: {reports:?}");
        assert_eq!(world.stacks.status(STACK).as_deref(), Some("CREATE_COMPLETE"), "{slow}");
        met += world.stacks.executed() - 1;
    }
    assert!(met > 0, "no order of calls brought it about");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn executions_side_by_side_both_end_well_or_say_why(
        choices in proptest::collection::vec(prop_oneof![8 => any::<u8>(), 1 => Just(LATER)], 0..600),
        actions in proptest::collection::vec(0..4_usize, 2..4),
        fault in proptest::option::of((0..CALLS.len(), 0..12_usize, 0..3_usize)),
        death in proptest::option::of((0..6_usize, 0..20_usize)),
    ) {
        const ACTIONS: [&str; 4] = ["deploy-product", "deploy-product", "show-changes", "delete-product"];
        const TASKS: [&str; 6] =
            ["CreateChangeSet", "FollowChangeSet", "ExecuteChangeSet", "FollowStack", "DiscardChangeSet", "DeleteStack"];
        const NAMES: [&str; 3] = ["a", "b", "c"];
        let world = World::new();
        if let Some((call, after, fault)) = fault {
            world.stacks.fail(CALLS[call], after, FAULTS[fault]);
        }
        if let Some((task, steps)) = death {
            world.deaths.borrow_mut().push((TASKS[task], steps));
        }
        let executions = actions.iter().zip(NAMES).map(|(action, name)| (name, input(ACTIONS[*action])));
        let reports = world.all(executions.collect(), &choices);
        for report in &reports {
            // Others' deletion may come in the middle of a deployment; anything else is waited out.
            let name = report.error.as_ref().map_or("", |error| error.name.as_str());
            let deleted = actions.contains(&3);
            prop_assert!(
                report.ok || name == "MLProvisioner.StackBusy" || deleted && name == "MLProvisioner.DeploymentFailed",
                "{report:?}"
            );
        }
        let status = world.stacks.status(STACK).unwrap_or_default();
        prop_assert!(status.is_empty() || status.ends_with("_COMPLETE"), "{status}");
        prop_assert_eq!(world.stacks.open_change_sets(STACK), 0);
        let last = world.execute("last", &input("deploy-product"));
        prop_assert!(last.ok, "{last:?}");
    }
}
