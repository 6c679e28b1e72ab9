//! A fleet of stacks in memory whose drift detection takes its time and can go wrong, for tests.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mlp_aws::calls::{CallError, Kind};
use mlp_aws::drift::Probe;
use mlp_aws::drift::api::{DetectionState, DriftApi, Notifier};
use mlp_aws::drift::{ResourceSummary, StackDescription};
use serde_json::{Value as Json, json};
use tokio::time::{Instant, sleep};

/// What goes wrong with a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Its detection fails, and an old verdict is all that is known of its resource.
    Fails,
    /// Its service throttles CloudFormation in so many detections.
    ThrottledInside(usize),
    /// The same, but the detection fails as a whole and has no verdict.
    FailsThrottled(usize),
    /// Its detection fails, and CloudFormation has much to say about it.
    FailsAtLength,
    /// Its detection never ends.
    NeverEnds,
    /// Its detection takes so many seconds.
    Slow(u64),
    /// Somebody else's detection runs, for so many seconds.
    RunsAlready(u64),
    /// It is deleted as soon as it was listed.
    DeletedInTheMiddle,
    /// It is deleted as soon as its detection runs.
    DeletedInItsDetection,
    /// No permission.
    Denied,
    /// Its log group has another retention.
    Drifted,
}

/// Stacks with one log group each.
#[derive(Debug)]
pub struct MemoryFleet {
    state: Mutex<State>,
    /// How many calls a second AWS answers; more are throttled.
    pub rate: usize,
    /// How long a call takes.
    pub latency: Duration,
    /// How long a detection takes.
    pub detection: Duration,
}

#[derive(Debug, Default)]
struct State {
    stacks: Vec<StackDescription>,
    trouble: BTreeMap<String, Trouble>,
    running: BTreeMap<String, Instant>,
    detected: BTreeMap<String, usize>,
    detected_again: BTreeMap<String, Vec<Vec<String>>>,
    window: Option<(Instant, usize)>,
    begun: Option<Instant>,
    flying: usize,
    most_flying: usize,
    calls: BTreeMap<&'static str, usize>,
    throttled: usize,
    told: Vec<String>,
    published_fails: BTreeMap<&'static str, Kind>,
}

/// What SNS and EventBridge take.
const LARGEST: usize = 256 * 1024;

/// The template of every stack of the fleet.
pub const TEMPLATE: &str =
    "Resources:\n  Logs:\n    Type: AWS::Logs::LogGroup\n    Properties:\n      RetentionInDays: 365\n";

/// A managed stack.
fn managed(name: String) -> StackDescription {
    StackDescription {
        id: format!("arn:aws:cloudformation:us-west-2:123456789012:stack/{name}/1"),
        name,
        status: "CREATE_COMPLETE".to_owned(),
        tags: BTreeMap::from([("ManagedBy".to_owned(), "ml-provisioner".to_owned())]),
        parameters: BTreeMap::new(),
    }
}

impl MemoryFleet {
    /// So many stacks, `product-0000-stack` and so on.
    pub fn of(count: usize) -> Self {
        let stacks = (0..count).map(|number| managed(format!("product-{number:04}-stack")));
        let state = State { stacks: stacks.collect(), ..State::default() };
        Self {
            state: Mutex::new(state),
            rate: usize::MAX,
            latency: Duration::from_millis(50),
            detection: Duration::from_secs(5),
        }
    }

    /// One more stack.
    pub fn add(&self, name: &str) {
        self.lock().stacks.push(managed(name.to_owned()));
    }

    /// Something goes wrong with a stack.
    pub fn trouble(&self, number: usize, trouble: Trouble) {
        self.lock().trouble.insert(format!("product-{number:04}-stack"), trouble);
    }

    /// Brings a stack into a status.
    pub fn set_status(&self, number: usize, status: &str) {
        if let Some(stack) = self.lock().stacks.get_mut(number) {
            status.clone_into(&mut stack.status);
        }
    }

    /// Everything is well again.
    pub fn heal(&self) {
        let mut state = self.lock();
        state.trouble.clear();
        state.published_fails.clear();
    }

    /// Everybody can be told again.
    pub fn hears(&self) {
        self.lock().published_fails.clear();
    }

    /// Another stack that isn't ours.
    pub fn others(&self, name: &str) {
        let id = format!("arn:aws:cloudformation:us-west-2:123456789012:stack/{name}/1");
        let status = "CREATE_COMPLETE".to_owned();
        self.lock().stacks.push(StackDescription {
            id,
            name: name.to_owned(),
            status,
            ..StackDescription::default()
        });
    }

    /// How often each stack's detection was begun.
    pub fn detected(&self) -> BTreeMap<String, usize> {
        self.lock().detected.clone()
    }

    /// Which resources of which stack were detected once more.
    pub fn detected_again(&self) -> BTreeMap<String, Vec<Vec<String>>> {
        self.lock().detected_again.clone()
    }

    /// The most calls that were under way at once.
    pub fn most_flying(&self) -> usize {
        self.lock().most_flying
    }

    /// Calls by operation, and how many were throttled.
    pub fn calls(&self) -> (BTreeMap<&'static str, usize>, usize) {
        let state = self.lock();
        (state.calls.clone(), state.throttled)
    }

    /// What was told to whom: `sns ...` and `event ...`.
    pub fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().told)
    }

    /// Nobody can be told (`sns`, `event`).
    pub fn deaf(&self, to: &'static str, because: Kind) {
        self.lock().published_fails.insert(to, because);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn call<T>(
        &self,
        operation: &'static str,
        act: impl FnOnce(&mut State) -> Result<T, (Kind, &'static str)>,
    ) -> Result<T, CallError> {
        {
            let mut state = self.lock();
            state.flying += 1;
            state.most_flying = state.most_flying.max(state.flying);
        }
        sleep(self.latency).await;
        let mut state = self.lock();
        state.flying -= 1;
        let now = Instant::now();
        let (since, made) = state.window.unwrap_or((now, 0));
        let (since, made) = if now - since >= Duration::from_secs(1) { (now, 0) } else { (since, made) };
        state.window = Some((since, made + 1));
        *state.calls.entry(operation).or_default() += 1;
        let result = if made >= self.rate {
            state.throttled += 1;
            Err((Kind::Throttled, "Throttling: Rate exceeded"))
        } else {
            act(&mut state)
        };
        result.map_err(|(kind, reason)| CallError { kind, operation, reason: reason.to_owned() })
    }
}

impl State {
    /// How often a stack's resource was detected, with all of the stack or alone.
    fn rounds(&self, stack: &str) -> usize {
        self.detected.get(stack).unwrap_or(&0) + self.detected_again.get(stack).map_or(0, Vec::len)
    }

    fn of(&self, id: &str) -> Result<(StackDescription, Option<Trouble>), (Kind, &'static str)> {
        let gone = (Kind::Gone, "ValidationError: Stack does not exist");
        let stack = self.stacks.iter().find(|it| it.id == id || it.name == id).ok_or(gone)?;
        let trouble = self.trouble.get(&stack.name).copied();
        let deleted = match trouble {
            Some(Trouble::DeletedInTheMiddle) => true,
            Some(Trouble::DeletedInItsDetection) => self.running.contains_key(&stack.id),
            _ => false,
        };
        if deleted {
            return Err(gone);
        }
        Ok((stack.clone(), trouble))
    }
}

impl DriftApi for MemoryFleet {
    async fn stacks(&self, page: Option<&str>) -> Result<(Vec<StackDescription>, Option<String>), CallError> {
        let from: usize = page.and_then(|page| page.parse().ok()).unwrap_or_default();
        self.call("DescribeStacks", |state| {
            let next = (state.stacks.len() > from + 100).then(|| (from + 100).to_string());
            Ok((state.stacks.iter().skip(from).take(100).cloned().collect(), next))
        })
        .await
    }

    async fn stack(&self, stack: &str) -> Result<Option<StackDescription>, CallError> {
        self.call("DescribeStacks", |state| Ok(state.of(stack).ok().map(|(stack, _)| stack))).await
    }

    async fn detect(&self, stack_id: &str) -> Result<String, CallError> {
        self.call("DetectStackDrift", |state| {
            let (stack, trouble) = state.of(stack_id)?;
            let now = Instant::now();
            let begun = *state.begun.get_or_insert(now);
            match trouble {
                Some(Trouble::Denied) => return Err((Kind::Denied, "AccessDenied")),
                Some(Trouble::RunsAlready(seconds)) if now - begun < Duration::from_secs(seconds) => {
                    return Err((Kind::Conflict, "Drift detection is already in progress for stack"));
                }
                _ => {}
            }
            *state.detected.entry(stack.name).or_default() += 1;
            state.running.insert(stack_id.to_owned(), now);
            Ok(stack_id.to_owned())
        })
        .await
    }

    async fn detect_some(&self, stack_id: &str, resources: &[String]) -> Result<String, CallError> {
        self.call("DetectStackDrift", |state| {
            let (stack, _) = state.of(stack_id)?;
            state.detected_again.entry(stack.name).or_default().push(resources.to_vec());
            state.running.insert(stack_id.to_owned(), Instant::now());
            Ok(stack_id.to_owned())
        })
        .await
    }

    async fn detection(&self, id: &str) -> Result<DetectionState, CallError> {
        let takes = self.detection;
        self.call("DescribeStackDriftDetectionStatus", |state| {
            let (stack, trouble) = state.of(id)?;
            let takes = match trouble {
                Some(Trouble::Slow(seconds)) => Duration::from_secs(seconds),
                _ => takes,
            };
            let begun = state.running.get(id).copied().ok_or((Kind::Refused, "no such detection"))?;
            if trouble == Some(Trouble::NeverEnds) || Instant::now() - begun < takes {
                return Ok(DetectionState::Running);
            }
            Ok(match trouble {
                Some(Trouble::Fails) => {
                    DetectionState::Failed("Failed to detect drift on resources [Logs]".to_owned())
                }
                Some(Trouble::FailsAtLength) => DetectionState::Failed("é".repeat(20_000)),
                Some(Trouble::FailsThrottled(times)) if state.rounds(&stack.name) <= times => {
                    DetectionState::Failed("Failed to detect drift: Rate exceeded".to_owned())
                }
                _ => DetectionState::Complete,
            })
        })
        .await
    }

    async fn drifts(&self, stack_id: &str) -> Result<Vec<Json>, CallError> {
        self.call("DescribeStackResourceDrifts", |state| {
            let (stack, trouble) = state.of(stack_id)?;
            let verdict = |status: &str| json!({"LogicalResourceId": "Logs", "StackResourceDriftStatus": status});
            let of_old = json!({
                "LogicalResourceId": "Logs",
                "StackResourceDriftStatus": "IN_SYNC",
                "Timestamp": "2020-02-29T12:00:00Z",
            });
            let rounds = state.rounds(&stack.name);
            Ok(match trouble {
                Some(Trouble::Fails | Trouble::FailsAtLength) => vec![of_old],
                Some(Trouble::FailsThrottled(times)) if rounds <= times => vec![of_old],
                Some(Trouble::ThrottledInside(times)) if rounds <= times => {
                    vec![json!({
                        "LogicalResourceId": "Logs",
                        "StackResourceDriftStatus": "UNKNOWN",
                        "DriftStatusReason": "Rate exceeded (Service: CloudWatchLogs, Status Code: 400)",
                    })]
                }
                Some(Trouble::Drifted) => vec![json!({
                    "LogicalResourceId": "Logs",
                    "StackResourceDriftStatus": "MODIFIED",
                    "PropertyDifferences": [{"PropertyPath": "/RetentionInDays", "ExpectedValue": "365", "ActualValue": "1"}],
                })],
                _ => vec![verdict("IN_SYNC")],
            })
        })
        .await
    }

    async fn template(&self, stack_id: &str) -> Result<String, CallError> {
        self.call("GetTemplate", |state| state.of(stack_id).map(|_| TEMPLATE.to_owned())).await
    }

    async fn resources(&self, stack_id: &str) -> Result<Vec<ResourceSummary>, CallError> {
        self.call("ListStackResources", |state| {
            let (stack, _) = state.of(stack_id)?;
            Ok(vec![ResourceSummary {
                logical_id: "Logs".to_owned(),
                physical_id: Some(stack.name),
                kind: "AWS::Logs::LogGroup".to_owned(),
                status: "CREATE_COMPLETE".to_owned(),
            }])
        })
        .await
    }

    async fn probe(&self, _: &Probe) -> Result<Option<Json>, CallError> {
        self.call("probe", |_| Ok(None)).await
    }
}

impl Notifier for MemoryFleet {
    async fn publish(&self, _: &str, subject: &str, message: &str) -> Result<(), CallError> {
        self.call("sns", |state| {
            if subject.len() + message.len() > LARGEST {
                return Err((Kind::Refused, "InvalidParameter: Message too long"));
            }
            if let Some(kind) = state.published_fails.get("sns") {
                return Err((*kind, "told to"));
            }
            state.told.push(format!("sns {subject}"));
            Ok(())
        })
        .await
    }

    async fn event(&self, detail_type: &str, detail: &str) -> Result<(), CallError> {
        self.call("event", |state| {
            if detail_type.len() + detail.len() > LARGEST {
                return Err((
                    Kind::Refused,
                    "ValidationException: Total size of the entries in the request is over the limit",
                ));
            }
            if let Some(kind) = state.published_fails.get("event") {
                return Err((*kind, "told to"));
            }
            state.told.push(format!("event {detail_type}"));
            Ok(())
        })
        .await
    }
}
