//! The cut of a template that the built-in rules see.

use std::collections::BTreeSet;

use serde_json::{Map as Object, Value as Json};

use crate::template::{Function, Map, Resource, Template, Value};

/// What stands for a value that CloudFormation will compute. Rules name it, so it never changes.
const UNKNOWN: &str = "(unknown)";

/// Which branch of every `Fn::If` is taken.
#[derive(Clone, Copy)]
enum Branch {
    Then,
    Else,
}

/// The cut as JSON texts: one, or two when a value hangs on a condition.
pub(super) fn cuts(template: &Template, types: &BTreeSet<&str>) -> Vec<String> {
    let resources: Vec<(&String, &Resource)> =
        template.resources.iter().filter(|(_, resource)| types.contains(resource.kind.as_str())).collect();
    if resources.is_empty() {
        // Guard fails a query that finds nothing to begin with.
        return Vec::new();
    }
    let cut = |branch| {
        let resources: Object<String, Json> =
            resources.iter().map(|(id, resource)| ((*id).clone(), whole(resource, branch))).collect();
        Json::Object(Object::from_iter([("Resources".to_owned(), Json::Object(resources))])).to_string()
    };
    let conditional = resources.iter().any(|(_, resource)| {
        resource.properties.values().chain(resource.metadata.values()).any(has_condition)
    });
    if conditional { vec![cut(Branch::Then), cut(Branch::Else)] } else { vec![cut(Branch::Then)] }
}

fn has_condition(value: &Value) -> bool {
    match value {
        Value::Call(Function::If, _) => true,
        Value::List(values) => values.iter().any(has_condition),
        Value::Map(entries) => entries.values().any(has_condition),
        _ => false,
    }
}

fn whole(resource: &Resource, branch: Branch) -> Json {
    Json::Object(Object::from_iter([
        ("Type".to_owned(), Json::String(resource.kind.clone())),
        ("Metadata".to_owned(), object(&resource.metadata, branch)),
        ("Properties".to_owned(), object(&resource.properties, branch)),
    ]))
}

fn object(entries: &Map, branch: Branch) -> Json {
    let known = |(key, value): (&String, &Value)| Some((key.clone(), json(key, value, branch)?));
    Json::Object(entries.iter().filter_map(known).collect())
}

/// The value as far as it is known; nothing for `AWS::NoValue`.
fn json(key: &str, value: &Value, branch: Branch) -> Option<Json> {
    Some(match value {
        Value::Null => Json::Null,
        Value::Bool(_) | Value::Int(_) | Value::Number(_) => value.to_json(),
        Value::Str(text) => scalar(key, text),
        Value::List(values) => {
            Json::Array(values.iter().filter_map(|value| json(key, value, branch)).collect())
        }
        Value::Map(entries) => object(entries, branch),
        Value::Ref(name) if name == "AWS::NoValue" => return None,
        Value::Call(Function::If, argument) => {
            let index = match branch {
                Branch::Then => 1,
                Branch::Else => 2,
            };
            match argument.as_ref() {
                Value::List(parts) => return json(key, parts.get(index)?, branch),
                _ => Json::String(UNKNOWN.to_owned()),
            }
        }
        Value::Ref(_) | Value::GetAtt(..) | Value::Sub(_) | Value::Call(..) => {
            Json::String(UNKNOWN.to_owned())
        }
    })
}

/// CloudFormation takes `"true"` for `true` and `"22"` for `22`; Guard doesn't.
fn scalar(key: &str, text: &str) -> Json {
    let counts = key.ends_with("Port") || key.ends_with("Days");
    match text {
        "true" => Json::Bool(true),
        "false" => Json::Bool(false),
        _ => counts
            .then(|| text.parse::<i64>().ok())
            .flatten()
            .map_or_else(|| Json::String(text.to_owned()), Json::from),
    }
}
