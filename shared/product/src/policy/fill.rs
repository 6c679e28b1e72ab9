//! Placeholders of `schemas/permissions.yaml`, filled with a product's values.

use mlp_template::error::InternalError;
use mlp_template::template::Value;

use super::grants::When;
use crate::config::Source;
use crate::outcome::OutputKind;
use crate::product::{Product, ResourceSpec};
use crate::suite::Suite;

/// What the placeholders stand for. Each is a list: a text with a placeholder of no value gives nothing, with one of
/// several values it gives several texts.
pub(super) struct Filler<'a> {
    product: &'a Product,
    suite: &'a Suite,
    aws_policies: Vec<String>,
    services: Vec<String>,
    parameters: Vec<String>,
    vpc: Option<String>,
    service_role: String,
}

impl<'a> Filler<'a> {
    pub(super) fn new(product: &'a Product, suite: &'a Suite) -> Result<Self, InternalError> {
        let specs = || product.resources.values();
        let sorted = |mut list: Vec<String>| {
            list.sort();
            list.dedup();
            list
        };
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
            suite,
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
            "boundary" => vec![self.suite.boundary_for(product)],
            "artifacts" => or_none(self.name_tags(|spec| spec.kind == "AWS::S3::Bucket")?),
            "registry" => or_none(self.name_tags(|spec| spec.kind == "AWS::SageMaker::ModelPackageGroup")?),
            "jobs" => vec![product.names.job_tag()],
            "use_case" => vec![product.use_case.clone()],
            "sagemaker_role" => {
                self.name_tags(|spec| spec.links.assumed_by.iter().any(|service| service == "sagemaker"))?
            }
            "source" => match &product.source {
                Source::S3 { bucket, .. } => vec![bucket.clone()],
                Source::CodeCommit => vec![NO_BUCKET.to_owned()],
            },
            // The name of a data lake's bucket is in Parameter Store. The boundary allows the part of it that belongs to
            // the use case.
            "data_lake" => match &product.inputs.data_lake_bucket {
                Some(Value::Str(bucket)) => vec![bucket.clone()],
                Some(_) => Vec::new(),
                None => vec![NO_BUCKET.to_owned()],
            },
            "suite_bucket" => vec![self.suite.bucket_for(product)],
            "templates" => vec![self.template_file()],
            "template_url" => vec![self.template_url()],
            "template_urls" => {
                let (bucket, file) = (self.suite.bucket_for(product), self.template_file());
                let host = format!("{bucket}.{}", s3_host(product));
                vec![format!("https://{host}/templates/{file}*"), self.template_url()]
            }
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

    /// The file of the product's template, below `templates/`.
    fn template_file(&self) -> String {
        let path = OutputKind::Template.path(self.product.names.ml_name(), &self.product.scenario);
        path.rsplit('/').next().unwrap_or_default().to_owned()
    }

    /// The template's address as the report names it; the trailing `*` is for `?versionId=`.
    fn template_url(&self) -> String {
        let (host, bucket) = (s3_host(self.product), self.suite.bucket_for(self.product));
        format!("https://{host}/{bucket}/templates/{}*", self.template_file())
    }

    /// What the tags of roles say of the product's names.
    fn name_tags(&self, of: impl Fn(&ResourceSpec) -> bool) -> Result<Vec<String>, InternalError> {
        let specs = self.product.resources.iter().filter(|(_, spec)| of(spec));
        specs.map(|(id, _)| self.product.name_tag(id)).collect()
    }

    /// The names of all resources of a type, in full.
    ///
    /// A pattern such as `{ml_name}-*` would also match the names of a product that is called `{ml_name}-...-ml`.
    fn names(&self, kind: &str) -> Result<Vec<String>, InternalError> {
        if crate::names::rule(kind).is_none() {
            return Err(InternalError::new(format!("{kind} has no row in the limits table")));
        }
        let specs = self.product.resources.iter().filter(|(_, spec)| spec.kind == kind);
        specs.map(|(id, _)| self.product.physical_name(id)).collect()
    }
}

/// Stands for a bucket or registry that a product doesn't have. Neither name can have a space.
pub(crate) const NO_BUCKET: &str = "no bucket";

/// A condition without values would be left out, so that any value would be allowed.
fn or_none(names: Vec<String>) -> Vec<String> {
    if names.is_empty() { vec![NO_BUCKET.to_owned()] } else { names }
}

pub(super) fn iam_arn(product: &Product, kind: &str, name: &str) -> String {
    format!("arn:{}:iam::{}:{kind}/{name}", product.region.partition(), product.account_id)
}

fn s3_host(product: &Product) -> String {
    format!("s3.{}.{}", product.region, product.region.dns_suffix())
}
