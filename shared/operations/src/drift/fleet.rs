//! All stacks of a run on one page, and what changed since the last one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use mlp_product::expand::shortened;
use mlp_template::finding::Finding;
use mlp_template::printable::printable;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::ignore::IgnoreList;
use super::report::{
    Coverage, DriftFinding, DriftSeverity, FindingKind, FindingSource, SCHEMA_VERSION, StackReport, Verdict,
};
use super::request::{StackRef, StackScope};
use crate::time::rfc3339;

/// How many runs the history keeps: three months of daily runs.
pub const MAX_HISTORY_RUNS: usize = 90;

/// The most lines of each list in a message.
const MAX_MESSAGE_LINES: usize = 50;

/// The most characters of one finding's message. A stack's own report has it in full.
const MAX_TEXT_CHARACTERS: usize = 500;

/// The longest value in a finding's summary, in characters.
const MAX_VALUE_CHARACTERS: usize = 200;

/// The most bytes of each of the three lists of findings in a message or an event: SNS and EventBridge take 256 KiB in all.
/// Sources: Amazon SNS API Reference, `Publish`; Amazon EventBridge User Guide, "Amazon EventBridge quotas".
const MAX_LIST_BYTES: usize = 32 * 1024;

/// The fleet's report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetReport {
    /// As in [`StackReport`].
    pub schema_version: u32,
    /// The run.
    pub run: String,
    /// When it ended, RFC 3339.
    pub checked_at: String,
    /// What the run was limited to; nothing for every stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<String>,
    /// The figures.
    pub totals: Totals,
    /// How much was looked at.
    pub coverage: Coverage,
    /// Every stack, worst first.
    pub stacks: Vec<StackSummary>,
    /// Findings that the last run didn't have.
    pub new: Vec<FindingSummary>,
    /// Findings of the last run that are resolved.
    pub resolved: Vec<FindingSummary>,
    /// Stacks whose verdict changed.
    pub changed: Vec<VerdictChange>,
    /// What is wrong with the ignore list.
    pub ignore_list: Vec<Finding>,
    /// The last runs over the whole fleet, oldest first, at most [`MAX_HISTORY_RUNS`].
    pub history: Vec<HistoryEntry>,
    /// The notification about this run that isn't sent yet; absent when it is, or when there is nothing to report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_notification: Option<PendingNotification>,
    /// The version of ML Provisioner.
    pub generator_version: String,
}

/// A notification that an invocation is sending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingNotification {
    /// The invocation's request.
    pub request_id: String,
    /// Until when other runs wait for it, in seconds since 1970. Afterwards the next run sends it with its own.
    pub until: u64,
}

/// The figures of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Stacks.
    pub stacks: usize,
    /// In sync.
    pub in_sync: usize,
    /// Drifted.
    pub drifted: usize,
    /// Could not be checked.
    pub could_not_check: usize,
    /// Deleted during the run.
    pub deleted: usize,
    /// Findings that count.
    pub findings: usize,
    /// Those of them with severity high.
    pub high: usize,
    /// Findings that the ignore list names.
    pub ignored: usize,
}

/// A stack in one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackSummary {
    /// Its name.
    pub stack_name: String,
    /// The product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ml_name: Option<String>,
    /// In one word.
    pub verdict: Verdict,
    /// How much was looked at.
    pub coverage: Coverage,
    /// What counts; "not checkable" is a figure only.
    pub findings: Vec<FindingSummary>,
    /// How many are ignored.
    pub ignored: usize,
    /// When it was checked.
    pub checked_at: String,
    /// In which run.
    #[serde(default)]
    pub run: String,
}

/// A finding in few words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingSummary {
    /// The stack.
    pub stack_name: String,
    /// What kind.
    pub kind: FindingKind,
    /// How much it matters.
    pub severity: DriftSeverity,
    /// Who found it.
    pub source: FindingSource,
    /// The resource's logical id; empty for the stack as a whole.
    pub logical_id: String,
    /// Where: `BuildRole /ManagedPolicyArns`.
    pub place: String,
    /// What, in a sentence that may be cut.
    pub message: String,
    /// As it must be; it may be cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// As it is; it may be cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<String>,
    /// The same for the same finding in the next run.
    pub fingerprint: String,
    /// When it was checked last, if it could not be checked since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
}

/// A stack whose verdict changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictChange {
    /// The stack.
    pub stack_name: String,
    /// Then; nothing for a stack that is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Verdict>,
    /// Now.
    pub now: Verdict,
}

/// A run in the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// The run.
    pub run: String,
    /// When.
    pub checked_at: String,
    /// Its figures.
    pub totals: Totals,
    /// Checked resources in tenths of a per cent.
    pub coverage_permille: usize,
}

impl FindingSummary {
    fn of(stack: &str, finding: &DriftFinding) -> Self {
        Self {
            stack_name: stack.to_owned(),
            kind: finding.kind,
            severity: finding.severity,
            source: finding.source,
            logical_id: finding.logical_id.clone(),
            place: shortened(&finding.place(), MAX_TEXT_CHARACTERS),
            message: shortened(&finding.message, MAX_TEXT_CHARACTERS),
            expected: finding.expected.as_ref().map(|it| shortened(&it.text, MAX_VALUE_CHARACTERS)),
            actual: finding.actual.as_ref().map(|it| shortened(&it.text, MAX_VALUE_CHARACTERS)),
            fingerprint: finding.fingerprint.clone(),
            as_of: None,
        }
    }

    /// Whether this run could not check the finding's location, according to the stack's report.
    fn is_unseen(&self, report: &[Self]) -> bool {
        let hides = |it: &Self| match (it.source, it.logical_id.as_str()) {
            // Today's config could not be compared; the resources were looked at.
            (FindingSource::Template, _) => self.source == FindingSource::Template,
            (FindingSource::Cloudformation | FindingSource::Probe, "") => true,
            (FindingSource::Cloudformation | FindingSource::Probe, id) => {
                self.logical_id == id && self.source != FindingSource::Template
            }
        };
        report.iter().any(|it| it.kind == FindingKind::CouldNotCheck && it.as_of.is_none() && hides(it))
    }

    /// A line of a message.
    fn message_lines(&self) -> String {
        let as_of = self.as_of.as_ref().map(|at| format!(" (as of {at})")).unwrap_or_default();
        let Self { stack_name, place, message, .. } = self;
        let line = format!("- [{}] {stack_name}, {place}: {message}{as_of}", self.severity.words());
        let mut lines = format!("{}\n", printable(&line));
        for (title, value) in [("expected", &self.expected), ("actual", &self.actual)] {
            if let Some(value) = value {
                _ = writeln!(lines, "    {title}: {}", printable(value).replace('\n', " "));
            }
        }
        lines
    }
}

impl StackSummary {
    fn of(report: &StackReport) -> Self {
        let counts = report.findings.iter().filter(|it| it.kind != FindingKind::NotCheckable);
        Self {
            stack_name: report.stack_name.clone(),
            ml_name: report.ml_name.clone(),
            verdict: report.verdict,
            coverage: report.coverage,
            findings: counts.map(|it| FindingSummary::of(&report.stack_name, it)).collect(),
            ignored: report.ignored.len(),
            checked_at: report.checked_at.clone(),
            run: report.run.clone(),
        }
    }

    /// Keeps findings open that this run could not check; returns the findings that are resolved.
    fn keep_open(&mut self, earlier: &Self) -> Vec<FindingSummary> {
        let now = fingerprints(&self.findings);
        // The same location may have another value now.
        let replaced = |it: &FindingSummary| {
            self.findings.iter().any(|new| new.kind == it.kind && new.place == it.place)
        };
        let left = earlier.findings.iter().filter(|it| !now.contains(it.fingerprint.as_str()));
        let (unseen, over): (Vec<&FindingSummary>, Vec<&FindingSummary>) =
            left.partition(|it| it.is_unseen(&self.findings) && !replaced(it));
        // A finding with another value now is new; the old one isn't reported as resolved.
        let over = over.into_iter().filter(|it| !replaced(it)).cloned().collect();
        let as_of = |it: &FindingSummary| it.as_of.clone().or_else(|| Some(earlier.checked_at.clone()));
        let unseen: Vec<FindingSummary> =
            unseen.into_iter().map(|it| FindingSummary { as_of: as_of(it), ..it.clone() }).collect();
        self.findings.extend(unseen);
        self.findings.sort_by_key(|it| it.severity);
        over
    }
}

/// Builds the fleet's report from one stack's report after the other, so that they are not all in memory at once.
#[derive(Debug, Default)]
pub struct FleetBuilder {
    listed_at: Option<String>,
    lines: BTreeMap<String, StackSummary>,
    used: BTreeSet<String>,
}

impl FleetBuilder {
    /// Of a run whose stacks were listed at this time: what others checked since is newer than its list.
    pub fn listed(at: &str) -> Self {
        Self { listed_at: Some(at.to_owned()), ..Self::default() }
    }

    /// Adds a report. A second one of the same stack replaces the first.
    pub fn add(&mut self, report: &StackReport) {
        self.used.extend(report.ignored.iter().flat_map(|it| it.entries.iter().cloned()));
        self.lines.insert(report.stack_name.clone(), StackSummary::of(report));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The fleet's report. `previous` is the last run's; `only` says what this one was limited to: then the other stacks'
    /// lines are taken over from the last run, and the history stays as it is. So are lines of stacks that another run has
    /// looked at since.
    pub fn finish(
        &self,
        run: &str,
        checked_at: &str,
        only: Option<&str>,
        ignore: &IgnoreList,
        previous: Option<&FleetReport>,
    ) -> FleetReport {
        let mut changes = FleetChanges::default();
        let mut lines = BTreeMap::new();
        let before: BTreeMap<&str, &StackSummary> =
            previous.into_iter().flat_map(|it| &it.stacks).map(|it| (it.stack_name.as_str(), it)).collect();
        for (name, line) in &self.lines {
            let earlier = before.get(name.as_str()).copied();
            let line = match earlier {
                Some(newer) if newer.checked_at > line.checked_at => newer.clone(),
                _ => changes.of(line.clone(), earlier),
            };
            lines.insert(name.clone(), line);
        }
        let listed_at = self.listed_at.as_deref().unwrap_or(checked_at);
        for (name, line) in before {
            if self.lines.contains_key(name) {
                continue;
            }
            if only.is_some() || line.checked_at.as_str() > listed_at {
                lines.insert(name.to_owned(), line.clone());
            } else {
                // Open findings of a product that was deleted since are resolved too.
                changes.resolved.extend(line.findings.iter().cloned());
            }
        }
        if let Some(pending) = previous.filter(|it| it.pending_notification.is_some()) {
            changes.add(pending, &lines);
        }
        let mut stacks: Vec<StackSummary> = lines.into_values().collect();
        stacks.sort_by_key(|line| (std::cmp::Reverse(line.verdict), worst(line)));
        let totals = Totals::of(stacks.iter());
        let coverage = stacks.iter().fold(Coverage::default(), |sum, line| sum.and(line.coverage));
        let mut history: Vec<HistoryEntry> = previous.map(|it| it.history.clone()).unwrap_or_default();
        if only.is_none() && history.iter().all(|it| it.run != run) {
            history.push(HistoryEntry {
                run: run.to_owned(),
                checked_at: checked_at.to_owned(),
                totals,
                coverage_permille: coverage.permille(),
            });
        }
        let surplus = history.len().saturating_sub(MAX_HISTORY_RUNS);
        history.drain(..surplus);
        let mut ignore_list = ignore.problems(&self.used, checked_at, only.is_none());
        for problem in &mut ignore_list {
            problem.message = shortened(&problem.message, MAX_TEXT_CHARACTERS);
        }
        let FleetChanges { new, resolved, changed } = changes;
        FleetReport {
            schema_version: SCHEMA_VERSION,
            run: run.to_owned(),
            checked_at: checked_at.to_owned(),
            only: only.map(str::to_owned),
            totals,
            coverage,
            stacks,
            new,
            resolved,
            changed,
            ignore_list,
            history,
            pending_notification: None,
            generator_version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// What changed since the last run.
#[derive(Default)]
struct FleetChanges {
    new: Vec<FindingSummary>,
    resolved: Vec<FindingSummary>,
    changed: Vec<VerdictChange>,
}

impl FleetChanges {
    /// A stack's, against its line of the last run; answers the line with what is still open.
    fn of(&mut self, mut line: StackSummary, earlier: Option<&StackSummary>) -> StackSummary {
        let known = fingerprints(earlier.map_or(&[], |it| it.findings.as_slice()));
        let new = line.findings.iter().filter(|it| !known.contains(it.fingerprint.as_str()));
        self.new.extend(new.cloned());
        if let Some(earlier) = earlier {
            self.resolved.extend(line.keep_open(earlier));
        }
        if earlier.is_none_or(|it| it.verdict != line.verdict) {
            self.changed.push(VerdictChange {
                stack_name: line.stack_name.clone(),
                before: earlier.map(|it| it.verdict),
                now: line.verdict,
            });
        }
        line
    }

    /// Adds the changes of a run whose notification was not sent, if they still hold.
    fn add(&mut self, pending: &FleetReport, lines: &BTreeMap<String, StackSummary>) {
        let open: BTreeSet<&str> = lines.values().flat_map(|line| fingerprints(&line.findings)).collect();
        let is_open = |it: &&FindingSummary| open.contains(it.fingerprint.as_str());
        self.new.extend(pending.new.iter().filter(is_open).cloned());
        self.resolved.extend(pending.resolved.iter().filter(|it| !is_open(it)).cloned());
        for list in [&mut self.new, &mut self.resolved] {
            let mut once = BTreeSet::new();
            list.retain(|it| once.insert(it.fingerprint.clone()));
        }
        let reported: BTreeSet<String> = self.changed.iter().map(|it| it.stack_name.clone()).collect();
        let still = |it: &&VerdictChange| {
            !reported.contains(&it.stack_name)
                && lines.get(&it.stack_name).is_some_and(|line| line.verdict == it.now)
        };
        self.changed.extend(pending.changed.iter().filter(still).cloned());
    }
}

fn fingerprints(findings: &[FindingSummary]) -> BTreeSet<&str> {
    findings.iter().map(|it| it.fingerprint.as_str()).collect()
}

fn worst(line: &StackSummary) -> (DriftSeverity, String) {
    let worst = line.findings.iter().map(|it| it.severity).min().unwrap_or(DriftSeverity::Info);
    (worst, line.stack_name.clone())
}

impl Totals {
    /// The figures of some stacks.
    pub fn of<'l>(stacks: impl Iterator<Item = &'l StackSummary>) -> Self {
        let mut totals = Self::default();
        for line in stacks {
            totals.stacks += 1;
            match line.verdict {
                Verdict::InSync => totals.in_sync += 1,
                Verdict::Drifted => totals.drifted += 1,
                Verdict::CouldNotCheck => totals.could_not_check += 1,
                Verdict::Deleted => totals.deleted += 1,
            }
            totals.findings += line.findings.len();
            totals.high += line.findings.iter().filter(|it| it.severity == DriftSeverity::High).count();
            totals.ignored += line.ignored;
        }
        totals
    }
}

impl Totals {
    /// The verdict about the stacks of a request. A named stack that doesn't exist could not be checked. A stack that
    /// was deleted during a run over many stacks doesn't matter.
    pub fn verdict(&self, asked: StackScope) -> Verdict {
        let missing = match asked {
            StackScope::Stacks => self.deleted > 0 || self.in_sync == 0,
            StackScope::Prefix => self.in_sync == 0,
            StackScope::All => false,
        };
        if self.drifted > 0 {
            Verdict::Drifted
        } else if self.could_not_check > 0 || missing {
            Verdict::CouldNotCheck
        } else {
            Verdict::InSync
        }
    }
}

impl FleetReport {
    /// The figures of the stacks that a run was about; its report also has the others, as they were.
    pub fn totals_of(&self, run: &[StackRef]) -> Totals {
        let names: BTreeSet<&str> = run.iter().map(|item| item.stack.as_str()).collect();
        Totals::of(self.stacks.iter().filter(|line| names.contains(line.stack_name.as_str())))
    }

    /// Whether anything changed since the last run that must be reported. A stack that is new and in sync is not reported.
    pub fn has_changes(&self) -> bool {
        let matters = |it: &VerdictChange| !(it.before.is_none() && it.now == Verdict::InSync);
        !self.new.is_empty() || !self.resolved.is_empty() || self.changed.iter().any(matters)
    }

    /// The run in one line.
    pub fn headline(&self) -> String {
        let Totals { stacks, drifted, could_not_check, in_sync, deleted, .. } = self.totals;
        let noun = if stacks == 1 { "stack" } else { "stacks" };
        let deleted = if deleted == 0 { String::new() } else { format!(", {deleted} deleted meanwhile") };
        format!(
            "{stacks} {noun}: {drifted} drifted, {could_not_check} could not be checked, {in_sync} in sync{deleted}"
        )
    }

    /// The subject of a message; SNS takes 100 ASCII characters.
    pub fn subject(&self) -> String {
        let text = format!("Drift: {}, {} new", self.headline(), self.new.len());
        text.chars().filter(|c| matches!(c, ' '..='~')).take(100).collect()
    }

    /// A message for people: what is new, what is over, what can't be checked; a digest names everything that is open.
    pub fn message(&self, page: &str, digest: bool) -> String {
        let mut text = format!(
            "{}.\nCoverage: {} of {} resources.\n",
            self.headline(),
            self.coverage.percent(),
            self.coverage.resources
        );
        let mut list = |title: &str, findings: Vec<&FindingSummary>| {
            if findings.is_empty() {
                return;
            }
            _ = write!(text, "\n{title} ({}):\n", findings.len());
            let (mut written, end) = (0, text.len() + MAX_LIST_BYTES);
            for line in findings.iter().take(MAX_MESSAGE_LINES).map(|it| it.message_lines()) {
                if text.len() + line.len() > end {
                    break;
                }
                text += &line;
                written += 1;
            }
            if findings.len() > written {
                _ = writeln!(text, "- and {} more", findings.len() - written);
            }
        };
        list("New", self.new.iter().collect());
        list("Resolved", self.resolved.iter().collect());
        if digest {
            list("Open", self.stacks.iter().flat_map(|line| &line.findings).collect());
        }
        for change in
            self.changed.iter().filter(|it| it.now == Verdict::CouldNotCheck).take(MAX_MESSAGE_LINES)
        {
            _ = write!(text, "\nCould not be checked: {}\n", change.stack_name);
        }
        for mistake in self.ignore_list.iter().take(MAX_MESSAGE_LINES) {
            _ = write!(text, "\ndrift-ignore.yaml: {}\n", mistake.message);
        }
        _ = write!(text, "\nThe report: {page}\n");
        text
    }

    /// The detail of the EventBridge event `ML Provisioner Drift Changed`: figures, and the first of what is new, of what is
    /// over and of what changed.
    pub fn event(&self, page: &str) -> Json {
        json!({
            "run": self.run,
            "checked_at": self.checked_at,
            "totals": self.totals,
            "coverage_percent": self.coverage.permille() / 10,
            "new": first(&self.new),
            "new_count": self.new.len(),
            "resolved": first(&self.resolved),
            "resolved_count": self.resolved.len(),
            "changed": first(&self.changed),
            "report": page,
        })
    }

    /// A log line in CloudWatch's embedded metric format. Source: Amazon CloudWatch User Guide, "Specification: Embedded
    /// metric format". `suite` tells two suites in one region apart; `milliseconds` since 1970.
    pub fn metrics(&self, suite: &str, milliseconds: u64) -> Json {
        let names = [
            "FleetRuns",
            "Stacks",
            "InSync",
            "Drifted",
            "CouldNotCheck",
            "Findings",
            "HighFindings",
            "NewFindings",
            "IgnoredFindings",
        ];
        let count = |name: &str| json!({"Name": name, "Unit": "Count"});
        let mut metrics: Vec<Json> = names.into_iter().map(count).collect();
        metrics.push(json!({"Name": "Coverage", "Unit": "Percent"}));
        let totals = self.totals;
        json!({
            // Lambda drops lines below the function's level, and takes a line without a level or a time in RFC 3339 for INFO:
            // with `LogLevel` WARN there would be no metrics. FATAL passes at every level, and no alarm waits for it. Sources:
            // Lambda Developer Guide, "Log-level filtering"; aws/aws-lambda-python-runtime-interface-client issue 202.
            "timestamp": rfc3339(milliseconds / 1_000),
            "level": "FATAL",
            "message": "metrics of a drift run",
            "_aws": {
                "Timestamp": milliseconds,
                "CloudWatchMetrics": [{"Namespace": "MLProvisioner/Drift", "Dimensions": [["Suite"]], "Metrics": metrics}],
            },
            "Run": self.run,
            "Suite": suite,
            // An alarm waits for it. A run over some stacks doesn't count as a run over all.
            "FleetRuns": usize::from(self.only.is_none()),
            "Stacks": totals.stacks,
            "InSync": totals.in_sync,
            "Drifted": totals.drifted,
            "CouldNotCheck": totals.could_not_check,
            "Findings": totals.findings,
            "HighFindings": totals.high,
            "NewFindings": self.new.len(),
            "IgnoredFindings": totals.ignored,
            "Coverage": f64::from(u32::try_from(self.coverage.permille()).unwrap_or(1_000)) / 10.0,
        })
    }
}

/// The first of a list, as many as an event has room for.
fn first<T: Serialize>(list: &[T]) -> Vec<Json> {
    let mut room = MAX_LIST_BYTES;
    let mut taken = Vec::new();
    for json in list.iter().take(100).filter_map(|it| serde_json::to_value(it).ok()) {
        match room.checked_sub(json.to_string().len()) {
            Some(left) => room = left,
            None => break,
        }
        taken.push(json);
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(kind: FindingKind, source: FindingSource, logical_id: &str, property: &str) -> DriftFinding {
        DriftFinding {
            kind,
            severity: DriftSeverity::Medium,
            logical_id: logical_id.to_owned(),
            physical_id: None,
            resource_type: String::new(),
            property: property.to_owned(),
            expected: None,
            actual: None,
            source,
            message: "it is so".to_owned(),
            remediation: String::new(),
            fingerprint: String::new(),
        }
        .with_fingerprint("a", None)
    }

    #[test]
    fn a_message_shows_characters_that_nobody_sees_by_their_number() {
        let odd = "a\u{1b}[2J\n\u{202e}b\u{200b}";
        let mut finding = finding(FindingKind::Drifted, FindingSource::Probe, odd, odd);
        finding.message = odd.to_owned();
        let line = FindingSummary::of(odd, &finding).message_lines();
        assert!(line.ends_with('\n') && line.matches('\n').count() == 1, "{line:?}");
        assert!(!line.contains(mlp_template::printable::is_hidden) && line.contains("[U+202E]"), "{line:?}");
    }

    fn report(stack: &str, at: &str, verdict: Verdict, findings: &[DriftFinding]) -> StackReport {
        StackReport {
            schema_version: SCHEMA_VERSION,
            run: at.to_owned(),
            checked_at: at.to_owned(),
            stack_name: stack.to_owned(),
            stack_id: String::new(),
            stack_status: String::new(),
            ml_name: None,
            tier: None,
            verdict,
            coverage: Coverage::default(),
            findings: findings.to_vec(),
            ignored: Vec::new(),
            remediation: None,
            generator_version: String::new(),
        }
    }

    fn run(at: &str, reports: &[StackReport], previous: Option<&FleetReport>) -> FleetReport {
        let mut builder = FleetBuilder::default();
        for report in reports {
            builder.add(report);
        }
        builder.finish(at, at, None, &IgnoreList::default(), previous)
    }

    fn places(findings: &[FindingSummary]) -> Vec<&str> {
        findings.iter().map(|it| it.place.as_str()).collect()
    }

    #[test]
    fn only_what_could_be_looked_at_is_over() {
        use FindingKind::{ConfigDrift, CouldNotCheck, Drifted};
        use FindingSource::{Cloudformation, Probe, Template};
        let open = [
            finding(Drifted, Cloudformation, "Bucket", "/Tags"),
            finding(Drifted, Probe, "Role", "/Policies"),
            finding(ConfigDrift, Template, "Bucket", "/Name"),
        ];
        let first = run("1", &[report("a", "1", Verdict::Drifted, &open)], None);
        for (unseen, over) in [
            (vec![], vec!["Bucket /Tags", "Role /Policies", "Bucket /Name"]),
            (vec![finding(CouldNotCheck, Cloudformation, "", "")], vec![]),
            (vec![finding(CouldNotCheck, Probe, "Role", "/Policies")], vec!["Bucket /Tags", "Bucket /Name"]),
            (vec![finding(CouldNotCheck, Probe, "Bucket", "")], vec!["Role /Policies", "Bucket /Name"]),
            (vec![finding(CouldNotCheck, Template, "", "")], vec!["Bucket /Tags", "Role /Policies"]),
        ] {
            // Something else has drifted: that outranks what could not be checked.
            let found = [unseen.as_slice(), &[finding(Drifted, Probe, "Key", "/KeyPolicy")]].concat();
            let second = run("2", &[report("a", "2", Verdict::Drifted, &found)], Some(&first));
            assert_eq!(places(&second.resolved), over, "{unseen:?}");
            assert_eq!(second.new.len(), found.len());
            let held: Vec<&FindingSummary> =
                second.stacks.iter().flat_map(|it| &it.findings).filter(|it| it.as_of.is_some()).collect();
            assert_eq!((held.len(), second.totals.findings), (3 - over.len(), found.len() + held.len()));
            assert!(held.iter().all(|it| it.as_of.as_deref() == Some("1")));
            // A day later everything can be seen again, and is as it was.
            let third = run("3", &[report("a", "3", Verdict::Drifted, &open)], Some(&second));
            assert_eq!(third.new.len(), over.len(), "what stayed open is no news");
            assert!(third.stacks.iter().flat_map(|it| &it.findings).all(|it| it.as_of.is_none()));
        }
    }

    #[test]
    fn another_value_takes_the_place_of_one_that_could_not_be_seen() {
        let at = |actual: &str| {
            let it = finding(FindingKind::Drifted, FindingSource::Probe, "Role", "/Policies");
            it.with_fingerprint("a", Some(&json!(actual)))
        };
        let first = run("1", &[report("a", "1", Verdict::Drifted, &[at("x")])], None);
        let unseen = finding(FindingKind::CouldNotCheck, FindingSource::Cloudformation, "", "");
        let second = run("2", &[report("a", "2", Verdict::Drifted, &[at("y"), unseen])], Some(&first));
        // It is news once, with the value: that it was another one before is not over.
        assert_eq!((second.totals.findings, places(&second.resolved)), (2, vec![]));
        assert!(places(&second.new).contains(&"Role /Policies"));
    }

    #[test]
    fn a_message_says_what_must_be_and_what_is() {
        let shown = |text: &str| Some(crate::changes::DisplayedValue::new("RetentionInDays", &json!(text)));
        let found = DriftFinding {
            expected: shown("365"),
            actual: shown("1"),
            ..finding(FindingKind::Drifted, FindingSource::Cloudformation, "Logs", "/RetentionInDays")
        };
        let fleet = run("1", &[report("a", "1", Verdict::Drifted, &[found])], None);
        let message = fleet.message("s3://suite/index.html", false);
        assert!(message.contains("\n    expected: 365\n    actual: 1\n"), "{message}");
    }

    #[test]
    fn what_another_run_has_seen_since_stays() {
        let drifted = [finding(FindingKind::Drifted, FindingSource::Probe, "Role", "/Policies")];
        let previous = run(
            "5",
            &[
                report("a", "4", Verdict::Drifted, &drifted),
                report("made-since", "4", Verdict::InSync, &[]),
                report("deleted", "1", Verdict::Drifted, &drifted),
            ],
            None,
        );
        let mut slow = FleetBuilder::listed("2");
        slow.add(&report("a", "3", Verdict::InSync, &[]));
        let fleet = slow.finish("slow", "6", None, &IgnoreList::default(), Some(&previous));
        let lines: Vec<(&str, Verdict)> =
            fleet.stacks.iter().map(|it| (it.stack_name.as_str(), it.verdict)).collect();
        assert_eq!(lines, [("a", Verdict::Drifted), ("made-since", Verdict::InSync)]);
        assert_eq!(
            (fleet.new.len(), places(&fleet.resolved)),
            (0, vec!["Role /Policies"]),
            "of the deleted one"
        );
    }

    #[test]
    fn news_that_nobody_was_told_of_are_told_with_the_next() {
        let (role, key) = (
            finding(FindingKind::Drifted, FindingSource::Probe, "Role", "/Policies"),
            finding(FindingKind::Drifted, FindingSource::Probe, "Key", "/KeyPolicy"),
        );
        let reports =
            |at: &str, found: &DriftFinding| [report("a", at, Verdict::Drifted, std::slice::from_ref(found))];
        let first = run("1", &reports("1", &key), None);
        let mut second = run("2", &reports("2", &role), Some(&first));
        assert_eq!(
            (places(&second.new), places(&second.resolved)),
            (vec!["Role /Policies"], vec!["Key /KeyPolicy"])
        );
        let third = run("3", &reports("3", &role), Some(&second));
        assert!(!third.has_changes());
        second.pending_notification = Some(PendingNotification { request_id: "x".to_owned(), until: 0 });
        let third = run("3", &reports("3", &role), Some(&second));
        assert_eq!(
            (places(&third.new), places(&third.resolved)),
            (vec!["Role /Policies"], vec!["Key /KeyPolicy"])
        );
        let fixed = run("3", &[report("a", "3", Verdict::InSync, &[])], Some(&second));
        assert_eq!(fixed.new, [], "it is over before anybody knew");
    }

    #[test]
    fn however_much_is_found_a_message_and_an_event_are_taken() {
        const LIMIT: usize = 256 * 1_024;
        let mut long = finding(FindingKind::Drifted, FindingSource::Probe, "Role", &"/é".repeat(5_000));
        long.message = "\u{1}é".repeat(50_000);
        let reports: Vec<StackReport> = (0..1_000)
            .map(|number| {
                let name = format!("stack-{number}");
                let findings = [long.clone().with_fingerprint(&name, None)];
                report(&name, "1", Verdict::Drifted, &findings)
            })
            .collect();
        let before: Vec<StackReport> = (0..1_000)
            .map(|number| {
                let name = format!("stack-{number}");
                let findings = [DriftFinding { logical_id: "Key".to_owned(), ..long.clone() }
                    .with_fingerprint(&name, None)];
                report(&name, "0", Verdict::CouldNotCheck, &findings)
            })
            .collect();
        let entry = format!(
            "  - {{stack: a, logical_id: b, property: c, reason: {}, who: d, expires: 2020-01-01}}\n",
            "x".repeat(3_000)
        );
        let ignore = IgnoreList::read(format!("ignore:\n{}", entry.repeat(60)).as_bytes());
        let mut builder = FleetBuilder::default();
        for report in &reports {
            builder.add(report);
        }
        let previous = run("0", &before, None);
        let fleet = builder.finish("1", "2027-01-01T00:00:00Z", None, &ignore, Some(&previous));
        assert_eq!((fleet.new.len(), fleet.resolved.len(), fleet.ignore_list.len()), (1_000, 1_000, 60));
        let message = fleet.message("s3://suite/page", true);
        assert!(message.len() < LIMIT - 1_024, "{}", message.len());
        for words in ["New (1000):", "Resolved (1000):", "Open (1000):", "The report: s3://suite/page"] {
            assert!(message.contains(words), "{words}");
        }
        let event = fleet.event("s3://suite/page");
        assert!(event.to_string().len() < LIMIT - 1_024, "{}", event.to_string().len());
        assert_eq!(event.pointer("/new_count"), Some(&json!(1_000)));
        assert!(event.pointer("/new/0").is_some() && event.pointer("/resolved/0").is_some());
    }

    #[test]
    fn what_was_named_and_is_not_there_is_not_in_sync() {
        use Verdict::{CouldNotCheck, Drifted, InSync};
        let of = |in_sync, deleted, could_not_check, drifted| Totals {
            in_sync,
            drifted,
            could_not_check,
            deleted,
            ..Totals::default()
        };
        for (totals, stacks, prefix, all) in [
            (of(0, 0, 0, 0), CouldNotCheck, CouldNotCheck, InSync),
            (of(0, 1, 0, 0), CouldNotCheck, CouldNotCheck, InSync),
            (of(2, 1, 0, 0), CouldNotCheck, InSync, InSync),
            (of(2, 0, 0, 0), InSync, InSync, InSync),
            (of(2, 0, 1, 0), CouldNotCheck, CouldNotCheck, CouldNotCheck),
            (of(2, 1, 1, 1), Drifted, Drifted, Drifted),
        ] {
            let told =
                [StackScope::Stacks, StackScope::Prefix, StackScope::All].map(|asked| totals.verdict(asked));
            assert_eq!(told, [stacks, prefix, all], "{totals:?}");
        }
    }
}
