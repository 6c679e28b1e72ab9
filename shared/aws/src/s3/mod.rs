//! Amazon S3: objects and their conditions, versions of buckets, event messages.

pub mod client;
pub mod notification;
pub mod sequencer;
pub mod store;
pub mod versions;
