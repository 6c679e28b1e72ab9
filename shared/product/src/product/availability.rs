//! Which of a product's resource types its region lacks.
//!
//! The table is `schemas/regions.yaml`; `tests/mlp_tests/tables/regions.py` makes it from cfn-lint's lists of resource types and
//! botocore's endpoints, and says what its words mean.

use std::sync::LazyLock;

use indexmap::IndexMap;
use mlp_template::region::Region;
use mlp_template::yaml;
use serde::Deserialize;

use super::Product;

/// The table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    sources: Vec<String>,
    unknown: Vec<String>,
    types: IndexMap<String, Row>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    missing: Vec<String>,
    unlisted: Vec<String>,
}

const TEXT: &str = include_str!("../../../../schemas/regions.yaml");

/// The table; `None` only when the file is broken, which the tests rule out.
static TABLE: LazyLock<Option<Table>> = LazyLock::new(|| {
    let document = yaml::load(TEXT.as_bytes(), &yaml::Limits::config()).ok()?;
    serde_json::from_value(document.to_json()).ok()
});

/// Whether a region offers a resource type, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// It does.
    Offered,
    /// CloudFormation lists the type there, and no endpoint of its service is known.
    Doubtful,
    /// It doesn't.
    Missing,
    /// Nothing is known of the region, or of the type.
    Unknown,
}

/// Whether a region offers a resource type.
///
/// ```
/// # use mlp_template::region::Region;
/// # use mlp_product::product::availability::{Offer, offer};
/// let mexico = Region::parse("mx-central-1").unwrap();
/// assert_eq!(offer("AWS::CodeBuild::Project", &mexico), Offer::Missing);
/// assert_eq!(offer("AWS::S3::Bucket", &mexico), Offer::Offered);
/// ```
pub fn offer(kind: &str, region: &Region) -> Offer {
    let Some(table) = TABLE.as_ref() else { return Offer::Unknown };
    let is_in = |regions: &[String]| regions.iter().any(|it| it == region.as_str());
    match table.types.get(kind) {
        Some(_) if is_in(&table.unknown) => Offer::Unknown,
        Some(row) if is_in(&row.missing) => Offer::Missing,
        Some(row) if is_in(&row.unlisted) => Offer::Doubtful,
        Some(_) => Offer::Offered,
        None => Offer::Unknown,
    }
}

/// The resource types of the table, in its order.
pub fn types() -> impl Iterator<Item = &'static str> {
    TABLE.iter().flat_map(|table| table.types.keys().map(String::as_str))
}

/// What the table is made from, with versions.
pub fn sources() -> impl Iterator<Item = &'static str> {
    TABLE.iter().flat_map(|table| table.sources.iter().map(String::as_str))
}

/// The resource types of a product with one answer in its region, each once, in reading order.
pub fn with(product: &Product, answer: Offer) -> Vec<&'static str> {
    let mut found = Vec::new();
    for spec in product.resources.values() {
        let kind = spec.kind.as_str();
        if !found.contains(&kind) && offer(kind, &product.region) == answer {
            found.push(kind);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Tier;
    use crate::product::blueprint;

    #[test]
    fn the_table_has_every_type_of_every_tier_and_only_regions_that_there_are() {
        let table = TABLE.as_ref().unwrap();
        for tier in Tier::ALL {
            for spec in blueprint(tier).unwrap().resources.values() {
                assert!(table.types.contains_key(&spec.kind), "{}", spec.kind);
            }
        }
        let rows = table.types.values().flat_map(|row| row.missing.iter().chain(&row.unlisted));
        for name in rows.chain(&table.unknown) {
            assert!(Region::parse(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn each_answer_is_given_somewhere() {
        let of = |kind, region| offer(kind, &Region::parse(region).unwrap());
        assert_eq!(of("AWS::SageMaker::ModelPackageGroup", "us-gov-east-1"), Offer::Missing);
        assert_eq!(of("AWS::CodePipeline::Pipeline", "ap-southeast-7"), Offer::Doubtful);
        assert_eq!(of("AWS::CodePipeline::Pipeline", "us-west-2"), Offer::Offered);
        assert_eq!(of("AWS::S3::Bucket", "me-west-1"), Offer::Unknown);
        assert_eq!(of("AWS::Elsewhere::Thing", "us-west-2"), Offer::Unknown);
    }
}
