//! CloudFormation's limits, and the names it accepts.
//!
//! Source: AWS CloudFormation User Guide, "Understand CloudFormation quotas".

use super::MAX_POLICY_SIZE as POLICY_SIZE;
use super::Report;
use super::sizes::{self, Known};
use crate::codes;
use crate::finding::Finding;
use crate::template::Path;

/// Resources of a template.
pub(super) const RESOURCES: usize = 500;
const PARAMETERS: usize = 200;
const OUTPUTS: usize = 200;
const MAPPINGS: usize = 200;
const MAPPING_ATTRIBUTES: usize = 200;
const DESCRIPTION_BYTES: usize = 1024;
const NAME_CHARACTERS: usize = 255;
const BYTES: usize = 1024 * 1024;

pub(super) fn check(report: &mut Report<'_>) {
    counts(report);
    names(report);
    policies(report);
}

/// Managed policies that are too big whatever CloudFormation fills in.
fn policies(report: &mut Report<'_>) {
    let template = report.template;
    let known = Known::of(template);
    let resources = Path::ROOT.key("Resources");
    for (name, resource) in template.resources.iter().filter(|(_, it)| it.kind == "AWS::IAM::ManagedPolicy") {
        let Some(document) = resource.properties.get("PolicyDocument") else { continue };
        let size = sizes::least(document, &known);
        if size > POLICY_SIZE {
            let message = format!(
                "the policy has {size} characters or more, white space not counted; IAM allows {POLICY_SIZE} in a managed policy"
            );
            let path = resources.key(name);
            let properties = path.key("Properties");
            let help = "split it into several managed policies, or name resources with fewer characters";
            report.error(codes::TPL_LIMIT, &properties.key("PolicyDocument"), message, help);
        }
    }
}

fn counts(report: &mut Report<'_>) {
    let template = report.template;
    let counts = [
        ("Resources", template.resources.len(), RESOURCES),
        ("Parameters", template.parameters.len(), PARAMETERS),
        ("Outputs", template.outputs.len(), OUTPUTS),
        ("Mappings", template.mappings.len(), MAPPINGS),
    ];
    for (section, count, most) in counts {
        if count > most {
            let message =
                format!("the template has {count} {}; CloudFormation allows {most}", section.to_lowercase());
            let help = "split the template into several stacks, for example nested ones";
            report.error_at_key(codes::TPL_LIMIT, &Path::ROOT.key(section), message, help);
        }
    }
    for (name, mapping) in &template.mappings {
        if let crate::template::Value::Map(tops) = mapping
            && tops.len() > MAPPING_ATTRIBUTES
        {
            let message = format!(
                "mapping `{name}` has {} keys; CloudFormation allows {MAPPING_ATTRIBUTES}",
                tops.len()
            );
            let mappings = Path::ROOT.key("Mappings");
            report.error_at_key(codes::TPL_LIMIT, &mappings.key(name), message, "split the mapping");
        }
    }
    let description = template.description.as_ref().map_or(0, String::len);
    if description > DESCRIPTION_BYTES {
        let message =
            format!("`Description` has {description} bytes; CloudFormation allows {DESCRIPTION_BYTES}");
        let help = "shorten it; `Metadata` has room for more";
        report.error(codes::TPL_LIMIT, &Path::ROOT.key("Description"), message, help);
    }
}

fn names(report: &mut Report<'_>) {
    let template = report.template;
    let sections: [(&str, Vec<&String>); 4] = [
        ("Parameters", template.parameters.keys().collect()),
        ("Mappings", template.mappings.keys().filter(|key| !key.starts_with("Fn::")).collect()),
        ("Resources", template.resources.keys().collect()),
        ("Outputs", template.outputs.keys().collect()),
    ];
    for (section, names) in sections {
        let path = Path::ROOT.key(section);
        for name in names {
            logical_id(report, name, &path);
        }
    }
    let resources = Path::ROOT.key("Resources");
    for name in template.resources.keys().filter(|name| template.parameters.contains_key(*name)) {
        let (message, help) = parameter_and_resource(name);
        report.error_at_key(codes::TPL_DUPLICATE_ID, &resources.key(name), message, help);
    }
}

/// Message and help for a name that a parameter and a resource have.
pub fn parameter_and_resource(name: &str) -> (String, &'static str) {
    let message = format!("`{name}` is a parameter and a resource; a `{name}` elsewhere could mean either");
    (message, "rename one of the two")
}

fn logical_id(report: &mut Report<'_>, name: &str, section: &Path<'_>) {
    let length = name.chars().count();
    if name.is_empty() || length > NAME_CHARACTERS || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let shown = crate::template::read::shorten(name);
        let message = if length > NAME_CHARACTERS {
            format!("the logical id `{shown}` has {length} characters; allowed are {NAME_CHARACTERS}")
        } else {
            format!("the logical id `{shown}` has other characters than A-Z, a-z and 0-9")
        };
        let plain: String = name.chars().filter(char::is_ascii_alphanumeric).take(NAME_CHARACTERS).collect();
        let help = (!plain.is_empty()).then(|| format!("`{plain}` would do"));
        report.error_at_key(codes::TPL_LOGICAL_ID, &section.key(name), message, help);
    }
}

pub(super) fn size(text: &str) -> Option<Finding> {
    (text.len() > BYTES).then(|| {
        let message = format!("the template has {} bytes; CloudFormation allows {BYTES}", text.len());
        Finding::error(codes::TPL_LIMIT, "", message).help("split the template into several stacks")
    })
}
