//! How much a finding matters.

use super::report::{Kind, Severity};

/// Properties that say who may do what, or what can be reached from outside.
const SENSITIVE: [&str; 17] = [
    "AccessControl",
    "AssumeRolePolicyDocument",
    "BucketEncryption",
    "EnableKeyRotation",
    "Enabled",
    "KeyPolicy",
    "KmsKeyId",
    "KmsMasterKeyId",
    "ManagedPolicyArns",
    "OwnershipControls",
    "PermissionsBoundary",
    "Policies",
    "PolicyDocument",
    "PrivilegedMode",
    "PublicAccessBlockConfiguration",
    "ServiceRole",
    "VersioningConfiguration",
];

/// What people read and nothing acts upon.
const COSMETIC: [&str; 5] =
    ["Description", "DisplayName", "ModelPackageGroupDescription", "RepositoryDescription", "Tags"];

/// The severity of a finding about a property of a resource of a type.
pub(super) fn of(kind: Kind, resource_type: &str, pointer: &str) -> Severity {
    let mut names = pointer.split('/').skip(1);
    let first = names.clone().next().unwrap_or_default();
    match kind {
        Kind::Deleted => Severity::High,
        Kind::Drifted if resource_type == "AWS::EC2::SecurityGroup" && !COSMETIC.contains(&first) => {
            Severity::High
        }
        Kind::Drifted if names.any(|name| SENSITIVE.contains(&name)) => Severity::High,
        Kind::Drifted | Kind::ConfigDrift if COSMETIC.contains(&first) => Severity::Low,
        Kind::Drifted | Kind::ConfigDrift | Kind::CouldNotCheck => Severity::Medium,
        Kind::Outdated => Severity::Low,
        Kind::NotCheckable => Severity::Info,
    }
}
