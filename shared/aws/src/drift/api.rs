//! The calls of a drift run.

use std::future::Future;

use serde_json::Value as Json;

use crate::calls::CallError;
use crate::drift::Probe;
use crate::drift::{ResourceSummary, StackDescription};

/// Everything that a drift run reads. Every call is bounded in time, and made once: a
/// [`RateLimiter`](super::RateLimiter) makes it again.
pub trait DriftApi {
    /// A page of all stacks that aren't deleted (`DescribeStacks`), and the token of the next one.
    fn stacks(
        &self,
        page: Option<&str>,
    ) -> impl Future<Output = Result<(Vec<StackDescription>, Option<String>), CallError>> + Send;

    /// One stack by name or id; nothing for one that isn't there.
    fn stack(&self, stack: &str) -> impl Future<Output = Result<Option<StackDescription>, CallError>> + Send;

    /// Starts a drift detection and returns its id.
    ///
    /// # Errors
    ///
    /// [`Kind::Conflict`](crate::calls::Kind::Conflict) when one runs already.
    fn detect(&self, stack_id: &str) -> impl Future<Output = Result<String, CallError>> + Send;

    /// The same for some of a stack's resources, by their logical ids, at most 200.
    fn detect_some(
        &self,
        stack_id: &str,
        resources: &[String],
    ) -> impl Future<Output = Result<String, CallError>> + Send;

    /// The state of a detection.
    fn detection(&self, id: &str) -> impl Future<Output = Result<DetectionState, CallError>> + Send;

    /// Every `StackResourceDrift` of a stack, as the API spells it. It keeps those of earlier detections.
    fn drifts(&self, stack_id: &str) -> impl Future<Output = Result<Vec<Json>, CallError>> + Send;

    /// A stack's template, as it was given or as transforms left it.
    fn template(&self, stack_id: &str) -> impl Future<Output = Result<String, CallError>> + Send;

    /// A stack's resources.
    fn resources(
        &self,
        stack_id: &str,
    ) -> impl Future<Output = Result<Vec<ResourceSummary>, CallError>> + Send;

    /// What a probe finds, in the shape that [`Probe`] says; nothing for what isn't there.
    fn probe(&self, probe: &Probe) -> impl Future<Output = Result<Option<Json>, CallError>> + Send;
}

/// The state of a drift detection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DetectionState {
    /// It runs.
    Running,
    /// It ended.
    Complete,
    /// It failed, for at least one resource.
    Failed(String),
}

/// Notifications about a run.
pub trait Notifier {
    /// A message to people. SNS takes a subject of 100 ASCII characters and 256 KiB in all.
    fn publish(
        &self,
        topic: &str,
        subject: &str,
        message: &str,
    ) -> impl Future<Output = Result<(), CallError>> + Send;

    /// An event on the default bus, `source` `ml-provisioner`.
    fn event(&self, detail_type: &str, detail: &str) -> impl Future<Output = Result<(), CallError>> + Send;
}
