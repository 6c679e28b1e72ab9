//! A template file as the macro would get it.

use indexmap::IndexMap;

use super::TRANSFORM;
use super::plan::Input;
use super::values::{as_text, long_form, text};
use crate::codes;
use crate::finding::Finding;
use crate::suggest::Suggestions;
use crate::yaml::{Document, Node, NodeValue};

/// Where a template is expanded for, and with which values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The account, 12 digits.
    pub account_id: String,
    /// The region.
    pub region: String,
    /// Values of template parameters; those left out have their defaults.
    pub parameters: IndexMap<String, String>,
    /// ARN of the managed policy that bounds the roles of products that name none: the suite's.
    pub permissions_boundary: Option<String>,
}

/// What CloudFormation would send to the macro for a template, and findings about what it wouldn't.
///
/// Other macros stay in `Transform`: CloudFormation, or another tool, runs them on the expanded template.
pub fn from_document(document: &Document, place: &Place) -> (Input, Vec<Finding>) {
    let mut fragment = long_form(&document.root);
    let mut findings = Vec::new();
    if !without_transform(&mut fragment) {
        let message =
            format!("the template has no `Transform: {TRANSFORM}`, so CloudFormation won't expand it");
        let help = format!("add `Transform: {TRANSFORM}` at its top");
        findings.push(Finding::warning(codes::MAC_NO_TRANSFORM, "", message).help(help).at(1, 1));
    }
    let mut parameters = IndexMap::new();
    if let Some(NodeValue::Map(declared)) = fragment.get("Parameters").map(|node| &node.value) {
        for parameter in declared {
            let given = place.parameters.get(&parameter.key).map(|value| text(value));
            // CloudFormation sends every value as text.
            let default = || {
                let default = parameter.value.get("Default")?;
                Some(default.scalar().map_or_else(|| default.clone(), |scalar| text(&scalar.text)))
            };
            if let Some(value) = given.or_else(default) {
                parameters.insert(parameter.key.clone(), value);
            }
        }
    }
    let declared: Vec<&str> = match fragment.get("Parameters").map(|node| &node.value) {
        Some(NodeValue::Map(entries)) => entries.iter().map(|entry| entry.key.as_str()).collect(),
        _ => Vec::new(),
    };
    let suggestions = Suggestions::default();
    for name in place.parameters.keys().filter(|name| !declared.contains(&name.as_str())) {
        let message = format!("a value is given for `{name}`, but the template has no such parameter");
        let finding = Finding::error(codes::MAC_PARAMETER, "/Parameters", message);
        let help = suggestions.did_you_mean(name, declared.iter().copied());
        findings.push(Finding { help, ..finding }.at(1, 1));
    }
    let input = Input {
        fragment,
        parameters,
        account_id: place.account_id.clone(),
        region: place.region.clone(),
        permissions_boundary: place.permissions_boundary.clone(),
    };
    (input, findings)
}

/// Takes the macro's name out of `Transform`; whether it was there.
fn without_transform(template: &mut Node) -> bool {
    let names_us = |node: &Node| {
        as_text(node) == Some(TRANSFORM) || node.get("Name").and_then(as_text) == Some(TRANSFORM)
    };
    let NodeValue::Map(sections) = &mut template.value else { return false };
    let Some(index) = sections.iter().position(|section| section.key == "Transform") else { return false };
    let Some(section) = sections.get_mut(index) else { return false };
    let (found, empty) = if let NodeValue::Seq(names) = &mut section.value.value {
        let before = names.len();
        names.retain(|name| !names_us(name));
        (names.len() < before, names.is_empty())
    } else {
        let found = names_us(&section.value);
        (found, found)
    };
    if empty {
        sections.remove(index);
    }
    found
}
