//! What happens to a resource, in one word and in one sentence.

use serde::{Deserialize, Serialize};

use super::model::ResourceChange;

/// What happens to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It is created.
    Added,
    /// It is changed where it is.
    Changed,
    /// A new one is created in its place.
    Replaced,
    /// Changed or replaced: the deployment shows which.
    MaybeReplaced,
    /// It is deleted.
    Deleted,
    /// It stays in AWS, and the stack no longer manages it.
    Released,
    /// An existing resource is imported into the stack.
    Imported,
    /// Nothing but CloudFormation's record of it changes.
    Recorded,
    /// CloudFormation doesn't know yet, or uses a word that is new to us.
    Undetermined,
}

/// What happens to the existing resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OldResource {
    /// It is deleted.
    Deleted,
    /// It stays in the account, outside the stack.
    Retained,
    /// It is deleted after a snapshot of it was taken.
    Snapshot,
}

impl Effect {
    /// Every variant, in the order in which they are counted and explained.
    pub const ALL: [Self; 9] = [
        Self::Added,
        Self::Changed,
        Self::Replaced,
        Self::MaybeReplaced,
        Self::Deleted,
        Self::Released,
        Self::Imported,
        Self::Recorded,
        Self::Undetermined,
    ];

    /// As people read it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Replaced => "replaced",
            Self::MaybeReplaced => "maybe replaced",
            Self::Deleted => "deleted",
            Self::Released => "kept, no longer managed",
            Self::Imported => "imported",
            Self::Recorded => "recorded",
            Self::Undetermined => "not known yet",
        }
    }

    /// Whether the whole resource is added or removed, with all of its properties.
    pub fn is_whole(self) -> bool {
        matches!(self, Self::Added | Self::Imported | Self::Deleted | Self::Released)
    }

    /// One or two signs for lists on a terminal.
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Added => "+",
            Self::Changed => "~",
            Self::Replaced => "-+",
            Self::MaybeReplaced => "?+",
            Self::Deleted => "-",
            Self::Released => "<",
            Self::Imported => ">",
            Self::Recorded => "=",
            Self::Undetermined => "?",
        }
    }

    /// The class of its badge on a page.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Replaced | Self::MaybeReplaced | Self::Deleted => "error",
            Self::Released | Self::Undetermined => "warning",
            Self::Added | Self::Imported => "added",
            Self::Changed | Self::Recorded => "note",
        }
    }
}

/// What happens to a resource, and to the existing one.
pub(super) fn effect(change: &ResourceChange) -> (Effect, Option<OldResource>) {
    let replaced = |old: OldResource| match change.replacement.as_deref() {
        Some("True") => (Effect::Replaced, Some(old)),
        Some("Conditional") => (Effect::MaybeReplaced, Some(old)),
        _ => (Effect::Changed, None),
    };
    match (change.action.as_deref(), change.policy_action.as_deref()) {
        // AWS sends `Replacement: True` with some of them; there is nothing to replace.
        (Some("Add"), _) => (Effect::Added, None),
        (Some("Import"), _) => (Effect::Imported, None),
        (Some("SyncWithActual"), _) => (Effect::Recorded, None),
        (Some("Remove"), Some("Retain")) => (Effect::Released, Some(OldResource::Retained)),
        (Some("Remove"), Some("Snapshot")) => (Effect::Deleted, Some(OldResource::Snapshot)),
        // Delete is CloudFormation's own default.
        (Some("Remove"), _) => (Effect::Deleted, Some(OldResource::Deleted)),
        (Some("Modify"), Some("ReplaceAndRetain" | "Retain")) => replaced(OldResource::Retained),
        (Some("Modify"), Some("ReplaceAndSnapshot" | "Snapshot")) => replaced(OldResource::Snapshot),
        (Some("Modify"), _) => replaced(OldResource::Deleted),
        (_, Some("Retain" | "ReplaceAndRetain")) => (Effect::Undetermined, Some(OldResource::Retained)),
        (_, Some("Snapshot" | "ReplaceAndSnapshot")) => (Effect::Undetermined, Some(OldResource::Snapshot)),
        _ => (Effect::Undetermined, Some(OldResource::Deleted)),
    }
}

/// The sentence, without a subject: `is replaced: a new one is created, then the old one is deleted`.
pub(super) fn sentence(change: &ResourceChange, effect: Effect, old: Option<OldResource>) -> String {
    let fate = match old {
        Some(OldResource::Retained) => "the old one stays in the account, outside the stack",
        Some(OldResource::Snapshot) => "the old one is deleted after a snapshot",
        Some(OldResource::Deleted) | None => "the old one is deleted",
    };
    match effect {
        Effect::Added => "is added".to_owned(),
        Effect::Changed => "is changed where it is".to_owned(),
        Effect::Replaced => format!("is replaced: a new one is created, then {fate}"),
        Effect::MaybeReplaced => {
            format!("is changed or replaced, which the deployment shows; if replaced, {fate}")
        }
        Effect::Deleted if old == Some(OldResource::Snapshot) => {
            "is deleted after a snapshot was taken".to_owned()
        }
        Effect::Deleted => "is deleted".to_owned(),
        Effect::Released => "stays in the account; the stack no longer manages it".to_owned(),
        Effect::Imported => "exists already and is imported into the stack".to_owned(),
        Effect::Recorded => "stays as it is; only CloudFormation's record of it changes".to_owned(),
        Effect::Undetermined => match change.action.as_deref() {
            Some("Dynamic") => "is changed in a way that only the deployment shows".to_owned(),
            Some(other) => {
                format!("gets the change that CloudFormation calls `{}`", super::values::safe(other))
            }
            None => "is changed in a way that CloudFormation doesn't describe".to_owned(),
        },
    }
}
