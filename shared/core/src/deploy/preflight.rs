//! What must be there before a change set is made, and what must not.
//!
//! What is needed follows from the config; what is there is looked up by the caller.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::actions::Suite;
use crate::codes;
use crate::config;
use crate::error::InternalError;
use crate::expand::{Lookups, ParameterPaths, Wanted};
use crate::finding::Finding;
use crate::product::Product;
use crate::template::Value;

/// What a product needs from its surroundings.
#[derive(Debug, Clone)]
pub struct Preflight {
    product: Product,
    wanted: Wanted,
    source_bucket: Option<String>,
    own_bucket: Option<String>,
}

/// A bucket, as far as the caller may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bucket {
    /// There is none of this name anywhere.
    Missing,
    /// It keeps versions.
    Versioned,
    /// It keeps none.
    Unversioned,
    /// It is there, and the caller may not look.
    Hidden,
    /// It is in another region.
    Elsewhere {
        /// Which, if S3 says so.
        region: Option<String>,
    },
}

/// The network that a product lives in, and what EC2 says of it. The state machine asks EC2 and puts the answers in here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// The VPC's id.
    pub vpc_id: String,
    /// The subnets' ids.
    pub subnet_ids: Vec<String>,
    /// The security group's id, if the product makes none of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_id: Option<String>,
    /// The route tables' ids, if the S3 endpoint gets routes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub route_table_ids: Vec<String>,
    /// The paths in Parameter Store that ids are from, by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub paths: BTreeMap<String, String>,
    /// `DescribeVpcs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpcs: Option<Seen>,
    /// `DescribeSubnets`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnets: Option<Seen>,
    /// `DescribeSecurityGroups`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Seen>,
    /// `DescribeRouteTables`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route_tables: Option<Seen>,
}

/// What EC2 answered: of the ids that were asked for those that are there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// As the API spells them.
    pub found: Vec<Json>,
}

const NETWORK: &str = "/ml_product/vpc_integration";

impl Network {
    /// What is missing, belongs to another VPC, or shares a zone. What was not looked up counts as present.
    ///
    /// An id that comes from Parameter Store is called by its path: no message contains a looked-up value.
    pub fn check(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut add = |id: &str, (direct, stored): (&str, &str), message: String, help: &str| {
            let key = if self.paths.contains_key(id) { stored } else { direct };
            findings.push(Finding::error(codes::PRE_NETWORK, format!("{NETWORK}/{key}"), message).help(help));
        };
        let missing = |name: String| format!("{name} doesn't exist in this account and region");
        let there = "name one of this account and region";
        let vpc = self.vpc_id.as_str();
        if lacks(self.vpcs.as_ref(), "VpcId", vpc) {
            let keys = ("vpc_id", "vpc_parameter_store_path");
            add(vpc, keys, missing(self.name("the VPC", vpc, None)), there);
        }
        let of_list = |position: usize, ids: &[String]| (ids.len() > 1).then_some(position + 1);
        let mut zones: BTreeMap<&str, String> = BTreeMap::new();
        for (position, id) in self.subnet_ids.iter().enumerate() {
            let Some(seen) = &self.subnets else { break };
            let keys = ("subnet_ids", "subnet_parameter_store_path");
            let name = self.name("the subnet", id, of_list(position, &self.subnet_ids));
            let Some(subnet) = seen.find("SubnetId", id) else {
                add(id, keys, missing(name), there);
                continue;
            };
            let text = |key: &str| subnet.get(key).and_then(Json::as_str).unwrap_or_default();
            if text("VpcId") != vpc {
                let message = self.elsewhere(&name, id, text("VpcId"));
                add(id, keys, message, "name subnets of the product's VPC");
            }
            let zone = text("AvailabilityZone");
            if let Some(other) = zones.insert(zone, name.clone()) {
                let message =
                    format!("{other} and {name} are both in `{zone}`; an endpoint takes one a zone");
                add(id, keys, message, "name subnets of different availability zones");
            }
        }
        if let (Some(id), Some(seen)) = (&self.group_id, &self.groups) {
            let keys = ("security_group_id", "sg_parameter_store_path");
            let name = self.name("the security group", id, None);
            match seen.find("GroupId", id).map(|it| it.get("VpcId").and_then(Json::as_str)) {
                None => add(id, keys, missing(name), "name a security group of the product's VPC"),
                Some(Some(other)) if other != vpc => {
                    let message = self.elsewhere(&name, id, other);
                    add(id, keys, message, "name a security group of the product's VPC");
                }
                Some(_) => {}
            }
        }
        for (position, id) in self.route_table_ids.iter().enumerate() {
            let Some(seen) = &self.route_tables else { break };
            let keys = ("route_table_ids", "route_table_parameter_store_path");
            let name = self.name("the route table", id, of_list(position, &self.route_table_ids));
            let message = match seen.find("RouteTableId", id).map(|it| it.get("VpcId").and_then(Json::as_str))
            {
                None => missing(name),
                Some(Some(other)) if other != vpc => self.elsewhere(&name, id, other),
                Some(_) => continue,
            };
            add(id, keys, message, "name route tables of the product's VPC");
        }
        findings
    }

    /// What a message calls an id: itself, or its place in Parameter Store. `position` counts from 1 in a list.
    fn name(&self, what: &str, id: &str, position: Option<usize>) -> String {
        match (self.paths.get(id), position) {
            (None, _) => format!("{what} `{id}`"),
            (Some(path), None) => format!("{what} in the SSM parameter `{path}`"),
            (Some(path), Some(position)) => {
                format!("{what} at position {position} in the SSM parameter `{path}`")
            }
        }
    }

    /// Something that belongs to another VPC than the product.
    fn elsewhere(&self, name: &str, id: &str, other: &str) -> String {
        match self.paths.get(id) {
            None => format!("{name} is in `{other}`, not in `{}`", self.vpc_id),
            Some(_) => format!("{name} is not in the product's VPC"),
        }
    }
}

/// The role that CloudFormation takes on, and what IAM says of it. The state machine asks IAM and puts the answer in here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its name, without its path.
    pub name: String,
    /// Its trust policy: `GetRole`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Trust>,
    /// The error output of that call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Json>,
}

/// What IAM answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trust {
    /// The trust policy as JSON, which IAM hands out percent-encoded.
    pub policy: Json,
}

impl Role {
    /// The role of an ARN, `arn:<partition>:iam::<account>:role/<path><name>`; nothing for anything else.
    ///
    /// ```
    /// # use mlp_core::deploy::preflight::Role;
    /// let role = Role::of("arn:aws:iam::123456789012:role/service/deployer").unwrap();
    /// assert_eq!(role.name, "deployer");
    /// ```
    pub fn of(arn: &str) -> Option<Self> {
        let (_, path) = arn.split_once(":role/")?;
        let name = path.rsplit('/').next().filter(|name| !name.is_empty())?;
        Some(Self { name: name.to_owned(), ..Self::default() })
    }

    /// Whether CloudFormation may take it on. That it could not be looked at is a warning: then the order of the change set
    /// tells.
    pub fn check(&self) -> Option<Finding> {
        const SERVICE: &str = "cloudformation.amazonaws.com";
        let name = &self.name;
        if let Some(refused) = &self.refused {
            let text = |key: &str| refused.get(key).and_then(Json::as_str).unwrap_or_default();
            if text("Error").contains("NoSuchEntity") {
                let message = format!("there is no role `{name}`, which CloudFormation is to take on");
                let help = "create it, or set the suite's parameter `ServiceRoleArn` to one that is there";
                return Some(Finding::error(codes::PRE_ROLE, "", message).help(help));
            }
            let why = format!("{} {}", text("Error"), crate::expand::shortened(text("Cause"), 300));
            let message = format!("the service role `{name}` could not be looked at: {}", why.trim());
            let help = "allow `iam:GetRole` on it to the role of the state machine";
            return Some(Finding::warning(codes::PRE_ROLE, "", message).help(help));
        }
        let policy = &self.seen.as_ref()?.policy;
        let decoded = match policy.as_str() {
            Some(text) => {
                let text = percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
                serde_json::from_str(&text).unwrap_or_default()
            }
            None => policy.clone(),
        };
        let statements = match decoded.get("Statement") {
            Some(Json::Array(all)) => all.as_slice(),
            Some(one) => std::slice::from_ref(one),
            None => &[],
        };
        let trusts = |statement: &Json| {
            let has = |value: Option<&Json>, wanted: &[&str]| match value {
                Some(Json::String(text)) => wanted.iter().any(|it| it.eq_ignore_ascii_case(text)),
                Some(Json::Array(all)) => all
                    .iter()
                    .filter_map(Json::as_str)
                    .any(|text| wanted.iter().any(|it| it.eq_ignore_ascii_case(text))),
                _ => false,
            };
            let principal = statement.get("Principal");
            statement.get("Effect").and_then(Json::as_str) == Some("Allow")
                && has(statement.get("Action"), &["sts:AssumeRole", "sts:*", "*"])
                && (has(principal, &["*"])
                    || has(principal.and_then(|it| it.get("Service")), &[SERVICE, "*"]))
        };
        if statements.iter().any(trusts) {
            return None;
        }
        let message = format!(
            "the service role `{name}` doesn't trust `{SERVICE}`, so CloudFormation can't take it on"
        );
        let help = "add a statement to its trust policy: Effect Allow, Action sts:AssumeRole, Principal Service \
                    cloudformation.amazonaws.com";
        Some(Finding::error(codes::PRE_ROLE, "", message).help(help))
    }
}

impl Seen {
    fn find(&self, key: &str, id: &str) -> Option<&Json> {
        self.found.iter().find(|it| it.get(key).and_then(Json::as_str) == Some(id))
    }
}

fn lacks(seen: Option<&Seen>, key: &str, id: &str) -> bool {
    seen.is_some_and(|seen| seen.find(key, id).is_none())
}

impl Preflight {
    /// What the product of a config needs; nothing for a config with mistakes. `test` is the workload of a `test-deploy`.
    ///
    /// # Errors
    ///
    /// Only for our own defects.
    pub fn of(config: &[u8], test: Option<&str>) -> Result<Option<Self>, InternalError> {
        let (_, product) = crate::actions::deployed_product("preflight", config, &Suite::default(), test)?;
        let (Some(product), Ok(loaded)) = (product, config::load(config)) else { return Ok(None) };
        let source_bucket = match &product.source {
            config::Source::S3 { bucket, .. } => Some(bucket.clone()),
            config::Source::CodeCommit => None,
        };
        let own_bucket = product.of_type("AWS::S3::Bucket").and_then(|id| product.physical_name(id).ok());
        Ok(Some(Self { wanted: Wanted::of(&loaded.config), product, source_bucket, own_bucket }))
    }

    /// Leaves out the SSM paths that the suite doesn't allow, with a finding for each: they are never looked up.
    pub fn within(&mut self, paths: &ParameterPaths) -> Vec<Finding> {
        let findings = self.wanted.within(paths).into_iter();
        findings.map(|finding| Finding { code: codes::PRE_SSM, ..finding }).collect()
    }

    /// The SSM parameters that the stack reads.
    pub fn ssm_paths(&self) -> Vec<String> {
        self.wanted.paths().map(str::to_owned).collect()
    }

    /// The bucket that the pipelines read from, if it isn't the product's own business.
    pub fn source_bucket(&self) -> Option<&str> {
        self.source_bucket.as_deref()
    }

    /// The bucket that the stack makes.
    pub fn own_bucket(&self) -> Option<&str> {
        self.own_bucket.as_deref()
    }

    /// SSM parameters that are missing, or whose value has not the shape that its use requires.
    pub fn check_parameters(&self, found: &Lookups) -> Vec<Finding> {
        let findings = self.wanted.put_into(&mut self.product.clone(), found);
        let named = |finding: Finding| {
            Finding { code: codes::PRE_SSM, ..finding }
                .help("store it with `aws ssm put-parameter`, or name another path in the config")
        };
        findings.into_iter().map(named).collect()
    }

    /// The network, with the ids that Parameter Store holds now; nothing for a product without one, or with paths that can't
    /// be read.
    pub fn network(&self, found: &Lookups) -> Option<Network> {
        let mut product = self.product.clone();
        if !self.wanted.put_into(&mut product, found).is_empty() {
            return None;
        }
        let vpc = product.inputs.vpc?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let Value::List(subnets) = &vpc.subnet_ids else { return None };
        let paths = found.iter().filter_map(|(path, value)| Some((path, value.as_ref().ok()?)));
        let paths = paths
            .flat_map(|(path, value)| value.split(',').map(move |id| (id.trim().to_owned(), path.clone())));
        Some(Network {
            vpc_id: text(&vpc.vpc_id)?,
            subnet_ids: subnets.iter().filter_map(text).collect(),
            group_id: vpc.security_group_id.as_ref().and_then(text),
            route_table_ids: match &vpc.route_table_ids {
                Some(Value::List(ids)) => ids.iter().filter_map(text).collect(),
                _ => Vec::new(),
            },
            paths: paths
                .filter(|(id, _)| ["vpc-", "subnet-", "sg-", "rtb-"].iter().any(|it| id.starts_with(it)))
                .collect(),
            ..Network::default()
        })
    }

    /// Sources and data that would be in the suite's own bucket, whatever it is called. No message contains a looked-up
    /// value.
    pub fn check_suite_bucket(&self, suite: &str, found: &Lookups) -> Vec<Finding> {
        let finding = |path: &str, message: String| {
            Finding::error(codes::RESERVED_BUCKET, path, message).help("name another bucket")
        };
        let source = (self.source_bucket.as_deref() == Some(suite)).then(|| {
            finding(
                "/ml_product/s3_prefix",
                format!("`{suite}` is the suite's own bucket, so it can't hold the sources"),
            )
        });
        let lake = self.wanted.data_lake().filter(|path| {
            found.get(*path).is_some_and(|value| value.as_deref().is_ok_and(|name| name.trim() == suite))
        });
        let lake = lake.map(|path| {
            finding(
                "/ml_product/data_lake",
                format!("the SSM parameter `{path}` holds the name of the suite's own bucket, which is no data lake"),
            )
        });
        source.into_iter().chain(lake).collect()
    }

    /// The bucket of the sources. It may be filled after the deployment, so this is a warning.
    pub fn check_source(&self, bucket: &Bucket) -> Option<Finding> {
        let name = self.source_bucket.as_deref()?;
        let (message, help) = match bucket {
            Bucket::Versioned | Bucket::Hidden => return None,
            Bucket::Missing => (
                format!("there is no bucket `{name}`, which the pipelines read from"),
                "create it with versioning, and put the sources there",
            ),
            Bucket::Unversioned => (
                format!(
                    "the bucket `{name}` keeps no versions; a pipeline can't tell a new source from an old one"
                ),
                "switch versioning on: `aws s3api put-bucket-versioning`",
            ),
            // Source: AWS CodePipeline User Guide, "Add a cross-Region action in CodePipeline".
            Bucket::Elsewhere { region } => (
                format!(
                    "the bucket `{name}` is {}; a pipeline takes sources from its own only",
                    in_region(region.as_deref())
                ),
                "name a bucket of the product's region; S3 can replicate the sources into it",
            ),
        };
        Some(Finding::warning(codes::PRE_SOURCE_BUCKET, "/ml_product/s3_prefix", message).help(help))
    }

    /// The name of the product's own bucket, when there is no stack yet: nobody must have it.
    pub fn check_collision(&self, bucket: &Bucket) -> Option<Finding> {
        let name = self.own_bucket.as_deref()?;
        let message = match bucket {
            Bucket::Missing => return None,
            Bucket::Elsewhere { region } => format!(
                "there is a bucket `{name}` already, {}: without `environment.multi_region` the same product has the same \
                 global names in every region",
                in_region(region.as_deref())
            ),
            Bucket::Versioned | Bucket::Unversioned | Bucket::Hidden => {
                format!("there is a bucket `{name}` already, and no stack of this product in this region")
            }
        };
        let help = "if the product stands in another region, set `environment.multi_region: true` here; if the bucket was \
                    left behind, delete it; otherwise give the product another use case or workload";
        Some(Finding::error(codes::PRE_COLLISION, "/environment/region", message).help(help))
    }
}

fn in_region(region: Option<&str>) -> String {
    region.map_or_else(|| "in another region".to_owned(), |region| format!("in `{region}`"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn example(name: &str) -> Preflight {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../configs/examples");
        let config = std::fs::read(format!("{folder}/{name}")).unwrap();
        Preflight::of(&config, None).unwrap().unwrap()
    }

    #[test]
    fn every_missing_parameter_is_named_with_its_path_and_its_place_in_the_config() {
        let preflight = example(
            "enterprise/globalbank-prod-c001-us-west-2-demand-forecasting-ml-codecommit-sgprov-ssm.yaml",
        );
        let paths = preflight.ssm_paths();
        assert!(paths.len() >= 3, "{paths:?}");
        let mut found: Lookups =
            paths.iter().map(|path| (path.clone(), Err("there is none".to_owned()))).collect();
        let findings = preflight.check_parameters(&found);
        assert_eq!(findings.len(), paths.len());
        for (finding, path) in findings.iter().zip(&paths) {
            assert!(
                finding.message.contains(path.as_str()) && finding.path.ends_with("_parameter_store_path")
            );
        }
        found.insert(paths[0].clone(), Ok("subnet-0123456789abcdef0".to_owned()));
        let wrong = preflight.check_parameters(&found);
        assert!(wrong[0].message.contains("but must hold"), "{}", wrong[0].message);
    }

    #[test]
    fn a_path_outside_of_what_the_suite_allows_is_refused_and_never_looked_up() {
        let mut preflight = example(
            "enterprise/globalbank-prod-c001-us-west-2-demand-forecasting-ml-codecommit-sgprov-ssm.yaml",
        );
        assert_eq!(preflight.within(&ParameterPaths::parse("/vpc/*,/sg/*,/s3/*,/lb/*,/ml/*")), []);
        let all = preflight.ssm_paths();
        let findings = preflight.within(&ParameterPaths::parse("/vpc/*,/s3/*"));
        assert_eq!(
            findings.iter().map(|it| (it.code.as_str(), it.path.as_str())).collect::<Vec<_>>(),
            [("MLP-PRE-001", "/ml_product/vpc_integration/sg_parameter_store_path")]
        );
        assert_eq!(
            findings[0].message,
            "the SSM path `/sg/ml/SecurityGroupId` is outside of the suite's `ParameterPaths`; allowed is a path like \
             `/vpc/*` or `/s3/*`"
        );
        assert_eq!(preflight.ssm_paths().len(), all.len() - 1);
    }

    #[test]
    fn a_data_lake_and_a_load_balancer_must_be_what_policies_and_builds_take_them_for() {
        let config = std::fs::read(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/golden/products/starter-data-lake-and-load-balancer.yaml"
        ));
        let preflight = Preflight::of(&config.unwrap(), None).unwrap().unwrap();
        let paths = preflight.ssm_paths();
        let (lake, balancer) = ("/s3/lake/BucketName", "/lb/ml/LoadBalancerArn");
        let wrong = |path: &str, value: &str| {
            assert!(paths.iter().any(|it| it == path), "{paths:?}");
            let found = Lookups::from([(path.to_owned(), Ok(value.to_owned()))]);
            let findings = preflight.check_parameters(&found);
            let of_path = format!("the SSM parameter `{path}` ");
            findings.into_iter().find(|it| it.message.starts_with(&of_path)).map(|it| it.message)
        };
        for good in ["globalbank-data-lake", "a.b-3"] {
            assert_eq!(wrong(lake, good), None, "{good}");
        }
        for bad in [
            "*",
            "bucket/*",
            "arn:aws:s3:::lake",
            "Lake",
            "hunter2 secret",
            "",
            "a",
            "globalbank-prod-c001-fraud-ml-artifacts",
            "mlp-123456789012-us-west-2",
        ] {
            let message = wrong(lake, bad).unwrap_or_else(|| panic!("`{bad}` is no bucket"));
            assert!(message.contains("but must hold the name of an S3 bucket"), "{message}");
            assert!(bad.len() < 2 || !message.contains(bad), "{message}");
        }
        for good in [
            "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/ml/0123456789abcdef",
            "arn:aws-cn:elasticloadbalancing:cn-north-1:123456789012:loadbalancer/net/ml-1/0123456789abcdef",
            "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/classic",
        ] {
            assert_eq!(wrong(balancer, good), None, "{good}");
        }
        for bad in [
            "*",
            "ml-balancer",
            "arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/ml/0123456789abcdef",
            "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/*/0123456789abcdef",
            "arn:aws:s3:::lake",
            "arn:aws:elasticloadbalancing:*:123456789012:loadbalancer/app/ml/0123456789abcdef",
        ] {
            let message = wrong(balancer, bad).unwrap_or_else(|| panic!("`{bad}` is no load balancer"));
            let length = format!("holds a value of {} character", bad.len());
            assert!(message.contains(&length) && message.contains("the ARN of a load balancer"), "{message}");
            assert!(bad == "*" || !message.contains(bad), "{message}");
        }
    }

    #[test]
    fn sources_and_data_are_in_no_bucket_of_the_suite() {
        let preflight = example("starter/techcorp-prod-a001-us-west-2-customer-churn-ml-s3.yaml");
        let none = Lookups::new();
        let paths = |findings: Vec<Finding>| findings.into_iter().map(|it| it.path).collect::<Vec<_>>();
        assert_eq!(
            paths(preflight.check_suite_bucket("techcorp-ml-sources", &none)),
            ["/ml_product/s3_prefix"]
        );
        assert_eq!(paths(preflight.check_suite_bucket("techcorp-ml-source", &none)), [""; 0]);

        let config = std::fs::read(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/golden/products/starter-data-lake-and-load-balancer.yaml"
        ));
        let preflight = Preflight::of(&config.unwrap(), None).unwrap().unwrap();
        let holding = |name: &str| Lookups::from([("/s3/lake/BucketName".to_owned(), Ok(name.to_owned()))]);
        let found = preflight.check_suite_bucket("acme-platform", &holding("acme-platform"));
        assert!(!found[0].message.contains("acme-platform"), "{}", found[0].message);
        assert_eq!(paths(found), ["/ml_product/data_lake"]);
        assert_eq!(paths(preflight.check_suite_bucket("acme-platform", &holding("acme-lake"))), [""; 0]);
    }

    #[test]
    fn no_message_contains_a_value_of_parameter_store() {
        let preflight = example(
            "enterprise/globalbank-prod-c001-us-west-2-demand-forecasting-ml-codecommit-sgprov-ssm.yaml",
        );
        let secret = "hunter2,correct horse,battery\u{202e}staple";
        let found = preflight.ssm_paths().into_iter().map(|path| (path, Ok(secret.to_owned()))).collect();
        let findings = preflight.check_parameters(&found);
        assert!(findings.len() >= 3);
        let text = serde_json::to_string(&findings).unwrap();
        for part in secret.split(',') {
            assert!(!text.contains(part), "{text}");
        }
        assert!(
            text.contains("a list of 3 values with 36 characters in all, of which entry 1 doesn't fit"),
            "{text}"
        );
        assert!(text.contains("`vpc-` and 8 or 17 hexadecimal digits"), "{text}");

        // What EC2 says of ids that have the right shape names the path and the place in the list.
        let ids = |path: &str| match path {
            _ if path.contains("Subnet") => "subnet-0123456789abcdef0,subnet-0fedcba9876543210",
            _ if path.contains("VPC") => "vpc-0123456789abcdef0",
            _ => "sg-0123456789abcdef0",
        };
        let found = preflight.ssm_paths().into_iter().map(|path| (path.clone(), Ok(ids(&path).to_owned())));
        let mut network = preflight.network(&found.collect()).unwrap();
        let zone =
            |id: &String| json!({"SubnetId": id, "VpcId": "vpc-other", "AvailabilityZone": "us-west-2a"});
        let subnets = network.subnet_ids.iter().map(zone).collect();
        network.subnets = Some(Seen { found: subnets });
        (network.vpcs, network.groups) = (Some(Seen::default()), Some(Seen::default()));
        let text = serde_json::to_string(&network.check()).unwrap();
        for id in ["vpc-0", "vpc-other", "subnet-0", "sg-0"] {
            assert!(!text.contains(id), "{text}");
        }
        for part in [
            "the VPC in the SSM parameter `/vpc/main/VPCId` doesn't exist",
            "the subnet at position 2 in the SSM parameter `/vpc/main/PrivateSubnetIds` is not in the product's VPC",
            "the security group in the SSM parameter `/sg/ml/SecurityGroupId` doesn't exist",
            "are both in `us-west-2a`",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn a_network_is_looked_at_as_a_whole_and_mistakes_name_id_place_and_path() {
        let direct = example(
            "enterprise/globalbank-prod-c001-us-west-2-demand-forecasting-ml-codecommit-sgprov-direct.yaml",
        );
        let mut network = direct.network(&Lookups::new()).unwrap();
        assert!(network.subnet_ids.len() >= 2 && network.group_id.is_some());
        assert_eq!(network.check(), [], "nothing was asked yet");
        let seen = |found: Vec<Json>| Some(Seen { found });
        let (vpc, group) = (network.vpc_id.clone(), network.group_id.clone().unwrap());
        let subnets = |vpc: &str, zones: [&str; 2]| {
            let both = network.subnet_ids.iter().zip(zones);
            both.map(|(id, zone)| json!({"SubnetId": id, "VpcId": vpc, "AvailabilityZone": zone}))
                .collect::<Vec<_>>()
        };
        let (good, elsewhere, crowded) =
            (subnets(&vpc, ["a", "b"]), subnets("vpc-other", ["a", "b"]), subnets(&vpc, ["a", "a"]));
        network.vpcs = seen(vec![json!({"VpcId": vpc})]);
        network.groups = seen(vec![json!({"GroupId": group, "VpcId": vpc})]);
        network.subnets = seen(good);
        assert_eq!(network.check(), []);
        let told = |network: &Network| {
            network.check().iter().map(|it| format!("{} {}", it.path, it.message)).collect::<Vec<_>>()
        };
        network.subnets = seen(elsewhere);
        assert!(told(&network).iter().all(|it| it.contains("/subnet_ids") && it.contains("vpc-other")));
        network.subnets = seen(crowded);
        assert!(told(&network)[0].contains("one a zone"), "{:?}", told(&network));
        (network.vpcs, network.subnets, network.groups) = (seen(vec![]), seen(vec![]), seen(vec![]));
        assert_eq!(network.check().len(), 2 + network.subnet_ids.len());
        network.paths.insert(vpc.clone(), "/net/vpc".to_owned());
        let first = &network.check()[0];
        assert!(
            first.path.ends_with("vpc_parameter_store_path") && first.message.contains("`/net/vpc`"),
            "{first:?}"
        );

        let stored = example(
            "enterprise/globalbank-prod-c001-us-west-2-demand-forecasting-ml-codecommit-sgprov-ssm.yaml",
        );
        assert_eq!(stored.network(&Lookups::new()), None);
        let found = stored.ssm_paths().into_iter().map(|path| {
            let name = path.to_lowercase();
            let value = if name.contains("subnet") {
                "subnet-0123456789abcdef0,subnet-0fedcba9876543210"
            } else if name.contains("vpcid") {
                "vpc-0123456789abcdef0"
            } else if name.contains("security") {
                "sg-0123456789abcdef0"
            } else {
                "rtb-0123456789abcdef0"
            };
            (path, Ok(value.to_owned()))
        });
        let network = stored.network(&found.collect());
        if let Some(network) = network {
            assert_eq!(network.paths.len(), 4 + network.route_table_ids.len(), "{:?}", network.paths);
        } else {
            panic!("{:?}", stored.ssm_paths());
        }
    }

    #[test]
    fn a_route_table_of_another_vpc_or_of_none_is_told() {
        let table = |vpc: &str| json!({"RouteTableId": "rtb-1", "VpcId": vpc});
        let of = |found: Option<Vec<Json>>| Network {
            vpc_id: "vpc-1".to_owned(),
            route_table_ids: vec!["rtb-1".to_owned()],
            route_tables: found.map(|found| Seen { found }),
            ..Network::default()
        };
        assert_eq!(of(None).check(), [], "nothing was asked yet");
        assert_eq!(of(Some(vec![table("vpc-1")])).check(), []);
        for (found, wanted) in
            [(vec![], "the route table `rtb-1` doesn't exist"), (vec![table("vpc-2")], "is in `vpc-2`")]
        {
            let finding = &of(Some(found)).check()[0];
            assert!(
                finding.message.contains(wanted) && finding.path.ends_with("/route_table_ids"),
                "{finding:?}"
            );
        }
    }

    #[test]
    fn a_role_is_one_that_cloudformation_may_take_on() {
        let role = |policy: Json| Role { name: "r".to_owned(), seen: Some(Trust { policy }), refused: None };
        let statement = |effect: &str, action: Json, principal: Json| json!({"Statement": [{"Effect": effect, "Action": action, "Principal": principal}]});
        let service = json!({"Service": "cloudformation.amazonaws.com"});
        let good = statement("Allow", json!("sts:AssumeRole"), service.clone());
        // As IAM hands it out.
        let text = good.to_string();
        let encoded = percent_encoding::percent_encode(text.as_bytes(), percent_encoding::NON_ALPHANUMERIC);
        for policy in [
            good,
            json!(encoded.to_string()),
            statement(
                "Allow",
                json!(["sts:TagSession", "sts:assumerole"]),
                json!({"Service": ["a", "cloudformation.amazonaws.com"]}),
            ),
            statement("Allow", json!("sts:*"), json!("*")),
            json!({"Statement": {"Effect": "Allow", "Action": "*", "Principal": service}}),
        ] {
            assert_eq!(role(policy.clone()).check(), None, "{policy}");
        }
        for policy in [
            statement("Deny", json!("sts:AssumeRole"), service.clone()),
            statement("Allow", json!("sts:TagSession"), service),
            statement("Allow", json!("sts:AssumeRole"), json!({"Service": "lambda.amazonaws.com"})),
            statement("Allow", json!("sts:AssumeRole"), json!({"AWS": "arn:aws:iam::123456789012:root"})),
            json!("no policy"),
            json!({}),
        ] {
            let finding = role(policy.clone()).check().unwrap_or_else(|| panic!("{policy}"));
            assert_eq!(finding.severity, crate::finding::Severity::Error);
            assert!(finding.message.contains("doesn't trust"), "{finding:?}");
        }
        let refused = |error: &str| Role {
            refused: Some(json!({"Error": error, "Cause": "why"})),
            name: "r".to_owned(),
            seen: None,
        };
        let gone = refused("Iam.NoSuchEntityException").check().unwrap();
        assert_eq!(gone.severity, crate::finding::Severity::Error);
        let denied = refused("Iam.IamException").check().unwrap();
        assert_eq!(denied.severity, crate::finding::Severity::Warning);
        assert!(denied.message.contains("why") && denied.help.unwrap().contains("iam:GetRole"));
        assert_eq!(Role::default().check(), None, "nothing was asked yet");
        assert_eq!(Role::of("arn:aws:iam::123456789012:user/x"), None);
    }

    #[test]
    fn a_source_bucket_is_a_warning_and_a_taken_name_an_error() {
        let preflight = example("starter/techcorp-prod-a001-us-west-2-customer-churn-ml-s3.yaml");
        assert!(preflight.source_bucket().is_some());
        assert_eq!(preflight.check_source(&Bucket::Versioned), None);
        let elsewhere = Bucket::Elsewhere { region: Some("eu-west-1".to_owned()) };
        for (bucket, wanted) in [
            (&Bucket::Missing, "there is no bucket"),
            (&Bucket::Unversioned, "keeps no versions"),
            (&elsewhere, "is in `eu-west-1`"),
            (&Bucket::Elsewhere { region: None }, "is in another region"),
        ] {
            let finding = preflight.check_source(bucket).unwrap();
            assert_eq!(finding.severity, crate::finding::Severity::Warning);
            assert!(finding.message.contains(wanted), "{finding:?}");
        }
        assert_eq!(preflight.own_bucket(), Some("techcorp-prod-a001-customer-churn-ml-artifacts"));
        assert_eq!(preflight.check_collision(&Bucket::Missing), None);
        for bucket in [&Bucket::Versioned, &Bucket::Unversioned, &Bucket::Hidden, &elsewhere] {
            let finding = preflight.check_collision(bucket).unwrap();
            assert_eq!(finding.severity, crate::finding::Severity::Error);
            assert!(finding.help.unwrap().contains("multi_region"));
            assert_eq!(finding.message.contains("eu-west-1"), *bucket == elsewhere, "{}", finding.message);
        }
    }
}
