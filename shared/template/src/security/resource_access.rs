//! Who may come in: trust policies of roles, and the policies of resources.

use super::catalogue::{Check, check};
use super::inspection::Inspection;
use super::statements::{Statement, allowing, each, literal};
use crate::template::{Path, Value};

pub(super) const CHECKS: &[Check] = &[TRUST, RESOURCE_POLICY];

check! {
    /// Looks at `AssumeRolePolicyDocument` of every role: a principal `*` (also `AWS: "*"`) without a condition.
    ///
    /// ```yaml
    /// Principal: {Service: codebuild.amazonaws.com}
    /// Condition: {StringEquals: {"aws:SourceAccount": !Ref AWS::AccountId}}
    /// ```
    TRUST = "MLP-IAM-007", Error, "A role that everybody may assume";
    why: "Anybody with an AWS account can take the role and act with its permissions.";
    help: "name the service or the account in Principal, and bound it by aws:SourceAccount";
}

check! {
    /// Looks at the policies of buckets, queues, topics, keys, secrets and repositories, and at `AWS::Lambda::Permission`: a
    /// principal `*` that is allowed something without a condition. A bucket for a public website is one on purpose; then
    /// take note and go on.
    RESOURCE_POLICY = "MLP-IAM-008", Warning, "A resource that everybody may use";
    why: "Anybody with an AWS account, or without one, can use the resource.";
    help: "name the accounts or services in Principal, or bound the statement by aws:SourceAccount or aws:PrincipalOrgID";
}

/// Types with a policy of their own, and the property that holds it.
const WITH_POLICY: [(&str, &str); 7] = [
    ("AWS::S3::BucketPolicy", "PolicyDocument"),
    ("AWS::SQS::QueuePolicy", "PolicyDocument"),
    ("AWS::SNS::TopicPolicy", "PolicyDocument"),
    ("AWS::KMS::Key", "KeyPolicy"),
    ("AWS::SecretsManager::ResourcePolicy", "ResourcePolicy"),
    ("AWS::ECR::Repository", "RepositoryPolicyText"),
    ("AWS::CodeArtifact::Repository", "PermissionsPolicyDocument"),
];

pub(super) fn check(inspection: &mut Inspection<'_>) {
    let resources = Path::ROOT.key("Resources");
    for (id, resource) in &inspection.template.resources {
        let path = resources.key(id);
        let path = path.key("Properties");
        let kind = resource.kind.as_str();
        if kind == "AWS::IAM::Role" {
            let document = resource.properties.get("AssumeRolePolicyDocument");
            open_to_all(inspection, document, &path.key("AssumeRolePolicyDocument"), &TRUST);
        }
        for (_, property) in WITH_POLICY.iter().filter(|(of, _)| *of == kind) {
            let document = resource.properties.get(*property);
            open_to_all(inspection, document, &path.key(property), &RESOURCE_POLICY);
        }
        if kind == "AWS::Lambda::Permission" && !resource.properties.contains_key("SourceAccount") {
            let source = ["SourceArn", "PrincipalOrgID", "EventSourceToken"];
            let everybody = resource.properties.get("Principal").and_then(literal).as_deref() == Some("*");
            if everybody && !source.iter().any(|key| resource.properties.contains_key(*key)) {
                inspection.found(
                    &RESOURCE_POLICY,
                    &path.key("Principal"),
                    "the function may be called by the principal `*`, without a condition",
                );
            }
        }
    }
}

fn open_to_all(
    inspection: &mut Inspection<'_>,
    document: Option<&Value>,
    path: &Path<'_>,
    check: &'static Check,
) {
    let Some(document) = document else { return };
    allowing(document, path, &mut |statement, path| {
        if statement.is_conditional() {
            return;
        }
        everybody(statement, path, &mut |path| {
            let message = format!("{} is for the principal `*`, without a condition", statement.name());
            inspection.found(check, path, message);
        });
    });
}

/// The places where a statement names everybody: `Principal: "*"` or `Principal: {AWS: "*"}`.
fn everybody(statement: Statement<'_>, path: &Path<'_>, found: &mut dyn FnMut(&Path<'_>)) {
    let Some(principal) = statement.get("Principal") else { return };
    let path = path.key("Principal");
    let mut look = |value, path: &Path<'_>| {
        each(value, path, &mut |value, path| {
            if literal(value).as_deref() == Some("*") {
                found(path);
            }
        });
    };
    match principal {
        Value::Map(kinds) => kinds.iter().for_each(|(kind, value)| look(value, &path.key(kind))),
        value => look(value, &path),
    }
}
