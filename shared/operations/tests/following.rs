//! Executions followed: what people would be told, look by look.
#![expect(clippy::panic, reason = "tests may panic")]

use std::time::{Duration, SystemTime};

use mlp_aws::calls::Kind;
use mlp_aws::step_functions::executions::{Event, Execution, Executions as _, Status, What};
use mlp_operations::follow::{
    ExecutionFollower, HISTORY_PAGE_EVENTS, PollInterval, Progress, ResourceProgress,
};
use mlp_testkit::memory::run;
use mlp_testkit::memory_executions::{Answer, MemoryExecutions, Scene, task};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

const ARN: &str = "arn:aws:states:us-west-2:123456789012:execution:MLProvisionerDeploy:monday";
const MACHINE: &str = "arn:aws:states:us-west-2:123456789012:stateMachine:MLProvisionerDeploy";

fn numbered(happened: Vec<What>) -> Vec<Event> {
    (1..).zip(happened).map(|(id, what)| Event { id, what }).collect()
}

fn after(happened: Vec<What>) -> Progress {
    let mut following = ExecutionFollower::default();
    following.happened(&numbered(happened));
    following.progress().clone()
}

fn stack(status: &str, done: u64, total: u64) -> Json {
    json!({"stack": {"status": status, "done": done, "total": total}})
}

fn ended(status: Status) -> Execution {
    Execution {
        arn: ARN.to_owned(),
        status,
        started: SystemTime::UNIX_EPOCH,
        stopped: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(83)),
        input: Some(json!({"action": "deploy-product"}).to_string()),
        output: None,
        error: None,
        cause: None,
    }
}

fn result(execution: &Execution) -> (bool, Json) {
    let mut following = ExecutionFollower::default();
    following.described(execution);
    let Some(ended) = following.ended() else { panic!("it has not ended") };
    assert_eq!(ended.took, Duration::from_secs(83));
    (ended.ok, ended.result.clone())
}

#[test]
fn the_end_of_a_fleet_is_its_summary() {
    let summary = |ok: bool| {
        json!({"schema_version": 1, "execution": ARN, "ok": ok, "total": 3, "succeeded": 2, "failed": 1, "without_result": 0,
            "not_started": 0, "outcomes": {"created": 2, "failed": 1},
            "products": [{"config": "configs/c.yaml", "execution": "fleet-c", "outcome": "failed",
                "error": ["MLProvisioner.StackBusy", "busy"]}]})
    };
    let mut execution = Execution { output: Some(summary(true).to_string()), ..ended(Status::Succeeded) };
    let (ok, told) = result(&execution);
    assert_eq!((ok, &told["outcome"], &told["fleet"]["total"]), (true, &json!("fleet"), &json!(3)));
    assert_eq!(told.get("error"), None);
    execution = Execution {
        error: Some("MLProvisioner.FleetFailed".to_owned()),
        cause: Some(summary(false).to_string()),
        ..ended(Status::Failed)
    };
    let (ok, told) = result(&execution);
    assert_eq!((ok, &told["error"]["name"]), (false, &json!("MLProvisioner.FleetFailed")));
    assert_eq!(told["error"]["message"], "1 of 3 products failed, 0 have no result, and 0 were not started");
    // One whose input was refused says why.
    let mut refused = summary(false);
    refused["error"] =
        json!({"name": "MLProvisioner.InvalidInput", "message": "it has 2 mistakes", "help": "fix them"});
    refused["findings"] =
        json!([{"code": "MLP-DEP-001", "severity": "error", "path": "/force", "message": "x"}]);
    execution.cause = Some(refused.to_string());
    let (_, told) = result(&execution);
    assert_eq!(
        (&told["error"]["message"], &told["findings"][0]["path"]),
        (&json!("it has 2 mistakes"), &json!("/force"))
    );
}

#[test]
fn a_deployment_is_told_step_by_step() {
    let done = |done, total| Some(ResourceProgress { done, total });
    let scenes = vec![
        Scene::Running(vec![What::Other]),
        Scene::Running(task("ReadInput", &json!({}))),
        Scene::Running(task("FollowStack", &stack("CREATE_IN_PROGRESS", 3, 13))),
        Scene::Running(task("FollowStack", &stack("CREATE_IN_PROGRESS", 9, 13))),
        Scene::Running(task("ReadOutputs", &stack("CREATE_COMPLETE", 13, 13))),
        Scene::succeeded(&json!({"ok": true, "outcome": "created"})),
    ];
    let executions = MemoryExecutions::playing(scenes);
    let mut following = ExecutionFollower::default();
    let mut seen = Vec::new();
    while following.ended().is_none() {
        following.described(&run(executions.describe(ARN)).unwrap());
        following.happened(&run(executions.history(ARN, HISTORY_PAGE_EVENTS, None)).unwrap().events);
        seen.push((following.progress().words(), following.progress().resources));
    }
    let expected = [
        ("Starting", None),
        ("Reading the config", None),
        ("Changing the stack", done(3, 13)),
        ("Changing the stack", done(9, 13)),
        ("Reading the outputs back", None),
        ("Reading the outputs back", None),
    ];
    assert_eq!(seen, expected.map(|(words, resources)| (words.to_owned(), resources)));
    assert!(following.ended().is_some_and(|ended| ended.ok));
}

#[test]
fn the_newest_page_is_enough() {
    let mut scene = Vec::new();
    for done in 0..200 {
        scene.extend(task("FollowStack", &stack("CREATE_IN_PROGRESS", done, 200)));
    }
    let executions = MemoryExecutions::playing(vec![Scene::Running(scene)]);
    run(executions.describe(ARN)).unwrap();
    let page = run(executions.history(ARN, HISTORY_PAGE_EVENTS, None)).unwrap();
    assert_eq!((page.events.len(), page.events[0].id), (25, 800));
    let older = run(executions.history(ARN, HISTORY_PAGE_EVENTS, page.next.as_deref())).unwrap();
    assert_eq!(older.events[0].id, 775);
    let mut following = ExecutionFollower::default();
    following.happened(&page.events);
    assert_eq!(following.progress().resources, Some(ResourceProgress { done: 199, total: 200 }));
}

#[test]
fn an_approval_is_waited_for_from_the_request_to_the_answer() {
    let entered = What::TaskEntered { state: "RequestApproval".to_owned() };
    let submitted = What::TaskSubmitted { output: Some("{}".to_owned()) };
    assert_eq!(after(vec![entered.clone()]).words(), "Asking for approval");
    let waiting = after(vec![entered.clone(), submitted.clone()]);
    assert_eq!((waiting.waits_for_approval, waiting.words().as_str()), (true, "Waiting for approval"));
    for answer in [What::TaskDone { output: Some("{\"approved\": true}".to_owned()) }, What::TaskFailed] {
        assert!(!after(vec![entered.clone(), submitted.clone(), answer]).waits_for_approval);
    }
}

#[test]
fn a_rollback_is_called_one_and_counts_for_itself() {
    let mut happened = task("FollowStack", &stack("UPDATE_IN_PROGRESS", 9, 13));
    happened.extend(task("FollowStack", &stack("UPDATE_ROLLBACK_IN_PROGRESS", 2, 13)));
    let progress = after(happened);
    assert_eq!(progress.words(), "Rolling the stack back");
    assert_eq!(progress.resources, Some(ResourceProgress { done: 2, total: 13 }));
}

#[test]
fn the_result_is_the_output_or_the_cause() {
    let written = json!({"ok": true, "outcome": "unchanged"});
    let execution = Execution { output: Some(written.to_string()), ..ended(Status::Succeeded) };
    assert_eq!(result(&execution), (true, written));
    let written = json!({"ok": false, "outcome": "failed", "error": {"name": "MLProvisioner.StackBusy"}});
    let failed = Execution {
        error: Some("MLProvisioner.StackBusy".to_owned()),
        cause: Some(written.to_string()),
        ..ended(Status::Failed)
    };
    assert_eq!(result(&failed), (false, written.clone()));
    let contradicting = Execution { output: Some(written.to_string()), ..ended(Status::Succeeded) };
    assert!(!result(&contradicting).0, "what says that it isn't fine isn't fine");
}

#[test]
fn an_execution_that_could_not_write_a_result_still_has_one() {
    let cases = [
        (Status::Aborted, None, "MLProvisioner.Aborted", "the execution was stopped: half-way"),
        (Status::TimedOut, None, "MLProvisioner.TimedOut", "the execution ran longer than it may: half-way"),
        (
            Status::Failed,
            Some("States.Runtime"),
            "States.Runtime",
            "the execution failed without a result object: half-way",
        ),
        (
            Status::Succeeded,
            None,
            "MLProvisioner.Internal",
            "the execution ended without a result object: half-way",
        ),
    ];
    for (status, error, name, message) in cases {
        let (error, cause) = (error.map(str::to_owned), Some("half-way".to_owned()));
        let (ok, result) = result(&Execution { error, cause, ..ended(status) });
        assert!(!ok);
        assert_eq!((&result["error"]["name"], &result["error"]["message"]), (&json!(name), &json!(message)));
        assert_eq!((&result["execution"], &result["action"]), (&json!(ARN), &json!("deploy-product")));
    }
}

#[test]
fn looks_become_rarer_and_much_rarer_in_trouble() {
    let mut pace = PollInterval::default();
    let waits: Vec<Duration> = (0..20).map(|_| pace.answered()).collect();
    assert_eq!((waits[0], waits[19]), (Duration::from_secs(1), Duration::from_secs(5)));
    assert!(waits.is_sorted());
    let waits: Vec<u64> = (0..5).map(|_| pace.failed().as_secs()).collect();
    assert_eq!((waits, pace.failures()), (vec![5, 10, 20, 30, 30], 5));
    assert_eq!((pace.answered(), pace.failures()), (Duration::from_secs(5), 0));
}

#[test]
fn a_name_starts_one_execution_while_it_runs() {
    let executions = MemoryExecutions::playing(vec![Scene::Running(vec![]), Scene::succeeded(&json!({}))]);
    let start = |input: &str| run(executions.start(MACHINE, "monday", input)).map_err(|error| error.kind);
    assert_eq!(start("{}"), Ok(ARN.to_owned()));
    assert_eq!(start("{}"), Ok(ARN.to_owned()), "its answer may have been lost");
    assert_eq!(start("[]"), Err(Kind::Exists));
    run(executions.describe(ARN)).unwrap();
    run(executions.describe(ARN)).unwrap();
    assert_eq!(start("{}"), Err(Kind::Exists), "it has ended");
}

#[test]
fn a_task_is_answered_once_and_in_time() {
    let executions = MemoryExecutions::playing(vec![]).waiting("a").waiting("b").late("c");
    assert_eq!(run(executions.succeed("a", "{}")), Ok(()));
    assert_eq!(run(executions.fail("b", "MLProvisioner.Rejected", "no")), Ok(()));
    for token in ["a", "b", "c"] {
        assert_eq!(run(executions.succeed(token, "{}")).map_err(|error| error.kind), Err(Kind::Gone));
    }
    let answers = [
        Answer::Success("a".into(), "{}".into()),
        Answer::Failure("b".into(), "MLProvisioner.Rejected".into(), "no".into()),
    ];
    assert_eq!(executions.answers(), answers);
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        ".{0,8}".prop_map(Json::from),
        Just(Json::from("UPDATE_ROLLBACK_IN_PROGRESS")),
    ];
    let keys = "Payload|work|stack|done|total|status|outcome|ok|error|.{0,3}";
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::hash_map(keys, inner, 0..6).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

fn any_text() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        Just(None),
        any_json().prop_map(|json| Some(json.to_string())),
        (0..20_u64, 0..20_u64, "(CREATE|UPDATE_ROLLBACK)_IN_PROGRESS").prop_map(
            |(done, total, status)| Some(json!({"Payload": stack(&status, done, total)}).to_string())
        ),
        ".{0,20}".prop_map(Some),
    ]
}

fn any_event() -> impl Strategy<Value = What> {
    prop_oneof![
        "FollowStack|RequestApproval|FollowDeletion|.{0,9}".prop_map(|state| What::TaskEntered { state }),
        any_text().prop_map(|output| What::TaskSubmitted { output }),
        any_text().prop_map(|output| What::TaskDone { output }),
        any_text().prop_map(|output| What::TaskExited { output }),
        Just(What::TaskFailed),
        Just(What::Other),
    ]
}

proptest! {
    /// Pages overlap, repeat, come in any order; what was known stays known.
    #[test]
    fn it_never_goes_backwards(
        happened in prop::collection::vec(any_event(), 1..40),
        looks in prop::collection::vec((0..40_usize, 0..40_usize), 1..12),
    ) {
        let events = numbered(happened);
        let mut following = ExecutionFollower::default();
        let mut newest = 0;
        for (from, count) in looks {
            let mut page: Vec<Event> = events.iter().skip(from).take(count).cloned().collect();
            page.reverse();
            let before = following.progress().clone();
            following.happened(&page);
            let progress = following.progress();
            let last = page.first().map_or(0, |event| event.id);
            if last <= newest {
                prop_assert_eq!(progress, &before, "an old page changes nothing");
            }
            newest = newest.max(last);
        }
    }

    #[test]
    fn what_is_done_is_never_undone_within_one_operation(figures in prop::collection::vec(0..20_u64, 1..20)) {
        let mut following = ExecutionFollower::default();
        let mut most = 0;
        for (round, done) in (0..).zip(figures) {
            let happened = task("FollowStack", &stack("CREATE_IN_PROGRESS", done, 13));
            let events = (round * 4 + 1..).zip(happened).map(|(id, what)| Event { id, what });
            following.happened(&events.collect::<Vec<_>>());
            most = most.max(done.min(13));
            prop_assert_eq!(following.progress().resources, Some(ResourceProgress { done: most, total: 13 }));
        }
    }

    #[test]
    fn reading_page_by_page_and_at_once_tell_the_same(happened in prop::collection::vec(any_event(), 0..40), size in 1..9_usize) {
        let events = numbered(happened);
        let (mut at_once, mut by_page) = (ExecutionFollower::default(), ExecutionFollower::default());
        at_once.happened(&events);
        events.chunks(size).for_each(|page| by_page.happened(page));
        prop_assert_eq!(at_once.progress(), by_page.progress());
    }

    #[test]
    fn any_history_and_any_end_are_survived(
        happened in prop::collection::vec(any_event(), 0..30),
        status in prop::sample::select(vec![Status::Succeeded, Status::Failed, Status::TimedOut, Status::Aborted]),
        texts in (any_text(), any_text(), any_text(), any_text()),
        started in 0..u64::from(u32::MAX),
    ) {
        let mut following = ExecutionFollower::default();
        following.happened(&numbered(happened));
        let progress = following.progress();
        prop_assert!(!progress.words().is_empty());
        prop_assert!(progress.resources.is_none_or(|resources| resources.done <= resources.total));
        let (input, output, error, cause) = texts;
        let started = SystemTime::UNIX_EPOCH + Duration::from_secs(started);
        following.described(&Execution { started, input, output, error, cause, ..ended(status) });
        let first = following.ended().cloned();
        prop_assert!(first.as_ref().is_some_and(|ended| ended.result["outcome"].is_string()));
        prop_assert!(status == Status::Succeeded || first.as_ref().is_some_and(|ended| !ended.ok));
        following.described(&ended(Status::Succeeded));
        prop_assert_eq!(following.ended(), first.as_ref(), "an end is final");
        prop_assert_eq!(following.elapsed(SystemTime::UNIX_EPOCH), Duration::ZERO);
    }
}
