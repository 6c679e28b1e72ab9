//! Values that can't be wrong: each is parsed once, at the edge, and carries its rule in its type.
//!
//! The rules of a YAML config stand in `schemas/config*.schema.json`. Other front ends build a config without YAML, so
//! each type keeps its rule too; `shared/product/tests/fields.rs` shows that both say the same about any text.

use std::fmt::{self, Write as _};
use std::net::Ipv4Addr;

use mlp_template::printable::is_unseen;

/// Why a text is not a value of the field's type, in words for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError(pub String);

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FieldError {}

/// A text as messages show it: in backticks, see [`short`].
pub(super) fn shown(text: &str) -> String {
    format!("`{}`", short(text))
}

/// A text on one line and not endless. What can't be seen is shown by its number.
pub(super) fn short(text: &str) -> String {
    const MOST: usize = 80;
    let mut line = String::new();
    for c in text.chars().take(MOST) {
        if c.is_control() {
            line.extend(c.escape_debug());
        } else if is_unseen(c) {
            // Writing to a String can't fail.
            let _ = write!(line, "[U+{:04X}]", u32::from(c));
        } else {
            line.push(c);
        }
    }
    if text.chars().nth(MOST).is_some() {
        line.push('…');
    }
    line
}

macro_rules! text_field {
    ($(#[$doc:meta])* $name:ident, $rule:expr, $allowed:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// What is allowed, in words.
            pub const ALLOWED: &'static str = $allowed;

            /// Parses the value.
            ///
            /// # Errors
            ///
            /// When the text breaks the rule; the error says what is allowed.
            pub fn parse(text: &str) -> Result<Self, FieldError> {
                let rule: fn(&str) -> bool = $rule;
                if rule(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(FieldError(format!("{} is not allowed here: {}", shown(text), $allowed)))
                }
            }

            /// The value as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// Whether the text has one to `max` characters, is no blank and has no control characters (line breaks are some).
fn one_line(text: &str, max: usize) -> bool {
    text.chars().count() <= max
        && !text.chars().any(|c| c.is_control() || hides(c))
        && !text.trim().is_empty()
}

/// Characters that nobody sees and that change how the text around them is read: directions of writing, characters without
/// a width, separators of lines. The schema's patterns have the same.
fn hides(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// `^[a-z][a-z0-9-]*[a-z0-9]$` between `min` and `max` characters.
fn kebab(text: &str, min: usize, max: usize) -> bool {
    (min..=max).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.bytes().all(|b| lower_or_digit(b) || b == b'-')
}

fn lower_or_digit(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

/// `prefix` and 8 or 17 lower-case hexadecimal digits: the two shapes that EC2 hands out.
fn ec2_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|id| {
        (id.len() == 8 || id.len() == 17) && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// One `@`, a local part of the characters that HTML's `<input type=email>` takes, a domain with a dot.
///
/// A label has at most 63 characters (RFC 1035, section 2.3.4; RFC 5321, section 4.5.3.1.2, refers to it). The dots of the
/// local part are between other characters (RFC 5321, section 4.1.2, and RFC 5322, section 3.2.3: `dot-atom`).
fn email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let label = |label: &str| {
        label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 254
        && (1..=64).contains(&local.len())
        && local.split('.').all(|part| !part.is_empty())
        && local.bytes().all(|b| b.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&b))
        && domain.split('.').all(label)
        && domain.rsplit_once('.').is_some_and(|(_, top)| {
            top.len() >= 2 && top.starts_with(|first: char| first.is_ascii_alphabetic())
        })
}

/// What `PutParameter` accepts, and AWS's public parameters.
fn ssm_path(text: &str) -> bool {
    let public = ["/aws/service/", "/aws/reference/secretsmanager/"];
    let reserved = text
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case("/aws") || start.eq_ignore_ascii_case("/ssm"));
    let level = |level: &str| {
        !level.is_empty() && level.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
    };
    text.len() <= 1011
        && (!reserved || public.iter().any(|start| text.starts_with(start)))
        && text
            .strip_prefix('/')
            .is_some_and(|path| path.split('/').count() <= 15 && path.split('/').all(level))
}

/// Four numbers up to 255 and a prefix length, with no bit set behind the prefix.
fn cidr(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else { return false };
    let plain = |digits: &str| digits == "0" || digits.starts_with(|first: char| matches!(first, '1'..='9'));
    let (Ok(address), Ok(bits)) = (address.parse::<Ipv4Addr>(), length.parse::<u32>()) else { return false };
    plain(length) && bits <= 32 && network_of(address, bits) == address
}

/// The network that an address lies in.
fn network_of(address: Ipv4Addr, bits: u32) -> Ipv4Addr {
    let mask = u32::MAX.checked_shl(32_u32.saturating_sub(bits)).unwrap_or(0);
    Ipv4Addr::from_bits(address.to_bits() & mask)
}

/// The general purpose bucket naming rules.
fn bucket(text: &str) -> bool {
    let ends = |byte: Option<u8>| byte.is_some_and(lower_or_digit);
    let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    (3..=63).contains(&text.len())
        && text.bytes().all(|b| lower_or_digit(b) || b".-".contains(&b))
        && ends(text.bytes().next())
        && ends(text.bytes().last())
        && !text.contains("..")
        && !(text.split('.').count() == 4 && text.split('.').all(number))
        && reserved_affix(text).is_none()
}

/// The beginning or ending of a bucket's name that S3 keeps for itself.
fn reserved_affix(bucket: &str) -> Option<&'static str> {
    const BEGINNINGS: [&str; 3] = ["xn--", "sthree-", "amzn-s3-demo-"];
    const ENDINGS: [&str; 5] = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];
    BEGINNINGS
        .into_iter()
        .find(|beginning| bucket.starts_with(beginning))
        .or_else(|| ENDINGS.into_iter().find(|ending| bucket.ends_with(ending)))
}

/// A load balancer of any generation: `loadbalancer/<name>`, or `loadbalancer/app|net|gwy/<name>/<id>`.
///
/// Source: Service Authorization Reference, "Resource types defined by Elastic Load Balancing (V2)"; a name has up to 32
/// letters, digits and hyphens (API Reference, `CreateLoadBalancer`).
fn load_balancer_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let ["arn", partition, "elasticloadbalancing", region, account, resource] = parts.as_slice() else {
        return false;
    };
    let name = |name: &str| {
        (1..=32).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let words = |text: &str| !text.is_empty() && text.bytes().all(|b| lower_or_digit(b) || b == b'-');
    let generation = |kind: &str| matches!(kind, "app" | "net" | "gwy");
    let id = |id: &str| (1..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric());
    partition.starts_with("aws")
        && words(partition)
        && words(region)
        && account.len() == 12
        && account.bytes().all(|b| b.is_ascii_digit())
        && match resource.split('/').collect::<Vec<_>>().as_slice() {
            ["loadbalancer", classic] => name(classic),
            ["loadbalancer", kind, balancer, own] => generation(kind) && name(balancer) && id(own),
            _ => false,
        }
}

/// CodePipeline takes at most 1,000 characters in a value of an action's configuration, here `<prefix>/model-deploy.zip`.
///
/// Sources: CodePipeline API Reference, `ActionDeclaration` (`configuration`), and botocore's `ActionConfigurationValue`.
const LONGEST_PREFIX: usize = 1000 - "/model-deploy.zip".len();

/// A key, single-region (a UUID) or multi-region (`mrk-`); no alias, because policies name keys.
///
/// Sources: Service Authorization Reference, "Resource types defined by AWS KMS"; KMS Developer Guide, "Key identifiers".
fn kms_key_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let ["arn", partition, "kms", region, account, key] = parts.as_slice() else { return false };
    let is_partition = partition.strip_prefix("aws").is_some_and(|rest| {
        rest.len() <= 20 && rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
    });
    let hexadecimal = |text: &str, digits: usize| {
        text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_uuid = |id: &str| {
        let groups: Vec<&str> = id.split('-').collect();
        groups.len() == 5
            && groups.iter().zip([8, 4, 4, 4, 12]).all(|(group, digits)| hexadecimal(group, digits))
    };
    is_partition
        && (1..=40).contains(&region.len())
        && region.bytes().all(|byte| lower_or_digit(byte) || byte == b'-')
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && key
            .strip_prefix("key/")
            .is_some_and(|id| id.strip_prefix("mrk-").map_or_else(|| is_uuid(id), |id| hexadecimal(id, 32)))
}

/// A bucket, and segments of a key: no empty one, no `.` and `..`, and only characters that S3 calls safe, without the
/// `*` that would be a wildcard in a policy.
fn s3_prefix(text: &str) -> bool {
    let mut parts = text.split('/');
    text.split_once('/').is_none_or(|(_, prefix)| prefix.len() <= LONGEST_PREFIX)
        && parts.next().is_some_and(bucket)
        && parts.all(|part| {
            !matches!(part, "" | "." | "..")
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!_.'()=-".contains(&b))
        })
}

/// Whose bucket a name is that sources and data can't be in: a product's (`...-ml-artifacts`) or a suite's
/// (`mlp-<account>-<region>`). Roles of the product would be allowed to read what others keep there.
pub fn reserved_bucket(name: &str) -> Option<&'static str> {
    let of_suite = || {
        let (account, region) = name.strip_prefix("mlp-")?.split_once('-')?;
        (AccountId::parse(account).is_ok() && mlp_template::region::Region::parse(region).is_ok())
            .then_some(())
    };
    if name.ends_with("-ml-artifacts") {
        Some("the artifacts bucket of a product")
    } else {
        of_suite().map(|()| "the bucket of a suite")
    }
}

/// One of CodeBuild's own Linux images, or an image of another registry.
fn image(text: &str) -> bool {
    text.len() <= 512
        && match text.strip_prefix("aws/codebuild/") {
            Some(own) => own
                .split_once(':')
                .is_some_and(|(name, version)| CODEBUILD_IMAGES.contains(&name) && image_version(version)),
            None => {
                text.starts_with(|first: char| first.is_ascii_alphanumeric())
                    && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:/@-".contains(&b))
            }
        }
}

/// Images for `LINUX_CONTAINER` and `ARM_CONTAINER`; the ones for Lambda, Windows and macOS run elsewhere.
const CODEBUILD_IMAGES: [&str; 5] = [
    "amazonlinux-aarch64-standard",
    "amazonlinux-x86_64-standard",
    "amazonlinux2-aarch64-standard",
    "amazonlinux2-x86_64-standard",
    "standard",
];

/// `5.0`, or with a date such as `5.0-24.10.29`.
fn image_version(text: &str) -> bool {
    let (version, date) = text.split_once('-').map_or((text, None), |(version, date)| (version, Some(date)));
    let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    version.split_once('.').is_some_and(|(major, minor)| number(major) && number(minor))
        && date.is_none_or(|date| !date.is_empty() && date.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
}

text_field!(
    /// A company's name as people write it.
    CompanyName,
    |text| one_line(text, 100),
    "1-100 characters on one line, without invisible ones"
);
text_field!(
    /// First part of every name; may contain hyphens (`globalbank-europe`).
    CompanyPrefix,
    |text| kebab(text, 2, 20),
    "2-20 lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen"
);
text_field!(
    /// An AWS account id. Text, because it may start with zeros.
    AccountId,
    |text| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()),
    "exactly 12 digits, in quotes"
);
text_field!(
    /// A tenant inside the account, such as `c001`.
    TenantId,
    |text| (2..=8).contains(&text.len()) && text.bytes().all(lower_or_digit),
    "2-8 lower-case letters and digits"
);
text_field!(
    /// What the models are for.
    UseCase,
    |text| kebab(text, 2, 20),
    "2-20 lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen"
);
text_field!(
    /// Tells several products of one use case apart.
    Workload,
    |text| kebab(text, 2, 20),
    "2-20 lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen"
);
text_field!(
    /// A product name of the user's own in place of the generated `ml_name`.
    ProductName,
    |text| kebab(text, 4, 100) && text.ends_with("-ml"),
    "4-100 lower-case letters, digits and hyphens that start with a letter and end with `-ml`"
);

impl ProductName {
    /// The name with one more part before its end: `fraud-ml` and `usw2` give `fraud-usw2-ml`.
    pub fn with_part(&self, part: &str) -> String {
        let stem = self.0.strip_suffix("-ml").unwrap_or(&self.0);
        format!("{stem}-{part}-ml")
    }

    /// As [`Self::with_part`], with as much of the name as the longest name allows.
    pub fn cut_with_part(&self, part: &str) -> String {
        /// `productName` in `schemas/config.schema.json`.
        const LONGEST: usize = 100;
        let stem = self.0.strip_suffix("-ml").unwrap_or(&self.0);
        let over = self.with_part(part).len().saturating_sub(LONGEST);
        // Names are ASCII, so bytes are characters here.
        let kept = stem.get(..stem.len().saturating_sub(over)).unwrap_or(stem);
        format!("{kept}-{part}-ml")
    }
}

text_field!(
    /// An e-mail address.
    Email,
    email,
    "an e-mail address such as `ml-alerts@example.com`"
);
text_field!(
    /// The full name of an SSM parameter, such as `/vpc/main/VPCId`.
    SsmPath,
    ssm_path,
    "the path of an SSM parameter such as `/vpc/main/VPCId`: `/` and up to 15 levels of letters, digits and `_ . -`, not \
     beginning with `/aws` or `/ssm`"
);
text_field!(
    /// A VPC id.
    VpcId,
    |text| ec2_id(text, "vpc-"),
    "`vpc-` and 8 or 17 hexadecimal digits in lower case"
);
text_field!(
    /// A subnet id.
    SubnetId,
    |text| ec2_id(text, "subnet-"),
    "`subnet-` and 8 or 17 hexadecimal digits in lower case"
);
text_field!(
    /// A security group id.
    SecurityGroupId,
    |text| ec2_id(text, "sg-"),
    "`sg-` and 8 or 17 hexadecimal digits in lower case"
);
text_field!(
    /// A route table id.
    RouteTableId,
    |text| ec2_id(text, "rtb-"),
    "`rtb-` and 8 or 17 hexadecimal digits in lower case"
);
text_field!(
    /// An IPv4 network in CIDR notation.
    Cidr,
    cidr,
    "an IPv4 network such as `10.0.0.0/8`"
);
text_field!(
    /// The name of a general purpose S3 bucket.
    BucketName,
    bucket,
    "the name of an S3 bucket: 3-63 lower-case letters, digits, dots and hyphens"
);
text_field!(
    /// The ARN of a load balancer of Elastic Load Balancing.
    LoadBalancerArn,
    load_balancer_arn,
    "the ARN of a load balancer: `arn:<partition>:elasticloadbalancing:<region>:<account>:loadbalancer/<name>`"
);
text_field!(
    /// The ARN of a KMS key.
    KmsKeyArn,
    kms_key_arn,
    "the ARN of a KMS key: `arn:<partition>:kms:<region>:<account>:key/<key id>`, no alias"
);
text_field!(
    /// A bucket and a key prefix in it: `bucket` or `bucket/some/prefix`.
    S3Prefix,
    s3_prefix,
    "`bucket` or `bucket/some/prefix`, without `s3://` and without a slash at the end; a bucket's name has 3-63 lower-case \
     letters, digits, dots and hyphens, a prefix up to 983 characters"
);
text_field!(
    /// The image that builds run in.
    Image,
    image,
    "a Linux image of CodeBuild such as `aws/codebuild/amazonlinux-x86_64-standard:5.0`, or an image of another registry \
     such as `123456789012.dkr.ecr.us-west-2.amazonaws.com/ml-build:1`"
);
text_field!(
    /// Why builds must be privileged.
    Reason,
    |text| text.chars().count() <= 500
        && !text.chars().any(hides)
        && text.chars().any(|c| !c.is_control() && !c.is_whitespace()),
    "1-500 characters, without invisible ones"
);

impl S3Prefix {
    /// What to do about a text that is none: it written rightly, or what S3 has against the bucket's name.
    pub(super) fn advice(text: &str) -> Option<String> {
        let fixed = text.trim_start_matches("s3://").trim_matches('/');
        let (bucket, prefix) = fixed.split_once('/').unwrap_or((fixed, ""));
        match (Self::parse(fixed), reserved_affix(bucket)) {
            (Err(_), _) if prefix.len() > LONGEST_PREFIX => Some(format!(
                "the prefix has {} characters; CodePipeline takes {LONGEST_PREFIX}",
                prefix.len()
            )),
            (Ok(fixed), _) => Some(format!("write `s3_prefix: {fixed}`")),
            (Err(_), Some(affix)) => Some(format!("S3 keeps bucket names with `{affix}` for itself")),
            (Err(_), None) => None,
        }
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        self.0.split_once('/').map_or(self.as_str(), |(bucket, _)| bucket)
    }

    /// The key prefix without slashes at either end; empty for the bucket's root.
    pub fn prefix(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, prefix)| prefix)
    }
}

impl Default for Cidr {
    /// `10.0.0.0/8`.
    fn default() -> Self {
        Self("10.0.0.0/8".to_owned())
    }
}

impl Cidr {
    /// The network that an address with a prefix length lies in: `10.1.2.3/8` is in `10.0.0.0/8`.
    pub fn around(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/')?;
        let (address, bits) = (address.parse().ok()?, length.parse().ok()?);
        Self::parse(&format!("{}/{length}", network_of(address, bits))).ok()
    }
}
