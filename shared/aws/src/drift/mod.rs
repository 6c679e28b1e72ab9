//! What a drift run asks of AWS, and how it asks: [`api`] is the trait, [`live`] the real thing, [`check`](mod@check) looks at one
//! stack, and a [`Pace`] keeps a process from being throttled.

pub mod api;
pub mod check;
pub mod live;
#[cfg(feature = "testing")]
pub mod memory;
mod pace;

pub use api::{Announcing, DetectionState, DriftApi};
pub use check::{check, managed, named, ran_out_of_time};
pub use live::Live;
pub use pace::Pace;
