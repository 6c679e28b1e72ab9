//! The summary of a change set.

use std::collections::HashMap;

use mlp_product::config::Tier;
use mlp_product::product::{Blueprint, Product, blueprint};
use mlp_template::error::InternalError;
use serde::{Deserialize, Serialize};

use super::counts::{ChangeCounts, NamedResource};
use super::effect::{Effect, OldResource, effect, sentence};
use super::model::{Change, Page, ResourceChange};
use super::next::{Next, NextStep, steps};
use super::properties::{Property, properties};
use super::risks::{Risk, holds_data, risks};
use super::values::safe;

/// The version of the JSON's shape; it grows when a reader could break.
pub const SCHEMA_VERSION: u32 = 1;

/// Which product and stack a change set is of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangesContext {
    /// The product's name.
    pub ml_name: String,
    /// The stack's name.
    pub stack_name: String,
    /// The tier; purposes of resources come from it.
    pub tier: Option<Tier>,
    /// The scenario in one word.
    pub scenario: Option<String>,
    /// The account's 12 digits.
    pub account_id: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// The partition, such as `aws`.
    pub partition: Option<String>,
}

impl From<&Product> for ChangesContext {
    fn from(product: &Product) -> Self {
        Self {
            ml_name: product.names.ml_name().to_owned(),
            stack_name: product.names.stack(),
            tier: Some(product.tier),
            scenario: Some(product.scenario.clone()),
            account_id: Some(product.account_id.as_str().to_owned()),
            region: Some(product.region.to_string()),
            partition: Some(product.region.partition().to_owned()),
        }
    }
}

/// What a change set changes. Its JSON Schema is `schemas/changes.schema.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The product's name.
    pub ml_name: String,
    /// The stack's name.
    pub stack_name: String,
    /// The stack's ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_id: Option<String>,
    /// The tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    /// The scenario in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// The account's 12 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// The region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Present when the stack itself is deleted; then no change set is behind this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion: Option<Deletion>,
    /// Which change set.
    pub change_set: ChangeSet,
    /// How many resources have each effect.
    pub counts: Counts,
    /// What could be lost, the worst first.
    pub risks: Vec<Risk>,
    /// Every resource that something happens to, in the template's order.
    pub resources: Vec<Resource>,
    /// What to do next.
    pub next: Vec<NextStep>,
    /// The version of ML Provisioner that made this.
    pub generator_version: String,
}

/// How a stack is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deletion {
    /// For good.
    Final,
    /// To be created again from the config's template.
    Recreated,
}

/// A resource of a stack that is deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeletedResource {
    /// Its logical id.
    pub logical_id: String,
    /// Its type.
    pub kind: String,
    /// What it is called in AWS.
    pub physical_id: Option<String>,
    /// Whether its `DeletionPolicy` keeps it.
    pub is_kept: bool,
}

/// A change set, apart from its changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeSet {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What was said about it when it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// When it was made, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// As CloudFormation spells it: `CREATE_COMPLETE`, `FAILED`, ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// As CloudFormation spells it: `AVAILABLE`, `OBSOLETE`, ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_status: Option<String>,
    /// Whether it can be executed.
    pub can_be_executed: bool,
    /// Whether it puts back what was changed by hand.
    pub reverts_drift: bool,
}

/// How many resources meet what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All of them.
    pub total: usize,
    /// Those that are added.
    pub added: usize,
    /// Those that are changed where they are.
    pub changed: usize,
    /// Those that are, or may be, replaced.
    pub replaced: usize,
    /// Those that are deleted.
    pub deleted: usize,
    /// Those that stay in AWS without the stack.
    pub released: usize,
    /// Those that exist and are imported into the stack.
    pub imported: usize,
    /// Those of which only CloudFormation's record changes.
    pub recorded: usize,
    /// Those whose effect isn't known yet.
    pub undetermined: usize,
}

/// A resource that something happens to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// Its logical id.
    pub logical_id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is called in AWS; absent for one that is added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub physical_id: Option<String>,
    /// What it is for, if it is one of a product's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// The part of the product that it belongs to, if it is one of a product's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Whether it holds data.
    pub holds_data: bool,
    /// What happens to it.
    pub effect: Effect,
    /// What becomes of the thing that is there now, if it is deleted or replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_resource: Option<OldResource>,
    /// The same as a sentence without its subject.
    pub description: String,
    /// What was done to it by hand, if the change set looked and found something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<String>,
    /// The change set of the nested stack that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nested_change_set: Option<String>,
    /// The CloudFormation module that it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// What changes of it.
    pub properties: Vec<Property>,
}

impl ChangeSet {
    /// Whether CloudFormation created none because there is nothing to change. It has no code for this, only these two
    /// messages.
    pub fn says_nothing_changes(&self) -> bool {
        self.status.as_deref() == Some("FAILED")
            && self.reason.as_deref().is_some_and(|reason| {
                reason.contains("didn't contain changes") || reason.contains("No updates are to be performed")
            })
    }

    /// Whether CloudFormation could not create it.
    pub fn failed(&self) -> bool {
        self.status.as_deref() == Some("FAILED") && !self.says_nothing_changes()
    }
}

impl Changes {
    /// The summary of a change set, given as the pages of `DescribeChangeSet` in their order.
    ///
    /// ```
    /// use mlp_operations::changes::{ChangesContext, Changes, Effect, Next, Page};
    /// let page: Page = serde_json::from_str(r#"{"Status": "CREATE_COMPLETE", "Changes": [{"ResourceChange": {
    ///     "Action": "Remove", "LogicalResourceId": "Logs", "ResourceType": "AWS::Logs::LogGroup"}}]}"#)?;
    /// let changes = Changes::new(&ChangesContext::default(), &[page], &Next::Nothing).unwrap();
    /// assert_eq!(changes.resources[0].effect, Effect::Deleted);
    /// assert_eq!(changes.risks[0].lost.as_deref(), Some("every event that was logged to it"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When a tier file is broken, which the tests rule out.
    pub fn new(about: &ChangesContext, pages: &[Page], next: &Next) -> Result<Self, InternalError> {
        Self::of(about, pages, None, next)
    }

    /// The summary of a stack's deletion: `gone` are its resources. `again` are logical ids and types of those that the
    /// stack gets when it is created again; none, if it isn't.
    ///
    /// ```
    /// use mlp_operations::changes::{ChangesContext, Changes, DeletedResource, Next};
    /// let bucket = DeletedResource { logical_id: "Bucket".into(), kind: "AWS::S3::Bucket".into(),
    /// ..DeletedResource::default() };
    /// let changes = Changes::of_deletion(&ChangesContext::default(), "arn", &[bucket], None, &Next::Nothing).unwrap();
    /// assert_eq!((changes.counts.deleted, changes.loses_data()), (1, true));
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub fn of_deletion(
        about: &ChangesContext,
        stack_id: &str,
        gone: &[DeletedResource],
        again: Option<&[(String, String)]>,
        next: &Next,
    ) -> Result<Self, InternalError> {
        let change = |action: &str, id: &str, kind: &str| ResourceChange {
            action: Some(action.to_owned()),
            logical_resource_id: Some(id.to_owned()),
            resource_type: Some(kind.to_owned()),
            ..ResourceChange::default()
        };
        let removed = gone.iter().map(|it| ResourceChange {
            physical_resource_id: it.physical_id.clone(),
            policy_action: Some(if it.is_kept { "Retain" } else { "Delete" }.to_owned()),
            ..change("Remove", &it.logical_id, &it.kind)
        });
        let added = again.unwrap_or_default().iter().map(|(id, kind)| change("Add", id, kind));
        let changes = removed.chain(added);
        let page = Page {
            stack_id: Some(stack_id.to_owned()),
            changes: changes.map(|resource_change| Change { r#type: None, resource_change }).collect(),
            ..Page::default()
        };
        let deletion = if again.is_some() { Deletion::Recreated } else { Deletion::Final };
        Self::of(about, &[page], Some(deletion), next)
    }

    fn of(
        about: &ChangesContext,
        pages: &[Page],
        deletion: Option<Deletion>,
        next: &Next,
    ) -> Result<Self, InternalError> {
        let known = ResourceCatalog::new(about.tier)?;
        let mut resources: Vec<Resource> = pages
            .iter()
            .flat_map(|page| &page.changes)
            .map(|change| resource(&change.resource_change, &known))
            .collect();
        // Stable: what no tier has comes last, in CloudFormation's order.
        resources.sort_by_key(|resource| known.rank(&resource.logical_id));
        let mut found: Vec<Risk> = resources.iter().flat_map(|resource| risks(resource, deletion)).collect();
        found.sort_by_key(|risk| (risk.impact, !risk.certain));
        let first = |get: fn(&Page) -> Option<&String>| pages.iter().find_map(get).map(|text| safe(text));
        let mut changes = Self {
            schema_version: SCHEMA_VERSION,
            ml_name: safe(&about.ml_name),
            stack_name: if about.stack_name.is_empty() {
                first(|page| page.stack_name.as_ref()).unwrap_or_default()
            } else {
                safe(&about.stack_name)
            },
            stack_id: first(|page| page.stack_id.as_ref()),
            tier: about.tier.map(|tier| tier.as_str().to_owned()),
            scenario: about.scenario.as_deref().map(safe),
            account_id: about.account_id.as_deref().map(safe),
            region: about.region.as_deref().map(safe),
            deletion,
            change_set: change_set(pages),
            counts: counts(&resources),
            risks: found,
            resources,
            next: Vec::new(),
            generator_version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        changes.next = steps(&changes, about, next);
        Ok(changes)
    }

    /// Whether no resource changes. Outputs and tags of the stack may all the same, if it can be executed.
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty()
    }

    /// Whether the changes can still be made as shown.
    pub fn can_be_executed(&self) -> bool {
        self.deletion.is_some() || self.change_set.can_be_executed
    }

    /// Whether something would be lost, as far as is known now.
    pub fn loses_data(&self) -> bool {
        self.risks.iter().any(|risk| risk.impact == super::risks::Impact::Lost)
    }

    /// The whole in one line: `2 added, 1 changed, 1 replaced`.
    pub fn headline(&self) -> String {
        let Counts { added, changed, replaced, deleted, released, imported, recorded, undetermined, .. } =
            self.counts;
        let parts: Vec<String> = [
            (added, "added"),
            (changed, "changed"),
            (replaced, "replaced"),
            (deleted, "deleted"),
            (released, "kept, no longer managed"),
            (imported, "imported"),
            (recorded, "recorded"),
            (undetermined, "not known yet"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
        if parts.is_empty() { "no resource changes".to_owned() } else { parts.join(", ") }
    }
}

impl From<&Changes> for ChangeCounts {
    /// The figures for an execution's result; where report and data are stored is the caller's to add.
    fn from(changes: &Changes) -> Self {
        let Counts { added, changed, replaced, deleted, .. } = changes.counts;
        let named = |wanted: &[Effect]| {
            let resources = changes.resources.iter().filter(|it| wanted.contains(&it.effect));
            let named = resources.map(|it| NamedResource {
                logical_id: it.logical_id.clone(),
                kind: it.kind.clone(),
                physical_id: it.physical_id.clone(),
                certain: it.effect != Effect::MaybeReplaced,
            });
            named.take(MAX_NAMED_RESOURCES).collect()
        };
        Self {
            deletion: changes.deletion,
            added,
            changed,
            replaced,
            deleted,
            deletions: named(&[Effect::Deleted]),
            replacements: named(&[Effect::Replaced, Effect::MaybeReplaced]),
            risks: changes.risks.iter().take(MAX_NAMED_RESOURCES).cloned().collect(),
            report: None,
            data: None,
        }
    }
}

/// How many resources and risks an execution carries by name; the report has all of them.
const MAX_NAMED_RESOURCES: usize = 100;

/// What a change set that looks at drift says of a resource that is not there any more.
pub(super) const DELETED_OUTSIDE: &str = "was deleted outside CloudFormation";

/// The resources of the tier files, by logical id.
struct ResourceCatalog {
    own: Option<&'static Blueprint>,
    /// The largest tier, for resources that a change of the tier removes.
    all: &'static Blueprint,
    ranks: HashMap<&'static str, (usize, usize)>,
}

impl ResourceCatalog {
    fn new(tier: Option<Tier>) -> Result<Self, InternalError> {
        let all = blueprint(Tier::Enterprise)?;
        let ids = all.resources.iter().enumerate();
        let ranks = ids.map(|(place, (id, spec))| (id.as_str(), (spec.group as usize, place))).collect();
        Ok(Self { own: tier.map(blueprint).transpose()?, all, ranks })
    }

    /// The resource of this id and type.
    fn spec(&self, id: &str, kind: &str) -> Option<&'static mlp_product::product::ResourceSpec> {
        let in_tier = |blueprint: &'static Blueprint| blueprint.resources.get(id);
        self.own.and_then(in_tier).or_else(|| in_tier(self.all)).filter(|spec| spec.kind == kind)
    }

    /// Its place in the template.
    fn rank(&self, id: &str) -> (usize, usize) {
        self.ranks.get(id).copied().unwrap_or((usize::MAX, usize::MAX))
    }
}

fn resource(change: &ResourceChange, known: &ResourceCatalog) -> Resource {
    let text = |text: &Option<String>| text.as_deref().map(safe);
    let id = text(&change.logical_resource_id).unwrap_or_default();
    let kind = text(&change.resource_type).unwrap_or_default();
    let spec = known.spec(&id, &kind);
    let (effect, old_resource) = effect(change);
    Resource {
        physical_id: text(&change.physical_resource_id).filter(|id| !id.is_empty()),
        purpose: spec.map(|spec| spec.purpose.clone()),
        group: spec.map(|spec| spec.group.title().to_owned()),
        holds_data: spec.is_some_and(|spec| spec.stateful) || holds_data(&kind),
        effect,
        old_resource,
        description: sentence(change, effect, old_resource),
        drift: match change.resource_drift_status.as_deref() {
            Some("MODIFIED") => Some("was changed outside CloudFormation".to_owned()),
            Some("DELETED") => Some(DELETED_OUTSIDE.to_owned()),
            _ => None,
        },
        nested_change_set: text(&change.change_set_id),
        module: change.module_info.as_ref().and_then(|module| text(&module.logical_id_hierarchy)),
        properties: properties(change),
        logical_id: id,
        kind,
    }
}

fn change_set(pages: &[Page]) -> ChangeSet {
    let first = |get: fn(&Page) -> Option<&String>| pages.iter().find_map(get).map(|text| safe(text));
    let status = first(|page| page.status.as_ref());
    let execution_status = first(|page| page.execution_status.as_ref());
    ChangeSet {
        name: first(|page| page.change_set_name.as_ref()),
        id: first(|page| page.change_set_id.as_ref()),
        description: first(|page| page.description.as_ref()).filter(|text| !text.is_empty()),
        created: first(|page| page.creation_time.as_ref()),
        can_be_executed: execution_status.as_deref() == Some("AVAILABLE")
            && status.as_deref() == Some("CREATE_COMPLETE"),
        status,
        reason: first(|page| page.status_reason.as_ref()).filter(|text| !text.is_empty()),
        execution_status,
        reverts_drift: pages.iter().any(|page| page.deployment_mode.as_deref() == Some("REVERT_DRIFT")),
    }
}

fn counts(resources: &[Resource]) -> Counts {
    let mut counts = Counts { total: resources.len(), ..Counts::default() };
    for resource in resources {
        *match resource.effect {
            Effect::Added => &mut counts.added,
            Effect::Changed => &mut counts.changed,
            Effect::Replaced | Effect::MaybeReplaced => &mut counts.replaced,
            Effect::Deleted => &mut counts.deleted,
            Effect::Released => &mut counts.released,
            Effect::Imported => &mut counts.imported,
            Effect::Recorded => &mut counts.recorded,
            Effect::Undetermined => &mut counts.undetermined,
        } += 1;
    }
    counts
}
