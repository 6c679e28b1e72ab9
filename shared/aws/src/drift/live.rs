//! [`DriftApi`] and [`Announcing`] over AWS.

use aws_sdk_cloudformation::types::{StackDriftDetectionStatus, StackResourceDrift, TemplateStage};
use aws_sdk_codebuild::types::Project;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_ssm::types::ParameterType;
use mlp_core::drift::Probe;
use mlp_core::drift::seen::{ResourceSeen, StackSeen};
use percent_encoding::percent_decode_str;
use serde_json::{Map as Object, Value as Json, json};

use super::api::{Announcing, DetectionState, DriftApi};
use crate::calls::{CallError, Kind};
use crate::clients::SdkConfig;

/// The clients of a drift run.
#[derive(Debug, Clone)]
pub struct Live {
    cloudformation: aws_sdk_cloudformation::Client,
    codebuild: aws_sdk_codebuild::Client,
    codecommit: aws_sdk_codecommit::Client,
    eventbridge: aws_sdk_eventbridge::Client,
    iam: aws_sdk_iam::Client,
    kms: aws_sdk_kms::Client,
    sns: aws_sdk_sns::Client,
    ssm: aws_sdk_ssm::Client,
}

impl Live {
    /// Clients with the configuration's time-outs and retries.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            cloudformation: aws_sdk_cloudformation::Client::new(config),
            codebuild: aws_sdk_codebuild::Client::new(config),
            codecommit: aws_sdk_codecommit::Client::new(config),
            eventbridge: aws_sdk_eventbridge::Client::new(config),
            iam: aws_sdk_iam::Client::new(config),
            kms: aws_sdk_kms::Client::new(config),
            sns: aws_sdk_sns::Client::new(config),
            ssm: aws_sdk_ssm::Client::new(config),
        }
    }
}

fn found<T>(answer: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind == Kind::Gone => Ok(None),
        Err(error) => Err(error),
    }
}

fn seen(stack: aws_sdk_cloudformation::types::Stack) -> StackSeen {
    let parameters = stack.parameters.unwrap_or_default().into_iter();
    StackSeen {
        id: stack.stack_id.unwrap_or_default(),
        name: stack.stack_name.unwrap_or_default(),
        status: stack.stack_status.map(|it| it.as_str().to_owned()).unwrap_or_default(),
        tags: (stack.tags.unwrap_or_default().into_iter())
            .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())))
            .collect(),
        parameters: parameters
            .filter_map(|it| Some((it.parameter_key?, it.resolved_value.or(it.parameter_value)?)))
            .collect(),
    }
}

// The SDK's futures are deep and large: boxed here, they cost the callers' futures one pointer.
impl DriftApi for Live {
    async fn stacks(&self, page: Option<&str>) -> Result<(Vec<StackSeen>, Option<String>), CallError> {
        let request = self.cloudformation.describe_stacks().set_next_token(page.map(str::to_owned));
        let answer = Box::pin(request.send()).await;
        let answer = answer.map_err(|error| CallError::of("cloudformation:DescribeStacks", &error))?;
        let stacks = answer.stacks.unwrap_or_default().into_iter().map(seen).collect();
        Ok((stacks, answer.next_token.filter(|token| !token.is_empty())))
    }

    async fn stack(&self, stack: &str) -> Result<Option<StackSeen>, CallError> {
        let call = Box::pin(self.cloudformation.describe_stacks().stack_name(stack).send()).await;
        let answer = found(call.map_err(|error| CallError::of("cloudformation:DescribeStacks", &error)))?;
        Ok(answer.and_then(|answer| answer.stacks.unwrap_or_default().into_iter().next()).map(seen))
    }

    async fn detect(&self, stack_id: &str) -> Result<String, CallError> {
        let call = Box::pin(self.cloudformation.detect_stack_drift().stack_name(stack_id).send()).await;
        let answer = call.map_err(|error| CallError::of("cloudformation:DetectStackDrift", &error))?;
        Ok(answer.stack_drift_detection_id.unwrap_or_default())
    }

    async fn detection(&self, id: &str) -> Result<DetectionState, CallError> {
        const OPERATION: &str = "cloudformation:DescribeStackDriftDetectionStatus";
        let request =
            self.cloudformation.describe_stack_drift_detection_status().stack_drift_detection_id(id);
        let answer = Box::pin(request.send()).await.map_err(|error| CallError::of(OPERATION, &error))?;
        Ok(match answer.detection_status {
            Some(StackDriftDetectionStatus::DetectionComplete) => DetectionState::Complete,
            Some(StackDriftDetectionStatus::DetectionFailed) => {
                DetectionState::Failed(answer.detection_status_reason.unwrap_or_default())
            }
            _ => DetectionState::Running,
        })
    }

    async fn drifts(&self, stack_id: &str) -> Result<Vec<Json>, CallError> {
        let request = self.cloudformation.describe_stack_resource_drifts().stack_name(stack_id);
        let mut pages = request.max_results(100).into_paginator().send();
        let mut drifts = Vec::new();
        while let Some(page) = Box::pin(pages.next()).await {
            let page =
                page.map_err(|error| CallError::of("cloudformation:DescribeStackResourceDrifts", &error))?;
            drifts.extend(page.stack_resource_drifts.unwrap_or_default().iter().map(drift));
        }
        Ok(drifts)
    }

    async fn template(&self, stack_id: &str) -> Result<String, CallError> {
        let request = self.cloudformation.get_template().stack_name(stack_id);
        let call = Box::pin(request.template_stage(TemplateStage::Processed).send()).await;
        let answer = call.map_err(|error| CallError::of("cloudformation:GetTemplate", &error))?;
        Ok(answer.template_body.unwrap_or_default())
    }

    async fn resources(&self, stack_id: &str) -> Result<Vec<ResourceSeen>, CallError> {
        let mut pages =
            self.cloudformation.list_stack_resources().stack_name(stack_id).into_paginator().send();
        let mut resources = Vec::new();
        while let Some(page) = Box::pin(pages.next()).await {
            let page = page.map_err(|error| CallError::of("cloudformation:ListStackResources", &error))?;
            let page = page.stack_resource_summaries.unwrap_or_default().into_iter();
            resources.extend(page.map(|it| ResourceSeen {
                logical_id: it.logical_resource_id.unwrap_or_default(),
                physical_id: it.physical_resource_id.filter(|id| !id.is_empty()),
                kind: it.resource_type.unwrap_or_default(),
                status: it.resource_status.map(|it| it.as_str().to_owned()).unwrap_or_default(),
            }));
        }
        Ok(resources)
    }

    async fn probe(&self, probe: &Probe) -> Result<Option<Json>, CallError> {
        match probe {
            Probe::Repository { id, name, .. } => self.repository(id, name).await,
            Probe::Project { name, .. } => self.project(name).await,
            Probe::RolePolicies { role, .. } => self.role(role).await,
            Probe::KeyPolicy { key_id, .. } => self.key_policy(key_id).await,
            Probe::Parameter { name, .. } => self.parameter(name).await,
        }
    }
}

impl Live {
    /// By its name, and if that is another's or nobody's now, by its id among all.
    async fn repository(&self, id: &str, name: &str) -> Result<Option<Json>, CallError> {
        if let Some(found) = self.repository_named(name, id).await? {
            return Ok(Some(found));
        }
        let mut pages = self.codecommit.list_repositories().into_paginator().send();
        while let Some(page) = Box::pin(pages.next()).await {
            let page = page.map_err(|error| CallError::of("codecommit:ListRepositories", &error))?;
            let mut listed = page.repositories.unwrap_or_default().into_iter();
            if let Some(it) = listed.find(|it| it.repository_id.as_deref() == Some(id)) {
                return self.repository_named(&it.repository_name.unwrap_or_default(), id).await;
            }
        }
        Ok(None)
    }

    async fn repository_named(&self, name: &str, id: &str) -> Result<Option<Json>, CallError> {
        let call = Box::pin(self.codecommit.get_repository().repository_name(name).send()).await;
        let answer = found(call.map_err(|error| CallError::of("codecommit:GetRepository", &error)))?;
        let metadata = answer.and_then(|answer| answer.repository_metadata);
        Ok(metadata.filter(|it| it.repository_id.as_deref() == Some(id)).map(|it| {
            let mut fields = Object::new();
            put(&mut fields, "RepositoryName", it.repository_name);
            put(&mut fields, "RepositoryDescription", it.repository_description);
            put(&mut fields, "KmsKeyId", it.kms_key_id);
            Json::Object(fields)
        }))
    }

    async fn project(&self, name: &str) -> Result<Option<Json>, CallError> {
        let call = Box::pin(self.codebuild.batch_get_projects().names(name).send()).await;
        let answer = call.map_err(|error| CallError::of("codebuild:BatchGetProjects", &error))?;
        Ok(answer.projects.unwrap_or_default().into_iter().next().map(project))
    }

    async fn role(&self, role: &str) -> Result<Option<Json>, CallError> {
        let mut arns = Vec::new();
        let mut pages = self.iam.list_attached_role_policies().role_name(role).into_paginator().send();
        while let Some(page) = Box::pin(pages.next()).await {
            let page = page.map_err(|error| CallError::of("iam:ListAttachedRolePolicies", &error));
            let Some(page) = found(page)? else { return Ok(None) };
            arns.extend(
                page.attached_policies.unwrap_or_default().into_iter().filter_map(|it| it.policy_arn),
            );
        }
        let mut policies = Vec::new();
        let mut pages = self.iam.list_role_policies().role_name(role).into_paginator().send();
        while let Some(page) = Box::pin(pages.next()).await {
            let page = page.map_err(|error| CallError::of("iam:ListRolePolicies", &error))?;
            for name in page.policy_names {
                let call =
                    Box::pin(self.iam.get_role_policy().role_name(role).policy_name(&name).send()).await;
                let answer = found(call.map_err(|error| CallError::of("iam:GetRolePolicy", &error)))?;
                let Some(answer) = answer else { continue };
                // IAM writes documents as in a URL.
                let text = percent_decode_str(&answer.policy_document).decode_utf8_lossy();
                let document: Json = serde_json::from_str(&text).unwrap_or(Json::Null);
                policies.push(json!({"PolicyName": name, "PolicyDocument": document}));
            }
        }
        Ok(Some(json!({"ManagedPolicyArns": arns, "Policies": policies})))
    }

    async fn key_policy(&self, key_id: &str) -> Result<Option<Json>, CallError> {
        let call = Box::pin(self.kms.get_key_policy().key_id(key_id).policy_name("default").send()).await;
        let answer = found(call.map_err(|error| CallError::of("kms:GetKeyPolicy", &error)))?;
        let text = answer.map(|answer| answer.policy.unwrap_or_default());
        Ok(text.map(|text| json!({"KeyPolicy": serde_json::from_str::<Json>(&text).unwrap_or(Json::Null)})))
    }

    async fn parameter(&self, name: &str) -> Result<Option<Json>, CallError> {
        let call = Box::pin(self.ssm.get_parameters().names(name).with_decryption(false).send()).await;
        let answer = call.map_err(|error| CallError::of("ssm:GetParameters", &error))?;
        Ok(answer.parameters.unwrap_or_default().into_iter().next().map(|it| match it.r#type {
            // Its value is a secret now, and none of ours.
            Some(ParameterType::SecureString) => json!({"Type": "SecureString"}),
            _ => json!({"Value": it.value}),
        }))
    }
}

/// A project as a template would write it, with what our templates set.
fn project(project: Project) -> Json {
    let mut fields = Object::new();
    put(&mut fields, "Name", project.name);
    put(&mut fields, "Description", project.description);
    put(&mut fields, "ServiceRole", project.service_role);
    put(&mut fields, "EncryptionKey", project.encryption_key);
    fields.insert("TimeoutInMinutes".to_owned(), json!(project.timeout_in_minutes));
    fields.insert("QueuedTimeoutInMinutes".to_owned(), json!(project.queued_timeout_in_minutes));
    put(&mut fields, "Visibility", project.project_visibility.map(|it| it.as_str().to_owned()));
    if let Some(source) = project.source {
        let mut inner = Object::new();
        put(&mut inner, "Type", Some(source.r#type.as_str().to_owned()));
        put(&mut inner, "BuildSpec", source.buildspec);
        put(&mut inner, "Location", source.location);
        fields.insert("Source".to_owned(), Json::Object(inner));
    }
    if let Some(artifacts) = project.artifacts {
        fields.insert("Artifacts".to_owned(), json!({"Type": artifacts.r#type.as_str()}));
    }
    if let Some(environment) = project.environment {
        let variables = environment.environment_variables.unwrap_or_default().into_iter().map(|it| {
            let kind = it.r#type.map_or_else(|| "PLAINTEXT".to_owned(), |it| it.as_str().to_owned());
            json!({"Name": it.name, "Value": it.value, "Type": kind})
        });
        fields.insert(
            "Environment".to_owned(),
            json!({
                "Type": environment.r#type.as_str(),
                "ComputeType": environment.compute_type.as_str(),
                "Image": environment.image,
                "PrivilegedMode": environment.privileged_mode.unwrap_or_default(),
                "EnvironmentVariables": variables.collect::<Vec<_>>(),
            }),
        );
    }
    if let Some(vpc) = project.vpc_config.filter(|it| it.vpc_id.is_some()) {
        fields.insert(
            "VpcConfig".to_owned(),
            json!({"VpcId": vpc.vpc_id, "Subnets": vpc.subnets, "SecurityGroupIds": vpc.security_group_ids}),
        );
    }
    if let Some(logs) = project.logs_config.and_then(|it| it.cloud_watch_logs) {
        let mut inner = Object::new();
        put(&mut inner, "Status", Some(logs.status.as_str().to_owned()));
        put(&mut inner, "GroupName", logs.group_name);
        put(&mut inner, "StreamName", logs.stream_name);
        fields.insert("LogsConfig".to_owned(), json!({"CloudWatchLogs": inner}));
    }
    Json::Object(fields)
}

/// A drift as the API spells it: the SDK's types can't be written.
fn drift(drift: &StackResourceDrift) -> Json {
    let mut fields = Object::new();
    put(&mut fields, "LogicalResourceId", drift.logical_resource_id.clone());
    put(&mut fields, "PhysicalResourceId", drift.physical_resource_id.clone());
    put(&mut fields, "ResourceType", drift.resource_type.clone());
    let status = drift.stack_resource_drift_status.as_ref().map(|it| it.as_str().to_owned());
    put(&mut fields, "StackResourceDriftStatus", status);
    put(&mut fields, "DriftStatusReason", drift.drift_status_reason.clone());
    let differences = drift.property_differences.iter().flatten().map(|it| {
        json!({
            "PropertyPath": it.property_path,
            "ExpectedValue": it.expected_value,
            "ActualValue": it.actual_value,
            "DifferenceType": it.difference_type.as_ref().map(aws_sdk_cloudformation::types::DifferenceType::as_str),
        })
    });
    fields.insert("PropertyDifferences".to_owned(), differences.collect());
    Json::Object(fields)
}

fn put(fields: &mut Object<String, Json>, key: &str, value: Option<String>) {
    if let Some(value) = value {
        fields.insert(key.to_owned(), Json::from(value));
    }
}

impl Announcing for Live {
    async fn publish(&self, topic: &str, subject: &str, message: &str) -> Result<(), CallError> {
        let request = self.sns.publish().topic_arn(topic).subject(subject).message(message);
        let call = Box::pin(request.send()).await;
        call.map(drop).map_err(|error| CallError::of("sns:Publish", &error))
    }

    async fn event(&self, detail_type: &str, detail: &str) -> Result<(), CallError> {
        const OPERATION: &str = "events:PutEvents";
        let entry = PutEventsRequestEntry::builder()
            .source("ml-provisioner")
            .detail_type(detail_type)
            .detail(detail)
            .build();
        let call = Box::pin(self.eventbridge.put_events().entries(entry).send()).await;
        let answer = call.map_err(|error| CallError::of(OPERATION, &error))?;
        // An entry is refused on its own, in an answer that went well.
        let refused = answer.entries.unwrap_or_default().into_iter().find(|it| it.error_code.is_some());
        match refused {
            None => Ok(()),
            Some(it) => Err(CallError {
                kind: Kind::Unavailable,
                operation: OPERATION,
                reason: format!(
                    "{}: {}",
                    it.error_code.unwrap_or_default(),
                    it.error_message.unwrap_or_default()
                ),
            }),
        }
    }
}
