//! `Fn::ForEach` around references: what a loop's variable stands for when `AWS::LanguageExtensions` runs the loop.
//!
//! Source: AWS CloudFormation Template Reference of `Fn::ForEach` (`${Identifier}` and `&{Identifier}` are replaced in keys and
//! texts, `{Ref: Identifier}` as a value); the same in cfn-lint's `cfnlint/template/transforms/_language_extensions.py`.

use mlp_template::template::references::{self, Reference};
use mlp_template::template::{Path, Value};
use mlp_template::yaml::{Entry, Node, NodeValue};

use super::attributes::Products;
use super::computed;
use super::user_template::UserTemplate;
use super::values::{as_text, function, placed, text};

/// The most ways to put values into a text that are tried.
const COMBINATIONS: usize = 1_000;

/// A loop around a value.
pub(super) struct Loop {
    pub(super) variable: String,
    /// What the variable stands for, as far as it is known.
    values: Vec<String>,
}

impl Loop {
    /// The values of a collection, as far as they are known before the stack is deployed.
    pub(super) fn new(variable: &str, collection: &Node, user: &UserTemplate<'_>) -> Self {
        let values = computed::items(collection, user).unwrap_or_default().concat();
        Self {
            variable: variable.to_owned(),
            values: values.into_iter().filter(|it| !it.contains("${")).collect(),
        }
    }

    /// Whether any value of the variable is known.
    pub(super) fn is_known(&self) -> bool {
        !self.values.is_empty()
    }

    /// Whether a value holds the variable.
    pub(super) fn is_in(&self, node: &Node) -> bool {
        mentions(node, &self.variable)
    }
}

/// The keys that a `Fn::ForEach` in `Resources` makes, as far as they are known.
pub(super) fn made(key: &str, node: &Node, user: &UserTemplate<'_>) -> Vec<String> {
    let mut keys = Vec::new();
    made_with(key, node, user, &[], &mut keys);
    keys
}

fn made_with(
    key: &str,
    node: &Node,
    user: &UserTemplate<'_>,
    around: &[(&str, &str)],
    keys: &mut Vec<String>,
) {
    let NodeValue::Seq(parts) = &node.value else { return };
    let [variable, collection, Node { value: NodeValue::Map(body), .. }] = parts.as_slice() else { return };
    let Some(variable) = as_text(variable).filter(|_| key.starts_with("Fn::ForEach::")) else { return };
    for value in &Loop::new(variable, &with(collection, around), user).values {
        let values = [around, &[(variable, value.as_str())]].concat();
        for entry in body {
            if keys.len() >= COMBINATIONS {
                return;
            }
            if entry.key.starts_with("Fn::") {
                made_with(&entry.key, &entry.value, user, &values, keys);
            } else {
                keys.push(put(&entry.key, &values));
            }
        }
    }
}

/// A loop's variable and the product that a value names when the variable's values are put in. In a value a text names
/// nothing; in `DependsOn` it does.
pub(super) fn may_name(
    node: &Node,
    loops: &[Loop],
    (products, user): (&Products, &UserTemplate<'_>),
    depends_on: bool,
) -> Option<(String, String)> {
    if loops.is_empty() || products.is_empty() {
        return None;
    }
    let candidates: Vec<(&str, Vec<&str>)> = loops
        .iter()
        .filter(|it| mentions(node, &it.variable))
        .map(|it| (it.variable.as_str(), worth_trying(&it.values, products)))
        .collect();
    if candidates.is_empty() || candidates.iter().any(|(_, values)| values.is_empty()) {
        return None;
    }
    let all = candidates.iter().map(|(_, values)| values.len()).fold(1, usize::saturating_mul);
    for combination in 0..all.min(COMBINATIONS) {
        let mut rest = combination;
        let values: Vec<(&str, &str)> = candidates
            .iter()
            .filter_map(|(variable, values)| {
                let value = values.get(rest % values.len())?;
                rest /= values.len();
                Some((*variable, *value))
            })
            .collect();
        if let Some(product) = product_in(&with(node, &values), (products, user), depends_on) {
            // The variable that says so; of several, one whose value is in the product's name.
            let (variable, _) = values.iter().find(|(_, value)| product.contains(value)).or(values.first())?;
            return Some(((*variable).to_owned(), product));
        }
    }
    None
}

/// The values that can be part of a product's name, and one more that stands for all others.
fn worth_trying<'v>(values: &'v [String], products: &Products) -> Vec<&'v str> {
    let part = |value: &&str| products.keys().any(|id| id.contains(plain(value).as_str()));
    let all = || values.iter().map(String::as_str);
    all().filter(part).chain(all().find(|value| !part(value))).collect()
}

/// What `&{Identifier}` puts in: the letters and digits.
fn plain(value: &str) -> String {
    value.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// Whether a value holds the variable in one of the three ways.
fn mentions(node: &Node, variable: &str) -> bool {
    match &node.value {
        NodeValue::Scalar(scalar) => [format!("${{{variable}}}"), format!("&{{{variable}}}")]
            .iter()
            .any(|it| scalar.text.contains(it.as_str())),
        NodeValue::Seq(nodes) => nodes.iter().any(|node| mentions(node, variable)),
        NodeValue::Map(entries) => {
            function(node)
                .is_some_and(|(name, argument)| name == "Ref" && as_text(argument) == Some(variable))
                || entries.iter().any(|entry| mentions(&entry.value, variable))
        }
    }
}

/// The text with the variables' values in it.
fn put(found: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(found.to_owned(), |found, (variable, value)| {
        found.replace(&format!("${{{variable}}}"), value).replace(&format!("&{{{variable}}}"), &plain(value))
    })
}

/// The value with the variables' values in it.
fn with(node: &Node, values: &[(&str, &str)]) -> Node {
    match &node.value {
        NodeValue::Scalar(_) => match as_text(node) {
            Some(found) => placed(text(&put(found, values)), node),
            None => node.clone(),
        },
        NodeValue::Seq(nodes) => Node {
            value: NodeValue::Seq(nodes.iter().map(|node| with(node, values)).collect()),
            ..node.clone()
        },
        NodeValue::Map(entries) => {
            if let Some(("Ref", argument)) = function(node)
                && let Some((_, value)) = values.iter().find(|(name, _)| as_text(argument) == Some(name))
            {
                return placed(text(value), node);
            }
            let entry = |entry: &Entry| Entry {
                key: put(&entry.key, values),
                value: with(&entry.value, values),
                ..entry.clone()
            };
            Node { value: NodeValue::Map(entries.iter().map(entry).collect()), ..node.clone() }
        }
    }
}

/// A product that a value names.
fn product_in(
    node: &Node,
    (products, user): (&Products, &UserTemplate<'_>),
    depends_on: bool,
) -> Option<String> {
    let mut found = if depends_on { None } else { computed_in(node, products, user) };
    let mut names = |name: &str| {
        if found.is_none() && products.contains_key(name) {
            found = Some(name.to_owned());
        }
    };
    if depends_on {
        match &node.value {
            NodeValue::Seq(nodes) => nodes.iter().filter_map(as_text).for_each(&mut names),
            _ => as_text(node).into_iter().for_each(&mut names),
        }
    } else {
        references::visit(&Value::from_node(node), &Path::ROOT, &mut |reference, _| {
            if let Reference::Name { name, .. } | Reference::Attribute { name, .. } = reference {
                names(name);
            }
        });
    }
    found
}

/// A product whose name the value, or a part of it, computes.
fn computed_in(node: &Node, products: &Products, user: &UserTemplate<'_>) -> Option<String> {
    let own = computed::named(node, products, user).filter(|named| named.certain).map(|named| named.product);
    own.or_else(|| match &node.value {
        NodeValue::Scalar(_) => None,
        NodeValue::Seq(nodes) => nodes.iter().find_map(|node| computed_in(node, products, user)),
        NodeValue::Map(entries) => entries.iter().find_map(|entry| computed_in(&entry.value, products, user)),
    })
}
