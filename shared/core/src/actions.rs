//! The local actions, one function each: bytes in, [`Made`] out. Every front end calls these and nothing below them.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::config::{self, Config, Tier};
use crate::error::InternalError;
use crate::expand::{self, Failure, Lookups, Place};
use crate::finding::Finding;
use crate::outcome::{self, Made, Outcome, OutputFile};
use crate::product::{self, Product};
use crate::{check, codes, finding, generate, yaml};

/// Where the caller runs, so that a config for another place can be pointed out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Suite {
    /// The account that the suite runs in.
    pub account_id: Option<String>,
    /// The region that the suite runs in.
    pub region: Option<String>,
}

/// `validate-config`: every finding of a config.
///
/// # Errors
///
/// Only for our own defects; mistakes in the config are findings in the outcome.
pub fn validate_config(config: &[u8], suite: &Suite) -> Result<Made, InternalError> {
    Ok(nothing_made(understand("validate-config", config, suite)?.0))
}

/// `create-prov-template`: the CloudFormation template of a config.
///
/// # Errors
///
/// Only for our own defects; mistakes in the config are findings in the outcome.
pub fn create_prov_template(config: &[u8], suite: &Suite) -> Result<Made, InternalError> {
    let (mut outcome, product) = understand("create-prov-template", config, suite)?;
    let Some(product) = product else { return Ok(nothing_made(outcome)) };
    let file = OutputFile {
        path: format!("templates/{}-{}.yaml", product.names.ml_name(), product.scenario),
        media_type: "application/yaml",
        text: generate::template(&product)?.to_yaml(),
    };
    outcome.outputs = vec![file.path.clone()];
    outcome.hashes = BTreeMap::from([(file.path.clone(), sha256(file.text.as_bytes()))]);
    Ok(Made { outcome, files: vec![file] })
}

/// `validate-prov-template` of the template that a config leads to.
///
/// # Errors
///
/// Only for our own defects; mistakes in the config are findings in the outcome.
pub fn validate_prov_template(config: &[u8], suite: &Suite) -> Result<Made, InternalError> {
    let (mut outcome, product) = understand("validate-prov-template", config, suite)?;
    if let Some(product) = product {
        outcome.add_findings(check::structure(&generate::template(&product)?));
    }
    Ok(nothing_made(outcome))
}

/// `validate-prov-template` of any CloudFormation template, in YAML or JSON.
///
/// # Errors
///
/// Only for our own defects; mistakes in the template are findings in the outcome.
pub fn validate_template(template: &[u8]) -> Result<Made, InternalError> {
    let (findings, read) = check::text(template);
    let mut outcome = Outcome::of("validate-prov-template", findings);
    outcome.resource_counts = read
        .map(|template| outcome::count(template.resources.values().map(|resource| resource.kind.as_str())));
    Ok(nothing_made(outcome))
}

/// `list-products`: every tier with its scenarios and counts.
///
/// # Errors
///
/// Only for our own defects.
pub fn list_products() -> Result<Made, InternalError> {
    let mut outcome = Outcome::of("list-products", Vec::new());
    outcome.products = Tier::ALL.into_iter().map(product::summary).collect::<Result<_, _>>()?;
    for summary in &mut outcome.products {
        summary.resources.clear();
    }
    Ok(nothing_made(outcome))
}

/// `show-product`: one tier, resource by resource.
///
/// # Errors
///
/// Only for our own defects.
pub fn show_product(tier: Tier) -> Result<Made, InternalError> {
    let mut outcome = Outcome::of("show-product", Vec::new());
    outcome.tier = Some(tier.as_str().to_owned());
    outcome.products = vec![product::summary(tier)?];
    Ok(nothing_made(outcome))
}

/// `show-product` of the product that a config describes: its own resources, with their names.
///
/// # Errors
///
/// Only for our own defects; mistakes in the config are findings in the outcome.
pub fn show_product_of(config: &[u8], suite: &Suite) -> Result<Made, InternalError> {
    let (mut outcome, product) = understand("show-product", config, suite)?;
    outcome.products = product.iter().map(product::summary_of).collect::<Result<_, _>>()?;
    Ok(nothing_made(outcome))
}

/// In which language a template is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// YAML with short-form functions.
    Yaml,
    /// JSON.
    Json,
}

/// `expand`: a template as the macro would make it, in one file `expanded.yaml` or `expanded.json`.
///
/// `lookup` gives the value of an SSM parameter, or says why there is none.
///
/// # Errors
///
/// Only for our own defects; mistakes in the template are findings in the outcome.
pub fn expand(
    template: &[u8],
    place: &Place,
    language: Language,
    lookup: impl Fn(&str) -> Result<String, String>,
) -> Result<Made, InternalError> {
    let failed = |findings| Ok(nothing_made(Outcome::of("expand", findings)));
    let document = match check::load(template) {
        Ok(document) => document,
        Err(findings) => return failed(findings),
    };
    let (input, mut findings) = expand::from_document(&document, place);
    let plan = expand::plan(input);
    let lookups: Lookups = plan.needs().into_iter().map(|path| (path.clone(), lookup(&path))).collect();
    let nearest = |finding: Finding| match finding.line {
        None => placed(finding, &document),
        Some(_) => finding,
    };
    let expanded = match plan.expand(&lookups) {
        Ok(expanded) => expanded,
        Err(Failure::Internal(error)) => return Err(error),
        Err(Failure::Findings(found)) => {
            findings.extend(found.into_iter().map(nearest));
            return failed(findings);
        }
    };
    findings.extend(expanded.warnings.iter().cloned().map(nearest));
    let (template, unreadable) = expanded.template();
    findings.extend(unreadable.into_iter().map(nearest));
    let mut outcome = Outcome::of("expand", findings);
    outcome.resource_counts =
        Some(outcome::count(template.resources.values().map(|resource| resource.kind.as_str())));
    if finding::blocks(&outcome.findings) {
        return Ok(nothing_made(outcome));
    }
    let file = match language {
        Language::Yaml => OutputFile {
            path: "expanded.yaml".to_owned(),
            media_type: "application/yaml",
            text: template.to_yaml(),
        },
        Language::Json => OutputFile {
            path: "expanded.json".to_owned(),
            media_type: "application/json",
            text: expanded.to_json_for_people()?,
        },
    };
    outcome.outputs = vec![file.path.clone()];
    outcome.hashes = BTreeMap::from([(file.path.clone(), sha256(file.text.as_bytes()))]);
    Ok(Made { outcome, files: vec![file] })
}

/// What a config says, as far as it can be understood: an outcome that names the product, and the product itself when
/// nothing blocks.
fn understand(
    action: &str,
    bytes: &[u8],
    suite: &Suite,
) -> Result<(Outcome, Option<Product>), InternalError> {
    let loaded = match config::load(bytes) {
        Ok(loaded) => loaded,
        Err(findings) => return Ok((Outcome::of(action, findings), None)),
    };
    let mut product = Product::new(&loaded.config)?;
    product.config_sha256 = Some(sha256(bytes));
    let mut later = elsewhere(&loaded.config, suite);
    later.extend(needs(&product));
    let mut findings = loaded.findings;
    findings.extend(later.into_iter().map(|finding| placed(finding, &loaded.document)));

    let mut outcome = Outcome::of(action, findings);
    outcome.ml_name = Some(product.names.ml_name().to_owned());
    outcome.stack_name = Some(product.names.stack());
    outcome.scenario = Some(product.scenario.clone());
    outcome.tier = Some(product.tier.as_str().to_owned());
    outcome.resource_counts = Some(outcome::count(product.resources.values().map(|spec| spec.kind.as_str())));
    let usable = outcome.ok.then_some(product);
    Ok((outcome, usable))
}

/// Gives a finding the line and column of the value that its pointer names.
fn placed(finding: Finding, document: &yaml::Document) -> Finding {
    let (line, column) = document.nearest_place(&finding.path).value;
    finding.at(line, column)
}

/// A config for another account or region than the suite's own.
fn elsewhere(config: &Config, suite: &Suite) -> Vec<Finding> {
    let (account, region) = (&config.client.account_id, &config.environment.region);
    let mut findings = Vec::new();
    if let Some(own) = suite.account_id.as_deref().filter(|own| *own != account.as_str()) {
        findings.push(
            Finding::warning(
                codes::OTHER_ACCOUNT,
                "/client/account_id",
                format!("this product is for account {account}, and this suite runs in {own}"),
            )
            .help(format!("deploy the template in account {account}")),
        );
    }
    if let Some(own) = suite.region.as_deref().filter(|own| *own != region.as_str()) {
        findings.push(
            Finding::warning(
                codes::OTHER_REGION,
                "/environment/region",
                format!("this product is for {region}, and this suite runs in {own}"),
            )
            .help(format!("deploy the template in {region}")),
        );
    }
    findings
}

/// What must be there before the stack can do its work.
fn needs(product: &Product) -> Vec<Finding> {
    let mut findings = Vec::new();
    if product.of_type("AWS::Logs::MetricFilter").is_some() {
        let group = product
            .of_type("AWS::Logs::LogGroup")
            .and_then(|id| product.physical_name(id).ok())
            .unwrap_or_default();
        findings.push(
            Finding::warning(
                codes::NEEDS_CLOUDTRAIL,
                "/ml_product/tier",
                "the alarms on root use and refused calls stay silent until CloudTrail delivers into the log group",
            )
            .help(format!("let a trail of the account deliver to CloudWatch Logs, log group `{group}`")),
        );
    }
    if product.of_type("AWS::SageMaker::ModelPackageGroup").is_some() && !product.region.has_model_registry()
    {
        findings.push(
            Finding::warning(
                codes::NO_REGISTRY_HERE,
                "/environment/region",
                format!(
                    "CloudFormation doesn't offer AWS::SageMaker::ModelPackageGroup in {}",
                    product.region
                ),
            )
            .help("check the region's resource types before you deploy, or choose another region"),
        );
    }
    findings
}

fn nothing_made(outcome: Outcome) -> Made {
    Made { outcome, files: Vec::new() }
}

/// SHA-256 in lower-case hexadecimal digits.
fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
