//! From what was seen of a stack to its report.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::compare::{Difference, differences, is_like, policy_difference, unmatched};
use super::config;
use super::ignore::Ignore;
use super::probes::Probe;
use super::report::{Coverage, Finding, Ignored, Kind, Mend, SCHEMA_VERSION, Source, StackReport, Verdict};
use super::resolve::{Resolver, is_unknown};
use super::seen::{CouldNot, Detection, ProbeAnswer, Refused, ResourceSeen, Seen};
use super::severity;
use crate::actions::Suite;
use crate::changes::{Shown, read_value, safe};
use crate::check;
use crate::error::InternalError;
use crate::template::{Template, Value, read::from_document};

/// What a report says besides what was seen.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// The run.
    pub run: String,
    /// The time, RFC 3339.
    pub checked_at: String,
    /// Account and region of the suite, for today's config.
    pub suite: Suite,
}

/// Judges one stack.
///
/// # Errors
///
/// Only for our own defects.
pub fn judge(seen: &Seen, ignore: &Ignore, about: &About) -> Result<StackReport, InternalError> {
    let template = seen.template.as_ref().ok().and_then(|text| read(text));
    let mut judging = Judging::new(seen, template.as_ref());
    judging.stack();
    if !judging.gone {
        judging.cloudformation();
        judging.probes();
        judging.uncovered();
        judging.config(about)?;
    }
    Ok(judging.report(ignore, about))
}

fn read(text: &str) -> Option<Template> {
    let document = check::load(text.as_bytes()).ok()?;
    Some(from_document(&document).0)
}

/// What became of a resource.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Looked {
    ByCloudFormation,
    ByProbe,
    NotCheckable,
    CouldNot,
}

struct Judging<'a> {
    seen: &'a Seen,
    template: Option<&'a Template>,
    resources: BTreeMap<&'a str, &'a ResourceSeen>,
    looked: BTreeMap<&'a str, Looked>,
    findings: Vec<Finding>,
    gone: bool,
}

impl<'a> Judging<'a> {
    fn new(seen: &'a Seen, template: Option<&'a Template>) -> Self {
        let resources = seen.resources.as_deref().unwrap_or_default().iter();
        let there =
            resources.filter(|it| !matches!(it.status.as_str(), "DELETE_COMPLETE" | "DELETE_SKIPPED"));
        Self {
            seen,
            template,
            resources: there.map(|it| (it.logical_id.as_str(), it)).collect(),
            looked: BTreeMap::new(),
            findings: Vec::new(),
            gone: false,
        }
    }

    /// What can't be seen of the stack as a whole.
    fn stack(&mut self) {
        let Seen { template, resources, detection, .. } = self.seen;
        let detection = match detection {
            Detection::CouldNot(refused) => Some(refused),
            Detection::Done { .. } => None,
        };
        let all = [template.as_ref().err(), resources.as_ref().err(), detection];
        self.gone = all.into_iter().flatten().any(|refused| refused.why == CouldNot::Gone);
        if self.gone {
            return;
        }
        let asked = [
            ("its template", "cloudformation:GetTemplate"),
            ("its resources", "cloudformation:ListStackResources"),
            ("CloudFormation's drift detection", "cloudformation:DetectStackDrift"),
        ];
        for (refused, (what, action)) in all.into_iter().zip(asked) {
            if let Some(refused) = refused {
                self.could_not("", "", refused, &format!("{what} can't be had"), action);
            }
        }
        if let Detection::Done { failed: Some(reason), .. } = self.seen.detection.clone() {
            let refused = Refused { why: CouldNot::Failed, reason };
            self.could_not(
                "",
                "",
                &refused,
                "CloudFormation's drift detection failed for some resources",
                "cloudformation:DetectStackDrift",
            );
        }
        if template.is_ok() && self.template.is_none() {
            let refused = Refused { why: CouldNot::Failed, reason: "it is no template".to_owned() };
            self.could_not("", "", &refused, "its template can't be read", "cloudformation:GetTemplate");
        }
    }

    fn could_not(&mut self, logical_id: &str, property: &str, refused: &Refused, what: &str, action: &str) {
        let mend = match refused.why {
            CouldNot::Denied => format!("allow the role of the drift function `{action}`, and what it needs to read the resource"),
            CouldNot::Busy => "nothing: the next run looks again when nobody works on the stack".to_owned(),
            CouldNot::Throttled | CouldNot::TimedOut | CouldNot::Unavailable => {
                "nothing: the next run looks again; fewer stacks at once (`DriftConcurrency`) help against throttling".to_owned()
            }
            CouldNot::Unfinished => "deploy the product (`\"recreate_failed\": true` when it never came to be), or delete it".to_owned(),
            CouldNot::Gone | CouldNot::Failed => "mend what the reason names; the next run looks again".to_owned(),
        };
        let message = format!("{what}: {}", safe(&refused.reason));
        let source = if logical_id.is_empty() { Source::Cloudformation } else { Source::Probe };
        self.add(Kind::CouldNotCheck, logical_id, property, None, None, source, message, mend);
    }

    #[expect(clippy::too_many_arguments, reason = "a finding has that many parts")]
    fn add(
        &mut self,
        kind: Kind,
        logical_id: &str,
        property: &str,
        expected: Option<&Json>,
        actual: Option<&Json>,
        source: Source,
        message: String,
        mend: String,
    ) {
        let resource = self.resources.get(logical_id);
        let declared = || self.template.and_then(|template| template.resources.get(logical_id));
        let resource_type = resource
            .map(|it| it.kind.clone())
            .or_else(|| declared().map(|it| it.kind.clone()))
            .unwrap_or_default();
        let name = property.rsplit('/').next().unwrap_or_default();
        let shown = |value: &Json| Shown::new(name, value);
        let finding = Finding {
            kind,
            severity: severity::of(kind, &resource_type, property),
            logical_id: logical_id.to_owned(),
            physical_id: resource.and_then(|it| it.physical_id.as_deref()).map(safe),
            resource_type,
            property: property.to_owned(),
            expected: expected.map(shown),
            actual: actual.map(shown),
            source,
            message,
            mend,
            fingerprint: String::new(),
        };
        self.findings.push(finding.sealed(&self.seen.stack.name, actual));
    }

    /// What CloudFormation's own detection says.
    fn cloudformation(&mut self) {
        let Detection::Done { drifts, .. } = &self.seen.detection else { return };
        for drift in drifts {
            let text = |key: &str| drift.get(key).and_then(Json::as_str).unwrap_or_default();
            let Some((id, _)) = self.resources.get_key_value(text("LogicalResourceId")) else { continue };
            let id: &'a str = id;
            let looked = match text("StackResourceDriftStatus") {
                "IN_SYNC" => Looked::ByCloudFormation,
                "DELETED" => {
                    self.deleted(id, Source::Cloudformation);
                    Looked::ByCloudFormation
                }
                "MODIFIED" => {
                    let changed = drift.get("PropertyDifferences").and_then(Json::as_array);
                    for difference in changed.into_iter().flatten() {
                        self.modified(id, difference);
                    }
                    Looked::ByCloudFormation
                }
                "NOT_CHECKED" => Looked::NotCheckable,
                // `UNKNOWN`, and what CloudFormation may say one day.
                other => {
                    let reason = match text("DriftStatusReason") {
                        "" => format!("CloudFormation says {other}"),
                        reason => reason.to_owned(),
                    };
                    let refused = Refused { why: CouldNot::Failed, reason };
                    self.could_not(
                        id,
                        "",
                        &refused,
                        &format!("`{id}` could not be checked"),
                        "the resource's read actions",
                    );
                    Looked::CouldNot
                }
            };
            self.looked.insert(id, looked);
        }
    }

    fn deleted(&mut self, id: &str, source: Source) {
        let known = self.findings.iter().any(|it| it.kind == Kind::Deleted && it.logical_id == id);
        if known {
            return;
        }
        let name = self.resources.get(id).and_then(|it| it.physical_id.as_deref()).unwrap_or(id);
        let message = format!("`{}` is gone: somebody deleted it, or gave it another name", safe(name));
        let mend = match source {
            Source::Probe => {
                "make it again under its old name, or delete and create the stack; a change set without changes to it doesn't bring it back"
            }
            Source::Cloudformation | Source::Template => {
                "start `deploy-product` with `\"drift\": \"revert\"`, which creates it anew, without what was in it"
            }
        };
        self.add(Kind::Deleted, id, "", None, None, source, message, mend.to_owned());
    }

    fn modified(&mut self, id: &str, difference: &Json) {
        let text = |key: &str| difference.get(key).and_then(Json::as_str);
        let pointer = text("PropertyPath").unwrap_or_default();
        // An added property is expected as `null`, a removed one is found as `null`.
        let value =
            |key: &str| text(key).map(read_value).filter(|value| !value.is_null() && *value != "null");
        let (expected, actual) = (value("ExpectedValue"), value("ActualValue"));
        if expected.as_ref().zip(actual.as_ref()).is_some_and(|(one, other)| is_spelt_otherwise(one, other)) {
            return;
        }
        let message = format!("`{pointer}` of `{id}` {}", what(expected.as_ref(), actual.as_ref()));
        let mend = "put it back with `deploy-product` and `\"drift\": \"revert\"`, or change the config so that it says the same";
        let (kind, source) = (Kind::Drifted, Source::Cloudformation);
        self.add(kind, id, pointer, expected.as_ref(), actual.as_ref(), source, message, mend.to_owned());
    }

    /// What only probes can tell.
    fn probes(&mut self) {
        for (probe, answer) in &self.seen.probes {
            let Some((id, _)) = self.resources.get_key_value(probe.logical_id()) else { continue };
            let id: &'a str = id;
            match answer {
                ProbeAnswer::CouldNot(refused) => {
                    let (what, action) =
                        (format!("{} of `{id}` could not be looked at", subject(probe)), asks(probe));
                    self.could_not(id, property(probe), refused, &what, action);
                    if probe.covers_the_resource() && self.looked.get(id) != Some(&Looked::ByCloudFormation) {
                        self.looked.insert(id, Looked::CouldNot);
                    }
                }
                ProbeAnswer::Missing => {
                    self.deleted(id, Source::Probe);
                    self.looked.entry(id).or_insert(Looked::ByProbe);
                }
                ProbeAnswer::Seen(actual) => {
                    self.compared(probe, id, actual);
                    let looked = self.looked.get(id);
                    if probe.covers_the_resource() && looked != Some(&Looked::ByCloudFormation) {
                        // It answers better than CloudFormation did.
                        self.findings.retain(|it| it.logical_id != id || it.kind != Kind::CouldNotCheck);
                        self.looked.insert(id, Looked::ByProbe);
                    }
                }
            }
        }
    }

    fn compared(&mut self, probe: &Probe, id: &'a str, actual: &Json) {
        let (Some(template), Ok(resources)) = (self.template, &self.seen.resources) else { return };
        let Some(declared) = template.resources.get(id) else { return };
        let resolver = Resolver::new(&self.seen.stack, template, resources);
        let properties = declared.properties.iter();
        let mut expected: Json =
            properties.filter_map(|(key, value)| Some((key.clone(), resolver.value(value)?))).collect();
        let differences = match probe {
            Probe::KeyPolicy { .. } => key_policy(&expected, actual),
            Probe::RolePolicies { .. } => role_policies(&resolver, id, &expected, actual),
            Probe::Repository { .. } | Probe::Project { .. } | Probe::Parameter { .. } => {
                // Only what the probe can tell.
                let known = actual.as_object().into_iter().flatten().map(|(key, _)| key.as_str());
                let known: BTreeSet<&str> = known.collect();
                if let Some(expected) = expected.as_object_mut() {
                    expected.retain(|key, _| known.contains(key.as_str()));
                }
                differences(&expected, actual)
            }
        };
        for Difference { pointer, expected, actual } in differences {
            let told = self
                .findings
                .iter()
                .any(|it| it.logical_id == id && it.kind == Kind::Drifted && overlap(&it.property, &pointer));
            if told {
                continue;
            }
            let words = match (probe, &expected, &actual) {
                // One of a list, not the list as a whole.
                (Probe::RolePolicies { .. } | Probe::KeyPolicy { .. }, None, Some(_)) => {
                    "has more than the template says"
                }
                (Probe::RolePolicies { .. } | Probe::KeyPolicy { .. }, Some(_), None) => {
                    "lacks something of the template"
                }
                _ => what(expected.as_ref(), actual.as_ref()),
            };
            let message = format!("`{pointer}` of `{id}` {words}");
            let mend = mend(probe, &pointer, expected.as_ref(), actual.as_ref());
            let (kind, source) = (Kind::Drifted, Source::Probe);
            self.add(kind, id, &pointer, expected.as_ref(), actual.as_ref(), source, message, mend);
        }
    }

    /// Resources that nothing was said of.
    fn uncovered(&mut self) {
        let silent = match &self.seen.detection {
            // What detection doesn't name it can't check; unless it broke off.
            Detection::Done { failed: None, .. } => Looked::NotCheckable,
            Detection::Done { failed: Some(_), .. } | Detection::CouldNot(_) => Looked::CouldNot,
        };
        let ids: Vec<&'a str> = self.resources.keys().copied().collect();
        for id in ids {
            if *self.looked.entry(id).or_insert(silent) == Looked::NotCheckable {
                let kind = self.resources.get(id).map(|it| it.kind.as_str()).unwrap_or_default();
                let message = format!(
                    "nobody can tell whether `{id}` is as the template says: CloudFormation can't check {kind}"
                );
                let mend = "nothing; look at it in the console if in doubt".to_owned();
                self.add(Kind::NotCheckable, id, "", None, None, Source::Cloudformation, message, mend);
            }
        }
    }

    /// Today's config beside the deployed template.
    fn config(&mut self, about: &About) -> Result<(), InternalError> {
        let Some(template) = self.template else { return Ok(()) };
        let made_by = version(template);
        if let Some(made_by) = made_by.filter(|it| older(it, env!("CARGO_PKG_VERSION"))) {
            let message = format!(
                "the deployed template was made by version {made_by}; today's is {}",
                env!("CARGO_PKG_VERSION")
            );
            let mend = "deploy the product again; `show-changes` tells before what would change".to_owned();
            self.add(Kind::Outdated, "", "", None, None, Source::Template, message, mend);
        }
        let Some(config) = &self.seen.config else { return Ok(()) };
        match config::differences(config, template, &about.suite)? {
            Err(reason) => {
                let place = match config.bucket.as_str() {
                    "" => format!("`{}`", config.key),
                    bucket => format!("s3://{bucket}/{}", config.key),
                };
                let message = format!("today's config {place} can't be compared: {reason}");
                let mend = "mend the config; `mlp validate-config` says what is wrong with it".to_owned();
                self.add(Kind::CouldNotCheck, "", "", None, None, Source::Template, message, mend);
            }
            Ok(found) => {
                for (id, Difference { pointer, expected, actual }) in found {
                    let (expected, actual) = (expected.as_ref(), actual.as_ref());
                    let message = match (pointer.is_empty(), expected) {
                        (true, Some(_)) => {
                            format!("today's config has `{id}`, and the deployed template doesn't")
                        }
                        (true, None) => {
                            format!("the deployed template has `{id}`, and today's config doesn't")
                        }
                        (false, _) => format!(
                            "today's config gives `{id}` another `{pointer}` than the deployed template"
                        ),
                    };
                    let mend = "deploy the config, or put the config back that was deployed".to_owned();
                    let shown = if pointer.is_empty() { (None, None) } else { (expected, actual) };
                    self.add(
                        Kind::ConfigDrift,
                        &id,
                        &pointer,
                        shown.0,
                        shown.1,
                        Source::Template,
                        message,
                        mend,
                    );
                }
            }
        }
        Ok(())
    }

    fn report(mut self, ignore: &Ignore, about: &About) -> StackReport {
        let Seen { stack, config, .. } = self.seen;
        let order = |it: &Finding| {
            (it.severity, it.kind, it.logical_id.clone(), it.property.clone(), it.fingerprint.clone())
        };
        self.findings.sort_by_cached_key(order);
        let mut findings = Vec::new();
        let mut ignored = Vec::new();
        for finding in self.findings {
            match ignore.entry_for(&stack.name, &finding, &about.checked_at) {
                Some((entry, it)) => ignored.push(Ignored {
                    finding,
                    entry,
                    reason: it.reason.clone(),
                    who: it.who.clone(),
                    expires: it.expires.clone(),
                }),
                None => findings.push(finding),
            }
        }
        let count = |wanted: Looked| self.looked.values().filter(|looked| **looked == wanted).count();
        let coverage = Coverage {
            resources: self.resources.len(),
            by_cloudformation: count(Looked::ByCloudFormation),
            by_probe: count(Looked::ByProbe),
            not_checkable: count(Looked::NotCheckable),
            could_not_check: count(Looked::CouldNot),
        };
        let verdict = if self.gone {
            Verdict::Gone
        } else if findings.iter().any(Finding::is_drift) {
            Verdict::Drifted
        } else if coverage.could_not_check > 0 || findings.iter().any(|it| it.kind == Kind::CouldNotCheck) {
            Verdict::CouldNotCheck
        } else {
            Verdict::InSync
        };
        let reverts = findings.iter().any(|it| {
            it.source == Source::Cloudformation && matches!(it.kind, Kind::Drifted | Kind::Deleted)
        });
        let mend = config.as_ref().filter(|config| reverts && !config.bucket.is_empty()).map(|config| Mend {
            what: "puts back what CloudFormation can see, by a drift-aware change set; `show-changes` with the same input and without `force` tells before what it does".to_owned(),
            input: json!({
                "action": "deploy-product",
                "force": true,
                "drift": "revert",
                "config": {"bucket": config.bucket, "key": config.key},
            }),
        });
        let tag = |key: &str| stack.tags.get(key).cloned();
        StackReport {
            schema_version: SCHEMA_VERSION,
            run: about.run.clone(),
            checked_at: about.checked_at.clone(),
            stack_name: stack.name.clone(),
            stack_id: stack.id.clone(),
            stack_status: stack.status.clone(),
            ml_name: tag("ml-provisioner:product"),
            tier: tag("ml-provisioner:tier"),
            verdict,
            coverage,
            findings,
            ignored,
            mend,
            generator_version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// Whether two values are one: services give `0` back as `0.0`, and documents with their keys in another order.
fn is_spelt_otherwise(one: &Json, other: &Json) -> bool {
    let number = |value: &Json| value.as_str().map_or_else(|| value.as_f64(), |text| text.parse().ok());
    match (number(one), number(other)) {
        (Some(one), Some(other)) => one.total_cmp(&other).is_eq(),
        _ => one == other,
    }
}

fn what(expected: Option<&Json>, actual: Option<&Json>) -> &'static str {
    match (expected, actual) {
        (Some(_), None) => "is missing",
        (None, Some(_)) => "was added",
        _ => "is otherwise than the template says",
    }
}

fn overlap(one: &str, other: &str) -> bool {
    let below = |long: &str, short: &str| {
        long.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    below(one, other) || below(other, one)
}

fn version(template: &Template) -> Option<&str> {
    let Value::Map(ours) = template.metadata.get("MLProvisioner")? else { return None };
    ours.get("Version")?.as_str()
}

/// Whether a version is before another; what is no version isn't.
fn older(one: &str, other: &str) -> bool {
    let numbers = |text: &str| -> Option<Vec<u64>> {
        text.split(['.', '-', '+']).take(3).map(|part| part.parse().ok()).collect()
    };
    numbers(one).zip(numbers(other)).is_some_and(|(one, other)| one < other)
}

fn key_policy(expected: &Json, actual: &Json) -> Vec<Difference> {
    let (Some(expected), Some(actual)) = (expected.get("KeyPolicy"), actual.get("KeyPolicy")) else {
        return Vec::new();
    };
    let found = policy_difference(expected, actual);
    found
        .into_iter()
        .map(|(expected, actual)| Difference { pointer: "/KeyPolicy".to_owned(), expected, actual })
        .collect()
}

/// What is attached to a role: what it says itself, and what says of itself that it belongs to the role.
fn role_policies(resolver: &Resolver<'_>, id: &str, expected: &Json, actual: &Json) -> Vec<Difference> {
    let list = |value: &Json, key: &str| value.get(key).and_then(Json::as_array).cloned().unwrap_or_default();
    let mut attached = list(expected, "ManagedPolicyArns");
    let mut inline = list(expected, "Policies");
    for (other, resource) in &resolver.template.resources {
        let is_ours = |roles: &Value| match roles {
            Value::List(roles) => roles.iter().any(|role| *role == Value::Ref(id.to_owned())),
            _ => false,
        };
        if !resource.properties.get("Roles").is_some_and(is_ours) {
            continue;
        }
        match resource.kind.as_str() {
            "AWS::IAM::ManagedPolicy" => attached.extend(resolver.value(&Value::Ref(other.clone()))),
            "AWS::IAM::Policy" => {
                let value = |key: &str| resource.properties.get(key).and_then(|it| resolver.value(it));
                inline.push(
                    json!({"PolicyName": value("PolicyName"), "PolicyDocument": value("PolicyDocument")}),
                );
            }
            _ => {}
        }
    }
    let (there, there_inline) = (list(actual, "ManagedPolicyArns"), list(actual, "Policies"));
    let mut found = Vec::new();
    let one = |value: &Json| Json::Array(vec![value.clone()]);
    let (missing, extra) = unmatched(&attached, &there);
    for value in missing.into_iter().filter(|it| !is_unknown(it)) {
        let pointer = "/ManagedPolicyArns".to_owned();
        found.push(Difference { pointer, expected: Some(one(value)), actual: None });
    }
    for value in extra {
        let pointer = "/ManagedPolicyArns".to_owned();
        found.push(Difference { pointer, expected: None, actual: Some(one(value)) });
    }
    let named = |policies: &[Json], name: &Json| {
        policies.iter().find(|it| it.get("PolicyName").is_some_and(|it| is_like(name, it))).cloned()
    };
    for policy in &inline {
        let (Some(name), Some(document)) = (policy.get("PolicyName"), policy.get("PolicyDocument")) else {
            continue;
        };
        let pointer = "/Policies".to_owned();
        match named(&there_inline, name) {
            None => found.push(Difference { pointer, expected: Some(one(policy)), actual: None }),
            Some(other) => {
                let difference =
                    other.get("PolicyDocument").and_then(|other| policy_difference(document, other));
                let difference =
                    difference.map(|(expected, actual)| Difference { pointer, expected, actual });
                found.extend(difference);
            }
        }
    }
    for policy in &there_inline {
        let ours = inline.iter().any(|it| match (it.get("PolicyName"), policy.get("PolicyName")) {
            (Some(ours), Some(theirs)) => is_like(ours, theirs),
            _ => false,
        });
        if !ours {
            found.push(Difference {
                pointer: "/Policies".to_owned(),
                expected: None,
                actual: Some(one(policy)),
            });
        }
    }
    found
}

/// What a probe looks at, in words.
fn subject(probe: &Probe) -> &'static str {
    match probe {
        Probe::Repository { .. } => "the repository",
        Probe::Project { .. } => "the project",
        Probe::RolePolicies { .. } => "the policies",
        Probe::KeyPolicy { .. } => "the key policy",
        Probe::Parameter { .. } => "the value",
    }
}

/// The property that it is about, if it is one.
fn property(probe: &Probe) -> &'static str {
    match probe {
        Probe::Repository { .. } | Probe::Project { .. } => "",
        Probe::RolePolicies { .. } => "/ManagedPolicyArns",
        Probe::KeyPolicy { .. } => "/KeyPolicy",
        Probe::Parameter { .. } => "/Value",
    }
}

/// The permissions that it needs.
fn asks(probe: &Probe) -> &'static str {
    match probe {
        Probe::Repository { .. } => "codecommit:GetRepository",
        Probe::Project { .. } => "codebuild:BatchGetProjects",
        Probe::RolePolicies { .. } => {
            "iam:ListAttachedRolePolicies, iam:ListRolePolicies and iam:GetRolePolicy"
        }
        Probe::KeyPolicy { .. } => "kms:GetKeyPolicy",
        Probe::Parameter { .. } => "ssm:GetParameters",
    }
}

/// How something is put back that CloudFormation doesn't see.
fn mend(probe: &Probe, pointer: &str, expected: Option<&Json>, actual: Option<&Json>) -> String {
    let first = |value: Option<&Json>| value.and_then(|it| it.get(0)).cloned().unwrap_or_default();
    let name = |value: Option<&Json>| {
        first(value).get("PolicyName").and_then(Json::as_str).unwrap_or("NAME").to_owned()
    };
    match (probe, pointer, expected, actual) {
        (Probe::RolePolicies { role, .. }, "/ManagedPolicyArns", None, Some(_)) => {
            let arn = first(actual).as_str().unwrap_or("ARN").to_owned();
            format!("`aws iam detach-role-policy --role-name {role} --policy-arn {arn}`, or ask who attached it")
        }
        (Probe::RolePolicies { role, .. }, "/ManagedPolicyArns", _, _) => {
            let arn = first(expected).as_str().unwrap_or("ARN").to_owned();
            format!("`aws iam attach-role-policy --role-name {role} --policy-arn {arn}`")
        }
        (Probe::RolePolicies { role, .. }, _, None, Some(_)) => {
            let name = name(actual);
            format!("`aws iam delete-role-policy --role-name {role} --policy-name {name}`, or ask who added it")
        }
        (Probe::RolePolicies { role, .. }, ..) => {
            format!("`aws iam put-role-policy --role-name {role}` with the document of the template")
        }
        (Probe::KeyPolicy { key_id, .. }, ..) => {
            format!("`aws kms put-key-policy --policy-name default --key-id {key_id}` with the document of the template")
        }
        (Probe::Repository { name, .. }, "/RepositoryName", _, Some(now)) => {
            let now = now.as_str().unwrap_or("NAME");
            format!("`aws codecommit update-repository-name --old-name {now} --new-name {name}`")
        }
        (Probe::Repository { .. }, ..) => {
            "put it back with `deploy-product` and `\"drift\": \"revert\"`, or by hand in CodeCommit".to_owned()
        }
        (Probe::Project { name, .. }, ..) => {
            format!("`aws codebuild update-project --name {name}` with the value of the template: CloudFormation doesn't see it, so no change set puts it back")
        }
        (Probe::Parameter { .. }, ..) => {
            "put it back with `deploy-product` and `\"drift\": \"revert\"`; whoever reads the path gets the wrong value until then".to_owned()
        }
    }
}
