//! The result object of an execution: its output, or the cause of its failure, and `deployments/results/<execution>.json`.

use std::collections::BTreeMap;

use mlp_product::outcome::{Outcome, is_zero};
use mlp_template::finding::Finding;
use serde::{Deserialize, Serialize};

use super::causes::Cause;
use super::failure::Failure;
use crate::changes::ChangeCounts;
use crate::drift::Verdict;
use crate::drift::fleet::Totals;

/// The version of the result object's shape; it grows when a reader could break.
pub const SCHEMA_VERSION: u32 = 1;

/// How an execution ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExecutionOutcome {
    /// The stack was created.
    Created,
    /// The stack was updated.
    Updated,
    /// There was nothing to change.
    Unchanged,
    /// The stack was deleted.
    Deleted,
    /// There was no stack to delete.
    Absent,
    /// The changes were previewed.
    Previewed,
    /// A stack was deployed, checked and removed again, or kept on request.
    Tested,
    /// Nothing is wrong with the config or template.
    Valid,
    /// Products were listed.
    Listed,
    /// Files were generated and stored in the bucket.
    Generated,
    /// Nothing has drifted.
    #[serde(rename = "in-sync")]
    InSync,
    /// Something has drifted. The execution itself succeeded.
    Drifted,
    /// An approver rejected the changes, or the approval timed out.
    Cancelled,
    /// It failed.
    Failed,
}

/// What an execution did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// What was asked for; absent when that could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Whether it succeeded.
    pub ok: bool,
    /// How it ended.
    pub outcome: ExecutionOutcome,
    /// The execution's ARN.
    pub execution: String,
    /// The product's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ml_name: Option<String>,
    /// The stack's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_name: Option<String>,
    /// The stack's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_id: Option<String>,
    /// The stack's status when it was last read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_status: Option<String>,
    /// The account that the product is in, 12 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// The region that the product is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Who asked, as far as they said it: an ARN, or a custom resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<String>,
    /// Who approved it, an ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// The tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    /// The scenario.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// What was published, read back: SSM path to value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, String>,
    /// The change set in figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<ChangeCounts>,
    /// What stays after a deletion, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retained: Vec<RetainedResource>,
    /// What an action of the library answers: the object that `mlp --format json` prints. All of it is in the bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Outcome>,
    /// Where that is, `s3://bucket/key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_at: Option<String>,
    /// What `check-drift` found, in figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<DriftSummary>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
    /// What was found in input, config, template and surroundings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// How many findings are left out here.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub findings_left_out: usize,
    /// Where all of them are, `s3://bucket/key`; absent when none is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings_at: Option<String>,
    /// The version of ML Provisioner that answered.
    pub generator_version: String,
}

/// What `check-drift` found, in figures, and where the full report is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftSummary {
    /// The worst of the stacks in a word.
    pub verdict: Verdict,
    /// The figures of the stacks that were asked about.
    pub totals: Totals,
    /// The page, `s3://bucket/key`.
    pub report: String,
    /// The same as JSON, `s3://bucket/key`.
    pub data: String,
}

/// A resource that stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetainedResource {
    /// Its logical id.
    pub logical_id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is called.
    pub physical_id: String,
    /// Why it stays, and for how long.
    pub reason: String,
}

/// Why an execution failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error {
    /// A stable name, such as `MLProvisioner.StackBusy`.
    pub name: String,
    /// What happened.
    pub message: String,
    /// What to do.
    pub help: String,
    /// The first causes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
}

impl From<&Failure> for Error {
    fn from(failure: &Failure) -> Self {
        Self {
            name: failure.name.as_str().to_owned(),
            message: failure.message.clone(),
            help: failure.advice().to_owned(),
            causes: failure.causes.clone(),
        }
    }
}
