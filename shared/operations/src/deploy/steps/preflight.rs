//! `Preflight`: what the stack needs is there, and what it makes is not.

use mlp_aws::cloudformation::stacks::Stacks;
use mlp_aws::s3::store::BucketStore;
use mlp_aws::s3::versions::VersionedBucket;
use mlp_aws::ssm::parameters::{ParameterStore, read};
use mlp_template::codes;
use mlp_template::finding::{Finding, blocks};

use super::status::earlier_stack;
use crate::deploy::preflight::{Preflight, Role};
use crate::execution::aws::Aws;
use crate::execution::calls::is_there;
use crate::execution::calls::{failed, status_of, unread};
use crate::execution::failure::{Failure, Name};
use crate::execution::identity::Execution;
use crate::execution::input::Action;
use crate::execution::read::{config, defect, invalid};
use crate::execution::status::{Deployment, StackStatus};
use crate::execution::work::Work;

/// Looks up everything at once; whatever is missing is told together, before a change set is made.
pub(crate) async fn check<S, C, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    execution: &str,
    mut work: Work,
) -> Result<Work, Failure>
where
    S: BucketStore + Sync,
    C: Stacks + Sync,
    B: VersionedBucket + Sync,
    P: ParameterStore + Sync,
{
    let execution = Execution::new(execution);
    let (bytes, _) = config(aws.store, aws.settings, execution, &mut work.input).await?;
    let test = (work.action == Action::TestDeploy).then(|| execution.test_workload());
    let preflight = Preflight::of(&bytes, test.as_deref()).map_err(|error| defect(&error))?;
    let mut preflight = preflight
        .ok_or_else(|| Failure::new(Name::Internal, "the config that was good a moment ago has mistakes"))?;

    // What the suite's roles may not read is not asked for: SSM would refuse the whole call.
    let mut findings = preflight.within(&aws.settings.parameter_paths);
    let parameters = read(aws.parameters, &preflight.ssm_paths()).await.map_err(unread)?;
    findings.extend(preflight.check_parameters(&parameters));
    findings.extend(preflight.check_suite_bucket(&aws.settings.bucket, &parameters));
    if let Some(bucket) = preflight.source_bucket() {
        let seen = aws.buckets.look(bucket).await.map_err(|error| failed(&error))?;
        findings.extend(preflight.check_source(&seen));
    }
    let stack = aws.stacks.stack(&work.product.stack_name).await.map_err(|error| failed(&error))?;
    let status = stack.as_ref().map(status_of).transpose()?;
    // A stack that is there has its bucket, or had it.
    if StackStatus::deployment(status) == Deployment::Create
        && let Some(bucket) = preflight.own_bucket()
    {
        let seen = aws.buckets.look(bucket).await.map_err(|error| failed(&error))?;
        findings.extend(preflight.check_collision(&seen));
    }
    if work.action == Action::DeployProduct
        && let Some(earlier) = earlier_stack(aws, &work).await?
    {
        let message = format!(
            "this config was deployed as the stack `{earlier}` before; with other names it makes another product, and that one stays"
        );
        let help = format!("if nobody needs it any more: `mlp delete-product --stack {earlier}`");
        findings.push(Finding::warning(codes::DEP_RENAMED, "", message).help(help));
    }
    if blocks(&findings) {
        let failure = invalid("what the stack needs", findings);
        return Err(Failure { name: Name::PreflightFailed, ..failure });
    }
    work.findings.extend(findings);
    work.network = preflight.network(&parameters);
    if let (Some(network), Some(stack)) = (&mut work.network, &stack) {
        let resources = aws.stacks.resources(&stack.id).await.map_err(|error| failed(&error))?;
        let own = resources.into_iter().filter(|it| it.kind == "AWS::EC2::VPCEndpoint" && is_there(it));
        network.own_endpoints = own.filter_map(|it| it.physical_id).collect();
    }
    // What is there already takes nothing more.
    work.quotas = (StackStatus::deployment(status) == Deployment::Create).then(|| preflight.quotas());
    work.role = aws.settings.service_role.as_deref().and_then(Role::of);
    Ok(work)
}

/// What EC2 said of the network and IAM of the service role, which the state machine asked. Both are needed no more
/// afterwards.
pub(crate) fn surroundings(mut work: Work) -> Result<Work, Failure> {
    let mut findings = work.network.take().map(|network| network.check()).unwrap_or_default();
    findings.extend(work.quotas.take().map(|quotas| quotas.check()).unwrap_or_default());
    findings.extend(work.role.take().and_then(|role| role.check()));
    if blocks(&findings) {
        let failure = invalid("what the stack needs", findings);
        return Err(Failure { name: Name::PreflightFailed, ..failure });
    }
    work.findings.extend(findings);
    Ok(work)
}
