//! The delivery: one row a pipeline, from its source to what comes of it.
//!
//! ```text
//! source ─> pipeline ─> build ─registers─> registry
//!              ┌──starts── rule <─approved──┘ │
//!              v           v──────reads───────┘
//! source ─> pipeline ─> build ─deploys──> endpoints
//! ```

use std::collections::BTreeSet;

use mlp_template::template::{Map, Value};

use super::canvas::{Canvas, Rect, Text, height};
use super::content::{Content, Reader};
use super::{HEADING, PADDING, WIDTH};
use crate::product::Group;
use crate::report::resolve::{at, items, maps};

/// What came of it.
pub(super) struct Drawn<'a> {
    /// The resources that have a box now.
    pub(super) placed: BTreeSet<&'a str>,
    /// Where the area ends.
    pub(super) bottom: i32,
}

/// Between columns: room for an arrow with a word.
const BETWEEN: i32 = 72;
const COLUMNS: i32 = 4;
/// Between rows, and above and below a rule between them.
const ROWS: i32 = 44;

/// A pipeline with what it reads and runs.
struct Row<'a> {
    source: Content,
    source_id: Option<&'a str>,
    pipeline: &'a str,
    project: Option<&'a str>,
    rule: Option<&'a str>,
}

pub(super) fn draw<'a>(reader: &Reader<'a>, canvas: &mut Canvas) -> Drawn<'a> {
    let rows: Vec<Row<'a>> =
        reader.of("AWS::CodePipeline::Pipeline").map(|(id, it)| row(reader, id, &it.properties)).collect();
    let registry = reader.of("AWS::SageMaker::ModelPackageGroup").map(|(id, _)| id).next();
    let width = (WIDTH - 2 * PADDING - (COLUMNS - 1) * BETWEEN) / COLUMNS;
    let column = |index: i32| PADDING + index * (width + BETWEEN);
    let mut placed = BTreeSet::new();
    let mut y = HEADING + 4;
    let mut registry_at: Option<Rect> = None;

    for (index, row) in rows.iter().enumerate() {
        let pipeline = reader.content(row.pipeline);
        let project = row.project.map(|id| reader.content(id));
        let outcome = outcome(reader, registry, index, rows.len());
        let mut tallest = height(&row.source, width).max(height(&pipeline, width));
        tallest = project.iter().chain(&outcome).map(|it| height(it, width)).fold(tallest, i32::max);

        // What lies between this row and the one above.
        let mut rule_at = None;
        if let Some(rule) = row.rule.filter(|_| index > 0) {
            let content = reader.content(rule);
            let at = Rect { x: column(2), y, width, height: height(&content, width) };
            canvas.node(&content, at);
            placed.insert(rule);
            rule_at = Some((rule, at));
            y = at.bottom() + ROWS;
        }

        let cell = |index: i32| Rect { x: column(index), y, width, height: tallest };
        canvas.node(&row.source, cell(0));
        canvas.node(&pipeline, cell(1));
        placed.insert(row.pipeline);
        placed.extend(row.source_id);
        across(canvas, cell(0), cell(1), None);
        canvas.connect(&row.source.title, "is the source of", row.pipeline);
        if let (Some(id), Some(content)) = (row.project, &project) {
            canvas.node(content, cell(2));
            placed.insert(id);
            across(canvas, cell(1), cell(2), None);
            canvas.connect(row.pipeline, "runs", id);
        }
        if let Some(content) = &outcome {
            canvas.node(content, cell(3));
            let (word, how) =
                if index == 0 { ("registers", "registers models in") } else { ("deploys", "deploys to") };
            let named = |project: &str| index > 0 || registry.is_some_and(|it| reader.mentions(project, it));
            if let Some(project) = row.project.filter(|project| named(project)) {
                across(canvas, cell(2), cell(3), Some(word));
                canvas.connect(project, how, &content.title);
            }
            if index == 0 {
                placed.extend(registry);
                registry_at = registry.map(|_| cell(3));
            }
        }
        if let (Some(from), Some(registry)) = (registry_at.filter(|_| index > 0), registry) {
            let rule = rule_at.filter(|(rule, _)| reader.mentions(rule, registry));
            approvals(canvas, from, registry, rule, (row.pipeline, cell(1)));
            if let Some(project) = row.project.filter(|project| reader.mentions(project, registry)) {
                let (x, turn) = (from.center() + 34, y - ROWS / 2);
                let to = cell(2).center();
                let label = word(cell(3).x - BETWEEN / 2, turn - 6, "reads");
                canvas.line(&[(x, from.bottom()), (x, turn), (to, turn), (to, y)], Some(label));
                canvas.connect(registry, "is read by", project);
            }
        }
        y += tallest + ROWS;
    }
    let bottom = y - ROWS + PADDING;
    canvas.frame("Delivery", Rect { x: 0, y: 0, width: WIDTH, height: bottom }, false);
    Drawn { placed, bottom }
}

/// The approval event: from the registry through the rule to the pipeline.
fn approvals(
    canvas: &mut Canvas,
    registry_at: Rect,
    registry: &str,
    rule: Option<(&str, Rect)>,
    (pipeline, pipeline_at): (&str, Rect),
) {
    let Some((rule, at)) = rule else { return };
    let x = registry_at.center() - 34;
    let label = word(at.right() + BETWEEN / 2, at.middle() - 6, "approved");
    canvas.line(&[(x, registry_at.bottom()), (x, at.middle()), (at.right(), at.middle())], Some(label));
    canvas.connect(registry, "tells an approval to", rule);
    let x = pipeline_at.center();
    let label = word(at.x - BETWEEN / 2, at.middle() - 6, "starts");
    canvas.line(&[(at.x, at.middle()), (x, at.middle()), (x, pipeline_at.y)], Some(label));
    canvas.connect(rule, "starts", pipeline);
}

/// An arrow between neighbours of a row.
fn across(canvas: &mut Canvas, from: Rect, to: Rect, label: Option<&str>) {
    let y = from.middle();
    let label = label.map(|text| word(from.right() + BETWEEN / 2, y - 6, text));
    canvas.line(&[(from.right(), y), (to.x, y)], label);
}

/// A label, centred above its line.
fn word(x: i32, y: i32, text: &str) -> Text {
    Text { x, y, class: "label", words: text.to_owned() }
}

/// What stands at the end of a row: the registry at the first, what the builds deploy at the last.
fn outcome(reader: &Reader<'_>, registry: Option<&str>, index: usize, rows: usize) -> Option<Content> {
    match registry {
        Some(registry) if index == 0 => Some(reader.content(registry)),
        Some(_) if index + 1 == rows => Some(Content {
            id: String::new(),
            group: Group::Registry,
            kind: "SageMaker".to_owned(),
            title: "Models and endpoints".to_owned(),
            name: format!("{}*", reader.product.names.job_prefix()),
            details: vec!["made by the builds,".to_owned(), "not by this stack".to_owned()],
            marks: Vec::new(),
            outside: true,
        }),
        _ => None,
    }
}

fn row<'a>(reader: &Reader<'a>, pipeline: &'a str, properties: &'a Map) -> Row<'a> {
    let actions: Vec<&'a Map> =
        maps(properties.get("Stages")).flat_map(|stage| maps(stage.get("Actions"))).collect();
    let of = |category: &str| {
        actions.iter().copied().find(|action| {
            at(action, &["ActionTypeId", "Category"]).and_then(Value::as_str) == Some(category)
        })
    };
    let (source, source_id) = match of("Source") {
        Some(action) => source(reader, action),
        None => (outside("Source", String::new(), Vec::new()), None),
    };
    let project = of("Build").and_then(|action| reader.target(at(action, &["Configuration", "ProjectName"])));
    let rule = reader
        .of("AWS::Events::Rule")
        .find(|(_, rule)| {
            items(rule.properties.get("Targets")).iter().any(|target| match target {
                Value::Map(target) => reader.target(target.get("Arn")) == Some(pipeline),
                _ => false,
            })
        })
        .map(|(id, _)| id);
    Row { source, source_id, pipeline, project, rule }
}

/// The repository, or what is outside of the stack.
fn source<'a>(reader: &Reader<'a>, action: &'a Map) -> (Content, Option<&'a str>) {
    if let Some(id) = reader.target(at(action, &["Configuration", "RepositoryName"])) {
        let mut content = reader.content(id);
        if let Some(branch) = at(action, &["Configuration", "BranchName"]) {
            content.details.push(format!("branch {}", reader.resolver.text(branch)));
        }
        return (content, Some(id));
    }
    let text = |key| at(action, &["Configuration", key]).map(|value| reader.resolver.text(value));
    let provider = at(action, &["ActionTypeId", "Provider"]).map(|value| reader.resolver.text(value));
    let provider = provider.unwrap_or_else(|| "Source".to_owned());
    let content = match (text("S3Bucket"), text("S3ObjectKey")) {
        (Some(bucket), Some(key)) => {
            let file = key.rsplit('/').next().unwrap_or(&key).to_owned();
            let folder = key.strip_suffix(&file).unwrap_or_default();
            let details = vec![folder.to_owned(), "must exist before".to_owned()];
            let mut content = outside(&file, bucket, details);
            content.details.retain(|detail| !detail.is_empty());
            "S3 object".clone_into(&mut content.kind);
            content
        }
        _ => outside(&provider, String::new(), Vec::new()),
    };
    (content, None)
}

fn outside(title: &str, name: String, details: Vec<String>) -> Content {
    Content {
        id: String::new(),
        group: Group::Source,
        kind: "Source".to_owned(),
        title: title.to_owned(),
        name,
        details,
        marks: Vec::new(),
        outside: true,
    }
}
