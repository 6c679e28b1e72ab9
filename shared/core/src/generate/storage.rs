//! The artifacts bucket.

use super::{Built, Context};
use crate::template::{Value, map};

/// Days after which the parts of an upload that never finished go.
const ABANDONED_UPLOAD_DAYS: u16 = 7;

/// `AWS::S3::Bucket`: encrypted with the product's key where there is one, and expiring on its own.
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
    Ok(map([
        ("BucketName", cx.name()?),
        ("BucketEncryption", Value::map([("ServerSideEncryptionConfiguration", Value::list([encryption]))])),
        (
            "LifecycleConfiguration",
            Value::map([(
                "Rules",
                Value::list([
                    rule("expire-artifacts", ("ExpirationInDays", days.into())),
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
                ]),
            )]),
        ),
        ("Tags", cx.tag_list()),
    ]))
}
