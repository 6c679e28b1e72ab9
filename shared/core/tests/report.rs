//! The review report: what stands in it, that nothing in it is markup of somebody else's, and golden pages.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};

use mlp_core::actions::{self, Suite};
use mlp_core::finding::Finding;
use mlp_core::product::Product;
use mlp_core::report::{self, Review};
use mlp_core::template::Template;
use mlp_core::{codes, config, generate};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What the report shows of a config, with the findings of the config and more.
fn page(config: &[u8], more: &[Finding]) -> String {
    let mut findings = actions::validate_config(config, &Suite::default()).unwrap().outcome.findings;
    findings.extend(more.iter().cloned());
    let (product, template) = made(config);
    report::html(&Review { product: &product, template: &template, findings: &findings }).unwrap()
}

fn made(config: &[u8]) -> (Product, Template) {
    let product = Product::new(&config::load(config).unwrap().config).unwrap();
    let template = generate::template(&product).unwrap();
    (product, template)
}

/// The goldens: each tier, both sources, both VPC modes, the longest names, another partition, and hostile texts.
const GOLDENS: [&str; 7] = [
    "configs/examples/starter/techcorp-prod-a001-us-west-2-customer-churn-ml-s3.yaml",
    "configs/examples/professional/edge-prod-b001-us-west-2-fraud-detection-ml-codecommit.yaml",
    "configs/examples/enterprise/globalbank-prod-c001-us-west-2-demand-forecasting-ml-codecommit-standalone-ssm.yaml",
    "configs/examples/enterprise/globalbank-prod-c001-us-west-2-demand-forecasting-ml-s3-sgprov-direct.yaml",
    "tests/golden/products/enterprise-longest-names.yaml",
    "tests/golden/products/starter-china.yaml",
    "tests/golden/reports/hostile.yaml",
];

fn golden(path: &str) -> (PathBuf, Vec<u8>) {
    let path = Path::new(path);
    let file = root().join("tests/golden/reports").join(path.file_name().unwrap()).with_extension("html");
    (file, fs::read(root().join(path)).unwrap())
}

/// Findings that show every field, among them what an organisation's rule could say.
fn some_findings() -> Vec<Finding> {
    vec![
        Finding::error(codes::TPL_CIRCLE, "/Resources/A/Properties", "`A` and `B` <b>depend</b> on each other")
            .help("take one of the references away")
            .at(12, 3),
        Finding::warning(codes::NEEDS_CLOUDTRAIL, "/ml_product/tier", "</p><script>alert(1)</script>"),
    ]
}

#[test]
fn golden_pages_stay_as_they_are() {
    let mut wrong = Vec::new();
    for path in GOLDENS {
        let (file, config) = golden(path);
        let findings = if path.ends_with("hostile.yaml") { some_findings() } else { Vec::new() };
        let html = page(&config, &findings);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&file, &html).unwrap();
        } else if fs::read_to_string(&file).ok().as_deref() != Some(html.as_str()) {
            wrong.push(file);
        }
    }
    assert!(wrong.is_empty(), "differ (UPDATE_GOLDEN=1 writes them): {wrong:#?}");
}
