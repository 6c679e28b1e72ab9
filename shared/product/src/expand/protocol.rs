//! The protocol of CloudFormation macros.
//!
//! CloudFormation shows the user "Received malformed response from transform" for everything but a well-formed answer, so
//! there is one for every request, whatever its bytes are.
//!
//! Source: AWS CloudFormation User Guide, "Create a CloudFormation macro definition".

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use indexmap::IndexMap;
use mlp_template::codes;
use mlp_template::finding::{Finding, Severity};
use mlp_template::pointer;
use mlp_template::yaml::{Node, NodeValue};
use serde::Serialize;
use serde_json::value::RawValue;

use super::lookups::Lookups;
use super::paths::ParameterPaths;
use super::plan::{Failure, Plan, plan};
use super::user_template::{Input, LoopOrder};

/// The most that an `errorMessage` has, in characters: CloudFormation cuts status reasons off at about 1,000.
const MESSAGE: usize = 1_000;

/// The answer to a macro request; serialised, it is what the Lambda function returns.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// The request's own, whatever JSON it is; `null` when it couldn't be read.
    pub request_id: Box<RawValue>,
    /// `success` or `failed`.
    pub status: Status,
    /// The expanded template; of a failure nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fragment: Option<Box<RawValue>>,
    /// What is wrong, on one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
}

/// Whether the macro could do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The answer has a fragment.
    Success,
    /// The answer has a message.
    Failed,
}

impl Status {
    /// As it stands in the answer.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failed => "failed",
        }
    }
}

/// The SSM parameters whose values [`respond`] wants, in alphabetical order; none for a request with mistakes.
pub fn needs(request: &[u8]) -> Vec<String> {
    Request::read(request).needs()
}

/// Answers a macro request. `lookups` has what was found under each path of [`needs`].
pub fn respond(request: &[u8], lookups: &Lookups) -> Response {
    Request::read(request).respond(lookups)
}

/// A macro request that is read, once for [`Request::needs`] and [`Request::respond`].
#[derive(Debug)]
pub struct Request {
    request_id: Option<Box<RawValue>>,
    plan: Result<Plan, String>,
}

impl Request {
    /// Reads a request, whatever its bytes are.
    pub fn read(request: &[u8]) -> Self {
        match guarded(|| Read::of(request)) {
            Ok(Read { request_id, input }) => {
                Self { request_id, plan: input.and_then(|input| guarded(|| plan(input))) }
            }
            Err(message) => Self { request_id: None, plan: Err(message) },
        }
    }

    /// Names the managed policy that bounds the roles of products that name none.
    #[must_use]
    pub fn with_permissions_boundary(mut self, policy: Option<String>) -> Self {
        if let Ok(plan) = &mut self.plan {
            plan.set_permissions_boundary(policy);
        }
        self
    }

    /// Refuses products whose SSM paths are outside of those that the suite allows.
    #[must_use]
    pub fn within(self, paths: &ParameterPaths) -> Self {
        Self { plan: self.plan.and_then(|plan| guarded(|| plan.within(paths))), ..self }
    }

    /// The SSM parameters whose values [`Request::respond`] wants, in alphabetical order; none for a request with
    /// mistakes.
    pub fn needs(&self) -> Vec<String> {
        let needs = self.plan.as_ref().map(|plan| guarded(|| plan.needs().into_iter().collect()));
        needs.ok().and_then(Result::ok).unwrap_or_default()
    }

    /// The answer. `lookups` has what was found under each path of [`Request::needs`].
    pub fn respond(self, lookups: &Lookups) -> Response {
        let fragment = self.plan.and_then(|plan| guarded(|| expanded(plan, lookups)).flatten());
        let request_id = self.request_id.unwrap_or_else(|| RawValue::NULL.to_owned());
        match fragment {
            Ok(fragment) => Response {
                request_id,
                status: Status::Success,
                fragment: Some(fragment),
                error_message: None,
            },
            Err(message) => {
                Response { request_id, status: Status::Failed, fragment: None, error_message: Some(message) }
            }
        }
    }
}

/// The work, or the message of the panic that ended it.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let said = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        one_line(&format!("internal error in ML Provisioner (please report it): {said}"))
    })
}

fn expanded(plan: Plan, lookups: &Lookups) -> Result<Box<RawValue>, String> {
    match plan.expand(lookups) {
        Ok(expanded) => Ok(expanded.json().to_owned()),
        Err(Failure::Findings(findings)) => Err(message(findings)),
        Err(Failure::Internal(error)) => Err(one_line(&error.to_string())),
    }
}

/// A request, as far as it can be read.
struct Read {
    request_id: Option<Box<RawValue>>,
    input: Result<Input, String>,
}

impl Read {
    fn of(request: &[u8]) -> Self {
        let fields: IndexMap<String, &RawValue> = match serde_json::from_slice(request) {
            Ok(fields) => fields,
            Err(error) => {
                return Self {
                    request_id: None,
                    input: Err(wrong(&format!("it is no JSON object ({error})"))),
                };
            }
        };
        let request_id = fields.get("requestId").map(|id| (*id).to_owned());
        let input = match fields.get("params").map(|raw| Node::from_json_text(raw.get())) {
            Some(Ok(Node { value: NodeValue::Map(entries), .. })) if !entries.is_empty() => {
                Err("`MLProvisioner` takes no parameters in `Transform`; a product's are its `Properties`"
                    .to_owned())
            }
            _ => input(&fields).map_err(|why| wrong(&why)),
        };
        Self { request_id, input }
    }
}

fn wrong(why: &str) -> String {
    one_line(&format!("this is not a macro request of CloudFormation: {why}"))
}

fn input(fields: &IndexMap<String, &RawValue>) -> Result<Input, String> {
    let text = |name: &str| -> Result<String, String> {
        let field = fields.get(name).ok_or_else(|| format!("`{name}` is missing"))?;
        serde_json::from_str(field.get()).map_err(|_| format!("`{name}` is not text"))
    };
    let node = |name: &str| -> Result<Option<Node>, String> {
        fields
            .get(name)
            .map(|raw| {
                Node::from_json_text(raw.get()).map_err(|error| format!("`{name}` can't be read ({error})"))
            })
            .transpose()
    };
    let parameters = match node("templateParameterValues")?.map(|node| node.value) {
        Some(NodeValue::Map(entries)) => entries.into_iter().map(|entry| (entry.key, entry.value)).collect(),
        None => IndexMap::new(),
        Some(_) => return Err("`templateParameterValues` is not a map".to_owned()),
    };
    Ok(Input {
        fragment: node("fragment")?.ok_or("`fragment` is missing")?,
        parameters,
        account_id: text("accountId")?,
        region: text("region")?,
        permissions_boundary: None,
        loop_order: LoopOrder::After,
        language_extensions: None,
    })
}

/// All errors on one line, the most important first, each with the logical id and the property.
fn message(mut findings: Vec<Finding>) -> String {
    findings.retain(|finding| finding.severity == Severity::Error);
    // Stable: within a rank the order of the template stays.
    findings.sort_by_key(rank);
    findings.dedup();
    let told: Vec<String> = findings.iter().map(told).collect();
    let mut message = String::new();
    for (index, finding) in told.iter().enumerate() {
        let left = told.len() - index;
        let separator = if index == 0 { "" } else { " | " };
        // The tail must fit behind every finding but the last.
        let tail = if left > 1 { format!(" | and {} more", left - 1).len() } else { 0 };
        let length = message.chars().count() + separator.len() + finding.chars().count() + tail;
        if length > MESSAGE && index > 0 {
            let _ = write!(message, " | and {left} more");
            break;
        }
        message.push_str(separator);
        message.push_str(&shortened(finding, MESSAGE - tail));
    }
    message
}

/// What must be mended first.
fn rank(finding: &Finding) -> usize {
    const ORDER: [&[mlp_template::finding::Code]; 5] = [
        &[codes::MAC_REQUEST, codes::MAC_EMBEDDED, codes::TPL_SHAPE, codes::MAC_LOOP],
        &[
            codes::MAC_TYPE,
            codes::MAC_ATTRIBUTE,
            codes::TPL_LOGICAL_ID,
            codes::MAC_PARAMETER,
            codes::MAC_VALUE,
        ],
        &[],
        &[
            codes::MAC_SAME_NAMES,
            codes::MAC_COLLISION,
            codes::MAC_PRIVATE_DNS,
            codes::MAC_METADATA,
            codes::MAC_LOOKUP,
        ],
        &[codes::MAC_REFERENCE],
    ];
    if finding.code == codes::TPL_LIMIT {
        return ORDER.len();
    }
    // What stands nowhere (a rule about the properties) comes third.
    ORDER.iter().position(|codes| codes.contains(&finding.code)).unwrap_or(2)
}

/// `Fraud.Tier: what is wrong; what to do`.
fn told(finding: &Finding) -> String {
    let mut tokens: Vec<String> = pointer::tokens(&finding.path).collect();
    if tokens.len() > 1 && tokens.first().is_some_and(|section| section == "Resources") {
        tokens.remove(0);
        if tokens.get(1).is_some_and(|key| key == "Properties") {
            tokens.remove(1);
        }
    }
    let place = if tokens.is_empty() { String::new() } else { format!("{}: ", tokens.join(".")) };
    let help = finding.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
    one_line(&format!("{place}{}{help}", finding.message))
}

/// CloudFormation shows one line.
fn one_line(text: &str) -> String {
    mlp_template::printable::printable(text).into_owned()
}

/// The beginning of a text of more than so many characters.
pub fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_inside_is_a_message() {
        let message = guarded(|| panic!("line one\nline two")).map(drop);
        assert_eq!(
            message,
            Err("internal error in ML Provisioner (please report it): line one line two".to_owned())
        );
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let findings = (0..50).map(|index| {
            Finding::error(
                codes::MAC_REFERENCE,
                format!("/Outputs/O{index}/Value"),
                "`Fraud` has no `Thing` in tier `starter`",
            )
        });
        let message = message(findings.collect());
        assert!(message.chars().count() <= MESSAGE, "{}", message.len());
        let told = message.matches("Outputs.").count();
        assert!(message.ends_with(&format!(" | and {} more", 50 - told)), "{message}");
        assert!(told > 10, "{told}");
    }

    #[test]
    fn one_endless_finding_is_cut() {
        let message = message(vec![Finding::error(codes::MAC_REFERENCE, "/Outputs/O", "é".repeat(3_000))]);
        assert_eq!(message.chars().count(), MESSAGE);
    }
}
