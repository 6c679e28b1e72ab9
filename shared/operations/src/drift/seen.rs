//! What was seen of a stack in AWS.

use mlp_aws::drift::Probe;
use mlp_aws::drift::{ResourceSeen, StackSeen};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// All that was seen of one stack at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The stack.
    pub stack: StackSeen,
    /// Its template as CloudFormation keeps it (`GetTemplate`), or why it can't be had.
    pub template: Result<String, Refused>,
    /// Its resources, or why they can't be had.
    pub resources: Result<Vec<ResourceSeen>, Refused>,
    /// What CloudFormation's own detection says.
    pub detection: Detection,
    /// What the probes found.
    pub probes: Vec<(Probe, ProbeAnswer)>,
    /// Today's config, if it is known where it lies.
    pub config: Option<ConfigSeen>,
}

/// Why something could not be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CouldNot {
    /// A permission is missing.
    Denied,
    /// AWS throttled for longer than was retried.
    Throttled,
    /// It did not end in time.
    TimedOut,
    /// Somebody else works on it.
    Busy,
    /// The stack is gone.
    Gone,
    /// The stack is in a status in which CloudFormation compares nothing.
    Unfinished,
    /// AWS says that it failed.
    Failed,
    /// AWS did not answer.
    Unavailable,
}

/// Something that could not be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why, in a word.
    pub why: CouldNot,
    /// Why, in AWS's words.
    pub reason: String,
}

/// What CloudFormation's drift detection came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Detection {
    /// It ended.
    Done {
        /// Every `StackResourceDrift` as the API spells it (`DescribeStackResourceDrifts`).
        drifts: Vec<Json>,
        /// `DetectionStatusReason` of a `DETECTION_FAILED`: the drifts are those that it got to.
        failed: Option<String>,
    },
    /// It could not be had.
    CouldNot(Refused),
}

/// What a probe found, in the shape of the template's properties; [`Probe`] says which.
#[derive(Debug, Clone, PartialEq)]
pub enum ProbeAnswer {
    /// Its properties.
    Seen(Json),
    /// It isn't there.
    Missing,
    /// It could not be seen.
    CouldNot(Refused),
}

/// Today's config of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigSeen {
    /// Its bucket; empty for a file.
    pub bucket: String,
    /// Its key, or the file's name.
    pub key: String,
    /// Its content, or why it can't be read.
    pub bytes: Result<Vec<u8>, String>,
}
