//! Objects that one execution or run leaves in the suite's bucket.

use mlp_aws::s3::store::{BucketStore, Condition, ErrorKind, Metadata, Object, Put, StoreError};

/// How often a write is tried that meets others.
const ROUNDS: usize = 5;

/// An object to be stored.
#[derive(Debug, Clone)]
pub struct New<'a> {
    /// Its key.
    pub key: &'a str,
    /// Its content.
    pub bytes: Vec<u8>,
    /// Its media type.
    pub media_type: &'a str,
}

/// Stores an object that is never overwritten; whether it is ours, or somebody was faster.
///
/// # Errors
///
/// When it could not be stored, or it is not known whether it was.
pub async fn once<S: BucketStore + Sync>(store: &S, bucket: &str, new: New<'_>) -> Result<bool, StoreError> {
    match store.put(put(bucket, &new, Condition::Absent)).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind == ErrorKind::Conflict => {
            // 412 is somebody's finished write; 409 may be one that fails after all.
            match store.head(bucket, new.key).await? {
                Some(_) => Ok(false),
                None => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}

/// How [`exact`] found the object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exact {
    /// The version that holds the bytes; none in a bucket that was never versioned.
    pub version_id: Option<String>,
    /// Whether the key held other bytes, which are an older version now.
    pub replaced: bool,
}

/// Makes sure that a version of the object holds exactly these bytes, and answers which. An object that is there already is
/// read and compared: its key proves nothing about its content.
///
/// # Errors
///
/// When it could not be stored or read, or others write it again and again.
pub async fn exact<S: BucketStore + Sync>(
    store: &S,
    bucket: &str,
    new: New<'_>,
) -> Result<Exact, StoreError> {
    let mut replaced = false;
    let mut condition = Condition::Absent;
    let mut round = 0;
    loop {
        round += 1;
        match store.put(put(bucket, &new, condition)).await {
            Ok(version_id) => return Ok(Exact { version_id, replaced }),
            Err(error) if error.kind == ErrorKind::Conflict && round < ROUNDS => {}
            Err(error) => return Err(error),
        }
        condition = match read_with_head(store, bucket, new.key).await? {
            Some(there) if there.bytes == new.bytes => {
                return Ok(Exact { version_id: there.head.version_id, replaced });
            }
            Some(there) => {
                replaced = true;
                Condition::Unchanged(there.head.etag)
            }
            None => Condition::Absent,
        };
    }
}

/// Stores an object over an older one.
///
/// # Errors
///
/// When it could not be stored, or others write it again and again.
pub async fn newest<S: BucketStore + Sync>(store: &S, bucket: &str, new: New<'_>) -> Result<(), StoreError> {
    let mut round = 0;
    loop {
        round += 1;
        let head = store.head(bucket, new.key).await?;
        match store.put(put(bucket, &new, Condition::since(head.as_ref()))).await {
            Err(error) if error.kind == ErrorKind::Conflict && round < ROUNDS => {}
            result => return result.map(drop),
        }
    }
}

/// An object's content; nothing for one that isn't there.
///
/// # Errors
///
/// When it could not be read.
pub async fn read<S: BucketStore + Sync>(
    store: &S,
    bucket: &str,
    key: &str,
) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(read_with_head(store, bucket, key).await?.map(|object| object.bytes))
}

/// The beginning of an object's content, `most` bytes of it; nothing for one that isn't there.
///
/// # Errors
///
/// When it could not be read.
pub async fn read_up_to<S: BucketStore + Sync>(
    store: &S,
    bucket: &str,
    key: &str,
    most: usize,
) -> Result<Option<Vec<u8>>, StoreError> {
    match store.get(bucket, key, None, Some(most)).await {
        Ok(object) => Ok(Some(object.bytes)),
        Err(error) if error.kind == ErrorKind::Gone => Ok(None),
        Err(error) => Err(error),
    }
}

/// An object with what a write under a condition needs; nothing for one that isn't there.
///
/// # Errors
///
/// When it could not be read.
pub async fn read_with_head<S: BucketStore + Sync>(
    store: &S,
    bucket: &str,
    key: &str,
) -> Result<Option<Object>, StoreError> {
    match store.get(bucket, key, None, None).await {
        Ok(object) => Ok(Some(object)),
        Err(error) if error.kind == ErrorKind::Gone => Ok(None),
        Err(error) => Err(error),
    }
}

fn put<'a>(bucket: &'a str, new: &New<'a>, condition: Condition) -> Put<'a> {
    let New { key, bytes, media_type } = new;
    Put { bucket, key, bytes: bytes.clone(), media_type, metadata: Metadata::new(), condition }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mlp_testkit::memory::{Fault, MemoryStore, run};

    const BYTES: &[u8] = b"Resources: {}\n";

    fn new(bytes: &[u8]) -> New<'_> {
        New { key: "t.yaml", bytes: bytes.to_vec(), media_type: "application/yaml" }
    }

    fn content(store: &MemoryStore, exact: &Exact) -> Vec<u8> {
        let version = exact.version_id.as_deref();
        run(store.get("b", "t.yaml", version, None)).unwrap().bytes
    }

    #[test]
    fn the_version_that_is_answered_holds_the_bytes_whatever_was_there() {
        let store = MemoryStore::versioned();
        let first = run(exact(&store, "b", new(BYTES))).unwrap();
        assert!(!first.replaced && content(&store, &first) == BYTES);
        assert_eq!(run(exact(&store, "b", new(BYTES))).unwrap(), first);
        store.upload("t.yaml", b"Resources: {Evil: {}}\n");
        let mended = run(exact(&store, "b", new(BYTES))).unwrap();
        assert!(mended.replaced && mended.version_id != first.version_id);
        assert_eq!(content(&store, &mended), BYTES);
        // What is written afterwards is another version.
        store.upload("t.yaml", b"evil again");
        assert_eq!(content(&store, &mended), BYTES);
    }

    #[test]
    fn an_answer_that_was_lost_is_found_again() {
        let store = MemoryStore::versioned();
        store.fail("PutObject", "t.yaml", Fault::LostAnswerThenConflict);
        let found = run(exact(&store, "b", new(BYTES))).unwrap();
        assert!(!found.replaced && content(&store, &found) == BYTES);
        store.fail("PutObject", "t.yaml", Fault::Denied);
        assert!(run(exact(&store, "b", new(b"other"))).is_err());
    }
}
