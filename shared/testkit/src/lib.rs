//! Doubles of AWS for tests, in memory and with faults, an interpreter of the
//! States Language, and the compiler of the state machines' sources.
//!
//! Only tests use it: nothing of it is shipped.

pub mod machine_source;
pub mod memory;
pub mod memory_executions;
pub mod memory_fleet;
pub mod memory_logs;
pub mod memory_parameters;
pub mod memory_runtime;
pub mod memory_stacks;
pub mod states;
