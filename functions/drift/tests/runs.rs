//! Runs over fleets in memory, on a clock that jumps: nothing is lost, nothing is checked twice, nobody is told twice.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may panic")]

use std::time::Duration;

use mlp_aws::drift::Pace;
use mlp_aws::drift::memory::{MemoryFleet, Trouble};
use mlp_aws::memory::{Fault, MemoryStore};
use mlp_aws::memory_executions::MemoryExecutions;
use mlp_core::drift::report::{Kind, StackReport, Verdict};
use mlp_core::drift::{Fleet, Item, Order, Place};
use mlp_drift::{Answer, Aws, Event, Failure, Settings, Step, run};
use tokio::time::Instant;

const MACHINE: &str = "arn:aws:states:us-west-2:123456789012:stateMachine:MLProvisionerDrift";
const NOW: u64 = 1_795_500_000;

struct World {
    fleet: MemoryFleet,
    store: MemoryStore,
    executions: MemoryExecutions,
    pace: Pace,
    settings: Settings,
    /// How long an invocation may work.
    time: Duration,
}

impl World {
    fn of(stacks: usize) -> Self {
        let variable = |name: &str| match name {
            "MLP_BUCKET" => Some("suite".to_owned()),
            "MLP_DRIFT_MACHINE" => Some(MACHINE.to_owned()),
            "MLP_DRIFT_TOPIC" => Some("topic".to_owned()),
            "MLP_DRIFT_THRESHOLD" => Some("5000".to_owned()),
            _ => None,
        };
        Self {
            fleet: MemoryFleet::of(stacks),
            store: MemoryStore::versioned(),
            executions: MemoryExecutions::default(),
            pace: Pace::default(),
            settings: Settings::read(variable, "arn:aws:lambda:us-west-2:123456789012:function:drift")
                .unwrap(),
            time: Duration::from_hours(10),
        }
    }

    async fn call(&self, request: &str, event: Event) -> Result<Answer, Failure> {
        self.call_at(NOW, request, event).await
    }

    async fn call_at(&self, now: u64, request: &str, event: Event) -> Result<Answer, Failure> {
        let deadline = Instant::now() + self.time;
        let (api, store, executions, pace, settings) =
            (&self.fleet, &self.store, &self.executions, &self.pace, &self.settings);
        run(Aws { api, store, executions, pace, settings, request, deadline, now }, event).await
    }

    /// A run of the schedule, as if at this hour.
    async fn scheduled(&self, hour: &str) -> Answer {
        self.call(hour, at(hour)).await.unwrap()
    }

    fn report(&self, run: &str, number: usize) -> StackReport {
        let key = format!("reports/drift/runs/{run}/stacks/product-{number:04}-stack.json");
        serde_json::from_slice(&self.store.content(&key).unwrap_or_else(|| panic!("{key}"))).unwrap()
    }

    fn latest(&self) -> Fleet {
        serde_json::from_slice(&self.store.content("reports/drift/latest/fleet.json").unwrap()).unwrap()
    }

    fn items(&self, run: &str) -> Vec<Item> {
        serde_json::from_slice(&self.store.content(&format!("reports/drift/runs/{run}/stacks.json")).unwrap())
            .unwrap()
    }

    /// What the state machine does with a run.
    async fn machine(&self, run: &str) -> Answer {
        for item in self.items(run) {
            self.call("machine", Event::Step(Step::Check { run: run.to_owned(), item })).await.unwrap();
        }
        self.call("machine", Event::Step(Step::Summarise { run: run.to_owned() })).await.unwrap()
    }

    fn every_stack_was_detected_once(&self, count: usize) {
        let detected = self.fleet.detected();
        assert_eq!(detected.len(), count);
        assert!(detected.values().all(|times| *times == 1), "{detected:?}");
    }
}

fn at(hour: &str) -> Event {
    Event::Start(Order { scheduled: Some(hour.to_owned()), ..Order::default() })
}

#[tokio::test(start_paused = true)]
async fn a_thousand_stacks_are_checked_once_each_with_bounded_calls_in_flight() {
    let mut world = World::of(1_000);
    world.fleet.others("somebody-elses");
    world.fleet.rate = 20;
    let begun = Instant::now();
    let Answer::Done { totals, .. } = world.scheduled("r1").await else { panic!("not done") };
    assert_eq!((totals.stacks, totals.in_sync, totals.could_not_check), (1_000, 1_000, 0));
    world.every_stack_was_detected_once(1_000);
    assert!(world.fleet.most_flying() <= world.settings.concurrency, "{}", world.fleet.most_flying());
    let (calls, throttled) = world.fleet.calls();
    let made: usize = calls.values().sum();
    // Seven calls and two or three looks at its detection; what is throttled on top stays a small part.
    assert!(made < 12_000, "{calls:?}");
    assert!(throttled * 4 < made, "{throttled} of {made}");
    println!(
        "{:.0} stacks a minute at {} calls a second, {:.1} calls a stack, {throttled} throttled",
        60_000.0 / begun.elapsed().as_secs_f64(),
        world.fleet.rate,
        f64::from(u32::try_from(made).unwrap()) / 1_000.0
    );
}

/// What the process held at most, in KiB, where the system says so.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Not a test of its own: it says how much a run holds. The bucket in memory keeps every report, so what it holds is taken off.
#[tokio::test(start_paused = true)]
#[ignore = "a figure for docs/drift.md: cargo test -p mlp-drift --test runs memory -- --ignored --nocapture"]
async fn memory() {
    for stacks in [100, 1_000, 4_000] {
        let world = World::of(stacks);
        let before = peak().unwrap();
        world.scheduled("r1").await;
        let stored: usize =
            world.store.keys().iter().map(|key| world.store.content(key).unwrap().len()).sum();
        println!(
            "{stacks} stacks: {} KiB more at most, of which {} KiB lie in the bucket",
            peak().unwrap() - before,
            stored / 1_024
        );
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_is_wrong_with_one_stack_the_others_are_checked_and_it_is_told() {
    use Verdict::{CouldNotCheck, Drifted, Gone, InSync};
    let world = World::of(12);
    let troubles = [
        Trouble::Fails,
        Trouble::NeverEnds,
        Trouble::RunsAlready(20),
        Trouble::RunsAlready(100_000),
        Trouble::DeletedInTheMiddle,
        Trouble::Denied,
        Trouble::Drifted,
    ];
    for (number, trouble) in troubles.into_iter().enumerate() {
        world.fleet.trouble(number, trouble);
    }
    let Answer::Done { totals, .. } = world.scheduled("r1").await else { panic!("not done") };
    assert_eq!(
        (totals.stacks, totals.in_sync, totals.drifted, totals.could_not_check, totals.gone),
        (12, 6, 1, 4, 1)
    );
    let verdicts: Vec<Verdict> = (0..7).map(|number| world.report("r1", number).verdict).collect();
    assert_eq!(verdicts, [CouldNotCheck, CouldNotCheck, InSync, CouldNotCheck, Gone, CouldNotCheck, Drifted]);
    let told = |number: usize| world.report("r1", number).findings[0].message.clone();
    assert!(told(1).contains("runs for more than"), "{}", told(1));
    assert!(told(3).contains("already in progress"), "{}", told(3));
    let denied = &world.report("r1", 5).findings[0];
    assert!(denied.mend.contains("cloudformation:DetectStackDrift"), "{}", denied.mend);
    let drifted = world.report("r1", 6);
    assert_eq!(
        (drifted.findings[0].kind, drifted.findings[0].property.as_str()),
        (Kind::Drifted, "/RetentionInDays")
    );
}

#[tokio::test(start_paused = true)]
async fn what_no_longer_fits_into_the_time_is_handed_over_once() {
    let mut world = World::of(60);
    // Enough for some, not for all.
    world.time = Duration::from_secs(30 + 180 + 15);
    let Answer::HandedOver { checked, .. } = world.scheduled("r1").await else { panic!("not handed over") };
    assert!((8..60).contains(&checked), "{checked}");
    // The event comes again: the same execution.
    let again = world.scheduled("r1").await;
    assert!(matches!(again, Answer::HandedOver { .. } | Answer::Done { .. }), "{again:?}");
    assert_eq!(world.executions.started(), ["r1"]);
    world.time = Duration::from_hours(1);
    let Answer::Done { totals, .. } = world.machine("r1").await else { panic!("not done") };
    assert_eq!((totals.stacks, totals.in_sync), (60, 60));
    world.every_stack_was_detected_once(60);
}

#[tokio::test(start_paused = true)]
async fn above_the_threshold_the_state_machine_does_it_all() {
    let mut world = World::of(30);
    world.settings.threshold = 20;
    let answer = world.scheduled("r1").await;
    assert!(matches!(answer, Answer::HandedOver { checked: 0, .. }), "{answer:?}");
    assert_eq!(world.fleet.detected().len(), 0);
    let Answer::Done { totals, .. } = world.machine("r1").await else { panic!("not done") };
    assert_eq!(totals.in_sync, 30);
    world.every_stack_was_detected_once(30);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_anywhere_loses_nothing_and_repeats_nothing() {
    for seconds in [0, 1, 3, 6, 9, 15, 40] {
        let world = World::of(20);
        world.fleet.trouble(3, Trouble::Drifted);
        let killed = tokio::time::timeout(Duration::from_secs(seconds), world.call("r1", at("r1"))).await;
        drop(killed);
        let finished: Vec<String> = world
            .store
            .keys()
            .into_iter()
            .filter(|key| {
                key.contains("/stacks/") && key.rsplit_once('.').is_some_and(|(_, ending)| ending == "json")
            })
            .collect();
        let before = world.fleet.detected();
        // Lambda calls again, with the same request.
        let Answer::Done { totals, .. } = world.call("r1", at("r1")).await.unwrap() else {
            panic!("not done")
        };
        assert_eq!((totals.stacks, totals.drifted), (20, 1), "after {seconds} s");
        for (stack, times) in world.fleet.detected() {
            let done = finished.iter().any(|key| key.contains(&stack));
            assert_eq!(
                times - before.get(&stack).unwrap_or(&0),
                usize::from(!done),
                "{stack} after {seconds} s"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_event_twice_at_once_is_worked_on_once() {
    let world = World::of(20);
    let (one, two) = tokio::join!(world.call("a", at("r1")), world.call("b", at("r1")));
    let answers = [one.unwrap(), two.unwrap()];
    assert_eq!(answers.iter().filter(|it| matches!(it, Answer::Done { .. })).count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|it| matches!(it, Answer::Working { .. })).count(), 1, "{answers:?}");
    world.every_stack_was_detected_once(20);
}

#[tokio::test(start_paused = true)]
async fn people_are_told_of_what_changed_and_of_nothing_else() {
    let world = World::of(5);
    world.scheduled("r1").await;
    assert_eq!(world.fleet.told(), Vec::<String>::new(), "all is in sync, and nobody knew otherwise");
    world.fleet.trouble(2, Trouble::Drifted);
    world.scheduled("r2").await;
    let told = world.fleet.told();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().any(|it| it.starts_with("sns Drift: 5 stacks: 1 drifted")), "{told:?}");
    world.scheduled("r3").await;
    assert_eq!(world.fleet.told(), Vec::<String>::new(), "the same as before");
    let digest = Order { scheduled: Some("r4".into()), digest: true, ..Order::default() };
    world.call("r4", Event::Start(digest)).await.unwrap();
    assert_eq!(world.fleet.told().len(), 1, "a digest is a message, and no event");
    world.fleet.heal();
    world.scheduled("r5").await;
    assert_eq!(world.fleet.told().len(), 2, "that it is over is news too");
    assert_eq!(
        world.latest().history.iter().map(|it| it.totals.drifted).collect::<Vec<_>>(),
        [0, 1, 1, 1, 0]
    );
}

#[tokio::test(start_paused = true)]
async fn news_that_could_not_be_told_are_told_by_the_next_attempt() {
    for to in ["sns", "event"] {
        let world = World::of(3);
        world.fleet.trouble(0, Trouble::Drifted);
        world.fleet.deaf(to);
        assert!(world.call("r1", at("r1")).await.is_err());
        assert_eq!(
            world.store.content("reports/drift/latest/fleet.json"),
            None,
            "the last run's report stays until all is told"
        );
        let detected = world.fleet.detected();
        world.fleet.told();
        world.fleet.heal();
        let Answer::Done { told, .. } = world.call("r1", at("r1")).await.unwrap() else { panic!("not done") };
        assert!(told);
        assert_eq!(world.fleet.told().len(), 2, "{to}");
        assert_eq!(world.fleet.detected(), detected, "nothing is checked again for that");
    }
}

#[tokio::test(start_paused = true)]
async fn faults_of_the_bucket_are_failures_of_the_call_and_the_next_one_finishes() {
    for (operation, part) in [
        ("PutObject", "stacks.json"),
        ("PutObject", "product-0001-stack.json"),
        ("PutObject", "product-0001-stack.html"),
        ("PutObject", "run.json"),
        ("PutObject", "latest/fleet.json"),
        ("HeadObject", "product-0001-stack.json"),
        ("GetObject", "product-0001-stack.json"),
        ("ListObjectsV2", "status/"),
    ] {
        for fault in [Fault::ServerError, Fault::LostAnswer, Fault::LostAnswerThenConflict] {
            let world = World::of(3);
            world.store.fail(operation, part, fault);
            let mut answer = world.call("r1", at("r1")).await;
            if answer.is_err() {
                answer = world.call("r1", at("r1")).await;
            }
            let Ok(Answer::Done { totals, .. }) = answer else {
                panic!("{operation} {part} {fault:?}: {answer:?}")
            };
            assert_eq!((totals.stacks, totals.in_sync), (3, 3), "{operation} {part} {fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stack_whose_check_was_lost_is_in_the_summary_as_not_checked() {
    let mut world = World::of(4);
    world.settings.threshold = 0;
    world.scheduled("r1").await;
    let items = world.items("r1");
    for item in items.into_iter().skip(1) {
        world.call("m", Event::Step(Step::Check { run: "r1".into(), item })).await.unwrap();
    }
    let answer = world.call("m", Event::Step(Step::Summarise { run: "r1".into() })).await.unwrap();
    let Answer::Done { totals, .. } = answer else { panic!("not done") };
    assert_eq!((totals.stacks, totals.in_sync, totals.could_not_check), (4, 3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_run_may_be_limited_to_some_stacks() {
    let world = World::of(20);
    world.scheduled("r1").await;
    let start =
        Order { scheduled: Some("r2".into()), prefix: Some("product-001".into()), ..Order::default() };
    let Answer::Done { totals, .. } = world.call("r2", Event::Start(start)).await.unwrap() else {
        panic!("not done")
    };
    assert_eq!(totals.stacks, 20, "the others stay on the page as they were");
    assert_eq!(world.items("r2").len(), 10);
    assert_eq!(world.latest().history.len(), 1, "and the history is of the whole fleet");
    let start =
        Order { scheduled: Some("r3".into()), stacks: vec!["product-0003-stack".into()], ..Order::default() };
    world.call("r3", Event::Start(start)).await.unwrap();
    assert_eq!(world.items("r3").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stack_in_any_status_is_checked_or_said_why_not_and_keeps_nobody_waiting() {
    use mlp_core::deploy::status::{DriftDetection, StackStatus};
    // A shell isn't a stack yet.
    let statuses: Vec<StackStatus> =
        StackStatus::ALL.iter().copied().filter(|status| *status != StackStatus::ReviewInProgress).collect();
    let world = World::of(statuses.len());
    for (number, status) in statuses.iter().enumerate() {
        world.fleet.set_status(number, status.as_str());
    }
    let begun = Instant::now();
    world.scheduled("r1").await;
    assert!(begun.elapsed() < Duration::from_mins(1), "{:?}", begun.elapsed());
    for (number, status) in statuses.iter().enumerate() {
        let report = world.report("r1", number);
        let detected = world.fleet.detected().contains_key(&format!("product-{number:04}-stack"));
        assert_eq!(detected, status.drift_detection() == DriftDetection::Possible, "{status}");
        let wanted = match status {
            StackStatus::DeleteComplete => Verdict::Gone,
            _ if detected => Verdict::InSync,
            _ => Verdict::CouldNotCheck,
        };
        assert_eq!(report.verdict, wanted, "{status}: {report:?}");
        if wanted == Verdict::CouldNotCheck {
            let kinds: Vec<Kind> = report.findings.iter().map(|finding| finding.kind).collect();
            assert_eq!(kinds, [Kind::CouldNotCheck], "{status}: one reason, not what follows from it");
            assert!(report.findings[0].message.contains(status.as_str()), "{report:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_named_is_one_run_and_takes_no_newer_ones_place() {
    let world = World::of(3);
    let one = || {
        Event::Start(Order {
            name: Some("by-hand".into()),
            stacks: vec!["product-0001-stack".into()],
            config: Some(Place { bucket: "suite".into(), key: "configs/gone.yaml".into() }),
            ..Order::default()
        })
    };
    world.call("a", one()).await.unwrap();
    assert_eq!(
        world.items("by-hand")[0].config.as_ref().map(|place| place.key.as_str()),
        Some("configs/gone.yaml")
    );
    world.call_at(NOW + 3_600, "b", at("later")).await.unwrap();
    assert_eq!(world.latest().run, "later");
    // Lambda may deliver an event hours later once more.
    let again = world.call_at(NOW + 7_200, "a", one()).await.unwrap();
    assert!(matches!(again, Answer::Done { told: false, .. }), "{again:?}");
    assert_eq!(world.latest().run, "later");
}

#[test]
fn events_are_read_strictly() {
    let read = |text: &str| serde_json::from_str::<Event>(text);
    assert!(matches!(read("{}"), Ok(Event::Start(start)) if start == Order::default()));
    assert!(matches!(read(r#"{"step": "summarise", "run": "x"}"#), Ok(Event::Step(Step::Summarise { .. }))));
    assert!(read(r#"{"prefx": "x"}"#).is_err());
}
