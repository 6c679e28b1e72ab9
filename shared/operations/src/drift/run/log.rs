//! Log lines: the outcome of a call in figures.

use crate::drift::run::{Failure, RunOutcome};

/// A call that was carried out, with how many calls of AWS's APIs it made.
pub fn carried_out(answer: &RunOutcome, calls: usize, throttled: usize) {
    let message = "carried out";
    match answer {
        RunOutcome::Done { run, totals, notified } => tracing::info!(
            outcome = "done",
            run,
            stacks = totals.stacks,
            drifted = totals.drifted,
            could_not_check = totals.could_not_check,
            notified,
            calls,
            throttled,
            "{message}"
        ),
        RunOutcome::HandedOver { run, execution, checked } => {
            tracing::info!(outcome = "handed-over", run, execution, checked, calls, throttled, "{message}");
        }
        RunOutcome::Checked { stack } => {
            tracing::info!(outcome = "checked", stack, calls, throttled, "{message}");
        }
        RunOutcome::InProgress { run } => {
            tracing::info!(outcome = "in-progress", run, calls, throttled, "{message}");
        }
    }
}

/// A call that failed. A mistake of the caller isn't a failure of the suite.
pub fn failed(failure: &Failure) {
    match failure {
        Failure::Input(reason) => tracing::info!(reason, "the event was refused"),
        Failure::Call(_) | Failure::Store(_) | Failure::Time => {
            let reason = failure.to_string();
            tracing::warn!(reason, "a call failed; Lambda or the state machine calls again");
        }
        Failure::Internal(reason) => tracing::error!(reason, "a call failed"),
    }
}
