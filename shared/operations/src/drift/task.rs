//! `check-drift`: the drift function or its state machine checks, and `ReadDrift` reads the results.

use std::time::SystemTime;

use mlp_aws::cloudformation::stacks::Stacks;
use mlp_aws::s3::store::BucketStore;
use mlp_product::actions;
use mlp_product::outcome::{Source, sha256};
use mlp_template::codes;
use mlp_template::finding::Finding;
use serde_json::Value as Json;

use crate::custom_resource::stack_name;
use crate::drift::{
    ConfigLocation, DriftRunRequest, FleetReport, StackRef, StackScope, UncheckableReason, keys,
    no_stack_with_prefix,
};
use crate::execution::aws::Aws;
use crate::execution::calls::{failed, store_failed};
use crate::execution::failure::{Failure, Name};
use crate::execution::identity::Execution;
use crate::execution::input::{ConfigSource, Input};
use crate::execution::outcome::DriftSummary;
use crate::execution::read::{config, defect, facts, invalid, work};
use crate::execution::work::{DriftWork, Facts, Next, Work};
use crate::objects::read as read_object;
use crate::time::rfc3339;

/// The longest run. A run over a large fleet takes hours; one that takes a day has a defect.
const MAX_RUN_SECONDS: u64 = 24 * 60 * 60;

/// Chooses the stacks and the run's name.
pub(crate) async fn begin<S: BucketStore + Sync, C: Stacks + Sync, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    execution: &str,
    mut input: Input,
) -> Result<Work, Failure> {
    let now = aws.now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let digits: String = sha256(execution.as_bytes()).chars().take(12).collect();
    let name = format!("{}-{digits}", rfc3339(now));
    let run = keys::run_of(Some(&name), now, execution);
    let mut request = DriftRunRequest { name: Some(name), ..DriftRunRequest::default() };
    let (mut product, mut source) = (Facts::default(), Source::default());
    match &input.config {
        ConfigSource::Fleet { prefix } => request.prefix = Some(prefix.clone()).filter(|it| !it.is_empty()),
        ConfigSource::Deployed { stack } => {
            is_here(aws, stack).await?;
            stack_name(stack).clone_into(&mut product.stack_name);
            request.stacks = vec![product.stack_name.clone()];
        }
        ConfigSource::Stored { .. } | ConfigSource::Inline(_) | ConfigSource::Products { .. } => {
            let bytes;
            (bytes, source) = config(aws.store, aws.settings, Execution::new(execution), &mut input).await?;
            let action = input.action.as_str();
            let read = actions::deployed_product(action, &bytes, &aws.settings.suite, None);
            let (outcome, found) = read.map_err(|error| defect(&error))?;
            let Some(found) = found else { return Err(invalid("the config", outcome.findings)) };
            product = facts(&found, &outcome);
            request.stacks = vec![product.stack_name.clone()];
            let place = source.bucket.clone().zip(source.key.clone());
            request.config = place.map(|(bucket, key)| ConfigLocation { bucket, key });
        }
    }
    let mut work = work(aws.settings, input, product, source, None, Vec::new());
    work.drift = Some(DriftWork { request, run, last: None, found: None });
    Ok(work)
}

/// Checks that a stack named by its ARN is in the suite's account and region, and exists: the drift function uses
/// names.
async fn is_here<S, C: Stacks + Sync, B, P>(aws: &Aws<'_, S, C, B, P>, named: &str) -> Result<(), Failure> {
    let mut parts = named.split(':').skip(3);
    let (Some(region), Some(account)) = (parts.next(), parts.next()) else { return Ok(()) };
    let wrong = |message: String, help: &str| {
        let finding = Finding::error(codes::DEP_INPUT, "/stack", message).help(help);
        Err(invalid("the execution's input", vec![finding]))
    };
    let suite = &aws.settings.suite;
    if suite.region.as_deref() != Some(region) || suite.account_id.as_deref() != Some(account) {
        let message = format!("`{named}` is in the region {region} of the account {account}");
        return wrong(message, "ask the suite of that account and region");
    }
    let stack = aws.stacks.stack(named).await.map_err(|error| failed(&error))?;
    match UncheckableReason::of(stack.as_ref().map(|stack| stack.status.as_str())) {
        UncheckableReason::Missing => {
            let message = format!("the stack `{named}` was deleted");
            wrong(message, "if another stack replaced it, give that stack's name")
        }
        _ => Ok(()),
    }
}

/// Reads what the run found, if it has ended.
pub(crate) async fn read<S: BucketStore + Sync, C: Stacks + Sync, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    mut work: Work,
) -> Result<Work, Failure> {
    let Some(mut drift) = work.drift.take() else {
        return Err(Failure::new(Name::Internal, "there is no run to read"));
    };
    let Some(fleet) =
        object::<S, FleetReport>(aws.store, &aws.settings.bucket, &keys::fleet(&drift.run)).await?
    else {
        let run = &drift.run;
        work.wait.on(60, MAX_RUN_SECONDS).ok_or_else(|| {
            Failure::new(
                Name::TimedOut,
                format!("the drift run `{run}` has not ended after {MAX_RUN_SECONDS} seconds"),
            )
        })?;
        // The invocation that works on the run may have ended. Then the run is started again and continues where it stopped.
        let others = drift.last.as_ref().and_then(|last| last.get("outcome")).and_then(Json::as_str);
        work.next = if others == Some("in-progress") { Next::CheckDrift } else { Next::Wait };
        work.drift = Some(drift);
        return Ok(work);
    };
    let items = object::<S, Vec<StackRef>>(aws.store, &aws.settings.bucket, &keys::items(&drift.run)).await?;
    let items = items.unwrap_or_default();
    let asked = drift.request.asked();
    if items.is_empty()
        && let Some(finding) = unchecked(aws, &work, asked).await?
    {
        return Err(invalid("the execution's input", vec![finding]));
    }
    let totals = fleet.totals_of(&items);
    let verdict = totals.verdict(asked);
    let named = asked == StackScope::Stacks;
    let key = match items.as_slice() {
        [item] if named => keys::report(&drift.run, &item.stack),
        _ => keys::fleet(&drift.run),
    };
    let page = match items.as_slice() {
        [_] if named => key.trim_end_matches("json").to_owned() + "html",
        _ => keys::index(&drift.run),
    };
    drift.found =
        Some(DriftSummary { verdict, totals, report: aws.settings.s3(&page), data: aws.settings.s3(&key) });
    work.drift = Some(drift);
    work.next = Next::Conclude;
    Ok(work)
}

/// Why the requested stacks are not part of the run.
async fn unchecked<S, C: Stacks + Sync, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    work: &Work,
    asked: StackScope,
) -> Result<Option<Finding>, Failure> {
    let place = match &work.input.config {
        ConfigSource::Fleet { prefix } if asked == StackScope::Prefix => {
            let finding = Finding::error(codes::DEP_INPUT, "/prefix", no_stack_with_prefix(prefix));
            return Ok(Some(finding.help("deploy one first, or name another prefix")));
        }
        ConfigSource::Fleet { .. } => return Ok(None),
        ConfigSource::Deployed { .. } => "/stack",
        ConfigSource::Stored { .. } | ConfigSource::Inline(_) | ConfigSource::Products { .. } => "/config",
    };
    let name = &work.product.stack_name;
    let stack = aws.stacks.stack(name).await.map_err(|error| failed(&error))?;
    let why = UncheckableReason::of(stack.as_ref().map(|stack| stack.status.as_str()));
    Ok(Some(Finding::error(codes::DEP_INPUT, place, why.message(name)).help(why.help())))
}

async fn object<S: BucketStore + Sync, T: serde::de::DeserializeOwned>(
    store: &S,
    bucket: &str,
    key: &str,
) -> Result<Option<T>, Failure> {
    let bytes = read_object(store, bucket, key).await.map_err(|error| store_failed(&error))?;
    let read = bytes.map(|bytes| serde_json::from_slice(&bytes)).transpose();
    read.map_err(|error| Failure::new(Name::Internal, format!("`{key}` can't be read: {error}")))
}
