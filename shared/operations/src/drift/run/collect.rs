//! The reports of a run, read back one after the other.

use std::collections::BTreeSet;

use futures_util::stream::{self, StreamExt as _};
use mlp_aws::drift::DriftApi;
use mlp_aws::s3::store::BucketStore;

use crate::drift::fleet::FleetBuilder;
use crate::drift::report::{
    Coverage, DriftFinding, DriftSeverity, FindingKind, FindingSource, SCHEMA_VERSION, StackReport, Verdict,
};
use crate::drift::run::{Aws, Failure};
use crate::drift::{StackRef, keys};
use crate::objects::read;

/// Every stack of the list with its report. A stack without a report is reported as not checked.
pub(crate) async fn all<A, S, E>(
    aws: Aws<'_, A, S, E>,
    run: &str,
    listed_at: &str,
    items: &[StackRef],
) -> Result<FleetBuilder, Failure>
where
    A: DriftApi + Sync,
    S: BucketStore + Sync,
{
    let bucket = aws.settings.bucket.as_str();
    let mut builder = FleetBuilder::listed(listed_at);
    let mut missing: BTreeSet<&str> = items.iter().map(|item| item.stack.as_str()).collect();
    let mut reports = stream::iter(items)
        .map(|item| async move {
            let bytes = read(aws.store, bucket, &keys::report(run, &item.stack)).await?;
            Ok::<_, Failure>(bytes.and_then(|bytes| serde_json::from_slice::<StackReport>(&bytes).ok()))
        })
        .buffer_unordered(16);
    while let Some(report) = reports.next().await {
        if let Some(report) = report? {
            missing.remove(report.stack_name.as_str());
            builder.add(&report);
        }
    }
    drop(reports);
    for item in items.iter().filter(|item| missing.contains(item.stack.as_str())) {
        // It was not checked, so a newer report of another run counts.
        builder.add(&lost(run, item, listed_at));
    }
    Ok(builder)
}

fn lost(run: &str, item: &StackRef, checked_at: &str) -> StackReport {
    let finding = DriftFinding {
        kind: FindingKind::CouldNotCheck,
        severity: DriftSeverity::Medium,
        logical_id: String::new(),
        physical_id: None,
        resource_type: String::new(),
        property: String::new(),
        expected: None,
        actual: None,
        source: FindingSource::Cloudformation,
        message: "the check itself failed; the execution of the drift state machine says why".to_owned(),
        remediation: "nothing: the next run checks again".to_owned(),
        fingerprint: mlp_product::outcome::sha256(item.stack.as_bytes()).chars().take(16).collect(),
    };
    StackReport {
        schema_version: SCHEMA_VERSION,
        run: run.to_owned(),
        checked_at: checked_at.to_owned(),
        stack_name: item.stack.clone(),
        stack_id: item.id.clone(),
        stack_status: String::new(),
        ml_name: None,
        tier: None,
        verdict: Verdict::CouldNotCheck,
        coverage: Coverage::default(),
        findings: vec![finding],
        ignored: Vec::new(),
        remediation: None,
        generator_version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}
