//! [`Stacks`] over AWS CloudFormation.

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::{
    Capability, Change, ChangeSetType, DeploymentMode, EventFilter, OnStackFailure, OperationEvent,
    Parameter, ResourceChange, ResourceChangeDetail, ResourceStatus, ResourceTargetDefinition, StackEvent,
    Tag, TemplateStage,
};
use serde_json::{Map as Object, Value as Json, json};

use crate::calls::{CallError, Kind};
use crate::cloudformation::stacks::Event;
use crate::cloudformation::stacks::{ChangeSet, NewChangeSet, Stack, StackResource, Stacks};

/// [`Stacks`] over a CloudFormation client.
#[derive(Debug, Clone)]
pub struct CloudFormation {
    client: Client,
}

impl CloudFormation {
    /// Wraps a client, whose time-outs and retries are the caller's choice (see [`crate::clients`]).
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

/// `None` for what isn't there.
fn found<T>(answer: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind == Kind::Gone => Ok(None),
        Err(error) => Err(error),
    }
}

/// A reason that says something. A message with an empty one would end in a colon.
fn said(reason: Option<String>) -> Option<String> {
    reason.filter(|reason| !reason.trim().is_empty())
}

// The SDK's futures are deep and large: boxed here, they cost the callers' futures one pointer.
impl Stacks for CloudFormation {
    async fn stack(&self, stack: &str) -> Result<Option<Stack>, CallError> {
        let call = Box::pin(self.client.describe_stacks().stack_name(stack).send()).await;
        let answer = call.map_err(|error| CallError::of("cloudformation:DescribeStacks", &error));
        let stack = found(answer)?.and_then(|answer| answer.stacks.unwrap_or_default().into_iter().next());
        Ok(stack.map(|stack| Stack {
            id: stack.stack_id.unwrap_or_default(),
            status: stack.stack_status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
            reason: said(stack.stack_status_reason),
            tags: (stack.tags.unwrap_or_default().into_iter())
                .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())))
                .collect(),
            protected: stack.enable_termination_protection.unwrap_or_default(),
            role: stack.role_arn,
            outputs: (stack.outputs.unwrap_or_default().into_iter())
                .filter_map(|output| Some((output.output_key?, output.output_value?)))
                .collect(),
        }))
    }

    async fn create_change_set(&self, wanted: &NewChangeSet) -> Result<String, CallError> {
        let kind = if wanted.create { ChangeSetType::Create } else { ChangeSetType::Update };
        let tags = wanted.tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
        let parameters = wanted
            .parameters
            .iter()
            .map(|(key, value)| Parameter::builder().parameter_key(key).parameter_value(value).build());
        let request = self
            .client
            .create_change_set()
            .stack_name(&wanted.stack)
            .change_set_name(&wanted.name)
            .change_set_type(kind)
            .template_url(&wanted.template_url)
            .capabilities(Capability::CapabilityNamedIam)
            .set_role_arn(wanted.role.clone())
            .set_tags(Some(tags.collect()))
            .set_parameters(Some(parameters.collect()))
            .client_token(&wanted.token)
            .description(&wanted.description)
            .set_on_stack_failure(wanted.create.then_some(OnStackFailure::Rollback))
            .set_deployment_mode(wanted.revert_drift.then_some(DeploymentMode::RevertDrift));
        let call = Box::pin(request.send()).await;
        let made = call.map_err(|error| CallError::of("cloudformation:CreateChangeSet", &error))?;
        made.id.filter(|id| !id.is_empty()).ok_or_else(|| CallError {
            kind: Kind::Unavailable,
            operation: "cloudformation:CreateChangeSet",
            reason: "the answer has no `Id`".to_owned(),
        })
    }

    async fn change_set(&self, stack: &str, name: &str) -> Result<Option<ChangeSet>, CallError> {
        let mut set: Option<ChangeSet> = None;
        let mut token = None;
        loop {
            let request = self
                .client
                .describe_change_set()
                .stack_name(stack)
                .change_set_name(name)
                .include_property_values(true)
                .set_next_token(token);
            let call = Box::pin(request.send()).await;
            let Some(page) =
                found(call.map_err(|error| CallError::of("cloudformation:DescribeChangeSet", &error)))?
            else {
                return Ok(None);
            };
            let set = set.get_or_insert_with(|| ChangeSet {
                id: page.change_set_id.unwrap_or_default(),
                stack_id: page.stack_id.unwrap_or_default(),
                status: page.status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
                reason: page.status_reason.unwrap_or_default(),
                execution_status: page.execution_status.map(|it| it.as_str().to_owned()).unwrap_or_default(),
                changes: Vec::new(),
            });
            set.changes.extend(page.changes.unwrap_or_default().iter().map(change));
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                break;
            }
        }
        Ok(set)
    }

    async fn change_set_events(&self, id: &str) -> Result<Vec<Event>, CallError> {
        let failed = EventFilter::builder().failed_events(true).build();
        // A name would have to be told together with its stack's.
        let request = self.client.describe_events().change_set_name(id).filters(failed);
        let mut pages = request.into_paginator().send();
        let mut events = Vec::new();
        while let Some(page) = Box::pin(pages.next()).await {
            let page = page.map_err(|error| CallError::of("cloudformation:DescribeEvents", &error))?;
            events.extend(page.operation_events.unwrap_or_default().into_iter().filter_map(failed_event));
        }
        Ok(events)
    }

    async fn change_sets(&self, stack: &str) -> Result<Vec<String>, CallError> {
        let mut pages = self.client.list_change_sets().stack_name(stack).into_paginator().send();
        let mut names = Vec::new();
        while let Some(page) = Box::pin(pages.next()).await {
            let page = page.map_err(|error| CallError::of("cloudformation:ListChangeSets", &error));
            let Some(page) = found(page)? else { return Ok(Vec::new()) };
            names
                .extend(page.summaries.unwrap_or_default().into_iter().filter_map(|set| set.change_set_name));
        }
        Ok(names)
    }

    async fn execute(&self, stack: &str, name: &str, token: &str) -> Result<(), CallError> {
        let request = self.client.execute_change_set().stack_name(stack).change_set_name(name);
        let call = Box::pin(request.client_request_token(token).send()).await;
        call.map(drop).map_err(|error| CallError::of("cloudformation:ExecuteChangeSet", &error))
    }

    async fn delete_change_set(&self, stack: &str, name: &str) -> Result<(), CallError> {
        let request = self.client.delete_change_set().stack_name(stack).change_set_name(name);
        let call = Box::pin(request.send()).await;
        let answer = call.map(drop).map_err(|error| CallError::of("cloudformation:DeleteChangeSet", &error));
        found(answer).map(Option::unwrap_or_default)
    }

    async fn delete(&self, stack_id: &str, token: &str, role: Option<&str>) -> Result<(), CallError> {
        let request = self.client.delete_stack().stack_name(stack_id).client_request_token(token);
        let call = Box::pin(request.set_role_arn(role.map(str::to_owned)).send()).await;
        call.map(drop).map_err(|error| CallError::of("cloudformation:DeleteStack", &error))
    }

    async fn events(
        &self,
        stack_id: &str,
        token: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Event>, CallError> {
        let mut pages = self.client.describe_stack_events().stack_name(stack_id).into_paginator().send();
        let mut events = Vec::new();
        let mut begun = false;
        'pages: while let Some(page) = Box::pin(pages.next()).await {
            let page = page.map_err(|error| CallError::of("cloudformation:DescribeStackEvents", &error))?;
            for event in page.stack_events.unwrap_or_default() {
                if token.is_some() && event.client_request_token.as_deref() != token {
                    // Newest first: behind the events of the operation there are older operations only.
                    if begun {
                        break 'pages;
                    }
                    continue;
                }
                begun = true;
                if events.len() >= limit {
                    break 'pages;
                }
                events.push(Event {
                    logical_id: event.logical_resource_id.unwrap_or_default(),
                    physical_id: event.physical_resource_id.unwrap_or_default(),
                    kind: event.resource_type.unwrap_or_default(),
                    status: event.resource_status.map(|it| it.as_str().to_owned()).unwrap_or_default(),
                    reason: event.resource_status_reason.unwrap_or_default(),
                    token: event.client_request_token,
                });
            }
        }
        Ok(events)
    }

    async fn resources(&self, stack_id: &str) -> Result<Vec<StackResource>, CallError> {
        let mut pages = self.client.list_stack_resources().stack_name(stack_id).into_paginator().send();
        let mut resources = Vec::new();
        while let Some(page) = Box::pin(pages.next()).await {
            let page = page.map_err(|error| CallError::of("cloudformation:ListStackResources", &error))?;
            resources.extend(page.stack_resource_summaries.unwrap_or_default().into_iter().map(|resource| {
                StackResource {
                    logical_id: resource.logical_resource_id.unwrap_or_default(),
                    physical_id: resource.physical_resource_id.filter(|id| !id.is_empty()),
                    kind: resource.resource_type.unwrap_or_default(),
                    status: resource.resource_status.map(|it| it.as_str().to_owned()).unwrap_or_default(),
                    reason: resource.resource_status_reason,
                }
            }));
        }
        Ok(resources)
    }

    async fn resource(&self, stack_id: &str, logical_id: &str) -> Result<Option<StackResource>, CallError> {
        let request = self.client.describe_stack_resource().stack_name(stack_id);
        let call = Box::pin(request.logical_resource_id(logical_id).send()).await;
        let answer = call.map_err(|error| CallError::of("cloudformation:DescribeStackResource", &error));
        let resource = found(answer)?.and_then(|answer| answer.stack_resource_detail);
        Ok(resource.map(|resource| StackResource {
            logical_id: resource.logical_resource_id.unwrap_or_default(),
            physical_id: resource.physical_resource_id.filter(|id| !id.is_empty()),
            kind: resource.resource_type.unwrap_or_default(),
            status: resource.resource_status.map(|it| it.as_str().to_owned()).unwrap_or_default(),
            reason: resource.resource_status_reason,
        }))
    }

    async fn template(&self, stack: &str) -> Result<Option<String>, CallError> {
        let request = self.client.get_template().stack_name(stack).template_stage(TemplateStage::Original);
        let answer = Box::pin(request.send()).await;
        let answer = answer.map_err(|error| CallError::of("cloudformation:GetTemplate", &error));
        Ok(found(answer)?.and_then(|answer| answer.template_body))
    }

    async fn event_properties(&self, stack_id: &str, logical_id: &str) -> Result<Option<Json>, CallError> {
        let mut pages = self.client.describe_stack_events().stack_name(stack_id).into_paginator().send();
        while let Some(page) = Box::pin(pages.next()).await {
            let page = page.map_err(|error| CallError::of("cloudformation:DescribeStackEvents", &error));
            let Some(page) = found(page)? else { return Ok(None) };
            for event in page.stack_events.unwrap_or_default() {
                if is_in_progress(&event) && event.logical_resource_id.as_deref() == Some(logical_id) {
                    let properties = event.resource_properties;
                    return Ok(properties.and_then(|text| serde_json::from_str(&text).ok()));
                }
                // Behind the beginning of the operation there are older operations only.
                if is_in_progress(&event) && event.physical_resource_id.as_deref() == Some(stack_id) {
                    return Ok(None);
                }
            }
        }
        Ok(None)
    }

    async fn protect(&self, stack: &str) -> Result<(), CallError> {
        let request = self.client.update_termination_protection().stack_name(stack);
        let call = Box::pin(request.enable_termination_protection(true).send()).await;
        call.map(drop).map_err(|error| CallError::of("cloudformation:UpdateTerminationProtection", &error))
    }
}

/// Whether the event says that its resource, or the stack, is being created or updated.
///
/// An update that is undone sends the old properties, with `UPDATE_IN_PROGRESS`; the stack's own event says so by
/// `UPDATE_ROLLBACK_IN_PROGRESS`.
fn is_in_progress(event: &StackEvent) -> bool {
    matches!(
        event.resource_status,
        Some(
            ResourceStatus::CreateInProgress
                | ResourceStatus::UpdateInProgress
                | ResourceStatus::UpdateRollbackInProgress
        )
    )
}

/// What an event of a change set says of a resource: a validation that it didn't pass, a hook's or a handler's refusal.
///
/// Source: AWS CloudFormation API Reference, `OperationEvent`; User Guide, "Validate stack deployments".
fn failed_event(event: OperationEvent) -> Option<Event> {
    let reason = match (event.validation_status_reason, event.hook_status_reason) {
        (Some(reason), _) => match event.validation_path {
            Some(path) => format!("{reason} ({path})"),
            None => reason,
        },
        (None, Some(reason)) => {
            format!("the hook {} refused it: {reason}", event.hook_type.unwrap_or_default())
        }
        (None, None) => event.resource_status_reason?,
    };
    Some(Event {
        logical_id: event.logical_resource_id.unwrap_or_default(),
        physical_id: event.physical_resource_id.unwrap_or_default(),
        kind: event.resource_type.unwrap_or_default(),
        // Only failures are asked for, whatever a validation calls its own.
        status: "VALIDATION_FAILED".to_owned(),
        reason,
        token: event.client_request_token,
    })
}

/// A change as the API spells it: the SDK's types can't be written.
fn change(change: &Change) -> Json {
    let mut fields = Object::new();
    put(&mut fields, "Type", change.r#type.as_ref().map(aws_sdk_cloudformation::types::ChangeType::as_str));
    if let Some(resource) = &change.resource_change {
        fields.insert("ResourceChange".to_owned(), resource_change(resource));
    }
    Json::Object(fields)
}

fn resource_change(change: &ResourceChange) -> Json {
    let mut fields = Object::new();
    put(
        &mut fields,
        "PolicyAction",
        change.policy_action.as_ref().map(aws_sdk_cloudformation::types::PolicyAction::as_str),
    );
    put(
        &mut fields,
        "Action",
        change.action.as_ref().map(aws_sdk_cloudformation::types::ChangeAction::as_str),
    );
    put(&mut fields, "LogicalResourceId", change.logical_resource_id.as_deref());
    put(&mut fields, "PhysicalResourceId", change.physical_resource_id.as_deref());
    put(&mut fields, "ResourceType", change.resource_type.as_deref());
    put(
        &mut fields,
        "Replacement",
        change.replacement.as_ref().map(aws_sdk_cloudformation::types::Replacement::as_str),
    );
    put(
        &mut fields,
        "ResourceDriftStatus",
        change
            .resource_drift_status
            .as_ref()
            .map(aws_sdk_cloudformation::types::StackResourceDriftStatus::as_str),
    );
    put(&mut fields, "ChangeSetId", change.change_set_id.as_deref());
    put(&mut fields, "BeforeContext", change.before_context.as_deref());
    put(&mut fields, "AfterContext", change.after_context.as_deref());
    let scope = change.scope.iter().flatten().map(aws_sdk_cloudformation::types::ResourceAttribute::as_str);
    fields.insert("Scope".to_owned(), scope.collect());
    let details = change.details.iter().flatten().map(detail);
    fields.insert("Details".to_owned(), details.collect());
    if let Some(module) = &change.module_info {
        let module = json!({"TypeHierarchy": module.type_hierarchy, "LogicalIdHierarchy": module.logical_id_hierarchy});
        fields.insert("ModuleInfo".to_owned(), module);
    }
    Json::Object(fields)
}

fn detail(detail: &ResourceChangeDetail) -> Json {
    let mut fields = Object::new();
    if let Some(it) = &detail.target {
        fields.insert("Target".to_owned(), target(it));
    }
    put(
        &mut fields,
        "Evaluation",
        detail.evaluation.as_ref().map(aws_sdk_cloudformation::types::EvaluationType::as_str),
    );
    put(
        &mut fields,
        "ChangeSource",
        detail.change_source.as_ref().map(aws_sdk_cloudformation::types::ChangeSource::as_str),
    );
    put(&mut fields, "CausingEntity", detail.causing_entity.as_deref());
    Json::Object(fields)
}

fn target(target: &ResourceTargetDefinition) -> Json {
    let mut fields = Object::new();
    put(
        &mut fields,
        "Attribute",
        target.attribute.as_ref().map(aws_sdk_cloudformation::types::ResourceAttribute::as_str),
    );
    put(&mut fields, "Name", target.name.as_deref());
    put(
        &mut fields,
        "RequiresRecreation",
        target.requires_recreation.as_ref().map(aws_sdk_cloudformation::types::RequiresRecreation::as_str),
    );
    put(&mut fields, "Path", target.path.as_deref());
    put(&mut fields, "BeforeValue", target.before_value.as_deref());
    put(&mut fields, "AfterValue", target.after_value.as_deref());
    put(
        &mut fields,
        "BeforeValueFrom",
        target.before_value_from.as_ref().map(aws_sdk_cloudformation::types::BeforeValueFrom::as_str),
    );
    put(
        &mut fields,
        "AfterValueFrom",
        target.after_value_from.as_ref().map(aws_sdk_cloudformation::types::AfterValueFrom::as_str),
    );
    put(
        &mut fields,
        "AttributeChangeType",
        target.attribute_change_type.as_ref().map(aws_sdk_cloudformation::types::AttributeChangeType::as_str),
    );
    Json::Object(fields)
}

fn put(fields: &mut Object<String, Json>, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        fields.insert(key.to_owned(), Json::from(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_reason_is_none() {
        assert_eq!(said(Some(" ".to_owned())), None);
        assert_eq!(said(Some("the name is taken".to_owned())).as_deref(), Some("the name is taken"));
    }

    #[test]
    fn what_a_change_set_failed_of_is_told_with_its_place_whoever_refused_it() {
        let event = || {
            OperationEvent::builder().logical_resource_id("ArtifactsBucket").resource_type("AWS::S3::Bucket")
        };
        let validation = event()
            .validation_name("AWS::EarlyValidation::PropertyValidation")
            .validation_status_reason("#/VersionControl: extraneous key is not permitted")
            .validation_path("/Resources/ArtifactsBucket/Properties/VersionControl")
            .build();
        let hook =
            event().hook_type("Org::Guard::Hook").hook_status_reason("no bucket without a key").build();
        let handler = event().resource_status_reason("the name is taken").build();
        let reasons: Vec<String> = [validation, hook, handler]
            .into_iter()
            .map(|event| {
                let event = failed_event(event).unwrap();
                assert_eq!(
                    (event.logical_id.as_str(), event.kind.as_str()),
                    ("ArtifactsBucket", "AWS::S3::Bucket")
                );
                event.reason
            })
            .collect();
        assert_eq!(
            reasons,
            [
                "#/VersionControl: extraneous key is not permitted (/Resources/ArtifactsBucket/Properties/VersionControl)",
                "the hook Org::Guard::Hook refused it: no bucket without a key",
                "the name is taken",
            ]
        );
        // Who says nothing is no cause, and what is one gets through to the result.
        assert_eq!(failed_event(event().build()), None);
        let told = failed_event(event().resource_status_reason("the name is taken").build()).unwrap();
        assert_eq!((told.status.ends_with("_FAILED"), told.is_of_stack()), (true, false));
    }
}
