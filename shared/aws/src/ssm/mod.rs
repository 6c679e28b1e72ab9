//! SSM Parameter Store.

pub mod client;
pub mod parameters;
