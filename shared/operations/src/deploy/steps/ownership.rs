//! Whose the stack is that a product's stack would be.

use mlp_aws::cloudformation::stacks::{Stack, Stacks};
use mlp_template::codes;
use mlp_template::finding::Finding;

use crate::custom_resource::OWNER_TAG;
use crate::execution::aws::Aws;
use crate::execution::calls::failed;
use crate::execution::calls::is_there;
use crate::execution::failure::{Failure, Name};
use crate::execution::input::Action;
use crate::execution::ownership::{Ownership, made_for};
use crate::execution::status::StackStatus;
use crate::execution::work::Work;

/// Whether the stack is this product's and belongs to whom the work is for: to the custom resource that is answered, or to
/// none. Answers what is to be said of one that is taken over.
///
/// # Errors
///
/// [`Name::StackTaken`], with what would have to be otherwise.
pub(crate) async fn check<S, C: Stacks + Sync, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    stack: &Stack,
    work: &Work,
) -> Result<Option<Finding>, Failure> {
    // A stack that is gone is nobody's. A shell has no resources, and often no tags yet.
    let is_gone = stack.status == StackStatus::DeleteComplete.as_str();
    let is_new = stack.status == StackStatus::ReviewInProgress.as_str() && stack.tags.is_empty();
    if is_gone || is_new {
        return Ok(None);
    }
    let by_tags = tagged(aws, stack, work).await?;
    let by_owner = owned(aws, stack, work).await?;
    Ok(by_tags.or(by_owner))
}

/// By the tags that name product, company, tenant and environment.
async fn tagged<S, C: Stacks + Sync, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    stack: &Stack,
    work: &Work,
) -> Result<Option<Finding>, Failure> {
    let name = &work.product.stack_name;
    let missing = match Ownership::of(&stack.tags, &work.product.tags) {
        Ownership::Ours => return Ok(None),
        Ownership::Unproven { missing } => missing,
        Ownership::Others { tag, found, wanted } => {
            let message = format!(
                "there is a stack `{name}` already, and its tag `{tag}` says `{found}`; this product's says `{wanted}`"
            );
            return Err(Failure::new(Name::StackTaken, message));
        }
    };
    let tags: Vec<String> = missing.iter().map(|tag| format!("`{tag}`")).collect();
    let message = format!("there is a stack `{name}` already, and it lacks the tags {}", tags.join(", "));
    if work.action == Action::ShowChanges {
        // Nothing is changed by looking.
        let finding = Finding::warning(codes::DEP_NOT_OWNED, "", message);
        return Ok(Some(finding.help("a deployment needs `\"adopt\": true` (`--adopt`) to take it over")));
    }
    let template = aws.stacks.template(&stack.id).await.map_err(|error| failed(&error))?;
    let is_ours = template
        .as_deref()
        .and_then(made_for)
        .is_some_and(|made_for| made_for.ml_name == work.product.ml_name && made_for.stack_name == *name);
    match (is_ours, work.input.adopt) {
        (true, true) => Ok(Some(Finding::warning(codes::DEP_ADOPTED, "", format!("{message}; it is taken over")))),
        (true, false) => Err(Failure::new(Name::StackTaken, message).help(
            "its template is this product's. If the stack is to become it: start it again with `\"adopt\": true` (`--adopt`)",
        )),
        (false, _) => {
            let message = format!("{message}; its template is not this product's either");
            Err(Failure::new(Name::StackTaken, message))
        }
    }
}

/// By the tag that names the custom resource that a stack belongs to.
async fn owned<S, C: Stacks + Sync, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    stack: &Stack,
    work: &Work,
) -> Result<Option<Finding>, Failure> {
    let owner = stack.tags.get(OWNER_TAG);
    let name = &work.product.stack_name;
    let message = match (owner, &work.input.respond) {
        (None, None) => return Ok(None),
        (Some(owner), Some(respond)) if *owner == respond.owner() => return Ok(None),
        // Nothing is changed by looking.
        (Some(_), None) if work.action == Action::ShowChanges => return Ok(None),
        // A shell without resources has no tags yet.
        (None, Some(_)) if stack.status == StackStatus::ReviewInProgress.as_str() => return Ok(None),
        (Some(owner), None) => {
            let message = format!("the stack `{name}` belongs to the custom resource `{owner}`");
            let taken = Failure::new(Name::StackTaken, message.clone());
            return match (exists(aws, owner).await?, work.input.adopt) {
                (true, _) => {
                    Err(taken.help("change or delete it there, in the template that has the custom resource"))
                }
                (false, true) => {
                    let message = format!("{message}, which no longer exists; it is taken over");
                    Ok(Some(Finding::warning(codes::DEP_ADOPTED, "", message)))
                }
                (false, false) => Err(taken.help(
                    "the custom resource no longer exists: start it again with `\"adopt\": true` (`--adopt`) to take the stack over",
                )),
            };
        }
        (Some(owner), Some(_)) => format!("the stack `{name}` belongs to another custom resource, `{owner}`"),
        (None, Some(_)) => format!("there is a stack `{name}` already, which belongs to no custom resource"),
    };
    Err(Failure::new(Name::StackTaken, message))
}

/// Whether the custom resource is there that a tag names ([`Respond::owner`](mlp_operations::custom_resource::Respond::owner)): its stack's
/// name and own id, and the start of its logical id at least.
async fn exists<S, C: Stacks + Sync, B, P>(aws: &Aws<'_, S, C, B, P>, owner: &str) -> Result<bool, Failure> {
    let mut parts = owner.splitn(3, '/');
    let (Some(name), Some(id)) = (parts.next(), parts.next()) else { return Ok(false) };
    let suite = &aws.settings.suite;
    let (Some(account), Some(region)) = (&suite.account_id, &suite.region) else {
        return Err(Failure::new(Name::Internal, "the suite's account and region aren't known"));
    };
    let partition = &aws.settings.partition;
    let stack_id = format!("arn:{partition}:cloudformation:{region}:{account}:stack/{name}/{id}");
    let Some(stack) = aws.stacks.stack(&stack_id).await.map_err(|error| failed(&error))? else {
        return Ok(false);
    };
    if stack.status == StackStatus::DeleteComplete.as_str() {
        return Ok(false);
    }
    let resources = aws.stacks.resources(&stack.id).await.map_err(|error| failed(&error))?;
    let of = |logical_id: &str| crate::custom_resource::owner(&stack.id, logical_id);
    Ok(resources.iter().any(|resource| is_there(resource) && of(&resource.logical_id) == owner))
}
