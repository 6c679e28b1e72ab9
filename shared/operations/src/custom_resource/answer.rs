//! What CloudFormation is answered.

use std::collections::BTreeMap;

use mlp_template::printable::printable;
use mlp_template::security::secrets;
use serde::Serialize;

use super::request::{Kind, Respond};

/// The largest answer that CloudFormation reads, in bytes.
pub const ANSWER_LIMIT: usize = 4096;

/// What stands in for a physical id when nothing came to be.
const NOTHING: &str = "nothing-was-made";

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// As asked.
    Success,
    /// Not.
    Failed,
}

/// An answer to a [`Respond`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Answer {
    status: Status,
    /// People see it as the resource's status reason.
    reason: String,
    physical_resource_id: String,
    stack_id: String,
    request_id: String,
    logical_resource_id: String,
    /// What `Fn::GetAtt` gives.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    data: BTreeMap<String, String>,
}

impl Answer {
    /// It went as asked. `stack` is the ARN of the product's stack, the resource's physical id; `data` its attributes.
    pub fn success(respond: &Respond, stack: Option<&str>, data: BTreeMap<String, String>) -> Self {
        Self::new(respond, Status::Success, String::new(), stack, data)
    }

    /// It didn't. `stack` is the ARN of the product's stack, if it is this resource's and came to be.
    pub fn failed(respond: &Respond, reason: &str, stack: Option<&str>) -> Self {
        let reason = printable(&secrets::mask(reason)).into_owned();
        Self::new(respond, Status::Failed, reason, stack, BTreeMap::new())
    }

    fn new(
        respond: &Respond,
        status: Status,
        reason: String,
        stack: Option<&str>,
        data: BTreeMap<String, String>,
    ) -> Self {
        let had = respond.physical_resource_id.as_deref();
        let physical_resource_id = match (respond.request_type, status) {
            // Another id would make CloudFormation delete the first one.
            (Kind::Delete, _) | (Kind::Update, Status::Failed) => had.or(stack),
            (Kind::Update, Status::Success) => stack.or(had),
            // What was begun is deleted by this id; nothing is, if there is nothing.
            (Kind::Create, _) => stack,
        };
        Self {
            status,
            reason,
            physical_resource_id: physical_resource_id.unwrap_or(NOTHING).to_owned(),
            stack_id: respond.stack_id.clone(),
            request_id: respond.request_id.clone(),
            logical_resource_id: respond.logical_resource_id.clone(),
            data,
        }
    }

    /// Whether it went as asked.
    pub fn is_success(&self) -> bool {
        self.status == Status::Success
    }

    /// As JSON of at most [`ANSWER_LIMIT`] bytes; a reason that is too long loses its end.
    pub fn to_json(&self) -> String {
        let json = |answer: &Self| serde_json::to_string(answer).unwrap_or_default();
        let whole = json(self);
        if whole.len() <= ANSWER_LIMIT {
            return whole;
        }
        let characters: Vec<char> = self.reason.chars().collect();
        let cut = |keep: usize| {
            let start = characters.iter().take(keep).chain(&['…']).collect();
            json(&Self { reason: start, ..self.clone() })
        };
        // The most characters that fit; an escaped one is longer than itself.
        let (mut fits, mut too_many) = (0, characters.len());
        while too_many - fits > 1 {
            let middle = usize::midpoint(fits, too_many);
            if cut(middle).len() <= ANSWER_LIMIT { fits = middle } else { too_many = middle }
        }
        cut(fits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    const STACK: &str = "arn:aws:cloudformation:us-west-2:123456789012:stack/x-stack/1";

    fn respond(request_type: Kind, physical: Option<&str>) -> Respond {
        Respond {
            request_type,
            stack_id: "arn:aws:cloudformation:us-west-2:123456789012:stack/shop/2".to_owned(),
            request_id: "r".to_owned(),
            logical_resource_id: "Fraud".to_owned(),
            physical_resource_id: physical.map(str::to_owned),
            answer_by: 0,
        }
    }

    fn id(answer: &Answer) -> Json {
        serde_json::from_str::<Json>(&answer.to_json()).unwrap()["PhysicalResourceId"].clone()
    }

    #[test]
    fn cloudformation_never_gets_an_id_that_makes_it_delete_what_is_in_use() {
        let update = respond(Kind::Update, Some(STACK));
        assert_eq!(id(&Answer::failed(&update, "no", None)), STACK);
        assert_eq!(id(&Answer::failed(&update, "no", Some("another"))), STACK);
        assert_eq!(id(&Answer::success(&update, Some(STACK), BTreeMap::new())), STACK);
        let delete = respond(Kind::Delete, Some("whatever-it-was"));
        assert_eq!(id(&Answer::success(&delete, None, BTreeMap::new())), "whatever-it-was");
        let create = respond(Kind::Create, None);
        assert_eq!(id(&Answer::failed(&create, "no", None)), NOTHING);
        assert_eq!(id(&Answer::failed(&create, "no", Some(STACK))), STACK);
    }

    #[test]
    fn a_reason_is_one_line_without_characters_that_nobody_sees() {
        let answer = Answer::failed(&respond(Kind::Create, None), "a\u{1b}[2J\n\u{202e}b", None);
        let read: Json = serde_json::from_str(&answer.to_json()).unwrap();
        assert_eq!(read["Reason"], "a[U+001B][2J [U+202E]b");
    }

    #[test]
    fn a_long_reason_is_cut_so_that_the_answer_is_heard() {
        for reason in ["x".repeat(10_000), "\"\n".repeat(5_000), "ö".repeat(5_000)] {
            let json = Answer::failed(&respond(Kind::Create, None), &reason, None).to_json();
            assert!(json.len() <= ANSWER_LIMIT && json.len() > ANSWER_LIMIT - 8, "{}", json.len());
            let read: Json = serde_json::from_str(&json).unwrap();
            assert_eq!(read["Status"], json!("FAILED"));
            assert!(read["Reason"].as_str().unwrap().ends_with('…'));
        }
    }
}
