//! A product's properties without a template around them: every function is resolved already.

use indexmap::IndexMap;
use mlp_template::codes;
use mlp_template::finding::{Finding, blocks};
use mlp_template::suggest::Suggestions;
use mlp_template::yaml::{Entry, Node};
use serde_json::Value as Json;

use super::reader::Reader;
use super::user_template::{Input, LoopOrder, UserTemplate};
use super::values::map;
use crate::config::properties;

/// The config that the properties of the product `id` say, and what is worth saying of them.
///
/// # Errors
///
/// Every finding, when at least one blocks.
pub fn config_of(
    id: &str,
    properties: &Json,
    account_id: &str,
    region: &str,
) -> Result<(Json, Vec<Finding>), Vec<Finding>> {
    let input = Input {
        fragment: map([]),
        parameters: IndexMap::new(),
        account_id: account_id.to_owned(),
        region: region.to_owned(),
        permissions_boundary: None,
        loop_order: LoopOrder::After,
        language_extensions: None,
    };
    let suggestions = Suggestions::default();
    let user = UserTemplate::of(&input, &suggestions);
    let value = map([("Properties".to_owned(), Node::from_json(properties))]);
    let entry = Entry { key: id.to_owned(), line: 0, column: 0, value };
    let mut reader = Reader::of(id, &user);
    let document = reader.document(&entry);
    let config = document.as_ref().and_then(|document| reader.read(document));
    let Reader { mut findings, deferred, permissions_boundary, resource, .. } = reader;
    if permissions_boundary.is_some() {
        let path = format!("{resource}/Properties/{}", properties::BOUNDARY_PROPERTY);
        let message = format!("a custom resource has no property `{}`", properties::BOUNDARY_PROPERTY);
        let help = "remove it: the suite's own boundary applies, or the one that its parameter PermissionsBoundaryArn names";
        findings.push(Finding::error(codes::UNKNOWN_KEY, path, message).help(help));
    }
    for pointer in deferred.iter() {
        let path = format!("{resource}/Properties{}", properties::pointer(pointer));
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        let message = format!("`{name}` must be a path in SSM Parameter Store, which begins with `/`");
        let help = "write the value itself into the property without `ParameterStorePath`";
        // That it has the wrong shape besides helps nobody.
        findings.retain(|finding| finding.path != path);
        findings.push(Finding::error(codes::MAC_VALUE, path, message).help(help));
    }
    match (config, document) {
        (Some(_), Some(document)) if !blocks(&findings) => Ok((document.root.to_json(), findings)),
        _ => Err(findings),
    }
}
