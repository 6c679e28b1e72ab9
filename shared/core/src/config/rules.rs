//! What JSON Schema can't say about a config.

use serde_json::{Map, Value as Json};

use super::explain::Explainer;
use super::{Cidr, Region, Tier};
use crate::codes;
use crate::finding::Finding;
use crate::product::OWN_TAGS;
use crate::suggest::nearest;
use crate::yaml;

/// AWS allows 50 tags on a resource ("Tag naming limits and requirements").
const MOST_TAGS: usize = 50;

/// Findings about values that the schemas have found no fault with.
pub(super) fn check(explainer: &Explainer<'_>) -> Vec<Finding> {
    let json = explainer.json;
    let text = |pointer: &str| json.pointer(pointer).and_then(Json::as_str);
    let tier = text("/ml_product/tier").and_then(Tier::parse);
    let mut findings = Vec::new();

    findings.extend(text("/environment/region").and_then(region));
    findings.extend(text("/ml_product/vpc_integration/endpoint_ingress_cidr").and_then(network));
    findings.extend(text("/ml_product/s3_prefix").and_then(bucket));
    findings.extend(tags(json.get("tags").and_then(Json::as_object)));
    findings.extend(without_effect(json, tier));
    findings.into_iter().map(|finding| explainer.at_value(finding)).collect()
}

fn region(text: &str) -> Option<Finding> {
    Region::parse(text).err()?;
    let known = Region::all().map(|region| region.as_str());
    let message = format!("`{text}` is not an AWS region");
    let finding = Finding::error(codes::UNKNOWN_REGION, "/environment/region", message);
    Some(match nearest(text, known) {
        Some(meant) => finding.help(format!("did you mean `{meant}`?")),
        None => finding.help("use the region's name, such as `us-west-2`"),
    })
}

fn network(text: &str) -> Option<Finding> {
    Cidr::parse(text).err()?;
    let (address, length) = text.split_once('/')?;
    let (address, length): (std::net::Ipv4Addr, u32) = (address.parse().ok()?, length.parse().ok()?);
    let mask = u32::MAX.checked_shl(32 - length.min(32)).unwrap_or(0);
    let network = std::net::Ipv4Addr::from_bits(address.to_bits() & mask);
    let message = format!("`{text}` has bits set behind the prefix of {length}");
    let path = "/ml_product/vpc_integration/endpoint_ingress_cidr";
    Some(Finding::error(codes::WRONG_CIDR, path, message).help(format!("did you mean `{network}/{length}`?")))
}

/// Amazon S3 User Guide, "General purpose bucket naming rules", as far as the schema's pattern doesn't say it.
fn bucket(text: &str) -> Option<Finding> {
    let bucket = text.split('/').next().unwrap_or_default();
    let problem = if bucket.contains("..") {
        "has two dots in a row"
    } else if bucket.parse::<std::net::Ipv4Addr>().is_ok() {
        "looks like an IP address"
    } else if ["xn--", "sthree-", "amzn-s3-demo-"].iter().any(|start| bucket.starts_with(start)) {
        "begins with what S3 keeps for itself"
    } else if ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"].iter().any(|end| bucket.ends_with(end))
    {
        "ends with what S3 keeps for itself"
    } else {
        return None;
    };
    let message = format!("`{bucket}` {problem}, so there can be no such bucket");
    Some(Finding::error(codes::S3_PREFIX, "/ml_product/s3_prefix", message).help("check the bucket's name"))
}

fn tags(tags: Option<&Map<String, Json>>) -> Vec<Finding> {
    let empty = Map::new();
    let tags = tags.unwrap_or(&empty);
    let mut findings = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    for key in tags.keys() {
        let path = yaml::join("/tags", key);
        let lower = key.to_lowercase();
        let problem = if lower.starts_with("aws:") {
            Some(format!("`{key}`: AWS keeps keys that begin with `aws:` for itself"))
        } else if lower.starts_with("ml-provisioner:") || lower == "managedby" {
            Some(format!("`{key}`: the product writes this tag itself"))
        } else if seen.contains(&lower) {
            Some(format!("`{key}` differs from another key only in case; IAM takes both for the same"))
        } else {
            None
        };
        if let Some(message) = problem {
            findings.push(Finding::error(codes::WRONG_TAG, path, message).help("choose another key"));
        }
        seen.push(lower);
    }
    if tags.len() > MOST_TAGS - OWN_TAGS {
        let message = format!(
            "{} tags are too many: AWS allows {MOST_TAGS} on a resource, and {OWN_TAGS} are the product's own",
            tags.len()
        );
        findings.push(Finding::error(codes::WRONG_TAG, "/tags", message).help("remove some"));
    }
    for wanted in ["cost_center", "project", "owner"] {
        let value = tags.get(wanted);
        if value.is_none_or(|value| value.as_str() == Some("")) {
            let message =
                format!("the tag `{wanted}` is {}", if value.is_some() { "empty" } else { "missing" });
            let path = if value.is_some() { yaml::join("/tags", wanted) } else { "/tags".to_owned() };
            let help = format!("add `{wanted}:` to `tags`, so that costs and owners can be found");
            findings.push(Finding::warning(codes::MISSING_TAG, path, message).help(help));
        }
    }
    findings
}

/// Keys that are allowed but that nothing reads here.
fn without_effect(json: &Json, tier: Option<Tier>) -> Vec<Finding> {
    let product = |pointer: &str| json.pointer(&format!("/ml_product{pointer}"));
    let is = |pointer: &str, values: &[&str]| {
        product(pointer).and_then(Json::as_str).is_some_and(|it| values.contains(&it))
    };
    let below_enterprise = tier.is_some_and(|tier| tier < Tier::Enterprise);
    [
        ("/s3_prefix", is("/source_control", &["codecommit"]), "`source_control: s3`"),
        ("/alerts_email", below_enterprise, "the enterprise tier"),
        ("/retention/log_days", below_enterprise, "the enterprise tier"),
        (
            "/vpc_integration/endpoint_ingress_cidr",
            is("/vpc_integration/mode", &["sg-provisioner", "sgprov"]),
            "`mode: standalone`",
        ),
        (
            "/build/privileged_justification",
            product("/build/privileged_mode").is_none_or(|mode| mode == &Json::Bool(false)),
            "`privileged_mode: true`",
        ),
    ]
    .into_iter()
    .filter(|(pointer, useless, _)| *useless && product(pointer).is_some())
    .map(|(pointer, _, belongs)| {
        let key = pointer.rsplit('/').next().unwrap_or_default();
        let message = format!("`{key}` has no effect here; it is read with {belongs} only");
        Finding::warning(codes::NO_EFFECT, format!("/ml_product{pointer}"), message).help("remove it")
    })
    .collect()
}
