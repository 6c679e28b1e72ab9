//! `InspectStack` and `InspectForDeletion`: the stack as it is, and what may be done with it.

use std::time::SystemTime;

use mlp_aws::cloudformation::stacks::{Stack, StackResource, Stacks};
use mlp_aws::s3::store::BucketStore;
use mlp_template::codes;
use mlp_template::finding::Finding;

use super::ownership;
use crate::custom_resource::requests as custom;
use crate::custom_resource::{Kind, OWNER_TAG};
use crate::execution::aws::Aws;
use crate::execution::calls::is_there;
use crate::execution::calls::{failed, random_digits, status_of};
use crate::execution::causes::Cause;
use crate::execution::failure::{Failure, Name};
use crate::execution::input::Action;
use crate::execution::ownership::ENVIRONMENT_TAG;
use crate::execution::read::approval;
use crate::execution::registry::Registry;
use crate::execution::status::{Deletion, Deployment, StackStatus};
use crate::execution::work::{Cleanup, Next, StackWork, Wait, Work};

/// The stack before a deployment.
pub(crate) async fn for_deployment<S, C: Stacks + Sync, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    mut work: Work,
) -> Result<Work, Failure> {
    if work.busy.take().is_some() {
        work.round += 1;
    }
    work.recreate = false;
    let before = std::mem::take(&mut work.stack).id;
    let named = work.named_stack().to_owned();
    let stack = look(aws, &mut work, &named).await?;
    let test = work.action == Action::TestDeploy;
    if let Some(stack) = stack.as_ref().filter(|stack| test && before.as_ref() != Some(&stack.id)) {
        // The test's name is its execution's. A stack that this execution didn't create is somebody's, and the test would
        // remove it in the end.
        let message =
            format!("there is a stack `{}` already, which this test didn't create", work.product.stack_name);
        return Err(Failure::new(Name::StackTaken, message).help(format!(
            "start the test again under another name; delete the stack `{}` if nobody needs it",
            stack.id
        )));
    }
    let status = stack.as_ref().map(status_of).transpose()?;
    if let Some(stack) = &stack {
        let adopted = ownership::check(aws, stack, &work).await?;
        adopt(aws, stack, &mut work, adopted);
        if work.action == Action::ShowChanges {
            // Who shows changes takes nothing from the stack's owner.
            let owner = stack.tags.get(OWNER_TAG).map(|owner| (OWNER_TAG.to_owned(), owner.clone()));
            work.product.tags.retain(|(key, _)| key != OWNER_TAG);
            work.product.tags.extend(owner);
        }
    }
    requested(aws, &work).await?;
    let name = &work.product.stack_name;
    // Whatever a test finds here is its own. What it is to create is known by its id when the change set has given that.
    let removed = test && !work.input.keep && stack.is_some();
    work.cleanup = if removed { Cleanup::Stack } else { Cleanup::ChangeSet };
    work.wait = Wait::default();
    work.stack.token = Some(random_digits()?);
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
        Deployment::Recreate if work.input.recreate_failed => {
            work.recreate = true;
            work.next = Next::Remove;
        }
        Deployment::Recreate if work.action == Action::ShowChanges => {
            let help = "a stack in this status can't be updated, so nothing can be shown: `deploy-product` with \
                        `\"recreate_failed\": true` empties its bucket, deletes it and creates it again";
            return Err(with_reason(Name::StackNotRecreated, name, stack.as_ref()).help(help));
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
pub(crate) async fn for_deletion<S: BucketStore + Sync, C: Stacks + Sync, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    mut work: Work,
) -> Result<Work, Failure> {
    unanswered(aws, &work).await?;
    // The test has created nothing, so a stack of its name is somebody's.
    if work.action == Action::TestDeploy && work.stack.id.is_none() {
        work.next = Next::Done;
        return Ok(work);
    }
    let decided = work.stack.id.clone().filter(|_| work.recreate && work.original.is_none());
    let named = work.stack_to_delete().to_owned();
    let stack = look(aws, &mut work, &named).await?;
    let status = stack.as_ref().map(status_of).transpose()?;
    work.wait = Wait::default();
    // That a stack never came to be was said of one stack, as it was then. Another execution may have created it since: what
    // is done with the stack that is there now is decided anew.
    if let (Some(decided), Some(stack)) = (decided, &stack)
        && (decided != stack.id || !may_be_recreated(status))
    {
        work.next = Next::Done;
        return Ok(work);
    }
    if let Some(stack) = &stack {
        match deletable(aws, stack, &work).await {
            Ok(adopted) => adopt(aws, stack, &mut work, adopted),
            // A resource that goes leaves what isn't its own.
            Err(taken) if taken.name == Name::StackTaken && work.input.respond.is_some() => {
                let message = format!("{}; it was left alone", taken.message);
                work.findings.push(Finding::warning(codes::DEP_NOT_OWNED, "", message));
                work.stack = StackWork::default();
                work.next = Next::Done;
                return Ok(work);
            }
            Err(failure) => return Err(failure),
        }
    }
    let name = &work.product.stack_name;
    work.registry = None;
    work.next = match (StackStatus::deletion(status), &stack) {
        (Deletion::Nothing, _) | (_, None) => Next::Done,
        (Deletion::Busy, stack) => return Err(with_reason(Name::StackBusy, name, stack.as_ref())),
        (Deletion::Follow, _) => Next::Follow,
        (Deletion::Delete, Some(stack)) if stack.protected => {
            let why = match work.product.env.as_str() {
                "prod" => "as every product in prod has",
                "" => "which every product in prod has, and which somebody may switch on for others",
                _ => "which somebody switched on",
            };
            let message = format!("`{name}` has termination protection, {why}");
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

/// Whether a stack in this status is deleted to be created again, or is on its way.
fn may_be_recreated(status: Option<StackStatus>) -> bool {
    StackStatus::deployment(status) == Deployment::Recreate
        || matches!(StackStatus::deletion(status), Deletion::Nothing | Deletion::Follow)
}

/// Keeps what is to be said of a stack that is taken over. One that doesn't say which environment it is for may be for prod,
/// whatever the config says.
fn adopt<S, C, B, P>(aws: &Aws<'_, S, C, B, P>, stack: &Stack, work: &mut Work, adopted: Option<Finding>) {
    if adopted.is_some() && work.approval.is_none() && !stack.tags.contains_key(ENVIRONMENT_TAG) {
        work.approval = approval(aws.settings, &work.input, "");
    }
    work.findings.extend(adopted);
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

/// As [`ownership::check`]; and a shell in which somebody's change set waits, for its approval or to be executed, is theirs,
/// and so is what CloudFormation calls a resource in use.
async fn deletable<S, C: Stacks + Sync, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    stack: &Stack,
    work: &Work,
) -> Result<Option<Finding>, Failure> {
    if work.input.respond.as_ref().is_some_and(|respond| respond.request_type == Kind::Delete)
        && stack.status == StackStatus::ReviewInProgress.as_str()
        && !stack.tags.contains_key(OWNER_TAG)
        && !aws.stacks.change_sets(&stack.id).await.map_err(|error| failed(&error))?.is_empty()
    {
        let name = &work.product.stack_name;
        let message = format!("a change set of others waits in the empty stack `{name}`");
        return Err(Failure::new(Name::StackTaken, message));
    }
    requested(aws, work).await?;
    ownership::check(aws, stack, work).await
}

/// Whether CloudFormation still wants what a custom resource's execution is to make or to delete. It calls a creation off when
/// another resource fails, and deletes what it then believes to be there. Who may call the function can have a deletion
/// accepted in a moment in which CloudFormation might have sent it, so it is asked before every step that deletes.
pub(crate) async fn requested<S, C: Stacks + Sync, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    work: &Work,
) -> Result<(), Failure> {
    let Some(respond) = &work.input.respond else { return Ok(()) };
    let (seen, is_waited_for) = custom::look_up(aws.stacks, respond).await?;
    let status = seen.as_ref().map(|seen| seen.status.as_str());
    if respond.request_type == Kind::Delete
        && let (Some(seen), Some(stack)) = (&seen, &work.stack.id)
        && is_in_use(seen, stack)
    {
        let (status, name) = (&seen.status, &work.product.stack_name);
        let message = format!(
            "CloudFormation says that the custom resource is {status}, and that the stack `{name}` is what it stands for"
        );
        return Err(Failure::new(Name::StackTaken, message));
    }
    if is_waited_for {
        return Ok(());
    }
    let (id, status) = (&respond.logical_resource_id, status.unwrap_or("gone"));
    let message = format!("CloudFormation says that the custom resource `{id}` is {status}");
    Err(Failure::new(Name::RequestWithdrawn, message))
}

/// Whether CloudFormation says that the stack is what the resource stands for, complete and current.
fn is_in_use(seen: &StackResource, stack_id: &str) -> bool {
    seen.status.ends_with("_COMPLETE")
        && seen.status != "DELETE_COMPLETE"
        && seen.physical_id.as_deref() == Some(stack_id)
}

/// Waits as long as another execution creates or updates what this one is to delete: both work on one custom resource, and
/// CloudFormation may send the deletion first.
async fn unanswered<S: BucketStore + Sync, C, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    work: &Work,
) -> Result<(), Failure> {
    let Some(respond) = work.input.respond.as_ref().filter(|respond| respond.request_type == Kind::Delete)
    else {
        return Ok(());
    };
    let now = aws.now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let others = custom::waiting(aws.store, &aws.settings.bucket, respond).await?;
    let other = others.into_iter().find(|it| it.request_type != Kind::Delete && now <= it.answer_by);
    let Some(other) = other else { return Ok(()) };
    let id = &other.logical_resource_id;
    let message =
        format!("an execution still works on the request to create or update the custom resource `{id}`");
    Err(Failure::new(Name::StackBusy, message))
}

/// The stack, if it is there.
async fn look<S, C: Stacks + Sync, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    work: &mut Work,
    named: &str,
) -> Result<Option<Stack>, Failure> {
    let stack = aws.stacks.stack(named).await.map_err(|error| failed(&error))?;
    if let Some(stack) = &stack {
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
