//! Deployments: what a product needs of its surroundings, and the steps from a template to a stack.

pub mod preflight;
pub mod steps;
