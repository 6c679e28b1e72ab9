//! How much a finding matters.

use super::report::{Kind, Severity};

/// Properties that say who may do what, or what can be reached from outside.
const SENSITIVE: [&str; 22] = [
    "AccessControl",
    "AssumeRolePolicyDocument",
    "BucketEncryption",
    "EnableKeyRotation",
    "Enabled",
    "EncryptionKey",
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
    "RoleArn",
    "SecurityGroupIds",
    "ServiceRole",
    "TargetKeyId",
    "VersioningConfiguration",
    "Visibility",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_keys_and_who_may_do_what_matter_more_than_words() {
        for (kind, resource_type, pointer, severity) in [
            (Kind::Drifted, "AWS::CodeBuild::Project", "/EncryptionKey", Severity::High),
            (Kind::Drifted, "AWS::CodeBuild::Project", "/ServiceRole", Severity::High),
            (Kind::Drifted, "AWS::CodeBuild::Project", "/VpcConfig/SecurityGroupIds", Severity::High),
            (Kind::Drifted, "AWS::CodePipeline::Pipeline", "/ArtifactStore/EncryptionKey/Id", Severity::High),
            (Kind::Drifted, "AWS::CodePipeline::Pipeline", "/RoleArn", Severity::High),
            (Kind::Drifted, "AWS::Events::Rule", "/Targets/0/RoleArn", Severity::High),
            (Kind::Drifted, "AWS::KMS::Alias", "/TargetKeyId", Severity::High),
            (Kind::Drifted, "AWS::IAM::ManagedPolicy", "/PolicyDocument", Severity::High),
            (Kind::Drifted, "AWS::EC2::SecurityGroup", "/SecurityGroupIngress/0/CidrIp", Severity::High),
            (Kind::Drifted, "AWS::CodeBuild::Project", "/TimeoutInMinutes", Severity::Medium),
            (Kind::Drifted, "AWS::EC2::SecurityGroup", "/Tags", Severity::Low),
            (Kind::ConfigDrift, "AWS::IAM::Role", "/ManagedPolicyArns", Severity::Medium),
            (Kind::Deleted, "AWS::SNS::Topic", "", Severity::High),
        ] {
            assert_eq!(of(kind, resource_type, pointer), severity, "{resource_type} {pointer}");
        }
    }
}
