//! The AWS calls of a drift run, over several services: [`api`] is the trait, [`live`] the real thing, and a
//! [`RateLimiter`] keeps a
//! process from being throttled.

pub mod api;
pub mod live;
mod probe;
mod rate_limiter;
mod stack;

pub use api::{DetectionState, DriftApi, Notifier};
pub use live::AwsDriftApi;
pub use probe::Probe;
pub use rate_limiter::RateLimiter;
pub use stack::{ResourceSummary, StackDescription};
