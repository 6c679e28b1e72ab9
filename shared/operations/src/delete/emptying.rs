//! A bucket that is emptied so that it can be deleted: every version and every delete marker, over as many invocations as
//! it takes.

use std::time::{Duration, Instant};

use mlp_aws::calls::{CallError, Kind};
use mlp_aws::s3::versions::{Undeleted, VersionedBucket};

/// How far an emptying came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Emptied {
    /// There is nothing in the bucket, or no bucket.
    Whole {
        /// How many versions went now.
        deleted: usize,
    },
    /// Time is up; there is more.
    Partly {
        /// How many versions went now.
        deleted: usize,
    },
    /// Some objects can't be deleted.
    Stuck {
        /// The first of them.
        undeleted: Vec<Undeleted>,
    },
}

/// Deletes what is in a bucket for as long as `time` lasts. Always from the start of the listing, so that it needs to remember
/// nothing and may be run twice or at once.
///
/// # Errors
///
/// When a call failed as a whole.
pub async fn empty<B: VersionedBucket + Sync>(
    bucket: &B,
    name: &str,
    time: Duration,
) -> Result<Emptied, CallError> {
    let begun = Instant::now();
    let mut deleted = 0;
    loop {
        let versions = bucket.versions(name).await?.unwrap_or_default();
        if versions.is_empty() {
            return Ok(Emptied::Whole { deleted });
        }
        let undeleted = match bucket.delete_versions(name, &versions).await {
            Err(error) if error.kind == Kind::Gone => return Ok(Emptied::Whole { deleted }),
            other => other?,
        };
        // What stays at the head of the listing would be met again for ever.
        if undeleted.len() == versions.len() {
            return Ok(Emptied::Stuck { undeleted: undeleted.into_iter().take(10).collect() });
        }
        deleted += versions.len() - undeleted.len();
        if begun.elapsed() >= time {
            return Ok(Emptied::Partly { deleted });
        }
    }
}
