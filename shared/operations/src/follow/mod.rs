//! The progress of an execution, from polling it.
//!
//! A poll reads the execution's description and the newest page of its history ([`HISTORY_PAGE_EVENTS`]); never the
//! whole history. An [`ExecutionFollower`] takes what was read and has the [`Progress`]. [`PollInterval`] says when to
//! poll next. This module has no clock and makes no calls.

use std::time::{Duration, SystemTime};

use mlp_aws::step_functions::executions::{Event, Execution, Status, What};
use serde::Deserialize as _;
use serde_json::{Value as Json, json};

use crate::fleet::FleetSummary;

/// How many events one poll reads. Waiting for a stack takes nine events a round, so two rounds fit in.
pub const HISTORY_PAGE_EVENTS: i32 = 25;

/// What is known of an execution.
#[derive(Debug, Clone, Default)]
pub struct ExecutionFollower {
    started: Option<SystemTime>,
    ended: Option<ExecutionEnd>,
    /// The newest event that was read.
    newest: i64,
    progress: Progress,
    bucket: Option<String>,
}

/// Where an execution is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// The name of the current state, such as `FollowStack`; empty before the first.
    pub step: String,
    /// How many resources of the stack are done.
    pub resources: Option<ResourceProgress>,
    /// The stack's status, while a stack operation runs.
    pub stack_status: Option<String>,
    /// Whether it waits for an approval.
    pub waits_for_approval: bool,
}

/// Resources of a stack operation. `done` is never more than `total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResourceProgress {
    /// How many are done.
    pub done: u64,
    /// Of how many.
    pub total: u64,
}

/// How an execution ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionEnd {
    /// Whether it did what it was asked to.
    pub ok: bool,
    /// Its result object (`mlp_operations::execution::outcome`), as it was written; one made up of what Step Functions
    /// says where the
    /// execution could not write one.
    pub result: Json,
    /// How long it took.
    pub took: Duration,
}

impl ExecutionFollower {
    /// The execution was looked at. Its end is final.
    pub fn described(&mut self, execution: &Execution) {
        self.started.get_or_insert(execution.started);
        if self.ended.is_some() || !execution.status.has_ended() {
            return;
        }
        let result = result(execution);
        let refused = result.get("ok").and_then(Json::as_bool) == Some(false);
        self.ended = Some(ExecutionEnd {
            ok: execution.status == Status::Succeeded && !refused,
            result,
            took: (execution.stopped)
                .and_then(|stopped| stopped.duration_since(execution.started).ok())
                .unwrap_or_default(),
        });
    }

    /// Events were read: a page, in whatever order. What is older than what was read before is passed over.
    pub fn happened(&mut self, events: &[Event]) {
        let mut fresh: Vec<&Event> = events.iter().filter(|event| event.id > self.newest).collect();
        fresh.sort_by_key(|event| event.id);
        for event in fresh {
            self.newest = event.id;
            if let What::TaskDone { output: Some(output) } | What::TaskExited { output: Some(output) } =
                &event.what
            {
                self.bucket = report_bucket(output).or(self.bucket.take());
            }
            self.progress.then(&event.what);
        }
    }

    /// Where it is.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The suite's bucket, once the execution has kept a report of its changes there.
    pub fn bucket(&self) -> Option<&str> {
        self.bucket.as_deref()
    }

    /// How it ended, if it has.
    pub fn ended(&self) -> Option<&ExecutionEnd> {
        self.ended.as_ref()
    }

    /// How long it has been running at a time; nothing when clocks disagree.
    pub fn elapsed(&self, now: SystemTime) -> Duration {
        self.started.and_then(|started| now.duration_since(started).ok()).unwrap_or_default()
    }
}

impl Progress {
    fn then(&mut self, what: &What) {
        match what {
            // A loop enters the state in which it looks again and again; only another one is news.
            What::TaskEntered { state } if *state != self.step => {
                *self = Self { step: state.clone(), ..Self::default() };
            }
            What::TaskEntered { .. } | What::TaskFailed => self.waits_for_approval = false,
            What::TaskSubmitted { output } => {
                self.waits_for_approval = self.step == "RequestApproval";
                self.worked(output.as_deref());
            }
            What::TaskDone { output } | What::TaskExited { output } => {
                self.waits_for_approval = false;
                self.worked(output.as_deref());
            }
            What::Other => {}
        }
    }

    /// A task answered with its work document.
    fn worked(&mut self, output: Option<&str>) {
        // Results of other operations stay in the document; they are no progress of this step.
        if !["FollowStack", "FollowDeletion", "ExecuteChangeSet", "DeleteStack"].contains(&self.step.as_str())
        {
            return;
        }
        let Some(stack) = output.and_then(stack) else { return };
        let status = stack.get("status").and_then(Json::as_str).map(str::to_owned);
        let count = |key| stack.get(key).and_then(Json::as_u64);
        if let (Some(done), Some(total)) = (count("done"), count("total").filter(|total| *total > 0)) {
            let mut resources = ResourceProgress { done: done.min(total), total };
            // Within one operation nothing is undone: a smaller figure comes from an event that was missed.
            if let Some(before) = self.resources
                && before.total == total
                && self.stack_status == status
            {
                resources.done = resources.done.max(before.done);
            }
            self.resources = Some(resources);
        }
        self.stack_status = status;
    }

    /// The current step in words.
    ///
    /// ```
    /// # use mlp_operations::follow::Progress;
    /// let step = |name: &str| Progress { step: name.to_owned(), ..Progress::default() }.words();
    /// assert_eq!(step("FollowStack"), "Changing the stack");
    /// assert_eq!(step("CountTheStars"), "Count the stars");
    /// assert_eq!(step(""), "Starting");
    /// ```
    pub fn words(&self) -> String {
        if self.waits_for_approval {
            return "Waiting for approval".to_owned();
        }
        if self.stack_status.as_deref().is_some_and(|status| status.contains("ROLLBACK_IN_PROGRESS")) {
            return "Rolling the stack back".to_owned();
        }
        let words = match self.step.as_str() {
            "" => "Starting",
            "ReadInput" => "Reading the config",
            "CheckLicense" => "Checking the license",
            "Preflight" => "Checking what the stack needs",
            "InspectStack" | "InspectForDeletion" => "Reading the stack",
            "CheckRegistry" | "LookUpRegistry" => "Reading the model registry",
            "CreateChangeSet" => "Asking for the changes",
            "FollowChangeSet" => "Working out the changes",
            "RecordChanges" => "Recording the changes",
            "RecordDeletion" => "Recording what would be deleted",
            "AnnounceApproval" | "RequestApproval" => "Asking for approval",
            "CheckApproval" => "Checking the approval",
            "ExecuteChangeSet" => "Starting the changes",
            "FollowStack" => "Changing the stack",
            "ProtectStack" => "Protecting the stack",
            "ReadOutputs" => "Reading the outputs back",
            "EmptyBucket" => "Emptying the bucket",
            "DeleteStack" => "Starting the deletion",
            "FollowDeletion" => "Deleting the stack",
            "DiscardChangeSet" => "Discarding the change set",
            "Conclude" => "Writing the result",
            other => return spaced(other),
        };
        words.to_owned()
    }
}

/// `CountTheStars` as `Count the stars`.
fn spaced(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push(' ');
            out.extend(c.to_lowercase());
        } else {
            out.push(c);
        }
    }
    out
}

/// The work document's stack, wherever the state machine has put the document: Lambda's answer has it as `Payload`, a state's
/// output as `work`.
fn stack(output: &str) -> Option<Json> {
    work(output)?.get_mut("stack").map(Json::take).filter(Json::is_object)
}

/// The work document.
fn work(output: &str) -> Option<Json> {
    let mut document: Json = serde_json::from_str(output).ok()?;
    for key in ["Payload", "work"] {
        if let Some(inner) = document.get_mut(key) {
            document = inner.take();
        }
    }
    Some(document)
}

/// The bucket of the report that a work document names, `s3://bucket/key`.
fn report_bucket(output: &str) -> Option<String> {
    let work = work(output)?;
    let report = work.pointer("/changes/report")?.as_str()?;
    report.strip_prefix("s3://")?.split('/').next().filter(|it| !it.is_empty()).map(str::to_owned)
}

/// The result object of an execution that has ended.
fn result(execution: &Execution) -> Json {
    let written = match execution.status {
        Status::Succeeded => execution.output.as_deref(),
        _ => execution.cause.as_deref(),
    };
    let written = written.and_then(|text| serde_json::from_str::<Json>(text).ok());
    if let Some(result) = written.as_ref().and_then(of_fleet) {
        return result;
    }
    if let Some(result) = written.filter(|result| result.get("outcome").is_some_and(Json::is_string)) {
        return result;
    }
    let (name, message, help) = match execution.status {
        Status::Aborted => {
            let help = "CloudFormation continues what the execution started; check the stack, then start a new execution";
            ("MLProvisioner.Aborted", "the execution was stopped", help)
        }
        Status::TimedOut => {
            let help =
                "CloudFormation continues what the execution started; start a new execution when it is done";
            ("MLProvisioner.TimedOut", "the execution ran longer than it may", help)
        }
        Status::Succeeded => {
            let help = "is it an execution of ML Provisioner's state machine?";
            ("MLProvisioner.Internal", "the execution ended without a result object", help)
        }
        _ => (
            "MLProvisioner.Internal",
            "the execution failed without a result object",
            "see the execution in the console",
        ),
    };
    let name = execution.error.as_deref().unwrap_or(name);
    let message = match execution.cause.as_deref() {
        Some(cause) => format!("{message}: {cause}"),
        None => message.to_owned(),
    };
    let input = execution.input.as_deref().and_then(|input| serde_json::from_str::<Json>(input).ok());
    let action = input.as_ref().and_then(|input| input.get("action")?.as_str());
    let mut result = json!({
        "schema_version": crate::execution::outcome::SCHEMA_VERSION,
        "ok": false,
        "outcome": "failed",
        "execution": execution.arn,
        "error": {"name": name, "message": message, "help": help},
        "generator_version": env!("CARGO_PKG_VERSION"),
    });
    if let (Some(action), Some(object)) = (action, result.as_object_mut()) {
        object.insert("action".to_owned(), action.into());
    }
    result
}

/// The summary of a fleet's execution, in the shape of a result object.
fn of_fleet(written: &Json) -> Option<Json> {
    let summary = FleetSummary::deserialize(written).ok()?;
    let mut result = json!({
        "schema_version": summary.schema_version,
        "ok": summary.ok,
        "outcome": if summary.ok { "fleet" } else { "failed" },
        "execution": summary.execution,
        "fleet": summary,
        "generator_version": env!("CARGO_PKG_VERSION"),
    });
    let failed = json!({
        "name": "MLProvisioner.FleetFailed",
        "message": format!(
            "{} of {} products failed, {} have no result, and {} were not started",
            summary.failed, summary.total, summary.without_result, summary.not_started
        ),
        "help": "check the products that failed; a new execution deploys what is left",
    });
    if let Some(fields) = result.as_object_mut().filter(|_| !summary.ok) {
        let error = summary.error.as_ref().and_then(|error| serde_json::to_value(error).ok());
        fields.insert("error".to_owned(), error.unwrap_or(failed));
        for key in ["findings", "findings_left_out", "findings_at"] {
            if let Some(value) = written.get(key) {
                fields.insert(key.to_owned(), value.clone());
            }
        }
    }
    Some(result)
}

/// When to poll next: soon at first, later every 5 seconds, and less often while AWS doesn't answer.
#[derive(Debug, Clone)]
pub struct PollInterval {
    next: Duration,
    failures: u32,
}

const FIRST_INTERVAL: Duration = Duration::from_secs(1);
const STEADY_INTERVAL: Duration = Duration::from_secs(5);
const MAX_FAILURE_INTERVAL: Duration = Duration::from_secs(30);

impl Default for PollInterval {
    fn default() -> Self {
        Self { next: FIRST_INTERVAL, failures: 0 }
    }
}

impl PollInterval {
    /// How long to wait after a look that was answered.
    pub fn answered(&mut self) -> Duration {
        if self.failures > 0 {
            *self = Self { next: STEADY_INTERVAL, failures: 0 };
        }
        let wait = self.next;
        self.next = (wait * 5 / 4).min(STEADY_INTERVAL);
        wait
    }

    /// How long to wait after a look that was throttled or got no answer.
    pub fn failed(&mut self) -> Duration {
        let wait = if self.failures == 0 { STEADY_INTERVAL } else { self.next };
        self.failures = self.failures.saturating_add(1);
        self.next = (wait * 2).min(MAX_FAILURE_INTERVAL);
        wait
    }

    /// How many looks in a row have failed.
    pub fn failures(&self) -> u32 {
        self.failures
    }
}
