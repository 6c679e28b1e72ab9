//! From the bytes of a config to a checked CloudFormation template, its policies and its review page.
//!
//! Data goes one way: bytes -> [`config::Config`] -> [`product::Product`] -> [`mlp_template::template::Template`] -> checked
//! template -> bytes. Nothing here reads a file, a clock, the environment or AWS, so every front end (the Lambda
//! functions, `mlp`, a macro) gives the same answer for the same input.

// Templates of pages name this crate, whichever crate a page belongs to.
extern crate self as mlp_product;

pub mod actions;
pub mod config;
pub mod expand;
pub mod generate;
pub mod names;
pub mod outcome;
pub mod policy;
pub mod product;
pub mod report;
pub mod suite;
