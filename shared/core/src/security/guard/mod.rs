//! CloudFormation Guard: our own rules, and the engine that evaluates anybody's.
//!
//! The rules of `schemas/security/*.guard` see a cut of the template: resources of the types that they name, and in them
//! known values only. `Fn::If` is replaced by one branch and then by the other, so that a rule needs to know nothing of
//! it, and what CloudFormation will compute stands as `(unknown)`.

pub(super) mod circles;
mod cut;
pub(super) mod engine;
mod header;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::catalogue::Check;
use super::inspection::Inspection;
use crate::finding::Finding;

/// A built-in Guard rule.
#[derive(Debug)]
pub(super) struct GuardCheck {
    pub(super) check: Check,
    /// The rule's name in the file.
    rule: &'static str,
    /// The resource types that it looks at.
    types: Vec<&'static str>,
}

/// Every file, in the order of their names.
const FILES: [&str; 5] = [
    include_str!("../../../../../schemas/security/codebuild.guard"),
    include_str!("../../../../../schemas/security/iam.guard"),
    include_str!("../../../../../schemas/security/logs.guard"),
    include_str!("../../../../../schemas/security/network.guard"),
    include_str!("../../../../../schemas/security/s3.guard"),
];

/// The built-in Guard rules with what their files say of them.
pub(super) static CHECKS: LazyLock<Vec<GuardCheck>> =
    LazyLock::new(|| FILES.into_iter().flat_map(header::checks).collect());

/// All rules as one file: one evaluation costs less than five.
static RULES: LazyLock<String> = LazyLock::new(|| FILES.join("\n"));

static TYPES: LazyLock<BTreeSet<&str>> =
    LazyLock::new(|| CHECKS.iter().flat_map(|check| check.types.iter().copied()).collect());

pub(super) fn built_in(inspection: &mut Inspection<'_>) {
    let mut seen = BTreeSet::new();
    for data in cut::cuts(inspection.template, &TYPES) {
        let failures = match engine::failures(&RULES, &data) {
            Ok(failures) => failures,
            Err(problem) => {
                inspection.add_as_it_is(super::organisation::built_in_failed(&problem));
                continue;
            }
        };
        for failure in failures {
            let Some(GuardCheck { check, .. }) = CHECKS.iter().find(|check| check.rule == failure.rule)
            else {
                continue;
            };
            let severity = if check.enterprise_only {
                inspection.enterprise(check.severity)
            } else {
                Some(check.severity)
            };
            let Some(severity) = severity else { continue };
            if !seen.insert((check.code, failure.pointer.clone(), failure.message.clone())) {
                continue;
            }
            let message = match &failure.value {
                Some(value) => format!("{} (found `{value}`)", failure.message),
                None => failure.message,
            };
            let finding = Finding { severity, ..check.finding(message) };
            inspection.add_at(&failure.pointer, finding);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_every_file_has_its_header() {
        for file in FILES {
            let rules = file.lines().filter(|line| line.starts_with("rule ")).count();
            let checks = header::checks(file);
            assert_eq!(checks.len(), rules, "{file}");
            for GuardCheck { check, types, .. } in checks {
                assert!(check.code.starts_with("MLP-") && !types.is_empty());
                for text in [check.title, check.why, check.help, check.details] {
                    assert!(!text.trim().is_empty(), "{check:?}");
                }
            }
        }
    }

    #[test]
    fn the_rules_are_sound_guard() {
        let other = r#"{"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {}}}}"#;
        assert_eq!(engine::failures(&RULES, other), Ok(Vec::new()));
    }
}
