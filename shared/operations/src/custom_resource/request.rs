//! What CloudFormation asks, and what an execution must know of it.

use mlp_product::outcome::sha256;
use serde::{Deserialize, Serialize};
use serde_json::{Map as Object, Value as Json};

use super::SERVICE_TIMEOUT;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A new resource.
    Create,
    /// Other properties for one that is there.
    Update,
    /// Its end.
    Delete,
}

/// A request, as CloudFormation sends it. It has no `Debug`: whoever reads [`Request::response_url`] can answer it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// What is asked for.
    pub request_type: Kind,
    /// Where the answer goes, a presigned address.
    #[serde(rename = "ResponseURL")]
    pub response_url: String,
    /// The ARN of the stack that the resource is in.
    pub stack_id: String,
    /// The request's own id.
    pub request_id: String,
    /// The resource's logical id.
    pub logical_resource_id: String,
    /// What the resource is called: what the last answer said. Absent when it is new.
    #[serde(default)]
    pub physical_resource_id: Option<String>,
    /// Its properties. CloudFormation has resolved every function, and makes text of numbers and flags.
    #[serde(default)]
    pub resource_properties: Object<String, Json>,
}

impl Request {
    /// What an execution must know. `now` is in seconds since 1970.
    pub fn respond(&self, now: u64) -> Respond {
        self.respond_within(now, SERVICE_TIMEOUT)
    }

    /// The same for a request of which CloudFormation's own event is known. The shorter time counts: a request that doesn't
    /// say how long it waits waits no longer than CloudFormation does.
    pub fn respond_as_told(&self, now: u64, told: &Object<String, Json>) -> Respond {
        self.respond_within(now, service_timeout(told).unwrap_or(SERVICE_TIMEOUT))
    }

    fn respond_within(&self, now: u64, longest: u64) -> Respond {
        let timeout = service_timeout(&self.resource_properties).unwrap_or(SERVICE_TIMEOUT).min(longest);
        // The answer itself needs time, more if its task must be tried again.
        let answering = (timeout / 4).min(180);
        Respond {
            request_type: self.request_type,
            stack_id: self.stack_id.clone(),
            request_id: self.request_id.clone(),
            logical_resource_id: self.logical_resource_id.clone(),
            physical_resource_id: self.physical_resource_id.clone(),
            answer_by: now + timeout - answering,
        }
    }

    /// The stack of the product that the resource stands for, if its physical id names one.
    pub fn product_stack(&self) -> Option<&str> {
        self.physical_resource_id
            .as_deref()
            .filter(|id| id.contains(":cloudformation:") && id.contains(":stack/"))
    }

    /// The name of the execution that answers it: the same for a request that comes twice.
    ///
    /// Step Functions takes 80 letters, digits, hyphens and underscores.
    pub fn execution(&self) -> String {
        let Self { stack_id, request_id, logical_resource_id, .. } = self;
        let digits = sha256(format!("{stack_id}\n{logical_resource_id}\n{request_id}").as_bytes());
        let id: String = logical_resource_id.chars().filter(char::is_ascii_alphanumeric).take(40).collect();
        format!("custom-{id}-{}", digits.chars().take(20).collect::<String>())
    }
}

/// How the status of a stack ends that deletes what its update has replaced.
const CLEANING_UP: &str = "_COMPLETE_CLEANUP_IN_PROGRESS";

/// How long CloudFormation waits, as the resource's properties say.
pub(crate) fn service_timeout(properties: &Object<String, Json>) -> Option<u64> {
    let seconds = match properties.get("ServiceTimeout")? {
        Json::String(text) => text.parse().ok(),
        other => other.as_u64(),
    };
    seconds.filter(|seconds| (1..=SERVICE_TIMEOUT).contains(seconds))
}

/// What an execution knows of the request that it answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Respond {
    /// What was asked for.
    pub request_type: Kind,
    /// The stack that the resource is in.
    pub stack_id: String,
    /// The request's id.
    pub request_id: String,
    /// The resource's logical id.
    pub logical_resource_id: String,
    /// What it was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub physical_resource_id: Option<String>,
    /// Until when an answer is heard, in seconds since 1970.
    pub answer_by: u64,
}

impl Respond {
    /// Who the resource is, as the tag of its product's stack says: the stack's name and own id, and the logical id.
    ///
    /// A stack of the same name that is made anew is another owner. Tags hold 256 characters.
    ///
    /// ```
    /// # use mlp_operations::custom_resource::{Kind, Respond};
    /// let respond = Respond {
    ///     request_type: Kind::Create,
    ///     stack_id: "arn:aws:cloudformation:us-west-2:123456789012:stack/shop/9c1f0d30-0000-11f0-8000-0a0000000001".into(),
    ///     request_id: "r".into(),
    ///     logical_resource_id: "Fraud".into(),
    ///     physical_resource_id: None,
    ///     answer_by: 0,
    /// };
    /// assert_eq!(respond.owner(), "shop/9c1f0d30-0000-11f0-8000-0a0000000001/Fraud");
    /// ```
    pub fn owner(&self) -> String {
        owner(&self.stack_id, &self.logical_resource_id)
    }

    /// Whether CloudFormation works on the request, by what it says of the resource: its status and physical id, and of
    /// the status of the stack that the resource is in. Whoever may call the function can write a request, and one that was
    /// held up may come when all is over.
    ///
    /// A resource that was replaced is deleted while the new one is complete. Then the stack is cleaning up, and the request
    /// names a physical id that isn't the current one. A request without an id never means what is in use.
    ///
    /// Source: AWS CloudFormation API Reference, `StackResourceDetail`, whose statuses have some of rollbacks of their own;
    /// User Guide, "Update behaviors of stack resources" (replacement, and deletion in the clean-up).
    pub fn is_waited_for(&self, status: &str, physical_id: Option<&str>, stack_status: &str) -> bool {
        match self.request_type {
            Kind::Create => status == "CREATE_IN_PROGRESS",
            Kind::Update => matches!(status, "UPDATE_IN_PROGRESS" | "UPDATE_ROLLBACK_IN_PROGRESS"),
            Kind::Delete => match (self.physical_resource_id.as_deref(), physical_id) {
                _ if matches!(status, "DELETE_IN_PROGRESS" | "ROLLBACK_IN_PROGRESS") => true,
                (Some(old), Some(current)) => {
                    status == "UPDATE_COMPLETE" && old != current && stack_status.ends_with(CLEANING_UP)
                }
                _ => false,
            },
        }
    }
}

/// As [`Respond::owner`], for a stack's ARN and a logical id.
pub fn owner(stack_id: &str, logical_id: &str) -> String {
    let stack = stack_id.split_once(":stack/").map_or(stack_id, |(_, stack)| stack);
    let owner = format!("{stack}/{logical_id}");
    if owner.len() <= 256 {
        return owner;
    }
    let digits: String = sha256(owner.as_bytes()).chars().take(40).collect();
    let start: String = owner.chars().take(215).collect();
    format!("{start}-{digits}")
}

/// The name in a stack's ARN; the text itself, if it is none.
///
/// ```
/// # use mlp_operations::custom_resource::stack_name;
/// assert_eq!(stack_name("arn:aws:cloudformation:us-west-2:123456789012:stack/x-stack/1"), "x-stack");
/// ```
pub fn stack_name(arn: &str) -> &str {
    arn.split_once(":stack/").map_or(arn, |(_, rest)| rest.split('/').next().unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(properties: &Json) -> Request {
        let request = json!({
            "RequestType": "Create", "ResponseURL": "https://s3.amazonaws.com/x?Signature=secret",
            "StackId": "arn:aws:cloudformation:us-west-2:123456789012:stack/shop/uuid", "RequestId": "one",
            "LogicalResourceId": "Fraud", "ResourceType": "Custom::MLProduct", "ResourceProperties": properties,
        });
        serde_json::from_value(request).unwrap()
    }

    #[test]
    fn the_answer_is_due_before_cloudformation_stops_listening() {
        assert_eq!(request(&json!({})).respond(1_000).answer_by, 1_000 + 3_600 - 180);
        assert_eq!(request(&json!({"ServiceTimeout": "60"})).respond(1_000).answer_by, 1_000 + 45);
        for nonsense in [json!("never"), json!("0"), json!(99_999)] {
            assert_eq!(request(&json!({"ServiceTimeout": nonsense})).respond(0).answer_by, 3_420);
        }
    }

    #[test]
    fn a_request_waits_no_longer_than_cloudformation_says() {
        let due =
            |sent: &Json, told: &Json| request(sent).respond_as_told(0, told.as_object().unwrap()).answer_by;
        let (short, long) = (json!({"ServiceTimeout": "600"}), json!({"ServiceTimeout": 1200}));
        for (sent, told) in [(&json!({}), &short), (&short, &json!({})), (&short, &long), (&long, &short)] {
            assert_eq!(due(sent, told), 600 - 150, "{sent} {told}");
        }
        assert_eq!(due(&json!({}), &json!({})), 3_420);
    }

    #[test]
    fn a_request_that_comes_twice_is_one_execution_and_what_it_carries_is_no_secret() {
        let one = request(&json!({}));
        let other = Request { request_id: "two".to_owned(), ..one.clone() };
        assert_eq!(one.execution(), one.clone().execution());
        assert_ne!(one.execution(), other.execution());
        let long = Request { logical_resource_id: "L".repeat(255), ..one.clone() };
        assert!(long.execution().len() <= 80, "{}", long.execution());
        let carried = serde_json::to_string(&one.respond(0)).unwrap();
        assert!(!carried.contains("secret"), "{carried}");
    }

    #[test]
    fn a_deletion_is_one_that_cloudformation_says_it_is_at() {
        let delete = Respond {
            request_type: Kind::Delete,
            physical_resource_id: Some("mine".to_owned()),
            ..request(&json!({})).respond(0)
        };
        let cleaning = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS";
        for (status, current, stack, waited_for) in [
            ("DELETE_IN_PROGRESS", Some("mine"), "DELETE_IN_PROGRESS", true),
            ("DELETE_IN_PROGRESS", None, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", true),
            ("ROLLBACK_IN_PROGRESS", Some("mine"), "ROLLBACK_IN_PROGRESS", true),
            ("UPDATE_ROLLBACK_IN_PROGRESS", Some("mine"), "UPDATE_ROLLBACK_IN_PROGRESS", false),
            ("UPDATE_COMPLETE", Some("another"), cleaning, true),
            ("UPDATE_COMPLETE", Some("another"), "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", true),
            ("UPDATE_COMPLETE", Some("another"), "UPDATE_COMPLETE", false),
            ("UPDATE_COMPLETE", Some("mine"), cleaning, false),
            ("UPDATE_COMPLETE", None, cleaning, false),
            ("CREATE_COMPLETE", Some("another"), cleaning, false),
            ("UPDATE_IN_PROGRESS", Some("another"), "UPDATE_IN_PROGRESS", false),
            ("CREATE_IN_PROGRESS", None, "CREATE_IN_PROGRESS", false),
            ("DELETE_COMPLETE", Some("mine"), "UPDATE_COMPLETE", false),
            ("DELETE_FAILED", Some("mine"), "DELETE_FAILED", false),
        ] {
            assert_eq!(
                delete.is_waited_for(status, current, stack),
                waited_for,
                "{status} {current:?} {stack}"
            );
        }
        // Without an id of its own a request never means what is in use, whatever the stack does.
        let nameless = Respond { physical_resource_id: None, ..delete };
        for stack in [cleaning, "UPDATE_COMPLETE"] {
            for current in [Some("mine"), None] {
                assert!(!nameless.is_waited_for("UPDATE_COMPLETE", current, stack));
            }
        }
        assert!(nameless.is_waited_for("DELETE_IN_PROGRESS", Some("mine"), "DELETE_IN_PROGRESS"));
    }

    #[test]
    fn what_is_to_be_created_is_waited_for_until_cloudformation_says_something_else() {
        let create = request(&json!({})).respond(0);
        assert!(create.is_waited_for("CREATE_IN_PROGRESS", None, ""));
        for status in ["CREATE_FAILED", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"] {
            assert!(!create.is_waited_for(status, None, ""), "{status}");
        }
        let update = Respond { request_type: Kind::Update, ..create };
        assert!(update.is_waited_for("UPDATE_ROLLBACK_IN_PROGRESS", None, ""));
        assert!(!update.is_waited_for("UPDATE_FAILED", None, ""));
    }

    #[test]
    fn owners_fit_into_a_tag_and_differ() {
        let of = |id: &str| {
            let stack_id =
                format!("arn:aws:cloudformation:us-west-2:123456789012:stack/{}/uuid", "s".repeat(128));
            let request = Request { logical_resource_id: id.to_owned(), stack_id, ..request(&json!({})) };
            request.respond(0).owner()
        };
        let (a, b) = (of(&format!("{}A", "L".repeat(254))), of(&format!("{}B", "L".repeat(254))));
        assert!(a.len() <= 256 && a != b);
    }
}
