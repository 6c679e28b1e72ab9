//! A change set in figures.

use serde::{Deserialize, Serialize};

use super::{Deletion, Risk};

/// A change set in figures, and where the full report is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeCounts {
    /// Present when the stack itself is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion: Option<Deletion>,
    /// Resources that are added.
    pub added: usize,
    /// Resources that are changed where they are.
    pub changed: usize,
    /// Resources that are, or may be, replaced.
    pub replaced: usize,
    /// Resources that are deleted.
    pub deleted: usize,
    /// The first 100 of those that are deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deletions: Vec<NamedResource>,
    /// The first 100 of those that are, or may be, replaced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replacements: Vec<NamedResource>,
    /// The first 100 risks, the worst first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub risks: Vec<Risk>,
    /// The page, `s3://bucket/key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
    /// The same as JSON, `s3://bucket/key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
}

/// A resource by its names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedResource {
    /// Its logical id.
    pub logical_id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is called in AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub physical_id: Option<String>,
    /// Whether it is certain; else the deployment shows it.
    pub certain: bool,
}
