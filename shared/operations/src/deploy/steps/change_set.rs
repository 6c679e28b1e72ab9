//! `CreateChangeSet`, `FollowChangeSet` and `DiscardChangeSet`.

use mlp_aws::calls::Kind;
use mlp_aws::cloudformation::stacks::{NewChangeSet, Stacks};
use mlp_product::product::BOUNDARY_PARAMETER;

use super::inspect;
use crate::execution::aws::Aws;
use crate::execution::calls::failed;
use crate::execution::causes::first_causes;
use crate::execution::failure::{Failure, Name};
use crate::execution::identity::{DISCARD, Execution};
use crate::execution::input::Action;
use crate::execution::status::StackStatus;
use crate::execution::work::{Cleanup, Next, Wait, Work};

/// A change set that takes longer than this has met a defect of CloudFormation's.
const LONGEST: u64 = 30 * 60;

/// Orders the change set.
pub(crate) async fn create<S, C: Stacks + Sync, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    execution: &str,
    mut work: Work,
) -> Result<Work, Failure> {
    inspect::requested(aws, &work).await?;
    let Aws { stacks, settings, .. } = aws;
    let execution = Execution::new(execution);
    let template =
        work.template.as_ref().ok_or_else(|| Failure::new(Name::Internal, "there is no template"))?;
    let token = work.stack.token.as_ref().ok_or_else(|| Failure::new(Name::Internal, "there is no token"))?;
    let boundary = settings.suite.permissions_boundary.clone();
    let wanted = NewChangeSet {
        stack: work.product.stack_name.clone(),
        name: execution.change_set(work.round),
        template_url: settings.url(&template.key, template.version.as_deref()),
        create: work.stack.created,
        revert_drift: work.input.revert_drift && !work.stack.created,
        role: settings.service_role.clone(),
        tags: work.product.tags.clone(),
        parameters: boundary.map(|arn| (BOUNDARY_PARAMETER.to_owned(), arn)).into_iter().collect(),
        token: format!("mlp-change-set-{token}"),
        description: format!("{} by execution {}", work.action.as_str(), execution.name()),
    };
    let mut made = stacks.create_change_set(&wanted).await;
    if made.as_ref().is_err_and(|error| error.kind == Kind::Exists) {
        // CloudFormation answers a repeated order with the ARN again, so this one isn't ours, whatever its name is: no other
        // order has our token.
        stacks.delete_change_set(&wanted.stack, &wanted.name).await.map_err(|error| match error.kind {
            Kind::Conflict => Failure::new(Name::StackBusy, error.to_string()),
            _ => failed(&error),
        })?;
        made = stacks.create_change_set(&wanted).await;
    }
    match made {
        Ok(arn) => work.stack.change_set = Some(arn),
        // Somebody began to work on the stack, or has made or deleted it, since it was looked at.
        Err(error) if matches!(error.kind, Kind::Conflict | Kind::Gone | Kind::Exists) => {
            return Err(Failure::new(Name::StackBusy, error.to_string()));
        }
        Err(error) if error.kind == Kind::Refused => {
            return Err(Failure::new(Name::ChangeSetFailed, error.to_string()));
        }
        Err(error) => return Err(failed(&error)),
    }
    work.next = Next::Wait;
    work.wait = Wait { seconds: 1, waited: 0 };
    Ok(work)
}

/// Looks whether it is there.
pub(crate) async fn follow<S, C: Stacks + Sync, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    execution: &str,
    mut work: Work,
) -> Result<Work, Failure> {
    let set = own(execution, &work);
    let stack = &work.product.stack_name;
    let Some(set) = aws.stacks.change_set(stack, &set).await.map_err(|error| failed(&error))? else {
        let message = "the change set is gone: somebody deployed or deleted the stack meanwhile";
        return Err(Failure::new(Name::StackBusy, message));
    };
    // The order may have made the stack's shell, also where another one's shell was seen and is gone by now.
    work.stack.id = Some(set.stack_id.clone());
    if work.action == Action::TestDeploy && !work.input.keep {
        work.cleanup = Cleanup::Stack;
    }
    work.next = match set.status.as_str() {
        "CREATE_COMPLETE" if set.execution_status == "OBSOLETE" => {
            let message = "the change set is obsolete: somebody deployed the stack meanwhile";
            return Err(Failure::new(Name::StackBusy, message));
        }
        "CREATE_COMPLETE" => Next::Ready,
        "FAILED" if is_unchanged(&set.reason) => {
            work.unchanged = true;
            Next::Unchanged
        }
        "FAILED" => {
            let message = format!("CloudFormation could not make the change set: {}", set.reason);
            // That the causes can't be told must not hide the reason.
            let events = aws.stacks.change_set_events(&set.id).await.unwrap_or_default();
            return Err(Failure::new(Name::ChangeSetFailed, message).causes(first_causes(&events)));
        }
        _ => {
            work.wait.on(10, LONGEST).ok_or_else(|| {
                let message = format!("the change set is {} after {LONGEST} seconds", set.status);
                Failure::new(Name::TimedOut, message)
            })?;
            Next::Wait
        }
    };
    Ok(work)
}

/// The change set that this execution made, as CloudFormation is asked about it: by ARN, because somebody else can delete it
/// and create another one of its name. Executions that began before ARNs were kept go by the name.
pub(crate) fn own(execution: &str, work: &Work) -> String {
    work.stack.change_set.clone().unwrap_or_else(|| Execution::new(execution).change_set(work.round))
}

/// The two reasons by which CloudFormation says that a change set has no changes.
///
/// Source: AWS CloudFormation User Guide, "Update stacks using change sets", and what `aws cloudformation deploy` looks for.
fn is_unchanged(reason: &str) -> bool {
    reason.contains("didn't contain changes") || reason.contains("No updates are to be performed")
}

/// Deletes the change set, and the shell of a stack that it made, unless somebody else's change set waits in it for its
/// approval: who discards the last one removes the shell. Harmless for one that was executed or never made.
pub(crate) async fn discard<S, C: Stacks + Sync, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    execution: &str,
    mut work: Work,
) -> Result<Work, Failure> {
    let execution = Execution::new(execution);
    let name = &work.product.stack_name;
    for round in 0..=work.round {
        let set_name = execution.change_set(round);
        match aws.stacks.delete_change_set(name, &set_name).await {
            Err(error) if error.kind == Kind::Conflict => {
                let set = aws.stacks.change_set(name, &set_name).await.map_err(|error| failed(&error))?;
                if set.is_some_and(|set| set.is_being_made()) {
                    let message =
                        format!("the change set `{set_name}` can't be deleted while it is being made");
                    return Err(Failure::new(Name::StackBusy, message));
                }
                // It was executed, or is being: the stack's own fate is what counts then.
            }
            Err(error) if error.kind == Kind::Gone => {}
            other => other.map_err(|error| failed(&error))?,
        }
    }
    if work.stack.created
        && let Some(stack) = aws.stacks.stack(name).await.map_err(|error| failed(&error))?
        && StackStatus::parse(&stack.status) == Some(StackStatus::ReviewInProgress)
        && aws.stacks.change_sets(&stack.id).await.map_err(|error| failed(&error))?.is_empty()
    {
        let token = execution.token(DISCARD, work.round);
        match aws.stacks.delete(&stack.id, &token, None).await {
            Err(error) if matches!(error.kind, Kind::Conflict | Kind::Gone) => {}
            other => other.map_err(|error| failed(&error))?,
        }
        work.stack.id = None;
        work.stack.status = None;
    }
    Ok(work)
}
