//! Drift: what of a deployed product is no longer as its template, or its config, says.
//!
//! Data goes one way: what was [`seen`] of a stack is [`judge`]d against its template and becomes a [`report`]; the reports
//! of a run become a [`fleet`]. What people decided to live with is in the [`ignore`] list. CloudFormation's own drift
//! detection doesn't see everything, so [`probes`] say what else to look at.
//!
//! [`check`](mod@check) looks at a stack in AWS, and a [`run`] at all of them.

pub mod check;
mod compare;
mod config;
pub mod fleet;
pub mod ignore;
pub mod judge;
pub mod keys;
mod order;
mod page;
pub mod probes;
pub mod report;
mod resolve;
mod roles;
pub mod run;
pub mod seen;
mod severity;
pub(crate) mod task;

pub use check::{check, managed, named, ran_out_of_time};
pub use fleet::Fleet;
pub use ignore::Ignore;
pub use judge::{About, judge};
pub use order::{Asked, Item, Order, Place, Unchecked, none_begins};
pub use page::{Shelf, fleet_html, stack_html};
pub use probes::wanted;
pub use report::{Finding, Kind, StackReport, Verdict};
pub use seen::Seen;
