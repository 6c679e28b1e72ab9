//! How long a config takes: `cargo bench -p mlp-product --bench config`.

#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::time::Instant;

use divan::{Bencher, black_box};
use mlp_product::config;
use mlp_template::yaml::{self, Limits};

const STARTER: &[u8] = include_bytes!(
    "../../../configs/examples/starter/techcorp-prod-a001-us-west-2-customer-churn-ml-s3.yaml"
);
const ENTERPRISE: &[u8] = include_bytes!(
    "../../../configs/examples/enterprise/globalbank-prod-c001-us-west-2-demand-forecasting-ml-s3-standalone-direct-rtb.yaml"
);
const TEN_MISTAKES: &[u8] = include_bytes!("../../../tests/golden/configs/ten-mistakes.yaml");

/// As in what is deployed.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    // The schemas are compiled once, at the first config.
    let start = Instant::now();
    let _ = config::load(ENTERPRISE);
    println!("first config, with the schemas compiled: {:?}", start.elapsed());
    divan::main();
}

const TIERS: [&str; 2] = ["starter", "enterprise"];

fn example(tier: &str) -> &'static [u8] {
    if tier == "starter" { STARTER } else { ENTERPRISE }
}

/// From bytes to a typed config.
#[divan::bench(args = TIERS)]
fn load(bencher: Bencher<'_, '_>, tier: &str) {
    bencher.bench(|| config::load(black_box(example(tier))).is_ok());
}

/// The YAML part of it.
#[divan::bench(args = TIERS)]
fn parse(bencher: Bencher<'_, '_>, tier: &str) {
    bencher.bench(|| yaml::load(black_box(example(tier)), &Limits::config()).is_ok());
}

/// The rest: schemas, types, checks.
#[divan::bench(args = TIERS)]
fn read(bencher: Bencher<'_, '_>, tier: &str) {
    let document = yaml::load(example(tier), &Limits::config()).unwrap();
    bencher.bench(|| config::read(black_box(&document)).is_ok());
}

#[divan::bench]
fn ten_mistakes() -> bool {
    config::load(black_box(TEN_MISTAKES)).is_err()
}
