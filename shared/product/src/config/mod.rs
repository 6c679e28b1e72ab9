//! The config: one YAML file that says who the product is for and which tier it is.
//!
//! [`load`] is the only way in. It answers with a [`Config`] that is valid by its types or with every finding at once.

mod deferred;
mod fields;
mod mistakes;
mod place;
pub mod properties;
mod read;
mod schema;

pub use deferred::{Deferred, DeferredPlaces, Field, FieldList};
pub use fields::{
    AccountId, BucketName, Cidr, CompanyName, CompanyPrefix, Email, FieldError, Image, KmsKeyArn,
    LoadBalancerArn, ProductName, Reason, RouteTableId, S3Prefix, SecurityGroupId, SsmPath, SubnetId,
    TenantId, UseCase, VpcId, Workload, reserved_bucket,
};
use indexmap::IndexMap;
use mlp_template::finding::Finding;
pub use mlp_template::region::Region;
use mlp_template::yaml::{self, Limits};
pub use read::read;
pub(crate) use read::{WANTED_TAGS, read_with_deferred};
pub(crate) use schema::rules;

/// The block that only enterprise has.
const VPC: &str = "/ml_product/vpc_integration";

/// A config that nothing blocks.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The config.
    pub config: Config,
    /// The file, to find the place of what is found later.
    pub document: yaml::Document,
    /// Warnings.
    pub findings: Vec<Finding>,
}

/// A config without a mistake in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Who the product is for.
    pub client: Client,
    /// Where it stands.
    pub environment: Environment,
    /// What it is.
    pub ml_product: MlProduct,
    /// Tags for every taggable resource, in the file's order.
    pub tags: IndexMap<String, Field<String>>,
}

/// Who the product is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Shown to people; 1-100 characters.
    pub company_name: String,
    /// First part of every name.
    pub company_prefix: CompanyPrefix,
    /// The account that the product is deployed to.
    pub account_id: AccountId,
    /// The tenant inside the account.
    pub tenant_id: TenantId,
}

/// Where the product stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// The stage.
    pub env: Env,
    /// The region; the partition follows from it.
    pub region: Region,
    /// Puts a short region code into global names, so that one product can stand in two regions of an account.
    pub multi_region: bool,
}

/// The stage of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Env {
    /// `dev`
    Dev,
    /// `test`
    Test,
    /// `staging`
    Staging,
    /// `prod`
    Prod,
}

/// How much infrastructure a product has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Registry, repositories, pipelines.
    Starter,
    /// Starter plus monitoring and deploy on approval.
    Professional,
    /// Professional plus KMS, VPC endpoints and compliance alarms.
    Enterprise,
}

/// What the product is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MlProduct {
    /// What the models are for: a naming parameter only.
    pub use_case: UseCase,
    /// The tier.
    pub tier: Tier,
    /// Where the pipelines take their source from.
    pub source: Source,
    /// Replaces the generated `ml_name`.
    pub product_name_override: Option<ProductName>,
    /// Tells several products of one use case apart.
    pub workload: Option<Workload>,
    /// Who gets the alarms; only enterprise has any.
    pub alerts_email: Option<Field<Email>>,
    /// Present in enterprise, and only there.
    pub vpc: Option<VpcIntegration>,
    /// How builds run.
    pub build: Build,
    /// How long things are kept.
    pub retention: Retention,
    /// The customer managed key of the source bucket.
    pub source_kms_key_arn: Option<Field<KmsKeyArn>>,
    /// SSM path of the data lake bucket's name; deferred, the name itself.
    pub data_lake: Option<Field<SsmPath>>,
    /// The customer managed key of the data lake's bucket.
    pub data_lake_kms_key_arn: Option<Field<KmsKeyArn>>,
    /// SSM path of a load balancer's ARN; deferred, the ARN itself.
    pub load_balancer: Option<Field<SsmPath>>,
}

/// Where the pipelines take their source from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Two repositories of the product's own.
    CodeCommit,
    /// `<prefix>/model-build.zip` and `<prefix>/model-deploy.zip` in a bucket that exists.
    S3 {
        /// The bucket.
        bucket: String,
        /// Key prefix without slashes at either end; empty for the bucket's root.
        prefix: String,
    },
}

/// How an enterprise product reaches its VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VpcIntegration {
    /// Whose security group the endpoints use.
    pub mode: VpcMode,
    /// Where the ids come from.
    pub ids: VpcIds,
    /// Who may reach the endpoints on 443 (standalone).
    pub endpoint_ingress_cidr: Cidr,
    /// Whether the interface endpoints answer under the services' own names. Off for a second product in one VPC,
    /// because AWS refuses a second private name for the same service there.
    pub endpoint_private_dns: bool,
}

/// Whose security group the endpoints use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VpcMode {
    /// The product makes its own.
    Standalone,
    /// The SG provisioner's.
    SgProvisioner,
}

/// Where the VPC's ids come from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a config has at most one of them")]
pub enum VpcIds {
    /// Read from SSM when the stack is deployed.
    ParameterStore {
        /// Path of the VPC id.
        vpc: SsmPath,
        /// Path of the list of private subnet ids.
        subnets: SsmPath,
        /// Path of the security group id; present with [`VpcMode::SgProvisioner`].
        security_group: Option<SsmPath>,
        /// Path of the list of route table ids.
        route_tables: Option<SsmPath>,
    },
    /// Written in the config.
    Direct {
        /// The VPC.
        vpc: Field<VpcId>,
        /// Private subnets, at least one.
        subnets: FieldList<SubnetId>,
        /// Present with [`VpcMode::SgProvisioner`].
        security_group: Option<Field<SecurityGroupId>>,
        /// May be empty: then the S3 gateway endpoint has no routes.
        route_tables: FieldList<RouteTableId>,
    },
}

/// How builds run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// A managed image (`aws/codebuild/...`) or an ECR image.
    pub image: String,
    /// Such as `BUILD_GENERAL1_SMALL`.
    pub compute_type: String,
    /// After how many minutes a build is stopped, 5-2160.
    pub timeout_minutes: u16,
    /// Root access to the build host's Docker daemon, with the reason that the config gives.
    pub privileged: Option<String>,
}

/// How long things are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Pipeline artifacts, 30-90 days.
    pub artifact_days: u16,
    /// Compliance logs, a value that CloudWatch Logs accepts.
    pub log_days: u16,
}

impl Env {
    /// Every stage.
    pub const ALL: [Self; 4] = [Self::Dev, Self::Test, Self::Staging, Self::Prod];

    /// Reads it as written in configs.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|env| env.as_str() == text)
    }

    /// As written in configs and names.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Test => "test",
            Self::Staging => "staging",
            Self::Prod => "prod",
        }
    }
}

impl Tier {
    /// Every tier, the smallest first.
    pub const ALL: [Self; 3] = [Self::Starter, Self::Professional, Self::Enterprise];

    /// Reads it as written in configs.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tier| tier.as_str() == text)
    }

    /// As written in configs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starter => "starter",
            Self::Professional => "professional",
            Self::Enterprise => "enterprise",
        }
    }
}

impl Source {
    /// As written in configs.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::CodeCommit => "codecommit",
            Self::S3 { .. } => "s3",
        }
    }
}

impl From<S3Prefix> for Source {
    fn from(place: S3Prefix) -> Self {
        Self::S3 { bucket: place.bucket().to_owned(), prefix: place.prefix().to_owned() }
    }
}

impl Default for Build {
    fn default() -> Self {
        Self {
            image: "aws/codebuild/amazonlinux-x86_64-standard:5.0".to_owned(),
            compute_type: "BUILD_GENERAL1_SMALL".to_owned(),
            timeout_minutes: 60,
            privileged: None,
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self { artifact_days: 90, log_days: 365 }
    }
}

impl VpcMode {
    /// Reads it as written in configs; `sgprov` is short for `sg-provisioner`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "standalone" => Some(Self::Standalone),
            "sg-provisioner" | "sgprov" => Some(Self::SgProvisioner),
            _ => None,
        }
    }

    /// As written in scenarios.
    pub fn word(self) -> &'static str {
        match self {
            Self::Standalone => "standalone",
            Self::SgProvisioner => "sgprov",
        }
    }

    /// As written in configs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standalone => "standalone",
            Self::SgProvisioner => "sg-provisioner",
        }
    }
}

impl Config {
    /// Makes it the config of a product that is only tried out: under a workload's name of its own, and beside the real
    /// one in its VPC: without private names, and without routes to S3, of which a route table takes one (eksctl-io/eksctl
    /// issues 2510 and 4377, "already has a route with destination-prefix-list-id").
    ///
    /// # Errors
    ///
    /// When the name is none that a workload can have.
    pub fn try_out(&mut self, workload: &str) -> Result<(), FieldError> {
        let product = &mut self.ml_product;
        if let Some(name) = &product.product_name_override {
            product.product_name_override = Some(ProductName::parse(&name.cut_with_part(workload))?);
        }
        product.workload = Some(Workload::parse(workload)?);
        if let Some(vpc) = &mut product.vpc {
            vpc.endpoint_private_dns = false;
            match &mut vpc.ids {
                VpcIds::ParameterStore { route_tables, .. } => *route_tables = None,
                VpcIds::Direct { route_tables, .. } => *route_tables = Field::Known(Vec::new()),
            }
        }
        Ok(())
    }

    /// Calls `visit` with every deferred value, in the order of the struct.
    pub fn visit_deferred(&mut self, visit: &mut impl FnMut(&mut Deferred)) {
        let product = &mut self.ml_product;
        product.alerts_email.iter_mut().for_each(|field| field.visit_deferred(visit));
        if let Some(VpcIds::Direct { vpc, subnets, security_group, route_tables }) =
            product.vpc.as_mut().map(|vpc| &mut vpc.ids)
        {
            vpc.visit_deferred(visit);
            subnets.visit_each_deferred(visit);
            if let Some(field) = security_group {
                field.visit_deferred(visit);
            }
            route_tables.visit_each_deferred(visit);
        }
        product.source_kms_key_arn.iter_mut().for_each(|field| field.visit_deferred(visit));
        product.data_lake.iter_mut().for_each(|field| field.visit_deferred(visit));
        product.data_lake_kms_key_arn.iter_mut().for_each(|field| field.visit_deferred(visit));
        product.load_balancer.iter_mut().for_each(|field| field.visit_deferred(visit));
        self.tags.values_mut().for_each(|field| field.visit_deferred(visit));
    }

    /// Source control, VPC mode, id source and what else changes the shape of the stack, in one word:
    /// `{codecommit|s3}[-{standalone|sgprov}-{ssm|direct}][-workload][-rtb]`.
    pub fn scenario(&self) -> String {
        let product = &self.ml_product;
        let mut words = vec![product.source.as_str()];
        let mut routes = false;
        if let Some(vpc) = &product.vpc {
            words.push(vpc.mode.word());
            let (source, has_routes) = match &vpc.ids {
                VpcIds::ParameterStore { route_tables, .. } => ("ssm", route_tables.is_some()),
                VpcIds::Direct { route_tables, .. } => ("direct", !route_tables.is_empty()),
            };
            words.push(source);
            routes = has_routes;
        }
        if product.workload.is_some() {
            words.push("workload");
        }
        if routes {
            words.push("rtb");
        }
        words.join("-")
    }
}

/// Whether a text is a scenario as [`Config::scenario`] gives it: what stands behind `{ml_name}-` in the names of outputs. The
/// rest of a longer product name is none.
///
/// ```
/// # use mlp_product::config::is_scenario;
/// assert!(is_scenario("codecommit") && is_scenario("s3-standalone-ssm-workload-rtb"));
/// assert!(!is_scenario("ml-codecommit") && !is_scenario("") && !is_scenario("s3-rtb"));
/// ```
pub fn is_scenario(text: &str) -> bool {
    let mut words = text.split('-').peekable();
    let mut next_is = |choices: &[&str]| words.next_if(|word| choices.contains(word)).is_some();
    let source = next_is(&["codecommit", "s3"]);
    let vpc = next_is(&["standalone", "sgprov"]);
    let ids = !vpc || next_is(&["ssm", "direct"]);
    next_is(&["workload"]);
    if vpc {
        next_is(&["rtb"]);
    }
    source && ids && words.next().is_none()
}

/// Reads a config: any bytes at all give a config with its warnings, or every finding.
///
/// # Errors
///
/// All findings, warnings included, when at least one of them blocks.
pub fn load(bytes: &[u8]) -> Result<Loaded, Vec<Finding>> {
    let document = yaml::load_pasted(bytes, &Limits::config())?;
    let (config, findings) = read(&document)?;
    Ok(Loaded { config, document, findings })
}
