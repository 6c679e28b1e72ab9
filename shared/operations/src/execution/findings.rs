//! Findings that are too many for an execution to carry: the bucket keeps all of them.
//!
//! A task stores what it can't carry as `deployments/files/<execution>/findings/<task>.json`. `Conclude` puts everything together
//! in `deployments/files/<execution>/findings.json`, which the result object names.

use std::collections::HashSet;

use mlp_aws::s3::store::{BucketStore, ErrorKind};
use mlp_product::outcome::{AllFindings, Source};
use mlp_template::finding::{self, Finding, MAX_FINDINGS, MAX_FINDINGS_BYTES};

use super::storing::{New, newest};
use crate::execution::aws::Aws;
use crate::execution::calls::{damaged, store_failed};
use crate::execution::failure::Failure;
use crate::execution::identity::Execution;
use crate::execution::keys;
use crate::execution::work::Work;

/// Which execution's findings are stored, and what they are about.
#[derive(Clone, Copy)]
pub(crate) struct About<'a> {
    pub(crate) execution: &'a str,
    pub(crate) action: Option<&'a str>,
    pub(crate) source: Option<&'a Source>,
}

/// Limits what the work carries after a task.
pub(crate) async fn limit_work<S: BucketStore + Sync, C, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    about: (&str, &str),
    work: &mut Work,
) -> Result<(), Failure> {
    let (task, execution) = about;
    let mut kept = work.findings.clone();
    if finding::keep(&mut kept, MAX_FINDINGS, MAX_FINDINGS_BYTES) == 0 {
        return Ok(());
    }
    let all = together([stored(aws, work.findings_at.as_deref()).await?, work.findings.clone()]);
    let about = About { execution, action: Some(work.action.as_str()), source: Some(&work.source) };
    work.findings_left_out = all.len() - kept.len();
    work.findings_at = Some(store(aws, about, &format!("findings/{task}.json"), all).await?);
    work.findings = kept;
    Ok(())
}

/// Stores the findings of a failure that Lambda and Step Functions would cut off. That this fails must not hide the
/// failure itself.
pub(crate) async fn limit_failure<S: BucketStore + Sync, C, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    (task, execution): (&str, &str),
    mut failure: Failure,
) -> Failure {
    if failure.fits() || failure.findings_at.is_some() {
        return failure;
    }
    let about = About { execution, action: None, source: None };
    match store(aws, about, &format!("findings/{task}.json"), failure.findings.clone()).await {
        Ok(at) => failure.findings_at = Some(at),
        Err(error) => {
            let (error, reason) = (error.name.as_str(), error.loggable());
            tracing::warn!(task, execution, error, reason, "the findings of a task could not be stored");
        }
    }
    failure
}

/// Findings that came with the work or with a failure, as far as that could carry them.
pub(crate) struct Carried<'a> {
    pub(crate) findings: &'a [Finding],
    pub(crate) left_out: usize,
    /// Where all of them are; absent when none is left out, or when they could not be stored.
    pub(crate) at: Option<&'a str>,
}

/// Puts every finding together, each once, in their order: those that the result object holds, how many it leaves out, and
/// where all of them are then.
pub(crate) async fn settle<S: BucketStore + Sync, C, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    about: About<'_>,
    lists: &[Carried<'_>],
) -> Result<(Vec<Finding>, usize, Option<String>), Failure> {
    let (mut all, mut lost) = (Vec::new(), 0);
    for Carried { findings, left_out, at } in lists {
        let stored = stored(aws, *at).await?;
        lost += if stored.is_empty() { *left_out } else { 0 };
        all.push(stored);
        all.push(findings.to_vec());
    }
    let all = together(all);
    let mut kept = all.clone();
    let left_out = finding::keep(&mut kept, MAX_FINDINGS, MAX_FINDINGS_BYTES);
    let at = if left_out > 0 { Some(store(aws, about, "findings.json", all).await?) } else { None };
    Ok((kept, left_out + lost, at))
}

fn together(lists: impl IntoIterator<Item = Vec<Finding>>) -> Vec<Finding> {
    let mut seen = HashSet::new();
    let all = lists.into_iter().flatten();
    all.filter(|finding| seen.insert(serde_json::to_string(finding).unwrap_or_default())).collect()
}

/// Stores findings under a name below the execution's folder; where they are.
pub(crate) async fn store<S: BucketStore + Sync, C, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    about: About<'_>,
    name: &str,
    findings: Vec<Finding>,
) -> Result<String, Failure> {
    let key = format!("{}{name}", keys::files(Execution::new(about.execution).name()));
    let source = about.source.cloned().unwrap_or_default();
    let all = AllFindings::of(about.action.map(str::to_owned), findings, source);
    let bytes = all.to_bytes().map_err(|error| damaged(&error))?;
    let new = New { key: &key, bytes, media_type: "application/json" };
    newest(aws.store, &aws.settings.bucket, new).await?;
    Ok(aws.settings.s3(&key))
}

/// The findings that a task of this execution has stored. One that is deleted meanwhile has none.
async fn stored<S: BucketStore + Sync, C, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    at: Option<&str>,
) -> Result<Vec<Finding>, Failure> {
    let folder = aws.settings.s3("deployments/");
    let Some(rest) = at.and_then(|at| at.strip_prefix(&folder)) else { return Ok(Vec::new()) };
    match aws.store.get(&aws.settings.bucket, &format!("deployments/{rest}"), None, None).await {
        Ok(object) => {
            let all: AllFindings = serde_json::from_slice(&object.bytes).map_err(|error| damaged(&error))?;
            Ok(all.findings)
        }
        Err(error) if error.kind == ErrorKind::Gone => Ok(Vec::new()),
        Err(error) => Err(store_failed(&error)),
    }
}
