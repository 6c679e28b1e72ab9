//! Names that must be there: what `Ref`, `Fn::GetAtt`, `Fn::Sub`, `Fn::FindInMap`, `DependsOn` and conditions name, and
//! parameters that nothing names.

use std::collections::HashSet;

use super::functions::is_sub_name;
use super::{Report, Spot};
use crate::codes;
use crate::finding::Severity;
use crate::template::references::{Owner, Part, Reference, is_pattern, pattern_matches};
use crate::template::{Function, Map, Path, Section, Template, Value};

/// What CloudFormation defines in every template.
const PSEUDO_PARAMETERS: [&str; 8] = [
    "AWS::AccountId",
    "AWS::NoValue",
    "AWS::NotificationARNs",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackId",
    "AWS::StackName",
    "AWS::URLSuffix",
];

pub(super) fn check(report: &mut Report<'_>) {
    let template = report.template;
    let names = Names::of(template);
    // A `Fn::Sub` with such a name is reported as a whole.
    let impossible = |name: &str, attribute: Option<&str>, sub: bool| {
        sub && !(is_sub_name(name) && attribute.is_none_or(is_sub_name))
    };
    let mut used = HashSet::new();
    template.references(&mut |owner, reference, path| match reference {
        Reference::Name { name, sub } => {
            used.insert(name);
            if impossible(name, None, sub) {
                return;
            }
            self::name(report, &names, owner, (name, sub), path);
        }
        Reference::Attribute { name, attribute, sub } => {
            used.insert(name);
            if impossible(name, attribute, sub) {
                return;
            }
            self::attribute(report, &names, owner, (name, attribute, sub), path);
        }
        Reference::Condition(name) => condition(report, &names, name, path),
        Reference::DependsOn(name) => depends_on(report, &names, owner, name, path),
        Reference::Mapping(name, argument) => mapping(report, name, argument, path),
    });
    unused_parameters(report, &used);
}

/// The names that loops make, and those whose makers keep the rest of their names to themselves.
struct Names<'t> {
    /// Keys of resources inside of `Fn::ForEach`.
    resources: Vec<&'t str>,
    /// Keys of conditions inside of `Fn::ForEach`.
    conditions: Vec<&'t str>,
    /// Resources of which a macro or a module makes several, whose names begin with theirs.
    prefixes: Vec<&'t str>,
    serverless: bool,
}

impl<'t> Names<'t> {
    fn of(template: &'t Template) -> Self {
        let transforms = template.transforms();
        let mut names = Self {
            resources: Vec::new(),
            conditions: Vec::new(),
            prefixes: Vec::new(),
            serverless: transforms.serverless,
        };
        for expansion in template.expansions_of(Section::Resources) {
            made_by(&expansion.key, &expansion.value, &mut names.resources);
        }
        for (key, value) in &template.conditions {
            made_by(key, value, &mut names.conditions);
        }
        names.prefixes = template
            .resources
            .iter()
            .filter(|(_, resource)| {
                let kind = resource.kind.as_str();
                (transforms.serverless && kind.starts_with("AWS::Serverless::"))
                    || (transforms.products && kind.starts_with("MLProvisioner::"))
                    || kind.ends_with("::MODULE")
            })
            .map(|(id, _)| id.as_str())
            .collect();
        names
    }

    /// Whether a resource of this name may come to be that the template doesn't spell out.
    fn may_become_resource(&self, name: &str) -> bool {
        is_pattern(name)
            || self.resources.iter().any(|pattern| pattern_matches(pattern, name))
            || self.prefixes.iter().any(|prefix| name.starts_with(prefix))
            || (self.serverless && (name.starts_with("Serverless") || name == "CodeDeployServiceRole"))
    }

    fn may_become_condition(&self, name: &str) -> bool {
        is_pattern(name) || self.conditions.iter().any(|pattern| pattern_matches(pattern, name))
    }
}

/// Whether an entry is a `Fn::ForEach` that may make `name`.
pub fn made_by_loop(key: &str, value: &Value, name: &str) -> bool {
    let mut patterns = Vec::new();
    made_by(key, value, &mut patterns);
    patterns.iter().any(|pattern| pattern_matches(pattern, name))
}

/// The keys that a `Fn::ForEach` makes, loops within loops included.
fn made_by<'t>(key: &str, value: &'t Value, names: &mut Vec<&'t str>) {
    if let Value::List(list) = value
        && key.starts_with("Fn::ForEach::")
        && let [_, _, Value::Map(made)] = list.as_slice()
    {
        for (key, value) in made {
            if key.starts_with("Fn::") {
                made_by(key, value, names);
            } else {
                names.push(key);
            }
        }
    }
}

/// How a reference is written, for messages.
fn written(function: &str, sub: bool) -> &str {
    if sub { "Fn::Sub" } else { function }
}

fn name(
    report: &mut Report<'_>,
    names: &Names<'_>,
    owner: Owner<'_>,
    (name, sub): (&str, bool),
    path: &Path<'_>,
) {
    let template = report.template;
    let function = written("Ref", sub);
    if template.parameters.contains_key(name) || PSEUDO_PARAMETERS.contains(&name) {
        return;
    }
    if name.starts_with("AWS::") {
        let message = format!("`{function}` names `{name}`, which is no pseudo parameter");
        let help = report
            .did_you_mean(name, PSEUDO_PARAMETERS)
            .unwrap_or_else(|| format!("there are {}", PSEUDO_PARAMETERS.join(", ")));
        report.error(codes::TPL_UNKNOWN_REFERENCE, path, message, Some(help));
        return;
    }
    if let Some(place) = before_resources(owner) {
        if template.resources.contains_key(name) {
            let message = format!(
                "`{function}` in {place} names the resource `{name}`; only parameters have a value there"
            );
            report.error(codes::TPL_UNKNOWN_REFERENCE, path, message, None);
            return;
        }
    } else if template.resources.contains_key(name) {
        return;
    }
    unknown(report, names, (name, function, ""), path);
}

/// `Rules` and `Conditions` are decided before any resource exists.
fn before_resources(owner: Owner<'_>) -> Option<&'static str> {
    match owner {
        Owner::Condition(_) => Some("`Conditions`"),
        Owner::Rule(_) => Some("`Rules`"),
        _ => None,
    }
}

fn attribute(
    report: &mut Report<'_>,
    names: &Names<'_>,
    owner: Owner<'_>,
    (name, attribute, sub): (&str, Option<&str>, bool),
    path: &Path<'_>,
) {
    let template = report.template;
    let function = written("Fn::GetAtt", sub);
    let suffix = attribute.map(|attribute| format!(".{attribute}")).unwrap_or_default();
    if let Some(place) = before_resources(owner) {
        let message =
            format!("`{function}` in {place} names `{name}{suffix}`; resources have no attributes yet there");
        report.error(codes::TPL_UNKNOWN_REFERENCE, path, message, None);
    } else if template.resources.contains_key(name) {
        // Which attributes a type has is what cfn-lint knows.
    } else if template.parameters.contains_key(name) || PSEUDO_PARAMETERS.contains(&name) {
        let message = format!(
            "`{function}` names `{name}{suffix}`, but `{name}` is a parameter, which has no attributes"
        );
        let plain = if sub { format!("`${{{name}}}`") } else { format!("`!Ref {name}`") };
        report.error(codes::TPL_UNKNOWN_REFERENCE, path, message, Some(format!("its value is {plain}")));
    } else {
        unknown(report, names, (name, function, &suffix), path);
    }
}

/// Whether a resource of this name is there of which `Ref` takes no attribute. SAM reads `!Ref Function.Version` (AWS SAM
/// Developer Guide, "Referencing generated resources"), and CloudFormation `!Ref Module.Resource` (User Guide, "Reference
/// module resources").
fn is_single(template: &Template, id: &str) -> bool {
    template
        .resources
        .get(id)
        .is_some_and(|it| !it.kind.starts_with("AWS::Serverless::") && !it.kind.ends_with("::MODULE"))
}

fn unknown(
    report: &mut Report<'_>,
    names: &Names<'_>,
    (name, function, suffix): (&str, &str, &str),
    path: &Path<'_>,
) {
    let template = report.template;
    let dotted = name.split_once('.').filter(|(id, _)| suffix.is_empty() && is_single(template, id));
    if let Some((id, attribute)) = dotted {
        let message = format!("`{function}` names `{name}`; it takes the name of `{id}` and no attribute");
        let help = Some(format!("write `!GetAtt {id}.{attribute}`"));
        report.error(codes::TPL_UNKNOWN_REFERENCE, path, message, help);
        return;
    }
    if names.may_become_resource(name) {
        return;
    }
    let message = format!(
        "`{function}` names `{name}{suffix}`, but the template has no {} `{name}`",
        if suffix.is_empty() { "parameter or resource" } else { "resource" }
    );
    let candidates = template.resources.keys().chain(template.parameters.keys()).map(String::as_str);
    let help = if template.conditions.contains_key(name) {
        Some(format!("`{name}` is a condition: use `Fn::If`, or the attribute `Condition`"))
    } else if template.mappings.contains_key(name) {
        Some(format!("`{name}` is a mapping: use `Fn::FindInMap`"))
    } else if let Some(help) = report.did_you_mean(name, candidates) {
        Some(help)
    } else if let Some(help) = report.did_you_mean(&format!("AWS::{name}"), PSEUDO_PARAMETERS) {
        Some(help)
    } else if function == "Fn::Sub" {
        Some(format!("if the text itself is wanted, write `${{!{name}{suffix}}}`"))
    } else {
        None
    };
    // SAM's own names are known by their beginning; a name that isn't may still come from a newer version of SAM.
    let severity = if report.transforms.serverless { Severity::Warning } else { Severity::Error };
    report.add(severity, codes::TPL_UNKNOWN_REFERENCE, (path, Spot::Value), message, help);
}

fn condition(report: &mut Report<'_>, names: &Names<'_>, name: &str, path: &Path<'_>) {
    let template = report.template;
    if !template.conditions.contains_key(name) && !names.may_become_condition(name) {
        let message = format!("the condition `{name}` is not in `Conditions`");
        let help = report.did_you_mean(name, template.conditions.keys().map(String::as_str));
        report.error(codes::TPL_UNKNOWN_CONDITION, path, message, help);
    }
}

fn depends_on(report: &mut Report<'_>, names: &Names<'_>, owner: Owner<'_>, name: &str, path: &Path<'_>) {
    let template = report.template;
    if owner == Owner::Resource(name) {
        let message = format!("`{name}` depends on itself");
        report.error(codes::TPL_DEPENDS_ON, path, message, "delete this entry");
    } else if let Some((id, _)) = name.split_once('.').filter(|(id, _)| is_single(template, id)) {
        let message = format!("`DependsOn` names `{name}`; it takes logical ids without attributes");
        report.error(codes::TPL_DEPENDS_ON, path, message, Some(format!("write `{id}`")));
    } else if !template.resources.contains_key(name) && !names.may_become_resource(name) {
        let what = if template.parameters.contains_key(name) {
            "a parameter"
        } else {
            "no resource of the template"
        };
        let message = format!("`DependsOn` names `{name}`, which is {what}; allowed are resources");
        let help = report.did_you_mean(name, template.resources.keys().map(String::as_str));
        let severity = if report.transforms.serverless { Severity::Warning } else { Severity::Error };
        report.add(severity, codes::TPL_DEPENDS_ON, (path, Spot::Value), message, help);
    }
}

/// `Fn::FindInMap` of literal names. With a default (`AWS::LanguageExtensions`) what is missing is allowed.
fn mapping(report: &mut Report<'_>, name: &str, argument: &[Value], path: &Path<'_>) {
    let mappings = &report.template.mappings;
    if argument.len() > 3 || is_pattern(name) || has_expansion(mappings) {
        return;
    }
    let path = path.key(Function::FindInMap.long());
    let Some(mapping) = mappings.get(name) else {
        let message = format!("`Fn::FindInMap` names the mapping `{name}`, which is not in `Mappings`");
        let help = report.did_you_mean(name, mappings.keys().map(String::as_str));
        report.error(codes::TPL_FUNCTION, &path.index(0), message, help);
        return;
    };
    let Value::Map(tops) = mapping else { return };
    let (top, second) = (argument.get(1).and_then(literal), argument.get(2).and_then(literal));
    if has_expansion(tops) {
        return;
    }
    let candidates: Vec<&Map> = match top.as_deref() {
        Some(top) if is_pattern(top) => return,
        Some(top) => match tops.get(top) {
            Some(Value::Map(seconds)) => vec![seconds],
            Some(_) => return,
            None => {
                let message = format!("mapping `{name}` has no key `{top}`");
                let help = report.did_you_mean(top, tops.keys().map(String::as_str));
                report.error(codes::TPL_FUNCTION, &path.index(1), message, help);
                return;
            }
        },
        None => tops
            .values()
            .filter_map(|seconds| if let Value::Map(it) = seconds { Some(it) } else { None })
            .collect(),
    };
    if let Some(second) = second
        && !is_pattern(&second)
        && !candidates.iter().any(|seconds| seconds.contains_key(&second) || has_expansion(seconds))
    {
        let message = match top {
            Some(top) => format!("`{top}` of mapping `{name}` has no `{second}`"),
            None => format!("no key of mapping `{name}` has a `{second}`"),
        };
        let help = report
            .did_you_mean(&second, candidates.iter().flat_map(|seconds| seconds.keys()).map(String::as_str));
        report.error(codes::TPL_FUNCTION, &path.index(2), message, help);
    }
}

fn has_expansion(entries: &Map) -> bool {
    entries.keys().any(|key| crate::template::read::is_expansion(key))
}

fn literal(value: &Value) -> Option<String> {
    match value {
        Value::Str(text) | Value::Number(text) => Some(text.clone()),
        Value::Int(value) => Some(value.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

fn unused_parameters(report: &mut Report<'_>, used: &HashSet<&str>) {
    let template = report.template;
    let unused: Vec<&String> =
        template.parameters.keys().filter(|name| !used.contains(name.as_str())).collect();
    // What a macro puts in may use any of them.
    if unused.is_empty() || report.transforms.open {
        return;
    }
    let mut other_uses = OtherUses::default();
    template.parts(&mut |_, part, _| match part {
        Part::Map(entries) => entries.iter().for_each(|(key, value)| other_uses.entry(key, value)),
        Part::Value(value) => other_uses.value(value),
        Part::Entry(key, value) => other_uses.entry(key, value),
    });
    if other_uses.transform {
        return;
    }
    let patterns: Vec<&str> = used.iter().copied().filter(|name| is_pattern(name)).collect();
    let section = Path::ROOT.key("Parameters");
    for name in unused {
        let by_type =
            template.parameters.get(name).is_some_and(|it| other_uses.types.contains(&it.kind.as_str()));
        if !by_type && !patterns.iter().any(|pattern| pattern_matches(pattern, name)) {
            let message = format!("nothing uses the parameter `{name}`");
            let at = (&section.key(name), Spot::Key);
            report.add(Severity::Warning, codes::TPL_UNUSED_PARAMETER, at, message, "delete it, or use it");
        }
    }
}

/// Ways to use parameters without naming them.
#[derive(Default)]
struct OtherUses<'t> {
    /// An embedded `Fn::Transform`: what it puts in may use any.
    transform: bool,
    /// The types that `Fn::RefAll` and `Fn::ValueOfAll` take all parameters of.
    types: HashSet<&'t str>,
}

impl<'t> OtherUses<'t> {
    fn entry(&mut self, key: &str, value: &'t Value) {
        self.transform |= key == "Fn::Transform";
        self.value(value);
    }

    fn value(&mut self, value: &'t Value) {
        match value {
            Value::List(values) => values.iter().for_each(|value| self.value(value)),
            Value::Map(entries) => entries.iter().for_each(|(key, value)| self.entry(key, value)),
            Value::Sub(sub) => sub.variables.values().for_each(|value| self.value(value)),
            Value::Call(function, argument) => {
                self.transform |= *function == Function::Transform;
                let kind = match (function, &**argument) {
                    (Function::RefAll, Value::Str(kind)) => Some(kind),
                    (Function::ValueOfAll, Value::List(list)) => match list.first() {
                        Some(Value::Str(kind)) => Some(kind),
                        _ => None,
                    },
                    _ => None,
                };
                self.types.extend(kind.map(String::as_str));
                self.value(argument);
            }
            _ => {}
        }
    }
}
