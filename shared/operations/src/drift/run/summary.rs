//! The fleet's report of a run, and its notification.
//!
//! The last report is one object that every run reads, updates and writes. The write is conditional: if another run
//! wrote in between, the report is computed again. The report is written before its notification is sent, and names
//! the request that sends it and a deadline. Another run waits until then, and sends a notification that was not sent.
//! The run's own report says the same, so that a repeated call knows what is left to do.

use std::time::Duration;

use mlp_aws::drift::{DriftApi, Notifier};
use mlp_aws::s3::store::{BucketStore, Condition, ErrorKind, Metadata, Put};
use tokio::time::sleep;

use crate::drift::fleet::PendingNotification;
use crate::drift::run::{Aws, Failure, RunOutcome, collect, listing};
use crate::drift::{FleetReport, PageKind, fleet_html, keys};
use crate::objects::{New, newest, read, read_with_head};
use crate::time::rfc3339;

/// The event's detail type.
const DETAIL_TYPE: &str = "ML Provisioner Drift Changed";

/// How long other runs wait for a notification, and how often they check.
const NOTIFICATION_LEASE_SECONDS: u64 = 30;
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// How many times a run tries to write the report. Of concurrent runs one succeeds each time, and many runs of
/// `check-drift` may end at once.
const MAX_WRITE_ATTEMPTS: usize = 100;
/// The wait after each conflict.
const CONFLICT_BACKOFF: Duration = Duration::from_millis(100);

const JSON: &str = "application/json";
const PAGE: &str = "text/html; charset=utf-8";

/// Computes the report, replaces the last one and sends the notification. It is not sent again for a run that was
/// summarized before.
pub(crate) async fn summarize<A, S, E>(aws: Aws<'_, A, S, E>, run: &str) -> Result<RunOutcome, Failure>
where
    A: DriftApi + Notifier + Sync,
    S: BucketStore + Sync,
{
    let (store, bucket) = (aws.store, aws.settings.bucket.as_str());
    let own = keys::fleet(run);
    let done =
        read(store, bucket, &own).await?.and_then(|bytes| serde_json::from_slice::<FleetReport>(&bytes).ok());
    if let Some(done) = done.filter(|it| it.pending_notification.is_none()) {
        return Ok(RunOutcome::Done { run: run.to_owned(), totals: done.totals, notified: false });
    }
    let (about, items) = listing::stored(aws, run).await?;
    let builder = collect::all(aws, run, &about.listed_at, &items).await?;
    let ignore = listing::ignore(aws).await?;
    let only = about.request.only();
    let make = |previous: Option<&FleetReport>| {
        let now = rfc3339(aws.clock.now());
        builder.finish(run, &now, only.as_deref(), &ignore, previous)
    };
    let fleet = replace_latest(aws, run, about.request.digest, make).await?;
    write_latest_page(aws).await?;
    let html = fleet_html(&fleet, PageKind::Run)?.into_bytes();
    newest(store, bucket, New { key: &keys::index(run), bytes: html, media_type: PAGE }).await?;
    newest(store, bucket, New { key: &own, bytes: bytes_of(&fleet)?, media_type: JSON }).await?;
    println!("{}", fleet.metrics(aws.settings.name(), aws.clock.now() * 1_000));
    let notified = fleet.pending_notification.is_some();
    if notified {
        notify(aws, &fleet, about.request.digest).await?;
        let done = FleetReport { pending_notification: None, ..fleet.clone() };
        finish_notification(aws, &fleet, &done).await?;
        newest(store, bucket, New { key: &own, bytes: bytes_of(&done)?, media_type: JSON }).await?;
    }
    Ok(RunOutcome::Done { run: run.to_owned(), totals: fleet.totals, notified })
}

/// Replaces the last report with the run's, which is computed from it; returns the stored one.
async fn replace_latest<A, S, E>(
    aws: Aws<'_, A, S, E>,
    run: &str,
    digest: bool,
    make: impl Fn(Option<&FleetReport>) -> FleetReport,
) -> Result<FleetReport, Failure>
where
    S: BucketStore + Sync,
{
    let (mut round, mut tried) = (0, None);
    loop {
        let there = read_with_head(aws.store, &aws.settings.bucket, keys::FLEET).await?;
        // One that can't be read is of another version: everything is new then.
        let previous: Option<FleetReport> =
            there.as_ref().and_then(|there| serde_json::from_slice(&there.bytes).ok());
        // Our own write, whose answer got lost.
        if let Some(own) = tried.take().filter(|tried| previous.as_ref() == Some(tried)) {
            return Ok(own);
        }
        let pending_notification = previous.as_ref().and_then(|it| it.pending_notification.as_ref());
        if pending_notification.is_some_and(|it| it.until > aws.clock.now()) {
            sleep(POLL_INTERVAL).await;
            continue;
        }
        let of_run = previous.as_ref().filter(|it| it.run == run);
        // An earlier attempt wrote it.
        if let Some(there) = of_run.filter(|it| it.pending_notification.is_none()) {
            return Ok(there.clone());
        }
        let mut fleet = of_run.cloned().unwrap_or_else(|| make(previous.as_ref()));
        fleet.pending_notification = (fleet.has_changes() || digest).then(|| PendingNotification {
            request_id: aws.request.to_owned(),
            until: aws.clock.now() + NOTIFICATION_LEASE_SECONDS,
        });
        let condition = Condition::since(there.as_ref().map(|there| &there.head));
        match aws.store.put(latest(aws, &fleet, condition)?).await {
            Err(error) if error.kind == ErrorKind::Conflict && round < MAX_WRITE_ATTEMPTS => round += 1,
            Err(error) => return Err(error.into()),
            Ok(_) => return Ok(fleet),
        }
        tried = Some(fleet);
        sleep(CONFLICT_BACKOFF).await;
    }
}

/// Records that the notification was sent, unless another run has written since.
async fn finish_notification<A, S, E>(
    aws: Aws<'_, A, S, E>,
    sent: &FleetReport,
    done: &FleetReport,
) -> Result<(), Failure>
where
    S: BucketStore + Sync,
{
    let there = read_with_head(aws.store, &aws.settings.bucket, keys::FLEET).await?;
    let Some(there) = there.filter(|there| serde_json::from_slice(&there.bytes).ok().as_ref() == Some(sent))
    else {
        return Ok(());
    };
    match aws.store.put(latest(aws, done, Condition::Unchanged(there.head.etag))?).await {
        Err(error) if error.kind != ErrorKind::Conflict => Err(error.into()),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Writes the page of the last report. A concurrent run may have written it from an older report, so it is written
/// until both agree.
async fn write_latest_page<A, S, E>(aws: Aws<'_, A, S, E>) -> Result<(), Failure>
where
    S: BucketStore + Sync,
{
    let (store, bucket) = (aws.store, aws.settings.bucket.as_str());
    for _ in 0..MAX_WRITE_ATTEMPTS {
        let Some(there) = read_with_head(store, bucket, keys::FLEET).await? else { break };
        let fleet: FleetReport = serde_json::from_slice(&there.bytes)?;
        let html = fleet_html(&fleet, PageKind::Latest)?.into_bytes();
        match newest(store, bucket, New { key: keys::INDEX, bytes: html, media_type: PAGE }).await {
            Err(error) if error.kind == ErrorKind::Conflict => {
                sleep(CONFLICT_BACKOFF).await;
                continue;
            }
            made => made?,
        }
        let now = read(store, bucket, keys::FLEET).await?;
        let now: Option<FleetReport> = now.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        if now.is_none_or(|now| now.run == fleet.run) {
            break;
        }
    }
    Ok(())
}

fn latest<'p, A, S, E>(
    aws: Aws<'p, A, S, E>,
    fleet: &FleetReport,
    condition: Condition,
) -> Result<Put<'p>, Failure> {
    let (bucket, bytes) = (aws.settings.bucket.as_str(), bytes_of(fleet)?);
    Ok(Put { bucket, key: keys::FLEET, bytes, media_type: JSON, metadata: Metadata::new(), condition })
}

fn bytes_of(fleet: &FleetReport) -> Result<Vec<u8>, Failure> {
    let mut bytes = serde_json::to_vec_pretty(fleet)?;
    bytes.push(b'\n');
    Ok(bytes)
}

async fn notify<A, S, E>(aws: Aws<'_, A, S, E>, fleet: &FleetReport, digest: bool) -> Result<(), Failure>
where
    A: Notifier + Sync,
{
    let page = format!("s3://{}/{}", aws.settings.bucket, keys::INDEX);
    if fleet.has_changes() {
        let detail = fleet.event(&page).to_string();
        aws.limiter.call(aws.deadline, || aws.api.event(DETAIL_TYPE, &detail)).await?;
    }
    if !aws.settings.topic.is_empty() {
        let (subject, message) = (fleet.subject(), fleet.message(&page, digest));
        aws.limiter.call(aws.deadline, || aws.api.publish(&aws.settings.topic, &subject, &message)).await?;
    }
    Ok(())
}
