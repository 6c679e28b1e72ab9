//! Every product of the matrix against its template in `tests/golden/templates`.
//!
//! The products are the 20 examples and what they leave open (`tests/golden/products`). `UPDATE_GOLDEN=1` writes the
//! templates anew; the difference is then read like any other change.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use mlp_core::actions::{self, Suite};
use mlp_core::config::{self, Tier};
use mlp_core::product::{self, Product};
use mlp_core::security::Rules;
use mlp_core::template::Template;

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
    mlp_core::generate::template(&Product::new(&config::load(config).unwrap().config).unwrap()).unwrap()
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
            let fixed = line.contains("arn:aws") || line.contains("arn:*");
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

/// "IAM and AWS STS quotas": white space does not count.
#[test]
fn every_managed_policy_fits() {
    const MOST: usize = 6144;
    for (name, config) in products() {
        for (id, resource) in template(&config).resources {
            if resource.kind != "AWS::IAM::ManagedPolicy" {
                continue;
            }
            // References are longer or shorter once they are resolved; each gets the room of the longest ARN here.
            let document = resource.properties["PolicyDocument"].to_json();
            let size = resolved(&document).to_string().chars().filter(|c| !c.is_whitespace()).count();
            assert!(size <= MOST, "{name}: {id} has {size} characters, IAM takes {MOST}");
        }
    }
}

/// Pseudo parameters with the longest values that they can have, references with the longest that they have here.
fn resolved(json: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match json {
        Value::Array(items) => items.iter().map(resolved).collect(),
        Value::Object(object) => match object.iter().next() {
            Some((key, Value::String(text))) if object.len() == 1 && key == "Fn::Sub" => Value::String(
                text.replace("${AWS::Partition}", "aws-us-gov")
                    .replace("${AWS::Region}", "ap-southeast-2")
                    .replace("${AWS::AccountId}", "123456789012")
                    .replace("${AWS::URLSuffix}", "amazonaws.com.cn"),
            ),
            Some((key, _)) if object.len() == 1 && (key == "Ref" || key == "Fn::GetAtt") => {
                Value::String("x".repeat(80))
            }
            _ => object.iter().map(|(key, value)| (key.clone(), resolved(value))).collect(),
        },
        other => other.clone(),
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
