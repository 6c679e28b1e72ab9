//! What the checks share: the template, how strict to be, and where findings go.

use crate::check::Spot;
use crate::check::places;
use crate::finding::{Finding, Severity, bounded};
use crate::pointer;
use crate::template::path::Token;
use crate::template::{Path, Template, Value};
use crate::yaml::Document;

use super::Check;

/// Which tier a template's resources are of, by what the generator and the macro write into `Metadata`.
enum Tiers<'t> {
    /// A generated template: one product.
    Whole(&'t str),
    /// An expanded template: logical ids of products, longest first, with their tiers.
    Products(Vec<(&'t str, &'t str)>),
}

impl<'t> Tiers<'t> {
    fn of(template: &'t Template) -> Self {
        let Some(Value::Map(ours)) = template.metadata.get("MLProvisioner") else {
            return Self::Products(Vec::new());
        };
        if let Some(tier) = ours.get("Tier").and_then(Value::as_str) {
            return Self::Whole(tier);
        }
        let Some(Value::Map(products)) = ours.get("Products") else { return Self::Products(Vec::new()) };
        let tier = |(id, made): (&'t String, &'t Value)| match made {
            Value::Map(made) => Some((id.as_str(), made.get("Tier").and_then(Value::as_str)?)),
            _ => None,
        };
        let mut products: Vec<_> = products.iter().filter_map(tier).collect();
        products.sort_by_key(|(id, _)| std::cmp::Reverse(id.len()));
        Self::Products(products)
    }

    /// The tier of the product that a resource belongs to.
    fn tier(&self, logical_id: &str) -> Option<&'t str> {
        match self {
            Self::Whole(tier) => Some(tier),
            // The resources of a product begin with its logical id.
            Self::Products(products) => {
                products.iter().find(|(id, _)| logical_id.starts_with(id)).map(|(_, tier)| *tier)
            }
        }
    }
}

/// One look at one template.
pub(super) struct Inspection<'t> {
    pub(super) template: &'t Template,
    document: Option<&'t Document>,
    tiers: Tiers<'t>,
    findings: Vec<Finding>,
}

impl<'t> Inspection<'t> {
    pub(super) fn new(template: &'t Template, document: Option<&'t Document>) -> Self {
        Self { template, document, tiers: Tiers::of(template), findings: Vec::new() }
    }

    /// How strict the checks for enterprise are with a resource: not at all in other tiers, and a warning where no product
    /// of ours is, because nobody has said what it is for.
    pub(super) fn enterprise(&self, severity: Severity, logical_id: &str) -> Option<Severity> {
        match self.tiers.tier(logical_id) {
            Some("enterprise") => Some(severity),
            Some(_) => None,
            None => Some(Severity::Warning),
        }
    }

    /// Whether the checks for enterprise would find nothing in the whole template.
    pub(super) fn knows_no_enterprise(&self) -> bool {
        matches!(self.tiers, Tiers::Whole(tier) if tier != "enterprise")
    }

    /// A finding of a check at a place.
    pub(super) fn found(&mut self, check: &Check, path: &Path<'_>, message: impl Into<String>) {
        self.add_finding(path, check.finding(message));
    }

    /// A finding at a place.
    pub(super) fn add_finding(&mut self, path: &Path<'_>, finding: Finding) {
        self.add(&path.tokens(), finding);
    }

    /// A finding at a place given as a JSON pointer.
    pub(super) fn add_at(&mut self, pointer: &str, finding: Finding) {
        let steps: Vec<String> = pointer::tokens(pointer).collect();
        let tokens: Vec<Token<'_>> = steps.iter().map(|step| Token::Key(step)).collect();
        self.add(&tokens, finding);
    }

    /// A finding that has its place already, or has none.
    pub(super) fn add_as_it_is(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    fn add(&mut self, tokens: &[Token<'_>], finding: Finding) {
        let pointer = tokens.iter().fold(String::new(), |pointer, token| match token {
            Token::Key(key) => pointer::join(&pointer, key),
            Token::Index(index) => format!("{pointer}/{index}"),
        });
        // The resource's own place first: a pointer into the user's document may end at a short form's tag.
        let finding = Finding { path: bounded(pointer), ..finding }.in_resource();
        self.findings.push(match self.document {
            Some(document) => places::place(document, tokens, Spot::Value, finding),
            None => finding,
        });
    }

    pub(super) fn into_findings(self) -> Vec<Finding> {
        self.findings
    }
}
