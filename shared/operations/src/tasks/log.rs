//! Lines of the log: what was asked for, how it ended, and never what a config, a finding or Parameter Store says.
//!
//! What a person has to fix is in the execution's result. A user's mistake is a line of level INFO; level ERROR is for the
//! operator of the suite.

use serde_json::Value as Json;

use crate::custom_resource::requests::Taken;
use crate::execution::failure::{Failure, Origin};

/// How many codes of findings a line names.
const MAX_CODES: usize = 10;

/// A line at the level of an origin.
macro_rules! line_of {
    ($origin:expr, $($line:tt)*) => {
        match $origin {
            Origin::User => tracing::info!($($line)*),
            Origin::Surroundings => tracing::warn!($($line)*),
            Origin::Defect => tracing::error!($($line)*),
        }
    };
}

/// A task of the state machine, by the names in its event.
pub fn task<T>(event: &Json, result: &Result<T, Failure>) {
    let (step, execution) = (text(event, "step"), text(event, "execution"));
    match result {
        Ok(_) => tracing::info!(step, execution, "a task was carried out"),
        Err(failure) => {
            let (error, reason, codes) = (failure.name.as_str(), failure.loggable(), codes(failure));
            let findings = failure.findings.len();
            line_of!(
                failure.name.origin(),
                step,
                execution,
                error,
                reason,
                findings,
                codes,
                "a task ended with an error"
            );
        }
    }
}

/// What the names in an event of a custom resource, or of an execution's end, say of it. Its address is a secret.
#[derive(Debug, Clone)]
pub struct EventNames {
    request: Option<String>,
    id: Option<String>,
    stack: Option<String>,
    kind: Option<String>,
}

impl EventNames {
    /// Of an event.
    pub fn of(event: &Json) -> Self {
        let named = |key: &str| text(event, key).map(str::to_owned);
        Self {
            request: named("RequestType"),
            id: named("LogicalResourceId"),
            stack: named("StackId"),
            kind: named("detail-type"),
        }
    }
}

/// An event of a custom resource, or of an execution's end.
pub fn event(names: &EventNames, result: &Result<Taken, Failure>) {
    let EventNames { request, id, stack, kind } = names;
    let (request, id) = (request.as_deref(), id.as_deref());
    let (stack, kind) = (stack.as_deref(), kind.as_deref());
    match result {
        // Nearly every execution that ends is no custom resource's.
        Ok(Taken::Late) if kind.is_some() => {
            tracing::debug!(kind, "an execution ended that nobody waits for");
        }
        Ok(taken) => tracing::info!(request, id, stack, kind, taken = taken.as_str(), "an event was taken"),
        Err(failure) if failure.name.origin() == Origin::User => {
            tracing::info!(request, id, stack, kind, error = failure.name.as_str(), "an event was refused");
        }
        // Somebody waits for an answer, and Lambda may not try again.
        Err(failure) => {
            let (error, reason) = (failure.name.as_str(), failure.message.as_str());
            tracing::error!(request, id, stack, kind, error, reason, "an event failed");
        }
    }
}

fn text<'a>(event: &'a Json, key: &str) -> Option<&'a str> {
    event.get(key).and_then(Json::as_str)
}

/// The codes of a failure's findings, each once.
fn codes(failure: &Failure) -> Option<String> {
    let mut codes: Vec<&str> = failure.findings.iter().map(|finding| finding.code.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    codes.truncate(MAX_CODES);
    (!codes.is_empty()).then(|| codes.join(" "))
}
