//! The suite that serves an account and region, as policies, templates and messages name it.

use crate::product::Product;

/// Where a suite runs and what its own resources are called, as far as the caller knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Suite {
    /// The account that the suite runs in.
    pub account_id: Option<String>,
    /// The region that the suite runs in.
    pub region: Option<String>,
    /// The suite's bucket. `infra/template.yaml` calls it `mlp-{account}-{region}` unless it is told otherwise.
    pub bucket: Option<String>,
    /// ARN of the managed policy that bounds every role of a product. `infra/template.yaml` calls its own
    /// `mlp-product-boundary-{region}`; an organization may name another one.
    pub permissions_boundary: Option<String>,
}

impl Suite {
    /// The suite of a Lambda function: account and region of the function's ARN,
    /// `arn:<partition>:lambda:<region>:<account>:function:<name>[:<qualifier>]`, and what its environment says.
    ///
    /// Variables: `MLP_BUCKET` and `MLP_PERMISSIONS_BOUNDARY_ARN`.
    ///
    /// ```
    /// # use mlp_product::suite::Suite;
    /// let suite = Suite::of_function("arn:aws:lambda:us-west-2:123456789012:function:generate", |_| None);
    /// assert_eq!(suite.region.as_deref(), Some("us-west-2"));
    /// assert_eq!(suite.account_id.as_deref(), Some("123456789012"));
    /// ```
    pub fn of_function(function_arn: &str, variable: impl Fn(&str) -> Option<String>) -> Self {
        let known = |text: String| Some(text).filter(|text| !text.is_empty());
        let mut parts = function_arn.split(':').map(|part| known(part.to_owned()));
        let region = parts.nth(3).flatten();
        Self {
            region,
            account_id: parts.next().flatten(),
            bucket: variable("MLP_BUCKET").and_then(known),
            permissions_boundary: variable("MLP_PERMISSIONS_BOUNDARY_ARN").and_then(known),
        }
    }

    /// The bucket of the suite that deploys a product.
    #[must_use]
    pub fn bucket_for(&self, product: &Product) -> String {
        let known = self.bucket.clone().filter(|_| self.serves(product));
        known.unwrap_or_else(|| format!("mlp-{}-{}", product.account_id, product.region))
    }

    /// The ARN of the managed policy that bounds a product's roles.
    #[must_use]
    pub fn boundary_for(&self, product: &Product) -> String {
        let known = self.permissions_boundary.clone().filter(|_| self.serves(product));
        known.unwrap_or_else(|| {
            let (partition, account) = (product.region.partition(), &product.account_id);
            format!("arn:{partition}:iam::{account}:policy/mlp-product-boundary-{}", product.region)
        })
    }

    /// Whether the product is for the suite's own account and region. Of an unknown place it is assumed.
    fn serves(&self, product: &Product) -> bool {
        self.account_id.as_deref().is_none_or(|own| own == product.account_id.as_str())
            && self.region.as_deref().is_none_or(|own| own == product.region.as_str())
    }
}
