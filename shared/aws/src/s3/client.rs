//! The bucket store over Amazon S3.

use std::collections::BTreeMap;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::RequestId;
use aws_sdk_s3::primitives::ByteStream;

use crate::calls::{with_causes, without_credentials};
use crate::s3::store::{BucketStore, Condition, ErrorKind, Head, Listed, Object, Put, StoreError};

/// [`BucketStore`] over an S3 client.
#[derive(Debug, Clone)]
pub struct S3Store {
    client: Client,
    owner: Option<String>,
}

impl S3Store {
    /// Wraps a client, whose time-outs and retries are the caller's choice (see [`crate::clients`]).
    ///
    /// With `owner`, an account's 12 digits, S3 refuses every call to a bucket of another account: a bucket's name has no
    /// account in it, and a bucket that was deleted may be somebody else's now. Sources: Amazon S3 User Guide, "Verifying
    /// bucket ownership with bucket owner condition"; Amazon S3 API Reference, `x-amz-expected-bucket-owner`.
    pub fn new(client: Client, owner: Option<String>) -> Self {
        Self { client, owner }
    }
}

/// What was asked for, to be named in an error.
#[derive(Clone, Copy)]
struct Call<'a> {
    operation: &'static str,
    bucket: &'a str,
    key: &'a str,
}

// The SDK's futures are deep and large: boxed here, they cost the callers' futures one pointer.
impl BucketStore for S3Store {
    async fn get(
        &self,
        bucket: &str,
        key: &str,
        version_id: Option<&str>,
        limit: Option<usize>,
    ) -> Result<Object, StoreError> {
        let call = Call { operation: "GetObject", bucket, key };
        let request = self
            .client
            .get_object()
            .bucket(bucket)
            .key(key)
            .set_version_id(version_id.map(str::to_owned))
            .set_expected_bucket_owner(self.owner.clone())
            .set_range(limit.map(|limit| format!("bytes=0-{}", limit.saturating_sub(1))));
        let answer = match Box::pin(request.send()).await {
            Ok(answer) => answer,
            // "bytes=0-n" of an empty object can't be satisfied: S3 answers 416 InvalidRange, and the object is there.
            Err(error) if limit.is_some() && http_status(&error) == Some(416) => {
                let head = Head {
                    etag: String::new(),
                    version_id: version_id.map(str::to_owned),
                    metadata: BTreeMap::new(),
                };
                return Ok(Object { bytes: Vec::new(), head });
            }
            Err(error) => return Err(call.failed(&error)),
        };
        let head = Head {
            etag: answer.e_tag.unwrap_or_default(),
            version_id: answer.version_id,
            metadata: answer.metadata.unwrap_or_default().into_iter().collect(),
        };
        let bytes = (answer.body.collect().await)
            .map_err(|error| call.error(ErrorKind::Transient, format!("the answer broke off: {error}")))?;
        let mut bytes = bytes.to_vec();
        // An endpoint that ignores ranges must not get more past us than was asked for.
        bytes.truncate(limit.unwrap_or(usize::MAX));
        Ok(Object { bytes, head })
    }

    async fn head(&self, bucket: &str, key: &str) -> Result<Option<Head>, StoreError> {
        let call = Call { operation: "HeadObject", bucket, key };
        let request = self.client.head_object().bucket(bucket).key(key);
        let request = request.set_expected_bucket_owner(self.owner.clone());
        match Box::pin(request.send()).await {
            Ok(answer) => Ok(Some(Head {
                etag: answer.e_tag.unwrap_or_default(),
                version_id: answer.version_id,
                metadata: answer.metadata.unwrap_or_default().into_iter().collect(),
            })),
            Err(error) => {
                let error = call.failed(&error);
                if error.kind == ErrorKind::Gone { Ok(None) } else { Err(error) }
            }
        }
    }

    async fn list(&self, bucket: &str, prefix: &str, limit: usize) -> Result<Vec<Listed>, StoreError> {
        let call = Call { operation: "ListObjectsV2", bucket, key: prefix };
        let request = self.client.list_objects_v2().bucket(bucket).prefix(prefix);
        let request = request.set_expected_bucket_owner(self.owner.clone());
        let mut pages = request.into_paginator().send();
        let mut listed = Vec::new();
        while listed.len() < limit
            && let Some(page) = Box::pin(pages.next()).await
        {
            let page = page.map_err(|error| call.failed(&error))?;
            listed.extend(page.contents.unwrap_or_default().into_iter().filter_map(|object| {
                let modified = object.last_modified.map(|at| at.secs()).unwrap_or_default();
                Some(Listed { key: object.key?, etag: object.e_tag.unwrap_or_default(), modified })
            }));
        }
        listed.truncate(limit);
        Ok(listed)
    }

    async fn put(&self, put: Put<'_>) -> Result<Option<String>, StoreError> {
        let call = Call { operation: "PutObject", bucket: put.bucket, key: put.key };
        let request = self
            .client
            .put_object()
            .bucket(put.bucket)
            .key(put.key)
            .content_type(put.media_type)
            .set_metadata(Some(put.metadata.into_iter().collect()))
            .set_expected_bucket_owner(self.owner.clone())
            .body(ByteStream::from(put.bytes));
        let request = match put.condition {
            Condition::Absent => request.if_none_match("*"),
            Condition::Unchanged(etag) => request.if_match(etag),
        };
        match Box::pin(request.send()).await {
            Ok(answer) => Ok(answer.version_id),
            Err(error) => {
                let mut error = call.failed(&error);
                // If-Match on an object that was deleted meanwhile is answered with 404, not 412. To us it is the same:
                // what we believed to be there isn't.
                if error.kind == ErrorKind::Gone && error.reason.starts_with("NoSuchKey") {
                    error.kind = ErrorKind::Conflict;
                }
                Err(error)
            }
        }
    }
}

impl Call<'_> {
    fn error(&self, kind: ErrorKind, reason: String) -> StoreError {
        let Self { operation, bucket, key } = *self;
        StoreError { kind, operation, bucket: bucket.to_owned(), key: key.to_owned(), reason }
    }

    fn failed<E>(&self, error: &SdkError<E, HttpResponse>) -> StoreError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        if let Some(reason) = without_credentials(error) {
            return self.error(ErrorKind::Denied, reason);
        }
        let code = error.code();
        let kind = match error {
            SdkError::ServiceError(_) => classify(code, http_status(error)),
            SdkError::ConstructionFailure(_) => ErrorKind::Other,
            _ => ErrorKind::Transient,
        };
        let status = http_status(error).map(|status| format!(" (HTTP {status})")).unwrap_or_default();
        let reason = match (code, error) {
            // A code names the failure; the message beside it may quote what was sent.
            (Some(code), _) => format!("{code}{status}"),
            (None, SdkError::ServiceError(_)) => format!("refused{status}"),
            (None, error) => with_causes(error),
        };
        let request = match error {
            SdkError::ServiceError(service) => service.raw().request_id(),
            _ => None,
        };
        let request = request.map(|id| format!(", request {id}")).unwrap_or_default();
        self.error(kind, format!("{reason}{request}"))
    }
}

fn http_status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

/// By the code where there is one, else by the HTTP status: an answer to HEAD has no body, hence no code.
fn classify(code: Option<&str>, status: Option<u16>) -> ErrorKind {
    match (code, status) {
        // A missing bucket is not a missing object: nobody may take it for "the user removed the config". Sources: Amazon S3
        // API Reference, "Error responses" (also `InvalidBucketName`, `PermanentRedirect`); `hashicorp/terraform` issue 18539
        // on a bucket of another region.
        (Some("NoSuchBucket" | "InvalidBucketName"), _) => ErrorKind::NoBucket,
        (
            Some("PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException"),
            _,
        )
        | (None, Some(301)) => ErrorKind::Elsewhere,
        (Some("NoSuchKey" | "NoSuchVersion" | "NotFound"), _) | (_, Some(404)) => ErrorKind::Gone,
        (Some("PreconditionFailed" | "ConditionalRequestConflict"), _) | (_, Some(409 | 412)) => {
            ErrorKind::Conflict
        }
        (Some("AccessDenied"), _) | (_, Some(401 | 403)) => ErrorKind::Denied,
        (Some("SlowDown" | "RequestTimeout"), _) | (_, Some(408 | 429 | 500..=599)) => ErrorKind::Transient,
        _ => ErrorKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_apart_by_code_and_without_one_by_status() {
        let cases = [
            (Some("NoSuchKey"), Some(404), ErrorKind::Gone),
            (Some("NoSuchVersion"), Some(404), ErrorKind::Gone),
            (None, Some(404), ErrorKind::Gone),
            (Some("NoSuchBucket"), Some(404), ErrorKind::NoBucket),
            (Some("InvalidBucketName"), Some(400), ErrorKind::NoBucket),
            (Some("PermanentRedirect"), Some(301), ErrorKind::Elsewhere),
            (None, Some(301), ErrorKind::Elsewhere),
            (Some("PreconditionFailed"), Some(412), ErrorKind::Conflict),
            (Some("ConditionalRequestConflict"), Some(409), ErrorKind::Conflict),
            (Some("AccessDenied"), Some(403), ErrorKind::Denied),
            (Some("SlowDown"), Some(503), ErrorKind::Transient),
            (Some("SomethingNew"), Some(503), ErrorKind::Transient),
            (Some("InvalidArgument"), Some(400), ErrorKind::Other),
            (None, None, ErrorKind::Other),
        ];
        for (code, status, expected) in cases {
            assert_eq!(classify(code, status), expected, "{code:?} {status:?}");
        }
    }
}
