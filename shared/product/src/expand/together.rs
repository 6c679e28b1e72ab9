//! What must be right about all products of a template together.

use std::collections::HashMap;

use indexmap::IndexMap;
use mlp_template::codes;
use mlp_template::finding::Finding;
use mlp_template::template::{Map, Template, Value};
use mlp_template::yaml::{Entry, NodeValue, join};

use super::attributes::Products;
use super::declared::Declared;
use super::loops;
use super::user_template::UserTemplate;
use super::values::{as_text, function, map, to_node};
use crate::config::{Field, VpcIds};

/// Source of the numbers: CloudFormation User Guide, "Understand CloudFormation quotas".
const RESOURCES: usize = 500;
const OUTPUTS: usize = 200;

/// The key of `Metadata` that is the macro's own.
const METADATA: &str = "MLProvisioner";

/// Products that would create the same things twice.
pub(super) fn names(declared: &IndexMap<String, Option<Declared>>, products: &Products) -> Vec<Finding> {
    let all: Vec<(&Declared, &crate::product::Product)> = declared
        .values()
        .flatten()
        .filter_map(|declared| Some((declared, products.get(&declared.id)?.as_ref()?)))
        .collect();
    let mut findings = Vec::new();
    for (index, (later, its)) in all.iter().enumerate() {
        let earlier = || all.iter().take(index).filter(|(other, _)| may_both_exist(other, later));
        if let Some((other, same)) = earlier().find(|(_, other)| {
            other.names.ml_name() == its.names.ml_name()
                || other.names.global_name() == its.names.global_name()
        }) {
            let message = format!(
                "`{}` and `{}` would give their resources the same names: both are `{}`",
                other.id,
                later.id,
                same.names.ml_name()
            );
            let help = "give one of them another `UseCase` or a `Workload`";
            findings.push(at(later, codes::MAC_SAME_NAMES, message, help));
        } else if let (Some(vpc), Some((other, _))) = (
            private(later),
            earlier().find(|(other, _)| private(other).is_some() && private(other) == private(later)),
        ) {
            let message = format!(
                "`{}` and `{}` both want private DNS names in the VPC {vpc}; AWS allows one product there",
                other.id, later.id
            );
            let help = "set `EndpointPrivateDns: false` in `VpcIntegration` of all but one";
            findings.push(at(later, codes::MAC_PRIVATE_DNS, message, help));
        }
    }
    findings
}

/// Products under two different conditions may exist in turn. One without a condition always exists.
fn may_both_exist(one: &Declared, other: &Declared) -> bool {
    match (&one.attributes.condition, &other.attributes.condition) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

fn at(declared: &Declared, code: mlp_template::finding::Code, message: String, help: &str) -> Finding {
    let finding = Finding::error(code, join("/Resources", &declared.id), message).help(help);
    finding.at(declared.node.line, declared.node.column)
}

/// The VPC in which a product's endpoints answer under the services' own names.
fn private(declared: &Declared) -> Option<String> {
    let vpc = declared.config.ml_product.vpc.as_ref().filter(|vpc| vpc.endpoint_private_dns)?;
    Some(match &vpc.ids {
        VpcIds::Direct { vpc: Field::Known(vpc), .. } => format!("`{vpc}`"),
        VpcIds::Direct { vpc: Field::Deferred(vpc), .. } => match function(&vpc.node) {
            Some(("Ref", name)) => format!("`{}`", as_text(name).unwrap_or_default()),
            _ => serde_json::to_string(&vpc.node).unwrap_or_default(),
        },
        VpcIds::ParameterStore { vpc, .. } => format!("of the SSM parameter `{vpc}`"),
    })
}

/// Who has a logical id.
#[derive(Clone, Copy)]
enum Owner<'a> {
    Parameter,
    Resource,
    Product(&'a str),
    /// The key of a `Fn::ForEach`.
    Loop(&'a str),
}

impl Owner<'_> {
    fn told(self, logical_id: &str) -> String {
        match self {
            Self::Parameter => format!("the template parameter `{logical_id}`"),
            Self::Resource => format!("the resource `{logical_id}`"),
            Self::Loop(key) => format!("a resource that `{key}` makes"),
            Self::Product(id) => {
                let own = logical_id.strip_prefix(id).unwrap_or(logical_id);
                format!("`{own}` of the product `{id}`")
            }
        }
    }
}

/// Logical ids that something else has already.
pub(super) fn logical_ids(
    user: &UserTemplate<'_>,
    products: &Products,
    templates: &IndexMap<String, Template>,
) -> Vec<Finding> {
    let mut owners: HashMap<&str, Owner<'_>> = HashMap::new();
    for (section, owner) in [("Parameters", Owner::Parameter), ("Resources", Owner::Resource)] {
        owners.extend(user.names_in(section).into_iter().map(|name| (name, owner)));
    }
    let loops: Vec<(String, &str)> = match user.section("Resources").map(|node| &node.value) {
        Some(NodeValue::Map(entries)) => entries
            .iter()
            .flat_map(|entry| {
                let made = loops::made(&entry.key, &entry.value, user).into_iter();
                made.map(|id| (id, entry.key.as_str()))
            })
            .collect(),
        _ => Vec::new(),
    };
    owners.extend(loops.iter().map(|(id, key)| (id.as_str(), Owner::Loop(key))));
    // The macro takes the product's own id away, so CloudFormation can't notice that a parameter has it too.
    let parameters = user.names_in("Parameters");
    let mut findings: Vec<Finding> =
        products.keys().filter(|id| parameters.contains(&id.as_str())).map(|id| double(id)).collect();
    for (id, template) in templates {
        for made in template.resources.keys() {
            let owner = Owner::Product(id);
            let Some(other) = owners.get(made.as_str()).copied() else {
                owners.insert(made, owner);
                continue;
            };
            let message =
                format!("{} gets the logical id `{made}`, which {} has", owner.told(made), other.told(made));
            let finding = Finding::error(codes::MAC_COLLISION, join("/Resources", id), message);
            findings.push(finding.help("rename one of the two"));
        }
    }
    findings
}

/// A product with the name of a template parameter: a reference to the name could mean either.
fn double(id: &str) -> Finding {
    let (message, help) = mlp_template::check::parameter_and_resource(id);
    Finding::error(codes::TPL_DUPLICATE_ID, join("/Resources", id), message).help(help)
}

/// What CloudFormation refuses because of its size.
pub(super) fn limits(user: &UserTemplate<'_>, templates: &IndexMap<String, Template>) -> Vec<Finding> {
    let own = user
        .names_in("Resources")
        .iter()
        .filter(|name| !templates.contains_key(**name) && !name.starts_with("Fn::"))
        .count();
    let made: usize = templates.values().map(|template| template.resources.len()).sum();
    let mut findings = Vec::new();
    if own + made > RESOURCES && made > 0 {
        let mut each: Vec<String> = templates
            .iter()
            .map(|(id, template)| format!("`{id}` makes {}", template.resources.len()))
            .collect();
        each.push(format!("{own} are the template's own"));
        let message = format!(
            "the template would have {} resources; CloudFormation allows {RESOURCES} ({})",
            own + made,
            each.join(", ")
        );
        let help = "split the template into several stacks";
        findings.push(Finding::error(codes::TPL_LIMIT, "/Resources", message).help(help));
    }
    let outputs = user.names_in("Outputs").len();
    if outputs > OUTPUTS {
        let message = format!("the template has {outputs} outputs; CloudFormation allows {OUTPUTS}");
        findings.push(
            Finding::error(codes::TPL_LIMIT, "/Outputs", message)
                .help("split the template into several stacks"),
        );
    }
    findings
}

/// Who made which products: what the macro writes into `Metadata`.
pub(super) fn made_by(templates: &IndexMap<String, Template>) -> Map {
    if templates.is_empty() {
        return Map::default();
    }
    let mut version = Value::Null;
    let mut products = Map::default();
    for (id, template) in templates {
        if let Some(Value::Map(made)) = template.metadata.get(METADATA) {
            let mut made = made.clone();
            version = made.shift_remove("Version").unwrap_or(version);
            // The stack is the user's.
            made.shift_remove("StackName");
            products.insert(id.clone(), Value::Map(made));
        }
    }
    let made = Value::map([("Version", version), ("Products", Value::Map(products))]);
    Map::from_iter([(METADATA.to_owned(), made)])
}

/// Writes it there, and refuses a template that says it itself.
pub(super) fn metadata(sections: &mut Vec<Entry>, made: &Map) -> Vec<Finding> {
    let Some(made) = made.get(METADATA) else { return Vec::new() };
    let own = |value| Entry { key: METADATA.to_owned(), line: 0, column: 0, value };
    let Some(section) = sections.iter_mut().find(|section| section.key == "Metadata") else {
        let first = ["Parameters", "Mappings", "Rules", "Conditions", "Resources", "Outputs"];
        let index = sections.iter().position(|section| first.contains(&section.key.as_str()));
        let metadata = map([(METADATA.to_owned(), to_node(made))]);
        let section = Entry { key: "Metadata".to_owned(), ..own(metadata) };
        sections.insert(index.unwrap_or(sections.len()), section);
        return Vec::new();
    };
    let NodeValue::Map(entries) = &mut section.value.value else {
        return vec![Finding::error(codes::TPL_SHAPE, "/Metadata", "`Metadata` is not a map")];
    };
    if let Some(there) = entries.iter().find(|entry| entry.key == METADATA) {
        let message = format!("`Metadata` has `{METADATA}`, which the macro writes");
        let finding = Finding::error(codes::MAC_METADATA, join("/Metadata", METADATA), message);
        return vec![finding.help("remove it from the template").at(there.line, there.column)];
    }
    entries.push(own(to_node(made)));
    Vec::new()
}
