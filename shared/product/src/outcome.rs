//! The result object: what `mlp --format json` prints and what `status/<config key>.json` holds.
//!
//! One shape for every front end; its JSON Schema is published as `schemas/outcome.schema.json`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use indexmap::IndexMap;
use mlp_template::finding::{self, Finding, MAX_FINDINGS, MAX_FINDINGS_BYTES};
use mlp_template::security::secrets;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The version of the result object's shape; it grows when a reader could break.
pub const SCHEMA_VERSION: u32 = 1;

/// What an action found and made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Which action ran, such as `create-prov-template`.
    pub action: String,
    /// Whether nothing blocks.
    pub ok: bool,
    /// The product's name; absent when the config is too broken to tell.
    pub ml_name: Option<String>,
    /// The CloudFormation stack's name.
    pub stack_name: Option<String>,
    /// Source control, VPC mode and id source in one word, such as `s3-standalone-ssm-workload`.
    pub scenario: Option<String>,
    /// The tier.
    pub tier: Option<String>,
    /// What the template holds.
    pub resource_counts: Option<ResourceCounts>,
    /// Files written: paths below the output folder, or keys in the bucket.
    pub outputs: Vec<String>,
    /// SHA-256 of each output, in lower-case hexadecimal digits.
    pub hashes: BTreeMap<String, String>,
    /// Where each kind of output is: a path, or `s3://bucket/key`. What could not be made is missing.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub links: IndexMap<OutputKind, String>,
    /// The organisation's rule files that were enforced; absent without any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// What `list-products` and `show-product` answer; absent elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub products: Vec<ProductSummary>,
    /// Everything worth saying about the input; of a stored result at most [`finding::MAX_FINDINGS`].
    pub findings: Vec<Finding>,
    /// How many findings are left out here.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub findings_left_out: usize,
    /// Where all of them are, `s3://bucket/key` of an [`AllFindings`]; absent when none is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings_at: Option<String>,
    /// Which config this came from.
    pub source: Source,
    /// The version of ML Provisioner that answered.
    pub generator_version: String,
}

/// Where the config came from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The bucket, for a config in S3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// The object key (decoded) or the file's path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The object's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// S3's order of events on one key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequencer: Option<String>,
    /// SHA-256 of the config's bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// How many resources a template holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceCounts {
    /// All of them.
    pub total: usize,
    /// Those of type `AWS::SSM::Parameter`.
    pub ssm_parameters: usize,
    /// By resource type, in alphabetical order.
    pub by_type: BTreeMap<String, usize>,
}

/// A tier, as `list-products` and `show-product` describe it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductSummary {
    /// As written in configs.
    pub tier: String,
    /// The name that people read.
    pub title: String,
    /// One sentence.
    pub summary: String,
    /// The tier that this one holds and extends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extends: Option<String>,
    /// The combinations of source control and VPC mode that change what is made.
    pub scenarios: Vec<ScenarioSummary>,
    /// Every resource that the tier can have; `show-product` only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<ResourceSummary>,
}

/// How many resources a tier has in one scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScenarioSummary {
    /// Such as `codecommit` or `s3-standalone`.
    pub scenario: String,
    /// What the template holds.
    pub resource_counts: ResourceCounts,
}

/// One resource of a tier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceSummary {
    /// The logical id, the same in every product and tier.
    pub logical_id: String,
    /// The CloudFormation type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The physical name's pattern, such as `{ml_name}-build`, for types that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The part of the product that it belongs to.
    pub group: String,
    /// One line for people.
    pub purpose: String,
    /// When it exists, such as `source_control: codecommit`; always, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
}

impl Outcome {
    /// An outcome of `action` without a product, for inputs that are too broken to name one.
    pub fn of(action: &str, mut findings: Vec<Finding>) -> Self {
        settle(&mut findings);
        Self {
            schema_version: SCHEMA_VERSION,
            action: action.to_owned(),
            ok: !finding::blocks(&findings),
            ml_name: None,
            stack_name: None,
            scenario: None,
            tier: None,
            resource_counts: None,
            outputs: Vec::new(),
            hashes: BTreeMap::new(),
            links: IndexMap::new(),
            rules: Vec::new(),
            products: Vec::new(),
            findings,
            findings_left_out: 0,
            findings_at: None,
            source: Source::default(),
            generator_version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// Adds findings and keeps `ok` true to them.
    pub fn add_findings(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.findings.extend(findings);
        settle(&mut self.findings);
        self.ok = !finding::blocks(&self.findings);
    }
}

/// For serde, which hands a reference: whether a count is left out.
pub fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Every finding of a result that holds only some of them: what the object at `findings_at` is. Its JSON Schema is
/// `schemas/findings.schema.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllFindings {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Which action ran; absent when that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// All findings, in the order of the result.
    pub findings: Vec<Finding>,
    /// Which config they are about.
    pub source: Source,
    /// The version of ML Provisioner that found them.
    pub generator_version: String,
}

impl AllFindings {
    /// The findings of an action.
    pub fn of(action: Option<String>, findings: Vec<Finding>, source: Source) -> Self {
        let generator_version = env!("CARGO_PKG_VERSION").to_owned();
        Self { schema_version: SCHEMA_VERSION, action, findings, source, generator_version }
    }

    /// The object's bytes: indented, because people open it in a console.
    ///
    /// # Errors
    ///
    /// Only for our own defects.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

impl Outcome {
    /// Takes out what a stored result doesn't hold; what is to be stored beside it then. Nothing when everything fits.
    pub fn limit(&mut self) -> Option<AllFindings> {
        let mut kept = self.findings.clone();
        self.findings_left_out = finding::keep(&mut kept, MAX_FINDINGS, MAX_FINDINGS_BYTES);
        if self.findings_left_out == 0 {
            return None;
        }
        let all = std::mem::replace(&mut self.findings, kept);
        Some(AllFindings::of(Some(self.action.clone()), all, self.source.clone()))
    }
}

/// Findings as every front end gets them: in order, and without any access key that stood in what they quote.
fn settle(findings: &mut Vec<Finding>) {
    for finding in findings.iter_mut() {
        let texts = [Some(&mut finding.message), finding.help.as_mut(), finding.property.as_mut()];
        for text in texts.into_iter().flatten().chain([&mut finding.path]) {
            if let Cow::Owned(masked) = secrets::mask(text) {
                *text = masked;
            }
        }
    }
    finding::sort(findings);
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutputKind {
    /// The CloudFormation template.
    Template,
    /// The policy of an operator who deploys with rights of their own.
    Policy,
    /// The rest of it, where one document can't hold it.
    #[serde(rename = "policy-2")]
    Policy2,
    /// What is left then, with the longest names.
    #[serde(rename = "policy-3")]
    Policy3,
    /// The policy of the role that CloudFormation takes on.
    ServiceRolePolicy,
    /// The rest of it, where one document can't hold it.
    #[serde(rename = "service-role-policy-2")]
    ServiceRolePolicy2,
    /// The policy of an operator beside such a role.
    StackOperatorPolicy,
    /// The rest of it, where one document can't hold it.
    #[serde(rename = "stack-operator-policy-2")]
    StackOperatorPolicy2,
    /// The review report.
    Report,
    /// A template as the macro makes it, in YAML.
    Expanded,
    /// The same in JSON.
    ExpandedJson,
}

impl OutputKind {
    /// Every kind that is made from a config, in that order.
    pub const ALL: [Self; 9] = [
        Self::Template,
        Self::Policy,
        Self::Policy2,
        Self::Policy3,
        Self::ServiceRolePolicy,
        Self::ServiceRolePolicy2,
        Self::StackOperatorPolicy,
        Self::StackOperatorPolicy2,
        Self::Report,
    ];

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Template | Self::Expanded => "application/yaml",
            Self::Policy
            | Self::Policy2
            | Self::Policy3
            | Self::ServiceRolePolicy
            | Self::ServiceRolePolicy2
            | Self::StackOperatorPolicy
            | Self::StackOperatorPolicy2
            | Self::ExpandedJson => "application/json",
            Self::Report => "text/html; charset=utf-8",
        }
    }

    /// Where it goes: a path below the output folder and a key in the bucket alike.
    ///
    /// ```
    /// # use mlp_product::outcome::OutputKind;
    /// let path = OutputKind::Report.path("techcorp-prod-a001-us-west-2-churn-ml", "s3");
    /// assert_eq!(path, "reports/techcorp-prod-a001-us-west-2-churn-ml-s3-review.html");
    /// ```
    pub fn path(self, ml_name: &str, scenario: &str) -> String {
        let (folder, ending) = match self {
            Self::Template => ("templates", ".yaml"),
            Self::Policy => ("policies", "-iam-policy.json"),
            Self::Policy2 => ("policies", "-iam-policy-2.json"),
            Self::Policy3 => ("policies", "-iam-policy-3.json"),
            Self::ServiceRolePolicy => ("policies", "-service-role-policy.json"),
            Self::ServiceRolePolicy2 => ("policies", "-service-role-policy-2.json"),
            Self::StackOperatorPolicy => ("policies", "-stack-operator-policy.json"),
            Self::StackOperatorPolicy2 => ("policies", "-stack-operator-policy-2.json"),
            Self::Report => ("reports", "-review.html"),
            // A template of somebody's own belongs to no product.
            Self::Expanded => return "expanded.yaml".to_owned(),
            Self::ExpandedJson => return "expanded.json".to_owned(),
        };
        format!("{folder}/{ml_name}-{scenario}{ending}")
    }
}

/// A file that an action made, not yet written anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFile {
    /// What it is.
    pub kind: OutputKind,
    /// Where it goes: a path below the output folder and a key in the bucket alike (`templates/...`).
    pub path: String,
    /// Its bytes.
    pub text: String,
}

/// What an action answers: the result object, and the files that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The result object; `outputs` and `hashes` describe `files`.
    pub outcome: Outcome,
    /// The files. When something blocks, those that could be made all the same.
    pub files: Vec<OutputFile>,
}

impl Made {
    /// An outcome without files.
    pub fn nothing(outcome: Outcome) -> Self {
        Self { outcome, files: Vec::new() }
    }

    /// An outcome with its files, which it names.
    pub fn with(mut outcome: Outcome, files: Vec<OutputFile>) -> Self {
        outcome.outputs = files.iter().map(|file| file.path.clone()).collect();
        outcome.hashes = files.iter().map(|file| (file.path.clone(), file.sha256())).collect();
        outcome.links = files.iter().map(|file| (file.kind, file.path.clone())).collect();
        Self { outcome, files }
    }
}

impl OutputFile {
    /// SHA-256 of its content, in lower-case hexadecimal digits.
    pub fn sha256(&self) -> String {
        sha256(self.text.as_bytes())
    }
}

/// SHA-256 in lower-case hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The key of a config's status object: `status/<config key>.json`.
pub fn status_key(config_key: &str) -> String {
    format!("status/{config_key}.json")
}

/// Counts resources by type.
pub fn count<'a>(types: impl Iterator<Item = &'a str>) -> ResourceCounts {
    let mut counts = ResourceCounts::default();
    for kind in types {
        counts.total += 1;
        if kind == "AWS::SSM::Parameter" {
            counts.ssm_parameters += 1;
        }
        *counts.by_type.entry(kind.to_owned()).or_default() += 1;
    }
    counts
}
