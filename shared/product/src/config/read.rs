//! From a document to a [`Config`]: the schemas' findings, the rules that a schema can't say, and the values.

use std::collections::HashMap;

use indexmap::IndexMap;
use mlp_template::codes;
use mlp_template::finding::{self, Code, Finding, Severity};
use mlp_template::region::Region;
use mlp_template::security::secrets;
use mlp_template::suggest::Suggestions;
use mlp_template::yaml::{Document, Node, NodeValue, ScalarKind, join};
use serde_json::Value;

use super::fields::shown;
use super::mistakes::{self, is_below};
use super::place::{at_key, at_value};
use super::{
    AccountId, Build, Cidr, Client, CompanyName, CompanyPrefix, Config, Deferred, DeferredPlaces, Email, Env,
    Environment, Field, FieldError, FieldList, Image, KmsKeyArn, MlProduct, ProductName, Reason, Retention,
    RouteTableId, S3Prefix, SecurityGroupId, Source, SsmPath, SubnetId, TenantId, Tier, UseCase, VPC, VpcId,
    VpcIds, VpcIntegration, VpcMode, Workload, reserved_bucket,
};
use crate::names;

/// Tags that every product should have, each with an example.
pub(crate) const WANTED_TAGS: [(&str, &str); 3] =
    [("cost_center", "marketing-analytics"), ("project", "customer-churn"), ("owner", "data-science")];

/// Reads a config from a document.
///
/// # Errors
///
/// All findings, warnings included, when at least one of them blocks.
pub fn read(document: &Document) -> Result<(Config, Vec<Finding>), Vec<Finding>> {
    read_with_deferred(document, &DeferredPlaces::default(), &Suggestions::default())
}

/// As [`read`], where some of the document's values are deferred, and within the suggestions of a longer run.
pub(crate) fn read_with_deferred(
    document: &Document,
    deferred: &DeferredPlaces,
    suggestions: &Suggestions,
) -> Result<(Config, Vec<Finding>), Vec<Finding>> {
    let mut values = without_empty(&document.root);
    let unquoted = mistakes::read_unquoted(document, &mut values);
    let (mut findings, meant) = mistakes::find(document, &values, deferred, suggestions);
    // One mistake gives one finding: what is wrong as a text, too, is told by its error.
    let is_refused = |warning: &Finding| findings.iter().any(|finding| finding.path == warning.path);
    let unquoted: Vec<Finding> = unquoted.into_iter().filter(|warning| !is_refused(warning)).collect();
    findings.extend(unquoted);
    let mut reader = Reader { document, values: &values, deferred, suggestions, findings, meant };
    let config = reader.config();
    reader.check_tags();
    reader.check_effects();
    reader.check_keys();
    let mut findings = reader.findings;
    for finding in &mut findings {
        mistakes::name_unseen(document, finding);
    }
    findings.extend(keys(document));
    match config {
        Some(config) if !finding::blocks(&findings) => {
            let about = names::check(&config).into_iter().chain(foreign_bucket(&config));
            findings.extend(about.map(|finding| at_value(document, finding)));
            finding::sort(&mut findings);
            if finding::blocks(&findings) { Err(findings) } else { Ok((config, findings)) }
        }
        _ => {
            finding::sort(&mut findings);
            Err(findings)
        }
    }
}

/// Sources that would be in a bucket of somebody else.
fn foreign_bucket(config: &Config) -> Option<Finding> {
    let Source::S3 { bucket, .. } = &config.ml_product.source else { return None };
    let whose = reserved_bucket(bucket)?;
    Some(
        Finding::error(
            codes::RESERVED_BUCKET,
            "/ml_product/s3_prefix",
            format!("`{bucket}` is called like {whose}, so it can't hold the sources"),
        )
        .help("name a bucket for sources, best one of the team's own"),
    )
}

/// The document as JSON, without what is the same as absent: keys with null, blank text or an empty list.
fn without_empty(node: &Node) -> Value {
    match &node.value {
        NodeValue::Scalar(scalar) => scalar.to_json(),
        NodeValue::Seq(nodes) => nodes.iter().map(without_empty).collect(),
        NodeValue::Map(entries) => entries
            .iter()
            .filter(|entry| !is_empty(&entry.value))
            .map(|entry| {
                let value =
                    if entry.key == "tags" { tag_values(&entry.value) } else { without_empty(&entry.value) };
                (entry.key.clone(), value)
            })
            .collect(),
    }
}

/// Tags as JSON: null is empty text, which is refused; a wanted tag that is empty is missing.
fn tag_values(node: &Node) -> Value {
    let NodeValue::Map(entries) = &node.value else { return node.to_json() };
    entries
        .iter()
        .filter(|entry| !(is_empty(&entry.value) && WANTED_TAGS.iter().any(|(tag, _)| *tag == entry.key)))
        .map(|entry| match entry.value.to_json() {
            Value::Null => (entry.key.clone(), Value::from("")),
            value => (entry.key.clone(), value),
        })
        .collect()
}

/// AWS keys in the document, at their place in it: the template would be refused for them. No message and no path contains
/// one (see [`crate::outcome`]).
fn keys(document: &Document) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut open = vec![(String::new(), None, &document.root)];
    while let Some((path, key, node)) = open.pop() {
        match &node.value {
            NodeValue::Scalar(scalar) => {
                let found = secrets::in_text(&scalar.text, key, &path);
                findings.extend(found.into_iter().map(|finding| finding.at(node.line, node.column)));
            }
            NodeValue::Seq(nodes) => {
                open.extend(nodes.iter().enumerate().map(|(index, node)| {
                    let path = join(&path, &index.to_string());
                    (path, key, node)
                }));
            }
            NodeValue::Map(entries) => {
                for entry in entries {
                    let path = join(&path, &entry.key);
                    let found = secrets::in_text(&entry.key, None, &path);
                    findings.extend(found.into_iter().map(|finding| finding.at(entry.line, entry.column)));
                    open.push((path, Some(entry.key.as_str()), &entry.value));
                }
            }
        }
    }
    findings
}

fn is_empty(node: &Node) -> bool {
    match &node.value {
        NodeValue::Scalar(scalar) => scalar.kind == ScalarKind::Null || scalar.text.trim().is_empty(),
        NodeValue::Seq(nodes) => nodes.is_empty(),
        NodeValue::Map(_) => false,
    }
}

/// Takes the values through their types, and adds what a schema can't find.
struct Reader<'a> {
    document: &'a Document,
    values: &'a Value,
    deferred: &'a DeferredPlaces,
    suggestions: &'a Suggestions,
    findings: Vec<Finding>,
    /// Paths that misspelled keys were meant to be.
    meant: Vec<String>,
}

impl<'a> Reader<'a> {
    fn config(&mut self) -> Option<Config> {
        let client = self.client();
        let environment = self.environment();
        let ml_product = self.ml_product();
        Some(Config {
            client: client?,
            environment: environment?,
            ml_product: ml_product?,
            tags: self.tags(),
        })
    }

    fn client(&mut self) -> Option<Client> {
        let company_name = self.field("/client/company_name", CompanyName::parse);
        let company_prefix = self.field("/client/company_prefix", CompanyPrefix::parse);
        let account_id = self.field("/client/account_id", AccountId::parse);
        let tenant_id = self.field("/client/tenant_id", TenantId::parse);
        Some(Client {
            company_name: company_name?.to_string(),
            company_prefix: company_prefix?,
            account_id: account_id?,
            tenant_id: tenant_id?,
        })
    }

    fn environment(&mut self) -> Option<Environment> {
        let region = self.region();
        Some(Environment {
            env: self.text("/environment/env").and_then(Env::parse)?,
            region: region?,
            multi_region: self.flag("/environment/multi_region").unwrap_or(false),
        })
    }

    fn region(&mut self) -> Option<Region> {
        let path = "/environment/region";
        let text = self.text(path)?;
        Region::parse(text)
            .map_err(|_| {
                let message = format!("`region` is {}, but must be {}", shown(text), Region::ALLOWED);
                let all: Vec<_> = Region::all().collect();
                let guess = self.suggestions.question(text, all.iter().map(Region::as_str));
                self.refuse(path, codes::UNKNOWN_REGION, message, guess);
            })
            .ok()
    }

    fn ml_product(&mut self) -> Option<MlProduct> {
        let use_case = self.field("/ml_product/use_case", UseCase::parse);
        let source = self.source();
        let vpc = self.vpc();
        let build = self.build();
        let tier = self.tier()?;
        let is_enterprise = tier == Tier::Enterprise;
        Some(MlProduct {
            use_case: use_case?,
            tier,
            source: source?,
            product_name_override: self.field("/ml_product/product_name_override", ProductName::parse),
            workload: self.field("/ml_product/workload", Workload::parse),
            alerts_email: self.deferrable("/ml_product/alerts_email", Email::parse),
            vpc: if is_enterprise { Some(vpc?) } else { None },
            build,
            retention: self.retention(),
            source_kms_key_arn: self.deferrable("/ml_product/source_kms_key_arn", KmsKeyArn::parse),
            data_lake: self.deferrable("/ml_product/data_lake", SsmPath::parse),
            data_lake_kms_key_arn: self.deferrable("/ml_product/data_lake_kms_key_arn", KmsKeyArn::parse),
            load_balancer: self.deferrable("/ml_product/load_balancer", SsmPath::parse),
        })
    }

    fn tier(&self) -> Option<Tier> {
        self.text("/ml_product/tier").and_then(Tier::parse)
    }

    fn source(&mut self) -> Option<Source> {
        let place = self.field("/ml_product/s3_prefix", S3Prefix::parse);
        match self.text("/ml_product/source_control")? {
            "codecommit" => Some(Source::CodeCommit),
            "s3" => place.map(Source::from),
            _ => None,
        }
    }

    fn build(&mut self) -> Build {
        let image = self.field("/ml_product/build/image", Image::parse);
        let reason = self.field("/ml_product/build/privileged_justification", Reason::parse);
        let is_privileged = self.flag("/ml_product/build/privileged_mode") == Some(true);
        let usual = Build::default();
        Build {
            image: image.map_or(usual.image, |image| image.to_string()),
            compute_type: self
                .text("/ml_product/build/compute_type")
                .map_or(usual.compute_type, str::to_owned),
            timeout_minutes: self
                .number("/ml_product/build/timeout_minutes")
                .unwrap_or(usual.timeout_minutes),
            privileged: reason.filter(|_| is_privileged).map(|reason| reason.as_str().trim().to_owned()),
        }
    }

    fn retention(&self) -> Retention {
        let usual = Retention::default();
        Retention {
            artifact_days: self.number("/ml_product/retention/artifact_days").unwrap_or(usual.artifact_days),
            log_days: self.number("/ml_product/retention/log_days").unwrap_or(usual.log_days),
        }
    }

    fn vpc(&mut self) -> Option<VpcIntegration> {
        if self.tier() != Some(Tier::Enterprise) {
            return None;
        }
        let cidr = self.ingress_cidr();
        let ids = match self.text(&below_vpc("vpc_source"))? {
            "direct" => self.direct_ids(),
            _ => self.parameter_store_ids(),
        };
        Some(VpcIntegration {
            mode: self.text(&below_vpc("mode")).and_then(VpcMode::parse)?,
            ids: ids?,
            endpoint_ingress_cidr: cidr,
            endpoint_private_dns: self.flag(&below_vpc("endpoint_private_dns")).unwrap_or(true),
        })
    }

    fn parameter_store_ids(&mut self) -> Option<VpcIds> {
        let mut path = |key: &str| self.field(&below_vpc(key), SsmPath::parse);
        let (vpc, subnets) = (path("vpc_parameter_store_path"), path("subnet_parameter_store_path"));
        let security_group = path("sg_parameter_store_path");
        let route_tables = path("route_table_parameter_store_path");
        Some(VpcIds::ParameterStore { vpc: vpc?, subnets: subnets?, security_group, route_tables })
    }

    fn direct_ids(&mut self) -> Option<VpcIds> {
        let vpc = self.deferrable(&below_vpc("vpc_id"), VpcId::parse);
        let subnets = self.list(&below_vpc("subnet_ids"), SubnetId::parse);
        let security_group = self.deferrable(&below_vpc("security_group_id"), SecurityGroupId::parse);
        let route_tables = self.list(&below_vpc("route_table_ids"), RouteTableId::parse);
        Some(VpcIds::Direct { vpc: vpc?, subnets, security_group, route_tables })
    }

    fn ingress_cidr(&mut self) -> Cidr {
        let path = below_vpc("endpoint_ingress_cidr");
        let Some(text) = self.text(&path) else { return Cidr::default() };
        Cidr::parse(text).unwrap_or_else(|_| {
            let message =
                format!("`endpoint_ingress_cidr` is {}, which has bits set behind its prefix", shown(text));
            let network = Cidr::around(text).map(|network| format!("the network around it is `{network}`"));
            self.refuse(&path, codes::WRONG_CIDR, message, network);
            Cidr::default()
        })
    }

    fn tags(&self) -> IndexMap<String, Field<String>> {
        self.tag_entries()
            .filter_map(|(key, value)| {
                let known = || value.as_str().map(|text| Field::Known(text.to_owned()));
                Some((key.clone(), self.deferred(&join("/tags", key)).or_else(known)?))
            })
            .collect()
    }

    fn tag_entries(&self) -> impl Iterator<Item = (&'a String, &'a Value)> + use<'a> {
        self.values.get("tags").and_then(Value::as_object).into_iter().flatten()
    }

    /// What AWS says about tags and a schema can't: reserved keys, keys that differ only in case.
    fn check_tags(&mut self) {
        let mut seen: HashMap<String, &str> = HashMap::new();
        for (key, _) in self.tag_entries() {
            let path = join("/tags", key);
            let lower = key.to_lowercase();
            let is_ours = lower == "managedby" || lower.starts_with("ml-provisioner:");
            if is_ours || lower.starts_with("aws:") {
                let owner = if is_ours { "ML Provisioner" } else { "AWS" };
                let message = format!("the tag key {} is reserved for {owner}", shown(key));
                self.add(at_key, Finding::error(codes::WRONG_TAG, path, message).help("choose another key"));
            } else if let Some(other) = seen.insert(lower, key) {
                let message = format!(
                    "the tag keys {} and {} differ only in case, which IAM doesn't tell apart",
                    shown(other),
                    shown(key)
                );
                self.add(at_key, Finding::error(codes::WRONG_TAG, path, message).help("remove one of them"));
            }
        }
        if self.values.get("tags").is_none_or(Value::is_object) {
            self.check_wanted_tags();
        }
    }

    fn check_wanted_tags(&mut self) {
        let Some(tags) = self.values.get("tags") else {
            if !self.meant.iter().any(|path| path == "/tags") {
                let message = "there are no tags; `cost_center`, `project` and `owner` are wanted";
                let help = "they make costs and owners findable";
                self.add(at_key, Finding::warning(codes::MISSING_TAG, "/tags", message).help(help));
            }
            return;
        };
        for (tag, example) in WANTED_TAGS {
            let path = join("/tags", tag);
            if tags.get(tag).is_some() || self.meant.contains(&path) {
                continue;
            }
            let keys = self.tag_entries().map(|(key, _)| key.as_str());
            let help = match self.suggestions.nearest(tag, keys).first() {
                Some(other) => format!("if {} is meant to be it, rename it to `{tag}`", shown(other)),
                None => format!("add it, for example `{tag}: {example}`"),
            };
            let message = format!("the wanted tag `{tag}` is missing");
            self.add(at_key, Finding::warning(codes::MISSING_TAG, path, message).help(help));
        }
    }

    /// Policies allow a bucket's key through the S3 of the product's region, so the key must be there.
    fn check_keys(&mut self) {
        let Some(region) = self.text("/environment/region").and_then(|text| Region::parse(text).ok()) else {
            return;
        };
        for key in ["source_kms_key_arn", "data_lake_kms_key_arn"] {
            let path = format!("/ml_product/{key}");
            let Some(arn) = self.text(&path).filter(|text| KmsKeyArn::parse(text).is_ok()) else { continue };
            let mut parts = arn.split(':').skip(1);
            let (partition, place) = (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default());
            if partition == region.partition() && place == region.as_str() {
                continue;
            }
            let message = format!(
                "`{key}` is a key in {} (partition {}), but the product is in `{region}` (`{}`)",
                shown(place),
                shown(partition),
                region.partition()
            );
            let help = "name the bucket's key; bucket and key are in the product's region".to_owned();
            self.refuse(&path, codes::WRONG_SHAPE, message, Some(help));
        }
    }

    /// Warns of values that nothing reads in this tier or scenario.
    fn check_effects(&mut self) {
        let smaller = self.tier().filter(|tier| *tier != Tier::Enterprise);
        let in_tier = smaller.map(|tier| format!("in tier `{}`", tier.as_str()));
        let is_codecommit = self.text("/ml_product/source_control") == Some("codecommit");
        let mode = self.text(&below_vpc("mode")).and_then(VpcMode::parse);
        let is_unprivileged = match self.values.pointer("/ml_product/build/privileged_mode") {
            None => true,
            Some(mode) => mode == false,
        };
        let when = |holds: bool, words: &str| holds.then(|| words.to_owned());
        // Starter has no policy of its own that could name the key.
        let in_starter = when(
            self.tier() == Some(Tier::Starter),
            "in tier `starter`, whose roles have AWS's policies only: let the key's policy allow the roles",
        );
        let no_lake = self.values.pointer("/ml_product/data_lake").is_none();
        let without_effect = [
            ("/ml_product/alerts_email".to_owned(), in_tier.clone()),
            ("/ml_product/retention/log_days".to_owned(), in_tier),
            ("/ml_product/s3_prefix".to_owned(), when(is_codecommit, "with `source_control: codecommit`")),
            (
                "/ml_product/source_kms_key_arn".to_owned(),
                when(is_codecommit, "with `source_control: codecommit`").or_else(|| in_starter.clone()),
            ),
            (
                "/ml_product/data_lake_kms_key_arn".to_owned(),
                when(no_lake, "without `data_lake`").or(in_starter),
            ),
            (
                "/ml_product/build/privileged_justification".to_owned(),
                when(is_unprivileged, "without `privileged_mode: true`"),
            ),
            (
                below_vpc("endpoint_ingress_cidr"),
                when(mode == Some(VpcMode::SgProvisioner), "with `mode: sg-provisioner`"),
            ),
        ];
        for (path, when) in without_effect {
            if let (Some(when), Some(_)) = (when, self.values.pointer(&path)) {
                let key = path.rsplit('/').next().unwrap_or_default();
                let message = format!("`{key}` has no effect {when}");
                self.add(at_key, Finding::warning(codes::NO_EFFECT, path, message).help("remove it"));
            }
        }
    }

    fn text(&self, path: &str) -> Option<&'a str> {
        self.values.pointer(path)?.as_str()
    }

    fn flag(&self, path: &str) -> Option<bool> {
        self.values.pointer(path)?.as_bool()
    }

    /// JSON Schema takes `60.0` for a whole number.
    fn number(&self, path: &str) -> Option<u16> {
        let value = self.values.pointer(path)?;
        let whole = |number: f64| (number.fract() == 0.0).then(|| format!("{number}"));
        value.as_u64().map(|number| number.to_string()).or_else(|| whole(value.as_f64()?))?.parse().ok()
    }

    /// A text through its type.
    fn field<T>(&mut self, path: &str, parse: fn(&str) -> Result<T, FieldError>) -> Option<T> {
        parse(self.text(path)?)
            .map_err(|FieldError(why)| self.refuse(path, codes::WRONG_SHAPE, why, None))
            .ok()
    }

    /// A field that CloudFormation may resolve.
    fn deferrable<T>(&mut self, path: &str, parse: fn(&str) -> Result<T, FieldError>) -> Option<Field<T>> {
        self.deferred(path).or_else(|| self.field(path, parse).map(Field::Known))
    }

    fn deferred<T>(&self, path: &str) -> Option<Field<T>> {
        let node = self.deferred.contains(path).then(|| self.document.node(path)).flatten()?;
        Some(Field::Deferred(Deferred { pointer: path.to_owned(), node: node.clone() }))
    }

    fn list<T>(&mut self, path: &str, parse: fn(&str) -> Result<T, FieldError>) -> FieldList<T> {
        self.deferred(path).unwrap_or_else(|| {
            let length = self.values.pointer(path).and_then(Value::as_array).map_or(0, Vec::len);
            let entry = |index: usize| self.deferrable(&join(path, &index.to_string()), parse);
            Field::Known((0..length).filter_map(entry).collect())
        })
    }

    fn refuse(&mut self, path: &str, code: Code, message: String, help: Option<String>) {
        let finding = Finding::error(code, path, message);
        let finding = match help {
            Some(help) => finding.help(help),
            None => finding,
        };
        self.add(at_value, finding);
    }

    /// Adds a finding, unless its value or a block around it has been refused already.
    fn add(&mut self, place: fn(&Document, Finding) -> Finding, finding: Finding) {
        let is_known = self.findings.iter().any(|known| {
            known.severity == Severity::Error
                && (known.path == finding.path || is_below(&finding.path, &known.path))
        });
        if !is_known {
            self.findings.push(place(self.document, finding));
        }
    }
}

fn below_vpc(key: &str) -> String {
    format!("{VPC}/{key}")
}
