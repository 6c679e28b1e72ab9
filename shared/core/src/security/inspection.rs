//! What the checks share: the template, how strict to be, and where findings go.

use crate::check::Spot;
use crate::check::places;
use crate::finding::{Finding, Severity};
use crate::template::path::Token;
use crate::template::{Path, Template, Value};
use crate::yaml::Document;

use super::Check;

/// One look at one template.
pub(super) struct Inspection<'t> {
    pub(super) template: &'t Template,
    document: Option<&'t Document>,
    tier: Option<&'t str>,
    findings: Vec<Finding>,
}

impl<'t> Inspection<'t> {
    pub(super) fn new(template: &'t Template, document: Option<&'t Document>) -> Self {
        let ours = match template.metadata.get("MLProvisioner") {
            Some(Value::Map(ours)) => ours.get("Tier").and_then(Value::as_str),
            _ => None,
        };
        Self { template, document, tier: ours, findings: Vec::new() }
    }

    /// How strict the checks for enterprise are here: not at all in other tiers, and a warning in a template that isn't
    /// ours, because nobody has said what it is for.
    pub(super) fn enterprise(&self, severity: Severity) -> Option<Severity> {
        match self.tier {
            Some("enterprise") => Some(severity),
            Some(_) => None,
            None => Some(Severity::Warning),
        }
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
        let steps: Vec<String> =
            pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
        let tokens: Vec<Token<'_>> = steps.iter().map(|step| Token::Key(step)).collect();
        self.add(&tokens, finding);
    }

    /// A finding that has its place already, or has none.
    pub(super) fn add_as_it_is(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    fn add(&mut self, tokens: &[Token<'_>], finding: Finding) {
        let pointer = tokens.iter().fold(String::new(), |pointer, token| match token {
            Token::Key(key) => crate::yaml::join(&pointer, key),
            Token::Index(index) => format!("{pointer}/{index}"),
        });
        // The resource's own place first: a pointer into the user's document may end at a short form's tag.
        let finding = Finding { path: pointer, ..finding }.in_resource();
        self.findings.push(match self.document {
            Some(document) => places::place(document, tokens, Spot::Value, finding),
            None => finding,
        });
    }

    pub(super) fn into_findings(self) -> Vec<Finding> {
        self.findings
    }
}
