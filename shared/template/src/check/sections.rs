//! What the sections hold: parameters, conditions, deletion policies, and that there is anything at all.

use super::{Report, Spot};
use crate::codes;
use crate::finding::Severity;
use crate::template::read::{is_expansion, shorten};
use crate::template::references::is_pattern;
use crate::template::{Function, Map, Parameter, Path, Resource, Section, Value};

pub(super) fn check(report: &mut Report<'_>) {
    macros(report);
    anything(report);
    parameters(report);
    mappings(report);
    conditions(report);
    rules(report);
    resources(report);
    let metadata = &report.template.metadata;
    no_nulls(report, metadata, &Path::ROOT.key("Metadata"));
}

fn macros(report: &mut Report<'_>) {
    let transforms = report.transforms;
    // `AWS::LanguageExtensions` alone hides nothing from these checks.
    if !transforms.serverless && !transforms.products && !transforms.open {
        return;
    }
    let (message, help) = if transforms.open {
        (
            "a macro may change this template, so what is wrong with it is only worth a look",
            "`aws cloudformation create-change-set` runs the macro; check what comes out",
        )
    } else if transforms.serverless {
        (
            "SAM changes this template before CloudFormation reads it; names that SAM makes are not checked",
            "`sam validate --lint` checks what comes out",
        )
    } else {
        (
            "MLProvisioner changes this template before CloudFormation reads it; names that it makes are not checked",
            "`mlp expand` shows what comes out",
        )
    };
    let transform = Path::ROOT.key("Transform");
    let at = if report.template.transform.is_some() { transform } else { Path::ROOT };
    report.add(Severity::Warning, codes::TPL_MACRO, (&at, Spot::Key), message.to_owned(), help);
}

fn anything(report: &mut Report<'_>) {
    let template = report.template;
    if template.resources.is_empty() && template.expansions_of(Section::Resources).next().is_none() {
        let message = "the template has no resources; CloudFormation wants at least one";
        report.error_at_key(codes::TPL_SHAPE, &Path::ROOT.key("Resources"), message, None);
    }
}

/// `List<String>` is not documented, but accepted and in use.
const PARAMETER_TYPES: [&str; 5] = ["String", "Number", "List<Number>", "List<String>", "CommaDelimitedList"];

/// The types of AWS's own values.
///
/// Source: AWS CloudFormation User Guide, "CloudFormation-supplied parameter types"; `VALID_PARAMETER_TYPES` of cfn-lint
/// (`tests/external_checks/test_structure.py` compares the two).
const AWS_PARAMETER_TYPES: [&str; 11] = [
    "AWS::EC2::AvailabilityZone::Name",
    "AWS::EC2::Image::Id",
    "AWS::EC2::Instance::Id",
    "AWS::EC2::KeyPair::KeyName",
    "AWS::EC2::SecurityGroup::GroupName",
    "AWS::EC2::SecurityGroup::Id",
    "AWS::EC2::Subnet::Id",
    "AWS::EC2::VPC::Id",
    "AWS::EC2::Volume::Id",
    "AWS::Route53::HostedZone::Id",
    "AWS::SSM::Parameter::Name",
];

/// What a type of AWS's own is, without `List<...>` and `AWS::SSM::Parameter::Value<...>` around it, and whether one of them
/// was there.
fn inner_type(kind: &str) -> (&str, bool) {
    let within = |kind: &'_ str, prefix: &str| -> Option<(usize, usize)> {
        kind.strip_prefix(prefix)?.strip_suffix('>').map(|_| (prefix.len(), kind.len() - 1))
    };
    let mut inner = kind;
    for prefix in ["AWS::SSM::Parameter::Value<", "List<"] {
        if let Some((start, end)) = within(inner, prefix) {
            inner = inner.get(start..end).unwrap_or_default();
        }
    }
    (inner, inner != kind)
}

fn parameters(report: &mut Report<'_>) {
    let section = Path::ROOT.key("Parameters");
    for (name, parameter) in &report.template.parameters {
        self::parameter(report, parameter, &section.key(name));
    }
}

/// A default that is none of the allowed values. Only texts are compared: how CloudFormation writes `false` is another matter
/// (aws-ia/taskcat#627).
///
/// Sources: cfn-lint's rule E2015; aws-samples/aws-service-catalog-reference-architectures#23 ("the default value in the parameter
/// has to be one of the allowed values, or CloudFormation deems the template invalid").
fn default_is_allowed(report: &mut Report<'_>, parameter: &Parameter, path: &Path<'_>) {
    let default = parameter.attributes.get("Default").and_then(Value::as_str);
    let (Some(default), Some(Value::List(allowed))) = (default, parameter.attributes.get("AllowedValues"))
    else {
        return;
    };
    let texts: Vec<&str> = allowed.iter().filter_map(Value::as_str).collect();
    if parameter.kind == "String" && texts.len() == allowed.len() && !texts.contains(&default) {
        let message = format!("the default {:?} is none of `AllowedValues`", shorten(default));
        let help = report.did_you_mean(default, texts.iter().copied());
        report.error(codes::TPL_SHAPE, &path.key("Default"), message, help);
    }
}

fn parameter(report: &mut Report<'_>, parameter: &Parameter, path: &Path<'_>) {
    let kind = parameter.kind.as_str();
    let (inner, wrapped) = inner_type(kind);
    // The reader has reported a type that is missing.
    let known = kind.is_empty()
        || PARAMETER_TYPES.contains(&kind)
        || AWS_PARAMETER_TYPES.contains(&inner)
        || (kind.starts_with("AWS::SSM::") && PARAMETER_TYPES.contains(&inner));
    if !known {
        let message = format!(
            "`{}` is no parameter type; allowed are String, Number, List<Number>, CommaDelimitedList and AWS's own, \
             such as AWS::EC2::VPC::Id",
            shorten(kind)
        );
        let help = if inner.starts_with("AWS::") {
            report.did_you_mean(inner, AWS_PARAMETER_TYPES)
        } else {
            report.did_you_mean(kind, PARAMETER_TYPES)
        };
        // cfn-lint takes unknown types of values in lists and in SSM (W2002): CloudFormation may too.
        let severity =
            if wrapped && inner.starts_with("AWS::") { Severity::Warning } else { Severity::Error };
        report.add(severity, codes::TPL_SHAPE, (&path.key("Type"), Spot::Value), message, help);
    }
    default_is_allowed(report, parameter, path);
    for (key, value) in &parameter.attributes {
        let path = path.key(key);
        let (fits, allowed) = match (key.as_str(), value) {
            ("AllowedValues", Value::List(values)) => (values.iter().all(is_plain), "a list of plain values"),
            ("AllowedValues", _) => (false, "a list of plain values"),
            (_, value) => (is_plain(value), "a plain value"),
        };
        if !fits {
            let message = format!("a parameter's `{key}` is {}; allowed is {allowed}", describe(value));
            let help = match (key.as_str(), value) {
                ("Default", Value::Null) => Some("an empty default is written `Default: \"\"`".to_owned()),
                ("Default", Value::List(_)) => {
                    Some("the default of a list is one text with commas: `Default: \"a,b\"`".to_owned())
                }
                _ => None,
            };
            report.error(codes::TPL_SHAPE, &path, message, help);
        }
    }
}

fn is_plain(value: &Value) -> bool {
    matches!(value, Value::Str(_) | Value::Int(_) | Value::Number(_) | Value::Bool(_))
}

/// The reader has seen that mappings are maps of maps; their values are texts and lists of texts.
fn mappings(report: &mut Report<'_>) {
    let section = Path::ROOT.key("Mappings");
    for (name, mapping) in plain_entries(&report.template.mappings) {
        let (Value::Map(tops), path) = (mapping, section.key(name)) else { continue };
        for (top, seconds) in plain_entries(tops) {
            let (Value::Map(seconds), path) = (seconds, path.key(top)) else { continue };
            mapping_key(report, top, &['.', '-'], &path);
            for (second, value) in plain_entries(seconds) {
                mapping_key(report, second, &[], &path.key(second));
                let fits = match value {
                    Value::List(values) => values.iter().all(is_plain),
                    value => is_plain(value),
                };
                // `AWS::LanguageExtensions` resolves functions there.
                if !fits && !report.transforms.language_extensions {
                    let message = format!(
                        "a mapping's value is {}; allowed are plain values and lists of them",
                        describe(value)
                    );
                    report.error(codes::TPL_SHAPE, &path.key(second), message, None);
                }
            }
        }
    }
}

/// A key of a mapping has letters and digits, one of the first level also `.` and `-`.
///
/// Source: CloudFormation's messages in aws-cloudformation/cfn-lint#2004 ("Mappings element name ... can contain only
/// alphanumerics, '-' or '.'") and aws/serverless-application-model#1608 ("Mappings attribute name ... must contain only
/// alphanumeric characters"); cfn-lint's schema of mappings has the same patterns.
fn mapping_key(report: &mut Report<'_>, key: &str, also: &[char], path: &Path<'_>) {
    let fits =
        !key.is_empty() && key.chars().all(|char| char.is_ascii_alphanumeric() || also.contains(&char));
    // `AWS::LanguageExtensions` looks values up by keys that functions make.
    if !fits && !is_pattern(key) && !report.transforms.language_extensions {
        let and = if also.is_empty() { "" } else { ", `.` and `-`" };
        let message = format!("the mapping's key `{}` may have only letters, digits{and}", shorten(key));
        report.error_at_key(codes::TPL_SHAPE, path, message, "rename the key");
    }
}

fn plain_entries(entries: &Map) -> impl Iterator<Item = (&String, &Value)> {
    entries.iter().filter(|(key, _)| !is_expansion(key))
}

fn conditions(report: &mut Report<'_>) {
    let section = Path::ROOT.key("Conditions");
    for (name, condition) in plain_entries(&report.template.conditions) {
        if !is_condition(condition) {
            let message = format!(
                "condition `{name}` is {}; allowed are `Fn::And`, `Fn::Equals`, `Fn::Not`, `Fn::Or` and `Condition`",
                describe(condition)
            );
            report.error(codes::TPL_SHAPE, &section.key(name), message, None);
        }
    }
}

/// Whether a value is true or false. A `Fn::Transform` may become that.
pub(super) fn is_condition(value: &Value) -> bool {
    matches!(
        value,
        Value::Call(
            Function::And
                | Function::Condition
                | Function::Contains
                | Function::EachMemberEquals
                | Function::EachMemberIn
                | Function::Equals
                | Function::Not
                | Function::Or
                | Function::Transform,
            _
        )
    )
}

fn rules(report: &mut Report<'_>) {
    let section = Path::ROOT.key("Rules");
    for (name, rule) in plain_entries(&report.template.rules) {
        let path = section.key(name);
        let assertions = match rule {
            Value::Map(rule) => rule.get("Assertions"),
            _ => None,
        };
        let Some(Value::List(assertions)) = assertions else {
            let message = format!("rule `{name}` has no list of `Assertions`");
            report.error_at_key(codes::TPL_SHAPE, &path, message, None);
            continue;
        };
        for (index, assertion) in assertions.iter().enumerate() {
            let fits = matches!(assertion, Value::Map(it) if it.get("Assert").is_some_and(is_condition));
            if !fits {
                let message = "an assertion needs `Assert` with a condition function, such as `Fn::Contains`";
                let path = path.key("Assertions");
                report.error(codes::TPL_SHAPE, &path.index(index), message, None);
            }
        }
    }
}

fn resources(report: &mut Report<'_>) {
    let section = Path::ROOT.key("Resources");
    for (id, resource) in &report.template.resources {
        self::resource(report, resource, &section.key(id));
    }
    for expansion in report.template.expansions_of(Section::Resources) {
        in_loop(report, &expansion.key, &expansion.value, &section);
    }
}

/// What a loop makes in `Resources` are resources. Attributes that are not indented deeper than the resource's name would be
/// resources too (aws-cloudformation/cfn-lint#3888: "Duplicate Type while doing transformation").
fn in_loop(report: &mut Report<'_>, key: &str, value: &Value, path: &Path<'_>) {
    let Value::List(parts) = value else { return };
    let ([_, _, Value::Map(made)], true) = (parts.as_slice(), key.starts_with("Fn::ForEach::")) else {
        return;
    };
    let path = path.key(key);
    let path = path.index(2);
    for (key, value) in made {
        if key.starts_with("Fn::") {
            in_loop(report, key, value, &path);
        } else if !matches!(value, Value::Map(_) | Value::Null | Value::Call(Function::Transform, _)) {
            let message =
                format!("the loop makes the resource `{}`, which is {}", shorten(key), describe(value));
            let help = "a resource is a map with `Type`; indent its attributes deeper than its name";
            report.error_at_key(codes::TPL_SHAPE, &path.key(key), message, help);
        }
    }
}

fn resource(report: &mut Report<'_>, resource: &Resource, path: &Path<'_>) {
    let kind = resource.kind.as_str();
    if !kind.is_empty() && !kind.contains("::") {
        let message = format!(
            "`{}` is no resource type; types look like AWS::S3::Bucket or Custom::Name",
            shorten(kind)
        );
        report.error(codes::TPL_SHAPE, &path.key("Type"), message, None);
    }
    let transforms = report.transforms;
    let needed = match kind.split("::").take(2).collect::<Vec<_>>().as_slice() {
        ["AWS", "Serverless"] if !transforms.serverless => Some("AWS::Serverless-2016-10-31"),
        // A macro that isn't known may be this one under another name.
        ["MLProvisioner", _] if !transforms.products && !transforms.open => Some("MLProvisioner"),
        _ => None,
    };
    if let Some(needed) = needed {
        let message = format!("`{}` needs the transform `{needed}`", shorten(kind));
        let help = format!("add `Transform: {needed}` to the template");
        report.error(codes::TPL_SHAPE, &path.key("Type"), message, Some(help));
    }
    let deletion = (&resource.deletion_policy, "DeletionPolicy");
    let replacement = (&resource.update_replace_policy, "UpdateReplacePolicy");
    for (policy, key) in [deletion, replacement] {
        let Some(policy) = policy else { continue };
        let allowed: &[&str] = match key {
            "DeletionPolicy" => &["Delete", "Retain", "RetainExceptOnCreate", "Snapshot"],
            _ => &["Delete", "Retain", "Snapshot"],
        };
        let has_snapshots = !kind.starts_with("AWS::") || SNAPSHOT_TYPES.contains(&kind);
        match policy {
            Value::Str(text) if text == "Snapshot" && !has_snapshots => {
                let message = format!("`{key}` is Snapshot, but an {} has no snapshots", shorten(kind));
                let help =
                    format!("write Retain or Delete. Types with snapshots: {}", SNAPSHOT_TYPES.join(", "));
                report.error(codes::TPL_SHAPE, &path.key(key), message, Some(help));
            }
            Value::Str(text) if allowed.contains(&text.as_str()) => {}
            Value::Ref(_) | Value::Sub(_) | Value::Call(..) => {}
            other => {
                let message = format!("`{key}` is {}; allowed are {}", describe(other), allowed.join(", "));
                let help = other.as_str().and_then(|text| report.did_you_mean(text, allowed.iter().copied()));
                report.error(codes::TPL_SHAPE, &path.key(key), message, help);
            }
        }
    }
}

/// The types that CloudFormation makes a snapshot of.
///
/// Source: AWS CloudFormation Template Reference, `DeletionPolicy`; cfn-lint's rules E3035 and E3036
/// (`tests/external_checks/test_structure.py` compares the two).
const SNAPSHOT_TYPES: [&str; 8] = [
    "AWS::DocDB::DBCluster",
    "AWS::EC2::Volume",
    "AWS::ElastiCache::CacheCluster",
    "AWS::ElastiCache::ReplicationGroup",
    "AWS::Neptune::DBCluster",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::Redshift::Cluster",
];

fn no_nulls(report: &mut Report<'_>, entries: &Map, path: &Path<'_>) {
    for (key, value) in entries {
        no_null(report, value, &path.key(key));
    }
}

fn no_null(report: &mut Report<'_>, value: &Value, path: &Path<'_>) {
    match value {
        Value::Null => null(report, path),
        Value::Map(entries) => no_nulls(report, entries, path),
        Value::List(values) => {
            for (index, value) in values.iter().enumerate() {
                no_null(report, value, &path.index(index));
            }
        }
        _ => {}
    }
}

/// CloudFormation refuses null everywhere in a template. SAM reads some before CloudFormation does, and
/// `AWS::LanguageExtensions` deletes such keys (aws-cloudformation/cfn-language-discussion#100).
pub(super) fn null(report: &mut Report<'_>, path: &Path<'_>) {
    let transforms = report.transforms;
    let (severity, message) = if transforms.language_extensions {
        (Severity::Warning, "a value is empty (null); `AWS::LanguageExtensions` deletes its key".to_owned())
    } else {
        let severity = if transforms.serverless { Severity::Warning } else { Severity::Error };
        (severity, "a value is empty (null), which CloudFormation refuses".to_owned())
    };
    let help = "delete the key, or give it a value; an empty text is `\"\"`";
    report.add(severity, codes::TPL_SHAPE, (path, Spot::Key), message, help);
}

/// What a person sees there.
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "empty".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Number(text) => text.clone(),
        Value::Str(text) => format!("{:?}", shorten(text)),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a map".to_owned(),
        Value::Ref(name) => format!("`Ref` of `{name}`"),
        Value::GetAtt(name, attribute) => format!("`Fn::GetAtt` of `{name}.{attribute}`"),
        Value::Sub(_) => "`Fn::Sub`".to_owned(),
        Value::Call(function, _) => format!("`{}`", function.long()),
    }
}
