//! `ReadOutputs`: what the stack published, as others will read it.

use std::collections::BTreeMap;

use mlp_aws::cloudformation::stacks::Stacks;
use mlp_aws::ssm::parameters::{ParameterStore, read as read_parameters};

use crate::execution::aws::Aws;
use crate::execution::calls::{failed, unread};
use crate::execution::failure::{Failure, Name};
use crate::execution::input::Action;
use crate::execution::work::{Next, Work};

/// Reads every published value back. One that is missing or isn't the stack's is a failure: readers would get none, or
/// what somebody else wrote. The stack has an output for each, with the same value and the name of the path's last part.
pub(crate) async fn read<S, C: Stacks + Sync, B, P: ParameterStore + Sync>(
    aws: &Aws<'_, S, C, B, P>,
    mut work: Work,
) -> Result<Work, Failure> {
    let found = read_parameters(aws.parameters, &work.product.published).await.map_err(unread)?;
    let stack = aws.stacks.stack(&work.product.stack_name).await.map_err(|error| failed(&error))?;
    let of_stack = stack.map(|stack| stack.outputs).unwrap_or_default();
    let mut outputs = BTreeMap::new();
    let mut missing = Vec::new();
    for (path, value) in found {
        match value {
            Ok(value) => {
                let leaf = path.rsplit('/').next().unwrap_or_default();
                if of_stack.get(leaf).is_some_and(|wanted| *wanted != value) {
                    missing
                        .push(format!("`{path}`: it doesn't hold the value of the stack's output `{leaf}`"));
                }
                outputs.insert(path, value);
            }
            Err(reason) => missing.push(format!("`{path}`: {reason}")),
        }
    }
    if !missing.is_empty() {
        let message = format!("published values are missing or changed: {}", missing.join("; "));
        return Err(Failure::new(Name::OutputsMissing, message));
    }
    work.outputs = outputs;
    let cleanup = work.action == Action::TestDeploy && !work.input.keep;
    work.next = if cleanup { Next::Delete } else { Next::Conclude };
    Ok(work)
}
