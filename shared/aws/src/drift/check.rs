//! Looks at one stack.

use std::time::Duration;

use mlp_core::check::load;
use mlp_core::deploy::status::{DriftDetection, StackStatus};
use mlp_core::drift::seen::{CouldNot, Detection, ProbeAnswer, Refused, ResourceSeen, StackSeen};
use mlp_core::drift::{Probe, Seen, wanted};
use mlp_core::product::MANAGED_BY;
use mlp_core::template::Template;
use mlp_core::template::read::from_document;
use tokio::time::{Instant, sleep};

use super::api::{DetectionState, DriftApi};
use super::pace::Pace;
use crate::calls::{CallError, Kind};

/// How long is waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For CloudFormation's detection, with that of somebody else before it.
    pub detection: Duration,
    /// For a call that is throttled.
    pub call: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { detection: Duration::from_mins(3), call: Duration::from_mins(2) }
    }
}

/// How often it is looked whether a detection has ended: a little later each time.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(10);

/// Every stack of ours, by its tag, over all pages. A shell without resources is none yet.
///
/// # Errors
///
/// What AWS says: half a list would be a lie.
pub async fn managed<A: DriftApi + Sync>(
    api: &A,
    pace: &Pace,
    deadline: Instant,
) -> Result<Vec<StackSeen>, CallError> {
    let mut found = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let (stacks, next) = pace.call(deadline, || api.stacks(token.as_deref())).await?;
        let ours = |stack: &StackSeen| {
            stack.tags.get("ManagedBy").is_some_and(|by| by == MANAGED_BY)
                && stack.status != "REVIEW_IN_PROGRESS"
        };
        found.extend(stacks.into_iter().filter(ours));
        token = next;
        if token.is_none() {
            return Ok(found);
        }
    }
}

/// All that can be seen of a stack but its config. It never fails: what can't be seen is part of what is seen.
pub async fn check<A: DriftApi + Sync>(api: &A, pace: &Pace, limits: Limits, stack: &StackSeen) -> Seen {
    let deadline = Instant::now() + limits.call;
    let template = pace.call(deadline, || api.template(&stack.id)).await.map_err(|error| refused(&error));
    let resources = pace.call(deadline, || api.resources(&stack.id)).await.map_err(|error| refused(&error));
    let detection = detect(api, pace, limits, stack).await;
    let parsed = template.as_ref().ok().and_then(|text| load(text.as_bytes()).ok());
    let parsed = parsed.map(|document| from_document(&document).0).unwrap_or_default();
    let unfinished =
        matches!(&detection, Detection::CouldNot(refused) if refused.why == CouldNot::Unfinished);
    let probes = match &resources {
        // Half of what the template says isn't there, and everybody knows.
        _ if unfinished => Vec::new(),
        Ok(resources) => look(api, pace, limits, &parsed, resources).await,
        Err(_) => Vec::new(),
    };
    Seen { stack: stack.clone(), template, resources, detection, probes, config: None }
}

async fn look<A: DriftApi + Sync>(
    api: &A,
    pace: &Pace,
    limits: Limits,
    template: &Template,
    resources: &[ResourceSeen],
) -> Vec<(Probe, ProbeAnswer)> {
    let deadline = Instant::now() + limits.call;
    let mut answers = Vec::new();
    for probe in wanted(template, resources) {
        let answer = match pace.call(deadline, || api.probe(&probe)).await {
            Ok(Some(value)) => ProbeAnswer::Seen(value),
            Ok(None) => ProbeAnswer::Missing,
            Err(error) => ProbeAnswer::CouldNot(refused(&error)),
        };
        answers.push((probe, answer));
    }
    answers
}

async fn detect<A: DriftApi + Sync>(api: &A, pace: &Pace, limits: Limits, stack: &StackSeen) -> Detection {
    let could_not = |why, reason: String| Detection::CouldNot(Refused { why, reason });
    // A status that we don't know is CloudFormation's to refuse.
    match StackStatus::parse(&stack.status).map(StackStatus::drift_detection) {
        None | Some(DriftDetection::Possible) => {}
        Some(DriftDetection::Busy) => {
            return could_not(CouldNot::Busy, format!("the stack is {}", stack.status));
        }
        Some(DriftDetection::Refused) => {
            let reason = format!("the stack is {}, and has no state to compare with", stack.status);
            return could_not(CouldNot::Unfinished, reason);
        }
    }
    let deadline = Instant::now() + limits.detection;
    let mut wait = SHORTEST;
    let id = loop {
        match pace.call(deadline, || api.detect(&stack.id)).await {
            Ok(id) => break id,
            Err(error) if error.kind == Kind::Conflict => {
                if Instant::now() + wait >= deadline {
                    return could_not(CouldNot::Busy, error.reason);
                }
            }
            Err(error) => return Detection::CouldNot(refused(&error)),
        }
        sleep(wait).await;
        wait = (wait * 3 / 2).min(LONGEST);
    };
    let mut wait = SHORTEST;
    let failed = loop {
        match pace.call(deadline, || api.detection(&id)).await {
            Ok(DetectionState::Complete) => break None,
            Ok(DetectionState::Failed(reason)) => break Some(reason),
            Ok(DetectionState::Running) => {
                if Instant::now() + wait >= deadline {
                    let reason =
                        format!("the detection runs for more than {} seconds", limits.detection.as_secs());
                    return could_not(CouldNot::TimedOut, reason);
                }
            }
            Err(error) => return Detection::CouldNot(refused(&error)),
        }
        sleep(wait).await;
        wait = (wait * 3 / 2).min(LONGEST);
    };
    match pace.call(Instant::now() + limits.call, || api.drifts(&stack.id)).await {
        Ok(drifts) => Detection::Done { drifts, failed },
        Err(error) => Detection::CouldNot(refused(&error)),
    }
}

fn refused(error: &CallError) -> Refused {
    let why = match error.kind {
        Kind::Denied => CouldNot::Denied,
        Kind::Throttled => CouldNot::Throttled,
        Kind::Unavailable => CouldNot::Unavailable,
        Kind::Conflict => CouldNot::Busy,
        Kind::Gone => CouldNot::Gone,
        Kind::Exists | Kind::Elsewhere | Kind::Refused => CouldNot::Failed,
    };
    Refused { why, reason: error.to_string() }
}
