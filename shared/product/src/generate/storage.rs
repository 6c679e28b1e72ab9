//! The artifacts bucket.

use std::collections::BTreeSet;

use mlp_template::error::InternalError;
use mlp_template::template::{Value, map};

use super::{Built, Context};

/// Days after which the parts of an upload that never finished go.
const ABANDONED_UPLOAD_DAYS: u16 = 7;

/// Where builds store the models that they register. No lifecycle rule has this prefix: an approved version can be deployed
/// only while its object exists.
pub(super) const MODELS_PREFIX: &str = "models";

/// How many characters of a pipeline's name begin the keys of its artifacts: `{pipeline}/{artifact}/{id}`.
///
/// Sources: awsdocs/aws-cloudformation-user-guide pull request 733 ("first 20 characters of the pipeline name"); AWS re:Post,
/// "CodePipeline truncates folder names in output artifact S3 bucket".
const ARTIFACT_FOLDER_CHARACTERS: usize = 20;

/// The key prefixes of the pipelines' artifacts, each once. They end with `/`, so that no key of a build matches that only
/// begins with the product's name.
fn artifact_folders(cx: &Context<'_>) -> Result<BTreeSet<String>, InternalError> {
    let pipelines = cx.names_of("AWS::CodePipeline::Pipeline")?;
    let folder = |name: &String| name.chars().take(ARTIFACT_FOLDER_CHARACTERS).chain(['/']).collect();
    Ok(pipelines.iter().map(folder).collect())
}

/// `AWS::S3::Bucket`: encrypted with the product's key where there is one. The pipelines' artifacts and old versions expire.
pub(super) fn bucket(cx: &Context<'_>) -> Built {
    let days = cx.product.retention.artifact_days;
    let encryption = match cx.key_arn() {
        Some(key) => Value::map([
            (
                "ServerSideEncryptionByDefault",
                Value::map([("SSEAlgorithm", Value::str("aws:kms")), ("KMSMasterKeyID", key)]),
            ),
            // One data key for many objects: fewer KMS calls, same protection.
            ("BucketKeyEnabled", true.into()),
        ]),
        None => Value::map([(
            "ServerSideEncryptionByDefault",
            Value::map([("SSEAlgorithm", Value::str("AES256"))]),
        )]),
    };
    let rule = |id: &str, entry: (&str, Value)| {
        Value::map([("Id", Value::str(id)), ("Status", Value::str("Enabled")), entry])
    };
    let mut rules = Vec::new();
    for (index, folder) in artifact_folders(cx)?.into_iter().enumerate() {
        let id = if index == 0 {
            "expire-artifacts".to_owned()
        } else {
            format!("expire-artifacts-{}", index + 1)
        };
        rules.push(Value::map([
            ("Id", Value::Str(id)),
            ("Status", Value::str("Enabled")),
            ("Prefix", Value::Str(folder)),
            ("ExpirationInDays", days.into()),
        ]));
    }
    rules.extend([
        rule(
            "expire-old-versions",
            ("NoncurrentVersionExpiration", Value::map([("NoncurrentDays", days.into())])),
        ),
        rule(
            "abort-unfinished-uploads",
            (
                "AbortIncompleteMultipartUpload",
                Value::map([("DaysAfterInitiation", ABANDONED_UPLOAD_DAYS.into())]),
            ),
        ),
    ]);
    Ok(map([
        ("BucketName", cx.name()?),
        ("BucketEncryption", Value::map([("ServerSideEncryptionConfiguration", Value::list([encryption]))])),
        ("LifecycleConfiguration", Value::map([("Rules", Value::List(rules))])),
        ("Tags", cx.tag_list()),
    ]))
}
