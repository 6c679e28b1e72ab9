//! From config text to template text.
//!
//! `cargo xtask bench`, or `cargo bench -p mlp-product`.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::path::Path;

use divan::Bencher;
use mlp_product::actions::{self, Suite};
use mlp_product::config;
use mlp_product::generate;
use mlp_product::product::Product;
use mlp_template::security::Rules;

/// As in what is deployed.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    divan::main();
}

const EXAMPLES: [(&str, &str); 3] = [
    ("starter", "techcorp-prod-a001-us-west-2-customer-churn-ml-codecommit"),
    ("professional", "edge-prod-b001-us-west-2-fraud-detection-ml-codecommit"),
    ("enterprise", "globalbank-prod-c001-us-west-2-demand-forecasting-ml-codecommit-standalone-ssm"),
];

fn example(tier: &str) -> Vec<u8> {
    let (_, name) = EXAMPLES.iter().find(|(candidate, _)| *candidate == tier).unwrap();
    let path = format!("configs/examples/{tier}/{name}.yaml");
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)).unwrap()
}

/// Config text to template text, one product.
#[divan::bench(args = ["starter", "professional", "enterprise"])]
fn config_text_to_template_text(bencher: Bencher<'_, '_>, tier: &str) {
    let config = example(tier);
    bencher.bench(|| {
        let loaded = config::load(divan::black_box(&config)).unwrap();
        generate::template(&Product::new(&loaded.config).unwrap()).unwrap().to_yaml()
    });
}

/// The whole action, as every front end asks for it: with hashes, counts and findings.
#[divan::bench(args = ["starter", "professional", "enterprise"])]
fn create_prov_template(bencher: Bencher<'_, '_>, tier: &str) {
    let config = example(tier);
    bencher.bench(|| {
        actions::create_prov_template(divan::black_box(&config), &Suite::default(), &Rules::none()).unwrap()
    });
}

/// Only the first step of it.
#[divan::bench(args = ["starter", "professional", "enterprise"])]
fn load_config(bencher: Bencher<'_, '_>, tier: &str) {
    let config = example(tier);
    bencher.bench(|| config::load(divan::black_box(&config)).unwrap());
}

/// Only the second step.
#[divan::bench(args = ["starter", "professional", "enterprise"])]
fn build_template(bencher: Bencher<'_, '_>, tier: &str) {
    let config = config::load(&example(tier)).unwrap().config;
    bencher.bench(|| generate::template(&Product::new(divan::black_box(&config)).unwrap()).unwrap());
}

/// Only the last step.
#[divan::bench(args = ["starter", "professional", "enterprise"])]
fn write_yaml(bencher: Bencher<'_, '_>, tier: &str) {
    let template =
        generate::template(&Product::new(&config::load(&example(tier)).unwrap().config).unwrap()).unwrap();
    bencher.bench(|| divan::black_box(&template).to_yaml());
}
