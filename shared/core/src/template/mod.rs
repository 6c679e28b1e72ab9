//! A CloudFormation template as types: sections in CloudFormation's order, resources in reading order.

mod emit;
mod value;

use indexmap::IndexMap;

pub use value::{Function, Map, Sub, SubPart, Value, map};

/// A template.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Template {
    /// At most 1,024 bytes.
    pub description: Option<String>,
    /// Free-form; ours says which product and generator made the template.
    pub metadata: Map,
    /// At most 200.
    pub parameters: IndexMap<String, Parameter>,
    /// `Mappings`, kept as they are.
    pub mappings: Map,
    /// `Conditions`: name to condition.
    pub conditions: Map,
    /// `Rules`, kept as they are.
    pub rules: Map,
    /// `Transform`: names of macros, kept as written.
    pub transform: Option<Value>,
    /// At most 500.
    pub resources: IndexMap<String, Resource>,
    /// At most 200.
    pub outputs: IndexMap<String, Output>,
}

/// A template parameter: its `Type` and everything else as written.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Such as `String` or `AWS::SSM::Parameter::Value<String>`.
    pub kind: String,
    /// `Default`, `Description`, `AllowedValues`, ...
    pub attributes: Map,
}

/// A resource.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resource {
    /// A line above the resource that says what it is for.
    pub comment: Option<String>,
    /// Such as `AWS::S3::Bucket`.
    pub kind: String,
    /// `Condition`.
    pub condition: Option<String>,
    /// `DependsOn`.
    pub depends_on: Vec<String>,
    /// `DeletionPolicy`.
    pub deletion_policy: Option<Value>,
    /// `UpdateReplacePolicy`.
    pub update_replace_policy: Option<Value>,
    /// `CreationPolicy` and `UpdatePolicy`, kept as written.
    pub policies: Map,
    /// `Metadata`.
    pub metadata: Map,
    /// `Properties`.
    pub properties: Map,
}

/// An output.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// `Description`.
    pub description: Option<String>,
    /// `Value`.
    pub value: Value,
    /// `Condition`.
    pub condition: Option<String>,
    /// `Export.Name`.
    pub export: Option<Value>,
}

/// The only template format version there is.
pub const FORMAT_VERSION: &str = "2010-09-09";

impl Template {
    /// The template as YAML with short-form intrinsic functions; the same template always gives the same bytes.
    pub fn to_yaml(&self) -> String {
        emit::template(self)
    }

    /// The template as CloudFormation's JSON, intrinsic functions in long form.
    pub fn to_json(&self) -> serde_json::Value {
        self.sections().to_json()
    }

    /// The whole template as one value, sections in CloudFormation's order.
    fn sections(&self) -> Value {
        let mut sections = map([("AWSTemplateFormatVersion", Value::str(FORMAT_VERSION))]);
        let mut add = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                sections.insert(name.to_owned(), value);
            }
        };
        let filled = |entries: &Map| (!entries.is_empty()).then(|| Value::Map(entries.clone()));
        add("Transform", self.transform.clone());
        add("Description", self.description.as_deref().map(Value::str));
        add("Metadata", filled(&self.metadata));
        add(
            "Parameters",
            filled(&self.parameters.iter().map(|(id, it)| (id.clone(), it.to_value())).collect()),
        );
        add("Mappings", filled(&self.mappings));
        add("Rules", filled(&self.rules));
        add("Conditions", filled(&self.conditions));
        add(
            "Resources",
            Some(Value::Map(self.resources.iter().map(|(id, it)| (id.clone(), it.to_value())).collect())),
        );
        add("Outputs", filled(&self.outputs.iter().map(|(id, it)| (id.clone(), it.to_value())).collect()));
        Value::Map(sections)
    }
}
