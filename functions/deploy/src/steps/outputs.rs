//! `ReadOutputs`: what the stack published, as others will read it.

use std::collections::BTreeMap;

use mlp_aws::parameters::{ParameterStore, read as read_parameters};
use mlp_core::deploy::failure::{Failure, Name};
use mlp_core::deploy::input::Action;

use super::unread;
use crate::Aws;
use crate::work::{Next, Work};

/// Reads every published value back. One that is missing is a failure: whoever needs it would look for it in vain.
pub(crate) async fn read<S, C, B, P: ParameterStore + Sync>(
    aws: &Aws<'_, S, C, B, P>,
    mut work: Work,
) -> Result<Work, Failure> {
    let found = read_parameters(aws.parameters, &work.product.published).await.map_err(unread)?;
    let mut outputs = BTreeMap::new();
    let mut missing = Vec::new();
    for (path, value) in found {
        match value {
            Ok(value) => {
                outputs.insert(path, value);
            }
            Err(reason) => missing.push(format!("`{path}`: {reason}")),
        }
    }
    if !missing.is_empty() {
        let message = format!("published values can't be read back: {}", missing.join("; "));
        return Err(Failure::new(Name::OutputsMissing, message));
    }
    work.outputs = outputs;
    let cleanup = work.action == Action::TestDeploy && !work.input.keep;
    work.next = if cleanup { Next::Delete } else { Next::Conclude };
    Ok(work)
}
