//! What outputs give, and under which names they are exported.
//!
//! Source: AWS CloudFormation User Guide, "Outputs"; CloudFormation's own messages, as the threads named below quote them.

use super::functions::is_list_parameter;
use super::sections::describe;
use super::{Report, Spot};
use crate::codes;
use crate::template::read::shorten;
use crate::template::{Function, Output, Path, SubPart, Template, Value};

pub(super) fn check(report: &mut Report<'_>) {
    let template = report.template;
    let section = Path::ROOT.key("Outputs");
    for (index, (name, output)) in template.outputs.iter().enumerate() {
        let path = section.key(name);
        value(report, &output.value, &path.key("Value"));
        if let Some(export) = &output.export {
            let export_path = path.key("Export");
            let path = export_path.key("Name");
            self::export(report, export, &path);
            let same = template.outputs.iter().take(index).find(|(_, other)| exports_same(other, output));
            if let Some((other, _)) = same {
                let message = format!("the output `{other}` is exported under the same name");
                report.error(codes::TPL_SHAPE, &path, message, "give each export a name of its own");
            }
        }
    }
}

/// An output is one text ("The Value field of every Outputs member must evaluate to a String":
/// org-formation/org-formation-cli#15, aws-samples/sessions-with-aws-sam#7; cfn-lint's rule E6101).
fn value(report: &mut Report<'_>, value: &Value, path: &Path<'_>) {
    if let Value::Call(Function::If, argument) = value {
        if let Value::List(choice) = &**argument {
            let path = path.key(Function::If.long());
            for (index, value) in choice.iter().enumerate().skip(1) {
                self::value(report, value, &path.index(index));
            }
        }
        return;
    }
    let found = match value {
        Value::List(_) | Value::Call(Function::GetAZs | Function::Split | Function::Cidr, _) => {
            describe(value)
        }
        Value::Map(entries) if !entries.contains_key(Function::Transform.long()) => describe(value),
        Value::Ref(name) if is_list_parameter(report.template, name) => {
            format!("`Ref` of `{name}`, which is a list")
        }
        _ => return,
    };
    let message = format!("the value of an output is {found}; it must be text");
    report.error(codes::TPL_SHAPE, path, message, "make one text of a list with `Fn::Join`");
}

/// The name of an export is known before there are resources ("The Name field of Export must not depend on any resources,
/// imported values, or `Fn::GetAZs`": aws-cloudformation/cfn-lint#1632, aws/aws-cdk#5845) and has letters, digits, `:` and `-`
/// (the message is in aws-samples/startup-kit-templates#45).
fn export(report: &mut Report<'_>, name: &Value, path: &Path<'_>) {
    if let Some(found) = needs_resources(name, report.template) {
        let message = format!("the name of an export depends on {found}");
        let help = "make the name of literal text, parameters and pseudo parameters such as `AWS::StackName`";
        report.error(codes::TPL_SHAPE, path, message, help);
    }
    if let Value::Ref(parameter) = name
        && is_list_parameter(report.template, parameter)
    {
        let message = format!("the name of an export is `Ref` of `{parameter}`, a parameter that is a list");
        report.error(codes::TPL_SHAPE, path, message, "make one text of a list with `Fn::Join`");
    }
    let wrong =
        |text: &str| text.chars().find(|char| !(char.is_ascii_alphanumeric() || matches!(char, ':' | '-')));
    let found = match name {
        Value::Str(text) => wrong(text).map(|char| (char, text.clone())),
        Value::Sub(sub) => sub.parts.iter().find_map(|part| match part {
            SubPart::Text(text) => wrong(text).map(|char| (char, sub.to_text())),
            _ => None,
        }),
        _ => None,
    };
    if let Some((char, text)) = found {
        let shown = shorten(&text);
        let message = format!(
            "the name of an export has the character `{char}` (`{shown}`); allowed are A-Z, a-z, 0-9, `:` and `-`"
        );
        report.add(crate::finding::Severity::Error, codes::TPL_SHAPE, (path, Spot::Value), message, None);
    }
}

/// Two outputs that are there at once and have one name for their exports.
fn exports_same(one: &Output, other: &Output) -> bool {
    let both = one.condition.is_none() || other.condition.is_none() || one.condition == other.condition;
    both && one.export == other.export
}

/// What a value takes from resources, other stacks or zones, none of which is known before there are resources.
pub(super) fn needs_resources(value: &Value, template: &Template) -> Option<String> {
    let resource = |name: &str| template.resources.get(name);
    // The macro puts a product's name in as text.
    let is_product = |name: &str| resource(name).is_some_and(|it| it.kind.starts_with("MLProvisioner::"));
    let named = |name: &str| resource(name).is_some() && !is_product(name);
    let of = |name: &str, attribute: &str| !(is_product(name) && attribute == "MlName");
    match value {
        Value::Ref(name) if named(name) => Some(format!("the resource `{name}`")),
        Value::GetAtt(name, attribute) if of(name, attribute) => Some(format!("the resource `{name}`")),
        Value::Sub(sub) => {
            let part = sub.parts.iter().find_map(|part| match part {
                SubPart::Ref(name) if !sub.variables.contains_key(name) && named(name) => Some(name),
                SubPart::GetAtt(name, attribute)
                    if !sub.variables.contains_key(&format!("{name}.{attribute}")) && of(name, attribute) =>
                {
                    Some(name)
                }
                _ => None,
            });
            part.map(|name| format!("the resource `{name}`"))
                .or_else(|| sub.variables.values().find_map(|it| needs_resources(it, template)))
        }
        Value::Call(function @ (Function::ImportValue | Function::GetAZs), _) => {
            Some(format!("`{}`", function.long()))
        }
        Value::Call(_, argument) => needs_resources(argument, template),
        Value::List(values) => values.iter().find_map(|it| needs_resources(it, template)),
        Value::Map(entries) => entries.values().find_map(|it| needs_resources(it, template)),
        _ => None,
    }
}
