//! Risks of changes, and their remediation.

use serde::{Deserialize, Serialize};

use super::effect::{Effect, OldResource};
use super::properties::{Property, PropertyChange};
use super::summary::{DELETED_OUTSIDE, Deletion, Resource};

/// A risk: data may be lost, or others may notice the change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Risk {
    /// Whose.
    pub logical_id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is called in AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub physical_id: Option<String>,
    /// Its impact.
    pub impact: Impact,
    /// Whether it is certain; else the deployment shows it.
    pub certain: bool,
    /// What happens.
    pub description: String,
    /// What is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<String>,
    /// What to do.
    pub remediation: String,
}

/// The impact of a risk, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Impact {
    /// Data is deleted.
    Lost,
    /// Data stays where the product no longer looks for it.
    LeftBehind,
    /// No data, but others may notice.
    Interrupted,
}

impl Impact {
    /// As people read it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Lost => "data is lost",
            Self::LeftBehind => "data stays behind",
            Self::Interrupted => "others may notice",
        }
    }

    /// The class of its badge on a page.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Lost => "error",
            Self::LeftBehind | Self::Interrupted => "warning",
        }
    }
}

/// A type that holds data: what is lost with it, and how to save it.
struct DataHolder {
    kind: &'static str,
    lost: &'static str,
    rescue: &'static str,
}

/// Types that products have; a tier file may name more (`stateful`), which get the last row.
const DATA_HOLDERS: [DataHolder; 6] = [
    DataHolder {
        kind: "AWS::S3::Bucket",
        lost: "its objects and all their versions; CloudFormation deletes only an empty bucket, and one that isn't stays behind without an owner",
        rescue: "copy what is still needed to another bucket first",
    },
    DataHolder {
        kind: "AWS::KMS::Key",
        lost: "everything that is encrypted with it can't be decrypted after its waiting period",
        rescue: "encrypt it again with another key first; during the waiting period, `aws kms cancel-key-deletion` cancels the deletion",
    },
    DataHolder {
        kind: "AWS::CodeCommit::Repository",
        lost: "all branches and the whole history",
        rescue: "run `git clone --mirror` first and keep the copy",
    },
    DataHolder {
        kind: "AWS::SageMaker::ModelPackageGroup",
        lost: "the registered models, with their versions, metrics and approvals",
        rescue: "register models that are still needed in another group first",
    },
    DataHolder {
        kind: "AWS::Logs::LogGroup",
        lost: "every event that was logged to it",
        rescue: "export it first (`aws logs create-export-task`)",
    },
    DataHolder { kind: "", lost: "the data that it holds", rescue: "save what is still needed first" },
];

/// Types that products don't have, and that hold data where somebody adds one to the stack.
const OTHER_DATA_HOLDERS: [&str; 10] = [
    "AWS::DynamoDB::Table",
    "AWS::EC2::Volume",
    "AWS::ECR::Repository",
    "AWS::EFS::FileSystem",
    "AWS::OpenSearchService::Domain",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::SageMaker::FeatureGroup",
    "AWS::SecretsManager::Secret",
    "AWS::SQS::Queue",
];

/// Whether a type of resource holds data, whoever owns it.
pub(super) fn holds_data(kind: &str) -> bool {
    let known = DATA_HOLDERS.iter().map(|holder| holder.kind).filter(|kind| !kind.is_empty());
    known.chain(OTHER_DATA_HOLDERS).any(|holder| holder == kind)
}

/// The risks of a change to a resource.
pub(super) fn risks(resource: &Resource, deletion: Option<Deletion>) -> Vec<Risk> {
    let mut found = Vec::new();
    if resource.holds_data {
        found.extend(of_data(resource, deletion));
    } else {
        found.extend(of_others(resource));
    }
    found.extend(resource.properties.iter().filter_map(|property| of_shorter_keeping(resource, property)));
    found
}

fn risk(
    resource: &Resource,
    impact: Impact,
    certain: bool,
    description: String,
    lost: Option<&str>,
    remediation: &str,
) -> Risk {
    Risk {
        logical_id: resource.logical_id.clone(),
        kind: resource.kind.clone(),
        physical_id: resource.physical_id.clone(),
        impact,
        certain,
        description,
        lost: lost.map(str::to_owned),
        remediation: remediation.to_owned(),
    }
}

/// What is lost with a product's bucket when its stack is deleted: the suite empties it.
const LOST_WITH_BUCKET: &str =
    "its objects and all their versions: the bucket is emptied before the stack is deleted";

fn of_data(resource: &Resource, deletion: Option<Deletion>) -> Option<Risk> {
    let holder = DATA_HOLDERS.iter().find(|holder| holder.kind == resource.kind || holder.kind.is_empty())?;
    let certain = matches!(resource.effect, Effect::Replaced | Effect::Deleted | Effect::Released);
    let what = resource.description.clone();
    let was_deleted = resource.drift.as_deref() == Some(DELETED_OUTSIDE);
    match (resource.effect, resource.old_resource) {
        // Sources: AWS KMS Developer Guide, "Cancel key deletion"; AWS KMS API Reference, `CancelKeyDeletion`.
        (Effect::Added | Effect::Changed | Effect::Replaced | Effect::MaybeReplaced, _)
            if was_deleted && resource.kind == "AWS::KMS::Key" =>
        {
            let what = "is created in place of the key that was deleted, or is scheduled for deletion, outside CloudFormation";
            let lost =
                "everything that is encrypted with the old key can't be decrypted after its waiting period";
            let remediation = "don't deploy this while the old key can be saved: run `aws kms cancel-key-deletion` and \
                         `aws kms enable-key` with its id instead";
            Some(risk(resource, Impact::Lost, false, what.to_owned(), Some(lost), remediation))
        }
        (Effect::Added, _) if was_deleted => {
            let what = "is created again in place of the one that was deleted outside CloudFormation";
            let remediation = "the new one is empty: restore what is needed from a copy after the deployment";
            Some(risk(resource, Impact::Interrupted, true, what.to_owned(), None, remediation))
        }
        (Effect::Added | Effect::Changed | Effect::Imported | Effect::Recorded, _) | (_, None) => None,
        (_, Some(OldResource::Deleted)) => {
            let (lost, otherwise) = match deletion {
                Some(_) if resource.kind == "AWS::S3::Bucket" => (LOST_WITH_BUCKET, "reject this"),
                Some(_) => (holder.lost, "reject this"),
                None => (holder.lost, "undo this change in the config"),
            };
            let remediation = format!("{}, or {otherwise}", holder.rescue);
            Some(risk(resource, Impact::Lost, certain, what, Some(lost), &remediation))
        }
        (_, Some(OldResource::Snapshot)) => {
            let remediation = "find out how to restore from the snapshot before you go on";
            Some(risk(resource, Impact::LeftBehind, certain, what, None, remediation))
        }
        (Effect::Released, Some(OldResource::Retained)) => {
            let remediation = "decide who operates it and pays for it from now on";
            Some(risk(resource, Impact::LeftBehind, certain, what, None, remediation))
        }
        (_, Some(OldResource::Retained)) if resource.kind == "AWS::KMS::Key" => {
            let remediation =
                "keep the old key as long as anything is encrypted with it; only then delete it";
            Some(risk(resource, Impact::LeftBehind, certain, what, None, remediation))
        }
        (_, Some(OldResource::Retained)) => {
            let remediation =
                "the new one is empty: copy what is needed after the deployment, then delete the old one";
            Some(risk(resource, Impact::LeftBehind, certain, what, None, remediation))
        }
    }
}

/// Replacements and deletions of what holds no data, where somebody outside the stack may notice.
fn of_others(resource: &Resource) -> Option<Risk> {
    let remediation = match (resource.effect, resource.kind.as_str()) {
        (Effect::Deleted, "AWS::SSM::Parameter") => {
            "inform the readers of this parameter: the deployment deletes it"
        }
        (Effect::Deleted, "AWS::SNS::Topic" | "AWS::SNS::Subscription") => {
            "make sure that no subscriber needs its messages"
        }
        (Effect::Replaced | Effect::MaybeReplaced, kind) => match kind {
            "AWS::SNS::Topic" | "AWS::SNS::Subscription" => {
                "confirm the subscription again: SNS sends a new e-mail, and until then it delivers no alarms"
            }
            "AWS::EC2::VPCEndpoint" => {
                "deploy when no build runs: connections through the endpoint break while it is replaced"
            }
            "AWS::SSM::Parameter" => "inform the readers of this parameter if its name changes",
            _ => "find what uses its id or ARN outside the stack: both may change",
        },
        _ => return None,
    };
    let certain = resource.effect != Effect::MaybeReplaced;
    Some(risk(resource, Impact::Interrupted, certain, resource.description.clone(), None, remediation))
}

/// Names of numbers of days that something is kept.
const KEPT_DAYS: [&str; 4] =
    ["RetentionInDays", "ExpirationInDays", "NoncurrentDays", "NoncurrentVersionExpirationInDays"];

fn of_shorter_keeping(resource: &Resource, property: &Property) -> Option<Risk> {
    let name = property.path.rsplit('/').next()?;
    if resource.effect != Effect::Changed || !KEPT_DAYS.contains(&name) {
        return None;
    }
    let days = |shown: Option<&super::values::DisplayedValue>| shown?.text.parse::<u64>().ok();
    let after = days(property.after.as_ref())?;
    let before = match property.change {
        // Without a limit, everything is kept.
        PropertyChange::Added => None,
        PropertyChange::Changed => Some(days(property.before.as_ref())?),
        PropertyChange::Removed | PropertyChange::Recorded => return None,
    };
    if before.is_some_and(|before| before <= after) {
        return None;
    }
    let before = before.map_or_else(|| "forever".to_owned(), |days| format!("{days} days"));
    let what = format!("keeps data for {after} days instead of {before}");
    let lost = format!("data older than {after} days, soon after the deployment");
    let remediation = "save what is still needed, or restore the number in the config";
    Some(risk(resource, Impact::Lost, property.certain, what, Some(&lost), remediation))
}
