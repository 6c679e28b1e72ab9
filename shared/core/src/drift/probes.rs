//! What CloudFormation can't see, or overlooks, and who can tell.
//!
//! Sources: AWS CloudFormation User Guide, "Resource type support for imports and drift detection"; the handlers in the
//! registry's schemas (`AWS::CodeBuild::Project` has no read handler); "Detect unmanaged configuration changes to stacks and
//! resources with drift detection" on what is compared: properties that the template sets.

use serde::{Deserialize, Serialize};

use super::seen::ResourceSeen;
use crate::template::Template;

/// A look at one resource past CloudFormation. The answer has the shape of the resource's properties in a template:
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "probe")]
pub enum Probe {
    /// `{"RepositoryName", "RepositoryDescription", "KmsKeyId"}` of the repository with this id, whatever its name is now.
    Repository {
        /// Logical id.
        logical_id: String,
        /// The repository's id, which stays when it is renamed.
        id: String,
        /// The name that the template gives it.
        name: String,
    },
    /// `{"Name", "ServiceRole", "EncryptionKey", "Source", "Environment", "VpcConfig", ...}` of a CodeBuild project.
    Project {
        /// Logical id.
        logical_id: String,
        /// The project's name.
        name: String,
    },
    /// `{"ManagedPolicyArns": [...], "Policies": [{"PolicyName", "PolicyDocument"}]}`: all that is attached to a role.
    RolePolicies {
        /// Logical id.
        logical_id: String,
        /// The role's name.
        role: String,
    },
    /// `{"KeyPolicy": {...}}`.
    KeyPolicy {
        /// Logical id.
        logical_id: String,
        /// The key's id.
        key_id: String,
    },
    /// `{"Value": ...}` of a published SSM parameter.
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
            | Self::RolePolicies { logical_id, .. }
            | Self::KeyPolicy { logical_id, .. }
            | Self::Parameter { logical_id, .. } => logical_id,
        }
    }

    /// Whether it sees the whole resource, as far as a template describes it; the others look at one property that
    /// CloudFormation overlooks.
    pub fn covers_the_resource(&self) -> bool {
        match self {
            Self::Repository { .. } | Self::Project { .. } | Self::Parameter { .. } => true,
            Self::RolePolicies { .. } | Self::KeyPolicy { .. } => false,
        }
    }
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
        "AWS::IAM::Role" => Probe::RolePolicies { logical_id, role: physical },
        "AWS::KMS::Key" => Probe::KeyPolicy { logical_id, key_id: physical },
        "AWS::SSM::Parameter" => Probe::Parameter { logical_id, name: physical },
        _ => return None,
    })
}
