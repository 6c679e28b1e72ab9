//! AWS as the tasks see it.

use std::time::{Duration, SystemTime};

use mlp_aws::cloudformation::answering::Answering;
use mlp_aws::license_manager::LicenseDesk;

use crate::execution::settings::Settings;
use crate::license::Licenses;
use crate::rules::RuleBook;

/// What the tasks work with.
pub struct Aws<'a, S, C, B, P> {
    /// The suite's bucket.
    pub store: &'a S,
    /// CloudFormation.
    pub stacks: &'a C,
    /// Buckets that are emptied.
    pub buckets: &'a B,
    /// SSM.
    pub parameters: &'a P,
    /// The organisation's rules.
    pub rules: &'a RuleBook,
    /// What answers custom resources.
    pub answers: &'a dyn Answering,
    /// License Manager.
    pub desk: &'a dyn LicenseDesk,
    /// What it answered.
    pub licenses: &'a Licenses,
    /// What the suite's stack says.
    pub settings: &'a Settings,
    /// How long this invocation may work.
    pub time: Duration,
    /// The time of day.
    pub now: SystemTime,
}
