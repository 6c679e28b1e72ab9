//! `ExecuteChangeSet`, `FollowStack` and `ProtectStack`.

use mlp_aws::calls::Kind;
use mlp_aws::stacks::Stacks;
use mlp_core::deploy::causes::{ended, first_causes};
use mlp_core::deploy::failure::{Failure, Name};
use mlp_core::deploy::identity::Execution;
use mlp_core::deploy::input::Action;
use mlp_core::deploy::status::Progress;

use super::{failed, status_of};
use crate::Aws;
use crate::work::{Next, Wait, Work};

/// VPC endpoints and roles take minutes; nothing that we deploy takes hours.
const LONGEST: u64 = 4 * 60 * 60;

/// The newest events that are looked at. A product has 41 resources, each with a few.
const EVENTS: usize = 500;

/// Executes the change set.
pub(crate) async fn execute<S, C: Stacks + Sync, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    execution: &str,
    mut work: Work,
) -> Result<Work, Failure> {
    let execution = Execution::new(execution);
    let (stack, token) = (&work.product.stack_name, execution.token("execute", work.round));
    match aws.stacks.execute(stack, &execution.change_set(work.round), &token).await {
        // An earlier attempt whose answer got lost, or somebody else's deployment: the events tell.
        Err(error) if matches!(error.kind, Kind::Conflict | Kind::Gone) => {
            let begun = aws.stacks.events(stack, &token, 1).await;
            match begun {
                Ok(events) if !events.is_empty() => {}
                Err(other) if other.kind != Kind::Gone => return Err(failed(&other)),
                _ => {
                    let message = format!("somebody else works on the stack: {error}");
                    return Err(Failure::new(Name::StackBusy, message));
                }
            }
        }
        other => other.map_err(|error| failed(&error))?,
    }
    work.wait = Wait { seconds: 2, waited: 0 };
    work.next = Next::Wait;
    work.stack.total = work.changes.as_ref().map_or(work.product.resources, |changes| {
        changes.added + changes.changed + changes.replaced + changes.deleted
    });
    Ok(work)
}

/// Looks how far CloudFormation is.
pub(crate) async fn follow<S, C: Stacks + Sync, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    execution: &str,
    mut work: Work,
) -> Result<Work, Failure> {
    let token = Execution::new(execution).token("execute", work.round);
    let name = work.product.stack_name.clone();
    let id = work.stack.id.clone().unwrap_or_else(|| name.clone());
    let Some(stack) = aws.stacks.stack(&id).await.map_err(|error| failed(&error))? else {
        return Err(Failure::new(
            Name::DeploymentFailed,
            format!("the stack `{name}` was deleted meanwhile"),
        ));
    };
    let events = aws.stacks.events(&id, &token, EVENTS).await.map_err(|error| failed(&error))?;
    work.stack.status = Some(stack.status.clone());
    work.stack.done = ended(&events).min(work.stack.total);
    // Until the first event the stack still has the status of its last operation.
    let progress = if events.is_empty() { Progress::Running } else { status_of(&stack)?.after_execution() };
    work.next = match progress {
        Progress::Done => {
            work.stack.done = work.stack.total;
            Next::Done
        }
        Progress::Running => {
            work.wait.on(30, LONGEST).ok_or_else(|| {
                let message = format!("the stack `{name}` is {} after {LONGEST} seconds", stack.status);
                Failure::new(Name::TimedOut, message)
            })?;
            Next::Wait
        }
        Progress::Failed => {
            let reason = stack.reason.map(|reason| format!(": {reason}")).unwrap_or_default();
            let message = format!("the stack `{name}` is {}{reason}", stack.status);
            return Err(Failure::new(Name::DeploymentFailed, message).causes(first_causes(&events)));
        }
    };
    Ok(work)
}

/// Protects products in prod from being deleted by mistake.
pub(crate) async fn protect<S, C: Stacks + Sync, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    work: Work,
) -> Result<Work, Failure> {
    if work.action == Action::DeployProduct && work.product.env == "prod" {
        aws.stacks.protect(&work.product.stack_name).await.map_err(|error| failed(&error))?;
    }
    Ok(work)
}
