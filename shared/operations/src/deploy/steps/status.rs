//! The status object of the config that an execution works on: it is told how the deployment stands.

use std::time::SystemTime;

use mlp_aws::s3::store::BucketStore;

use crate::execution::aws::Aws;
use crate::execution::calls::store_failed;
use crate::execution::failure::Failure;
use crate::execution::outcome::Report;
use crate::execution::work::{Approval, Work};
use crate::generate::status::{self, Deployment};
use crate::generate::storing::CONFIG_PREFIX;
use crate::time::rfc3339;

/// Somebody must approve, until a time.
pub(crate) async fn waits<S: BucketStore + Sync, C, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    execution: &str,
    work: &Work,
    expires: String,
) -> Result<(), Failure> {
    let deployment = Deployment {
        expires: Some(expires),
        warning: work.approval.as_ref().and_then(Approval::warning).map(str::to_owned),
        changes: serde_json::to_value(&work.changes).ok(),
        ..deployment(aws, execution, work, status::WAITING)
    };
    tell(aws, work, &deployment).await
}

/// The deployment or deletion has ended; `result` is where its result object is.
pub(crate) async fn ended<S: BucketStore + Sync, C, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    work: &Work,
    report: &Report,
    result: String,
) -> Result<(), Failure> {
    let outcome = serde_json::to_value(report.outcome).unwrap_or_default();
    let deployment = Deployment {
        changes: serde_json::to_value(&report.changes).ok().filter(|changes| !changes.is_null()),
        result: Some(result),
        ..deployment(aws, &report.execution, work, outcome.as_str().unwrap_or_default())
    };
    tell(aws, work, &deployment).await
}

fn deployment<S, C, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    execution: &str,
    work: &Work,
    state: &str,
) -> Deployment {
    Deployment {
        execution: execution.to_owned(),
        action: work.action.as_str().to_owned(),
        stack_name: Some(work.product.stack_name.clone()).filter(|name| !name.is_empty()),
        warning: None,
        state: state.to_owned(),
        at: utc(aws.now),
        expires: None,
        version_id: work.source.version_id.clone(),
        changes: None,
        result: None,
    }
}

/// The stack that the config made before, if that was another one: it stays.
pub(crate) async fn earlier_stack<S: BucketStore + Sync, C, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    work: &Work,
) -> Result<Option<String>, Failure> {
    let (suite, source) = (&aws.settings.bucket, &work.source);
    let (Some(bucket), Some(key)) = (&source.bucket, &source.key) else { return Ok(None) };
    if bucket != suite || !key.starts_with(CONFIG_PREFIX) {
        return Ok(None);
    }
    let told = status::deployment(aws.store, suite, key).await.map_err(|error| store_failed(&error))?;
    let there = ["created", "updated", "unchanged"];
    let told = told.filter(|it| there.contains(&it.state.as_str()) && it.action == work.action.as_str());
    Ok(told.and_then(|it| it.stack_name).filter(|name| *name != work.product.stack_name))
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

/// As status objects and requests write it.
pub(crate) fn utc(time: SystemTime) -> String {
    rfc3339(time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}
