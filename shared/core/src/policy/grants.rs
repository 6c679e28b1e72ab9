//! `schemas/permissions.yaml`: what CloudFormation needs for each resource type.

use std::sync::LazyLock;

use indexmap::IndexMap;
use serde::Deserialize;

use super::Conditions;
use crate::error::InternalError;
use crate::yaml;

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
    Boundary,
    NoBoundary,
}

/// One grant of a resource type. The file's head says what the keys mean.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Grant {
    pub(super) sid: String,
    #[serde(default)]
    pub(super) purpose: String,
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
        let named = self.who.as_deref().unwrap_or(&[Who::Operator, Who::ServiceRole]);
        if named.contains(&who) {
            let all = [&self.create, &self.read, &self.update, &self.delete, &self.tag, &self.direct];
            return all.into_iter().flatten().cloned().collect();
        }
        if who == Who::StackOperator { self.read.clone() } else { Vec::new() }
    }
}

type Table = IndexMap<String, Vec<Grant>>;

static TABLE: LazyLock<Result<Table, InternalError>> = LazyLock::new(|| {
    let broken = |why: String| InternalError::new(format!("schemas/permissions.yaml: {why}"));
    let text = include_str!("../../../../schemas/permissions.yaml");
    let document = yaml::load(text.as_bytes(), &yaml::Limits::config())
        .map_err(|findings| broken(findings.first().map_or_else(String::new, |it| it.message.clone())))?;
    serde_json::from_value(document.to_json()).map_err(|error| broken(error.to_string()))
});

/// Resource type to grants, in the file's order; read once in a process.
pub(super) fn table() -> Result<&'static Table, InternalError> {
    TABLE.as_ref().map_err(Clone::clone)
}

/// Whether a resource type has an entry.
pub(super) fn knows(kind: &str) -> bool {
    TABLE.as_ref().is_ok_and(|table| table.contains_key(kind))
}
