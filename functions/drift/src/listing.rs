//! Which stacks a run is about: found once, stored once.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt as _};
use mlp_aws::drift::{DriftApi, managed};
use mlp_aws::objects::{New, once, read};
use mlp_aws::store::{BucketStore, Condition, ErrorKind, Metadata, Put};
use mlp_core::drift::ignore::KEY;
use mlp_core::drift::keys;
use mlp_core::drift::{Ignore, Item, Order, Place};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use tokio::time::Instant;

use crate::{Aws, Failure};

/// Who works on a run, and what it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claim {
    /// The invocation's request.
    pub(crate) request: String,
    /// Until when, in seconds since 1970: nobody else begins before.
    pub(crate) until: u64,
}

/// The most status objects that are read for the places of configs.
const STATUSES: usize = 20_000;

/// Whether the run is ours: nobody else works on it, or whoever did is long over.
pub(crate) async fn claim<A, S, E>(aws: Aws<'_, A, S, E>, run: &str) -> Result<bool, Failure>
where
    S: BucketStore + Sync,
{
    let (key, bucket) = (keys::claim(run), &aws.settings.bucket);
    let left = aws.deadline.saturating_duration_since(Instant::now()).as_secs();
    let ours = Claim { request: aws.request.to_owned(), until: aws.now + left + 5 };
    let bytes = serde_json::to_vec(&ours)?;
    let found = match aws.store.get(bucket, &key, None, None).await {
        Ok(object) => Some(object),
        Err(error) if error.kind == ErrorKind::Gone => None,
        Err(error) => return Err(error.into()),
    };
    let condition = match &found {
        None => Condition::Absent,
        Some(object) => {
            let theirs: Option<Claim> = serde_json::from_slice(&object.bytes).ok();
            let taken = theirs.is_some_and(|it| it.request != ours.request && it.until > aws.now);
            if taken {
                return Ok(false);
            }
            Condition::Unchanged(object.head.etag.clone())
        }
    };
    let put = Put {
        bucket,
        key: &key,
        bytes,
        media_type: "application/json",
        metadata: Metadata::new(),
        condition,
    };
    match aws.store.put(put).await {
        Ok(()) => Ok(true),
        // Our own write whose answer got lost, or somebody who was faster.
        Err(error) if error.kind == ErrorKind::Conflict => {
            let now = read(aws.store, bucket, &key).await?;
            let now: Option<Claim> = now.and_then(|bytes| serde_json::from_slice(&bytes).ok());
            Ok(now.is_some_and(|it| it.request == ours.request))
        }
        Err(error) => Err(error.into()),
    }
}

/// The run's stacks, in the order of their names.
pub(crate) async fn of<A, S, E>(aws: Aws<'_, A, S, E>, run: &str, start: &Order) -> Result<Vec<Item>, Failure>
where
    A: DriftApi + Sync,
    S: BucketStore + Sync,
{
    let (key, bucket) = (keys::items(run), &aws.settings.bucket);
    if let Some(bytes) = read(aws.store, bucket, &key).await? {
        return Ok(serde_json::from_slice(&bytes)?);
    }
    let items = find(aws, start).await?;
    // What the run is about, for its summary.
    let about = serde_json::to_vec(start)?;
    let about_key = format!("{}/about.json", keys::folder(run));
    once(aws.store, bucket, New { key: &about_key, bytes: about, media_type: "application/json" }).await?;
    let bytes = serde_json::to_vec(&items)?;
    if once(aws.store, bucket, New { key: &key, bytes, media_type: "application/json" }).await? {
        return Ok(items);
    }
    // Somebody listed at the same time: there is one list.
    let bytes = read(aws.store, bucket, &key).await?.unwrap_or_default();
    Ok(serde_json::from_slice(&bytes)?)
}

/// What the run is about.
pub(crate) async fn about<A, S, E>(aws: Aws<'_, A, S, E>, run: &str) -> Result<Order, Failure>
where
    S: BucketStore + Sync,
{
    let key = format!("{}/about.json", keys::folder(run));
    let bytes = read(aws.store, &aws.settings.bucket, &key).await?;
    Ok(bytes.map(|bytes| serde_json::from_slice(&bytes)).transpose()?.unwrap_or_default())
}

async fn find<A, S, E>(aws: Aws<'_, A, S, E>, start: &Order) -> Result<Vec<Item>, Failure>
where
    A: DriftApi + Sync,
    S: BucketStore + Sync,
{
    let places = places(aws).await?;
    let mut found = BTreeMap::new();
    for stack in managed(aws.api, aws.pace, aws.deadline).await? {
        let wanted = match (&start.prefix, start.stacks.as_slice()) {
            (_, names @ [_, ..]) => names.contains(&stack.name),
            (Some(prefix), []) => stack.name.starts_with(prefix.as_str()),
            (None, []) => true,
        };
        if wanted {
            let config = start.config.as_ref().or_else(|| places.get(&stack.name)).cloned();
            found.insert(stack.name.clone(), Item { stack: stack.name, id: stack.id, config });
        }
    }
    Ok(found.into_values().collect())
}

/// Where the configs of stacks lie, by what `generate` wrote into their status objects.
async fn places<A, S, E>(aws: Aws<'_, A, S, E>) -> Result<BTreeMap<String, Place>, Failure>
where
    S: BucketStore + Sync,
{
    let bucket = aws.settings.bucket.as_str();
    let listed = aws.store.list(bucket, "status/", STATUSES).await?;
    let statuses = stream::iter(listed)
        .map(|object| async move { read(aws.store, bucket, &object.key).await })
        .buffer_unordered(16)
        .collect::<Vec<_>>()
        .await;
    let mut places = BTreeMap::new();
    for status in statuses {
        let Some(status) = status?.and_then(|bytes| serde_json::from_slice::<Json>(&bytes).ok()) else {
            continue;
        };
        let text = |pointer: &str| status.pointer(pointer).and_then(Json::as_str).map(str::to_owned);
        if let (Some(stack), Some(key)) = (text("/stack_name"), text("/source/key")) {
            let bucket = text("/source/bucket").unwrap_or_else(|| bucket.to_owned());
            places.insert(stack, Place { bucket, key });
        }
    }
    Ok(places)
}

/// The ignore list; an empty one, if there is none.
pub(crate) async fn ignore<A, S, E>(aws: Aws<'_, A, S, E>) -> Result<Ignore, Failure>
where
    S: BucketStore + Sync,
{
    let bytes = read(aws.store, &aws.settings.bucket, KEY).await?;
    Ok(bytes.map(|bytes| Ignore::read(&bytes)).unwrap_or_default())
}
