//! Doubles of AWS for tests, in memory and with faults, and an interpreter of the States Language.
//!
//! Only tests use it: nothing of it is shipped.

pub mod memory;
pub mod memory_executions;
pub mod memory_fleet;
pub mod memory_logs;
pub mod memory_parameters;
pub mod memory_runtime;
pub mod memory_stacks;
pub mod states;
