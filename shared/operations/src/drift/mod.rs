//! Drift: how a deployed product differs from its template or its config.
//!
//! Data goes one way: a stack's [`snapshot`] is [evaluated](mod@evaluate) against its template and becomes a
//! [`report`]; the reports
//! of a run become a [`fleet`]. The [`ignore`] list names the differences that the operators accept. CloudFormation's
//! drift detection doesn't check everything, so [`probes`] name what else must be read.
//!
//! [`check`](mod@check) reads one stack in AWS, and a [`run`] reads all of them.

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
