//! The cut of a template that the built-in rules see.
//!
//! Guard takes its time over every resource, and the resources of a template are alike for the most part: a template of
//! twelve products has twelve times the same buckets. So a cut has only the properties that a rule can name, and of
//! resources that are then the same only one.

use std::collections::{BTreeSet, HashMap};

use indexmap::IndexMap;
use serde_json::{Map as Object, Value as Json};

use crate::pointer;
use crate::template::{Function, Map, Resource, Template, Value};

/// What stands for a value that CloudFormation will compute. Rules name it, so it never changes.
const UNKNOWN: &str = "(unknown)";

/// Which branch of every `Fn::If` is taken.
#[derive(Clone, Copy)]
enum Branch {
    Then,
    Else,
}

/// A cut, as Guard reads it.
pub(super) struct Cut<'t> {
    /// `{"Resources": {...}}` as JSON.
    pub(super) text: String,
    /// The resources that are alike as far as any rule can see, by the one that stands in the text for all.
    alike: HashMap<&'t str, Vec<&'t str>>,
}

impl<'t> Cut<'t> {
    /// The same place in every resource that is alike, the one in the text included.
    pub(super) fn everywhere(&self, at: &str) -> Vec<(&'t str, String)> {
        let Some(rest) = at.strip_prefix(RESOURCES) else { return Vec::new() };
        let (id, rest) =
            rest.split_once('/').map_or((rest, String::new()), |(id, rest)| (id, format!("/{rest}")));
        let id = pointer::unescape(id);
        let alike = self.alike.get(id.as_str()).map(Vec::as_slice).unwrap_or_default();
        alike.iter().map(|id| (*id, format!("{}{rest}", pointer::join("/Resources", id)))).collect()
    }
}

const RESOURCES: &str = "/Resources/";

/// What the rules look at. Two resources that differ in nothing else need to be looked at once.
pub(super) struct Sight<'r> {
    /// Resource types.
    pub(super) types: BTreeSet<&'r str>,
    /// Every word of the rules: the names of the properties that they look at are among them.
    pub(super) words: BTreeSet<&'r str>,
}

impl Sight<'_> {
    /// The entries of a map, at any depth, that a rule may look at.
    fn of<'v>(&self, entries: &'v Map) -> impl Iterator<Item = (&'v String, &'v Value)> {
        entries.iter().filter(|(key, _)| self.words.contains(key.as_str()))
    }
}

/// The cuts: one, or two when a value hangs on a condition, or none.
pub(super) fn cuts<'t>(template: &'t Template, sight: &Sight<'_>) -> Vec<Cut<'t>> {
    let resources: Vec<(&str, &Resource)> = template
        .resources
        .iter()
        .filter(|(_, resource)| sight.types.contains(resource.kind.as_str()))
        .map(|(id, resource)| (id.as_str(), resource))
        .collect();
    if resources.is_empty() {
        // Guard fails a query that finds nothing to begin with.
        return Vec::new();
    }
    let conditional = resources.iter().any(|(_, resource)| {
        let mut entries = sight.of(&resource.properties).chain(sight.of(&resource.metadata));
        entries.any(|(_, value)| has_condition(value, sight))
    });
    let branches = if conditional { &[Branch::Then, Branch::Else][..] } else { &[Branch::Then] };
    branches.iter().map(|branch| cut(&resources, sight, *branch)).collect()
}

fn cut<'t>(resources: &[(&'t str, &Resource)], sight: &Sight<'_>, branch: Branch) -> Cut<'t> {
    let mut kinds: IndexMap<String, Vec<&'t str>> = IndexMap::new();
    for (id, resource) in resources {
        kinds.entry(whole(resource, sight, branch).to_string()).or_default().push(id);
    }
    let mut text = String::from(r#"{"Resources":{"#);
    let mut alike = HashMap::with_capacity(kinds.len());
    for (resource, ids) in kinds {
        let Some(first) = ids.first() else { continue };
        if !alike.is_empty() {
            text.push(',');
        }
        text.push_str(&Json::from(*first).to_string());
        text.push(':');
        text.push_str(&resource);
        alike.insert(*first, ids);
    }
    text.push_str("}}");
    Cut { text, alike }
}

fn has_condition(value: &Value, sight: &Sight<'_>) -> bool {
    match value {
        Value::Call(Function::If, _) => true,
        Value::List(values) => values.iter().any(|value| has_condition(value, sight)),
        Value::Map(entries) => sight.of(entries).any(|(_, value)| has_condition(value, sight)),
        _ => false,
    }
}

fn whole(resource: &Resource, sight: &Sight<'_>, branch: Branch) -> Json {
    Json::Object(Object::from_iter([
        ("Type".to_owned(), Json::String(resource.kind.clone())),
        ("Metadata".to_owned(), object(&resource.metadata, sight, branch)),
        ("Properties".to_owned(), object(&resource.properties, sight, branch)),
    ]))
}

fn object(entries: &Map, sight: &Sight<'_>, branch: Branch) -> Json {
    let known = |(key, value): (&String, &Value)| Some((key.clone(), json(key, value, sight, branch)?));
    Json::Object(sight.of(entries).filter_map(known).collect())
}

/// The value as far as it is known; nothing for `AWS::NoValue`.
fn json(key: &str, value: &Value, sight: &Sight<'_>, branch: Branch) -> Option<Json> {
    Some(match value {
        Value::Null => Json::Null,
        Value::Bool(_) | Value::Int(_) | Value::Number(_) => value.to_json(),
        Value::Str(text) => scalar(key, text),
        Value::List(values) => {
            Json::Array(values.iter().filter_map(|value| json(key, value, sight, branch)).collect())
        }
        Value::Map(entries) => object(entries, sight, branch),
        Value::Ref(name) if name == "AWS::NoValue" => return None,
        Value::Call(Function::If, argument) => {
            let index = match branch {
                Branch::Then => 1,
                Branch::Else => 2,
            };
            match argument.as_ref() {
                Value::List(parts) => return json(key, parts.get(index)?, sight, branch),
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
