//! `Conclude`: the result object, whatever happened.

use mlp_aws::stacks::Stacks;
use mlp_aws::store::BucketStore;
use mlp_core::custom::Respond;
use mlp_core::deploy::failure::{Failure, Name};
use mlp_core::deploy::identity::Execution;
use mlp_core::deploy::input::Action;
use mlp_core::deploy::keys;
use mlp_core::deploy::outcome::{Ending, Error, Report, SCHEMA_VERSION};
use mlp_core::drift::Verdict;
use mlp_core::drift::fleet::Totals;
use serde_json::Value as Json;

use super::read::invalid;
use super::storing::{New, newest};
use super::{excess, leave_out, status};
use crate::work::Work;
use crate::{Aws, Settings, custom};

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
    if let Some(failure) = failure {
        report.ok = false;
        report.outcome = match failure.name {
            Name::Rejected | Name::ApprovalTimedOut | Name::ApprovalInvalid => Ending::Cancelled,
            _ => Ending::Failed,
        };
        report.findings.extend(failure.findings.iter().cloned());
        report.error = Some(Error::from(&failure));
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
    let name = Execution::new(execution).name();
    let key = keys::result(name);
    let mut bytes = serde_json::to_vec_pretty(&report).unwrap_or_default();
    bytes.push(b'\n');
    newest(aws.store, &aws.settings.bucket, New { key: &key, bytes, media_type: "application/json" }).await?;
    if let Some(work) =
        known.as_ref().filter(|work| matches!(work.action, Action::DeployProduct | Action::DeleteProduct))
        && let Err(error) = status::ended(aws, work, &report, aws.settings.s3(&key)).await
    {
        // The result is there; that the status can't be told must not hide it.
        tracing::warn!(%error, "the config's status object could not be told of the end");
    }
    if let Some(respond) = respond(work) {
        let answer = custom::answer(&respond, &report);
        let key = keys::request(&respond.owner(), name);
        custom::send(aws.store, &aws.settings.bucket, aws.answers, &key, &answer).await?;
    }
    Ok(shortened(report))
}

/// The custom resource that waits for this execution.
fn respond(work: &Json) -> Option<Respond> {
    serde_json::from_value(work.pointer("/input/respond")?.clone()).ok()
}

/// What Step Functions keeps of a failed execution's cause, in characters, with room to spare. Source: AWS Step Functions API
/// Reference, `DescribeExecution` (`cause`).
const CAUSE: usize = 30_000;

/// The result as the execution carries it: without the last findings, if it would be cut off in the middle otherwise. The
/// object in the bucket has them all.
fn shortened(mut report: Report) -> Report {
    let mut excess = excess(&report, CAUSE);
    let result = report.result.as_mut().map(|result| &mut result.findings);
    for findings in result.into_iter().chain([&mut report.findings]) {
        let (left_out, rest) = leave_out(findings, excess);
        report.findings_left_out += left_out;
        excess = rest;
    }
    let missing = report.findings_left_out;
    if missing > 0
        && let Some(error) = &mut report.error
    {
        error.message =
            format!("{} ({missing} more findings are in the bucket's deployments/results/)", error.message);
    }
    report
}

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
        Action::DeleteProduct if work.stack.id.is_none() => Ending::Absent,
        Action::DeleteProduct => Ending::Deleted,
        Action::ShowChanges => Ending::Shown,
        Action::TestDeploy => Ending::Tested,
        Action::DeployProduct if work.unchanged => Ending::Unchanged,
        Action::DeployProduct if work.stack.created => Ending::Created,
        Action::DeployProduct => Ending::Updated,
        Action::ListProducts | Action::ShowProduct => Ending::Told,
        Action::ValidateConfig | Action::ValidateProvTemplate => Ending::Valid,
        Action::CreatePolicy | Action::CreateProvTemplate | Action::CreateReviewReport => Ending::Made,
        Action::CheckDrift => match work.drift.as_ref().and_then(|drift| drift.found.as_ref()) {
            Some(found) if found.verdict == Verdict::Drifted => Ending::Drifted,
            _ => Ending::InSync,
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
        kept: work.kept.clone(),
        result: made.map(|made| made.outcome.clone()),
        result_at: made.map(|made| aws.s3(&made.key)),
        drift: work.drift.as_ref().and_then(|drift| drift.found.clone()),
        findings: work.findings.clone(),
        findings_left_out: made.map_or(0, |made| made.left_out),
        ..nothing(execution, Some(work.action.as_str()))
    };
    let refused = match (made, &report.drift) {
        (Some(made), _) if !made.outcome.ok => {
            let what = if work.input.is_template { "the template" } else { "the config" };
            Some(Failure { findings: Vec::new(), ..invalid(what, made.outcome.findings.clone()) })
        }
        (_, Some(found)) if found.verdict == Verdict::CouldNotCheck => {
            let Totals { could_not_check, gone, stacks, .. } = found.totals;
            let message = match could_not_check {
                0 => format!("{gone} of {stacks} stacks were deleted while they were looked at"),
                _ => format!("{could_not_check} of {stacks} stacks could not be checked"),
            };
            Some(Failure::new(Name::CouldNotCheck, message))
        }
        _ => None,
    };
    if let Some(failure) = refused {
        report.ok = false;
        report.outcome = Ending::Failed;
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
        outcome: Ending::Failed,
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
        kept: Vec::new(),
        result: None,
        result_at: None,
        drift: None,
        error: None,
        findings: Vec::new(),
        findings_left_out: 0,
        generator_version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mlp_core::codes;
    use mlp_core::finding::Finding;

    #[test]
    fn a_result_that_step_functions_would_cut_off_is_shortened_and_says_so() {
        let mut report = nothing("arn:aws:states:us-west-2:123456789012:execution:M:x", None);
        report.error = Some(Error::from(&Failure::new(Name::InvalidInput, "many mistakes")));
        assert_eq!(shortened(report.clone()), report);
        report.findings = vec![Finding::error(codes::DEP_INPUT, "/action", "x".repeat(300)); 500];
        let short = shortened(report);
        assert!(serde_json::to_string(&short).unwrap().len() < 32_768);
        let message = short.error.unwrap().message;
        assert!(message.ends_with(&format!(
            "({} more findings are in the bucket's deployments/results/)",
            500 - short.findings.len()
        )));
    }
}
