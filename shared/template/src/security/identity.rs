//! Where the policies of identities stand in a template: what roles, users and groups may do.

use super::statements::{Statement, allowing, each};
use crate::template::{Path, Resource, Template, Value};

/// The properties of a type that hold a policy document.
fn documents(kind: &str) -> &'static [&'static str] {
    match kind {
        "AWS::IAM::ManagedPolicy"
        | "AWS::IAM::Policy"
        | "AWS::IAM::RolePolicy"
        | "AWS::IAM::UserPolicy"
        | "AWS::IAM::GroupPolicy" => &["PolicyDocument"],
        "AWS::SSO::PermissionSet" => &["InlinePolicy"],
        _ => &[],
    }
}

/// Every statement that allows an identity something, with the resource that it stands in.
pub(super) fn statements<'t>(
    template: &'t Template,
    found: &mut dyn FnMut(&'t str, Statement<'t>, &Path<'_>),
) {
    let resources = Path::ROOT.key("Resources");
    for (id, resource) in &template.resources {
        let path = resources.key(id);
        let path = path.key("Properties");
        for name in documents(&resource.kind) {
            if let Some(document) = resource.properties.get(*name) {
                allowing(document, &path.key(name), &mut |statement, path| found(id, statement, path));
            }
        }
        inline(resource, &path, &mut |document, path| {
            allowing(document, path, &mut |statement, path| found(id, statement, path));
        });
    }
}

/// Policies inside of roles, users and groups, and inside of SAM's functions and state machines, where a policy stands
/// without a name.
fn inline<'t>(resource: &'t Resource, path: &Path<'_>, found: &mut dyn FnMut(&'t Value, &Path<'_>)) {
    let named = match resource.kind.as_str() {
        "AWS::IAM::Role" | "AWS::IAM::User" | "AWS::IAM::Group" => true,
        "AWS::Serverless::Function" | "AWS::Serverless::StateMachine" => false,
        _ => return,
    };
    let Some(policies) = resource.properties.get("Policies") else { return };
    each(policies, &path.key("Policies"), &mut |policy, path| match policy {
        Value::Map(entries) if named => {
            if let Some(document) = entries.get("PolicyDocument") {
                found(document, &path.key("PolicyDocument"));
            }
        }
        Value::Map(entries) if entries.contains_key("Statement") => found(policy, path),
        _ => {}
    });
}
