//! All stacks of a run on one page, and what changed since the last one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::ignore::Ignore;
use super::order::Item;
use super::report::{Coverage, Finding, Kind, SCHEMA_VERSION, Severity, StackReport, Verdict};
use crate::finding::Finding as Mistake;

/// How many runs the history keeps: three months of daily runs.
pub const HISTORY: usize = 90;

/// The most lines of a message that anybody reads.
const LINES: usize = 50;

/// The fleet's report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fleet {
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
    pub stacks: Vec<Line>,
    /// Findings that the last run didn't have.
    pub new: Vec<Brief>,
    /// Findings of the last run that are no more.
    pub gone: Vec<Brief>,
    /// Stacks whose word changed, from what to what.
    pub changed: Vec<Change>,
    /// What is wrong with the ignore list.
    pub ignore_list: Vec<Mistake>,
    /// The last runs over the whole fleet, oldest first, at most [`HISTORY`].
    pub history: Vec<Point>,
    /// The version of ML Provisioner.
    pub generator_version: String,
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
    /// Deleted in the middle of the run.
    pub gone: usize,
    /// Findings that count.
    pub findings: usize,
    /// Those of them with severity high.
    pub high: usize,
    /// Findings that the ignore list keeps quiet.
    pub ignored: usize,
}

/// A stack in one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
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
    pub findings: Vec<Brief>,
    /// How many are kept quiet.
    pub ignored: usize,
    /// When it was checked.
    pub checked_at: String,
}

/// A finding in few words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brief {
    /// The stack.
    pub stack_name: String,
    /// What kind.
    pub kind: Kind,
    /// How much it matters.
    pub severity: Severity,
    /// Where: `BuildRole /ManagedPolicyArns`.
    pub place: String,
    /// What, in a sentence.
    pub message: String,
    /// The same for the same finding in the next run.
    pub fingerprint: String,
}

/// A stack whose word is another one now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
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
pub struct Point {
    /// The run.
    pub run: String,
    /// When.
    pub checked_at: String,
    /// Its figures.
    pub totals: Totals,
    /// Checked resources in tenths of a per cent.
    pub coverage_permille: usize,
}

impl Brief {
    fn of(stack: &str, finding: &Finding) -> Self {
        Self {
            stack_name: stack.to_owned(),
            kind: finding.kind,
            severity: finding.severity,
            place: finding.place(),
            message: finding.message.clone(),
            fingerprint: finding.fingerprint.clone(),
        }
    }
}

impl Line {
    fn of(report: &StackReport) -> Self {
        let counts = report.findings.iter().filter(|it| it.kind != Kind::NotCheckable);
        Self {
            stack_name: report.stack_name.clone(),
            ml_name: report.ml_name.clone(),
            verdict: report.verdict,
            coverage: report.coverage,
            findings: counts.map(|it| Brief::of(&report.stack_name, it)).collect(),
            ignored: report.ignored.len(),
            checked_at: report.checked_at.clone(),
        }
    }
}

/// Reports of a run, one after the other, so that a thousand of them need not be held at once.
#[derive(Debug, Default)]
pub struct Gathering {
    lines: BTreeMap<String, Line>,
    used: BTreeSet<String>,
}

impl Gathering {
    /// Takes a report in. A second one of the same stack takes the first one's place.
    pub fn add(&mut self, report: &StackReport) {
        self.used.extend(report.ignored.iter().flat_map(|it| it.entries.iter().cloned()));
        self.lines.insert(report.stack_name.clone(), Line::of(report));
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
    /// lines are taken over from the last run, and the history stays as it is.
    pub fn finish(
        self,
        run: &str,
        checked_at: &str,
        only: Option<&str>,
        ignore: &Ignore,
        previous: Option<&Fleet>,
    ) -> Fleet {
        let (mut new, mut gone, mut changed) = (Vec::new(), Vec::new(), Vec::new());
        let before: BTreeMap<&str, &Line> =
            previous.into_iter().flat_map(|it| &it.stacks).map(|it| (it.stack_name.as_str(), it)).collect();
        for line in self.lines.values() {
            let earlier = before.get(line.stack_name.as_str()).copied();
            let known = prints(earlier.map_or(&[], |it| it.findings.as_slice()));
            let now = prints(&line.findings);
            new.extend(line.findings.iter().filter(|it| !known.contains(it.fingerprint.as_str())).cloned());
            let over = earlier.into_iter().flat_map(|it| &it.findings);
            // What could not be looked at this time may be there as before.
            let over = over.filter(|it| !now.contains(it.fingerprint.as_str()));
            gone.extend(over.filter(|_| line.verdict != Verdict::CouldNotCheck).cloned());
            if earlier.is_none_or(|it| it.verdict != line.verdict) {
                changed.push(Change {
                    stack_name: line.stack_name.clone(),
                    before: earlier.map(|it| it.verdict),
                    now: line.verdict,
                });
            }
        }
        // What was open of a product that was deleted since is over too.
        if only.is_none() {
            let deleted = before.values().filter(|line| !self.lines.contains_key(&line.stack_name));
            gone.extend(deleted.flat_map(|line| &line.findings).cloned());
        }
        let used = self.used;
        let mut lines = self.lines;
        if only.is_some() {
            for line in previous.into_iter().flat_map(|it| &it.stacks) {
                lines.entry(line.stack_name.clone()).or_insert_with(|| line.clone());
            }
        }
        let mut stacks: Vec<Line> = lines.into_values().collect();
        stacks.sort_by_key(|line| (std::cmp::Reverse(line.verdict), worst(line)));
        let totals = Totals::of(stacks.iter());
        let coverage = stacks.iter().fold(Coverage::default(), |sum, line| sum.and(line.coverage));
        let mut history: Vec<Point> = previous.map(|it| it.history.clone()).unwrap_or_default();
        if only.is_none() && history.last().is_none_or(|it| it.run != run) {
            history.push(Point {
                run: run.to_owned(),
                checked_at: checked_at.to_owned(),
                totals,
                coverage_permille: coverage.permille(),
            });
        }
        let surplus = history.len().saturating_sub(HISTORY);
        history.drain(..surplus);
        Fleet {
            schema_version: SCHEMA_VERSION,
            run: run.to_owned(),
            checked_at: checked_at.to_owned(),
            only: only.map(str::to_owned),
            totals,
            coverage,
            stacks,
            new,
            gone,
            changed,
            ignore_list: ignore.problems(&used, checked_at, only.is_none()),
            history,
            generator_version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

fn prints(findings: &[Brief]) -> BTreeSet<&str> {
    findings.iter().map(|it| it.fingerprint.as_str()).collect()
}

fn worst(line: &Line) -> (Severity, String) {
    let worst = line.findings.iter().map(|it| it.severity).min().unwrap_or(Severity::Info);
    (worst, line.stack_name.clone())
}

impl Totals {
    /// The figures of some stacks.
    pub fn of<'l>(stacks: impl Iterator<Item = &'l Line>) -> Self {
        let mut totals = Self::default();
        for line in stacks {
            totals.stacks += 1;
            match line.verdict {
                Verdict::InSync => totals.in_sync += 1,
                Verdict::Drifted => totals.drifted += 1,
                Verdict::CouldNotCheck => totals.could_not_check += 1,
                Verdict::Gone => totals.gone += 1,
            }
            totals.findings += line.findings.len();
            totals.high += line.findings.iter().filter(|it| it.severity == Severity::High).count();
            totals.ignored += line.ignored;
        }
        totals
    }
}

impl Fleet {
    /// The worst word and the figures of the stacks that a run was about; its report also has the others, as they were.
    pub fn among(&self, run: &[Item]) -> (Verdict, Totals) {
        let of_run = |line: &&Line| run.iter().any(|item| item.stack == line.stack_name);
        let lines = || self.stacks.iter().filter(of_run);
        (lines().map(|line| line.verdict).max().unwrap_or(Verdict::InSync), Totals::of(lines()))
    }

    /// Whether there is anything to tell since the last run. A stack that is new and in sync is none of it.
    pub fn has_news(&self) -> bool {
        let matters = |it: &Change| !(it.before.is_none() && it.now == Verdict::InSync);
        !self.new.is_empty() || !self.gone.is_empty() || self.changed.iter().any(matters)
    }

    /// The run in one line.
    pub fn headline(&self) -> String {
        let Totals { stacks, drifted, could_not_check, in_sync, .. } = self.totals;
        format!(
            "{stacks} {}: {drifted} drifted, {could_not_check} could not be checked, {in_sync} in sync",
            if stacks == 1 { "stack" } else { "stacks" }
        )
    }

    /// The subject of a message; SNS takes 100 ASCII characters.
    pub fn subject(&self) -> String {
        let text = format!("Drift: {}, {} new", self.headline(), self.new.len());
        text.chars().filter(char::is_ascii).take(100).collect()
    }

    /// A message for people: what is new, what is over, what can't be checked; a digest names everything that is open.
    pub fn message(&self, page: &str, digest: bool) -> String {
        let mut text = format!(
            "{}.\nCoverage: {} of {} resources.\n",
            self.headline(),
            self.coverage.percent(),
            self.coverage.resources
        );
        let mut list = |title: &str, findings: Vec<&Brief>| {
            if findings.is_empty() {
                return;
            }
            _ = write!(text, "\n{title} ({}):\n", findings.len());
            for it in findings.iter().take(LINES) {
                _ = writeln!(
                    text,
                    "- [{}] {}, {}: {}",
                    it.severity.words(),
                    it.stack_name,
                    it.place,
                    it.message
                );
            }
            if findings.len() > LINES {
                _ = writeln!(text, "- and {} more", findings.len() - LINES);
            }
        };
        list("New", self.new.iter().collect());
        list("No more", self.gone.iter().collect());
        if digest {
            list("Open", self.stacks.iter().flat_map(|line| &line.findings).collect());
        }
        for change in self.changed.iter().filter(|it| it.now == Verdict::CouldNotCheck).take(LINES) {
            _ = write!(text, "\nCould not be checked: {}\n", change.stack_name);
        }
        for mistake in &self.ignore_list {
            _ = write!(text, "\ndrift-ignore.yaml: {}\n", mistake.message);
        }
        _ = write!(text, "\nThe report: {page}\n");
        text
    }

    /// The detail of the EventBridge event `ML Provisioner Drift Changed`: figures and the first new findings; EventBridge
    /// takes 256 KiB.
    pub fn event(&self, page: &str) -> Json {
        let first = |findings: &[Brief]| findings.iter().take(100).cloned().collect::<Vec<_>>();
        json!({
            "run": self.run,
            "checked_at": self.checked_at,
            "totals": self.totals,
            "coverage_percent": self.coverage.permille() / 10,
            "new": first(&self.new),
            "new_count": self.new.len(),
            "gone": first(&self.gone),
            "gone_count": self.gone.len(),
            "changed": self.changed.iter().take(100).collect::<Vec<_>>(),
            "report": page,
        })
    }

    /// A log line in CloudWatch's embedded metric format. Source: Amazon CloudWatch User Guide, "Specification: Embedded
    /// metric format". `milliseconds` since 1970.
    pub fn metrics(&self, milliseconds: u64) -> Json {
        let names = [
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
            "_aws": {
                "Timestamp": milliseconds,
                "CloudWatchMetrics": [{"Namespace": "MLProvisioner/Drift", "Dimensions": [[]], "Metrics": metrics}],
            },
            "Run": self.run,
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
