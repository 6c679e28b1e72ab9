//! CloudFormation Guard: our own rules, and the engine that evaluates anybody's.
//!
//! The rules of `schemas/security/*.guard` see a cut of the template: resources of the types that they name, and in them
//! known values only. `Fn::If` is replaced by one branch and then by the other, so that a rule needs to know nothing of
//! it, and what CloudFormation will compute stands as `(unknown)`. A rule looks at one resource at a time and names the
//! properties that it looks at: the cut leaves out what no rule names.

pub(super) mod circles;
mod cut;
pub(super) mod engine;
mod header;

use std::collections::BTreeSet;
use std::sync::{LazyLock, Mutex, PoisonError};

use super::catalogue::Check;
use super::inspection::Inspection;
use crate::finding::Finding;
use cut::Sight;
use engine::{Failure, Problem};

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

/// Rules that are evaluated together: one evaluation costs less than five.
struct Set {
    text: String,
    sight: Sight<'static>,
    /// Cuts that passed. A cut has so little in it that the next product's is the same one mostly, and Guard takes longer
    /// than everything else.
    passed: Mutex<BTreeSet<String>>,
}

/// How many cuts are remembered, and how long each may be, in bytes: half a mebibyte in all.
const REMEMBERED: usize = 64;
const REMEMBERED_LENGTH: usize = 8 * 1024;

impl Set {
    fn of(files: impl Iterator<Item = &'static str> + Clone) -> Self {
        let types = files.clone().flat_map(header::checks).flat_map(|check| check.types).collect();
        // Guard reads the text anew each time: it need not read our comments.
        let lines = files.flat_map(str::lines).filter(|line| !line.starts_with('#'));
        let words = lines.clone().flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric())).collect();
        Self {
            text: lines.collect::<Vec<_>>().join("\n"),
            sight: Sight { types, words },
            passed: Mutex::default(),
        }
    }

    /// What fails in a cut.
    fn failures(&self, cut: &str) -> Result<Vec<Failure>, Problem> {
        let passed = || self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        if passed().contains(cut) {
            return Ok(Vec::new());
        }
        let failures = engine::failures(&self.text, cut)?;
        if failures.is_empty() && cut.len() <= REMEMBERED_LENGTH {
            let mut passed = passed();
            if passed.len() >= REMEMBERED {
                passed.clear();
            }
            passed.insert(cut.to_owned());
        }
        Ok(failures)
    }
}

/// All rules.
static ALL: LazyLock<Set> = LazyLock::new(|| Set::of(FILES.into_iter()));

/// The rules that hold in every tier.
static EVERY_TIER: LazyLock<Set> =
    LazyLock::new(|| Set::of(FILES.into_iter().filter(|file| !is_for_enterprise(file))));

fn is_for_enterprise(file: &'static str) -> bool {
    header::checks(file).iter().all(|check| check.check.enterprise_only)
}

pub(super) fn built_in(inspection: &mut Inspection<'_>) {
    let set = if inspection.knows_no_enterprise() { &EVERY_TIER } else { &ALL };
    let mut seen = BTreeSet::new();
    for cut in cut::cuts(inspection.template, &set.sight) {
        let failures = match set.failures(&cut.text) {
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
            let message = match &failure.value {
                Some(value) => format!("{} (found `{value}`)", failure.message),
                None => failure.message,
            };
            for (id, pointer) in cut.everywhere(&failure.pointer) {
                let severity = if check.enterprise_only {
                    inspection.enterprise(check.severity, id)
                } else {
                    Some(check.severity)
                };
                let Some(severity) = severity else { continue };
                if seen.insert((check.code, pointer.clone(), message.clone())) {
                    inspection.add_at(&pointer, Finding { severity, ..check.finding(message.as_str()) });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::{Resource, Template, Value};

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
    fn rules_name_the_properties_that_they_look_at() {
        // What a rule takes without its name would be missing in the cut.
        for file in FILES {
            for line in file.lines().filter(|line| !line.starts_with('#')) {
                let below = line.replace("Resources.*", "");
                for nameless in [".*", ".%", "keys "] {
                    assert!(!below.contains(nameless), "{nameless} in {line}");
                }
            }
        }
    }

    #[test]
    fn a_file_is_for_enterprise_or_for_every_tier() {
        for file in FILES {
            let some = header::checks(file).iter().any(|check| check.check.enterprise_only);
            assert_eq!(is_for_enterprise(file), some, "{file}");
        }
    }

    #[test]
    fn resources_that_are_alike_are_looked_at_once_and_all_found() {
        let group = |name: &str, days| {
            let properties = crate::template::map([
                ("LogGroupName", Value::str(name)),
                ("RetentionInDays", Value::Int(days)),
            ]);
            Resource { kind: "AWS::Logs::LogGroup".into(), properties, ..Resource::default() }
        };
        let resources = [
            ("A".into(), group("a", 30)),
            ("B/~C".into(), group("b", 30)),
            ("D".into(), group("d", 7)),
            ("E".into(), group("e", 365)),
        ];
        let template = Template { resources: resources.into(), ..Template::default() };
        let cuts = cut::cuts(&template, &ALL.sight);
        assert_eq!(cuts.len(), 1);
        assert_eq!(cuts[0].text.matches("RetentionInDays").count(), 3, "{}", cuts[0].text);
        let mut inspection = Inspection::new(&template, None);
        built_in(&mut inspection);
        let found: Vec<_> =
            inspection.into_findings().into_iter().map(|it| (it.path, it.logical_id)).collect();
        let at = |path: &str, id: &str| {
            (format!("/Resources/{path}/Properties/RetentionInDays"), Some(id.to_owned()))
        };
        assert_eq!(found, [at("A", "A"), at("B~1~0C", "B/~C"), at("D", "D")]);
    }

    #[test]
    fn the_rules_are_sound_guard() {
        let other = r#"{"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {}}}}"#;
        assert_eq!(engine::failures(&ALL.text, other), Ok(Vec::new()));
    }
}
