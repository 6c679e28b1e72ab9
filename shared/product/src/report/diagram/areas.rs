//! The areas below the delivery: what all of it shares.

use std::collections::BTreeSet;

use mlp_template::template::Value;

use super::canvas::{Canvas, Rect, height, inner};
use super::content::{Content, Reader};
use super::fit::Face;
use super::{GAP, HEADING, PADDING, WIDTH};
use crate::product::Group;
use crate::report::resolve::{maps, resource};

/// The width of a drawing in units; every area has a whole number of them.
const UNITS: i32 = 5;
/// Between boxes.
const BETWEEN: i32 = 14;
/// Between boxes that lines connect.
const BETWEEN_CONNECTED: i32 = 40;
/// More values than this get an area of the full width.
const FEW_VALUES: usize = 2;

/// An area before it has a place.
struct Area {
    title: String,
    group: Group,
    /// Boxes by column; boxes of one index in each column stand side by side.
    columns: Vec<Vec<Content>>,
    /// From box to box, with what it says; both by logical id.
    lines: Vec<(String, &'static str, String)>,
}

impl Area {
    fn units(&self) -> i32 {
        let columns = i32::try_from(self.columns.len()).unwrap_or(UNITS);
        match self.group {
            Group::Published if self.columns.iter().flatten().any(|it| it.details.len() > FEW_VALUES) => {
                UNITS
            }
            _ => {
                // A heading that is cut says less than a box that is wider than it must be.
                let titled = Face::Title.width(&self.title) + 2 * PADDING + GAP;
                columns.max(titled * UNITS / (WIDTH + GAP) + 1).clamp(1, UNITS)
            }
        }
    }

    fn between(&self) -> i32 {
        if self.lines.is_empty() { BETWEEN } else { BETWEEN_CONNECTED }
    }

    /// The width of each box, when the area has `width`.
    fn box_width(&self, width: i32) -> i32 {
        let columns = i32::try_from(self.columns.len()).unwrap_or(UNITS).max(1);
        (width - 2 * PADDING - (columns - 1) * self.between()) / columns
    }

    /// The height of each row of boxes.
    fn rows(&self, width: i32) -> Vec<i32> {
        let width = self.box_width(width);
        let rows = self.columns.iter().map(Vec::len).max().unwrap_or(0);
        (0..rows)
            .map(|row| {
                self.columns
                    .iter()
                    .filter_map(|column| column.get(row))
                    .map(|it| height(it, width))
                    .max()
                    .unwrap_or(0)
            })
            .collect()
    }
}

/// Draws every resource that has no box yet; answers where the drawing ends.
pub(super) fn draw(reader: &Reader<'_>, placed: &BTreeSet<&str>, top: i32, canvas: &mut Canvas) -> i32 {
    let mut waiting = areas(reader, placed);
    let mut bottom = top;
    while !waiting.is_empty() {
        // Fills a row with the first areas that fit.
        let mut free = UNITS;
        let (mut row, mut later) = (Vec::new(), Vec::new());
        for area in waiting {
            let units = area.units();
            if units <= free {
                free -= units;
                row.push((area, units));
            } else {
                later.push(area);
            }
        }
        if let Some((_, units)) = row.last_mut() {
            *units += free;
        }
        bottom = draw_row(row, bottom + GAP, canvas);
        waiting = later;
    }
    bottom
}

fn draw_row(row: Vec<(Area, i32)>, top: i32, canvas: &mut Canvas) -> i32 {
    let unit = |units: i32| (WIDTH + GAP) * units / UNITS;
    let mut start = 0;
    let mut prepared = Vec::new();
    for (mut area, units) in row {
        let (x, width) = (unit(start), unit(start + units) - unit(start) - GAP);
        start += units;
        if area.group == Group::Published {
            wrap(&mut area, width - 2 * PADDING);
        }
        prepared.push((area, x, width));
    }
    let content = |area: &Area, width: i32| {
        let rows = area.rows(width);
        let gaps = i32::try_from(rows.len()).unwrap_or(1).saturating_sub(1) * BETWEEN;
        rows.iter().sum::<i32>() + gaps
    };
    let tallest = prepared.iter().map(|(area, _, width)| content(area, *width)).max().unwrap_or(0);
    let height = HEADING + tallest + PADDING;
    for (area, x, width) in prepared {
        let at = Rect { x, y: top, width, height };
        canvas.frame(&area.title, at, area.group == Group::Network);
        fill(&area, at, canvas);
    }
    top + height
}

/// The boxes of an area, then its lines.
fn fill(area: &Area, at: Rect, canvas: &mut Canvas) {
    let between = area.between();
    let width = area.box_width(at.width);
    let heights = area.rows(at.width);
    let mut places: Vec<(&str, Rect)> = Vec::new();
    let mut x = at.x + PADDING;
    for column in &area.columns {
        let mut y = at.y + HEADING;
        for (content, &height) in column.iter().zip(&heights) {
            let place = Rect { x, y, width, height };
            canvas.node(content, place);
            places.push((&content.id, place));
            y += height + BETWEEN;
        }
        x += width + between;
    }
    let place = |id: &str| places.iter().find(|(other, _)| *other == id).map(|(_, place)| *place);
    for (from, how, to) in &area.lines {
        if let (Some(start), Some(end)) = (place(from), place(to)) {
            let turn = end.x - between / 2;
            let points = [
                (start.right(), start.middle()),
                (turn, start.middle()),
                (turn, end.middle()),
                (end.x, end.middle()),
            ];
            let straight = [(start.right(), start.middle()), (end.x, end.middle())];
            canvas.line(if start.middle() == end.middle() { &straight } else { &points }, None);
            canvas.connect(from, how, to);
        }
    }
}

fn areas(reader: &Reader<'_>, placed: &BTreeSet<&str>) -> Vec<Area> {
    let groups = [
        Group::Registry,
        Group::Source,
        Group::Build,
        Group::Pipelines,
        Group::Events,
        Group::Permissions,
        Group::Storage,
        Group::Encryption,
        Group::Network,
        Group::Monitoring,
        Group::Published,
    ];
    groups
        .into_iter()
        .filter_map(|group| {
            let ids: Vec<&str> = reader
                .template
                .resources
                .keys()
                .map(String::as_str)
                .filter(|id| reader.group(id) == group && !placed.contains(id))
                .collect();
            (!ids.is_empty()).then(|| area(reader, group, &ids))
        })
        .collect()
}

fn area(reader: &Reader<'_>, group: Group, ids: &[&str]) -> Area {
    let kind = |id: &str| reader.template.resources.get(id).map_or("", |it| it.kind.as_str());
    let contents = |kinds: &[&str]| -> Vec<Content> {
        ids.iter().filter(|id| kinds.contains(&kind(id))).map(|id| reader.content(id)).collect()
    };
    let plain = Area { title: group.title().to_owned(), group, columns: Vec::new(), lines: Vec::new() };
    match group {
        Group::Permissions => {
            let (roles, policies) = (contents(&["AWS::IAM::Role"]), contents(&["AWS::IAM::ManagedPolicy"]));
            let columns = roles.len().clamp(1, 3);
            let mut grid = vec![Vec::new(); columns];
            for contents in [roles, policies] {
                for (content, column) in contents.into_iter().zip((0..columns).cycle()) {
                    if let Some(column) = grid.get_mut(column) {
                        column.push(content);
                    }
                }
            }
            Area { columns: grid, ..plain }
        }
        Group::Network => {
            let vpc = reader.product.inputs.vpc.as_ref().map(|vpc| reader.resolver.text(&vpc.vpc_id));
            let title = match vpc {
                Some(vpc) if !vpc.starts_with("${") => format!("In the VPC {vpc}"),
                _ => "In the VPC that Parameter Store names".to_owned(),
            };
            let columns = ids.iter().map(|id| vec![reader.content(id)]).collect();
            Area { title, columns: in_columns(columns), ..plain }
        }
        Group::Monitoring => monitoring(reader, plain, ids),
        Group::Published => Area { columns: vec![vec![published(reader, ids)]], ..plain },
        Group::Encryption | Group::Storage => {
            Area { columns: vec![ids.iter().map(|id| reader.content(id)).collect()], ..plain }
        }
        _ => Area { columns: in_columns(ids.iter().map(|id| vec![reader.content(id)]).collect()), ..plain },
    }
}

/// At most as many columns as there are units.
fn in_columns(all: Vec<Vec<Content>>) -> Vec<Vec<Content>> {
    let most = usize::try_from(UNITS).unwrap_or(1);
    let mut columns: Vec<Vec<Content>> = vec![Vec::new(); all.len().min(most)];
    for (content, column) in all.into_iter().flatten().zip((0..columns.len()).cycle()) {
        if let Some(column) = columns.get_mut(column) {
            column.push(content);
        }
    }
    columns
}

/// Log group, filters, alarms, topic, subscription, from left to right.
fn monitoring(reader: &Reader<'_>, plain: Area, ids: &[&str]) -> Area {
    const STAGES: [&[&str]; 5] = [
        &["AWS::Logs::LogGroup"],
        &["AWS::Logs::MetricFilter"],
        &["AWS::CloudWatch::Alarm"],
        &["AWS::SNS::Topic"],
        &["AWS::SNS::Subscription"],
    ];
    let resource_of = |id: &str| reader.template.resources.get(id);
    let kind = |id: &str| resource_of(id).map_or("", |it| it.kind.as_str());
    let mut columns: Vec<Vec<Content>> = Vec::new();
    for kinds in STAGES {
        let column: Vec<Content> =
            ids.iter().filter(|id| kinds.contains(&kind(id))).map(|id| reader.content(id)).collect();
        if !column.is_empty() {
            columns.push(column);
        }
    }
    let others: Vec<Content> = ids
        .iter()
        .filter(|id| !STAGES.iter().any(|kinds| kinds.contains(&kind(id))))
        .map(|id| reader.content(id))
        .collect();
    match columns.first_mut() {
        Some(first) => first.extend(others),
        None => columns.push(others),
    }

    let mut lines = Vec::new();
    let mut add = |from: &str, how, to: &str| lines.push((from.to_owned(), how, to.to_owned()));
    let named = |value: Option<&Value>| value.and_then(|it| resource(it, reader.template)).map(str::to_owned);
    for id in ids {
        let Some(it) = resource_of(id) else { continue };
        let property = |name: &str| it.properties.get(name);
        match it.kind.as_str() {
            "AWS::Logs::MetricFilter" => {
                if let Some(group) = named(property("LogGroupName")) {
                    add(&group, "is counted by", id);
                }
                for alarm in ids.iter().filter(|other| reads(reader, other, id)) {
                    add(id, "feeds", alarm);
                }
            }
            "AWS::CloudWatch::Alarm" => {
                for action in crate::report::resolve::items(property("AlarmActions")) {
                    if let Some(topic) = named(Some(action)) {
                        add(id, "tells", &topic);
                    }
                }
            }
            "AWS::SNS::Subscription" => {
                if let Some(topic) = named(property("TopicArn")) {
                    add(&topic, "sends to", id);
                }
            }
            _ => {}
        }
    }
    Area { columns, lines, ..plain }
}

/// Whether an alarm reads the metric that a filter writes.
fn reads(reader: &Reader<'_>, alarm: &str, filter: &str) -> bool {
    let property = |id: &str, name: &str| reader.template.resources.get(id)?.properties.get(name);
    property(alarm, "AlarmActions").is_some()
        && maps(property(filter, "MetricTransformations")).any(|metric| {
            ["MetricName", "MetricNamespace"].into_iter().zip(["MetricName", "Namespace"]).all(
                |(written, read)| {
                    metric.get(written).is_some() && metric.get(written) == property(alarm, read)
                },
            )
        })
}

/// One box for all published values.
fn published(reader: &Reader<'_>, ids: &[&str]) -> Content {
    let leaf = |id: &str| {
        let name = reader.resolver.name(id).unwrap_or(id);
        name.rsplit('/').next().unwrap_or(name).to_owned()
    };
    Content {
        id: String::new(),
        group: Group::Published,
        kind: "SSM parameters".to_owned(),
        title: format!("{} value{}", ids.len(), if ids.len() == 1 { "" } else { "s" }),
        name: reader.product.names.ssm_path(""),
        details: ids.iter().map(|id| leaf(id)).collect(),
        marks: Vec::new(),
        outside: false,
    }
}

/// The values in as many lines as they need.
fn wrap(area: &mut Area, width: i32) {
    for content in area.columns.iter_mut().flatten() {
        content.details = Face::Detail.lines(&content.details, "  ·  ", inner(width));
    }
}
