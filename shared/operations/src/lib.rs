//! What is done with products in AWS, one folder a use case. What decides is pure and stands next to the steps.
//!
//! - [`generate`]: an uploaded config becomes its outputs and its status object.
//! - [`expand`]: the macro's answer.
//! - [`tasks`]: the tasks of the state machine, each of which is carried out in its use case.
//! - [`execution`]: what all tasks know of an execution.
//! - [`deploy`], [`delete`], [`fleet`]: one product is deployed or deleted, or many are.
//! - [`changes`]: what a change set changes.
//! - [`custom_resource`]: requests of `Custom::MLProduct` and their answers.
//! - [`drift`]: what of a stack is no longer as its template says.
//! - [`license`]: whether an account holds the license for a tier.
//! - [`follow`]: what an execution's history says of how far it is.
//! - [`objects`], [`rules`], [`time`]: what several of them use.

pub mod changes;
pub mod custom_resource;
pub mod delete;
pub mod deploy;
pub mod drift;
pub mod execution;
pub mod expand;
pub mod fleet;
pub mod follow;
pub mod generate;
pub mod license;
pub mod objects;
pub mod rules;
pub mod tasks;
pub mod time;
