//! A snapshot of a stack in AWS.

use mlp_aws::drift::Probe;
use mlp_aws::drift::{ResourceSummary, StackDescription};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// What AWS returned for one stack at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct StackSnapshot {
    /// The stack.
    pub stack: StackDescription,
    /// Its template as CloudFormation keeps it (`GetTemplate`), or why it can't be read.
    pub template: Result<String, CheckError>,
    /// Its resources, or why they can't be read.
    pub resources: Result<Vec<ResourceSummary>, CheckError>,
    /// What CloudFormation's own detection says.
    pub detection: Detection,
    /// What the probes found.
    pub probes: Vec<(Probe, ProbeResult)>,
    /// Today's config, if its location is known.
    pub config: Option<ConfigSnapshot>,
}

/// Why something could not be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckErrorKind {
    /// A permission is missing.
    Denied,
    /// AWS still throttled the call when the retries ended.
    Throttled,
    /// It did not end in time.
    TimedOut,
    /// Another operation is in progress.
    Busy,
    /// The stack was deleted.
    Gone,
    /// The stack is in a status in which CloudFormation compares nothing.
    Unfinished,
    /// AWS says that it failed.
    Failed,
    /// AWS did not answer.
    Unavailable,
}

/// Something that could not be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckError {
    /// The kind of error.
    pub kind: CheckErrorKind,
    /// Why, in AWS's words.
    pub reason: String,
}

/// The result of CloudFormation's drift detection.
#[derive(Debug, Clone, PartialEq)]
pub enum Detection {
    /// It ended.
    Completed {
        /// Every `StackResourceDrift` as the API spells it (`DescribeStackResourceDrifts`).
        drifts: Vec<Json>,
        /// `DetectionStatusReason` of a `DETECTION_FAILED`: the drifts are those of the resources that were checked
        /// before it failed.
        failed: Option<String>,
    },
    /// It failed.
    Failed(CheckError),
}

/// What a probe found, in the shape of the template's properties; [`Probe`] says which.
#[derive(Debug, Clone, PartialEq)]
pub enum ProbeResult {
    /// Its properties.
    Found(Json),
    /// It isn't there.
    Missing,
    /// The probe failed.
    Failed(CheckError),
}

/// Today's config of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigSnapshot {
    /// Its bucket; empty for a file.
    pub bucket: String,
    /// Its key, or the file's name.
    pub key: String,
    /// Its content, or why it can't be read.
    pub bytes: Result<Vec<u8>, String>,
}
