//! Checks one stack.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mlp_aws::calls::{CallError, Kind};
use mlp_aws::drift::Probe;
use mlp_aws::drift::RateLimiter;
use mlp_aws::drift::api::{DetectionState, DriftApi};
use mlp_aws::drift::{ResourceSummary, StackDescription};
use mlp_product::product::MANAGED_BY;
use mlp_template::check::load;
use mlp_template::template::Template;
use mlp_template::template::read::from_document;
use serde_json::Value as Json;
use tokio::time::{Instant, sleep};

use crate::drift::snapshot::{CheckError, CheckErrorKind, Detection, ProbeResult};
use crate::drift::{StackSnapshot, wanted};
use crate::execution::status::{DriftDetection, StackStatus};
use crate::time::rfc3339;

/// The part of a stack's time that is reserved for the steps after the detection.
const TIME_RESERVE: Duration = Duration::from_secs(45);

/// How many times the detection is repeated for resources whose services throttled CloudFormation.
const MAX_REDETECTIONS: usize = 3;

/// The most resources that a detection can be limited to. Source: AWS CloudFormation API Reference, `DetectStackDrift`.
const MAX_DETECTION_RESOURCES: usize = 200;

/// The interval between two polls of a detection; it grows with each poll.
const MIN_POLL_INTERVAL: Duration = Duration::from_secs(1);
const MAX_POLL_INTERVAL: Duration = Duration::from_secs(10);

/// All stacks with our tag, over all pages. A stack in `REVIEW_IN_PROGRESS` has no resources and is left out.
///
/// # Errors
///
/// The error that AWS returned: an incomplete list would hide stacks.
pub async fn managed_stacks<A: DriftApi + Sync>(
    api: &A,
    limiter: &RateLimiter,
    deadline: Instant,
) -> Result<Vec<StackDescription>, CallError> {
    let mut found = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let (stacks, next) = limiter.call(deadline, || api.stacks(token.as_deref())).await?;
        found.extend(stacks.into_iter().filter(is_ours));
        token = next;
        if token.is_none() {
            return Ok(found);
        }
    }
}

/// Those of the named stacks that have our tag. Each is read by its name, so the number of stacks in the account
/// doesn't matter.
///
/// # Errors
///
/// What AWS says.
pub async fn named_stacks<A: DriftApi + Sync>(
    api: &A,
    limiter: &RateLimiter,
    deadline: Instant,
    names: &[String],
) -> Result<Vec<StackDescription>, CallError> {
    let mut found = Vec::new();
    for name in names.iter().collect::<BTreeSet<_>>() {
        let stack = limiter.call(deadline, || api.stack(name)).await?;
        found.extend(stack.into_iter().filter(is_ours));
    }
    Ok(found)
}

fn is_ours(stack: &StackDescription) -> bool {
    stack.tags.get("ManagedBy").is_some_and(|by| by == MANAGED_BY) && stack.status != "REVIEW_IN_PROGRESS"
}

/// Takes a snapshot of a stack, without its config, until the deadline. It never fails: the snapshot contains the
/// errors.
pub async fn check<A: DriftApi + Sync>(
    api: &A,
    limiter: &RateLimiter,
    deadline: Instant,
    stack: &StackDescription,
) -> StackSnapshot {
    let checker = StackChecker { api, limiter, deadline, stack };
    let template = checker.call(|| api.template(&stack.id)).await;
    let resources = checker.call(|| api.resources(&stack.id)).await;
    let detection = checker.detect(resources.as_deref().unwrap_or_default()).await;
    let parsed = template.as_ref().ok().and_then(|text| load(text.as_bytes()).ok());
    let parsed = parsed.map(|document| from_document(&document).0).unwrap_or_default();
    // A stack that failed to create, or was deleted, has no resources to compare.
    let nothing = matches!(
        &detection,
        Detection::Failed(refused) if matches!(refused.kind, CheckErrorKind::Unfinished | CheckErrorKind::Gone)
    );
    let probes = match &resources {
        Ok(resources) if !nothing => checker.probe(&parsed, resources).await,
        Ok(_) | Err(_) => Vec::new(),
    };
    StackSnapshot { stack: stack.clone(), template, resources, detection, probes, config: None }
}

/// Whether the check ran out of time.
pub fn ran_out_of_time(seen: &StackSnapshot) -> bool {
    let detection = match &seen.detection {
        Detection::Failed(refused) => Some(refused),
        Detection::Completed { .. } => None,
    };
    let probes = seen.probes.iter().filter_map(|(_, answer)| match answer {
        ProbeResult::Failed(refused) => Some(refused),
        ProbeResult::Found(_) | ProbeResult::Missing => None,
    });
    (seen.template.as_ref().err().into_iter())
        .chain(seen.resources.as_ref().err())
        .chain(detection)
        .chain(probes)
        .any(|refused| matches!(refused.kind, CheckErrorKind::TimedOut | CheckErrorKind::Throttled))
}

/// Checks one stack until a deadline.
struct StackChecker<'a, A> {
    api: &'a A,
    limiter: &'a RateLimiter,
    deadline: Instant,
    stack: &'a StackDescription,
}

impl<A: DriftApi + Sync> StackChecker<'_, A> {
    async fn call<T, F>(&self, make: impl Fn() -> F) -> Result<T, CheckError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        self.limiter.call(self.deadline, make).await.map_err(|error| refused(&error))
    }

    async fn probe(&self, template: &Template, resources: &[ResourceSummary]) -> Vec<(Probe, ProbeResult)> {
        let mut answers = Vec::new();
        for probe in wanted(template, resources) {
            let answer = match self.call(|| self.api.probe(&probe)).await {
                Ok(Some(value)) => ProbeResult::Found(value),
                Ok(None) => ProbeResult::Missing,
                Err(refused) => ProbeResult::Failed(refused),
            };
            answers.push((probe, answer));
        }
        answers
    }

    /// What CloudFormation's own detection says.
    async fn detect(&self, resources: &[ResourceSummary]) -> Detection {
        if let Some(refused) = not_now(&self.stack.status) {
            return Detection::Failed(refused);
        }
        let detection = match self.detected(resources).await {
            Ok(Detection::Completed { drifts, failed: None }) => {
                return Detection::Completed { drifts, failed: None };
            }
            Ok(detection) => detection,
            Err(refused) => Detection::Failed(refused),
        };
        // It may have failed because the stack was deleted or updated during the detection.
        match self.call(|| self.api.stack(&self.stack.id)).await {
            Ok(Some(now)) if now.status != "DELETE_COMPLETE" => {
                not_now(&now.status).map_or(detection, Detection::Failed)
            }
            Ok(_) => {
                let reason = "the stack was deleted during the check".to_owned();
                Detection::Failed(CheckError { kind: CheckErrorKind::Gone, reason })
            }
            Err(_) => detection,
        }
    }

    /// Detects drift of the stack, then again of the resources whose services throttled CloudFormation.
    async fn detected(&self, resources: &[ResourceSummary]) -> Result<Detection, CheckError> {
        let begun = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        // The clocks may differ a little. What is older than that is of an earlier detection.
        let begun = rfc3339(begun.saturating_sub(60));
        let mut failed = self.ended(&[]).await?;
        let mut found = DetectionProgress { begun, drifts: self.drifts().await?, failing: BTreeSet::new() };
        found.failing = found.failing_by(failed.as_deref(), resources);
        let for_nobody = found.failing.is_empty();
        for _ in 0..MAX_REDETECTIONS {
            let some = found.throttled(failed.as_deref());
            if some.is_empty() {
                break;
            }
            self.limiter.slower(Instant::now());
            let limited = if some.len() > MAX_DETECTION_RESOURCES { &[][..] } else { some.as_slice() };
            // What was found before is as good as it can be had.
            let Ok(again) = self.ended(limited).await else { break };
            let Ok(drifts) = self.drifts().await else { break };
            found.drifts = drifts;
            match again {
                Some(reason) => failed = Some(reason),
                None => found.failing.retain(|id| !some.contains(id)),
            }
        }
        failed = failed.filter(|_| for_nobody || !found.failing.is_empty());
        if failed.is_some() {
            found.drifts.retain(|drift| is_since(drift, &found.begun));
        }
        Ok(Detection::Completed { drifts: found.drifts, failed })
    }

    async fn drifts(&self) -> Result<Vec<Json>, CheckError> {
        self.call(|| self.api.drifts(&self.stack.id)).await
    }

    /// Starts a detection of all or some resources and waits for its end; returns the reason if it failed.
    async fn ended(&self, some: &[String]) -> Result<Option<String>, CheckError> {
        let now = Instant::now();
        let deadline = self.deadline - TIME_RESERVE.min(self.deadline.saturating_duration_since(now) / 4);
        let mut wait = MIN_POLL_INTERVAL;
        // The id of a detection is unknown if the answer of `DetectStackDrift` was lost, or if another caller started
        // it. Only starting another detection shows that it has ended.
        let id = loop {
            let begin = || async {
                match some {
                    [] => self.api.detect(&self.stack.id).await,
                    some => self.api.detect_some(&self.stack.id, some).await,
                }
            };
            match self.limiter.call(deadline, begin).await {
                Ok(id) => break id,
                Err(error) if error.kind == Kind::Conflict => {
                    if Instant::now() + wait >= deadline {
                        return Err(CheckError { kind: CheckErrorKind::TimedOut, reason: error.to_string() });
                    }
                }
                Err(error) => return Err(refused(&error)),
            }
            sleep(wait).await;
            wait = (wait * 3 / 2).min(MAX_POLL_INTERVAL);
        };
        let mut wait = MIN_POLL_INTERVAL;
        loop {
            match self.limiter.call(deadline, || self.api.detection(&id)).await {
                Ok(DetectionState::Complete) => return Ok(None),
                Ok(DetectionState::Failed(reason)) => return Ok(Some(reason)),
                Ok(DetectionState::Running) => {
                    if Instant::now() + wait >= deadline {
                        let seconds = now.elapsed().as_secs();
                        let reason = format!("the detection runs for more than {seconds} seconds");
                        return Err(CheckError { kind: CheckErrorKind::TimedOut, reason });
                    }
                }
                Err(error) => return Err(refused(&error)),
            }
            sleep(wait).await;
            wait = (wait * 3 / 2).min(MAX_POLL_INTERVAL);
        }
    }
}

/// The results of a stack's detections so far.
struct DetectionProgress {
    begun: String,
    drifts: Vec<Json>,
    /// Logical ids for which a detection failed and no later one succeeded.
    failing: BTreeSet<String>,
}

impl DetectionProgress {
    /// Logical ids that the reason of a failed detection names; all resources without a result of their own, if it names none.
    fn failing_by(&self, reason: Option<&str>, resources: &[ResourceSummary]) -> BTreeSet<String> {
        let Some(reason) = reason else { return BTreeSet::new() };
        let words: BTreeSet<&str> = reason.split(|c: char| !c.is_ascii_alphanumeric()).collect();
        let ids = || resources.iter().map(|it| it.logical_id.as_str());
        let named: BTreeSet<String> = ids().filter(|id| words.contains(id)).map(str::to_owned).collect();
        if !named.is_empty() {
            return named;
        }
        let fresh = self.drifts.iter().filter(|drift| is_since(drift, &self.begun));
        let fresh: BTreeSet<&str> = fresh.map(|drift| text(drift, "LogicalResourceId")).collect();
        ids().filter(|id| !fresh.contains(id)).map(str::to_owned).collect()
    }

    /// Logical ids of resources whose services throttled CloudFormation.
    fn throttled(&self, failed: Option<&str>) -> Vec<String> {
        let unknown = self.drifts.iter().filter(|drift| {
            text(drift, "StackResourceDriftStatus") == "UNKNOWN"
                && says_throttled(text(drift, "DriftStatusReason"))
        });
        let unknown = unknown.map(|drift| text(drift, "LogicalResourceId").to_owned());
        let failing = failed.filter(|reason| says_throttled(reason)).map(|_| self.failing.iter().cloned());
        unknown.chain(failing.into_iter().flatten()).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

fn text<'d>(drift: &'d Json, key: &str) -> &'d str {
    drift.get(key).and_then(Json::as_str).unwrap_or_default()
}

/// Whether a verdict is of a detection that began at this time or later; one that doesn't say when counts.
fn is_since(drift: &Json, begun: &str) -> bool {
    match text(drift, "Timestamp") {
        "" => true,
        at => at.get(..19) >= begun.get(..19),
    }
}

/// Whether a reason, in the words of whatever service, is throttling.
fn says_throttled(reason: &str) -> bool {
    let reason = reason.to_ascii_lowercase();
    [
        "rate exceeded",
        "throttl",
        "too many requests",
        "toomanyrequests",
        "requestlimitexceeded",
        "slow down",
        "slowdown",
    ]
    .iter()
    .any(|words| reason.contains(words))
}

/// Why a stack in this status can't be detected. CloudFormation refuses the statuses that we don't know.
fn not_now(status: &str) -> Option<CheckError> {
    match StackStatus::parse(status).map(StackStatus::drift_detection) {
        None | Some(DriftDetection::Possible) => None,
        Some(DriftDetection::Busy) => {
            Some(CheckError { kind: CheckErrorKind::Busy, reason: format!("the stack is {status}") })
        }
        Some(DriftDetection::Refused) => {
            let reason = format!("the stack is {status}, and has no state to compare with");
            Some(CheckError { kind: CheckErrorKind::Unfinished, reason })
        }
    }
}

fn refused(error: &CallError) -> CheckError {
    let kind = match error.kind {
        Kind::Denied => CheckErrorKind::Denied,
        Kind::Throttled => CheckErrorKind::Throttled,
        Kind::Unavailable => CheckErrorKind::Unavailable,
        Kind::Conflict => CheckErrorKind::Busy,
        Kind::Gone => CheckErrorKind::Gone,
        Kind::Exists | Kind::Elsewhere | Kind::Refused => CheckErrorKind::Failed,
    };
    CheckError { kind, reason: error.to_string() }
}
