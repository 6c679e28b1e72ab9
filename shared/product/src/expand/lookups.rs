//! Values that a product takes from SSM Parameter Store when the macro runs.

use std::collections::BTreeMap;

use mlp_template::codes;
use mlp_template::finding::Finding;
use mlp_template::template::Value;

use super::paths::ParameterPaths;
use crate::config::{
    BucketName, Config, Field, LoadBalancerArn, RouteTableId, SecurityGroupId, SsmPath, SubnetId, VpcId,
    VpcIds, reserved_bucket,
};
use crate::product::{Inputs, Product};

/// SSM parameter path to what was found there: the value (of a `StringList` the comma-separated text), or why there is
/// none, in words for the user.
pub type Lookups = BTreeMap<String, Result<String, String>>;

/// What a product's inputs still need.
#[derive(Debug, Clone, Default)]
pub struct Wanted(Vec<WantedValue>);

/// A value of SSM Parameter Store that a product takes.
#[derive(Debug, Clone)]
struct WantedValue {
    path: String,
    shape: Shape,
}

/// What a looked-up value must be. Every value that gets into a policy, a property or a variable has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Vpc,
    Subnets,
    SecurityGroup,
    RouteTables,
    Bucket,
    LoadBalancer,
}

impl Wanted {
    /// Everything that a config takes from SSM.
    pub fn of(config: &Config) -> Self {
        let mut wanted = Vec::new();
        let mut add = |path: Option<&SsmPath>, shape| {
            wanted.extend(path.map(|path| WantedValue { path: path.to_string(), shape }));
        };
        if let Some(VpcIds::ParameterStore { vpc, subnets, security_group, route_tables }) =
            config.ml_product.vpc.as_ref().map(|vpc| &vpc.ids)
        {
            add(Some(vpc), Shape::Vpc);
            add(Some(subnets), Shape::Subnets);
            add(security_group.as_ref(), Shape::SecurityGroup);
            add(route_tables.as_ref(), Shape::RouteTables);
        }
        add(config.ml_product.data_lake.as_ref().and_then(Field::known), Shape::Bucket);
        add(config.ml_product.load_balancer.as_ref().and_then(Field::known), Shape::LoadBalancer);
        Self(wanted)
    }

    /// Leaves out the paths that the suite doesn't allow, with a finding for each. The findings' paths point into the
    /// config.
    pub fn within(&mut self, paths: &ParameterPaths) -> Vec<Finding> {
        let outside = self.0.extract_if(.., |wanted| !paths.allows(&wanted.path));
        let finding = |WantedValue { path, shape }: WantedValue| {
            let message = format!(
                "the SSM path `{path}` is outside of the suite's `ParameterPaths`; allowed is a path like {}",
                paths.words()
            );
            Finding::error(codes::MAC_LOOKUP, shape.pointer(), message).help(
                "store the value under an allowed path, or ask the suite's operator to add the path to the parameter \
                 `ParameterPaths`",
            )
        };
        outside.map(finding).collect()
    }

    /// The paths.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|wanted| wanted.path.as_str())
    }

    /// The path of the data lake's bucket.
    pub fn data_lake(&self) -> Option<&str> {
        self.0.iter().find(|wanted| wanted.shape == Shape::Bucket).map(|wanted| wanted.path.as_str())
    }

    /// Puts the values into a product in place of the template parameters that a generated template would have.
    /// The findings' paths point into the config. No finding contains a value.
    pub fn put_into(&self, product: &mut Product, lookups: &Lookups) -> Vec<Finding> {
        let mut findings = Vec::new();
        for WantedValue { path, shape } in &self.0 {
            let found = match lookups.get(path) {
                Some(Ok(value)) => shape.read(value).map_err(|Misfit { found, allowed }| {
                    format!("the SSM parameter `{path}` holds {found}, but must hold {allowed}")
                }),
                Some(Err(why)) => Err(format!("the SSM parameter `{path}` can't be read: {why}")),
                None => Err(format!("the SSM parameter `{path}` was not looked up")),
            };
            match found {
                Ok(value) => shape.put(&mut product.inputs, value),
                Err(message) => findings.push(Finding::error(codes::MAC_LOOKUP, shape.pointer(), message)),
            }
        }
        // A macro's answer can bring template parameters, but nobody could give them values.
        product.inputs.parameters.clear();
        findings
    }
}

/// A value that has not the shape that its use requires. The value itself is left out: it may be anything that somebody
/// stores in the account.
struct Misfit {
    /// How many values there are, and how long they are.
    found: String,
    /// What is allowed, in words.
    allowed: &'static str,
}

impl Shape {
    /// The field of the config that has the path.
    fn pointer(self) -> &'static str {
        match self {
            Self::Vpc => "/ml_product/vpc_integration/vpc_parameter_store_path",
            Self::Subnets => "/ml_product/vpc_integration/subnet_parameter_store_path",
            Self::SecurityGroup => "/ml_product/vpc_integration/sg_parameter_store_path",
            Self::RouteTables => "/ml_product/vpc_integration/route_table_parameter_store_path",
            Self::Bucket => "/ml_product/data_lake",
            Self::LoadBalancer => "/ml_product/load_balancer",
        }
    }

    /// The shape of the value that a template may have itself in place of the path.
    fn of_path_or_value(pointer: &str) -> Option<Self> {
        [Self::Bucket, Self::LoadBalancer].into_iter().find(|shape| shape.pointer() == pointer)
    }

    fn put(self, inputs: &mut Inputs, value: Value) {
        match (self, &mut inputs.vpc) {
            (Self::Vpc, Some(vpc)) => vpc.vpc_id = value,
            (Self::Subnets, Some(vpc)) => vpc.subnet_ids = value,
            (Self::SecurityGroup, Some(vpc)) => vpc.security_group_id = Some(value),
            (Self::RouteTables, Some(vpc)) => vpc.route_table_ids = Some(value),
            (Self::Bucket, _) => inputs.data_lake_bucket = Some(value),
            (Self::LoadBalancer, _) => inputs.load_balancer_arn = Some(value),
            (_, None) => {}
        }
    }

    /// What is allowed, in words.
    fn allowed(self) -> &'static str {
        match self {
            Self::Vpc => VpcId::ALLOWED,
            Self::SecurityGroup => SecurityGroupId::ALLOWED,
            Self::Bucket => {
                "the name of an S3 bucket: 3-63 lower-case letters, digits, dots and hyphens; no artifacts bucket of a \
                 product (`...-ml-artifacts`) and no bucket of a suite (`mlp-<account>-<region>`)"
            }
            Self::LoadBalancer => LoadBalancerArn::ALLOWED,
            Self::Subnets => {
                "a list of subnet ids: `subnet-` and 8 or 17 hexadecimal digits in lower case, with commas between them"
            }
            Self::RouteTables => {
                "a list of route table ids: `rtb-` and 8 or 17 hexadecimal digits in lower case, with commas between them"
            }
        }
    }

    /// Whether one value, or one entry of a list, has this shape.
    fn fits(self, value: &str) -> bool {
        match self {
            Self::Vpc => VpcId::parse(value).is_ok(),
            Self::Subnets => SubnetId::parse(value).is_ok(),
            Self::SecurityGroup => SecurityGroupId::parse(value).is_ok(),
            Self::RouteTables => RouteTableId::parse(value).is_ok(),
            Self::Bucket => BucketName::parse(value).is_ok() && reserved_bucket(value).is_none(),
            Self::LoadBalancer => LoadBalancerArn::parse(value).is_ok(),
        }
    }

    fn is_list(self) -> bool {
        matches!(self, Self::Subnets | Self::RouteTables)
    }

    fn read(self, text: &str) -> Result<Value, Misfit> {
        let text = text.trim();
        let misfit = |found| Misfit { found, allowed: self.allowed() };
        if !self.is_list() {
            return if self.fits(text) { Ok(Value::str(text)) } else { Err(misfit(described(text))) };
        }
        let items: Vec<&str> = entries(text).collect();
        match items.iter().position(|item| !self.fits(item)) {
            None if items.is_empty() => Err(misfit(described(text))),
            None => Ok(Value::list(items.into_iter().map(Value::str))),
            Some(0) if items.len() == 1 => Err(misfit(described(text))),
            Some(index) => {
                Err(misfit(format!("{}, of which entry {} doesn't fit", described(text), index + 1)))
            }
        }
    }
}

fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// How many values a text holds and how long it is. It says nothing of what stands in it.
fn described(text: &str) -> String {
    let characters = match text.chars().count() {
        0 => return "nothing but blanks".to_owned(),
        1 => "1 character".to_owned(),
        count => format!("{count} characters"),
    };
    match entries(text).count() {
        0 | 1 => format!("a value of {characters}"),
        count => format!("a list of {count} values with {characters} in all"),
    }
}

/// Why a value that stands in a template can't be used at a property that takes a path or a value; nothing when it can.
pub(super) fn misfit(pointer: &str, value: &str) -> Option<(String, &'static str)> {
    let misfit = Shape::of_path_or_value(pointer)?.read(value).err()?;
    Some((misfit.found, misfit.allowed))
}

/// Whether the config has an SSM path there, whose value a template may give itself.
pub(super) fn is_path(pointer: &str) -> bool {
    Shape::of_path_or_value(pointer).is_some()
}
