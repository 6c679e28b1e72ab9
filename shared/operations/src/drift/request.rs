//! What a drift run checks.

use mlp_product::product::MANAGED_BY;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::execution::status::StackStatus;

/// Which stacks a run is about: the event that the drift function takes, from the schedule, by hand, or from an execution of
/// `check-drift`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DriftRunRequest {
    /// The scheduled time, RFC 3339. The same time is the same run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled: Option<String>,
    /// The run's name, instead of the time. The same name is the same run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Only stacks whose names begin with this prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Only these stacks, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "some")]
    pub stacks: Vec<String>,
    /// The config to compare with; without it the one that was uploaded for each stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<ConfigLocation>,
    /// Send a message that lists all open findings, even if nothing changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub digest: bool,
}

/// Names of stacks; an empty list would be taken for all.
fn some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let stacks = Vec::<String>::deserialize(deserializer)?;
    if stacks.is_empty() {
        return Err(D::Error::custom("`stacks` is an empty list; leave it out to check all stacks"));
    }
    Ok(stacks)
}

impl DriftRunRequest {
    /// What is wrong with it.
    ///
    /// ```
    /// # use mlp_operations::drift::DriftRunRequest;
    /// let order: DriftRunRequest = serde_json::from_str(r#"{"stacks": ["a-stack"], "prefix": "b-"}"#)?;
    /// assert!(order.problem().is_some_and(|it| it.contains("`prefix`")));
    /// assert!(serde_json::from_str::<DriftRunRequest>(r#"{"stacks": []}"#).is_err());
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn problem(&self) -> Option<&'static str> {
        let both = !self.stacks.is_empty() && self.prefix.as_deref().is_some_and(|prefix| !prefix.is_empty());
        both.then_some("`stacks` and `prefix` both say which stacks are meant; leave one of them out")
    }

    /// What the run is limited to, in words; nothing for the whole fleet.
    pub fn only(&self) -> Option<String> {
        match (&self.prefix, self.stacks.as_slice()) {
            (_, [_, ..]) => Some(self.stacks.join(", ")),
            (Some(prefix), []) if !prefix.is_empty() => Some(format!("{prefix}*")),
            _ => None,
        }
    }

    /// How the stacks were asked for.
    pub fn asked(&self) -> StackScope {
        match (&self.prefix, self.stacks.as_slice()) {
            (_, [_, ..]) => StackScope::Stacks,
            (Some(prefix), []) if !prefix.is_empty() => StackScope::Prefix,
            _ => StackScope::All,
        }
    }
}

/// Which stacks a run was asked to check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StackScope {
    /// By their names.
    Stacks,
    /// By what their names begin with.
    Prefix,
    /// All that there are.
    All,
}

/// The location of a config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigLocation {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
}

/// A stack of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackRef {
    /// Its name.
    pub stack: String,
    /// Its id.
    pub id: String,
    /// The location of its config, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<ConfigLocation>,
}

/// Why a stack that was named can't be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UncheckableReason {
    /// It isn't there.
    Missing,
    /// It has no resources yet.
    Empty,
    /// It isn't tagged as one of ours.
    Untagged,
}

impl UncheckableReason {
    /// By the stack's status; nothing for one that isn't there.
    pub fn of(status: Option<&str>) -> Self {
        match status.and_then(StackStatus::parse) {
            None if status.is_none() => Self::Missing,
            Some(StackStatus::DeleteComplete) => Self::Missing,
            Some(StackStatus::ReviewInProgress) => Self::Empty,
            _ => Self::Untagged,
        }
    }

    /// The message about the stack.
    ///
    /// ```
    /// # use mlp_operations::drift::UncheckableReason;
    /// assert!(UncheckableReason::of(None).message("x-stack").contains("there is no stack"));
    /// assert!(UncheckableReason::of(Some("CREATE_COMPLETE")).message("x-stack").contains("has no tag"));
    /// ```
    pub fn message(self, stack: &str) -> String {
        match self {
            Self::Missing => format!("there is no stack `{stack}` in this account and region"),
            Self::Empty => format!("the stack `{stack}` has no resources yet: a change set waits in it"),
            Self::Untagged => {
                format!("the stack `{stack}` exists, but has no tag `ManagedBy` that says `{MANAGED_BY}`")
            }
        }
    }

    /// What to do about it.
    pub fn help(self) -> &'static str {
        match self {
            Self::Missing => "deploy it first, or name another one; check the region and the account",
            Self::Empty => "execute its change set first, or name another one",
            Self::Untagged => {
                "if it is one of ours, deploy it again with `\"adopt\": true` (`--adopt`), which tags it"
            }
        }
    }
}

/// The message about a prefix that matches no stack of ours.
pub fn no_stack_with_prefix(prefix: &str) -> String {
    format!(
        "there is no stack whose name begins with `{prefix}` and whose tag `ManagedBy` says `{MANAGED_BY}`"
    )
}
