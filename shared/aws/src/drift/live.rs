//! [`DriftApi`] and [`Notifier`] over AWS.

use aws_sdk_cloudformation::primitives::DateTimeFormat as Format;
use aws_sdk_cloudformation::types::{StackDriftDetectionStatus, StackResourceDrift, TemplateStage};
use aws_sdk_codebuild::types::{
    EnvironmentVariableType, ImagePullCredentialsType, Project, ProjectVisibilityType,
};
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_ssm::types::{Parameter, ParameterType};
use percent_encoding::percent_decode_str;
use serde_json::{Map as Object, Value as Json, json};

use super::api::{DetectionState, DriftApi, Notifier};
use crate::calls::{CallError, Kind};
use crate::clients::SdkConfig;
use crate::drift::Probe;
use crate::drift::{ResourceSummary, StackDescription};

/// The clients of a drift run.
#[derive(Debug, Clone)]
pub struct AwsDriftApi {
    cloudformation: aws_sdk_cloudformation::Client,
    codebuild: aws_sdk_codebuild::Client,
    codecommit: aws_sdk_codecommit::Client,
    codepipeline: aws_sdk_codepipeline::Client,
    eventbridge: aws_sdk_eventbridge::Client,
    iam: aws_sdk_iam::Client,
    kms: aws_sdk_kms::Client,
    sns: aws_sdk_sns::Client,
    ssm: aws_sdk_ssm::Client,
}

impl AwsDriftApi {
    /// Clients with the configuration's time-outs and retries.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            cloudformation: aws_sdk_cloudformation::Client::new(config),
            codebuild: aws_sdk_codebuild::Client::new(config),
            codecommit: aws_sdk_codecommit::Client::new(config),
            codepipeline: aws_sdk_codepipeline::Client::new(config),
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

/// A detection that CloudFormation doesn't know any more says nothing of its stack.
fn of_detection(error: CallError) -> CallError {
    let kind = if error.kind == Kind::Gone { Kind::Refused } else { error.kind };
    CallError { kind, ..error }
}

fn seen(stack: aws_sdk_cloudformation::types::Stack) -> StackDescription {
    let parameters = stack.parameters.unwrap_or_default().into_iter();
    StackDescription {
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
impl DriftApi for AwsDriftApi {
    async fn stacks(&self, page: Option<&str>) -> Result<(Vec<StackDescription>, Option<String>), CallError> {
        let request = self.cloudformation.describe_stacks().set_next_token(page.map(str::to_owned));
        let answer = Box::pin(request.send()).await;
        let answer = answer.map_err(|error| CallError::of("cloudformation:DescribeStacks", &error))?;
        let stacks = answer.stacks.unwrap_or_default().into_iter().map(seen).collect();
        Ok((stacks, answer.next_token.filter(|token| !token.is_empty())))
    }

    async fn stack(&self, stack: &str) -> Result<Option<StackDescription>, CallError> {
        let call = Box::pin(self.cloudformation.describe_stacks().stack_name(stack).send()).await;
        let answer = found(call.map_err(|error| CallError::of("cloudformation:DescribeStacks", &error)))?;
        Ok(answer.and_then(|answer| answer.stacks.unwrap_or_default().into_iter().next()).map(seen))
    }

    async fn detect(&self, stack_id: &str) -> Result<String, CallError> {
        let call = Box::pin(self.cloudformation.detect_stack_drift().stack_name(stack_id).send()).await;
        let answer = call.map_err(|error| CallError::of("cloudformation:DetectStackDrift", &error))?;
        Ok(answer.stack_drift_detection_id.unwrap_or_default())
    }

    async fn detect_some(&self, stack_id: &str, resources: &[String]) -> Result<String, CallError> {
        let request = self.cloudformation.detect_stack_drift().stack_name(stack_id);
        let request = request.set_logical_resource_ids(Some(resources.to_vec()));
        let call = Box::pin(request.send()).await;
        let answer = call.map_err(|error| CallError::of("cloudformation:DetectStackDrift", &error))?;
        Ok(answer.stack_drift_detection_id.unwrap_or_default())
    }

    async fn detection(&self, id: &str) -> Result<DetectionState, CallError> {
        const OPERATION: &str = "cloudformation:DescribeStackDriftDetectionStatus";
        let request =
            self.cloudformation.describe_stack_drift_detection_status().stack_drift_detection_id(id);
        let answer = Box::pin(request.send()).await;
        let answer = answer.map_err(|error| of_detection(CallError::of(OPERATION, &error)))?;
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

    async fn resources(&self, stack_id: &str) -> Result<Vec<ResourceSummary>, CallError> {
        let mut pages =
            self.cloudformation.list_stack_resources().stack_name(stack_id).into_paginator().send();
        let mut resources = Vec::new();
        while let Some(page) = Box::pin(pages.next()).await {
            let page = page.map_err(|error| CallError::of("cloudformation:ListStackResources", &error))?;
            let page = page.stack_resource_summaries.unwrap_or_default().into_iter();
            resources.extend(page.map(|it| ResourceSummary {
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
            Probe::Pipeline { name, .. } => self.pipeline(name).await,
            Probe::RolePolicies { role, .. } => self.role(role).await,
            Probe::ManagedPolicy { arn, .. } => self.managed_policy(arn).await,
            Probe::KeyPolicy { key_id, .. } => self.key_policy(key_id).await,
            Probe::Parameter { name, .. } => self.parameter(name).await,
        }
    }
}

impl AwsDriftApi {
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
        let Some(it) = metadata.filter(|it| it.repository_id.as_deref() == Some(id)) else { return Ok(None) };
        let tags = self.repository_tags(it.arn.as_deref().unwrap_or_default()).await?;
        let mut fields = Object::new();
        put(&mut fields, "RepositoryName", it.repository_name);
        put(&mut fields, "RepositoryDescription", it.repository_description);
        put(&mut fields, "KmsKeyId", it.kms_key_id);
        fields.insert("Tags".to_owned(), tags);
        Ok(Some(Json::Object(fields)))
    }

    async fn repository_tags(&self, arn: &str) -> Result<Json, CallError> {
        let mut tags = Vec::new();
        let mut token = None;
        loop {
            let request = self.codecommit.list_tags_for_resource().resource_arn(arn).set_next_token(token);
            let call = Box::pin(request.send()).await;
            let answer = call.map_err(|error| CallError::of("codecommit:ListTagsForResource", &error))?;
            tags.extend(answer.tags.unwrap_or_default());
            token = answer.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                // In an order of their own each time.
                tags.sort();
                return Ok(tag_list(tags));
            }
        }
    }

    async fn project(&self, name: &str) -> Result<Option<Json>, CallError> {
        let call = Box::pin(self.codebuild.batch_get_projects().names(name).send()).await;
        let answer = call.map_err(|error| CallError::of("codebuild:BatchGetProjects", &error))?;
        Ok(answer.projects.unwrap_or_default().into_iter().next().map(project))
    }

    async fn pipeline(&self, name: &str) -> Result<Option<Json>, CallError> {
        let call = Box::pin(self.codepipeline.get_pipeline().name(name).send()).await;
        let answer = found(call.map_err(|error| CallError::of("codepipeline:GetPipeline", &error)))?;
        Ok(answer.map(|answer| polling(answer.metadata.as_ref())))
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
                let document = document(&answer.policy_document);
                policies.push(json!({"PolicyName": name, "PolicyDocument": document}));
            }
        }
        Ok(Some(json!({"ManagedPolicyArns": arns, "Policies": policies})))
    }

    async fn managed_policy(&self, arn: &str) -> Result<Option<Json>, CallError> {
        let call = Box::pin(self.iam.get_policy().policy_arn(arn).send()).await;
        let answer = found(call.map_err(|error| CallError::of("iam:GetPolicy", &error)))?;
        let Some(version) = answer.and_then(|it| it.policy).and_then(|it| it.default_version_id) else {
            return Ok(None);
        };
        let request = self.iam.get_policy_version().policy_arn(arn).version_id(version);
        let call = Box::pin(request.send()).await;
        let answer = found(call.map_err(|error| CallError::of("iam:GetPolicyVersion", &error)))?;
        let text = answer.and_then(|it| it.policy_version).map(|it| it.document.unwrap_or_default());
        Ok(text.map(|text| json!({"PolicyDocument": document(&text)})))
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
        Ok(answer.parameters.unwrap_or_default().into_iter().next().map(parameter))
    }
}

/// Whether a pipeline still polls, as [`Probe::Pipeline`] tells it.
fn polling(metadata: Option<&aws_sdk_codepipeline::types::PipelineMetadata>) -> Json {
    let disabled = metadata.and_then(|it| it.polling_disabled_at.as_ref());
    let mut fields = Object::new();
    put(&mut fields, "PollingDisabledAt", disabled.and_then(|it| it.fmt(Format::DateTime).ok()));
    Json::Object(fields)
}

fn parameter(parameter: Parameter) -> Json {
    let kind = parameter.r#type.unwrap_or(ParameterType::String);
    // Its value is a secret then, and none of ours.
    let is_secret = kind == ParameterType::SecureString;
    let value = if is_secret { Some("(encrypted)".to_owned()) } else { parameter.value };
    json!({"Name": parameter.name, "Type": kind.as_str(), "Value": value})
}

/// A policy document; IAM writes it as in a URL.
fn document(text: &str) -> Json {
    serde_json::from_str(&percent_decode_str(text).decode_utf8_lossy()).unwrap_or_default()
}

/// Tags as a template lists them, without AWS's own.
fn tag_list(tags: impl IntoIterator<Item = (String, String)>) -> Json {
    let ours = tags.into_iter().filter(|(key, _)| !key.starts_with("aws:"));
    ours.map(|(key, value)| json!({"Key": key, "Value": value})).collect()
}

/// A project as a template would write it, with what [`Probe::tells`] names; what CodeBuild leaves out is what it does by
/// default. Source: AWS CodeBuild API Reference, "Project".
fn project(project: Project) -> Json {
    let mut fields = Object::new();
    put(&mut fields, "Name", project.name);
    put(&mut fields, "Description", project.description);
    put(&mut fields, "ServiceRole", project.service_role);
    put(&mut fields, "EncryptionKey", project.encryption_key);
    let mut add = |key: &str, value: Json| fields.insert(key.to_owned(), value);
    add("TimeoutInMinutes", json!(project.timeout_in_minutes));
    add("QueuedTimeoutInMinutes", json!(project.queued_timeout_in_minutes));
    let visibility = project.project_visibility.unwrap_or(ProjectVisibilityType::Private);
    add("Visibility", json!(visibility.as_str()));
    add("BadgeEnabled", json!(project.badge.is_some_and(|it| it.badge_enabled)));
    let tags = project.tags.unwrap_or_default().into_iter();
    add("Tags", tag_list(tags.filter_map(|it| Some((it.key?, it.value.unwrap_or_default())))));
    if let Some(source) = project.source {
        let mut inner = Object::new();
        put(&mut inner, "Type", Some(source.r#type.as_str().to_owned()));
        put(&mut inner, "BuildSpec", source.buildspec);
        add("Source", Json::Object(inner));
    }
    if let Some(artifacts) = project.artifacts {
        add("Artifacts", json!({"Type": artifacts.r#type.as_str()}));
    }
    if let Some(environment) = project.environment {
        let variables = environment.environment_variables.unwrap_or_default().into_iter().map(|it| {
            let kind = it.r#type.unwrap_or(EnvironmentVariableType::Plaintext);
            json!({"Name": it.name, "Value": it.value, "Type": kind.as_str()})
        });
        let pulled_with =
            environment.image_pull_credentials_type.unwrap_or(ImagePullCredentialsType::Codebuild);
        let inner = json!({
            "Type": environment.r#type.as_str(),
            "ComputeType": environment.compute_type.as_str(),
            "Image": environment.image,
            "ImagePullCredentialsType": pulled_with.as_str(),
            "PrivilegedMode": environment.privileged_mode.unwrap_or_default(),
            "EnvironmentVariables": variables.collect::<Vec<_>>(),
        });
        add("Environment", inner);
    }
    if let Some(vpc) = project.vpc_config.filter(|it| it.vpc_id.is_some()) {
        let groups = vpc.security_group_ids;
        add("VpcConfig", json!({"VpcId": vpc.vpc_id, "Subnets": vpc.subnets, "SecurityGroupIds": groups}));
    }
    if let Some(logs) = project.logs_config.and_then(|it| it.cloud_watch_logs) {
        let mut inner = Object::new();
        put(&mut inner, "Status", Some(logs.status.as_str().to_owned()));
        put(&mut inner, "GroupName", logs.group_name);
        put(&mut inner, "StreamName", logs.stream_name);
        add("LogsConfig", json!({"CloudWatchLogs": inner}));
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
    put(&mut fields, "Timestamp", drift.timestamp.as_ref().and_then(|it| it.fmt(Format::DateTime).ok()));
    let differences = drift.property_differences.iter().flatten().map(|it| {
        json!({
            "PropertyPath": it.property_path,
            "ExpectedValue": it.expected_value,
            "ActualValue": it.actual_value,
            "DifferenceType": it.difference_type.as_ref().map(aws_sdk_cloudformation::types::DifferenceType::as_str),
        })
    });
    fields.insert("PropertyDifferences".to_owned(), differences.collect());
    // Of a document, which has many spellings, the differences say too little.
    let document = |it: &aws_sdk_cloudformation::types::PropertyDifference| {
        it.property_path.as_deref().is_some_and(|path| path.starts_with("/AssumeRolePolicyDocument"))
    };
    if drift.property_differences.iter().flatten().any(document) {
        put(&mut fields, "ExpectedProperties", drift.expected_properties.clone());
        put(&mut fields, "ActualProperties", drift.actual_properties.clone());
    }
    Json::Object(fields)
}

fn put(fields: &mut Object<String, Json>, key: &str, value: Option<String>) {
    if let Some(value) = value {
        fields.insert(key.to_owned(), Json::from(value));
    }
}

impl Notifier for AwsDriftApi {
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

#[cfg(test)]
mod tests {
    use aws_sdk_codebuild::types::builders::{ProjectArtifactsBuilder, ProjectEnvironmentBuilder};
    use aws_sdk_codebuild::types::{
        ArtifactsType, CloudWatchLogsConfig, ComputeType, EnvironmentType, LogsConfig, LogsConfigStatusType,
        ProjectBadge, ProjectSource, SourceType, Tag, VpcConfig,
    };
    use mlp_template::yaml::join;

    use super::*;

    /// Where there is a value in an answer; lists are one.
    fn pointers(value: &Json, pointer: &str, found: &mut Vec<String>) {
        match value.as_object() {
            Some(entries) => entries.iter().for_each(|(key, it)| pointers(it, &join(pointer, key), found)),
            None => found.push(pointer.to_owned()),
        }
    }

    /// A project as CodeBuild tells it at least.
    fn bare() -> aws_sdk_codebuild::types::builders::ProjectBuilder {
        let environment = ProjectEnvironmentBuilder::default()
            .r#type(EnvironmentType::LinuxContainer)
            .compute_type(ComputeType::BuildGeneral1Small)
            .image("image");
        let artifacts = ProjectArtifactsBuilder::default().r#type(ArtifactsType::Codepipeline);
        Project::builder()
            .name("build")
            .service_role("arn:aws:iam::123456789012:role/build")
            .source(ProjectSource::builder().r#type(SourceType::Codepipeline).build().unwrap())
            .artifacts(artifacts.build().unwrap())
            .environment(environment.build().unwrap())
    }

    #[test]
    fn an_answer_has_all_that_the_probe_tells_and_no_more() {
        let probe = Probe::Project { logical_id: "Build".to_owned(), name: "build".to_owned() };
        let logs = CloudWatchLogsConfig::builder()
            .status(LogsConfigStatusType::Enabled)
            .group_name("group")
            .stream_name("stream");
        let source = ProjectSource::builder().r#type(SourceType::Codepipeline).buildspec("buildspec.yml");
        let whole = bare()
            .description("builds")
            .encryption_key("key")
            .source(source.build().unwrap())
            .vpc_config(VpcConfig::builder().vpc_id("vpc").subnets("subnet").security_group_ids("sg").build())
            .logs_config(LogsConfig::builder().cloud_watch_logs(logs.build().unwrap()).build())
            .badge(ProjectBadge::builder().badge_enabled(true).build())
            .tags(Tag::builder().key("aws:cloudformation:stack-name").value("stack").build())
            .tags(Tag::builder().key("owner").value("jane").build())
            .build();
        let answer = project(whole);
        let mut told = Vec::new();
        pointers(&answer, "", &mut told);
        told.sort();
        assert_eq!(told, probe.checked_properties());
        assert_eq!(answer["Tags"], json!([{"Key": "owner", "Value": "jane"}]));
        assert_eq!(answer["BadgeEnabled"], true);
    }

    #[test]
    fn what_codebuild_leaves_out_is_its_default_or_not_set() {
        let answer = project(bare().build());
        let defaults = json!({"Visibility": "PRIVATE", "BadgeEnabled": false, "Tags": []});
        for (key, value) in defaults.as_object().unwrap() {
            assert_eq!(&answer[key], value, "{key}");
        }
        assert_eq!(answer["Environment"]["ImagePullCredentialsType"], "CODEBUILD");
        for key in ["VpcConfig", "EncryptionKey", "LogsConfig", "Description"] {
            assert_eq!(answer.get(key), None, "{key}");
        }
    }

    #[test]
    fn a_pipeline_says_since_when_it_does_not_poll() {
        use aws_sdk_codepipeline::primitives::DateTime;
        use aws_sdk_codepipeline::types::PipelineMetadata;
        let metadata = PipelineMetadata::builder();
        assert_eq!(polling(Some(&metadata.clone().build())), json!({}));
        assert_eq!(polling(None), json!({}));
        let off = metadata.polling_disabled_at(DateTime::from_secs(1_764_000_000)).build();
        assert_eq!(polling(Some(&off)), json!({"PollingDisabledAt": "2025-11-24T16:00:00Z"}));
    }

    #[test]
    fn a_value_that_became_a_secret_stays_one() {
        let secret = Parameter::builder().name("/ml/x").r#type(ParameterType::SecureString).value("AQICAHg");
        let answer = json!({"Name": "/ml/x", "Type": "SecureString", "Value": "(encrypted)"});
        assert_eq!(parameter(secret.build()), answer);
        let plain = Parameter::builder().name("/ml/x").r#type(ParameterType::StringList).value("a,b");
        assert_eq!(parameter(plain.build()), json!({"Name": "/ml/x", "Type": "StringList", "Value": "a,b"}));
    }

    #[test]
    fn a_detection_that_is_gone_is_no_stack_that_is_gone() {
        let error = |kind| CallError { kind, operation: "x", reason: String::new() };
        assert_eq!(of_detection(error(Kind::Gone)).kind, Kind::Refused);
        assert_eq!(of_detection(error(Kind::Throttled)).kind, Kind::Throttled);
    }

    #[test]
    fn a_document_is_read_as_iam_writes_it() {
        assert_eq!(document("%7B%22Version%22%3A%20%222012-10-17%22%7D"), json!({"Version": "2012-10-17"}));
        assert_eq!(document("what"), Json::Null);
    }
}
