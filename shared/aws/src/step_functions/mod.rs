//! AWS Step Functions: executions and their names.

pub mod arns;
pub mod executions;
