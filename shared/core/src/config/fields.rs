//! Values that can't be wrong: each is parsed once, at the edge, and carries its rule in its type.

use std::fmt;

/// Why a text is not a value of the field's type, in words for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError(pub String);

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FieldError {}

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
                    Err(FieldError(format!("`{text}` is not allowed here: {}", $allowed)))
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

/// `^[a-z][a-z0-9-]*[a-z0-9]$` between `min` and `max` characters.
fn kebab(text: &str, min: usize, max: usize) -> bool {
    let bytes = text.as_bytes();
    (min..=max).contains(&bytes.len())
        && bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes.last().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
}

/// `prefix` and 8 or 17 lower-case hexadecimal digits: the two shapes that EC2 hands out.
fn ec2_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|id| {
        (id.len() == 8 || id.len() == 17) && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// One address without a display name. Amazon SNS confirms it anyway, so this only catches typing errors.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.chars().count() <= 254
        && (1..=64).contains(&local.chars().count())
        && !local.contains(|c: char| c.is_whitespace() || "@\"<>(),;:\\".contains(c))
        && domain.contains('.')
        && domain.split('.').all(label)
}

/// `PutParameter`: a fully qualified name has at most 15 levels and 1,011 characters.
fn is_ssm_path(text: &str) -> bool {
    let Some(levels) = text.strip_prefix('/') else { return false };
    text.len() <= 1011
        && levels.split('/').count() <= 15
        && levels.split('/').all(|level| {
            !level.is_empty()
                && level.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
        })
}

/// An IPv4 network in CIDR notation without host bits.
fn is_network(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else { return false };
    let (Ok(address), Ok(length)) = (address.parse::<std::net::Ipv4Addr>(), length.parse::<u32>()) else {
        return false;
    };
    let plain = length.to_string().len() == text.len().saturating_sub(text.find('/').map_or(0, |at| at + 1));
    length <= 32 && plain && address.to_bits().checked_shl(length).unwrap_or(0) == 0
}

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
    |text| (2..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()),
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
    |text| kebab(text, 2, 100),
    "2-100 lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen"
);
text_field!(
    /// An e-mail address.
    Email,
    is_email,
    "one e-mail address, such as `ml-alerts@example.com`"
);
text_field!(
    /// The full name of an SSM parameter, such as `/vpc/main/VPCId`.
    SsmPath,
    is_ssm_path,
    "the full name of an SSM parameter: `/` and up to 15 levels of letters, digits, `_`, `.` and `-`"
);
text_field!(
    /// A VPC id.
    VpcId,
    |text| ec2_id(text, "vpc-"),
    "`vpc-` and 8 or 17 hexadecimal digits"
);
text_field!(
    /// A subnet id.
    SubnetId,
    |text| ec2_id(text, "subnet-"),
    "`subnet-` and 8 or 17 hexadecimal digits"
);
text_field!(
    /// A security group id.
    SecurityGroupId,
    |text| ec2_id(text, "sg-"),
    "`sg-` and 8 or 17 hexadecimal digits"
);
text_field!(
    /// A route table id.
    RouteTableId,
    |text| ec2_id(text, "rtb-"),
    "`rtb-` and 8 or 17 hexadecimal digits"
);
text_field!(
    /// An IPv4 network in CIDR notation.
    Cidr,
    is_network,
    "an IPv4 network such as `10.0.0.0/8`, with no bit set behind the prefix"
);
