//! Objects that one execution or run leaves in the suite's bucket.

use crate::store::{BucketStore, Condition, ErrorKind, Metadata, Object, Put, StoreError};

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
        Ok(()) => Ok(true),
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
            result => return result,
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
