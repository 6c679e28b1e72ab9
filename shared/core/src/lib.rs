//! The library behind ML Provisioner: from the bytes of a config to a checked CloudFormation template.
//!
//! Data goes one way: bytes -> [`config::Config`] -> [`product::Product`] -> [`template::Template`] -> checked
//! template -> bytes. Nothing here reads a file, a clock, the environment or AWS, so every front end (the Lambda
//! functions, `mlp`, a macro) gives the same answer for the same input.

pub mod actions;
pub mod changes;
pub mod check;
pub mod codes;
pub mod config;
pub mod custom;
pub mod deploy;
pub mod drift;
pub mod error;
pub mod expand;
pub mod finding;
pub mod generate;
pub mod names;
pub mod outcome;
pub mod policy;
pub mod printable;
pub mod product;
pub mod render;
pub mod report;
pub mod security;
pub mod suggest;
pub mod suite;
pub mod template;
pub mod time;
pub mod yaml;
