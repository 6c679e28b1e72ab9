//! Every product of the matrix against its template in `tests/golden/templates`.
//!
//! The products are the 20 examples and what they leave open (`tests/golden/products`). `UPDATE_GOLDEN=1` writes the
//! templates anew; the difference is then read like any other change.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may stop at the first surprise"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use mlp_product::actions::{self, Suite};
use mlp_product::config::{self, Tier};
use mlp_product::product::{self, Product};
use mlp_template::security::Rules;
use mlp_template::template::Template;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn yaml_files(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_str().unwrap().to_owned()
}

/// Name to config.
fn products() -> BTreeMap<String, Vec<u8>> {
    let folders = ["starter", "professional", "enterprise"].map(|tier| format!("configs/examples/{tier}"));
    let mut products = BTreeMap::new();
    for folder in folders.iter().map(String::as_str).chain(["tests/golden/products"]) {
        for path in yaml_files(folder) {
            assert!(
                products.insert(stem(&path), fs::read(&path).unwrap()).is_none(),
                "{} twice",
                path.display()
            );
        }
    }
    products
}

fn text(config: &[u8]) -> String {
    let made = actions::create_prov_template(config, &Suite::default(), &Rules::none()).unwrap();
    assert!(made.outcome.ok, "{:#?}", made.outcome.findings);
    made.files.into_iter().next().unwrap().text
}

fn template(config: &[u8]) -> Template {
    mlp_product::generate::template(&Product::new(&config::load(config).unwrap().config).unwrap()).unwrap()
}

#[test]
fn every_product_gives_its_golden_template() {
    let folder = root().join("tests/golden/templates");
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = Vec::new();
    let products = products();
    for (name, config) in &products {
        let path = folder.join(format!("{name}.yaml"));
        let text = text(config);
        if update {
            fs::write(&path, &text).unwrap();
        } else if fs::read_to_string(&path).ok().as_deref() != Some(text.as_str()) {
            wrong.push(name.clone());
        }
    }
    assert!(wrong.is_empty(), "differ from tests/golden/templates (UPDATE_GOLDEN=1 writes them): {wrong:#?}");
    let there: BTreeSet<String> =
        yaml_files("tests/golden/templates").iter().map(|path| stem(path)).collect();
    assert_eq!(there, products.into_keys().collect(), "a golden template without its product");
}

#[test]
fn counts_are_those_of_the_tiers() {
    for (name, config) in products() {
        let loaded = config::load(&config).unwrap();
        let scenario = loaded.config.scenario();
        let counts = actions::create_prov_template(&config, &Suite::default(), &Rules::none())
            .unwrap()
            .outcome
            .resource_counts
            .unwrap();
        let codecommit = scenario.starts_with("codecommit");
        let standalone = scenario.contains("-standalone-");
        let expected = match (loaded.config.ml_product.tier, codecommit, standalone) {
            (Tier::Starter, true, _) => (13, 2),
            (Tier::Starter, false, _) => (10, 1),
            (Tier::Professional, true, _) => (19, 4),
            (Tier::Professional, false, _) => (16, 3),
            (Tier::Enterprise, true, true) => (41, 11),
            (Tier::Enterprise, false, true) => (38, 10),
            (Tier::Enterprise, true, false) => (39, 10),
            (Tier::Enterprise, false, false) => (36, 9),
        };
        assert_eq!((counts.total, counts.ssm_parameters), expected, "{name}");
        assert_eq!(template(&config).resources.len(), counts.total, "{name}");
    }
}

#[test]
fn outputs_cover_every_published_leaf() {
    for (name, config) in products() {
        let template = template(&config);
        let published: BTreeSet<&str> = template
            .resources
            .values()
            .filter(|resource| resource.kind == "AWS::SSM::Parameter")
            .filter_map(|resource| resource.properties["Name"].as_str()?.rsplit('/').next())
            .collect();
        let outputs: BTreeSet<&str> = template.outputs.keys().map(String::as_str).collect();
        assert_eq!(published, outputs, "{name}");
    }
}

#[test]
fn no_arn_names_a_partition() {
    for (name, config) in products() {
        for (index, line) in text(&config).lines().enumerate() {
            // A policy that would be too big says `*`, which is shorter.
            let is_large =
                ["enterprise-largest-policies", "enterprise-longest-names"].contains(&name.as_str());
            let short = line.contains("arn:*") && !is_large;
            let fixed = line.contains("arn:aws") || short;
            assert!(!fixed, "{name}.yaml:{}: {line}", index + 1);
        }
    }
}

#[test]
fn every_template_passes_its_own_checks() {
    for (name, config) in products() {
        let made = actions::validate_template(text(&config).as_bytes(), &Rules::none()).unwrap();
        assert_eq!(made.outcome.findings, [], "{name}");
    }
}

/// Every option of a tier at once, with the longest value of each kind, in one region.
///
/// The longest names: 20 characters of company, use case and workload, 8 of tenant, `staging`; or an override of 100. A bucket
/// has 63 characters (S3 User Guide, "General purpose bucket naming rules"), a multi-Region key the longest ARN.
fn largest(tier: &str, region: &str, source: &str, has_override: bool) -> String {
    let region = config::Region::parse(region).unwrap();
    let (partition, suffix) = (region.partition(), region.dns_suffix());
    let key = format!("arn:{partition}:kms:{region}:123456789012:key/mrk-{}", "0".repeat(32));
    let source = match source {
        "s3" => format!(
            "  source_control: s3\n  s3_prefix: {}/{}\n  source_kms_key_arn: {key}\n",
            "b".repeat(63),
            "p".repeat(PREFIX)
        ),
        other => format!("  source_control: {other}\n"),
    };
    let only_enterprise = "  alerts_email: alerts@company.example
  vpc_integration:
    mode: standalone
    vpc_source: parameter-store
    vpc_parameter_store_path: /vpc/main/VPCId
    subnet_parameter_store_path: /vpc/main/PrivateSubnetIds
    route_table_parameter_store_path: /vpc/main/PrivateRouteTableIds
    endpoint_ingress_cidr: 172.16.0.0/12
";
    // An image of another region needs a statement of its own.
    let image = format!("123456789012.dkr.ecr.{}.{suffix}/{}:1", neighbour(&region), "r".repeat(REPOSITORY));
    format!(
        "client: {{company_name: A, company_prefix: {name}, account_id: \"123456789012\", tenant_id: tenant01}}
environment: {{env: staging, region: {region}, multi_region: true}}
ml_product:
  tier: {tier}
  use_case: {name}
  workload: {name}
{source}{own_name}  data_lake: /s3/lake/BucketName
  data_lake_kms_key_arn: {key}
  load_balancer: /lb/ml/LoadBalancerArn
{only_enterprise}  build:
    image: {image}
    privileged_mode: true
    privileged_justification: builds images
tags: {{cost_center: a, project: b, owner: c}}
",
        name = "abcdefghij-abcdefghi",
        own_name = if has_override {
            format!("  product_name_override: {}-ml\n", "n".repeat(97))
        } else {
            String::new()
        },
        only_enterprise = if tier == "enterprise" { only_enterprise } else { "" },
    )
}

/// An `s3_prefix` and a name of an image's repository that all options together leave room for. Longer ones (983 and 256
/// characters are allowed) are refused where a policy has no room for them.
const PREFIX: usize = 100;
const REPOSITORY: usize = 60;

/// Another region with a name as long as the partition has.
fn neighbour(region: &config::Region) -> &'static str {
    match region.partition() {
        "aws-cn" if region.as_str() == "cn-northwest-1" => "cn-north-1",
        "aws-cn" => "cn-northwest-1",
        "aws-us-gov" if region.as_str() == "us-gov-west-1" => "us-gov-east-1",
        "aws-us-gov" => "us-gov-west-1",
        _ if region.as_str() == "ap-southeast-2" => "ap-southeast-1",
        _ => "ap-southeast-2",
    }
}

fn regions() -> Vec<String> {
    let schema = fs::read(root().join("schemas/config.schema.json")).unwrap();
    let schema: serde_json::Value = serde_json::from_slice(&schema).unwrap();
    let regions = &schema["$defs"]["environment"]["properties"]["region"]["examples"];
    regions.as_array().unwrap().iter().map(|region| region.as_str().unwrap().to_owned()).collect()
}

/// Sizes of the policies of a config's product, by logical id. Source of the limits: IAM User Guide, "IAM and AWS STS quotas"
/// (white space does not count), and `CreatePolicy` and `CreateRole` in the IAM API Reference.
fn sizes(config: &[u8]) -> BTreeMap<String, usize> {
    const MANAGED: usize = 6144;
    const TRUST: usize = 2048;
    let product = Product::new(&config::load(config).unwrap().config).unwrap();
    let place = Place::of(&product.region);
    let mut sizes = BTreeMap::new();
    for (id, resource) in mlp_product::generate::template(&product).unwrap().resources {
        let (property, limit) = match resource.kind.as_str() {
            "AWS::IAM::ManagedPolicy" => ("PolicyDocument", MANAGED),
            "AWS::IAM::Role" => ("AssumeRolePolicyDocument", TRUST),
            _ => continue,
        };
        assert!(!resource.properties.contains_key("Policies"), "inline policies have a limit of their own");
        let size = place.size(&resource.properties[property].to_json());
        let name = product.names.ml_name();
        assert!(size <= limit, "{name} in {}: {id} has {size} characters, IAM takes {limit}", product.region);
        sizes.insert(id, size);
    }
    sizes
}

#[test]
fn every_policy_fits() {
    for config in products().values() {
        sizes(config);
    }
}

#[test]
fn every_policy_fits_with_all_options_and_the_longest_names_in_every_region() {
    let mut longest = 0;
    for region in regions() {
        for tier in ["starter", "professional", "enterprise"] {
            for source in ["codecommit", "s3"] {
                for has_override in [false, true] {
                    let config = largest(tier, &region, source, has_override);
                    longest =
                        longest.max(sizes(config.as_bytes()).get("BuildPolicy").copied().unwrap_or_default());
                    let made = actions::validate_config(config.as_bytes(), &Suite::default()).unwrap();
                    assert!(made.outcome.ok, "{:#?}", made.outcome.findings);
                }
            }
        }
    }
    assert!(longest > 6000, "nothing here is near the limit any more: {longest}");
}

/// What the config asks for is in the policies, whether their statements are merged or not.
#[test]
fn a_policy_keeps_its_statements_apart_while_it_fits() {
    let of = |config: &[u8]| template(config).resources["BuildPolicy"].properties["PolicyDocument"].to_json();
    let sids = |policy: &serde_json::Value| -> Vec<String> {
        let statements = policy["Statement"].as_array().unwrap();
        statements.iter().map(|it| it["Sid"].as_str().unwrap().to_owned()).collect()
    };
    let products = products();
    let small = sids(&of(&products["enterprise-longest-names"]));
    assert!(small.contains(&"UseArtifacts".to_owned()) && small.contains(&"UseData".to_owned()), "{small:?}");
    let merged = sids(&of(&products["enterprise-largest-policies"]));
    assert!(!merged.contains(&"UseArtifacts".to_owned()) && merged.len() < small.len(), "{merged:?}");
}

/// A build pulls an image of another region with the token of that region. Only then the boundary reaches there.
#[test]
fn the_boundary_reaches_another_region_only_for_a_build_image_that_is_there() {
    let boundary = |config: &str| {
        let template = template(config.as_bytes());
        template.resources["PermissionBoundary"].properties["PolicyDocument"].to_json().to_string()
    };
    let config = largest("enterprise", "us-west-2", "codecommit", false);
    let (there, here) = (neighbour(&config::Region::parse("us-west-2").unwrap()), "us-west-2");
    let elsewhere = boundary(&config);
    assert!(elsewhere.contains("ecr:*:*:repository/*") && elsewhere.contains(there), "{elsewhere}");
    let own = boundary(&config.replace(&format!("dkr.ecr.{there}."), &format!("dkr.ecr.{here}.")));
    assert!(own.contains("ecr:${AWS::Region}:*:repository/*") && !own.contains(there), "{own}");
}

/// What CloudFormation fills in, in one region.
struct Place {
    partition: String,
    region: String,
    suffix: String,
}

impl Place {
    fn of(region: &config::Region) -> Self {
        Self {
            partition: region.partition().to_owned(),
            region: region.to_string(),
            suffix: region.dns_suffix().to_owned(),
        }
    }

    /// The characters that IAM counts.
    fn size(&self, document: &serde_json::Value) -> usize {
        self.resolved(document).to_string().chars().filter(|it| !it.is_whitespace()).count()
    }

    /// Pseudo parameters with their values, references with the longest that they have in a policy: the name of a bucket, the
    /// ARN of a key.
    fn resolved(&self, json: &serde_json::Value) -> serde_json::Value {
        use serde_json::Value;
        let text = |text: &str| {
            text.replace("${AWS::Partition}", &self.partition)
                .replace("${AWS::Region}", &self.region)
                .replace("${AWS::AccountId}", "123456789012")
                .replace("${AWS::URLSuffix}", &self.suffix)
                .replace("${DataLakeBucketName}", &"b".repeat(63))
        };
        let only = |object: &serde_json::Map<String, Value>| match (object.len(), object.iter().next()) {
            (1, Some((key, value))) => Some((key.clone(), value.clone())),
            _ => None,
        };
        match json {
            Value::Array(items) => items.iter().map(|item| self.resolved(item)).collect(),
            Value::Object(object) => match only(object) {
                Some((key, Value::String(sub))) if key == "Fn::Sub" => {
                    let filled = text(&sub);
                    assert!(!filled.contains("${"), "{filled}");
                    Value::String(filled)
                }
                Some((key, Value::String(name))) if key == "Ref" => {
                    let filled = text(&format!("${{{name}}}"));
                    assert!(!filled.contains("${"), "{filled}");
                    Value::String(filled)
                }
                Some((key, argument)) if key == "Fn::GetAtt" => {
                    assert_eq!(argument, serde_json::json!(["KmsKey", "Arn"]));
                    let uuid = "0".repeat(36);
                    Value::String(text(&format!(
                        "arn:${{AWS::Partition}}:kms:${{AWS::Region}}:${{AWS::AccountId}}:key/{uuid}"
                    )))
                }
                Some((key, argument)) if key.starts_with("Fn::") => panic!("no value for {key}: {argument}"),
                _ => object.iter().map(|(key, value)| (key.clone(), self.resolved(value))).collect(),
            },
            other => other.clone(),
        }
    }
}

#[test]
fn a_tier_upgrade_keeps_every_logical_id() {
    let resources = |tier| product::blueprint(tier).unwrap().resources.clone();
    for (smaller, bigger) in [(Tier::Starter, Tier::Professional), (Tier::Professional, Tier::Enterprise)] {
        let bigger = resources(bigger);
        for (id, spec) in resources(smaller) {
            let upgraded = bigger.get(&id).unwrap_or_else(|| panic!("{id} is lost"));
            assert_eq!(
                (&spec.kind, &spec.name, &spec.when),
                (&upgraded.kind, &upgraded.name, &upgraded.when),
                "{id}"
            );
        }
    }
}

#[test]
fn the_same_config_gives_the_same_bytes_in_every_thread() {
    let products = products();
    let first: Vec<String> = products.values().map(|config| text(config)).collect();
    let others: Vec<Vec<String>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| products.values().rev().map(|config| text(config)).collect::<Vec<_>>()))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for mut other in others {
        other.reverse();
        assert_eq!(first, other);
    }
}

#[test]
fn the_order_of_blocks_in_a_config_changes_nothing_but_its_hash() {
    let config = &products()["starter-china"];
    let ordered = String::from_utf8(config.clone()).unwrap();
    let (client, rest) = ordered.split_at(ordered.find("environment:").unwrap());
    let (environment, rest) = rest.split_at(rest.find("ml_product:").unwrap());
    let (product, tags) = rest.split_at(rest.find("tags:").unwrap());
    let shuffled = format!("{product}{tags}{environment}{client}");
    let without_hash = |text: &str| -> Vec<String> {
        text.lines().filter(|line| !line.contains("ConfigSha256")).map(str::to_owned).collect()
    };
    assert_eq!(without_hash(&text(config)), without_hash(&text(shuffled.as_bytes())));
}
