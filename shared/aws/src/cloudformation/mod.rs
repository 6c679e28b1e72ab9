//! AWS CloudFormation: stacks and change sets, and the answers to custom resources.

pub mod answering;
pub mod answers;
pub mod client;
pub mod stacks;
