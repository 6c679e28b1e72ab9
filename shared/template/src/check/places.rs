//! From a place in the template's long form to the place in the user's document.

use super::Spot;
use crate::finding::{Finding, bounded};
use crate::pointer::join;
use crate::template::path::Token;
use crate::yaml::{Document, NodeValue};

/// Gives a finding its pointer into the document, line and column. What the document doesn't have (a part of a text, the
/// list that a single `DependsOn` becomes) is placed at what holds it.
pub(crate) fn place(document: &Document, tokens: &[Token<'_>], spot: Spot, finding: Finding) -> Finding {
    let mut node = &document.root;
    let mut key = None;
    let mut pointer = String::new();
    // Whether the node's tag has been stepped into already.
    let mut inside = false;
    for token in tokens {
        match (*token, &node.value) {
            (Token::Key(function), _)
                if !inside && node.tag.as_deref().is_some_and(|tag| is(function, tag)) =>
            {
                inside = true;
            }
            (Token::Key(name), NodeValue::Map(entries)) => {
                let Some(entry) = entries.iter().find(|entry| entry.key == name) else { break };
                step(&mut pointer, name);
                key = Some((entry.line, entry.column));
                (node, inside) = (&entry.value, false);
            }
            (Token::Index(index), NodeValue::Seq(nodes)) => {
                let Some(element) = nodes.get(index) else { break };
                step(&mut pointer, &index.to_string());
                (node, key, inside) = (element, None, false);
            }
            // A pointer that came as text doesn't tell an index from a key.
            (Token::Key(text), NodeValue::Seq(nodes)) => {
                let Some(element) = text.parse::<usize>().ok().and_then(|index| nodes.get(index)) else {
                    break;
                };
                step(&mut pointer, text);
                (node, key, inside) = (element, None, false);
            }
            _ => break,
        }
    }
    let (line, column) = match (spot, key) {
        (Spot::Key, Some(key)) => key,
        _ => (node.line, node.column),
    };
    let finding = Finding { path: bounded(pointer), ..finding };
    finding.at(line, column)
}

/// Adds a step to a pointer.
fn step(pointer: &mut String, token: &str) {
    pointer.push_str(&join("", token));
}

/// Whether a short form's tag is the function of a long form's key.
fn is(function: &str, tag: &str) -> bool {
    function.strip_prefix("Fn::").unwrap_or(function) == tag
}
