//! Follows an execution until it ends.

use std::future::Future;
use std::time::{Duration, SystemTime};

use mlp_aws::calls::{CallError, Kind};
use mlp_aws::step_functions::executions::Executions;
use mlp_operations::follow::{ExecutionEnd, ExecutionFollower, HISTORY_PAGE_EVENTS, PollInterval};

use super::answer;
use super::display::Display;

/// After so many failed polls in a row, about five minutes, `mlp` gives up.
const MAX_FAILED_POLLS: u32 = 12;

/// How the following ended.
#[derive(Debug, PartialEq)]
pub(crate) enum Followed {
    /// With the execution.
    Ended(ExecutionEnd),
    /// The operator interrupted it; the execution continues.
    Interrupted,
    /// The execution can't be read, or no longer.
    Failed {
        /// Why.
        error: CallError,
        /// Whether it was seen before.
        seen: bool,
    },
}

/// Time, as a follower sees it.
pub(crate) trait Clock {
    fn now(&self) -> SystemTime;
    async fn sleep(&self, time: Duration);
}

/// The machine's clock.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

/// Follows an execution to its end, or until `interrupt` is ready.
pub(crate) async fn follow<E: Executions>(
    executions: &E,
    execution: &str,
    display: &mut Display,
    clock: &impl Clock,
    interrupt: impl Future<Output = ()>,
) -> Followed {
    let mut watch = Watch { executions, execution, display, clock, blind: false };
    let followed = tokio::select! {
        biased;
        () = interrupt => Followed::Interrupted,
        followed = watch.until_it_ends() => followed,
    };
    watch.display.clear();
    followed
}

struct Watch<'a, E, C> {
    executions: &'a E,
    execution: &'a str,
    display: &'a mut Display,
    clock: &'a C,
    /// Whether the history may not be read.
    blind: bool,
}

impl<E: Executions, C: Clock> Watch<'_, E, C> {
    async fn until_it_ends(&mut self) -> Followed {
        let (mut following, mut interval) = (ExecutionFollower::default(), PollInterval::default());
        let (mut seen, mut told) = (false, false);
        loop {
            let wait = match self.look(&mut following).await {
                Ok(()) => {
                    seen = true;
                    if let Some(ended) = following.ended() {
                        return Followed::Ended(ended.clone());
                    }
                    let progress = following.progress();
                    if progress.waits_for_approval && !told {
                        for line in approval_commands(self.execution, following.bucket()).lines() {
                            self.display.say(line);
                        }
                    }
                    told = progress.waits_for_approval;
                    self.display.show(progress, following.elapsed(self.clock.now()));
                    interval.answered()
                }
                Err(error)
                    if matches!(error.kind, Kind::Throttled | Kind::Unavailable)
                        && interval.failures() + 1 < MAX_FAILED_POLLS =>
                {
                    if interval.failures() == 0 {
                        self.display.say(&format!("{error}; retrying"));
                    }
                    interval.failed()
                }
                Err(error) => return Followed::Failed { error, seen },
            };
            self.wait(wait, &following).await;
        }
    }

    async fn look(&mut self, following: &mut ExecutionFollower) -> Result<(), CallError> {
        following.described(&self.executions.describe(self.execution).await?);
        if following.ended().is_some() || self.blind {
            return Ok(());
        }
        match self.executions.history(self.execution, HISTORY_PAGE_EVENTS, None).await {
            Ok(page) => following.happened(&page.events),
            // Its end can be seen without.
            Err(error) if error.kind == Kind::Denied => {
                self.blind = true;
                self.display
                    .say("Without the permission `states:GetExecutionHistory` its steps can't be shown");
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn wait(&mut self, mut time: Duration, following: &ExecutionFollower) {
        while !time.is_zero() {
            let turn = self.display.turns().unwrap_or(time).min(time);
            self.clock.sleep(turn).await;
            time = time.saturating_sub(turn);
            self.display.turn(following.elapsed(self.clock.now()));
        }
    }
}

/// How an execution that waits is answered, as one copies it into a shell.
fn approval_commands(execution: &str, bucket: Option<&str>) -> String {
    let named = answer::named(execution, bucket);
    format!("The changes wait for approval:\n  mlp approve {named}\n  mlp reject {named} --reason \"...\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use mlp_aws::step_functions::executions::What;
    use mlp_testkit::memory::run;
    use mlp_testkit::memory_executions::{MemoryExecutions, Scene, task};
    use serde_json::json;
    use std::cell::{Cell, RefCell};

    const ARN: &str = "arn:aws:states:us-west-2:123456789012:execution:MLProvisionerDeploy:monday";

    thread_local! {
        static WRITTEN: RefCell<String> = const { RefCell::new(String::new()) };
    }

    /// Time that goes by as soon as somebody waits.
    struct Quick(Cell<SystemTime>);

    impl Clock for Quick {
        fn now(&self) -> SystemTime {
            self.0.get()
        }

        async fn sleep(&self, time: Duration) {
            self.0.set(self.0.get() + time);
        }
    }

    fn followed(executions: &MemoryExecutions, interrupt: impl Future<Output = ()>) -> (Followed, String) {
        WRITTEN.take();
        let mut display = Display::plain(|text| WRITTEN.with_borrow_mut(|written| written.push_str(text)));
        let clock = Quick(Cell::new(SystemTime::UNIX_EPOCH));
        let followed = run(follow(executions, ARN, &mut display, &clock, interrupt));
        (followed, WRITTEN.take())
    }

    fn to_the_end(executions: &MemoryExecutions) -> (Followed, String) {
        followed(executions, std::future::pending())
    }

    fn changing(done: u64) -> Scene {
        let work = json!({"stack": {"status": "CREATE_IN_PROGRESS", "done": done, "total": 13}});
        Scene::Running(task("FollowStack", &work))
    }

    fn ok(followed: &Followed) -> Option<bool> {
        match followed {
            Followed::Ended(ended) => Some(ended.ok),
            _ => None,
        }
    }

    #[test]
    fn success_is_followed_step_by_step() {
        let result = json!({"ok": true, "outcome": "created"});
        let scenes =
            vec![Scene::Running(vec![]), changing(2), changing(2), changing(9), Scene::succeeded(&result)];
        let (followed, written) = to_the_end(&MemoryExecutions::playing(scenes));
        assert_eq!(ok(&followed), Some(true));
        assert_eq!(
            written,
            "[0s] Starting\n\
             [1s] Changing the stack: 2 of 13 resources\n\
             [3s] Changing the stack: 9 of 13 resources\n"
        );
    }

    #[test]
    fn failure_brings_the_result_that_the_execution_wrote() {
        let result = json!({"ok": false, "outcome": "failed", "error": {"name": "MLProvisioner.StackBusy"}});
        let scenes = vec![changing(2), Scene::failed("MLProvisioner.StackBusy", &result)];
        let (followed, _) = to_the_end(&MemoryExecutions::playing(scenes));
        let Followed::Ended(ended) = followed else { panic!("{followed:?}") };
        assert_eq!((ended.ok, ended.result, ended.took.as_secs()), (false, result, 83));
    }

    #[test]
    fn whoever_waits_for_an_approval_is_told_once_how_it_is_given() {
        let waits = vec![
            What::TaskEntered { state: "RequestApproval".to_owned() },
            What::TaskSubmitted { output: None },
        ];
        let idle = || Scene::Running(vec![]);
        let scenes = vec![
            Scene::Running(waits),
            idle(),
            idle(),
            changing(13),
            Scene::succeeded(&json!({"ok": true, "outcome": "updated"})),
        ];
        let (_, written) = to_the_end(&MemoryExecutions::playing(scenes));
        let told = format!("  mlp approve {ARN}\n  mlp reject {ARN} --reason \"...\"\n");
        assert_eq!(written.matches(&told).count(), 1, "{written}");
        assert_eq!(written.matches("Waiting for approval").count(), 1, "{written}");
        assert!(written.ends_with("Changing the stack: 13 of 13 resources\n"), "{written}");
    }

    #[test]
    fn the_commands_name_a_bucket_that_mlp_would_not_guess() {
        for (bucket, flag) in [("mlp-123456789012-us-west-2", ""), ("team-ml", " --bucket team-ml")] {
            let work = json!({"changes": {"report": format!("s3://{bucket}/reports/changes/a.html")}});
            let waits = vec![
                What::TaskEntered { state: "RecordChanges".to_owned() },
                What::TaskExited { output: Some(work.to_string()) },
                What::TaskEntered { state: "RequestApproval".to_owned() },
                What::TaskSubmitted { output: None },
            ];
            let end = Scene::succeeded(&json!({"ok": true, "outcome": "updated"}));
            let (_, written) = to_the_end(&MemoryExecutions::playing(vec![Scene::Running(waits), end]));
            let told = format!("  mlp reject {ARN}{flag} --reason \"...\"\n");
            assert!(written.contains(&told), "{written}");
        }
    }

    #[test]
    fn throttling_is_waited_out() {
        let mut scenes = vec![changing(2)];
        scenes.extend(vec![Scene::Failing(Kind::Throttled); 5]);
        scenes.extend([changing(9), Scene::succeeded(&json!({"ok": true, "outcome": "created"}))]);
        let (followed, written) = to_the_end(&MemoryExecutions::playing(scenes));
        assert_eq!(ok(&followed), Some(true));
        assert_eq!(written.matches("retrying").count(), 1, "said once: {written}");
        assert!(written.contains("[1m 36s] Changing the stack: 9 of 13"), "less and less often: {written}");
    }

    #[test]
    fn who_never_answers_is_given_up() {
        let executions = MemoryExecutions::playing(vec![Scene::Failing(Kind::Unavailable)]);
        let (followed, _) = to_the_end(&executions);
        assert!(
            matches!(followed, Followed::Failed { error, seen: false } if error.kind == Kind::Unavailable)
        );
        assert_eq!(executions.calls().len(), 12);
    }

    #[test]
    fn who_falls_silent_was_seen_before() {
        let executions = MemoryExecutions::playing(vec![changing(2), Scene::Failing(Kind::Unavailable)]);
        assert!(matches!(to_the_end(&executions).0, Followed::Failed { seen: true, .. }));
    }

    #[test]
    fn a_refusal_ends_it_at_once() {
        let executions = MemoryExecutions::playing(vec![Scene::Failing(Kind::Denied)]);
        let (followed, _) = to_the_end(&executions);
        assert!(matches!(followed, Followed::Failed { error, .. } if error.kind == Kind::Denied));
        assert_eq!(executions.calls(), ["states:DescribeExecution"]);
    }

    #[test]
    fn without_the_history_the_end_is_seen_still() {
        let scenes =
            vec![changing(2), changing(3), Scene::succeeded(&json!({"ok": true, "outcome": "created"}))];
        let executions =
            MemoryExecutions::playing(scenes).refusing("states:GetExecutionHistory", Kind::Denied);
        let (followed, written) = to_the_end(&executions);
        assert_eq!(ok(&followed), Some(true));
        assert_eq!(written.matches("states:GetExecutionHistory").count(), 1, "{written}");
    }

    #[test]
    fn an_interruption_leaves_the_execution_alone() {
        let executions = MemoryExecutions::playing(vec![changing(2)]);
        let (followed, _) = followed(&executions, std::future::ready(()));
        assert_eq!(followed, Followed::Interrupted);
        assert!(executions.calls().is_empty());
    }
}
