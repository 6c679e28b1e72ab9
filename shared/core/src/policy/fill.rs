//! Placeholders of `schemas/permissions.yaml`, filled with a product's values.

use super::grants::When;
use crate::error::InternalError;
use crate::product::Product;
use crate::template::Value;

/// What the placeholders stand for. Each is a list: a text with a placeholder of no value gives nothing, with one of
/// several values it gives several texts.
pub(super) struct Filler<'a> {
    product: &'a Product,
    boundary: Vec<String>,
    aws_policies: Vec<String>,
    services: Vec<String>,
    parameters: Vec<String>,
    vpc: Option<String>,
    service_role: String,
}

impl<'a> Filler<'a> {
    pub(super) fn new(product: &'a Product) -> Result<Self, InternalError> {
        let policy_arn = |id: &str| product.physical_name(id).map(|name| iam_arn(product, "policy", &name));
        let specs = || product.resources.values();
        let sorted = |mut list: Vec<String>| {
            list.sort();
            list.dedup();
            list
        };
        let boundary = specs()
            .filter_map(|spec| spec.links.boundary.as_deref())
            .map(policy_arn)
            .collect::<Result<_, _>>()?;
        let partition = product.region.partition();
        let aws_policies = specs()
            .flat_map(|spec| &spec.links.aws_managed)
            .filter(|managed| managed.when.holds(&product.conditions()))
            .map(|managed| format!("arn:{partition}:iam::aws:policy/{}", managed.policy))
            .collect();
        // Whoever is handed a role when the stack is made: the services that may assume the linked roles.
        let services = specs()
            .filter_map(|spec| product.resources.get(spec.links.role.as_deref()?))
            .flat_map(|role| &role.links.assumed_by)
            .map(|service| format!("{service}.amazonaws.com"))
            .collect();
        let parameters = product
            .inputs
            .parameters
            .values()
            .filter(|parameter| parameter.kind.starts_with("AWS::SSM::Parameter::Value<"))
            .filter_map(|parameter| parameter.attributes.get("Default")?.as_str())
            .map(|path| if path.starts_with('/') { path.to_owned() } else { format!("/{path}") })
            .collect();
        let vpc = product.inputs.vpc.as_ref().and_then(|vpc| match &vpc.vpc_id {
            Value::Str(id) => Some(id.clone()),
            _ => None,
        });
        Ok(Self {
            product,
            boundary: sorted(boundary),
            aws_policies: sorted(aws_policies),
            services: sorted(services),
            parameters: sorted(parameters),
            vpc,
            service_role: super::service_role_arn(product)?,
        })
    }

    /// Whether a grant is for this product.
    pub(super) fn holds(&self, when: When) -> bool {
        match when {
            When::PrivateDns => self.product.inputs.vpc.as_ref().is_some_and(|vpc| vpc.private_dns),
            When::Parameters => !self.parameters.is_empty(),
            When::Boundary => !self.boundary.is_empty(),
            When::NoBoundary => self.boundary.is_empty(),
        }
    }

    /// The texts that a text with placeholders stands for. `kind` is the resource type of `{name}`.
    pub(super) fn fill(&self, text: &str, kind: &str) -> Result<Vec<String>, InternalError> {
        let mut filled = vec![String::new()];
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (placeholder, after) = after.split_once('}').ok_or_else(|| {
                InternalError::new(format!("schemas/permissions.yaml: `{text}` lacks a brace"))
            })?;
            let values = self.values(placeholder, kind)?;
            filled = filled
                .iter()
                .flat_map(|start| values.iter().map(move |value| format!("{start}{before}{value}")))
                .collect();
            rest = after;
        }
        for start in &mut filled {
            start.push_str(rest);
        }
        Ok(filled)
    }

    fn values(&self, placeholder: &str, kind: &str) -> Result<Vec<String>, InternalError> {
        let product = self.product;
        Ok(match placeholder {
            "partition" => vec![product.region.partition().to_owned()],
            "region" => vec![product.region.as_str().to_owned()],
            "account" => vec![product.account_id.to_string()],
            "ml_name" => vec![product.names.ml_name().to_owned()],
            "stack" => vec![product.names.stack()],
            "ssm_path" => vec![product.names.ssm_path("")],
            "name" => self.names(kind)?,
            "vpc" => vec![format!("vpc/{}", self.vpc.as_deref().unwrap_or("*"))],
            "known_vpc" => self.vpc.iter().map(|id| format!("vpc/{id}")).collect(),
            "known_vpc_id" => self.vpc.iter().cloned().collect(),
            "boundary" => self.boundary.clone(),
            "aws_policies" => self.aws_policies.clone(),
            "own_policies" => self
                .names("AWS::IAM::ManagedPolicy")?
                .iter()
                .map(|name| iam_arn(product, "policy", name))
                .collect(),
            "services" => self.services.clone(),
            "parameters" => self.parameters.clone(),
            "service_role" => vec![self.service_role.clone()],
            other => {
                return Err(InternalError::new(format!(
                    "schemas/permissions.yaml: nothing fills `{{{other}}}`"
                )));
            }
        })
    }

    /// `{ml_name}-*` when every name of the type begins with that; else (a name is shortened) each name by itself, for
    /// a pattern of what is left would match names of other products.
    fn names(&self, kind: &str) -> Result<Vec<String>, InternalError> {
        let product = self.product;
        let names = product
            .resources
            .iter()
            .filter(|(_, spec)| spec.kind == kind)
            .map(|(id, _)| product.physical_name(id))
            .collect::<Result<Vec<_>, _>>()?;
        let rule = crate::names::rule(kind)
            .ok_or_else(|| InternalError::new(format!("{kind} has no row in the limits table")))?;
        // One bucket is named as it is: a pattern would be of no use, and names of buckets are everybody's.
        if kind == "AWS::S3::Bucket" {
            return Ok(names);
        }
        let base = if rule.global { product.names.global_name() } else { product.names.ml_name() };
        let start = format!("{}{base}-", rule.prefix);
        if names.is_empty() {
            return Ok(names);
        }
        if names.iter().all(|name| name.starts_with(&start)) {
            Ok(vec![format!("{start}*")])
        } else {
            Ok(names)
        }
    }
}

pub(super) fn iam_arn(product: &Product, kind: &str, name: &str) -> String {
    format!("arn:{}:iam::{}:{kind}/{name}", product.region.partition(), product.account_id)
}
