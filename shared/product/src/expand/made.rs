//! The resources that a product becomes.

use std::collections::{BTreeMap, BTreeSet};

use mlp_template::error::InternalError;
use mlp_template::template::references::{self, Reference};
use mlp_template::template::{Map, Resource, Template, Value};
use mlp_template::yaml::Node;

use super::declared::Declared;
use crate::config::properties::BOUNDARY_POINTER;
use crate::generate;
use crate::product::{Inputs, Product, RoleBoundary};

/// Stands in front of every name that came from the user while the product is generated, so that a template parameter of
/// the user's that is called like one of the product's own resources is not taken for it.
const OUTSIDE: char = '\u{1}';

/// A value from the user's template.
fn from_outside(node: &Node) -> Value {
    let mut value = Value::from_node(node);
    // Nothing of the product is called like a pseudo parameter.
    let mark =
        |name: &str| if name.starts_with("AWS::") { name.to_owned() } else { format!("{OUTSIDE}{name}") };
    references::rewrite(&mut value, &mut |reference| match reference {
        Reference::Name { name, .. } => Some(Value::Ref(mark(name))),
        Reference::Attribute { name, attribute: Some(attribute), .. } => {
            Some(Value::GetAtt(mark(name), attribute.to_owned()))
        }
        _ => None,
    });
    value
}

/// Puts what CloudFormation resolves later into the places that were kept for it.
pub(super) fn put_passed(passed: &BTreeMap<String, Node>, inputs: &mut Inputs) {
    for (pointer, node) in passed {
        let value = from_outside(node);
        let (field, index) = match pointer.rsplit_once('/') {
            Some((list, index)) if index.bytes().all(|byte| byte.is_ascii_digit()) => {
                (list, index.parse().ok())
            }
            _ => (pointer.as_str(), None),
        };
        if let Some(tag) = pointer.strip_prefix("/tags/") {
            inputs.tags.insert(tag.replace("~1", "/").replace("~0", "~"), value);
            continue;
        }
        if pointer == BOUNDARY_POINTER {
            inputs.permissions_boundary = RoleBoundary::Policy(value);
            continue;
        }
        let place = match (field, &mut inputs.vpc) {
            ("/ml_product/alerts_email", _) => inputs.alerts_email.as_mut(),
            ("/ml_product/source_kms_key_arn", _) => inputs.source_key.as_mut(),
            ("/ml_product/data_lake", _) => inputs.data_lake_bucket.as_mut(),
            ("/ml_product/data_lake_kms_key_arn", _) => inputs.data_lake_key.as_mut(),
            ("/ml_product/load_balancer", _) => inputs.load_balancer_arn.as_mut(),
            ("/ml_product/vpc_integration/vpc_id", Some(vpc)) => Some(&mut vpc.vpc_id),
            ("/ml_product/vpc_integration/subnet_ids", Some(vpc)) => Some(&mut vpc.subnet_ids),
            ("/ml_product/vpc_integration/security_group_id", Some(vpc)) => vpc.security_group_id.as_mut(),
            ("/ml_product/vpc_integration/route_table_ids", Some(vpc)) => vpc.route_table_ids.as_mut(),
            _ => None,
        };
        match (place, index) {
            (Some(Value::List(items)), Some(index)) => {
                if let Some(item) = items.get_mut::<usize>(index) {
                    *item = value;
                }
            }
            (Some(place), None) => *place = value,
            // What has no effect in this tier or scenario has no place either.
            _ => {}
        }
    }
}

/// The template of a product, with the logical ids that it has in the user's template.
pub(super) fn template(declared: &Declared, product: &Product) -> Result<Template, InternalError> {
    let mut template = generate::template(product)?;
    let first = if declared.attributes.depends_on.is_empty() { Vec::new() } else { first(&template) };
    let attributes = &declared.attributes;
    let deletion = attributes.deletion_policy.as_ref().map(Value::from_node);
    let replacement = attributes.update_replace_policy.as_ref().map(Value::from_node);
    let metadata = attributes.metadata.as_ref().map(Value::from_node);
    let id = &declared.id;
    template.resources = template
        .resources
        .into_iter()
        .map(|(own, mut resource)| {
            rename(&mut resource.properties, id, product);
            resource.condition.clone_from(&attributes.condition);
            if first.contains(&own) {
                resource.depends_on.clone_from(&attributes.depends_on);
            }
            if deletion.is_some() {
                resource.deletion_policy.clone_from(&deletion);
            }
            if replacement.is_some() {
                resource.update_replace_policy.clone_from(&replacement);
            }
            if let Some(Value::Map(entries)) = &metadata {
                let own = std::mem::replace(&mut resource.metadata, entries.clone());
                // What the generator says of a resource stays: a justification that checks and reviewers look for.
                resource.metadata.extend(own);
            }
            (format!("{id}{own}"), resource)
        })
        .collect();
    Ok(template)
}

/// Gives the product's own names the product's logical id in front, and the user's names back to them.
fn rename(properties: &mut Map, id: &str, product: &Product) {
    let renamed = |name: &str| {
        name.strip_prefix(OUTSIDE)
            .map(str::to_owned)
            .or_else(|| product.has(name).then(|| format!("{id}{name}")))
    };
    for value in properties.values_mut() {
        references::rewrite(value, &mut |reference| match reference {
            Reference::Name { name, .. } => renamed(name).map(Value::Ref),
            Reference::Attribute { name, attribute: Some(attribute), .. } => {
                renamed(name).map(|name| Value::GetAtt(name, attribute.to_owned()))
            }
            _ => None,
        });
    }
}

/// The resources that wait for no other of the template: all others wait for them.
fn first(template: &Template) -> Vec<String> {
    let edges = edges(template);
    let waits = |id: &&String| !edges.iter().any(|(from, _)| *from == id.as_str());
    template.resources.keys().filter(waits).cloned().collect()
}

/// The resources for which no other of the template waits.
pub(super) fn last(template: &Template) -> Vec<String> {
    let edges = edges(template);
    let awaited = |id: &&String| !edges.iter().any(|(_, to)| *to == id.as_str());
    template.resources.keys().filter(awaited).cloned().collect()
}

/// Which resource refers to which.
fn edges(template: &Template) -> BTreeSet<(&str, &str)> {
    let mut edges = BTreeSet::new();
    for (id, resource) in &template.resources {
        references_of(resource, &mut |name| {
            if let Some((to, _)) = template.resources.get_key_value(name)
                && to != id
            {
                edges.insert((id.as_str(), to.as_str()));
            }
        });
    }
    edges
}

fn references_of(resource: &Resource, found: &mut impl FnMut(&str)) {
    for value in resource.properties.values() {
        references::visit(value, &mlp_template::template::Path::ROOT, &mut |reference, _| match reference {
            Reference::Name { name, .. } | Reference::Attribute { name, .. } => found(name),
            _ => {}
        });
    }
}
