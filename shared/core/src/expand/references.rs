//! What a template says about its products, rewritten to what there will be.
//!
//! Works on the template as it is written: what names no product keeps its spelling.

use std::collections::HashMap;

use indexmap::IndexMap;

use super::attributes::target;
use super::values::{as_text, list, placed, text, to_node};
use crate::codes;
use crate::finding::Finding;
use crate::product::Product;
use crate::suggest::Suggestions;
use crate::template::references::{self, Reference};
use crate::template::{Path, SubPart, Value};
use crate::yaml::{Node, NodeValue};

/// The products by logical id; nothing for one that couldn't be read, about which nothing more is said.
pub(super) type Products = IndexMap<String, Option<Product>>;

/// Logical id of a product to the resources on which none of its others depends.
pub(super) type Last = HashMap<String, Vec<String>>;

/// Rewrites references, and collects what can't be.
pub(super) struct Rewriter<'a> {
    pub(super) products: &'a Products,
    suggestions: &'a Suggestions,
    pub(super) findings: Vec<Finding>,
    /// The product that the current value becomes a tag of.
    pub(super) own: Option<String>,
    /// The variables of the loops around the current value.
    loops: Vec<String>,
    /// The section in which nothing may refer to a resource.
    without_resources: Option<&'static str>,
}

impl<'a> Rewriter<'a> {
    pub(super) fn new(products: &'a Products, suggestions: &'a Suggestions) -> Self {
        Self {
            products,
            suggestions,
            findings: Vec::new(),
            own: None,
            loops: Vec::new(),
            without_resources: None,
        }
    }

    /// A section in which CloudFormation resolves no reference to a resource: each is a finding.
    pub(super) fn without_resources(&mut self, section: &'static str, node: &mut Node) {
        self.without_resources = Some(section);
        self.value(node, &Path::ROOT.key(section));
        self.without_resources = None;
    }

    /// The entries of `Resources`, and of the body of a loop there: `DependsOn` and everything else.
    pub(super) fn resource(&mut self, key: &str, node: &mut Node, last: &Last, path: &Path<'_>) {
        let path = path.key(key);
        if key.starts_with("Fn::ForEach::") {
            let body = |rewriter: &mut Self, body: &mut Node, path: &Path<'_>| match &mut body.value {
                NodeValue::Map(entries) => {
                    for entry in entries {
                        rewriter.resource(&entry.key, &mut entry.value, last, path);
                    }
                }
                _ => rewriter.value(body, path),
            };
            return self.repeated(node, &path, body);
        }
        let NodeValue::Map(entries) = &mut node.value else { return };
        for entry in entries {
            if entry.key == "DependsOn" {
                Self::depends_on(&mut entry.value, last);
            } else {
                self.value(&mut entry.value, &path.key(&entry.key));
            }
        }
    }

    /// `Fn::ForEach::<name>: [variable, collection, body]`.
    fn repeated(&mut self, node: &mut Node, path: &Path<'_>, body: impl Fn(&mut Self, &mut Node, &Path<'_>)) {
        if let NodeValue::Seq(parts) = &mut node.value
            && let [variable, collection, made] = parts.as_mut_slice()
            && let Some(variable) = as_text(variable)
        {
            self.value(collection, &path.index(1));
            self.loops.push(variable.to_owned());
            body(self, made, &path.index(2));
            self.loops.pop();
        }
    }

    /// Any value.
    pub(super) fn value(&mut self, node: &mut Node, path: &Path<'_>) {
        match &mut node.value {
            NodeValue::Scalar(_) => {}
            NodeValue::Seq(nodes) => {
                for (index, node) in nodes.iter_mut().enumerate() {
                    self.value(node, &path.index(index));
                }
            }
            NodeValue::Map(entries) => {
                let single = entries.len() == 1;
                let key = entries.first().map(|entry| entry.key.as_str()).filter(|_| single);
                if matches!(key, Some("Ref" | "Fn::GetAtt" | "Fn::Sub")) && self.function(node, path) {
                    return;
                }
                let NodeValue::Map(entries) = &mut node.value else { return };
                for entry in entries {
                    let path = path.key(&entry.key);
                    if entry.key.starts_with("Fn::ForEach::") {
                        self.repeated(&mut entry.value, &path, Self::value);
                    } else {
                        self.value(&mut entry.value, &path);
                    }
                }
            }
        }
    }

    /// Rewrites a function that names things; whether there is nothing left to do in it.
    fn function(&mut self, node: &mut Node, path: &Path<'_>) -> bool {
        let mut value = Value::from_node(node);
        if let Value::Call(crate::template::Function::GetAtt, argument) = &value {
            return self.odd_get_att(argument, node, path);
        }
        if !matches!(value, Value::Ref(_) | Value::GetAtt(..) | Value::Sub(_)) {
            return false;
        }
        let mut changed = false;
        references::rewrite(&mut value, &mut |reference| {
            let new = self.resolved(reference, node, path);
            changed |= new.is_some();
            new
        });
        if changed {
            if let Value::Sub(sub) = &value
                && let [SubPart::Text(only)] = sub.parts.as_slice()
                && sub.variables.is_empty()
            {
                // Nothing is left for CloudFormation to put in.
                value = Value::str(only.as_str());
            }
            *node = placed(to_node(&value), node);
        }
        true
    }

    /// `[Fraud, ArtifactsBucket, Arn]`, which CloudFormation takes for `[Fraud, ArtifactsBucket.Arn]`, and attributes
    /// that a function computes.
    fn odd_get_att(&mut self, argument: &Value, node: &mut Node, path: &Path<'_>) -> bool {
        let Value::List(parts) = argument else { return false };
        let Some((Value::Str(name), attribute)) = parts.split_first() else { return false };
        if !self.products.contains_key(name) {
            return false;
        }
        let texts: Option<Vec<&str>> = attribute.iter().map(Value::as_str).collect();
        match texts {
            Some(texts) if !texts.is_empty() => {
                let attribute = texts.join(".");
                let reference = Reference::Attribute { name, attribute: Some(&attribute), sub: false };
                if let Some(new) = self.resolved(reference, node, path) {
                    *node = placed(to_node(&new), node);
                }
            }
            _ => {
                let message = format!(
                    "the attribute of `{name}` must be written out: which resource it leads to is decided by its name"
                );
                self.add(node, path, message, None);
            }
        }
        true
    }

    /// What stands in the place of a reference to a product.
    fn resolved(&mut self, reference: Reference<'_>, node: &Node, path: &Path<'_>) -> Option<Value> {
        let (name, attribute) = match reference {
            Reference::Name { name, .. } => (name, None),
            Reference::Attribute { name, attribute: Some(attribute), .. } => (name, Some(attribute)),
            _ => return None,
        };
        if self.loops.iter().any(|variable| variable == name) {
            return None;
        }
        let product = self.products.get(name)?.as_ref()?;
        if let Some(section) = self.without_resources {
            let message = format!(
                "`{section}` can't refer to `{name}`: CloudFormation reads it before there are resources"
            );
            let help = "conditions and rules can refer to template parameters".to_owned();
            self.add(node, path, message, Some(help));
            return None;
        }
        match target(name, product, attribute, self.suggestions) {
            Ok(Value::Ref(_) | Value::GetAtt(..)) if self.own.as_deref() == Some(name) => {
                let message =
                    format!("a tag of `{name}` can't come from its own resources: they all have the tag");
                self.add(node, path, message, None);
                None
            }
            Ok(value) => Some(value),
            Err(unknown) => {
                self.add(node, path, unknown.message, unknown.help);
                None
            }
        }
    }

    /// Whoever waits for a product waits for the resources on which none of its others depends: all of it.
    fn depends_on(node: &mut Node, last: &Last) {
        let names = match &node.value {
            NodeValue::Seq(nodes) => nodes.as_slice(),
            _ => std::slice::from_ref(&*node),
        };
        if !names.iter().any(|name| as_text(name).is_some_and(|name| last.contains_key(name))) {
            return;
        }
        let mut ids: Vec<Node> = Vec::new();
        for name in names {
            match as_text(name).and_then(|name| last.get(name)) {
                Some(resources) => ids.extend(resources.iter().map(|id| placed(text(id), name))),
                None => ids.push(name.clone()),
            }
        }
        *node = placed(list(ids), node);
    }

    fn add(&mut self, node: &Node, path: &Path<'_>, message: String, help: Option<String>) {
        let finding = Finding { help, ..Finding::error(codes::MAC_REFERENCE, path.to_string(), message) };
        self.findings.push(if node.line > 0 { finding.at(node.line, node.column) } else { finding });
    }
}
