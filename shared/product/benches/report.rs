//! The review report.
//!
//! `cargo bench -p mlp-product --bench report`.

#![expect(clippy::unwrap_used, reason = "a benchmark may stop at the first surprise")]

use std::path::Path;

use divan::Bencher;
use mlp_product::product::Product;
use mlp_product::suite::Suite;
use mlp_product::{config, generate, report};

fn main() {
    divan::main();
}

const EXAMPLES: [(&str, &str); 3] = [
    ("starter", "techcorp-prod-a001-us-west-2-customer-churn-ml-codecommit"),
    ("professional", "edge-prod-b001-us-west-2-fraud-detection-ml-codecommit"),
    ("enterprise", "globalbank-prod-c001-us-west-2-demand-forecasting-ml-codecommit-standalone-ssm"),
];

fn product(tier: &str) -> Product {
    let (_, name) = EXAMPLES.iter().find(|(candidate, _)| *candidate == tier).unwrap();
    let path = format!("../../configs/examples/{tier}/{name}.yaml");
    let bytes = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    Product::new(&config::load(&bytes).unwrap().config).unwrap()
}

/// From a product and its template to the whole page.
#[divan::bench(args = ["starter", "professional", "enterprise"])]
fn review_report(bencher: Bencher<'_, '_>, tier: &str) {
    let product = product(tier);
    let template = generate::template(&product).unwrap();
    bencher.bench(|| {
        let review = report::Review {
            product: &product,
            template: &template,
            findings: &[],
            suite: &Suite::default(),
        };
        report::html(divan::black_box(&review)).unwrap()
    });
}
