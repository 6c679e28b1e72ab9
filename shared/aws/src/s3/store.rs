//! The bucket as the protocol sees it: read, look, and write under a condition.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;

/// User metadata of an object, without the `x-amz-meta-` prefix.
pub type Metadata = BTreeMap<String, String>;

/// Objects by bucket and key. Every call is bounded in time and has already been retried when it fails.
///
/// There is no unconditional write on purpose: who writes must say what they believe to be there.
pub trait BucketStore {
    /// Reads an object, the current version or the one named; with `limit`, at most that many bytes of it.
    fn get(
        &self,
        bucket: &str,
        key: &str,
        version_id: Option<&str>,
        limit: Option<usize>,
    ) -> impl Future<Output = Result<Object, StoreError>> + Send;

    /// Looks at the current version without reading it; `None` when there is no such object.
    fn head(&self, bucket: &str, key: &str) -> impl Future<Output = Result<Option<Head>, StoreError>> + Send;

    /// The objects whose keys begin with `prefix`, in the order of their keys, at most `limit` of them.
    fn list(
        &self,
        bucket: &str,
        prefix: &str,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Listed>, StoreError>> + Send;

    /// Writes an object if the condition holds, and answers the new version's id (none in a bucket that was never
    /// versioned); [`ErrorKind::Conflict`] when the condition doesn't hold.
    fn put(&self, put: Put<'_>) -> impl Future<Output = Result<Option<String>, StoreError>> + Send;
}

/// What is known of an object without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The entity tag, with its quotation marks. With SSE-S3 it is a digest of the *content*, so a rewrite of the
    /// same bytes keeps it: equal tags don't prove that nobody wrote in between.
    pub etag: String,
    /// Absent in buckets that were never versioned.
    pub version_id: Option<String>,
    /// User metadata.
    pub metadata: Metadata,
}

/// An object, or the part of it that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The rest.
    pub head: Head,
}

/// What a listing says of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// Its entity tag, with its quotation marks.
    pub etag: String,
    /// When it was written, in seconds since 1970.
    pub modified: i64,
}

/// One conditional write.
#[derive(Debug, Clone)]
pub struct Put<'a> {
    /// The bucket.
    pub bucket: &'a str,
    /// The key.
    pub key: &'a str,
    /// The content.
    pub bytes: Vec<u8>,
    /// Its media type.
    pub media_type: &'a str,
    /// User metadata; ASCII only, as in any HTTP header.
    pub metadata: Metadata,
    /// What must hold for the write to happen.
    pub condition: Condition,
}

/// What must hold for a write to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// No such object exists (`If-None-Match: *`).
    Absent,
    /// The object's entity tag is still this one (`If-Match`).
    Unchanged(String),
}

impl Condition {
    /// The condition that nothing has changed since `head` was seen.
    pub fn since(head: Option<&Head>) -> Self {
        head.map_or(Self::Absent, |head| Self::Unchanged(head.etag.clone()))
    }
}

/// What kind of failure a [`StoreError`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The object, or the version named, doesn't exist.
    Gone,
    /// There is no bucket of this name, or none can have it.
    NoBucket,
    /// The bucket is in another region.
    Elsewhere,
    /// A conditional write lost: somebody else wrote (412), or is writing right now (409). To be decided anew after
    /// another look. Source: S3 User Guide, "How to prevent object overwrites with conditional writes".
    Conflict,
    /// No permission, by the role, the bucket policy or the key policy.
    Denied,
    /// Throttled, timed out, a server's error or a broken connection, after all retries.
    Transient,
    /// Anything else that AWS refuses.
    Other,
}

impl ErrorKind {
    /// In one word, for logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::NoBucket => "no-bucket",
            Self::Elsewhere => "elsewhere",
            Self::Conflict => "conflict",
            Self::Denied => "denied",
            Self::Transient => "transient",
            Self::Other => "other",
        }
    }
}

/// A call to the bucket that failed. Names what was tried on which key, never any content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreError {
    /// What kind of failure.
    pub kind: ErrorKind,
    /// The API operation, such as `PutObject`.
    pub operation: &'static str,
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The service's error code or the reason why it wasn't reached, with the request's id if there is one.
    pub reason: String,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, bucket, key, reason, .. } = self;
        write!(f, "{operation} of {key:?} in bucket {bucket}: {reason}")
    }
}

impl std::error::Error for StoreError {}
