//! The fleet's report of a run, and who is told of it.

use mlp_aws::drift::{Announcing, DriftApi};
use mlp_aws::objects::{New, newest, read};
use mlp_aws::store::BucketStore;
use mlp_core::drift::{Fleet, fleet_html, rfc3339};
use mlp_core::drift::{Item, keys};

use crate::{Answer, Aws, Failure, gather, listing};

/// What the event is called.
const DETAIL_TYPE: &str = "ML Provisioner Drift Changed";

/// Makes it, tells whoever must know, and puts it in the place of the last one. A run that was summarised already isn't
/// told again.
pub(crate) async fn make<A, S, E>(aws: Aws<'_, A, S, E>, run: &str) -> Result<Answer, Failure>
where
    A: DriftApi + Announcing + Sync,
    S: BucketStore + Sync,
{
    let (store, settings) = (aws.store, aws.settings);
    let bucket = settings.bucket.as_str();
    let previous = read(store, bucket, keys::FLEET).await?;
    // One that can't be read is of another version: everything is new then.
    let previous: Option<Fleet> = previous.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    if let Some(done) = previous.as_ref().filter(|it| it.run == run) {
        return Ok(Answer::Done { run: run.to_owned(), totals: done.totals, told: false });
    }
    // A late repetition of an older run must not take a newer one's place.
    let own: Option<Fleet> =
        read(store, bucket, &keys::fleet(run)).await?.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    if let (Some(own), Some(newer)) = (&own, &previous)
        && newer.checked_at > own.checked_at
    {
        return Ok(Answer::Done { run: run.to_owned(), totals: own.totals, told: false });
    }
    let start = listing::about(aws, run).await?;
    let items = read(store, bucket, &keys::items(run)).await?;
    let items: Vec<Item> = items.map(|bytes| serde_json::from_slice(&bytes)).transpose()?.unwrap_or_default();
    let gathering = gather::all(aws, run, &items).await?;
    let ignore = listing::ignore(aws).await?;
    let checked_at = rfc3339(aws.now);
    let fleet = gathering.finish(run, &checked_at, start.only().as_deref(), &ignore, previous.as_ref());
    let mut bytes = serde_json::to_vec_pretty(&fleet)?;
    bytes.push(b'\n');
    let html = fleet_html(&fleet)?.into_bytes();
    let (dated, dated_page) = (keys::fleet(run), keys::index(run));
    let (json, page) = ("application/json", "text/html; charset=utf-8");
    newest(store, bucket, New { key: &dated, bytes: bytes.clone(), media_type: json }).await?;
    // Its links lead to the reports of the same run.
    let from_run = String::from_utf8_lossy(&html)
        .replace("href=\"", "href=\"stacks/")
        .replace("href=\"stacks/#", "href=\"#");
    newest(store, bucket, New { key: &dated_page, bytes: from_run.into_bytes(), media_type: page }).await?;
    let told = tell(aws, &fleet, start.digest).await?;
    println!("{}", fleet.metrics(aws.now * 1_000));
    newest(store, bucket, New { key: keys::INDEX, bytes: html, media_type: page }).await?;
    newest(store, bucket, New { key: keys::FLEET, bytes, media_type: json }).await?;
    Ok(Answer::Done { run: run.to_owned(), totals: fleet.totals, told })
}

async fn tell<A, S, E>(aws: Aws<'_, A, S, E>, fleet: &Fleet, digest: bool) -> Result<bool, Failure>
where
    A: Announcing + Sync,
{
    let news = fleet.has_news();
    let page = format!("s3://{}/{}", aws.settings.bucket, keys::INDEX);
    if news {
        let detail = fleet.event(&page).to_string();
        aws.pace.call(aws.deadline, || aws.api.event(DETAIL_TYPE, &detail)).await?;
    }
    if (news || digest) && !aws.settings.topic.is_empty() {
        let (subject, message) = (fleet.subject(), fleet.message(&page, digest));
        aws.pace.call(aws.deadline, || aws.api.publish(&aws.settings.topic, &subject, &message)).await?;
    }
    Ok(news || digest)
}
