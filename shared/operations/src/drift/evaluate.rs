//! Evaluates a stack's snapshot: from snapshot to report.

use std::collections::BTreeMap;

use mlp_aws::drift::Probe;
use mlp_aws::drift::ResourceSummary;
use mlp_product::actions::Suite;
use mlp_template::check;
use mlp_template::error::InternalError;
use mlp_template::template::Template;
use mlp_template::template::read::from_document;
use mlp_template::yaml::tokens;
use serde_json::{Value as Json, json};

use super::compare::{Difference, differences, is_same, policy_difference, spelled};
use super::config::{self, TemplateOrigin};
use super::ignore::IgnoreList;
use super::probes::ProbeExpectations as _;
use super::report::{
    Coverage, DriftFinding, FindingKind, FindingSource, IgnoredFinding, Remediation, SCHEMA_VERSION,
    StackReport, Verdict,
};
use super::resolve::{Resolver, readable};
use super::roles;
use super::severity;
use super::snapshot::{CheckError, CheckErrorKind, Detection, ProbeResult, StackSnapshot};
use crate::changes::{DisplayedValue, read_value, safe};

/// What a report contains besides the snapshot.
#[derive(Debug, Clone, Default)]
pub struct ReportContext {
    /// The run.
    pub run: String,
    /// The time, RFC 3339.
    pub checked_at: String,
    /// Account and region of the suite, for today's config.
    pub suite: Suite,
}

/// Evaluates one stack.
///
/// # Errors
///
/// Only for our own defects.
pub fn evaluate(
    seen: &StackSnapshot,
    ignore: &IgnoreList,
    about: &ReportContext,
) -> Result<StackReport, InternalError> {
    let template = seen.template.as_ref().ok().and_then(|text| read(text));
    let mut evaluator = Evaluator::new(seen, template.as_ref());
    evaluator.stack();
    if !evaluator.is_deleted {
        evaluator.cloudformation();
        evaluator.probes();
        evaluator.uncovered();
        evaluator.config(about)?;
    }
    Ok(evaluator.report(ignore, about))
}

fn read(text: &str) -> Option<Template> {
    let document = check::load(text.as_bytes()).ok()?;
    Some(from_document(&document).0)
}

/// What checked a resource.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CheckedBy {
    CloudFormation,
    Probe,
    NotCheckable,
    CouldNotCheck,
}

struct Evaluator<'a> {
    seen: &'a StackSnapshot,
    template: Option<&'a Template>,
    resources: BTreeMap<&'a str, &'a ResourceSummary>,
    checked_by: BTreeMap<&'a str, CheckedBy>,
    /// The differences that CloudFormation's detection reported.
    reported: BTreeMap<&'a str, Vec<Difference>>,
    findings: Vec<DriftFinding>,
    is_deleted: bool,
}

impl<'a> Evaluator<'a> {
    fn new(seen: &'a StackSnapshot, template: Option<&'a Template>) -> Self {
        let resources = seen.resources.as_deref().unwrap_or_default().iter();
        let there =
            resources.filter(|it| !matches!(it.status.as_str(), "DELETE_COMPLETE" | "DELETE_SKIPPED"));
        Self {
            seen,
            template,
            resources: there.map(|it| (it.logical_id.as_str(), it)).collect(),
            checked_by: BTreeMap::new(),
            reported: BTreeMap::new(),
            findings: Vec::new(),
            is_deleted: false,
        }
    }

    /// What could not be read about the stack as a whole.
    fn stack(&mut self) {
        let StackSnapshot { template, resources, detection, .. } = self.seen;
        let detection = match detection {
            Detection::Failed(refused) => Some(refused),
            Detection::Completed { .. } => None,
        };
        let all = [template.as_ref().err(), resources.as_ref().err(), detection];
        self.is_deleted = all.into_iter().flatten().any(|refused| refused.kind == CheckErrorKind::Gone);
        if self.is_deleted {
            return;
        }
        let asked = [
            ("its template", "cloudformation:GetTemplate"),
            ("its resources", "cloudformation:ListStackResources"),
            ("CloudFormation's drift detection", "cloudformation:DetectStackDrift"),
        ];
        for (refused, (what, action)) in all.into_iter().zip(asked) {
            if let Some(refused) = refused {
                self.add_check_error("", "", refused, &format!("{what} can't be read"), action);
            }
        }
        if let Detection::Completed { failed: Some(reason), .. } = self.seen.detection.clone() {
            let refused = CheckError { kind: CheckErrorKind::Failed, reason };
            self.add_check_error(
                "",
                "",
                &refused,
                "CloudFormation's drift detection failed for some resources",
                "cloudformation:DetectStackDrift",
            );
        }
        if template.is_ok() && self.template.is_none() {
            let refused =
                CheckError { kind: CheckErrorKind::Failed, reason: "it is not a template".to_owned() };
            self.add_check_error(
                "",
                "",
                &refused,
                "its template can't be read",
                "cloudformation:GetTemplate",
            );
        }
    }

    fn add_check_error(
        &mut self,
        logical_id: &str,
        property: &str,
        refused: &CheckError,
        what: &str,
        action: &str,
    ) {
        let remediation = match refused.kind {
            CheckErrorKind::Denied => format!("allow the role of the drift function `{action}`, and what it needs to read the resource"),
            CheckErrorKind::Busy => "nothing: the next run checks again when no operation is in progress".to_owned(),
            CheckErrorKind::Throttled | CheckErrorKind::TimedOut | CheckErrorKind::Unavailable => {
                "nothing: the next run checks again; fewer stacks at once (`DriftConcurrency`) reduce throttling".to_owned()
            }
            CheckErrorKind::Unfinished => "deploy the product (`\"recreate_failed\": true` if it failed to create), or delete it".to_owned(),
            CheckErrorKind::Gone | CheckErrorKind::Failed => "fix what the reason names; the next run checks again".to_owned(),
        };
        let message = format!("{what}: {}", safe(&refused.reason));
        let source = if logical_id.is_empty() { FindingSource::Cloudformation } else { FindingSource::Probe };
        self.add(FindingKind::CouldNotCheck, logical_id, property, None, None, source, message, remediation);
    }

    #[expect(clippy::too_many_arguments, reason = "a finding has that many parts")]
    fn add(
        &mut self,
        kind: FindingKind,
        logical_id: &str,
        property: &str,
        expected: Option<&Json>,
        actual: Option<&Json>,
        source: FindingSource,
        message: String,
        remediation: String,
    ) {
        let resource = self.resources.get(logical_id);
        let declared = || self.template.and_then(|template| template.resources.get(logical_id));
        let resource_type = resource
            .map(|it| it.kind.clone())
            .or_else(|| declared().map(|it| it.kind.clone()))
            .unwrap_or_default();
        let physical_id = resource.and_then(|it| it.physical_id.as_deref());
        let name = match (property, physical_id) {
            // A parameter's path names its value.
            ("/Value", Some(path)) if resource_type == "AWS::SSM::Parameter" => path,
            _ => property,
        };
        let name = name.rsplit('/').next().unwrap_or_default();
        let shown = |value: &Json| DisplayedValue::new(name, &readable(value));
        let finding = DriftFinding {
            kind,
            severity: severity::of(kind, &resource_type, property),
            logical_id: logical_id.to_owned(),
            physical_id: physical_id.map(safe),
            resource_type,
            property: property.to_owned(),
            expected: expected.map(shown),
            actual: actual.map(shown),
            source,
            message,
            remediation,
            fingerprint: String::new(),
        };
        self.findings.push(finding.with_fingerprint(&self.seen.stack.name, actual));
    }

    /// What CloudFormation's own detection says.
    fn cloudformation(&mut self) {
        let Detection::Completed { drifts, .. } = &self.seen.detection else { return };
        for drift in drifts {
            let text = |key: &str| drift.get(key).and_then(Json::as_str).unwrap_or_default();
            let Some((id, _)) = self.resources.get_key_value(text("LogicalResourceId")) else { continue };
            let id: &'a str = id;
            let checked_by = match text("StackResourceDriftStatus") {
                "IN_SYNC" => CheckedBy::CloudFormation,
                "DELETED" => {
                    self.deleted(id, FindingSource::Cloudformation);
                    CheckedBy::CloudFormation
                }
                "MODIFIED" => {
                    match drift.get("PropertyDifferences").and_then(Json::as_array) {
                        Some(changed) if !changed.is_empty() => {
                            for difference in changed.iter().filter(|it| !differs_in_spelling_only(drift, it))
                            {
                                self.modified(id, difference);
                            }
                        }
                        _ => self.modified_somewhere(id),
                    }
                    CheckedBy::CloudFormation
                }
                "NOT_CHECKED" | "UNSUPPORTED" => CheckedBy::NotCheckable,
                // `UNKNOWN`, and statuses that are new to us.
                other => {
                    let reason = match text("DriftStatusReason") {
                        "" => format!("CloudFormation says {other}"),
                        reason => reason.to_owned(),
                    };
                    let refused = CheckError { kind: CheckErrorKind::Failed, reason };
                    self.add_check_error(
                        id,
                        "",
                        &refused,
                        &format!("`{id}` could not be checked"),
                        "the resource's read actions",
                    );
                    CheckedBy::CouldNotCheck
                }
            };
            self.checked_by.insert(id, checked_by);
        }
    }

    fn deleted(&mut self, id: &str, source: FindingSource) {
        let known = self.findings.iter().any(|it| it.kind == FindingKind::Deleted && it.logical_id == id);
        if known {
            return;
        }
        let resource = self.resources.get(id);
        let name = safe(resource.and_then(|it| it.physical_id.as_deref()).unwrap_or(id));
        if resource.is_some_and(|it| it.kind == KEY) {
            let is_pending = self.seen.probes.iter().any(|(probe, answer)| {
                matches!(probe, Probe::KeyPolicy { .. })
                    && probe.logical_id() == id
                    && matches!(answer, ProbeResult::Found(_))
            });
            let message = if is_pending {
                format!(
                    "the key `{name}` is scheduled for deletion: when its waiting period ends, nothing that is encrypted with it can be read"
                )
            } else {
                format!(
                    "the key `{name}` is deleted or scheduled for deletion: nothing that is encrypted with it can be read then"
                )
            };
            let remediation = format!(
                "within the waiting period: `aws kms cancel-key-deletion --key-id {name}`, then `aws kms enable-key --key-id \
                 {name}`. Don't revert the drift before: a new key decrypts nothing, and the waiting period of this one goes on"
            );
            self.add(FindingKind::Deleted, id, "", None, None, source, message, remediation);
            return;
        }
        let message = format!("`{name}` was deleted or renamed outside CloudFormation");
        let remediation = match source {
            FindingSource::Probe => {
                "create it again with its old name, or delete and create the stack; a change set without changes to it doesn't create it again"
            }
            // aws-cloudformation/cloudformation-coverage-roadmap issue 2455: the change set succeeds, and the subscription is
            // not there. SNS itself removes an address that nobody confirms.
            _ if self.resources.get(id).is_some_and(|it| it.kind == "AWS::SNS::Subscription") => {
                "`\"drift\": \"revert\"` doesn't create a subscription again. Deploy the product with another `alerts_email` and \
                 then with this one again, and confirm the e-mail: SNS removes addresses that nobody confirms"
            }
            FindingSource::Cloudformation | FindingSource::Template => {
                "start `deploy-product` with `\"drift\": \"revert\"`, which creates it again, without its content"
            }
        };
        self.add(FindingKind::Deleted, id, "", None, None, source, message, remediation.to_owned());
    }

    fn modified(&mut self, id: &'a str, difference: &Json) {
        let text = |key: &str| difference.get(key).and_then(Json::as_str);
        let pointer = text("PropertyPath").unwrap_or_default();
        // An added property is expected as `null`, a removed one is found as `null`.
        let value =
            |key: &str| text(key).map(read_value).filter(|value| !value.is_null() && *value != "null");
        let (expected, actual) = (value("ExpectedValue"), value("ActualValue"));
        if expected.as_ref().zip(actual.as_ref()).is_some_and(|(one, other)| is_same(one, other)) {
            return;
        }
        let message = format!("`{pointer}` of `{id}` {}", what(expected.as_ref(), actual.as_ref()));
        let (kind, source) = (FindingKind::Drifted, FindingSource::Cloudformation);
        let remediation = REVERT.to_owned();
        self.add(kind, id, pointer, expected.as_ref(), actual.as_ref(), source, message, remediation);
        let difference = Difference { pointer: pointer.to_owned(), expected, actual };
        self.reported.entry(id).or_default().push(difference);
    }

    fn modified_somewhere(&mut self, id: &str) {
        let message = format!("`{id}` differs from the template; CloudFormation doesn't say where");
        let (kind, source) = (FindingKind::Drifted, FindingSource::Cloudformation);
        self.add(kind, id, "", None, None, source, message, REVERT.to_owned());
    }

    /// What only probes can check.
    fn probes(&mut self) {
        for (probe, answer) in &self.seen.probes {
            let Some((id, _)) = self.resources.get_key_value(probe.logical_id()) else { continue };
            let id: &'a str = id;
            let expected = self.expected(id);
            // A probe that reads all that the template sets replaces CloudFormation's check.
            let instead = expected.as_ref().is_some_and(|all| probe.checkable(all) == *all)
                && self.checked_by.get(id) != Some(&CheckedBy::CloudFormation);
            match answer {
                ProbeResult::Failed(refused) => {
                    let (what, action) =
                        (format!("{} of `{id}` could not be read", subject(probe)), asks(probe));
                    self.add_check_error(id, property(probe), refused, &what, action);
                    if instead {
                        self.checked_by.insert(id, CheckedBy::CouldNotCheck);
                    }
                }
                ProbeResult::Missing => {
                    self.deleted(id, FindingSource::Probe);
                    self.checked_by.entry(id).or_insert(CheckedBy::Probe);
                }
                ProbeResult::Found(actual) => {
                    if let Some(expected) = &expected {
                        self.compared(probe, id, expected, actual);
                    }
                    if instead {
                        self.findings
                            .retain(|it| it.logical_id != id || it.kind != FindingKind::CouldNotCheck);
                        self.checked_by.insert(id, CheckedBy::Probe);
                    }
                }
            }
        }
    }

    /// What the template says of a resource.
    fn expected(&self, id: &str) -> Option<Json> {
        let resolver = self.resolver()?;
        let properties = resolver.template.resources.get(id)?.properties.iter();
        Some(properties.filter_map(|(key, value)| Some((key.clone(), resolver.value(value)?))).collect())
    }

    fn resolver(&self) -> Option<Resolver<'a>> {
        let resources = self.seen.resources.as_deref().ok()?;
        Some(Resolver::new(&self.seen.stack, self.template?, resources))
    }

    fn compared(&mut self, probe: &Probe, id: &'a str, expected: &Json, actual: &Json) {
        let differences = match probe {
            Probe::KeyPolicy { .. } => Vec::from_iter(document("/KeyPolicy", expected, actual)),
            Probe::ManagedPolicy { .. } => Vec::from_iter(document("/PolicyDocument", expected, actual)),
            Probe::RolePolicies { role, .. } => {
                let Some(resolver) = self.resolver() else { return };
                roles::differences(&resolver, role, expected, actual)
            }
            Probe::Pipeline { name, .. } => return self.polling(id, name, expected, actual),
            Probe::Repository { .. } | Probe::Project { .. } | Probe::Parameter { .. } => {
                let actual = without_inherited(expected, actual, &self.seen.stack.tags);
                differences(&probe.expected(expected, &actual), &actual)
            }
        };
        let reported = self.reported.get(id).cloned().unwrap_or_default();
        for difference in differences {
            let is_it = |it: &&Difference| match probe {
                Probe::RolePolicies { .. } => roles::is_about(it, &difference, expected),
                _ => overlap(&it.pointer, &difference.pointer),
            };
            let places: Vec<&str> = reported.iter().filter(is_it).map(|it| it.pointer.as_str()).collect();
            let is_reported = !places.is_empty();
            let Difference { pointer, expected, actual } = difference;
            if is_reported && !is_document(&pointer) {
                continue;
            }
            // CloudFormation reports single locations of a document; the probe reports all statements that were added
            // or removed.
            self.findings.retain(|it| {
                it.logical_id != id
                    || it.kind != FindingKind::Drifted
                    || !places.contains(&it.property.as_str())
            });
            let words = match (is_document(&pointer), &expected, &actual) {
                // Some of its statements, not the document as a whole.
                (true, None, Some(_)) => "has more than the template says",
                (true, Some(_), None) => "lacks a part of the template",
                _ => what(expected.as_ref(), actual.as_ref()),
            };
            let message = format!("`{pointer}` of `{id}` {words}");
            let (source, remediation) = if is_reported {
                (FindingSource::Cloudformation, REVERT.to_owned())
            } else {
                (FindingSource::Probe, remediation(probe, &pointer, actual.as_ref()))
            };
            let kind = FindingKind::Drifted;
            self.add(kind, id, &pointer, expected.as_ref(), actual.as_ref(), source, message, remediation);
        }
    }

    /// A pipeline that polls by its template and whose polling CodePipeline has turned off: pushes start nothing, and no
    /// property differs.
    fn polling(&mut self, id: &str, name: &str, expected: &Json, actual: &Json) {
        let since = actual.get("PollingDisabledAt").and_then(Json::as_str);
        let (Some(since), Some(pointer)) = (since, polled(expected)) else { return };
        let message = format!(
            "the pipeline no longer detects changes: CodePipeline disabled polling at {since}, after 30 days without an execution"
        );
        let remediation = format!(
            "start each execution yourself: `aws codepipeline start-pipeline-execution --name {name}`; CodePipeline documents no way to enable polling again"
        );
        let (expected, actual) = (Json::Bool(true), json!({ "PollingDisabledAt": since }));
        let kind = FindingKind::Drifted;
        self.add(
            kind,
            id,
            &pointer,
            Some(&expected),
            Some(&actual),
            FindingSource::Probe,
            message,
            remediation,
        );
    }

    /// Resources that nothing has checked.
    fn uncovered(&mut self) {
        let silent = match &self.seen.detection {
            // What detection doesn't name it can't check; unless it broke off, or there was nothing to hold probes against.
            Detection::Completed { failed: None, .. } if self.template.is_some() => CheckedBy::NotCheckable,
            Detection::Completed { .. } | Detection::Failed(_) => CheckedBy::CouldNotCheck,
        };
        let ids: Vec<&'a str> = self.resources.keys().copied().collect();
        for id in ids {
            if *self.checked_by.entry(id).or_insert(silent) == CheckedBy::NotCheckable {
                let kind = self.resources.get(id).map(|it| it.kind.as_str()).unwrap_or_default();
                let message = format!(
                    "neither CloudFormation nor a probe can check `{id}`: CloudFormation doesn't support {kind}"
                );
                let remediation = "nothing; check it in the console if in doubt".to_owned();
                self.add(
                    FindingKind::NotCheckable,
                    id,
                    "",
                    None,
                    None,
                    FindingSource::Cloudformation,
                    message,
                    remediation,
                );
            }
        }
    }

    /// Compares today's config with the deployed template.
    fn config(&mut self, about: &ReportContext) -> Result<(), InternalError> {
        let Some(template) = self.template else { return Ok(()) };
        let origin = TemplateOrigin::of(template);
        if let Some(made_by) = origin.version.filter(|it| older(it, env!("CARGO_PKG_VERSION"))) {
            let message = format!(
                "version {made_by} generated the deployed template; today's version is {}",
                env!("CARGO_PKG_VERSION")
            );
            let remediation = "deploy the product again; `show-changes` shows the changes first".to_owned();
            self.add(
                FindingKind::Outdated,
                "",
                "",
                None,
                None,
                FindingSource::Template,
                message,
                remediation,
            );
        }
        let Some(config) = &self.seen.config else { return Ok(()) };
        match config::differences(config, template, &about.suite)? {
            Err(reason) => {
                let place = match config.bucket.as_str() {
                    "" => format!("`{}`", config.key),
                    bucket => format!("s3://{bucket}/{}", config.key),
                };
                let message = format!("today's config {place} can't be compared: {reason}");
                let remediation =
                    "fix the config; `mlp validate-config` says what is wrong with it".to_owned();
                self.add(
                    FindingKind::CouldNotCheck,
                    "",
                    "",
                    None,
                    None,
                    FindingSource::Template,
                    message,
                    remediation,
                );
            }
            Ok(found) => {
                let by_version = origin.differs_by_version(config);
                for (id, difference) in found {
                    self.changed(&id, difference, by_version);
                }
            }
        }
        Ok(())
    }

    /// A difference that comes from today's config, or from today's version of ML Provisioner.
    fn changed(&mut self, id: &str, difference: Difference, by_version: bool) {
        let Difference { pointer, expected, actual } = difference;
        let (kind, today, remediation) = if by_version {
            (FindingKind::Outdated, "today's version", "deploy the product again")
        } else {
            let remediation = "deploy the config, or put the config back that was deployed";
            (FindingKind::ConfigDrift, "today's config", remediation)
        };
        let message = match (id, pointer.as_str(), &expected, &actual) {
            (_, "", Some(_), Some(_)) => format!("{today} gives `{id}` another type"),
            (_, "", Some(_), None) => format!("{today} has `{id}`, and the deployed template doesn't"),
            (_, "", None, _) => format!("the deployed template has `{id}`, and {today} doesn't"),
            ("", ..) => format!("{today} gives another `{pointer}` than the deployed template"),
            _ => format!("{today} gives `{id}` another `{pointer}` than the deployed template"),
        };
        let (expected, actual) = (expected.as_ref(), actual.as_ref());
        self.add(
            kind,
            id,
            &pointer,
            expected,
            actual,
            FindingSource::Template,
            message,
            remediation.to_owned(),
        );
    }

    fn report(mut self, ignore: &IgnoreList, about: &ReportContext) -> StackReport {
        let StackSnapshot { stack, config, .. } = self.seen;
        let order = |it: &DriftFinding| {
            (it.severity, it.kind, it.logical_id.clone(), it.property.clone(), it.fingerprint.clone())
        };
        self.findings.sort_by_cached_key(order);
        let mut findings = Vec::new();
        let mut ignored = Vec::new();
        for finding in self.findings {
            let entries = ignore.entries_for(&stack.name, &finding, &about.checked_at);
            match entries.first() {
                Some(it) => ignored.push(IgnoredFinding {
                    finding,
                    entries: entries.iter().map(|it| it.fingerprint()).collect(),
                    reason: it.reason.clone(),
                    who: it.who.clone(),
                    expires: it.expires.clone(),
                }),
                None => findings.push(finding),
            }
        }
        let count =
            |wanted: CheckedBy| self.checked_by.values().filter(|checked_by| **checked_by == wanted).count();
        let coverage = Coverage {
            resources: self.resources.len(),
            by_cloudformation: count(CheckedBy::CloudFormation),
            by_probe: count(CheckedBy::Probe),
            not_checkable: count(CheckedBy::NotCheckable),
            could_not_check: count(CheckedBy::CouldNotCheck),
        };
        let verdict = if self.is_deleted {
            Verdict::Deleted
        } else if findings.iter().any(DriftFinding::is_drift) {
            Verdict::Drifted
        } else if coverage.could_not_check > 0
            || findings.iter().any(|it| it.kind == FindingKind::CouldNotCheck)
        {
            Verdict::CouldNotCheck
        } else {
            Verdict::InSync
        };
        // A new key in place of one that could still be saved would be the wrong advice.
        let is_key_lost =
            findings.iter().any(|it| it.kind == FindingKind::Deleted && it.resource_type == KEY);
        let reverts = !is_key_lost
            && findings.iter().any(|it| {
                it.source == FindingSource::Cloudformation
                    && match it.kind {
                        FindingKind::Drifted => true,
                        FindingKind::Deleted => it.resource_type != "AWS::SNS::Subscription",
                        _ => false,
                    }
            });
        let remediation = config.as_ref().filter(|config| reverts && !config.bucket.is_empty()).map(|config| Remediation {
            description: "reverts what CloudFormation can detect, by a drift-aware change set; `show-changes` with the same input and without `force` shows the changes first".to_owned(),
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
            remediation,
            generator_version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// The type of keys. One that is pending deletion reads as deleted, and can be saved until its waiting period of 7 to 30
/// days is over; afterwards it is `Disabled`. Sources: AWS KMS Developer Guide, "Cancel key deletion"; AWS KMS API
/// Reference, `CancelKeyDeletion`, `ScheduleKeyDeletion`.
const KEY: &str = "AWS::KMS::Key";

/// CloudFormation can revert what it detects.
const REVERT: &str =
    "revert it with `deploy-product` and `\"drift\": \"revert\"`, or change the config to the same value";

fn what(expected: Option<&Json>, actual: Option<&Json>) -> &'static str {
    match (expected, actual) {
        (Some(_), None) => "is missing",
        (None, Some(_)) => "was added",
        _ => "differs from the template",
    }
}

/// Where a trust policy is that a resource has, from its properties.
const TRUST: &str = "/AssumeRolePolicyDocument";

/// Whether a difference within a trust policy is one of spelling alone: a list of one text for the text, an account for its
/// root. CloudFormation compares texts. Source: IAM User Guide, "Grammar of the IAM JSON policy language".
fn differs_in_spelling_only(drift: &Json, difference: &Json) -> bool {
    let text = |json: &Json, key: &str| json.get(key).and_then(Json::as_str).map(str::to_owned);
    let path = text(difference, "PropertyPath").unwrap_or_default();
    if !path.strip_prefix(TRUST).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return false;
    }
    let whole = |key: &str| -> Option<Json> {
        let properties: Json = serde_json::from_str(&text(drift, key)?).ok()?;
        let document = properties.pointer(TRUST)?;
        // A document may be a text of its own.
        Some(document.as_str().map_or_else(|| document.clone(), read_value))
    };
    if let (Some(expected), Some(actual)) = (whole("ExpectedProperties"), whole("ActualProperties")) {
        return policy_difference(&expected, &actual).is_none();
    }
    let value = |key: &str| text(difference, key).map(|text| read_value(&text));
    value("ExpectedValue")
        .zip(value("ActualValue"))
        .is_some_and(|(expected, actual)| spelled(&expected) == spelled(&actual))
}

fn overlap(one: &str, other: &str) -> bool {
    let below = |long: &str, short: &str| {
        long.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    below(one, other) || below(other, one)
}

/// Whether a version is before another; what is no version isn't.
fn older(one: &str, other: &str) -> bool {
    let numbers = |text: &str| -> Option<Vec<u64>> {
        text.split(['.', '-', '+']).take(3).map(|part| part.parse().ok()).collect()
    };
    numbers(one).zip(numbers(other)).is_some_and(|(one, other)| one < other)
}

/// Tags of the stack are on its resources too. Source: AWS CloudFormation Template Reference, "Resource tag".
fn without_inherited(expected: &Json, actual: &Json, of_stack: &BTreeMap<String, String>) -> Json {
    let mut actual = actual.clone();
    let key = |tag: &Json| tag.get("Key").and_then(Json::as_str).map(str::to_owned);
    let ours: Vec<String> =
        expected.get("Tags").and_then(Json::as_array).into_iter().flatten().filter_map(key).collect();
    if let Some(tags) = actual.get_mut("Tags").and_then(Json::as_array_mut) {
        tags.retain(|tag| {
            let inherited = key(tag).filter(|key| !ours.contains(key)).and_then(|key| of_stack.get(&key));
            inherited.is_none_or(|value| tag.get("Value").and_then(Json::as_str) != Some(value))
        });
    }
    actual
}

/// Where a pipeline's template says that it polls.
fn polled(properties: &Json) -> Option<String> {
    let list = |value: Option<&Json>| value.and_then(Json::as_array).cloned().unwrap_or_default();
    for (stage, it) in list(properties.get("Stages")).iter().enumerate() {
        for (action, it) in list(it.get("Actions")).iter().enumerate() {
            let polls = it.pointer("/Configuration/PollForSourceChanges");
            if polls.is_some_and(|polls| is_same(polls, &Json::Bool(true))) {
                return Some(format!("/Stages/{stage}/Actions/{action}/Configuration/PollForSourceChanges"));
            }
        }
    }
    None
}

fn is_document(pointer: &str) -> bool {
    pointer.ends_with("/KeyPolicy") || pointer.ends_with("/PolicyDocument")
}

/// A policy document that is a property.
fn document(pointer: &str, expected: &Json, actual: &Json) -> Option<Difference> {
    let (expected, actual) = (expected.pointer(pointer)?, actual.pointer(pointer).unwrap_or(&Json::Null));
    let (expected, actual) = policy_difference(expected, actual)?;
    Some(Difference { pointer: pointer.to_owned(), expected, actual })
}

/// What a probe reads, in words.
fn subject(probe: &Probe) -> &'static str {
    match probe {
        Probe::Repository { .. } => "the repository",
        Probe::Project { .. } => "the project",
        Probe::Pipeline { .. } => "the polling",
        Probe::RolePolicies { .. } => "the policies",
        Probe::ManagedPolicy { .. } => "the document",
        Probe::KeyPolicy { .. } => "the key policy",
        Probe::Parameter { .. } => "the value",
    }
}

/// The property that it is about, if it is one.
fn property(probe: &Probe) -> &'static str {
    match probe {
        Probe::Repository { .. } | Probe::Project { .. } => "",
        Probe::Pipeline { .. } => "/Stages",
        Probe::RolePolicies { .. } => "/ManagedPolicyArns",
        Probe::ManagedPolicy { .. } => "/PolicyDocument",
        Probe::KeyPolicy { .. } => "/KeyPolicy",
        Probe::Parameter { .. } => "/Value",
    }
}

/// The permissions that it needs.
fn asks(probe: &Probe) -> &'static str {
    match probe {
        Probe::Repository { .. } => {
            "codecommit:GetRepository, codecommit:ListRepositories and codecommit:ListTagsForResource"
        }
        Probe::Project { .. } => "codebuild:BatchGetProjects",
        Probe::Pipeline { .. } => "codepipeline:GetPipeline",
        Probe::RolePolicies { .. } => {
            "iam:ListAttachedRolePolicies, iam:ListRolePolicies and iam:GetRolePolicy"
        }
        Probe::ManagedPolicy { .. } => "iam:GetPolicy and iam:GetPolicyVersion",
        Probe::KeyPolicy { .. } => "kms:GetKeyPolicy",
        Probe::Parameter { .. } => "ssm:GetParameters",
    }
}

/// How to revert what CloudFormation doesn't check.
fn remediation(probe: &Probe, pointer: &str, actual: Option<&Json>) -> String {
    let place: Vec<String> = tokens(pointer).collect();
    let place: Vec<&str> = place.iter().map(String::as_str).collect();
    match (probe, place.as_slice(), actual) {
        (Probe::RolePolicies { role, .. }, ["ManagedPolicyArns", arn], Some(_)) => {
            format!("`aws iam detach-role-policy --role-name {role} --policy-arn {arn}`, or ask the person who attached it")
        }
        (Probe::RolePolicies { role, .. }, ["ManagedPolicyArns", arn], None) => {
            format!("`aws iam attach-role-policy --role-name {role} --policy-arn {arn}`")
        }
        (Probe::RolePolicies { role, .. }, ["Policies", name], Some(_)) => {
            format!("`aws iam delete-role-policy --role-name {role} --policy-name {name}`, or ask the person who added it")
        }
        (Probe::RolePolicies { role, .. }, ["Policies", name, ..], _) => {
            format!("`aws iam put-role-policy --role-name {role} --policy-name {name}` with the document of the template")
        }
        (Probe::RolePolicies { role, .. }, ..) => {
            format!("give the role {role} the policies of the template")
        }
        (Probe::ManagedPolicy { arn, .. }, ..) => {
            format!("`aws iam create-policy-version --set-as-default --policy-arn {arn}` with the document of the template, or ask the person who changed it")
        }
        (Probe::KeyPolicy { key_id, .. }, ..) => {
            format!("`aws kms put-key-policy --policy-name default --key-id {key_id}` with the document of the template")
        }
        (Probe::Repository { name, .. }, ["RepositoryName"], Some(now)) => {
            let now = now.as_str().unwrap_or("NAME");
            format!("`aws codecommit update-repository-name --old-name {now} --new-name {name}`")
        }
        (Probe::Repository { .. }, ..) => {
            "revert it with `deploy-product` and `\"drift\": \"revert\"` (`mlp`: `--drift revert`), or by hand in CodeCommit".to_owned()
        }
        (Probe::Project { name, .. }, ["Visibility"], _) => {
            format!("`aws codebuild update-project-visibility --project-visibility PRIVATE --project-arn` and the ARN of {name}")
        }
        (Probe::Pipeline { name, .. }, ..) => {
            format!("`aws codepipeline start-pipeline-execution --name {name}` starts it")
        }
        (Probe::Project { name, .. }, ..) => {
            format!("`aws codebuild update-project --name {name}` with the value of the template: CloudFormation doesn't check it, so no change set reverts it")
        }
        (Probe::Parameter { .. }, ..) => {
            "revert it with `deploy-product` and `\"drift\": \"revert\"` (`mlp`: `--drift revert`); readers of the path get the wrong value until then".to_owned()
        }
    }
}
