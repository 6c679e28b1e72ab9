//! What `DescribeChangeSet` answers, in CloudFormation's own spelling.
//!
//! Every text stays as it came: an action or a status that is new to us is shown, not refused, and members that aren't
//! listed here are ignored. Source: AWS CloudFormation API Reference, `DescribeChangeSet` (2010-05-15), asked with
//! `IncludePropertyValues=true`.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value as Json;

/// One page of `DescribeChangeSet`'s answer; a change set of more than 1 MB has several.
///
/// ```
/// use mlp_operations::changes::Page;
/// let page: Page = serde_json::from_str(
///     r#"{"ChangeSetName": "c1", "Changes": [{"ResourceChange": {"Action": "Add", "New": 1}}], "Also": "new"}"#,
/// )?;
/// assert_eq!(page.changes[0].resource_change.action.as_deref(), Some("Add"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Page {
    /// The change set's name.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub change_set_name: Option<String>,
    /// Its ARN.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub change_set_id: Option<String>,
    /// The stack's ARN.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub stack_id: Option<String>,
    /// The stack's name.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub stack_name: Option<String>,
    /// What was said about it when it was made.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// When it was made, in UTC (RFC 3339).
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub creation_time: Option<String>,
    /// `CREATE_COMPLETE`, `FAILED`, ...
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Why.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub status_reason: Option<String>,
    /// `AVAILABLE`, `UNAVAILABLE`, `OBSOLETE`, ...
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub execution_status: Option<String>,
    /// `REVERT_DRIFT` of a change set that puts back what was changed by hand.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub deployment_mode: Option<String>,
    /// What it changes.
    #[serde(deserialize_with = "list")]
    pub changes: Vec<Change>,
}

/// One entry of `Changes`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Change {
    /// `Resource`, the only one so far.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    /// The resource, and what happens to it.
    #[serde(deserialize_with = "part")]
    pub resource_change: ResourceChange,
}

/// What happens to a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ResourceChange {
    /// `Add`, `Modify`, `Remove`, `Import`, `Dynamic` or `SyncWithActual`.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Its logical id.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub logical_resource_id: Option<String>,
    /// What it is called in AWS; absent for one that is added.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub physical_resource_id: Option<String>,
    /// Its type.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<String>,
    /// For `Modify`: `True`, `False` or `Conditional`. AWS also sends `True` with `Add`.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub replacement: Option<String>,
    /// `Delete`, `Retain`, `Snapshot`, `ReplaceAndDelete`, `ReplaceAndRetain` or `ReplaceAndSnapshot`.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub policy_action: Option<String>,
    /// Which of `Properties`, `Tags`, `Metadata`, ... change.
    #[serde(deserialize_with = "list", skip_serializing_if = "Vec::is_empty")]
    pub scope: Vec<String>,
    /// What changes, one by one; only for `Modify`.
    #[serde(deserialize_with = "list", skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Detail>,
    /// The resource as it is, as JSON in a text.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub before_context: Option<String>,
    /// The resource as it will be, as JSON in a text.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub after_context: Option<String>,
    /// The change set of a nested stack.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub change_set_id: Option<String>,
    /// `IN_SYNC`, `MODIFIED`, `DELETED`, ...; only in a change set that looked at drift.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub resource_drift_status: Option<String>,
    /// The CloudFormation module that it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module_info: Option<ModuleInfo>,
}

/// Where a module put a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ModuleInfo {
    /// Types of modules, the innermost first, with `/` between them.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub type_hierarchy: Option<String>,
    /// Logical ids of modules, the innermost first, with `/` between them.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub logical_id_hierarchy: Option<String>,
}

/// One reason to change a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Detail {
    /// What changes.
    #[serde(deserialize_with = "part")]
    pub target: Target,
    /// `Static` when CloudFormation knows now that it changes, `Dynamic` when that shows at the deployment.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub evaluation: Option<String>,
    /// `DirectModification`, `ResourceReference`, `ParameterReference`, `ResourceAttribute`, `Automatic`, `NoModification`.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub change_source: Option<String>,
    /// Which parameter, resource or attribute.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub causing_entity: Option<String>,
}

/// What changes of a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Target {
    /// `Properties`, `Tags`, `Metadata`, `DeletionPolicy`, ...
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// The property's name.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The JSON pointer of the place, such as `/Properties/RetentionInDays`.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// `Never`, `Conditionally` or `Always`.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub requires_recreation: Option<String>,
    /// The value as it is; AWS may cut off a long one.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub before_value: Option<String>,
    /// The value as it will be; AWS may cut off a long one.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub after_value: Option<String>,
    /// `PREVIOUS_DEPLOYMENT_STATE` or `ACTUAL_STATE`; only in a change set that looked at drift.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub before_value_from: Option<String>,
    /// `TEMPLATE`; only in a change set that looked at drift.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub after_value_from: Option<String>,
    /// `Add`, `Remove`, `Modify` or `SyncWithActual`.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub attribute_change_type: Option<String>,
}

/// A text; null is none, and what is no text (a recording may hold contexts as objects) becomes one.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Json::deserialize(deserializer)? {
        Json::Null => None,
        Json::String(text) => Some(text),
        other => Some(other.to_string()),
    })
}

/// A list; null is an empty one, as some clients write it.
fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::<Vec<T>>::deserialize(deserializer)?.unwrap_or_default())
}

/// A part of an answer; null is an empty one.
fn part<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}
