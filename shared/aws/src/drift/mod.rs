//! What a drift run asks of AWS, over several services: [`api`] is the trait, [`live`] the real thing, and a [`Pace`] keeps a
//! process from being throttled.

pub mod api;
pub mod live;
mod pace;
mod probe;
mod seen;

pub use api::{Announcing, DetectionState, DriftApi};
pub use live::Live;
pub use pace::Pace;
pub use probe::Probe;
pub use seen::{ResourceSeen, StackSeen};
