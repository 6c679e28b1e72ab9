//! What an execution of the state machine is: its input, its names, its state, its errors and its result; and what every task
//! of it needs.

pub mod approval;
pub mod aws;
pub(crate) mod calls;
pub mod causes;
pub mod failure;
pub(crate) mod findings;
pub mod identity;
pub mod input;
pub mod keys;
pub mod outcome;
pub mod ownership;
pub(crate) mod read;
pub mod registry;
pub mod settings;
pub mod status;
pub(crate) mod storing;
pub mod work;
