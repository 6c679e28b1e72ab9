//! Template values as people read them: references replaced by what they will be in this product's account and region.

use std::collections::BTreeMap;

use mlp_template::template::{Function, Map, SubPart, Template, Value};

use crate::generate::HAS_BOUNDARY;
use crate::names;
use crate::product::{BOUNDARY_PARAMETER, Product};
use crate::suite::Suite;

/// What stands behind the references of one product's template.
pub(super) struct Resolver<'a> {
    product: &'a Product,
    /// Logical id to physical name, for resources that have one.
    names: BTreeMap<&'a str, String>,
    /// The policy that the suite passes as the template parameter `PermissionsBoundary`.
    boundary: String,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(product: &'a Product, template: &'a Template, suite: &Suite) -> Self {
        let mut names = BTreeMap::new();
        for (id, resource) in &template.resources {
            let property = names::rule(&resource.kind).map_or("Name", |rule| rule.property);
            if let Some(name) = resource.properties.get(property).and_then(Value::as_str) {
                names.insert(id.as_str(), name.to_owned());
            }
        }
        Self { product, names, boundary: suite.boundary_for(product) }
    }

    /// The physical name that a resource gets.
    pub(super) fn name(&self, id: &str) -> Option<&str> {
        self.names.get(id).map(String::as_str)
    }

    /// Whether something refers to a resource: by function, or by its physical name as a text of its own.
    pub(super) fn mentions(&self, value: &Value, id: &str) -> bool {
        match value {
            Value::Str(text) => self.name(id) == Some(text),
            Value::Ref(name) | Value::GetAtt(name, _) => name == id,
            Value::Sub(sub) => sub.parts.iter().any(|part| match part {
                SubPart::Ref(name) | SubPart::GetAtt(name, _) => name == id,
                SubPart::Text(_) => false,
            }),
            Value::List(items) => items.iter().any(|item| self.mentions(item, id)),
            Value::Map(map) => map.values().any(|value| self.mentions(value, id)),
            Value::Call(_, argument) => self.mentions(argument, id),
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Number(_) => false,
        }
    }

    /// A value in one line; what only a deployment can tell stays `${Id.Attribute}`.
    pub(super) fn text(&self, value: &Value) -> String {
        match value {
            Value::Str(text) | Value::Number(text) => text.clone(),
            Value::Ref(name) => self.reference(name),
            Value::GetAtt(id, attribute) => self.attribute(id, attribute),
            Value::Sub(sub) => sub
                .parts
                .iter()
                .map(|part| match part {
                    SubPart::Text(text) => text.clone(),
                    SubPart::Ref(name) => match sub.variables.get(name) {
                        Some(value) => self.text(value),
                        None => self.reference(name),
                    },
                    SubPart::GetAtt(id, attribute) => self.attribute(id, attribute),
                })
                .collect(),
            Value::Call(Function::Join, argument) => match argument.as_ref() {
                Value::List(parts) => match parts.as_slice() {
                    [delimiter, Value::List(items)] => {
                        let items: Vec<_> = items.iter().map(|item| self.text(item)).collect();
                        items.join(&self.text(delimiter))
                    }
                    _ => value.to_json().to_string(),
                },
                _ => value.to_json().to_string(),
            },
            Value::Call(Function::If, argument) => match argument.as_ref() {
                // The suite always passes a boundary.
                Value::List(parts) if parts.first().and_then(Value::as_str) == Some(HAS_BOUNDARY) => {
                    parts.get(1).map_or_else(String::new, |value| self.text(value))
                }
                _ => value.to_json().to_string(),
            },
            other => other.to_json().to_string(),
        }
    }

    /// One text an item; a single value counts as a list of one, as in IAM's policy language.
    pub(super) fn list(&self, value: &Value) -> Vec<String> {
        match value {
            Value::List(items) => items.iter().map(|item| self.text(item)).collect(),
            single => vec![self.text(single)],
        }
    }

    fn reference(&self, name: &str) -> String {
        let region = &self.product.region;
        match name {
            "AWS::Partition" => region.partition().to_owned(),
            "AWS::Region" => region.as_str().to_owned(),
            "AWS::AccountId" => self.product.account_id.as_str().to_owned(),
            "AWS::URLSuffix" => region.dns_suffix().to_owned(),
            "AWS::StackName" => self.product.names.stack(),
            BOUNDARY_PARAMETER => self.boundary.clone(),
            id => self.name(id).map_or_else(|| format!("${{{id}}}"), str::to_owned),
        }
    }

    fn attribute(&self, id: &str, attribute: &str) -> String {
        match (attribute, self.name(id)) {
            ("Name", Some(name)) => name.to_owned(),
            _ => format!("${{{id}.{attribute}}}"),
        }
    }
}

/// The value at a path of keys.
pub(super) fn at<'v>(map: &'v Map, path: &[&str]) -> Option<&'v Value> {
    let (first, rest) = path.split_first()?;
    let value = map.get(*first)?;
    match (rest, value) {
        ([], value) => Some(value),
        (rest, Value::Map(inner)) => at(inner, rest),
        _ => None,
    }
}

/// The items of a list; of anything else, nothing.
pub(super) fn items(value: Option<&Value>) -> &[Value] {
    match value {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}

/// The maps of a list of maps.
pub(super) fn maps(value: Option<&Value>) -> impl Iterator<Item = &Map> {
    items(value).iter().filter_map(|item| match item {
        Value::Map(map) => Some(map),
        _ => None,
    })
}

/// The resource that a value names by `Ref`, `Fn::GetAtt` or as the only reference to a resource in a `Fn::Sub`.
pub(super) fn resource<'v>(value: &'v Value, template: &Template) -> Option<&'v str> {
    let known = |name: &&str| template.resources.contains_key(*name);
    match value {
        Value::Ref(name) | Value::GetAtt(name, _) => Some(name.as_str()).filter(known),
        Value::Sub(sub) => sub.parts.iter().find_map(|part| match part {
            SubPart::Ref(name) | SubPart::GetAtt(name, _) => Some(name.as_str()).filter(known),
            SubPart::Text(_) => None,
        }),
        _ => None,
    }
}
