//! Drift: what of a deployed product is no longer as its template, or its config, says.
//!
//! Data goes one way: a stack's [`snapshot`] is [evaluated](mod@evaluate) against its template and becomes a [`report`]; the reports
//! of a run become a [`fleet`]. What people decided to live with is in the [`ignore`] list. CloudFormation's own drift
//! detection doesn't see everything, so [`probes`] say what else to look at.
//!
//! [`check`](mod@check) looks at a stack in AWS, and a [`run`] at all of them.

pub mod check;
mod compare;
mod config;
pub mod evaluate;
pub mod fleet;
pub mod ignore;
pub mod keys;
mod page;
pub mod probes;
pub mod report;
mod request;
mod resolve;
mod roles;
pub mod run;
mod severity;
pub mod snapshot;
pub(crate) mod task;

pub use check::{check, managed_stacks, named_stacks, ran_out_of_time};
pub use evaluate::{ReportContext, evaluate};
pub use fleet::FleetReport;
pub use ignore::IgnoreList;
pub use page::{PageKind, fleet_html, stack_html};
pub use probes::wanted;
pub use report::{DriftFinding, FindingKind, StackReport, Verdict};
pub use request::{
    ConfigLocation, DriftRunRequest, StackRef, StackScope, UncheckableReason, no_stack_with_prefix,
};
pub use snapshot::StackSnapshot;
