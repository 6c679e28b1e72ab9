//! What must be there before a change set is made, and what must not.
//!
//! What is needed follows from the config; what is there is looked up by the caller.

use crate::actions::Suite;
use crate::codes;
use crate::config;
use crate::error::InternalError;
use crate::expand::{Lookups, Wanted};
use crate::finding::Finding;
use crate::product::Product;

/// What a product needs from its surroundings.
#[derive(Debug, Clone)]
pub struct Preflight {
    product: Product,
    wanted: Wanted,
    source_bucket: Option<String>,
    own_bucket: Option<String>,
}

/// A bucket, as far as the caller may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bucket {
    /// There is none of this name anywhere.
    Missing,
    /// It keeps versions.
    Versioned,
    /// It keeps none.
    Unversioned,
    /// It is there, and the caller may not look.
    Hidden,
}

impl Preflight {
    /// What the product of a config needs; nothing for a config with mistakes. `test` is the workload of a `test-deploy`.
    ///
    /// # Errors
    ///
    /// Only for our own defects.
    pub fn of(config: &[u8], test: Option<&str>) -> Result<Option<Self>, InternalError> {
        let (_, product) = crate::actions::deployed_product("preflight", config, &Suite::default(), test)?;
        let (Some(product), Ok(loaded)) = (product, config::load(config)) else { return Ok(None) };
        let source_bucket = match &product.source {
            config::Source::S3 { bucket, .. } => Some(bucket.clone()),
            config::Source::CodeCommit => None,
        };
        let own_bucket = product.of_type("AWS::S3::Bucket").and_then(|id| product.physical_name(id).ok());
        Ok(Some(Self { wanted: Wanted::of(&loaded.config), product, source_bucket, own_bucket }))
    }

    /// The SSM parameters that the stack reads.
    pub fn ssm_paths(&self) -> Vec<String> {
        self.wanted.paths().map(str::to_owned).collect()
    }

    /// The bucket that the pipelines read from, if it isn't the product's own business.
    pub fn source_bucket(&self) -> Option<&str> {
        self.source_bucket.as_deref()
    }

    /// The bucket that the stack makes.
    pub fn own_bucket(&self) -> Option<&str> {
        self.own_bucket.as_deref()
    }

    /// SSM parameters that are missing or hold something else than they must.
    pub fn check_parameters(&self, found: &Lookups) -> Vec<Finding> {
        let findings = self.wanted.put_into(&mut self.product.clone(), found);
        let named = |finding: Finding| {
            Finding { code: codes::PRE_SSM, ..finding }
                .help("store it with `aws ssm put-parameter`, or name another path in the config")
        };
        findings.into_iter().map(named).collect()
    }

    /// The bucket of the sources. It may be filled after the deployment, so this is a warning.
    pub fn check_source(&self, bucket: Bucket) -> Option<Finding> {
        let name = self.source_bucket.as_deref()?;
        let (message, help) = match bucket {
            Bucket::Versioned | Bucket::Hidden => return None,
            Bucket::Missing => (
                format!("there is no bucket `{name}`, which the pipelines read from"),
                "create it with versioning, and put the sources there",
            ),
            Bucket::Unversioned => (
                format!(
                    "the bucket `{name}` keeps no versions; a pipeline can't tell a new source from an old one"
                ),
                "switch versioning on: `aws s3api put-bucket-versioning`",
            ),
        };
        Some(Finding::warning(codes::PRE_SOURCE_BUCKET, "/ml_product/s3_prefix", message).help(help))
    }

    /// The name of the product's own bucket, when there is no stack yet: nobody must have it.
    pub fn check_collision(&self, bucket: Bucket) -> Option<Finding> {
        let name = self.own_bucket.as_deref()?;
        if bucket == Bucket::Missing {
            return None;
        }
        let message =
            format!("there is a bucket `{name}` already, and no stack of this product in this region");
        let help = "if the product stands in another region, set `environment.multi_region: true` here; if the bucket was \
                    left behind, delete it; otherwise give the product another use case or workload";
        Some(Finding::error(codes::PRE_COLLISION, "/environment/region", message).help(help))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(name: &str) -> Preflight {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../configs/examples");
        let config = std::fs::read(format!("{folder}/{name}")).unwrap();
        Preflight::of(&config, None).unwrap().unwrap()
    }

    #[test]
    fn every_missing_parameter_is_named_with_its_path_and_its_place_in_the_config() {
        let preflight = example(
            "enterprise/globalbank-prod-c001-us-west-2-demand-forecasting-ml-codecommit-sgprov-ssm.yaml",
        );
        let paths = preflight.ssm_paths();
        assert!(paths.len() >= 3, "{paths:?}");
        let mut found: Lookups =
            paths.iter().map(|path| (path.clone(), Err("there is none".to_owned()))).collect();
        let findings = preflight.check_parameters(&found);
        assert_eq!(findings.len(), paths.len());
        for (finding, path) in findings.iter().zip(&paths) {
            assert!(
                finding.message.contains(path.as_str()) && finding.path.ends_with("_parameter_store_path")
            );
        }
        found.insert(paths[0].clone(), Ok("subnet-0123456789abcdef0".to_owned()));
        let wrong = preflight.check_parameters(&found);
        assert!(wrong[0].message.contains("but must hold"), "{}", wrong[0].message);
    }

    #[test]
    fn a_source_bucket_is_a_warning_and_a_taken_name_an_error() {
        let preflight = example("starter/techcorp-prod-a001-us-west-2-customer-churn-ml-s3.yaml");
        assert!(preflight.source_bucket().is_some());
        assert_eq!(preflight.check_source(Bucket::Versioned), None);
        for bucket in [Bucket::Missing, Bucket::Unversioned] {
            let finding = preflight.check_source(bucket).unwrap();
            assert_eq!(finding.severity, crate::finding::Severity::Warning);
        }
        assert_eq!(preflight.own_bucket(), Some("techcorp-prod-a001-customer-churn-ml-artifacts"));
        assert_eq!(preflight.check_collision(Bucket::Missing), None);
        for bucket in [Bucket::Versioned, Bucket::Unversioned, Bucket::Hidden] {
            let help = preflight.check_collision(bucket).unwrap().help.unwrap();
            assert!(help.contains("multi_region"));
        }
    }
}
