//! `ReadFleet` and `SummariseFleet`: the beginning and the end of a fleet's execution.

use mlp_aws::store::{BucketStore, ErrorKind};
use mlp_core::deploy::failure::{Failure, Name};
use mlp_core::deploy::fleet::{Fleet, Item, MOST, Summary};
use mlp_core::deploy::identity::Execution;
use mlp_core::deploy::outcome::Report;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::read::invalid;
use super::store_failed;
use super::storing::{New, newest, once};
use crate::Aws;

/// What the state machine carries: where the list of executions is, and how they run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Work {
    bucket: String,
    /// The list's key.
    items: String,
    total: usize,
    concurrency: u64,
    tolerated_failure_percentage: u64,
    /// What the map was caught with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failed: Option<Json>,
}

/// Lists the configs and keeps what each one's execution is told.
pub(crate) async fn read<S: BucketStore + Sync, C, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    execution: &str,
    input: &Json,
) -> Result<Work, Failure> {
    let wrong = |findings| invalid("the execution's input", findings);
    let fleet = Fleet::read(input).map_err(wrong)?;
    let execution = Execution::new(execution);
    let key = format!("deployments/fleets/{}-items.json", execution.name());
    let bucket = aws.settings.bucket.clone();
    // What is no config lies among them, so more is listed than may be.
    let listed = aws.store.list(&fleet.bucket, &fleet.prefix, MOST * 10).await;
    let keys: Vec<String> =
        listed.map_err(|error| store_failed(&error))?.into_iter().map(|object| object.key).collect();
    let items = fleet.items(execution, &keys).map_err(|finding| wrong(vec![finding]))?;
    let bytes = serde_json::to_vec(&items).unwrap_or_default();
    // A second run of this task keeps the first one's list, whatever was uploaded between them.
    once(aws.store, &bucket, New { key: &key, bytes, media_type: "application/json" }).await?;
    let items = list(aws.store, &bucket, &key).await?;
    Ok(Work {
        bucket,
        items: key,
        total: items.len(),
        concurrency: fleet.concurrency,
        tolerated_failure_percentage: fleet.tolerated_failure_percentage,
        failed: None,
    })
}

/// Reads every product's result and keeps one summary.
pub(crate) async fn summarise<S: BucketStore + Sync, C, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    execution: &str,
    work: &Json,
) -> Result<Summary, Failure> {
    let work: Work = serde_json::from_value(work.clone())
        .map_err(|error| Failure::new(Name::Internal, format!("the fleet's work can't be read: {error}")))?;
    let mut results = Vec::with_capacity(work.total);
    for item in list(aws.store, &work.bucket, &work.items).await? {
        let key = format!("deployments/{}.json", item.name);
        let report: Option<Report> = match aws.store.get(&work.bucket, &key, None, None).await {
            Ok(object) => serde_json::from_slice(&object.bytes).ok(),
            Err(error) if error.kind == ErrorKind::Gone => None,
            Err(error) => return Err(store_failed(&error)),
        };
        results.push((item, report));
    }
    let summary = Summary::new(execution, work.failed.is_some(), results);
    let key = format!("deployments/fleets/{}.json", Execution::new(execution).name());
    let mut bytes = serde_json::to_vec_pretty(&summary).unwrap_or_default();
    bytes.push(b'\n');
    newest(aws.store, &work.bucket, New { key: &key, bytes, media_type: "application/json" }).await?;
    Ok(summary.short())
}

async fn list<S: BucketStore + Sync>(store: &S, bucket: &str, key: &str) -> Result<Vec<Item>, Failure> {
    let object = store.get(bucket, key, None, None).await.map_err(|error| store_failed(&error))?;
    serde_json::from_slice(&object.bytes)
        .map_err(|error| Failure::new(Name::Internal, format!("`{key}` can't be read: {error}")))
}
