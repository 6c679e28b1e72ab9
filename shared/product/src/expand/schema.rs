//! The resource schema of the macro's type, for cfn-lint and editors: made from the config's schemas and the tier files.

use mlp_template::error::InternalError;
use serde_json::{Map, Value, json};

use super::{TYPE, referenceable};
use crate::config::properties::{self, Kind, Property};
use crate::config::{Tier, rules};

/// The resource provider schema of `MLProvisioner::MLOps::MLProduct`.
///
/// It says what can be said without looking into functions: names, shapes, choices, what is required in which tier, and
/// what `Fn::GetAtt` gives. `mlp expand` finds the rest.
///
/// # Errors
///
/// When a tier file is broken.
pub fn resource_schema() -> Result<Value, InternalError> {
    let mut schema = json!({
        "typeName": TYPE,
        "description": "An ML product: model registry, pipelines, roles and, by tier, monitoring, encryption and VPC endpoints. Expanded by the CloudFormation macro MLProvisioner.",
        "additionalProperties": false,
        "primaryIdentifier": ["/properties/MlName"],
        "required": required(properties::properties()),
        "properties": described(properties::properties()),
    });
    if let Some(Value::Object(all)) = schema.get_mut("properties") {
        let boundary = json!({ "type": "string", "description": properties::BOUNDARY_DESCRIPTION });
        all.insert(properties::BOUNDARY_PROPERTY.to_owned(), boundary);
    }
    let mut attributes = Map::default();
    let mut read_only = Vec::new();
    for attribute in referenceable()? {
        read_only.push(json!(format!("/properties/{}", attribute.name.replace('.', "/"))));
        let described = json!({ "type": "string", "description": attribute.purpose });
        match attribute.name.split_once('.') {
            Some((resource, name)) => {
                if let Some(Value::Object(inner)) =
                    attributes.get_mut(resource).and_then(|it| it.get_mut("properties"))
                {
                    inner.insert(name.to_owned(), described);
                }
            }
            None if attribute.published => {
                attributes.insert(attribute.name, described);
            }
            None => {
                // A resource: `Ref` of it is text, and its attributes stand behind a dot.
                let resource = json!({
                    "type": ["string", "object"], "description": attribute.purpose, "properties": {},
                });
                attributes.insert(attribute.name, resource);
            }
        }
    }
    if let Value::Object(schema) = &mut schema {
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            properties.extend(attributes);
        }
        schema.insert("readOnlyProperties".to_owned(), read_only.into());
        schema.insert("allOf".to_owned(), conditions().into());
    }
    Ok(schema)
}

fn required(properties: &[Property]) -> Vec<&str> {
    properties.iter().filter(|property| property.required).map(|property| property.name.as_str()).collect()
}

fn described(properties: &[Property]) -> Map<String, Value> {
    properties.iter().map(|property| (property.name.clone(), of(property))).collect()
}

fn of(property: &Property) -> Value {
    let mut schema = plain(&property.schema);
    if let Value::Object(keywords) = &mut schema {
        keywords.insert("description".to_owned(), property.description().into());
        if super::lookups::is_path(&property.pointer) {
            // Also the value that the path would lead to.
            keywords.remove("pattern");
        }
    }
    if let (Kind::Block(inner), Value::Object(keywords)) = (&property.kind, &mut schema) {
        keywords.insert("properties".to_owned(), described(inner).into());
        keywords.insert("required".to_owned(), required(inner).into());
    }
    schema
}

/// What holds in one tier or with one choice only.
fn conditions() -> Vec<Value> {
    let mut all = Vec::new();
    if let Some(block) = rules("/ml_product") {
        let keywords = ["if", "then"].map(|keyword| (keyword, block.get(keyword).map(plain)));
        if let [(_, Some(when)), (_, Some(then))] = keywords {
            all.push(json!({ "if": when, "then": then }));
        }
    }
    for tier in Tier::ALL {
        let Some(Value::Object(mut then)) = rules(tier.as_str()).as_ref().map(plain) else { continue };
        if let Some(Value::Object(properties)) = then.get_mut("properties") {
            // What the tier says of a property's type is said where the property is described.
            properties.retain(|_, schema| schema.get("const").is_none() && schema.get("type").is_none());
        }
        let when = json!({ "required": ["Tier"], "properties": { "Tier": { "const": tier.as_str() } } });
        all.push(json!({ "if": when, "then": then }));
    }
    all
}

/// A schema without keywords of ours and with the properties' names for the config's keys.
fn plain(schema: &Value) -> Value {
    match schema {
        Value::Object(keywords) => keywords
            .iter()
            .filter(|(keyword, _)| {
                !keyword.starts_with("x-") && !["examples", "title", "$comment"].contains(&keyword.as_str())
            })
            .map(|(keyword, value)| {
                let value = match (keyword.as_str(), value) {
                    ("properties", Value::Object(fields)) => {
                        fields.iter().map(|(key, field)| (properties::name(key), plain(field))).collect()
                    }
                    ("required", Value::Array(keys)) => keys
                        .iter()
                        .filter_map(Value::as_str)
                        .map(|key| Value::from(properties::name(key)))
                        .collect(),
                    ("description", Value::String(text)) => Value::from(properties::words(text)),
                    _ => plain(value),
                };
                (keyword.clone(), value)
            })
            .collect(),
        Value::Array(values) => values.iter().map(plain).collect(),
        other => other.clone(),
    }
}
