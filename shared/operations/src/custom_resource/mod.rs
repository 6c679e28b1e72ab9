//! `Custom::MLProduct`: the product as a custom resource, for templates in which no macro may be named.
//!
//! CloudFormation sends a [`Request`] and waits for an [`Answer`] at a presigned address. Between them an execution of the
//! state machine does the work; what it must know of the request travels in its input as [`Respond`]. The address doesn't:
//! whoever has it can answer in our place.
//!
//! Sources: AWS CloudFormation User Guide, "Custom resource reference" (request and response objects, 4,096 bytes,
//! `ServiceTimeout`), and "Create custom provisioning logic with custom resources".

mod answer;
mod config;
mod confirm;
mod request;
pub mod requests;

pub use answer::{ANSWER_LIMIT, Answer, Status};
pub use config::{ATTRIBUTE_NAME, config};
pub use confirm::differences;
pub use request::{Kind, Request, Respond, owner, stack_name};

/// The resource's type.
pub const TYPE: &str = "Custom::MLProduct";

/// The tag of a product's stack that says which custom resource it belongs to ([`Respond::owner`]).
pub const OWNER_TAG: &str = "ml-provisioner:owner";

/// How long CloudFormation waits if the template doesn't say, in seconds.
pub const SERVICE_TIMEOUT: u64 = 3600;

/// The shortest such wait that a product is made in, in seconds: an execution that waits for a stack in others' hands looks
/// at the time every two minutes, and the answer needs some, too.
pub const SHORTEST_TIMEOUT: u64 = 600;
