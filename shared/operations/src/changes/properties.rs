//! The properties of a resource that change.

use indexmap::IndexMap;
use mlp_template::pointer::join;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::difference::differences;
use super::model::{Detail, ResourceChange};
use super::values::{DisplayedValue, ValueState, beside, read, safe};

/// A property, or a part of one, that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Property {
    /// The JSON pointer in the template's resource, such as `/Properties/RetentionInDays`.
    pub path: String,
    /// How it changes.
    pub change: PropertyChange,
    /// The value as it is; absent where there is none, or CloudFormation doesn't tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<DisplayedValue>,
    /// The value as it will be; absent where there is none, or CloudFormation doesn't tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<DisplayedValue>,
    /// Whether this alone makes CloudFormation replace the resource; absent where it doesn't tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Replaces>,
    /// Why, other than that the template says so: `the parameter VpcId`, `KmsKey.Arn`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// Whether it is certain now; else the deployment shows whether it changes at all.
    pub certain: bool,
    /// Whether `before` is what was found in AWS, not what the last deployment left there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub found_in_aws: bool,
}

/// How a place changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PropertyChange {
    /// It is new.
    Added,
    /// Its value changes.
    Changed,
    /// It goes.
    Removed,
    /// Only CloudFormation's record of it changes.
    Recorded,
}

/// Whether a change makes CloudFormation replace the resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Replaces {
    /// It is changed where it is.
    No,
    /// It depends.
    Maybe,
    /// A new one is made.
    Yes,
}

impl PropertyChange {
    /// As people read it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Recorded => "recorded",
        }
    }

    /// Whether there is something before it.
    pub fn has_before(self) -> bool {
        !matches!(self, Self::Added)
    }

    /// Whether there is something after it.
    pub fn has_after(self) -> bool {
        !matches!(self, Self::Removed)
    }
}

/// Every place of a resource that changes, in CloudFormation's order.
pub(super) fn properties(change: &ResourceChange) -> Vec<Property> {
    let context = |text: &Option<String>| -> Option<Json> { serde_json::from_str(text.as_deref()?).ok() };
    let reader =
        PropertyReader { before: context(&change.before_context), after: context(&change.after_context) };
    match change.action.as_deref() {
        Some("Add" | "Import") => reader.whole(reader.after.as_ref(), PropertyChange::Added),
        Some("Remove") => reader.whole(reader.before.as_ref(), PropertyChange::Removed),
        _ => reader.details(&change.details),
    }
}

struct PropertyReader {
    before: Option<Json>,
    after: Option<Json>,
}

/// What several details say about one location.
struct ChangedPlace<'d> {
    detail: &'d Detail,
    before: Option<&'d str>,
    after: Option<&'d str>,
    replaces: Option<Replaces>,
    causes: Vec<String>,
    certain: bool,
}

impl PropertyReader {
    /// All properties of a resource that is added or removed.
    fn whole(&self, context: Option<&Json>, change: PropertyChange) -> Vec<Property> {
        let mut rows = Vec::new();
        for (key, value) in context.and_then(Json::as_object).into_iter().flatten() {
            let path = join("", key);
            match value {
                Json::Object(entries) if key == "Properties" => {
                    rows.extend(
                        entries.iter().map(|(key, value)| self.one(&join(&path, key), value, change)),
                    );
                }
                _ => rows.push(self.one(&path, value, change)),
            }
        }
        rows
    }

    fn one(&self, path: &str, value: &Json, change: PropertyChange) -> Property {
        let shown = DisplayedValue::new(self.name(path), value);
        let (before, after) = match change {
            PropertyChange::Removed => (known_now(shown), None),
            PropertyChange::Added | PropertyChange::Changed | PropertyChange::Recorded => (None, Some(shown)),
        };
        Property {
            path: safe(path),
            change,
            before,
            after,
            replaces: None,
            causes: Vec::new(),
            certain: true,
            found_in_aws: false,
        }
    }

    fn details(&self, details: &[Detail]) -> Vec<Property> {
        // One place often has two details: one for the value and one for where it comes from.
        let mut places: IndexMap<String, ChangedPlace<'_>> = IndexMap::new();
        for detail in details {
            let target = &detail.target;
            let replaces = match target.requires_recreation.as_deref() {
                Some("Always") => Some(Replaces::Yes),
                Some("Conditionally") => Some(Replaces::Maybe),
                Some("Never") => Some(Replaces::No),
                _ => None,
            };
            let certain = detail.evaluation.as_deref() != Some("Dynamic");
            let place = places.entry(path(detail)).or_insert_with(|| ChangedPlace {
                detail,
                before: None,
                after: None,
                replaces: None,
                causes: Vec::new(),
                certain: false,
            });
            place.before = place.before.or(target.before_value.as_deref());
            place.after = place.after.or(target.after_value.as_deref());
            place.replaces = place.replaces.max(replaces);
            place.certain |= certain;
            place.causes.extend(cause(detail).filter(|cause| !place.causes.contains(cause)));
        }
        places.into_iter().flat_map(|(path, place)| self.rows(&path, &place)).collect()
    }

    /// The smallest places below one that differ.
    fn rows(&self, prefix: &str, place: &ChangedPlace<'_>) -> Vec<Property> {
        let value = |told: Option<&str>, context: &Option<Json>| {
            told.map(read).or_else(|| context.as_ref()?.pointer(prefix).cloned())
        };
        let before = value(place.before, &self.before);
        let after = value(place.after, &self.after);
        let target = &place.detail.target;
        let told = target.attribute_change_type.as_deref();
        let wholes = [&after, &before];
        let row = |path: String, before: Option<&Json>, after: Option<&Json>| {
            // The values themselves may tell a name that a context, absent or cut off, doesn't.
            let inner = path.strip_prefix(prefix).and_then(|path| path.strip_suffix("/Value"));
            let holder = |whole: &Option<Json>| beside(whole.as_ref()?.pointer(inner?)?).map(str::to_owned);
            let name = wholes.into_iter().find_map(holder).unwrap_or_else(|| self.name(&path).to_owned());
            let name = name.as_str();
            let change = match (told, before, after) {
                (Some("SyncWithActual"), ..) => PropertyChange::Recorded,
                (Some("Remove"), ..) | (_, Some(_), None) => PropertyChange::Removed,
                (Some("Add"), ..) | (_, None, Some(_)) => PropertyChange::Added,
                _ => PropertyChange::Changed,
            };
            Property {
                change,
                before: before.and_then(|value| known_now(DisplayedValue::new(name, value))),
                after: after.map(|value| DisplayedValue::new(name, value)),
                path: safe(&path),
                replaces: place.replaces,
                causes: place.causes.clone(),
                certain: place.certain,
                found_in_aws: target.before_value_from.as_deref() == Some("ACTUAL_STATE"),
            }
        };
        let (Some(before), Some(after)) = (&before, &after) else {
            let mut row = row(prefix.to_owned(), before.as_ref(), after.as_ref());
            // A modified value with only one side isn't added or removed: the other side is unknown.
            if told == Some("Modify") {
                row.change = PropertyChange::Changed;
            }
            return vec![row];
        };
        let split = differences(before, after);
        if split.is_empty() {
            return vec![row(prefix.to_owned(), Some(before), Some(after))];
        }
        split.iter().map(|it| row(format!("{prefix}{}", it.path), it.before, it.after)).collect()
    }

    /// What the value at a place is called: the last name of its path; for `.../3/Value` what stands beside it.
    fn name<'a>(&'a self, path: &'a str) -> &'a str {
        let (above, last) = path.rsplit_once('/').unwrap_or(("", path));
        if last == "Value" {
            let holder = [&self.after, &self.before].into_iter().find_map(|it| it.as_ref()?.pointer(above));
            if let Some(name) = holder.and_then(beside) {
                return name;
            }
        }
        path.rsplit('/').find(|part| part.parse::<usize>().is_err()).unwrap_or(last)
    }
}

/// A value before the change. It is left out if only the deployment resolves it.
fn known_now(shown: DisplayedValue) -> Option<DisplayedValue> {
    (shown.state != ValueState::KnownAfterDeployment).then_some(shown)
}

/// Where a detail points: its path, or what can be told from attribute and name.
fn path(detail: &Detail) -> String {
    let target = &detail.target;
    let attribute = target.attribute.as_deref().unwrap_or("Properties");
    match (&target.path, &target.name) {
        (Some(path), _) if !path.is_empty() => path.clone(),
        (_, Some(name)) if !name.is_empty() => join(&join("", attribute), name),
        // A resource's tags are a property in the template.
        _ if attribute == "Tags" => "/Properties/Tags".to_owned(),
        _ => join("", attribute),
    }
}

/// The cause of a change, unless the template was edited.
fn cause(detail: &Detail) -> Option<String> {
    let entity = detail.causing_entity.as_deref().map(safe).unwrap_or_default();
    match detail.change_source.as_deref()? {
        "ParameterReference" => Some(format!("the parameter {entity}")),
        "ResourceReference" | "ResourceAttribute" => Some(entity),
        "Automatic" => Some("its own nested stack".to_owned()),
        "NoModification" => Some("what it already is in AWS".to_owned()),
        "DirectModification" => None,
        other => Some(format!("{} {entity}", safe(other)).trim_end().to_owned()),
    }
    .filter(|cause| !cause.is_empty())
}
