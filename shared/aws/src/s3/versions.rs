//! Buckets as whoever checks or empties them sees them: their versioning, tags and versions.

use std::collections::BTreeMap;
use std::future::Future;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::types::{BucketVersioningStatus, Delete, ObjectIdentifier};

use crate::calls::{CallError, Kind};

/// A bucket with versions.
pub trait VersionedBucket {
    /// The first versions and delete markers of a bucket, at most 1,000; nothing for a bucket that isn't there.
    fn versions(&self, bucket: &str) -> impl Future<Output = Result<Option<Vec<Version>>, CallError>> + Send;

    /// What can be seen of a bucket.
    fn look(&self, bucket: &str) -> impl Future<Output = Result<Bucket, CallError>> + Send;

    /// The tags of a bucket, CloudFormation's own (`aws:cloudformation:stack-id`) among them; none for a bucket that isn't
    /// there or has none.
    fn tags(&self, bucket: &str) -> impl Future<Output = Result<BTreeMap<String, String>, CallError>> + Send;

    /// Deletes versions, at most 1,000. The answer tells which could not be deleted, and why.
    fn delete_versions(
        &self,
        bucket: &str,
        versions: &[Version],
    ) -> impl Future<Output = Result<Vec<Undeleted>, CallError>> + Send;
}

/// A bucket, as far as the caller may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bucket {
    /// There is none of this name anywhere.
    Missing,
    /// It keeps versions.
    Versioned,
    /// It keeps none.
    Unversioned,
    /// It is there, and the caller may not look.
    Hidden,
    /// It is in another region.
    Elsewhere {
        /// Which, if S3 says so.
        region: Option<String>,
    },
}

/// A version of an object, or a delete marker.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The key.
    pub key: String,
    /// The version; `null` where there was no versioning.
    pub id: String,
}

/// A version that could not be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undeleted {
    /// The key.
    pub key: String,
    /// The service's code and message.
    pub reason: String,
}

/// [`VersionedBucket`] over an S3 client.
#[derive(Debug, Clone)]
pub struct S3Versions {
    client: Client,
    owner: Option<String>,
}

impl S3Versions {
    /// Wraps a client, whose time-outs and retries are the caller's choice (see [`crate::clients`]). With `owner`, an
    /// account's 12 digits, only buckets of that account are listed and emptied; any may be looked at.
    pub fn new(client: Client, owner: Option<String>) -> Self {
        Self { client, owner }
    }
}

impl VersionedBucket for S3Versions {
    async fn versions(&self, bucket: &str) -> Result<Option<Vec<Version>>, CallError> {
        let request = self.client.list_object_versions().bucket(bucket).max_keys(1_000);
        let request = request.set_expected_bucket_owner(self.owner.clone());
        let call = Box::pin(request.send()).await;
        let page = match call.map_err(|error| CallError::of("s3:ListBucketVersions", &error)) {
            Ok(page) => page,
            Err(error) if error.kind == Kind::Gone => return Ok(None),
            Err(error) => return Err(error),
        };
        let version = |key: Option<String>, id: Option<String>| {
            Some(Version { key: key?, id: id.unwrap_or_else(|| "null".to_owned()) })
        };
        let objects = page.versions.unwrap_or_default().into_iter();
        let markers = page.delete_markers.unwrap_or_default().into_iter();
        let mut versions: Vec<Version> = objects.filter_map(|it| version(it.key, it.version_id)).collect();
        versions.extend(markers.filter_map(|it| version(it.key, it.version_id)));
        Ok(Some(versions))
    }

    async fn look(&self, bucket: &str) -> Result<Bucket, CallError> {
        let call = Box::pin(self.client.get_bucket_versioning().bucket(bucket).send()).await;
        // S3 names the bucket's region in a header of every such answer, also of one that refuses.
        let region = call.as_ref().err().and_then(SdkError::raw_response);
        let region = region.and_then(|response| response.headers().get("x-amz-bucket-region"));
        let region = region.map(str::to_owned);
        match call.map_err(|error| CallError::of("s3:GetBucketVersioning", &error)) {
            Ok(answer) if answer.status == Some(BucketVersioningStatus::Enabled) => Ok(Bucket::Versioned),
            Ok(_) => Ok(Bucket::Unversioned),
            Err(error) if error.kind == Kind::Gone => Ok(Bucket::Missing),
            Err(error) if error.kind == Kind::Denied => Ok(Bucket::Hidden),
            Err(error) if error.kind == Kind::Elsewhere => Ok(Bucket::Elsewhere { region }),
            Err(error) => Err(error),
        }
    }

    async fn tags(&self, bucket: &str) -> Result<BTreeMap<String, String>, CallError> {
        let request = self.client.get_bucket_tagging().bucket(bucket);
        let call = Box::pin(request.set_expected_bucket_owner(self.owner.clone()).send()).await;
        match call.map_err(|error| CallError::of("s3:GetBucketTagging", &error)) {
            Ok(answer) => Ok(answer.tag_set.into_iter().map(|tag| (tag.key, tag.value)).collect()),
            // S3 answers a bucket without tags with 404 `NoSuchTagSet`.
            Err(error) if error.kind == Kind::Gone => Ok(BTreeMap::new()),
            Err(error) => Err(error),
        }
    }

    async fn delete_versions(&self, bucket: &str, versions: &[Version]) -> Result<Vec<Undeleted>, CallError> {
        const OPERATION: &str = "s3:DeleteObjectVersion";
        let refused = |reason: String| CallError { kind: Kind::Refused, operation: OPERATION, reason };
        let objects: Result<Vec<_>, _> = versions
            .iter()
            .map(|version| ObjectIdentifier::builder().key(&version.key).version_id(&version.id).build())
            .collect();
        let objects = objects.map_err(|error| refused(error.to_string()))?;
        let delete = Delete::builder().set_objects(Some(objects)).quiet(true).build();
        let delete = delete.map_err(|error| refused(error.to_string()))?;
        let request = self.client.delete_objects().bucket(bucket).delete(delete);
        let request = request.set_expected_bucket_owner(self.owner.clone());
        let call = Box::pin(request.send()).await;
        let answer = call.map_err(|error| CallError::of(OPERATION, &error))?;
        Ok(answer
            .errors
            .unwrap_or_default()
            .into_iter()
            .map(|error| Undeleted {
                key: error.key.unwrap_or_default(),
                reason: format!("{}: {}", error.code.unwrap_or_default(), error.message.unwrap_or_default()),
            })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_config::{BehaviorVersion, Region, SdkConfig};
    use aws_credential_types::Credentials;
    use aws_credential_types::provider::SharedCredentialsProvider;

    use super::*;

    fn config(endpoint: &str) -> SdkConfig {
        let credentials = Credentials::new("id", "secret", None, None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-west-2"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(endpoint)
            .build()
    }

    /// What is seen of a bucket when S3 answers so.
    async fn seen(head: &str, body: &str) -> Result<Bucket, CallError> {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = config(&format!("http://{}", listener.local_addr().unwrap()));
        let length = body.len();
        let answer =
            format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
        let server = async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = vec![0; 8192];
            let count = stream.read(&mut bytes).await.unwrap();
            assert!(bytes[..count].starts_with(b"GET /b/?versioning"));
            stream.write_all(answer.as_bytes()).await.unwrap();
        };
        let buckets = crate::clients::versioned_buckets(&config, None);
        let (seen, ()) = tokio::join!(buckets.look("b"), server);
        seen
    }

    #[tokio::test]
    async fn a_bucket_is_seen_wherever_it_is_and_whosever() {
        let error = |code: &str| format!("<Error><Code>{code}</Code><Message>m</Message></Error>");
        let region = "\r\nx-amz-bucket-region: eu-west-1";
        let elsewhere = |region: Option<&str>| Bucket::Elsewhere { region: region.map(str::to_owned) };
        for (status, code, wanted) in [
            (format!("301 Moved Permanently{region}"), "PermanentRedirect", elsewhere(Some("eu-west-1"))),
            ("301 Moved Permanently".to_owned(), "PermanentRedirect", elsewhere(None)),
            (
                format!("400 Bad Request{region}"),
                "AuthorizationHeaderMalformed",
                elsewhere(Some("eu-west-1")),
            ),
            (format!("307 Temporary Redirect{region}"), "TemporaryRedirect", elsewhere(Some("eu-west-1"))),
            (format!("403 Forbidden{region}"), "AccessDenied", Bucket::Hidden),
            ("404 Not Found".to_owned(), "NoSuchBucket", Bucket::Missing),
        ] {
            assert_eq!(seen(&status, &error(code)).await.unwrap(), wanted, "{status}");
        }
        let versioned = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
        assert_eq!(seen("200 OK", versioned).await.unwrap(), Bucket::Versioned);
    }

    #[test]
    fn a_thousand_versions_have_the_time_that_s3_takes_for_them() {
        let buckets = crate::clients::versioned_buckets(&config("http://localhost"), None);
        let timeouts = buckets.client.config().timeout_config().unwrap();
        assert!(timeouts.operation_attempt_timeout().unwrap() >= Duration::from_secs(30));
    }
}
