//! `ReadFleet`, `CheckTolerance`, `RecordFailure` and `SummarizeFleet`: a fleet's execution around those of its products.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use mlp_aws::s3::store::{BucketStore, ErrorKind};
use mlp_product::actions;
use mlp_product::outcome::sha256;
use mlp_template::codes;
use mlp_template::finding::Finding;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::execution::aws::Aws;
use crate::execution::calls::{no_bucket, read_json, store_failed};
use crate::execution::failure::{Failure, Name};
use crate::execution::identity::Execution;
use crate::execution::keys;
use crate::execution::outcome::{Error, Report};
use crate::execution::read::{defect, invalid};
use crate::execution::storing::{New, newest, once};
use crate::fleet::{FleetInput, FleetItem, FleetRun, FleetSummary, MAX_CONFIGS, ProductEnd, Tolerance};
use crate::generate::storing::CONFIG_LIMIT;

/// Results that are read at once.
const CONCURRENT_READS: usize = 16;

/// What the state machine carries: where the list of executions is, and how they run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FleetState {
    bucket: String,
    /// Where the list and the notes lie.
    folder: String,
    /// The list's key.
    items: String,
    total: usize,
    concurrency: u64,
    tolerated_failure_percentage: Tolerance,
    /// What the map was caught with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failed: Option<Json>,
}

/// What is carried for one product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProductState {
    /// The execution's name.
    name: String,
    /// Its input.
    input: Json,
    /// Where the fleet's notes lie.
    folder: String,
    /// How many products there are.
    total: usize,
    tolerated_failure_percentage: Tolerance,
    /// What its execution was caught with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failed: Option<Json>,
}

/// Whether a product may start.
#[derive(Debug, Serialize)]
pub(crate) struct StartDecision {
    may_start: bool,
}

/// Why a product's execution is held to have failed.
#[derive(Debug, Serialize, Deserialize)]
struct FailureNote {
    /// What Step Functions said of it.
    why: String,
}

/// Notes of one kind lie in a folder of their own, an object a product.
const FAILED_FOLDER: &str = "failed";
const NOT_STARTED_FOLDER: &str = "not-started";

/// Lists the configs and keeps what each one's execution is told.
pub(crate) async fn read<S: BucketStore + Sync, C: Sync, B: Sync, P: Sync>(
    aws: &Aws<'_, S, C, B, P>,
    execution: &str,
    started: &str,
    input: &Json,
) -> Result<FleetState, Failure> {
    let wrong = |findings| invalid("the execution's input", findings);
    let fleet = FleetInput::read(input).map_err(wrong)?;
    let run = FleetRun { execution: Execution::new(execution), started };
    let (folder, bucket) = (run.folder(), aws.settings.bucket.clone());
    let key = format!("{folder}/items.json");
    // What is no config lies among them, so more is listed than may be.
    let listed = aws.store.list(&fleet.bucket, &fleet.prefix, MAX_CONFIGS * 10).await;
    let listed = listed.map_err(|error| {
        let finding = no_bucket(&error, "/configs/bucket");
        finding.map_or_else(|| store_failed(&error), |finding| wrong(vec![finding]))
    })?;
    let keys: Vec<String> = listed.into_iter().map(|object| object.key).collect();
    let items = fleet.items(run, &keys).map_err(|finding| wrong(vec![finding]))?;
    if fleet.deploys() {
        let findings = twice(aws, &fleet.bucket, &items).await?;
        if !findings.is_empty() {
            return Err(wrong(findings));
        }
    }
    let bytes = serde_json::to_vec(&items).unwrap_or_default();
    // A second run of this task keeps the first one's list, whatever was uploaded between them.
    once(aws.store, &bucket, New { key: &key, bytes, media_type: "application/json" }).await?;
    let items = list(aws.store, &bucket, &key).await?;
    Ok(FleetState {
        bucket,
        folder,
        items: key,
        total: items.len(),
        concurrency: fleet.concurrency,
        tolerated_failure_percentage: fleet.tolerated,
        failed: None,
    })
}

/// Configs that make the same product in different ways: which of them counted would be chance. A config that can't be read
/// is left to its own execution.
async fn twice<S: BucketStore + Sync, C: Sync, B: Sync, P: Sync>(
    aws: &Aws<'_, S, C, B, P>,
    bucket: &str,
    items: &[FleetItem],
) -> Result<Vec<Finding>, Failure> {
    let read: Vec<Option<(String, String, &str)>> = stream::iter(items)
        .map(|item| async move {
            let object = match aws.store.get(bucket, &item.config, None, Some(CONFIG_LIMIT + 1)).await {
                Ok(object) => object,
                Err(error) if error.kind == ErrorKind::Gone => return Ok(None),
                Err(error) => return Err(store_failed(&error)),
            };
            let made = actions::deployed_product("deploy-product", &object.bytes, &aws.settings.suite, None);
            let (_, product) = made.map_err(|error| defect(&error))?;
            Ok(product.map(|product| (product.names.stack(), sha256(&object.bytes), item.config.as_str())))
        })
        .buffered(CONCURRENT_READS)
        .try_collect()
        .await?;
    let mut first: BTreeMap<String, (String, &str)> = BTreeMap::new();
    let mut findings = Vec::new();
    for (stack, digest, config) in read.into_iter().flatten() {
        let (other_digest, other) = first.entry(stack.clone()).or_insert((digest.clone(), config));
        if *other_digest != digest {
            let message = format!(
                "`{config}` and `{other}` are different configs of one product: both make the stack `{stack}`"
            );
            let help = "move one of them out of the prefix, or give it another use case or workload";
            findings.push(Finding::error(codes::DEP_INPUT, "/configs/prefix", message).help(help));
        }
    }
    Ok(findings)
}

/// Whether a product may still begin: not when more than is tolerated have failed. What is under way goes on to its end.
pub(crate) async fn begin<S: BucketStore + Sync, C, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    child: &Json,
) -> Result<StartDecision, Failure> {
    let child = of_child(child)?;
    let bucket = &aws.settings.bucket;
    let failed = aws.store.list(bucket, &format!("{}/{FAILED_FOLDER}/", child.folder), MAX_CONFIGS).await;
    let failed = failed.map_err(|error| store_failed(&error))?.len();
    let may_start = !child.tolerated_failure_percentage.is_exceeded(failed, child.total);
    if !may_start {
        note(aws, &child, NOT_STARTED_FOLDER, format!("{failed} of {} had failed", child.total)).await?;
    }
    Ok(StartDecision { may_start })
}

/// Keeps a note of a product whose execution failed, for those that are to begin and for the summary.
pub(crate) async fn end<S: BucketStore + Sync, C, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    child: &Json,
) -> Result<Json, Failure> {
    let child = of_child(child)?;
    // An execution that is begun once more after it had ended is refused, whatever its end was: the result tells.
    let report = report(aws, &child.name).await?;
    if report.is_none_or(|report| !report.ok) {
        let said = |key: &str| child.failed.as_ref()?.get(key)?.as_str();
        let why = format!("{}: {}", said("Error").unwrap_or("no error"), said("Cause").unwrap_or("no cause"));
        let cut = why.char_indices().nth(1_000).map_or(why.len(), |(at, _)| at);
        note(aws, &child, FAILED_FOLDER, why.get(..cut).unwrap_or_default().to_owned()).await?;
    }
    // Together the answers of a thousand would be too long to be carried.
    Ok(Json::Object(serde_json::Map::new()))
}

fn of_child(child: &Json) -> Result<ProductState, Failure> {
    serde_json::from_value(child.clone()).map_err(|error| {
        Failure::new(Name::Internal, format!("a product of the fleet can't be read: {error}"))
    })
}

async fn note<S: BucketStore + Sync, C, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    child: &ProductState,
    kind: &str,
    why: String,
) -> Result<(), Failure> {
    let key = format!("{}/{kind}/{}.json", child.folder, child.name);
    let bytes = serde_json::to_vec(&FailureNote { why }).unwrap_or_default();
    newest(aws.store, &aws.settings.bucket, New { key: &key, bytes, media_type: "application/json" }).await
}

/// A product's result, if its execution came to its end.
async fn report<S: BucketStore + Sync, C, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    name: &str,
) -> Result<Option<Report>, Failure> {
    let read = read_json(aws.store, &aws.settings.bucket, &keys::result(name)).await;
    read.map_err(|error| store_failed(&error))
}

/// Reads every product's result and keeps one summary.
pub(crate) async fn summarize<S: BucketStore + Sync, C: Sync, B: Sync, P: Sync>(
    aws: &Aws<'_, S, C, B, P>,
    execution: &str,
    work: &Json,
) -> Result<FleetSummary, Failure> {
    if work.get("items").is_none()
        && let Some(failed) = work.get("failed")
    {
        return refused(aws, execution, failed).await;
    }
    let work: FleetState = serde_json::from_value(work.clone())
        .map_err(|error| Failure::new(Name::Internal, format!("the fleet's work can't be read: {error}")))?;
    let (items, folder) = (list(aws.store, &work.bucket, &work.items).await?, &work.folder);
    let ended: Vec<(FleetItem, ProductEnd)> = stream::iter(items)
        .map(|item| async move {
            let ended = match report(aws, &item.name).await? {
                Some(report) => ProductEnd::Result(Box::new(report)),
                None => without_result(aws, folder, &item.name).await?,
            };
            Ok::<_, Failure>((item, ended))
        })
        .buffered(CONCURRENT_READS)
        .try_collect()
        .await?;
    let summary =
        FleetSummary::new(execution, work.tolerated_failure_percentage, work.failed.is_some(), ended);
    let key = keys::fleet_summary(Execution::new(execution).name());
    let mut bytes = serde_json::to_vec_pretty(&summary).unwrap_or_default();
    bytes.push(b'\n');
    newest(aws.store, &work.bucket, New { key: &key, bytes, media_type: "application/json" }).await?;
    Ok(summary.short())
}

/// The summary of a fleet whose input was refused: nothing was started.
async fn refused<S: BucketStore + Sync, C, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    execution: &str,
    failed: &Json,
) -> Result<FleetSummary, Failure> {
    let text = |key: &str| failed.get(key).and_then(Json::as_str).unwrap_or_default();
    let failure = Failure::from_error_output(text("Error"), text("Cause"));
    let mut summary = FleetSummary::new(execution, Tolerance(0), true, Vec::new());
    summary.error = Some(Error::from(&failure));
    summary.findings = failure.findings;
    summary.findings_left_out = failure.findings_left_out;
    summary.findings_at = failure.findings_at;
    let key = keys::fleet_summary(Execution::new(execution).name());
    let mut bytes = serde_json::to_vec_pretty(&summary).unwrap_or_default();
    bytes.push(b'\n');
    newest(aws.store, &aws.settings.bucket, New { key: &key, bytes, media_type: "application/json" }).await?;
    Ok(summary)
}

/// How a product without a result ended.
async fn without_result<S: BucketStore + Sync, C, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    folder: &str,
    name: &str,
) -> Result<ProductEnd, Failure> {
    let note = |kind: &'static str| async move {
        let key = format!("{folder}/{kind}/{name}.json");
        let read = read_json(aws.store, &aws.settings.bucket, &key).await;
        read.map_err(|error| store_failed(&error))
    };
    let failed: Option<FailureNote> = note(FAILED_FOLDER).await?;
    if let Some(note) = failed {
        return Ok(ProductEnd::Stopped(note.why));
    }
    let not_started: Option<FailureNote> = note(NOT_STARTED_FOLDER).await?;
    Ok(not_started.map_or_else(
        || ProductEnd::Stopped("its execution left no result".to_owned()),
        |_| ProductEnd::NotStarted,
    ))
}

async fn list<S: BucketStore + Sync>(store: &S, bucket: &str, key: &str) -> Result<Vec<FleetItem>, Failure> {
    let object = store.get(bucket, key, None, None).await.map_err(|error| store_failed(&error))?;
    serde_json::from_slice(&object.bytes)
        .map_err(|error| Failure::new(Name::Internal, format!("`{key}` can't be read: {error}")))
}
