//! How much a finding matters.

use super::report::{DriftSeverity, FindingKind};

/// Properties that control permissions or network access.
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

/// Properties that only people read.
const COSMETIC: [&str; 5] =
    ["Description", "DisplayName", "ModelPackageGroupDescription", "RepositoryDescription", "Tags"];

/// The severity of a finding about a property of a resource of a type.
pub(super) fn of(kind: FindingKind, resource_type: &str, pointer: &str) -> DriftSeverity {
    let mut names = pointer.split('/').skip(1);
    let first = names.clone().next().unwrap_or_default();
    match kind {
        FindingKind::Deleted => DriftSeverity::High,
        FindingKind::Drifted if resource_type == "AWS::EC2::SecurityGroup" && !COSMETIC.contains(&first) => {
            DriftSeverity::High
        }
        FindingKind::Drifted if names.any(|name| SENSITIVE.contains(&name)) => DriftSeverity::High,
        FindingKind::Drifted | FindingKind::ConfigDrift if COSMETIC.contains(&first) => DriftSeverity::Low,
        FindingKind::Drifted | FindingKind::ConfigDrift | FindingKind::CouldNotCheck => DriftSeverity::Medium,
        FindingKind::Outdated => DriftSeverity::Low,
        FindingKind::NotCheckable => DriftSeverity::Info,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_keys_and_who_may_do_what_matter_more_than_words() {
        for (kind, resource_type, pointer, severity) in [
            (FindingKind::Drifted, "AWS::CodeBuild::Project", "/EncryptionKey", DriftSeverity::High),
            (FindingKind::Drifted, "AWS::CodeBuild::Project", "/ServiceRole", DriftSeverity::High),
            (
                FindingKind::Drifted,
                "AWS::CodeBuild::Project",
                "/VpcConfig/SecurityGroupIds",
                DriftSeverity::High,
            ),
            (
                FindingKind::Drifted,
                "AWS::CodePipeline::Pipeline",
                "/ArtifactStore/EncryptionKey/Id",
                DriftSeverity::High,
            ),
            (FindingKind::Drifted, "AWS::CodePipeline::Pipeline", "/RoleArn", DriftSeverity::High),
            (FindingKind::Drifted, "AWS::Events::Rule", "/Targets/0/RoleArn", DriftSeverity::High),
            (FindingKind::Drifted, "AWS::KMS::Alias", "/TargetKeyId", DriftSeverity::High),
            (FindingKind::Drifted, "AWS::IAM::ManagedPolicy", "/PolicyDocument", DriftSeverity::High),
            (
                FindingKind::Drifted,
                "AWS::EC2::SecurityGroup",
                "/SecurityGroupIngress/0/CidrIp",
                DriftSeverity::High,
            ),
            (FindingKind::Drifted, "AWS::CodeBuild::Project", "/TimeoutInMinutes", DriftSeverity::Medium),
            (FindingKind::Drifted, "AWS::EC2::SecurityGroup", "/Tags", DriftSeverity::Low),
            (FindingKind::ConfigDrift, "AWS::IAM::Role", "/ManagedPolicyArns", DriftSeverity::Medium),
            (FindingKind::Deleted, "AWS::SNS::Topic", "", DriftSeverity::High),
        ] {
            assert_eq!(of(kind, resource_type, pointer), severity, "{resource_type} {pointer}");
        }
    }
}
