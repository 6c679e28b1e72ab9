//! Calls of other services than CloudFormation.

use serde::{Deserialize, Serialize};

/// A read of one resource from its own service. The answer has the shape of the resource's properties in a template, with
/// what [`Probe::checked_properties`] names; what is not in the answer isn't set.
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

    /// The properties that it reads, as JSON pointers.
    pub fn checked_properties(&self) -> &'static [&'static str] {
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
            // It reads no property of the template.
            Self::Pipeline { .. } => &[],
            Self::RolePolicies { .. } => &["/ManagedPolicyArns", "/Policies"],
            Self::ManagedPolicy { .. } => &["/PolicyDocument"],
            Self::KeyPolicy { .. } => &["/KeyPolicy"],
            Self::Parameter { .. } => &["/Name", "/Type", "/Value"],
        }
    }
}
