//! The security checks on a finished template.
//!
//! `cargo xtask bench`, or `cargo bench -p mlp-product --bench security`.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::path::Path;

use divan::Bencher;
use mlp_product::actions::{self, Suite};
use mlp_product::product::Product;
use mlp_product::{config, generate};
use mlp_template::security::{self, RuleFile, Rules};
use mlp_template::template::Template;

/// As in what is deployed.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    divan::main();
}

const ENTERPRISE: &str =
    "enterprise/globalbank-prod-c001-us-west-2-demand-forecasting-ml-codecommit-standalone-ssm";

fn example() -> Vec<u8> {
    let path = format!("../../configs/examples/{ENTERPRISE}.yaml");
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn template() -> Template {
    generate::template(&Product::new(&config::load(&example()).unwrap().config).unwrap()).unwrap()
}

#[divan::bench]
fn built_in_checks(bencher: Bencher<'_, '_>) {
    let (template, rules) = (template(), Rules::none());
    bencher.bench(|| security::check(divan::black_box(&template), None, &rules));
}

#[divan::bench]
fn with_a_rule_of_the_organisation(bencher: Bencher<'_, '_>) {
    let text =
        b"rule named { Resources.*[ Type == \"AWS::S3::Bucket\" ].Properties.BucketName exists }".to_vec();
    let (template, rules) =
        (template(), Rules::parse(&[RuleFile { name: "rules/a.guard".to_owned(), text }]));
    bencher.bench(|| security::check(divan::black_box(&template), None, &rules));
}

/// Config text to template text with all checks.
#[divan::bench]
fn config_text_to_checked_template(bencher: Bencher<'_, '_>) {
    let (config, rules) = (example(), Rules::none());
    bencher.bench(|| {
        actions::create_prov_template(divan::black_box(&config), &Suite::default(), &rules).unwrap()
    });
}

/// Everything that the function stores: template, policies, review report.
#[divan::bench]
fn everything_from_a_config(bencher: Bencher<'_, '_>) {
    let (config, rules) = (example(), Rules::none());
    bencher.bench(|| actions::generate(divan::black_box(&config), &Suite::default(), &rules).unwrap());
}
