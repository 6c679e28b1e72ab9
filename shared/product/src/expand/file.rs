//! A template file as the macro would get it.

use indexmap::IndexMap;
use mlp_template::codes;
use mlp_template::finding::Finding;
use mlp_template::suggest::Suggestions;
use mlp_template::template::is_macro_name;
use mlp_template::yaml::{Document, Node, NodeValue};

use super::TRANSFORM;
use super::user_template::{Input, LoopOrder};
use super::values::{as_text, long_form, text};

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
    /// The macro's name, if the suite gave it another one (its parameter `MacroName`). Without it, a name that begins with
    /// the usual one is the macro's as well.
    pub macro_name: Option<String>,
}

/// What CloudFormation would send to the macro for a template, and findings about what it wouldn't.
///
/// Other macros stay in `Transform`: CloudFormation, or another tool, runs them on the expanded template.
pub fn from_document(document: &Document, place: &Place) -> (Input, Vec<Finding>) {
    let mut fragment = long_form(&document.root);
    let mut findings = Vec::new();
    let language_extensions = names_language_extensions(&fragment);
    let loop_order = without_transform(&mut fragment, place.macro_name.as_deref());
    if loop_order.is_none() {
        let name = place.macro_name.as_deref().unwrap_or(TRANSFORM);
        let message = format!("the template has no `Transform: {name}`, so CloudFormation won't expand it");
        let mut help = format!("add `Transform: {name}` at its top");
        if place.macro_name.is_none() && fragment.get("Transform").is_some() {
            help.push_str("; if the suite's macro has another name, give it with `--macro-name`");
        }
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
        loop_order: loop_order.unwrap_or_default(),
        language_extensions: Some(language_extensions),
    };
    (input, findings)
}

/// Whether `Transform` has `AWS::LanguageExtensions`.
fn names_language_extensions(template: &Node) -> bool {
    let names = template.get("Transform").map(|section| match &section.value {
        NodeValue::Seq(names) => names.as_slice(),
        _ => std::slice::from_ref(section),
    });
    names.unwrap_or_default().iter().any(|name| called(name) == Some(LANGUAGE_EXTENSIONS))
}

const LANGUAGE_EXTENSIONS: &str = "AWS::LanguageExtensions";

/// The name in an entry of `Transform`.
fn called(entry: &Node) -> Option<&str> {
    as_text(entry).or_else(|| entry.get("Name").and_then(as_text))
}

/// Takes the macro's name out of `Transform`, so that the macro doesn't run again on what it made. If it was there: when
/// loops run.
fn without_transform(template: &mut Node, macro_name: Option<&str>) -> Option<LoopOrder> {
    let NodeValue::Map(sections) = &mut template.value else { return None };
    let index = sections.iter().position(|section| section.key == "Transform")?;
    let section = sections.get_mut(index)?;
    let names = match &section.value.value {
        NodeValue::Seq(names) => names.as_slice(),
        _ => std::slice::from_ref(&section.value),
    };
    let names: Vec<Option<String>> = names.iter().map(|name| called(name).map(str::to_owned)).collect();
    let usual = names.iter().flatten().any(|name| name == TRANSFORM);
    let ours = |name: &Option<String>| {
        name.as_deref().is_some_and(|name| match macro_name {
            Some(ours) => name == ours,
            None if usual => name == TRANSFORM,
            None => is_macro_name(name),
        })
    };
    let first = names.iter().position(ours)?;
    let before = names.iter().take(first).flatten().any(|name| name == LANGUAGE_EXTENSIONS);
    let mut kept = names.iter().map(|name| !ours(name));
    let empty = match &mut section.value.value {
        NodeValue::Seq(names) => {
            names.retain(|_| kept.next().unwrap_or(true));
            names.is_empty()
        }
        _ => true,
    };
    if empty {
        sections.remove(index);
    }
    Some(if before { LoopOrder::Before } else { LoopOrder::After })
}
