//! A stack's drift report.

use mlp_product::outcome::sha256;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::changes::DisplayedValue;

/// The version of the report's shape (`schemas/drift.schema.json`).
pub const SCHEMA_VERSION: u32 = 1;

/// A stack's report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackReport {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The run that it belongs to.
    pub run: String,
    /// When it was checked, RFC 3339.
    pub checked_at: String,
    /// The stack's name.
    pub stack_name: String,
    /// Its id.
    pub stack_id: String,
    /// Its status.
    pub stack_status: String,
    /// The product, by the stack's tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ml_name: Option<String>,
    /// Its tier, by the stack's tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// How many resources were checked.
    pub coverage: Coverage,
    /// The findings that count, worst first.
    pub findings: Vec<DriftFinding>,
    /// The findings that the ignore list names.
    pub ignored: Vec<IgnoredFinding>,
    /// The execution that reverts everything that CloudFormation can revert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remediation: Option<Remediation>,
    /// The version of ML Provisioner.
    pub generator_version: String,
}

/// A stack in one word. "Could not check" is never "in sync".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Everything that can be checked is as it must be.
    InSync,
    /// The stack was deleted during the check.
    Deleted,
    /// Something could not be checked, and nothing that could be has drifted.
    CouldNotCheck,
    /// Something differs from the template or from today's config.
    Drifted,
}

impl Verdict {
    /// As people read it.
    pub fn words(self) -> &'static str {
        match self {
            Self::InSync => "in sync",
            Self::Deleted => "deleted",
            Self::CouldNotCheck => "could not check",
            Self::Drifted => "drifted",
        }
    }
}

/// What kind of finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// It differs from the template.
    Drifted,
    /// It was deleted outside CloudFormation.
    Deleted,
    /// Today's config would make another template than the one that is deployed.
    ConfigDrift,
    /// It could not be checked this time.
    CouldNotCheck,
    /// An older version of ML Provisioner generated the template.
    Outdated,
    /// Neither CloudFormation nor we can check it.
    NotCheckable,
}

impl FindingKind {
    /// As people read it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Drifted => "drifted",
            Self::Deleted => "deleted",
            Self::ConfigDrift => "config drift",
            Self::CouldNotCheck => "could not check",
            Self::Outdated => "outdated",
            Self::NotCheckable => "not checkable",
        }
    }
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DriftSeverity {
    /// Permissions differ, or a resource was deleted.
    High,
    /// The behavior differs.
    Medium,
    /// Only texts differ.
    Low,
    /// For information.
    Info,
}

impl DriftSeverity {
    /// As people read it.
    pub fn words(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
            Self::Info => "info",
        }
    }
}

/// What found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingSource {
    /// CloudFormation's drift detection.
    Cloudformation,
    /// A probe of our own.
    Probe,
    /// The comparison of the deployed template with today's.
    Template,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftFinding {
    /// What kind.
    pub kind: FindingKind,
    /// How much it matters.
    pub severity: DriftSeverity,
    /// The resource's logical id; empty for the stack as a whole.
    pub logical_id: String,
    /// What the resource is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub physical_id: Option<String>,
    /// The resource's type; empty for the stack as a whole.
    #[serde(rename = "type")]
    pub resource_type: String,
    /// A JSON pointer from the resource's properties, or to what stands beside them; from the template's sections, when there
    /// is no resource; empty for the whole.
    pub property: String,
    /// As it must be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<DisplayedValue>,
    /// As it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<DisplayedValue>,
    /// Who found it.
    pub source: FindingSource,
    /// What it is, in a sentence.
    pub message: String,
    /// What to do.
    pub remediation: String,
    /// The same for the same finding in the next run.
    pub fingerprint: String,
}

impl DriftFinding {
    /// Computes the fingerprint from the location and the actual value.
    pub(super) fn with_fingerprint(mut self, stack: &str, actual: Option<&Json>) -> Self {
        let actual = actual.map(Json::to_string).unwrap_or_default();
        let parts =
            [stack, self.kind.words(), &self.logical_id, &self.property, &actual, self.source_words()]
                .join("\n");
        self.fingerprint = sha256(parts.as_bytes()).chars().take(16).collect();
        self
    }

    fn source_words(&self) -> &'static str {
        match self.source {
            FindingSource::Cloudformation | FindingSource::Probe => "aws",
            FindingSource::Template => "template",
        }
    }

    /// Whether it makes a stack drifted.
    pub fn is_drift(&self) -> bool {
        matches!(self.kind, FindingKind::Drifted | FindingKind::Deleted | FindingKind::ConfigDrift)
    }

    /// Where, in few words: `Bucket /Tags`.
    pub fn place(&self) -> String {
        match (self.logical_id.as_str(), self.property.as_str()) {
            ("", "") => "the stack".to_owned(),
            ("", section) => format!("the template {section}"),
            (id, "") => id.to_owned(),
            (id, property) => format!("{id} {property}"),
        }
    }
}

/// A finding that doesn't count, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IgnoredFinding {
    /// The finding.
    pub finding: DriftFinding,
    /// Every entry that names it, by its fingerprint; what follows is the first one's.
    pub entries: Vec<String>,
    /// Why.
    pub reason: String,
    /// Who decided it.
    pub who: String,
    /// Until when, `YYYY-MM-DD`.
    pub expires: String,
}

/// How many of a stack's resources were checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Resources.
    pub resources: usize,
    /// Those that CloudFormation checked, some with help of a probe.
    pub by_cloudformation: usize,
    /// Those that only a probe checked.
    pub by_probe: usize,
    /// Those that neither CloudFormation nor a probe can check.
    pub not_checkable: usize,
    /// Those that could not be checked this time.
    pub could_not_check: usize,
}

impl Coverage {
    /// Checked resources in tenths of a per cent of all.
    pub fn permille(&self) -> usize {
        match self.resources {
            0 => 1_000,
            all => (self.by_cloudformation + self.by_probe) * 1_000 / all,
        }
    }

    /// `97.5 %`.
    pub fn percent(&self) -> String {
        if self.resources == 0 {
            return "of nothing".to_owned();
        }
        let permille = self.permille();
        format!("{}.{} %", permille / 10, permille % 10)
    }

    /// Together with another stack's.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            resources: self.resources + other.resources,
            by_cloudformation: self.by_cloudformation + other.by_cloudformation,
            by_probe: self.by_probe + other.by_probe,
            not_checkable: self.not_checkable + other.not_checkable,
            could_not_check: self.could_not_check + other.could_not_check,
        }
    }
}

/// A ready input of the deploying state machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remediation {
    /// What it does.
    pub description: String,
    /// The execution's input.
    pub input: Json,
}
