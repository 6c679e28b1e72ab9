//! `RecordChanges`: what the change set would do, kept in the bucket and told to who must approve.

use mlp_aws::stacks::{ChangeSet, Stacks};
use mlp_aws::store::BucketStore;
use mlp_core::changes::{self, About, Changes, Next, Page};
use mlp_core::config::Tier;
use mlp_core::deploy::failure::{Failure, Name};
use mlp_core::deploy::identity::{Execution, console_link, object_link};
use mlp_core::deploy::input::Action;
use mlp_core::deploy::outcome::ChangeCounts;
use serde_json::json;

use super::failed;
use super::read::defect;
use super::storing::{New, newest};
use crate::Aws;
use crate::work::{Next as Then, Work};

/// Keeps the changes and says what comes next.
pub(crate) async fn record<S: BucketStore + Sync, C: Stacks + Sync, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    execution: &str,
    mut work: Work,
) -> Result<Work, Failure> {
    let execution_name = Execution::new(execution).name();
    let set_name = Execution::new(execution).change_set(work.round);
    let set =
        aws.stacks.change_set(&work.product.stack_name, &set_name).await.map_err(|error| failed(&error))?;
    let Some(set) = set else {
        let message = "the change set is gone: somebody deployed or deleted the stack meanwhile";
        return Err(Failure::new(Name::StackBusy, message));
    };
    let changes = read(execution, &work, &set, &set_name)?;
    let folder = format!("reports/changes/{}/{execution_name}", work.product.ml_name);
    let (data, page) = (format!("{folder}.json"), format!("{folder}.html"));
    let json = serde_json::to_vec_pretty(&changes).unwrap_or_default();
    let html = changes::html(&changes).map_err(|error| defect(&error))?.into_bytes();
    let (store, settings) = (aws.store, aws.settings);
    newest(store, &settings.bucket, New { key: &data, bytes: json, media_type: "application/json" }).await?;
    newest(store, &settings.bucket, New { key: &page, bytes: html, media_type: "text/html; charset=utf-8" })
        .await?;
    let counts = ChangeCounts {
        report: Some(settings.s3(&page)),
        data: Some(settings.s3(&data)),
        ..ChangeCounts::from(&changes)
    };
    if let Some(approval) = &mut work.approval {
        approval.subject = subject(&work.product.ml_name);
        let link = object_link(execution, &settings.bucket, &page);
        approval.message = message(execution, &changes, &counts, link.as_deref());
    }
    work.changes = Some(counts);
    work.next = match work.action {
        Action::ShowChanges => Then::Show,
        _ if work.approval.is_some() => Then::Approve,
        _ => Then::Execute,
    };
    Ok(work)
}

/// What the change set changes, in our words.
fn read(execution: &str, work: &Work, set: &ChangeSet, name: &str) -> Result<Changes, Failure> {
    let product = &work.product;
    let page = json!({
        "ChangeSetName": name,
        "ChangeSetId": set.id,
        "StackId": work.stack.id,
        "StackName": product.stack_name,
        "Status": set.status,
        "StatusReason": set.reason,
        "ExecutionStatus": set.execution_status,
        "DeploymentMode": work.input.revert_drift.then_some("REVERT_DRIFT"),
        "Changes": set.changes,
    });
    let page: Page = serde_json::from_value(page)
        .map_err(|error| Failure::new(Name::Internal, format!("the change set can't be read: {error}")))?;
    let about = About {
        ml_name: product.ml_name.clone(),
        stack_name: product.stack_name.clone(),
        tier: Tier::parse(&product.tier),
        scenario: Some(product.scenario.clone()),
        account_id: Some(product.account_id.clone()),
        region: Some(product.region.clone()),
        partition: execution.split(':').nth(1).map(str::to_owned),
    };
    let next = match (work.action, &work.approval) {
        (Action::ShowChanges, _) => Next::Deploy { config: work.input.config.clone() },
        (_, Some(_)) => Next::Decide { execution: execution.to_owned(), expires: None },
        _ => Next::Nothing,
    };
    Changes::new(&about, &[page], &next).map_err(|error| defect(&error))
}

/// What SNS takes as a subject: ASCII, up to 100 characters.
fn subject(ml_name: &str) -> String {
    let text = format!("Approve the deployment of {ml_name}");
    text.chars().filter(|c| matches!(c, ' '..='~')).take(100).collect()
}

/// SNS takes 256 KiB; an e-mail that anybody reads is shorter.
const MESSAGE: usize = 20_000;

fn message(execution: &str, changes: &Changes, counts: &ChangeCounts, link: Option<&str>) -> String {
    let page = counts.report.as_deref().unwrap_or_default();
    let link = link.map(|link| format!("In the console: {link}\n")).unwrap_or_default();
    let console = console_link(execution).map(|link| format!("The execution: {link}\n")).unwrap_or_default();
    let head = format!(
        "The deployment of the stack {} waits for approval.\n\n\
         To approve:  mlp approve {execution}\n\
         To reject:   mlp reject {execution} --reason \"...\"\n\
         All changes: {page}\n{link}{console}\n",
        changes.stack_name
    );
    let mut text = head + &changes::text(changes);
    if text.len() > MESSAGE {
        let end = (0..=MESSAGE).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push_str("\n... the rest is in the report.\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_one_that_sns_takes() {
        assert!(subject(&"x".repeat(200)).len() == 100);
        assert_eq!(subject("a\nb\u{202e}c\u{7}"), "Approve the deployment of abc");
    }
}
