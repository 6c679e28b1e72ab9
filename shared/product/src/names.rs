//! Every name of a product, and the real length limit of each resource type.
//!
//! A name that fits is exactly `{ml_name}-{suffix}` (global names leave the region out). One that doesn't fit is
//! shortened the same way every time: the base is cut, and 12 symbols of the SHA-256 of the full name stand before
//! `-ml-{suffix}`, so that two products that share a long beginning still differ. Every name therefore ends in
//! `-ml-{suffix}`, which the suite's policies rely on (infra/template.yaml).
//!
//! Global names of a product with an override have such symbols, too. No name that could be one of these may end in such
//! symbols by itself (`digest_words`), so no config can choose the name that another product has.

use std::fmt::Write as _;

use mlp_template::codes;
use mlp_template::finding::Finding;
use mlp_template::region::Region;
use sha2::{Digest as _, Sha256};

use crate::config::{CompanyPrefix, Config, Tier, UseCase};

/// How one resource type is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameRule {
    /// The CloudFormation type.
    pub resource_type: &'static str,
    /// The property that holds the physical name.
    pub property: &'static str,
    /// Longest name that the service accepts, in characters, `prefix` included.
    pub max: usize,
    /// Whether the name is unique over all regions of an account (or the world) and leaves the region out.
    pub global: bool,
    /// What stands before the name, such as `alias/`.
    pub prefix: &'static str,
    /// The longest suffix that a resource of this type has in any tier.
    pub longest_suffix: &'static str,
}

const fn regional(
    resource_type: &'static str,
    property: &'static str,
    max: usize,
    longest_suffix: &'static str,
) -> NameRule {
    NameRule { resource_type, property, max, global: false, prefix: "", longest_suffix }
}

const fn global(
    resource_type: &'static str,
    property: &'static str,
    max: usize,
    longest_suffix: &'static str,
) -> NameRule {
    NameRule { global: true, ..regional(resource_type, property, max, longest_suffix) }
}

/// The limits table: one row a resource type that has a physical name.
///
/// Source of each limit: the `maxLength` of the type's resource provider schema, else the service's API reference
/// (`CreateRole`, `CreatePolicy`, "Bucket naming rules", `CreateModelPackageGroup`, `CreateRepository`, `CreateProject`,
/// `CreatePipeline`, `PutRule`, `PutDashboard`, `PutMetricAlarm`, `CreateLogGroup`, `PutMetricFilter`, `CreateTopic`,
/// `CreateAlias`, `CreateSecurityGroup`, `CreateStack`).
pub const NAME_RULES: &[NameRule] = &[
    global("AWS::IAM::Role", "RoleName", 64, "codepipeline-role"),
    global("AWS::IAM::ManagedPolicy", "ManagedPolicyName", 128, "permission-boundary"),
    global("AWS::S3::Bucket", "BucketName", 63, "artifacts"),
    regional("AWS::SageMaker::ModelPackageGroup", "ModelPackageGroupName", 63, "models"),
    regional("AWS::CodeCommit::Repository", "RepositoryName", 100, "model-deploy"),
    regional("AWS::CodeBuild::Project", "Name", 150, "deploy"),
    regional("AWS::CodePipeline::Pipeline", "Name", 100, "deploy-pipeline"),
    regional("AWS::Events::Rule", "Name", 64, "approval"),
    regional("AWS::CloudWatch::Dashboard", "DashboardName", 255, "dashboard"),
    regional("AWS::CloudWatch::Alarm", "AlarmName", 255, "unauthorized-calls"),
    regional("AWS::Logs::LogGroup", "LogGroupName", 512, "security-logs"),
    regional("AWS::Logs::MetricFilter", "FilterName", 512, "unauthorized-calls"),
    regional("AWS::SNS::Topic", "TopicName", 256, "security-alerts"),
    NameRule { prefix: "alias/", ..regional("AWS::KMS::Alias", "AliasName", 256, "key") },
    regional("AWS::EC2::SecurityGroup", "GroupName", 255, "endpoints"),
    regional("AWS::CloudFormation::Stack", "StackName", 128, "stack"),
];

/// The row of a resource type; `None` for types without a physical name of our choice.
pub fn rule(resource_type: &str) -> Option<&'static NameRule> {
    NAME_RULES.iter().find(|rule| rule.resource_type == resource_type)
}

/// The names of one product.
///
/// ```
/// # use mlp_product::config;
/// # use mlp_product::names::Names;
/// # let yaml = include_bytes!("../../../configs/examples/starter/techcorp-prod-a001-us-west-2-customer-churn-ml-s3.yaml");
/// let config = config::load(yaml).unwrap().config;
/// let names = Names::new(&config);
/// assert_eq!(names.ml_name(), "techcorp-prod-a001-us-west-2-customer-churn-ml");
/// assert_eq!(names.stack(), "techcorp-prod-a001-us-west-2-customer-churn-ml-stack");
/// assert_eq!(names.physical("AWS::IAM::Role", "codebuild-role").unwrap(),
///     "techcorp-prod-a001-customer-churn-ml-codebuild-role");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    ml_name: String,
    global_name: String,
    /// What the product is for, in its own words: the use case and workload, or the override.
    subject: String,
}

impl Names {
    /// The names of the product that a config describes.
    pub fn new(config: &Config) -> Self {
        let (client, environment, product) = (&config.client, &config.environment, &config.ml_product);
        let mut tail = product.use_case.to_string();
        if let Some(workload) = &product.workload {
            let _ = write!(tail, "-{workload}");
        }
        let head = format!("{}-{}-{}", client.company_prefix, environment.env.as_str(), client.tenant_id);
        let region_code = environment.multi_region.then(|| environment.region.short_code());
        match &product.product_name_override {
            // The override replaces the whole pattern, so it may be what another product's *global* names begin with. The
            // symbols tell them apart. The global names still need the region code.
            Some(name) => {
                let symbols = digest(name.as_str(), DIGEST);
                let part = region_code.map_or_else(|| symbols.clone(), |code| format!("{code}-{symbols}"));
                Self {
                    ml_name: name.to_string(),
                    global_name: name.with_part(&part),
                    subject: name.to_string(),
                }
            }
            None => Self {
                ml_name: format!("{head}-{}-{tail}-ml", environment.region),
                global_name: region_code
                    .map_or_else(|| format!("{head}-{tail}-ml"), |code| format!("{head}-{code}-{tail}-ml")),
                subject: tail,
            },
        }
    }

    /// `{company_prefix}-{env}-{tenant_id}-{region}-{use_case}[-{workload}]-ml`, or the override.
    pub fn ml_name(&self) -> &str {
        &self.ml_name
    }

    /// The same without the region (with its short code in `multi_region`). An override gets 12 symbols of its digest
    /// before `-ml`.
    pub fn global_name(&self) -> &str {
        &self.global_name
    }

    /// The stack's name, `{ml_name}-stack`, at most 128 characters.
    pub fn stack(&self) -> String {
        shorten(&self.ml_name, "stack", 128)
    }

    /// The SSM path of a published leaf, `/ml/{ml_name}/{leaf}`.
    ///
    /// SSM allows 1,011 characters (`PutParameter`), far more than an `ml_name` has, so no path is ever shortened.
    pub fn ssm_path(&self, leaf: &str) -> String {
        format!("/ml/{}/{leaf}", self.ml_name)
    }

    /// The start of every SageMaker name that the product's builds choose (jobs, models, endpoints, pipelines):
    /// `{6 characters}-{14 symbols}--`. At most 23 characters, because a tuning job's name has at most 32.
    ///
    /// The policies match `{job_prefix}*`, so no product's prefix may start another product's prefix. The double hyphen
    /// ends the prefix and occurs nowhere else in it, so two prefixes are equal or neither starts the other. They are
    /// equal only if 68 bits of the SHA-256 of both names are equal.
    ///
    /// Source of the limits and characters: SageMaker API Reference, `CreateHyperParameterTuningJob` (32 characters) and
    /// `CreateTrainingJob` (`[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}`, so that a double hyphen is allowed).
    ///
    /// ```
    /// # use mlp_product::config;
    /// # use mlp_product::names::Names;
    /// # let yaml = include_bytes!("../../../configs/examples/starter/techcorp-prod-a001-us-west-2-customer-churn-ml-s3.yaml");
    /// let config = config::load(yaml).unwrap().config;
    /// assert_eq!(Names::new(&config).job_prefix(), "custom-gjdfstcy4hmhm2--");
    /// ```
    pub fn job_prefix(&self) -> String {
        const READABLE: usize = 6;
        const JOB_DIGEST: usize = 14;
        let mut readable: String = self.subject.chars().take(READABLE).collect();
        while readable.contains("--") {
            readable = readable.replace("--", "-");
        }
        format!("{}-{}--", readable.trim_end_matches('-'), digest(&self.ml_name, JOB_DIGEST))
    }

    /// `job_prefix` without the double hyphen that ends it, as the tag `ml-provisioner:jobs` of roles.
    pub fn job_tag(&self) -> String {
        self.job_prefix().trim_end_matches('-').to_owned()
    }

    /// The physical name of a resource without `-ml-{suffix}`, as a tag of roles; `None` when the type has no name of our
    /// choice.
    pub fn tag(&self, resource_type: &str, suffix: &str) -> Option<String> {
        self.physical(resource_type, suffix)?.strip_suffix(&format!("-ml-{suffix}")).map(ToOwned::to_owned)
    }

    /// The physical name of a resource; `None` when the type has no name of our choice.
    pub fn physical(&self, resource_type: &str, suffix: &str) -> Option<String> {
        let rule = rule(resource_type)?;
        let base = if rule.global { &self.global_name } else { &self.ml_name };
        Some(format!("{}{}", rule.prefix, shorten(base, suffix, rule.max.saturating_sub(rule.prefix.len()))))
    }
}

/// How many symbols of a digest a name has: about 59 bits. A user who writes configs can search for a name with the digest of
/// another product, so fewer bits are not enough.
const DIGEST: usize = 12;

/// What digests in names are written with: digits, and letters without vowels, so that no word looks like a digest, and without
/// `l`, which looks like a 1. Every service takes them, at the end of a word and at its beginning.
const SYMBOLS: &[u8; 30] = b"0123456789bcdfghjkmnpqrstvwxyz";

/// `{base}-{suffix}` when it fits into `max` characters, else `{cut base}-{12 symbols}-ml-{suffix}`.
///
/// Names are ASCII by their types, so bytes are characters here.
fn shorten(base: &str, suffix: &str, max: usize) -> String {
    let full = format!("{base}-{suffix}");
    if full.len() <= max {
        return full;
    }
    let ending = format!("-{}-ml-{suffix}", digest(&full, DIGEST));
    let base = base.strip_suffix("-ml").unwrap_or(base);
    let room = max.saturating_sub(ending.len());
    let kept = base.get(..room.min(base.len())).unwrap_or(base);
    // One hyphen and no more: how short a cut name can be must be known (`digest_words`).
    let kept = kept.strip_suffix('-').unwrap_or(kept);
    format!("{kept}{ending}")
}

/// Symbols of a text's SHA-256. Its first 16 bytes are one number, the first byte the highest. Each remainder of its repeated
/// division by 30 gives one of [`SYMBOLS`], the lowest first.
fn digest(text: &str, count: usize) -> String {
    let bytes = Sha256::digest(text.as_bytes());
    let mut left = bytes.iter().take(16).fold(0_u128, |number, byte| (number << 8) | u128::from(*byte));
    let mut symbols = String::with_capacity(count);
    for _ in 0..count {
        let symbol = usize::try_from(left % 30).ok().and_then(|remainder| SYMBOLS.get(remainder));
        symbols.extend(symbol.map(|symbol| char::from(*symbol)));
        left /= 30;
    }
    symbols
}

/// First words that a service keeps for itself, with the type that refuses them.
///
/// Sources: "General purpose bucket naming rules" (`xn--`, `sthree-`, `amzn-s3-demo-`), `CreateSecurityGroup`
/// (`GroupName` cannot start with `sg-`).
const RESERVED_BEGINNINGS: &[(&str, &str, Tier)] = &[
    ("xn--", "S3 bucket names", Tier::Starter),
    ("sthree-", "S3 bucket names", Tier::Starter),
    ("amzn-s3-demo-", "S3 bucket names", Tier::Starter),
    ("sg-", "EC2 security group names", Tier::Enterprise),
];

/// What is wrong or risky about the names that a config leads to.
///
/// The hyphen both joins the parts of a name and may stand inside them. The parts can be told apart again as long as no
/// hyphen-separated word of the company prefix is an environment's name, and the use case doesn't begin with a region's
/// short code. A config that breaks this could share roles and bucket with another product, so it is refused; an override has
/// a digest in these names. Use case and workload are one text in names. The generate function sees when two configs give the same names (`MLP-GEN-003`).
pub fn check(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    let names = Names::new(config);
    for (beginning, what, from) in RESERVED_BEGINNINGS {
        if names.ml_name().starts_with(beginning) && config.ml_product.tier >= *from {
            let path = if config.ml_product.product_name_override.is_some() {
                "/ml_product/product_name_override"
            } else {
                "/client/company_prefix"
            };
            findings.push(
                Finding::error(
                    codes::RESERVED_NAME,
                    path,
                    format!("every name would begin with `{beginning}`, which AWS reserves: {what} can't begin with it"),
                )
                .help("choose another beginning"),
            );
        }
    }
    findings.extend(reserved_words(config, &names));
    findings.extend(digest_words(config, &names));
    if config.ml_product.product_name_override.is_none() {
        findings.extend(ambiguous_prefix(&config.client.company_prefix));
        findings.extend(ambiguous_use_case(&config.ml_product.use_case));
    }
    findings
}

/// How the names of build projects go on behind the part before `-ml`. CodeBuild puts the report groups' own names behind
/// the project's name, so policies match `{ml_name}-build*` and `{ml_name}-deploy*`. A product with these words inside its
/// own name would match, too.
const REPORT_GROUP_WORDS: [&str; 2] = ["-ml-build", "-ml-deploy"];

fn reserved_words(config: &Config, names: &Names) -> Option<Finding> {
    let name = names.ml_name();
    let product = &config.ml_product;
    let is_override = product.product_name_override.is_some();
    // Without an override, the other one's name has a use case behind the region.
    let of_use_case =
        if is_override { 0 } else { name.len().saturating_sub("-ml".len() + names.subject.len()) };
    // Every occurrence counts: one in the company prefix must not hide one in the use case.
    let mut found: Vec<(usize, &str)> = REPORT_GROUP_WORDS
        .into_iter()
        .flat_map(|words| name.match_indices(words).map(move |(start, _)| (start, words)))
        .collect();
    found.sort_unstable();
    let of_others = found.iter().find(|(start, _)| *start >= of_use_case);
    let (start, words) = of_others.or_else(|| found.first()).copied()?;
    let words = words.trim_matches('-');
    let other = format!("{}-ml", name.get(..start)?);
    let message = format!(
        "the product's name `{name}` contains `{words}`: the policies of a product `{other}` would match its report groups"
    );
    if of_others.is_none() {
        return Some(Finding::warning(codes::RESERVED_WORDS, path_of_name(config), message).help(format!(
            "make sure that no product has `product_name_override: {other}`, or choose another name"
        )));
    }
    let (path, field) = if is_override {
        ("/ml_product/product_name_override", "override")
    } else {
        ("/ml_product/use_case", "use case or workload")
    };
    Some(
        Finding::error(codes::RESERVED_WORDS, path, message)
            .help(format!("choose another {field}, without `{words}` inside the name")),
    )
}

/// The field that decides how a product's name begins.
fn path_of_name(config: &Config) -> &'static str {
    let prefix = config.client.company_prefix.as_str();
    if REPORT_GROUP_WORDS.iter().any(|words| prefix.contains(words)) {
        "/client/company_prefix"
    } else {
        "/ml_product/use_case"
    }
}

/// `shorten` and overrides put the symbols of a digest into the last word before `-ml`. A name that ends so by itself
/// is refused if it could be another product's: it is as long as names that are cut, or the symbols are those that an
/// override of the same beginning gets.
fn digest_words(config: &Config, names: &Names) -> Option<Finding> {
    let is_digest = |word: &str| word.len() == DIGEST && word.bytes().all(|it| SYMBOLS.contains(&it));
    let ending = |name: &str| -> Option<(String, String)> {
        let (rest, word) = name.strip_suffix("-ml")?.rsplit_once('-')?;
        is_digest(word).then(|| (rest.to_owned(), word.to_owned()))
    };
    let product = &config.ml_product;
    let is_override = product.product_name_override.is_some();
    let (_, word) = ending(names.ml_name())?;
    // The global names of an override have symbols of their own.
    let global = ending(names.global_name()).filter(|_| !is_override);
    let is_cut = NAME_RULES.iter().any(|rule| {
        let base =
            if rule.global { global.as_ref().map(|_| names.global_name()) } else { Some(names.ml_name()) };
        // A cut that ends at a hyphen is one character shorter.
        base.is_some_and(|base| {
            rule.prefix.len() + base.len() + 1 + rule.longest_suffix.len() + 1 >= rule.max
        })
    });
    let is_override_of = |(rest, word): &(String, String)| {
        let alone = rest.rsplit_once('-').map(|(rest, _region)| rest);
        [Some(rest.as_str()), alone]
            .into_iter()
            .flatten()
            .any(|stem| digest(&format!("{stem}-ml"), DIGEST) == *word)
    };
    if !is_cut && !global.as_ref().is_some_and(is_override_of) {
        return None;
    }
    let (path, field) = if is_override {
        ("/ml_product/product_name_override", "override")
    } else if product.workload.is_some() {
        ("/ml_product/workload", "workload")
    } else {
        ("/ml_product/use_case", "use case")
    };
    Some(
        Finding::error(
            codes::DIGEST_WORD,
            path,
            format!(
                "the product's name `{}` ends in `{word}-ml` and can be another product's name: names that are too long for \
                 a service, and those of overrides, have {DIGEST} symbols of a digest there",
                names.ml_name()
            ),
        )
        .help(format!(
            "let the {field} end in a word that isn't {DIGEST} digits and letters without a, e, i, l, o and u, or make the name \
             shorter"
        )),
    )
}

fn ambiguous_prefix(prefix: &CompanyPrefix) -> Option<Finding> {
    let word =
        prefix.as_str().split('-').find(|word| matches!(*word, "dev" | "test" | "staging" | "prod"))?;
    Some(
        Finding::error(
            codes::AMBIGUOUS_NAME,
            "/client/company_prefix",
            format!(
                "`{prefix}` contains the environment's name `{word}`, so a product of another environment can have the same roles \
                 and bucket"
            ),
        )
        .help("leave environment names out of the company prefix, or set `product_name_override`"),
    )
}

fn ambiguous_use_case(use_case: &UseCase) -> Option<Finding> {
    let word = use_case.as_str().split('-').next()?;
    let region = Region::all().find(|region| region.short_code() == word)?;
    Some(
        Finding::error(
            codes::AMBIGUOUS_NAME,
            "/ml_product/use_case",
            format!(
                "`{use_case}` begins with `{word}`, the short code of {region} that `multi_region` puts into names, so another \
                 product can have the same roles and bucket"
            ),
        )
        .help("begin the use case with another word, or set `product_name_override`"),
    )
}
