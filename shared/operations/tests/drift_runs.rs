//! Runs over fleets in memory, on a clock that jumps: nothing is lost, nothing is checked twice, nobody is told twice.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may panic")]

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use mlp_aws::calls;
use mlp_aws::drift::RateLimiter;
use mlp_aws::s3::store::{BucketStore as _, Condition, Put};
use mlp_operations::drift::report::{FindingKind, StackReport, Verdict};
use mlp_operations::drift::run::{Aws, Clock, Event, Failure, RunOutcome, Settings, Step, run};
use mlp_operations::drift::{ConfigLocation, DriftRunRequest, FleetReport, StackRef};
use mlp_testkit::memory::{Fault, MemoryStore, run as run_store};
use mlp_testkit::memory_executions::MemoryExecutions;
use mlp_testkit::memory_fleet::{MemoryFleet, Trouble};
use tokio::time::Instant;

const MACHINE: &str = "arn:aws:states:us-west-2:123456789012:stateMachine:MLProvisionerDrift";
const NOW: u64 = 1_795_500_000;

struct World {
    fleet: MemoryFleet,
    store: MemoryStore,
    executions: MemoryExecutions,
    limiter: RateLimiter,
    settings: Settings,
    /// How long an invocation may work.
    time: Duration,
    /// When it was `NOW`.
    begun: Instant,
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
            limiter: RateLimiter::default(),
            settings: Settings::read(variable, "arn:aws:lambda:us-west-2:123456789012:function:drift")
                .unwrap(),
            time: Duration::from_hours(10),
            begun: Instant::now(),
        }
    }

    async fn call(&self, request: &str, event: Event) -> Result<RunOutcome, Failure> {
        self.paced(&self.limiter, request, event).await
    }

    async fn paced(&self, limiter: &RateLimiter, request: &str, event: Event) -> Result<RunOutcome, Failure> {
        let deadline = Instant::now() + self.time;
        let (api, store, executions, settings) = (&self.fleet, &self.store, &self.executions, &self.settings);
        let clock = Clock::at(NOW + self.begun.elapsed().as_secs());
        run(Aws { api, store, executions, limiter, settings, request, deadline, clock }, event).await
    }

    /// Hours go by.
    async fn wait(&self, hours: u64) {
        tokio::time::sleep(Duration::from_hours(hours)).await;
    }

    /// A run of the schedule, as if at this hour.
    async fn scheduled(&self, hour: &str) -> RunOutcome {
        self.call(hour, at(hour)).await.unwrap()
    }

    fn report(&self, run: &str, number: usize) -> StackReport {
        let key = format!("reports/drift/runs/{run}/stacks/product-{number:04}-stack.json");
        serde_json::from_slice(&self.store.content(&key).unwrap_or_else(|| panic!("{key}"))).unwrap()
    }

    fn latest(&self) -> FleetReport {
        serde_json::from_slice(&self.store.content("reports/drift/latest/fleet.json").unwrap()).unwrap()
    }

    fn items(&self, run: &str) -> Vec<StackRef> {
        serde_json::from_slice(&self.store.content(&format!("reports/drift/runs/{run}/stacks.json")).unwrap())
            .unwrap()
    }

    /// What the state machine does with a run: an invocation for each stack, which knows nothing of the others.
    async fn machine(&self, run: &str) -> RunOutcome {
        self.map(run).await;
        self.summarize(run).await
    }

    async fn map(&self, run: &str) {
        let answers = stream::iter(self.items(run))
            .map(|item| async move {
                let check = Event::Step(Step::Check { run: run.to_owned(), item });
                self.paced(&RateLimiter::default(), "map", check).await
            })
            .buffer_unordered(self.settings.concurrency)
            .collect::<Vec<_>>()
            .await;
        assert!(answers.iter().all(|answer| matches!(answer, Ok(RunOutcome::Checked { .. }))), "{answers:?}");
    }

    async fn summarize(&self, run: &str) -> RunOutcome {
        let event = Event::Step(Step::Summarize { run: run.to_owned() });
        self.paced(&RateLimiter::default(), "summary", event).await.unwrap()
    }

    fn verdict(&self, stack: usize) -> Option<Verdict> {
        let name = format!("product-{stack:04}-stack");
        self.latest().stacks.iter().find(|line| line.stack_name == name).map(|line| line.verdict)
    }

    fn every_stack_was_detected_once(&self, count: usize) {
        let detected = self.fleet.detected();
        assert_eq!(detected.len(), count);
        assert!(detected.values().all(|times| *times == 1), "{detected:?}");
    }
}

fn at(hour: &str) -> Event {
    Event::Start(DriftRunRequest { scheduled: Some(hour.to_owned()), ..DriftRunRequest::default() })
}

fn some(hour: &str, prefix: &str) -> Event {
    let order = DriftRunRequest {
        scheduled: Some(hour.to_owned()),
        prefix: Some(prefix.to_owned()),
        ..DriftRunRequest::default()
    };
    Event::Start(order)
}

#[tokio::test(start_paused = true)]
async fn a_thousand_stacks_are_checked_once_each_with_bounded_calls_in_flight() {
    // With as many calls as a run makes, and with a quarter of them.
    for (rate, is_slowed) in [(20, false), (4, true)] {
        let mut world = World::of(1_000);
        world.fleet.others("somebody-elses");
        world.fleet.rate = rate;
        let begun = Instant::now();
        let RunOutcome::Done { totals, .. } = world.scheduled("r1").await else { panic!("not done") };
        assert_eq!((totals.stacks, totals.in_sync, totals.could_not_check), (1_000, 1_000, 0));
        world.every_stack_was_detected_once(1_000);
        assert!(world.fleet.most_flying() <= world.settings.concurrency, "{}", world.fleet.most_flying());
        let (calls, throttled) = world.fleet.calls();
        let made: usize = calls.values().sum();
        // Seven calls and two or three looks at its detection; what is throttled on top stays a small part.
        assert!(made - throttled < 12_000, "{calls:?}");
        assert!(throttled * 3 < made, "{throttled} of {made}");
        let answered = f64::from(u32::try_from(made - throttled).unwrap()) / begun.elapsed().as_secs_f64();
        let share = answered / f64::from(u32::try_from(rate).unwrap());
        assert_eq!(is_slowed, throttled > 100, "{throttled}");
        // Who waits for AWS doesn't wait for nothing.
        assert!(!is_slowed || share > 0.5, "{share}");
        println!(
            "{:.0} stacks a minute at {rate} calls a second, {:.1} calls a stack, {throttled} throttled",
            60_000.0 / begun.elapsed().as_secs_f64(),
            f64::from(u32::try_from(made).unwrap()) / 1_000.0
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_map_checks_each_stack_once_however_much_aws_throttles_its_invocations() {
    let mut world = World::of(200);
    world.settings.threshold = 0;
    world.fleet.rate = 5;
    world.fleet.trouble(17, Trouble::Drifted);
    world.scheduled("r1").await;
    // The map's own invocations have no more than Lambda gives them.
    world.time = Duration::from_mins(15);
    let RunOutcome::Done { totals, .. } = world.machine("r1").await else { panic!("not done") };
    assert_eq!((totals.stacks, totals.in_sync, totals.drifted), (200, 199, 1));
    world.every_stack_was_detected_once(200);
    assert!(world.fleet.most_flying() <= world.settings.concurrency);
    assert!(world.fleet.calls().1 > 20, "it was throttled");
}

#[tokio::test(start_paused = true)]
async fn whatever_is_wrong_with_one_stack_the_others_are_checked_and_it_is_told() {
    use Verdict::{CouldNotCheck, Deleted, Drifted, InSync};
    let mut world = World::of(12);
    let troubles = [
        Trouble::Fails,
        Trouble::NeverEnds,
        Trouble::RunsAlready(20),
        Trouble::RunsAlready(100_000),
        Trouble::DeletedInTheMiddle,
        Trouble::Denied,
        Trouble::Drifted,
        Trouble::DeletedInItsDetection,
    ];
    for (number, trouble) in troubles.into_iter().enumerate() {
        world.fleet.trouble(number, trouble);
    }
    // Two take too long for one invocation.
    let answer = world.scheduled("r1").await;
    assert!(matches!(answer, RunOutcome::HandedOver { checked: 10, .. }), "{answer:?}");
    world.time = Duration::from_mins(15);
    let RunOutcome::Done { totals, .. } = world.machine("r1").await else { panic!("not done") };
    assert_eq!(
        (totals.stacks, totals.in_sync, totals.drifted, totals.could_not_check, totals.deleted),
        (12, 5, 1, 4, 2)
    );
    let verdicts: Vec<Verdict> = (0..8).map(|number| world.report("r1", number).verdict).collect();
    assert_eq!(
        verdicts,
        [CouldNotCheck, CouldNotCheck, InSync, CouldNotCheck, Deleted, CouldNotCheck, Drifted, Deleted]
    );
    let told = |number: usize| world.report("r1", number).findings[0].message.clone();
    let failed = world.report("r1", 0);
    assert_eq!(
        (failed.coverage.could_not_check, failed.coverage.by_cloudformation),
        (1, 0),
        "the verdict of an earlier detection says nothing of this one"
    );
    assert!(told(1).contains("runs for more than"), "{}", told(1));
    assert!(told(3).contains("already in progress"), "{}", told(3));
    let denied = &world.report("r1", 5).findings[0];
    assert!(denied.remediation.contains("cloudformation:DetectStackDrift"), "{}", denied.remediation);
    let drifted = world.report("r1", 6);
    assert_eq!(
        (drifted.findings[0].kind, drifted.findings[0].property.as_str()),
        (FindingKind::Drifted, "/RetentionInDays")
    );
}

#[tokio::test(start_paused = true)]
async fn what_no_longer_fits_into_the_time_is_handed_over_once() {
    let mut world = World::of(60);
    // Enough for some, not for all.
    world.time = Duration::from_secs(60 + 180 + 15);
    let RunOutcome::HandedOver { checked, .. } = world.scheduled("r1").await else {
        panic!("not handed over")
    };
    assert!((8..60).contains(&checked), "{checked}");
    // The event comes again: the same execution.
    let again = world.scheduled("r1").await;
    assert!(matches!(again, RunOutcome::HandedOver { .. } | RunOutcome::Done { .. }), "{again:?}");
    assert_eq!(world.executions.started(), ["r1"]);
    world.time = Duration::from_hours(1);
    let RunOutcome::Done { totals, .. } = world.machine("r1").await else { panic!("not done") };
    assert_eq!((totals.stacks, totals.in_sync), (60, 60));
    world.every_stack_was_detected_once(60);
}

#[tokio::test(start_paused = true)]
async fn above_the_threshold_the_state_machine_does_it_all() {
    let mut world = World::of(30);
    world.settings.threshold = 20;
    let answer = world.scheduled("r1").await;
    assert!(matches!(answer, RunOutcome::HandedOver { checked: 0, .. }), "{answer:?}");
    assert_eq!(world.fleet.detected().len(), 0);
    let RunOutcome::Done { totals, .. } = world.machine("r1").await else { panic!("not done") };
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
        let RunOutcome::Done { totals, .. } = world.call("r1", at("r1")).await.unwrap() else {
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
    assert_eq!(answers.iter().filter(|it| matches!(it, RunOutcome::Done { .. })).count(), 1, "{answers:?}");
    assert_eq!(
        answers.iter().filter(|it| matches!(it, RunOutcome::InProgress { .. })).count(),
        1,
        "{answers:?}"
    );
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
    let digest = DriftRunRequest { scheduled: Some("r4".into()), digest: true, ..DriftRunRequest::default() };
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
        for because in [calls::Kind::Unavailable, calls::Kind::Denied, calls::Kind::Refused] {
            let world = World::of(3);
            world.fleet.trouble(0, Trouble::Drifted);
            world.fleet.deaf(to, because);
            assert!(world.call("r1", at("r1")).await.is_err());
            let detected = world.fleet.detected();
            world.fleet.told();
            world.fleet.hears();
            let RunOutcome::Done { notified, .. } = world.call("r1", at("r1")).await.unwrap() else {
                panic!("not done")
            };
            assert!(notified);
            assert_eq!(world.fleet.told().len(), 2, "{to}");
            assert_eq!(world.fleet.detected(), detected, "nothing is checked again for that");
            assert_eq!(world.latest().pending_notification, None);
            let RunOutcome::Done { notified, .. } = world.call("r1", at("r1")).await.unwrap() else {
                panic!("not done")
            };
            assert!(!notified && world.fleet.told().is_empty(), "once");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_nobody_may_publish_to_stops_no_run_and_its_news_are_told_when_it_is_mended() {
    let world = World::of(3);
    world.fleet.trouble(0, Trouble::Drifted);
    world.fleet.deaf("sns", calls::Kind::Denied);
    for run in ["r1", "r2", "r3"] {
        assert!(world.call(run, at(run)).await.is_err(), "somebody must hear of it");
        assert_eq!((world.latest().run.as_str(), world.verdict(0)), (run, Some(Verdict::Drifted)));
        world.wait(24).await;
    }
    world.fleet.told();
    world.fleet.hears();
    let RunOutcome::Done { notified, .. } = world.scheduled("r4").await else { panic!("not done") };
    assert!(notified);
    assert_eq!(world.latest().new.len(), 1, "three runs old, and new to people");
    assert_eq!(world.latest().history.len(), 4);
    world.scheduled("r5").await;
    assert_eq!(world.latest().new, []);
}

#[tokio::test(start_paused = true)]
async fn however_much_aws_has_to_say_of_many_failures_people_are_told() {
    let world = World::of(120);
    for number in 0..120 {
        world.fleet.trouble(number, Trouble::FailsAtLength);
    }
    let digest = DriftRunRequest { scheduled: Some("r1".into()), digest: true, ..DriftRunRequest::default() };
    let RunOutcome::Done { totals, notified, .. } = world.call("r1", Event::Start(digest)).await.unwrap()
    else {
        panic!("not done")
    };
    assert_eq!((totals.could_not_check, notified), (120, true));
    assert_eq!(world.fleet.told().len(), 2);
    assert!(world.report("r1", 0).findings[0].message.len() > 20_000, "a stack's own report has it all");
}

#[tokio::test(start_paused = true)]
async fn resources_whose_services_throttle_cloudformation_are_detected_again_a_few_times() {
    use Verdict::{CouldNotCheck, InSync};
    let world = World::of(5);
    let troubles = [
        Trouble::ThrottledInside(1),
        Trouble::FailsThrottled(2),
        Trouble::ThrottledInside(99),
        Trouble::FailsThrottled(99),
        Trouble::Fails,
    ];
    for (number, trouble) in troubles.into_iter().enumerate() {
        world.fleet.trouble(number, trouble);
    }
    world.scheduled("r1").await;
    let verdicts: Vec<Verdict> = (0..5).map(|number| world.report("r1", number).verdict).collect();
    assert_eq!(verdicts, [InSync, InSync, CouldNotCheck, CouldNotCheck, CouldNotCheck]);
    world.every_stack_was_detected_once(5);
    let again = world.fleet.detected_again();
    let times = |number: usize| again.get(&format!("product-{number:04}-stack")).map_or(0, Vec::len);
    assert_eq!((0..5).map(times).collect::<Vec<_>>(), [1, 2, 3, 3, 0], "{again:?}");
    assert!(again.values().flatten().all(|resources| resources == &["Logs"]), "{again:?}");
    for number in [2, 3] {
        let report = world.report("r1", number);
        assert_eq!(report.coverage.could_not_check, 1);
        assert!(report.findings.iter().any(|it| it.message.contains("Rate exceeded")), "{report:?}");
    }
    assert!(world.limiter.calls().1 >= 9, "everybody goes slower for it");
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_takes_long_is_the_state_machines_which_has_the_time() {
    let mut world = World::of(10);
    world.fleet.trouble(3, Trouble::Slow(400));
    world.fleet.trouble(4, Trouble::NeverEnds);
    world.time = Duration::from_mins(15);
    let begun = Instant::now();
    let answer = world.scheduled("r1").await;
    assert!(matches!(answer, RunOutcome::HandedOver { checked: 8, .. }), "{answer:?}");
    assert!(begun.elapsed() < world.time);
    let RunOutcome::Done { totals, .. } = world.machine("r1").await else { panic!("not done") };
    assert_eq!((totals.in_sync, totals.could_not_check), (9, 1));
    assert_eq!(world.report("r1", 3).verdict, Verdict::InSync);
    let message = &world.report("r1", 4).findings[0].message;
    assert!(
        message.contains("runs for more than 7") || message.contains("runs for more than 8"),
        "{message}"
    );
}

#[tokio::test(start_paused = true)]
async fn runs_that_end_at_once_take_nothing_from_each_other() {
    for turn in 0..24_usize {
        let mut world = World::of(20);
        world.scheduled("r0").await;
        world.fleet.told();
        world.fleet.trouble(3, Trouble::Drifted);
        world.fleet.trouble(13, Trouble::Drifted);
        world.settings.threshold = 0;
        for (run, event) in
            [("r1", some("r1", "product-000")), ("r2", some("r2", "product-001")), ("r3", at("r3"))]
        {
            world.call(run, event).await.unwrap();
            world.map(run).await;
        }
        // Each some steps later than the one before: somewhere between its reading and its writing.
        let late = async |run: &str, steps: usize| {
            for _ in 0..steps {
                tokio::task::yield_now().await;
            }
            world.summarize(run).await
        };
        let answers = tokio::join!(late("r1", turn % 4), late("r2", turn / 4), late("r3", 0));
        for answer in [answers.0, answers.1, answers.2] {
            assert!(matches!(answer, RunOutcome::Done { .. }), "{answer:?}");
        }
        let fleet = world.latest();
        assert_eq!((fleet.totals.stacks, fleet.totals.drifted, &fleet.pending_notification), (20, 2, &None));
        assert_eq!(fleet.history.len(), 2, "{:?}", fleet.history);
        let mut new: Vec<String> = ["r1", "r2", "r3"]
            .iter()
            .flat_map(|run| {
                let bytes = world.store.content(&format!("reports/drift/runs/{run}/fleet.json")).unwrap();
                serde_json::from_slice::<FleetReport>(&bytes).unwrap().new
            })
            .map(|it| it.stack_name)
            .collect();
        new.sort();
        assert_eq!(new, ["product-0003-stack", "product-0013-stack"], "each was news once");
        let page =
            String::from_utf8(world.store.content("reports/drift/latest/index.html").unwrap()).unwrap();
        assert!(page.contains(&format!("in the run {}.", fleet.run)), "the page is of the same run");
    }
}

#[tokio::test(start_paused = true)]
async fn of_many_runs_that_end_at_once_all_end() {
    let mut world = World::of(40);
    world.settings.threshold = 0;
    let names: Vec<String> = (0..40).map(|number| format!("product-{number:04}-stack")).collect();
    for (number, name) in names.iter().enumerate() {
        world.fleet.trouble(number, Trouble::Drifted);
        world.call(name, some(name, name)).await.unwrap();
        world.map(name).await;
    }
    let answers = futures_util::future::join_all(names.iter().map(|name| world.summarize(name))).await;
    assert!(
        answers.iter().all(|answer| matches!(answer, RunOutcome::Done { notified: true, .. })),
        "{answers:?}"
    );
    assert_eq!(world.latest().totals.drifted, 40);
    assert_eq!(world.fleet.told().len(), 80, "each tells of its own");
}

#[tokio::test(start_paused = true)]
async fn a_slow_run_does_not_take_back_what_a_faster_one_has_found_since() {
    let mut world = World::of(4);
    world.settings.threshold = 3;
    world.scheduled("slow").await;
    world.map("slow").await;
    world.settings.threshold = 10;
    world.wait(1).await;
    world.fleet.trouble(1, Trouble::Drifted);
    world.scheduled("fast").await;
    world.fleet.told();
    world.wait(1).await;
    world.summarize("slow").await;
    assert_eq!(world.fleet.told(), Vec::<String>::new(), "nothing is over");
    assert_eq!(world.verdict(1), Some(Verdict::Drifted));
    let runs: Vec<String> = world.latest().history.into_iter().map(|it| it.run).collect();
    assert_eq!(runs, ["fast", "slow"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_open_stays_open_while_nobody_can_look() {
    let world = World::of(2);
    world.fleet.trouble(0, Trouble::Drifted);
    world.scheduled("r1").await;
    world.wait(24).await;
    world.fleet.trouble(0, Trouble::Denied);
    world.scheduled("r2").await;
    let fleet = world.latest();
    assert_eq!(
        (fleet.resolved.len(), fleet.totals.findings),
        (0, 2),
        "what was found, and that it can't be seen"
    );
    let open = fleet.stacks[0].findings.iter().find(|it| it.kind == FindingKind::Drifted).unwrap();
    assert_eq!(open.as_of.as_deref(), Some(world.report("r1", 0).checked_at.as_str()));
    world.wait(24).await;
    world.fleet.trouble(0, Trouble::Drifted);
    world.scheduled("r3").await;
    let fleet = world.latest();
    assert_eq!(
        (fleet.new.len(), fleet.resolved.len()),
        (0, 1),
        "it is no news; that it can be seen again is"
    );
    assert_eq!(fleet.stacks[0].findings[0].as_of, None);
    world.fleet.heal();
    world.scheduled("r4").await;
    assert_eq!(world.latest().resolved.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stack_is_held_against_the_config_that_owns_its_template_and_exists() {
    let world = World::of(3);
    let status = |config: &str, stack: &str, stored: &[&str]| {
        let stored: Vec<serde_json::Value> =
            stored.iter().map(|path| serde_json::json!({"path": path})).collect();
        let body = serde_json::json!({
            "stack_name": stack, "source": {"bucket": "suite", "key": config}, "stored": stored,
        });
        world.store.upload(&format!("status/{config}.json"), body.to_string());
    };
    let owned_by = |template: &str, config: &str| {
        let metadata = [("mlp-config-key".to_owned(), config.to_owned())].into();
        let (bytes, media_type) = (b"Resources: {}".to_vec(), "application/yaml");
        let head = run_store(world.store.head("suite", template)).unwrap();
        let condition = Condition::since(head.as_ref());
        run_store(world.store.put(Put {
            bucket: "suite",
            key: template,
            bytes,
            media_type,
            metadata,
            condition,
        }))
        .unwrap();
    };
    let place = async |name: &str| {
        world.scheduled(name).await;
        let items = world.items(name).into_iter();
        items.map(|item| item.config.map(|place| place.key)).collect::<Vec<Option<String>>>()
    };
    for config in ["configs/a.yaml", "configs/b.yaml", "configs/c.yaml"] {
        world.store.upload(config, "{}");
    }
    world.store.upload("status/configs/broken.json", "{");
    world
        .store
        .upload("status/configs/endless.json", format!("{{\"findings\": [{}]}}", "0,".repeat(400_000)));
    owned_by("templates/one.yaml", "configs/a.yaml");
    owned_by("templates/two.yaml", "configs/a.yaml");
    status("configs/a.yaml", "product-0001-stack", &["policies/one.json", "templates/one.yaml"]);
    status("configs/c.yaml", "somebody-elses", &["templates/two.yaml"]);
    // A copy of the config with changes, whose outputs were refused; and one that says it made them.
    status("configs/b.yaml", "product-0001-stack", &[]);
    status("configs/copy.yaml", "product-0001-stack", &["templates/one.yaml"]);
    assert_eq!(place("r1").await, [None, Some("configs/a.yaml".to_owned()), None]);
    // The other one owns it now.
    owned_by("templates/one.yaml", "configs/b.yaml");
    status("configs/b.yaml", "product-0001-stack", &["templates/one.yaml"]);
    assert_eq!(place("r2").await, [None, Some("configs/b.yaml".to_owned()), None]);
    // A config that was tried and deleted again says nothing, though its status is the newest.
    world.store.delete("configs/b.yaml");
    assert_eq!(place("r3").await, [None, None, None]);
    owned_by("templates/one.yaml", "configs/a.yaml");
    assert_eq!(place("r4").await, [None, Some("configs/a.yaml".to_owned()), None]);
}

#[tokio::test(start_paused = true)]
async fn no_stacks_name_leads_to_the_fleets_report() {
    let world = World::of(1);
    for name in ["fleet", "index"] {
        world.fleet.add(name);
    }
    world.scheduled("r1").await;
    world.wait(24).await;
    world.scheduled("r2").await;
    let fleet = world.latest();
    assert_eq!((fleet.stacks.len(), fleet.history.len(), fleet.new.len()), (3, 2, 0));
    let page = String::from_utf8(world.store.content("reports/drift/latest/index.html").unwrap()).unwrap();
    assert!(page.contains("stacks/fleet.html") && page.contains("stacks/index.html"), "{page}");
    for name in ["fleet", "index"] {
        assert!(world.store.content(&format!("reports/drift/latest/stacks/{name}.json")).is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn who_names_a_stack_and_its_config_is_not_kept_waiting_by_all_the_others() {
    let world = World::of(1_000);
    world.store.take_calls();
    let order = DriftRunRequest {
        name: Some("one".into()),
        stacks: vec!["product-0007-stack".into(), "nobodys".into()],
        config: Some(ConfigLocation { bucket: "suite".into(), key: "configs/a.yaml".into() }),
        ..DriftRunRequest::default()
    };
    world.call("one", Event::Start(order)).await.unwrap();
    assert_eq!(world.items("one").len(), 1);
    let listed = world.store.take_calls().into_iter().filter(|call| call.starts_with("ListObjects")).count();
    let described = world.fleet.calls().0["DescribeStacks"];
    assert_eq!((listed, described), (0, 3), "two that were named, and one again to check it");
}

#[tokio::test(start_paused = true)]
async fn every_link_of_a_runs_page_leads_to_a_page() {
    let world = World::of(12);
    world.fleet.trouble(3, Trouble::Drifted);
    world.fleet.trouble(10, Trouble::Drifted);
    world.scheduled("r1").await;
    world.call("r2", some("r2", "product-001")).await.unwrap();
    for (folder, others) in [
        ("reports/drift/latest", ""),
        ("reports/drift/runs/r1", ""),
        ("reports/drift/runs/r2", "../../latest/stacks/"),
    ] {
        let page = String::from_utf8(world.store.content(&format!("{folder}/index.html")).unwrap()).unwrap();
        let links: Vec<&str> =
            page.split("href=\"").skip(1).map(|it| it.split('"').next().unwrap()).collect();
        let links = links.into_iter().filter(|link| !link.starts_with('#'));
        let mut to_others = 0;
        for link in links {
            let key = match link.strip_prefix("../../") {
                Some(rest) => format!("reports/drift/{rest}"),
                None => format!("{folder}/{link}"),
            };
            to_others += usize::from(!others.is_empty() && link.starts_with(others));
            assert!(world.store.content(&key).is_some(), "{folder}: {link}");
        }
        assert_eq!(to_others, if others.is_empty() { 0 } else { 10 }, "{folder}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_says_when_its_stack_was_looked_at() {
    let world = World::of(30);
    world.scheduled("r1").await;
    let (first, last) = (world.report("r1", 0).checked_at, world.report("r1", 29).checked_at);
    assert!(first < last && last <= world.latest().checked_at, "{first} {last}");
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
            let Ok(RunOutcome::Done { totals, .. }) = answer else {
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
    let answer = world.call("m", Event::Step(Step::Summarize { run: "r1".into() })).await.unwrap();
    let RunOutcome::Done { totals, .. } = answer else { panic!("not done") };
    assert_eq!((totals.stacks, totals.in_sync, totals.could_not_check), (4, 3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_run_may_be_limited_to_some_stacks() {
    let world = World::of(20);
    world.scheduled("r1").await;
    let start = DriftRunRequest {
        scheduled: Some("r2".into()),
        prefix: Some("product-001".into()),
        ..DriftRunRequest::default()
    };
    let RunOutcome::Done { totals, .. } = world.call("r2", Event::Start(start)).await.unwrap() else {
        panic!("not done")
    };
    assert_eq!(totals.stacks, 20, "the others stay on the page as they were");
    assert_eq!(world.items("r2").len(), 10);
    assert_eq!(world.latest().history.len(), 1, "and the history is of the whole fleet");
    let start = DriftRunRequest {
        scheduled: Some("r3".into()),
        stacks: vec!["product-0003-stack".into()],
        ..DriftRunRequest::default()
    };
    world.call("r3", Event::Start(start)).await.unwrap();
    assert_eq!(world.items("r3").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stack_in_any_status_is_checked_or_said_why_not_and_keeps_nobody_waiting() {
    use mlp_operations::execution::status::{DriftDetection, StackStatus};
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
            StackStatus::DeleteComplete => Verdict::Deleted,
            _ if detected => Verdict::InSync,
            _ => Verdict::CouldNotCheck,
        };
        assert_eq!(report.verdict, wanted, "{status}: {report:?}");
        if wanted == Verdict::CouldNotCheck {
            let kinds: Vec<FindingKind> = report.findings.iter().map(|finding| finding.kind).collect();
            assert_eq!(kinds, [FindingKind::CouldNotCheck], "{status}: one reason, not what follows from it");
            assert!(report.findings[0].message.contains(status.as_str()), "{report:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_named_is_one_run_and_takes_no_newer_ones_place() {
    let world = World::of(3);
    let one = || {
        Event::Start(DriftRunRequest {
            name: Some("by-hand".into()),
            stacks: vec!["product-0001-stack".into()],
            config: Some(ConfigLocation { bucket: "suite".into(), key: "configs/gone.yaml".into() }),
            ..DriftRunRequest::default()
        })
    };
    world.call("a", one()).await.unwrap();
    assert_eq!(
        world.items("by-hand")[0].config.as_ref().map(|place| place.key.as_str()),
        Some("configs/gone.yaml")
    );
    world.wait(1).await;
    world.call("b", at("later")).await.unwrap();
    assert_eq!(world.latest().run, "later");
    // Lambda may deliver an event hours later once more.
    world.wait(1).await;
    let again = world.call("a", one()).await.unwrap();
    assert!(matches!(again, RunOutcome::Done { notified: false, .. }), "{again:?}");
    assert_eq!(world.latest().run, "later");
}

#[test]
fn events_are_read_strictly() {
    let read = |text: &str| serde_json::from_str::<Event>(text);
    assert!(matches!(read("{}"), Ok(Event::Start(start)) if start == DriftRunRequest::default()));
    assert!(matches!(read(r#"{"step": "summarize", "run": "x"}"#), Ok(Event::Step(Step::Summarize { .. }))));
    assert!(read(r#"{"prefx": "x"}"#).is_err());
}
