//! What a drift run asks of AWS, and how it asks: [`api`] is the trait, [`live`] the real thing, [`check`] looks at one stack,
//! and a [`Pace`] keeps a whole run from being throttled.

pub mod api;
pub mod check;
pub mod live;
#[cfg(feature = "testing")]
pub mod memory;
mod pace;

pub use api::{Announcing, DetectionState, DriftApi};
pub use check::{Limits, check, managed};
pub use live::Live;
pub use pace::Pace;
