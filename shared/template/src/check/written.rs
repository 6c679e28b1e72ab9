//! What is lost when a template's text becomes a tree, and CloudFormation refuses.

use crate::codes;
use crate::finding::{Finding, Severity};
use crate::template::Transforms;
use crate::yaml::{Document, Remark, RemarkKind};

pub(super) fn check(document: &Document, transforms: Transforms) -> Vec<Finding> {
    let alias = document.remarks.iter().find(|remark| remark.kind == RemarkKind::Alias).map(alias);
    let numbers = document.remarks.iter().filter(|remark| remark.kind == RemarkKind::NumericKey);
    let zeros = document.remarks.iter().filter(|remark| remark.kind == RemarkKind::LeadingZero).map(zero);
    let slashes = document.remarks.iter().filter(|remark| remark.kind == RemarkKind::SlashEscape).map(slash);
    alias
        .into_iter()
        .chain(numbers.map(|remark| number(remark, transforms)))
        .chain(zeros)
        .chain(slashes)
        .collect()
}

/// A warning, because a tool that writes the template anew may have resolved them.
///
/// Source: CloudFormation's message in seeebiii/aws-cloudformation-templates#1; cfn-lint's rule W1101.
fn alias(remark: &Remark) -> Finding {
    let message = "the template has YAML aliases, which CloudFormation refuses";
    let help = "write the value out, or let `aws cloudformation package`, `sam package` or `mlp expand` resolve the aliases";
    Finding::warning(codes::TPL_ALIAS, remark.pointer.clone(), message)
        .at(remark.line, remark.column)
        .help(help)
}

/// Source: CloudFormation's message ("map keys must be strings; received numeric [200] instead") in
/// awsdocs/aws-cloudformation-user-guide#404 and aws-cloudformation/cfn-lint#292.
fn number(remark: &Remark, transforms: Transforms) -> Finding {
    let key = remark.pointer.rsplit('/').next().unwrap_or_default();
    let message = format!("the key `{key}` is a number; CloudFormation takes only text as keys");
    let finding = Finding::error(codes::TPL_SHAPE, remark.pointer.clone(), message)
        .at(remark.line, remark.column)
        .help(format!("put it in quotes: `\"{key}\"`"));
    let severity = if transforms.open { Severity::Warning } else { Severity::Error };
    Finding { severity, ..finding }
}

/// Source: CloudFormation's answer in aws-cloudformation/cfn-lint#1549 ("YAML not well-formed"); YAML 1.1, "Escape Sequences",
/// doesn't have it.
fn slash(remark: &Remark) -> Finding {
    let message = "the text has the escape `\\/`, which CloudFormation's YAML doesn't know";
    Finding::warning(codes::YAML_SYNTAX, remark.pointer.clone(), message)
        .at(remark.line, remark.column)
        .help("write `/`")
}

/// Source: aws-cloudformation/cloudformation-coverage-roadmap#745 and aws/serverless-application-model#1469, where accounts lost
/// their zeros; YAML 1.1, "Integer" and "Floating-Point" types.
fn zero(remark: &Remark) -> Finding {
    let message =
        "this value of 12 digits has no quotes: CloudFormation reads a number, and its leading zero is lost";
    Finding::warning(codes::TPL_SHAPE, remark.pointer.clone(), message)
        .at(remark.line, remark.column)
        .help("put an account's number in quotes")
}
