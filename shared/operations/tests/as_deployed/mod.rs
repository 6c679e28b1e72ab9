//! A stack as it is right after its deployment, from nothing but its template: what `Ref` and its kin come to is worked out
//! here again, so that a mistake in the library's way of doing it is no agreement.

use std::collections::BTreeMap;

use mlp_aws::drift::Probe;
use mlp_aws::drift::{ResourceSummary, StackDescription};
use mlp_operations::drift::snapshot::{Detection, ProbeResult};
use mlp_operations::drift::{StackSnapshot, wanted};
use mlp_template::template::{Function, SubPart, Template, Value};
use serde_json::{Value as Json, json};

/// A tag of the stack that no template has.
const OF_STACK: (&str, &str) = ("booked-by", "finance");

struct World {
    template: Template,
    partition: &'static str,
    account: String,
    region: String,
}

/// What was seen of a stack of this template. CloudFormation checks everything but build projects.
pub(super) fn as_deployed(text: &str) -> StackSnapshot {
    let world = World::of(text);
    let template = &world.template;
    let resources: Vec<ResourceSummary> = template
        .resources
        .iter()
        .map(|(id, it)| ResourceSummary {
            logical_id: id.clone(),
            physical_id: Some(world.physical(id)),
            kind: it.kind.clone(),
            status: "CREATE_COMPLETE".into(),
        })
        .collect();
    let (partition, region, account) = (world.partition, &world.region, &world.account);
    let stack = StackDescription {
        id: format!("arn:{partition}:cloudformation:{region}:{account}:stack/the-stack/1"),
        name: "the-stack".into(),
        status: "UPDATE_COMPLETE".into(),
        tags: [("ml-provisioner:product", "the-product"), OF_STACK]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        parameters: template.parameters.keys().map(|name| (name.clone(), world.parameter(name))).collect(),
    };
    let drifts = resources
        .iter()
        .filter(|it| it.kind != "AWS::CodeBuild::Project")
        .map(|it| json!({"LogicalResourceId": it.logical_id, "StackResourceDriftStatus": "IN_SYNC"}))
        .collect();
    let probes = wanted(template, &resources).into_iter();
    let probes = probes.map(|probe| (probe.clone(), ProbeResult::Found(world.answer(&probe)))).collect();
    StackSnapshot {
        stack,
        template: Ok(text.to_owned()),
        resources: Ok(resources),
        detection: Detection::Completed { drifts, failed: None },
        probes,
        config: None,
    }
}

impl World {
    fn of(text: &str) -> Self {
        let document = mlp_template::check::load(text.as_bytes()).unwrap();
        let template = mlp_template::template::read::from_document(&document).0;
        let Some(Value::Map(made)) = template.metadata.get("MLProvisioner") else { unreachable!() };
        let text = |key: &str| made[key].as_str().unwrap().to_owned();
        let (account, region) = (text("AccountId"), text("Region"));
        let partition = if region.starts_with("cn-") { "aws-cn" } else { "aws" };
        Self { template, partition, account, region }
    }

    /// As CloudFormation keeps it: a list is one text.
    fn parameter(&self, name: &str) -> String {
        let kind = &self.template.parameters[name].kind;
        if kind.contains("List<") { format!("{name}-1,{name}-2") } else { format!("{name}-1") }
    }

    /// A physical id in the form of the type.
    fn physical(&self, id: &str) -> String {
        let resource = &self.template.resources[id];
        let named = |property: &str| resource.properties[property].as_str().unwrap();
        let (partition, region, account) = (self.partition, &self.region, &self.account);
        match resource.kind.as_str() {
            "AWS::IAM::ManagedPolicy" => {
                format!("arn:{partition}:iam::{account}:policy/{}", named("ManagedPolicyName"))
            }
            "AWS::SNS::Topic" => format!("arn:{partition}:sns:{region}:{account}:{}", named("TopicName")),
            "AWS::SageMaker::ModelPackageGroup" => {
                format!("arn:{partition}:sagemaker:{region}:{account}:model-package-group/{id}")
            }
            "AWS::SSM::Parameter" | "AWS::CodeBuild::Project" => named("Name").to_owned(),
            "AWS::IAM::Role" => named("RoleName").to_owned(),
            "AWS::S3::Bucket" => named("BucketName").to_owned(),
            _ => format!("{id}-id"),
        }
    }

    fn reference(&self, name: &str) -> Json {
        let suffix = if self.partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
        match name {
            "AWS::Partition" => json!(self.partition),
            "AWS::AccountId" => json!(self.account),
            "AWS::Region" => json!(self.region),
            "AWS::URLSuffix" => json!(suffix),
            "SubnetIds" if self.template.parameters.contains_key(name) => {
                json!([format!("{name}-1"), format!("{name}-2")])
            }
            _ if self.template.parameters.contains_key(name) => json!(self.parameter(name)),
            _ => json!(self.physical(name)),
        }
    }

    fn attribute(&self, id: &str, attribute: &str) -> String {
        let physical = self.physical(id);
        let resource = &self.template.resources[id];
        let (partition, region, account) = (self.partition, &self.region, &self.account);
        match (resource.kind.as_str(), attribute) {
            ("AWS::IAM::Role", "Arn") => format!("arn:{partition}:iam::{account}:role/{physical}"),
            ("AWS::KMS::Key", "Arn") => format!("arn:{partition}:kms:{region}:{account}:key/{physical}"),
            ("AWS::CodeCommit::Repository", "Name") => {
                resource.properties["RepositoryName"].as_str().unwrap().to_owned()
            }
            ("AWS::CodeCommit::Repository", "CloneUrlHttp") => format!(
                "https://git-codecommit.{region}.{}/v1/repos/{}",
                self.reference("AWS::URLSuffix").as_str().unwrap(),
                self.attribute(id, "Name")
            ),
            (_, "GroupId" | "Id" | "ModelPackageGroupArn") => physical,
            (kind, _) => unreachable!("{attribute} of {kind}"),
        }
    }

    fn value(&self, value: &Value) -> Json {
        match value {
            Value::List(values) => values.iter().map(|it| self.value(it)).collect(),
            Value::Map(entries) => {
                Json::Object(entries.iter().map(|(key, it)| (key.clone(), self.value(it))).collect())
            }
            Value::Ref(name) => self.reference(name),
            Value::GetAtt(id, attribute) => json!(self.attribute(id, attribute)),
            Value::Sub(sub) => {
                let parts = sub.parts.iter().map(|part| match part {
                    SubPart::Text(text) => text.clone(),
                    SubPart::Ref(name) => self.reference(name).as_str().unwrap().to_owned(),
                    SubPart::GetAtt(id, attribute) => self.attribute(id, attribute),
                });
                json!(parts.collect::<String>())
            }
            Value::Call(Function::Join, argument) => {
                let Value::List(parts) = &**argument else { unreachable!() };
                let values = self.value(&parts[1]);
                let texts: Vec<&str> =
                    values.as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
                json!(texts.join(parts[0].as_str().unwrap()))
            }
            Value::Call(..) => unreachable!("{value:?}"),
            plain => plain.to_json(),
        }
    }

    /// What a probe finds: the properties that it is for, as the template sets them; with the tags of the stack.
    fn answer(&self, probe: &Probe) -> Json {
        let properties: &[&str] = match probe {
            Probe::Repository { .. } => &["RepositoryName", "RepositoryDescription", "Tags"],
            Probe::Project { .. } => &[],
            // A pipeline that polls.
            Probe::Pipeline { .. } => return json!({}),
            Probe::RolePolicies { .. } => &["ManagedPolicyArns", "Policies"],
            Probe::ManagedPolicy { .. } => &["PolicyDocument"],
            Probe::KeyPolicy { .. } => &["KeyPolicy"],
            Probe::Parameter { .. } => &["Name", "Type", "Value"],
        };
        let all = &self.template.resources[probe.logical_id()].properties;
        let seen = all.iter().filter(|(key, _)| properties.is_empty() || properties.contains(&key.as_str()));
        let mut answer: BTreeMap<&str, Json> =
            seen.map(|(key, value)| (key.as_str(), self.value(value))).collect();
        if let Some(Json::Array(tags)) = answer.get_mut("Tags") {
            tags.insert(0, json!({"Key": OF_STACK.0, "Value": OF_STACK.1}));
        }
        json!(answer)
    }
}
