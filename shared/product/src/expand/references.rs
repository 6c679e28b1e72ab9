//! What a template says about its products, rewritten to what there will be.
//!
//! Works on the template as it is written: what names no product keeps its spelling.

use std::collections::HashMap;

use mlp_template::codes;
use mlp_template::finding::{Code, Finding, Severity};
use mlp_template::suggest::Suggestions;
use mlp_template::template::references::{self, Reference, is_pattern};
use mlp_template::template::{Path, SubPart, Value};
use mlp_template::yaml::{Node, NodeValue};

use super::attributes::{Products, target};
use super::computed;
use super::loops::{Loop, may_name};
use super::user_template::UserTemplate;
use super::values::{as_text, function, list, placed, text, to_node};

/// Logical id of a product to the resources on which none of its others depends.
pub(super) type Last = HashMap<String, Vec<String>>;

/// Rewrites references, and collects what can't be.
pub(super) struct Rewriter<'a> {
    pub(super) products: &'a Products,
    user: &'a UserTemplate<'a>,
    suggestions: &'a Suggestions,
    pub(super) findings: Vec<Finding>,
    /// The product that the current value becomes a tag of.
    pub(super) own: Option<String>,
    /// The loops around the current value.
    loops: Vec<Loop>,
    /// The section in which nothing may refer to a resource.
    without_resources: Option<&'static str>,
}

impl<'a> Rewriter<'a> {
    pub(super) fn new(products: &'a Products, user: &'a UserTemplate<'a>) -> Self {
        Self {
            products,
            user,
            suggestions: user.suggestions,
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
                self.depends_on(&mut entry.value, last, &path.key("DependsOn"));
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
            let collection = Loop::new(variable, collection, self.user);
            self.loops.push(collection);
            body(self, made, &path.index(2));
            self.loops.pop();
        }
    }

    /// The value rewritten; what is found in it is said elsewhere.
    pub(super) fn silently(&mut self, node: &Node, id: &str) -> Node {
        let before = self.findings.len();
        let mut node = node.clone();
        self.value(&mut node, &Path::ROOT.key("Resources").key(id));
        self.findings.truncate(before);
        node
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
                if matches!(key, Some("Ref" | "Fn::GetAtt" | "Fn::Sub")) {
                    let before = self.findings.len();
                    self.names_by_value(node, path);
                    if self.findings.len() > before {
                        return;
                    }
                    let done = self.function(node, path);
                    if self.findings.len() == before {
                        self.names_product_later(node, path, false);
                    }
                    if self.findings.len() == before {
                        self.computes_product(node, path);
                    }
                    if done {
                        return;
                    }
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
        if let Value::Call(mlp_template::template::Function::GetAtt, argument) = &value {
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
                && !only.contains("${")
            {
                // Nothing is left for CloudFormation to put in. A `${` would be: as plain text it has no escape, and a loop
                // or a macro that runs later puts its own value in (AWS::LanguageExtensions replaces `${Identifier}` in
                // all of a loop's body: Template Reference, "Fn::ForEach"; aws-cloudformation/rain#575).
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
                let order = self.user.loop_order;
                let help = if self.loops.is_empty() {
                    order.help_for_computed("attribute")
                } else {
                    order.help().to_owned()
                };
                self.push(codes::MAC_LOOP, node, path, message, Some(help));
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
        if self.loops.iter().any(|it| it.variable == name) {
            return None;
        }
        if let (None, Some((product, attribute))) = (attribute, name.split_once('.')) {
            // SAM's way to write it, `!Ref Function.Version`: `Ref` itself takes no attribute.
            if self.products.contains_key(product) {
                let message = format!("`Ref` takes the name of a product and no attribute: `{name}`");
                self.add(node, path, message, Some(format!("write `!GetAtt {product}.{attribute}`")));
            }
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
        if let Some(pattern) = attribute.filter(|it| !self.loops.is_empty() && is_pattern(it)) {
            // Of `${P.${V}}` only `P.${V` is the reference: the first `}` ends it.
            let end = if pattern.matches("${").count() > pattern.matches('}').count() { "}" } else { "" };
            let message = format!("a loop decides the attribute of `{name}.{pattern}{end}`");
            self.push(codes::MAC_LOOP, node, path, message, Some(self.user.loop_order.help().to_owned()));
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
    fn depends_on(&mut self, node: &mut Node, last: &Last, path: &Path<'_>) {
        self.names_product_later(node, path, true);
        let names = match &node.value {
            NodeValue::Seq(nodes) => nodes.as_slice(),
            _ => std::slice::from_ref(&*node),
        };
        for name in names {
            if let Some((message, help)) = as_text(name).and_then(|name| self.part_of_product(name)) {
                self.add(name, path, message, Some(help));
            }
        }
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

    /// A `DependsOn` with a product's attribute.
    pub(super) fn part_of_product(&self, name: &str) -> Option<(String, String)> {
        let (product, _) =
            name.split_once('.').filter(|(product, _)| self.products.contains_key(*product))?;
        let message = format!("`DependsOn` takes logical ids, and `{name}` is an attribute of a product");
        Some((message, format!("write `{product}`: it waits for all of the product")))
    }

    /// Refuses what names a product only after a loop has run: the macro runs before it and takes the product away.
    fn names_product_later(&mut self, node: &Node, path: &Path<'_>, depends_on: bool) {
        if let Some((variable, product)) = may_name(node, &self.loops, (self.products, self.user), depends_on)
        {
            let message = format!(
                "in a loop `{variable}` stands for the product `{product}`, which the macro replaces before the loop runs"
            );
            let help = self.user.loop_order.help().to_owned();
            self.push(codes::MAC_LOOP, node, path, message, Some(help));
        }
    }

    /// Refuses a function that computes the name of a product, in the value or in the variables of its `Fn::Sub`: the
    /// macro takes the product away before CloudFormation computes the name. A name that isn't known is a warning.
    fn computes_product(&mut self, node: &Node, path: &Path<'_>) {
        if let Some(("Fn::Sub", argument)) = function(node) {
            return self.computes_product_below(argument, path);
        }
        if self.products.is_empty() || self.loops.iter().any(|it| it.is_known() && it.is_in(node)) {
            return;
        }
        let Some(named) = computed::named(node, self.products, self.user) else { return };
        let (function, product) = (named.function, &named.product);
        let message = if named.certain {
            format!(
                "`{function}` computes the name of the product `{product}`, which the macro replaces before CloudFormation \
                 computes the name"
            )
        } else {
            format!(
                "`{function}` computes a name that may be the product `{product}`, which the macro replaces before \
                 CloudFormation computes the name"
            )
        };
        let help = self.user.loop_order.help_for_computed("name");
        self.push(codes::MAC_LOOP, node, path, message, Some(help));
        if let Some(finding) = self.findings.last_mut().filter(|_| !named.certain) {
            finding.severity = Severity::Warning;
        }
    }

    /// Refuses a name that is computed of a product's value, in the value or in the variables of its `Fn::Sub`.
    fn names_by_value(&mut self, node: &Node, path: &Path<'_>) {
        if let Some((function, product)) = computed::of_product(node, self.products)
            && !self.loops.iter().any(|it| it.variable == product)
        {
            let message = format!(
                "`{function}` takes a logical id, and this one is computed of a value of the product `{product}`"
            );
            let written =
                if function == "Ref" { format!("!Ref {product}") } else { Self::get_att(node, &product) };
            return self.add(node, path, message, Some(format!("write the logical id itself: `{written}`")));
        }
        match &node.value {
            NodeValue::Scalar(_) => {}
            NodeValue::Seq(nodes) => nodes.iter().for_each(|node| self.names_by_value(node, path)),
            NodeValue::Map(entries) => entries.iter().for_each(|it| self.names_by_value(&it.value, path)),
        }
    }

    /// `!GetAtt Churn.KmsKeyArn` for `!GetAtt [!Ref Churn, KmsKeyArn]`.
    fn get_att(node: &Node, product: &str) -> String {
        let parts = match function(node).map(|(_, argument)| &argument.value) {
            Some(NodeValue::Seq(parts)) => parts.as_slice(),
            _ => &[],
        };
        let attribute: Vec<&str> = parts.iter().skip(1).filter_map(as_text).collect();
        let attribute = if attribute.is_empty() { "Attribute".to_owned() } else { attribute.join(".") };
        format!("!GetAtt {product}.{attribute}")
    }

    fn computes_product_below(&mut self, node: &Node, path: &Path<'_>) {
        // Of a `Fn::Sub` everything is looked at below: once, or the work would double with each one in another.
        if function(node).is_some_and(|(name, _)| matches!(name, "Ref" | "Fn::GetAtt")) {
            self.computes_product(node, path);
        }
        match &node.value {
            NodeValue::Scalar(_) => {}
            NodeValue::Seq(nodes) => {
                for node in nodes {
                    self.computes_product_below(node, path);
                }
            }
            NodeValue::Map(entries) => {
                for entry in entries {
                    self.computes_product_below(&entry.value, path);
                }
            }
        }
    }

    fn add(&mut self, node: &Node, path: &Path<'_>, message: String, help: Option<String>) {
        self.push(codes::MAC_REFERENCE, node, path, message, help);
    }

    fn push(&mut self, code: Code, node: &Node, path: &Path<'_>, message: String, help: Option<String>) {
        let finding = Finding { help, ..Finding::error(code, path.to_string(), message) };
        self.findings.push(finding.at(node.line, node.column));
    }
}
