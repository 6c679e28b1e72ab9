//! A product as a template declares it: its properties as a config, and what CloudFormation resolves later kept aside.

use mlp_template::codes;
use mlp_template::finding::Finding;
use mlp_template::suggest::or_list;
use mlp_template::yaml::{Entry, Node, NodeValue, join};

use super::lookups::Wanted;
use super::reader::Reader;
use super::user_template::UserTemplate;
use super::values::{as_text, described, function};
use crate::config::Config;
use crate::config::properties;

/// A product without a mistake in its own properties.
#[derive(Debug, Clone)]
pub(super) struct Declared {
    /// The resource's logical id.
    pub(super) id: String,
    /// The resource.
    pub(super) node: Node,
    /// What the properties say.
    pub(super) config: Config,
    /// The property `PermissionsBoundary`, which is no field of a config.
    pub(super) permissions_boundary: Option<Node>,
    /// What must be looked up in SSM Parameter Store.
    pub(super) wanted: Wanted,
    /// What the product says beside its properties.
    pub(super) attributes: Attributes,
    /// What doesn't block.
    pub(super) warnings: Vec<Finding>,
}

/// The resource attributes of a product.
#[derive(Debug, Clone, Default)]
pub(super) struct Attributes {
    /// `Condition`.
    pub(super) condition: Option<String>,
    /// `DependsOn`, as written.
    pub(super) depends_on: Vec<String>,
    /// `DeletionPolicy`.
    pub(super) deletion_policy: Option<Node>,
    /// `UpdateReplacePolicy`.
    pub(super) update_replace_policy: Option<Node>,
    /// `Metadata`.
    pub(super) metadata: Option<Node>,
}

const ATTRIBUTES: [&str; 7] =
    ["Type", "Properties", "Condition", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy", "Metadata"];

/// What CloudFormation knows, but has no meaning for a product.
const OF_OTHERS: [&str; 3] = ["CreationPolicy", "UpdatePolicy", "Version"];

impl Declared {
    /// Reads a product.
    ///
    /// # Errors
    ///
    /// Every finding, when at least one blocks.
    pub(super) fn read(entry: &Entry, user: &UserTemplate<'_>) -> Result<Self, Vec<Finding>> {
        let mut reader = Reader::of(&entry.key, user);
        if !entry.key.bytes().all(|byte| byte.is_ascii_alphanumeric()) || entry.key.is_empty() {
            let message =
                format!("the logical id `{}` has other characters than A-Z, a-z and 0-9", entry.key);
            reader.add(codes::TPL_LOGICAL_ID, reader.resource.clone(), &entry.value, message, None);
        }
        let attributes = reader.attributes(entry);
        let config = reader.config(entry);
        let Reader { mut findings, permissions_boundary, .. } = reader;
        for finding in &mut findings {
            if finding.line.is_none() && entry.line > 0 {
                (finding.line, finding.column) = (Some(entry.line), Some(entry.column));
            }
        }
        match config {
            Some(config) if !mlp_template::finding::blocks(&findings) => Ok(Self {
                id: entry.key.clone(),
                node: entry.value.clone(),
                wanted: Wanted::of(&config),
                config,
                permissions_boundary,
                attributes,
                warnings: findings,
            }),
            _ => Err(findings),
        }
    }
}

impl Reader<'_> {
    fn attributes(&mut self, entry: &Entry) -> Attributes {
        let mut attributes = Attributes::default();
        let NodeValue::Map(entries) = &entry.value.value else { return attributes };
        for attribute in entries {
            let (key, node) = (attribute.key.as_str(), &attribute.value);
            match key {
                "Type" | "Properties" => {}
                "Condition" => attributes.condition = self.condition(node),
                "DependsOn" => attributes.depends_on = self.depends_on(node),
                "DeletionPolicy" => {
                    self.policy(key, node, &["Delete", "Retain", "RetainExceptOnCreate"]);
                    attributes.deletion_policy = Some(node.clone());
                }
                "UpdateReplacePolicy" => {
                    self.policy(key, node, &["Delete", "Retain"]);
                    attributes.update_replace_policy = Some(node.clone());
                }
                "Metadata" if matches!(node.value, NodeValue::Map(_)) => {
                    attributes.metadata = Some(node.clone());
                }
                "Metadata" => {
                    let message = format!("`Metadata` is {}; allowed is a map", described(node));
                    self.about(key, node, message, None);
                }
                "Fn::Transform" => self.add(
                    codes::MAC_EMBEDDED,
                    join(&self.resource, key),
                    node,
                    "a product can't have a `Fn::Transform` of its own".to_owned(),
                    Some(
                        "name the macro in the template's `Transform` section, before `MLProvisioner`"
                            .to_owned(),
                    ),
                ),
                _ => {
                    let allowed = or_list(ATTRIBUTES);
                    let message = format!("a product can't have `{key}`; allowed are {allowed}");
                    let property = properties::properties().iter().find(|property| property.name == key);
                    let help = property
                        .map(|_| "write it under `Properties`".to_owned())
                        .or_else(|| self.did_you_mean(key, ATTRIBUTES).filter(|_| !OF_OTHERS.contains(&key)));
                    self.about(key, node, message, help);
                }
            }
        }
        attributes
    }

    fn condition(&mut self, node: &Node) -> Option<String> {
        let Some(name) = as_text(node) else {
            let message = format!("`Condition` is {}; allowed is the name of a condition", described(node));
            self.about("Condition", node, message, None);
            return None;
        };
        let conditions = self.user.names_in("Conditions");
        if !conditions.contains(&name) && !self.user.may_become_condition(name) {
            let message = format!("`Condition` names `{name}`, but the template has no such condition");
            let help = self.did_you_mean(name, conditions.iter().copied());
            self.add(codes::TPL_UNKNOWN_CONDITION, join(&self.resource, "Condition"), node, message, help);
        }
        Some(name.to_owned())
    }

    fn depends_on(&mut self, node: &Node) -> Vec<String> {
        let nodes = match &node.value {
            NodeValue::Seq(nodes) => nodes.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let names: Vec<String> = nodes.iter().filter_map(as_text).map(str::to_owned).collect();
        if names.len() != nodes.len() {
            let wrong = nodes.iter().find(|it| as_text(it).is_none()).unwrap_or(node);
            let has = if std::ptr::eq(wrong, node) { "is" } else { "has" };
            let message = format!(
                "`DependsOn` {has} {}; allowed are a logical id and a list of logical ids",
                described(wrong)
            );
            let help = function(wrong).map(|_| {
                "write the logical id out: CloudFormation resolves no function in `DependsOn`".to_owned()
            });
            self.about("DependsOn", wrong, message, help);
        }
        names
    }

    fn policy(&mut self, key: &str, node: &Node, allowed: &[&str]) {
        if function(node).is_none() && !as_text(node).is_some_and(|policy| allowed.contains(&policy)) {
            let allowed = or_list(allowed.iter().copied());
            let message = format!("`{key}` is {}; a product's resources can have {allowed}", described(node));
            self.about(key, node, message, None);
        }
    }

    fn about(&mut self, key: &str, node: &Node, message: String, help: Option<String>) {
        self.add(codes::MAC_ATTRIBUTE, join(&self.resource, key), node, message, help);
    }
}
