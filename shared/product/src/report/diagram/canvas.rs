//! What a drawing is made of, in pixels of the view box.

use std::fmt::Write as _;

use super::content::Content;
use super::fit::Face;
use crate::product::Group;

/// A drawing under way.
#[derive(Default)]
pub(super) struct Canvas {
    pub(super) frames: Vec<Frame>,
    pub(super) nodes: Vec<Node>,
    pub(super) lines: Vec<Line>,
    pub(super) connections: Vec<Connection>,
}

/// The frame of an area.
pub(in crate::report) struct Frame {
    pub(in crate::report) at: Rect,
    pub(in crate::report) title: Text,
    /// Whether it stands for a network.
    pub(in crate::report) network: bool,
}

/// A box.
pub(in crate::report) struct Node {
    pub(in crate::report) at: Rect,
    pub(in crate::report) group: &'static str,
    pub(in crate::report) outside: bool,
    /// Everything uncut, as a tooltip.
    pub(in crate::report) tooltip: String,
    pub(in crate::report) texts: Vec<Text>,
    pub(in crate::report) marks: Vec<Mark>,
}

/// A line with an arrow at its end.
pub(in crate::report) struct Line {
    /// The `d` of an SVG path.
    pub(in crate::report) path: String,
    pub(in crate::report) label: Option<Text>,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::report) struct Connection {
    pub(in crate::report) from: String,
    pub(in crate::report) how: String,
    pub(in crate::report) to: String,
}

/// A short word in a frame of its own.
pub(in crate::report) struct Mark {
    pub(in crate::report) at: Rect,
    pub(in crate::report) text: Text,
}

/// A text at its baseline.
pub(in crate::report) struct Text {
    pub(in crate::report) x: i32,
    pub(in crate::report) y: i32,
    pub(in crate::report) class: &'static str,
    pub(in crate::report) words: String,
}

/// A rectangle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) struct Rect {
    pub(in crate::report) x: i32,
    pub(in crate::report) y: i32,
    pub(in crate::report) width: i32,
    pub(in crate::report) height: i32,
}

impl Rect {
    pub(super) fn right(self) -> i32 {
        self.x + self.width
    }

    pub(super) fn bottom(self) -> i32 {
        self.y + self.height
    }

    pub(super) fn middle(self) -> i32 {
        self.y + self.height / 2
    }

    pub(super) fn center(self) -> i32 {
        self.x + self.width / 2
    }
}

/// Left of the text in a box: the coloured edge and some room.
const INDENT: i32 = 15;
/// Right of it.
const MARGIN: i32 = 10;
const KIND_BASELINE: i32 = 20;
const TITLE_BASELINE: i32 = 39;
const LINE: i32 = 16;
const BELOW: i32 = 12;

/// A text in as many lines as it needs: a name such as a logical id breaks between its words, all else is cut.
fn broken(text: &str, face: Face, width: i32) -> Vec<String> {
    let inner = inner(width);
    if face.width(text) <= inner || !text.chars().all(|c| c.is_ascii_alphanumeric()) {
        return vec![face.fit(text, inner)];
    }
    let mut words: Vec<String> = Vec::new();
    let mut before = 'A';
    for c in text.chars() {
        match words.last_mut() {
            Some(word) if !c.is_ascii_uppercase() || before.is_ascii_uppercase() => word.push(c),
            _ => words.push(c.to_string()),
        }
        before = c;
    }
    face.lines(&words, "", inner)
}

/// How high a box of a width must be for its words.
pub(super) fn height(content: &Content, width: i32) -> i32 {
    let details: usize = content.details.iter().map(|it| broken(it, Face::Detail, width).len()).sum();
    let lines =
        broken(&content.title, Face::Title, width).len() + usize::from(!content.name.is_empty()) + details;
    TITLE_BASELINE - LINE + i32::try_from(lines).unwrap_or(1_000) * LINE + BELOW
}

/// The width that a text of a box can have.
pub(super) fn inner(width: i32) -> i32 {
    width - INDENT - MARGIN
}

impl Canvas {
    /// A box with the words that fit it.
    pub(super) fn node(&mut self, content: &Content, at: Rect) {
        let (x, inner) = (at.x + INDENT, inner(at.width));
        let mut marks = Vec::new();
        let mut right = at.right() - MARGIN + 2;
        for &mark in &content.marks {
            let width = Face::Kind.width(mark) + 10;
            right -= width;
            marks.push(Mark {
                at: Rect { x: right, y: at.y + 9, width, height: 15 },
                text: Text { x: right + width / 2, y: at.y + 20, class: "mark", words: mark.to_owned() },
            });
            right -= 5;
        }
        let kind = content.kind.to_uppercase();
        let room = if marks.is_empty() { inner } else { right - x };
        let mut texts =
            vec![Text { x, y: at.y + KIND_BASELINE, class: "kind", words: Face::Kind.fit(&kind, room) }];
        let mut y = at.y + TITLE_BASELINE - LINE;
        for text in broken(&content.title, Face::Title, at.width) {
            y += LINE;
            texts.push(Text { x, y, class: "title", words: text });
        }
        if !content.name.is_empty() {
            y += LINE;
            texts.push(Text { x, y, class: "name", words: Face::Name.fit(&content.name, inner) });
        }
        for text in content.details.iter().flat_map(|it| broken(it, Face::Detail, at.width)) {
            y += LINE;
            texts.push(Text { x, y, class: "detail", words: text });
        }
        let tooltip = [&content.kind, &content.title, &content.name]
            .into_iter()
            .chain(&content.details)
            .filter(|text| !text.is_empty())
            .cloned()
            .collect::<Vec<_>>()
            .join("\n");
        self.nodes.push(Node {
            at,
            group: class(content.group),
            outside: content.outside,
            tooltip,
            texts,
            marks,
        });
    }

    /// The frame of an area with its heading.
    pub(super) fn frame(&mut self, title: &str, at: Rect, network: bool) {
        let words = Face::Title.fit(title, at.width - 32);
        let title = Text { x: at.x + 16, y: at.y + 24, class: "heading", words };
        self.frames.push(Frame { at, title, network });
    }

    /// A line through points, the corners square.
    pub(super) fn line(&mut self, points: &[(i32, i32)], label: Option<Text>) {
        let mut path = String::new();
        for (index, (x, y)) in points.iter().enumerate() {
            let command = if index == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{command}{x} {y}");
        }
        self.lines.push(Line { path, label });
    }

    /// What a line says.
    pub(super) fn connect(&mut self, from: &str, how: &str, to: &str) {
        let connection = Connection { from: from.to_owned(), how: how.to_owned(), to: to.to_owned() };
        if !self.connections.contains(&connection) {
            self.connections.push(connection);
        }
    }
}

/// The class of a group's colour.
pub(in crate::report) fn class(group: Group) -> &'static str {
    match group {
        Group::Registry => "registry",
        Group::Source => "source",
        Group::Build => "build",
        Group::Pipelines => "pipelines",
        Group::Events => "events",
        Group::Permissions => "permissions",
        Group::Storage => "storage",
        Group::Encryption => "encryption",
        Group::Network => "network",
        Group::Monitoring => "monitoring",
        Group::Published => "published",
    }
}
