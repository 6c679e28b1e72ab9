//! `InspectStack` and `InspectForDeletion`: the stack as it is, and what may be done with it.

use mlp_aws::stacks::{Stack, Stacks};
use mlp_core::codes;
use mlp_core::custom::OWNER_TAG;
use mlp_core::deploy::causes::Cause;
use mlp_core::deploy::failure::{Failure, Name};
use mlp_core::deploy::input::Action;
use mlp_core::deploy::registry::Registry;
use mlp_core::deploy::status::{Deletion, Deployment, StackStatus};
use mlp_core::finding::Finding;
use mlp_core::product::MANAGED_BY;

use super::deletion::is_there;
use super::{failed, status_of};
use crate::Aws;
use crate::work::{Cleanup, Next, StackWork, Wait, Work};

/// The stack before a deployment.
pub(crate) async fn for_deployment<S, C: Stacks + Sync, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    mut work: Work,
) -> Result<Work, Failure> {
    if work.busy.take().is_some() {
        work.round += 1;
    }
    work.recreate = false;
    work.stack = StackWork::default();
    let stack = look(aws, &mut work).await?;
    let status = stack.as_ref().map(status_of).transpose()?;
    if let Some(stack) = &stack {
        owned(stack, &work)?;
        if work.action == Action::ShowChanges {
            // Who shows changes takes nothing from the stack's owner.
            let owner = stack.tags.get(OWNER_TAG).map(|owner| (OWNER_TAG.to_owned(), owner.clone()));
            work.product.tags.retain(|(key, _)| key != OWNER_TAG);
            work.product.tags.extend(owner);
        }
    }
    let name = &work.product.stack_name;
    let test = work.action == Action::TestDeploy;
    let removed = test && !work.input.keep;
    work.cleanup = if removed { Cleanup::Stack } else { Cleanup::ChangeSet };
    work.wait = Wait::default();
    match StackStatus::deployment(status) {
        Deployment::Create => {
            work.stack.created = true;
            work.next = Next::Ready;
        }
        Deployment::Update => work.next = Next::Ready,
        // Nobody has read and meant it: what couldn't be deleted may hold what somebody needs.
        Deployment::Recreate if work.input.respond.is_some() && status == Some(StackStatus::DeleteFailed) => {
            return Err(with_reason(Name::StackNotRecreated, name, stack.as_ref()).help(format!(
                "delete it (`aws cloudformation delete-stack --stack-name {name}`) if nobody needs what is left of it, then try \
                 again"
            )));
        }
        Deployment::Recreate if work.input.recreate_failed || test => {
            work.recreate = true;
            work.next = Next::Remove;
        }
        Deployment::Recreate => return Err(with_reason(Name::StackNotRecreated, name, stack.as_ref())),
        Deployment::Busy => return Err(with_reason(Name::StackBusy, name, stack.as_ref())),
        Deployment::Stop(reason) => {
            let failure = with_reason(reason, name, stack.as_ref());
            let id = stack.map(|stack| stack.id).unwrap_or_default();
            let resources = aws.stacks.resources(&id).await.map_err(|error| failed(&error))?;
            let blocked = resources.into_iter().filter(|resource| resource.status.ends_with("_FAILED"));
            let causes = blocked.map(|resource| Cause {
                logical_id: resource.logical_id,
                kind: resource.kind,
                reason: resource.reason.unwrap_or_default(),
            });
            return Err(failure.causes(causes.collect()));
        }
    }
    Ok(work)
}

/// The stack before its deletion, also of one that never came to be or that a test made.
pub(crate) async fn for_deletion<S, C: Stacks + Sync, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    mut work: Work,
) -> Result<Work, Failure> {
    let stack = look(aws, &mut work).await?;
    let status = stack.as_ref().map(status_of).transpose()?;
    work.wait = Wait::default();
    if let Some(stack) = &stack
        && let Err(taken) = deletable(aws, stack, &work).await?
    {
        if work.input.respond.is_none() {
            return Err(taken);
        }
        // A resource that goes leaves what isn't its own.
        let message = format!("{}; it was left alone", taken.message);
        work.findings.push(Finding::warning(codes::DEP_NOT_OWNED, "", message));
        work.stack = StackWork::default();
        work.next = Next::Done;
        return Ok(work);
    }
    let name = &work.product.stack_name;
    work.registry = None;
    work.next = match (StackStatus::deletion(status), &stack) {
        (Deletion::Nothing, _) | (_, None) => Next::Done,
        (Deletion::Busy, stack) => return Err(with_reason(Name::StackBusy, name, stack.as_ref())),
        (Deletion::Follow, _) => Next::Follow,
        (Deletion::Delete, Some(stack)) if stack.protected => {
            let message = format!("`{name}` has termination protection, as every product in prod has");
            return Err(Failure::new(Name::StackProtected, message)
                .help(Name::StackProtected.help().replace("<stack>", name)));
        }
        (Deletion::Delete, Some(stack)) => {
            work.registry = registry(aws, &stack.id).await?;
            Next::Empty
        }
    };
    Ok(work)
}

/// The model registry of a stack, which must not have versions if the stack is to be deleted.
async fn registry<S, C: Stacks + Sync, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    stack_id: &str,
) -> Result<Option<Registry>, Failure> {
    let resources = aws.stacks.resources(stack_id).await.map_err(|error| failed(&error))?;
    let group = resources.iter().find(|it| it.kind == "AWS::SageMaker::ModelPackageGroup" && is_there(it));
    Ok(group.and_then(|group| group.physical_id.as_deref()).map(Registry::of))
}

/// What SageMaker said of the registry, which the state machine asked, before anything is deleted.
pub(crate) fn check_registry(mut work: Work) -> Result<Work, Failure> {
    work.registry.take().map_or(Ok(()), |registry| registry.check())?;
    Ok(work)
}

/// As [`owned`]; and a shell in which somebody's change set waits, for its approval or to be executed, is theirs.
async fn deletable<S, C: Stacks + Sync, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    stack: &Stack,
    work: &Work,
) -> Result<Result<(), Failure>, Failure> {
    let is_shell = stack.status == StackStatus::ReviewInProgress.as_str();
    let is_anybodys = is_shell && work.input.respond.is_some() && !stack.tags.contains_key(OWNER_TAG);
    if is_anybodys && !aws.stacks.change_sets(&stack.id).await.map_err(|error| failed(&error))?.is_empty() {
        let message =
            format!("a change set of others waits in the empty stack `{}`", work.product.stack_name);
        return Ok(Err(Failure::new(Name::StackTaken, message)));
    }
    Ok(owned(stack, work))
}

/// Whether the stack belongs to whom the work is for: to the custom resource that is answered, or to none.
fn owned(stack: &Stack, work: &Work) -> Result<(), Failure> {
    let owner = stack.tags.get(OWNER_TAG);
    let name = &work.product.stack_name;
    let message = match (owner, &work.input.respond) {
        (None, None) => return Ok(()),
        (Some(owner), Some(respond)) if *owner == respond.owner() => return Ok(()),
        // Nothing is changed by looking.
        (Some(_), None) if work.action == Action::ShowChanges => return Ok(()),
        // A shell without resources has no tags yet.
        (None, Some(_)) if stack.status == "REVIEW_IN_PROGRESS" => return Ok(()),
        (Some(owner), None) => {
            let message = format!("the stack `{name}` belongs to the custom resource `{owner}`");
            return Err(Failure::new(Name::StackTaken, message)
                .help("change or delete it there, in the template that has the custom resource"));
        }
        (Some(owner), Some(_)) => format!("the stack `{name}` belongs to another custom resource, `{owner}`"),
        (None, Some(_)) => format!("there is a stack `{name}` already, which belongs to no custom resource"),
    };
    Err(Failure::new(Name::StackTaken, message))
}

/// The stack, if it is there and ours.
async fn look<S, C: Stacks + Sync, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    work: &mut Work,
) -> Result<Option<Stack>, Failure> {
    let stack = aws.stacks.stack(work.named_stack()).await.map_err(|error| failed(&error))?;
    if let Some(stack) = &stack {
        // Stacks of our templates that were deployed by other means have no tags of their own.
        let manager = stack.tags.get("ManagedBy").filter(|manager| *manager != MANAGED_BY);
        if let Some(manager) = manager {
            let name = &work.product.stack_name;
            let message =
                format!("there is a stack `{name}` already, and its tag `ManagedBy` says `{manager}`");
            return Err(Failure::new(Name::StackTaken, message));
        }
        work.stack.id = Some(stack.id.clone());
        work.stack.status = Some(stack.status.clone());
    }
    Ok(stack)
}

fn with_reason(name: Name, stack_name: &str, stack: Option<&Stack>) -> Failure {
    let (status, reason) =
        stack.map_or(("gone", None), |stack| (stack.status.as_str(), stack.reason.as_deref()));
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    Failure::new(name, format!("the stack `{stack_name}` is {status}{reason}"))
        .help(name.help().replace("<stack>", stack_name))
}
