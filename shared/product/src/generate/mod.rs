//! From a product to its template: one module a resource type, which alone knows the type's properties.
//!
//! A builder gets the fixed properties of the tier file and adds identity: names, references, values from the config. It
//! asks whether the scenario has a resource (`cx.has("KmsKey")`), never which tier it is, so a new tier needs no code.

mod access;
mod build;
mod encryption;
mod events;
mod monitoring;
pub mod network;
mod pipeline;
mod policy;
mod published;
mod registry;
mod storage;

use indexmap::IndexMap;
use mlp_template::error::InternalError;
use mlp_template::template::{
    Function, Map, Output, Parameter, Resource, Sub, SubPart, Template, Value, map,
};

use crate::product::{BOUNDARY_PARAMETER, Product, ResourceSpec, RoleBoundary};

/// What one builder works on.
struct Context<'a> {
    product: &'a Product,
    id: &'a str,
    spec: &'static ResourceSpec,
    tags: &'a Tags,
}

/// The tags of every taggable resource, in the two shapes that types take; built once per template.
struct Tags {
    /// A list of keys and values, as most types want it.
    list: Value,
    /// The map that `AWS::SSM::Parameter` wants.
    map: Value,
}

impl Tags {
    fn new(product: &Product) -> Self {
        let tags = &product.inputs.tags;
        Self {
            list: Value::list(tags.iter().map(|(key, value)| tag(key, value.clone()))),
            map: Value::Map(tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect()),
        }
    }
}

/// One entry of a list of tags. When the value may be `AWS::NoValue`, so may the whole entry: AWS refuses a tag without a
/// value (aws/serverless-application-model#324).
fn tag(key: &str, value: Value) -> Value {
    match value {
        Value::Ref(name) if name == NO_VALUE => Value::Ref(name),
        Value::Call(Function::If, argument) => match *argument {
            Value::List(choice) if choice.len() == 3 && choice.iter().any(may_be_nothing) => {
                let mut choice = choice.into_iter();
                let condition = choice.next().unwrap_or(Value::Null);
                let tags = choice.map(|value| tag(key, value));
                Value::Call(Function::If, Box::new(Value::list(std::iter::once(condition).chain(tags))))
            }
            other => plain_tag(key, Value::Call(Function::If, Box::new(other))),
        },
        value => plain_tag(key, value),
    }
}

fn plain_tag(key: &str, value: Value) -> Value {
    Value::map([("Key", Value::str(key)), ("Value", value)])
}

const NO_VALUE: &str = "AWS::NoValue";

/// Whether a value is `AWS::NoValue`, or a choice that can give it.
fn may_be_nothing(value: &Value) -> bool {
    match value {
        Value::Ref(name) => name == NO_VALUE,
        Value::Call(Function::If, argument) => {
            matches!(&**argument, Value::List(choice) if choice.iter().any(may_be_nothing))
        }
        _ => false,
    }
}

type Built = Result<Map, InternalError>;

/// The template of a product; the same product always gives the same template.
///
/// # Errors
///
/// When a tier file and the builders don't fit each other, which the tests rule out.
pub fn template(product: &Product) -> Result<Template, InternalError> {
    let mut resources = IndexMap::with_capacity(product.resources.len());
    let mut outputs = IndexMap::new();
    let tags = Tags::new(product);
    for (id, &spec) in &product.resources {
        let cx = Context { product, id, spec, tags: &tags };
        let mut properties: Map =
            spec.properties.iter().map(|(key, value)| (key.clone(), Value::from_plain_json(value))).collect();
        for (key, value) in cx.build()? {
            if properties.insert(key.clone(), value).is_some() {
                return Err(cx.bug(&format!("{key} is both in the tier file and built by code")));
            }
        }
        let policy = |value: &str| spec.stateful.then(|| Value::str(value));
        resources.insert(
            product.logical_id(id),
            Resource {
                comment: Some(format!("{}.", spec.purpose)),
                kind: spec.kind.clone(),
                // Deleting the stack deletes the product. A replacement, which no user asked for, never loses data.
                deletion_policy: policy("Delete"),
                update_replace_policy: policy("Retain"),
                metadata: cx.metadata(),
                properties: ordered(properties),
                ..Resource::default()
            },
        );
        if let Some(leaf) = &spec.links.leaf {
            let output = Output {
                description: Some(spec.purpose.clone()),
                value: cx.published()?,
                condition: None,
                export: None,
            };
            outputs.insert(leaf.clone(), output);
        }
    }
    let mut parameters = product.inputs.parameters.clone();
    let mut conditions = Map::default();
    if product.inputs.permissions_boundary == RoleBoundary::Parameter {
        parameters.insert(BOUNDARY_PARAMETER.to_owned(), boundary_parameter());
        conditions.insert(HAS_BOUNDARY.to_owned(), has_boundary());
    }
    Ok(Template {
        description: Some(description(product)),
        metadata: metadata(product),
        parameters,
        conditions,
        resources,
        outputs,
        ..Template::default()
    })
}

/// The condition that holds when the template parameter [`BOUNDARY_PARAMETER`] has a value.
pub(crate) const HAS_BOUNDARY: &str = "HasPermissionsBoundary";

fn boundary_parameter() -> Parameter {
    Parameter {
        kind: "String".to_owned(),
        attributes: map([
            ("Default", Value::str("")),
            ("AllowedPattern", Value::str("^$|^arn:[a-z-]+:iam::(aws|[0-9]{12}):policy/.+$")),
            ("ConstraintDescription", Value::str("empty, or the ARN of a managed policy")),
            ("Description", Value::str("ARN of the managed policy that bounds every role of the product")),
        ]),
    }
}

fn has_boundary() -> Value {
    let call = |function, arguments| Value::Call(function, Box::new(Value::List(arguments)));
    let is_empty = call(Function::Equals, vec![Value::reference(BOUNDARY_PARAMETER), Value::str("")]);
    call(Function::Not, vec![is_empty])
}

/// The name first, the tags last, all else as it was built.
fn ordered(mut properties: Map) -> Map {
    if let Some(index) = properties.keys().position(|key| key == "Name" || key.ends_with("Name")) {
        properties.move_index(index, 0);
    }
    if let Some(tags) = properties.shift_remove("Tags") {
        properties.insert("Tags".to_owned(), tags);
    }
    properties
}

fn description(product: &Product) -> String {
    format!("{} ({}), generated by ML Provisioner", product.names.ml_name(), product.tier.as_str())
}

/// A text of the user's for `Metadata`, without what CloudFormation and cfn-lint would take for a dynamic reference or a
/// variable: a space takes it apart. The review report has the text as it is.
///
/// Sources: CloudFormation User Guide, "Get values stored in other services using dynamic references" (a template's
/// `ssm-secure` outside of its properties is refused); cfn-lint's rules E1027 and E1029.
fn prose(text: &str) -> Value {
    Value::Str(text.replace("{{resolve:", "{ {resolve:").replace("${", "$ {"))
}

/// The managed policies of a product: their logical ids and documents.
///
/// # Errors
///
/// As [`template`].
pub(crate) fn managed_policies(product: &Product) -> Result<Vec<(&str, Value)>, InternalError> {
    let tags = Tags::new(product);
    let mut documents = Vec::new();
    for (id, &spec) in product.resources.iter().filter(|(_, spec)| spec.kind == "AWS::IAM::ManagedPolicy") {
        let mut properties = Context { product, id, spec, tags: &tags }.build()?;
        documents.extend(properties.shift_remove("PolicyDocument").map(|document| (id.as_str(), document)));
    }
    Ok(documents)
}

/// Who made the template for what; the generator's version stands here and nowhere in the resources.
fn metadata(product: &Product) -> Map {
    let mut made = map([
        ("Version", Value::str(env!("CARGO_PKG_VERSION"))),
        ("MlName", Value::str(product.names.ml_name())),
        ("StackName", Value::str(product.names.stack())),
        ("Company", prose(&product.company)),
        ("Tier", Value::str(product.tier.as_str())),
        ("Scenario", Value::str(product.scenario.as_str())),
        ("AccountId", Value::str(product.account_id.as_str())),
        ("Region", Value::str(product.region.as_str())),
    ]);
    if let Some(sha256) = &product.config_sha256 {
        made.insert("ConfigSha256".to_owned(), Value::str(sha256.as_str()));
    }
    map([("MLProvisioner", Value::Map(made))])
}

impl Context<'_> {
    /// The properties that code gives. A new resource type has its module and its line here.
    fn build(&self) -> Built {
        match self.spec.kind.as_str() {
            "AWS::SageMaker::ModelPackageGroup" => registry::model_package_group(self),
            "AWS::CodeCommit::Repository" => registry::repository(self),
            "AWS::CodeBuild::Project" => build::project(self),
            "AWS::CodePipeline::Pipeline" => pipeline::pipeline(self),
            "AWS::S3::Bucket" => storage::bucket(self),
            "AWS::IAM::Role" => access::role(self),
            "AWS::IAM::ManagedPolicy" => access::managed_policy(self),
            "AWS::Events::Rule" => events::rule(self),
            "AWS::CloudWatch::Dashboard" => monitoring::dashboard(self),
            "AWS::CloudWatch::Alarm" => monitoring::alarm(self),
            "AWS::Logs::LogGroup" => monitoring::log_group(self),
            "AWS::Logs::MetricFilter" => monitoring::metric_filter(self),
            "AWS::SNS::Topic" => monitoring::topic(self),
            "AWS::SNS::Subscription" => monitoring::subscription(self),
            "AWS::KMS::Key" => encryption::key(self),
            "AWS::KMS::Alias" => encryption::alias(self),
            "AWS::EC2::SecurityGroup" => network::security_group(self),
            "AWS::EC2::VPCEndpoint" => network::endpoint(self),
            "AWS::SSM::Parameter" => published::parameter(self),
            other => Err(self.bug(&format!("no builder for {other}"))),
        }
    }

    /// What a reviewer needs to know of this resource and no property says.
    fn metadata(&self) -> Map {
        match self.spec.kind.as_str() {
            "AWS::CodeBuild::Project" => build::metadata(self),
            _ => Map::default(),
        }
    }

    fn bug(&self, what: &str) -> InternalError {
        InternalError::new(format!("{}: {what}", self.id))
    }

    /// The physical name of this resource.
    fn name(&self) -> Result<Value, InternalError> {
        self.product.physical_name(self.id).map(Value::Str)
    }

    /// A link of this resource, which its type can't do without.
    fn link<'b>(&self, link: Option<&'b str>, what: &str) -> Result<&'b str, InternalError> {
        link.ok_or_else(|| self.bug(&format!("the tier file gives no `{what}`")))
    }

    /// Whether the scenario has the resource.
    fn has(&self, id: &str) -> bool {
        self.product.has(id)
    }

    /// `!Ref` of one of the product's resources.
    fn reference(&self, id: &str) -> Value {
        Value::Ref(self.product.logical_id(id))
    }

    /// `!GetAtt` of one of the product's resources.
    fn get_att(&self, id: &str, attribute: &str) -> Value {
        Value::GetAtt(self.product.logical_id(id), attribute.to_owned())
    }

    /// `!GetAtt KmsKey.Arn`, in scenarios with a key of their own.
    fn key_arn(&self) -> Option<Value> {
        self.product.of_type("AWS::KMS::Key").map(|key| self.get_att(key, "Arn"))
    }

    /// The tags, in the list shape that most types have.
    fn tag_list(&self) -> Value {
        self.tags.list.clone()
    }

    /// The tags, in the map shape of `AWS::SSM::Parameter`.
    fn tag_map(&self) -> Value {
        self.tags.map.clone()
    }

    /// The ARN of a role of the product, by its name: an attribute would make role and policy depend on each other.
    fn role_arn(&self, role: &str) -> Result<Value, InternalError> {
        Ok(arn("iam", Scope::Account, &format!("role/{}", self.product.physical_name(role)?)))
    }

    /// The first role that a service may assume.
    fn role_of(&self, service: &str) -> Result<&str, InternalError> {
        self.product
            .resources
            .iter()
            .find(|(_, spec)| spec.links.assumed_by.iter().any(|name| name == service))
            .map(|(id, _)| id.as_str())
            .ok_or_else(|| self.bug(&format!("no role may be assumed by {service}")))
    }

    /// The value that an SSM parameter publishes.
    fn published(&self) -> Result<Value, InternalError> {
        let of = self.link(self.spec.links.of.as_deref(), "of")?;
        if !self.has(of) {
            return Err(self.bug(&format!("publishes {of}, which this scenario doesn't have")));
        }
        Ok(self
            .spec
            .links
            .attribute
            .as_deref()
            .map_or_else(|| self.reference(of), |attribute| self.get_att(of, attribute)))
    }

    /// The physical names of all resources of a type, in reading order.
    fn names_of(&self, kind: &str) -> Result<Vec<String>, InternalError> {
        self.product
            .resources
            .iter()
            .filter(|(_, spec)| spec.kind == kind)
            .map(|(id, _)| self.product.physical_name(id))
            .collect()
    }
}

/// What stands between service and resource in an ARN.
#[derive(Clone, Copy)]
enum Scope {
    /// Neither region nor account (S3).
    Global,
    /// The account only (IAM).
    Account,
    /// Region and account.
    Regional,
}

/// An ARN in the stack's own partition, region and account. `resource` is text: nothing in it is a reference.
fn arn(service: &str, scope: Scope, resource: &str) -> Value {
    arn_of(service, scope, [SubPart::Text(resource.to_owned())])
}

/// An ARN whose resource part may hold references.
fn arn_of(service: &str, scope: Scope, resource: impl IntoIterator<Item = SubPart>) -> Value {
    let head = match scope {
        Scope::Global => format!("arn:${{AWS::Partition}}:{service}:::"),
        Scope::Account => format!("arn:${{AWS::Partition}}:{service}::${{AWS::AccountId}}:"),
        Scope::Regional => format!("arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:"),
    };
    let mut sub = Sub::parse(&head);
    for part in resource {
        match part {
            SubPart::Text(text) => sub.push_text(&text),
            reference => sub.parts.push(reference),
        }
    }
    Value::Sub(sub)
}

/// The ARN of a global resource whose first part is a value from outside. What can't stand in a `Fn::Sub` by itself (another
/// function) becomes a variable of it.
fn arn_from(service: &str, value: &Value, rest: &str) -> Value {
    const NAME: &str = "Outside";
    let part = as_part(value);
    let variables = if part.is_none() { map([(NAME, value.clone())]) } else { Map::default() };
    let part = part.unwrap_or_else(|| SubPart::Ref(NAME.to_owned()));
    match arn_of(service, Scope::Global, [part, SubPart::Text(rest.to_owned())]) {
        Value::Sub(sub) => Value::Sub(Sub { variables, ..sub }),
        other => other,
    }
}

/// A value as the part of a `Fn::Sub`; `None` for what can't stand in one.
fn as_part(value: &Value) -> Option<SubPart> {
    match value {
        Value::Str(text) => Some(SubPart::Text(text.clone())),
        Value::Ref(id) => Some(SubPart::Ref(id.clone())),
        Value::GetAtt(id, attribute) => Some(SubPart::GetAtt(id.clone(), attribute.clone())),
        _ => None,
    }
}
