//! From a template to what its products need, and from there to the expanded template.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use mlp_template::codes;
use mlp_template::error::InternalError;
use mlp_template::finding::{Finding, blocks};
use mlp_template::region::Region;
use mlp_template::suggest::Suggestions;
use mlp_template::template::{Path, Template, Value, is_list_type};
use mlp_template::yaml::{Entry, Node, NodeValue, join};

use super::computed::Budget;
use super::declared::Declared;
use super::expanded::{Expanded, Part, Parts};
use super::lookups::Lookups;
use super::loops::LoopOrder;
use super::paths::ParameterPaths;
use super::references::{Last, Products, Rewriter};
use super::values::{as_text, function, map};
use super::{SHORT_TYPE, TYPE, checks, made, together};
use crate::config::AccountId;
use crate::product::{Product, RoleBoundary};

/// What is expanded.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// The template without the macro's own entry in `Transform`, in the long form of CloudFormation's JSON
    /// ([`super::long_form`]).
    pub fragment: Node,
    /// Template parameters with their values, defaults included.
    pub parameters: IndexMap<String, Node>,
    /// The account that the stack is for, 12 digits.
    pub account_id: String,
    /// The region that the stack is for.
    pub region: String,
    /// ARN of the managed policy that bounds the roles of products that name none: the suite's.
    pub permissions_boundary: Option<String>,
    /// When the template's loops run.
    pub loop_order: LoopOrder,
    /// Whether the template's `Transform` names `AWS::LanguageExtensions`. A macro is not told: nothing is known then.
    ///
    /// Source: AWS CloudFormation User Guide, "Create a CloudFormation macro definition" (the fragment of a macro in `Transform` is
    /// "the entire template except for the Transform section"); the recorded requests in `events/macro`.
    pub language_extensions: Option<bool>,
}

/// An input while its products are read.
pub(super) struct Request<'a> {
    pub(super) fragment: &'a Node,
    parameters: &'a IndexMap<String, Node>,
    pub(super) account_id: String,
    pub(super) region: String,
    pub(super) suggestions: &'a Suggestions,
    pub(super) loop_order: LoopOrder,
    pub(super) language_extensions: Option<bool>,
    /// What may still be computed.
    pub(super) budget: Budget,
}

impl<'a> Request<'a> {
    pub(super) fn of(input: &'a Input, suggestions: &'a Suggestions) -> Self {
        Self {
            suggestions,
            fragment: &input.fragment,
            parameters: &input.parameters,
            account_id: input.account_id.clone(),
            region: input.region.clone(),
            loop_order: input.loop_order,
            language_extensions: input.language_extensions,
            budget: Budget::default(),
        }
    }

    /// The value of a template parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&'a Node> {
        self.parameters.get(name)
    }

    /// Whether CloudFormation reads the value of a template parameter from SSM.
    pub(super) fn is_ssm_parameter(&self, name: &str) -> bool {
        let kind = self.declaration(name).and_then(|it| it.get("Type"));
        kind.and_then(as_text).is_some_and(|kind| kind.starts_with("AWS::SSM::Parameter::Value<"))
    }

    /// Whether the value of a template parameter is a list, by its type.
    pub(super) fn is_list_parameter(&self, name: &str) -> bool {
        self.is_list(name) == Some(true)
    }

    /// Whether the value of a template parameter is one text, by its type.
    pub(super) fn is_text_parameter(&self, name: &str) -> bool {
        self.is_list(name) == Some(false)
    }

    fn is_list(&self, parameter: &str) -> Option<bool> {
        self.type_of(parameter).map(is_list_type)
    }

    /// Whether the value of a template parameter is a secret. Whatever is not plainly `false` is one.
    pub(super) fn is_no_echo(&self, name: &str) -> bool {
        let declared = self.declaration(name).and_then(|it| it.get("NoEcho"));
        declared
            .is_some_and(|it| !it.scalar().is_some_and(|scalar| scalar.text.eq_ignore_ascii_case("false")))
    }

    /// The type of a template parameter, as it is written.
    pub(super) fn type_of(&self, parameter: &str) -> Option<&'a str> {
        self.declaration(parameter)?.get("Type").and_then(as_text)
    }

    fn declaration(&self, parameter: &str) -> Option<&'a Node> {
        self.fragment.get("Parameters")?.get(parameter)
    }

    /// Whether a condition of this name may be there that the template doesn't spell out: a loop makes it, or a
    /// `Fn::Transform` brings it.
    pub(super) fn may_become_condition(&self, name: &str) -> bool {
        let Some(NodeValue::Map(entries)) = self.fragment.get("Conditions").map(|node| &node.value) else {
            return self.fragment.get("Fn::Transform").is_some();
        };
        entries.iter().any(|entry| {
            entry.key == "Fn::Transform"
                || mlp_template::check::made_by_loop(&entry.key, &Value::from_node(&entry.value), name)
        }) || self.fragment.get("Fn::Transform").is_some()
    }

    /// The section, if there is one.
    pub(super) fn section(&self, name: &str) -> Option<&'a Node> {
        self.fragment.get(name)
    }

    /// The entries of a section.
    pub(super) fn names_in(&self, section: &str) -> Vec<&'a str> {
        match self.fragment.get(section).map(|node| &node.value) {
            Some(NodeValue::Map(entries)) => entries.iter().map(|entry| entry.key.as_str()).collect(),
            _ => Vec::new(),
        }
    }
}

/// A template whose products are read but not made.
#[derive(Debug, Clone)]
pub struct Plan {
    input: Input,
    /// By logical id; nothing for a product with mistakes.
    products: IndexMap<String, Option<Declared>>,
    suggestions: Suggestions,
    findings: Vec<Finding>,
}

/// Reads the products of a template.
pub fn plan(input: Input) -> Plan {
    let suggestions = Suggestions::default();
    let request = Request::of(&input, &suggestions);
    let mut findings = place(&request);
    let place_is_right = findings.is_empty();
    let mut products = IndexMap::new();
    match resources(&request) {
        Ok(entries) => {
            for entry in entries {
                if entry.key.starts_with("Fn::") {
                    in_loop(entry, request.loop_order, &mut findings);
                } else if is_product(entry, &suggestions, &mut findings) {
                    let read = Declared::read(entry, &request);
                    let declared = read.map_err(|mut wrong| {
                        // What is wrong with the place is no property's.
                        let properties = join(&join("/Resources", &entry.key), "Properties");
                        wrong.retain(|finding| place_is_right || finding.path != properties);
                        findings.append(&mut wrong);
                    });
                    let declared = declared.ok();
                    products.insert(entry.key.clone(), declared);
                }
            }
        }
        Err(finding) => findings.insert(0, *finding),
    }
    Plan { input, products, suggestions, findings }
}

/// Account and region must be what they are called.
fn place(request: &Request<'_>) -> Vec<Finding> {
    let account = AccountId::parse(&request.account_id).map(drop);
    let region = Region::parse(&request.region).map(drop);
    [("account", account.is_err(), &request.account_id), ("region", region.is_err(), &request.region)]
        .into_iter()
        .filter(|(_, wrong, _)| *wrong)
        .map(|(what, _, value)| {
            let value = mlp_template::template::read::shorten(value);
            Finding::error(
                codes::MAC_REQUEST,
                "",
                format!("the request's {what} is `{value}`, which is none that AWS has"),
            )
        })
        .collect()
}

/// The entries of `Resources`. A fragment without them is a part of a template.
fn resources<'a>(request: &Request<'a>) -> Result<&'a [Entry], Box<Finding>> {
    match request.fragment.get("Resources").map(|node| &node.value) {
        Some(NodeValue::Map(entries)) => Ok(entries),
        Some(_) => {
            let message = "`Resources` is not a map of resources";
            Err(Box::new(Finding::error(codes::TPL_SHAPE, "/Resources", message)))
        }
        None => {
            let message = "`MLProvisioner` got a part of a template without `Resources`";
            let help = "delete the `Fn::Transform`, and write `Transform: MLProvisioner` at the top of the template: the \
                        macro works on whole templates";
            Err(Box::new(Finding::error(codes::MAC_EMBEDDED, "", message).help(help)))
        }
    }
}

/// Whether the entry is a product; a type that was probably meant to be one is a finding.
fn is_product(entry: &Entry, suggestions: &Suggestions, findings: &mut Vec<Finding>) -> bool {
    let kind = entry.value.get("Type");
    match kind.and_then(as_text) {
        Some(TYPE | SHORT_TYPE) => true,
        Some(other) if other.starts_with("MLProvisioner::") => {
            let path = join(&join("/Resources", &entry.key), "Type");
            let message =
                format!("there is no resource type `{}`", mlp_template::template::read::shorten(other));
            let help =
                suggestions.did_you_mean(other, [TYPE]).unwrap_or_else(|| format!("the type is `{TYPE}`"));
            let finding = Finding::error(codes::MAC_TYPE, path, message).help(help);
            let at = kind.map_or((0, 0), |kind| (kind.line, kind.column));
            findings.push(finding.at(at.0, at.1));
            false
        }
        _ => false,
    }
}

/// A product in a loop can't be told from here.
fn in_loop(entry: &Entry, order: LoopOrder, findings: &mut Vec<Finding>) {
    fn holds_product(node: &Node) -> bool {
        let is_type =
            node.get("Type").and_then(as_text).is_some_and(|kind| matches!(kind, TYPE | SHORT_TYPE));
        is_type
            || match &node.value {
                NodeValue::Map(entries) => entries.iter().any(|entry| holds_product(&entry.value)),
                NodeValue::Seq(nodes) => nodes.iter().any(holds_product),
                NodeValue::Scalar(_) => false,
            }
    }
    if holds_product(&entry.value) {
        let message =
            format!("`{}` makes products, which the macro can't see before the loop has run", entry.key);
        let finding = Finding::error(codes::MAC_LOOP, join("/Resources", &entry.key), message);
        findings.push(finding.help(order.help()).at(entry.line, entry.column));
    }
}

/// Why there is no expanded template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// What is wrong with the template, warnings included.
    Findings(Vec<Finding>),
    /// A defect of ours.
    Internal(InternalError),
}

impl From<InternalError> for Failure {
    fn from(error: InternalError) -> Self {
        Self::Internal(error)
    }
}

impl Plan {
    /// Names the managed policy that bounds the roles of products that name none.
    pub(super) fn set_permissions_boundary(&mut self, policy: Option<String>) {
        self.input.permissions_boundary = policy;
    }

    /// Refuses products whose SSM paths are outside of those that the suite allows.
    #[must_use]
    pub fn within(mut self, paths: &ParameterPaths) -> Self {
        for declared in self.products.values_mut().flatten() {
            for finding in declared.wanted.within(paths) {
                self.findings.push(in_properties(declared, finding));
            }
        }
        self
    }

    /// The SSM parameters whose values [`Plan::expand`] wants, in alphabetical order. Nothing when the template has
    /// mistakes: then no value helps.
    pub fn needs(&self) -> BTreeSet<String> {
        if blocks(&self.findings) {
            return BTreeSet::new();
        }
        self.products.values().flatten().flat_map(|it| it.wanted.paths()).map(str::to_owned).collect()
    }

    /// Expands the products.
    ///
    /// # Errors
    ///
    /// Every finding when at least one blocks, or a defect of ours.
    pub fn expand(self, lookups: &Lookups) -> Result<Expanded, Failure> {
        let Self { input, products: declared, suggestions, mut findings } = self;
        let request = Request::of(&input, &suggestions);
        // Of a template with mistakes nothing was looked up.
        let lookups = (!blocks(&findings)).then_some(lookups);
        let mut products = Products::with_capacity(declared.len());
        for (id, declared) in &declared {
            let mut product = declared.as_ref().map(|it| Product::new(&it.config)).transpose()?;
            if let Some(product) = &mut product {
                // A macro can't add template parameters.
                product.inputs.permissions_boundary = match &input.permissions_boundary {
                    Some(policy) => RoleBoundary::Policy(Value::str(policy.as_str())),
                    None => RoleBoundary::Own,
                };
            }
            products.insert(id.clone(), product);
        }
        findings.extend(together::names(&declared, &products));

        let mut rewriter = Rewriter::new(&products, &request);
        let mut templates = IndexMap::new();
        let mut written = Vec::new();
        for declared in declared.values().flatten() {
            findings.extend(declared.warnings.iter().cloned());
            let Some(Some(product)) = products.get(&declared.id) else { continue };
            let template = make(declared, product.clone(), lookups, &mut rewriter, &mut findings)?;
            templates.insert(declared.id.clone(), template);
            written.push((declared.id.clone(), rewriter.silently(&declared.node, &declared.id)));
        }
        for declared in declared.values().flatten() {
            for name in &declared.attributes.depends_on {
                if let Some((message, help)) = rewriter.part_of_product(name) {
                    let path = join(&join("/Resources", &declared.id), "DependsOn");
                    let finding = Finding::error(codes::MAC_REFERENCE, path, message).help(help);
                    findings.push(finding.at(declared.node.line, declared.node.column));
                }
            }
        }
        let last: Last = if request.mentions_depends_on() {
            templates.iter().map(|(id, template)| (id.clone(), made::last(template))).collect()
        } else {
            Last::new()
        };
        wait_for_products(&mut templates, &last);

        let mut sections = Vec::new();
        let mut parts = Vec::new();
        if let NodeValue::Map(entries) = &input.fragment.value {
            for entry in entries {
                let mut section = entry.clone();
                match section.key.as_str() {
                    // Nothing in these is resolved.
                    "Metadata" | "Parameters" | "Mappings" | "AWSTemplateFormatVersion" | "Description" => {}
                    "Conditions" => rewriter.without_resources("Conditions", &mut section.value),
                    "Rules" => rewriter.without_resources("Rules", &mut section.value),
                    "Resources" => {
                        parts = resources_of(&mut section.value, &last, &mut rewriter, &templates);
                    }
                    _ => rewriter.value(&mut section.value, &Path::ROOT.key(&entry.key)),
                }
                sections.push(section);
            }
        }
        findings.append(&mut rewriter.findings);
        findings.extend(together::logical_ids(&request, &products, &templates));
        findings.extend(together::limits(&request, &templates));
        let made_by = together::made_by(&templates);
        findings.extend(together::metadata(&mut sections, &made_by));
        let mut products = checks::products(written, &request);
        // What is wrong with a function's place needs no second finding about what is in it.
        products.retain(|wrong| !findings.iter().any(|known| checks::is_at(wrong, &known.path)));
        if !blocks(&findings) {
            let wrong = |id: &String| products.iter().any(|finding| checks::is_of(finding, id));
            let settled = templates.iter().filter(|(id, _)| wrong(id));
            let settled = settled.flat_map(|(_, template)| template.resources.keys().cloned()).collect();
            let mut all = Template {
                metadata: made_by,
                resources: templates.into_values().flat_map(|template| template.resources).collect(),
                ..Template::default()
            };
            findings.extend(checks::made(&mut all, &request, &settled));
            fill(&mut parts, all);
        }
        findings.extend(products);
        if blocks(&findings) {
            return Err(Failure::Findings(findings));
        }
        let expanded = Expanded::new(Parts { sections, resources: parts }, findings)?;
        match mlp_template::check::size(expanded.json().get()) {
            Some(finding) => Err(Failure::Findings(vec![finding])),
            None => Ok(expanded),
        }
    }
}

/// One product's resources, with its logical ids.
fn make(
    declared: &Declared,
    mut product: Product,
    lookups: Option<&Lookups>,
    rewriter: &mut Rewriter<'_>,
    findings: &mut Vec<Finding>,
) -> Result<Template, InternalError> {
    if let Some(lookups) = lookups {
        let wrong = declared.wanted.put_into(&mut product, lookups);
        findings.extend(wrong.into_iter().map(|finding| in_properties(declared, finding)));
    }
    let mut declared = declared.clone();
    let resources = Path::ROOT.key("Resources");
    let resource = resources.key(&declared.id);
    for (pointer, node) in &mut declared.passed {
        let place = crate::config::properties::pointer(pointer);
        rewriter.own = pointer.starts_with("/tags/").then(|| declared.id.clone());
        below(rewriter, node, &resource.key("Properties"), place.trim_start_matches('/'));
        rewriter.own = None;
    }
    let attributes = &mut declared.attributes;
    for (key, node) in [
        ("Metadata", &mut attributes.metadata),
        ("DeletionPolicy", &mut attributes.deletion_policy),
        ("UpdateReplacePolicy", &mut attributes.update_replace_policy),
    ] {
        if let Some(node) = node {
            rewriter.value(node, &resource.key(key));
        }
    }
    made::put_passed(&declared.passed, &mut product.inputs);
    made::template(&declared, &product)
}

/// A finding that points into a product's config, pointing into the properties of its resource.
fn in_properties(declared: &Declared, finding: Finding) -> Finding {
    let properties = join(&join("/Resources", &declared.id), "Properties");
    let path = format!("{properties}{}", crate::config::properties::pointer(&finding.path));
    let finding = Finding { path, ..finding };
    let (line, column) = (declared.node.line, declared.node.column);
    finding.at(line, column)
}

/// Rewrites a value some keys below a path.
fn below(rewriter: &mut Rewriter<'_>, node: &mut Node, path: &Path<'_>, keys: &str) {
    match keys.split_once('/') {
        Some((key, rest)) => below(rewriter, node, &path.key(key), rest),
        None => rewriter.value(node, &path.key(keys)),
    }
}

/// `DependsOn` of a product that names another product.
fn wait_for_products(templates: &mut IndexMap<String, Template>, last: &Last) {
    for template in templates.values_mut() {
        for resource in template.resources.values_mut().filter(|it| !it.depends_on.is_empty()) {
            let named = std::mem::take(&mut resource.depends_on);
            resource.depends_on = named
                .into_iter()
                .flat_map(|name| last.get(&name).cloned().unwrap_or_else(|| vec![name]))
                .collect();
        }
    }
}

/// The entries of `Resources`, products replaced by (still empty) places for what was made of them.
fn resources_of(
    section: &mut Node,
    last: &Last,
    rewriter: &mut Rewriter<'_>,
    templates: &IndexMap<String, Template>,
) -> Vec<(String, Part)> {
    let NodeValue::Map(entries) = &mut section.value else { return Vec::new() };
    let mut parts = Vec::new();
    for entry in std::mem::take(entries) {
        let mut entry = entry;
        if let Some(template) = templates.get(&entry.key) {
            let made = |id: &String| (id.clone(), Part::Made(Box::default()));
            parts.extend(template.resources.keys().map(made));
        } else {
            if function(&entry.value).is_none() || entry.key.starts_with("Fn::") {
                rewriter.resource(&entry.key, &mut entry.value, last, &Path::ROOT.key("Resources"));
            }
            parts.push((entry.key, Part::Kept(entry.value)));
        }
    }
    *section = Node { value: NodeValue::Map(Vec::new()), ..map([]) };
    parts
}

/// Puts what was made into its places.
fn fill(parts: &mut [(String, Part)], mut made: Template) {
    for (id, part) in parts {
        if let (Part::Made(place), Some(resource)) = (part, made.resources.get_mut(id.as_str())) {
            std::mem::swap(place.as_mut(), resource);
        }
    }
}

impl Request<'_> {
    /// Whether anything may wait for others by name.
    fn mentions_depends_on(&self) -> bool {
        fn mentions(node: &Node) -> bool {
            match &node.value {
                NodeValue::Map(entries) => {
                    entries.iter().any(|entry| entry.key == "DependsOn" || mentions(&entry.value))
                }
                NodeValue::Seq(nodes) => nodes.iter().any(mentions),
                NodeValue::Scalar(_) => false,
            }
        }
        self.fragment.get("Resources").is_some_and(mentions)
    }
}
