//! `ExecuteChangeSet`, `FollowStack` and `ProtectStack`.

use mlp_aws::calls::Kind;
use mlp_aws::cloudformation::stacks::{Stack, Stacks};

use super::change_set::own;
use super::inspect;
use crate::execution::aws::Aws;
use crate::execution::calls::{failed, status_of};
use crate::execution::causes::{ended, first_causes, known_remedies};
use crate::execution::failure::{Failure, Name};
use crate::execution::identity::{Execution, discards};
use crate::execution::input::Action;
use crate::execution::status::{Progress, StackStatus};
use crate::execution::work::{Next, Wait, Work};

/// VPC endpoints and roles take minutes; nothing that we deploy takes hours.
const LONGEST: u64 = 4 * 60 * 60;

/// The newest events that are looked at. A product has 41 resources, each with a few.
const EVENTS: usize = 500;

/// Executes the change set that was recorded, and that an approval is about. `arn` is the execution's.
pub(crate) async fn execute<S, C: Stacks + Sync, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    arn: &str,
    mut work: Work,
) -> Result<Work, Failure> {
    inspect::requested(aws, &work).await?;
    let (execution, stacks) = (Execution::new(arn), &aws.stacks);
    let (stack, token) = (&work.product.stack_name, execution.token("execute", work.round));
    let set = own(arn, &work);
    match stacks.execute(stack, &set, &token).await {
        // An earlier attempt whose answer got lost, or somebody else's deployment.
        Err(error) if matches!(error.kind, Kind::Conflict | Kind::Gone) => {
            if !begun(*stacks, stack, &set, &token).await? {
                let message = format!("somebody else works on the stack: {error}");
                return Err(Failure::new(Name::StackBusy, message));
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

/// Whether the change set was executed by this execution, which made it. Its status says so at once, the
/// stack's events a little later, but for longer.
async fn begun<C: Stacks + Sync>(stacks: &C, stack: &str, name: &str, token: &str) -> Result<bool, Failure> {
    let set = stacks.change_set(stack, name).await.map_err(|error| failed(&error))?;
    if set.is_some_and(|set| {
        matches!(set.execution_status.as_str(), "EXECUTE_IN_PROGRESS" | "EXECUTE_COMPLETE")
    }) {
        return Ok(true);
    }
    match stacks.events(stack, Some(token), 1).await {
        Ok(events) => Ok(!events.is_empty()),
        Err(error) if error.kind == Kind::Gone => Ok(false),
        Err(error) => Err(failed(&error)),
    }
}

/// Whether somebody deletes it, or has. A deletion that failed leaves a stack, and a reason.
fn is_going(stack: &Stack) -> bool {
    matches!(
        StackStatus::parse(&stack.status),
        Some(StackStatus::DeleteInProgress | StackStatus::DeleteComplete)
    )
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
    let stack = aws.stacks.stack(&id).await.map_err(|error| failed(&error))?;
    let Some(stack) = stack.filter(|stack| !is_going(stack)) else {
        let message = format!("the stack `{name}` was deleted meanwhile");
        // By who had found an empty shell, and not by who wants the product gone: it is made anew.
        let last = aws.stacks.events(&id, None, 1).await.map_err(|error| failed(&error))?;
        let discarded = last.iter().filter_map(|event| event.token.as_deref()).any(discards);
        let error = if discarded { Name::StackBusy } else { Name::DeploymentFailed };
        return Err(Failure::new(error, message));
    };
    let events = aws.stacks.events(&id, Some(&token), EVENTS).await.map_err(|error| failed(&error))?;
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
            let causes = first_causes(&events);
            let remedies = known_remedies(&causes);
            let failure = Failure::new(Name::DeploymentFailed, message).causes(causes);
            return Err(match remedies.as_slice() {
                [] => failure,
                remedies => failure.help(remedies.join("; ")),
            });
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
