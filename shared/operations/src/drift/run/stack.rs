//! One stack of a run.

use mlp_aws::drift::DriftApi;
use mlp_aws::drift::StackSeen;
use mlp_aws::s3::store::BucketStore;
use tokio::time::Instant;

use crate::drift::run::{Aws, Failure};
use crate::drift::seen::{ConfigSeen, CouldNot, Detection, Refused, Seen};
use crate::drift::{About, Ignore, judge, stack_html};
use crate::drift::{Item, keys};
use crate::drift::{check, ran_out_of_time};
use crate::objects::{New, newest, once, read};
use crate::time::rfc3339;

/// Who looks at a stack when the time was too short for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Late {
    /// Somebody who has more time: nothing is stored.
    Another,
    /// Nobody: it could not be checked.
    Nobody,
}

/// Checks a stack until the deadline and stores its report, unless this run has one already; whether it has one now.
pub(crate) async fn settle<A, S, E>(
    aws: Aws<'_, A, S, E>,
    run: &str,
    item: &Item,
    ignore: &Ignore,
    (deadline, late): (Instant, Late),
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
    let mut seen = look(aws, item, deadline).await;
    if late == Late::Another && ran_out_of_time(&seen) {
        return Ok(false);
    }
    let checked_at = rfc3339(aws.clock.now());
    if let Some(place) = &item.config {
        let bytes = match read(store, &place.bucket, &place.key).await {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err("it is gone".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        seen.config = Some(ConfigSeen { bucket: place.bucket.clone(), key: place.key.clone(), bytes });
    }
    let about = About { run: run.to_owned(), checked_at, suite: aws.settings.suite.clone() };
    let report = judge(&seen, ignore, &about)?;
    let mut bytes = serde_json::to_vec_pretty(&report)?;
    bytes.push(b'\n');
    let html = stack_html(&report)?.into_bytes();
    let latest = keys::latest(&item.stack);
    let (latest_json, latest_html) = (format!("{latest}.json"), format!("{latest}.html"));
    let page = "text/html; charset=utf-8";
    // The latest first: once the run has its report, nobody comes back.
    newest(store, bucket, New { key: &latest_json, bytes: bytes.clone(), media_type: "application/json" })
        .await?;
    newest(store, bucket, New { key: &latest_html, bytes: html.clone(), media_type: page }).await?;
    let dated = key.trim_end_matches("json").to_owned() + "html";
    once(store, bucket, New { key: &dated, bytes: html, media_type: page }).await?;
    once(store, bucket, New { key: &key, bytes, media_type: "application/json" }).await?;
    Ok(true)
}

async fn look<A, S, E>(aws: Aws<'_, A, S, E>, item: &Item, deadline: Instant) -> Seen
where
    A: DriftApi + Sync,
{
    let unseen = |why, reason: String| {
        let refused = Refused { why, reason };
        let stack = StackSeen { id: item.id.clone(), name: item.stack.clone(), ..StackSeen::default() };
        Seen {
            stack,
            template: Err(refused.clone()),
            resources: Err(refused.clone()),
            detection: Detection::CouldNot(refused),
            probes: Vec::new(),
            config: None,
        }
    };
    // By its id: one of the same name that was made anew meanwhile is another stack.
    match aws.pace.call(deadline, || aws.api.stack(&item.id)).await {
        Ok(Some(stack)) if stack.status != "DELETE_COMPLETE" => {
            check(aws.api, aws.pace, deadline, &stack).await
        }
        Ok(_) => unseen(CouldNot::Gone, "the stack was deleted".to_owned()),
        Err(error) => {
            let why = match error.kind {
                mlp_aws::calls::Kind::Denied => CouldNot::Denied,
                mlp_aws::calls::Kind::Throttled => CouldNot::Throttled,
                _ => CouldNot::Unavailable,
            };
            unseen(why, error.to_string())
        }
    }
}
