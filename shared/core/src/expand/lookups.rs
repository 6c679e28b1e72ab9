//! Values that a product takes from SSM Parameter Store when the macro runs.

use std::collections::BTreeMap;

use crate::codes;
use crate::config::{Config, RouteTableId, SecurityGroupId, SubnetId, VpcId, VpcIds};
use crate::finding::Finding;
use crate::product::{Inputs, Product};
use crate::template::Value;

/// SSM parameter path to what was found there: the value (of a `StringList` the comma-separated text), or why there is
/// none, in words for the user.
pub type Lookups = BTreeMap<String, Result<String, String>>;

/// What a product's inputs still need.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted(Vec<(&'static str, String, Shape)>);

/// What a looked-up value must be.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Vpc,
    Subnets,
    SecurityGroup,
    RouteTables,
    Text,
}

impl Wanted {
    /// Everything that a config takes from SSM: pointer into the config, path and shape.
    pub(crate) fn of(config: &Config) -> Self {
        let mut wanted = Vec::new();
        let mut add = |pointer, path: Option<&crate::config::SsmPath>, shape| {
            wanted.extend(path.map(|path| (pointer, path.to_string(), shape)));
        };
        if let Some(VpcIds::ParameterStore { vpc, subnets, security_group, route_tables }) =
            config.ml_product.vpc.as_ref().map(|vpc| &vpc.ids)
        {
            add(VPC, Some(vpc), Shape::Vpc);
            add(SUBNETS, Some(subnets), Shape::Subnets);
            add(SECURITY_GROUP, security_group.as_ref(), Shape::SecurityGroup);
            add(ROUTE_TABLES, route_tables.as_ref(), Shape::RouteTables);
        }
        add(DATA_LAKE, config.ml_product.data_lake.as_ref(), Shape::Text);
        add(LOAD_BALANCER, config.ml_product.load_balancer.as_ref(), Shape::Text);
        Self(wanted)
    }

    /// Leaves out what the template gives itself.
    pub(super) fn without(mut self, given: impl Fn(&str) -> bool) -> Self {
        self.0.retain(|(pointer, ..)| !given(pointer));
        self
    }

    /// The paths.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, path, _)| path.as_str())
    }

    /// Puts the values into a product in place of the template parameters that a generated template would have.
    /// The findings' paths point into the config.
    pub(crate) fn put_into(&self, product: &mut Product, lookups: &Lookups) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (pointer, path, shape) in &self.0 {
            let found = match lookups.get(path) {
                Some(Ok(value)) => shape.read(value).map_err(|allowed| {
                    let value = crate::template::read::shorten(value);
                    format!("the SSM parameter `{path}` holds `{value}`, but must hold {allowed}")
                }),
                Some(Err(why)) => Err(format!("the SSM parameter `{path}` can't be read: {why}")),
                None => Err(format!("the SSM parameter `{path}` was not looked up")),
            };
            match found {
                Ok(value) => put(&mut product.inputs, pointer, value),
                Err(message) => findings.push(Finding::error(codes::MAC_LOOKUP, *pointer, message)),
            }
        }
        // A macro's answer can bring template parameters, but nobody could give them values.
        product.inputs.parameters.clear();
        findings
    }
}

const VPC: &str = "/ml_product/vpc_integration/vpc_parameter_store_path";
const SUBNETS: &str = "/ml_product/vpc_integration/subnet_parameter_store_path";
const SECURITY_GROUP: &str = "/ml_product/vpc_integration/sg_parameter_store_path";
const ROUTE_TABLES: &str = "/ml_product/vpc_integration/route_table_parameter_store_path";
const DATA_LAKE: &str = "/ml_product/data_lake";
const LOAD_BALANCER: &str = "/ml_product/load_balancer";

fn put(inputs: &mut Inputs, pointer: &str, value: Value) {
    match (pointer, &mut inputs.vpc) {
        (VPC, Some(vpc)) => vpc.vpc_id = value,
        (SUBNETS, Some(vpc)) => vpc.subnet_ids = value,
        (SECURITY_GROUP, Some(vpc)) => vpc.security_group_id = Some(value),
        (ROUTE_TABLES, Some(vpc)) => vpc.route_table_ids = Some(value),
        (DATA_LAKE, _) => inputs.data_lake_bucket = Some(value),
        (LOAD_BALANCER, _) => inputs.load_balancer_arn = Some(value),
        _ => {}
    }
}

impl Shape {
    /// The value, or what is allowed.
    fn read(self, text: &str) -> Result<Value, &'static str> {
        let items = || text.split(',').map(str::trim).filter(|item| !item.is_empty());
        let list = |fits: fn(&str) -> bool, allowed| {
            if items().next().is_some() && items().all(fits) {
                Ok(Value::list(items().map(Value::str)))
            } else {
                Err(allowed)
            }
        };
        let one = |fits: bool, allowed| if fits { Ok(Value::str(text.trim())) } else { Err(allowed) };
        match self {
            Self::Vpc => one(VpcId::parse(text.trim()).is_ok(), VpcId::ALLOWED),
            Self::SecurityGroup => one(SecurityGroupId::parse(text.trim()).is_ok(), SecurityGroupId::ALLOWED),
            Self::Text => one(!text.trim().is_empty(), "a value"),
            Self::Subnets => list(
                |id| SubnetId::parse(id).is_ok(),
                "a list of subnet ids: `subnet-` and 8 or 17 hexadecimal digits, with commas between them",
            ),
            Self::RouteTables => list(
                |id| RouteTableId::parse(id).is_ok(),
                "a list of route table ids: `rtb-` and 8 or 17 hexadecimal digits, with commas between them",
            ),
        }
    }
}

/// Whether the config holds an SSM path there, whose value a template may give itself.
pub(super) fn is_path(pointer: &str) -> bool {
    matches!(pointer, DATA_LAKE | LOAD_BALANCER)
}
