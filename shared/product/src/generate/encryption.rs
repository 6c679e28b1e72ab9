//! The product's KMS key.

use mlp_template::error::InternalError;
use mlp_template::template::{Value, map};

use super::policy::{Statement, document, service};
use super::{Built, Context, Scope, arn};

/// `AWS::KMS::Key`.
///
/// The account's root statement lets IAM policies give access (S3, CodeBuild, CodePipeline and SageMaker use the key as
/// the product's roles). Services that use it in their own name get a statement each, bounded by the encryption context
/// or the account: CloudWatch Logs User Guide, "Encrypt log data in CloudWatch Logs using AWS KMS"; SNS Developer Guide,
/// "Enable compatibility between event sources from AWS services and encrypted topics" (which also says that
/// `aws:SourceAccount` doesn't work for EventBridge; the topic in the encryption context does the same for it).
pub(super) fn key(cx: &Context<'_>) -> Built {
    let everything = || [Value::str("*")];
    let mut statements = vec![
        Statement::allow("AccountAdministersKey", ["kms:*"], everything())
            .to(Value::map([("AWS", arn("iam", Scope::Account, "root"))])),
    ];
    let log_groups = cx.names_of("AWS::Logs::LogGroup")?;
    if !log_groups.is_empty() {
        let groups = log_groups
            .iter()
            .map(|name| arn("logs", Scope::Regional, &format!("log-group:{name}")))
            .collect::<Vec<_>>();
        statements.push(
            Statement::allow(
                "LogsEncryptLogGroup",
                ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
                everything(),
            )
            .to(Value::map([("Service", Value::sub("logs.${AWS::Region}.${AWS::URLSuffix}"))]))
            .when("ArnEquals", "kms:EncryptionContext:aws:logs:arn", Value::List(groups)),
        );
    }
    let topics = cx.names_of("AWS::SNS::Topic")?;
    if !topics.is_empty() {
        let topics = || Value::List(topics.iter().map(|name| arn("sns", Scope::Regional, name)).collect());
        let publish = ["kms:Decrypt", "kms:GenerateDataKey*"];
        statements.push(
            Statement::allow("AlarmsPublishToTopic", publish, everything())
                .to(service("cloudwatch"))
                .when("StringEquals", "aws:SourceAccount", Value::reference("AWS::AccountId"))
                .when("ArnEquals", "kms:EncryptionContext:aws:sns:topicArn", topics()),
        );
        statements.push(
            Statement::allow("EventsPublishToTopic", publish, everything()).to(service("events")).when(
                "ArnEquals",
                "kms:EncryptionContext:aws:sns:topicArn",
                topics(),
            ),
        );
    }
    Ok(map([
        (
            "Description",
            Value::str(format!("Artifacts, logs and notifications of {}", cx.product.names.ml_name())),
        ),
        ("KeyPolicy", document(statements)),
        ("Tags", cx.tag_list()),
    ]))
}

/// `AWS::KMS::Alias`.
pub(super) fn alias(cx: &Context<'_>) -> Result<mlp_template::template::Map, InternalError> {
    let key = cx.link(cx.spec.links.key.as_deref(), "key")?;
    Ok(map([("AliasName", cx.name()?), ("TargetKeyId", cx.reference(key))]))
}
