//! Reads one product of a template.

use std::collections::BTreeMap;

use mlp_template::finding::{Code, Finding};
use mlp_template::yaml::{Node, join};

use super::user_template::UserTemplate;
use crate::config::DeferredPlaces;

/// Reads one product.
pub(super) struct Reader<'a> {
    /// The resource's pointer.
    pub(super) resource: String,
    pub(super) user: &'a UserTemplate<'a>,
    pub(super) findings: Vec<Finding>,
    /// What CloudFormation resolves, by its place in the config.
    pub(super) deferred: DeferredPlaces,
    /// The property `PermissionsBoundary`, which is no field of a config.
    pub(super) permissions_boundary: Option<Node>,
    /// Pointers into the config of which something was said already.
    pub(super) settled: Vec<String>,
    /// Pointers into the config whose values are from SSM, each with the template parameter. Messages leave such values
    /// out.
    pub(super) from_ssm: BTreeMap<String, String>,
}

impl<'a> Reader<'a> {
    /// For the product of this logical id.
    pub(super) fn of(id: &str, user: &'a UserTemplate<'a>) -> Self {
        Self {
            resource: join("/Resources", id),
            user,
            findings: Vec::new(),
            deferred: DeferredPlaces::default(),
            permissions_boundary: None,
            settled: Vec::new(),
            from_ssm: BTreeMap::new(),
        }
    }

    /// "did you mean ...?", if there is something near.
    pub(super) fn did_you_mean<'n>(
        &self,
        word: &str,
        candidates: impl IntoIterator<Item = &'n str>,
    ) -> Option<String> {
        self.user.suggestions.did_you_mean(word, candidates)
    }

    pub(super) fn add(
        &mut self,
        code: Code,
        path: String,
        node: &Node,
        message: String,
        help: Option<String>,
    ) {
        let finding = Finding { help, ..Finding::error(code, path, message) };
        self.findings.push(finding.at(node.line, node.column));
    }
}
