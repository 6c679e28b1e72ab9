//! CloudFormation's language: YAML with places, templates, checks of structure and security, findings.
//!
//! Nothing here knows a product, and nothing reads a file, a clock, the environment or AWS.

pub mod check;
pub mod codes;
pub mod error;
pub mod finding;
pub mod glob;
pub mod pointer;
pub mod printable;
pub mod region;
pub mod render;
pub mod security;
pub mod suggest;
pub mod template;
pub mod yaml;
