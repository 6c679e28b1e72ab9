//! `schemas/permissions.yaml`: what CloudFormation needs for each resource type.

use std::sync::LazyLock;

use indexmap::IndexMap;
use mlp_template::error::InternalError;
use mlp_template::yaml;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Conditions;

/// The entry that every product has.
pub(super) const STACK: &str = "AWS::CloudFormation::Stack";

/// The statement of what AWS can't scope and what changes nothing: all resources, in the product's region.
pub(super) const LOOKUPS: &str = "ListsAndLookups";

/// Whose policy it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Who {
    Operator,
    ServiceRole,
    StackOperator,
}

/// What a grant may depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum When {
    PrivateDns,
    Parameters,
}

/// One grant of a resource type. The file's head says what the keys mean.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Grant {
    pub(super) sid: String,
    #[serde(default)]
    pub(super) purpose: String,
    #[serde(default)]
    pub(super) area: Option<String>,
    #[serde(default)]
    who: Option<Vec<Who>>,
    #[serde(default)]
    pub(super) when: Option<When>,
    #[serde(default)]
    pub(super) name_of: Option<String>,
    #[serde(default)]
    pub(super) resources: Vec<String>,
    #[serde(default)]
    create: Vec<String>,
    #[serde(default)]
    read: Vec<String>,
    #[serde(default)]
    update: Vec<String>,
    #[serde(default)]
    delete: Vec<String>,
    #[serde(default)]
    tag: Vec<String>,
    #[serde(default, rename = "use")]
    direct: Vec<String>,
    #[serde(default)]
    pub(super) conditions: Conditions,
    #[serde(default)]
    pub(super) via_cloudformation: bool,
}

impl Grant {
    /// The actions that somebody gets by this grant.
    pub(super) fn actions(&self, who: Who) -> Vec<String> {
        let managing = [&self.create, &self.update, &self.delete, &self.tag];
        let named = self.who.as_deref().unwrap_or(&[Who::Operator, Who::ServiceRole]).contains(&who);
        let mut actions: Vec<String> = managing.into_iter().filter(|_| named).flatten().cloned().collect();
        if named || who == Who::StackOperator {
            actions.extend_from_slice(&self.read);
        }
        if who != Who::ServiceRole && (named || self.who.is_none()) {
            actions.extend_from_slice(&self.direct);
        }
        actions
    }
}

type Table = IndexMap<String, Vec<Grant>>;

static TABLE: LazyLock<Result<Table, InternalError>> =
    LazyLock::new(|| read("schemas/permissions.yaml", include_str!("../../../../schemas/permissions.yaml")));

/// Resource type to grants, in the file's order; read once in a process.
pub(super) fn table() -> Result<&'static Table, InternalError> {
    TABLE.as_ref().map_err(Clone::clone)
}

/// A data file of ours.
pub(super) fn read<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, InternalError> {
    let broken = |why: &str| InternalError::new(format!("{file}: {why}"));
    let document = yaml::load(text.as_bytes(), &yaml::Limits::config())
        .map_err(|findings| broken(findings.first().map_or("", |finding| finding.message.as_str())))?;
    serde_json::from_value(document.to_json()).map_err(|error| broken(&error.to_string()))
}
