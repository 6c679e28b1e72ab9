//! What the suite's stack says.

use mlp_product::actions::Suite;
use mlp_product::expand::ParameterPaths;

use crate::execution::approval::Required;
use crate::license::{License, Mode};

/// What the suite's stack says, and where it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The suite's bucket: templates, reports and results go there.
    pub bucket: String,
    /// The role that CloudFormation takes on; without one it works with this function's rights.
    pub service_role: Option<String>,
    /// The license that deployments need.
    pub license: License,
    /// The SSM paths that configs may name.
    pub parameter_paths: ParameterPaths,
    /// Account and region of the suite.
    pub suite: Suite,
    /// The partition of the suite, such as `aws`.
    pub partition: String,
    /// Which deployments and deletions must be approved, whatever their input says.
    pub require_approval: Required,
    /// Where S3 answers to CloudFormation, without a slash at its end; AWS's own address, if absent.
    pub endpoint: Option<String>,
}

impl Settings {
    /// What the environment says, with account and region of the function's own ARN.
    ///
    /// `MLP_BUCKET`, `MLP_SERVICE_ROLE_ARN`, `MLP_PERMISSIONS_BOUNDARY_ARN`, `MLP_REQUIRE_APPROVAL`, `MLP_LICENCE_MODE`,
    /// `MLP_LICENCE_SKU`, `MLP_LICENCE_KEY_FINGERPRINT`, `MLP_PARAMETER_PATHS`; `AWS_ENDPOINT_URL` for an emulator.
    ///
    /// # Errors
    ///
    /// Which variable is missing.
    pub fn read(variable: impl Fn(&str) -> Option<String>, function_arn: &str) -> Result<Self, &'static str> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let suite = Suite::of_function(function_arn, &variable);
        Ok(Self {
            bucket: set("MLP_BUCKET").ok_or("MLP_BUCKET")?,
            service_role: set("MLP_SERVICE_ROLE_ARN"),
            license: License {
                // A mode that nobody knows must not be one that lets everybody through.
                mode: set("MLP_LICENCE_MODE")
                    .map_or(Mode::Off, |mode| Mode::parse(&mode).unwrap_or(Mode::Enforce)),
                sku: set("MLP_LICENCE_SKU").unwrap_or_default(),
                fingerprint: set("MLP_LICENCE_KEY_FINGERPRINT").unwrap_or_default(),
                account: suite.account_id.clone(),
            },
            parameter_paths: ParameterPaths::parse(&set("MLP_PARAMETER_PATHS").unwrap_or_default()),
            suite,
            partition: function_arn.split(':').nth(1).unwrap_or("aws").to_owned(),
            require_approval: Required::parse(&set("MLP_REQUIRE_APPROVAL").unwrap_or_default()),
            endpoint: set("AWS_ENDPOINT_URL").map(|url| url.trim_end_matches('/').to_owned()),
        })
    }

    /// The address of an object, as CloudFormation takes it. With a version, what is written to the key afterwards is not
    /// read. Sources: AWS CloudFormation User Guide, "Release history" (2015-08-24, versioned templates); API Reference,
    /// `CreateChangeSet` (`TemplateURL`).
    pub fn url(&self, key: &str, version_id: Option<&str>) -> String {
        let version = version_id.map(|id| format!("?versionId={id}")).unwrap_or_default();
        let key = format!("{key}{version}");
        let bucket = &self.bucket;
        let region = self.suite.region.as_deref().unwrap_or("us-east-1");
        let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        match &self.endpoint {
            Some(endpoint) => format!("{endpoint}/{bucket}/{key}"),
            // By path: a bucket with dots in its name has no certificate for its own host name.
            None => format!("https://s3.{region}.{suffix}/{bucket}/{key}"),
        }
    }

    /// The suite's bucket, if `mlp` must be told its name: it expects the one that `infra/template.yaml` gives by default.
    pub fn unexpected_bucket(&self) -> Option<String> {
        let Suite { account_id, region, .. } = &self.suite;
        let expected = format!(
            "mlp-{}-{}",
            account_id.as_deref().unwrap_or_default(),
            region.as_deref().unwrap_or_default()
        );
        Some(self.bucket.clone()).filter(|bucket| *bucket != expected)
    }

    /// An object as people and the CLI name it.
    pub fn s3(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_objects_address_is_of_the_region_and_partition() {
        let read =
            |arn| Settings::read(|name| (name == "MLP_BUCKET").then(|| "b.x".to_owned()), arn).unwrap();
        let settings = read("arn:aws:lambda:eu-west-1:123456789012:function:deploy");
        assert_eq!(settings.url("a/b.yaml", None), "https://s3.eu-west-1.amazonaws.com/b.x/a/b.yaml");
        assert_eq!(
            settings.url("a/b.yaml", Some("v1")),
            "https://s3.eu-west-1.amazonaws.com/b.x/a/b.yaml?versionId=v1"
        );
        assert_eq!(settings.unexpected_bucket().as_deref(), Some("b.x"));
        assert_eq!(settings.suite.account_id.as_deref(), Some("123456789012"));
        let china = read("arn:aws-cn:lambda:cn-north-1:123456789012:function:deploy");
        assert_eq!(china.url("a", None), "https://s3.cn-north-1.amazonaws.com.cn/b.x/a");
        assert_eq!(Settings::read(|_| None, "arn"), Err("MLP_BUCKET"));
    }
}
