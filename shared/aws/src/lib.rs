//! What talks to AWS for ML Provisioner's functions, and the rules by which they store things.
//!
//! - [`notification`]: S3's event messages, read one record at a time.
//! - [`rules`]: an organisation's own rules, read from the bucket.
//! - [`storing`]: the protocol that turns an uploaded config into its outputs and its status object. S3 delivers
//!   events at least once and in any order; the protocol makes the result the same as if each had come once, in order.
//! - [`store`]: the bucket as the protocol sees it, a trait with four calls; [`s3`] is the real one.
//! - [`parameters`]: values of SSM Parameter Store for the macro, a trait with one call; [`ssm`] is the real one.
//! - [`stacks`]: CloudFormation as a deployment sees it, a trait; [`cloudformation`] is the real one.
//! - [`emptying`]: buckets that are emptied before they are deleted.
//! - [`executions`]: executions of the state machine, a trait and the real one; [`arns`] names them.
//! - [`following`]: what an execution's history says of how far it is.
//! - [`answers`]: what custom resources' requests are answered with.
//! - [`drift`]: what a drift run asks of AWS.
//! - [`objects`]: what one run leaves in the bucket.
//! - [`caller`]: who calls.
//! - [`licence`]: AWS License Manager, asked once until its answer expires.
//! - [`calls`]: what goes wrong with a call.
//! - [`clients`]: SDK clients with bounded time and bounded retries.
//! - [`logs`]: the functions' log.
//!
//! Nothing here decides what a template looks like: that is `mlp-core`.

pub mod answers;
pub mod arns;
pub mod caller;
pub mod calls;
pub mod clients;
pub mod cloudformation;
pub mod drift;
pub mod emptying;
pub mod executions;
pub mod following;
pub mod licence;
pub mod logs;
#[cfg(feature = "testing")]
pub mod memory;
#[cfg(feature = "testing")]
pub mod memory_executions;
#[cfg(feature = "testing")]
pub mod memory_logs;
#[cfg(feature = "testing")]
pub mod memory_parameters;
#[cfg(feature = "testing")]
pub mod memory_runtime;
#[cfg(feature = "testing")]
pub mod memory_stacks;
pub mod notification;
pub mod objects;
pub mod parameters;
pub mod rules;
pub mod s3;
pub mod sequencer;
pub mod ssm;
pub mod stacks;
pub mod status;
pub mod store;
pub mod storing;
