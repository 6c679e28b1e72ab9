//! From a template to what its products need, and from there to the expanded template.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use mlp_template::codes;
use mlp_template::error::InternalError;
use mlp_template::finding::{Finding, blocks};
use mlp_template::region::Region;
use mlp_template::suggest::Suggestions;
use mlp_template::template::{Path, Template, Value};
use mlp_template::yaml::{Entry, Node, NodeValue, join};

use super::attributes::Products;
use super::declared::Declared;
use super::expanded::{Expanded, Part, Parts};
use super::lookups::Lookups;
use super::paths::ParameterPaths;
use super::references::{Last, Rewriter};
use super::user_template::{Input, LoopOrder, UserTemplate};
use super::values::{as_text, function, map};
use super::{SHORT_TYPE, TYPE, checks, made, together};
use crate::config::AccountId;
use crate::config::properties::BOUNDARY_PROPERTY;
use crate::product::{Product, RoleBoundary};

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
    let user = UserTemplate::of(&input, &suggestions);
    let mut findings = place(&user);
    let place_is_right = findings.is_empty();
    let mut products = IndexMap::new();
    match resources(&user) {
        Ok(entries) => {
            for entry in entries {
                if entry.key.starts_with("Fn::") {
                    in_loop(entry, user.loop_order, &mut findings);
                } else if is_product(entry, &suggestions, &mut findings) {
                    let read = Declared::read(entry, &user);
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
fn place(user: &UserTemplate<'_>) -> Vec<Finding> {
    let account = AccountId::parse(&user.account_id).map(drop);
    let region = Region::parse(&user.region).map(drop);
    [("account", account.is_err(), &user.account_id), ("region", region.is_err(), &user.region)]
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
fn resources<'a>(user: &UserTemplate<'a>) -> Result<&'a [Entry], Box<Finding>> {
    match user.fragment.get("Resources").map(|node| &node.value) {
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
        let user = UserTemplate::of(&input, &suggestions);
        // Of a template with mistakes nothing was looked up.
        let lookups = (!blocks(&findings)).then_some(lookups);
        let mut products = Products::with_capacity(declared.len());
        for (id, declared) in &declared {
            let mut product = declared.as_ref().map(|it| Product::new(&it.config)).transpose()?;
            if let Some(product) = &mut product {
                product.id_prefix.clone_from(id);
            }
            products.insert(id.clone(), product);
        }
        findings.extend(together::names(&declared, &products));

        let mut rewriter = Rewriter::new(&products, &user);
        let mut templates = IndexMap::new();
        let mut written = Vec::new();
        for declared in declared.values().flatten() {
            findings.extend(declared.warnings.iter().cloned());
            let Some(Some(product)) = products.get(&declared.id) else { continue };
            let suite_boundary = input.permissions_boundary.as_deref();
            let rewritten = declared.rewritten(&mut rewriter);
            let template = make(&rewritten, product.clone(), suite_boundary, lookups, &mut findings)?;
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
        let last: Last = if user.mentions_depends_on() {
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
        findings.extend(together::logical_ids(&user, &products, &templates));
        findings.extend(together::limits(&user, &templates));
        let made_by = together::made_by(&templates);
        findings.extend(together::metadata(&mut sections, &made_by));
        let mut products = checks::products(written, &user);
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
            findings.extend(checks::made(&mut all, &user, &settled));
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

impl Declared {
    /// The product with what there will be in the place of its references to products.
    fn rewritten(&self, rewriter: &mut Rewriter<'_>) -> Self {
        let mut declared = self.clone();
        let resources = Path::ROOT.key("Resources");
        let resource = resources.key(&self.id);
        let properties = resource.key("Properties");
        declared.config.visit_deferred(&mut |deferred| {
            let place = crate::config::properties::pointer(&deferred.pointer);
            rewriter.own = deferred.pointer.starts_with("/tags/").then(|| self.id.clone());
            below(rewriter, &mut deferred.node, &properties, place.trim_start_matches('/'));
            rewriter.own = None;
        });
        if let Some(boundary) = &mut declared.permissions_boundary {
            rewriter.value(boundary, &properties.key(BOUNDARY_PROPERTY));
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
        declared
    }
}

/// One product's resources, with its logical ids.
fn make(
    declared: &Declared,
    mut product: Product,
    suite_boundary: Option<&str>,
    lookups: Option<&Lookups>,
    findings: &mut Vec<Finding>,
) -> Result<Template, InternalError> {
    product.set_inputs(&declared.config);
    // A macro can't add template parameters.
    product.inputs.permissions_boundary = match (&declared.permissions_boundary, suite_boundary) {
        (Some(policy), _) => RoleBoundary::Policy(Value::from_node(policy)),
        (None, Some(policy)) => RoleBoundary::Policy(Value::str(policy)),
        (None, None) => RoleBoundary::Own,
    };
    if let Some(lookups) = lookups {
        let wrong = declared.wanted.put_into(&mut product, lookups);
        findings.extend(wrong.into_iter().map(|finding| in_properties(declared, finding)));
    }
    made::template(&declared.attributes, &product)
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
