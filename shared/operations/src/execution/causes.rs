//! What a stack operation failed of: the first causes, without the cascade behind them.

use mlp_aws::cloudformation::stacks::Event;
use mlp_template::security::secrets;
use serde::{Deserialize, Serialize};

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

/// The most causes that are told: who has ten causes has one that they all come from.
const MOST: usize = 10;

/// The first causes, in the order in which they happened. `events` are those of one operation, newest first, as
/// CloudFormation lists them.
///
/// ```
/// # use mlp_aws::cloudformation::stacks::Event;
/// # use mlp_operations::execution::causes::first_causes;
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

/// Reasons of services that say too little, with what to do about them.
///
/// Sources: `aws/aws-cdk` issue 2652 and `reapit/foundations` issue 11112 (CodeBuild and a role that IAM hasn't spread yet);
/// `hashicorp/terraform-provider-aws` issues 17535 and 17269 (private names); `eksctl-io/eksctl` issues 2510 and 4377, `awslabs/aws-solutions-constructs`
/// issue 1230 (routes).
const KNOWN: [(&str, &str); 5] = [
    (
        "Not authorized to perform DescribeSecurityGroups",
        "the new role had not reached CodeBuild yet, which passes: start `deploy-product` again, with `\"recreate_failed\": true` if the \
         stack is in ROLLBACK_COMPLETE",
    ),
    (
        "already a conflicting DNS domain",
        "the VPC has an endpoint for this service with a private name: set `endpoint_private_dns: false`, or remove theirs",
    ),
    (
        "already has a route with destination-prefix-list-id",
        "the route table has a route to S3 through another endpoint: leave it out of the config",
    ),
    (
        "enableDnsSupport and enableDnsHostnames",
        "switch both attributes of the VPC on, or set `endpoint_private_dns: false`",
    ),
    (
        "Found another VPC endpoint subnet in the availability zone",
        "name one subnet of each availability zone",
    ),
];

/// What to do about causes, where their reasons are known and say too little.
///
/// ```
/// # use mlp_operations::execution::causes::{Cause, known_remedies};
/// let reason = "Not authorized to perform DescribeSecurityGroups (Service: AWSCodeBuild)".to_owned();
/// let cause = Cause { logical_id: "Project".into(), kind: "T".into(), reason };
/// assert!(known_remedies(&[cause])[0].contains("start `deploy-product` again"));
/// ```
pub fn known_remedies(causes: &[Cause]) -> Vec<&'static str> {
    let is_told = |part: &str| causes.iter().any(|cause| cause.reason.contains(part));
    KNOWN.iter().filter(|(part, _)| is_told(part)).map(|(_, remedy)| *remedy).collect()
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
}
