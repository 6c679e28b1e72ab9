//! A CloudFormation template as types: sections in CloudFormation's order, resources in reading order.

mod emit;
pub mod path;
pub mod read;
pub mod references;
mod transform;
mod value;

use indexmap::IndexMap;

pub use path::Path;
pub use transform::Transforms;
pub use transform::is_macro_name;
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
    /// `Hooks`, SAM's `Globals`, a `Fn::Transform` beside the sections, and whatever a macro may read: kept as written.
    pub other: Map,
    /// `Fn::ForEach` and `Fn::Transform` among parameters, resources and outputs. The sections that are plain maps hold
    /// theirs themselves.
    pub expansions: Vec<Expansion>,
}

/// An entry of a section that CloudFormation replaces by others before it looks at the section.
#[derive(Debug, Clone, PartialEq)]
pub struct Expansion {
    /// Where it stands.
    pub section: Section,
    /// Its place among all entries of the section, expansions included.
    pub position: usize,
    /// `Fn::ForEach::<name>` or `Fn::Transform`.
    pub key: String,
    /// Its argument.
    pub value: Value,
}

/// The sections whose entries are typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the section of the same name")]
pub enum Section {
    Parameters,
    Resources,
    Outputs,
}

impl Section {
    /// The section's key.
    pub fn name(self) -> &'static str {
        match self {
            Self::Parameters => "Parameters",
            Self::Resources => "Resources",
            Self::Outputs => "Outputs",
        }
    }
}

/// A template parameter: its `Type` and everything else as written.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Such as `String` or `AWS::SSM::Parameter::Value<String>`.
    pub kind: String,
    /// `Default`, `Description`, `AllowedValues`, ...
    pub attributes: Map,
}

/// Whether a parameter of this `Type` holds a list: `CommaDelimitedList`, `List<...>`, or either one read from SSM.
///
/// Source: AWS CloudFormation User Guide, "Parameters" and "CloudFormation-supplied parameter types"; cfn-lint's rule E1019.
///
/// ```
/// # use mlp_template::template::is_list_type;
/// assert!(is_list_type("List<AWS::EC2::Subnet::Id>"));
/// assert!(is_list_type("AWS::SSM::Parameter::Value<List<String>>"));
/// assert!(!is_list_type("AWS::SSM::Parameter::Value<String>"));
/// ```
pub fn is_list_type(kind: &str) -> bool {
    let kind = kind.strip_prefix("AWS::SSM::Parameter::Value<").unwrap_or(kind);
    kind.starts_with("List<") || kind.starts_with("CommaDelimitedList")
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
    /// `CreationPolicy`, `UpdatePolicy` and every other attribute, kept as written.
    pub attributes: Map,
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
        let filled = |entries: Map| (!entries.is_empty()).then_some(Value::Map(entries));
        let typed = |section| -> Map {
            self.entries(section).map(|(key, entry)| (key.to_owned(), entry.to_value())).collect()
        };
        add("Transform", self.transform.clone());
        add("Description", self.description.as_deref().map(Value::str));
        add("Metadata", filled(self.metadata.clone()));
        add("Parameters", filled(typed(Section::Parameters)));
        add("Mappings", filled(self.mappings.clone()));
        add("Rules", filled(self.rules.clone()));
        add("Conditions", filled(self.conditions.clone()));
        for (name, value) in &self.other {
            add(name, Some(value.clone()));
        }
        add("Resources", Some(Value::Map(typed(Section::Resources))));
        add("Outputs", filled(typed(Section::Outputs)));
        Value::Map(sections)
    }

    /// The entries of a section in the order of the file, expansions in their places.
    fn entries(&self, section: Section) -> impl Iterator<Item = (&str, Entry<'_>)> {
        let mut expansions =
            self.expansions_of(section).map(|it| (it.position, it.key.as_str(), &it.value)).peekable();
        let mut typed: Box<dyn Iterator<Item = (&str, Entry<'_>)>> = match section {
            Section::Parameters => {
                Box::new(self.parameters.iter().map(|(id, it)| (id.as_str(), Entry::Parameter(it))))
            }
            Section::Resources => {
                Box::new(self.resources.iter().map(|(id, it)| (id.as_str(), Entry::Resource(it))))
            }
            Section::Outputs => {
                Box::new(self.outputs.iter().map(|(id, it)| (id.as_str(), Entry::Output(it))))
            }
        };
        let mut position = 0;
        std::iter::from_fn(move || {
            let due = expansions.next_if(|(wanted, ..)| *wanted <= position);
            position += 1;
            due.map(|(_, key, value)| (key, Entry::Expansion(value)))
                .or_else(|| typed.next())
                // What is left over stands behind the last entry.
                .or_else(|| expansions.next().map(|(_, key, value)| (key, Entry::Expansion(value))))
        })
    }
}

/// An entry of a typed section.
enum Entry<'a> {
    Parameter(&'a Parameter),
    Resource(&'a Resource),
    Output(&'a Output),
    Expansion(&'a Value),
}

impl Entry<'_> {
    fn to_value(&self) -> Value {
        match self {
            Self::Parameter(it) => it.to_value(),
            Self::Resource(it) => it.to_value(),
            Self::Output(it) => it.to_value(),
            Self::Expansion(value) => (*value).clone(),
        }
    }
}
