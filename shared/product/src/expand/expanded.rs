//! An expanded template.

use mlp_template::error::InternalError;
use mlp_template::finding::Finding;
use mlp_template::template::{Resource, Template, read};
use mlp_template::yaml::{Document, Entry, Node, NodeValue};
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::value::RawValue;

use super::values::{map, text};

/// A template whose products are expanded.
#[derive(Debug, Clone)]
pub struct Expanded {
    parts: Parts,
    json: Box<RawValue>,
    /// What doesn't block, in the order of the template. CloudFormation has no way to show it.
    pub warnings: Vec<Finding>,
}

/// Sections in the order of the template.
#[derive(Debug, Clone)]
pub(super) struct Parts {
    pub(super) sections: Vec<Entry>,
    /// What stands in the section `Resources`, which is empty among `sections`.
    pub(super) resources: Vec<(String, Part)>,
}

/// An entry of `Resources`.
#[derive(Debug, Clone)]
pub(super) enum Part {
    /// The user's.
    Kept(Node),
    /// A product's.
    Made(Box<Resource>),
}

impl Expanded {
    pub(super) fn new(parts: Parts, warnings: Vec<Finding>) -> Result<Self, InternalError> {
        let json = serde_json::value::to_raw_value(&parts).map_err(|error| {
            InternalError::new(format!("the expanded template can't be written: {error}"))
        })?;
        Ok(Self { parts, json, warnings })
    }

    /// The template in CloudFormation's JSON, without white space.
    pub fn json(&self) -> &RawValue {
        &self.json
    }

    /// The template in CloudFormation's JSON, indented.
    ///
    /// # Errors
    ///
    /// Never, as far as we know.
    pub fn to_json_for_people(&self) -> Result<String, InternalError> {
        let written = serde_json::to_string_pretty(&self.parts).map(|text| format!("{text}\n"));
        written
            .map_err(|error| InternalError::new(format!("the expanded template can't be written: {error}")))
    }

    /// Logical ids and types of what was made, in the order of the template.
    pub fn made(&self) -> impl Iterator<Item = (&str, &Resource)> {
        self.parts.resources.iter().filter_map(|(id, part)| match part {
            Part::Made(resource) => Some((id.as_str(), resource.as_ref())),
            Part::Kept(_) => None,
        })
    }

    /// The template as typed sections, and what has no place in it: findings about the user's own part.
    pub fn template(&self) -> (Template, Vec<Finding>) {
        let stub = |resource: &Resource| map([("Type".to_owned(), text(&resource.kind))]);
        let resources = self.parts.resources.iter().map(|(id, part)| {
            (
                id.clone(),
                match part {
                    Part::Kept(node) => node.clone(),
                    Part::Made(resource) => stub(resource),
                },
            )
        });
        let resources = map(resources);
        let sections = self.parts.sections.iter().map(|section| {
            let is_resources = section.key == "Resources";
            Entry {
                value: if is_resources { resources.clone() } else { section.value.clone() },
                ..section.clone()
            }
        });
        let root = Node { value: NodeValue::Map(sections.collect()), ..map([]) };
        let (mut template, findings) = read::from_document(&Document::of(root));
        for (id, made) in self.made() {
            if let Some(resource) = template.resources.get_mut(id) {
                resource.clone_from(made);
            }
        }
        (template, findings)
    }
}

impl Serialize for Expanded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

impl Serialize for Parts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.sections.len()))?;
        for section in &self.sections {
            if section.key == "Resources" {
                map.serialize_entry(&section.key, &Resources(&self.resources))?;
            } else {
                map.serialize_entry(&section.key, &section.value)?;
            }
        }
        map.end()
    }
}

struct Resources<'a>(&'a [(String, Part)]);

impl Serialize for Resources<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(id, part)| (id, part)))
    }
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Kept(node) => node.serialize(serializer),
            Self::Made(resource) => resource.serialize(serializer),
        }
    }
}
