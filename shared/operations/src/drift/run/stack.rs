//! One stack of a run.

use mlp_aws::drift::DriftApi;
use mlp_aws::drift::StackDescription;
use mlp_aws::s3::store::BucketStore;
use tokio::time::Instant;

use crate::drift::run::{Aws, Failure};
use crate::drift::snapshot::{CheckError, CheckErrorKind, ConfigSnapshot, Detection, StackSnapshot};
use crate::drift::{IgnoreList, ReportContext, evaluate, stack_html};
use crate::drift::{StackRef, keys};
use crate::drift::{check, ran_out_of_time};
use crate::objects::{New, newest, once, read};
use crate::time::rfc3339;

/// What happens when the time was too short for a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfOutOfTime {
    /// Nothing is stored: the state machine, which has more time, checks it again.
    Defer,
    /// The report says that it could not be checked.
    Record,
}

/// Checks a stack until the deadline and stores its report, unless this run has one already; whether it has one now.
pub(crate) async fn check_and_store<A, S, E>(
    aws: Aws<'_, A, S, E>,
    run: &str,
    item: &StackRef,
    ignore: &IgnoreList,
    (deadline, if_out_of_time): (Instant, IfOutOfTime),
) -> Result<bool, Failure>
where
    A: DriftApi + Sync,
    S: BucketStore + Sync,
{
    let (store, bucket) = (aws.store, aws.settings.bucket.as_str());
    let key = keys::report(run, &item.stack);
    if store.head(bucket, &key).await?.is_some() {
        return Ok(true);
    }
    let mut seen = take_snapshot(aws, item, deadline).await;
    if if_out_of_time == IfOutOfTime::Defer && ran_out_of_time(&seen) {
        return Ok(false);
    }
    let checked_at = rfc3339(aws.clock.now());
    if let Some(place) = &item.config {
        let bytes = match read(store, &place.bucket, &place.key).await {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err("it was deleted".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        seen.config = Some(ConfigSnapshot { bucket: place.bucket.clone(), key: place.key.clone(), bytes });
    }
    let about = ReportContext { run: run.to_owned(), checked_at, suite: aws.settings.suite.clone() };
    let report = evaluate(&seen, ignore, &about)?;
    let mut bytes = serde_json::to_vec_pretty(&report)?;
    bytes.push(b'\n');
    let html = stack_html(&report)?.into_bytes();
    let latest = keys::latest(&item.stack);
    let (latest_json, latest_html) = (format!("{latest}.json"), format!("{latest}.html"));
    let page = "text/html; charset=utf-8";
    // The latest report first: once the run has its report, the stack isn't checked again.
    newest(store, bucket, New { key: &latest_json, bytes: bytes.clone(), media_type: "application/json" })
        .await?;
    newest(store, bucket, New { key: &latest_html, bytes: html.clone(), media_type: page }).await?;
    let dated = key.trim_end_matches("json").to_owned() + "html";
    once(store, bucket, New { key: &dated, bytes: html, media_type: page }).await?;
    once(store, bucket, New { key: &key, bytes, media_type: "application/json" }).await?;
    Ok(true)
}

async fn take_snapshot<A, S, E>(aws: Aws<'_, A, S, E>, item: &StackRef, deadline: Instant) -> StackSnapshot
where
    A: DriftApi + Sync,
{
    let unseen = |kind, reason: String| {
        let refused = CheckError { kind, reason };
        let stack =
            StackDescription { id: item.id.clone(), name: item.stack.clone(), ..StackDescription::default() };
        StackSnapshot {
            stack,
            template: Err(refused.clone()),
            resources: Err(refused.clone()),
            detection: Detection::Failed(refused),
            probes: Vec::new(),
            config: None,
        }
    };
    // By its id: a stack that was created again with the same name is another stack.
    match aws.limiter.call(deadline, || aws.api.stack(&item.id)).await {
        Ok(Some(stack)) if stack.status != "DELETE_COMPLETE" => {
            check(aws.api, aws.limiter, deadline, &stack).await
        }
        Ok(_) => unseen(CheckErrorKind::Gone, "the stack was deleted".to_owned()),
        Err(error) => {
            let kind = match error.kind {
                mlp_aws::calls::Kind::Denied => CheckErrorKind::Denied,
                mlp_aws::calls::Kind::Throttled => CheckErrorKind::Throttled,
                _ => CheckErrorKind::Unavailable,
            };
            unseen(kind, error.to_string())
        }
    }
}
