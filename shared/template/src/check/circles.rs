//! Resources that depend on each other in a circle, and conditions that do.

use std::collections::{BTreeSet, HashMap};

use super::{Report, Spot, graph};
use crate::codes;
use crate::finding::Severity;
use crate::template::path::Token;
use crate::template::references::{Owner, Reference};
use crate::template::{Path, Resource, Template};

/// What makes one resource depend on another.
#[derive(Clone, Copy, Default)]
struct Edge {
    /// Whether any of the references stands outside of `Fn::If`.
    sure: bool,
}

pub(super) fn check(report: &mut Report<'_>) {
    resources(report);
    conditions(report);
}

fn resources(report: &mut Report<'_>) {
    let template = report.template;
    let mut edges = HashMap::<(usize, usize), Edge>::new();
    let mut graph: graph::Edges = vec![BTreeSet::new(); template.resources.len()];
    each_dependency(template, &mut |from, to, path| {
        if let Some(targets) = graph.get_mut(from) {
            targets.insert(to);
        }
        edges.entry((from, to)).or_default().sure |= !is_conditional(path);
    });
    let circles = graph::circles(&graph);
    if circles.is_empty() {
        return;
    }
    // Only now are the places worth writing down.
    let mut places = HashMap::<(usize, usize), String>::new();
    each_dependency(template, &mut |from, to, path| {
        let edge = edges.get(&(from, to)).copied().unwrap_or_default();
        if !edge.sure || !is_conditional(path) {
            places.entry((from, to)).or_insert_with(|| path.dotted(2));
        }
    });
    for circle in circles {
        let names: Vec<&str> = circle
            .iter()
            .filter_map(|node| template.resources.get_index(*node))
            .map(|(id, _)| id.as_str())
            .collect();
        let Some(first) = names.first() else { continue };
        let pairs = || circle.iter().copied().zip(circle.iter().copied().cycle().skip(1));
        let steps: Vec<String> = pairs()
            .zip(names.iter().zip(names.iter().cycle().skip(1)))
            .filter_map(|(edge, (from, to))| Some(format!("`{from}` names `{to}` in {}", places.get(&edge)?)))
            .collect();
        let sure = pairs().all(|edge| edges.get(&edge).is_some_and(|edge| edge.sure));
        let several = circle
            .iter()
            .filter_map(|node| template.resources.get_index(*node))
            .find_map(|(_, resource)| becomes_several(resource));
        let (severity, help) = match (sure, several) {
            (true, None) => {
                (Severity::Error, "take one of these references out, or move it to a resource of its own")
            }
            (false, _) => (
                Severity::Warning,
                "one of these stands in an `Fn::If`: the conditions must rule out that all hold at once",
            ),
            (true, Some(help)) => (Severity::Warning, help),
        };
        let message = match names.as_slice() {
            [one] => format!("`{one}` depends on itself: {}", steps.join(", ")),
            _ => format!("{} -> {first} is a circle: {}", names.join(" -> "), steps.join(", ")),
        };
        let resources = Path::ROOT.key("Resources");
        let at = (&resources.key(first), Spot::Key);
        report.add(severity, codes::TPL_CIRCLE, at, message, help);
    }
}

/// What to do about a circle through a resource that becomes several ones: the circle may be none of them.
fn becomes_several(resource: &Resource) -> Option<&'static str> {
    let kind = resource.kind.as_str();
    if kind.starts_with("AWS::Serverless::") {
        Some("SAM makes several resources of one; check that the circle remains after that")
    } else if is_product(resource) {
        Some("a product becomes several resources; `mlp expand` says whether the circle remains after that")
    } else if kind.ends_with("::MODULE") {
        Some("a module becomes several resources; check that the circle remains after that")
    } else {
        None
    }
}

fn is_product(resource: &Resource) -> bool {
    resource.kind.starts_with("MLProvisioner::")
}

/// Whether a reference to a product becomes its name, which is text and waits for nothing (docs/macro.md, "References").
fn is_text(target: &Resource, reference: Reference<'_>) -> bool {
    is_product(target)
        && matches!(
            reference,
            Reference::Name { .. } | Reference::Attribute { attribute: Some("MlName"), .. }
        )
}

/// Calls `found` with resource, resource it depends on, and the place that says so.
fn each_dependency(template: &Template, found: &mut impl FnMut(usize, usize, &Path<'_>)) {
    template.references(&mut |owner, reference, path| {
        let (Owner::Resource(from), Some(to)) = (owner, depended_on(reference)) else { return };
        let (Some(from), Some(to)) = (template.resources.get_full(from), template.resources.get_full(to))
        else {
            return;
        };
        let (from, _, resource) = from;
        let (to, _, target) = to;
        if is_text(target, reference) {
            return;
        }
        // A `DependsOn` of itself is reported as such.
        let itself = from == to && matches!(reference, Reference::DependsOn(_));
        // SAM makes resources of their own from these.
        let elsewhere = resource.kind.starts_with("AWS::Serverless::")
            && matches!(
                path.tokens().get(2..4),
                Some([Token::Key("Properties"), Token::Key("Events")] | [Token::Key("Connectors"), _])
            );
        if !itself && !elsewhere {
            found(from, to, path);
        }
    });
}

fn depended_on(reference: Reference<'_>) -> Option<&str> {
    match reference {
        Reference::Name { name, .. } | Reference::Attribute { name, .. } | Reference::DependsOn(name) => {
            Some(name)
        }
        Reference::Condition(_) | Reference::Mapping(..) => None,
    }
}

fn is_conditional(path: &Path<'_>) -> bool {
    path.has_key("Fn::If")
}

fn conditions(report: &mut Report<'_>) {
    let template = report.template;
    if template.conditions.is_empty() {
        return;
    }
    let mut graph: graph::Edges = vec![BTreeSet::new(); template.conditions.len()];
    template.references(&mut |owner, reference, _| {
        if let (Owner::Condition(from), Reference::Condition(to)) = (owner, reference)
            && let Some(from) = template.conditions.get_index_of(from)
            && let (Some(targets), Some(to)) = (graph.get_mut(from), template.conditions.get_index_of(to))
        {
            targets.insert(to);
        }
    });
    for circle in graph::circles(&graph) {
        let names: Vec<&str> = circle
            .iter()
            .filter_map(|node| template.conditions.get_index(*node))
            .map(|(id, _)| id.as_str())
            .collect();
        let Some(first) = names.first() else { continue };
        let message = format!("condition {} -> {first} is a circle", names.join(" -> "));
        let section = Path::ROOT.key("Conditions");
        report.error_at_key(
            codes::TPL_CIRCLE,
            &section.key(first),
            message,
            "a condition can't decide itself",
        );
    }
}
