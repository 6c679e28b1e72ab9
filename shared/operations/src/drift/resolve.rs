//! A template's value as it must be in AWS, as far as that can be known without asking.

use std::collections::BTreeMap;

use mlp_aws::drift::{ResourceSummary, StackDescription};
use mlp_template::template::{Function, Parameter, SubPart, Template, Value, is_list_type};
use serde_json::{Map as Object, Value as Json};

/// The marker of an unknown part in a value whose other parts are known. No template holds it.
pub(super) const UNKNOWN: &str = "\u{0}unknown";

/// Whether nothing is known of a value.
pub(super) fn is_unknown(value: &Json) -> bool {
    value.as_str().is_some_and(|text| text.contains(UNKNOWN))
}

/// The value as people may read it.
pub(super) fn readable(value: &Json) -> Json {
    match value {
        Json::String(text) => Json::from(text.replace(UNKNOWN, "(known to AWS only)")),
        Json::Array(values) => values.iter().map(readable).collect(),
        Json::Object(entries) => {
            Json::Object(entries.iter().map(|(key, value)| (key.clone(), readable(value))).collect())
        }
        plain => plain.clone(),
    }
}

/// Resolves references of one stack.
pub(super) struct Resolver<'a> {
    pub(super) stack: &'a StackDescription,
    pub(super) template: &'a Template,
    physical: BTreeMap<&'a str, &'a ResourceSummary>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(
        stack: &'a StackDescription,
        template: &'a Template,
        resources: &'a [ResourceSummary],
    ) -> Self {
        let physical = resources.iter().map(|it| (it.logical_id.as_str(), it)).collect();
        Self { stack, template, physical }
    }

    /// The value; [`UNKNOWN`] in place of what can't be known; nothing for `AWS::NoValue`.
    pub(super) fn value(&self, value: &Value) -> Option<Json> {
        Some(match value {
            Value::List(values) => Json::Array(values.iter().filter_map(|it| self.value(it)).collect()),
            Value::Map(entries) => {
                let entries = entries.iter().filter_map(|(key, it)| Some((key.clone(), self.value(it)?)));
                Json::Object(entries.collect::<Object<String, Json>>())
            }
            Value::Ref(name) if name == "AWS::NoValue" => return None,
            Value::Ref(name) => self.reference(name).unwrap_or_else(unknown),
            Value::GetAtt(name, attribute) => {
                self.attribute(name, attribute).map_or_else(unknown, Json::String)
            }
            Value::Sub(sub) => self.text(sub).map_or_else(unknown, Json::String),
            Value::Call(Function::Join, argument) => self.join(argument).unwrap_or_else(unknown),
            Value::Call(..) => unknown(),
            // AWS resolves it when it creates the resource.
            Value::Str(text) if text.contains("{{resolve:") => unknown(),
            plain => plain.to_json(),
        })
    }

    fn reference(&self, name: &str) -> Option<Json> {
        match self.template.parameters.get(name) {
            Some(declared) => self.parameter(name, declared),
            None => self.name(name).map(Json::from),
        }
    }

    /// A parameter's value, a list if its type says so. Source: AWS CloudFormation User Guide, "Parameters".
    fn parameter(&self, name: &str, declared: &Parameter) -> Option<Json> {
        let shown = match declared.attributes.get("NoEcho") {
            None | Some(Value::Bool(false)) => true,
            Some(other) => other.as_str() == Some("false"),
        };
        let text = self.stack.parameters.get(name).filter(|_| shown)?;
        Some(if is_list_type(&declared.kind) {
            text.split(',').map(str::trim).collect()
        } else {
            Json::from(text.as_str())
        })
    }

    /// A pseudo parameter, or what a resource is called.
    fn name(&self, name: &str) -> Option<String> {
        let stack = self.stack;
        let text = match name {
            "AWS::Region" => stack.region(),
            "AWS::AccountId" => stack.account_id(),
            "AWS::Partition" => stack.partition(),
            "AWS::StackName" => &stack.name,
            "AWS::StackId" => &stack.id,
            "AWS::URLSuffix" if stack.partition() == "aws-cn" => "amazonaws.com.cn",
            "AWS::URLSuffix" => "amazonaws.com",
            _ => self.physical.get(name)?.physical_id.as_deref()?,
        };
        Some(text.to_owned())
    }

    /// Attributes that follow from a physical id. Source: "Return values" of each type in the AWS CloudFormation Template
    /// Reference.
    fn attribute(&self, name: &str, attribute: &str) -> Option<String> {
        let resource = self.physical.get(name)?;
        let id = resource.physical_id.as_deref()?;
        let (partition, region, account) =
            (self.stack.partition(), self.stack.region(), self.stack.account_id());
        let arn = |service: &str, rest: &str| format!("arn:{partition}:{service}:{region}:{account}:{rest}");
        let declared = |property: &str| match self.template.resources.get(name)?.properties.get(property) {
            None => Some(None),
            Some(value) => value.as_str().map(Some),
        };
        Some(match (resource.kind.as_str(), attribute) {
            ("AWS::IAM::Role", "Arn") => {
                let path = declared("Path")?.unwrap_or("/");
                format!("arn:{partition}:iam::{account}:role{path}{id}")
            }
            ("AWS::KMS::Key", "Arn") => arn("kms", &format!("key/{id}")),
            ("AWS::S3::Bucket", "Arn") => format!("arn:{partition}:s3:::{id}"),
            ("AWS::Logs::LogGroup", "Arn") => arn("logs", &format!("log-group:{id}:*")),
            ("AWS::CodeBuild::Project", "Arn") => arn("codebuild", &format!("project/{id}")),
            ("AWS::CodeCommit::Repository", "Arn") => arn("codecommit", declared("RepositoryName")??),
            ("AWS::CodeCommit::Repository", "Name") => declared("RepositoryName")??.to_owned(),
            ("AWS::CodeCommit::Repository", "CloneUrlHttp") => {
                let suffix = self.name("AWS::URLSuffix")?;
                format!("https://git-codecommit.{region}.{suffix}/v1/repos/{}", declared("RepositoryName")??)
            }
            ("AWS::SageMaker::ModelPackageGroup", "ModelPackageGroupArn")
            | ("AWS::SNS::Topic", "TopicArn")
            | ("AWS::IAM::ManagedPolicy", "PolicyArn")
            | ("AWS::KMS::Key", "KeyId")
            | ("AWS::EC2::SecurityGroup", "GroupId")
            | ("AWS::EC2::VPCEndpoint", "Id") => id.to_owned(),
            ("AWS::SNS::Topic", "TopicName") => id.rsplit(':').next()?.to_owned(),
            _ => return None,
        })
    }

    fn text(&self, sub: &mlp_template::template::Sub) -> Option<String> {
        let mut text = String::new();
        for part in &sub.parts {
            match part {
                SubPart::Text(literal) => text.push_str(literal),
                SubPart::Ref(name) => match sub.variables.get(name) {
                    Some(value) => text.push_str(self.value(value)?.as_str()?),
                    None => text.push_str(self.reference(name)?.as_str()?),
                },
                SubPart::GetAtt(name, attribute) => text.push_str(&self.attribute(name, attribute)?),
            }
        }
        (!text.contains("{{resolve:")).then_some(text)
    }

    fn join(&self, argument: &Value) -> Option<Json> {
        let Value::List(parts) = argument else { return None };
        let [delimiter, list] = parts.as_slice() else { return None };
        let Json::Array(values) = self.value(list)? else { return None };
        let texts: Option<Vec<&str>> = values.iter().map(Json::as_str).collect();
        Some(Json::String(texts?.join(delimiter.as_str()?)))
    }
}

fn unknown() -> Json {
    Json::from(UNKNOWN)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use mlp_template::check::load;
    use mlp_template::template::read::from_document;

    /// What a reference to a parameter of this type comes to.
    fn reference(kind: &str, more: &str, given: Option<&str>) -> Json {
        let text = format!("Parameters: {{P: {{Type: {kind}{more}}}}}\nResources: {{}}\n");
        let template = from_document(&load(text.as_bytes()).unwrap()).0;
        let parameters = given.map(|value| ("P".to_owned(), value.to_owned())).into_iter().collect();
        let stack = StackDescription { parameters, ..StackDescription::default() };
        Resolver::new(&stack, &template, &[]).value(&Value::reference("P")).unwrap()
    }

    #[test]
    fn a_parameter_is_a_list_if_its_type_says_so() {
        for kind in [
            "CommaDelimitedList",
            "List<Number>",
            "List<AWS::EC2::Subnet::Id>",
            "AWS::SSM::Parameter::Value<List<AWS::EC2::Subnet::Id>>",
            "AWS::SSM::Parameter::Value<CommaDelimitedList>",
        ] {
            assert_eq!(reference(kind, "", Some("1, 2")), json!(["1", "2"]), "{kind}");
        }
        for kind in ["String", "Number", "AWS::SSM::Parameter::Value<String>", "AWS::EC2::VPC::Id"] {
            assert_eq!(reference(kind, "", Some("1, 2")), json!("1, 2"), "{kind}");
        }
    }

    #[test]
    fn what_aws_does_not_tell_is_unknown_and_readable() {
        for unknown in [
            reference("String", ", NoEcho: true", Some("****")),
            reference("String", ", NoEcho: 'true'", Some("****")),
            reference("String", "", None),
        ] {
            assert!(is_unknown(&unknown));
            assert_eq!(readable(&json!([unknown])), json!(["(known to AWS only)"]));
        }
        assert_eq!(reference("String", ", NoEcho: false", Some("x")), "x");
        let (template, stack) = (Template::default(), StackDescription::default());
        let resolver = Resolver::new(&stack, &template, &[]);
        let looked_up =
            [Value::str("{{resolve:ssm:/x}}"), Value::sub("{{resolve:ssm:/x}}/${AWS::StackName}")];
        assert!(looked_up.iter().all(|it| is_unknown(&resolver.value(it).unwrap())));
    }
}
