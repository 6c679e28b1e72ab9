//! Names that a function computes, such as `{Ref: !Sub "${Which}"}` or `!GetAtt [!Ref Which, Arn]`.
//!
//! CloudFormation allows them with `AWS::LanguageExtensions`, and computes them where `Transform` names it. Source: AWS
//! CloudFormation Template Reference, "`Ref`" and "`Fn::GetAtt`", each under "Supported functions"; the same in cfn-lint's
//! `cfnlint/template/transforms/_language_extensions.py`, which resolves functions in both.

use std::collections::HashMap;

use mlp_template::template::references::{self, Reference, pattern_matches};
use mlp_template::template::{Path, Sub, SubPart, Value};
use mlp_template::yaml::{Node, NodeValue};

use super::attributes::Products;
use super::user_template::{STEPS, UserTemplate};
use super::values::{as_text, function};

/// The text of a value that isn't known before the stack is deployed: a pattern that [`pattern_matches`] reads.
const UNKNOWN: &str = "${}";

/// The most texts that are kept of one value.
const TEXTS: usize = 1_000;

/// The longest text that parts are put together to. No logical id is longer, so a longer text names nothing.
///
/// Sources: CloudFormation User Guide, "Resources" (logical ids are alphanumeric); CloudFormation API Reference,
/// `StackResource`, and CloudFormation quotas ("Resource name: 255 characters").
const LONGEST: usize = 255;

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
pub(super) fn named(node: &Node, products: &Products, user: &UserTemplate<'_>) -> Option<Named> {
    let (function, name) = computes(node)?;
    let found = texts(name, user);
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

fn unknown() -> Vec<String> {
    vec![UNKNOWN.to_owned()]
}

/// Every text that a value may be; [`UNKNOWN`] where something decides that isn't known yet, and for everything when the
/// budget is spent.
fn texts(node: &Node, user: &UserTemplate<'_>) -> Vec<String> {
    if !user.budget.spend(1) {
        return unknown();
    }
    let found = possible(node, user);
    if user.budget.spend(found.len()) { found } else { unknown() }
}

fn possible(node: &Node, user: &UserTemplate<'_>) -> Vec<String> {
    let Some((name, argument)) = function(node) else {
        return node.scalar().map(|scalar| vec![scalar.text.clone()]).unwrap_or_default();
    };
    let parts = match &argument.value {
        NodeValue::Seq(parts) => parts.as_slice(),
        _ => &[],
    };
    match (name, parts) {
        ("Ref", _) => as_text(argument).map_or_else(unknown, |name| reference(name, user)),
        ("Fn::Sub", []) => as_text(argument).map_or_else(unknown, |text| sub(text, None, user)),
        ("Fn::Sub", [text, variables]) => {
            as_text(text).map_or_else(unknown, |text| sub(text, Some(variables), user))
        }
        ("Fn::If", [_, one, other]) => [texts(one, user), texts(other, user)].concat(),
        ("Fn::Join", [delimiter, list]) => match (as_text(delimiter), items(list, user)) {
            (Some(delimiter), Some(items)) => {
                items.iter().enumerate().fold(vec![String::new()], |all, (index, item)| {
                    let all = if index == 0 { all } else { joined_each(&all, &[delimiter.to_owned()], user) };
                    joined_each(&all, item, user)
                })
            }
            _ => unknown(),
        },
        ("Fn::Select", [index, list]) => match (index.scalar(), items(list, user)) {
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
            leaves(mapping, rest, user, &mut |leaf| found.extend(leaf.scalar().map(|it| it.text.clone())));
            let default = rest.iter().filter_map(|part| part.get("DefaultValue"));
            found.extend(default.flat_map(|default| texts(default, user)));
            found
        }
        _ => unknown(),
    }
}

/// The texts that each item of a list may be; nothing for a list that isn't known.
pub(super) fn items(node: &Node, user: &UserTemplate<'_>) -> Option<Vec<Vec<String>>> {
    if !user.budget.spend(1) {
        return None;
    }
    let found = possible_items(node, user)?;
    user.budget.spend(found.len()).then_some(found)
}

fn possible_items(node: &Node, user: &UserTemplate<'_>) -> Option<Vec<Vec<String>>> {
    if let NodeValue::Seq(nodes) = &node.value {
        let mut found = Vec::new();
        for node in nodes {
            // CloudFormation puts the items of a list into the list around it.
            match list_of(node, user) {
                Some(inner) => found.extend(inner),
                None => found.push(texts(node, user)),
            }
            if found.len() > STEPS {
                return None;
            }
        }
        return Some(found);
    }
    list_of(node, user)
}

/// A list that a function or a list parameter gives.
fn list_of(node: &Node, user: &UserTemplate<'_>) -> Option<Vec<Vec<String>>> {
    let each = |text: &str, delimiter: &str| -> Vec<Vec<String>> {
        text.split(delimiter).map(|item| vec![item.trim().to_owned()]).collect()
    };
    let (name, argument) = function(node)?;
    match (name, &argument.value) {
        ("Ref", _) => {
            let name = as_text(argument)?;
            let value = user.parameter(name).filter(|_| !user.is_no_echo(name))?;
            match &value.value {
                NodeValue::Seq(nodes) => {
                    Some(nodes.iter().filter_map(Node::scalar).map(|it| vec![it.text.clone()]).collect())
                }
                NodeValue::Scalar(scalar) if user.is_list_parameter(name) => Some(each(&scalar.text, ",")),
                _ => None,
            }
        }
        ("Fn::Split", NodeValue::Seq(parts)) => {
            let [delimiter, text] = parts.as_slice() else { return None };
            let found = texts(text, user);
            let [text] = found.as_slice() else { return None };
            let known = |text: &&String| !text.contains(UNKNOWN);
            Some(each(Some(text).filter(known)?, as_text(delimiter).filter(|it| !it.is_empty())?))
        }
        ("Fn::FindInMap", NodeValue::Seq(parts)) => {
            let (mapping, rest) = parts.split_first()?;
            let mut found = Vec::new();
            leaves(mapping, rest, user, &mut |leaf| {
                if let NodeValue::Seq(nodes) = &leaf.value {
                    found.extend(nodes.iter().filter_map(Node::scalar).map(|it| vec![it.text.clone()]));
                }
            });
            (!found.is_empty()).then_some(found)
        }
        ("Fn::If", NodeValue::Seq(parts)) => {
            let [_, one, other] = parts.as_slice() else { return None };
            Some([items(one, user)?, items(other, user)?].concat())
        }
        _ => None,
    }
}

/// Whether everything that a `Fn::FindInMap` may find is of one kind; not if nothing is known, or there is a default.
pub(super) fn found_in_map(argument: &Node, user: &UserTemplate<'_>, is: impl Fn(&Node) -> bool) -> bool {
    let NodeValue::Seq(parts) = &argument.value else { return false };
    let [mapping, top, second] = parts.as_slice() else { return false };
    let (mut any, mut all) = (false, true);
    leaves(mapping, &[top.clone(), second.clone()], user, &mut |leaf| {
        any = true;
        all &= is(leaf);
    });
    any && all
}

/// The values that a `Fn::FindInMap` may find: all that its known keys leave.
fn leaves<'n>(mapping: &Node, keys: &[Node], user: &UserTemplate<'n>, found: &mut impl FnMut(&'n Node)) {
    fn below<'n>(node: &'n Node, keys: &[Option<&str>], found: &mut impl FnMut(&'n Node)) {
        let (Some((key, rest)), NodeValue::Map(entries)) = (keys.split_first(), &node.value) else {
            return found(node);
        };
        for entry in entries.iter().filter(|entry| key.is_none_or(|key| entry.key == key)) {
            below(&entry.value, rest, found);
        }
    }
    let known: Vec<Option<&str>> = std::iter::once(mapping).chain(keys.iter().take(2)).map(as_text).collect();
    if let Some(mappings) = user.fragment.get("Mappings") {
        below(mappings, &known, found);
    }
}

/// What a `Ref` gives.
fn reference(name: &str, user: &UserTemplate<'_>) -> Vec<String> {
    let known = match name {
        "AWS::Region" => Some(user.region.clone()),
        "AWS::AccountId" => Some(user.account_id.clone()),
        // What a resource's `Ref` gives is known only when the resource is there: no logical id is computed of it (Template
        // Reference, "`Ref`": with AWS::LanguageExtensions it takes functions that don't need resources; cfn-lint resolves
        // parameters and pseudo parameters only).
        _ if user.parameter(name).is_none() && user.names_in("Resources").contains(&name) => {
            return Vec::new();
        }
        _ => user
            .parameter(name)
            .filter(|_| !user.is_no_echo(name))
            .and_then(Node::scalar)
            .map(|scalar| scalar.text.clone()),
    };
    vec![known.unwrap_or_else(|| UNKNOWN.to_owned())]
}

/// What a `Fn::Sub` gives. A variable is computed once, however often the text has it.
fn sub(text: &str, variables: Option<&Node>, user: &UserTemplate<'_>) -> Vec<String> {
    let sub = Sub::parse(text);
    let mut known: HashMap<&str, Vec<String>> = HashMap::new();
    for part in &sub.parts {
        if let SubPart::Ref(name) = part {
            known.entry(name).or_insert_with(|| match variables.and_then(|it| it.get(name)) {
                Some(value) => texts(value, user),
                None => reference(name, user),
            });
        }
    }
    sub.parts.iter().fold(vec![String::new()], |all, part| match part {
        SubPart::Text(text) => joined_each(&all, std::slice::from_ref(text), user),
        SubPart::Ref(name) => match known.get(name.as_str()) {
            Some(next) => joined_each(&all, next, user),
            None => joined_each(&all, &unknown(), user),
        },
        SubPart::GetAtt(..) => joined_each(&all, &unknown(), user),
    })
}

/// Each of the first with each of the second behind it.
fn joined_each(first: &[String], second: &[String], user: &UserTemplate<'_>) -> Vec<String> {
    let count = first.len().saturating_mul(second.len()).min(TEXTS);
    if !user.budget.spend(count) {
        return unknown();
    }
    let joined = |one: &str, other: &str| {
        // What nothing is put before or behind is as long as it is in the template.
        let grows = !one.is_empty() && !other.is_empty();
        if grows && one.len() + other.len() > LONGEST { UNKNOWN.to_owned() } else { format!("{one}{other}") }
    };
    let all = first.iter().flat_map(|one| second.iter().map(move |other| joined(one, other)));
    all.take(TEXTS).collect()
}

#[cfg(test)]
mod tests {
    use mlp_template::suggest::Suggestions;
    use mlp_template::template::Path;

    use super::super::references::Rewriter;
    use super::super::user_template::{Input, LoopOrder, STEPS};
    use super::*;

    fn input(fragment: &str) -> Input {
        Input {
            fragment: Node::from_json_text(fragment).unwrap(),
            parameters: indexmap::IndexMap::new(),
            account_id: "123456789012".to_owned(),
            region: "us-west-2".to_owned(),
            permissions_boundary: None,
            language_extensions: None,
            loop_order: LoopOrder::default(),
        }
    }

    /// The texts of the fragment's member `Value`, and the steps that they took.
    fn computed(fragment: &str) -> (Vec<String>, usize) {
        let (input, suggestions) = (input(fragment), Suggestions::default());
        let user = UserTemplate::of(&input, &suggestions);
        let found = texts(input.fragment.get("Value").unwrap(), &user);
        (found, STEPS - user.budget.0.get())
    }

    fn nested(depth: usize, text: &str, innermost: &str) -> String {
        let value = (0..depth)
            .fold(innermost.to_owned(), |inner, _| format!(r#"{{"Fn::Sub": ["{text}", {{"a": {inner}}}]}}"#));
        format!(r#"{{"Value": {value}}}"#)
    }

    #[test]
    fn a_variable_that_is_used_twice_is_computed_once() {
        let (found, steps) = computed(&nested(3, "${a}${a}", r#""x""#));
        assert_eq!(found, ["x".repeat(8)]);
        assert!(steps < 30, "{steps}");
        let (found, steps) = computed(&nested(24, "${a}${a}", r#""x""#));
        assert!(found.iter().all(|text| text.contains(UNKNOWN) && text.len() <= LONGEST), "{found:?}");
        assert!(steps < 200, "{steps}");
    }

    #[test]
    fn a_value_is_looked_at_once_however_deep_it_stands() {
        let (input, suggestions) =
            (input(&nested(24, "${a}", r#"{"Ref": {"Fn::Sub": "Churn"}}"#)), Suggestions::default());
        let (user, products) = (UserTemplate::of(&input, &suggestions), [("Churn".to_owned(), None)].into());
        let mut rewriter = Rewriter::new(&products, &user);
        rewriter.value(&mut input.fragment.clone(), &Path::ROOT);
        assert_eq!(rewriter.findings.len(), 1);
        assert!(user.budget.0.get() > STEPS - 1_000);
    }

    #[test]
    fn a_text_that_is_longer_than_any_logical_id_is_not_known() {
        let ends = |count: usize| computed(&nested(1, "${a}b", &format!("\"{}\"", "x".repeat(count)))).0;
        assert_eq!(ends(254), [format!("{}b", "x".repeat(254))]);
        assert_eq!(ends(255), [UNKNOWN]);
    }

    #[test]
    fn what_the_budget_does_not_pay_for_is_not_known() {
        let either = r#"{"Fn::If": ["C", "x", "y"]}"#;
        let (found, steps) = computed(&nested(1, &"${a}".repeat(5), either));
        assert_eq!((found.len(), found.iter().any(|it| it.contains(UNKNOWN))), (32, false));
        assert!(steps < STEPS, "{steps}");
        // Each of a hundred items has a thousand texts.
        let item = format!(r#"{{"Fn::Sub": ["{}", {{"a": {either}}}]}}"#, "${a}".repeat(10));
        let items = vec![item; 100].join(", ");
        let (found, steps) = computed(&format!(r#"{{"Value": {{"Fn::Join": ["", [{items}]]}}}}"#));
        assert!(found.iter().all(|it| it.contains(UNKNOWN)), "{}", found.len());
        assert_eq!(steps, STEPS);
    }
}
