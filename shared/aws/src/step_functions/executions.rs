//! Executions of a state machine: started, looked at, answered. [`StepFunctions`] is the real thing.

use std::future::Future;
use std::time::SystemTime;

use aws_sdk_sfn::Client;
use aws_sdk_sfn::primitives::DateTime;
use aws_sdk_sfn::types::{ExecutionStatus, HistoryEvent, HistoryEventType};
use sha2::{Digest as _, Sha256};

use crate::calls::CallError;

/// The most that an execution takes as input, in bytes. Source: AWS Step Functions Developer Guide, "Service quotas"
/// (state input or result: 262,144 bytes).
pub const INPUT_LIMIT: usize = 262_144;

/// Executions by ARN. Every call is bounded in time and has already been retried when it fails.
pub trait Executions {
    /// Starts an execution and answers its ARN. As long as it runs, the same name with the same input answers it again,
    /// so a lost answer does no harm.
    ///
    /// # Errors
    ///
    /// [`Kind::Exists`](crate::calls::Kind::Exists) when the name was taken within the last 90 days, by an execution
    /// with another input or by one that has ended.
    fn start(
        &self,
        state_machine: &str,
        name: &str,
        input: &str,
    ) -> impl Future<Output = Result<String, CallError>> + Send;

    /// Looks at an execution.
    fn describe(&self, execution: &str) -> impl Future<Output = Result<Execution, CallError>> + Send;

    /// A page of an execution's events, newest first: at most `count` of them (1 to 1,000), from `page` on, which is the
    /// former answer's [`HistoryPage::next`].
    fn history(
        &self,
        execution: &str,
        count: i32,
        page: Option<&str>,
    ) -> impl Future<Output = Result<HistoryPage, CallError>> + Send;

    /// Answers a waiting task: done, with this JSON text.
    ///
    /// # Errors
    ///
    /// [`Kind::Gone`](crate::calls::Kind::Gone) when it no longer waits.
    fn succeed(&self, token: &str, output: &str) -> impl Future<Output = Result<(), CallError>> + Send;

    /// Answers a waiting task: failed. An error's name has at most 256 characters, a cause 32,768.
    ///
    /// # Errors
    ///
    /// As [`Self::succeed`].
    fn fail(
        &self,
        token: &str,
        error: &str,
        cause: &str,
    ) -> impl Future<Output = Result<(), CallError>> + Send;
}

/// How an execution is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It runs, or waits.
    Running,
    /// It ended as its definition says.
    Succeeded,
    /// It ended with an error.
    Failed,
    /// It ran longer than its definition allows.
    TimedOut,
    /// Somebody stopped it.
    Aborted,
    /// A child workflow's parent is to be redriven.
    PendingRedrive,
}

impl Status {
    /// Whether it has ended.
    pub fn has_ended(self) -> bool {
        !matches!(self, Self::Running | Self::PendingRedrive)
    }
}

/// An execution, as it was when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// Its ARN.
    pub arn: String,
    /// How it is.
    pub status: Status,
    /// When it began.
    pub started: SystemTime,
    /// When it ended.
    pub stopped: Option<SystemTime>,
    /// What it was asked to do, as JSON text.
    pub input: Option<String>,
    /// What it answered, as JSON text.
    pub output: Option<String>,
    /// The name of the error it ended with.
    pub error: Option<String>,
    /// Why it ended with an error.
    pub cause: Option<String>,
}

/// A part of an execution's history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryPage {
    /// Newest first.
    pub events: Vec<Event>,
    /// Where older ones are.
    pub next: Option<String>,
}

/// Something that happened in an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Counts from 1.
    pub id: i64,
    /// What happened.
    pub what: What,
}

/// What an event tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A state of type `Task` begins.
    TaskEntered {
        /// The state's name.
        state: String,
    },
    /// A task was handed over and now waits for an answer to its token.
    TaskSubmitted {
        /// What whoever took it said, as JSON text.
        output: Option<String>,
    },
    /// A task is done.
    TaskDone {
        /// Its result, as JSON text.
        output: Option<String>,
    },
    /// A task failed or ran out of time.
    TaskFailed,
    /// A state of type `Task` ends.
    TaskExited {
        /// What goes to the next state, as JSON text.
        output: Option<String>,
    },
    /// Anything else.
    Other,
}

/// A name for an execution that nobody has used: what it does, when, and a few digits that tell two of one second apart.
///
/// `seed` is anything that differs from call to call, such as a process id with the time.
///
/// ```
/// # use mlp_aws::step_functions::executions::fresh_name;
/// let name = fresh_name("show-changes", std::time::UNIX_EPOCH, "4711");
/// assert!(name.starts_with("show-changes-19700101T000000Z-"), "{name}");
/// assert_ne!(name, fresh_name("show-changes", std::time::UNIX_EPOCH, "4712"));
/// ```
pub fn fresh_name(action: &str, now: SystemTime, seed: &str) -> String {
    let seconds = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let moment = DateTime::from_secs(i64::try_from(seconds).unwrap_or_default());
    let shown = moment.fmt(aws_sdk_sfn::primitives::DateTimeFormat::DateTime).unwrap_or_default();
    let shown: String = shown.chars().filter(|c| !matches!(c, '-' | ':')).collect();
    let digits: String = format!("{:x}", Sha256::digest(seed.as_bytes())).chars().take(6).collect();
    format!("{action}-{shown}-{digits}")
}

/// [`Executions`] over a Step Functions client.
#[derive(Debug, Clone)]
pub struct StepFunctions {
    client: Client,
}

impl StepFunctions {
    /// Wraps a client, whose time-outs and retries are the caller's choice (see [`crate::clients`]).
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

// The SDK's futures are deep and large: boxed here, they cost the callers' futures one pointer.
impl Executions for StepFunctions {
    async fn start(&self, state_machine: &str, name: &str, input: &str) -> Result<String, CallError> {
        let request = self.client.start_execution().state_machine_arn(state_machine).name(name).input(input);
        let answer = Box::pin(request.send()).await;
        let answer = answer.map_err(|error| CallError::of("states:StartExecution", &error))?;
        Ok(answer.execution_arn)
    }

    async fn describe(&self, execution: &str) -> Result<Execution, CallError> {
        let answer = Box::pin(self.client.describe_execution().execution_arn(execution).send()).await;
        let answer = answer.map_err(|error| CallError::of("states:DescribeExecution", &error))?;
        Ok(Execution {
            arn: answer.execution_arn,
            status: match answer.status {
                ExecutionStatus::Succeeded => Status::Succeeded,
                ExecutionStatus::Failed => Status::Failed,
                ExecutionStatus::TimedOut => Status::TimedOut,
                ExecutionStatus::Aborted => Status::Aborted,
                ExecutionStatus::PendingRedrive => Status::PendingRedrive,
                // What this version doesn't know is looked at again.
                _ => Status::Running,
            },
            started: moment(&answer.start_date),
            stopped: answer.stop_date.as_ref().map(moment),
            input: answer.input,
            output: answer.output,
            error: answer.error,
            cause: answer.cause,
        })
    }

    async fn history(
        &self,
        execution: &str,
        count: i32,
        page: Option<&str>,
    ) -> Result<HistoryPage, CallError> {
        let request = self.client.get_execution_history().execution_arn(execution);
        let request = request.reverse_order(true).max_results(count).set_next_token(page.map(str::to_owned));
        let answer = Box::pin(request.send()).await;
        let answer = answer.map_err(|error| CallError::of("states:GetExecutionHistory", &error))?;
        Ok(HistoryPage { events: answer.events.into_iter().map(event).collect(), next: answer.next_token })
    }

    async fn succeed(&self, token: &str, output: &str) -> Result<(), CallError> {
        let answer = Box::pin(self.client.send_task_success().task_token(token).output(output).send()).await;
        answer.map(drop).map_err(|error| CallError::of("states:SendTaskSuccess", &error))
    }

    async fn fail(&self, token: &str, error: &str, cause: &str) -> Result<(), CallError> {
        let request = self.client.send_task_failure().task_token(token).error(error).cause(cause);
        let answer = Box::pin(request.send()).await;
        answer.map(drop).map_err(|error| CallError::of("states:SendTaskFailure", &error))
    }
}

fn moment(date: &DateTime) -> SystemTime {
    SystemTime::try_from(*date).unwrap_or(SystemTime::UNIX_EPOCH)
}

fn event(event: HistoryEvent) -> Event {
    let exited = |event: HistoryEvent| event.state_exited_event_details.and_then(|details| details.output);
    let (id, kind) = (event.id, event.r#type.clone());
    let what = match kind {
        HistoryEventType::TaskStateEntered => match event.state_entered_event_details {
            Some(details) => What::TaskEntered { state: details.name },
            None => What::Other,
        },
        HistoryEventType::TaskStateExited => What::TaskExited { output: exited(event) },
        // Its request is on the way; who keeps no record of its arrival writes no other event until the answer.
        HistoryEventType::TaskScheduled => match event.task_scheduled_event_details {
            Some(details) if details.resource.ends_with(".waitForTaskToken") => {
                What::TaskSubmitted { output: None }
            }
            _ => What::Other,
        },
        HistoryEventType::TaskSubmitted => What::TaskSubmitted {
            output: event.task_submitted_event_details.and_then(|details| details.output),
        },
        HistoryEventType::TaskSucceeded => {
            What::TaskDone { output: event.task_succeeded_event_details.and_then(|details| details.output) }
        }
        // A function named by its own ARN instead of `lambda:invoke`.
        HistoryEventType::LambdaFunctionSucceeded => What::TaskDone {
            output: event.lambda_function_succeeded_event_details.and_then(|details| details.output),
        },
        HistoryEventType::TaskFailed
        | HistoryEventType::TaskTimedOut
        | HistoryEventType::TaskStartFailed
        | HistoryEventType::TaskSubmitFailed
        | HistoryEventType::LambdaFunctionFailed
        | HistoryEventType::LambdaFunctionTimedOut
        | HistoryEventType::LambdaFunctionStartFailed
        | HistoryEventType::LambdaFunctionScheduleFailed => What::TaskFailed,
        _ => What::Other,
    };
    Event { id, what }
}
