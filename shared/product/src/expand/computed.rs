//! Names that a function computes, such as `{Ref: !Sub "${Which}"}` or `!GetAtt [!Ref Which, Arn]`.
//!
//! CloudFormation allows them with `AWS::LanguageExtensions`, and computes them where `Transform` names it. Source: AWS
//! CloudFormation Template Reference, "`Ref`" and "`Fn::GetAtt`", each under "Supported functions"; the same in cfn-lint's
//! `cfnlint/template/transforms/_language_extensions.py`, which resolves functions in both.

use mlp_template::template::references::{self, Reference, pattern_matches};
use mlp_template::template::{Path, Sub, SubPart, Value};
use mlp_template::yaml::{Node, NodeValue};

use super::plan::Request;
use super::references::Products;
use super::values::{as_text, function};

/// Stands for text that nobody can know before the stack is deployed: a pattern that [`pattern_matches`] reads.
const UNKNOWN: &str = "${}";

/// The most texts that are kept of one value.
const TEXTS: usize = 1_000;

/// A product that a computed name names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) product: String,
    /// `Ref` or `Fn::GetAtt`.
    pub(super) function: &'static str,
    /// Whether the name is known; if not, it only may be the product's.
    pub(super) certain: bool,
}

/// The function that is a `Ref` or `Fn::GetAtt` whose name is computed, with what computes it.
fn computes(node: &Node) -> Option<(&'static str, &Node)> {
    let (function, name) = match function(node)? {
        ("Ref", name) => ("Ref", name),
        ("Fn::GetAtt", Node { value: NodeValue::Seq(parts), .. }) => ("Fn::GetAtt", parts.first()?),
        ("Fn::GetAtt", whole) => ("Fn::GetAtt", whole),
        _ => return None,
    };
    as_text(name).is_none().then_some((function, name))
}

/// The product whose own value the name of a `Ref` or `Fn::GetAtt` is computed of: `!GetAtt [!Ref Churn, KmsKeyArn]`. What
/// comes out is the name of no logical id, whatever runs first: no value of a product or of its resources is known as one.
pub(super) fn of_product(node: &Node, products: &Products) -> Option<(&'static str, String)> {
    let (function, name) = computes(node)?;
    let mut found = None;
    references::visit(&Value::from_node(name), &Path::ROOT, &mut |reference, _| {
        if let Reference::Name { name, .. } | Reference::Attribute { name, .. } = reference
            && found.is_none()
            && products.contains_key(name)
        {
            found = Some((function, name.to_owned()));
        }
    });
    found
}

/// The product that the computed name of a `Ref` or `Fn::GetAtt` stands for.
pub(super) fn named(node: &Node, products: &Products, request: &Request<'_>) -> Option<Named> {
    let (function, name) = computes(node)?;
    let found = texts(name, request);
    let is_named = |text: &String, id: &str| {
        // `Fn::GetAtt` of one text: the name is what stands before the dot.
        let text = if function == "Fn::GetAtt" { text.split('.').next().unwrap_or(text) } else { text };
        if text.contains(UNKNOWN) { pattern_matches(text, id) } else { text == id }
    };
    for certain in [true, false] {
        for text in found.iter().filter(|text| text.contains(UNKNOWN) != certain) {
            if let Some(product) = products.keys().find(|id| is_named(text, id)) {
                return Some(Named { product: product.clone(), function, certain });
            }
        }
    }
    None
}

/// Every text that a value may be; [`UNKNOWN`] where something decides that isn't known yet.
fn texts(node: &Node, request: &Request<'_>) -> Vec<String> {
    let unknown = || vec![UNKNOWN.to_owned()];
    let Some((name, argument)) = function(node) else {
        return node.scalar().map(|scalar| vec![scalar.text.clone()]).unwrap_or_default();
    };
    let parts = match &argument.value {
        NodeValue::Seq(parts) => parts.as_slice(),
        _ => &[],
    };
    match (name, parts) {
        ("Ref", _) => as_text(argument).map_or_else(unknown, |name| reference(name, request)),
        ("Fn::Sub", []) => as_text(argument).map_or_else(unknown, |text| sub(text, None, request)),
        ("Fn::Sub", [text, variables]) => {
            as_text(text).map_or_else(unknown, |text| sub(text, Some(variables), request))
        }
        ("Fn::If", [_, one, other]) => [texts(one, request), texts(other, request)].concat(),
        ("Fn::Join", [delimiter, list]) => match (as_text(delimiter), items(list, request)) {
            (Some(delimiter), Some(items)) => {
                items.iter().enumerate().fold(vec![String::new()], |all, (index, item)| {
                    let all = if index == 0 { all } else { product(&all, &[delimiter.to_owned()]) };
                    product(&all, item)
                })
            }
            _ => unknown(),
        },
        ("Fn::Select", [index, list]) => match (index.scalar(), items(list, request)) {
            (Some(index), Some(items)) => index
                .text
                .parse::<usize>()
                .ok()
                .and_then(|index| items.get(index).cloned())
                .unwrap_or_default(),
            (None, Some(items)) => items.concat(),
            _ => unknown(),
        },
        ("Fn::FindInMap", [mapping, rest @ ..]) => {
            let mut found = Vec::new();
            leaves(mapping, rest, request, &mut |leaf| found.extend(leaf.scalar().map(|it| it.text.clone())));
            let default = rest.iter().filter_map(|part| part.get("DefaultValue"));
            found.extend(default.flat_map(|default| texts(default, request)));
            found
        }
        _ => unknown(),
    }
}

/// The texts that each item of a list may be; nothing for a list that isn't known.
pub(super) fn items(node: &Node, request: &Request<'_>) -> Option<Vec<Vec<String>>> {
    if let NodeValue::Seq(nodes) = &node.value {
        let mut found = Vec::new();
        for node in nodes {
            // CloudFormation puts the items of a list into the list around it.
            match list_of(node, request) {
                Some(inner) => found.extend(inner),
                None => found.push(texts(node, request)),
            }
        }
        return Some(found);
    }
    list_of(node, request)
}

/// A list that a function or a list parameter gives.
fn list_of(node: &Node, request: &Request<'_>) -> Option<Vec<Vec<String>>> {
    let each = |text: &str, delimiter: &str| -> Vec<Vec<String>> {
        text.split(delimiter).map(|item| vec![item.trim().to_owned()]).collect()
    };
    let (name, argument) = function(node)?;
    match (name, &argument.value) {
        ("Ref", _) => {
            let name = as_text(argument)?;
            let value = request.parameter(name).filter(|_| !request.is_no_echo(name))?;
            match &value.value {
                NodeValue::Seq(nodes) => {
                    Some(nodes.iter().filter_map(Node::scalar).map(|it| vec![it.text.clone()]).collect())
                }
                NodeValue::Scalar(scalar) if request.is_list_parameter(name) => Some(each(&scalar.text, ",")),
                _ => None,
            }
        }
        ("Fn::Split", NodeValue::Seq(parts)) => {
            let [delimiter, text] = parts.as_slice() else { return None };
            let found = texts(text, request);
            let [text] = found.as_slice() else { return None };
            let known = |text: &&String| !text.contains(UNKNOWN);
            Some(each(Some(text).filter(known)?, as_text(delimiter).filter(|it| !it.is_empty())?))
        }
        ("Fn::FindInMap", NodeValue::Seq(parts)) => {
            let (mapping, rest) = parts.split_first()?;
            let mut found = Vec::new();
            leaves(mapping, rest, request, &mut |leaf| {
                if let NodeValue::Seq(nodes) = &leaf.value {
                    found.extend(nodes.iter().filter_map(Node::scalar).map(|it| vec![it.text.clone()]));
                }
            });
            (!found.is_empty()).then_some(found)
        }
        ("Fn::If", NodeValue::Seq(parts)) => {
            let [_, one, other] = parts.as_slice() else { return None };
            Some([items(one, request)?, items(other, request)?].concat())
        }
        _ => None,
    }
}

/// Whether everything that a `Fn::FindInMap` may find is of one kind; not if nothing is known, or there is a default.
pub(super) fn found_in_map(argument: &Node, request: &Request<'_>, is: impl Fn(&Node) -> bool) -> bool {
    let NodeValue::Seq(parts) = &argument.value else { return false };
    let [mapping, top, second] = parts.as_slice() else { return false };
    let (mut any, mut all) = (false, true);
    leaves(mapping, &[top.clone(), second.clone()], request, &mut |leaf| {
        any = true;
        all &= is(leaf);
    });
    any && all
}

/// The values that a `Fn::FindInMap` may find: all that its known keys leave.
fn leaves<'n>(mapping: &Node, keys: &[Node], request: &Request<'n>, found: &mut impl FnMut(&'n Node)) {
    fn below<'n>(node: &'n Node, keys: &[Option<&str>], found: &mut impl FnMut(&'n Node)) {
        let (Some((key, rest)), NodeValue::Map(entries)) = (keys.split_first(), &node.value) else {
            return found(node);
        };
        for entry in entries.iter().filter(|entry| key.is_none_or(|key| entry.key == key)) {
            below(&entry.value, rest, found);
        }
    }
    let known: Vec<Option<&str>> = std::iter::once(mapping).chain(keys.iter().take(2)).map(as_text).collect();
    if let Some(mappings) = request.fragment.get("Mappings") {
        below(mappings, &known, found);
    }
}

/// What a `Ref` gives.
fn reference(name: &str, request: &Request<'_>) -> Vec<String> {
    let known = match name {
        "AWS::Region" => Some(request.region.clone()),
        "AWS::AccountId" => Some(request.account_id.clone()),
        // What a resource's `Ref` gives is known only when the resource is there: no logical id is computed of it (Template
        // Reference, "`Ref`": with AWS::LanguageExtensions it takes functions that don't need resources; cfn-lint resolves
        // parameters and pseudo parameters only).
        _ if request.parameter(name).is_none() && request.names_in("Resources").contains(&name) => {
            return Vec::new();
        }
        _ => request
            .parameter(name)
            .filter(|_| !request.is_no_echo(name))
            .and_then(Node::scalar)
            .map(|scalar| scalar.text.clone()),
    };
    vec![known.unwrap_or_else(|| UNKNOWN.to_owned())]
}

/// What a `Fn::Sub` gives.
fn sub(text: &str, variables: Option<&Node>, request: &Request<'_>) -> Vec<String> {
    Sub::parse(text).parts.iter().fold(vec![String::new()], |all, part| {
        let next = match part {
            SubPart::Text(text) => vec![text.clone()],
            SubPart::Ref(name) => match variables.and_then(|it| it.get(name)) {
                Some(value) => texts(value, request),
                None => reference(name, request),
            },
            SubPart::GetAtt(..) => vec![UNKNOWN.to_owned()],
        };
        product(&all, &next)
    })
}

/// Each of the first with each of the second behind it.
fn product(first: &[String], second: &[String]) -> Vec<String> {
    let all = first.iter().flat_map(|one| second.iter().map(move |other| format!("{one}{other}")));
    all.take(TEXTS).collect()
}
