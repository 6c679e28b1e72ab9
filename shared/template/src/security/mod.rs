//! What makes a template unsafe: checks on the finished template, before it is stored or expanded.
//!
//! What a rule language can say stands in `schemas/security/*.guard` and is evaluated in process by AWS's own crate;
//! what it can't is Rust, one file a concern. An organisation's rules ([`Rules`]) are enforced beside the built-in ones
//! and their findings come out in the same list.
//!
//! A check says only what it can prove. A value that CloudFormation computes later (`Ref` to a parameter, `Fn::GetAtt`,
//! `Fn::ImportValue`) is unknown and no finding; both branches of a `Fn::If` are looked at.
//!
//! Out of scope on purpose: flow logs, application security groups, databases, load balancers, instances, and the
//! settings of an account.

mod catalogue;
mod guard;
mod identity;
mod inspection;
mod organisation;
mod policies;
mod resource_access;
pub mod secrets;
mod statements;
mod tags;

pub(crate) use catalogue::title;
pub use catalogue::{Check, checks};
pub use organisation::{RULE_FILE_LIMIT, RULE_FILES_LIMIT, RuleFile, RuleFileKind, Rules};

use crate::finding::{self, Finding};
use crate::template::Template;
use crate::yaml::Document;
use inspection::Inspection;

/// Every finding on a template: the built-in checks', the organisation's, and those on the organisation's rule files
/// themselves, sorted. With the `document` that the template was read from they have lines and columns.
///
/// ```
/// # use mlp_template::security::{self, Rules};
/// # use mlp_template::template::{Resource, Template, Value, map};
/// let group = Resource {
///     kind: "AWS::EC2::SecurityGroup".into(),
///     properties: map([("SecurityGroupIngress", Value::list([Value::map([
///         ("CidrIp", Value::str("0.0.0.0/0")),
///         ("IpProtocol", Value::str("tcp")),
///         ("FromPort", Value::Int(22)),
///         ("ToPort", Value::Int(22)),
///     ])]))]),
///     ..Resource::default()
/// };
/// let template = Template { resources: [("Group".into(), group)].into(), ..Template::default() };
/// let findings = security::check(&template, None, &Rules::none());
/// let codes: Vec<_> = findings.iter().map(|finding| finding.code.as_str()).collect();
/// assert_eq!(codes, ["MLP-TAG-001", "MLP-NET-001"]);
/// assert_eq!(findings[1].logical_id.as_deref(), Some("Group"));
/// ```
pub fn check(template: &Template, document: Option<&Document>, rules: &Rules) -> Vec<Finding> {
    let mut inspection = Inspection::new(template, document);
    guard::built_in(&mut inspection);
    policies::check(&mut inspection);
    resource_access::check(&mut inspection);
    tags::check(&mut inspection);
    secrets::check(&mut inspection);
    rules.check(&mut inspection);
    let mut findings = inspection.into_findings();
    finding::sort(&mut findings);
    findings
}
