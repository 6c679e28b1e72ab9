//! AWS's regions.

use std::fmt;

/// An AWS region of any partition.
///
/// ```
/// # use mlp_template::region::Region;
/// let region = Region::parse("us-gov-west-1").unwrap();
/// assert_eq!((region.partition(), region.short_code()), ("aws-us-gov", "usgw1"));
/// assert!(Region::parse("us-west-9").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Region(&'static Row);

#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Row {
    name: &'static str,
    short_code: &'static str,
    partition: &'static Partition,
}

#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Partition {
    name: &'static str,
    dns_suffix: &'static str,
}

impl Region {
    /// What is allowed, in words.
    pub const ALLOWED: &'static str = "the name of an AWS region";

    /// Parses a region's name.
    ///
    /// # Errors
    ///
    /// When this version knows no such region.
    pub fn parse(text: &str) -> Result<Self, UnknownRegion> {
        REGIONS.iter().find(|row| row.name == text).map(Self).ok_or(UnknownRegion)
    }

    /// Every region that this version knows, by partition.
    pub fn all() -> impl Iterator<Item = Self> {
        REGIONS.iter().map(Self)
    }

    /// The name, such as `us-west-2`.
    pub fn as_str(&self) -> &str {
        self.0.name
    }

    /// `aws`, `aws-cn`, `aws-us-gov`, ...
    pub fn partition(&self) -> &'static str {
        self.0.partition.name
    }

    /// What service endpoints end with, such as `amazonaws.com`.
    pub fn dns_suffix(&self) -> &'static str {
        self.0.partition.dns_suffix
    }

    /// The short code for global names: `us-west-2` is `usw2`. No two regions share one, and none ever changes.
    pub fn short_code(&self) -> &'static str {
        self.0.short_code
    }
}

/// No region that this version knows: see [`Region::ALLOWED`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownRegion;

impl fmt::Display for UnknownRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this is not {}", Region::ALLOWED)
    }
}

impl std::error::Error for UnknownRegion {}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

const AWS: &Partition = &Partition { name: "aws", dns_suffix: "amazonaws.com" };
const CHINA: &Partition = &Partition { name: "aws-cn", dns_suffix: "amazonaws.com.cn" };
const US_GOV: &Partition = &Partition { name: "aws-us-gov", dns_suffix: "amazonaws.com" };
const ISO: &Partition = &Partition { name: "aws-iso", dns_suffix: "c2s.ic.gov" };
const ISO_B: &Partition = &Partition { name: "aws-iso-b", dns_suffix: "sc2s.sgov.gov" };
const ISO_E: &Partition = &Partition { name: "aws-iso-e", dns_suffix: "cloud.adc-e.uk" };
const ISO_F: &Partition = &Partition { name: "aws-iso-f", dns_suffix: "csp.hci.ic.gov" };
const EU: &Partition = &Partition { name: "aws-eusc", dns_suffix: "amazonaws.eu" };

const fn region(partition: &'static Partition, name: &'static str, short_code: &'static str) -> Row {
    Row { name, short_code, partition }
}

/// Every region.
///
/// Names and partitions: `partitions.json` and `endpoints.json` of botocore 1.43.127. Short codes are ours.
static REGIONS: &[Row] = &[
    region(AWS, "af-south-1", "afs1"),
    region(AWS, "ap-east-1", "ape1"),
    region(AWS, "ap-east-2", "ape2"),
    region(AWS, "ap-northeast-1", "apne1"),
    region(AWS, "ap-northeast-2", "apne2"),
    region(AWS, "ap-northeast-3", "apne3"),
    region(AWS, "ap-south-1", "aps1"),
    region(AWS, "ap-south-2", "aps2"),
    region(AWS, "ap-southeast-1", "apse1"),
    region(AWS, "ap-southeast-2", "apse2"),
    region(AWS, "ap-southeast-3", "apse3"),
    region(AWS, "ap-southeast-4", "apse4"),
    region(AWS, "ap-southeast-5", "apse5"),
    region(AWS, "ap-southeast-6", "apse6"),
    region(AWS, "ap-southeast-7", "apse7"),
    region(AWS, "ca-central-1", "cac1"),
    region(AWS, "ca-west-1", "caw1"),
    region(AWS, "eu-central-1", "euc1"),
    region(AWS, "eu-central-2", "euc2"),
    region(AWS, "eu-north-1", "eun1"),
    region(AWS, "eu-south-1", "eus1"),
    region(AWS, "eu-south-2", "eus2"),
    region(AWS, "eu-west-1", "euw1"),
    region(AWS, "eu-west-2", "euw2"),
    region(AWS, "eu-west-3", "euw3"),
    region(AWS, "il-central-1", "ilc1"),
    region(AWS, "me-central-1", "mec1"),
    region(AWS, "me-south-1", "mes1"),
    region(AWS, "me-west-1", "mew1"),
    region(AWS, "mx-central-1", "mxc1"),
    region(AWS, "sa-east-1", "sae1"),
    region(AWS, "sa-west-1", "saw1"),
    region(AWS, "us-east-1", "use1"),
    region(AWS, "us-east-2", "use2"),
    region(AWS, "us-west-1", "usw1"),
    region(AWS, "us-west-2", "usw2"),
    region(CHINA, "cn-north-1", "cnn1"),
    region(CHINA, "cn-northwest-1", "cnnw1"),
    region(US_GOV, "us-gov-east-1", "usge1"),
    region(US_GOV, "us-gov-west-1", "usgw1"),
    region(ISO, "us-iso-east-1", "usie1"),
    region(ISO, "us-iso-west-1", "usiw1"),
    region(ISO_B, "us-isob-east-1", "usibe1"),
    region(ISO_B, "us-isob-west-1", "usibw1"),
    region(ISO_E, "eu-isoe-west-1", "euiew1"),
    region(ISO_F, "us-isof-east-1", "usife1"),
    region(ISO_F, "us-isof-south-1", "usifs1"),
    region(EU, "eusc-de-east-1", "euscde1"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_regions_share_a_name_or_a_short_code() {
        let names: BTreeSet<_> = REGIONS.iter().map(|row| row.name).collect();
        let codes: BTreeSet<_> = REGIONS.iter().map(|row| row.short_code).collect();
        assert_eq!((names.len(), codes.len()), (REGIONS.len(), REGIONS.len()));
    }

    #[test]
    fn a_short_code_is_made_of_the_initials_and_number_of_its_region() {
        for row in REGIONS {
            assert!(row.short_code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
            let mut letters = row.name.chars().filter(|letter| *letter != '-');
            assert!(row.short_code.chars().all(|c| letters.any(|letter| letter == c)), "{}", row.name);
            assert_eq!(row.name.chars().last(), row.short_code.chars().last());
        }
    }

    #[test]
    fn every_partition_has_a_region() {
        let partitions: BTreeSet<_> = REGIONS.iter().map(|row| row.partition.name).collect();
        assert_eq!(
            partitions.into_iter().collect::<Vec<_>>(),
            ["aws", "aws-cn", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-us-gov"]
        );
    }
}
