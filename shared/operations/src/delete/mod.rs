//! `EmptyBucket`, `DeleteStack` and `FollowDeletion`.

pub mod emptying;

use std::time::Duration;

use mlp_aws::calls::Kind;
use mlp_aws::cloudformation::stacks::{StackResource, Stacks};
use mlp_aws::s3::versions::VersionedBucket;

use crate::delete::emptying::{Emptied, empty as empty_bucket};
use crate::deploy::steps::inspect;
use crate::execution::aws::Aws;
use crate::execution::calls::is_there;
use crate::execution::calls::{failed, status_of};
use crate::execution::causes::{Cause, first_causes};
use crate::execution::failure::{Failure, Name};
use crate::execution::identity::Execution;
use crate::execution::outcome::RetainedResource;
use crate::execution::registry::VERSIONS_LEFT;
use crate::execution::status::StackStatus;
use crate::execution::work::{Next, Wait, Work};

const LONGEST: u64 = 4 * 60 * 60;

/// The newest events that are looked at for causes.
const EVENTS: usize = 500;

/// How often a deletion is begun: a pipeline may put something into the bucket after it was emptied.
const MOST: u32 = 3;

/// Kept back from an invocation's time for the calls around the emptying.
const MARGIN: Duration = Duration::from_secs(15);

/// How many invocations a bucket is emptied for: about a day, a hundred million versions, and half of the 25,000 events that an
/// execution's history may have.
const MOST_EMPTYINGS: u32 = 1_800;

/// Until so many seconds have passed, a status may be that of before the order.
const SETTLING: u64 = 20;

/// Deletes what is in the stack's buckets, as far as the invocation's time goes.
pub(crate) async fn empty<S, C: Stacks + Sync, B: VersionedBucket + Sync, P>(
    aws: &Aws<'_, S, C, B, P>,
    mut work: Work,
) -> Result<Work, Failure> {
    let Some(id) = work.stack.id.clone() else {
        work.next = Next::Done;
        return Ok(work);
    };
    inspect::requested(aws, &work).await?;
    let resources = aws.stacks.resources(&id).await.map_err(|error| failed(&error))?;
    work.emptyings += 1;
    work.next = Next::Delete;
    for bucket in resources.iter().filter(|it| it.kind == "AWS::S3::Bucket" && was_made(it)) {
        let Some(name) = &bucket.physical_id else { continue };
        made_by(aws, name, &id).await?;
        let time = aws.time.saturating_sub(MARGIN) / 2;
        match empty_bucket(aws.buckets, name, time).await.map_err(|error| failed(&error))? {
            Emptied::Whole { .. } => {}
            Emptied::Partly { .. } if work.emptyings >= MOST_EMPTYINGS => {
                let message = format!("the bucket `{name}` is not empty after {MOST_EMPTYINGS} invocations");
                return Err(Failure::new(Name::BucketNotEmptied, message).help(
                    "stop what fills it, then start delete-product again: what is deleted stays deleted",
                ));
            }
            Emptied::Partly { .. } => work.next = Next::Empty,
            Emptied::Stuck { undeleted } => {
                let told = undeleted.iter().map(|it| format!("`{}` ({})", it.key, it.reason));
                let message = format!(
                    "objects of the bucket `{name}` can't be deleted: {}",
                    told.collect::<Vec<_>>().join(", ")
                );
                return Err(Failure::new(Name::BucketNotEmptied, message));
            }
        }
    }
    Ok(work)
}

/// Whether the stack has made the resource, so far as its status says. A bucket that could not be made may be somebody
/// else's of that name.
fn was_made(resource: &StackResource) -> bool {
    is_there(resource) && resource.status != "CREATE_FAILED"
}

/// Whether the stack made the bucket, by the tag that CloudFormation gives it. A stack may import a bucket that others fill;
/// with nothing in it there is nothing to lose.
///
/// Sources: AWS CloudFormation User Guide, "Add tags to resources" (`aws:cloudformation:stack-id`); AWS General Reference,
/// "Tagging AWS resources" (nobody else can set tags that begin with `aws:`).
async fn made_by<S, C, B: VersionedBucket + Sync, P>(
    aws: &Aws<'_, S, C, B, P>,
    bucket: &str,
    stack_id: &str,
) -> Result<(), Failure> {
    let versions = aws.buckets.versions(bucket).await.map_err(|error| failed(&error))?;
    if versions.is_none_or(|versions| versions.is_empty()) {
        return Ok(());
    }
    let tags = aws.buckets.tags(bucket).await.map_err(|error| failed(&error))?;
    let made_by = tags.get("aws:cloudformation:stack-id");
    if made_by.is_some_and(|id| id == stack_id) {
        return Ok(());
    }
    let says = made_by.map_or_else(|| "doesn't exist".to_owned(), |id| format!("says `{id}`"));
    let message = format!(
        "the bucket `{bucket}` is not empty, and the stack didn't create it: its tag `aws:cloudformation:stack-id` {says}"
    );
    Err(Failure::new(Name::BucketNotEmptied, message).help(
        "empty the bucket yourself if nobody needs what is in it, then start delete-product again: what is deleted stays deleted",
    ))
}

/// Orders the deletion.
pub(crate) async fn delete<S, C: Stacks + Sync, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    execution: &str,
    mut work: Work,
) -> Result<Work, Failure> {
    let Some(id) = work.stack.id.clone() else {
        work.next = Next::Done;
        return Ok(work);
    };
    inspect::requested(aws, &work).await?;
    let token = Execution::new(execution).token("delete", work.deletions);
    match aws.stacks.delete(&id, &token, aws.settings.service_role.as_deref()).await {
        Err(error) if error.kind == Kind::Gone => {}
        Err(error) if error.kind == Kind::Conflict && error.reason.contains("TerminationProtection") => {
            return Err(Failure::new(Name::StackProtected, error.to_string()));
        }
        Err(error) if error.kind == Kind::Conflict => {
            return Err(Failure::new(Name::StackBusy, error.to_string()));
        }
        other => other.map_err(|error| failed(&error))?,
    }
    work.wait = Wait { seconds: 2, waited: 0 };
    work.next = Next::Wait;
    Ok(work)
}

/// Looks how far it is. A bucket that was filled meanwhile is emptied once more.
pub(crate) async fn follow<S, C: Stacks + Sync, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    execution: &str,
    mut work: Work,
) -> Result<Work, Failure> {
    let name = work.product.stack_name.clone();
    let id = work.stack.id.clone().unwrap_or_default();
    let stack = aws.stacks.stack(&id).await.map_err(|error| failed(&error))?;
    let status = stack.as_ref().map(status_of).transpose()?.unwrap_or(StackStatus::DeleteComplete);
    let resources = aws.stacks.resources(&id).await.or_else(|error| match error.kind {
        Kind::Gone => Ok(Vec::new()),
        _ => Err(failed(&error)),
    })?;
    work.stack.status = Some(status.as_str().to_owned());
    work.stack.total = resources.len();
    work.stack.done = resources.iter().filter(|resource| !is_there(resource)).count();
    work.next = match status {
        StackStatus::DeleteComplete => {
            work.kept = resources.iter().filter_map(kept).collect();
            Next::Done
        }
        // The order may not have been begun, and the failure be an older one's.
        StackStatus::DeleteFailed if work.wait.waited < SETTLING => {
            wait(&mut work, status)?;
            Next::Wait
        }
        StackStatus::DeleteFailed => {
            let undone: Vec<&StackResource> =
                resources.iter().filter(|resource| resource.status == "DELETE_FAILED").collect();
            let only_buckets = !undone.is_empty() && undone.iter().all(|it| it.kind == "AWS::S3::Bucket");
            if !only_buckets || work.deletions + 1 >= MOST {
                let token = Execution::new(execution).token("delete", work.deletions);
                let events =
                    aws.stacks.events(&id, Some(&token), EVENTS).await.map_err(|error| failed(&error))?;
                let reason = stack.and_then(|stack| stack.reason);
                return Err(undeleted(&name, reason.as_deref(), &undone, first_causes(&events)));
            }
            work.deletions += 1;
            Next::Empty
        }
        _ => {
            wait(&mut work, status)?;
            Next::Wait
        }
    };
    Ok(work)
}

fn wait(work: &mut Work, status: StackStatus) -> Result<(), Failure> {
    work.wait.on(30, LONGEST).ok_or_else(|| {
        let name = &work.product.stack_name;
        Failure::new(Name::TimedOut, format!("the stack `{name}` is {status} after {LONGEST} seconds"))
    })
}

/// What stays, and why.
fn kept(resource: &StackResource) -> Option<RetainedResource> {
    let reason = match (resource.kind.as_str(), resource.status.as_str()) {
        (_, "DELETE_SKIPPED") => "its DeletionPolicy says Retain; delete it by hand if nobody needs it",
        ("AWS::KMS::Key", _) => {
            "scheduled for deletion: until its waiting time is over it can be restored (kms:CancelKeyDeletion), and what \
             was encrypted with it can be read no more"
        }
        ("AWS::CodeBuild::Project", _) => return logs_of(resource),
        _ => return None,
    };
    Some(RetainedResource {
        logical_id: resource.logical_id.clone(),
        kind: resource.kind.clone(),
        physical_id: resource.physical_id.clone().unwrap_or_default(),
        reason: reason.to_owned(),
    })
}

/// The log group of a build project. CodeBuild creates it, so no stack has it (CodeBuild User Guide, "View detailed CodeBuild
/// build information"; generate/build.rs gives the name).
fn logs_of(project: &StackResource) -> Option<RetainedResource> {
    let name = project.physical_id.as_deref()?;
    Some(RetainedResource {
        logical_id: project.logical_id.clone(),
        kind: "AWS::Logs::LogGroup".to_owned(),
        physical_id: format!("/aws/codebuild/{name}"),
        reason: "CodeBuild created it with the first build, outside of the stack: it never expires; delete it by hand if nobody \
                 needs the logs"
            .to_owned(),
    })
}

fn undeleted(name: &str, reason: Option<&str>, undone: &[&StackResource], told: Vec<Cause>) -> Failure {
    // The events say it in order; a deletion that somebody else began has none with our token.
    let causes = if told.is_empty() { undone.iter().map(|resource| cause(resource)).collect() } else { told };
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    let failure = Failure::new(Name::DeletionFailed, format!("the stack `{name}` is DELETE_FAILED{reason}"))
        .causes(causes);
    if undone.iter().any(|resource| resource.kind == "AWS::SageMaker::ModelPackageGroup") {
        return failure.help(VERSIONS_LEFT);
    }
    failure
}

fn cause(resource: &StackResource) -> Cause {
    Cause {
        logical_id: resource.logical_id.clone(),
        kind: resource.kind.clone(),
        reason: resource.reason.clone().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_groups_of_builds_and_the_key_stay_and_nothing_else_does() {
        let resource = |kind: &str, status: &str| StackResource {
            logical_id: "It".to_owned(),
            physical_id: Some("fraud-ml-build".to_owned()),
            kind: kind.to_owned(),
            status: status.to_owned(),
            reason: None,
        };
        let logs = kept(&resource("AWS::CodeBuild::Project", "DELETE_COMPLETE")).unwrap();
        assert_eq!(
            (logs.kind.as_str(), logs.physical_id.as_str()),
            ("AWS::Logs::LogGroup", "/aws/codebuild/fraud-ml-build")
        );
        assert!(kept(&resource("AWS::KMS::Key", "DELETE_COMPLETE")).is_some());
        assert!(kept(&resource("AWS::S3::Bucket", "DELETE_SKIPPED")).is_some());
        assert_eq!(kept(&resource("AWS::S3::Bucket", "DELETE_COMPLETE")), None);
    }
}
