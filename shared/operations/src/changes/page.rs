//! Changes as one HTML page that stands alone, in the look of the review report.

use std::sync::LazyLock;

use askama::Template;
use mlp_product::report::page::content_security_policy;
use mlp_template::error::InternalError;

use super::properties::{Property, Replaces};
use super::risks::Risk;
use super::summary::{Changes, Resource};
use super::text::{title, verdict};
use super::values::{DisplayedValue, ValueState};

/// The style of every report, and what only this page has.
const STYLE: &str = concat!(
    include_str!("../../../product/templates/report.css"),
    include_str!("../../templates/changes/changes.css"),
);

static POLICY: LazyLock<String> = LazyLock::new(|| content_security_policy(STYLE));

/// The table shows values up to this length; longer ones can be opened.
const MAX_INLINE_CHARACTERS: usize = 240;

#[derive(Template)]
#[template(path = "changes/page.html")]
struct Page<'a> {
    changes: &'a Changes,
    style: &'static str,
    content_security_policy: &'static str,
    version: &'a str,
    title: &'static str,
    verdict: String,
    place: Vec<&'a str>,
    tiles: [(&'static str, usize, String); 4],
    resources: Vec<&'a Resource>,
}

/// The page, as a whole HTML file in UTF-8; the same changes always give the same bytes.
///
/// ```
/// use mlp_operations::changes::{self, ChangesContext, Changes, Next};
/// let changes = Changes::new(&ChangesContext::default(), &[], &Next::Nothing)?;
/// assert!(changes::html(&changes)?.starts_with("<!doctype html>"));
/// # Ok::<(), mlp_template::error::InternalError>(())
/// ```
///
/// # Errors
///
/// When the page can't be written, which the tests rule out.
pub fn html(changes: &Changes) -> Result<String, InternalError> {
    let place = [&changes.tier, &changes.scenario, &changes.account_id, &changes.region];
    // Resources with risks come first; the others keep the template's order.
    let mut resources: Vec<&Resource> = changes.resources.iter().collect();
    let worst = |id: &str| changes.risks.iter().position(|risk| risk.logical_id == id);
    resources.sort_by_cached_key(|resource| worst(&resource.logical_id).unwrap_or(usize::MAX));
    let counts = &changes.counts;
    let maybe = changes.resources.iter().filter(|it| it.effect == super::Effect::MaybeReplaced).count();
    let also = |count: usize, words: &str| {
        if count == 0 { String::new() } else { format!("{count} {words}") }
    };
    Page {
        changes,
        style: STYLE,
        content_security_policy: &POLICY,
        version: &changes.generator_version,
        title: title(changes),
        verdict: verdict(changes),
        place: place.into_iter().filter_map(|it| it.as_deref()).collect(),
        tiles: [
            ("Added", counts.added, also(counts.imported, "more imported")),
            ("Changed", counts.changed, also(counts.undetermined, "more not known yet")),
            ("Replaced", counts.replaced, also(maybe, "of them not certain")),
            ("Deleted", counts.deleted, also(counts.released, "more kept, no longer managed")),
        ],
        resources,
    }
    .render()
    .map_err(|error| InternalError::new(format!("the page of changes: {error}")))
}

impl Page<'_> {
    fn failed(&self) -> bool {
        self.changes.change_set.failed()
    }

    fn has_risk(&self, resource: &Resource) -> bool {
        self.changes.risks.iter().any(|risk| risk.logical_id == resource.logical_id)
    }
}

/// Whether a value is too long for the table.
fn is_long(shown: &DisplayedValue) -> bool {
    shown.text.chars().count() > MAX_INLINE_CHARACTERS
}

/// The class of a value.
fn class(shown: &DisplayedValue) -> &'static str {
    match shown.state {
        ValueState::Complete | ValueState::Truncated => "value",
        ValueState::Hidden | ValueState::KnownAfterDeployment => "value quiet",
    }
}

/// The length of a long value, for its link.
fn size(shown: &DisplayedValue) -> String {
    let characters = shown.characters.unwrap_or_else(|| shown.text.chars().count());
    format!("{characters} characters")
}

/// What is said of a property beside its values.
fn remarks(property: &Property) -> Vec<String> {
    let mut remarks = Vec::new();
    match property.replaces {
        Some(Replaces::Yes) => remarks.push("makes CloudFormation replace the resource".to_owned()),
        Some(Replaces::Maybe) => remarks.push("may make CloudFormation replace the resource".to_owned()),
        Some(Replaces::No) | None => {}
    }
    if !property.causes.is_empty() {
        remarks.push(format!("because of {}", property.causes.join(", ")));
    }
    if !property.certain {
        remarks.push("the deployment shows whether it changes".to_owned());
    }
    if property.found_in_aws {
        remarks.push("before: as found in AWS".to_owned());
    }
    remarks
}

/// A risk's impact, and whether it is certain, as text.
fn level(risk: &Risk) -> String {
    let may = if risk.certain { "" } else { ", perhaps" };
    format!("{}{may}", risk.impact.words())
}
