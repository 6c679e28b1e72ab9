//! From bytes to a [`Config`], or to every finding at once.

use serde_json::{Map, Value as Json};

use super::explain::Explainer;
use super::schema::Schemas;
use super::{
    Build, Client, Config, Env, Environment, FieldError, MlProduct, Region, Retention, Source, Tier, VpcIds,
    VpcIntegration, VpcMode, rules,
};
use crate::codes;
use crate::finding::{self, Finding};
use crate::yaml::{self, Document};

/// A config that nothing blocks.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The config.
    pub config: Config,
    /// The file, to find the place of what is found later.
    pub document: Document,
    /// Warnings.
    pub findings: Vec<Finding>,
}

/// Reads a config: any bytes at all give a config with its warnings, or every finding.
///
/// ```
/// use mlp_core::config;
/// let findings = config::load(b"client: {tenant: a001}").unwrap_err();
/// let unknown = findings.iter().find(|finding| finding.code.as_str() == "MLP-CFG-001").unwrap();
/// assert_eq!((unknown.line, unknown.column), (Some(1), Some(10)));
/// assert_eq!(unknown.help.as_deref(), Some("did you mean `tenant_id`?"));
/// ```
///
/// # Errors
///
/// All findings, warnings included, when at least one of them blocks.
pub fn load(bytes: &[u8]) -> Result<Loaded, Vec<Finding>> {
    let document = yaml::load(bytes, &yaml::Limits::config())?;
    let schemas =
        Schemas::get().map_err(|error| vec![Finding::error(codes::DEFECT, "", error.to_string())])?;
    let json = without_empty(document.to_json());
    let tier = json.pointer("/ml_product/tier").and_then(Json::as_str).and_then(Tier::parse);

    let explainer = Explainer { schemas, document: &document, json: &json };
    let mut findings = explainer
        .findings(schemas.validator(tier).iter_errors(&json).map(jsonschema::ValidationError::to_owned));
    for finding in rules::check(&explainer) {
        // A value that the schemas have refused already is not judged twice.
        if findings.iter().all(|other| !covers(&other.path, &finding.path)) {
            findings.push(finding);
        }
    }
    finding::sort(&mut findings);
    if finding::blocks(&findings) {
        return Err(findings);
    }
    match typed(&json) {
        Ok(config) => Ok(Loaded { config, document, findings }),
        // The schemas let something through that the types refuse: it is still the user's value that is wrong.
        Err(found) => {
            findings.extend(found.into_iter().map(|finding| explainer.at_value(finding)));
            finding::sort(&mut findings);
            Err(findings)
        }
    }
}

/// Whether a finding at `outer` says all there is to say about `inner`.
fn covers(outer: &str, inner: &str) -> bool {
    inner == outer || inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/') && !outer.is_empty())
}

/// The config without keys that are there but empty: they mean the same as absent ones. A tag may be empty.
fn without_empty(json: Json) -> Json {
    fn strip(value: &mut Json) {
        if let Json::Object(map) = value {
            map.retain(|_, value| !(value.is_null() || value.as_str() == Some("")));
            map.values_mut().for_each(strip);
        }
    }
    let mut json = json;
    if let Json::Object(blocks) = &mut json {
        blocks.retain(|key, value| !(value.is_null() && key == "tags"));
        for (key, block) in blocks.iter_mut() {
            if key != "tags" {
                strip(block);
            }
        }
    }
    json
}

/// Reads values out of the config's JSON and keeps what is wrong with them.
struct Reader<'a> {
    json: &'a Json,
    findings: Vec<Finding>,
}

impl Reader<'_> {
    fn text(&self, pointer: &str) -> Option<&str> {
        self.json.pointer(pointer).and_then(Json::as_str)
    }

    fn flag(&self, pointer: &str, default: bool) -> bool {
        self.json.pointer(pointer).and_then(Json::as_bool).unwrap_or(default)
    }

    fn number(&self, pointer: &str, default: u16) -> u16 {
        self.json
            .pointer(pointer)
            .and_then(Json::as_u64)
            .and_then(|number| u16::try_from(number).ok())
            .unwrap_or(default)
    }

    fn optional<T>(&mut self, pointer: &str, parse: fn(&str) -> Result<T, FieldError>) -> Option<T> {
        match parse(self.text(pointer)?) {
            Ok(value) => Some(value),
            Err(error) => {
                self.findings.push(Finding::error(codes::WRONG_SHAPE, pointer, error.to_string()));
                None
            }
        }
    }

    fn required<T>(&mut self, pointer: &str, parse: fn(&str) -> Result<T, FieldError>) -> Option<T> {
        if self.text(pointer).is_none() {
            let message = format!("`{}` is missing", pointer.rsplit('/').next().unwrap_or_default());
            self.findings.push(Finding::error(codes::MISSING_KEY, pointer, message));
        }
        self.optional(pointer, parse)
    }

    fn list<T>(&mut self, pointer: &str, parse: fn(&str) -> Result<T, FieldError>) -> Vec<T> {
        let count = self.json.pointer(pointer).and_then(Json::as_array).map_or(0, Vec::len);
        (0..count).filter_map(|index| self.required(&format!("{pointer}/{index}"), parse)).collect()
    }
}

/// One of a closed set of words.
fn choice<T>(text: &str, value: Option<T>) -> Result<T, FieldError> {
    value.ok_or_else(|| FieldError(format!("`{text}` is not allowed here")))
}

fn mode(text: &str) -> Result<VpcMode, FieldError> {
    choice(
        text,
        match text {
            "standalone" => Some(VpcMode::Standalone),
            "sg-provisioner" | "sgprov" => Some(VpcMode::SgProvisioner),
            _ => None,
        },
    )
}

fn typed(json: &Json) -> Result<Config, Vec<Finding>> {
    let mut reader = Reader { json, findings: Vec::new() };
    let config = config(&mut reader);
    match config {
        Some(config) if reader.findings.is_empty() => Ok(config),
        _ if reader.findings.is_empty() => {
            Err(vec![Finding::error(codes::DEFECT, "", "the config can't be read")])
        }
        _ => Err(reader.findings),
    }
}

fn config(reader: &mut Reader<'_>) -> Option<Config> {
    use super::fields::{AccountId, CompanyPrefix, TenantId};
    // Everything is read before anything is given up, so that all findings are there.
    let company_name = reader.text("/client/company_name").unwrap_or_default().to_owned();
    let company_prefix = reader.required("/client/company_prefix", CompanyPrefix::parse);
    let account_id = reader.required("/client/account_id", AccountId::parse);
    let tenant_id = reader.required("/client/tenant_id", TenantId::parse);
    let env = reader.required("/environment/env", |text| choice(text, Env::parse(text)));
    let region = reader.required("/environment/region", Region::parse);
    let ml_product = ml_product(reader);
    let no_tags = Map::new();
    let tags = reader.json.get("tags").and_then(Json::as_object).unwrap_or(&no_tags);
    Some(Config {
        client: Client {
            company_name,
            company_prefix: company_prefix?,
            account_id: account_id?,
            tenant_id: tenant_id?,
        },
        environment: Environment {
            env: env?,
            region: region?,
            multi_region: reader.flag("/environment/multi_region", false),
        },
        ml_product: ml_product?,
        tags: tags
            .iter()
            .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect(),
    })
}

fn ml_product(reader: &mut Reader<'_>) -> Option<MlProduct> {
    use super::fields::{Email, ProductName, SsmPath, UseCase, Workload};
    let use_case = reader.required("/ml_product/use_case", UseCase::parse);
    let tier = reader.required("/ml_product/tier", |text| choice(text, Tier::parse(text)));
    let product_name_override = reader.optional("/ml_product/product_name_override", ProductName::parse);
    let workload = reader.optional("/ml_product/workload", Workload::parse);
    let alerts_email = reader.optional("/ml_product/alerts_email", Email::parse);
    let vpc = reader.json.pointer("/ml_product/vpc_integration").is_some().then(|| vpc(reader));
    let data_lake = reader.optional("/ml_product/data_lake", SsmPath::parse);
    let load_balancer = reader.optional("/ml_product/load_balancer", SsmPath::parse);
    let enterprise = tier == Some(Tier::Enterprise);
    Some(MlProduct {
        use_case: use_case?,
        tier: tier?,
        source: source(reader),
        product_name_override,
        workload,
        alerts_email: alerts_email.filter(|_| enterprise),
        vpc: match vpc {
            Some(vpc) => Some(vpc?),
            None => None,
        },
        build: build(reader),
        retention: Retention {
            artifact_days: reader.number("/ml_product/retention/artifact_days", 90),
            log_days: reader.number("/ml_product/retention/log_days", 365),
        },
        data_lake,
        load_balancer,
    })
}

fn source(reader: &Reader<'_>) -> Source {
    match reader.text("/ml_product/source_control") {
        Some("s3") => {
            let text = reader.text("/ml_product/s3_prefix").unwrap_or_default();
            let (bucket, prefix) = text.split_once('/').unwrap_or((text, ""));
            Source::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned() }
        }
        _ => Source::CodeCommit,
    }
}

fn build(reader: &Reader<'_>) -> Build {
    let text = |key: &str, default: &str| {
        reader.text(&format!("/ml_product/build/{key}")).unwrap_or(default).to_owned()
    };
    Build {
        image: text("image", "aws/codebuild/amazonlinux-x86_64-standard:5.0"),
        compute_type: text("compute_type", "BUILD_GENERAL1_SMALL"),
        timeout_minutes: reader.number("/ml_product/build/timeout_minutes", 60),
        privileged: reader
            .flag("/ml_product/build/privileged_mode", false)
            .then(|| text("privileged_justification", "")),
    }
}

fn vpc(reader: &mut Reader<'_>) -> Option<VpcIntegration> {
    use super::fields::{Cidr, RouteTableId, SecurityGroupId, SsmPath, SubnetId, VpcId};
    let at = |key: &str| format!("/ml_product/vpc_integration/{key}");
    let mode = reader.required(&at("mode"), mode);
    let ids = if reader.text(&at("vpc_source")) == Some("direct") {
        let vpc = reader.required(&at("vpc_id"), VpcId::parse);
        let subnets = reader.list(&at("subnet_ids"), SubnetId::parse);
        let security_group = reader.optional(&at("security_group_id"), SecurityGroupId::parse);
        let route_tables = reader.list(&at("route_table_ids"), RouteTableId::parse);
        VpcIds::Direct { vpc: vpc?, subnets, security_group, route_tables }
    } else {
        let vpc = reader.required(&at("vpc_parameter_store_path"), SsmPath::parse);
        let subnets = reader.required(&at("subnet_parameter_store_path"), SsmPath::parse);
        let security_group = reader.optional(&at("sg_parameter_store_path"), SsmPath::parse);
        let route_tables = reader.optional(&at("route_table_parameter_store_path"), SsmPath::parse);
        VpcIds::ParameterStore { vpc: vpc?, subnets: subnets?, security_group, route_tables }
    };
    let cidr = at("endpoint_ingress_cidr");
    let endpoint_ingress_cidr = match reader.text(&cidr) {
        Some(_) => reader.required(&cidr, Cidr::parse),
        None => Cidr::parse("10.0.0.0/8").ok(),
    };
    Some(VpcIntegration {
        mode: mode?,
        ids,
        endpoint_ingress_cidr: endpoint_ingress_cidr?,
        endpoint_private_dns: reader.flag(&at("endpoint_private_dns"), true),
    })
}
