//! `RecordChanges` and `RecordDeletion`: what the change set, or the deletion of the stack, would do, kept in the bucket and
//! told to who must approve.

use std::collections::BTreeSet;

use mlp_aws::cloudformation::stacks::{ChangeSet, StackResource, Stacks};
use mlp_aws::s3::store::BucketStore;
use mlp_product::config::Tier;
use mlp_product::outcome::sha256;
use mlp_template::printable::printable_lines;
use mlp_template::template::{Resource, Value};
use mlp_template::yaml::{self, Limits};
use serde_json::json;

use super::approval;
use super::change_set::own;
use crate::changes::ChangeCounts;
use crate::changes::{self, Changes, ChangesContext, DeletedResource, Next, Page};
use crate::execution::approval::STATED;
use crate::execution::aws::Aws;
use crate::execution::calls::is_there;
use crate::execution::calls::{failed, store_failed};
use crate::execution::failure::{Failure, Name};
use crate::execution::identity::{Execution, console_link, object_link};
use crate::execution::input::Action;
use crate::execution::read::defect;
use crate::execution::settings::Settings;
use crate::execution::storing::{New, newest};
use crate::execution::work::{Next as Then, StoredTemplate, Work};

/// Keeps the changes and says what comes next.
pub(crate) async fn record<S: BucketStore + Sync, C: Stacks + Sync, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    execution: &str,
    mut work: Work,
) -> Result<Work, Failure> {
    let set_name = Execution::new(execution).change_set(work.round);
    let set = own(execution, &work);
    let set = aws.stacks.change_set(&work.product.stack_name, &set).await.map_err(|error| failed(&error))?;
    let Some(set) = set else {
        let message = "the change set is gone: somebody deployed or deleted the stack meanwhile";
        return Err(Failure::new(Name::StackBusy, message));
    };
    approval::begin(aws, &mut work);
    let changes = read(aws.settings, execution, &work, &set, &set_name)?;
    let folder = format!("reports/changes/{}", work.product.ml_name);
    keep(aws, execution, &mut work, &changes, &folder).await?;
    // Whoever approved that the stack is deleted and created again has approved what it is created from.
    let created = work.approved.as_ref().and_then(|approved| approved.creates.as_deref());
    let is_approved = created.is_some()
        && created == work.template.as_ref().map(|template| template.key.as_str())
        && changes.counts.added == changes.counts.total;
    if let Some(approval) = &mut work.approval {
        approval.about = set.id;
        approval.is_deletion = false;
    }
    work.next = match work.action {
        Action::ShowChanges => Then::Show,
        _ if work.approval.is_some() && !is_approved => Then::Approve,
        _ => Then::Execute,
    };
    Ok(work)
}

/// Keeps what the deletion of the stack would delete, where somebody must approve it, and says what comes next. A stack that
/// is as it was approved is deleted; one that has changed since is asked about again.
pub(crate) async fn record_deletion<S: BucketStore + Sync, C: Stacks + Sync, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    execution: &str,
    mut work: Work,
) -> Result<Work, Failure> {
    work.next = Then::Empty;
    // What a test made, or a failed deployment left, is removed as it was announced.
    let is_asked = work.original.is_none()
        && match work.action {
            Action::DeleteProduct => true,
            Action::DeployProduct => work.recreate,
            _ => false,
        };
    let Some(id) = work.stack.id.clone().filter(|_| is_asked && work.approval.is_some()) else {
        return Ok(work);
    };
    let resources = aws.stacks.resources(&id).await.map_err(|error| failed(&error))?;
    let there: Vec<&StackResource> = resources.iter().filter(|it| is_there(it)).collect();
    if there.is_empty() {
        return Ok(work);
    }
    let again = if work.recreate { Some(template(aws, &work).await?) } else { None };
    let about = about(&id, &there, work.template.as_ref().filter(|_| work.recreate));
    if work.approved.as_ref().is_some_and(|approved| approved.about == about) {
        return Ok(work);
    }
    approval::begin(aws, &mut work);
    let policies = aws.stacks.template(&id).await.map_err(|error| failed(&error))?;
    let kept = policies.map(|text| kept_by_policy(&text)).unwrap_or_default();
    let gone: Vec<DeletedResource> = there
        .into_iter()
        .map(|it| DeletedResource {
            logical_id: it.logical_id.clone(),
            kind: it.kind.clone(),
            physical_id: it.physical_id.clone(),
            is_kept: kept.contains(&it.logical_id),
        })
        .collect();
    let next = decide(aws.settings, execution, &work);
    let changes = Changes::of_deletion(&of_product(execution, &work), &id, &gone, again.as_deref(), &next);
    let changes = changes.map_err(|error| defect(&error))?;
    // Apart from the change set of the same execution.
    let folder = format!("reports/changes/{}/deletions", work.product.ml_name);
    keep(aws, execution, &mut work, &changes, &folder).await?;
    if let Some(approval) = &mut work.approval {
        approval.about = about;
        approval.is_deletion = true;
    }
    work.next = Then::Approve;
    Ok(work)
}

/// What an approval of a deletion is about: these resources of this stack, and what the stack is created from again.
fn about(stack_id: &str, resources: &[&StackResource], again: Option<&StoredTemplate>) -> String {
    let mut names: Vec<String> = resources
        .iter()
        .map(|it| format!("{} {}", it.logical_id, it.physical_id.as_deref().unwrap_or_default()))
        .collect();
    names.sort_unstable();
    let again = again.map(|template| template.key.as_str()).unwrap_or_default();
    sha256(format!("{stack_id}\n{again}\n{}", names.join("\n")).as_bytes())
}

/// Logical ids and types of the template that the stack is created from again.
async fn template<S: BucketStore + Sync, C, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    work: &Work,
) -> Result<Vec<(String, String)>, Failure> {
    let Some(StoredTemplate { key, version }) = &work.template else { return Ok(Vec::new()) };
    let object = aws.store.get(&aws.settings.bucket, key, version.as_deref(), None).await;
    let object = object.map_err(|error| store_failed(&error))?;
    let text = String::from_utf8_lossy(&object.bytes);
    Ok(resources_of(&text).into_iter().map(|(id, resource)| (id, resource.kind)).collect())
}

/// The logical ids of resources that their `DeletionPolicy` keeps.
fn kept_by_policy(template: &str) -> BTreeSet<String> {
    let resources = resources_of(template).into_iter();
    let kept = resources.filter(|(_, it)| {
        it.deletion_policy.as_ref().and_then(Value::as_str).is_some_and(|policy| policy.starts_with("Retain"))
    });
    kept.map(|(id, _)| id).collect()
}

fn resources_of(template: &str) -> Vec<(String, Resource)> {
    let Ok(document) = yaml::load(template.as_bytes(), &Limits::template()) else { return Vec::new() };
    let (template, _) = mlp_template::template::read::from_document(&document);
    template.resources.into_iter().collect()
}

/// Stores page and data, and sets figures and message.
async fn keep<S: BucketStore + Sync, C, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    execution: &str,
    work: &mut Work,
    changes: &Changes,
    folder: &str,
) -> Result<(), Failure> {
    let name = Execution::new(execution).name();
    let (data, page) = (format!("{folder}/{name}.json"), format!("{folder}/{name}.html"));
    let json = serde_json::to_vec_pretty(changes).unwrap_or_default();
    let html = changes::html(changes).map_err(|error| defect(&error))?.into_bytes();
    let (store, settings) = (aws.store, aws.settings);
    newest(store, &settings.bucket, New { key: &data, bytes: json, media_type: "application/json" }).await?;
    newest(store, &settings.bucket, New { key: &page, bytes: html, media_type: "text/html; charset=utf-8" })
        .await?;
    let counts = ChangeCounts {
        report: Some(settings.s3(&page)),
        data: Some(settings.s3(&data)),
        ..ChangeCounts::from(changes)
    };
    let requested_by = work.requested_by();
    let is_stated = work.input.requested_by.is_some();
    if let Some(approval) = &mut work.approval {
        approval.subject = subject(&work.product.ml_name, changes);
        let link = object_link(execution, &settings.bucket, &page);
        let told = ApprovalMessage {
            execution,
            changes,
            counts: &counts,
            link,
            requested_by,
            is_stated,
            expires: &approval.expires,
        };
        approval.message = told.message(settings.unexpected_bucket().as_deref());
    }
    work.changes = Some(counts);
    Ok(())
}

/// What the change set changes, in our words.
fn read(
    settings: &Settings,
    execution: &str,
    work: &Work,
    set: &ChangeSet,
    name: &str,
) -> Result<Changes, Failure> {
    let page = json!({
        "ChangeSetName": name,
        "ChangeSetId": set.id,
        "StackId": work.stack.id,
        "StackName": work.product.stack_name,
        "Status": set.status,
        "StatusReason": set.reason,
        "ExecutionStatus": set.execution_status,
        "DeploymentMode": work.input.revert_drift.then_some("REVERT_DRIFT"),
        "Changes": set.changes,
    });
    let page: Page = serde_json::from_value(page)
        .map_err(|error| Failure::new(Name::Internal, format!("the change set can't be read: {error}")))?;
    let next = match (work.action, &work.approval) {
        (Action::ShowChanges, _) => Next::Deploy { config: work.input.config.clone() },
        (_, Some(_)) => decide(settings, execution, work),
        _ => Next::Nothing,
    };
    Changes::new(&of_product(execution, work), &[page], &next).map_err(|error| defect(&error))
}

fn of_product(execution: &str, work: &Work) -> ChangesContext {
    let product = &work.product;
    let known = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    ChangesContext {
        ml_name: product.ml_name.clone(),
        stack_name: product.stack_name.clone(),
        tier: Tier::parse(&product.tier),
        scenario: known(&product.scenario),
        account_id: known(&product.account_id),
        region: known(&product.region),
        partition: execution.split(':').nth(1).map(str::to_owned),
    }
}

fn decide(settings: &Settings, execution: &str, work: &Work) -> Next {
    let expires = work.approval.as_ref().map(|approval| approval.expires.clone());
    Next::Decide { execution: execution.to_owned(), expires, bucket: settings.unexpected_bucket() }
}

/// What SNS takes as a subject: ASCII, up to 100 characters.
fn subject(ml_name: &str, changes: &Changes) -> String {
    let what = if changes.deletion.is_some() { "deletion" } else { "deployment" };
    let text = format!("Approve the {what} of {ml_name}");
    text.chars().filter(|c| matches!(c, ' '..='~')).take(100).collect()
}

/// SNS takes 256 KiB; an e-mail that anybody reads is shorter.
const MESSAGE: usize = 20_000;

/// What approvers are told.
struct ApprovalMessage<'a> {
    execution: &'a str,
    changes: &'a Changes,
    counts: &'a ChangeCounts,
    link: Option<String>,
    requested_by: Option<String>,
    /// Whether the starter says so; nothing confirms it then.
    is_stated: bool,
    expires: &'a str,
}

impl ApprovalMessage<'_> {
    /// `bucket` is the suite's, if `mlp` must be told its name.
    fn message(&self, bucket: Option<&str>) -> String {
        let Self { execution, changes, counts, link, requested_by, is_stated, expires } = self;
        let page = counts.report.as_deref().unwrap_or_default();
        let link = link.as_ref().map(|link| format!("In the console: {link}\n")).unwrap_or_default();
        let console =
            console_link(execution).map(|link| format!("The execution: {link}\n")).unwrap_or_default();
        let bucket = bucket.map(|bucket| format!(" --bucket {bucket}")).unwrap_or_default();
        let what = if changes.deletion.is_some() { "deletion" } else { "deployment" };
        let requester = requested_by.as_deref().unwrap_or("an unknown requester");
        let stated = if *is_stated { STATED } else { "" };
        let head = format!(
            "The {what} of the stack {} waits for approval.\n\
             Requested by {requester}{stated}. It waits until {expires}.\n\n\
             To approve:  mlp approve {execution}{bucket}\n\
             To reject:   mlp reject {execution}{bucket} --reason \"...\"\n\
             All changes: {page}\n{link}{console}\n",
            changes.stack_name
        );
        // The starter chooses the execution's name, which the commands and links hold too.
        let mut text = printable_lines(&(head + &changes::text(changes))).into_owned();
        if text.len() > MESSAGE {
            let end = (0..=MESSAGE).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
            text.truncate(end);
            text.push_str("\n... the rest is in the report.\n");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_one_that_sns_takes() {
        let changes = Changes::new(&ChangesContext::default(), &[], &Next::Nothing).unwrap();
        assert!(subject(&"x".repeat(200), &changes).len() == 100);
        assert_eq!(subject("a\nb\u{202e}c\u{7}", &changes), "Approve the deployment of abc");
    }

    #[test]
    fn an_approval_of_a_deletion_is_about_these_resources_of_this_stack_alone() {
        let resource = |id: &str, name: &str| StackResource {
            logical_id: id.to_owned(),
            physical_id: Some(name.to_owned()),
            ..StackResource::default()
        };
        let (a, b) = (resource("A", "x"), resource("B", "y"));
        let template = StoredTemplate { key: "k".to_owned(), version: None };
        let one = about("stack/1", &[&a, &b], None);
        assert_eq!(one, about("stack/1", &[&b, &a], None));
        let other = resource("B", "z");
        for another in [
            about("stack/2", &[&a, &b], None),
            about("stack/1", &[&a], None),
            about("stack/1", &[&a, &other], None),
            about("stack/1", &[&a, &b], Some(&template)),
        ] {
            assert_ne!(one, another);
        }
    }
}
