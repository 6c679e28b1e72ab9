//! AWS regions of all partitions.

use super::fields::FieldError;

/// An AWS region of any partition.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Region(&'static str);

/// Partitions with their regions. Source: botocore's `endpoints.json` and `partitions.json` of 2026-11.
const PARTITIONS: [(&str, &[&str]); 8] = [
    (
        "aws",
        &[
            "af-south-1",
            "ap-east-1",
            "ap-east-2",
            "ap-northeast-1",
            "ap-northeast-2",
            "ap-northeast-3",
            "ap-south-1",
            "ap-south-2",
            "ap-southeast-1",
            "ap-southeast-2",
            "ap-southeast-3",
            "ap-southeast-4",
            "ap-southeast-5",
            "ap-southeast-6",
            "ap-southeast-7",
            "ca-central-1",
            "ca-west-1",
            "eu-central-1",
            "eu-central-2",
            "eu-north-1",
            "eu-south-1",
            "eu-south-2",
            "eu-west-1",
            "eu-west-2",
            "eu-west-3",
            "il-central-1",
            "me-central-1",
            "me-south-1",
            "me-west-1",
            "mx-central-1",
            "sa-east-1",
            "sa-west-1",
            "us-east-1",
            "us-east-2",
            "us-west-1",
            "us-west-2",
        ],
    ),
    ("aws-cn", &["cn-north-1", "cn-northwest-1"]),
    ("aws-us-gov", &["us-gov-east-1", "us-gov-west-1"]),
    ("aws-iso", &["us-iso-east-1", "us-iso-west-1"]),
    ("aws-iso-b", &["us-isob-east-1", "us-isob-west-1"]),
    ("aws-iso-e", &["eu-isoe-west-1"]),
    ("aws-iso-f", &["us-isof-east-1", "us-isof-south-1"]),
    ("aws-eusc", &["eusc-de-east-1"]),
];

/// Regions whose list of CloudFormation types lacks `AWS::SageMaker::ModelPackageGroup`.
/// Source: the resource provider schemas by region that cfn-lint 1.58 ships.
const WITHOUT_MODEL_REGISTRY: [&str; 7] = [
    "ap-east-2",
    "ap-south-2",
    "ap-southeast-4",
    "ap-southeast-6",
    "cn-north-1",
    "cn-northwest-1",
    "us-gov-east-1",
];

impl Region {
    /// What is allowed, in words.
    pub const ALLOWED: &'static str = "the name of an AWS region, such as `us-west-2`";

    /// Parses the name of a region.
    ///
    /// # Errors
    ///
    /// When no partition has the region.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        Self::all()
            .find(|region| region.0 == text)
            .ok_or_else(|| FieldError(format!("`{text}` is no AWS region: {} is allowed", Self::ALLOWED)))
    }

    /// Every region that this version knows.
    pub fn all() -> impl Iterator<Item = Self> {
        PARTITIONS.iter().flat_map(|(_, regions)| regions.iter().map(|name| Self(name)))
    }

    /// The name as text.
    pub fn as_str(&self) -> &'static str {
        self.0
    }

    /// `aws`, `aws-cn`, `aws-us-gov`, ...
    pub fn partition(&self) -> &'static str {
        PARTITIONS
            .iter()
            .find(|(_, regions)| regions.contains(&self.0))
            .map_or("aws", |(partition, _)| partition)
    }

    /// The short code for global names, unique over all partitions: `us-west-2` is `usw2`, `ap-southeast-1` `apse1`.
    ///
    /// ```
    /// # use mlp_core::config::Region;
    /// assert_eq!(Region::parse("us-gov-west-1").unwrap().short_code(), "usgw1");
    /// ```
    pub fn short_code(&self) -> String {
        let (first, rest) = self.0.split_once('-').unwrap_or((self.0, ""));
        let mut code = first.to_owned();
        for word in rest.split('-') {
            code.push_str(match word {
                "northeast" => "ne",
                "northwest" => "nw",
                "southeast" => "se",
                "southwest" => "sw",
                "gov" => "g",
                "iso" => "i",
                "isob" => "ib",
                "isoe" => "ie",
                "isof" => "if",
                "north" | "south" | "east" | "west" | "central" => word.get(..1).unwrap_or(word),
                other => other,
            });
        }
        code
    }

    /// Whether CloudFormation can make a model registry there.
    pub fn has_model_registry(&self) -> bool {
        !WITHOUT_MODEL_REGISTRY.contains(&self.0)
    }
}

impl std::fmt::Display for Region {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_regions_share_a_short_code() {
        let codes: BTreeSet<String> = Region::all().map(|region| region.short_code()).collect();
        assert_eq!(codes.len(), Region::all().count());
        assert!(
            codes.iter().all(|code| code.len() <= 8 && code.bytes().all(|b| b.is_ascii_alphanumeric())),
            "{codes:?}"
        );
    }

    #[test]
    fn the_partition_follows_from_the_region() {
        for (region, partition) in [
            ("us-west-2", "aws"),
            ("us-gov-west-1", "aws-us-gov"),
            ("cn-north-1", "aws-cn"),
            ("eusc-de-east-1", "aws-eusc"),
        ] {
            assert_eq!(Region::parse(region).unwrap().partition(), partition);
        }
        assert!(Region::parse("us-west-3").is_err());
    }
}
