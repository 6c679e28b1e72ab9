//! A bucket in memory that can go wrong in the ways S3 does, for tests.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use mlp_aws::s3::store::{
    BucketStore, Condition, ErrorKind, Head, Listed, Metadata, Object, Put, StoreError,
};
use sha2::{Digest, Sha256};

/// A way in which a call can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Throttled (503 `SlowDown`), although the SDK tried again.
    Throttled,
    /// An error of the server (500), although the SDK tried again; nothing was done.
    ServerError,
    /// It was done, but the answer got lost and no retry followed.
    LostAnswer,
    /// It was done, the answer got lost, and the SDK's retry of a conditional write failed on its own success.
    LostAnswerThenConflict,
    /// A conditional write met another one in flight (409 `ConditionalRequestConflict`).
    ConcurrentWrite,
    /// No permission (403).
    Denied,
    /// There is no such bucket (404).
    NoBucket,
}

/// Objects with versions. Every call gives way once before and once after it takes effect, so that a test can put
/// other calls, or the death of the caller, in between.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<String, Vec<Version>>,
    unversioned: bool,
    written: u64,
    faults: Vec<(&'static str, String, Fault)>,
    calls: Vec<String>,
}

#[derive(Debug, Clone)]
struct Version {
    id: String,
    /// Each write is a second later than the one before.
    modified: i64,
    /// `None`: a delete marker.
    content: Option<(Vec<u8>, Metadata)>,
}

impl MemoryStore {
    /// A bucket that keeps versions.
    pub fn versioned() -> Self {
        Self::default()
    }

    /// A bucket that was never versioned.
    pub fn unversioned() -> Self {
        let store = Self::default();
        store.lock().unversioned = true;
        store
    }

    /// Puts an object there, as a user does; answers its version id (none in an unversioned bucket).
    pub fn upload(&self, key: &str, content: impl AsRef<[u8]>) -> Option<String> {
        self.lock().write(key, Some((content.as_ref().to_vec(), Metadata::new())))
    }

    /// Deletes an object: a delete marker, or for good in an unversioned bucket.
    pub fn delete(&self, key: &str) {
        let mut state = self.lock();
        if state.unversioned {
            state.objects.remove(key);
        } else {
            state.write(key, None);
        }
    }

    /// Deletes one version for good.
    pub fn delete_version(&self, key: &str, version_id: &str) {
        if let Some(versions) = self.lock().objects.get_mut(key) {
            versions.retain(|version| version.id != version_id);
        }
    }

    /// Lets the next call of `operation` (`GetObject`, `HeadObject`, `ListObjectsV2`, `PutObject`) on a key that contains `part` fail.
    pub fn fail(&self, operation: &'static str, part: &str, fault: Fault) {
        self.lock().faults.push((operation, part.to_owned(), fault));
    }

    /// The current content of an object.
    pub fn content(&self, key: &str) -> Option<Vec<u8>> {
        self.lock().current(key).map(|(bytes, _)| bytes.clone())
    }

    /// The current metadata of an object.
    pub fn metadata(&self, key: &str) -> Option<Metadata> {
        self.lock().current(key).map(|(_, metadata)| metadata.clone())
    }

    /// The keys that exist, in order.
    pub fn keys(&self) -> Vec<String> {
        let state = self.lock();
        state.objects.keys().filter(|key| state.current(key).is_some()).cloned().collect()
    }

    /// Calls made so far, such as `PutObject templates/a.yaml`; then forgets them.
    pub fn take_calls(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().calls)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one call: gives way, notes it, fails it if so ordered, gives way again.
    async fn call<T>(
        &self,
        operation: &'static str,
        bucket: &str,
        key: &str,
        act: impl FnOnce(&mut State) -> Result<T, (ErrorKind, &'static str)> + Send,
    ) -> Result<T, StoreError>
    where
        T: Send,
    {
        give_way().await;
        let result = {
            let mut state = self.lock();
            state.calls.push(format!("{operation} {key}"));
            let due = (state.faults.iter())
                .position(|(of, part, _)| *of == operation && key.contains(part.as_str()))
                .map(|index| state.faults.remove(index).2);
            match due {
                None => act(&mut state),
                Some(Fault::Throttled) => Err((ErrorKind::Transient, "SlowDown (HTTP 503)")),
                Some(Fault::ServerError) => Err((ErrorKind::Transient, "InternalError (HTTP 500)")),
                Some(Fault::LostAnswer) => act(&mut state)
                    .and_then(|_| Err((ErrorKind::Transient, "timed out waiting for the answer"))),
                Some(Fault::LostAnswerThenConflict) => {
                    act(&mut state).and_then(|_| Err((ErrorKind::Conflict, "PreconditionFailed (HTTP 412)")))
                }
                Some(Fault::ConcurrentWrite) => {
                    Err((ErrorKind::Conflict, "ConditionalRequestConflict (HTTP 409)"))
                }
                Some(Fault::Denied) => Err((ErrorKind::Denied, "AccessDenied (HTTP 403)")),
                Some(Fault::NoBucket) => Err((ErrorKind::NoBucket, "NoSuchBucket (HTTP 404)")),
            }
        };
        give_way().await;
        result.map_err(|(kind, reason)| StoreError {
            kind,
            operation,
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            reason: reason.to_owned(),
        })
    }
}

impl State {
    fn current(&self, key: &str) -> Option<&(Vec<u8>, Metadata)> {
        self.objects.get(key)?.last()?.content.as_ref()
    }

    fn write(&mut self, key: &str, content: Option<(Vec<u8>, Metadata)>) -> Option<String> {
        self.written += 1;
        let id = format!("v{}", self.written);
        let modified = i64::try_from(self.written).unwrap_or(i64::MAX);
        let versions = self.objects.entry(key.to_owned()).or_default();
        if self.unversioned {
            versions.clear();
        }
        versions.push(Version { id: id.clone(), modified, content });
        (!self.unversioned).then_some(id)
    }

    fn head(&self, key: &str) -> Option<Head> {
        let version = self.objects.get(key)?.last()?;
        let (bytes, metadata) = version.content.as_ref()?;
        Some(Head {
            etag: etag(bytes),
            version_id: (!self.unversioned).then(|| version.id.clone()),
            metadata: metadata.clone(),
        })
    }
}

/// A digest of the content alone, as S3's is for objects without a KMS key: the same bytes again, the same tag again.
fn etag(bytes: &[u8]) -> String {
    format!("\"{:x}\"", Sha256::digest(bytes))
}

impl BucketStore for MemoryStore {
    async fn get(
        &self,
        bucket: &str,
        key: &str,
        version_id: Option<&str>,
        limit: Option<usize>,
    ) -> Result<Object, StoreError> {
        self.call("GetObject", bucket, key, |state| {
            let versions = state.objects.get(key).map(Vec::as_slice).unwrap_or_default();
            let version = match version_id {
                Some(id) => versions
                    .iter()
                    .find(|version| version.id == id)
                    .ok_or((ErrorKind::Gone, "NoSuchVersion"))?,
                None => versions.last().ok_or((ErrorKind::Gone, "NoSuchKey"))?,
            };
            let (bytes, metadata) = version.content.as_ref().ok_or((ErrorKind::Gone, "NoSuchKey"))?;
            let mut bytes = bytes.clone();
            let etag = etag(&bytes);
            bytes.truncate(limit.unwrap_or(usize::MAX));
            let version_id = (!state.unversioned).then(|| version.id.clone());
            Ok(Object { bytes, head: Head { etag, version_id, metadata: metadata.clone() } })
        })
        .await
    }

    async fn head(&self, bucket: &str, key: &str) -> Result<Option<Head>, StoreError> {
        self.call("HeadObject", bucket, key, |state| Ok(state.head(key))).await
    }

    async fn list(&self, bucket: &str, prefix: &str, limit: usize) -> Result<Vec<Listed>, StoreError> {
        self.call("ListObjectsV2", bucket, prefix, |state| {
            let keys = state.objects.keys().filter(|key| key.starts_with(prefix));
            let listed = keys.filter_map(|key| {
                let modified = state.objects.get(key)?.last()?.modified;
                Some(Listed { key: key.clone(), etag: state.head(key)?.etag, modified })
            });
            Ok(listed.take(limit).collect())
        })
        .await
    }

    async fn put(&self, put: Put<'_>) -> Result<Option<String>, StoreError> {
        let Put { bucket, key, bytes, metadata, condition, .. } = put;
        self.call("PutObject", bucket, key, |state| {
            let found = state.head(key).map(|head| head.etag);
            let holds = match &condition {
                Condition::Absent => found.is_none(),
                Condition::Unchanged(etag) => found.as_ref() == Some(etag),
            };
            if !holds {
                return Err((ErrorKind::Conflict, "PreconditionFailed (HTTP 412)"));
            }
            Ok(state.write(key, Some((bytes, metadata))))
        })
        .await
    }
}

/// Not ready the first time, ready the second.
pub(crate) async fn give_way() {
    let mut passed = false;
    std::future::poll_fn(|context| {
        if passed {
            return Poll::Ready(());
        }
        passed = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Runs a future that only ever waits for a [`MemoryStore`], without a runtime.
pub fn run<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}
