//! Executions in memory that follow a script, for tests.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use mlp_aws::calls::{CallError, Kind};
use mlp_aws::step_functions::executions::{Event, Execution, Executions, HistoryPage, Status, What};
use serde_json::{Value as Json, json};

/// Executions that follow a script: each look at one goes on to its next scene; the last one stays.
#[derive(Debug, Default)]
pub struct MemoryExecutions {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    scenes: Vec<Scene>,
    at: Option<usize>,
    /// Name to input.
    started: BTreeMap<String, String>,
    tokens: BTreeMap<String, Option<CallError>>,
    answers: Vec<Answer>,
    refuses: BTreeMap<&'static str, Kind>,
    calls: Vec<&'static str>,
}

/// How an execution is from one look to the next.
#[derive(Debug, Clone)]
pub enum Scene {
    /// It runs, and these things have happened in it since it began.
    Running(Vec<What>),
    /// It ended.
    Ended {
        /// How.
        status: Status,
        /// With which output.
        output: Option<String>,
        /// With which error and cause.
        error: Option<(String, String)>,
    },
    /// The look at it fails.
    Failing(Kind),
}

/// What was answered to a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Token and output.
    Success(String, String),
    /// Token, error and cause.
    Failure(String, String, String),
}

/// What happens when a task state runs once and answers a work document.
pub fn task(state: &str, work: &Json) -> Vec<What> {
    let output = Some(json!({"Payload": work, "StatusCode": 200}).to_string());
    vec![
        What::TaskEntered { state: state.to_owned() },
        What::Other,
        What::TaskDone { output },
        What::TaskExited { output: Some(json!({"work": work}).to_string()) },
    ]
}

impl Scene {
    /// It succeeded with a result.
    pub fn succeeded(result: &Json) -> Self {
        Self::Ended { status: Status::Succeeded, output: Some(result.to_string()), error: None }
    }

    /// It failed with an error whose cause is a result.
    pub fn failed(error: &str, result: &Json) -> Self {
        let error = Some((error.to_owned(), result.to_string()));
        Self::Ended { status: Status::Failed, output: None, error }
    }
}

impl MemoryExecutions {
    /// Executions with this script.
    pub fn playing(scenes: Vec<Scene>) -> Self {
        Self { state: Mutex::new(State { scenes, ..State::default() }) }
    }

    /// With a task that waits.
    #[must_use]
    pub fn waiting(self, token: &str) -> Self {
        self.lock().tokens.insert(token.to_owned(), None);
        self
    }

    /// With a task whose time is over.
    #[must_use]
    pub fn late(self, token: &str) -> Self {
        let reason = "TaskTimedOut: Provided task does not exist anymore (HTTP 400)".to_owned();
        let late = CallError { kind: Kind::Gone, operation: "states:SendTaskSuccess", reason };
        self.lock().tokens.insert(token.to_owned(), Some(late));
        self
    }

    /// An operation, such as `states:GetExecutionHistory`, always fails.
    #[must_use]
    pub fn refusing(self, operation: &'static str, kind: Kind) -> Self {
        self.lock().refuses.insert(operation, kind);
        self
    }

    /// The names of what was started.
    pub fn started(&self) -> Vec<String> {
        self.lock().started.keys().cloned().collect()
    }

    /// What they were asked to do, in the order of their names.
    pub fn inputs(&self) -> Vec<String> {
        self.lock().started.values().cloned().collect()
    }

    /// What was answered to tasks so far.
    pub fn answers(&self) -> Vec<Answer> {
        self.lock().answers.clone()
    }

    /// The operations so far.
    pub fn calls(&self) -> Vec<&'static str> {
        self.lock().calls.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call(&self, operation: &'static str) -> Result<MutexGuard<'_, State>, CallError> {
        let mut state = self.lock();
        state.calls.push(operation);
        match state.refuses.get(operation) {
            Some(kind) => Err(refusal(operation, *kind)),
            None => Ok(state),
        }
    }
}

fn refusal(operation: &'static str, kind: Kind) -> CallError {
    let code = match kind {
        Kind::Gone => "ExecutionDoesNotExist",
        Kind::Exists => "ExecutionAlreadyExists",
        Kind::Denied => "AccessDeniedException",
        Kind::Throttled => "ThrottlingException",
        Kind::Conflict => "StateMachineDeleting",
        Kind::Unavailable => "ServiceUnavailable",
        Kind::Elsewhere | Kind::Refused => "ValidationException",
    };
    CallError { kind, operation, reason: format!("{code}: as the script says (HTTP 400)") }
}

impl State {
    fn answer(&mut self, token: &str, operation: &'static str, answer: Answer) -> Result<(), CallError> {
        match self.tokens.get_mut(token) {
            Some(slot @ None) => {
                let reason = "TaskDoesNotExist: it was answered (HTTP 400)".to_owned();
                *slot = Some(CallError { kind: Kind::Gone, operation, reason });
                self.answers.push(answer);
                Ok(())
            }
            Some(Some(error)) => Err(CallError { operation, ..error.clone() }),
            None => {
                let reason = "InvalidToken: Invalid Token: 'Invalid token' (HTTP 400)".to_owned();
                Err(CallError { kind: Kind::Refused, operation, reason })
            }
        }
    }

    fn ended(&self) -> bool {
        matches!(self.at.and_then(|at| self.scenes.get(at)), Some(Scene::Ended { .. }))
    }
}

impl Executions for MemoryExecutions {
    async fn start(&self, state_machine: &str, name: &str, input: &str) -> Result<String, CallError> {
        let mut state = self.call("states:StartExecution")?;
        let ended = state.ended();
        let first = state.started.entry(name.to_owned()).or_insert_with(|| input.to_owned());
        if first != input || ended {
            return Err(refusal("states:StartExecution", Kind::Exists));
        }
        Ok(format!("{}:{name}", state_machine.replace(":stateMachine:", ":execution:")))
    }

    async fn describe(&self, execution: &str) -> Result<Execution, CallError> {
        let mut state = self.call("states:DescribeExecution")?;
        let last = state.scenes.len().saturating_sub(1);
        let at = state.at.map_or(0, |at| at + 1).min(last);
        state.at = Some(at);
        let mut described = Execution {
            arn: execution.to_owned(),
            status: Status::Running,
            started: SystemTime::UNIX_EPOCH,
            stopped: None,
            input: execution.rsplit(':').next().and_then(|name| state.started.get(name).cloned()),
            output: None,
            error: None,
            cause: None,
        };
        match state.scenes.get(at) {
            None => return Err(refusal("states:DescribeExecution", Kind::Gone)),
            Some(Scene::Failing(kind)) => return Err(refusal("states:DescribeExecution", *kind)),
            Some(Scene::Running(_)) => {}
            Some(Scene::Ended { status, output, error }) => {
                described.status = *status;
                described.stopped = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(83));
                described.output.clone_from(output);
                (described.error, described.cause) = error.clone().unzip();
            }
        }
        Ok(described)
    }

    async fn history(
        &self,
        _execution: &str,
        count: i32,
        page: Option<&str>,
    ) -> Result<HistoryPage, CallError> {
        let state = self.call("states:GetExecutionHistory")?;
        let so_far = state.at.map_or(0, |at| at + 1);
        let happened = state.scenes.iter().take(so_far).flat_map(|scene| match scene {
            Scene::Running(happened) => happened.as_slice(),
            _ => &[],
        });
        let events = (1..).zip(happened).map(|(id, what)| Event { id, what: what.clone() });
        let mut events: Vec<Event> = events.collect();
        events.reverse();
        let from: usize = page.and_then(|page| page.parse().ok()).unwrap_or(0);
        let count = usize::try_from(count).unwrap_or(1).max(1);
        let next = (events.len() > from + count).then(|| (from + count).to_string());
        Ok(HistoryPage { events: events.into_iter().skip(from).take(count).collect(), next })
    }

    async fn succeed(&self, token: &str, output: &str) -> Result<(), CallError> {
        let answer = Answer::Success(token.to_owned(), output.to_owned());
        self.call("states:SendTaskSuccess")?.answer(token, "states:SendTaskSuccess", answer)
    }

    async fn fail(&self, token: &str, error: &str, cause: &str) -> Result<(), CallError> {
        let answer = Answer::Failure(token.to_owned(), error.to_owned(), cause.to_owned());
        self.call("states:SendTaskFailure")?.answer(token, "states:SendTaskFailure", answer)
    }
}
