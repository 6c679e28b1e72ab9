//! What deploying and deleting decide, without a call to AWS: inputs, statuses, failures and results of executions.
//!
//! The state machine (`infra/state-machines/deploy.asl.json`) says in which order things happen, the `deploy` function
//! makes the calls, and what follows from their answers stands here.

pub mod approval;
pub mod causes;
pub mod failure;
pub mod fleet;
pub mod identity;
pub mod input;
pub mod keys;
pub mod outcome;
pub mod ownership;
pub mod preflight;
pub mod registry;
pub mod status;
