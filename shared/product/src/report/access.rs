//! Who may do what: roles, policies and resource policies, read from the template.

use mlp_template::error::InternalError;
use mlp_template::template::{Map, Resource, Template, Value};

use super::resolve::{Resolver, maps, resource};
use crate::outcome::OutputKind;
use crate::policy;
use crate::product::Product;
use crate::suite::Suite;

/// The section's content.
pub(super) struct Access {
    pub(super) roles: Vec<Role>,
    pub(super) policies: Vec<Policy>,
    /// Policies that stand on a resource, such as a key's.
    pub(super) on_resources: Vec<Policy>,
    /// What whoever deploys needs.
    pub(super) operator: Operator,
}

impl Access {
    /// Whether the page shows a policy of this logical ID.
    pub(super) fn has_policy(&self, id: &str) -> bool {
        self.policies.iter().any(|policy| policy.id == id)
    }
}

/// The operator's policy, which stands in a file of its own beside the report.
pub(super) struct Operator {
    pub(super) statements: Vec<Statement>,
    /// The policy as IAM takes it: one document, or two.
    pub(super) documents: Vec<Document>,
}

/// A policy document: its JSON, and where the same is stored.
pub(super) struct Document {
    pub(super) path: String,
    pub(super) json: String,
    pub(super) size: usize,
}

pub(super) struct Role {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) trust: Vec<Statement>,
    pub(super) attached: Vec<Attached>,
    pub(super) boundary: Option<Attached>,
}

/// A policy as a role names it.
pub(super) struct Attached {
    /// The logical id, or the name of AWS's policy.
    pub(super) name: String,
    /// Whether AWS keeps it.
    pub(super) aws: bool,
}

pub(super) struct Policy {
    pub(super) id: String,
    pub(super) name: String,
    /// The roles that have it.
    pub(super) used_by: Vec<String>,
    pub(super) statements: Vec<Statement>,
}

/// A statement of a policy, as text.
pub(super) struct Statement {
    pub(super) sid: String,
    /// What it is for, where that is known.
    pub(super) purpose: String,
    pub(super) deny: bool,
    pub(super) principals: Vec<String>,
    pub(super) actions: Vec<String>,
    pub(super) resources: Vec<String>,
    pub(super) conditions: Vec<String>,
    /// Whether it is for every resource (`*`).
    pub(super) wide: bool,
}

pub(super) fn access(
    product: &Product,
    template: &Template,
    resolver: &Resolver<'_>,
    suite: &Suite,
) -> Result<Access, InternalError> {
    let of = |kind: &'static str| template.resources.iter().filter(move |(_, it)| it.kind == kind);
    let roles: Vec<Role> =
        of("AWS::IAM::Role").map(|(id, resource)| role(id, resource, template, resolver)).collect();
    let policies = of("AWS::IAM::ManagedPolicy")
        .map(|(id, it)| {
            let uses = |attached: &Attached| attached.name == *id;
            Policy {
                id: id.clone(),
                name: resolver.name(id).unwrap_or_default().to_owned(),
                used_by: roles
                    .iter()
                    .filter(|role| role.attached.iter().chain(&role.boundary).any(uses))
                    .map(|role| role.id.clone())
                    .collect(),
                statements: statements(it.properties.get("PolicyDocument"), resolver),
            }
        })
        .collect();
    let on_resources = template
        .resources
        .iter()
        .filter(|(_, it)| !it.kind.starts_with("AWS::IAM::"))
        .filter_map(|(id, it)| {
            let document = ["KeyPolicy", "PolicyDocument"].iter().find_map(|key| it.properties.get(*key))?;
            Some(Policy {
                id: id.clone(),
                name: it.kind.clone(),
                used_by: Vec::new(),
                statements: statements(Some(document), resolver),
            })
        })
        .collect();
    Ok(Access { roles, policies, on_resources, operator: operator(product, suite)? })
}

fn operator(product: &Product, suite: &Suite) -> Result<Operator, InternalError> {
    let policy = policy::operator(product, suite)?;
    let statements = policy.statements.iter().map(|statement| Statement {
        sid: statement.sid.clone(),
        purpose: statement.purpose.clone(),
        deny: false,
        principals: Vec::new(),
        actions: statement.actions.clone(),
        wide: statement.resources.iter().any(|resource| resource == "*"),
        resources: statement.resources.clone(),
        conditions: said(&statement.conditions),
    });
    let kinds = [OutputKind::Policy, OutputKind::Policy2, OutputKind::Policy3];
    let documents = policy.documents().into_iter().zip(kinds).map(|(document, kind)| Document {
        path: kind.path(product.names.ml_name(), &product.scenario),
        json: document.to_json(),
        size: document.size(),
    });
    Ok(Operator { statements: statements.collect(), documents: documents.collect() })
}

/// Conditions in words, one a key.
fn said(conditions: &policy::Conditions) -> Vec<String> {
    let keys = |(operator, keys): (&String, &indexmap::IndexMap<String, Vec<String>>)| {
        let said =
            |(key, values): (&String, &Vec<String>)| format!("{operator} {key}: {}", values.join(" or "));
        keys.iter().map(said).collect::<Vec<_>>()
    };
    conditions.iter().flat_map(keys).collect()
}

fn role(id: &str, role: &Resource, template: &Template, resolver: &Resolver<'_>) -> Role {
    let attached = |value: &Value| attached(value, template, resolver);
    Role {
        id: id.to_owned(),
        name: resolver.name(id).unwrap_or_default().to_owned(),
        trust: statements(role.properties.get("AssumeRolePolicyDocument"), resolver),
        attached: super::resolve::items(role.properties.get("ManagedPolicyArns"))
            .iter()
            .map(attached)
            .collect(),
        boundary: role.properties.get("PermissionsBoundary").map(attached),
    }
}

fn attached(value: &Value, template: &Template, resolver: &Resolver<'_>) -> Attached {
    if let Some(id) = resource(value, template) {
        return Attached { name: id.to_owned(), aws: false };
    }
    let arn = resolver.text(value);
    let name = arn.split_once(":policy/").map_or(arn.as_str(), |(_, name)| name);
    Attached { name: name.to_owned(), aws: arn.contains(":iam::aws:") }
}

/// The statements of a policy document.
fn statements(document: Option<&Value>, resolver: &Resolver<'_>) -> Vec<Statement> {
    let Some(Value::Map(document)) = document else { return Vec::new() };
    match document.get("Statement") {
        Some(Value::Map(single)) => vec![statement(single, resolver)],
        list => maps(list).map(|entry| statement(entry, resolver)).collect(),
    }
}

fn statement(entry: &Map, resolver: &Resolver<'_>) -> Statement {
    let list = |keys: [&str; 2]| {
        let [key, inverse] = keys;
        match (entry.get(key), entry.get(inverse)) {
            (Some(value), _) => resolver.list(value),
            (None, Some(value)) => vec![format!("everything but {}", resolver.list(value).join(", "))],
            (None, None) => Vec::new(),
        }
    };
    let resources = list(["Resource", "NotResource"]);
    Statement {
        purpose: String::new(),
        sid: entry.get("Sid").map(|sid| resolver.text(sid)).unwrap_or_default(),
        deny: entry.get("Effect").and_then(Value::as_str) == Some("Deny"),
        principals: entry.get("Principal").map(|who| principals(who, resolver)).unwrap_or_default(),
        actions: list(["Action", "NotAction"]),
        wide: resources.iter().any(|resource| resource == "*"),
        resources,
        conditions: conditions(entry.get("Condition"), resolver),
    }
}

fn principals(value: &Value, resolver: &Resolver<'_>) -> Vec<String> {
    match value {
        Value::Map(kinds) => kinds.values().flat_map(|who| resolver.list(who)).collect(),
        other => resolver.list(other),
    }
}

/// `aws:SourceAccount = 123456789012 (StringEquals)`, one a key.
fn conditions(value: Option<&Value>, resolver: &Resolver<'_>) -> Vec<String> {
    let Some(Value::Map(operators)) = value else { return Vec::new() };
    let mut conditions = Vec::new();
    for (operator, keys) in operators {
        if let Value::Map(keys) = keys {
            for (key, wanted) in keys {
                conditions.push(format!("{operator} {key}: {}", resolver.list(wanted).join(" or ")));
            }
        }
    }
    conditions
}
