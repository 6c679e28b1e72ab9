//! Custom resources: what the function that takes requests does with them, and what their executions do with stacks.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may panic")]

mod world;

use std::time::{Duration, SystemTime};

use mlp_aws::calls::Kind as Wrong;
use mlp_aws::cloudformation::stacks::StackResource;
use mlp_operations::custom_resource::requests::{Front, Taken, take};
use mlp_operations::custom_resource::{OWNER_TAG, Request, Respond};
use mlp_operations::execution::outcome::{ExecutionOutcome, Report};
use mlp_testkit::memory::Fault;
use mlp_testkit::memory_executions::{MemoryExecutions, Scene};
use serde_json::{Value as Json, json};

use world::{URL, World, identity_tags};

const STACK: &str = "techcorp-dev-a001-us-west-2-churn-ml-stack";

/// The stack with the custom resource.
const SHOP: &str = "shop";

const MACHINE: &str = "arn:aws:states:us-west-2:123456789012:stateMachine:MLProvisionerDeploy";

fn event(kind: &str, world: &World) -> Json {
    json!({
        "RequestType": kind, "ResponseURL": URL, "StackId": world.stacks.id(SHOP).unwrap(), "RequestId": "r",
        "LogicalResourceId": "Product", "ResourceType": "Custom::MLProduct",
        "ResourceProperties": {
            "CompanyPrefix": "techcorp", "TenantId": "a001", "Environment": "dev", "UseCase": "churn",
            "Tier": "starter", "SourceControl": "codecommit",
            "Tags": {"cost_center": "c", "project": "p", "owner": "o"},
        },
    })
}

/// A world with the stack in which the resource is, and the resource in a status.
fn world(status: &str, physical_id: Option<&str>) -> World {
    let world = World::new();
    world.stacks.put(SHOP, "UPDATE_IN_PROGRESS", None);
    see(&world, status, physical_id);
    world
}

/// What CloudFormation says of the resource from now on.
fn see(world: &World, status: &str, physical_id: Option<&str>) {
    let resource = StackResource {
        logical_id: "Product".to_owned(),
        physical_id: physical_id.map(str::to_owned),
        status: status.to_owned(),
        ..StackResource::default()
    };
    world.stacks.put_resource(SHOP, resource);
    // CloudFormation's events show numbers and flags as they stand in the template.
    world.stacks.set_event_properties(SHOP, "Product", event("Update", world)["ResourceProperties"].clone());
}

/// What Lambda hears, what CloudFormation hears, and what was started.
async fn taken(
    world: &World,
    executions: &MemoryExecutions,
    event: &Json,
) -> (Option<Taken>, Vec<Json>, Vec<String>) {
    let front = Front {
        store: &world.store,
        stacks: &world.stacks,
        executions,
        answers: &world.ears,
        settings: &world.settings,
        machine: MACHINE,
        now: SystemTime::UNIX_EPOCH + Duration::from_secs(world.stacks.clock()),
    };
    let taken = take(&front, event.clone()).await.ok();
    (taken, world.ears.heard.lock().unwrap().clone(), executions.started())
}

fn kept(world: &World) -> Json {
    let key = world.store.keys().into_iter().find(|key| key.starts_with("pending/requests/")).unwrap();
    serde_json::from_slice(&world.store.content(&key).unwrap()).unwrap()
}

/// The product's stack, with its tags but without an owner.
fn put_product(world: &World, status: &str) {
    world.stacks.put(STACK, status, None);
    world.stacks.set_tags(STACK, identity_tags("techcorp-dev-a001-us-west-2-churn-ml"));
    // Every stack of the double shares one bucket.
    let made_by = ("aws:cloudformation:stack-id".to_owned(), world.stacks.id(STACK).unwrap());
    world.stacks.set_bucket_tags([made_by].into());
}

/// Keeps a request for an execution, as the function that takes requests does.
fn keep(world: &World, name: &str, respond: &Respond, kept: &Json) {
    world.store.upload(&mlp_operations::execution::keys::request(&respond.owner(), name), kept.to_string());
}

/// The request as its execution knows it.
fn respond(kind: &str, world: &World, physical_id: Option<&str>) -> Respond {
    let request: Request = serde_json::from_value(event(kind, world)).unwrap();
    Respond { physical_resource_id: physical_id.map(str::to_owned), ..request.respond(world.stacks.clock()) }
}

fn product() -> Json {
    let config = "client: {company_name: T, company_prefix: techcorp, account_id: '123456789012', tenant_id: a001}\n\
                  environment: {env: dev, region: us-west-2}\n\
                  ml_product: {use_case: churn, tier: starter, source_control: codecommit}\n\
                  tags: {cost_center: c, project: p, owner: o}\n";
    json!({"action": "deploy-product", "force": true, "config": config})
}

fn deletion(stack: &str) -> Json {
    json!({"action": "delete-product", "force": true, "stack": stack})
}

fn error(report: &Report) -> &str {
    &report.error.as_ref().unwrap_or_else(|| panic!("{report:?}")).name
}

#[tokio::test(start_paused = true)]
async fn a_request_that_cloudformation_is_at_becomes_one_execution_however_often_it_comes() {
    let world = world("CREATE_IN_PROGRESS", None);
    let executions = MemoryExecutions::playing(vec![Scene::Running(vec![])]);
    for seconds in [0, 60] {
        // What is new in the request that comes again is the time.
        world.stacks.advance_to(seconds);
        let (taken, heard, started) = taken(&world, &executions, &event("Create", &world)).await;
        assert_eq!((taken, heard.len(), started.len()), (Some(Taken::Started), 0, 1));
    }
    assert_eq!(kept(&world)["response_url"], URL);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_cloudformation_is_not_at_begins_nothing_and_is_answered_all_the_same() {
    let product = "arn:aws:cloudformation:us-west-2:123456789012:stack/x-stack/1";
    for (kind, status, physical) in [
        ("Create", "CREATE_COMPLETE", Some(product)),
        ("Create", "CREATE_FAILED", None),
        ("Update", "UPDATE_COMPLETE", Some(product)),
        // A deletion that somebody has made up: the product is in use.
        ("Delete", "CREATE_COMPLETE", Some(product)),
        ("Delete", "UPDATE_COMPLETE", Some(product)),
        ("Delete", "UPDATE_IN_PROGRESS", Some(product)),
        ("Delete", "UPDATE_COMPLETE", None),
    ] {
        let world =
            world(status, physical.or(Some(product)).filter(|_| kind != "Create" || physical.is_some()));
        let mut event = event(kind, &world);
        event["PhysicalResourceId"] = json!(physical);
        let (taken, heard, started) = taken(&world, &MemoryExecutions::default(), &event).await;
        assert_eq!((taken, started.len()), (Some(Taken::Late), 0), "{kind} {status}");
        assert_eq!(heard[0]["Status"], "FAILED", "{kind} {status}");
        assert!(world.store.keys().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_deletion_goes_by_the_products_stack_also_of_one_that_was_replaced() {
    let product = "arn:aws:cloudformation:us-west-2:123456789012:stack/x-stack/1";
    for (status, physical) in [("DELETE_IN_PROGRESS", product), ("UPDATE_COMPLETE", "another")] {
        let world = World::new();
        world.stacks.put(SHOP, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", None);
        see(&world, status, Some(physical));
        let (executions, mut event) = (MemoryExecutions::default(), event("Delete", &world));
        event["PhysicalResourceId"] = json!(product);
        assert_eq!(taken(&world, &executions, &event).await.0, Some(Taken::Started), "{status}");
        let input: Json = serde_json::from_str(&executions.inputs()[0]).unwrap();
        assert_eq!((input["action"].as_str(), &input["stack"]), (Some("delete-product"), &json!(product)));
        assert_eq!(input["respond"], kept(&world)["respond"]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_cloudformation_says_a_moment_later_counts_and_throttling_is_waited_out() {
    let world = world("DELETE_COMPLETE", None);
    for _ in 0..2 {
        world.stacks.fail("cloudformation:DescribeStackResource", 0, Fault::Throttled);
    }
    let (executions, event) = (MemoryExecutions::default(), event("Create", &world));
    let later = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        see(&world, "CREATE_IN_PROGRESS", None);
    };
    let ((taken, ..), ()) = tokio::join!(taken(&world, &executions, &event), later);
    assert_eq!(taken, Some(Taken::Started));
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_fails_for_a_moment_does_no_harm_and_one_that_stays_away_is_an_answer() {
    for fault in
        [Fault::ServerError, Fault::LostAnswer, Fault::LostAnswerThenConflict, Fault::ConcurrentWrite]
    {
        let world = world("CREATE_IN_PROGRESS", None);
        world.store.fail("PutObject", "pending/requests/", fault);
        let (taken, ..) = taken(&world, &MemoryExecutions::default(), &event("Create", &world)).await;
        assert_eq!(taken, Some(Taken::Started), "{fault:?}");
    }
    let world = world("CREATE_IN_PROGRESS", None);
    world.store.fail("PutObject", "pending/requests/", Fault::Denied);
    let (taken, heard, started) = taken(&world, &MemoryExecutions::default(), &event("Create", &world)).await;
    assert_eq!((taken, started.len()), (Some(Taken::Answered), 0));
    assert!(heard[0]["Reason"].as_str().unwrap().starts_with("MLProvisioner.AccessDenied"), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn a_start_whose_answer_is_lost_is_answered_only_when_nothing_runs() {
    for (wrong, scene, wanted, heard_of) in [
        (Wrong::Unavailable, Scene::Running(vec![]), Some(Taken::Started), 0),
        (Wrong::Throttled, Scene::Running(vec![]), Some(Taken::Started), 0),
        (Wrong::Unavailable, Scene::Failing(Wrong::Gone), Some(Taken::Answered), 1),
        // Nobody knows: Lambda tries again.
        (Wrong::Unavailable, Scene::Failing(Wrong::Unavailable), None, 0),
    ] {
        let world = world("CREATE_IN_PROGRESS", None);
        let executions =
            MemoryExecutions::playing(vec![scene.clone()]).refusing("states:StartExecution", wrong);
        let (taken, heard, _) = taken(&world, &executions, &event("Create", &world)).await;
        assert_eq!((taken, heard.len()), (wanted, heard_of), "{scene:?}");
        assert_eq!(kept(&world).get("response_url").is_some(), heard_of == 0, "{scene:?}");
        assert!(executions.calls().iter().filter(|call| **call == "states:StartExecution").count() > 1);
    }
    // What can't be started is called off, and a start that comes to life later finds nobody waiting.
    let world = world("CREATE_IN_PROGRESS", None);
    let executions = MemoryExecutions::default().refusing("states:StartExecution", Wrong::Denied);
    let (taken, heard, _) = taken(&world, &executions, &event("Create", &world)).await;
    assert_eq!((taken, heard[0]["Status"].as_str()), (Some(Taken::Answered), Some("FAILED")));
    assert_eq!(kept(&world).get("response_url"), None);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_gets_lost_is_told_by_who_comes_next() {
    let world = world("CREATE_IN_PROGRESS", None);
    let (status, output, error) = (mlp_aws::step_functions::executions::Status::Aborted, None, None);
    let executions = MemoryExecutions::playing(vec![Scene::Ended { status, output, error }]);
    let request: Request = serde_json::from_value(event("Create", &world)).unwrap();
    taken(&world, &executions, &event("Create", &world)).await;
    let arn = format!("{}:{}", MACHINE.replace("stateMachine", "execution"), request.execution());
    let ended =
        json!({"detail-type": "Step Functions Execution Status Change", "detail": {"executionArn": arn}});
    world.ears.fails.lock().unwrap().push(Wrong::Unavailable);
    let (first, heard, _) = taken(&world, &executions, &ended).await;
    assert_eq!((first, heard.len()), (None, 0), "Lambda tries again");
    let (second, heard, _) = taken(&world, &executions, &ended).await;
    assert_eq!((second, heard.len()), (Some(Taken::Answered), 1));
    assert!(heard[0]["Reason"].as_str().unwrap().contains("was stopped by somebody"));
    let (third, heard, _) = taken(&world, &executions, &ended).await;
    assert_eq!((third, heard.len()), (Some(Taken::Late), 1), "once is enough");
}

#[tokio::test(start_paused = true)]
async fn a_status_that_says_an_execution_waits_says_so_no_longer_when_it_was_stopped() {
    use mlp_aws::step_functions::executions::{Executions as _, Status};
    let world = world("CREATE_IN_PROGRESS", None);
    let arn = |name: &str| format!("{}:{name}", MACHINE.replace("stateMachine", "execution"));
    let put = |execution: &str| {
        let status = json!({"ok": true, "stored": [], "later": 1, "deployment": {
            "execution": execution, "action": "deploy-product", "state": "waiting-for-approval",
            "at": "2026-11-28T00:00:00Z", "expires": "2026-12-01T00:00:00Z", "changes": {"added": 13}}});
        world.store.upload("status/configs/a.yaml.json", status.to_string());
    };
    let state = || {
        let bytes = world.store.content("status/configs/a.yaml.json").unwrap();
        let status: Json = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(status["later"], 1);
        (status["deployment"]["state"].clone(), status["deployment"].get("expires").is_some())
    };
    let input = json!({"action": "deploy-product", "config": {"bucket": "suite", "key": "configs/a.yaml"}});
    for (status, told) in [(Status::Aborted, "stopped"), (Status::TimedOut, "failed")] {
        let executions = MemoryExecutions::playing(vec![Scene::Ended { status, output: None, error: None }]);
        executions.start(MACHINE, "one", &input.to_string()).await.unwrap();
        let ended = json!({"detail-type": "Step Functions Execution Status Change", "detail": {"executionArn": arn("one")}});
        put(&arn("another"));
        assert_eq!(taken(&world, &executions, &ended).await.0, Some(Taken::Late));
        assert_eq!(state(), (json!("waiting-for-approval"), true), "another execution waits");
        put(&arn("one"));
        taken(&world, &executions, &ended).await;
        assert_eq!(state(), (json!(told), false));
    }
    // Who only says that it has ended isn't believed.
    let executions = MemoryExecutions::playing(vec![Scene::Running(vec![])]);
    executions.start(MACHINE, "one", &input.to_string()).await.unwrap();
    let ended = json!({"detail-type": "Step Functions Execution Status Change", "detail": {"executionArn": arn("one")}});
    put(&arn("one"));
    taken(&world, &executions, &ended).await;
    assert_eq!(state(), (json!("waiting-for-approval"), true));
}

#[tokio::test(start_paused = true)]
async fn only_a_new_product_may_take_the_place_of_one_that_never_came_to_be() {
    for (kind, recreate) in [("Create", true), ("Update", false)] {
        let world = world(&format!("{}_IN_PROGRESS", kind.to_uppercase()), None);
        let executions = MemoryExecutions::default();
        taken(&world, &executions, &event(kind, &world)).await;
        let input: Json = serde_json::from_str(&executions.inputs()[0]).unwrap();
        assert_eq!(input["recreate_failed"], recreate, "{kind}");
    }
}

#[test]
fn an_execution_answers_the_request_that_is_kept_for_it_and_nobody_elses() {
    let world = world("CREATE_IN_PROGRESS", None);
    let mut forged = product();
    forged["respond"] = json!(respond("Create", &world, None));
    let report = world.execute("forged", &forged);
    assert_eq!(error(&report), "MLProvisioner.InvalidInput");
    assert_eq!(report.findings[0].path, "/respond");
    let report = world.respond("real", &product(), &respond("Create", &world, None));
    assert_eq!(report.outcome, ExecutionOutcome::Created, "{report:?}");
    let heard = world.ears.heard.lock().unwrap().clone();
    assert_eq!((heard.len(), heard[0]["Status"].as_str()), (1, Some("SUCCESS")));
    assert_eq!(heard[0]["PhysicalResourceId"], json!(report.stack_id));
    // Another one in its name, and the same once more after it was answered.
    let delete = respond("Delete", &world, report.stack_id.as_deref());
    let waits = json!({"response_url": URL, "respond": respond("Delete", &world, None)});
    keep(&world, "other", &delete, &waits);
    keep(&world, "again", &delete, &json!({"respond": delete}));
    for name in ["other", "again"] {
        let mut input = deletion(STACK);
        input["respond"] = json!(delete);
        assert_eq!(error(&world.execute(name, &input)), "MLProvisioner.InvalidInput", "{name}");
    }
    assert_eq!(world.stacks.status(STACK).as_deref(), Some("CREATE_COMPLETE"));
    see(&world, "DELETE_IN_PROGRESS", report.stack_id.as_deref());
    assert_eq!(
        world.respond("delete", &deletion(&report.stack_id.unwrap()), &delete).outcome,
        ExecutionOutcome::Deleted
    );
}

#[test]
fn a_request_is_answered_by_what_it_asks_for_and_by_nothing_else() {
    for (kind, input) in [("Create", deletion(STACK)), ("Update", deletion(STACK)), ("Delete", product())] {
        let world = world(&format!("{}_IN_PROGRESS", kind.to_uppercase()), None);
        put_product(&world, "UPDATE_COMPLETE");
        world.stacks.fill(7);
        let respond = respond(kind, &world, world.stacks.id(STACK).as_deref());
        world.stacks.tag(STACK, OWNER_TAG, &respond.owner());
        let report = world.respond("one", &input, &respond);
        assert_eq!(error(&report), "MLProvisioner.InvalidInput", "{kind}: {report:?}");
        assert_eq!(report.findings[0].path, "/respond", "{kind}");
        let left = (world.stacks.status(STACK), world.stacks.versions_left());
        assert_eq!(left, (Some("UPDATE_COMPLETE".to_owned()), 7), "{kind}");
        assert_eq!(world.stacks.executed(), 0, "{kind}");
    }
}

#[test]
fn an_update_never_makes_a_product_anew_and_nothing_that_could_not_be_deleted_is_lost() {
    for (status, kind, recreate, outcome) in [
        ("ROLLBACK_COMPLETE", "Create", true, ExecutionOutcome::Created),
        ("DELETE_FAILED", "Create", true, ExecutionOutcome::Failed),
        ("DELETE_FAILED", "Update", false, ExecutionOutcome::Failed),
    ] {
        let world = world("UPDATE_IN_PROGRESS", None);
        see(&world, &format!("{}_IN_PROGRESS", kind.to_uppercase()), None);
        put_product(&world, status);
        world.stacks.fill(7);
        let respond = respond(kind, &world, None);
        world.stacks.tag(STACK, OWNER_TAG, &respond.owner());
        let mut input = product();
        input["recreate_failed"] = json!(recreate);
        let report = world.respond("one", &input, &respond);
        assert_eq!(report.outcome, outcome, "{status} {kind}: {report:?}");
        if outcome == ExecutionOutcome::Failed {
            assert_eq!(error(&report), "MLProvisioner.StackNotRecreated");
            assert_eq!(world.stacks.versions_left(), 7);
        }
    }
}

#[test]
fn what_takes_longer_than_cloudformation_waits_is_answered_in_time_and_goes_on() {
    let world = world("CREATE_IN_PROGRESS", None);
    world.stacks.put(STACK, "REVIEW_IN_PROGRESS", None);
    let respond = Respond { answer_by: 10, ..respond("Create", &world, None) };
    let report = world.respond("one", &product(), &respond);
    assert_eq!(error(&report), "MLProvisioner.TimedOut");
    let heard = world.ears.heard.lock().unwrap().clone();
    assert_eq!((heard.len(), heard[0]["Status"].as_str()), (1, Some("FAILED")));
    assert!(heard[0]["Reason"].as_str().unwrap().contains("waits no longer"), "{heard:?}");
    assert!((10..60).contains(&world.stacks.clock()), "{}", world.stacks.clock());
}

#[test]
fn a_deletion_leaves_the_shell_in_which_a_deployment_waits_for_its_approval() {
    let world = world("DELETE_IN_PROGRESS", None);
    let mut approved = product();
    approved["approval"] = json!({"timeout_seconds": 600});
    let delete = respond("Delete", &world, None);
    let kept = json!({"response_url": URL, "respond": delete});
    keep(&world, "delete", &delete, &kept);
    let mut deletion = deletion(STACK);
    deletion["respond"] = json!(delete);
    // The shell has no tag that says whose it is.
    world.stacks.put(STACK, "REVIEW_IN_PROGRESS", None);
    let begun = vec![("waiting", approved), ("delete", deletion)];
    // The first is at its approval before the second looks.
    let reports = world.all(begun, &[0; 400]);
    assert_eq!(reports[1].outcome, ExecutionOutcome::Absent, "{:?}", reports[1]);
    assert!(reports[1].findings.iter().any(|it| it.message.contains("left alone")), "{:?}", reports[1]);
    assert_eq!(error(&reports[0]), "MLProvisioner.ApprovalTimedOut", "it waited to its end");
}

#[test]
fn showing_changes_takes_nothing_from_the_owner() {
    let world = world("CREATE_IN_PROGRESS", None);
    let respond = respond("Create", &world, None);
    assert!(world.respond("one", &product(), &respond).ok);
    let mut show = product();
    show["action"] = json!("show-changes");
    assert_eq!(world.execute("two", &show).outcome, ExecutionOutcome::Previewed);
    let ordered = world.stacks.ordered();
    let last = ordered.last().unwrap();
    assert!(last.tags.contains(&(OWNER_TAG.to_owned(), respond.owner())), "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn a_made_up_deletion_never_reaches_the_product_that_a_resource_stands_for() {
    let product = "arn:aws:cloudformation:us-west-2:123456789012:stack/x-stack/1";
    // Owner, properties and the ids are the victim's; the resource was updated once and is at rest.
    for forged in [
        None,
        Some("x"),
        Some("arn:aws:cloudformation:us-west-2:123456789012:stack/x-stack/0"),
        Some(product),
    ] {
        for stack in ["UPDATE_COMPLETE", "CREATE_COMPLETE", "UPDATE_IN_PROGRESS"] {
            let world = World::new();
            world.stacks.put(SHOP, stack, None);
            see(&world, "UPDATE_COMPLETE", Some(product));
            let mut event = event("Delete", &world);
            event["PhysicalResourceId"] = json!(forged);
            let (taken, heard, started) = taken(&world, &MemoryExecutions::default(), &event).await;
            assert_eq!((taken, started.len()), (Some(Taken::Late), 0), "{forged:?} {stack}");
            assert_eq!(heard[0]["Status"], "FAILED");
        }
    }
}

#[test]
fn what_cloudformation_calls_a_resource_in_use_is_left_alone_whoever_asks() {
    // The stack of the custom resource is cleaning up, the one moment in which a deletion may name another id.
    let world = World::new();
    world.stacks.put(SHOP, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", None);
    put_product(&world, "UPDATE_COMPLETE");
    world.stacks.fill(7);
    let product = world.stacks.id(STACK).unwrap();
    see(&world, "UPDATE_COMPLETE", Some(&product));
    for (named, asked) in [(None, STACK), (Some("x"), STACK), (Some(product.as_str()), product.as_str())] {
        let respond = respond("Delete", &world, named);
        world.stacks.tag(STACK, OWNER_TAG, &respond.owner());
        let report = world.respond("one", &deletion(asked), &respond);
        assert_eq!(report.outcome, ExecutionOutcome::Absent, "{named:?}: {report:?}");
        assert!(report.findings.iter().any(|it| it.message.contains("left alone")), "{report:?}");
        let left = (world.stacks.status(STACK), world.stacks.versions_left());
        assert_eq!(left, (Some("UPDATE_COMPLETE".to_owned()), 7), "{named:?}");
    }
    // One that was replaced is deleted.
    see(&world, "UPDATE_COMPLETE", Some("arn:aws:cloudformation:us-west-2:123456789012:stack/another/1"));
    let respond = respond("Delete", &world, Some(&product));
    assert_eq!(world.respond("two", &deletion(&product), &respond).outcome, ExecutionOutcome::Deleted);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_answered_is_not_kept() {
    for kind in ["Create", "Update", "Delete"] {
        let world = world(&format!("{}_IN_PROGRESS", kind.to_uppercase()), None);
        let mut forged = event(kind, &world);
        forged["ResponseURL"] = json!("https://evil.example/x");
        let (taken, heard, started) = taken(&world, &MemoryExecutions::default(), &forged).await;
        assert_eq!((taken, heard.len(), started.len()), (None, 0, 0), "{kind}");
        assert!(world.store.keys().is_empty(), "{kind}");
    }
}

#[test]
fn a_deletion_is_carried_out_only_as_long_as_cloudformation_waits_for_it() {
    fn updated(world: &World) {
        see(world, "UPDATE_FAILED", world.stacks.id(STACK).as_deref());
    }
    // The moment in which a deletion that names another id may come; and statuses that CloudFormation says afterwards.
    let cleaning = |named: Option<&str>, status: &str| {
        let world = World::new();
        world.stacks.put(SHOP, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", None);
        put_product(&world, "UPDATE_COMPLETE");
        world.stacks.fill(7);
        let respond = respond("Delete", &world, named);
        world.stacks.tag(STACK, OWNER_TAG, &respond.owner());
        see(&world, status, world.stacks.id(STACK).as_deref());
        (world, respond)
    };
    let is_left = |world: &World, report: &Report, case: &str| {
        assert_eq!(error(report), "MLProvisioner.RequestWithdrawn", "{case}: {report:?}");
        let left = (world.stacks.status(STACK), world.stacks.versions_left());
        assert_eq!(left, (Some("UPDATE_COMPLETE".to_owned()), 7), "{case}");
    };
    for named in [Some("x"), None] {
        for status in
            ["UPDATE_IN_PROGRESS", "UPDATE_FAILED", "UPDATE_ROLLBACK_IN_PROGRESS", "CREATE_IN_PROGRESS"]
        {
            let (world, respond) = cleaning(named, status);
            let report = world.respond("one", &deletion(STACK), &respond);
            is_left(&world, &report, &format!("{named:?} {status}"));
        }
    }
    for task in ["EmptyBucket", "DeleteStack"] {
        let (world, respond) = cleaning(Some("x"), "DELETE_IN_PROGRESS");
        world.before.borrow_mut().push((task, updated));
        let report = world.respond("one", &deletion(STACK), &respond);
        assert_eq!(error(&report), "MLProvisioner.RequestWithdrawn", "{task}: {report:?}");
        assert_eq!(world.stacks.status(STACK).as_deref(), Some("UPDATE_COMPLETE"), "{task}");
        assert_eq!(world.stacks.versions_left(), if task == "EmptyBucket" { 7 } else { 0 });
    }
}

#[tokio::test(start_paused = true)]
async fn properties_that_cloudformation_did_not_send_begin_nothing() {
    for kind in ["Create", "Update"] {
        let status = format!("{}_IN_PROGRESS", kind.to_uppercase());
        let world = world(&status, None);
        let mut forged = event(kind, &world);
        forged["ResourceProperties"]["Tier"] = json!("enterprise");
        forged["ResourceProperties"]["S3Prefix"] = json!("evil/");
        let (taken, heard, started) = taken(&world, &MemoryExecutions::default(), &forged).await;
        assert_eq!((taken, started.len()), (Some(Taken::Answered), 0), "{kind}");
        let reason = heard[0]["Reason"].as_str().unwrap();
        assert!(reason.contains("/Tier, /S3Prefix") && !reason.contains("evil"), "{reason}");
        assert!(world.store.keys().is_empty());
        // How long the request waits is CloudFormation's to say.
        let mut patient = event(kind, &world);
        patient["ResourceProperties"]["ServiceTimeout"] = json!("3600");
        let (taken, heard, _) = self::taken(&world, &MemoryExecutions::default(), &patient).await;
        assert_eq!(taken, Some(Taken::Answered), "{kind}");
        assert!(heard[1]["Reason"].as_str().unwrap().contains("/ServiceTimeout"), "{heard:?}");
        // Without an event nobody knows; one that is late is waited for.
        world.stacks.set_event_properties(SHOP, "Product", json!(null));
        let (taken, ..) = self::taken(&world, &MemoryExecutions::default(), &event(kind, &world)).await;
        assert_eq!(taken, Some(Taken::Answered), "{kind}");
        let later = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            see(&world, &status, None);
        };
        let (executions, event) = (MemoryExecutions::default(), event(kind, &world));
        let ((taken, ..), ()) = tokio::join!(self::taken(&world, &executions, &event), later);
        assert_eq!(taken, Some(Taken::Started), "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_leaves_out_how_long_it_waits_waits_as_long_as_cloudformation_says() {
    for kind in ["Create", "Update"] {
        let world = world(&format!("{}_IN_PROGRESS", kind.to_uppercase()), None);
        let sent = event(kind, &world);
        let mut told = sent["ResourceProperties"].clone();
        told["ServiceTimeout"] = json!("600");
        world.stacks.set_event_properties(SHOP, "Product", told);
        let (taken, ..) = taken(&world, &MemoryExecutions::default(), &sent).await;
        assert_eq!(taken, Some(Taken::Started), "{kind}");
        assert_eq!(kept(&world)["respond"]["answer_by"], json!(world.stacks.clock() + 600 - 150), "{kind}");
    }
}

#[test]
fn a_creation_that_cloudformation_has_called_off_makes_nothing_more() {
    fn called_off(world: &World) {
        see(world, "DELETE_IN_PROGRESS", None);
    }
    for status in ["CREATE_FAILED", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"] {
        let world = world(status, None);
        let report = world.respond("one", &product(), &respond("Create", &world, None));
        assert_eq!(error(&report), "MLProvisioner.RequestWithdrawn", "{report:?}");
        assert_eq!((world.stacks.id(STACK), world.ears.heard.lock().unwrap().len()), (None, 1), "{status}");
    }
    // Also between the change set and its execution.
    let world = world("CREATE_IN_PROGRESS", None);
    world.meanwhile.borrow_mut().push_back(called_off);
    world.decide("one", world::Decision::Approve("arn:aws:iam::123456789012:user/ann"));
    let mut asked = product();
    asked["approval"] = json!(true);
    let report = world.respond("one", &asked, &respond("Create", &world, None));
    assert_eq!(error(&report), "MLProvisioner.RequestWithdrawn", "{report:?}");
    assert_eq!((world.stacks.executed(), world.stacks.open_change_sets(STACK)), (0, 0));
    assert_eq!(world.stacks.status(STACK).as_deref(), Some("DELETE_COMPLETE"), "the shell is gone");
}

#[test]
fn a_deletion_that_comes_before_the_creation_has_ended_waits_for_it_and_leaves_nothing() {
    for stop in 0..60 {
        let world = world("CREATE_IN_PROGRESS", None);
        let create = respond("Create", &world, None);
        let delete =
            Respond { request_id: "d".to_owned(), ..respond("Delete", &world, Some("x-Product-1ABC")) };
        for (name, respond) in [("create", &create), ("delete", &delete)] {
            keep(&world, name, respond, &json!({"response_url": URL, "respond": respond}));
        }
        let asked = |input: Json, respond: &Respond| {
            let mut input = input;
            input["respond"] = json!(respond);
            input
        };
        // CloudFormation calls the creation off when nothing can stop it any more.
        world.before.borrow_mut().push(("FollowStack", |world| see(world, "DELETE_IN_PROGRESS", None)));
        let both = vec![("create", asked(product(), &create)), ("delete", asked(deletion(STACK), &delete))];
        let reports = world.all(both, &vec![0; stop]);
        assert_eq!(reports[0].outcome, ExecutionOutcome::Created, "{stop}: {:?}", reports[0]);
        assert_eq!(reports[1].outcome, ExecutionOutcome::Deleted, "{stop}: {:?}", reports[1]);
        assert_eq!(world.stacks.status(STACK).as_deref(), Some("DELETE_COMPLETE"), "{stop}");
    }
}
