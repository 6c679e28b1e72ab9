//! Approvals: what waits for one, who may give it, and what it counts for.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may panic")]

mod world;

use mlp_aws::cloudformation::stacks::StackResource;
use mlp_operations::custom_resource::{Kind, Respond};
use mlp_operations::execution::approval::Required;
use mlp_operations::execution::outcome::{ExecutionOutcome, Report};
use serde_json::{Value as Json, json};

use world::{Decision, LATER, World, identity_tags};

const STACK: &str = "techcorp-dev-a001-us-west-2-churn-ml-stack";

const BEN: &str = "arn:aws:sts::123456789012:assumed-role/developers/ben";
const ANN: &str = "arn:aws:sts::123456789012:assumed-role/approvers/ann";

fn config(env: &str) -> String {
    format!(
        "client: {{company_name: T, company_prefix: techcorp, account_id: '123456789012', tenant_id: a001}}\n\
         environment: {{env: {env}, region: us-west-2}}\n\
         ml_product: {{use_case: churn, tier: starter, source_control: codecommit}}\n\
         tags: {{cost_center: c, project: p, owner: o}}\n"
    )
}

fn input(action: &str, more: &Json) -> Json {
    let mut input = json!({"action": action, "force": true, "config": config("dev")});
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    input
}

/// Waits ten minutes for an approval.
fn asking(action: &str, more: &Json) -> Json {
    let mut input = input(action, more);
    input["approval"] = json!({"timeout_seconds": 600});
    input
}

/// The product's stack in a status, with a full bucket.
fn world(status: &str) -> World {
    let world = World::new();
    put(&world, status);
    world.stacks.fill(7);
    world
}

fn put(world: &World, status: &str) {
    world.stacks.put(STACK, status, None);
    world.stacks.set_tags(STACK, identity_tags("techcorp-dev-a001-us-west-2-churn-ml"));
}

fn error(report: &Report) -> &str {
    &report.error.as_ref().unwrap_or_else(|| panic!("{report:?}")).name
}

fn is_untouched(world: &World, status: &str) {
    assert_eq!((world.stacks.status(STACK).as_deref(), world.stacks.versions_left()), (Some(status), 7));
    assert!(!world.stacks.calls().contains_key("cloudformation:DeleteStack"));
}

#[test]
fn an_approval_that_nobody_hears_of_is_told_so() {
    let place = json!({"bucket": "suite", "key": "configs/a.yaml"});
    for (subscribed, warned) in [("0", true), ("1", false)] {
        let world = World::new();
        *world.subscribed.borrow_mut() = subscribed;
        world.store.upload("configs/a.yaml", config("dev"));
        world.store.upload("status/configs/a.yaml.json", r#"{"ok": true, "stored": []}"#);
        world.meanwhile.borrow_mut().push_back(|world| {
            let status: Json =
                serde_json::from_slice(&world.store.content("status/configs/a.yaml.json").unwrap()).unwrap();
            let is_told =
                status["deployment"]["warning"].as_str().is_some_and(|it| it.contains("`ApprovalEmail`"));
            assert_eq!(is_told, *world.subscribed.borrow() == "0", "{status}");
        });
        let mut asked = asking("deploy-product", &json!({}));
        asked["config"] = place.clone();
        let report = world.execute("one", &asked);
        assert_eq!(error(&report), "MLProvisioner.ApprovalTimedOut");
        let message = report.error.unwrap().message;
        assert_eq!(message.contains("no address has confirmed a subscription"), warned, "{message}");
        assert_eq!(world.asked("one")["warning"].is_string(), warned);
    }
}

#[test]
fn what_deletes_waits_for_the_approval_and_is_told_by_name() {
    let cases = [
        (asking("delete-product", &json!({})), "CREATE_COMPLETE", "final"),
        (asking("deploy-product", &json!({"recreate_failed": true})), "DELETE_FAILED", "recreated"),
        (asking("deploy-product", &json!({"recreate_failed": true})), "ROLLBACK_FAILED", "recreated"),
    ];
    for (input, status, deletion) in cases {
        for decision in [None, Some(Decision::Failure("MLProvisioner.Rejected", "no"))] {
            let world = world(status);
            let mut input = input.clone();
            input["requested_by"] = json!(BEN);
            let wanted = if decision.is_some() { "Rejected" } else { "ApprovalTimedOut" };
            if let Some(decision) = decision {
                world.decide("one", decision);
            }
            let report = world.execute("one", &input);
            assert_eq!(report.outcome, ExecutionOutcome::Cancelled, "{status}: {report:?}");
            assert_eq!(error(&report), format!("MLProvisioner.{wanted}"), "{status}");
            is_untouched(&world, status);
            let asked = world.asked("one");
            assert_eq!(asked["changes"]["deletion"], deletion, "{asked:#}");
            assert_eq!(asked["changes"]["deletions"][0]["logical_id"], "Bucket", "{asked:#}");
            assert_eq!(asked["changes"]["risks"][0]["impact"], "lost", "{asked:#}");
            assert_eq!(asked["requested_by"], BEN);
            assert_eq!(
                (&asked["account_id"], &asked["region"]),
                (&json!("123456789012"), &json!("us-west-2"))
            );
            let mails = world.mails.borrow();
            for told in
                ["deletion of the stack", BEN, "Bucket (AWS::S3::Bucket", "1970-01-01T00:1", "--bucket suite"]
            {
                assert!(mails[0].contains(told), "{told}: {}", mails[0]);
            }
        }
    }
}

#[test]
fn what_the_starter_writes_is_told_as_theirs_and_hides_nothing() {
    // Step Functions takes such a name.
    let name = "one\u{202e}two";
    let world = world("CREATE_COMPLETE");
    world.execute(name, &asking("deploy-product", &json!({"requested_by": BEN})));
    world.execute("three", &asking("deploy-product", &json!({})));
    let mails = world.mails.borrow();
    assert!(!mails[0].contains('\u{202e}') && mails[0].contains("one[U+202E]two"), "{}", mails[0]);
    assert!(mails[0].contains(&format!("Requested by {BEN} (the starter's own statement")), "{}", mails[0]);
    assert!(mails[1].contains("Requested by an unknown requester. "), "{}", mails[1]);
}

#[test]
fn a_deletion_that_was_approved_happens_and_a_stack_that_is_created_again_is_asked_about_once() {
    for (action, status, outcome) in [
        ("delete-product", "CREATE_COMPLETE", ExecutionOutcome::Deleted),
        ("deploy-product", "DELETE_FAILED", ExecutionOutcome::Created),
        ("deploy-product", "ROLLBACK_COMPLETE", ExecutionOutcome::Created),
    ] {
        let world = world(status);
        world.decide("one", Decision::Approve(ANN));
        let more = if action == "deploy-product" { json!({"recreate_failed": true}) } else { json!({}) };
        let report = world.execute("one", &asking(action, &more));
        assert_eq!(report.outcome, outcome, "{report:?}");
        assert_eq!((world.announced(), world.stacks.versions_left()), (1, 0), "{action} {status}");
        assert_eq!(report.approved_by.as_deref(), Some(ANN));
    }
}

#[test]
fn a_stack_that_changed_after_it_was_approved_is_asked_about_again() {
    fn somebody_adds_a_topic(world: &World) {
        let topic = StackResource {
            logical_id: "Later".to_owned(),
            physical_id: Some("later".to_owned()),
            kind: "AWS::SNS::Topic".to_owned(),
            status: "CREATE_COMPLETE".to_owned(),
            ..StackResource::default()
        };
        world.stacks.put_resource(STACK, topic);
    }
    let world = world("CREATE_COMPLETE");
    world.decide("one", Decision::Approve(ANN));
    world.meanwhile.borrow_mut().push_back(somebody_adds_a_topic);
    let report = world.execute("one", &asking("delete-product", &json!({})));
    assert_eq!((report.outcome, world.announced()), (ExecutionOutcome::Deleted, 2), "{report:?}");
    let ids = |mail: usize| world.mails.borrow()[mail].contains("Later (AWS::SNS::Topic");
    assert_eq!((ids(0), ids(1)), (false, true));
}

#[test]
fn an_approval_counts_only_with_what_approvers_alone_can_read() {
    let nonce = |world: &World| world.asked("one")["nonce"].as_str().unwrap().to_owned();
    for output in [
        json!({}),
        json!({"approved": true, "by": ANN}),
        json!({"nonce": ""}),
        json!({"nonce": "0"}),
        json!("ok"),
        json!(null),
    ] {
        let world = world("CREATE_COMPLETE");
        world.decide("one", Decision::Success(output.clone()));
        for action in ["delete-product", "deploy-product"] {
            let report = world.execute("one", &asking(action, &json!({})));
            assert_eq!(
                (report.outcome, error(&report)),
                (ExecutionOutcome::Cancelled, "MLProvisioner.ApprovalInvalid"),
                "{output}"
            );
            is_untouched(&world, "CREATE_COMPLETE");
            assert_eq!((world.stacks.executed(), world.stacks.open_change_sets(STACK)), (0, 0), "{output}");
        }
        assert!(nonce(&world).len() == 32 && !output.to_string().contains(&nonce(&world)));
    }
    // Every request has its own, and it stands nowhere but in the request.
    let (one, two) = (world("CREATE_COMPLETE"), world("CREATE_COMPLETE"));
    for world in [&one, &two] {
        let report = world.execute("one", &asking("delete-product", &json!({})));
        assert!(!serde_json::to_string(&report).unwrap().contains(&nonce(world)));
        let request = "pending/approvals/one.json";
        for key in world.store.keys().into_iter().filter(|key| key != request) {
            let content = world.store.content(&key).unwrap();
            assert!(!String::from_utf8_lossy(&content).contains(&nonce(world)), "{key}");
        }
        assert!(!world.mails.borrow()[0].contains(&nonce(world)));
    }
    assert_ne!(nonce(&one), nonce(&two));
}

#[test]
fn who_asked_cannot_approve_where_both_are_known() {
    for (asked, by, counts) in [(Some(BEN), BEN, false), (Some(BEN), ANN, true), (None, BEN, true)] {
        let world = world("CREATE_COMPLETE");
        world.decide("one", Decision::Approve(by));
        let more = asked.map_or(json!({}), |asked| json!({"requested_by": asked}));
        let report = world.execute("one", &asking("deploy-product", &more));
        if counts {
            assert_eq!(report.outcome, ExecutionOutcome::Updated, "{report:?}");
        } else {
            assert_eq!(error(&report), "MLProvisioner.ApprovalInvalid");
            assert!(report.error.as_ref().unwrap().message.contains("started the execution"), "{report:?}");
            assert_eq!((world.stacks.executed(), world.stacks.open_change_sets(STACK)), (0, 0));
        }
        assert_eq!(report.requested_by.as_deref(), asked);
    }
}

#[test]
fn a_rejection_through_the_api_is_one_whatever_it_is_called() {
    for (name, cause) in [
        ("", ""),
        ("States.TaskFailed", ""),
        ("Nope", "not on Friday"),
        ("MLProvisioner.Rejected", "not on Friday"),
    ] {
        let world = world("CREATE_COMPLETE");
        world.decide("one", Decision::Failure(name, cause));
        let report = world.execute("one", &asking("deploy-product", &json!({})));
        assert_eq!(
            (report.outcome, error(&report)),
            (ExecutionOutcome::Cancelled, "MLProvisioner.Rejected"),
            "{name}"
        );
        let told = if cause.is_empty() { "without a reason" } else { cause };
        assert!(report.error.as_ref().unwrap().message.ends_with(told), "{report:?}");
        assert_eq!((world.stacks.executed(), world.stacks.open_change_sets(STACK)), (0, 0));
    }
    // What Lambda throws there is nobody's decision.
    for (name, wanted) in [("Lambda.Unknown", "Unavailable"), ("MLProvisioner.AccessDenied", "AccessDenied")]
    {
        let world = world("CREATE_COMPLETE");
        world.decide("one", Decision::Failure(name, "{}"));
        let report = world.execute("one", &asking("deploy-product", &json!({})));
        assert_eq!(
            (report.outcome, error(&report)),
            (ExecutionOutcome::Failed, format!("MLProvisioner.{wanted}").as_str())
        );
    }
}

#[test]
fn the_suite_can_require_an_approval_that_nobody_can_leave_out() {
    for (required, env, asks) in [
        (Required::None, "dev", false),
        (Required::Prod, "dev", false),
        (Required::Prod, "prod", true),
        (Required::All, "dev", true),
        (Required::parse("any"), "dev", true),
    ] {
        for (action, approval) in [
            ("deploy-product", json!(null)),
            ("deploy-product", json!(false)),
            ("test-deploy", json!(null)),
            ("delete-product", json!(null)),
        ] {
            let mut world = World::new();
            world.settings.require_approval = required;
            if action == "delete-product" {
                put(&world, "CREATE_COMPLETE");
                world.stacks.tag(STACK, "ml-provisioner:environment", env);
            }
            let mut asked =
                json!({"action": action, "force": true, "config": config(env), "approval": approval});
            if action == "delete-product" {
                asked = json!({"action": action, "force": true, "stack": STACK, "approval": approval});
            }
            let report = world.execute("one", &asked);
            let case = format!("{required:?} {env} {action}: {report:?}");
            assert_eq!(report.outcome == ExecutionOutcome::Cancelled, asks, "{case}");
            assert_eq!(world.announced(), usize::from(asks), "{case}");
            // Looking needs none.
            let shown = world.execute("two", &json!({"action": "show-changes", "config": config(env)}));
            assert!(shown.ok || asks, "{shown:?}");
        }
    }
    // A stack that doesn't say what it is for may be for prod.
    let mut world = world("CREATE_COMPLETE");
    world.settings.require_approval = Required::Prod;
    world.stacks.set_tags(STACK, []);
    world.stacks.tag(STACK, "ManagedBy", "ml-provisioner");
    world.stacks.tag(STACK, "ml-provisioner:product", "techcorp-dev-a001-us-west-2-churn-ml");
    world.stacks.set_template(
        STACK,
        "Metadata: {MLProvisioner: {MlName: techcorp-dev-a001-us-west-2-churn-ml, StackName: techcorp-dev-a001-us-west-2-churn-ml-stack}}",
    );
    let report = world
        .execute("one", &json!({"action": "delete-product", "force": true, "stack": STACK, "adopt": true}));
    assert_eq!(error(&report), "MLProvisioner.ApprovalTimedOut", "{report:?}");
}

#[test]
fn a_stack_that_is_taken_over_and_names_no_environment_may_be_for_prod() {
    const PROD: &str = "techcorp-prod-a001-us-west-2-churn-ml";
    let stack = format!("{PROD}-stack");
    let as_dev =
        config("dev").replace("codecommit}", &format!("codecommit, product_name_override: {PROD}}}"));
    for (required, tags, asks) in [
        (Required::None, vec![], false),
        (Required::Prod, vec![], true),
        (Required::Prod, vec!["ml-provisioner:company", "ml-provisioner:tenant"], true),
        // What names dev is for dev.
        (Required::Prod, vec!["ml-provisioner:environment"], false),
    ] {
        for action in ["deploy-product", "delete-product"] {
            let mut world = World::new();
            world.settings.require_approval = required;
            world.stacks.put(&stack, "CREATE_COMPLETE", None);
            let known = identity_tags(PROD).into_iter().filter(|(tag, _)| tags.contains(&tag.as_str()));
            world.stacks.set_tags(&stack, known);
            let template = format!("Metadata: {{MLProvisioner: {{MlName: {PROD}, StackName: {stack}}}}}\n");
            world.stacks.set_template(&stack, &template);
            world.stacks.fill(7);
            let asked = json!({"action": action, "force": true, "adopt": true, "config": as_dev});
            let report = world.execute("one", &asked);
            let case = format!("{required:?} {tags:?} {action}: {report:?}");
            assert_eq!(
                (report.outcome == ExecutionOutcome::Cancelled, world.announced()),
                (asks, usize::from(asks)),
                "{case}"
            );
            assert_eq!(world.stacks.executed() == 0 && world.stacks.versions_left() == 7, asks, "{case}");
        }
    }
}

#[test]
fn what_a_test_made_is_removed_without_another_approval() {
    let mut world = World::new();
    world.settings.require_approval = Required::All;
    world.decide("one", Decision::Approve(ANN));
    let report = world.execute("one", &input("test-deploy", &json!({})));
    assert_eq!((report.outcome, world.announced()), (ExecutionOutcome::Tested, 1), "{report:?}");
}

#[test]
fn a_custom_resource_is_answered_before_cloudformation_stops_listening() {
    let mut world = World::new();
    world.settings.require_approval = Required::All;
    world.stacks.put("shop", "CREATE_IN_PROGRESS", None);
    let resource = StackResource {
        logical_id: "Product".to_owned(),
        status: "CREATE_IN_PROGRESS".to_owned(),
        ..StackResource::default()
    };
    world.stacks.put_resource("shop", resource);
    let respond = Respond {
        request_type: Kind::Create,
        stack_id: world.stacks.id("shop").unwrap(),
        request_id: "r".to_owned(),
        logical_resource_id: "Product".to_owned(),
        physical_resource_id: None,
        answer_by: 3_000,
    };
    let report = world.respond("one", &input("deploy-product", &json!({})), &respond);
    assert_eq!(error(&report), "MLProvisioner.ApprovalTimedOut", "{report:?}");
    assert!(world.stacks.clock() < 3_180, "{}", world.stacks.clock());
    assert!(world.asked("one")["requested_by"].as_str().unwrap().contains("the custom resource shop/"));
    assert_eq!(world.ears.heard.lock().unwrap().len(), 1);
}

#[test]
fn executions_side_by_side_never_take_an_approval_of_one_for_another() {
    // Two deletions of one product: one is approved, the other is not.
    for stop in 0..40 {
        let world = world("CREATE_COMPLETE");
        world.decide("one", Decision::Approve(ANN));
        let choices = [0, LATER].repeat(stop);
        let both = vec![
            ("one", asking("delete-product", &json!({}))),
            ("two", asking("delete-product", &json!({}))),
        ];
        let reports = world.all(both, &choices);
        assert_eq!(reports[0].outcome, ExecutionOutcome::Deleted, "{stop}: {:?}", reports[0]);
        let second = (reports[1].outcome, reports[1].error.as_ref().map(|error| error.name.as_str()));
        assert!(
            matches!(
                second,
                (ExecutionOutcome::Absent | ExecutionOutcome::Deleted, None)
                    | (ExecutionOutcome::Cancelled, Some("MLProvisioner.ApprovalTimedOut"))
            ),
            "{stop}: {second:?}"
        );
    }
}

#[test]
fn an_approval_is_for_the_change_set_that_was_shown() {
    fn somebody_exchanges_the_change_set(world: &World) {
        world.replace_change_set(STACK, "one");
    }
    let world = world("CREATE_COMPLETE");
    world.decide("one", Decision::Approve(ANN));
    world.meanwhile.borrow_mut().push_back(somebody_exchanges_the_change_set);
    let report = world.execute("one", &asking("deploy-product", &json!({})));
    // The change set that was approved is gone, so another one is made, and somebody is asked about that.
    assert_eq!((report.outcome, world.announced()), (ExecutionOutcome::Updated, 2), "{report:?}");
    let url = world.stacks.template_url(STACK).unwrap();
    assert!(url.contains("/deployments/templates/"), "{url}");
}
