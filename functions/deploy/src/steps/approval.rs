//! `RequestApproval`: the token by which the waiting execution is answered is kept where `mlp approve` finds it, and the
//! config's status object is told that somebody is waited for.

use std::time::Duration;

use mlp_aws::store::BucketStore;
use mlp_core::deploy::failure::Failure;
use mlp_core::deploy::identity::Execution;
use serde_json::json;

use super::status::{self, utc};
use super::storing::{New, newest};
use crate::Aws;
use crate::work::Work;

/// Stores the request. A request that is made again has a new token; the old one is worth nothing then.
pub(crate) async fn request<S: BucketStore + Sync, C, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    execution: &str,
    work: Work,
    token: &str,
) -> Result<Work, Failure> {
    let name = Execution::new(execution).name();
    let seconds = work.approval.as_ref().map_or(0, |approval| approval.timeout_seconds);
    let expires = utc(aws.now + Duration::from_secs(seconds));
    let request = json!({
        "task_token": token,
        "execution": execution,
        "ml_name": work.product.ml_name,
        "stack_name": work.product.stack_name,
        "changes": work.changes,
        "timeout_seconds": seconds,
        "expires": &expires,
    });
    let key = format!("deployments/{name}-approval.json");
    let bytes = serde_json::to_vec_pretty(&request).unwrap_or_default();
    newest(aws.store, &aws.settings.bucket, New { key: &key, bytes, media_type: "application/json" }).await?;
    status::waits(aws, execution, &work, expires).await?;
    Ok(work)
}
