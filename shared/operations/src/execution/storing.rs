//! Objects that an execution leaves in the suite's bucket.

use mlp_aws::s3::store::BucketStore;

use crate::execution::calls::store_failed;
use crate::execution::failure::Failure;
use crate::objects;
pub(crate) use crate::objects::New;

/// Stores an object whose key says all of its content: if it is there, it is the same.
pub(crate) async fn once<S: BucketStore + Sync>(
    store: &S,
    bucket: &str,
    new: New<'_>,
) -> Result<(), Failure> {
    objects::once(store, bucket, new).await.map(drop).map_err(|error| store_failed(&error))
}

/// Makes sure that a version of the object holds these bytes, and answers which; whether other bytes were there.
pub(crate) async fn exact<S: BucketStore + Sync>(
    store: &S,
    bucket: &str,
    new: New<'_>,
) -> Result<objects::Exact, Failure> {
    objects::exact(store, bucket, new).await.map_err(|error| store_failed(&error))
}

/// Stores an object over an older one of the same execution.
pub(crate) async fn newest<S: BucketStore + Sync>(
    store: &S,
    bucket: &str,
    new: New<'_>,
) -> Result<(), Failure> {
    objects::newest(store, bucket, new).await.map_err(|error| store_failed(&error))
}
