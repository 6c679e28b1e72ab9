//! The `generate` function without its runtime: an S3 event message in, a summary out.
//!
//! All rules are in [`mlp_operations::generate::storing`]; here records are handed to it one by one and the answers collected.

pub mod status;
pub mod storing;

use std::fmt;
use std::sync::Arc;

use mlp_aws::s3::notification::{Notification, Record, Upload, read};
use mlp_aws::s3::store::BucketStore;
use serde::Serialize;
use serde_json::Value;

use crate::generate::storing::{Failure, Kind, Make, Settled, Storing};
use crate::rules::RuleBook;

/// What the function answers: one entry a record, in the message's order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The entries.
    pub records: Vec<Settled>,
}

/// Some records could not be handled. The invocation fails, so that Lambda delivers the message again and in the end
/// the on-failure queue keeps it. Records that were handled are recognised then and cost a few reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordsFailed {
    /// How many records there were.
    pub records: usize,
    /// What went wrong, one entry a record that failed.
    pub failures: Vec<String>,
}

impl RecordsFailed {
    /// The stable name of this error, in Lambda's `errorType`.
    pub const NAME: &str = "MLProvisioner.RecordsFailed";

    /// The message as a whole could not be handled.
    pub fn whole(reason: impl Into<String>) -> Self {
        Self { records: 0, failures: vec![reason.into()] }
    }
}

impl fmt::Display for RecordsFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.records > 0 {
            write!(f, "{} of {} records failed: ", self.failures.len(), self.records)?;
        }
        f.write_str(&self.failures.join("; "))
    }
}

impl std::error::Error for RecordsFailed {}

/// Handles a message: every record, one after the other, whatever happens to the others.
///
/// With `only_bucket`, records of other buckets are ignored. Each config is held to the rules of its bucket, which `rules`
/// remembers from one message to the next.
///
/// # Errors
///
/// When a record failed for a reason that is not the user's, or the message is none of S3's.
pub async fn handle<S: BucketStore + Sync>(
    store: &S,
    make: &Make<'_>,
    rules: &RuleBook,
    only_bucket: Option<&str>,
    message: &Value,
) -> Result<Summary, RecordsFailed> {
    let records = match read(message) {
        Notification::Records(records) => records,
        Notification::Test => {
            tracing::info!("S3's test message: the notification is set up");
            return Ok(Summary::default());
        }
        Notification::Unknown => {
            let reason = "the message is no S3 event: it has no list of Records";
            tracing::info!(reason, "the event was refused");
            return Err(RecordsFailed::whole(reason));
        }
    };
    let count = records.len();
    let mut summary = Summary::default();
    let mut failures = Vec::new();
    for (index, record) in records.into_iter().enumerate() {
        let settled = match record {
            Record::Upload(upload) if only_bucket.is_some_and(|only| only != upload.bucket) => Ok(ignored(
                Some(upload.key),
                format!("the event is of bucket {}, not of this suite's", upload.bucket),
            )),
            Record::Upload(upload) => settle(store, make, rules, &upload).await.map_err(|failure| {
                let (kind, store) = match &failure {
                    Failure::Store(error) => ("store", Some(error.kind.as_str())),
                    Failure::Internal(_) => ("internal", None),
                    Failure::Unsettled { .. } => ("unsettled", None),
                };
                tracing::error!(key = upload.key, kind, store, error = %failure, "a record failed");
                format!("{}: {failure}", upload.key)
            }),
            Record::Ignored { key, reason } => Ok(ignored(key, reason)),
            // Nobody would ever hear of it otherwise: the queue keeps what can't be understood.
            Record::Unreadable { reason } => {
                tracing::error!(index, reason, "a record can't be read");
                Err(format!("record {index}: {reason}"))
            }
        };
        match settled {
            Ok(settled) => {
                let Settled { key, outcome, ok, detail, .. } = &settled;
                tracing::info!(key, outcome = outcome.as_str(), ok, detail, "a record was handled");
                summary.records.push(settled);
            }
            Err(failure) => failures.push(failure),
        }
    }
    if failures.is_empty() { Ok(summary) } else { Err(RecordsFailed { records: count, failures }) }
}

/// Handles one upload under the rules of its bucket as they are now.
async fn settle<S: BucketStore + Sync>(
    store: &S,
    make: &Make<'_>,
    rules: &RuleBook,
    upload: &Upload,
) -> Result<Settled, Failure> {
    let rules = match crate::generate::storing::ignored(&upload.key) {
        Some(_) => Arc::default(),
        None => rules.of(store, &upload.bucket).await?,
    };
    Storing::new(store, make, &rules).settle(upload).await
}

fn ignored(key: Option<String>, reason: String) -> Settled {
    Settled {
        key: key.unwrap_or_default(),
        status_key: None,
        ok: None,
        outcome: Kind::Ignored,
        detail: Some(reason),
    }
}
