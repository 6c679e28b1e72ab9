//! The text of a new config: what the user answered, with comments.

use std::fmt::Write as _;

/// Where editors find the schema of a tier.
const SCHEMAS: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/raw/main/schemas");

/// What `init` can be told of a VPC.
const VPC_KEYS: [&str; 10] = [
    "mode",
    "vpc_source",
    "vpc_parameter_store_path",
    "subnet_parameter_store_path",
    "sg_parameter_store_path",
    "route_table_parameter_store_path",
    "vpc_id",
    "subnet_ids",
    "security_group_id",
    "route_table_ids",
];

/// A config of answers, which are pairs of a JSON pointer and a text. What has no answer is left out.
pub(crate) fn config_text(answer: &impl Fn(&str) -> Option<String>) -> String {
    let tier = answer("/ml_product/tier").unwrap_or_else(|| "starter".to_owned());
    let mut out = Text { text: String::new(), answer };
    let _ = writeln!(out.text, "# yaml-language-server: $schema={SCHEMAS}/config-{tier}.schema.json");
    out.line("# A config of ML Provisioner. Check it with `mlp validate-config --config FILE`.");
    out.line("client:");
    out.field(1, "/client/company_name", "for people to read");
    out.field(1, "/client/company_prefix", "the first part of every name");
    out.field(1, "/client/account_id", "in quotes, or YAML reads a number");
    out.field(1, "/client/tenant_id", "");
    out.line("\nenvironment:");
    out.field(1, "/environment/env", "dev, test, staging or prod");
    out.field(1, "/environment/region", "");
    out.line(
        "  # multi_region: true # puts a region code into global names, for a second region of one account",
    );
    out.line("\nml_product:");
    out.field(1, "/ml_product/use_case", "a part of every name");
    out.field(1, "/ml_product/workload", "tells products of one use case apart");
    out.field(1, "/ml_product/tier", "starter, professional or enterprise");
    out.field(1, "/ml_product/source_control", "codecommit or s3");
    out.field(1, "/ml_product/s3_prefix", "the pipelines read model-build.zip and model-deploy.zip below it");
    out.field(1, "/ml_product/alerts_email", "must confirm the subscription before it gets an alarm");
    let vpc = |key: &str| format!("/ml_product/vpc_integration/{key}");
    // In other tiers it is refused, and that is said only of what is written.
    if tier == "enterprise" || VPC_KEYS.iter().any(|key| (out.answer)(&vpc(key)).is_some()) {
        out.line("  vpc_integration:");
        out.field(2, &vpc("mode"), "standalone makes a security group, sg-provisioner uses one");
        out.field(
            2,
            &vpc("vpc_source"),
            "parameter-store reads SSM at every deployment, direct reads this file",
        );
        out.field(2, &vpc("vpc_parameter_store_path"), "");
        out.field(2, &vpc("subnet_parameter_store_path"), "of type StringList");
        out.field(2, &vpc("sg_parameter_store_path"), "");
        out.field(2, &vpc("route_table_parameter_store_path"), "without it the S3 endpoint has no routes");
        out.field(2, &vpc("vpc_id"), "");
        out.field(2, &vpc("subnet_ids"), "private, in different availability zones");
        out.field(2, &vpc("security_group_id"), "");
        out.field(2, &vpc("route_table_ids"), "without them the S3 endpoint has no routes");
        if out.has(&vpc("mode"), "standalone") {
            out.line("    # endpoint_ingress_cidr: 10.0.0.0/8 # who may reach the endpoints on 443");
        }
        out.line("    # endpoint_private_dns: false # for a second product in one VPC");
    }
    out.line("  # build: {compute_type: BUILD_GENERAL1_MEDIUM, timeout_minutes: 120}");
    let logs = if tier == "enterprise" { ", log_days: 365" } else { "" };
    let _ = writeln!(out.text, "  # retention: {{artifact_days: 90{logs}}}");
    out.line(
        "  # data_lake: /path/of/an/SSM/parameter # the bucket's name; solutions/<use_case>/ in it is opened",
    );
    if out.has("/ml_product/source_control", "s3") && tier != "starter" {
        out.line("  # source_kms_key_arn: arn:aws:kms:... # when the source bucket has a key of yours");
    }
    let tags = ["cost_center", "project", "owner"];
    out.line("\n# On every taggable resource; add your own.");
    if tags.iter().any(|tag| (out.answer)(&format!("/tags/{tag}")).is_some()) {
        out.line("tags:");
        for tag in tags {
            out.field(1, &format!("/tags/{tag}"), "");
        }
    } else {
        out.line("# tags: {cost_center: ..., project: ..., owner: ...}");
    }
    out.text
}

struct Text<'a, A> {
    text: String,
    answer: &'a A,
}

impl<A: Fn(&str) -> Option<String>> Text<'_, A> {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn has(&self, pointer: &str, value: &str) -> bool {
        (self.answer)(pointer).as_deref() == Some(value)
    }

    fn field(&mut self, depth: usize, pointer: &str, comment: &str) {
        let Some(value) = (self.answer)(pointer) else { return };
        let key = pointer.rsplit('/').next().unwrap_or_default();
        let shown = if key.ends_with("_ids") {
            let items: Vec<String> = items(&value).map(scalar).collect();
            format!("[{}]", items.join(", "))
        } else if key == "account_id" {
            quoted(&value)
        } else {
            scalar(&value)
        };
        let comment = if comment.is_empty() { String::new() } else { format!(" # {comment}") };
        let _ = writeln!(self.text, "{}{key}: {shown}{comment}", "  ".repeat(depth));
    }
}

/// The items of an answer that is a list, separated by commas or blanks.
fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ']).map(str::trim).filter(|item| !item.is_empty())
}

/// A text as YAML: bare where no reader of YAML 1.1 or 1.2 takes it for anything else, or in quotes.
fn scalar(text: &str) -> String {
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let bare = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_./@- ".contains(&b))
        && !text.ends_with(' ')
        && !WORDS.iter().any(|word| word.eq_ignore_ascii_case(text));
    if bare { text.to_owned() } else { quoted(text) }
}

/// A text in double quotes. JSON's escapes are YAML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
