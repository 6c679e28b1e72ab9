//! The resources that a product becomes.

use std::collections::BTreeSet;

use mlp_template::error::InternalError;
use mlp_template::template::references::{self, Reference};
use mlp_template::template::{Resource, Template, Value};

use super::declared::Attributes;
use crate::generate;
use crate::product::Product;

/// The template of a product whose resources have the attributes that the user gives the product.
pub(super) fn template(attributes: &Attributes, product: &Product) -> Result<Template, InternalError> {
    let mut template = generate::template(product)?;
    let first = if attributes.depends_on.is_empty() { Vec::new() } else { first(&template) };
    let deletion = attributes.deletion_policy.as_ref().map(Value::from_node);
    let replacement = attributes.update_replace_policy.as_ref().map(Value::from_node);
    let metadata = attributes.metadata.as_ref().map(Value::from_node);
    for (id, resource) in &mut template.resources {
        resource.condition.clone_from(&attributes.condition);
        if first.contains(id) {
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
    }
    Ok(template)
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
