//! The architecture diagram, drawn from the template: boxes for its resources, lines for its references.
//!
//! The layout is fixed lanes. On top the delivery, one row a pipeline: source, pipeline, build, and what comes of it.
//! Below it areas for what all of them share. Everything is in whole pixels, so the same template gives the same bytes.

mod areas;
mod canvas;
mod content;
mod fit;
mod flow;

use mlp_template::template::Template;

use super::resolve::Resolver;
use crate::product::Product;
use canvas::Canvas;
pub(super) use canvas::{Connection, Frame, Line, Node, class};
use content::Reader;

/// A finished drawing.
pub(super) struct Diagram {
    /// Of the view box.
    pub(super) width: i32,
    /// Of the view box.
    pub(super) height: i32,
    pub(super) frames: Vec<Frame>,
    pub(super) nodes: Vec<Node>,
    pub(super) lines: Vec<Line>,
    /// What the lines say, for those who can't see them.
    pub(super) connections: Vec<Connection>,
}

/// The width of the view box.
const WIDTH: i32 = 1160;
/// Between an area's frame and its boxes.
const PADDING: i32 = 16;
/// Between areas.
const GAP: i32 = 18;
/// The room for an area's heading.
const HEADING: i32 = 36;

pub(super) fn diagram(product: &Product, template: &Template, resolver: &Resolver<'_>) -> Diagram {
    let reader = Reader { product, template, resolver };
    let mut canvas = Canvas::default();
    let drawn = flow::draw(&reader, &mut canvas);
    let bottom = areas::draw(&reader, &drawn.placed, drawn.bottom, &mut canvas);
    let Canvas { frames, nodes, lines, connections } = canvas;
    Diagram { width: WIDTH, height: bottom, frames, nodes, lines, connections }
}
