//! Objects that an execution leaves in the suite's bucket.

use mlp_aws::store::{BucketStore, Condition, ErrorKind, Metadata, Put};
use mlp_core::deploy::failure::{Failure, Name};

use super::store_failed;

/// How often a write is tried that meets others.
const ROUNDS: usize = 5;

/// An object to be stored.
pub(crate) struct New<'a> {
    pub(crate) key: &'a str,
    pub(crate) bytes: Vec<u8>,
    pub(crate) media_type: &'a str,
}

/// Stores an object whose key says all of its content: if it is there, it is the same.
pub(crate) async fn once<S: BucketStore + Sync>(
    store: &S,
    bucket: &str,
    new: New<'_>,
) -> Result<(), Failure> {
    let put = put(bucket, &new, Condition::Absent);
    match store.put(put).await {
        Err(error) if error.kind == ErrorKind::Conflict => {
            // 412 is somebody's finished write; 409 may be one that fails after all.
            match store.head(bucket, new.key).await.map_err(|error| store_failed(&error))? {
                Some(_) => Ok(()),
                None => Err(store_failed(&error)),
            }
        }
        other => other.map_err(|error| store_failed(&error)),
    }
}

/// Stores an object over an older one of the same execution.
pub(crate) async fn newest<S: BucketStore + Sync>(
    store: &S,
    bucket: &str,
    new: New<'_>,
) -> Result<(), Failure> {
    for _ in 0..ROUNDS {
        let head = store.head(bucket, new.key).await.map_err(|error| store_failed(&error))?;
        match store.put(put(bucket, &new, Condition::since(head.as_ref()))).await {
            Err(error) if error.kind == ErrorKind::Conflict => {}
            other => return other.map_err(|error| store_failed(&error)),
        }
    }
    Err(Failure::new(Name::Unavailable, format!("`{}` is being written again and again", new.key)))
}

fn put<'a>(bucket: &'a str, new: &New<'a>, condition: Condition) -> Put<'a> {
    let New { key, bytes, media_type } = new;
    Put { bucket, key, bytes: bytes.clone(), media_type, metadata: Metadata::new(), condition }
}
