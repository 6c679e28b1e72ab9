//! Which stacks a run is about: found once, stored once.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt as _};
use mlp_aws::drift::DriftApi;
use mlp_aws::s3::store::{BucketStore, Condition, ErrorKind, Metadata, Put};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use tokio::time::Instant;

use crate::drift::ignore::KEY;
use crate::drift::keys;
use crate::drift::run::{Aws, Failure};
use crate::drift::{ConfigLocation, DriftRunRequest, IgnoreList, StackRef};
use crate::drift::{managed_stacks, named_stacks};
use crate::generate::storing::config_of;
use crate::objects::{New, once, read, read_up_to};
use crate::time::rfc3339;

/// The claim of an invocation on a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claim {
    /// The invocation's request.
    pub(crate) request: String,
    /// Until when, in seconds since 1970. No other invocation starts before.
    pub(crate) until: u64,
}

/// The most status objects that are read for the places of configs.
const MAX_STATUS_OBJECTS: usize = 20_000;

/// How many of them are read at once.
const CONCURRENT_STATUS_READS: usize = 16;

/// The most that is read of a status object, in bytes. With all findings that it may hold, and all outputs that a product
/// may have, it has about half of that.
const MAX_STATUS_BYTES: usize = 512 * 1024;

/// What a run is about, for its summary.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunInfo {
    /// What was asked for.
    pub(crate) request: DriftRunRequest,
    /// When the stacks were listed, RFC 3339.
    pub(crate) listed_at: String,
}

/// Claims the run; false while another invocation works on it.
///
/// Lambda tries a failed invocation again with its request's id, and may deliver one twice at once with the same id: the two
/// can't be told apart, so both pass. Then a stack may be detected twice; its report is stored once, and the second
/// summary finds that the notification was sent.
pub(crate) async fn claim<A, S, E>(aws: Aws<'_, A, S, E>, run: &str) -> Result<bool, Failure>
where
    S: BucketStore + Sync,
{
    let (key, bucket) = (keys::claim(run), &aws.settings.bucket);
    let left = aws.deadline.saturating_duration_since(Instant::now()).as_secs();
    let now = aws.clock.now();
    let ours = Claim { request: aws.request.to_owned(), until: now + left + 5 };
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
            let taken = theirs.is_some_and(|it| it.request != ours.request && it.until > now);
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
        Ok(_) => Ok(true),
        // Either our own write whose answer was lost, or a faster invocation's.
        Err(error) if error.kind == ErrorKind::Conflict => {
            let now = read(aws.store, bucket, &key).await?;
            let now: Option<Claim> = now.and_then(|bytes| serde_json::from_slice(&bytes).ok());
            Ok(now.is_some_and(|it| it.request == ours.request))
        }
        Err(error) => Err(error.into()),
    }
}

/// The run's stacks, in the order of their names.
pub(crate) async fn of<A, S, E>(
    aws: Aws<'_, A, S, E>,
    run: &str,
    start: &DriftRunRequest,
) -> Result<Vec<StackRef>, Failure>
where
    A: DriftApi + Sync,
    S: BucketStore + Sync,
{
    let (key, bucket) = (keys::items(run), &aws.settings.bucket);
    if let Some(bytes) = read(aws.store, bucket, &key).await? {
        return Ok(serde_json::from_slice(&bytes)?);
    }
    let listed_at = rfc3339(aws.clock.now());
    let items = find(aws, start).await?;
    let about = serde_json::to_vec(&RunInfo { request: start.clone(), listed_at })?;
    let about_key = format!("{}/about.json", keys::folder(run));
    once(aws.store, bucket, New { key: &about_key, bytes: about, media_type: "application/json" }).await?;
    let bytes = serde_json::to_vec(&items)?;
    if once(aws.store, bucket, New { key: &key, bytes, media_type: "application/json" }).await? {
        return Ok(items);
    }
    // Another invocation listed at the same time: the first list counts.
    let bytes = read(aws.store, bucket, &key).await?.unwrap_or_default();
    Ok(serde_json::from_slice(&bytes)?)
}

/// What the run is about, and its stacks.
pub(crate) async fn stored<A, S, E>(
    aws: Aws<'_, A, S, E>,
    run: &str,
) -> Result<(RunInfo, Vec<StackRef>), Failure>
where
    S: BucketStore + Sync,
{
    let bucket = &aws.settings.bucket;
    let about = read(aws.store, bucket, &format!("{}/about.json", keys::folder(run))).await?;
    let about = about.map(|bytes| serde_json::from_slice(&bytes)).transpose()?.unwrap_or_default();
    let items = read(aws.store, bucket, &keys::items(run)).await?;
    let items = items.map(|bytes| serde_json::from_slice(&bytes)).transpose()?.unwrap_or_default();
    Ok((about, items))
}

async fn find<A, S, E>(aws: Aws<'_, A, S, E>, start: &DriftRunRequest) -> Result<Vec<StackRef>, Failure>
where
    A: DriftApi + Sync,
    S: BucketStore + Sync,
{
    let stacks = match start.stacks.as_slice() {
        [] => managed_stacks(aws.api, aws.limiter, aws.deadline).await?,
        names => named_stacks(aws.api, aws.limiter, aws.deadline, names).await?,
    };
    let prefix = start.prefix.as_deref().filter(|_| start.stacks.is_empty()).unwrap_or_default();
    let wanted = stacks.into_iter().filter(|stack| stack.name.starts_with(prefix));
    let mut items: BTreeMap<String, StackRef> = wanted
        .map(|stack| {
            (stack.name.clone(), StackRef { stack: stack.name, id: stack.id, config: start.config.clone() })
        })
        .collect();
    if start.config.is_none() && !items.is_empty() {
        place(aws, &mut items).await?;
    }
    Ok(items.into_values().collect())
}

/// A config that says it made a stack's template.
struct Claimed {
    place: ConfigLocation,
    /// The template's key.
    template: String,
}

/// Finds the locations of the stacks' configs in the status objects that `generate` wrote. Any config may name any product,
/// so one counts only if it owns the product's template and still exists. Of several, the one with the newest status counts.
async fn place<A, S, E>(aws: Aws<'_, A, S, E>, items: &mut BTreeMap<String, StackRef>) -> Result<(), Failure>
where
    S: BucketStore + Sync,
{
    let bucket = aws.settings.bucket.as_str();
    let mut listed = aws.store.list(bucket, "status/", MAX_STATUS_OBJECTS).await?;
    listed.sort_by(|one, other| (one.modified, &one.key).cmp(&(other.modified, &other.key)));
    let mut statuses = stream::iter(&listed)
        .map(|object| async move {
            (object.key.as_str(), read_up_to(aws.store, bucket, &object.key, MAX_STATUS_BYTES).await)
        })
        .buffered(CONCURRENT_STATUS_READS);
    let mut claimed: BTreeMap<String, Vec<Claimed>> = BTreeMap::new();
    while let Some((key, status)) = statuses.next().await {
        let Some(bytes) = status? else { continue };
        let Ok(status) = serde_json::from_slice::<Json>(&bytes) else {
            tracing::warn!(
                key,
                bytes = bytes.len(),
                "a status object can't be read; its config counts as unknown"
            );
            continue;
        };
        let text = |pointer: &str| status.pointer(pointer).and_then(Json::as_str);
        let stack = text("/stack_name").filter(|stack| items.contains_key(*stack));
        let stored = status.get("stored").and_then(Json::as_array).into_iter().flatten();
        let mut paths = stored.filter_map(|stored| stored.get("path")?.as_str());
        let template = paths.find(|path| path.starts_with(TEMPLATES_PREFIX));
        if let (Some(stack), Some(key), Some(template)) = (stack, text("/source/key"), template)
            && text("/source/bucket").is_none_or(|source| source == bucket)
        {
            let place = ConfigLocation { bucket: bucket.to_owned(), key: key.to_owned() };
            let claim = Claimed { place, template: template.to_owned() };
            claimed.entry(stack.to_owned()).or_default().push(claim);
        }
    }
    let mut placed = stream::iter(claimed)
        .map(|(stack, claimed)| async move { Ok::<_, Failure>((stack, first_owner(aws, claimed).await?)) })
        .buffered(16);
    while let Some(owner) = placed.next().await {
        let (stack, owner) = owner?;
        if let Some(item) = items.get_mut(&stack) {
            item.config = owner;
        }
    }
    Ok(())
}

/// The prefix of templates.
const TEMPLATES_PREFIX: &str = "templates/";

/// The newest of the configs that own what they claim.
async fn first_owner<A, S, E>(
    aws: Aws<'_, A, S, E>,
    claimed: Vec<Claimed>,
) -> Result<Option<ConfigLocation>, Failure>
where
    S: BucketStore + Sync,
{
    for Claimed { place, template } in claimed.into_iter().rev() {
        let head = aws.store.head(&place.bucket, &template).await?;
        let owner = head.as_ref().and_then(config_of);
        if owner.as_ref() == Some(&place.key) && aws.store.head(&place.bucket, &place.key).await?.is_some() {
            return Ok(Some(place));
        }
    }
    Ok(None)
}

/// The ignore list; an empty one, if there is none.
pub(crate) async fn ignore<A, S, E>(aws: Aws<'_, A, S, E>) -> Result<IgnoreList, Failure>
where
    S: BucketStore + Sync,
{
    let bytes = read(aws.store, &aws.settings.bucket, KEY).await?;
    Ok(bytes.map(|bytes| IgnoreList::read(&bytes)).unwrap_or_default())
}
