//! What a box of the diagram says about its resource.

use mlp_template::template::{Resource, Template, Value};

use crate::product::{Group, Product};
use crate::report::resolve::{Resolver, at, items, maps, resource};

/// The words of a box.
#[derive(Debug, Clone)]
pub(super) struct Content {
    /// The logical id; empty for what is not in the template.
    pub(super) id: String,
    pub(super) group: Group,
    pub(super) kind: String,
    pub(super) title: String,
    /// The physical name.
    pub(super) name: String,
    pub(super) details: Vec<String>,
    /// One word each, such as `KMS`.
    pub(super) marks: Vec<&'static str>,
    /// Whether the stack doesn't make it.
    pub(super) outside: bool,
}

/// Reads contents from a template.
pub(super) struct Reader<'a> {
    pub(super) product: &'a Product,
    pub(super) template: &'a Template,
    pub(super) resolver: &'a Resolver<'a>,
}

impl<'a> Reader<'a> {
    /// The resources of a type, in the template's order.
    pub(super) fn of(&self, kind: &str) -> impl Iterator<Item = (&'a str, &'a Resource)> {
        let resources = self.template.resources.iter().filter(move |(_, it)| it.kind == kind);
        resources.map(|(id, it)| (id.as_str(), it)).collect::<Vec<_>>().into_iter()
    }

    /// The part of the product that a resource belongs to.
    pub(super) fn group(&self, id: &str) -> Group {
        self.product.resources.get(id).map_or(Group::Published, |spec| spec.group)
    }

    /// What a property names: another resource of the template.
    pub(super) fn target(&self, value: Option<&'a Value>) -> Option<&'a str> {
        resource(value?, self.template)
    }

    /// The box of a resource.
    pub(super) fn content(&self, id: &str) -> Content {
        let empty = Resource::default();
        let it = self.template.resources.get(id).unwrap_or(&empty);
        Content {
            id: id.to_owned(),
            group: self.group(id),
            kind: kind(&it.kind),
            title: id.to_owned(),
            name: self.short(self.resolver.name(id).unwrap_or_default()),
            details: self.details(it),
            marks: self.marks(it),
            outside: false,
        }
    }

    /// A name without the part that all names of the product share.
    fn short(&self, name: &str) -> String {
        let names = &self.product.names;
        [names.ml_name(), names.global_name()]
            .into_iter()
            .find_map(|shared| {
                let (before, after) = name.split_once(shared)?;
                (!after.is_empty()).then(|| format!("{before}…{after}"))
            })
            .unwrap_or_else(|| name.to_owned())
    }

    fn marks(&self, it: &Resource) -> Vec<&'static str> {
        let mut marks = Vec::new();
        // An alias names a key and a policy speaks of it; neither is encrypted with it.
        let encrypted = it.kind != "AWS::KMS::Alias"
            && it.kind != "AWS::IAM::ManagedPolicy"
            && it.kind != "AWS::SSM::Parameter";
        let uses = |key: &str| it.properties.values().any(|value| self.resolver.mentions(value, key));
        if encrypted && self.of("AWS::KMS::Key").any(|(key, _)| uses(key)) {
            marks.push("KMS");
        }
        if it.properties.contains_key("VpcConfig") {
            marks.push("VPC");
        }
        marks
    }

    /// Whether a resource refers to another, by function or by name.
    pub(super) fn mentions(&self, id: &str, other: &str) -> bool {
        let it = self.template.resources.get(id);
        it.is_some_and(|it| it.properties.values().any(|value| self.resolver.mentions(value, other)))
    }

    fn details(&self, it: &Resource) -> Vec<String> {
        let text = |path: &[&str]| at(&it.properties, path).map(|value| self.resolver.text(value));
        let runs_as =
            |property: &str| self.target(it.properties.get(property)).map(|role| format!("as {role}"));
        let details = match it.kind.as_str() {
            "AWS::CodePipeline::Pipeline" => vec![
                runs_as("RoleArn"),
                self.target(at(&it.properties, &["ArtifactStore", "Location"]))
                    .map(|it| format!("keeps in {it}")),
            ],
            "AWS::CodeBuild::Project" => vec![
                runs_as("ServiceRole"),
                text(&["Environment", "ComputeType"]),
                text(&["Environment", "PrivilegedMode"])
                    .filter(|mode| mode == "true")
                    .map(|_| "privileged".to_owned()),
            ],
            "AWS::Events::Rule" => items(it.properties.get("Targets"))
                .iter()
                .filter_map(|target| match target {
                    Value::Map(target) => self.target(target.get("RoleArn")),
                    _ => None,
                })
                .map(|role| Some(format!("as {role}")))
                .collect(),
            "AWS::IAM::Role" => return self.role(it),
            "AWS::IAM::ManagedPolicy" => {
                let count = maps(at(&it.properties, &["PolicyDocument", "Statement"])).count();
                vec![Some(format!("{count} statement{}", if count == 1 { "" } else { "s" }))]
            }
            "AWS::S3::Bucket" => vec![
                text(&["VersioningConfiguration", "Status"])
                    .filter(|status| status == "Enabled")
                    .map(|_| "versioned".to_owned()),
                maps(at(&it.properties, &["LifecycleConfiguration", "Rules"]))
                    .find_map(|rule| rule.get("ExpirationInDays"))
                    .map(|days| format!("artifacts expire after {} days", self.resolver.text(days))),
                at(&it.properties, &["PublicAccessBlockConfiguration"])
                    .map(|_| "public access blocked".to_owned()),
            ],
            "AWS::KMS::Key" => vec![
                text(&["EnableKeyRotation"])
                    .filter(|it| it == "true")
                    .map(|_| "rotates every year".to_owned()),
            ],
            "AWS::KMS::Alias" => {
                vec![self.target(it.properties.get("TargetKeyId")).map(|key| format!("names {key}"))]
            }
            "AWS::EC2::VPCEndpoint" => vec![
                text(&["ServiceName"]).map(|name| {
                    name.split_once(self.product.region.as_str())
                        .map_or(name.clone(), |(_, service)| service.trim_start_matches('.').to_owned())
                }),
                text(&["VpcEndpointType"]),
            ],
            "AWS::EC2::SecurityGroup" => maps(it.properties.get("SecurityGroupIngress"))
                .filter_map(|rule| Some((rule.get("FromPort")?, rule.get("CidrIp")?)))
                .map(|(port, cidr)| {
                    Some(format!("{} from {}", self.resolver.text(port), self.resolver.text(cidr)))
                })
                .collect(),
            "AWS::Logs::LogGroup" => {
                vec![text(&["RetentionInDays"]).map(|days| format!("keeps {days} days"))]
            }
            "AWS::SNS::Subscription" => vec![text(&["Protocol"]), text(&["Endpoint"])],
            _ => Vec::new(),
        };
        details.into_iter().flatten().collect()
    }

    /// Who may assume a role and what it has.
    fn role(&self, it: &Resource) -> Vec<String> {
        let mut details: Vec<String> = maps(at(&it.properties, &["AssumeRolePolicyDocument", "Statement"]))
            .filter_map(|statement| at(statement, &["Principal", "Service"]))
            .flat_map(|service| self.resolver.list(service))
            .map(|service| format!("for {}", service.split('.').next().unwrap_or_default()))
            .collect();
        for policy in items(it.properties.get("ManagedPolicyArns")) {
            let text = self.resolver.text(policy);
            let aws = text.rsplit('/').next().unwrap_or_default();
            details.push(self.target_of(policy).unwrap_or(aws).to_owned());
        }
        if let Some(boundary) = it.properties.get("PermissionsBoundary") {
            let text = self.resolver.text(boundary);
            let name = text.rsplit('/').next().unwrap_or_default();
            details.push(format!("within {}", self.target_of(boundary).unwrap_or(name)));
        }
        details
    }

    fn target_of<'v>(&self, value: &'v Value) -> Option<&'v str> {
        resource(value, self.template)
    }
}

/// What people call a resource type.
fn kind(kind: &str) -> String {
    let known = match kind {
        "AWS::CodePipeline::Pipeline" => "CodePipeline",
        "AWS::CodeBuild::Project" => "CodeBuild",
        "AWS::CodeCommit::Repository" => "CodeCommit",
        "AWS::SageMaker::ModelPackageGroup" => "SageMaker registry",
        "AWS::Events::Rule" => "EventBridge rule",
        "AWS::IAM::ManagedPolicy" => "IAM policy",
        "AWS::EC2::VPCEndpoint" => "VPC endpoint",
        "AWS::EC2::SecurityGroup" => "Security group",
        "AWS::Logs::LogGroup" => "Log group",
        "AWS::Logs::MetricFilter" => "Metric filter",
        other => return other.trim_start_matches("AWS::").replace("::", " "),
    };
    known.to_owned()
}
