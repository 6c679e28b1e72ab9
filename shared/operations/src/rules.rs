//! An organisation's own rules: `rules/*.guard` in the bucket, enforced beside the built-in ones.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use mlp_aws::s3::store::{BucketStore, ErrorKind, Listed, StoreError};
use mlp_template::security::{RULE_FILE_LIMIT, RuleFile, RuleFileKind, Rules};

/// Where rules lie. Nothing that this product writes lies there.
pub const RULES_PREFIX: &str = "rules/";

/// Objects below `rules/` that are looked at. An organisation with more has put something else there.
const LISTING_LIMIT: usize = 5000;

/// Listings before giving up on rules that are being changed right now.
const ROUNDS: usize = 3;

/// The rules of each bucket, kept for as long as the process lives: a listing tells whether they are still the same,
/// and only what has changed is parsed anew.
#[derive(Debug, Default)]
pub struct RuleBook {
    known: Mutex<BTreeMap<String, Page>>,
}

#[derive(Debug, Clone)]
struct Page {
    listed: Vec<Listed>,
    rules: Arc<Rules>,
}

impl RuleBook {
    /// The rules of a bucket as they are now. Files that can't be read as rules are findings of [`Rules`].
    ///
    /// # Errors
    ///
    /// When the bucket can't be listed or a file can't be read. There is no answer without the rules, because that
    /// would be one that ignores them.
    pub async fn of<S: BucketStore + Sync>(&self, store: &S, bucket: &str) -> Result<Arc<Rules>, StoreError> {
        let mut round = 0;
        loop {
            round += 1;
            match self.look(store, bucket).await {
                // Removed between listing and reading.
                Err(error) if error.kind == ErrorKind::Gone && round < ROUNDS => {}
                result => return result,
            }
        }
    }

    async fn look<S: BucketStore + Sync>(&self, store: &S, bucket: &str) -> Result<Arc<Rules>, StoreError> {
        let mut listed = store.list(bucket, RULES_PREFIX, LISTING_LIMIT + 1).await?;
        if listed.len() > LISTING_LIMIT {
            return Err(StoreError {
                kind: ErrorKind::Other,
                operation: "ListObjectsV2",
                bucket: bucket.to_owned(),
                key: RULES_PREFIX.to_owned(),
                reason: format!("there are more than {LISTING_LIMIT} objects"),
            });
        }
        listed.retain(|object| RuleFileKind::of(&object.key) != RuleFileKind::Other);
        if let Some(page) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(bucket)
            && page.listed == listed
        {
            return Ok(Arc::clone(&page.rules));
        }
        let of_kind = |kind| listed.iter().filter(move |object| RuleFileKind::of(&object.key) == kind);
        let mut files = Vec::with_capacity(listed.len());
        for object in of_kind(RuleFileKind::Rules) {
            let content = store.get(bucket, &object.key, None, Some(RULE_FILE_LIMIT + 1)).await?;
            files.push(RuleFile { name: object.key.clone(), text: content.bytes });
        }
        let overlooked = of_kind(RuleFileKind::Overlooked).map(|object| object.key.as_str());
        let rules = Arc::new(Rules::parse(&files).with_overlooked(overlooked));
        tracing::info!(bucket, files = files.len(), findings = rules.findings().len(), "read the rules");
        let page = Page { listed, rules: Arc::clone(&rules) };
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(bucket.to_owned(), page);
        Ok(rules)
    }
}
