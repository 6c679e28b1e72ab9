//! What a stack operation failed of: the first causes, without the cascade behind them.

use serde::{Deserialize, Serialize};

use crate::security::secrets;

/// A resource that failed by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The resource's logical id.
    pub logical_id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// CloudFormation's reason, or the service's.
    pub reason: String,
}

/// An event of a stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// The resource's logical id; the stack's own events have its name.
    pub logical_id: String,
    /// The resource's physical id; the stack's own events have its id.
    pub physical_id: String,
    /// The resource's type.
    pub kind: String,
    /// The resource's status, such as `CREATE_FAILED`.
    pub status: String,
    /// Why.
    pub reason: String,
    /// The client token of the operation that it belongs to.
    pub token: Option<String>,
}

impl Event {
    /// Whether it is about the stack itself.
    fn is_of_stack(&self) -> bool {
        self.kind == "AWS::CloudFormation::Stack"
            && self.physical_id.contains(&format!(":stack/{}/", self.logical_id))
    }
}

/// What to do about causes that go away by themselves.
///
/// CodeBuild asks for the network with the new role while it creates a project in a VPC, and IAM takes a moment until a new
/// role's policies count everywhere (aws/aws-cdk issue 2652; reapit/foundations issue 11112; IAM User Guide,
/// "Troubleshooting IAM": changes are not always immediately visible).
pub fn passing(causes: &[Cause]) -> Option<&'static str> {
    let of_new_role = |cause: &Cause| {
        cause.kind == "AWS::CodeBuild::Project"
            && cause.reason.contains("Not authorized to perform DescribeSecurityGroups")
    };
    (!causes.is_empty() && causes.iter().all(of_new_role)).then_some(
        "IAM had not made the new role's policies known everywhere; run it again in a minute, with `\"recreate_failed\": true` \
         if the stack never was complete",
    )
}

/// The most causes that are told: who has ten causes has one that they all come from.
const MOST: usize = 10;

/// The first causes, in the order in which they happened. `events` are those of one operation, newest first, as
/// CloudFormation lists them.
///
/// ```
/// # use mlp_core::deploy::causes::{Event, first_causes};
/// let event = |id: &str, status: &str, reason: &str| Event {
///     logical_id: id.into(), kind: "T".into(), status: status.into(), reason: reason.into(), ..Event::default()
/// };
/// let causes = first_causes(&[
///     event("Other", "CREATE_FAILED", "Resource creation cancelled"),
///     event("Bucket", "CREATE_FAILED", "the name is taken"),
///     event("Bucket", "CREATE_IN_PROGRESS", ""),
/// ]);
/// assert_eq!(causes.len(), 1);
/// assert_eq!(causes[0].reason, "the name is taken");
/// ```
pub fn first_causes(events: &[Event]) -> Vec<Cause> {
    let mut causes: Vec<Cause> = Vec::new();
    for event in events.iter().rev() {
        let failed = event.status.ends_with("_FAILED");
        if !failed || event.is_of_stack() || is_cascade(&event.reason) {
            continue;
        }
        // What could not be rolled back afterwards is another failure of the same resource, and worth telling.
        let known =
            causes.iter().any(|cause| cause.logical_id == event.logical_id && cause.reason == event.reason);
        if !known && causes.len() < MOST {
            let reason = secrets::mask(&event.reason).into_owned();
            causes.push(Cause { logical_id: event.logical_id.clone(), kind: event.kind.clone(), reason });
        }
    }
    causes
}

/// CloudFormation stops what runs beside a resource that failed; that says nothing of its own.
fn is_cascade(reason: &str) -> bool {
    const CASCADES: [&str; 4] = [
        "Resource creation cancelled",
        "Resource update cancelled",
        "Resource deletion cancelled",
        "Resource creation Initiated",
    ];
    CASCADES.iter().any(|cascade| reason.starts_with(cascade))
}

/// How many resources of an operation have come to an end. `events` are those of one operation, in any order.
pub fn ended(events: &[Event]) -> usize {
    let mut ids: Vec<&str> = events
        .iter()
        .filter(|event| !event.is_of_stack() && event.status.ends_with("_COMPLETE"))
        .map(|event| event.logical_id.as_str())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, status: &str, reason: &str) -> Event {
        let (id, kind) = (id.to_owned(), "AWS::S3::Bucket".to_owned());
        Event { logical_id: id, kind, status: status.into(), reason: reason.into(), ..Event::default() }
    }

    #[test]
    fn the_stacks_own_events_are_no_causes_but_a_nested_stacks_are() {
        let stack = |id: &str, physical: &str| Event {
            kind: "AWS::CloudFormation::Stack".into(),
            physical_id: format!("arn:aws:cloudformation:r:1:stack/{physical}/uuid"),
            ..event(id, "CREATE_FAILED", "The following resource(s) failed to create: [A].")
        };
        let causes = first_causes(&[stack("mine", "mine"), stack("Nested", "mine-Nested-1")]);
        assert_eq!(causes.iter().map(|cause| cause.logical_id.as_str()).collect::<Vec<_>>(), ["Nested"]);
    }

    #[test]
    fn causes_stand_in_the_order_of_time_and_once() {
        let events = [
            event("B", "DELETE_FAILED", "not empty"),
            event("A", "CREATE_FAILED", "first"),
            event("A", "CREATE_FAILED", "first"),
        ];
        let told: Vec<String> = first_causes(&events).into_iter().map(|cause| cause.reason).collect();
        assert_eq!(told, ["first", "not empty"]);
    }

    #[test]
    fn a_resource_that_ends_twice_counts_once() {
        let events = [
            event("A", "UPDATE_COMPLETE", ""),
            event("A", "DELETE_COMPLETE", ""),
            event("B", "X_FAILED", ""),
        ];
        assert_eq!(ended(&events), 1);
    }

    #[test]
    fn a_new_role_that_is_not_known_everywhere_yet_passes_by_itself_and_nothing_else_does() {
        let cause = |kind: &str, reason: &str| Cause {
            logical_id: "A".to_owned(),
            kind: kind.to_owned(),
            reason: reason.to_owned(),
        };
        let new_role = cause(
            "AWS::CodeBuild::Project",
            "Not authorized to perform DescribeSecurityGroups (Service: AWSCodeBuild; Status Code: 400)",
        );
        let other = cause("AWS::S3::Bucket", "the name is taken");
        assert!(
            passing(std::slice::from_ref(&new_role)).is_some_and(|help| help.contains("recreate_failed"))
        );
        assert_eq!(passing(&[new_role, other]), None);
        assert_eq!(passing(&[]), None);
    }
}
