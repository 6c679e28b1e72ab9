//! `Conclude`: the result object, whatever happened.

use std::fmt::Write as _;

use mlp_aws::cloudformation::stacks::Stacks;
use mlp_aws::s3::store::BucketStore;
use serde_json::Value as Json;

use super::status;
use crate::custom_resource::Respond;
use crate::custom_resource::requests as custom;
use crate::drift::Verdict;
use crate::drift::fleet::Totals;
use crate::execution::aws::Aws;
use crate::execution::calls::{damaged, excess, leave_out};
use crate::execution::failure::{Failure, Name};
use crate::execution::findings::{self, About, Carried};
use crate::execution::identity::Execution;
use crate::execution::input::Action;
use crate::execution::keys;
use crate::execution::outcome::{Error, ExecutionOutcome, Report, SCHEMA_VERSION};
use crate::execution::read::invalid;
use crate::execution::settings::Settings;
use crate::execution::storing::{New, newest};
use crate::execution::work::Work;

/// Makes the result object and keeps it. `work` is the last task's answer, or only the execution's input, as `input`, when the
/// first task failed; `failed` in it is what a state caught, and `cleanup_failed` what tidying up after that met.
pub(crate) async fn conclude<S: BucketStore + Sync, C: Stacks + Sync, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    execution: &str,
    work: &Json,
) -> Result<Report, Failure> {
    // `original` is the first failure, when what it had begun was removed afterwards; a `failed` that differs then is the
    // removal's own.
    let failure = caught(work, "original").or_else(|| caught(work, "failed"));
    let tidying = caught(work, "cleanup_failed").or_else(|| {
        work.get("original")
            .filter(|first| Some(*first) != work.get("failed"))
            .and_then(|_| caught(work, "failed"))
    });
    let known: Option<Work> = serde_json::from_value(work.clone()).ok();
    let mut report = match &known {
        Some(work) => of_work(aws.settings, execution, work),
        None => nothing(execution, work.pointer("/input/action").and_then(Json::as_str)),
    };
    let warning = known.as_ref().and_then(|work| work.approval.as_ref()?.warning());
    let failure = failure.map(|failure| match warning {
        Some(warning) if failure.name == Name::ApprovalTimedOut => {
            Failure { message: format!("{}: {warning}", failure.message), ..failure }
        }
        _ => failure,
    });
    if let Some(failure) = &failure {
        report.ok = false;
        report.outcome = match failure.name {
            Name::Rejected | Name::ApprovalTimedOut | Name::ApprovalInvalid => ExecutionOutcome::Cancelled,
            _ => ExecutionOutcome::Failed,
        };
        report.error = Some(Error::from(failure));
        if let (Some(tidying), Some(error)) = (tidying, &mut report.error) {
            error.message =
                format!("{}; and what it had begun could not be removed: {tidying}", error.message);
        }
        // How the stack stands now is what people ask first. That it can't be told must not hide why it failed.
        if let Some(work) = known.as_ref().filter(|work| !work.action.is_local() && work.drift.is_none())
            && let Ok(stack) = aws.stacks.stack(work.named_stack()).await
        {
            report.stack_id = stack.as_ref().map(|stack| stack.id.clone()).or(report.stack_id);
            report.stack_status = Some(stack.map_or_else(|| "absent".to_owned(), |stack| stack.status));
        }
    }
    let about = About {
        execution,
        action: report.action.as_deref(),
        source: known.as_ref().map(|work| &work.source),
    };
    let of_work = known.as_ref().map(|work| Carried {
        findings: &work.findings,
        left_out: work.findings_left_out,
        at: work.findings_at.as_deref(),
    });
    let of_failure = failure.as_ref().map(|failure| Carried {
        findings: &failure.findings,
        left_out: failure.findings_left_out,
        at: failure.findings_at.as_deref(),
    });
    let lists: Vec<Carried<'_>> = of_work.into_iter().chain(of_failure).collect();
    (report.findings, report.findings_left_out, report.findings_at) =
        findings::settle(aws, about, &lists).await?;
    let name = Execution::new(execution).name();
    let key = keys::result(name);
    let mut bytes = serde_json::to_vec_pretty(&report).map_err(|error| damaged(&error))?;
    bytes.push(b'\n');
    newest(aws.store, &aws.settings.bucket, New { key: &key, bytes, media_type: "application/json" }).await?;
    if let Some(work) =
        known.as_ref().filter(|work| matches!(work.action, Action::DeployProduct | Action::DeleteProduct))
        && let Err(error) = status::ended(aws, work, &report, aws.settings.s3(&key)).await
    {
        // The result is there; that the status can't be told must not hide it.
        let (error, reason) = (error.name.as_str(), error.loggable());
        tracing::warn!(error, reason, "the status object of the config could not be updated");
    }
    if let Some(respond) = respond(work) {
        let answer = custom::answer(&respond, &report);
        let key = keys::request(&respond.owner(), name);
        custom::send(aws.store, &aws.settings.bucket, aws.answers, &key, &answer).await?;
    }
    Ok(shortened(report, &aws.settings.s3(&key)))
}

/// The custom resource that waits for this execution.
fn respond(work: &Json) -> Option<Respond> {
    serde_json::from_value(work.pointer("/input/respond")?.clone()).ok()
}

/// What Step Functions keeps of a failed execution's cause, in characters, with room to spare. Source: AWS Step Functions API
/// Reference, `DescribeExecution` (`cause`).
const CAUSE: usize = 30_000;

/// The result as the execution carries it: without the findings that matter least, if it would be cut off in the middle
/// otherwise. `at` is the result object in the bucket.
fn shortened(mut report: Report, at: &str) -> Report {
    let mut excess = excess(&report, CAUSE);
    if excess > 0 {
        // Room for the numbers and places.
        excess += ROOM_FOR_PLACES;
    }
    let result_at = report.result_at.clone();
    if let Some(result) = &mut report.result {
        let (left_out, rest) = leave_out(&mut result.findings, excess);
        if left_out > 0 {
            result.findings_left_out += left_out;
            result.findings_at.get_or_insert_with(|| result_at.unwrap_or_else(|| at.to_owned()));
        }
        excess = rest;
    }
    let (left_out, _) = leave_out(&mut report.findings, excess);
    if left_out > 0 {
        report.findings_left_out += left_out;
        report.findings_at.get_or_insert_with(|| at.to_owned());
    }
    let of_result = report.result.as_ref().map(|it| (it.findings_left_out, it.findings_at.as_deref()));
    let missing = [Some((report.findings_left_out, report.findings_at.as_deref())), of_result];
    if let Some(error) = &mut report.error {
        for (count, at) in missing.into_iter().flatten() {
            if let (1.., Some(at)) = (count, at) {
                let _ = write!(error.message, " ({count} more findings are in {at})");
            }
        }
    }
    report
}

/// Room for how many findings are left out and where they are, in characters: twice a key of S3 and its bucket.
const ROOM_FOR_PLACES: usize = 2_500;

/// What a state caught and put under `key`.
fn caught(work: &Json, key: &str) -> Option<Failure> {
    let output = work.get(key)?;
    let text = |key: &str| output.get(key).and_then(Json::as_str).unwrap_or_default();
    let (error, cause) = (text("Error"), text("Cause"));
    if text("state") == "RequestApproval" && is_of_person(error) {
        return Some(rejected(cause));
    }
    Some(match error {
        "MLProvisioner.ApprovalTimedOut" => {
            Failure::new(Name::ApprovalTimedOut, "nobody approved the changes in time")
        }
        // Written by who rejected them, not by a task.
        "MLProvisioner.Rejected" => rejected(cause),
        _ => Failure::from_error_output(error, cause),
    })
}

fn rejected(cause: &str) -> Failure {
    let reason = if cause.is_empty() { "without a reason" } else { cause };
    Failure::new(Name::Rejected, format!("the changes were rejected: {reason}"))
}

/// Whether the error with which an approval failed is one that a person sent: whoever rejects through the API may give any
/// name, or none. Step Functions' own begin with `States.`, and Lambda's by its name or by that of its runtime's part. What
/// `SendTaskFailure` without a name becomes is `States.TaskFailed`, or nothing.
fn is_of_person(error: &str) -> bool {
    const OTHERS: [&str; 5] = ["States.", "Lambda.", "Runtime.", "Sandbox.", "MLProvisioner."];
    error == "States.TaskFailed" || !OTHERS.iter().any(|start| error.starts_with(start))
}

fn of_work(aws: &Settings, execution: &str, work: &Work) -> Report {
    let outcome = match work.action {
        Action::DeleteProduct if work.stack.id.is_none() => ExecutionOutcome::Absent,
        Action::DeleteProduct => ExecutionOutcome::Deleted,
        Action::ShowChanges => ExecutionOutcome::Previewed,
        Action::TestDeploy => ExecutionOutcome::Tested,
        Action::DeployProduct if work.unchanged => ExecutionOutcome::Unchanged,
        Action::DeployProduct if work.stack.created => ExecutionOutcome::Created,
        Action::DeployProduct => ExecutionOutcome::Updated,
        Action::ListProducts | Action::ShowProduct => ExecutionOutcome::Listed,
        Action::ValidateConfig | Action::ValidateProvTemplate => ExecutionOutcome::Valid,
        Action::CreatePolicy | Action::CreateProvTemplate | Action::CreateReviewReport => {
            ExecutionOutcome::Generated
        }
        Action::CheckDrift => match work.drift.as_ref().and_then(|drift| drift.found.as_ref()) {
            Some(found) if found.verdict == Verdict::Drifted => ExecutionOutcome::Drifted,
            _ => ExecutionOutcome::InSync,
        },
    };
    let known = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let product = &work.product;
    let made = work.made.as_ref();
    let mut report = Report {
        ok: true,
        outcome,
        ml_name: known(&product.ml_name),
        stack_name: known(&product.stack_name),
        stack_id: work.stack.id.clone(),
        stack_status: work.stack.status.clone(),
        account_id: known(&product.account_id),
        region: known(&product.region),
        requested_by: work.requested_by(),
        approved_by: work.approved.as_ref().and_then(|approved| approved.by.clone()),
        tier: known(&product.tier),
        scenario: known(&product.scenario),
        outputs: work.outputs.clone(),
        changes: work.changes.clone(),
        retained: work.kept.clone(),
        result: made.map(|made| made.outcome.clone()),
        result_at: made.map(|made| aws.s3(&made.key)),
        drift: work.drift.as_ref().and_then(|drift| drift.found.clone()),
        ..nothing(execution, Some(work.action.as_str()))
    };
    let refused = match (made, &report.drift) {
        (Some(made), _) if !made.outcome.ok => {
            let what = if work.input.is_template { "the template" } else { "the config" };
            Some(Failure { findings: Vec::new(), ..invalid(what, made.outcome.findings.clone()) })
        }
        (_, Some(found)) if found.verdict == Verdict::CouldNotCheck => {
            let Totals { could_not_check, deleted, stacks, .. } = found.totals;
            let message = match could_not_check {
                0 => format!("{deleted} of {stacks} stacks were deleted while they were looked at"),
                _ => format!("{could_not_check} of {stacks} stacks could not be checked"),
            };
            Some(Failure::new(Name::CouldNotCheck, message))
        }
        _ => None,
    };
    if let Some(failure) = refused {
        report.ok = false;
        report.outcome = ExecutionOutcome::Failed;
        report.error = Some(Error::from(&failure));
    }
    report
}

/// The report of an execution whose input could not be read.
fn nothing(execution: &str, action: Option<&str>) -> Report {
    Report {
        schema_version: SCHEMA_VERSION,
        action: action.map(str::to_owned),
        ok: false,
        outcome: ExecutionOutcome::Failed,
        execution: execution.to_owned(),
        ml_name: None,
        stack_name: None,
        stack_id: None,
        stack_status: None,
        account_id: None,
        region: None,
        requested_by: None,
        approved_by: None,
        tier: None,
        scenario: None,
        outputs: std::collections::BTreeMap::new(),
        changes: None,
        retained: Vec::new(),
        result: None,
        result_at: None,
        drift: None,
        error: None,
        findings: Vec::new(),
        findings_left_out: 0,
        findings_at: None,
        generator_version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mlp_template::codes;
    use mlp_template::finding::Finding;

    #[test]
    fn a_result_that_step_functions_would_cut_off_is_shortened_and_says_so() {
        let mut report = nothing("arn:aws:states:us-west-2:123456789012:execution:M:x", None);
        report.error = Some(Error::from(&Failure::new(Name::InvalidInput, "many mistakes")));
        let at = "s3://suite/deployments/results/x.json";
        assert_eq!(shortened(report.clone(), at), report);
        report.findings = vec![Finding::error(codes::DEP_INPUT, "/action", "x".repeat(300)); 150];
        let short = shortened(report.clone(), at);
        assert!(serde_json::to_string(&short).unwrap().len() < 32_768);
        assert_eq!(short.findings.len() + short.findings_left_out, 150);
        assert_eq!(short.findings_at.as_deref(), Some(at));
        let message = short.error.unwrap().message;
        assert!(
            message.ends_with(&format!("({} more findings are in {at})", short.findings_left_out)),
            "{message}"
        );
        // An object that has more than the result object is the one to name.
        report.findings_left_out = 2_000;
        report.findings_at = Some("s3://suite/deployments/files/x/findings.json".to_owned());
        let short = shortened(report, at);
        assert_eq!(short.findings.len() + short.findings_left_out, 2_150);
        assert_eq!(short.findings_at.as_deref(), Some("s3://suite/deployments/files/x/findings.json"));
    }
}
