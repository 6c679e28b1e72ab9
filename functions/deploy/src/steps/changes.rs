//! `RecordChanges`: what the change set would do, kept in the bucket and told to who must approve.

use mlp_aws::stacks::Stacks;
use mlp_aws::store::BucketStore;
use mlp_core::deploy::failure::{Failure, Name};
use mlp_core::deploy::identity::{Execution, console_link};
use mlp_core::deploy::input::Action;
use mlp_core::deploy::outcome::ChangeCounts;
use serde_json::{Value as Json, json};

use super::failed;
use super::storing::{New, newest};
use crate::Aws;
use crate::work::{Next, Work};

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
    let mut counts = counts(&set.changes);
    let data = json!({
        "ml_name": work.product.ml_name, "stack_name": work.product.stack_name, "change_set": set.id,
        "execution": execution, "changes": set.changes,
    });
    let key = format!("reports/changes/{}/{execution_name}.json", work.product.ml_name);
    let bytes = serde_json::to_vec_pretty(&data).unwrap_or_default();
    newest(aws.store, &aws.settings.bucket, New { key: &key, bytes, media_type: "application/json" }).await?;
    counts.data = Some(aws.settings.s3(&key));
    if let Some(approval) = &mut work.approval {
        approval.subject = subject(&work.product.ml_name);
        approval.message = message(&work.product.stack_name, execution, &counts);
    }
    work.changes = Some(counts);
    work.next = match work.action {
        Action::ShowChanges => Next::Show,
        _ if work.approval.is_some() => Next::Approve,
        _ => Next::Execute,
    };
    Ok(work)
}

/// The changes in figures.
fn counts(changes: &[Json]) -> ChangeCounts {
    let mut counts = ChangeCounts::default();
    for change in changes {
        let text = |key: &str| change.get("ResourceChange").and_then(|it| it.get(key)).and_then(Json::as_str);
        match (text("Action"), text("Replacement")) {
            (Some("Add" | "Import"), _) => counts.added += 1,
            (Some("Remove"), _) => counts.deleted += 1,
            (Some("Modify"), Some("True" | "Conditional")) => counts.replaced += 1,
            // What CloudFormation can't tell before, and what it puts back.
            _ => counts.changed += 1,
        }
    }
    counts
}

/// What SNS takes as a subject: ASCII, up to 100 characters.
fn subject(ml_name: &str) -> String {
    format!("Approve the deployment of {ml_name}").chars().filter(char::is_ascii).take(100).collect()
}

fn message(stack: &str, execution: &str, counts: &ChangeCounts) -> String {
    let ChangeCounts { added, changed, replaced, deleted, report, data } = counts;
    let details = report.as_ref().or(data.as_ref()).cloned().unwrap_or_default();
    let console = console_link(execution).map(|link| format!("\nThe execution: {link}")).unwrap_or_default();
    format!(
        "The deployment of the stack {stack} waits for approval.\n\n\
         {added} resources are added, {changed} changed, {replaced} replaced, {deleted} deleted.\n\
         All changes: {details}{console}\n\n\
         To approve:  mlp approve {execution}\n\
         To reject:   mlp reject {execution} --reason \"...\"\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_counted_by_what_happens_to_the_resource() {
        let change = |action: &str, replacement: &str| json!({"ResourceChange": {"Action": action, "Replacement": replacement}});
        let counts = counts(&[
            change("Add", ""),
            change("Modify", "False"),
            change("Modify", "True"),
            change("Modify", "Conditional"),
            change("Remove", ""),
            change("Dynamic", ""),
        ]);
        assert_eq!((counts.added, counts.changed, counts.replaced, counts.deleted), (1, 2, 2, 1));
    }

    #[test]
    fn a_subject_is_one_that_sns_takes() {
        assert!(subject(&"x".repeat(200)).len() == 100);
    }
}
