//! What `Fn::GetAtt` gives of each resource type that products have.
//!
//! Source: the resource provider schemas (`readOnlyProperties`); a test compares with those that cfn-lint ships.

/// Resource type to its attributes.
pub const ATTRIBUTES: &[(&str, &[&str])] = &[
    (
        "AWS::SageMaker::ModelPackageGroup",
        &["ModelPackageGroupArn", "CreationTime", "ModelPackageGroupStatus"],
    ),
    ("AWS::CodeCommit::Repository", &["Arn", "CloneUrlHttp", "CloneUrlSsh", "Name", "RepositoryId"]),
    ("AWS::CodeBuild::Project", &["Arn", "Id"]),
    ("AWS::CodePipeline::Pipeline", &["Arn", "Version"]),
    ("AWS::S3::Bucket", &["Arn", "DomainName", "DualStackDomainName", "RegionalDomainName", "WebsiteURL"]),
    ("AWS::IAM::Role", &["Arn", "RoleId"]),
    ("AWS::IAM::ManagedPolicy", &["PolicyArn", "PolicyId", "DefaultVersionId", "CreateDate", "UpdateDate"]),
    ("AWS::Events::Rule", &["Arn", "RuleName"]),
    ("AWS::CloudWatch::Dashboard", &[]),
    ("AWS::CloudWatch::Alarm", &["Arn"]),
    ("AWS::Logs::LogGroup", &["Arn"]),
    ("AWS::Logs::MetricFilter", &[]),
    ("AWS::SNS::Topic", &["TopicArn", "TopicName"]),
    ("AWS::SNS::Subscription", &["Arn"]),
    ("AWS::KMS::Key", &["Arn", "KeyId"]),
    ("AWS::KMS::Alias", &[]),
    ("AWS::EC2::SecurityGroup", &["GroupId", "Id"]),
    ("AWS::EC2::VPCEndpoint", &["Id", "CreationTimestamp", "DnsEntries", "NetworkInterfaceIds"]),
    ("AWS::SSM::Parameter", &["Arn", "Type", "Value"]),
];

/// The attributes of a resource type.
pub fn attributes(kind: &str) -> &'static [&'static str] {
    ATTRIBUTES.iter().find(|(candidate, _)| *candidate == kind).map_or(&[], |(_, attributes)| attributes)
}
