//! Nodes of a template in the long form of CloudFormation's JSON.

use mlp_template::template::{Function, Value};
use mlp_template::yaml::{Entry, Node, NodeValue, Scalar, ScalarKind};

/// A YAML template in long form, places kept: `!Ref x` is a map with the key `Ref`, and scalars are what CloudFormation
/// takes them for. JSON is in long form already.
pub fn long_form(node: &Node) -> Node {
    let Some(tag) = &node.tag else {
        let value = match &node.value {
            NodeValue::Scalar(_) => return placed(to_node(&Value::from_node(node)), node),
            NodeValue::Seq(nodes) => NodeValue::Seq(nodes.iter().map(long_form).collect()),
            NodeValue::Map(entries) => NodeValue::Map(
                entries
                    .iter()
                    .map(|entry| Entry { value: long_form(&entry.value), ..entry.clone() })
                    .collect(),
            ),
        };
        return Node { value, tag: None, ..*node };
    };
    let function = Function::from_short(tag);
    let untagged = Node { tag: None, ..node.clone() };
    let argument = match (function, &node.value) {
        (Some(Function::GetAtt), NodeValue::Scalar(scalar)) => match scalar.text.split_once('.') {
            Some((name, attribute)) => {
                let parts = [name, attribute].map(|part| placed(text(part), node));
                Node { value: NodeValue::Seq(parts.into()), ..untagged }
            }
            None => placed(text(&scalar.text), node),
        },
        // A scalar with a tag is text, whatever it looks like.
        (_, NodeValue::Scalar(scalar)) => placed(text(&scalar.text), node),
        _ => long_form(&untagged),
    };
    let key = function.map_or_else(|| format!("Fn::{tag}"), |function| function.long().to_owned());
    placed(map([(key, argument)]), node)
}

/// A value as a node without a place.
pub(super) fn to_node(value: &Value) -> Node {
    let scalar =
        |kind, text: &str| node(NodeValue::Scalar(Scalar { text: text.to_owned(), kind, plain: true }));
    match value {
        Value::Null => scalar(ScalarKind::Null, "null"),
        Value::Bool(value) => scalar(ScalarKind::Bool(*value), if *value { "true" } else { "false" }),
        Value::Int(value) => scalar(ScalarKind::Int(*value), &value.to_string()),
        Value::Number(text) => scalar(ScalarKind::Float, text),
        Value::Str(value) => text(value),
        Value::List(values) => list(values.iter().map(to_node)),
        Value::Map(entries) => map(entries.iter().map(|(key, value)| (key.clone(), to_node(value)))),
        Value::Ref(name) => map([("Ref".to_owned(), text(name))]),
        Value::GetAtt(name, attribute) => {
            map([("Fn::GetAtt".to_owned(), list([text(name), text(attribute)]))])
        }
        Value::Sub(sub) => {
            let written = text(&sub.to_text());
            let variables = sub.variables.iter().map(|(key, value)| (key.clone(), to_node(value)));
            let argument = if sub.variables.is_empty() { written } else { list([written, map(variables)]) };
            map([("Fn::Sub".to_owned(), argument)])
        }
        Value::Call(function, argument) => map([(function.long().to_owned(), to_node(argument))]),
    }
}

/// A node without a place.
fn node(value: NodeValue) -> Node {
    Node { line: 0, column: 0, tag: None, value }
}

/// Text.
pub(super) fn text(value: &str) -> Node {
    node(NodeValue::Scalar(Scalar { text: value.to_owned(), kind: ScalarKind::Str, plain: false }))
}

/// A list.
pub(super) fn list(nodes: impl IntoIterator<Item = Node>) -> Node {
    node(NodeValue::Seq(nodes.into_iter().collect()))
}

/// A map.
pub(super) fn map(entries: impl IntoIterator<Item = (String, Node)>) -> Node {
    let entry = |(key, value)| Entry { key, line: 0, column: 0, value };
    node(NodeValue::Map(entries.into_iter().map(entry).collect()))
}

/// The node with the place of another.
pub(super) fn placed(mut node: Node, at: &Node) -> Node {
    (node.line, node.column) = (at.line, at.column);
    node
}

/// The text of a node that is text.
pub(super) fn as_text(node: &Node) -> Option<&str> {
    node.scalar().filter(|scalar| scalar.kind == ScalarKind::Str).map(|scalar| scalar.text.as_str())
}

/// Function and argument of a map that is an intrinsic function, loops and macros included.
pub(super) fn function(node: &Node) -> Option<(&str, &Node)> {
    match &node.value {
        NodeValue::Map(entries) => match entries.as_slice() {
            [entry] if entry.key == "Ref" || entry.key.starts_with("Fn::") => {
                Some((&entry.key, &entry.value))
            }
            _ => None,
        },
        _ => None,
    }
}

/// What a person sees there.
pub(super) fn described(node: &Node) -> String {
    if let Some((name, argument)) = function(node) {
        return match as_text(argument) {
            Some(argument) if name == "Ref" => {
                format!("a `Ref` to `{}`", mlp_template::template::read::shorten(argument))
            }
            _ => format!("the function `{name}`"),
        };
    }
    match &node.value {
        NodeValue::Map(_) => "a map".to_owned(),
        NodeValue::Seq(_) => "a list".to_owned(),
        NodeValue::Scalar(scalar) if scalar.kind == ScalarKind::Null => "empty".to_owned(),
        NodeValue::Scalar(scalar) => format!("`{}`", mlp_template::template::read::shorten(&scalar.text)),
    }
}
