//! `RequestApproval`: the token by which the waiting execution is answered is kept where `mlp approve` finds it, and the
//! config's status object is told that somebody is waited for.

use std::time::{Duration, SystemTime};

use mlp_aws::status::{self, Deployment};
use mlp_aws::store::BucketStore;
use mlp_aws::storing::CONFIG_PREFIX;
use mlp_core::deploy::failure::Failure;
use mlp_core::deploy::identity::Execution;
use mlp_core::deploy::outcome::Report;
use mlp_core::drift::rfc3339;
use serde_json::json;

use super::store_failed;
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
        "expires": expires,
    });
    let key = format!("deployments/{name}-approval.json");
    let bytes = serde_json::to_vec_pretty(&request).unwrap_or_default();
    newest(aws.store, &aws.settings.bucket, New { key: &key, bytes, media_type: "application/json" }).await?;
    let deployment = Deployment {
        execution: execution.to_owned(),
        action: work.action.as_str().to_owned(),
        state: "waiting-for-approval".to_owned(),
        at: utc(aws.now),
        expires: Some(expires),
        version_id: work.source.version_id.clone(),
        changes: serde_json::to_value(&work.changes).ok(),
        result: None,
    };
    tell(aws, &work, &deployment).await?;
    Ok(work)
}

/// Tells the config's status object how the deployment or deletion ended.
pub(crate) async fn end<S: BucketStore + Sync, C, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    work: &Work,
    report: &Report,
    result: &str,
) -> Result<(), Failure> {
    let outcome = serde_json::to_value(report.outcome).unwrap_or_default();
    let deployment = Deployment {
        execution: report.execution.clone(),
        action: work.action.as_str().to_owned(),
        state: outcome.as_str().unwrap_or_default().to_owned(),
        at: utc(aws.now),
        expires: None,
        version_id: work.source.version_id.clone(),
        changes: serde_json::to_value(&report.changes).ok().filter(|changes| !changes.is_null()),
        result: Some(result.to_owned()),
    };
    tell(aws, work, &deployment).await
}

async fn tell<S: BucketStore + Sync, C, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    work: &Work,
    deployment: &Deployment,
) -> Result<(), Failure> {
    let (suite, source) = (&aws.settings.bucket, &work.source);
    // Only what was dropped into the suite's bucket has a status.
    if let (Some(bucket), Some(key)) = (&source.bucket, &source.key)
        && bucket == suite
        && key.starts_with(CONFIG_PREFIX)
    {
        status::tell(aws.store, suite, key, deployment).await.map_err(|error| store_failed(&error))?;
    }
    Ok(())
}

fn utc(time: SystemTime) -> String {
    rfc3339(time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}
