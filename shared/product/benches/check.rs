//! Reading and checking templates.
//!
//! `cargo bench -p mlp-product --bench check`.

#![expect(clippy::unwrap_used, reason = "a benchmark may stop at the first surprise")]

use std::path::Path;

use divan::Bencher;
use mlp_template::template::{Template, read};
use mlp_template::{check, yaml};

/// As in what is deployed.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    divan::main();
}

/// The template of the largest product: 41 resources, about 40 KB.
const LARGEST: &str = "globalbank-prod-c001-us-west-2-demand-forecasting-ml-codecommit-standalone-ssm.yaml";

fn text() -> Vec<u8> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/templates");
    std::fs::read(golden.join(LARGEST)).unwrap()
}

fn document() -> yaml::Document {
    yaml::load(&text(), &yaml::Limits::template()).unwrap()
}

fn template() -> Template {
    read::from_document(&document()).0
}

/// What the generator runs on every template that it makes.
#[divan::bench]
fn structure(bencher: Bencher<'_, '_>) {
    let template = template();
    assert!(check::structure(&template).is_empty());
    bencher.bench(|| check::structure(divan::black_box(&template)));
}

#[divan::bench]
fn read_document(bencher: Bencher<'_, '_>) {
    let document = document();
    bencher.bench(|| read::from_document(divan::black_box(&document)));
}

#[divan::bench]
fn read_json(bencher: Bencher<'_, '_>) {
    let json = template().to_json();
    bencher.bench(|| read::from_json(divan::black_box(&json)));
}

/// Everything: bytes to findings.
#[divan::bench]
fn text_to_findings(bencher: Bencher<'_, '_>) {
    let text = text();
    bencher.bench(|| check::text(divan::black_box(&text)));
}
