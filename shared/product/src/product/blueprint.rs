//! Tier files: which resources a tier has, under which condition and with which fixed properties.
//!
//! `schemas/products/*.yaml` are data without placeholders. A tier may extend another; then an entry of the same
//! logical id changes only the keys it names, lists are replaced, and new entries follow the old ones.

use std::sync::LazyLock;

use indexmap::IndexMap;
use mlp_template::error::InternalError;
use mlp_template::yaml;
use serde::Deserialize;

use crate::config::Tier;

/// A tier file, with what it extends already merged in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blueprint {
    /// The tier's name.
    pub tier: String,
    /// The tier that this one extends.
    #[serde(default)]
    pub extends: Option<String>,
    /// The name that people read.
    pub title: String,
    /// One sentence.
    pub summary: String,
    /// Logical id to resource, in the order of the files.
    pub resources: IndexMap<String, ResourceSpec>,
}

/// One resource of a tier.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceSpec {
    /// The CloudFormation type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The suffix of the physical name, for types that have one.
    #[serde(default)]
    pub name: Option<String>,
    /// The part of the product that it belongs to.
    pub group: Group,
    /// One line for people: a comment in the template and a row in reports.
    pub purpose: String,
    /// When the resource exists; always, if empty.
    #[serde(default)]
    pub when: When,
    /// Whether it holds data, so that a replacement must not delete it.
    #[serde(default)]
    pub stateful: bool,
    /// How it hangs together with other resources of the tier.
    #[serde(default)]
    pub links: Links,
    /// Properties that are the same in every product.
    #[serde(default)]
    pub properties: serde_json::Map<String, serde_json::Value>,
}

/// The parts of a product, in the order in which a template and a report show them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// The model registry.
    Registry,
    /// Repositories.
    Source,
    /// Build projects.
    Build,
    /// Pipelines.
    Pipelines,
    /// What starts pipelines.
    Events,
    /// Roles and policies.
    Permissions,
    /// Buckets.
    Storage,
    /// Keys.
    Encryption,
    /// Endpoints and their security group.
    Network,
    /// Dashboard, logs, alarms, notifications.
    Monitoring,
    /// What others read from SSM Parameter Store.
    Published,
}

impl Group {
    /// The heading that people read.
    pub fn title(self) -> &'static str {
        match self {
            Self::Registry => "Model registry",
            Self::Source => "Source repositories",
            Self::Build => "Builds",
            Self::Pipelines => "Pipelines",
            Self::Events => "Events",
            Self::Permissions => "Roles and policies",
            Self::Storage => "Artifact storage",
            Self::Encryption => "Encryption",
            Self::Network => "VPC endpoints",
            Self::Monitoring => "Monitoring and compliance",
            Self::Published => "Published values",
        }
    }
}

/// When a resource exists.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// Only with this source control, as written in configs.
    #[serde(default)]
    pub source_control: Option<String>,
    /// Only in this VPC mode, as written in configs.
    #[serde(default)]
    pub vpc_mode: Option<String>,
    /// Only with a data lake (or only without).
    #[serde(default)]
    pub data_lake: Option<bool>,
}

/// What conditions in tier files are asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scenario<'a> {
    /// As written in configs.
    pub source_control: &'a str,
    /// As written in configs.
    pub vpc_mode: Option<&'a str>,
    /// Whether the config names a data lake.
    pub data_lake: bool,
}

impl When {
    /// Whether the condition holds; an empty one always does.
    pub fn holds(&self, scenario: &Scenario<'_>) -> bool {
        self.source_control.as_deref().is_none_or(|wanted| wanted == scenario.source_control)
            && self.vpc_mode.as_deref().is_none_or(|wanted| Some(wanted) == scenario.vpc_mode)
            && self.data_lake.is_none_or(|wanted| wanted == scenario.data_lake)
    }
}

/// A policy that AWS keeps, attached to a role.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsManaged {
    /// Its path and name below `policy/`.
    pub policy: String,
    /// When it is attached; always, if empty.
    #[serde(default)]
    pub when: When,
}

/// Logical ids of other resources of the tier, and other choices that a resource's builder needs. Each builder says
/// which of them it reads.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Links {
    /// The role that a project, a pipeline or a rule works with.
    #[serde(default)]
    pub role: Option<String>,
    /// What a build project builds: `model-build` or `model-deploy`.
    #[serde(default)]
    pub stage: Option<String>,
    /// The repository that a pipeline reads with CodeCommit.
    #[serde(default)]
    pub repository: Option<String>,
    /// The archive that a pipeline reads with S3.
    #[serde(default)]
    pub archive: Option<String>,
    /// The project that a pipeline runs.
    #[serde(default)]
    pub project: Option<String>,
    /// Services that may assume a role, without `.amazonaws.com`.
    #[serde(default)]
    pub assumed_by: Vec<String>,
    /// AWS-managed policies of a role.
    #[serde(default)]
    pub aws_managed: Vec<AwsManaged>,
    /// The product's own policies that a role has.
    #[serde(default)]
    pub attach: Vec<String>,
    /// The policy that bounds a role.
    #[serde(default)]
    pub boundary: Option<String>,
    /// Which set of statements a policy has.
    #[serde(default)]
    pub grants: Option<Grants>,
    /// The registry that a rule watches.
    #[serde(default)]
    pub watches: Option<String>,
    /// The pipeline that a rule starts.
    #[serde(default)]
    pub pipeline: Option<String>,
    /// The key of an alias.
    #[serde(default)]
    pub key: Option<String>,
    /// The log group of a filter.
    #[serde(default)]
    pub log_group: Option<String>,
    /// The metric that a filter writes or an alarm reads.
    #[serde(default)]
    pub metric: Option<String>,
    /// The topic of an alarm or a subscription.
    #[serde(default)]
    pub topic: Option<String>,
    /// The service behind an endpoint, such as `sagemaker.api`.
    #[serde(default)]
    pub service: Option<String>,
    /// The last part of a published value's path.
    #[serde(default)]
    pub leaf: Option<String>,
    /// The resource whose value is published.
    #[serde(default)]
    pub of: Option<String>,
    /// The attribute that is published; `Ref` if absent.
    #[serde(default)]
    pub attribute: Option<String>,
}

/// The sets of statements that a managed policy can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grants {
    /// What builds and the jobs they start need.
    Build,
    /// What pipelines need.
    Deploy,
    /// The most that any role may do.
    Boundary,
}

const FILES: [(Tier, &str); 3] = [
    (Tier::Starter, include_str!("../../../../schemas/products/starter.yaml")),
    (Tier::Professional, include_str!("../../../../schemas/products/professional.yaml")),
    (Tier::Enterprise, include_str!("../../../../schemas/products/enterprise.yaml")),
];

static BLUEPRINTS: LazyLock<Result<[Blueprint; 3], InternalError>> =
    LazyLock::new(|| Ok([parse(Tier::Starter)?, parse(Tier::Professional)?, parse(Tier::Enterprise)?]));

/// The blueprint of a tier, read once in a process.
///
/// # Errors
///
/// When a tier file is broken, which the tests rule out.
pub fn blueprint(tier: Tier) -> Result<&'static Blueprint, InternalError> {
    let [starter, professional, enterprise] = BLUEPRINTS.as_ref().map_err(Clone::clone)?;
    Ok(match tier {
        Tier::Starter => starter,
        Tier::Professional => professional,
        Tier::Enterprise => enterprise,
    })
}

fn parse(tier: Tier) -> Result<Blueprint, InternalError> {
    let json = merged(tier.as_str())?;
    let blueprint: Blueprint =
        serde_json::from_value(json).map_err(|error| broken(tier.as_str(), &error.to_string()))?;
    Ok(blueprint)
}

fn merged(tier: &str) -> Result<serde_json::Value, InternalError> {
    let (_, text) = FILES
        .iter()
        .find(|(candidate, _)| candidate.as_str() == tier)
        .ok_or_else(|| broken(tier, "there is no such tier"))?;
    let document = yaml::load(text.as_bytes(), &yaml::Limits::config()).map_err(|findings| {
        broken(tier, &findings.first().map_or_else(String::new, |finding| finding.message.clone()))
    })?;
    let own = document.to_json();
    match own.get("extends").and_then(serde_json::Value::as_str) {
        None => Ok(own),
        Some(base) => {
            let mut result = merged(base)?;
            merge(&mut result, own);
            Ok(result)
        }
    }
}

/// Maps are merged key by key; everything else is replaced.
fn merge(base: &mut serde_json::Value, over: serde_json::Value) {
    match (base, over) {
        (serde_json::Value::Object(base), serde_json::Value::Object(over)) => {
            for (key, value) in over {
                match base.get_mut(&key) {
                    Some(old) => merge(old, value),
                    None => {
                        base.insert(key, value);
                    }
                }
            }
        }
        (base, over) => *base = over,
    }
}

fn broken(tier: &str, why: &str) -> InternalError {
    InternalError::new(format!("schemas/products/{tier}.yaml: {why}"))
}
