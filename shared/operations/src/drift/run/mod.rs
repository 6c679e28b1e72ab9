//! The `drift` function without its runtime: a run over the fleet, one stack of it, and its summary.
//!
//! A run's list of stacks is stored once, and each stack's report once: an event that comes twice, a process that dies and a
//! state machine that takes over all find what was done already. The last report over all stacks says whether its
//! notification was sent, so that a message is sent again rather than lost.

mod collect;
mod listing;
pub mod log;
mod settings;
mod stack;
mod summary;

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use mlp_aws::calls::CallError;
use mlp_aws::drift::{DriftApi, Notifier, RateLimiter};
use mlp_aws::s3::store::{BucketStore, StoreError};
use mlp_aws::step_functions::executions::Executions;
use mlp_template::error::InternalError;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::drift::fleet::Totals;
use crate::drift::{DriftRunRequest, StackRef, keys};

pub use settings::Settings;

use stack::IfOutOfTime;

/// What the function is called with.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Event {
    /// By the state machine, for one stack or in the end.
    Step(Step),
    /// By the schedule, or by hand.
    Start(DriftRunRequest),
}

/// A step of the state machine.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Step {
    /// Checks one stack.
    Check {
        /// The run.
        run: String,
        /// The stack.
        item: StackRef,
    },
    /// Makes the fleet's report of a run.
    Summarize {
        /// The run.
        run: String,
    },
}

/// The outcome of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum RunOutcome {
    /// The run is done.
    Done {
        /// The run.
        run: String,
        /// Its figures.
        totals: Totals,
        /// Whether a notification was sent.
        notified: bool,
    },
    /// The state machine goes on with it.
    HandedOver {
        /// The run.
        run: String,
        /// The execution.
        execution: String,
        /// How many stacks were checked before.
        checked: usize,
    },
    /// One stack was checked, now or before.
    Checked {
        /// Its name.
        stack: String,
    },
    /// Another invocation works on the same run.
    InProgress {
        /// The run.
        run: String,
    },
}

/// What the function works with.
pub struct Aws<'a, A, S, E> {
    /// The API that is read, and the notifications.
    pub api: &'a A,
    /// The suite's bucket.
    pub store: &'a S,
    /// Step Functions.
    pub executions: &'a E,
    /// The rate limiter of all calls.
    pub limiter: &'a RateLimiter,
    /// What the suite's stack says.
    pub settings: &'a Settings,
    /// Who calls: the same for a repeated event.
    pub request: &'a str,
    /// When the invocation must have ended.
    pub deadline: Instant,
    /// What time it is.
    pub clock: Clock,
}

/// What time it is: the invocation's beginning, and what has passed since.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    seconds: u64,
    set: Instant,
}

impl Clock {
    /// A clock that shows so many seconds since 1970 now.
    pub fn at(seconds: u64) -> Self {
        Self { seconds, set: Instant::now() }
    }

    /// Seconds since 1970.
    pub fn now(&self) -> u64 {
        self.seconds + self.set.elapsed().as_secs()
    }
}

impl<A, S, E> Clone for Aws<'_, A, S, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A, S, E> Copy for Aws<'_, A, S, E> {}

/// Why a call failed; Lambda calls again.
#[derive(Debug)]
pub enum Failure {
    /// A call that AWS didn't carry out.
    Call(CallError),
    /// The bucket.
    Store(StoreError),
    /// The event is none that the function takes.
    Input(String),
    /// The invocation's time ran out.
    Time,
    /// A defect of ours.
    Internal(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Call(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
            Self::Time => f.write_str("the invocation's time ran out; it is called again"),
            Self::Input(message) | Self::Internal(message) => f.write_str(message),
        }
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<InternalError> for Failure {
    fn from(error: InternalError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Internal(error.to_string())
    }
}

/// The time that is reserved for the hand-over, for a stack's report, or for the summary.
const TIME_RESERVE: Duration = Duration::from_mins(1);

/// Carries an event out.
///
/// # Errors
///
/// When nothing is lost by calling again.
pub async fn run<A, S, E>(aws: Aws<'_, A, S, E>, event: Event) -> Result<RunOutcome, Failure>
where
    A: DriftApi + Notifier + Sync,
    S: BucketStore + Sync,
    E: Executions + Sync,
{
    match event {
        Event::Start(start) => match start.problem() {
            Some(mistake) => Err(Failure::Input(mistake.to_owned())),
            None => begin(aws, &start).await,
        },
        Event::Step(Step::Check { run, item }) => {
            let ignore = listing::ignore(aws).await?;
            let deadline = ending(aws);
            stack::check_and_store(aws, &run, &item, &ignore, (deadline, IfOutOfTime::Record)).await?;
            Ok(RunOutcome::Checked { stack: item.stack })
        }
        Event::Step(Step::Summarize { run }) => summary::summarize(aws, &run).await,
    }
}

/// Until when stacks are checked.
fn ending<A, S, E>(aws: Aws<'_, A, S, E>) -> Instant {
    aws.deadline - TIME_RESERVE.min(aws.deadline.saturating_duration_since(Instant::now()))
}

async fn begin<A, S, E>(aws: Aws<'_, A, S, E>, start: &DriftRunRequest) -> Result<RunOutcome, Failure>
where
    A: DriftApi + Notifier + Sync,
    S: BucketStore + Sync,
    E: Executions + Sync,
{
    let run =
        keys::run_of(start.name.as_deref().or(start.scheduled.as_deref()), aws.clock.now(), aws.request);
    if !listing::claim(aws, &run).await? {
        return Ok(RunOutcome::InProgress { run });
    }
    let items = listing::of(aws, &run, start).await?;
    if items.len() > aws.settings.threshold {
        return hand_over(aws, run, 0).await;
    }
    let ignore = &listing::ignore(aws).await?;
    let (run_id, settings) = (&run, aws.settings);
    let ending = ending(aws);
    let results = stream::iter(&items)
        .map(|item| async move {
            // No check starts without its full time. The state machine checks the stacks that are left.
            let deadline = Instant::now() + settings.longest;
            if deadline > ending {
                return Ok(false);
            }
            stack::check_and_store(aws, run_id, item, ignore, (deadline, IfOutOfTime::Defer)).await
        })
        .buffer_unordered(settings.concurrency)
        .collect::<Vec<_>>()
        .await;
    let mut checked = 0;
    for result in results {
        checked += usize::from(result?);
    }
    if checked < items.len() {
        return hand_over(aws, run, checked).await;
    }
    summary::summarize(aws, &run).await
}

/// The state machine goes on. Its execution has the run's name: it is started once, however often that is tried.
async fn hand_over<A, S, E>(aws: Aws<'_, A, S, E>, run: String, checked: usize) -> Result<RunOutcome, Failure>
where
    E: Executions + Sync,
{
    let settings = aws.settings;
    let input = serde_json::json!({
        "run": run,
        "bucket": settings.bucket,
        "items": keys::items(&run),
        "concurrency": settings.concurrency,
    });
    let started = aws.executions.start(&settings.machine, &run, &input.to_string()).await;
    let execution = match started {
        Ok(execution) => execution,
        // It was started by an attempt whose answer got lost, and may have ended since.
        Err(error) if error.kind == mlp_aws::calls::Kind::Exists => run.clone(),
        Err(error) => return Err(error.into()),
    };
    Ok(RunOutcome::HandedOver { run, execution, checked })
}
