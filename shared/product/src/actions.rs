//! The local actions, one function each: bytes in, [`Made`] out. Every front end calls these and nothing below them.

use std::borrow::Cow;

use mlp_template::check::sizes::{self, Known};
use mlp_template::error::InternalError;
use mlp_template::finding::Finding;
use mlp_template::security::{self, Rules};
use mlp_template::template::Template;
use mlp_template::{check, codes, finding, yaml};

use crate::config::{self, Config, Source, Tier};
use crate::expand::{self, Failure, Lookups, Place};
use crate::outcome::{self, Made, Outcome, OutputFile, OutputKind, sha256};
use crate::product::availability::{self, Offer};
use crate::product::{self, Product};
use crate::{generate, policy, report};

pub use crate::suite::Suite;

/// `validate-config`: every finding of a config.
///
/// # Errors
///
/// Only for our own defects; mistakes in the config are findings in the outcome.
pub fn validate_config(config: &[u8], suite: &Suite) -> Result<Made, InternalError> {
    Ok(Made::nothing(understand("validate-config", config, suite)?.0))
}

/// `create-prov-template`: the CloudFormation template of a config, if nothing in it blocks.
///
/// # Errors
///
/// Only for our own defects; mistakes in the config are findings in the outcome.
pub fn create_prov_template(config: &[u8], suite: &Suite, rules: &Rules) -> Result<Made, InternalError> {
    make("create-prov-template", &[OutputKind::Template], config, suite, rules)
}

/// `create-policy`: the policies of whoever deploys a config's product: an operator with rights of their own, or a
/// service role and an operator beside it.
///
/// # Errors
///
/// Only for our own defects; mistakes in the config are findings in the outcome.
pub fn create_policy(config: &[u8], suite: &Suite) -> Result<Made, InternalError> {
    let (outcome, product) = understand("create-policy", config, suite)?;
    let Some(product) = product else { return Ok(Made::nothing(outcome)) };
    let mut files = Vec::with_capacity(OutputKind::ALL.len());
    for kind in OutputKind::ALL {
        files.extend(policy_file(kind, &product, suite)?);
    }
    Ok(Made::with(outcome, files))
}

/// `create-review-report`: the review report of a config, also when a check blocks its template.
///
/// # Errors
///
/// Only for our own defects; mistakes in the config are findings in the outcome.
pub fn create_review_report(config: &[u8], suite: &Suite, rules: &Rules) -> Result<Made, InternalError> {
    make("create-review-report", &[OutputKind::Report], config, suite, rules)
}

/// Everything that is made from a config: the template if nothing blocks, policies and report always where they can be
/// made.
///
/// # Errors
///
/// Only for our own defects; mistakes in the config are findings in the outcome.
pub fn generate(config: &[u8], suite: &Suite, rules: &Rules) -> Result<Made, InternalError> {
    make("generate", &OutputKind::ALL, config, suite, rules)
}

/// `validate-prov-template` of the template that a config leads to.
///
/// # Errors
///
/// Only for our own defects; mistakes in the config are findings in the outcome.
pub fn validate_prov_template(config: &[u8], suite: &Suite, rules: &Rules) -> Result<Made, InternalError> {
    make("validate-prov-template", &[], config, suite, rules)
}

/// `validate-prov-template` of any CloudFormation template, in YAML or JSON: structure, references and security.
///
/// # Errors
///
/// Only for our own defects; mistakes in the template are findings in the outcome.
pub fn validate_template(template: &[u8], rules: &Rules) -> Result<Made, InternalError> {
    let action = "validate-prov-template";
    let document = match check::load(template) {
        Ok(document) => document,
        Err(findings) => return Ok(Made::nothing(Outcome::of(action, findings))),
    };
    let (mut findings, template) = check::document(&document);
    findings.extend(security::check(&template, Some(&document), rules));
    let mut outcome = Outcome::of(action, findings);
    outcome.rules = rules.names().map(str::to_owned).collect();
    outcome.resource_counts =
        Some(outcome::count(template.resources.values().map(|resource| resource.kind.as_str())));
    Ok(Made::nothing(outcome))
}

/// A product whose template is ready to be deployed.
#[derive(Debug, Clone)]
pub struct Deployable {
    /// The product.
    pub product: Product,
    /// Its template as YAML.
    pub template: String,
}

/// What `deploy-product`, `test-deploy` and `show-changes` bring to CloudFormation: the template of a config, if nothing in
/// it blocks. A config for another account or region than the suite's blocks.
///
/// `test` is the workload that tells the product of a `test-deploy` from the real one.
///
/// # Errors
///
/// Only for our own defects; mistakes in the config are findings in the outcome.
pub fn deployable(
    action: &str,
    config: &[u8],
    suite: &Suite,
    rules: &Rules,
    test: Option<&str>,
) -> Result<(Outcome, Option<Deployable>), InternalError> {
    let (mut outcome, product) = deployed_product(action, config, suite, test)?;
    let Some(product) = product else { return Ok((outcome, None)) };
    let (_, template) = checked(&mut outcome, &product, rules)?;
    let ready = outcome.ok.then_some(Deployable { product, template });
    Ok((outcome, ready))
}

/// The product that a config is deployed as, if the config has no mistakes and is for this account and region.
///
/// # Errors
///
/// Only for our own defects; mistakes in the config are findings in the outcome.
pub fn deployed_product(
    action: &str,
    config: &[u8],
    suite: &Suite,
    test: Option<&str>,
) -> Result<(Outcome, Option<Product>), InternalError> {
    let (mut outcome, product) = understand_as(action, config, suite, test)?;
    // A stack that is there can be compared and deleted, whatever the table of regions says.
    let creates = matches!(action, "deploy-product" | "test-deploy");
    for finding in &mut outcome.findings {
        let is_elsewhere = [codes::OTHER_ACCOUNT, codes::OTHER_REGION].contains(&finding.code);
        if is_elsewhere || (creates && finding.code == codes::TYPE_NOT_IN_REGION) {
            finding.severity = finding::Severity::Error;
        }
    }
    outcome.add_findings([]);
    let product = product.filter(|_| outcome.ok);
    Ok((outcome, product))
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
    Ok(Made::nothing(outcome))
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
    Ok(Made::nothing(outcome))
}

/// `show-product` of the product that a config describes: its own resources, with their names.
///
/// # Errors
///
/// Only for our own defects; mistakes in the config are findings in the outcome.
pub fn show_product_of(config: &[u8], suite: &Suite) -> Result<Made, InternalError> {
    let (mut outcome, product) = understand("show-product", config, suite)?;
    outcome.products = product.iter().map(product::summary_of).collect::<Result<_, _>>()?;
    Ok(Made::nothing(outcome))
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
    let failed = |findings| Ok(Made::nothing(Outcome::of("expand", findings)));
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
    // Each product's own resources have none, but what the template says of products may close one.
    findings.extend(check::circles(&template).into_iter().map(nearest));
    let mut outcome = Outcome::of("expand", findings);
    outcome.resource_counts =
        Some(outcome::count(template.resources.values().map(|resource| resource.kind.as_str())));
    if finding::blocks(&outcome.findings) {
        return Ok(Made::nothing(outcome));
    }
    let (kind, text) = match language {
        Language::Yaml => (OutputKind::Expanded, template.to_yaml()),
        Language::Json => (OutputKind::ExpandedJson, expanded.to_json_for_people()?),
    };
    Ok(Made::with(outcome, vec![OutputFile { kind, path: kind.path("", ""), text }]))
}

/// What a config says, as far as it can be understood: an outcome that names the product, and the product itself when
/// nothing blocks.
fn understand(
    action: &str,
    bytes: &[u8],
    suite: &Suite,
) -> Result<(Outcome, Option<Product>), InternalError> {
    understand_as(action, bytes, suite, None)
}

/// The same of a product that is only tried out, under a workload's name of its own.
fn understand_as(
    action: &str,
    bytes: &[u8],
    suite: &Suite,
    test: Option<&str>,
) -> Result<(Outcome, Option<Product>), InternalError> {
    let mut loaded = match config::load(bytes) {
        Ok(loaded) => loaded,
        Err(findings) => return Ok((Outcome::of(action, findings), None)),
    };
    if let Some(workload) = test {
        loaded.config.try_out(workload).map_err(|error| InternalError::new(error.to_string()))?;
    }
    let mut product = Product::new(&loaded.config)?;
    product.config_sha256 = Some(sha256(bytes));
    let mut later = elsewhere(&loaded.config, suite);
    later.extend(offers(&product));
    later.extend(too_big(&product)?);
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

/// What the product's region lacks, or may lack.
fn offers(product: &Product) -> Vec<Finding> {
    let region = &product.region;
    let place = "/environment/region";
    let ask = format!(
        "`aws cloudformation describe-type --type RESOURCE --type-name TYPE --region {region}` says whether it is there today"
    );
    let mut findings = Vec::new();
    let missing = availability::with(product, Offer::Missing);
    if !missing.is_empty() {
        let message = format!("{region} doesn't offer {}", and_list(&missing));
        let other = match missing.as_slice() {
            ["AWS::CodeCommit::Repository"] => "choose another region, or `source_control: s3`",
            _ => "choose another region",
        };
        let finding = Finding::warning(codes::TYPE_NOT_IN_REGION, place, message);
        findings.push(finding.help(format!("{other}; {ask}")));
    }
    let doubtful = availability::with(product, Offer::Doubtful);
    if !doubtful.is_empty() {
        let message = format!(
            "CloudFormation lists {} in {region}, and no endpoint of the service is known there",
            and_list(&doubtful)
        );
        findings.push(Finding::warning(codes::TYPE_DOUBTFUL, place, message).help(ask.clone()));
    }
    if !availability::with(product, Offer::Unknown).is_empty() {
        let message = format!("which resource types {region} offers is not known");
        findings.push(Finding::warning(codes::TYPE_DOUBTFUL, place, message).help(ask));
    }
    findings
}

/// Managed policies of the product that IAM would refuse for their size: each names both sources, so that a long `s3_prefix`
/// counts twice.
fn too_big(product: &Product) -> Result<Vec<Finding>, InternalError> {
    let known = Known::of_product(&product.region);
    let mut findings = Vec::new();
    for (id, document) in generate::managed_policies(product)? {
        let size = sizes::exact(&document, &known);
        let over = size.saturating_sub(policy::MAX_SIZE);
        if over == 0 {
            continue;
        }
        let message = format!(
            "the managed policy `{id}` would have {size} characters, white space not counted; IAM allows {}",
            policy::MAX_SIZE
        );
        let shorter = over.div_ceil(2);
        let (path, help) = match &product.source {
            Source::S3 { prefix, .. } if prefix.len() >= shorter => {
                ("/ml_product/s3_prefix", format!("shorten `s3_prefix` by {shorter} characters or more"))
            }
            _ => (
                "/ml_product",
                "shorten the names of company, use case and workload, or the paths".to_owned(),
            ),
        };
        findings.push(Finding::error(codes::TPL_LIMIT, path, message).help(help));
    }
    Ok(findings)
}

fn and_list(kinds: &[&str]) -> String {
    match kinds {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Makes the files that are wanted of a config's product, in the order of [`OutputKind::ALL`], and checks its template.
fn make(
    action: &str,
    wanted: &[OutputKind],
    config: &[u8],
    suite: &Suite,
    rules: &Rules,
) -> Result<Made, InternalError> {
    let (mut outcome, product) = understand(action, config, suite)?;
    let Some(product) = product else { return Ok(Made::nothing(outcome)) };
    let (template, text) = checked(&mut outcome, &product, rules)?;
    let mut files = Vec::with_capacity(wanted.len());
    for kind in OutputKind::ALL.into_iter().filter(|kind| wanted.contains(kind)) {
        match kind {
            OutputKind::Template if !outcome.ok => {}
            OutputKind::Template => files.push(file(kind, &product, text.clone())),
            OutputKind::Report => {
                let findings = &outcome.findings;
                let review = report::Review { product: &product, template: &template, findings, suite };
                files.push(file(kind, &product, report::html(&review)?));
            }
            policy => files.extend(policy_file(policy, &product, suite)?),
        }
    }
    Ok(Made::with(outcome, files))
}

/// The template of a product and its text, with what the checks find in it added to the outcome.
fn checked(
    outcome: &mut Outcome,
    product: &Product,
    rules: &Rules,
) -> Result<(Template, String), InternalError> {
    let template = generate::template(product)?;
    let text = template.to_yaml();
    outcome.rules = rules.names().map(str::to_owned).collect();
    outcome.add_findings(check::structure(&template).into_iter().map(Finding::in_resource));
    outcome.add_findings(check::size(&text));
    outcome.add_findings(security::check(&template, None, rules));
    Ok((template, text))
}

/// One document of a policy; nothing for what is no policy, and for a further document that isn't needed.
fn policy_file(
    kind: OutputKind,
    product: &Product,
    suite: &Suite,
) -> Result<Option<OutputFile>, InternalError> {
    // Which document it is, and how many have a name.
    let (policy, index, most) = match kind {
        OutputKind::Policy => (policy::operator(product, suite)?, 0, 3),
        OutputKind::Policy2 => (policy::operator(product, suite)?, 1, 3),
        OutputKind::Policy3 => (policy::operator(product, suite)?, 2, 3),
        OutputKind::ServiceRolePolicy => (policy::service_role(product, suite)?, 0, 2),
        OutputKind::ServiceRolePolicy2 => (policy::service_role(product, suite)?, 1, 2),
        OutputKind::StackOperatorPolicy => (policy::stack_operator(product, suite)?, 0, 2),
        OutputKind::StackOperatorPolicy2 => (policy::stack_operator(product, suite)?, 1, 2),
        OutputKind::Template | OutputKind::Report | OutputKind::Expanded | OutputKind::ExpandedJson => {
            return Ok(None);
        }
    };
    let documents = policy.documents();
    if documents.len() > most {
        // Statements without a file would be missing rights that nobody notices.
        let message = format!("{kind:?} takes {} documents, and {most} have a name", documents.len());
        return Err(InternalError::new(message));
    }
    Ok(documents.get(index).map(|document| file(kind, product, document.to_json())))
}

/// A file of a product. A key that somebody wrote into a config is kept out of what is made to be read and mailed.
fn file(kind: OutputKind, product: &Product, text: String) -> OutputFile {
    let path = kind.path(product.names.ml_name(), &product.scenario);
    let text = match security::secrets::mask(&text) {
        Cow::Owned(masked) => masked,
        Cow::Borrowed(_) => text,
    };
    OutputFile { kind, path, text }
}
