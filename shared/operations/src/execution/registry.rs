//! The model registry of a stack that is to be deleted, and what SageMaker says of it. The state machine asks SageMaker and
//! puts the answer in here.
//!
//! A registry with versions can't be deleted, and CloudFormation would find that out when the bucket with the models' artifacts
//! is empty already.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::failure::{Failure, Name};
use crate::deploy::preflight::Seen;

/// What to do with a registry that still has versions. Registered models are what the team has worked for: nobody deletes them
/// by the way.
pub const VERSIONS_LEFT: &str = "the model registry still has versions: keep what is needed elsewhere, delete them \
                                 (`aws sagemaker list-model-packages`, `delete-model-package`), then start delete-product again";

/// A model registry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registry {
    /// The name of its model package group.
    pub group: String,
    /// `ListModelPackages`; one of them is enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
    /// The error output of that call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Json>,
}

impl Registry {
    /// The registry of a stack's resource, whose physical id is its ARN.
    ///
    /// ```
    /// # use mlp_operations::execution::registry::Registry;
    /// let arn = "arn:aws:sagemaker:us-west-2:123456789012:model-package-group/techcorp-ml";
    /// assert_eq!(Registry::of(arn).group, "techcorp-ml");
    /// ```
    pub fn of(physical_id: &str) -> Self {
        let group = physical_id.rsplit('/').next().unwrap_or(physical_id);
        Self { group: group.to_owned(), ..Self::default() }
    }

    /// Whether the stack can be deleted with it.
    ///
    /// # Errors
    ///
    /// [`Name::DeletionFailed`] when it has versions; why it can't be told, when SageMaker doesn't.
    pub fn check(&self) -> Result<(), Failure> {
        let group = &self.group;
        if let Some(refused) = &self.refused {
            let text = |key: &str| refused.get(key).and_then(Json::as_str).unwrap_or_default();
            let (error, cause) = (text("Error"), text("Cause"));
            // Somebody has deleted it by hand; CloudFormation takes that for done.
            if cause.contains("does not exist") {
                return Ok(());
            }
            let denied = cause.contains("not authorized") || error.contains("AccessDenied");
            let says = |words: &[&str]| words.iter().any(|word| cause.contains(word) || error.contains(word));
            let name = if denied {
                Name::AccessDenied
            } else if says(&["Throttling", "Rate exceeded", "TooManyRequests", "Status Code: 429"]) {
                Name::Throttled
            } else if says(&[
                "States.Timeout",
                "SdkClient",
                "InternalFailure",
                "ServiceUnavailable",
                "Status Code: 5",
            ]) {
                Name::Unavailable
            } else {
                Name::Refused
            };
            let why = mlp_product::expand::shortened(cause, 300);
            let message = format!("the model registry `{group}` could not be looked at: {error} {why}");
            let failure = Failure::new(name, message.trim_end());
            return Err(if denied {
                failure.help("allow `sagemaker:ListModelPackages` to the role of the state machine")
            } else {
                failure
            });
        }
        if self.seen.as_ref().is_some_and(|seen| !seen.found.is_empty()) {
            let message = format!("the model registry `{group}` still has versions; nothing was deleted");
            return Err(Failure::new(Name::DeletionFailed, message).help(VERSIONS_LEFT));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_registry_is_in_the_way_with_versions_or_when_nobody_tells() {
        let registry = |seen: Option<Vec<Json>>, refused: Option<Json>| Registry {
            group: "g".to_owned(),
            seen: seen.map(|found| Seen { found }),
            refused,
        };
        let refused = |cause: &str| Some(json!({"Error": "SageMaker.SageMakerException", "Cause": cause}));
        assert_eq!(registry(Some(vec![]), None).check(), Ok(()));
        assert_eq!(registry(None, refused("ModelPackageGroup arn does not exist.")).check(), Ok(()));
        for (registry, name) in [
            (registry(Some(vec![json!({})]), None), Name::DeletionFailed),
            (registry(None, refused("User is not authorized to perform")), Name::AccessDenied),
            (
                registry(None, refused("Rate exceeded (Service: SageMaker, Status Code: 400)")),
                Name::Throttled,
            ),
            (
                registry(None, refused("InternalFailure (Service: SageMaker, Status Code: 500)")),
                Name::Unavailable,
            ),
            (registry(None, refused("ValidationException")), Name::Refused),
        ] {
            let failure = registry.check().unwrap_err();
            assert!(failure.name == name && failure.message.contains("`g`"), "{failure}");
        }
    }
}
