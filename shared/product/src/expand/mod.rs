//! The macro: every compact `MLProvisioner::MLOps::MLProduct` of a template becomes the resources of its tier.
//!
//! Two ways in. [`respond`] speaks the protocol of CloudFormation macros: bytes in, an answer out, whatever the bytes are.
//! [`plan`] is for front ends that have a template. Both have two steps, because values in SSM Parameter Store must be
//! looked up between them by somebody who may call AWS: [`needs`] and [`Plan::needs`] say which. [`Request`] does both steps of the
//! first way and reads the bytes once.
//!
//! ```
//! # use mlp_product::expand::{self, Lookups};
//! let request = br#"{
//!     "requestId": "1", "accountId": "123456789012", "region": "us-west-2", "templateParameterValues": {},
//!     "fragment": { "Resources": { "Churn": {
//!         "Type": "MLProvisioner::MLOps::MLProduct",
//!         "Properties": {
//!             "CompanyPrefix": "techcorp", "TenantId": "a001", "Environment": "prod", "UseCase": "customer-churn",
//!             "Tier": "starter", "SourceControl": "codecommit"
//!         }
//!     } } }
//! }"#;
//! assert!(expand::needs(request).is_empty());
//! let answer = serde_json::to_value(expand::respond(request, &Lookups::new())).unwrap();
//! assert_eq!(answer["status"], "success");
//! assert_eq!(answer["fragment"]["Resources"]["ChurnArtifactsBucket"]["Type"], "AWS::S3::Bucket");
//! ```
//!
//! # How it goes
//!
//! 1. `declared`, `fields`: the properties of each product become a [`crate::config::Config`], by the same rules as a config file.
//!    What CloudFormation resolves later (`!Ref Vpc`) is kept aside, and a value of the right shape stands in for it.
//! 2. `references`: what the template says about products (`!GetAtt Fraud.KmsKeyArn`) becomes what there will be.
//! 3. `made`: each product's template is generated, its logical ids get the product's in front.
//! 4. `checks`: what is checked on generated templates is checked on what was made.
//!
//! What is not ours goes out as it came in: order, numbers, spelling of functions.

mod alone;
mod attributes;
mod checks;
mod computed;
mod declared;
mod expanded;
mod fields;
mod file;
mod lookups;
mod loops;
mod made;
mod paths;
mod plan;
mod protocol;
mod reader;
mod references;
mod schema;
mod together;
mod user_template;
mod values;

pub use alone::config_of;
pub use attributes::{PRODUCT_ATTRIBUTES, Referenceable, referenceable};
pub use expanded::Expanded;
pub use file::{Place, from_document};
pub use lookups::Lookups;
pub use lookups::Wanted;
pub use paths::ParameterPaths;
pub use plan::{Failure, Plan, plan};
pub use protocol::shortened;
pub use protocol::{Request, Response, Status, needs, respond};
pub use schema::resource_schema;
pub use user_template::{Input, LoopOrder};
pub use values::long_form;

/// The resource type that the macro expands.
pub const TYPE: &str = "MLProvisioner::MLOps::MLProduct";

/// Read as [`TYPE`].
pub const SHORT_TYPE: &str = "MLProvisioner::MLProduct";

/// The macro's name in `Transform`.
pub const TRANSFORM: &str = "MLProvisioner";
