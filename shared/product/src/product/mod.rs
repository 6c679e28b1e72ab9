//! A product: the blueprint of its tier, cut to its scenario, with its names and the values that the config gives.

pub mod attributes;
pub mod availability;
mod blueprint;
mod summary;

use indexmap::IndexMap;

pub use crate::config::Tier;
use crate::config::{AccountId, Build, Config, Env, KmsKeyArn, Retention, Source, TenantId, VpcIds, VpcMode};
use crate::names::Names;
pub use blueprint::{AwsManaged, Blueprint, Grants, Group, Links, ResourceSpec, Scenario, When, blueprint};
use mlp_template::error::InternalError;
use mlp_template::region::Region;
use mlp_template::template::{Map, Parameter, Sub, Value, map};
pub use summary::{summary, summary_of};

/// Everything that the generator needs to know of one product.
#[derive(Debug, Clone)]
pub struct Product {
    /// The tier.
    pub tier: Tier,
    /// Source control, VPC mode and id source in one word.
    pub scenario: String,
    /// The company, for people to read.
    pub company: String,
    /// Whom of the company's clients or units it is for.
    pub tenant_id: TenantId,
    /// The stage.
    pub env: Env,
    /// What the models are for.
    pub use_case: String,
    /// The account that the template is for.
    pub account_id: AccountId,
    /// The region that the template is for.
    pub region: Region,
    /// Every name.
    pub names: Names,
    /// Where the pipelines read from.
    pub source: Source,
    /// How builds run.
    pub build: Build,
    /// How long things are kept.
    pub retention: Retention,
    /// The beginning of the logical ids in the product's template: empty, or in a template of the user's the logical id that
    /// the product has there.
    pub id_prefix: String,
    /// The resources of this scenario by their ids without the prefix, in reading order.
    pub resources: IndexMap<String, &'static ResourceSpec>,
    /// What the product gets from outside.
    pub inputs: Inputs,
    /// SHA-256 of the config's bytes; absent when there was no config file.
    pub config_sha256: Option<String>,
}

/// What a product gets from outside: plain values, or references to the template parameters that fetch them.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// Template parameters that the values below refer to.
    pub parameters: IndexMap<String, Parameter>,
    /// The address that gets the alarms.
    pub alerts_email: Option<Value>,
    /// The VPC, in enterprise.
    pub vpc: Option<VpcInputs>,
    /// The ARN of the source bucket's key.
    pub source_key: Option<Value>,
    /// The name of the data lake's bucket.
    pub data_lake_bucket: Option<Value>,
    /// The ARN of the data lake's key.
    pub data_lake_key: Option<Value>,
    /// The ARN of the load balancer.
    pub load_balancer_arn: Option<Value>,
    /// Tags of every taggable resource, the product's own first.
    pub tags: Map,
    /// Which policy bounds the product's roles.
    pub permissions_boundary: RoleBoundary,
}

/// The managed policy that bounds every role of a product.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum RoleBoundary {
    /// The template parameter [`BOUNDARY_PARAMETER`] names it. While the parameter is empty, the tier's own boundary
    /// applies where the tier has one.
    #[default]
    Parameter,
    /// This value names it: the macro knows it and can't add parameters to a template.
    Policy(Value),
    /// Nobody named one: the tier's own boundary applies where the tier has one.
    Own,
}

/// The template parameter that names the managed policy that bounds every role; empty by default.
pub const BOUNDARY_PARAMETER: &str = "PermissionsBoundary";

/// The VPC that an enterprise product lives in.
#[derive(Debug, Clone)]
pub struct VpcInputs {
    /// Whose security group the endpoints use.
    pub mode: VpcMode,
    /// The VPC's id.
    pub vpc_id: Value,
    /// A list of subnet ids.
    pub subnet_ids: Value,
    /// The security group of the SG provisioner; absent when the product makes its own.
    pub security_group_id: Option<Value>,
    /// A list of route table ids, if the S3 endpoint gets routes.
    pub route_table_ids: Option<Value>,
    /// Who may reach the endpoints on 443.
    pub ingress_cidr: String,
    /// Whether interface endpoints answer under the services' own names.
    pub private_dns: bool,
}

/// How many tags of a resource are the product's own at most; AWS allows 50 in all. Every resource has 7, a role has up to
/// 6 more, and a product of a custom resource has its owner's.
pub const OWN_TAGS: usize = 14;

/// The value of the tag `ManagedBy`.
pub const MANAGED_BY: &str = "ml-provisioner";

impl Product {
    /// The product that a config describes.
    ///
    /// # Errors
    ///
    /// When a tier file is broken.
    pub fn new(config: &Config) -> Result<Self, InternalError> {
        let names = Names::new(config);
        let tier = config.ml_product.tier;
        let inputs = Inputs::new(config, &names);
        Ok(Self {
            tier,
            scenario: config.scenario(),
            company: config.client.company_name.clone(),
            tenant_id: config.client.tenant_id.clone(),
            env: config.environment.env,
            use_case: config.ml_product.use_case.to_string(),
            account_id: config.client.account_id.clone(),
            region: config.environment.region.clone(),
            source: config.ml_product.source.clone(),
            build: config.ml_product.build.clone(),
            retention: config.ml_product.retention,
            resources: select(
                blueprint(tier)?,
                &Scenario {
                    source_control: config.ml_product.source.as_str(),
                    vpc_mode: config.ml_product.vpc.as_ref().map(|vpc| vpc.mode.as_str()),
                    data_lake: config.ml_product.data_lake.is_some(),
                },
            ),
            names,
            inputs,
            id_prefix: String::new(),
            config_sha256: None,
        })
    }

    /// Whether the scenario has the resource. Generators ask this, never for the tier.
    pub fn has(&self, logical_id: &str) -> bool {
        self.resources.contains_key(logical_id)
    }

    /// The logical id of one of the product's resources in its template.
    pub fn logical_id(&self, id: &str) -> String {
        format!("{}{id}", self.id_prefix)
    }

    /// The same product with the inputs of a config that differs in deferred values only.
    pub(crate) fn set_inputs(&mut self, config: &Config) {
        self.inputs = Inputs::new(config, &self.names);
    }

    /// What conditions in tier files are asked about.
    pub fn conditions(&self) -> Scenario<'_> {
        Scenario {
            source_control: self.source.as_str(),
            vpc_mode: self.inputs.vpc.as_ref().map(|vpc| vpc.mode.as_str()),
            data_lake: self.inputs.data_lake_bucket.is_some(),
        }
    }

    /// The first resource of a type.
    pub fn of_type(&self, kind: &str) -> Option<&str> {
        self.resources.iter().find(|(_, spec)| spec.kind == kind).map(|(id, _)| id.as_str())
    }

    /// The physical name of one of the product's resources.
    ///
    /// # Errors
    ///
    /// When the scenario has no such resource, or its type has no name of our choice.
    pub fn physical_name(&self, logical_id: &str) -> Result<String, InternalError> {
        let spec = self.resources.get(logical_id).ok_or_else(|| {
            InternalError::new(format!("{logical_id} is used but not in scenario {}", self.scenario))
        })?;
        let suffix = spec.name.as_deref().unwrap_or_default();
        self.names.physical(&spec.kind, suffix).ok_or_else(|| {
            InternalError::new(format!("{logical_id} ({}) has no row in the limits table", spec.kind))
        })
    }

    /// The physical name of one of the product's resources without `-ml-{suffix}`, as a tag of the product's roles. The
    /// suite's boundary adds the ending, so that no value of a tag can open it for anything that isn't called like a
    /// product's.
    ///
    /// # Errors
    ///
    /// As `physical_name`.
    pub fn name_tag(&self, logical_id: &str) -> Result<String, InternalError> {
        let name = self.physical_name(logical_id)?;
        let spec = self.resources.get(logical_id);
        spec.and_then(|spec| self.names.tag(&spec.kind, spec.name.as_deref()?)).ok_or_else(|| {
            InternalError::new(format!("{logical_id}: `{name}` doesn't end like a product's name"))
        })
    }
}

/// The resources of a tier in one scenario, in reading order.
pub fn select(
    blueprint: &'static Blueprint,
    scenario: &Scenario<'_>,
) -> IndexMap<String, &'static ResourceSpec> {
    let mut resources: IndexMap<String, &ResourceSpec> = blueprint
        .resources
        .iter()
        .filter(|(_, spec)| spec.when.holds(scenario))
        .map(|(id, spec)| (id.clone(), spec))
        .collect();
    // Stable: within a group the files' order stays.
    resources.sort_by(|_, a, _, b| a.group.cmp(&b.group));
    resources
}

impl Inputs {
    fn new(config: &Config, names: &Names) -> Self {
        let product = &config.ml_product;
        let mut inputs = Self {
            alerts_email: product
                .alerts_email
                .as_ref()
                .filter(|_| product.tier == Tier::Enterprise)
                .map(|email| email.to_value(|it| Value::str(it.as_str()))),
            source_key: product.source_kms_key_arn.as_ref().map(|key| key.to_value(key_arn)),
            data_lake_key: product.data_lake_kms_key_arn.as_ref().map(|key| key.to_value(key_arn)),
            tags: tags(config, names),
            ..Self::default()
        };
        if let Some(vpc) = &product.vpc {
            let (vpc_id, subnet_ids, security_group_id, route_table_ids) = match &vpc.ids {
                VpcIds::Direct { vpc, subnets, security_group, route_tables } => (
                    vpc.to_value(|id| Value::str(id.as_str())),
                    subnets.to_list(|id| Value::str(id.as_str())),
                    security_group.as_ref().map(|id| id.to_value(|id| Value::str(id.as_str()))),
                    (!route_tables.is_empty()).then(|| route_tables.to_list(|id| Value::str(id.as_str()))),
                ),
                // SSM parameter types are the way that needs no look-up of ours: CloudFormation reads them at every
                // deployment. `Fn::Split` of a `{{resolve:ssm:...}}` would be split before it is resolved.
                VpcIds::ParameterStore { vpc, subnets, security_group, route_tables } => (
                    inputs.ssm_parameter(
                        "VpcId",
                        "AWS::EC2::VPC::Id",
                        vpc.as_str(),
                        "The VPC of builds and endpoints",
                    ),
                    inputs.ssm_parameter(
                        "SubnetIds",
                        "List<AWS::EC2::Subnet::Id>",
                        subnets.as_str(),
                        "Private subnets of builds and interface endpoints",
                    ),
                    security_group.as_ref().map(|path| {
                        inputs.ssm_parameter(
                            "SecurityGroupId",
                            "AWS::EC2::SecurityGroup::Id",
                            path.as_str(),
                            "The security group of builds and interface endpoints",
                        )
                    }),
                    route_tables.as_ref().map(|path| {
                        inputs.ssm_parameter(
                            "RouteTableIds",
                            "List<String>",
                            path.as_str(),
                            "Route tables that reach S3 through the gateway endpoint",
                        )
                    }),
                ),
            };
            inputs.vpc = Some(VpcInputs {
                mode: vpc.mode,
                vpc_id,
                subnet_ids,
                security_group_id: security_group_id.filter(|_| vpc.mode == VpcMode::SgProvisioner),
                route_table_ids,
                ingress_cidr: vpc.endpoint_ingress_cidr.to_string(),
                private_dns: vpc.endpoint_private_dns,
            });
        }
        inputs.data_lake_bucket = product.data_lake.as_ref().map(|path| {
            path.to_value(|path| {
                let description = "The bucket of the data lake";
                inputs.ssm_parameter("DataLakeBucketName", "String", path.as_str(), description)
            })
        });
        inputs.load_balancer_arn = product.load_balancer.as_ref().map(|path| {
            path.to_value(|path| {
                let description = "The load balancer in front of endpoints";
                inputs.ssm_parameter("LoadBalancerArn", "String", path.as_str(), description)
            })
        });
        inputs
    }

    /// Adds a template parameter that CloudFormation reads from SSM, and answers a reference to it.
    fn ssm_parameter(&mut self, id: &str, kind: &str, path: &str, description: &str) -> Value {
        self.parameters.insert(
            id.to_owned(),
            Parameter {
                kind: format!("AWS::SSM::Parameter::Value<{kind}>"),
                attributes: map([("Default", Value::str(path)), ("Description", Value::str(description))]),
            },
        );
        Value::reference(id)
    }
}

/// The ARN of a key in the partition of the stack, which is the key's (`config::read` checks it).
fn key_arn(key: &KmsKeyArn) -> Value {
    let mut arn = Sub::parse("arn:${AWS::Partition}");
    let rest = key.as_str().splitn(3, ':').nth(2).unwrap_or_default();
    arn.push_text(&format!(":{rest}"));
    Value::Sub(arn)
}

/// The product's own tags, then the config's.
///
/// None of them changes with the generator's version: an update of ours must not touch every resource.
fn tags(config: &Config, names: &Names) -> Map {
    let mut tags: Map = map([
        ("ManagedBy", Value::str(MANAGED_BY)),
        ("ml-provisioner:product", Value::str(names.ml_name())),
        ("ml-provisioner:tier", Value::str(config.ml_product.tier.as_str())),
        ("ml-provisioner:company", Value::str(config.client.company_prefix.as_str())),
        ("ml-provisioner:tenant", Value::str(config.client.tenant_id.as_str())),
        ("ml-provisioner:environment", Value::str(config.environment.env.as_str())),
        ("ml-provisioner:use-case", Value::str(config.ml_product.use_case.as_str())),
    ]);
    let of_config = config.tags.iter();
    tags.extend(
        of_config.map(|(key, value)| (key.clone(), value.to_value(|text| Value::str(text.as_str())))),
    );
    tags
}
