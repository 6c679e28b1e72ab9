//! What CloudFormation can't see, or overlooks, and who can tell.
//!
//! Sources: AWS CloudFormation User Guide, "Resource type support for imports and drift detection"; the handlers in the
//! registry's schemas (`AWS::CodeBuild::Project` has no read handler); "Detect unmanaged configuration changes to stacks and
//! resources with drift detection" on what is compared: properties that the template sets; aws-cloudformation's
//! cloudformation-coverage-roadmap, issues 936 (inline policies, key policies), 1858 (managed policies) and 2489 (attached
//! policies), on what reads `IN_SYNC` although it isn't.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::seen::ResourceSeen;
use crate::template::Template;
use crate::yaml::join;

/// A look at one resource past CloudFormation. The answer has the shape of the resource's properties in a template, with
/// what [`Probe::tells`] names; what is not in the answer isn't set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "probe")]
pub enum Probe {
    /// The repository with this id, whatever its name is now.
    Repository {
        /// Logical id.
        logical_id: String,
        /// The repository's id, which stays when it is renamed.
        id: String,
        /// The name that the template gives it.
        name: String,
    },
    /// A CodeBuild project.
    Project {
        /// Logical id.
        logical_id: String,
        /// The project's name.
        name: String,
    },
    /// Whether a pipeline still watches its source: `{"PollingDisabledAt": "2026-11-24T06:00:00Z"}`, or nothing of that.
    ///
    /// "Pipelines that are inactive for longer than 30 days will have polling disabled": CodePipeline API Reference,
    /// `PipelineMetadata`; the same words are in botocore's model of `GetPipeline`.
    Pipeline {
        /// Logical id.
        logical_id: String,
        /// The pipeline's name.
        name: String,
    },
    /// All policies of a role: `{"ManagedPolicyArns": [...], "Policies": [{"PolicyName", "PolicyDocument"}]}`.
    RolePolicies {
        /// Logical id.
        logical_id: String,
        /// The role's name.
        role: String,
    },
    /// The document of a managed policy: its default version's.
    ManagedPolicy {
        /// Logical id.
        logical_id: String,
        /// The policy's ARN.
        arn: String,
    },
    /// The policy of a key.
    KeyPolicy {
        /// Logical id.
        logical_id: String,
        /// The key's id.
        key_id: String,
    },
    /// A published SSM parameter, as its readers get it.
    Parameter {
        /// Logical id.
        logical_id: String,
        /// The parameter's path.
        name: String,
    },
}

impl Probe {
    /// The resource's logical id.
    pub fn logical_id(&self) -> &str {
        match self {
            Self::Repository { logical_id, .. }
            | Self::Project { logical_id, .. }
            | Self::Pipeline { logical_id, .. }
            | Self::RolePolicies { logical_id, .. }
            | Self::ManagedPolicy { logical_id, .. }
            | Self::KeyPolicy { logical_id, .. }
            | Self::Parameter { logical_id, .. } => logical_id,
        }
    }

    /// The properties that it can tell, as JSON pointers, always all of them.
    pub fn tells(&self) -> &'static [&'static str] {
        match self {
            Self::Repository { .. } => &["/KmsKeyId", "/RepositoryDescription", "/RepositoryName", "/Tags"],
            Self::Project { .. } => &[
                "/Artifacts/Type",
                "/BadgeEnabled",
                "/Description",
                "/EncryptionKey",
                "/Environment/ComputeType",
                "/Environment/EnvironmentVariables",
                "/Environment/Image",
                "/Environment/ImagePullCredentialsType",
                "/Environment/PrivilegedMode",
                "/Environment/Type",
                "/LogsConfig/CloudWatchLogs/GroupName",
                "/LogsConfig/CloudWatchLogs/Status",
                "/LogsConfig/CloudWatchLogs/StreamName",
                "/Name",
                "/QueuedTimeoutInMinutes",
                "/ServiceRole",
                "/Source/BuildSpec",
                "/Source/Type",
                "/Tags",
                "/TimeoutInMinutes",
                "/Visibility",
                "/VpcConfig/SecurityGroupIds",
                "/VpcConfig/Subnets",
                "/VpcConfig/VpcId",
            ],
            // What it tells is no property.
            Self::Pipeline { .. } => &[],
            Self::RolePolicies { .. } => &["/ManagedPolicyArns", "/Policies"],
            Self::ManagedPolicy { .. } => &["/PolicyDocument"],
            Self::KeyPolicy { .. } => &["/KeyPolicy"],
            Self::Parameter { .. } => &["/Name", "/Type", "/Value"],
        }
    }

    /// Properties that no template sets and that still must have their default: property and default.
    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        match self {
            // Only `UpdateProjectVisibility` sets it, and a public project shows its logs to everybody (CodeBuild API
            // Reference, "UpdateProjectVisibility"; "Project", `projectVisibility`). So no template has the property.
            Self::Project { .. } => &[("Visibility", "PRIVATE")],
            _ => &[],
        }
    }

    /// What the answer must say: what the template sets, and the default of what it leaves out on purpose.
    pub(super) fn expected(&self, properties: &Json, answer: &Json) -> Json {
        let mut expected = self.told(properties);
        if let Json::Object(expected) = &mut expected {
            for (property, default) in self.defaults() {
                if answer.get(property).is_some() && !expected.contains_key(*property) {
                    expected.insert((*property).to_owned(), Json::from(*default));
                }
            }
        }
        expected
    }

    /// What of a resource's properties it can tell. Whether that is all of them is whether it covers the resource.
    pub(super) fn told(&self, properties: &Json) -> Json {
        told(properties, "", self.tells())
    }
}

fn told(value: &Json, pointer: &str, tells: &[&str]) -> Json {
    let Json::Object(entries) = value else { return value.clone() };
    let told = entries.iter().filter_map(|(key, value)| {
        let pointer = join(pointer, key);
        if tells.contains(&pointer.as_str()) {
            return Some((key.clone(), value.clone()));
        }
        let below = value.is_object().then(|| told(value, &pointer, tells));
        below.filter(|it| it.as_object().is_some_and(|it| !it.is_empty())).map(|it| (key.clone(), it))
    });
    Json::Object(told.collect())
}

/// The probes that a stack needs, in the order of its resources.
///
/// ```
/// # use mlp_core::drift::{seen::ResourceSeen, wanted};
/// # use mlp_core::template::Template;
/// let role = ResourceSeen {
///     logical_id: "BuildRole".into(), physical_id: Some("build".into()), kind: "AWS::IAM::Role".into(),
///     status: "CREATE_COMPLETE".into(),
/// };
/// assert_eq!(wanted(&Template::default(), &[role]).len(), 1);
/// ```
pub fn wanted(template: &Template, resources: &[ResourceSeen]) -> Vec<Probe> {
    let there = resources.iter().filter(|resource| !resource.status.starts_with("DELETE_"));
    there.filter_map(|resource| probe(template, resource)).collect()
}

fn probe(template: &Template, resource: &ResourceSeen) -> Option<Probe> {
    let logical_id = resource.logical_id.clone();
    let physical = resource.physical_id.clone()?;
    let declared = |property: &str| {
        let text = template.resources.get(&logical_id)?.properties.get(property)?.as_str()?;
        Some(text.to_owned())
    };
    Some(match resource.kind.as_str() {
        "AWS::CodeCommit::Repository" => {
            let name = declared("RepositoryName").unwrap_or_else(|| physical.clone());
            Probe::Repository { logical_id, id: physical, name }
        }
        "AWS::CodeBuild::Project" => Probe::Project { logical_id, name: physical },
        "AWS::CodePipeline::Pipeline" => Probe::Pipeline { logical_id, name: physical },
        "AWS::IAM::Role" => Probe::RolePolicies { logical_id, role: physical },
        "AWS::IAM::ManagedPolicy" => Probe::ManagedPolicy { logical_id, arn: physical },
        "AWS::KMS::Key" => Probe::KeyPolicy { logical_id, key_id: physical },
        "AWS::SSM::Parameter" => Probe::Parameter { logical_id, name: physical },
        _ => return None,
    })
}
