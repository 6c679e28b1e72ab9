//! The reports as HTML pages that stand alone, in the look of the review report.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use askama::Template;
use mlp_product::report::page::content_security_policy;
use mlp_template::error::InternalError;

use super::fleet::{FleetReport, HistoryEntry};
use super::report::{DriftFinding, FindingKind, StackReport, Verdict};

/// The style of every report, and what only these pages have.
const STYLE: &str = concat!(
    include_str!("../../../product/templates/report.css"),
    include_str!("../../templates/drift/drift.css")
);

static POLICY: LazyLock<String> = LazyLock::new(|| content_security_policy(STYLE));

/// The height of the trend's tallest bar.
const MAX_BAR_HEIGHT: usize = 120;

/// The y coordinate of the bars' lower ends.
const BASELINE_Y: usize = 130;

type Tile = (&'static str, String, String);

#[derive(Template)]
#[template(path = "drift/stack.html")]
struct StackPage<'a> {
    report: &'a StackReport,
    style: &'static str,
    content_security_policy: &'static str,
    version: &'a str,
    place: Vec<&'a str>,
    tiles: [Tile; 4],
    findings: Vec<&'a DriftFinding>,
    unseen: Vec<&'a DriftFinding>,
}

#[derive(Template)]
#[template(path = "drift/fleet.html")]
struct FleetPage<'a> {
    fleet: &'a FleetReport,
    kind: PageKind,
    of_run: BTreeSet<&'a str>,
    style: &'static str,
    content_security_policy: &'static str,
    version: &'a str,
    tiles: [Tile; 4],
    bars: Vec<Bar>,
    first_day: String,
    last_day: String,
}

/// A run in the trend, in units of its picture.
struct Bar {
    x: usize,
    width: usize,
    drifted: usize,
    drifted_top: usize,
    unchecked: usize,
    unchecked_top: usize,
}

/// A stack's page; the same report always gives the same bytes.
///
/// # Errors
///
/// When the page can't be written, which the tests rule out.
pub fn stack_html(report: &StackReport) -> Result<String, InternalError> {
    let mut place = vec![report.stack_name.as_str(), report.stack_status.as_str()];
    place.extend(report.tier.as_deref());
    let (unseen, findings): (Vec<&DriftFinding>, Vec<&DriftFinding>) =
        report.findings.iter().partition(|it| it.kind == FindingKind::NotCheckable);
    let drifts = findings.iter().filter(|it| it.is_drift()).count();
    let missed = findings.iter().filter(|it| it.kind == FindingKind::CouldNotCheck).count();
    StackPage {
        report,
        style: STYLE,
        content_security_policy: &POLICY,
        version: &report.generator_version,
        place,
        tiles: [
            ("Verdict", report.verdict.words().to_owned(), String::new()),
            ("Drifted", drifts.to_string(), more(report.ignored.len(), "ignored")),
            ("Could not check", missed.to_string(), String::new()),
            (
                "Coverage",
                report.coverage.percent(),
                mlp_product::report::page::counted(report.coverage.resources, "resource"),
            ),
        ],
        findings,
        unseen,
    }
    .render()
    .map_err(|error| InternalError::new(format!("the page of a stack's drift: {error}")))
}

/// Which of the two fleet pages: its links depend on its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageKind {
    /// The page in `latest/`.
    Latest,
    /// The page in the run's folder. Reports of stacks that are not part of the run are in `latest/`.
    Run,
}

impl FleetPage<'_> {
    /// A stack's page: names of stacks are letters, digits and hyphens.
    fn href(&self, stack_name: &str) -> String {
        match self.kind {
            PageKind::Latest => format!("stacks/{stack_name}.html"),
            PageKind::Run if self.of_run.contains(stack_name) => format!("stacks/{stack_name}.html"),
            PageKind::Run => format!("../../latest/stacks/{stack_name}.html"),
        }
    }
}

/// The fleet's page.
///
/// # Errors
///
/// When the page can't be written, which the tests rule out.
pub fn fleet_html(fleet: &FleetReport, kind: PageKind) -> Result<String, InternalError> {
    let totals = fleet.totals;
    let day = |point: Option<&HistoryEntry>| {
        point.map(|it| it.checked_at.chars().take(10).collect()).unwrap_or_default()
    };
    FleetPage {
        fleet,
        kind,
        of_run: fleet
            .stacks
            .iter()
            .filter(|it| it.run == fleet.run)
            .map(|it| it.stack_name.as_str())
            .collect(),
        style: STYLE,
        content_security_policy: &POLICY,
        version: &fleet.generator_version,
        tiles: [
            ("Stacks", totals.stacks.to_string(), more(totals.deleted, "deleted meanwhile")),
            ("Drifted", totals.drifted.to_string(), more(totals.high, "findings of severity high")),
            ("Could not check", totals.could_not_check.to_string(), String::new()),
            (
                "Coverage",
                fleet.coverage.percent(),
                mlp_product::report::page::counted(fleet.coverage.resources, "resource"),
            ),
        ],
        bars: bars(&fleet.history),
        first_day: day(fleet.history.first()),
        last_day: day(fleet.history.last()),
    }
    .render()
    .map_err(|error| InternalError::new(format!("the page of the fleet's drift: {error}")))
}

fn more(count: usize, words: &str) -> String {
    if count == 0 { String::new() } else { format!("{count} {words}") }
}

fn bars(history: &[HistoryEntry]) -> Vec<Bar> {
    let unsound = |point: &HistoryEntry| point.totals.drifted + point.totals.could_not_check;
    let most = history.iter().map(unsound).max().unwrap_or_default().max(1);
    let step = 900 / history.len().max(1);
    let bar = |(index, point): (usize, &HistoryEntry)| {
        let drifted = point.totals.drifted * MAX_BAR_HEIGHT / most;
        let unchecked = point.totals.could_not_check * MAX_BAR_HEIGHT / most;
        Bar {
            x: index * step,
            width: step.saturating_sub(2).clamp(1, 45),
            drifted,
            drifted_top: BASELINE_Y - drifted,
            unchecked,
            unchecked_top: BASELINE_Y - drifted - unchecked,
        }
    };
    history.iter().enumerate().map(bar).collect()
}

/// The class of a verdict's badge.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "that is how a template calls it")]
fn class(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::InSync => "in-sync",
        Verdict::Deleted => "deleted",
        Verdict::CouldNotCheck => "could-not-check",
        Verdict::Drifted => "drifted",
    }
}

fn pretty(json: &serde_json::Value) -> String {
    serde_json::to_string_pretty(json).unwrap_or_default()
}
